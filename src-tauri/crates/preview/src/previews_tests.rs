use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const BASE: &str = "preview://localhost/";

struct Stage {
    folder: TempDir,
    workspace: Workspace,
    previews: Previews,
}

impl Stage {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let workspace = Workspace::create(&folder.path().join("workspace")).unwrap();
        Self { folder, workspace, previews: Previews::new(BASE.to_owned()) }
    }

    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        put(&self.workspace.root().join(path), bytes);
    }

    fn folder(&self, path: &str) -> PreviewHandle {
        let path = WorkspacePath::parse(path).unwrap();
        self.previews.open(PreviewTarget::Folder { workspace: self.workspace.clone(), path }).unwrap()
    }

    fn file(&self, path: &str) -> PreviewHandle {
        let path = WorkspacePath::parse(path).unwrap();
        self.previews.open(PreviewTarget::File { workspace: self.workspace.clone(), path }).unwrap()
    }

    fn ask(&self, method: Method, address: &str, headers: &[(&str, &str)]) -> Response<Vec<u8>> {
        let mut request = Request::builder().method(method).uri(address);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.previews.respond(&request.body(()).unwrap())
    }

    fn get(&self, address: &str) -> Response<Vec<u8>> {
        self.ask(Method::GET, address, &[])
    }

    /// Status and body of a path below a preview.
    fn below(&self, handle: &PreviewHandle, path: &str) -> (u16, String) {
        let response = self.get(&format!("{BASE}{}/{path}", handle.token));
        (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
    }
}

fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn header<'a>(response: &'a Response<Vec<u8>>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_site_is_served_below_its_token() {
    let stage = Stage::new();
    stage.put("site/index.html", "<!doctype html><title>x</title><a href=/b.css>");
    stage.put("site/b.css", "a{background:url(/c.png)}");
    stage.put("site/页 面/字.txt", "字");
    stage.put("site/empty.js", "");
    let handle = stage.folder("site");
    assert_eq!(handle.token.len(), 32);
    assert!(handle.token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(handle.url, format!("{BASE}{}/", handle.token));

    let page = stage.get(&handle.url);
    assert_eq!((page.status(), header(&page, "content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    let text = String::from_utf8(page.body().clone()).unwrap();
    assert!(text.starts_with("<!doctype html><script>"), "{text}");
    assert!(text.contains(&format!("var SITE = '{}';", handle.url)));
    assert!(!text.contains("__"), "every place of the script is filled in");
    assert!(text.ends_with(&format!("</script><title>x</title><a href=/{}/b.css>", handle.token)));
    assert_eq!(header(&page, "content-length"), page.body().len().to_string());

    let token = &handle.token;
    assert_eq!(stage.below(&handle, "b.css?v=1"), (200, format!("a{{background:url(/{token}/c.png)}}")));
    assert_eq!(stage.below(&handle, "%E9%A1%B5%20%E9%9D%A2/%E5%AD%97.txt"), (200, "字".to_owned()));
    assert_eq!(stage.below(&handle, "empty.js"), (200, String::new()));
}

#[test]
fn files_are_read_at_each_request() {
    let stage = Stage::new();
    let handle = stage.folder("site");
    assert_eq!(stage.below(&handle, "a.txt").0, 404);
    stage.put("site/a.txt", "one");
    assert_eq!(stage.below(&handle, "a.txt").1, "one");
    fs::remove_dir_all(stage.workspace.root().join("site")).unwrap();
    stage.put("site/a.txt", "two");
    assert_eq!(stage.below(&handle, "a.txt").1, "two");
}

#[test]
fn every_answer_carries_the_policy_of_its_token() {
    let stage = Stage::new();
    stage.put("site/index.html", "<p>");
    stage.put("site/a.png", b"\x89PNG");
    let handle = stage.folder("site");
    let site = format!("{BASE}{}/", handle.token);
    let expected = format!(
        "default-src 'none'; script-src {site} 'unsafe-inline'; style-src {site} 'unsafe-inline'; img-src {site} data: blob:; \
         font-src {site} data:; media-src {site} data: blob:; connect-src {site}; worker-src 'none'; frame-src 'none'; \
         object-src 'none'; form-action 'none'; base-uri 'none'; sandbox allow-scripts"
    );
    let responses = [
        (stage.get(&site), 200),
        (stage.get(&format!("{site}a.png")), 200),
        (stage.ask(Method::HEAD, &format!("{site}a.png"), &[]), 200),
        (stage.ask(Method::OPTIONS, &format!("{site}a.png"), &[]), 204),
        (stage.ask(Method::GET, &format!("{site}a.png"), &[("range", "bytes=0-1")]), 206),
        (stage.ask(Method::GET, &format!("{site}a.png"), &[("range", "bytes=9-")]), 416),
        (stage.get(&format!("{site}none")), 404),
        (stage.ask(Method::POST, &site, &[]), 405),
        (stage.get(site.trim_end_matches('/')), 200),
    ];
    for (response, status) in &responses {
        assert_eq!(response.status().as_u16(), *status);
        assert_eq!(header(response, "content-security-policy"), expected);
    }
    for response in responses.iter().map(|(response, _)| response).chain([&stage.get("preview://localhost/")])
    {
        assert_eq!(header(response, "access-control-allow-origin"), "*");
        assert_eq!(header(response, "x-content-type-options"), "nosniff");
        assert_eq!(header(response, "referrer-policy"), "no-referrer");
        assert_eq!(header(response, "cache-control"), "no-store");
        assert_eq!(header(response, "cross-origin-resource-policy"), "cross-origin");
    }
}

#[test]
fn an_unknown_or_closed_token_leads_to_nothing() {
    let stage = Stage::new();
    stage.put("site/index.html", "secret");
    let handle = stage.folder("site");
    let other = stage.folder("site");
    assert_ne!(handle.token, other.token);
    stage.previews.close(&handle.token);
    stage.previews.close(&handle.token);
    for address in [
        handle.url.as_str(),
        &format!("{BASE}{}/index.html", "0".repeat(32)),
        &format!("{BASE}index.html"),
        BASE,
        &format!("{BASE}%2e%2e/{}/", other.token),
        &format!("{BASE}/{}/", other.token),
    ] {
        let response = stage.get(address);
        let text = String::from_utf8(response.body().clone()).unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{address}");
        assert!(
            text.contains("This preview is closed")
                && text.contains("此预览已关闭")
                && !text.contains("secret")
        );
        assert!(header(&response, "content-security-policy").starts_with("default-src 'none';"));
        assert!(header(&response, "content-security-policy").ends_with("sandbox"));
    }
    assert_eq!(stage.get(&other.url).status(), StatusCode::OK);
}

#[test]
fn nothing_leads_out_of_the_site() {
    let stage = Stage::new();
    stage.put("site/index.html", "<p>");
    stage.put("site/in.txt", "inside");
    stage.put("other.txt", "secret");
    put(&stage.folder.path().join("outside.txt"), "secret");
    let site = stage.workspace.root().join("site");
    symlink(stage.folder.path().join("outside.txt"), site.join("outside.txt")).unwrap();
    symlink(stage.folder.path(), site.join("up")).unwrap();
    symlink("../other.txt", site.join("other.txt")).unwrap();
    symlink("in.txt", site.join("link.txt")).unwrap();
    let handle = stage.folder("site");
    for (path, status) in [
        ("../other.txt", 404),
        ("%2e%2e/other.txt", 404),
        ("..%2fother.txt", 404),
        ("%2e%2e%2fother.txt", 404),
        ("%2E%2E%5Cother.txt", 404),
        ("a/%2e%2e/%2e%2e/other.txt", 404),
        ("./../other.txt", 404),
        ("in.txt%00", 404),
        ("%ff", 404),
        ("%252e%252e%252fother.txt", 404),
        ("/etc/hostname", 404),
        ("outside.txt", 403),
        ("up/outside.txt", 403),
        ("up/workspace/other.txt", 403),
        ("other.txt", 403),
    ] {
        let (answered, text) = stage.below(&handle, path);
        assert_eq!(answered, status, "{path}");
        assert!(!text.contains("secret"), "{path}");
    }
    assert_eq!(stage.below(&handle, "link.txt"), (200, "inside".to_owned()));
}

#[test]
fn a_file_shows_itself_and_a_page_its_folder() {
    let stage = Stage::new();
    stage.put("a/照片 1.png", b"\x89PNG");
    stage.put("a/page.html", "<img src='照片 1.png'>");
    stage.put("secret.txt", "secret");
    let picture = stage.file("a/照片 1.png");
    assert_eq!(picture.url, format!("{BASE}{}/%E7%85%A7%E7%89%87%201.png", picture.token));
    assert_eq!(stage.get(&picture.url).status(), StatusCode::OK);
    for path in ["", "page.html", "../secret.txt", "%E7%85%A7%E7%89%87%201.png/"] {
        assert_eq!(stage.below(&picture, path).0, 404, "{path}");
    }
    let page = stage.file("a/page.html");
    assert_eq!(stage.get(&page.url).status(), StatusCode::OK);
    assert_eq!(stage.below(&page, "%E7%85%A7%E7%89%87%201.png").0, 200);
    assert_eq!(stage.below(&page, "secret.txt").0, 404);
    let path = WorkspacePath::root();
    let refused = stage.previews.open(PreviewTarget::File { workspace: stage.workspace.clone(), path });
    assert!(matches!(refused, Err(PreviewError::Target { .. })));
}

#[test]
fn a_folder_of_the_app_is_served_too() {
    let stage = Stage::new();
    let dir = stage.folder.path().join("deployment");
    put(&dir.join("index.html"), "<p>one");
    let handle = stage.previews.open(PreviewTarget::Directory { dir }).unwrap();
    assert!(stage.below(&handle, "").1.ends_with("<p>one"));
    let missing = stage.previews.open(PreviewTarget::Directory { dir: stage.folder.path().join("none") });
    assert!(matches!(missing, Err(PreviewError::Target { .. })));
}

#[test]
fn folders_lead_to_their_index() {
    let stage = Stage::new();
    stage.put("docs/index.html", "<p>docs");
    fs::create_dir(stage.workspace.root().join("empty")).unwrap();
    let handle = stage.folder("");
    assert!(stage.below(&handle, "docs/").1.ends_with("<p>docs"));
    let (status, text) = stage.below(&handle, "docs");
    let address = format!("{BASE}{}/docs/", handle.token);
    assert_eq!(status, 200);
    assert!(text.contains(&format!("content=\"0; url={address}\"")), "{text}");
    let (status, text) = stage.below(&handle, "empty/");
    assert_eq!(status, 404);
    assert!(text.contains("There is no index.html in this folder"), "{text}");
    assert_eq!(stage.below(&handle, "docs/index.html/").0, 404);
    assert_eq!(stage.below(&handle, "none/").0, 404);
}

#[test]
fn parts_of_files_are_served() {
    let stage = Stage::new();
    stage.put("a.bin", b"0123456789");
    stage.put("empty.bin", b"");
    stage.put("page.html", "<p>");
    let handle = stage.folder("");
    let address = |path: &str| format!("{BASE}{}/{path}", handle.token);
    let part = |range: &str| stage.ask(Method::GET, &address("a.bin"), &[("range", range)]);

    let response = part("bytes=2-4");
    assert_eq!((response.status().as_u16(), response.body().as_slice()), (206, b"234".as_slice()));
    assert_eq!(header(&response, "content-range"), "bytes 2-4/10");
    assert_eq!(part("bytes=-3").body(), b"789");
    assert_eq!(part("bytes=8-").body(), b"89");
    let beyond = part("bytes=10-");
    assert_eq!((beyond.status().as_u16(), header(&beyond, "content-range")), (416, "bytes */10"));
    assert_eq!(part("bytes=0-1,3-4").body(), b"0123456789");
    let conditional = [("range", "bytes=0-1"), ("if-range", "\"x\"")];
    assert_eq!(stage.ask(Method::GET, &address("a.bin"), &conditional).status(), StatusCode::OK);
    let empty = stage.ask(Method::GET, &address("empty.bin"), &[("range", "bytes=0-")]);
    assert_eq!(empty.status().as_u16(), 416);
    // A page is rewritten, so a part of its file is not a part of it.
    assert_eq!(
        stage.ask(Method::GET, &address("page.html"), &[("range", "bytes=0-1")]).status(),
        StatusCode::OK
    );

    let head = stage.ask(Method::HEAD, &address("a.bin"), &[]);
    assert_eq!((header(&head, "content-length"), head.body().len()), ("10", 0));
}

#[test]
fn a_large_file_is_served_in_parts_only() {
    let stage = Stage::new();
    let file = fs::File::create(stage.workspace.root().join("film.mp4")).unwrap();
    file.set_len(MAX_WHOLE + 10).unwrap();
    let handle = stage.folder("");
    let address = format!("{BASE}{}/film.mp4", handle.token);
    let whole = stage.get(&address);
    assert_eq!((whole.status().as_u16(), header(&whole, "accept-ranges")), (413, "bytes"));
    assert!(whole.body().len() < 4096);
    let part = stage.ask(Method::GET, &address, &[("range", "bytes=0-")]);
    assert_eq!(header(&part, "content-range"), format!("bytes 0-{}/{}", MAX_PART - 1, MAX_WHOLE + 10));
    assert_eq!(part.body().len() as u64, MAX_PART);
    let end = stage.ask(Method::GET, &address, &[("range", &format!("bytes={MAX_WHOLE}-"))]);
    assert_eq!(end.body().len(), 10);
}

#[test]
fn a_pipe_does_not_hold_up() {
    let stage = Stage::new();
    let made =
        std::process::Command::new("mkfifo").arg(stage.workspace.root().join("pipe")).status().unwrap();
    assert!(made.success());
    assert_eq!(stage.below(&stage.folder(""), "pipe").0, 500);
}

#[test]
fn a_page_of_another_encoding_stays_readable() {
    let stage = Stage::new();
    stage.put("gbk.html", b"<!doctype html><meta charset=gbk><p>\xd7\xd6</p>");
    let handle = stage.folder("");
    let response = stage.get(&format!("{BASE}{}/gbk.html", handle.token));
    assert_eq!(header(&response, "content-type"), "text/html; charset=gbk");
    assert!(response.body().ends_with(b"<p>\xd7\xd6</p>"));
}

#[test]
fn another_base_is_spelled_out_as_well() {
    let stage = Stage::new();
    stage.put("index.html", "<p>");
    let previews = Previews::new("http://preview.localhost/".to_owned());
    let target = PreviewTarget::Folder { workspace: stage.workspace.clone(), path: WorkspacePath::root() };
    let handle = previews.open(target).unwrap();
    let response = previews.respond(&Request::get(&handle.url).body(()).unwrap());
    let policy = header(&response, "content-security-policy");
    assert!(
        policy.contains(&format!("script-src http://preview.localhost/{}/ 'unsafe-inline';", handle.token))
    );
    assert!(!policy.contains("'self'"));
}

#[test]
fn tailwind_is_served_from_the_app_within_every_page() {
    let stage = Stage::new();
    stage.put("deck/index.html", "<script src=\"https://cdn.tailwindcss.com\"></script><p class=ppt-slide>");
    stage.put("deck/.okcvm/tailwind-browser.js", "a file of the agent");
    let handle = stage.folder("deck");
    let (status, page) = stage.below(&handle, "");
    assert_eq!(status, 200);
    let address = format!("src=\"/{}/.okcvm/tailwind-browser.js\"", handle.token);
    assert!(page.contains(&address), "{page}");
    assert!(!page.contains("https://cdn"), "the network is still named");
    // What shows slides runs in every page, and lines of errors are counted without it.
    assert!(page.contains("okcvm-thumbs"));
    let injected = page.split("</script>").next().unwrap();
    assert!(injected.contains(&format!("var LINES = {};", injected.matches('\n').count())));

    let script = stage.get(&format!("{}.okcvm/tailwind-browser.js", handle.url));
    assert_eq!(header(&script, "content-type"), "text/javascript; charset=utf-8");
    let text = String::from_utf8(script.body().clone()).unwrap();
    assert!(text.contains("text/tailwindcss") && text.contains("window.tailwind"), "it is Tailwind's");
    assert_eq!(
        stage.get(&format!("{BASE}unknown/.okcvm/tailwind-browser.js")).status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_asks_for_everything_at_once_is_answered_a_few_at_a_time() {
    let stage = Stage::new();
    stage.put("site/large.bin", vec![7_u8; 48 << 20]);
    stage.put("other/index.html", "<p>other</p>");
    let (greedy, other) = (stage.folder("site"), stage.folder("other"));
    // Taken as they come: nobody says which two are answered first, and the others wait for these.
    let mut answers = tokio::task::JoinSet::new();
    let asked: Vec<_> = (0..40)
        .map(|_| {
            let (previews, url) = (stage.previews.clone(), format!("{}large.bin", greedy.url));
            answers
                .spawn(async move { previews.answer(Request::get(url).body(vec![0_u8; 10]).unwrap()).await })
        })
        .collect();
    // Nothing is taken: two of these fit.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(asked.iter().filter(|one| one.is_finished()).count(), 2);
    let answer = stage.previews.answer(Request::get(&other.url).body(()).unwrap());
    let (response, _) = tokio::time::timeout(std::time::Duration::from_secs(20), answer).await.unwrap();
    assert_eq!(response.status(), 200, "another page waits for the greedy one");
    while let Some(one) = answers.join_next().await {
        let (response, place) = one.unwrap();
        assert_eq!((response.status().as_u16(), response.body().len()), (200, 48 << 20));
        drop(place.unwrap());
    }
}
