//! Decks as presentations, by the command line with the browser of this machine behind the sandbox.

mod awkward;
mod family;
mod hostile;
mod inlines;
mod lists;
mod others;
mod package;
mod schema;
mod xml;

use std::path::{Path, PathBuf};
use std::time::Duration;

use okcvm_protocol::{CommandHandler, DeckFidelity, Empty, ToolContent, ToolResult};
use serde_json::{Value, json};

use crate::command_line::{prepared, text};
use crate::desk::host;
use family::Family;
use package::{Package, SlideFacts};
use xml::Element;

/// No conversion takes longer; one that hangs is called off by itself before.
const LONG: Duration = Duration::from_secs(150);
const SHORT: Duration = Duration::from_secs(30);

/// The look of slides without a library.
const STYLE: &str = "<meta charset=\"utf-8\"><style>.ppt-slide { position: relative; width: 1024px; height: 576px; overflow: hidden; background: #fff; font: 18px \"Liberation Sans\", sans-serif; }</style>";
/// A slide.
const PAGE: &str = "<div class=\"ppt-slide\"><h1>A title</h1><p>Words.</p></div>";

/// A picture of one pixel.
fn pixel() -> Vec<u8> {
    vec![
        0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0,
        0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T', 0x78, 0x9c,
        0x63, 0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0, 5, 0, 1, 0xff, 0x56, 0xc7, 0x2f, 0x0d, 0, 0, 0, 0, b'I', b'E',
        b'N', b'D', 0xae, 0x42, 0x60, 0x82,
    ]
}

/// A folder with the app's data and a workspace.
struct Bench {
    folder: tempfile::TempDir,
    _busy: tokio::sync::RwLockReadGuard<'static, ()>,
}

/// What a call gave.
struct Done {
    code: Option<i32>,
    /// What the model is told, and what went to standard error.
    said: String,
    fidelity: Option<DeckFidelity>,
    /// Where the presentation is.
    path: Option<PathBuf>,
    pptx: Option<Vec<u8>>,
    /// Processes of the browser.
    browsers: usize,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        // Waited for without a runtime, which some tests have and others not.
        let busy = loop {
            if let Ok(busy) = crate::PROCESSORS.try_read() {
                break busy;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        };
        Self { folder, _busy: busy }
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn convert(&self, name: &str, page: &[u8], limit: Duration) -> Done {
        self.write(name, page);
        self.call(&json!({"file_path": name}), limit)
    }

    /// Calls the tool; whatever comes of it, no process is left.
    fn call(&self, arguments: &Value, limit: Duration) -> Done {
        let work = self.work().to_string_lossy().into_owned();
        let arguments = arguments.to_string();
        let words =
            ["tool", "call", "slides_generator", "--json", "--workspace", &work, "--arguments", &arguments];
        let (output, family) = Family::start(prepared(self.folder.path(), &words)).finish(limit);
        let out = text(&output.stdout);
        let result: Option<ToolResult> = serde_json::from_str(&out).ok();
        let mut said = text(&output.stderr);
        for content in result.iter().flat_map(|result| &result.content) {
            if let ToolContent::Text { text } = content {
                said.push_str(text);
            }
        }
        let artifact = result.and_then(|result| result.artifacts.into_iter().next());
        let path = artifact.as_ref().map(|artifact| self.work().join(&artifact.path));
        Done {
            code: output.status.code(),
            said,
            fidelity: artifact.and_then(|artifact| artifact.fidelity),
            pptx: path.as_ref().map(|path| std::fs::read(path).unwrap()),
            path,
            browsers: family.browsers(),
        }
    }
}

/// The app that starts next finds nothing that runs and nothing that was left.
fn sure_nothing_is_left(bench: &Bench) {
    let look = async {
        let host = host(bench.folder.path(), &[]);
        let told = host.process_list(Empty {}).await.unwrap();
        host.shut_down().await;
        (told.processes, told.left_behind)
    };
    let folder = |runtime: tokio::runtime::Runtime| runtime.block_on(look);
    let told = folder(tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap());
    assert_eq!(told, (Vec::new(), Vec::new()));
}

fn decks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/decks")
}

/// Copies the sample decks and the further ones, with their pictures; gives the names of the pages.
fn sample_decks(bench: &Bench) -> Vec<String> {
    let mut pages = Vec::new();
    for folder in ["", "more", "img"] {
        for entry in std::fs::read_dir(decks().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let name = Path::new(folder).join(path.file_name().unwrap()).to_string_lossy().into_owned();
            bench.write(&name, &std::fs::read(&path).unwrap());
            if path.extension().is_some_and(|ending| ending == "html") {
                pages.push(name);
            }
        }
    }
    pages.sort();
    pages
}

#[test]
fn every_deck_becomes_a_valid_presentation_that_other_programs_open() {
    let bench = Bench::new();
    let pages = sample_decks(&bench);
    assert_eq!(pages.len(), 12, "{pages:?}");
    let (mut paths, mut expected, mut untitled) = (Vec::new(), Vec::new(), Vec::new());
    for page in &pages {
        let html = std::fs::read_to_string(bench.work().join(page)).unwrap();
        let slides = html.matches("class=\"ppt-slide").count();
        let done = bench.call(&json!({"file_path": page}), LONG);
        assert_eq!(done.code, Some(0), "{page}: {}", done.said);
        assert!(done.browsers > 1, "no browser ran for {page}");
        let fidelity = done.fidelity.unwrap();
        assert_eq!(fidelity.slides.len(), slides, "{page}");
        assert!(fidelity.engine.contains("Chrom") || fidelity.engine.contains("Edg"), "{}", fidelity.engine);
        let package = Package::valid(page, &done.pptx.unwrap());
        assert_eq!(package.slides(), slides, "{page}");
        for (number, told) in (1..).zip(&fidelity.slides) {
            let facts = package.facts(number);
            assert_eq!(told.missing, Vec::<String>::new(), "{page} {number}");
            assert_eq!(facts.hidden, told.hidden, "{page} {number}");
            assert_eq!(!facts.notes.is_empty(), told.notes, "{page} {number}");
            assert_eq!(facts.title.is_some(), !told.title.is_empty(), "{page} {number}");
            if facts.title.is_none_or(|title| title.trim().is_empty()) {
                untitled.push((page.clone(), number));
            }
        }
        paths.push(done.path.unwrap());
        expected.push((u32::try_from(slides).unwrap(), package));
    }
    assert!(untitled.is_empty(), "{untitled:?}");
    let pages: Vec<u32> = expected.iter().map(|(slides, _)| *slides).collect();
    assert_eq!(others::pages_by_office(&paths, bench.folder.path()), pages);
    for ((seen, (slides, package)), path) in others::seen_by_python(&paths).iter().zip(&expected).zip(&paths)
    {
        let path = path.display();
        assert_eq!(seen["size"], json!([9_753_600, 5_486_400]), "{path}");
        assert_eq!(seen["slides"].as_array().unwrap().len(), *slides as usize, "{path}");
        for (number, slide) in (1..).zip(seen["slides"].as_array().unwrap()) {
            let facts = package.facts(number);
            assert_eq!(slide["notes"], facts.notes, "{path} {number}");
            let title = slide["title"].as_str().map(|title| title.replace('\u{b}', ""));
            assert_eq!(title, facts.title, "{path} {number}");
            let layout = if facts.title.is_some() { "Title Only" } else { "Blank" };
            assert_eq!(slide["layout"], layout, "{path} {number}");
        }
    }
    sure_nothing_is_left(&bench);
}

#[test]
fn what_a_deck_says_beside_its_slides_is_kept() {
    let bench = Bench::new();
    bench.write("sea.png", &pixel());
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head>{STYLE}<title>The “deck” &amp; more 海</title><meta name=\"author\" content=\"Ana &lt;Ferreira&gt;\">\
         <meta name=\"description\" content=\"A subject\"><meta name=\"keywords\" content=\"one, two\"></head><body>\
         <div class=\"ppt-slide\"><h1>First &amp; foremost</h1><p>See <a href=\"https://example.com/?a=1&amp;b=2\">a page</a>, <a href=\"#3\">the third</a>, \
         <a href=\"mailto:a@example.com\">a letter</a>, <a href=\"javascript:alert(1)\">a script</a>, <a href=\"file:///etc/passwd\">a file</a>, <a href=\"near.html\">near</a>.</p>\
         <img src=\"sea.png\" width=\"90\" height=\"60\" alt=\"The “sea” &lt;at dusk&gt;\"><aside class=\"notes\"><p>Say hello.</p><p>Wait &amp; smile.</p></aside></div>\
         <div class=\"ppt-slide\" data-hidden=\"true\" data-notes=\"Only if asked. 备注\"><h2>Second</h2></div>\
         <div class=\"ppt-slide\" hidden><p style=\"font-size:60px\">Large words</p><p>Small words</p></div>\
         <div class=\"ppt-slide\"><p style=\"font-size:14px\">No title here, just a line.</p></div></body></html>"
    );
    let done = bench.convert("said.html", page.as_bytes(), LONG);
    let package = Package::valid("said", &done.pptx.expect(&done.said));
    let fact = |title: Option<&str>, notes: &str, hidden| SlideFacts {
        title: title.map(str::to_owned),
        notes: notes.to_owned(),
        hidden,
    };
    let facts: Vec<SlideFacts> = (1..=4).map(|number| package.facts(number)).collect();
    assert_eq!(
        facts,
        [
            fact(Some("First & foremost"), "Say hello.\n\nWait & smile.", false),
            fact(Some("Second"), "Only if asked. 备注", true),
            fact(Some("Large words"), "", true),
            fact(None, "", false),
        ]
    );
    let links: Vec<(String, String)> = package.links(1);
    let expected = [
        ("a page", "https://example.com/?a=1&b=2"),
        ("the third", "ppt/slides/slide3.xml"),
        ("a letter", "mailto:a@example.com"),
    ];
    assert_eq!(links, expected.map(|(text, target)| (text.to_owned(), target.to_owned())));
    let alt: Vec<_> = package
        .slide(1)
        .all("p:pic")
        .iter()
        .filter_map(|picture| picture.all("p:cNvPr")[0].get("descr"))
        .collect();
    assert_eq!(alt, ["The “sea” <at dusk>"]);

    let path = done.path.unwrap();
    let seen = &others::seen_by_python(std::slice::from_ref(&path))[0];
    let told = ["title", "author", "subject", "keywords"].map(|name| seen[name].as_str().unwrap());
    assert_eq!(told, ["The “deck” & more 海", "Ana <Ferreira>", "A subject", "one, two"]);
    assert!(seen["created"].as_str().unwrap().starts_with("20"), "{seen}");
    assert_eq!(seen["slides"][0]["pictures"], json!(["image/png"]));
    assert_eq!(seen["slides"][0]["jumps"][0], "https://example.com/?a=1&b=2");
    assert_eq!(seen["slides"][3]["layout"], "Blank");
    // Slides that are not shown are not printed.
    assert_eq!(others::pages_by_office(&[path], bench.folder.path()), [2]);
}

#[test]
fn slides_may_come_as_text_and_never_replace_what_is_not_theirs() {
    let bench = Bench::new();
    let page = format!("<!DOCTYPE html>{STYLE}{PAGE}");
    let call = || bench.call(&json!({"content": page}), LONG);
    let first = call();
    assert_eq!(first.path.as_deref(), Some(bench.work().join("slides.pptx").as_path()), "{}", first.said);
    assert_eq!(std::fs::read_to_string(bench.work().join("slides.html")).unwrap(), page);
    // What the session wrote it may write again, until somebody else did.
    assert_eq!(call().path.unwrap(), bench.work().join("slides.pptx"));
    std::fs::write(bench.work().join("slides.pptx"), "mine").unwrap();
    let beside = call().path.unwrap();
    assert_ne!(beside, bench.work().join("slides.pptx"));
    Package::valid("beside", &std::fs::read(beside).unwrap());
    assert_eq!(std::fs::read_to_string(bench.work().join("slides.pptx")).unwrap(), "mine");
}

#[test]
fn icons_of_every_bundled_font_are_pictures_and_never_words() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<link rel=stylesheet href=\"https://fonts.googleapis.com/icon?family=Material+Icons\">\
         <link rel=stylesheet href=\"https://fonts.googleapis.com/css2?family=Inter&family=Material+Symbols+Outlined:opsz,wght,FILL,GRAD@20..48,100..700,0..1,-50..200\">\
         <link rel=stylesheet href=\"https://cdn.jsdelivr.net/npm/bootstrap-icons@1.11.3/font/bootstrap-icons.min.css\">\
         <link rel=stylesheet href=\"https://cdn.jsdelivr.net/npm/remixicon@4.2.0/fonts/remixicon.css\">\
         <link rel=stylesheet href=\"https://cdnjs.cloudflare.com/ajax/libs/font-awesome/6.5.1/css/all.min.css\">\
         <div class=\"ppt-slide\"><h1><i class=\"fa-solid fa-house\"></i> Icons</h1>\
         <p><span class=\"material-icons\">home</span> Google</p>\
         <p><span class=\"material-symbols-outlined\">rocket_launch</span> Google, newer</p>\
         <p><i class=\"bi bi-house-fill\"></i> Bootstrap</p><p><i class=\"ri-home-line\"></i> Remix</p></div>"
    );
    let done = bench.convert("icons.html", page.as_bytes(), LONG);
    assert_eq!(done.code, Some(0), "{}", done.said);
    let slide = &done.fidelity.unwrap().slides[0];
    let icons = slide.pictured.iter().filter(|part| part.why == "icon font").count();
    assert_eq!(icons, 5, "{:?}", slide.pictured);
    let package = Package::valid("icons.html", &done.pptx.unwrap());
    let words = package.words();
    for word in ["home", "rocket_launch"] {
        assert!(!words.contains(word), "{words}");
    }
    for word in ["Icons", "Google", "Bootstrap", "Remix"] {
        assert!(words.contains(word), "{words}");
    }
    assert_eq!(package.media().len(), 5);
    for icon in package.media() {
        let drawn = image::load_from_memory(icon).unwrap().to_rgba8();
        assert!(
            (0.5..2.0).contains(&(f64::from(drawn.width()) / f64::from(drawn.height()))),
            "{:?}",
            drawn.dimensions()
        );
        let inked = drawn.pixels().filter(|pixel| pixel.0[3] > 128).count();
        let share = inked as f64 / f64::from(drawn.width() * drawn.height());
        assert!((0.05..0.9).contains(&share), "{share} of {:?}", drawn.dimensions());
    }
}

#[test]
fn what_has_no_plain_counterpart_is_native_or_a_picture_of_itself_alone() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>.c {{ position: absolute; left: 40px; width: 300px; height: 60px; }}\
         .t {{ position: absolute; left: 400px; width: 400px; border-collapse: separate; border-spacing: 0; }} td, th {{ padding: 8px; }}</style>\
         <div class=\"ppt-slide\"><h1>Effects</h1>\
         <div class=c style=\"top:80px;background:#eee;border-radius:12px;box-shadow:inset 0 4px 12px rgba(0,0,0,.4), 0 6px 12px rgba(0,0,0,.3)\">soft</div>\
         <div class=c style=\"top:160px;background:#eee;box-shadow:inset 0 -6px 0 #ff0000\">edge</div>\
         <div class=c style=\"top:240px;background:#eee;border-radius:20px;box-shadow:inset 4px 4px 8px #888, inset -4px -4px 8px #fff\">two</div>\
         <div class=c style=\"top:320px;background:repeating-linear-gradient(45deg,#f00 0 10px,#00f 10px 20px)\"></div>\
         <div class=c style=\"top:330px;left:60px;height:40px;background:rgba(255,255,255,.3);backdrop-filter:blur(6px)\">glass</div>\
         <div class=c style=\"top:420px;height:40px;background:rgba(0,0,0,.1);backdrop-filter:blur(6px)\">plain ground</div>\
         <table class=t style=\"top:80px;border-radius:16px;overflow:hidden;border:2px solid #333\"><tr style=\"background:#123456;color:#fff\"><th>Head<th>Two</tr><tr><td style=\"background:#abcdef\">1<td>2</tr></table>\
         <table class=t style=\"top:260px\"><tr><th style=\"background:#777;border-radius:14px 0 0 0\">A<th style=\"background:#999;border-radius:0 14px 0 0\">B</tr></table></div>"
    );
    let done = bench.convert("effects.html", page.as_bytes(), LONG);
    assert_eq!(done.code, Some(0), "{}", done.said);
    let told = &done.fidelity.unwrap().slides[0];
    assert_eq!(told.simplified, Vec::<String>::new());
    let mut why: Vec<&str> = told.pictured.iter().map(|part| part.why.as_str()).collect();
    why.sort_unstable();
    assert_eq!(why, ["blurred background", "inner shadows", "repeated gradient"]);
    assert!(told.similarity.is_some_and(|alike| alike > 0.95), "{:?}", told.similarity);
    let package = Package::valid("effects.html", &done.pptx.unwrap());
    let slide = package.slide(1);
    for word in ["soft", "edge", "two", "glass", "plain ground", "Head", "A"] {
        assert!(slide.words().lines().any(|line| line == word), "{word} in {}", slide.words());
    }
    // Both shadows in one list of effects, the inner one first.
    let effects = slide.all("a:effectLst");
    let both = effects.iter().find(|list| list.children.len() == 2).unwrap();
    assert_eq!(both.children[0].name, "a:innerShdw");
    assert_eq!((both.children[0].get("dir"), both.children[0].get("dist")), (Some("5400000"), Some("38100")));
    // The tables are tables with the grounds in their cells; what is behind them covers their round corners.
    assert_eq!(slide.all("a:tbl").len(), 2);
    let filled = |table: &Element| {
        table
            .all("a:tcPr")
            .iter()
            .filter(|cell| cell.children.iter().any(|child| child.name == "a:solidFill"))
            .count()
    };
    assert_eq!(slide.all("a:tbl").iter().map(|table| filled(table)).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(slide.all("a:custGeom").len(), 8, "two for a corner with a border, one for one without");
}

#[test]
fn a_drawing_stays_native_and_only_the_parts_that_do_not_map_become_pictures() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<div class=\"ppt-slide\"><h1>Drawings</h1>\
         <svg width=\"420\" height=\"220\" viewBox=\"0 0 420 220\"><defs>\
         <marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L10 5L0 10z\" fill=\"#cc0000\"/></marker>\
         <filter id=\"cast\"><feDropShadow dx=\"3\" dy=\"4\" stdDeviation=\"3\"/></filter>\
         <clipPath id=\"all\"><rect width=\"420\" height=\"220\"/></clipPath>\
         <pattern id=\"stripes\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect width=\"4\" height=\"8\" fill=\"#0066cc\"/></pattern>\
         <symbol id=\"dot\" viewBox=\"0 0 10 10\"><circle cx=\"5\" cy=\"5\" r=\"5\" fill=\"teal\"/></symbol></defs>\
         <g clip-path=\"url(#all)\"><line x1=\"20\" y1=\"200\" x2=\"400\" y2=\"200\" stroke=\"#333\" stroke-width=\"2\" marker-end=\"url(#head)\"/><text x=\"30\" y=\"190\">time axis</text></g>\
         <rect x=\"40\" y=\"20\" width=\"80\" height=\"40\" fill=\"#99ff99\" filter=\"url(#cast)\"/>\
         <rect x=\"200\" y=\"20\" width=\"80\" height=\"40\" fill=\"url(#stripes)\"/>\
         <text x=\"40\" y=\"120\">Q4 <tspan font-weight=\"bold\">(est.)</tspan></text><use href=\"#dot\" x=\"300\" y=\"20\" width=\"40\" height=\"40\"/><use href=\"#dot\" x=\"300\" y=\"100\" width=\"40\" height=\"40\"/></svg></div>"
    );
    let done = bench.convert("drawings.html", page.as_bytes(), LONG);
    assert_eq!(done.code, Some(0), "{}", done.said);
    let told = &done.fidelity.unwrap().slides[0];
    let mut parts: Vec<&str> = told.pictured.iter().map(|part| part.what.as_str()).collect();
    parts.sort_unstable();
    assert_eq!(parts, ["rect"]);
    let package = Package::valid("drawings.html", &done.pptx.unwrap());
    let slide = package.slide(1);
    assert!(slide.words().lines().any(|line| line == "time axis"), "{}", slide.words());
    assert!(slide.words().lines().any(|line| line == "Q4 (est.)"), "one text: {}", slide.words());
    // A drawing is one object.
    let group = slide.all("p:grpSp")[0];
    assert_eq!(slide.all("p:grpSp").len(), 1);
    let beside = slide.all("p:spTree")[0].children.iter().filter(|part| part.name == "p:sp").count();
    assert_eq!(beside, 1, "the title alone: {group:?}");
    assert_eq!(slide.all("a:outerShdw").len(), 1);
    let head = slide.all("a:srgbClr").iter().filter(|colour| colour.get("val") == Some("CC0000")).count();
    assert_eq!(head, 1, "the head of the line");
    let axis = slide.all("a:ln").iter().filter(|line| !line.all("a:srgbClr").is_empty()).count();
    assert_eq!(axis, 1, "the line itself");
    // What is used twice is drawn twice.
    let dots = slide.all("a:srgbClr").iter().filter(|colour| colour.get("val") == Some("008080")).count();
    assert_eq!(dots, 2);
    // A picture shows its own part and nothing else, and has the part as SVG beside it.
    let (drawings, pictures): (Vec<&[u8]>, Vec<&[u8]>) =
        package.media().into_iter().partition(|bytes| bytes.starts_with(b"<svg"));
    assert_eq!((drawings.len(), pictures.len()), (1, 1));
    for picture in pictures {
        let drawn = image::load_from_memory(picture).unwrap().to_rgba8();
        let inked = drawn.pixels().filter(|pixel| pixel.0[3] > 128).count();
        let share = inked as f64 / f64::from(drawn.width() * drawn.height());
        assert!((0.3..0.9).contains(&share), "{share} of {:?}", drawn.dimensions());
    }
}
