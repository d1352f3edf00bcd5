use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use tempfile::TempDir;

use super::*;

const ID: &str = "0199c0de-aaaa-7bbb-8ccc-0123456789ab";

fn serve_folder(folder: &Path) -> DeploymentServer {
    let folder = folder.to_owned();
    DeploymentServer::start(None, Arc::new(move |id| (id == ID).then(|| folder.clone()))).unwrap()
}

fn connect(server: &DeploymentServer) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// What comes back for a request, head and body, until the server closes.
fn send(server: &DeploymentServer, request: &str) -> (String, Vec<u8>) {
    let mut stream = connect(server);
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let body = bytes.split_off(end);
    (String::from_utf8(bytes).unwrap().to_ascii_lowercase(), body)
}

fn ask(server: &DeploymentServer, method: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
    let host = format!("{ID}.localhost:{}", server.port());
    send(server, &format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"))
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn site() -> TempDir {
    let folder = TempDir::new().unwrap();
    let site = folder.path().join("site");
    fs::create_dir_all(site.join("目录")).unwrap();
    fs::write(site.join("index.html"), "<link href=/app.css>").unwrap();
    fs::write(site.join("app.css"), "a{}").unwrap();
    fs::write(site.join("empty.txt"), "").unwrap();
    fs::write(site.join("目录/index.html"), "字").unwrap();
    fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    std::os::unix::fs::symlink("../secret.txt", site.join("link.txt")).unwrap();
    folder
}

#[test]
fn a_site_is_served_as_it_is() {
    let folder = site();
    let server = serve_folder(&folder.path().join("site"));
    assert_eq!(server.url(ID), format!("http://{ID}.localhost:{}/", server.port()));
    let (head, body) = ask(&server, "GET", "/", "");
    assert_eq!((status(&head), body.as_slice()), (200, b"<link href=/app.css>".as_slice()));
    for line in [
        "content-type: text/html; charset=utf-8\r\n",
        "content-length: 20\r\n",
        "x-content-type-options: nosniff\r\n",
        "content-security-policy: frame-ancestors 'none'\r\n",
        "cross-origin-resource-policy: same-origin\r\n",
    ] {
        assert!(head.contains(line), "{head}");
    }
    assert_eq!(ask(&server, "GET", "/app.css?v=1", "").1, b"a{}");
    assert_eq!(ask(&server, "GET", "/%E7%9B%AE%E5%BD%95/", "").1, "字".as_bytes());
    let (head, body) = ask(&server, "GET", "/empty.txt", "");
    assert!(head.contains("content-length: 0\r\n") && body.is_empty(), "{head}");
    let (head, _) = ask(&server, "GET", "/%E7%9B%AE%E5%BD%95", "");
    assert_eq!(status(&head), 301);
    assert!(head.contains("location: /%e7%9b%ae%e5%bd%95/\r\n"), "{head}");
    let (head, _) = ask(&server, "GET", "//%E7%9B%AE%E5%BD%95", "");
    assert!(head.contains("location: /%e7%9b%ae%e5%bd%95/\r\n"), "{head}");
}

#[test]
fn only_reading_is_possible() {
    let folder = site();
    let server = serve_folder(&folder.path().join("site"));
    let (head, body) = ask(&server, "HEAD", "/app.css", "");
    assert!(status(&head) == 200 && head.contains("content-length: 3\r\n") && body.is_empty(), "{head}");
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let (head, _) = ask(&server, method, "/", "Content-Length: 0\r\n");
        assert!(status(&head) == 405 && head.contains("allow: get, head\r\n"), "{head}");
    }
}

#[test]
fn nothing_leads_out_of_the_site() {
    let folder = site();
    let server = serve_folder(&folder.path().join("site"));
    for path in
        ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt", "/none", "/a%00"]
    {
        let (head, body) = ask(&server, "GET", path, "");
        assert_eq!(status(&head), 404, "{path}");
        assert!(!String::from_utf8_lossy(&body).contains("secret\n"));
        assert!(head.contains("content-security-policy: frame-ancestors 'none'\r\n"), "{head}");
    }
    let (head, body) = ask(&server, "GET", "/link.txt", "");
    assert!(status(&head) == 403 && body != b"secret", "{head}");
}

#[test]
fn other_hosts_get_nothing() {
    let folder = site();
    let server = serve_folder(&folder.path().join("site"));
    let port = server.port();
    let get = |hosts: &str| {
        status(&send(&server, &format!("GET / HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")).0)
    };
    assert_eq!(get(&format!("Host: {ID}.localhost:{port}\r\n")), 200);
    assert_eq!(get(&format!("Host: {ID}.localhost\r\n")), 200);
    assert_eq!(get(&format!("Host: {}.LOCALHOST:{port}\r\n", ID.to_ascii_uppercase())), 200);
    for host in [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!(".localhost:{port}"),
        format!("{ID}.localhost:{}", port.wrapping_add(1)),
        format!("{ID}.localhost:"),
        format!("{ID}.localhost.evil.example:{port}"),
        format!("{ID}.evil.example:{port}"),
        format!("x.{ID}.localhost:{port}"),
        "evil.example".to_owned(),
    ] {
        assert_eq!(get(&format!("Host: {host}\r\n")), 421, "{host}");
    }
    assert_eq!(get(""), 421);
    assert_eq!(get(&format!("Host: {ID}.localhost:{port}\r\nHost: evil.example\r\n")), 421);
    assert_eq!(get(&format!("Host: 0199c0de-0000-7000-8000-000000000000.localhost:{port}\r\n")), 404);
    let absolute = format!(
        "GET http://evil.example/ HTTP/1.1\r\nHost: {ID}.localhost:{port}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(status(&send(&server, &absolute).0), 421);
}

#[test]
fn parts_and_large_files_are_streamed() {
    let folder = site();
    let large: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    fs::write(folder.path().join("site/film.mp4"), &large).unwrap();
    let server = serve_folder(&folder.path().join("site"));
    let (head, body) = ask(&server, "GET", "/film.mp4", "");
    assert!(
        head.contains("content-length: 3000000\r\n") && head.contains("accept-ranges: bytes\r\n"),
        "{head}"
    );
    assert!(body == large);
    let (head, body) = ask(&server, "GET", "/film.mp4", "Range: bytes=1000000-2000000\r\n");
    assert!(
        status(&head) == 206 && head.contains("content-range: bytes 1000000-2000000/3000000\r\n"),
        "{head}"
    );
    assert!(body == large[1_000_000..=2_000_000]);
    let (head, _) = ask(&server, "GET", "/film.mp4", "Range: bytes=3000000-\r\n");
    assert!(status(&head) == 416 && head.contains("content-range: bytes */3000000\r\n"), "{head}");
}

#[test]
fn a_connection_serves_several_requests() {
    let folder = site();
    let server = serve_folder(&folder.path().join("site"));
    let mut stream = connect(&server);
    for _ in 0..3 {
        let request = format!("GET /app.css HTTP/1.1\r\nHost: {ID}.localhost:{}\r\n\r\n", server.port());
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\na{}") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            bytes.push(byte[0]);
        }
    }
}

#[test]
fn a_taken_port_is_named() {
    let folder = site();
    let server = serve_folder(folder.path());
    let port = server.port();
    let error = DeploymentServer::start(Some(port), Arc::new(|_| None)).unwrap_err();
    assert!(matches!(error, PreviewError::PortTaken { port: taken } if taken == port));
    assert!(error.to_app_error().message.contains(&port.to_string()));
}

#[test]
fn it_ends_when_it_is_dropped_and_can_start_again_on_its_port() {
    let folder = site();
    fs::File::create(folder.path().join("site/film.mp4")).unwrap().set_len(50_000_000).unwrap();
    let server = serve_folder(&folder.path().join("site"));
    let port = server.port();
    let mut idle = connect(&server);
    // Asks and never reads, so that an answer is under way.
    let mut stuck = connect(&server);
    stuck
        .write_all(format!("GET /film.mp4 HTTP/1.1\r\nHost: {ID}.localhost:{port}\r\n\r\n").as_bytes())
        .unwrap();
    let mut first = [0; 15];
    stuck.read_exact(&mut first).unwrap();
    let began = Instant::now();
    drop(server);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(idle.read(&mut first).unwrap(), 0);
    drop((idle, stuck));
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    let again = DeploymentServer::start(Some(port), Arc::new(|_| None)).unwrap();
    assert_eq!(again.port(), port);
}

#[test]
fn it_starts_within_a_runtime_too() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let folder = site();
        let server = serve_folder(&folder.path().join("site"));
        let answer = tokio::task::spawn_blocking(move || ask(&server, "GET", "/", "").0).await.unwrap();
        assert_eq!(status(&answer), 200);
    });
}
