//! What a page draws: letters with their places, lines of tables, and whether a reader sees them.

use std::rc::Rc;

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::object::{self, Array, Dict, Name};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::kurbo::{Affine, BezPath, PathEl, Point, Rect, Shape, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, Paint, RectExt, SoftMask,
};
use unicode_normalization::UnicodeNormalization;

use super::Passage;
use super::rulings::Ruling;
use crate::limits::Budget;
use crate::notes::{Note, Notes, Why};
use crate::text::Colour;

/// Points up to which letters cannot be read by eye.
const INVISIBLE_POINTS: f64 = 1.5;
/// Filled areas and lines that are remembered of one page.
const MAX_AREAS: usize = 4_000;
/// Points of a box: its corners, one more on each side, and the first one again.
const MAX_CORNERS: usize = 9;

/// A letter (or a few, as in ligatures) on the page. Places are points from the top left; rotated text is turned so
/// that it runs to the right.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) text: String,
    /// Along the line of writing.
    pub(super) x: f64,
    /// The line that it stands on.
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) size: f64,
    pub(super) is_bold: bool,
    pub(super) link: Option<Rc<str>>,
    pub(super) hidden: Option<Why>,
    /// The number of the marked content that it belongs to.
    pub(super) mark: Option<i32>,
    /// Page numbers and the like, which are no content.
    pub(super) is_artifact: bool,
    /// Quarter turns of the text, clockwise.
    pub(super) turns: u8,
    /// The order of drawing, by which later areas cover it.
    order: usize,
    centre: Point,
}

/// What a page draws.
pub(super) struct Drawn {
    pub(super) letters: Vec<Letter>,
    pub(super) rulings: Vec<Ruling>,
    pub(super) hidden: Vec<Passage>,
    unknown: u64,
    pictures: u64,
    is_scanned: bool,
}

impl Drawn {
    pub(super) fn notes(&self) -> Notes {
        let mut notes = Notes::default();
        notes.add_many(Note::Picture, self.pictures);
        notes.add_many(Note::UnknownLetter, self.unknown);
        notes
    }

    pub(super) const fn is_scanned(&self) -> bool {
        self.is_scanned
    }
}

struct Area {
    rect: Rect,
    /// `None` is a picture or something of many colours.
    colour: Option<Colour>,
    order: usize,
}

struct Mark {
    number: Option<i32>,
    is_artifact: bool,
}

/// Gathers what a page draws.
pub(super) struct Collector<'b> {
    budget: &'b Budget,
    page: Rect,
    letters: Vec<Letter>,
    rulings: Vec<Ruling>,
    areas: Vec<Area>,
    clips: Vec<Rect>,
    opacities: Vec<f32>,
    marks: Vec<Mark>,
    links: Vec<(Rect, Rc<str>)>,
    order: usize,
    unknown: u64,
    pictures: u64,
}

impl<'b> Collector<'b> {
    pub(super) fn new(page: &Page<'_>, transform: Affine, area: Rect, budget: &'b Budget) -> Self {
        let mut links = Vec::new();
        let annotations = page.raw().get::<Array<'_>>(b"Annots");
        for annotation in
            annotations.iter().flat_map(hayro_interpret::hayro_syntax::object::Array::iter::<Dict<'_>>)
        {
            if annotation.get::<Name<'_>>(b"Subtype").as_deref() != Some(b"Link".as_slice()) {
                continue;
            }
            let rect = annotation.get::<object::Rect>(b"Rect");
            let address = annotation
                .get::<Dict<'_>>(b"A")
                .and_then(|action| action.get::<object::String<'_>>(b"URI"))
                .map(|address| String::from_utf8_lossy(address.as_bytes()).into_owned());
            if let (Some(rect), Some(address)) = (rect, address) {
                links.push((transform.transform_rect_bbox(rect.to_kurbo()), address.into()));
            }
        }
        Self {
            budget,
            page: area,
            letters: Vec::new(),
            rulings: Vec::new(),
            areas: Vec::new(),
            clips: Vec::new(),
            opacities: Vec::new(),
            marks: Vec::new(),
            links,
            order: 0,
            unknown: 0,
            pictures: 0,
        }
    }

    /// Counts one thing that is drawn. The interpreter has no way to be stopped but this: what is thrown is caught
    /// around the page.
    fn count(&mut self) {
        self.order += 1;
        if let Err(error) = self.budget.element() {
            std::panic::resume_unwind(Box::new(error));
        }
    }

    fn area(&mut self, rect: Rect, colour: Option<Colour>) {
        let clipped = self.clips.last().map_or(rect, |clip| rect.intersect(*clip));
        if self.areas.len() < MAX_AREAS && clipped.width() > 2.0 && clipped.height() > 2.0 {
            self.areas.push(Area { rect: clipped, colour, order: self.order });
        }
    }

    fn filled(&mut self, rect: Rect, props: &DrawProps<'_>) {
        let (colour, alpha) = colour_of(&props.paint);
        let is_plain = alpha > 0.98
            && props.soft_mask.is_none()
            && props.blend_mode == BlendMode::Normal
            && self.opacities.iter().product::<f32>() > 0.98;
        if is_plain {
            self.area(rect, colour);
        }
        self.ruling(rect);
    }

    fn ruling(&mut self, rect: Rect) {
        if self.rulings.len() < MAX_AREAS {
            self.rulings.extend(Ruling::of(rect));
        }
    }

    /// What is behind a place: the colour of the last area that was drawn there. `None` is unknown.
    fn behind(&self, place: Point) -> Option<Colour> {
        self.areas
            .iter()
            .rev()
            .find(|area| area.rect.contains(place))
            .map_or(Some(Colour::WHITE), |area| area.colour)
    }

    fn hidden(&self, place: Point, size: f64, props: &DrawProps<'_>, mode: &DrawMode) -> Option<Why> {
        if matches!(mode, DrawMode::Invisible) {
            return Some(Why::Invisible);
        }
        let (colour, alpha) = colour_of(&props.paint);
        if alpha <= 0.02 || self.opacities.iter().product::<f32>() <= 0.02 {
            return Some(Why::Invisible);
        }
        if size <= INVISIBLE_POINTS {
            return Some(Why::Size);
        }
        let is_clipped = self.clips.last().is_some_and(|clip| !clip.inflate(size, size).contains(place));
        if is_clipped || !self.page.inflate(1.0, 1.0).contains(place) {
            return Some(Why::Outside);
        }
        match (colour, self.behind(place)) {
            (Some(colour), Some(behind)) if colour.vanishes_on(behind) => Some(Why::Colour),
            _ => None,
        }
    }

    pub(super) fn finish(mut self) -> Drawn {
        let page = self.page.area().max(1.0);
        let scan = self
            .areas
            .iter()
            .find(|area| area.colour.is_none() && area.rect.intersect(self.page).area() > page * 0.5)
            .map(|area| area.order);
        let unseen = self.letters.iter().filter(|letter| letter.hidden == Some(Why::Invisible)).count();
        // Letters behind or on a picture of the whole page, without ink, are the text that was recognised from it.
        let is_scanned = scan.is_some_and(|order| {
            let under =
                self.letters.iter().filter(|letter| letter.hidden.is_none() && letter.order < order).count();
            !self.letters.is_empty() && (unseen + under) * 10 >= self.letters.len() * 9
        });
        for letter in &mut self.letters {
            if is_scanned {
                if letter.hidden == Some(Why::Invisible) {
                    letter.hidden = None;
                }
            } else if letter.hidden.is_none()
                && self.areas.iter().rev().any(|area| {
                    area.order > letter.order && area.colour.is_some() && area.rect.contains(letter.centre)
                })
            {
                letter.hidden = Some(Why::Covered);
            }
        }
        let (shown, unseen): (Vec<Letter>, Vec<Letter>) =
            self.letters.into_iter().partition(|letter| letter.hidden.is_none());
        Drawn {
            hidden: super::layout::passages(&unseen),
            letters: shown,
            rulings: self.rulings,
            unknown: self.unknown,
            pictures: if is_scanned { 0 } else { self.pictures },
            is_scanned,
        }
    }
}

fn colour_of(paint: &Paint<'_>) -> (Option<Colour>, f32) {
    match paint {
        Paint::Color(colour) => {
            let rgba = colour.to_rgba();
            let [red, green, blue, _] = rgba.to_rgba8();
            let alpha = rgba.components()[3];
            (Some(Colour([red, green, blue])), alpha)
        }
        Paint::Pattern(_) => (None, 1.0),
    }
}

impl<'a> Device<'a> for Collector<'_> {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, draw_mode: &DrawMode) {
        self.count();
        match draw_mode {
            DrawMode::Fill(_) | DrawMode::FillAndStroke(..) => {
                let outline = props.transform * path;
                // Only boxes are areas that surely cover what lies in them.
                for part in rectangles(&outline) {
                    self.filled(part, &props);
                }
            }
            DrawMode::Stroke(_) => {
                let outline = props.transform * path;
                let mut start = Point::ZERO;
                let mut last = Point::ZERO;
                for element in outline.elements() {
                    let next = match element {
                        PathEl::MoveTo(point) => {
                            start = *point;
                            last = *point;
                            continue;
                        }
                        PathEl::LineTo(point) => *point,
                        PathEl::ClosePath => start,
                        PathEl::QuadTo(_, point) | PathEl::CurveTo(_, _, point) => {
                            last = *point;
                            continue;
                        }
                    };
                    self.ruling(Rect::from_points(last, next));
                    last = next;
                }
            }
            DrawMode::Invisible => {}
        }
    }

    fn draw_rect(&mut self, rect: &Rect, props: DrawProps<'a>, draw_mode: &DrawMode) {
        self.count();
        let rect = props.transform.transform_rect_bbox(*rect);
        match draw_mode {
            DrawMode::Fill(_) => self.filled(rect, &props),
            DrawMode::Stroke(_) | DrawMode::FillAndStroke(..) => {
                if matches!(draw_mode, DrawMode::FillAndStroke(..)) {
                    self.filled(rect, &props);
                }
                let corners = [
                    Point::new(rect.x0, rect.y0),
                    Point::new(rect.x1, rect.y0),
                    Point::new(rect.x1, rect.y1),
                    Point::new(rect.x0, rect.y1),
                ];
                for (one, other) in corners.iter().zip(corners.iter().cycle().skip(1)) {
                    self.ruling(Rect::from_points(*one, *other));
                }
            }
            DrawMode::Invisible => {}
        }
    }

    fn push_clip_path(&mut self, clip_path: &ClipPath) {
        self.push_clip_rect(&clip_path.path.bounding_box());
    }

    fn push_clip_rect(&mut self, rect: &Rect) {
        let clip = self.clips.last().map_or(*rect, |clip| clip.intersect(*rect));
        self.clips.push(clip);
    }

    fn pop_clip(&mut self) {
        self.clips.pop();
    }

    fn push_transparency_group(&mut self, opacity: f32, _: Option<SoftMask<'a>>, _: BlendMode) {
        self.opacities.push(opacity);
    }

    fn pop_transparency_group(&mut self) {
        self.opacities.pop();
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.count();
        let unit = Rect::new(0.0, 0.0, f64::from(image.width()), f64::from(image.height()));
        let rect = props.transform.transform_rect_bbox(unit);
        // Rules and shades are sometimes drawn as pictures of a few points.
        if rect.width() > 8.0 && rect.height() > 8.0 {
            self.pictures += 1;
        }
        self.area(rect, None);
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, draw_mode: &DrawMode) {
        let is_bold = run.glyphs().first().is_some_and(|glyph| match &**glyph {
            Glyph::Outline(outline) => outline.font_data().is_some_and(|font| {
                font.weight.is_some_and(|weight| weight >= 600)
                    || font.postscript_name.is_some_and(|name| name.contains("Bold") || name.contains("bold"))
            }),
            Glyph::Type3(_) => false,
        });
        let (number, is_artifact) = (
            self.marks.iter().rev().find_map(|mark| mark.number),
            self.marks.iter().any(|mark| mark.is_artifact),
        );
        for glyph in run.glyphs() {
            self.count();
            let transform = props.transform * glyph.transform();
            let origin = transform * Point::ZERO;
            let across = transform * Point::new(1_000.0, 0.0) - origin;
            let up = transform * Point::new(0.0, 1_000.0) - origin;
            let text = match glyph.as_unicode() {
                Some(BfString::Char(letter)) => letter.to_string(),
                Some(BfString::String(text)) => text,
                None => "\u{fffd}".to_owned(),
            };
            if text.contains('\u{fffd}') {
                self.unknown += 1;
            }
            if text.chars().all(char::is_control) {
                continue;
            }
            let advance = match &**glyph {
                Glyph::Outline(outline) => outline.advance_width().unwrap_or(500.0),
                Glyph::Type3(glyph) => glyph.advance_width().unwrap_or(500.0),
            };
            let size = up.hypot();
            let is_vertical = matches!(run.writing_mode(), WritingMode::Vertical);
            let along = if is_vertical { Vec2::new(0.0, size) } else { across };
            let width = if is_vertical { size } else { across.hypot() * f64::from(advance) / 1_000.0 };
            let turns = quarter_turns(along);
            let centre = origin + across * (f64::from(advance) / 2_000.0) + up * 0.3;
            let (x, y) = match turns {
                0 => (origin.x, origin.y),
                1 => (origin.y, -origin.x),
                2 => (-origin.x, -origin.y),
                _ => (-origin.y, origin.x),
            };
            let link =
                self.links.iter().find(|(rect, _)| rect.contains(centre)).map(|(_, link)| Rc::clone(link));
            self.letters.push(Letter {
                hidden: self.hidden(centre, size, &props, draw_mode),
                text: normalised(&text),
                x,
                y,
                width,
                size,
                is_bold,
                link,
                mark: number,
                is_artifact,
                turns,
                order: self.order,
                centre,
            });
        }
    }

    fn begin_marked_content(&mut self, tag: &[u8], properties: Option<&Dict<'_>>) {
        self.marks.push(Mark {
            number: properties.and_then(|properties| properties.get::<i32>(b"MCID")),
            is_artifact: tag == b"Artifact",
        });
    }

    fn end_marked_content(&mut self) {
        self.marks.pop();
    }
}

/// The boxes that a path consists of; nothing if it has anything else.
fn rectangles(path: &BezPath) -> Vec<Rect> {
    let mut boxes = Vec::new();
    let mut corners: Vec<Point> = Vec::new();
    let finish = |corners: &mut Vec<Point>, boxes: &mut Vec<Rect>| -> bool {
        let points = std::mem::take(corners);
        let Some(first) = points.first() else { return true };
        let bounds =
            points.iter().fold(Rect::from_points(*first, *first), |bounds, point| bounds.union_pt(*point));
        let on_edge =
            |value: f64, low: f64, high: f64| (value - low).abs() < 0.1 || (value - high).abs() < 0.1;
        // Some programs begin in the middle of a side.
        let on_outline = points
            .iter()
            .all(|point| on_edge(point.x, bounds.x0, bounds.x1) || on_edge(point.y, bounds.y0, bounds.y1));
        let sides = || points.iter().zip(points.iter().cycle().skip(1));
        let is_straight =
            sides().all(|(one, other)| (one.x - other.x).abs() < 0.1 || (one.y - other.y).abs() < 0.1);
        let area = sides().map(|(one, other)| one.x * other.y - other.x * one.y).sum::<f64>().abs() / 2.0;
        let is_whole = (area - bounds.area()).abs() <= 0.1 * (bounds.width() + bounds.height() + 0.1);
        let is_box = points.len() <= MAX_CORNERS && on_outline && is_straight && is_whole;
        if is_box {
            boxes.push(bounds);
        }
        is_box
    };
    for element in path.elements() {
        match element {
            PathEl::MoveTo(point) => {
                if !finish(&mut corners, &mut boxes) {
                    return Vec::new();
                }
                corners.push(*point);
            }
            PathEl::LineTo(point) => corners.push(*point),
            PathEl::ClosePath => {}
            PathEl::QuadTo(..) | PathEl::CurveTo(..) => return Vec::new(),
        }
        if corners.len() > MAX_CORNERS || boxes.len() > MAX_AREAS {
            return Vec::new();
        }
    }
    if finish(&mut corners, &mut boxes) { boxes } else { Vec::new() }
}

fn quarter_turns(along: Vec2) -> u8 {
    if along.x.abs() >= along.y.abs() {
        if along.x >= 0.0 { 0 } else { 2 }
    } else if along.y > 0.0 {
        1
    } else {
        3
    }
}

/// Ligatures and the radicals that some programs put in place of the characters they look like.
fn normalised(text: &str) -> String {
    let is_odd =
        |letter: char| matches!(letter, '\u{fb00}'..='\u{fb06}' | '\u{2e80}'..='\u{2fdf}' | '\u{a0}');
    if !text.contains(is_odd) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|letter| match RADICALS.iter().find(|(radical, _)| *radical == letter) {
            Some((_, ideograph)) => vec![*ideograph],
            None if is_odd(letter) => letter.to_string().nfkc().collect(),
            None => vec![letter],
        })
        .collect()
}

/// Radicals for which Unicode has no compatibility mapping but an equivalent ideograph (UCD,
/// `EquivalentUnifiedIdeograph`), as far as the radical is a character of its own.
const RADICALS: &[(char, char)] = &[
    ('⺟', '母'),
    ('⺠', '民'),
    ('⻄', '西'),
    ('⻅', '见'),
    ('⻆', '角'),
    ('⻉', '贝'),
    ('⻋', '车'),
    ('⻑', '長'),
    ('⻓', '长'),
    ('⻔', '门'),
    ('⻘', '青'),
    ('⻙', '韦'),
    ('⻚', '页'),
    ('⻛', '风'),
    ('⻜', '飞'),
    ('⻝', '食'),
    ('⻢', '马'),
    ('⻣', '骨'),
    ('⻤', '鬼'),
    ('⻥', '鱼'),
    ('⻦', '鸟'),
    ('⻧', '卤'),
    ('⻨', '麦'),
    ('⻩', '黄'),
    ('⻬', '齐'),
    ('⻮', '齿'),
    ('⻰', '龙'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_found_wherever_their_outline_begins() {
        let path = |points: &[(f64, f64)]| {
            let mut path = BezPath::new();
            for (index, point) in points.iter().enumerate() {
                if index == 0 { path.move_to(*point) } else { path.line_to(*point) }
            }
            path.close_path();
            rectangles(&path)
        };
        let whole = [Rect::new(0.0, 0.0, 40.0, 20.0)];
        assert_eq!(path(&[(0.0, 0.0), (40.0, 0.0), (40.0, 20.0), (0.0, 20.0)]), whole);
        assert_eq!(
            path(&[(20.0, 20.0), (0.0, 20.0), (0.0, 0.0), (40.0, 0.0), (40.0, 20.0), (20.0, 20.0)]),
            whole
        );
        // What is cut out of a box, or leans, covers less.
        let notched = [(0.0, 0.0), (40.0, 0.0), (40.0, 20.0), (20.0, 20.0), (20.0, 10.0), (0.0, 10.0)];
        assert_eq!(path(&notched), []);
        assert_eq!(path(&[(20.0, 0.0), (40.0, 10.0), (20.0, 20.0), (0.0, 10.0)]), []);
        assert_eq!(path(&[(0.0, 0.0), (40.0, 20.0), (40.0, 0.0), (0.0, 20.0)]), []);
    }
}
