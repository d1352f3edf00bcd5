//! What other programs make of a presentation: `LibreOffice` and python-pptx.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use okcvm_preview::{Shelf, Source, describe};
use okcvm_protocol::ArtifactMeta;
use okcvm_workspace::{Workspace, WorkspacePath};
use serde_json::Value;

use crate::command_line::text;

/// What a slide is to python-pptx, and the properties of the presentation.
const LOOK: &str = r#"
import json, sys
from pptx import Presentation
out = []
for path in sys.argv[1:]:
    deck = Presentation(path)
    properties = deck.core_properties
    slides = []
    for slide in deck.slides:
        shapes = list(slide.shapes)
        title = slide.shapes.title
        slides.append({
            "title": title.text_frame.text if title is not None else None,
            "layout": slide.slide_layout.name,
            "notes": slide.notes_slide.notes_text_frame.text if slide.has_notes_slide else "",
            "text": "\n".join(shape.text_frame.text for shape in shapes if shape.has_text_frame),
            "tables": [[len(shape.table.rows), len(shape.table.columns)] for shape in shapes if shape.has_table],
            "pictures": [shape.image.content_type for shape in shapes if shape.shape_type == 13],
            "jumps": [
                run.hyperlink.address for shape in shapes if shape.has_text_frame
                for paragraph in shape.text_frame.paragraphs for run in paragraph.runs if run.hyperlink.address
            ],
        })
    out.append({
        "size": [deck.slide_width, deck.slide_height], "title": properties.title, "author": properties.author,
        "subject": properties.subject, "keywords": properties.keywords, "created": str(properties.created), "slides": slides,
    })
print(json.dumps(out))
"#;

/// The Python that knows presentations; made once, in the user's cache folder, and kept between runs.
fn python() -> PathBuf {
    static MAKING: Mutex<()> = Mutex::new(());
    let _alone = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = crate::python_kernel::environment_folder().with_file_name("python-pptx");
    let python = folder.join("bin/python");
    let knows = |python: &Path| {
        Command::new(python).args(["-c", "import pptx"]).output().is_ok_and(|ran| ran.status.success())
    };
    if !knows(&python) {
        std::fs::create_dir_all(&folder).unwrap();
        let made = Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder)
            .output()
            .expect("python3 is missing");
        assert!(made.status.success(), "python3-venv is missing: {}", text(&made.stderr));
        let got =
            Command::new(&python).args(["-m", "pip", "install", "--quiet", "python-pptx"]).output().unwrap();
        assert!(got.status.success(), "python-pptx cannot be had: {}", text(&got.stderr));
    }
    python
}

/// What python-pptx sees in each of these presentations.
pub fn seen_by_python(paths: &[PathBuf]) -> Vec<Value> {
    let ran = Command::new(python()).args(["-c", LOOK]).args(paths).output().unwrap();
    assert!(ran.status.success(), "python-pptx does not open them: {}", text(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

/// How many pages `LibreOffice` makes of each of these presentations.
pub fn pages_by_office(paths: &[PathBuf], folder: &Path) -> Vec<u32> {
    let (profile, pdfs) = (folder.join("office-profile"), folder.join("pdfs"));
    std::fs::create_dir_all(&pdfs).unwrap();
    let ran = Command::new("soffice")
        .arg(format!("-env:UserInstallation=file://{}", profile.display()))
        .args(["--headless", "--convert-to", "pdf", "--outdir"])
        .arg(&pdfs)
        .args(paths)
        .env("HOME", folder)
        .output()
        .expect("LibreOffice is missing (Debian: libreoffice-impress)");
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let workspace = Workspace::open(&pdfs).unwrap();
    let shelf = Shelf::new(folder.join("shelf"));
    let pages = |path: &PathBuf| {
        let name = path.with_extension("pdf").file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            pdfs.join(&name).is_file(),
            "LibreOffice made nothing of {}: {}",
            path.display(),
            text(&ran.stderr)
        );
        let source =
            Source::Live { workspace: workspace.clone(), path: WorkspacePath::parse(&name).unwrap() };
        match describe(&source, &shelf).unwrap().meta {
            Some(ArtifactMeta::Document { pages: Some(pages), .. }) => pages,
            other => panic!("{name} has no pages: {other:?}"),
        }
    };
    paths.iter().map(pages).collect()
}
