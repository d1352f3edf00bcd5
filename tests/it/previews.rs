//! Looking at everything a session holds, as a window asks for it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use base64::Engine as _;
use okcvm_protocol::{
    AppEvent, ArchiveListParams, Artifact, ArtifactKind, ArtifactMeta, CommandHandler, EngineEvent,
    ErrorCode, ItemBody, NodeId, PptxPdfParams, PreviewDescribeParams, PreviewHandle, PreviewOpenParams,
    PreviewReadParams, PreviewSource, SessionId, TableCloseParams, TableOpenParams, TableRowsParams,
    ThumbnailParams, TurnEvent,
};

use crate::desk::{Desk, PATIENCE, tree};

const TABLE: &str = "city,visitors\nExample A,120\nExample B,340\n\"Example, C\",75\n";

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents").join(name)).unwrap()
}

fn live(path: &str) -> PreviewSource {
    PreviewSource::Live { path: path.to_owned() }
}

fn then(node: &NodeId, path: &str) -> PreviewSource {
    PreviewSource::Snapshot { node_id: node.clone(), path: path.to_owned() }
}

async fn open(desk: &Desk, session: &SessionId, source: PreviewSource) -> PreviewHandle {
    desk.host.preview_open(PreviewOpenParams { session_id: session.clone(), source }).await.unwrap()
}

/// What stands at the address of a preview.
fn body(desk: &Desk, address: &str) -> (u16, Vec<u8>) {
    let request = http::Request::builder().uri(address).body(()).unwrap();
    let response = desk.host.previews().respond(&request);
    (response.status().as_u16(), response.into_body())
}

fn artifacts(events: &[TurnEvent]) -> Vec<Artifact> {
    events
        .iter()
        .filter_map(|event| match event {
            TurnEvent::ItemCompleted { item } => match &item.body {
                ItemBody::ToolCall(call) => call.result.as_ref().map(|result| result.artifacts.clone()),
                _ => None,
            },
            _ => None,
        })
        .flatten()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_shown_as_it_was_at_a_node_and_the_present_stays() {
    let desk = Desk::open();
    let session = desk.session().await;
    let attached = desk.drop_file(&session, "visitors.csv", TABLE.as_bytes()).await;
    let first = desk.turn(&session, "Make a website about this data.", attached).await;
    let made = artifacts(&first.events);
    let site = made.iter().find(|artifact| artifact.kind == ArtifactKind::Site).unwrap();
    assert!(matches!(&site.meta, Some(ArtifactMeta::Site { title: Some(_) })), "{site:?}");
    assert_eq!(site.node_id.as_ref(), Some(&first.node));
    let folder = site.path.clone();
    // The token of each preview stands in its pages.
    let page = |handle: &PreviewHandle, name: &str| {
        let (status, bytes) = body(&desk, &format!("{}{name}", handle.url));
        (status, String::from_utf8_lossy(&bytes).replace(&handle.token, "TOKEN"))
    };
    let names = ["", "style.css", "styles.css"];
    let shown = open(&desk, &session, live(&folder)).await;
    let before = names.map(|name| page(&shown, name));
    assert!(before[0].0 == 200 && before[0].1.contains("Example A"));

    desk.turn(&session, "Change the colour to green, please.", Vec::new()).await;
    let files = desk.files(&session).await;
    let present = tree(&files);
    let now = open(&desk, &session, live(&folder)).await;
    let old = open(&desk, &session, then(&first.node, &folder)).await;
    assert_eq!(names.map(|name| page(&old, name)), before);
    assert_ne!(names.map(|name| page(&now, name)), before, "the turn changed nothing");
    assert_eq!(tree(&files), present, "looking changed the files");

    let describe = |source| PreviewDescribeParams { session_id: session.clone(), source, viewer: None };
    let facts = desk.host.preview_describe(describe(then(&first.node, "visitors.csv"))).await.unwrap();
    let names = vec!["city".to_owned(), "visitors".to_owned()];
    assert_eq!(facts.meta, Some(ArtifactMeta::Table { rows: Some(3), columns: 2, names, sheets: vec![] }));
    let deployment = desk.detail(&session).await.deployments[0].id.clone();
    let facts =
        desk.host.preview_describe(describe(PreviewSource::Deployment { id: deployment })).await.unwrap();
    assert!(matches!(facts.meta, Some(ArtifactMeta::Site { .. })));
    let read = PreviewReadParams {
        session_id: session.clone(),
        source: then(&first.node, "visitors.csv"),
        max_bytes: 13,
    };
    let read = desk.host.preview_read(read).await.unwrap();
    assert_eq!(
        (read.text.as_deref(), read.size, read.truncated),
        (Some("city,visitors"), TABLE.len() as u64, true)
    );
    let missing = desk.host.preview_describe(describe(then(&first.node, "not there"))).await.unwrap_err();
    assert_eq!(missing.code, Some(ErrorCode::NotFound));
    let nowhere = PreviewOpenParams { session_id: session.clone(), source: then(&NodeId::new(), "") };
    assert!(desk.host.preview_open(nowhere).await.is_err());
    assert_eq!(tree(&files), present);
}

/// An intricate drawing is drawn by an engine of its own, with no window in the way; a bomb by none.
#[tokio::test(flavor = "multi_thread")]
async fn an_intricate_drawing_is_drawn_by_an_engine_of_its_own() {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    let used = r##"<svg xmlns="http://www.w3.org/2000/svg" width="64" height="40"><defs><rect id="a" width="64" height="40" fill="#00ff00"/></defs><use href="#a"/></svg>"##;
    std::fs::write(files.join("a #1%.svg"), used).unwrap();
    let entities = (1..9).map(|at| format!("<!ENTITY a{at} \"{}\">", format!("&a{};", at - 1).repeat(50)));
    let bomb = format!(
        "<!DOCTYPE svg [<!ENTITY a0 \"ha\">{}]><svg xmlns=\"http://www.w3.org/2000/svg\"><text>&a8;</text></svg>",
        entities.collect::<Vec<_>>().concat()
    );
    std::fs::write(files.join("laugh.svg"), bomb).unwrap();
    let small = |path: &str| ThumbnailParams {
        session_id: session.clone(),
        source: PreviewSource::Live { path: path.to_owned() },
    };
    let drawn = desk.host.thumbnail_get(small("a #1%.svg")).await.unwrap();
    let url = drawn.url.unwrap_or_else(|| panic!("{:?}", drawn.reason));
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(url.strip_prefix("data:image/png;base64,").unwrap())
        .unwrap();
    let picture = image::load_from_memory(&bytes).unwrap().to_rgba8();
    assert_eq!((picture.width(), picture.height()), (320, 200));
    assert_eq!(picture.get_pixel(160, 100).0, [0, 255, 0, 255]);
    let begun = std::time::Instant::now();
    let refused = desk.host.thumbnail_get(small("laugh.svg")).await.unwrap();
    assert!(refused.url.is_none() && refused.reason.unwrap().contains("repeats itself"));
    // Written out it would be terabytes.
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_archives_and_small_pictures_come_by_command() {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    let mut table = String::from("number,word\n");
    for row in 0..200_000 {
        writeln!(table, "{row},wört").unwrap();
    }
    std::fs::write(files.join("große 表.csv"), &table).unwrap();
    std::fs::write(files.join("slides.pptx"), fixture("slides.pptx")).unwrap();
    std::fs::write(files.join("page.pdf"), fixture("libreoffice.pdf")).unwrap();

    let mut events = desk.listen();
    let params = TableOpenParams {
        session_id: session.clone(),
        source: live("große 表.csv"),
        sheet: None,
        viewer: None,
    };
    let opened = desk.host.table_open(params).await.unwrap();
    assert_eq!(opened.first.len(), 200);
    let counting = async {
        loop {
            for numbered in events.next(100).await {
                let EngineEvent::App { event: AppEvent::TableIndexed { id, rows, done: true, .. } } =
                    numbered.event
                else {
                    continue;
                };
                assert_eq!(id, opened.id);
                return rows;
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, counting).await.unwrap(), 200_000);
    let wanted = TableRowsParams { id: opened.id.clone(), from: 199_998, count: 10 };
    let rows = desk.host.table_rows(wanted.clone()).await.unwrap();
    assert_eq!((rows.rows.len(), rows.total, rows.rows[1][0].as_str()), (2, Some(200_000), "199999"));
    desk.host.table_close(TableCloseParams { id: opened.id }).await.unwrap();
    assert_eq!(desk.host.table_rows(wanted).await.unwrap_err().code, Some(ErrorCode::NotFound));

    let listing =
        ArchiveListParams { session_id: session.clone(), source: live("slides.pptx"), viewer: None };
    let listing = desk.host.archive_list(listing).await.unwrap();
    assert!(listing.entries.iter().any(|entry| entry.path == "ppt/presentation.xml"));
    let small = |path: &str| ThumbnailParams { session_id: session.clone(), source: live(path) };
    assert!(desk.host.thumbnail_get(small("page.pdf")).await.unwrap().url.is_some());
    assert!(desk.host.thumbnail_get(small("slides.pptx")).await.unwrap().reason.is_some());
    assert!(desk.folder.path().join("data/thumbnails").is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn slides_become_pages_where_an_office_program_is_installed() {
    let path = std::env::var("PATH").unwrap();
    let installed = std::env::split_paths(&path).any(|folder| folder.join("soffice").is_file());
    let desk = Desk::with(&[("PATH", &path)]);
    let session = desk.session().await;
    let files = desk.files(&session).await;
    std::fs::write(files.join("产品.pptx"), fixture("slides.pptx")).unwrap();
    std::fs::write(files.join("again.pptx"), fixture("slides.pptx")).unwrap();
    std::fs::write(files.join("notes.txt"), "no slides").unwrap();
    std::fs::write(files.join("empty.pptx"), "").unwrap();
    let ask = |path: &str| PptxPdfParams { session_id: session.clone(), source: live(path) };
    if !installed || !desk.host.sandbox_status().available {
        let error = desk.host.pptx_pdf(ask("产品.pptx")).await.unwrap_err();
        assert!(error.hint.is_some(), "{error:?}");
        return;
    }
    let begun = Instant::now();
    let handle = desk.host.pptx_pdf(ask("产品.pptx")).await.unwrap();
    let making = begun.elapsed();
    let (status, pdf) = body(&desk, &handle.url);
    assert_eq!(status, 200);
    assert!(pdf.starts_with(b"%PDF-"), "{:?}", pdf.get(..20));
    // The same slides under another name are not turned into pages again.
    let begun = Instant::now();
    let again = desk.host.pptx_pdf(ask("again.pptx")).await.unwrap();
    assert!(begun.elapsed() * 2 < making, "{:?} after {making:?}", begun.elapsed());
    assert_eq!(body(&desk, &again.url).1, pdf);
    for name in ["notes.txt", "empty.pptx", "missing.pptx"] {
        let error = desk.host.pptx_pdf(ask(name)).await.unwrap_err();
        assert!(error.message.contains(name), "{error:?}");
    }
    let left: Vec<_> = std::fs::read_dir(desk.folder.path().join("data/converted")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_office_program_the_answer_says_what_to_install() {
    let desk = Desk::open();
    let session = desk.session().await;
    std::fs::write(desk.files(&session).await.join("a.pptx"), fixture("slides.pptx")).unwrap();
    let params = PptxPdfParams { session_id: session, source: live("a.pptx") };
    let error = desk.host.pptx_pdf(params).await.unwrap_err();
    assert!(error.hint.unwrap().contains("Install LibreOffice"));
}
