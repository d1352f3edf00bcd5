//! The colours of a slide: those of its theme, and what lies behind its shapes.

use std::collections::HashMap;

use crate::archive::Archive;
use crate::limits::Budget;
use crate::office::{Relations, related, relations};
use crate::text::Colour;
use crate::xml::{self, Element};
use crate::{DocumentError, DocumentKind};

/// The colours of a slide.
pub(super) struct Theme {
    /// By the names that shapes use, such as `bg1` and `accent2`.
    colours: HashMap<String, Colour>,
    /// The colour of the slide; `None` if it is a picture or unknown.
    pub(super) background: Option<Colour>,
}

impl Theme {
    /// Follows slide, layout, master and theme.
    pub(super) fn of(
        archive: &mut Archive<'_>,
        slide: &Element,
        links: &Relations,
        budget: &Budget,
    ) -> Result<Self, DocumentError> {
        let mut follow =
            |links: &Relations, what: &str| -> Result<Option<(Element, Relations)>, DocumentError> {
                let Some(name) = related(links, what) else { return Ok(None) };
                let Some(text) = archive.text(name)? else { return Ok(None) };
                let tree = xml::tree(&text, name, DocumentKind::Pptx, budget)?;
                let links = relations(archive, name, DocumentKind::Pptx, budget)?;
                Ok(Some((tree, links)))
            };
        let layout = follow(links, "slideLayout")?;
        let master = match &layout {
            Some((_, links)) => follow(links, "slideMaster")?,
            None => None,
        };
        let theme = match &master {
            Some((_, links)) => follow(links, "theme")?,
            None => None,
        };
        let mut colours = HashMap::new();
        let scheme = theme.as_ref().and_then(|(theme, _)| theme.at(&["a:themeElements", "a:clrScheme"]));
        for colour in scheme.iter().flat_map(|scheme| scheme.elements()) {
            if let (Some(name), Some(value)) = (colour.name.strip_prefix("a:"), literal(colour)) {
                colours.insert(name.to_owned(), value);
            }
        }
        if let Some(map) = master.as_ref().and_then(|(master, _)| master.child("p:clrMap")) {
            for (name, target) in &map.attributes {
                if let Some(colour) = colours.get(&**target).copied() {
                    colours.insert(name.to_string(), colour);
                }
            }
        }
        colours.entry("bg1".to_owned()).or_insert(Colour::WHITE);
        colours.entry("tx1".to_owned()).or_insert(Colour::BLACK);
        let mut theme = Self { colours, background: Some(Colour::WHITE) };
        let backgrounds =
            [Some(slide), layout.as_ref().map(|(tree, _)| tree), master.as_ref().map(|(tree, _)| tree)];
        for tree in backgrounds.into_iter().flatten() {
            let Some(background) = tree.at(&["p:cSld", "p:bg"]) else { continue };
            theme.background = if let Some(reference) = background.child("p:bgRef") {
                // Only the first fill of a theme is surely one colour.
                (reference.attribute("idx") == Some("1001")).then(|| theme.colour(reference)).flatten()
            } else {
                background.child("p:bgPr").and_then(|properties| fill(properties, &theme)?.colour())
            };
            break;
        }
        Ok(theme)
    }

    /// The colour within an element such as `solidFill`, as far as it is not changed by light and shade.
    pub(super) fn colour(&self, parent: &Element) -> Option<Colour> {
        if let Some(scheme) = parent.child("a:schemeClr") {
            let is_changed =
                scheme.elements().any(|change| matches!(&*change.name, "a:lumMod" | "a:shade" | "a:tint"));
            return if is_changed { None } else { self.colours.get(scheme.attribute("val")?).copied() };
        }
        literal(parent)
    }

    /// Whether a fill lets everything through.
    pub(super) fn is_clear(parent: &Element) -> bool {
        parent.elements().any(|colour| {
            colour
                .child("a:alpha")
                .and_then(|alpha| alpha.attribute("val")?.trim_end_matches('%').parse::<u32>().ok())
                .is_some_and(|alpha| alpha <= 2_000)
        })
    }
}

fn literal(parent: &Element) -> Option<Colour> {
    if let Some(colour) = parent.child("a:srgbClr") {
        return Colour::from_hex(colour.attribute("val")?);
    }
    if let Some(colour) = parent.child("a:sysClr") {
        return Colour::from_hex(colour.attribute("lastClr")?);
    }
    match parent.child("a:prstClr")?.attribute("val")? {
        "white" => Some(Colour::WHITE),
        "black" => Some(Colour::BLACK),
        _ => None,
    }
}

/// What fills a shape or a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// One colour.
    Colour(Colour),
    /// A picture, several colours, or a colour that is not known.
    Unknown,
}

impl Fill {
    fn of(colour: Option<Colour>) -> Self {
        colour.map_or(Self::Unknown, Self::Colour)
    }

    pub(super) const fn colour(self) -> Option<Colour> {
        match self {
            Self::Colour(colour) => Some(colour),
            Self::Unknown => None,
        }
    }
}

/// What an element's properties fill it with; `None` if with nothing that they name.
pub(super) fn fill(properties: &Element, theme: &Theme) -> Option<Fill> {
    properties.elements().find_map(|element| match &*element.name {
        "a:solidFill" => Some(Fill::of(theme.colour(element))),
        "a:gradFill" | "a:blipFill" | "a:pattFill" | "a:grpFill" => Some(Fill::Unknown),
        _ => None,
    })
}
