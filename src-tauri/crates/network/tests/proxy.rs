//! The proxy with real sockets on loopback; names are looked up by the test.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use okcvm_network::{Bounds, ContactSink, Hosts, Origin, Proxy, Resolver};
use okcvm_protocol::{Contact, ContactOutcome, ItemId, NetworkPolicy, SessionId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

#[derive(Default)]
struct Contacts(Mutex<Vec<Contact>>);

impl ContactSink for Contacts {
    fn contact(&self, contact: Contact) {
        self.0.lock().unwrap().push(contact);
    }
}

/// Each look-up of a name gives its next answer, and the last one from then on.
#[derive(Default)]
struct Names {
    answers: HashMap<&'static str, Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let answers = self.answers.get(name).ok_or_else(|| io::Error::other("no such name"))?;
        Ok(answers[asked.min(answers.len() - 1)].clone())
    }
}

struct Desk {
    port: u16,
    contacts: Arc<Contacts>,
    names: Arc<Names>,
    cancel: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

impl Desk {
    async fn new(policy: NetworkPolicy, names: &[(&'static str, &[&[&str]])], bounds: Bounds) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let contacts = Arc::new(Contacts::default());
        let answers = names
            .iter()
            .map(|(name, answers)| {
                let read = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
                (*name, answers.iter().map(read).collect())
            })
            .collect();
        let names = Arc::new(Names { answers, asked: AtomicUsize::new(0) });
        let proxy = Proxy {
            hosts: Hosts::of(&policy).unwrap().unwrap(),
            origin: Origin { session_id: SessionId::new(), node_id: None, item_id: ItemId::new() },
            resolver: Arc::<Names>::clone(&names),
            sink: Arc::<Contacts>::clone(&contacts),
            clock: Arc::new(|| 7),
            bounds,
        };
        let cancel = CancellationToken::new();
        let serving = tokio::spawn(proxy.serve(listener, cancel.clone()));
        Self { port, contacts, names, cancel, serving }
    }

    async fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        let _ = read.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn end(self) -> Vec<Contact> {
        self.cancel.cancel();
        self.serving.await.unwrap();
        self.contacts.0.lock().unwrap().clone()
    }
}

fn listed(hosts: &[String]) -> NetworkPolicy {
    NetworkPolicy::Hosts { hosts: hosts.to_vec() }
}

/// Answers every connection with what it got until the end of its head, and three letters.
async fn echo() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut got = Vec::new();
                while !got.windows(4).any(|window| window == b"\r\n\r\n") {
                    if stream.read_buf(&mut got).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                let _ = stream.try_read_buf(&mut got);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await;
                let _ = stream.write_all(&got).await;
            });
        }
    });
    (port, count)
}

#[tokio::test]
async fn a_listed_server_is_reached_and_counted() {
    let (port, _) = echo().await;
    let desk = Desk::new(listed(&[format!("127.0.0.1:{port}")]), &[], Bounds::default()).await;
    let answer = desk
        .ask(&format!("GET http://127.0.0.1:{port}/page?q HTTP/1.1\r\nHost: other\r\nA: b\r\n\r\n"))
        .await;
    let head = format!("GET /page?q HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nA: b\r\nConnection: close\r\n\r\n");
    assert_eq!(answer, format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{head}"));
    let answer = desk.ask(&format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\nhello\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("hello\r\n\r\n"), "{answer}");
    let contacts = desk.end().await;
    let told: Vec<_> =
        contacts.iter().map(|contact| (contact.host.as_str(), contact.port, contact.outcome)).collect();
    assert_eq!(told, [("127.0.0.1", port, ContactOutcome::Allowed); 2]);
    assert_eq!(contacts[0].sent, head.len() as u64);
    assert_eq!(contacts[1].sent, 9);
    assert_eq!(
        contacts[1].received,
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello\r\n\r\n".len() as u64
    );
}

#[tokio::test]
async fn what_is_not_listed_is_refused_and_recorded() {
    let (port, reached) = echo().await;
    let names: &[(&str, &[&[&str]])] = &[("evil.example", &[&["127.0.0.1"]])];
    for policy in [
        NetworkPolicy::Open,
        listed(&["example.com".into(), "evil.example".into(), format!("evil.example:{port}")]),
    ] {
        let desk = Desk::new(policy.clone(), names, Bounds::default()).await;
        for host in [
            "127.0.0.1",
            "localhost",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "0.0.0.0",
            "169.254.169.254",
            "evil.example",
            "evil.example.",
            "127.0.0.1.",
            "１２７.0.0.1",
        ] {
            for request in [
                format!("GET http://{host}:{port}/ HTTP/1.1\r\n\r\n"),
                format!("CONNECT {host}:{port} HTTP/1.1\r\n\r\n"),
            ] {
                let answer = desk.ask(&request).await;
                assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{policy:?} {request}: {answer}");
                assert!(answer.contains("okcvm: "), "{answer}");
            }
        }
        let contacts = desk.end().await;
        assert_eq!(contacts.len(), 32);
        assert!(contacts.iter().all(|contact| contact.outcome == ContactOutcome::Refused
            && contact.reason.is_some()
            && (contact.sent, contact.received) == (0, 0)));
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_a_moment_later_leads_nowhere() {
    let (port, reached) = echo().await;
    // The first answer is looked at and dialled; it is a public address that answers to nobody here.
    let names: &[(&str, &[&[&str]])] = &[("rebound.example", &[&["192.0.2.1"], &["127.0.0.1"]])];
    let bounds = Bounds { setting_up: Duration::from_millis(300), ..Bounds::default() };
    let policy = listed(&[format!("rebound.example:{port}"), "192.0.2.0/24".into()]);
    let desk = Desk::new(policy, names, bounds).await;
    let answer = desk.ask(&format!("GET http://rebound.example:{port}/ HTTP/1.1\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert_eq!(desk.names.asked.load(Ordering::SeqCst), 1);
    let answer = desk.ask(&format!("GET http://rebound.example:{port}/ HTTP/1.1\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    let outcomes: Vec<_> = desk.end().await.iter().map(|contact| contact.outcome).collect();
    assert_eq!(outcomes, [ContactOutcome::Failed, ContactOutcome::Refused]);
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn one_private_answer_refuses_all() {
    let (port, reached) = echo().await;
    let names: &[(&str, &[&[&str]])] = &[("mixed.example", &[&["93.184.216.34", "127.0.0.1"]])];
    let desk = Desk::new(listed(&[format!("mixed.example:{port}")]), names, Bounds::default()).await;
    let answer = desk.ask(&format!("CONNECT mixed.example:{port} HTTP/1.1\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(desk.end().await.len(), 1);
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nothing_behind_a_request_is_passed_on() {
    let (port, _) = echo().await;
    let desk = Desk::new(listed(&[format!("127.0.0.1:{port}")]), &[], Bounds::default()).await;
    let answer = desk
        .ask(&format!(
            "GET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: other.example\r\n\r\n"
        ))
        .await;
    assert!(!answer.contains("other.example"), "{answer}");
    drop(desk.end().await);
}

#[tokio::test]
async fn wrong_requests_get_an_answer() {
    let desk = Desk::new(NetworkPolicy::Open, &[], Bounds::default()).await;
    for request in ["GET / HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n", "\r\n\r\n", "CONNECT :1 HTTP/1.1\r\n\r\n"] {
        assert!(desk.ask(request).await.starts_with("HTTP/1.1 400"), "{request}");
    }
    let long = format!("GET http://example.com/{} HTTP/1.1\r\n", "x".repeat(70_000));
    assert!(desk.ask(&long).await.starts_with("HTTP/1.1 431"));
    assert_eq!(desk.end().await, []);
}

#[tokio::test]
async fn what_a_client_writes_does_not_swell_records_and_answers() {
    let label = format!("{}.", "x".repeat(60));
    let desk = Desk::new(listed(&["example.com".into()]), &[], Bounds::default()).await;
    let (long, longest) = (label.repeat(900), label.repeat(4) + "com");
    for request in [
        format!("GET http://{long}/ HTTP/1.1\r\n\r\n"),
        format!("CONNECT {long}:443 HTTP/1.1\r\n\r\n"),
        format!("GET / {long}\r\n\r\n"),
        format!("GET {}://x/ HTTP/1.1\r\n\r\n", "x".repeat(60_000)),
    ] {
        let answer = desk.ask(&request).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.len() < 1500, "{}", answer.len());
    }
    let answer = desk.ask(&format!("CONNECT {longest}:443 HTTP/1.1\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.len() < 1500, "{answer}");
    let contacts = desk.end().await;
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0].host, longest);
    let reason = contacts[0].reason.as_ref().unwrap();
    assert!(reason.chars().count() == 300 && reason.ends_with('…'), "{reason}");
}

#[tokio::test]
async fn bytes_and_time_are_bounded() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let flood = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move { while stream.write_all(&[b'x'; 4096]).await.is_ok() {} });
        }
    });
    let policy = || listed(&[format!("127.0.0.1:{port}")]);
    let request = format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n");
    let desk = Desk::new(policy(), &[], Bounds { bytes: 100_000, ..Bounds::default() }).await;
    let answer = desk.ask(&request).await;
    assert!(answer.len() < 200_000, "{}", answer.len());
    let contacts = desk.end().await;
    assert_eq!(contacts[0].outcome, ContactOutcome::Allowed);
    assert!(contacts[0].reason.as_ref().unwrap().contains("as many bytes"));

    let desk =
        Desk::new(policy(), &[], Bounds { lifetime: Duration::from_millis(200), ..Bounds::default() }).await;
    desk.ask(&request).await;
    assert!(desk.end().await[0].reason.as_ref().unwrap().contains("as long as it may"));
    flood.abort();

    let quiet = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = quiet.local_addr().unwrap().port();
    let bounds = Bounds { idle: Duration::from_millis(200), ..Bounds::default() };
    let desk = Desk::new(listed(&[format!("127.0.0.1:{port}")]), &[], bounds).await;
    desk.ask(&format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n")).await;
    assert!(desk.end().await[0].reason.as_ref().unwrap().contains("nothing was said"));
}

#[tokio::test]
async fn contacts_beyond_so_many_are_counted_and_told_as_one_for_each_outcome() {
    let (port, _) = echo().await;
    let bounds = Bounds { records: 3, ..Bounds::default() };
    let desk = Desk::new(listed(&[format!("127.0.0.1:{port}")]), &[], bounds).await;
    let allowed = format!("GET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n");
    for host in ["a", "b", "c", "d", "e"] {
        let answer = desk.ask(&format!("CONNECT {host}.example:443 HTTP/1.1\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    }
    for _ in 0..3 {
        assert!(desk.ask(&allowed).await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(desk.contacts.0.lock().unwrap().len(), 3, "the others are not told one by one");
    let contacts = desk.end().await;
    let told: Vec<_> = contacts.iter().map(|one| (one.host.as_str(), one.outcome, one.others)).collect();
    assert_eq!(
        told,
        [
            ("a.example", ContactOutcome::Refused, None),
            ("b.example", ContactOutcome::Refused, None),
            ("c.example", ContactOutcome::Refused, None),
            ("e.example", ContactOutcome::Refused, Some(1)),
            ("127.0.0.1", ContactOutcome::Allowed, Some(2)),
        ]
    );
    let head = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    assert_eq!(contacts[4].sent, 3 * head.len() as u64, "all of their bytes are counted");
}

#[tokio::test]
async fn what_was_counted_is_told_also_if_the_proxy_is_cut_off() {
    let bounds = Bounds { records: 0, ..Bounds::default() };
    let desk = Desk::new(listed(&["example.com".into()]), &[], bounds).await;
    for _ in 0..2 {
        desk.ask("CONNECT other.example:443 HTTP/1.1\r\n\r\n").await;
    }
    desk.serving.abort();
    assert!(desk.serving.await.unwrap_err().is_cancelled());
    let told = desk.contacts.0.lock().unwrap().clone();
    assert_eq!(told.iter().map(|one| one.others).collect::<Vec<_>>(), [Some(1)]);
}
