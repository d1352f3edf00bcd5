use std::sync::Mutex;

use okcvm_slides::{Area, OpenPage, Resources};
use serde_json::json;

use super::*;
use crate::testing::{Desk, text_of};

/// What was asked for, and how long it is.
type Asked = Arc<Mutex<Vec<(String, Option<usize>)>>>;

/// An engine that measures nothing: it answers with a scene that was written by hand, and notes what it was asked for.
struct Scripted {
    scene: Value,
    asked: Asked,
}

#[async_trait]
impl Renderer for Scripted {
    async fn open(
        &self,
        address: &str,
        resources: Arc<dyn Resources>,
    ) -> Result<Box<dyn OpenPage>, SlidesError> {
        let base = address.rsplit_once('/').unwrap().0.to_owned();
        for wanted in [
            address.to_owned(),
            format!("{base}/img/a.png"),
            format!("{base}/%2e%2e/%2e%2e/etc/passwd"),
            "https://example.com/x.png".to_owned(),
        ] {
            let found = resources.find(&wanted).map(|resource| resource.bytes.len());
            self.asked.lock().unwrap().push((wanted, found));
        }
        Ok(Box::new(ScriptedPage(self.scene.clone())))
    }

    fn name(&self) -> String {
        "scripted".to_owned()
    }
}

struct ScriptedPage(Value);

#[async_trait]
impl OpenPage for ScriptedPage {
    async fn run(&mut self, script: &str) -> Result<Value, SlidesError> {
        let slides = self.0["slides"].as_array().unwrap().len();
        Ok(match script {
            script if script.contains("prepareDeck") => {
                json!(vec![json!({"x": 0, "y": 0, "w": 1024, "h": 576}); slides])
            }
            script if script.contains("measureDeck") => self.0.clone(),
            _ => json!({"alike": 0.9, "strange": []}),
        })
    }

    async fn picture(&mut self, _area: Area, _scale: f64) -> Result<Vec<u8>, SlidesError> {
        Ok(Vec::new())
    }
}

struct OneEngine {
    scene: Value,
    asked: Asked,
}

impl Engines for OneEngine {
    fn engine(&self, _owner: ProcessOwner) -> Result<Box<dyn Renderer>, SlidesError> {
        Ok(Box::new(Scripted { scene: self.scene.clone(), asked: self.asked.clone() }))
    }
}

struct NoEngines;

impl Engines for NoEngines {
    fn engine(&self, _owner: ProcessOwner) -> Result<Box<dyn Renderer>, SlidesError> {
        Err(SlidesError::NoEngine)
    }
}

fn scene(slides: usize) -> Value {
    let slide = json!({
        "width": 1024, "height": 576, "title": "One", "notes": "", "hidden": false, "background": null, "items": [],
        "report": {"pictures": [], "simplified": [], "missing": [], "fonts": []},
    });
    json!({"title": "", "author": "", "subject": "", "keywords": "", "shots": [], "slides": vec![slide; slides]})
}

fn tool(slides: usize) -> (SlidesTool, Asked) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    (
        SlidesTool::new(
            Arc::new(OneEngine { scene: scene(slides), asked: asked.clone() }),
            Arc::new(|_, _| {}),
        ),
        asked,
    )
}

#[test]
fn the_presentation_stands_beside_its_page_and_gives_way_to_a_file_of_the_user() {
    let desk = Desk::new();
    let (tool, _) = tool(1);
    desk.put("talk/deck.html", "<div class=ppt-slide></div>");
    let first = desk.text(&tool, json!({"file_path": "/mnt/okcomputer/talk/deck.html"}));
    assert!(first.contains("/mnt/okcomputer/talk/deck.pptx"), "{first}");
    assert!(desk.bytes("talk/deck.pptx").starts_with(b"PK"));
    // Its own earlier result is replaced.
    desk.text(&tool, json!({"file_path": "talk/deck.html"}));
    assert!(!desk.path("talk/deck-2.pptx").exists());
    // A file that the session has not written stays.
    desk.put("talk/deck.pptx", "mine");
    let second = desk.text(&tool, json!({"file_path": "talk/deck.html"}));
    assert!(second.contains("deck-2.pptx"), "{second}");
    assert_eq!(desk.bytes("talk/deck.pptx"), b"mine");
}

#[test]
fn slides_given_as_text_are_kept_as_a_page() {
    let desk = Desk::new();
    let (tool, _) = tool(1);
    let result = desk.call(&tool, json!({"content": "<div class=ppt-slide>A</div>"})).unwrap();
    assert_eq!(desk.bytes("slides.html"), b"<div class=ppt-slide>A</div>");
    assert_eq!(
        (result.artifacts[0].kind, result.artifacts[0].path.as_str()),
        (ArtifactKind::Deck, "slides.pptx")
    );
    assert!(text_of(&result).contains("1 slide"));
}

#[test]
fn a_page_reaches_its_workspace_and_nothing_else() {
    let desk = Desk::new();
    let (tool, asked) = tool(1);
    desk.put("talk/deck.html", "<div class=ppt-slide></div>");
    desk.put("talk/img/a.png", [1, 2, 3]);
    desk.text(&tool, json!({"file_path": "talk/deck.html"}));
    let found: Vec<Option<usize>> = asked.lock().unwrap().iter().map(|(_, found)| *found).collect();
    assert_eq!(found, [Some(27), Some(3), None, None]);
}

#[test]
fn what_cannot_be_is_said() {
    let desk = Desk::new();
    let (one, _) = tool(1);
    let (none, _) = tool(0);
    desk.put("deck.html", "<p>no slides</p>");
    assert!(desk.error(&none, json!({"file_path": "deck.html"})).contains("ppt-slide"));
    assert!(desk.error(&one, json!({"file_path": "dek.html"})).contains("deck.html"));
    assert!(desk.error(&one, json!({})).contains("file_path"));
    assert!(desk.error(&one, json!({"file_path": "deck.html", "content": "x"})).contains("not both"));
    assert!(desk.error(&one, json!({"file_path": "../deck.html"})).len() > 10);
    let (many, _) = tool(301);
    assert!(desk.error(&many, json!({"file_path": "deck.html"})).contains("301"));
    let without = SlidesTool::new(Arc::new(NoEngines), Arc::new(|_, _| {}));
    assert!(desk.error(&without, json!({"file_path": "deck.html"})).contains("apt install chromium"));
    assert!(!desk.path("deck.pptx").exists());
}
