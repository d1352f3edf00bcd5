//! `PowerPoint` presentations (ECMA-376, part 1, chapter 19).

mod colours;

use std::rc::Rc;

use self::colours::{Theme, fill};
use super::docx::{MAX_INNER, cell_text};
use super::{Relations, main_part, related, relations};
use crate::archive::Archive;
use crate::document::Parts;
use crate::limits::Budget;
use crate::markdown::{Inline, Style, Writer, table};
use crate::notes::{Note, Why};
use crate::outline::MAX_SLIDES;
use crate::text::Colour;
use crate::xml::{self, Element};
use crate::{DocumentError, DocumentKind};

const KIND: DocumentKind = DocumentKind::Pptx;
/// Hundredths of a point up to which letters cannot be read by eye.
const INVISIBLE_SIZE: u32 = 150;
/// Boxes of a slide that are looked at for what they cover.
const MOST_LIDS: usize = 500;
/// The usual size of a slide in EMU.
const USUAL_SIZE: (i64, i64) = (12_192_000, 6_858_000);

pub(crate) fn read(bytes: &[u8], budget: &Budget, out: &mut Writer) -> Result<Parts, DocumentError> {
    let mut archive = Archive::open(bytes, KIND, budget)?;
    let (slides, size) = list(&mut archive, budget)?;
    if archive.names().iter().any(|name| name.ends_with("vbaProject.bin")) {
        out.notes.add(Note::Macro);
    }
    for (index, name) in slides.iter().enumerate() {
        if out.is_full() {
            break;
        }
        let Some(text) = archive.text(name)? else {
            out.notes.add(Note::Unreadable);
            continue;
        };
        let slide = xml::tree(&text, name, KIND, budget)?;
        let links = relations(&mut archive, name, KIND, budget)?;
        let theme = Theme::of(&mut archive, &slide, &links, budget)?;
        let mut deck = Slide { links: &links, theme, size, covers: Vec::new() };
        let is_hidden = slide.attribute("show").is_some_and(|show| matches!(show, "0" | "false"));
        let number = index + 1;
        if is_hidden {
            let mut inner = Writer::new(MAX_INNER);
            let title = deck.write(&slide, &mut inner);
            notes(&mut archive, &links, budget, &mut inner)?;
            let (text, notes) = inner.finish();
            out.notes.join(notes);
            let name = match title {
                Some(title) => format!("Slide {number}: {title}"),
                None => format!("Slide {number}"),
            };
            out.hidden_part(Why::Slide, &name, if text.trim().is_empty() { "(no text)" } else { &text });
        } else {
            let mut inner = Writer::new(MAX_INNER);
            let title = deck.write(&slide, &mut inner);
            let (text, found) = inner.finish();
            match title {
                Some(title) => out.heading(2, &format!("Slide {number}: {title}")),
                None => out.heading(2, &format!("Slide {number}")),
            }
            out.markdown(&text);
            out.notes.join(found);
            notes(&mut archive, &links, budget, out)?;
        }
    }
    Ok(Parts::Slides(slides.len()))
}

/// The parts of the slides in their order, and the size of all of them in EMU.
fn list(archive: &mut Archive<'_>, budget: &Budget) -> Result<(Vec<String>, (i64, i64)), DocumentError> {
    let part = main_part(archive, "ppt/presentation.xml", KIND, budget)?;
    let text = archive.needed_text(&part)?;
    let root = xml::tree(&text, &part, KIND, budget)?;
    let links = relations(archive, &part, KIND, budget)?;
    let size = root
        .child("p:sldSz")
        .and_then(|size| Some((size.attribute("cx")?.parse().ok()?, size.attribute("cy")?.parse().ok()?)))
        .unwrap_or(USUAL_SIZE);
    let slides = root
        .child("p:sldIdLst")
        .iter()
        .flat_map(|list| list.named("p:sldId"))
        .filter_map(|slide| Some(links.get(slide.attribute("r:id")?)?.target.clone()))
        .collect();
    Ok((slides, size))
}

/// The slides in words.
pub(crate) fn slides(bytes: &[u8], budget: &Budget) -> Result<Vec<crate::Slide>, DocumentError> {
    let mut archive = Archive::open(bytes, KIND, budget)?;
    let (parts, _) = list(&mut archive, budget)?;
    let mut slides = Vec::new();
    for name in parts.iter().take(MAX_SLIDES) {
        let Some(text) = archive.text(name)? else {
            slides.push(crate::Slide::default());
            continue;
        };
        let slide = xml::tree(&text, name, KIND, budget)?;
        let mut shapes = Vec::new();
        slide.all("p:sp", &mut shapes);
        let title = shapes.iter().find(|shape| matches!(placeholder(shape), Some("title" | "ctrTitle")));
        let title = title.map(|shape| words(shape).join(" ")).unwrap_or_default();
        let is_hidden = slide.attribute("show").is_some_and(|show| matches!(show, "0" | "false"));
        let links = relations(&mut archive, name, KIND, budget)?;
        let notes = said(&mut archive, &links, budget)?;
        slides.push(crate::Slide::new(&title, &notes, is_hidden));
    }
    Ok(slides)
}

/// The paragraphs of a shape.
fn words(shape: &Element) -> Vec<String> {
    shape.child("p:txBody").iter().flat_map(|body| body.named("a:p")).map(plain).collect()
}

/// What the notes of a slide say; empty if it has none.
fn said(archive: &mut Archive<'_>, links: &Relations, budget: &Budget) -> Result<String, DocumentError> {
    let Some(name) = related(links, "notesSlide") else { return Ok(String::new()) };
    let Some(text) = archive.text(name)? else { return Ok(String::new()) };
    let tree = xml::tree(&text, name, KIND, budget)?;
    let mut shapes = Vec::new();
    tree.all("p:sp", &mut shapes);
    let bodies = shapes.iter().filter(|shape| placeholder(shape) == Some("body"));
    Ok(bodies.flat_map(|shape| words(shape)).collect::<Vec<_>>().join("\n"))
}

/// Speaker notes and comments of a slide.
fn notes(
    archive: &mut Archive<'_>,
    links: &Relations,
    budget: &Budget,
    out: &mut Writer,
) -> Result<(), DocumentError> {
    let text = said(archive, links, budget)?;
    if !text.trim().is_empty() {
        out.notes.add(Note::SpeakerNotes);
        out.quote("Speaker notes", &text);
    }
    if let Some(name) = related(links, "comments")
        && let Some(text) = archive.text(name)?
    {
        let tree = xml::tree(&text, name, KIND, budget)?;
        let mut texts = Vec::new();
        tree.all("p:text", &mut texts);
        for text in texts {
            out.quote("Comment", &text.text());
        }
    }
    Ok(())
}

fn plain(paragraph: &Element) -> String {
    paragraph
        .elements()
        .map(|element| match &*element.name {
            "a:r" | "a:fld" => element.child("a:t").map(Element::text).unwrap_or_default(),
            "a:br" => "\n".to_owned(),
            _ => String::new(),
        })
        .collect()
}

/// The kind of a shape's placeholder; `obj` if it does not say.
fn placeholder(shape: &Element) -> Option<&str> {
    let properties = shape.elements().find(|element| element.name.starts_with("p:nv"))?;
    Some(properties.at(&["p:nvPr", "p:ph"])?.attribute("type").unwrap_or("obj"))
}

/// A rectangle of the slide: left, top, right and bottom in EMU.
type Area = (i64, i64, i64, i64);

struct Slide<'a> {
    links: &'a Relations,
    theme: Theme,
    size: (i64, i64),
    /// Where pictures and filled shapes lie so far; `None` is anywhere.
    covers: Vec<Option<Area>>,
}

/// Why all of a shape is hidden, and what is behind its letters; `None` is unknown.
#[derive(Clone, Copy)]
struct Place {
    hidden: Option<Why>,
    behind: Option<Colour>,
}

impl Slide<'_> {
    /// Writes the shapes and returns the title.
    fn write(&mut self, slide: &Element, out: &mut Writer) -> Option<String> {
        let tree = slide.at(&["p:cSld", "p:spTree"])?;
        let mut title = None;
        // What moves may uncover what it lies on.
        let lids = if slide.child("p:timing").is_some() { Vec::new() } else { lids(tree) };
        for (place, shape) in tree.elements().enumerate() {
            let is_covered = area(shape)
                .is_some_and(|area| lids.iter().any(|(above, lid)| *above > place && holds(*lid, area)));
            self.any_shape(shape, out, &mut title, is_covered.then_some(Why::Covered));
        }
        title
    }

    fn shapes(
        &mut self,
        parent: &Element,
        out: &mut Writer,
        title: &mut Option<String>,
        hidden: Option<Why>,
    ) {
        for shape in parent.elements() {
            self.any_shape(shape, out, title, hidden);
        }
    }

    fn any_shape(
        &mut self,
        shape: &Element,
        out: &mut Writer,
        title: &mut Option<String>,
        hidden: Option<Why>,
    ) {
        let properties = shape
            .elements()
            .find(|element| element.name.starts_with("p:nv"))
            .and_then(|properties| properties.child("p:cNvPr"));
        let is_hidden = properties
            .and_then(|properties| properties.attribute("hidden"))
            .is_some_and(|value| matches!(value, "1" | "true"));
        let hidden = hidden.or_else(|| is_hidden.then_some(Why::Marked));
        match &*shape.name {
            "p:sp" => self.shape(shape, out, title, hidden),
            "p:grpSp" => self.shapes(shape, out, title, hidden),
            "p:graphicFrame" => self.frame(shape, out, hidden),
            "p:pic" => {
                out.notes.add(Note::Picture);
                self.covers.push(area(shape));
                let words =
                    properties.and_then(|properties| properties.attribute("descr")).unwrap_or_default();
                let words = crate::text::shortened(words.trim(), 500);
                match hidden {
                    _ if words.is_empty() => {}
                    Some(why) => out.hidden(why, &format!("[Picture: {words}]")),
                    None => out.paragraph(&format!("[Picture: {words}]")),
                }
            }
            _ => {}
        }
    }

    fn shape(&mut self, shape: &Element, out: &mut Writer, title: &mut Option<String>, hidden: Option<Why>) {
        let kind = placeholder(shape);
        let place_of = area(shape);
        let own = shape.child("p:spPr").and_then(|properties| fill(properties, &self.theme));
        let has_style =
            shape.at(&["p:style", "a:fillRef"]).is_some_and(|fill| fill.attribute("idx") != Some("0"));
        let behind = match own {
            Some(own) => own.colour(),
            None if has_style || self.covers.iter().any(|cover| overlaps(*cover, place_of)) => None,
            None => self.theme.background,
        };
        let hidden = hidden.or_else(|| self.is_outside(place_of).then_some(Why::Outside));
        if own.is_some_and(|own| own.colour().is_none() || own.colour() != self.theme.background) || has_style
        {
            self.covers.push(place_of);
        }
        let Some(body) = shape.child("p:txBody") else { return };
        // Numbers of slides, dates and footers repeat on every slide.
        if matches!(kind, Some("sldNum" | "dt")) {
            return;
        }
        let place = Place { hidden, behind };
        if matches!(kind, Some("title" | "ctrTitle")) && title.is_none() && hidden.is_none() {
            let mut inline = Inline::default();
            for paragraph in body.named("a:p") {
                if !inline.is_empty() {
                    inline.plain(" ");
                }
                self.runs(paragraph, &mut inline, place, out);
            }
            let (text, passages) = inline.finish_heading();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            *title = (!text.is_empty()).then_some(text);
            out.with_hidden(passages, |_| {});
            return;
        }
        self.body(body, kind, place, out);
    }

    fn body(&mut self, body: &Element, kind: Option<&str>, place: Place, out: &mut Writer) {
        let mut numbers = [0_u64; 10];
        for paragraph in body.named("a:p") {
            let properties = paragraph.child("a:pPr");
            let depth = properties
                .and_then(|properties| properties.attribute("lvl")?.parse::<usize>().ok())
                .unwrap_or_default()
                .min(8);
            let style =
                body.child("a:lstStyle").and_then(|styles| styles.child(&format!("a:lvl{}pPr", depth + 1)));
            let bullet = properties
                .and_then(bullet)
                .or_else(|| style.and_then(bullet))
                .unwrap_or(if matches!(kind, Some("body" | "obj")) { Bullet::Mark } else { Bullet::Nothing });
            let mut inline = Inline::default();
            self.runs(paragraph, &mut inline, place, out);
            let is_empty = inline.is_empty();
            let (text, passages) = inline.finish();
            let marker = match bullet {
                Bullet::Mark => Some("-".to_owned()),
                Bullet::Number(start) if !is_empty => {
                    numbers.iter_mut().skip(depth + 1).for_each(|number| *number = 0);
                    numbers.get_mut(depth).map(|number| {
                        *number = if *number == 0 { start } else { *number + 1 };
                        format!("{number}.")
                    })
                }
                Bullet::Nothing | Bullet::Number(_) => None,
            };
            if !matches!(bullet, Bullet::Number(_))
                && let Some(number) = numbers.get_mut(depth)
                && !is_empty
            {
                *number = 0;
            }
            out.with_hidden(passages, |out| match marker {
                Some(marker) => out.item(depth, &marker, &text),
                None => out.paragraph(&text),
            });
        }
    }

    fn runs(&self, paragraph: &Element, inline: &mut Inline, place: Place, out: &mut Writer) {
        for element in paragraph.elements() {
            match &*element.name {
                "a:r" | "a:fld" => {
                    let text = element.child("a:t").map(Element::text).unwrap_or_default();
                    let properties = element.child("a:rPr");
                    let attribute = |name: &str| properties.and_then(|properties| properties.attribute(name));
                    if let Some(why) = place.hidden.or_else(|| self.hidden(properties, place)) {
                        inline.hidden(why, &text);
                        continue;
                    }
                    let on = |name: &str| attribute(name).is_some_and(|value| matches!(value, "1" | "true"));
                    let link: Option<Rc<str>> = properties
                        .and_then(|properties| properties.child("a:hlinkClick")?.attribute("r:id"))
                        .and_then(|id| self.links.get(id))
                        .filter(|relation| relation.is_outside)
                        .map(|relation| relation.target.as_str().into());
                    let style = Style {
                        bold: on("b"),
                        italic: on("i"),
                        struck: attribute("strike").is_some_and(|strike| strike != "noStrike"),
                        link,
                    };
                    inline.text(&text, &style);
                }
                "a:br" => inline.plain("\n"),
                "m:oMath" | "m:oMathPara" => {
                    out.notes.add(Note::Equation);
                    inline.plain(&element.text());
                }
                _ => {}
            }
        }
    }

    fn hidden(&self, properties: Option<&Element>, place: Place) -> Option<Why> {
        let properties = properties?;
        if properties
            .attribute("sz")
            .and_then(|size| size.parse::<u32>().ok())
            .is_some_and(|size| size <= INVISIBLE_SIZE)
        {
            return Some(Why::Size);
        }
        if properties.child("a:noFill").is_some() && properties.child("a:ln").is_none() {
            return Some(Why::Invisible);
        }
        let solid = properties.child("a:solidFill")?;
        if Theme::is_clear(solid) {
            return Some(Why::Invisible);
        }
        let letters = self.theme.colour(solid)?;
        let behind = properties
            .child("a:highlight")
            .and_then(|highlight| self.theme.colour(highlight))
            .or(place.behind)?;
        letters.vanishes_on(behind).then_some(Why::Colour)
    }

    fn frame(&mut self, frame: &Element, out: &mut Writer, hidden: Option<Why>) {
        let Some(data) = frame.at(&["a:graphic", "a:graphicData"]) else { return };
        let hidden = hidden.or_else(|| self.is_outside(area(frame)).then_some(Why::Outside));
        for content in data.elements() {
            match &*content.name {
                "a:tbl" => {
                    let mut rows = Vec::new();
                    let mut passages = Vec::new();
                    for line in content.named("a:tr") {
                        let mut row = Vec::new();
                        for cell in line.named("a:tc") {
                            let spans = |name: &str| {
                                cell.attribute(name).and_then(|span| span.parse::<u32>().ok()).unwrap_or(1)
                                    > 1
                            };
                            if spans("gridSpan") || spans("rowSpan") {
                                out.notes.add(Note::MergedCell);
                            }
                            // What lies behind a cell without a fill of its own is up to the table's style.
                            let behind = cell
                                .child("a:tcPr")
                                .and_then(|properties| fill(properties, &self.theme)?.colour());
                            let mut inner = Writer::new(MAX_INNER);
                            if let Some(body) = cell.child("a:txBody") {
                                self.body(body, None, Place { hidden: None, behind }, &mut inner);
                            }
                            let (text, found) = cell_text(inner, out);
                            passages.extend(found);
                            row.push(text);
                        }
                        rows.push(row);
                    }
                    match hidden {
                        Some(why) => out.hidden_part(why, "table", &table(&rows)),
                        None => out.table(&rows),
                    }
                    for passage in passages {
                        out.markdown(&passage);
                    }
                }
                "c:chart" => out.notes.add(Note::Chart),
                "dgm:relIds" => out.notes.add(Note::Diagram),
                "p:oleObj" => out.notes.add(Note::Embedded),
                _ => {}
            }
        }
    }

    fn is_outside(&self, area: Option<Area>) -> bool {
        area.is_some_and(|(left, top, right, bottom)| {
            right <= 0 || bottom <= 0 || left >= self.size.0 || top >= self.size.1
        })
    }
}

/// What stands before a paragraph.
#[derive(Debug, Clone, Copy)]
enum Bullet {
    Nothing,
    Mark,
    /// The number to begin with.
    Number(u64),
}

fn bullet(properties: &Element) -> Option<Bullet> {
    properties.elements().find_map(|element| match &*element.name {
        "a:buNone" => Some(Bullet::Nothing),
        "a:buChar" | "a:buBlip" => Some(Bullet::Mark),
        "a:buAutoNum" => Some(Bullet::Number(
            element.attribute("startAt").and_then(|start| start.parse().ok()).unwrap_or(1),
        )),
        _ => None,
    })
}

fn area(shape: &Element) -> Option<Area> {
    let frame = shape.at(&["p:spPr", "a:xfrm"]).or_else(|| shape.child("p:xfrm"))?;
    let number = |child: &str, name: &str| frame.child(child)?.attribute(name)?.parse::<i64>().ok();
    let (left, top) = (number("a:off", "x")?, number("a:off", "y")?);
    let (width, height) = (number("a:ext", "cx")?, number("a:ext", "cy")?);
    Some((left, top, left.saturating_add(width), top.saturating_add(height)))
}

/// Boxes through which nothing is seen, each with its place in the order of drawing.
fn lids(tree: &Element) -> Vec<(usize, Area)> {
    let lid = |shape: &Element| {
        let properties = shape.child("p:spPr")?;
        let is_box = properties.child("a:prstGeom")?.attribute("prst") == Some("rect");
        let is_turned = properties.child("a:xfrm").is_some_and(|frame| frame.attribute("rot").is_some());
        let mut clear = Vec::new();
        properties.child("a:solidFill")?.all("a:alpha", &mut clear);
        area(shape).filter(|_| is_box && !is_turned && clear.is_empty())
    };
    let boxes = tree.elements().enumerate().filter_map(|(place, shape)| Some((place, lid(shape)?)));
    boxes.take(MOST_LIDS).collect()
}

/// Whether all of the other one lies in it.
const fn holds(one: Area, other: Area) -> bool {
    one.0 <= other.0 && one.1 <= other.1 && one.2 >= other.2 && one.3 >= other.3
}

fn overlaps(one: Option<Area>, other: Option<Area>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.0 < other.2 && other.0 < one.2 && one.1 < other.3 && other.1 < one.3,
        _ => true,
    }
}
