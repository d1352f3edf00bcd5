//! Which text of a page is not seen, by attributes, styles and the rules of its own style sheets.
//!
//! The rules are applied as a browser does, in their order and by what they name, but for what cannot be told from the page
//! alone: rules that hold only sometimes, and selectors of other kinds than names, classes, ids and what lies within what.

mod sheet;
mod values;

use std::collections::HashMap;

use self::sheet::{Declaration, Sheet};
use self::values::{Ink, background, clips_all, ink, length, moves_out, shorthand_size, shrinks};
use crate::notes::Why;
use crate::text::Colour;
use crate::xml::Element;

/// Why text that stands in an element is not seen, for every element of a page.
pub(super) struct Hidden {
    /// By the place of the element in memory, which it keeps while it is read.
    why: HashMap<*const Element, Why>,
}

/// What an element passes on to those in it.
#[derive(Debug, Clone, Copy)]
struct State {
    /// For good, whatever an element within says.
    hidden: Option<Why>,
    letters: Option<Ink>,
    /// What is behind the letters; `None` if that cannot be told.
    behind: Option<Colour>,
    /// Pixels.
    size: f64,
}

impl Hidden {
    /// Of a page and the text of its style sheets.
    pub(super) fn new(root: &Element, styles: &str) -> Self {
        let mut sheet = Sheet::new(styles);
        let mut hidden = Self { why: HashMap::new() };
        let state = State {
            hidden: None,
            letters: None,
            behind: (!sheet.has_unknown_backgrounds()).then_some(Colour::WHITE),
            size: 16.0,
        };
        let mut above = Vec::new();
        hidden.walk(root, state, &mut sheet, &mut above);
        hidden
    }

    /// Why the text of an element is not seen.
    pub(super) fn of(&self, element: &Element) -> Option<Why> {
        self.why.get(&std::ptr::from_ref(element)).copied()
    }

    fn walk<'a>(
        &mut self,
        parent: &'a Element,
        state: State,
        sheet: &mut Sheet,
        above: &mut Vec<&'a Element>,
    ) {
        above.push(parent);
        for element in parent.elements() {
            let inner = within(element, state, sheet, above);
            if let Some(why) = inner.why() {
                self.why.insert(std::ptr::from_ref(element), why);
            }
            self.walk(element, inner, sheet, above);
        }
        above.pop();
    }
}

impl State {
    fn why(&self) -> Option<Why> {
        if self.hidden.is_some() {
            return self.hidden;
        }
        if self.size <= 1.5 {
            return Some(Why::Size);
        }
        match (self.letters?, self.behind) {
            (Ink::None, _) => Some(Why::Invisible),
            (Ink::Of(letters), Some(behind)) if letters.vanishes_on(behind) => Some(Why::Colour),
            (Ink::Of(_), _) => None,
        }
    }
}

fn within(element: &Element, around: State, sheet: &mut Sheet, above: &[&Element]) -> State {
    let mut state = around;
    if element.attribute("hidden").is_some_and(|value| value != "until-found") || &*element.name == "noscript"
    {
        state.hidden = state.hidden.or(Some(Why::Marked));
    }
    if let Some(value) = element.attribute("bgcolor") {
        state.behind = background(&value.to_ascii_lowercase(), state.behind);
    }
    let of_letters = match &*element.name {
        "font" => element.attribute("color"),
        "body" => element.attribute("text"),
        _ => None,
    };
    if let Some(value) = of_letters {
        state.letters = ink(&value.to_ascii_lowercase());
    }
    let mut declarations = sheet.declarations(element, above);
    if let Some(style) = element.attribute("style") {
        declarations.extend(sheet::declarations(style));
    }
    // Later ones win, and important ones over all others.
    declarations.sort_by_key(|declaration| declaration.is_important);
    apply(&declarations, around.size, &mut state);
    state
}

fn apply(declarations: &[Declaration], size_around: f64, state: &mut State) {
    // Of each property, the last that was declared.
    let mut values: HashMap<&str, &str> = HashMap::new();
    for declaration in declarations {
        match declaration.name.as_str() {
            "font" => {
                if let Some(pixels) = shorthand_size(&declaration.value, size_around) {
                    state.size = pixels;
                }
            }
            "font-size" => {
                if let Some(pixels) = length(&declaration.value, size_around) {
                    state.size = pixels;
                }
            }
            "background" | "background-color" | "background-image" => {
                state.behind = background(&declaration.value, state.behind);
            }
            "color" if declaration.value != "inherit" => state.letters = ink(&declaration.value),
            _ => {}
        }
        values.insert(&declaration.name, &declaration.value);
    }
    let value = |name: &str| values.get(name).copied().unwrap_or_default();
    let pixels = |name: &str| length(value(name), state.size);
    let is_far = |name: &str| pixels(name).is_some_and(|pixels| pixels <= -900.0);
    let is_cut = ["overflow", "overflow-x", "overflow-y"]
        .iter()
        .any(|name| value(name).split_whitespace().any(|value| matches!(value, "hidden" | "clip")));
    let is_flat = ["width", "height", "max-width", "max-height"]
        .iter()
        .any(|name| pixels(name).is_some_and(|pixels| pixels <= 1.0));
    let opacity = value("opacity");
    let opacity = match opacity.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => opacity.parse(),
    };
    let found = if value("display") == "none" || matches!(value("visibility"), "hidden" | "collapse") {
        Some(Why::Marked)
    } else if opacity.is_ok_and(|opacity| opacity <= 0.02) {
        Some(Why::Invisible)
    } else if ["text-indent", "left", "right", "top", "bottom", "margin-left", "margin-top"]
        .iter()
        .any(|name| is_far(name))
        || moves_out(value("transform"))
        || moves_out(&format!("translate({})", value("translate")))
    {
        Some(Why::Outside)
    } else if (is_flat && is_cut)
        || clips_all(value("clip"))
        || clips_all(value("clip-path"))
        || shrinks(value("transform"))
        || shrinks(&format!("scale({})", value("scale")))
    {
        Some(Why::Size)
    } else {
        None
    };
    state.hidden = state.hidden.or(found);
}
