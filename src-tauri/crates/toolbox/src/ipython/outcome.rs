//! Collects what a cell gives: text for the model, pictures in the workspace, tables in files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use okcvm_protocol::{Artifact, ArtifactKind, ToolContent, ToolResult};
use okcvm_python::{CellEnd, Ran};
use okcvm_tools::ToolContext;
use okcvm_workspace::{Workspace, WorkspacePath};
use sha2::{Digest, Sha256};

use super::{Arguments, Network, kept, remarks, result, title};
use crate::call;
use crate::files::kind::{Kind, dimensions};
use crate::shell::capture::Capture;

/// Pictures of one cell that are kept.
const MOST_PICTURES: usize = 20;
/// The largest picture that goes to a model, in bytes.
const MAX_PICTURE: usize = 20 * 1024 * 1024;
/// Tables of one cell of which the HTML is kept.
const MOST_TABLES: usize = 20;
/// Where figures lie in the workspace.
const FIGURES: &str = "output/figures";
const SVG: &str = "image/svg+xml";

pub(super) struct Outcome<'a> {
    context: &'a ToolContext,
    capture: Capture,
    /// Bytes of text and HTML that are still taken. The kernel has a bound of its own, but user code can write to
    /// the same channel.
    room: u64,
    /// Bytes that were not.
    dropped: u64,
    /// The text so far ends in the middle of a line.
    in_line: bool,
    pictures: Vec<ToolContent>,
    tables: Vec<Artifact>,
    remarks: Vec<String>,
}

impl<'a> Outcome<'a> {
    /// With room for so many bytes of text and HTML.
    pub(super) fn new(context: &'a ToolContext, capture: Capture, room: u64) -> Self {
        Self {
            context,
            capture,
            room,
            dropped: 0,
            in_line: false,
            pictures: Vec::new(),
            tables: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Takes what there is room for.
    pub(super) async fn text(&mut self, text: &str) {
        let mut most = usize::try_from(self.room).map_or(text.len(), |room| room.min(text.len()));
        while !text.is_char_boundary(most) {
            most -= 1;
        }
        let (text, beyond) = text.split_at(most);
        self.room -= text.len() as u64;
        if !beyond.is_empty() {
            // A shorter text that comes later would stand in the wrong place.
            self.room = 0;
            self.dropped += beyond.len() as u64;
        }
        if let Some(last) = text.chars().last() {
            self.in_line = last != '\n';
            self.capture.take(text.as_bytes()).await;
        }
    }

    /// Text with lines of its own.
    pub(super) async fn paragraph(&mut self, text: &str) {
        if self.in_line {
            self.text("\n").await;
        }
        self.text(text).await;
        if self.in_line {
            self.text("\n").await;
        }
    }

    pub(super) fn show(&mut self) {
        self.capture.show(self.context.sink.as_ref());
    }

    pub(super) async fn discard(self) {
        self.capture.discard().await;
    }

    /// The best that a value offers: a picture, a table with its text, or text.
    pub(super) async fn display(&mut self, data: BTreeMap<String, String>) {
        let picture = data.iter().find(|(kind, _)| kind.starts_with("image/"));
        if let Some((kind, value)) = picture {
            let words = match self.picture(kind, value) {
                Ok(words) => words,
                Err(reason) => format!("[a picture that is not shown: {reason}]"),
            };
            self.paragraph(&words).await;
            return;
        }
        let plain = data.get("text/plain").map_or("", String::as_str);
        let html = data.get("text/html");
        if let Some(html) = html {
            self.table(html).await;
        }
        let text = data.get("text/latex").or_else(|| data.get("text/markdown")).map_or(plain, String::as_str);
        match html {
            // What Python says of an object that only HTML shows.
            Some(html) if plain.is_empty() || plain.starts_with("<IPython") => {
                self.paragraph(&without_tags(html)).await;
            }
            _ if text.is_empty() => {
                if let Some(value) = data.get("application/json") {
                    self.paragraph(value).await;
                }
            }
            _ => self.paragraph(text).await,
        }
    }

    /// Writes a picture into the workspace; the words that stand for it in the text.
    fn picture(&mut self, kind: &str, value: &str) -> Result<String, String> {
        if self.pictures.len() == MOST_PICTURES {
            return Err(format!("only the first {MOST_PICTURES} of a cell are"));
        }
        let (bytes, mime) = if kind == SVG {
            if !value.trim_start().starts_with('<') {
                return Err("it is not SVG".to_owned());
            }
            (value.as_bytes().to_vec(), SVG)
        } else {
            let joined: String = value.split_whitespace().collect();
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(joined)
                .map_err(|_| "it is not in base64".to_owned())?;
            match Kind::of(&bytes[..bytes.len().min(512)], "") {
                Some(Kind::Picture(mime)) => (bytes, mime),
                Some(Kind::Document(_) | Kind::Binary(_)) | None => {
                    return Err(format!("it is not of the kind {kind}"));
                }
            }
        };
        if bytes.len() > MAX_PICTURE {
            return Err(format!("it has {}", call::size(bytes.len() as u64)));
        }
        let ending = match mime {
            SVG => "svg",
            "image/jpeg" => "jpg",
            other => other.rsplit('/').next().unwrap_or("png"),
        };
        let hash = format!("{:x}", Sha256::digest(&bytes));
        let path = format!("{FIGURES}/figure-{}.{ending}", &hash[..12]);
        let place = WorkspacePath::parse(&path).map_err(|error| error.to_string())?;
        Workspace::open(&self.context.workspace_root)
            .and_then(|workspace| workspace.write_atomic(&place, &bytes))
            .map_err(|error| error.to_string())?;
        let pixels = dimensions(mime, &bytes)
            .map(|(width, height)| format!(", {width} x {height} pixels"))
            .unwrap_or_default();
        let words = format!(
            "[picture {}: {mime}{pixels}, {}, kept as {}]",
            self.pictures.len() + 1,
            call::size(bytes.len() as u64),
            place.mounted()
        );
        self.pictures.push(ToolContent::Image {
            mime: mime.to_owned(),
            path,
            hash,
            size: bytes.len() as u64,
        });
        Ok(words)
    }

    /// Keeps the HTML of a value beside the outputs of the session.
    async fn table(&mut self, html: &str) {
        if self.tables.len() == MOST_TABLES {
            return;
        }
        let size = html.len() as u64;
        if size > self.room {
            self.dropped += size;
            return;
        }
        self.room -= size;
        match self.keep(html).await {
            Ok(path) => self.tables.push(Artifact {
                kind: ArtifactKind::Output,
                title: "HTML".to_owned(),
                path: path.to_string_lossy().into_owned(),
                url: None,
                deployment: None,
                size: Some(size),
                meta: None,
                fidelity: None,
                hash: None,
                node_id: None,
            }),
            Err(error) => {
                let remark = format!("the HTML could not be kept: {error}");
                if !self.remarks.contains(&remark) {
                    self.remarks.push(remark);
                }
            }
        }
    }

    async fn keep(&self, html: &str) -> std::io::Result<PathBuf> {
        let folder = self.context.session_folder.join("outputs");
        tokio::fs::create_dir_all(&folder).await?;
        let item: String =
            self.context.item_id.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
        let path = folder.join(format!("{item}-{}.html", self.tables.len() + 1));
        tokio::fs::write(&path, html).await?;
        Ok(path)
    }

    pub(super) async fn finish(self, arguments: &Arguments, ran: &Ran, network: &Network) -> ToolResult {
        let captured = self.capture.finish().await;
        let mut said = self.remarks;
        let mut artifacts = Vec::new();
        match kept(captured.kept, arguments) {
            Ok(artifact) => artifacts.extend(artifact),
            Err(error) => said.push(format!("the full output could not be kept: {error}")),
        }
        artifacts.extend(self.tables.into_iter().map(|mut table| {
            table.title = title("HTML", &arguments.code);
            table
        }));
        let ran = Ran { dropped: ran.dropped.saturating_add(self.dropped), ..ran.clone() };
        said.extend(remarks(arguments, &ran, network));
        let mut text = captured.text;
        if text.is_empty() && self.pictures.is_empty() && ran.end == CellEnd::Done {
            text.push_str("(no output)");
        }
        if !said.is_empty() && !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let lines: Vec<String> = said.iter().map(|remark| format!("[{remark}]")).collect();
        text.push_str(&lines.join("\n"));
        result(text, self.pictures, ran.end != CellEnd::Done, artifacts)
    }
}

/// The text of HTML, for a value that has no other. Whoever needs more has the file.
fn without_tags(html: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for character in html.chars() {
        match character {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                text.push(' ');
            }
            _ if in_tag => {}
            _ => text.push(character),
        }
    }
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    format!("[HTML] {}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use okcvm_python::KernelKind;

    use super::*;
    use crate::testing::{Desk, text_of};

    async fn finished(outcome: Outcome<'_>) -> ToolResult {
        let arguments = Arguments { code: "1".to_owned(), restart: false };
        let ran = Ran {
            end: CellEnd::Done,
            kind: KernelKind::Plain,
            dropped: 1_000,
            notes: Vec::new(),
            packages: Vec::new(),
        };
        outcome.finish(&arguments, &ran, &Network::On).await
    }

    #[tokio::test]
    async fn beyond_the_room_nothing_is_taken_and_it_is_said_how_much() {
        let desk = Desk::new();
        let capture = || Capture::new(&desk.context.session_folder, &desk.context.item_id);
        let mut outcome = Outcome::new(&desk.context, capture(), 4);
        outcome.text("aéé").await;
        outcome.text("b").await;
        assert_eq!(outcome.dropped, 3);
        let said = text_of(&finished(outcome).await);
        let remark = format!("[{} of the output, beyond the limits, went nowhere]", call::size(1_003));
        assert_eq!(said, format!("aé\n{remark}"));

        // HTML counts as a file and as text.
        let mut outcome = Outcome::new(&desk.context, capture(), 21);
        let html = |text: &str| BTreeMap::from([("text/html".to_owned(), text.to_owned())]);
        outcome.display(html("<b>1</b>")).await;
        outcome.display(html("<b>more than there is room for</b>")).await;
        let result = finished(outcome).await;
        assert!(text_of(&result).starts_with("[HTML] 1\n[HTM\n["), "{}", text_of(&result));
        let [kept] = result.artifacts.as_slice() else { panic!("{:?}", result.artifacts) };
        assert_eq!(std::fs::read_to_string(&kept.path).unwrap(), "<b>1</b>");
    }

    #[test]
    fn of_html_the_text_stays() {
        assert_eq!(without_tags("<p>a <b>b</b></p>\n\n<i>c"), "[HTML] a b\nc");
        assert_eq!(without_tags("1 > 0"), "[HTML] 1 > 0");
    }
}
