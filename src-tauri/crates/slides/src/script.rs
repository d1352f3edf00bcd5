//! The script that measures a page, put together from its parts.

/// The parts in the order in which they need each other.
const PARTS: [&str; 13] = [
    include_str!("page/values.js"),
    include_str!("page/fonts.js"),
    include_str!("page/boxes.js"),
    include_str!("page/cuts.js"),
    include_str!("page/inlines.js"),
    include_str!("page/text.js"),
    include_str!("page/lists.js"),
    include_str!("page/tables.js"),
    include_str!("page/vectors.js"),
    include_str!("page/prepare.js"),
    include_str!("page/backdrops.js"),
    include_str!("page/walk.js"),
    include_str!("page/draw.js"),
];
const MEASURE: &str = include_str!("page/measure.js");

/// Brings the script into the page and lets it come to rest; gives the boxes of the slides.
pub(crate) fn prepare() -> String {
    let mut out = String::from("(async () => {\n'use strict';\n");
    for part in PARTS {
        out.push_str(part);
        out.push('\n');
    }
    out.push_str(MEASURE);
    out.push_str(
        "\nglobalThis.okcvmDeck = { loadDeck, measureDeck, showAlone, showAll, similarity: (index, url) => similarityOf(scenes[index], url) };\nreturn prepareDeck();\n})()",
    );
    out
}

/// Waits for what the deck is measured with.
pub(crate) const LOAD_DECK: &str = "okcvmDeck.loadDeck()";

/// Measures the deck.
pub(crate) const MEASURE_DECK: &str = "okcvmDeck.measureDeck()";

/// How alike the items of a slide are to a PNG of it.
pub(crate) fn similarity(index: usize, png: &str) -> String {
    format!("okcvmDeck.similarity({index}, 'data:image/png;base64,{png}')")
}

/// Shows one element alone and gives its box.
pub(crate) fn show_alone(id: u32) -> String {
    format!("okcvmDeck.showAlone({id})")
}

/// Takes that back.
pub(crate) const SHOW_ALL: &str = "okcvmDeck.showAll()";
