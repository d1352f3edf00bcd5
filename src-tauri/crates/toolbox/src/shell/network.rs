//! The way out of a command's network, where the session allows one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use okcvm_network::{Bounds, ContactSink, Hosts, Origin, Proxy, SystemResolver};
use okcvm_protocol::{AppError, ApprovalAction, ContactOutcome, NetworkPolicy, SessionId};
use okcvm_sandbox::{Egress, Sandbox, Tier};
use okcvm_tools::{Spares, ToolContext, ToolSink, Touches};
use tokio_util::sync::CancellationToken;

/// How long a proxy that is to close may take; none needs so long. A result waits for it.
const CLOSING: Duration = Duration::from_secs(5);
/// What of a proxy that did not close may have been read, for people.
const NOT_RECORDED: &str = "a host that could not be recorded";

/// Whom sessions may speak to, and where their contacts are kept.
pub trait SessionNetwork: ContactSink {
    /// The policy of a session, as it is now.
    fn policy(&self, session: &SessionId) -> Result<NetworkPolicy, AppError>;
}

/// What a call with that code touches: the world as well, where the session allows hosts or the boundary does not keep
/// code from it.
pub(crate) fn touches(
    network: Option<&Arc<dyn SessionNetwork>>,
    sandbox: &Sandbox,
    session: &SessionId,
    code: String,
) -> Touches {
    let spares = match sandbox.tier() {
        Some(Tier::Full) => Spares::All,
        Some(Tier::Reduced) | None => Spares::These(Vec::new()),
    };
    let touches = Touches::code(code).sparing(spares);
    if !sandbox.holds_network() {
        return touches.doing(ApprovalAction::Send);
    }
    match network.map_or(Ok(NetworkPolicy::Off), |network| network.policy(session)) {
        Ok(NetworkPolicy::Off) => touches,
        Ok(NetworkPolicy::Hosts { .. } | NetworkPolicy::Open) | Err(_) => {
            touches.agreed(ApprovalAction::Send)
        }
    }
}

/// The proxy of one call.
pub struct Door {
    /// For what is run by the call.
    pub egress: Egress,
    /// For its environment.
    pub env: Vec<(String, String)>,
    cancel: CancellationToken,
    serving: Arc<Mutex<Option<tokio::task::JoinHandle<()>>>>,
    told: Arc<Told>,
}

impl Door {
    /// The way out that the session allows; `Ok(None)` if none. An error is a remark: the call then runs without.
    pub fn open(
        network: &Arc<dyn SessionNetwork>,
        sandbox: &Sandbox,
        context: &ToolContext,
    ) -> Result<Option<Self>, String> {
        let policy = network.policy(&context.session_id).map_err(|error| error.to_string())?;
        let Some(hosts) = Hosts::of(&policy).map_err(|error| error.to_string())? else { return Ok(None) };
        sandbox.can_have_network()?;
        let mut env = Vec::new();
        if !hosts.lists_loopback() {
            // Servers that the command starts itself are not behind the proxy.
            for name in ["no_proxy", "NO_PROXY"] {
                env.push((name.to_owned(), "localhost,127.0.0.1,::1".to_owned()));
            }
        }
        let told = Arc::new(Told {
            network: Arc::clone(network),
            call: Arc::clone(&context.sink),
            named: matches!(policy, NetworkPolicy::Hosts { .. }),
        });
        let proxy = Proxy {
            hosts,
            origin: Origin {
                session_id: context.session_id.clone(),
                node_id: context.node_id.clone(),
                item_id: context.item_id.clone(),
            },
            resolver: Arc::new(SystemResolver),
            sink: Arc::<Told>::clone(&told),
            clock: Arc::new(now),
            bounds: Bounds::default(),
        };
        let cancel = CancellationToken::new();
        let serving = Arc::new(Mutex::new(None));
        let waiting = Mutex::new(Some((proxy, cancel.clone())));
        let handle = Arc::clone(&serving);
        let egress = Egress(Arc::new(move |listener| {
            let Some((proxy, cancel)) = waiting.lock().unwrap_or_else(PoisonError::into_inner).take() else {
                return;
            };
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    let task = tokio::spawn(proxy.serve(listener, cancel));
                    *handle.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
                }
                Err(error) => tracing::error!(%error, "the proxy of a command could not be started"),
            }
        }));
        Ok(Some(Self { egress, env, cancel, serving, told }))
    }

    /// Closes it, and waits until every contact is recorded; a proxy that does not come to an end is cut off.
    pub async fn close(self) {
        self.close_within(CLOSING).await;
    }

    async fn close_within(self, most: Duration) {
        self.cancel.cancel();
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut serving) = serving else { return };
        match tokio::time::timeout(most, &mut serving).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the proxy of a command broke down");
                self.told.lost();
            }
            Err(_) => {
                tracing::error!("the proxy of a command did not close and is cut off");
                serving.abort();
                self.told.lost();
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

struct Told {
    network: Arc<dyn SessionNetwork>,
    call: Arc<dyn ToolSink>,
    /// The person named the hosts, and so trusts what they say.
    named: bool,
}

impl Told {
    /// Contacts may be missing: whom the call has heard is not known.
    fn lost(&self) {
        if !self.named {
            self.call.read_untrusted(NOT_RECORDED);
        }
    }
}

impl ContactSink for Told {
    fn contact(&self, contact: okcvm_protocol::Contact) {
        if !self.named && contact.outcome == ContactOutcome::Allowed {
            self.call.read_untrusted(&contact.host);
        }
        self.network.contact(contact);
    }
}

fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use okcvm_protocol::Contact;
    use okcvm_tools::ToolProgress;

    use super::*;

    struct Nobody;

    impl ContactSink for Nobody {
        fn contact(&self, _contact: Contact) {}
    }

    impl SessionNetwork for Nobody {
        fn policy(&self, _session: &SessionId) -> Result<NetworkPolicy, AppError> {
            Ok(NetworkPolicy::Open)
        }
    }

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl ToolSink for Heard {
        fn progress(&self, _progress: ToolProgress) {}

        fn read_untrusted(&self, source: &str) {
            self.0.lock().unwrap().push(source.to_owned());
        }
    }

    /// A door whose proxy is that task.
    fn door(serving: tokio::task::JoinHandle<()>, named: bool) -> (Door, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        let told = Told { network: Arc::new(Nobody), call: Arc::<Heard>::clone(&heard), named };
        let door = Door {
            egress: Egress(Arc::new(drop)),
            env: Vec::new(),
            cancel: CancellationToken::new(),
            serving: Arc::new(Mutex::new(Some(serving))),
            told: Arc::new(told),
        };
        (door, heard)
    }

    #[tokio::test]
    async fn a_proxy_that_does_not_close_holds_no_result_up_and_counts_as_read() {
        for (named, told) in [(false, vec![NOT_RECORDED.to_owned()]), (true, Vec::new())] {
            let (ended, was_ended) = tokio::sync::oneshot::channel::<()>();
            let stuck = tokio::spawn(async move {
                let _held = ended;
                std::future::pending::<()>().await;
            });
            let (door, heard) = door(stuck, named);
            let closing = door.close_within(Duration::from_millis(50));
            tokio::time::timeout(Duration::from_secs(10), closing).await.expect("it closes");
            assert_eq!(*heard.0.lock().unwrap(), told);
            // What it held is let go.
            tokio::time::timeout(Duration::from_secs(10), was_ended).await.expect("cut off").unwrap_err();
        }
    }

    #[tokio::test]
    async fn a_proxy_that_closes_leaves_nothing_unknown() {
        let (door, heard) = door(tokio::spawn(async {}), false);
        door.close().await;
        assert_eq!(*heard.0.lock().unwrap(), [""; 0]);
    }
}
