//! A command that is given a way out: it reaches the proxy on its own loopback, and nothing else.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use okcvm_sandbox::{Egress, Outcome, SandboxError, Tier};
use tokio_util::sync::CancellationToken;

use crate::trial::{Ran, Trial, marker, runtime};

/// Answers at the way out with a word, and counts.
fn way_out(count: &Arc<AtomicUsize>) -> Egress {
    let count = Arc::clone(count);
    Egress(Arc::new(move |listener: TcpListener| {
        let count = Arc::clone(&count);
        listener.set_nonblocking(false).expect("mode");
        std::thread::spawn(move || {
            // Ends with the process of the test.
            for mut client in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 512];
                let _ = client.read(&mut request);
                let _ = client
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nproxy");
            }
        });
    }))
}

fn run(trial: &Trial, script: &str, count: &Arc<AtomicUsize>) -> Ran {
    let mut command = trial.command(script);
    command.egress = Some(way_out(count));
    trial.run_command(command)
}

#[test]
fn programs_find_the_proxy() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let count = Arc::new(AtomicUsize::new(0));
    let ran = run(
        &trial,
        "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://somewhere.example/\").read().decode())'; \
         env | grep -ci _proxy=http://127.0.0.1:3128",
        &count,
    );
    assert_eq!((ran.exit.outcome, ran.text().as_str()), (Outcome::Exited(0), "proxy\n6\n"));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn nothing_but_the_proxy_is_reached() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let tcp = TcpListener::bind("127.0.0.1:0").expect("listener");
    let port = tcp.local_addr().expect("address").port();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("socket");
    let udp_port = udp.local_addr().expect("address").port();
    let name = format!("okcvm-test-{}", marker());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).expect("address");
    let local = UnixListener::bind_addr(&address).expect("listener");
    let code = format!(
        r"
import socket
def attempt(name, f):
    try:
        f(); print('reached', name)
    except OSError: pass
for host in ('127.0.0.1', '127.0.0.2', '0.0.0.0'):
    attempt('tcp', lambda: socket.create_connection((host, {port}), 2))
attempt('tcp6', lambda: socket.create_connection(('::ffff:127.0.0.1', {port}), 2))
attempt('mptcp', lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(('127.0.0.1', {port})))
attempt('fast open', lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).sendto(b'x', 0x20000000, ('127.0.0.1', {port})))
# Sent into its own network, where nobody listens.
attempt('away', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 9)))
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {udp_port}))
attempt('unix', lambda: socket.socket(socket.AF_UNIX).connect('\0{name}'))
for family, kind in [(16, 3), (17, 3), (2, 3), (10, 3), (38, 5), (40, 1), (31, 3), (44, 3), (1, 2)]:
    attempt('family %d' % family, lambda: socket.socket(family, kind))
server = socket.create_server(('127.0.0.1', 0))
client = socket.create_connection(server.getsockname(), 2)
print('own', server.accept()[0].getsockname()[0])
"
    );
    std::fs::write(trial.workspace.join("trial.py"), code).expect("script");
    let count = Arc::new(AtomicUsize::new(0));
    let ran = run(&trial, "python3 trial.py 2>&1", &count);
    assert_eq!((ran.exit.outcome, ran.text().as_str()), (Outcome::Exited(0), "own 127.0.0.1\n"));
    for quiet in [tcp.set_nonblocking(true), udp.set_nonblocking(true), local.set_nonblocking(true)] {
        quiet.expect("mode");
    }
    assert!(tcp.accept().is_err() && local.accept().is_err() && udp.recv(&mut [0; 8]).is_err());
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn two_commands_have_two_networks() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let count = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let script = "python3 -c 'import socket; socket.create_server((\"127.0.0.1\", 4000)); print(1)'";
        assert_eq!(run(&trial, script, &count).text(), "1\n");
    }
    // Without one, there is not even a socket.
    assert_eq!(
        trial.python("import socket\ntry: socket.socket()\nexcept OSError: print('none')").text(),
        "none\n"
    );
}

#[test]
fn the_reduced_tier_gives_no_network() {
    let Some(trial) = Trial::new(Tier::Reduced) else { return };
    let count = Arc::new(AtomicUsize::new(0));
    let mut command = trial.command("echo x > made");
    command.egress = Some(way_out(&count));
    let error = runtime().block_on(async {
        let (sender, _receiver) = tokio::sync::mpsc::channel(1);
        trial.sandbox.run(command, sender, &CancellationToken::new()).await
    });
    assert!(matches!(error, Err(SandboxError::Refused(_))), "{error:?}");
    assert!(!trial.workspace.join("made").exists());
}
