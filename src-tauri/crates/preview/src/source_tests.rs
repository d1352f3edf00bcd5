use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{Method, Request, Response};
use image::ImageFormat;
use okcvm_protocol::{AppError, ArtifactMeta, ErrorCode, PreviewHandle};
use okcvm_snapshots::{Author, History, RecordInfo};
use tempfile::TempDir;

use super::*;
use crate::facts::tests::{fixture, picture, wav};
use crate::{PreviewTarget, Previews, Shelf, Tables, describe, list_archive, thumbnail};

const BASE: &str = "preview://localhost/";

/// A workspace with a moment of its past.
struct Past {
    folder: TempDir,
    workspace: Workspace,
    moment: Moment,
    previews: Previews,
}

impl Past {
    /// Records what `fill` puts there; then other files take their place.
    fn new(fill: impl FnOnce(&Path)) -> Self {
        Self::with(Contents::default(), fill)
    }

    /// The same, where what is read is held in `contents`.
    fn with(contents: Contents, fill: impl FnOnce(&Path)) -> Self {
        let folder = TempDir::new().unwrap();
        let workspace = Workspace::create(&folder.path().join("workspace")).unwrap();
        let history = History::open(&folder.path().join("history")).unwrap().history;
        fill(workspace.root());
        let info = RecordInfo { message: "a turn", author: Author::Agent, at_ms: 1_700_000_000_123 };
        let snapshot = history.record(&workspace, None, info).unwrap().snapshot;
        for entry in fs::read_dir(workspace.root()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        fs::create_dir(workspace.root().join("site")).unwrap();
        fs::write(workspace.root().join("site/index.html"), "the present").unwrap();
        fs::write(workspace.root().join("today.txt"), "today").unwrap();
        let moment = Moment::new(Arc::new(move || Ok((history.clone(), snapshot.clone()))), contents);
        Self { folder, workspace, moment, previews: Previews::new(BASE.to_owned()) }
    }

    fn source(&self, path: &str) -> Source {
        Source::Snapshot { moment: self.moment.clone(), path: WorkspacePath::parse(path).unwrap() }
    }

    fn open(&self, path: &str) -> PreviewHandle {
        let path = WorkspacePath::parse(path).unwrap();
        self.previews.open(PreviewTarget::Snapshot { moment: self.moment.clone(), path }).unwrap()
    }

    fn get(&self, handle: &PreviewHandle, path: &str, range: Option<&str>) -> Response<Vec<u8>> {
        let mut request =
            Request::builder().method(Method::GET).uri(format!("{BASE}{}/{path}", handle.token));
        if let Some(range) = range {
            request = request.header("Range", range);
        }
        self.previews.respond(&request.body(()).unwrap())
    }

    fn text(&self, handle: &PreviewHandle, path: &str) -> (u16, String) {
        let response = self.get(handle, path, None);
        (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
    }

    /// Every file of the present: its content, its inode and its times.
    fn present(&self) -> BTreeMap<PathBuf, (String, u64, i64, i64)> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.workspace.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                let hash = if metadata.is_file() {
                    format!("{:x}", Sha256::digest(fs::read(&path).unwrap()))
                } else {
                    folders.push(path.clone());
                    String::new()
                };
                let times = metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec();
                let changed = metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec();
                found.insert(path, (hash, metadata.ino(), times, changed));
            }
        }
        found
    }
}

fn put(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let place = root.join(path);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(place, bytes).unwrap();
}

/// Bytes that cannot be compressed, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[test]
fn a_site_of_the_past_is_served_and_the_present_is_not_touched() {
    let past = Past::new(|root| {
        put(root, "site/index.html", "<head></head><link href=\"/style ü.css\"><p>the past");
        put(root, "site/style ü.css", "body { background: url(/bild.png) }");
        put(root, "site/unter/index.html", "below");
        put(root, "site/empty/x.txt", "x");
        put(root, "secret.txt", "outside of the site");
        symlink("../secret.txt", root.join("site/leads-out.txt")).unwrap();
        symlink("unter/index.html", root.join("site/stays.html")).unwrap();
        symlink("/etc/passwd", root.join("site/far.txt")).unwrap();
    });
    let before = past.present();
    let site = past.open("site");
    let (status, page) = past.text(&site, "");
    assert_eq!(status, 200);
    assert!(page.contains("the past") && page.contains(&format!("/{}/style ü.css", site.token)), "{page}");
    assert!(past.text(&site, "style%20%C3%BC.css").1.contains(&format!("/{}/bild.png", site.token)));
    assert_eq!(past.text(&site, "unter/"), (200, past.text(&site, "stays.html").1));
    assert!(past.text(&site, "unter").1.contains("http-equiv=\"refresh\""));
    let refused = |path: &str| {
        let (status, page) = past.text(&site, path);
        let title = page.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next());
        (status, title.unwrap_or_default().to_owned())
    };
    assert_eq!(refused("leads-out.txt"), (403, "This file lies outside of the site".to_owned()));
    for path in ["far.txt", "nothing.txt", "today.txt", "..%2fsecret.txt", "unter/index.html/"] {
        assert_eq!(refused(path), (404, "There is no such file".to_owned()), "{path}");
    }
    assert_eq!(refused("empty/"), (404, "There is no index.html in this folder".to_owned()));
    let page = past.open("site/unter/index.html");
    assert!(page.url.ends_with("/index.html"));
    assert!(past.text(&page, "index.html").1.contains("below"));
    assert_eq!(past.present(), before);
}

#[test]
fn parts_of_a_large_file_of_the_past_are_read_alone() {
    let bytes = noise(70 * 1024 * 1024);
    let past = Past::new(|root| put(root, "影片.mp4", &bytes));
    let film = past.open("影片.mp4");
    let name = film.url.rsplit('/').next().unwrap().to_owned();
    // A whole answer is bounded; parts are not refused.
    assert_eq!(past.get(&film, &name, None).status(), 413);
    for (range, from, to) in [
        ("bytes=0-99", 0, 100),
        ("bytes=50000000-50000999", 50_000_000, 50_001_000),
        ("bytes=-5", bytes.len() - 5, bytes.len()),
    ] {
        let given = past.get(&film, &name, Some(range));
        assert_eq!(given.status(), 206);
        assert_eq!(given.body(), &bytes[from..to]);
        assert_eq!(
            given.headers()["content-range"].to_str().unwrap(),
            format!("bytes {from}-{}/{}", to - 1, bytes.len())
        );
    }
    let long = past.get(&film, &name, Some("bytes=1000000-"));
    assert_eq!(long.body().len(), 16 * 1024 * 1024);
    assert_eq!(past.get(&film, &name, Some("bytes=99999999999-")).status(), 416);
}

#[test]
fn everything_can_be_looked_at_in_the_past() {
    let mut table = String::from("number,word\n");
    for row in 0..100_000 {
        writeln!(table, "{row},wört").unwrap();
    }
    let past = Past::new(|root| {
        put(root, "daten/表.csv", &table);
        put(root, "bild.png", picture(640, 480, ImageFormat::Png));
        put(root, "ton.wav", wav(2));
        put(root, "buch.xlsx", fixture("sheets.xlsx"));
        put(root, "seite.pdf", fixture("libreoffice.pdf"));
        put(root, "leer.txt", "");
        put(root, "site/index.html", "<title>Then</title>");
    });
    let before = past.present();
    let shelf = Shelf::new(past.folder.path().join("shelf"));
    let facts = |path: &str| describe(&past.source(path), &shelf).unwrap();
    let image = facts("bild.png");
    assert_eq!(image.meta, Some(ArtifactMeta::Image { width: 640, height: 480, animated: false }));
    assert_eq!(image.modified_at, Some(1_700_000_000_123));
    assert_eq!(image.hash.unwrap(), format!("{:x}", Sha256::digest(picture(640, 480, ImageFormat::Png))));
    assert!(matches!(facts("ton.wav").meta, Some(ArtifactMeta::Audio { .. })));
    assert!(matches!(facts("seite.pdf").meta, Some(ArtifactMeta::Document { pages: Some(_), .. })));
    assert!(matches!(facts("buch.xlsx").meta, Some(ArtifactMeta::Table { .. })));
    assert_eq!(facts("leer.txt").problem.as_deref(), Some("The file is empty."));
    assert_eq!(facts("site").meta, Some(ArtifactMeta::Site { title: Some("Then".to_owned()) }));
    for path in ["bild.png", "seite.pdf", "ton.wav"] {
        let drawn = thumbnail(&past.source(path), &shelf).unwrap();
        assert!(drawn.url.is_some(), "{path}: {:?}", drawn.reason);
    }
    let packed = list_archive(&past.source("buch.xlsx").open().unwrap(), &crate::Wanted::default()).unwrap();
    assert!(packed.entries.iter().any(|entry| entry.path == "xl/workbook.xml"));

    let (sender, told) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let tables = Tables::new(
        past.folder.path().join("spool"),
        Arc::new(move |progress| sender.lock().unwrap().send(progress).unwrap()),
    );
    let handle = tables.open(past.source("daten/表.csv").open().unwrap(), None).unwrap();
    assert_eq!(handle.first.len(), 200);
    while !told.recv_timeout(std::time::Duration::from_secs(60)).unwrap().done {}
    let rows = tables.rows(&handle.id, 99_999, 5).unwrap();
    assert_eq!((rows.rows, rows.total), (vec![vec!["99999".to_owned(), "wört".to_owned()]], Some(100_000)));
    assert_eq!(past.present(), before);
}

#[test]
fn a_moment_that_is_no_longer_kept_says_so() {
    let find: FindMoment = Arc::new(|| {
        Err(AppError::new("The files of this moment are not kept any more.").with_code(ErrorCode::NotFound))
    });
    let gone = Moment::new(find, Contents::default());
    let past = Past::new(|root| put(root, "site/index.html", "then"));
    let site = past.open("site");
    assert_eq!(past.text(&site, "").0, 200);
    let path = WorkspacePath::parse("site").unwrap();
    let error = past.previews.open(PreviewTarget::Snapshot { moment: gone.clone(), path: path.clone() });
    assert_eq!(error.unwrap_err().to_app_error().code, Some(ErrorCode::NotFound));
    let source = Source::Snapshot { moment: gone, path };
    assert!(source.entry().is_err() && source.open().is_err());
}

#[test]
fn a_moment_is_warmed_with_what_a_page_like_it_asked_for() {
    let contents = Contents::default();
    let past = Past::with(contents.clone(), |root| {
        put(root, "site/index.html", "<link rel=stylesheet href=a.css>");
        put(root, "site/a.css", "b { color: red }");
        put(root, "site/never.css", "i { color: red }");
        put(root, "photo.png", picture(40, 30, ImageFormat::Png));
    });
    let shelf = Shelf::new(past.folder.path().join("shelf"));
    let seen = past.open("site");
    assert_eq!(past.text(&seen, "").0, 200);
    assert_eq!(past.text(&seen, "a.css").0, 200);
    assert_eq!(past.text(&seen, "missing.css").0, 404);
    // Another moment, which has not been looked at.
    let fresh = Contents::default();
    let (history, snapshot) = past.moment.find().unwrap();
    let moment = Moment::new(Arc::new(move || Ok((history.clone(), snapshot.clone()))), fresh.clone());
    let open = |path: &str| {
        let path = WorkspacePath::parse(path).unwrap();
        past.previews.open(PreviewTarget::Snapshot { moment: moment.clone(), path }).unwrap()
    };
    past.previews.warm(&open("site").token, Some(&seen.token), &shelf);
    assert_eq!(fresh.size().0, 2, "the page and its style, and nothing else");
    past.previews.warm(&open("photo.png").token, None, &shelf);
    assert_eq!(fresh.size().0, 3);
    past.previews.warm("no such token", Some(&seen.token), &shelf);
    past.previews.warm(&open("site").token, Some("no such token"), &shelf);
    assert_eq!(fresh.size().0, 3);
}
