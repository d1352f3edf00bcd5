//! The way out of a command's network, where the session allows one.

use std::sync::{Arc, Mutex, PoisonError};

use okcvm_network::{Bounds, ContactSink, Hosts, Origin, Proxy, SystemResolver};
use okcvm_protocol::{AppError, ApprovalAction, ContactOutcome, NetworkPolicy, SessionId};
use okcvm_sandbox::{Egress, Sandbox};
use okcvm_tools::{ToolContext, ToolSink, Touches};
use tokio_util::sync::CancellationToken;

/// Whom sessions may speak to, and where their contacts are kept.
pub trait SessionNetwork: ContactSink {
    /// The policy of a session, as it is now.
    fn policy(&self, session: &SessionId) -> Result<NetworkPolicy, AppError>;
}

/// What a call with that code touches: the world as well, where the session allows hosts.
pub(crate) fn touches(
    network: Option<&Arc<dyn SessionNetwork>>,
    session: &SessionId,
    code: String,
) -> Touches {
    let touches = Touches::code(code);
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
        let proxy = Proxy {
            hosts,
            origin: Origin {
                session_id: context.session_id.clone(),
                node_id: context.node_id.clone(),
                item_id: context.item_id.clone(),
            },
            resolver: Arc::new(SystemResolver),
            sink: Arc::new(Told {
                network: Arc::clone(network),
                call: Arc::clone(&context.sink),
                named: matches!(policy, NetworkPolicy::Hosts { .. }),
            }),
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
        Ok(Some(Self { egress, env, cancel, serving }))
    }

    /// Closes it, and waits until every contact is recorded.
    pub async fn close(self) {
        self.cancel.cancel();
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(serving) = serving {
            // A proxy that broke down has told nobody anything.
            let _ = serving.await;
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
