use serde_json::{Value, json};

use super::*;

fn fidelity() -> SlideFidelity {
    SlideFidelity {
        title: "One".to_owned(),
        notes: false,
        hidden: false,
        texts: 2,
        shapes: 1,
        tables: 0,
        pictures: 0,
        pictured: Vec::new(),
        simplified: Vec::new(),
        missing: Vec::new(),
        fonts: Vec::new(),
        outside: Vec::new(),
        similarity: None,
    }
}

fn told(slides: Vec<SlideFidelity>) -> Vec<String> {
    let deck = DeckFidelity { engine: "an engine".to_owned(), slides };
    in_short(&deck).lines().map(str::to_owned).collect()
}

#[test]
fn a_deck_without_losses_is_one_line_of_counts() {
    assert_eq!(
        told(vec![fidelity(), fidelity()]),
        ["2 slides: 4 text boxes, 2 shapes, 0 tables and 0 pictures are native and can be edited."]
    );
    assert_eq!(
        told(vec![SlideFidelity { texts: 1, tables: 1, pictures: 1, ..fidelity() }]),
        ["1 slide: 1 text box, 1 shape, 1 table and 1 picture are native and can be edited."]
    );
}

#[test]
fn every_loss_is_named_with_its_slide() {
    let font = FontSubstitute { wanted: "Inter".to_owned(), used: "Liberation Sans".to_owned() };
    let second = SlideFidelity {
        title: String::new(),
        pictured: vec![PicturedPart { what: "a canvas".to_owned(), why: "a drawing of a script".to_owned() }],
        simplified: vec!["a conic gradient became its middle colour".to_owned()],
        missing: vec!["img/none.png".to_owned()],
        fonts: vec![font.clone()],
        outside: vec!["A line that is".to_owned()],
        similarity: Some(0.6),
        ..fidelity()
    };
    let first = SlideFidelity { fonts: vec![font], similarity: Some(0.99), ..fidelity() };
    assert_eq!(
        told(vec![first, second]),
        [
            "2 slides: 4 text boxes, 2 shapes, 0 tables and 0 pictures are native and can be edited; what could not \
             be kept so is named below.",
            "Slide 2: a canvas became a picture (a drawing of a script).",
            "Slide 2: the picture img/none.png is missing.",
            "Slide 2: a conic gradient became its middle colour.",
            "Slide 2: text reaches out of the page: \"A line that is\".",
            "Slide 2 has no title; a heading (h1 or h2) becomes one.",
            "Slide 2 looks unlike its page (similarity 0.60 of 1).",
            "The font Inter is not installed here; Liberation Sans took its place.",
        ]
    );
}

fn scene(items: &Value, remarks: &Value) -> Deck {
    serde_json::from_value(json!({
        "title": "", "author": "", "subject": "", "keywords": "", "shots": [],
        "slides": [{
            "width": 1024, "height": 576, "title": "A title", "notes": "  \n", "hidden": true, "background": null,
            "items": items, "report": remarks,
        }],
    }))
    .unwrap()
}

#[test]
fn items_are_counted_by_what_they_are() {
    let run = |text: &str| json!({"text": text, "size": 16});
    let paragraph = json!({"pitch": 20, "runs": [run("The beginning of a text that is much longer "), run("than what a report should quote of it")]});
    let place = json!({"x": 0, "y": 0, "w": 10, "h": 10});
    let item = |more: Value| {
        let mut item = place.clone();
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    };
    let picture = |source: &str| {
        item(
            json!({"kind": "picture", "form": {"type": "rect"}, "crop": [0, 0, 0, 0], "source": source, "alpha": 1}),
        )
    };
    let items = json!([
        item(json!({"kind": "text", "paragraphs": [paragraph], "outside": true})),
        item(json!({"kind": "shape", "form": {"type": "ellipse"}})),
        item(json!({"kind": "table", "columns": [5, 5], "rows": [5], "cells": []})),
        picture("a.png"),
        picture("shot:1"),
    ]);
    let own = format!("http://{}/img/%E6%B5%B7.png", crate::files::HOST);
    let remarks = json!({
        "pictures": [{"what": "an element", "why": "a filter"}], "simplified": [],
        "missing": [own, "https://example.com/x.png", "y".repeat(500)], "fonts": [],
    });
    let made = report(&scene(&items, &remarks), "Engine 1");
    assert_eq!(made.engine, "Engine 1");
    let expected = SlideFidelity {
        title: "A title".to_owned(),
        hidden: true,
        texts: 1,
        shapes: 1,
        tables: 1,
        // One of the two is the picture of an element.
        pictures: 1,
        pictured: vec![PicturedPart { what: "an element".to_owned(), why: "a filter".to_owned() }],
        missing: vec![
            "img/%E6%B5%B7.png".to_owned(),
            "https://example.com/x.png".to_owned(),
            "y".repeat(120),
        ],
        outside: vec!["The beginning of a text that is much longer than what a repo".to_owned()],
        ..fidelity()
    };
    assert_eq!(made.slides, [expected]);
}
