//! The egress proxy of one command.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use okcvm_protocol::{Contact, ContactId, ContactOutcome, ItemId, NodeId, SessionId};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Host;

use crate::hosts::{Hosts, Refusal};
use crate::records::Records;
use crate::relay::{self, Meter};
use crate::request::{Kind, Request};

/// Longer than any head that a program sends.
const MAX_HEAD: usize = 64 * 1024;
/// Characters of a reason, parts of which the client wrote.
const LONGEST_REASON: usize = 300;

/// How much and how long one command may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at a time; more wait.
    pub connections: usize,
    /// Bytes in both directions, over all connections.
    pub bytes: u64,
    /// For the head of a request, for looking a name up, and for each try to connect.
    pub setting_up: Duration,
    /// In which nothing moves on a connection.
    pub idle: Duration,
    /// Of one connection.
    pub lifetime: Duration,
    /// Contacts that are recorded each by itself; what comes after them is counted.
    pub records: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 64,
            bytes: 4 << 30,
            setting_up: Duration::from_secs(15),
            idle: Duration::from_secs(120),
            lifetime: Duration::from_secs(3600),
            records: 1000,
        }
    }
}

/// Looks names up.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of a name.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// As the operating system does.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        // The dot keeps the search domains of the machine out of it.
        let absolute = if name == "localhost" { name.to_owned() } else { format!("{name}.") };
        Ok(tokio::net::lookup_host((absolute, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Takes the records of contacts.
pub trait ContactSink: Send + Sync {
    /// Takes one: of a contact that has ended, or, at the end of a command that made more than are recorded one by one, of
    /// all the others that ended alike. Must not block for long.
    fn contact(&self, contact: Contact);
}

/// For whom a proxy speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The session.
    pub session_id: SessionId,
    /// The node.
    pub node_id: Option<NodeId>,
    /// The tool call.
    pub item_id: ItemId,
}

/// A proxy for one command: HTTP/1.1 with `CONNECT` and whole addresses.
pub struct Proxy {
    /// Whom it may speak to.
    pub hosts: Hosts,
    /// For whom.
    pub origin: Origin,
    /// How names are looked up.
    pub resolver: Arc<dyn Resolver>,
    /// Who is told.
    pub sink: Arc<dyn ContactSink>,
    /// Unix milliseconds.
    pub clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// How much.
    pub bounds: Bounds,
}

/// Why a request was not answered by who was asked.
enum Failure {
    Refused(String),
    Failed(String),
    /// It was connected, and the connection was cut.
    Broke(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(format!("{refusal}."))
    }
}

impl Proxy {
    /// Serves until it is cancelled; then every connection is cut and recorded.
    pub async fn serve(self, listener: TcpListener, cancel: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.bounds.connections));
        let budget = Arc::new(AtomicU64::new(self.bounds.bytes));
        let records = Arc::new(Records::new(Arc::clone(&self.sink), self.bounds.records));
        let proxy = Arc::new(self);
        let mut serving = JoinSet::new();
        loop {
            let place = tokio::select! {
                () = cancel.cancelled() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let Ok(place) = place else { break };
            let client = tokio::select! {
                () = cancel.cancelled() => break,
                client = listener.accept() => client,
            };
            while serving.try_join_next().is_some() {}
            match client {
                Ok((client, _)) => {
                    let (proxy, budget, cancel) = (Arc::clone(&proxy), Arc::clone(&budget), cancel.clone());
                    let records = Arc::clone(&records);
                    serving.spawn(async move {
                        proxy.answer(client, &budget, &records, &cancel).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection to the proxy broke off");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        while serving.join_next().await.is_some() {}
    }

    async fn answer(
        &self,
        mut client: TcpStream,
        budget: &AtomicU64,
        records: &Records,
        cancel: &CancellationToken,
    ) {
        let read = tokio::time::timeout(self.bounds.setting_up, read_head(&mut client));
        let (head, early) = tokio::select! {
            () = cancel.cancelled() => return,
            read = read => match read {
                Ok(Ok(Some(read))) => read,
                Ok(Ok(None) | Err(_)) | Err(_) => return,
            },
        };
        let request = match Request::parse(&head) {
            Ok(request) => request,
            Err(problem) => return self.refuse(&mut client, "400 Bad Request", &problem, cancel).await,
        };
        let host = match &request.host {
            Host::Domain(name) => name.trim_end_matches('.').to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let port = request.port;
        let started_at = (self.clock)();
        let meter = Meter::new(budget);
        let spoken = tokio::select! {
            // Connections that are kept for later end like this.
            () = cancel.cancelled() => Ok(()),
            spoken = self.speak(&mut client, request, &host, &early, &meter) => spoken,
        };
        let (outcome, reason) = match spoken {
            Ok(()) => (ContactOutcome::Allowed, None),
            Err(Failure::Refused(reason)) => {
                self.refuse(&mut client, "403 Forbidden", &reason, cancel).await;
                (ContactOutcome::Refused, Some(reason))
            }
            Err(Failure::Failed(reason)) => (ContactOutcome::Failed, Some(reason)),
            Err(Failure::Broke(reason)) => (ContactOutcome::Allowed, Some(reason)),
        };
        records.take(Contact {
            id: ContactId::new(),
            session_id: self.origin.session_id.clone(),
            node_id: self.origin.node_id.clone(),
            item_id: self.origin.item_id.clone(),
            host,
            port,
            outcome,
            reason: reason.map(short),
            sent: meter.sent.load(Ordering::Relaxed),
            received: meter.received.load(Ordering::Relaxed),
            started_at,
            ended_at: (self.clock)(),
            others: None,
        });
    }

    /// Says why not, unless all ends meanwhile.
    async fn refuse(&self, client: &mut TcpStream, status: &str, reason: &str, cancel: &CancellationToken) {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = refuse(client, status, reason, self.bounds.setting_up) => {}
        }
    }

    async fn speak(
        &self,
        client: &mut TcpStream,
        request: Request,
        host: &str,
        early: &[u8],
        meter: &Meter<'_>,
    ) -> Result<(), Failure> {
        self.hosts.check_host(&request.host, request.port)?;
        let addresses = self.addresses(&request, host).await;
        let server = match addresses {
            Ok(addresses) => self.dial(host, &addresses, request.port).await,
            Err(failure) => Err(failure),
        };
        let mut server = match server {
            Ok(server) => server,
            Err(Failure::Failed(reason)) => {
                refuse(client, "502 Bad Gateway", &reason, self.bounds.setting_up).await;
                return Err(Failure::Failed(reason));
            }
            Err(other @ (Failure::Refused(_) | Failure::Broke(_))) => return Err(other),
        };
        let broke = |error: io::Error| Failure::Broke(error.to_string());
        let (mut from_server, mut to_server) = server.split();
        let moving = async {
            match request.kind {
                Kind::Tunnel => {
                    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
                    let (mut from_client, mut to_client) = client.split();
                    let mut early = early;
                    let up = async {
                        // What came together with the head belongs to the tunnel.
                        if !early.is_empty() {
                            relay::piece(&mut early, &mut to_server, meter).await?;
                        }
                        relay::stream(&mut from_client, &mut to_server, meter, &meter.sent).await
                    };
                    let down = relay::stream(&mut from_server, &mut to_client, meter, &meter.received);
                    tokio::try_join!(up, down).map(drop)
                }
                Kind::Forward { head, body } => {
                    let (mut from_client, mut to_client) = client.split();
                    let up = relay::request(&head, body, early, &mut from_client, &mut to_server, meter);
                    let down = relay::stream(&mut from_server, &mut to_client, meter, &meter.received);
                    tokio::pin!(down);
                    tokio::select! {
                        // An answer may be complete before the request is.
                        ended = &mut down => ended,
                        sent = up => match sent {
                            Ok(()) => down.await,
                            Err(error) => Err(error),
                        },
                    }
                }
            }
        };
        tokio::select! {
            moved = moving => moved.map_err(broke),
            error = meter.too_long(self.bounds.idle, self.bounds.lifetime) => Err(broke(error)),
        }
    }

    /// The addresses of a host, all of which were looked at. One that is not allowed refuses all: a name that leads to
    /// both a public and a private address is an attempt.
    async fn addresses(&self, request: &Request, host: &str) -> Result<Vec<IpAddr>, Failure> {
        let addresses = match &request.host {
            Host::Ipv4(address) => vec![IpAddr::from(*address)],
            Host::Ipv6(address) => vec![IpAddr::from(*address)],
            Host::Domain(_) => {
                match tokio::time::timeout(self.bounds.setting_up, self.resolver.resolve(host)).await {
                    Ok(Ok(addresses)) if !addresses.is_empty() => addresses,
                    Ok(Ok(_)) => return Err(Failure::Failed(format!("{host} has no address."))),
                    Ok(Err(error)) => {
                        return Err(Failure::Failed(format!("{host} could not be looked up: {error}.")));
                    }
                    Err(_) => return Err(Failure::Failed(format!("looking {host} up took too long."))),
                }
            }
        };
        for address in &addresses {
            self.hosts.check_address(host, *address, request.port)?;
        }
        Ok(addresses)
    }

    async fn dial(&self, host: &str, addresses: &[IpAddr], port: u16) -> Result<TcpStream, Failure> {
        let mut last = String::new();
        for address in addresses {
            let address = SocketAddr::new(*address, port);
            match tokio::time::timeout(self.bounds.setting_up, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = error.to_string(),
                Err(_) => "it took too long".clone_into(&mut last),
            }
        }
        Err(Failure::Failed(format!("{host}:{port} could not be reached: {last}.")))
    }
}

/// The head without its empty line, and what came with it. `None`: the client left. Must be bounded in time.
async fn read_head(client: &mut TcpStream) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let from = bytes.len().saturating_sub(3);
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
        if let Some(at) = bytes[from..].windows(4).position(|window| window == b"\r\n\r\n") {
            let early = bytes.split_off(from + at + 4);
            bytes.truncate(from + at);
            return Ok(Some((bytes, early)));
        }
        if bytes.len() > MAX_HEAD {
            let reason = "the head of the request is too long";
            refuse(client, "431 Request Header Fields Too Large", reason, Duration::MAX).await;
            return Ok(None);
        }
    }
}

fn short(reason: String) -> String {
    if reason.chars().nth(LONGEST_REASON).is_none() {
        return reason;
    }
    let mut short: String = reason.chars().take(LONGEST_REASON - 1).collect();
    short.push('…');
    short
}

/// Says why not, for no longer than `most`. The client may have left, or read nothing.
async fn refuse(client: &mut (impl AsyncWrite + Unpin), status: &str, reason: &str, most: Duration) {
    let reason = short(reason.to_owned());
    let text = format!("okcvm: {reason}\n");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         X-Okcvm-Reason: {}\r\nConnection: close\r\n\r\n{text}",
        text.len(),
        reason.replace(|character: char| !character.is_ascii() || character.is_ascii_control(), "?"),
    );
    let saying = async {
        client.write_all(answer.as_bytes()).await?;
        client.shutdown().await
    };
    let _ = tokio::time::timeout(most, saying).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_reads_nothing_holds_nobody_up() {
        let (mut near, _far) = tokio::io::duplex(16);
        let saying = refuse(&mut near, "403 Forbidden", "no", Duration::from_millis(50));
        tokio::time::timeout(Duration::from_secs(5), saying).await.expect("it ends");
    }

    #[tokio::test]
    async fn an_answer_is_short_whatever_its_reason() {
        let (mut near, mut far) = tokio::io::duplex(1 << 20);
        refuse(&mut near, "403 Forbidden", &"é".repeat(60_000), Duration::from_secs(5)).await;
        drop(near);
        let mut answer = String::new();
        far.read_to_string(&mut answer).await.expect("text");
        assert!(answer.len() < 1500 && answer.ends_with("é…\n"), "{}", answer.len());
        assert_eq!(short("é".repeat(LONGEST_REASON)).chars().count(), LONGEST_REASON);
        assert_eq!(short("é".repeat(LONGEST_REASON + 1)).chars().count(), LONGEST_REASON);
    }
}
