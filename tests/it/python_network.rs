//! A kernel and the network of its session: what may be reached is reached through the app's proxy, in the name of the
//! call; packages are installed for the session alone; and the list of what runs knows the kernel.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use okcvm_protocol::{
    CommandHandler, ContactOutcome, Empty, NetworkPolicy, NetworkSetParams, ProcessParams, SessionId,
    SessionParams,
};

use crate::desk::Desk;
use crate::python_kernel::{gone, marker, processes};
use crate::python_tool::{call, desk, words};

/// A package index with one package.
struct Index {
    port: u16,
    /// The paths that were asked for.
    asked: Arc<Mutex<Vec<String>>>,
}

const WHEEL: &str = "okcvm_probe-1.0-py3-none-any.whl";

impl Index {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join(WHEEL);
        let code = "import sys, zipfile\n\
             with zipfile.ZipFile(sys.argv[1], 'w') as z:\n\
             \x20   info = 'okcvm_probe-1.0.dist-info/'\n\
             \x20   z.writestr('okcvm_probe.py', 'answer = 42\\n')\n\
             \x20   z.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: okcvm-probe\\nVersion: 1.0\\n')\n\
             \x20   z.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
             \x20   z.writestr(info + 'RECORD', 'okcvm_probe.py,,\\n' + info + 'METADATA,,\\n' + info + 'WHEEL,,\\n')\n";
        let made = std::process::Command::new("python3").args(["-c", code]).arg(&wheel).status().unwrap();
        assert!(made.success());
        let wheel = std::fs::read(&wheel).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (heard, wheel) = (Arc::clone(&heard), wheel.clone());
                std::thread::spawn(move || answer(client, &heard, &wheel));
            }
        });
        Self { port, asked }
    }

    fn install(&self) -> String {
        format!("!pip install --index-url http://127.0.0.1:{}/simple okcvm-probe", self.port)
    }
}

fn answer(mut client: TcpStream, heard: &Mutex<Vec<String>>, wheel: &[u8]) {
    let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let path = first.split_whitespace().nth(1).unwrap_or_default().to_owned();
    heard.lock().unwrap().push(path.clone());
    let link = format!("<!DOCTYPE html><html><body><a href=\"/files/{WHEEL}\">{WHEEL}</a></body></html>");
    let (status, kind, body) = if path.ends_with(WHEEL) {
        ("200 OK", "application/octet-stream", wheel)
    } else if path.ends_with("/simple/okcvm-probe/") {
        ("200 OK", "text/html", link.as_bytes())
    } else {
        ("404 Not Found", "text/plain", "no".as_bytes())
    };
    let start = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = client.write_all(&[start.as_bytes(), body].concat());
}

async fn allow(desk: &Desk, session: &SessionId, port: u16) {
    let policy = NetworkPolicy::Hosts { hosts: vec![format!("127.0.0.1:{port}")] };
    desk.host.network_set(NetworkSetParams { session_id: session.clone(), policy }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_come_through_the_proxy_for_the_session_alone() {
    let (desk, session) = desk().await;
    let (index, other) = (Index::start(), Index::start());
    allow(&desk, &session, index.port).await;
    let (installed, _) = call(&desk, &session, &index.install()).await;
    assert!(words(&installed).contains("Successfully installed okcvm-probe-1.0"), "{}", words(&installed));
    assert!(!words(&installed).contains("network is off"), "{}", words(&installed));
    let (answer, _) = call(&desk, &session, "import okcvm_probe\nokcvm_probe.answer").await;
    assert_eq!(words(&answer), "42\n");

    let (refused, _) = call(&desk, &session, &other.install()).await;
    assert!(!words(&refused).contains("Successfully"), "{}", words(&refused));
    assert_eq!(other.asked.lock().unwrap().as_slice(), [""; 0]);
    let listed =
        desk.host.contact_list(SessionParams { session_id: session.clone() }).await.unwrap().contacts;
    let of = |port: u16| listed.iter().filter(move |contact| contact.port == port).collect::<Vec<_>>();
    assert!(!of(index.port).is_empty() && !of(other.port).is_empty(), "{listed:?}");
    assert!(of(index.port).iter().all(|contact| contact.outcome == ContactOutcome::Allowed), "{listed:?}");
    assert!(of(other.port).iter().all(|contact| contact.outcome != ContactOutcome::Allowed), "{listed:?}");
    // Each in the name of the call that made it.
    assert_ne!(of(index.port)[0].item_id, of(other.port)[0].item_id);

    // Taken back, the same kernel reaches nobody, and is told so at once.
    let off = NetworkSetParams { session_id: session.clone(), policy: NetworkPolicy::Off };
    desk.host.network_set(off).await.unwrap();
    let before = index.asked.lock().unwrap().len();
    let ask =
        format!("import urllib.request as u\nu.urlopen('http://127.0.0.1:{}/', timeout=20)", index.port);
    let (cut, _) = call(&desk, &session, &ask).await;
    assert!(cut.is_error, "{}", words(&cut));
    assert_eq!(index.asked.lock().unwrap().len(), before);

    let stranger = desk.session().await;
    let (missing, _) = call(&desk, &stranger, "import okcvm_probe").await;
    assert!(words(&missing).contains("ModuleNotFoundError"), "{}", words(&missing));
    desk.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_from_before_the_network_was_allowed_says_that_it_needs_a_restart() {
    let (desk, session) = desk().await;
    let index = Index::start();
    call(&desk, &session, "x = 1").await;
    allow(&desk, &session, index.port).await;
    let (result, _) = call(&desk, &session, &index.install()).await;
    assert!(words(&result).contains("`restart: true`"), "{}", words(&result));
    assert_eq!(index.asked.lock().unwrap().as_slice(), [""; 0]);
    desk.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_is_in_the_list_of_what_runs_and_is_ended_from_there() {
    let (desk, session) = desk().await;
    let marker = marker();
    let code = format!("import subprocess\nsubprocess.Popen(['sleep', '{marker}'], start_new_session=True)");
    call(&desk, &session, &code).await;
    let listed = desk.host.process_list(Empty {}).await.unwrap().processes;
    let [kernel] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((kernel.title.as_str(), &kernel.owner.session_id), ("Python", &session));
    assert!(
        kernel.owner.item_id.is_none() && kernel.processes >= 4 && kernel.memory > 10_000_000,
        "{kernel:?}"
    );
    desk.host.process_end(ProcessParams { process_id: kernel.id.clone() }).await.unwrap();
    gone(&marker).await;
    // A call that meets it while it ends is told so instead.
    while !desk.host.process_list(Empty {}).await.unwrap().processes.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let (next, _) = call(&desk, &session, "1 + 1").await;
    assert!(
        words(&next).starts_with("2\n") && words(&next).contains("the user ended it"),
        "{}",
        words(&next)
    );
    assert_eq!(processes(&marker), 0);
    desk.host.shut_down().await;
}
