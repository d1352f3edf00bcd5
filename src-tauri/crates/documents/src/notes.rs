//! What was met on the way and is told beside the text.

use std::collections::BTreeMap;

/// Something that the text does not show in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Note {
    Picture,
    Chart,
    Diagram,
    Formula,
    FormulaWithoutValue,
    Deletion,
    Equation,
    Embedded,
    Macro,
    MergedCell,
    Unreadable,
    EmptyPage,
    CutOff,
    UnknownLetter,
    CutRow,
    CutColumn,
    CutCell,
    SpeakerNotes,
}

impl Note {
    fn words(self, number: u64) -> String {
        let some = |one: &str, many: &str| {
            if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
        };
        match self {
            Self::Picture => format!("{} left out.", some("picture was", "pictures were")),
            Self::Chart => format!("{} left out.", some("chart was", "charts were")),
            Self::Diagram => format!("{} left out.", some("diagram was", "diagrams were")),
            Self::Formula => format!(
                "Formulas show the values that were stored with them ({}).",
                some("formula", "formulas")
            ),
            Self::FormulaWithoutValue => {
                format!(
                    "{} stored value, and stands as it is written.",
                    some("formula has no", "formulas have no")
                )
            }
            Self::Deletion => {
                format!(
                    "{} that a reviewer deleted (tracked changes) left out.",
                    some("passage was", "passages were")
                )
            }
            Self::Equation => format!("{} shown as plain text.", some("equation is", "equations are")),
            Self::Embedded => format!("{} left out.", some("embedded file was", "embedded files were")),
            Self::Macro => "It contains macros, which were neither run nor shown.".to_owned(),
            Self::MergedCell => format!(
                "{}: the text stands in the first cell, the others are empty.",
                some("group of cells is merged", "groups of cells are merged")
            ),
            Self::Unreadable => format!("{} damaged and left out.", some("part is", "parts are")),
            Self::CutOff => "The end of the file is missing, and with it what tells how its parts belong together: what could be \
                             found is shown, and may be wrong or incomplete."
                .to_owned(),
            Self::EmptyPage => format!(
                "{} no text (a scan or a drawing, perhaps); nothing was recognised from pictures.",
                some("page has", "pages have")
            ),
            Self::UnknownLetter => {
                format!("{} no letter that is known and shown as \u{fffd}.", some("glyph has", "glyphs have"))
            }
            Self::CutRow => format!("{} left out: the sheet is too long.", some("row was", "rows were")),
            Self::CutColumn => {
                format!("{} cut at the right: the sheet is too wide.", some("row was", "rows were"))
            }
            Self::CutCell => format!("{} cut in length.", some("cell was", "cells were")),
            Self::SpeakerNotes => format!("{} speaker notes.", some("slide has", "slides have")),
        }
    }
}

/// Why a text is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// Letters in the colour of what is behind them.
    Colour,
    /// Letters too small to be seen.
    Size,
    /// Marked as hidden.
    Marked,
    /// On a slide that is not shown.
    Slide,
    /// On a sheet that is not shown.
    Sheet,
    /// In a row or column that is not shown.
    RowOrColumn,
    /// Drawn without ink.
    Invisible,
    /// Outside of the page or slide.
    Outside,
    /// Under a shape that is drawn over them.
    Covered,
}

impl Why {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Colour => "letters in the colour of the background",
            Self::Size => "letters too small to be seen",
            Self::Marked => "marked as hidden",
            Self::Slide => "on a hidden slide",
            Self::Sheet => "on a hidden sheet",
            Self::RowOrColumn => "in a hidden row or column",
            Self::Invisible => "letters drawn invisibly",
            Self::Outside => "outside of the visible area",
            Self::Covered => "letters covered by a shape",
        }
    }
}

/// Counts what is met.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    counts: BTreeMap<Note, u64>,
    hidden: BTreeMap<Why, u64>,
    sentences: Vec<String>,
}

impl Notes {
    pub(crate) fn add(&mut self, note: Note) {
        *self.counts.entry(note).or_default() += 1;
    }

    pub(crate) fn hidden(&mut self, why: Why) {
        *self.hidden.entry(why).or_default() += 1;
    }

    /// A remark of its own words.
    pub(crate) fn say(&mut self, sentence: impl Into<String>) {
        self.sentences.push(sentence.into());
    }

    pub(crate) fn add_many(&mut self, note: Note, number: u64) {
        if number > 0 {
            *self.counts.entry(note).or_default() += number;
        }
    }

    /// Takes over what was met in a part that was written apart.
    pub(crate) fn join(&mut self, other: Self) {
        for (note, count) in other.counts {
            *self.counts.entry(note).or_default() += count;
        }
        for (why, count) in other.hidden {
            *self.hidden.entry(why).or_default() += count;
        }
        self.sentences.extend(other.sentences);
    }

    pub(crate) fn hidden_passages(&self) -> u64 {
        self.hidden.values().sum()
    }

    pub(crate) fn remarks(mut self) -> Vec<String> {
        let hidden = self.hidden_passages();
        if hidden > 0 {
            let reasons: Vec<String> =
                self.hidden.iter().map(|(why, count)| format!("{count} {}", why.words())).collect();
            self.sentences.insert(
                0,
                format!(
                    "It contains text that a reader of the document does not see; it is quoted as hidden text: {}.",
                    reasons.join(", ")
                ),
            );
        }
        self.sentences.extend(self.counts.iter().map(|(note, count)| note.words(*count)));
        self.sentences
    }
}
