//! The script that measures a page, put together from its parts.

/// The parts in the order in which they need each other.
const PARTS: [&str; 9] = [
    include_str!("page/values.js"),
    include_str!("page/fonts.js"),
    include_str!("page/boxes.js"),
    include_str!("page/text.js"),
    include_str!("page/lists.js"),
    include_str!("page/tables.js"),
    include_str!("page/vectors.js"),
    include_str!("page/prepare.js"),
    include_str!("page/walk.js"),
];
const MEASURE: &str = include_str!("page/measure.js");

/// Measures the deck; what it needs for pictures stays in the world of the script.
pub(crate) fn measure() -> String {
    let mut out = String::from("(async () => {\n'use strict';\n");
    for part in PARTS {
        out.push_str(part);
        out.push('\n');
    }
    out.push_str(MEASURE);
    out.push_str("\nglobalThis.okcvmDeck = { showAlone, showAll };\nreturn measureDeck();\n})()");
    out
}

/// Where the slides stand in the page, before anything is changed for the measuring.
pub(crate) const COUNT: &str = "document.querySelectorAll('.ppt-slide').length";

/// Shows one element alone and gives its box.
pub(crate) fn show_alone(id: u32) -> String {
    format!("okcvmDeck.showAlone({id})")
}

/// Takes that back.
pub(crate) const SHOW_ALL: &str = "okcvmDeck.showAll()";
