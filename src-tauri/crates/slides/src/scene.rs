//! What the page script measured: a deck as items in paint order. All lengths are CSS pixels.

use serde::Deserialize;

/// A measured deck.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Deck {
    pub title: String,
    pub author: String,
    pub subject: String,
    pub keywords: String,
    pub slides: Vec<Slide>,
    /// Addresses of the scripts and style sheets that the page asks for.
    #[serde(default)]
    pub loads: Vec<String>,
    /// What needs a picture.
    pub shots: Vec<Shot>,
}

/// A part of the page of which a picture is needed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Shot {
    pub id: u32,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Slide {
    pub width: f64,
    pub height: f64,
    pub title: String,
    pub notes: String,
    pub hidden: bool,
    pub background: Option<Fill>,
    pub items: Vec<Item>,
    pub report: Remarks,
}

/// What could not be kept as it is.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Remarks {
    pub pictures: Vec<Pictured>,
    pub simplified: Vec<String>,
    pub missing: Vec<String>,
    pub fonts: Vec<Substitute>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pictured {
    pub what: String,
    pub why: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Substitute {
    pub wanted: String,
    pub used: String,
}

/// One thing on a slide: where it stands, and what it is.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Item {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
    /// Degrees, clockwise, about its middle.
    #[serde(default)]
    pub rotation: f64,
    /// Mirrored across.
    #[serde(default)]
    pub flip: bool,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub alt: String,
    /// What it is a part of, with the items that follow.
    #[serde(default)]
    pub group: Option<Group>,
    #[serde(flatten)]
    pub kind: Kind,
}

/// Several items that are one drawing.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Group {
    pub id: u32,
    pub alt: String,
    pub name: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum Kind {
    Shape(Shape),
    Picture(Picture),
    Text(Text),
    Table(Table),
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Shape {
    pub form: Form,
    #[serde(default)]
    pub fill: Option<Fill>,
    #[serde(default)]
    pub line: Option<Line>,
    #[serde(default)]
    pub shadow: Option<Shadow>,
    /// A shadow that falls into the shape.
    #[serde(default)]
    pub inner: Option<Shadow>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum Form {
    Rect,
    Ellipse,
    Round {
        radius: f64,
    },
    /// The two upper corners, and the two lower ones.
    RoundTwo {
        top: f64,
        bottom: f64,
    },
    /// A letter and its points, relative to the item.
    Path {
        commands: Vec<Command>,
    },
}

/// `M x y`, `L x y`, `C x y x y x y`, `Z`.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub letter: char,
    pub numbers: Vec<f64>,
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let parts = Vec::<serde_json::Value>::deserialize(deserializer)?;
        let mut parts = parts.into_iter();
        let letter = parts.next().and_then(|letter| letter.as_str().and_then(|text| text.chars().next()));
        let letter = letter.ok_or_else(|| D::Error::custom("a path command without a letter"))?;
        let numbers: Vec<f64> = parts.filter_map(|number| number.as_f64()).collect();
        let wanted = match letter {
            'M' | 'L' => 2,
            'C' => 6,
            'Z' => 0,
            _ => return Err(D::Error::custom("an unknown path command")),
        };
        if numbers.len() != wanted {
            return Err(D::Error::custom("a path command with the wrong number of points"));
        }
        Ok(Self { letter, numbers })
    }
}

/// A colour of three bytes in hexadecimal and how opaque it is, 0 to 1.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Colour {
    pub hex: String,
    pub alpha: f64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum Fill {
    Solid(Colour),
    Linear {
        /// Degrees, clockwise from "to the right".
        angle: f64,
        stops: Vec<Stop>,
    },
    Radial {
        /// Parts of width and height.
        centre: [f64; 2],
        /// Parts of width and height.
        radii: [f64; 2],
        stops: Vec<Stop>,
    },
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Stop {
    /// 0 to 1.
    pub at: f64,
    #[serde(flatten)]
    pub colour: Colour,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Line {
    #[serde(default)]
    pub width: f64,
    #[serde(default = "black")]
    pub hex: String,
    #[serde(default = "opaque")]
    pub alpha: f64,
    #[serde(default)]
    pub dash: String,
    /// Lengths of dashes and gaps in widths of the line.
    #[serde(default)]
    pub pattern: Vec<f64>,
    #[serde(default)]
    pub cap: String,
    #[serde(default)]
    pub join: String,
}

fn black() -> String {
    "000000".to_owned()
}

fn opaque() -> f64 {
    1.0
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Shadow {
    pub x: f64,
    pub y: f64,
    pub blur: f64,
    #[serde(default)]
    pub spread: f64,
    #[serde(flatten)]
    pub colour: Colour,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Picture {
    pub form: Form,
    /// Parts of the picture cut off: left, top, right, bottom.
    pub crop: [f64; 4],
    /// An address, a `data:` address, or `shot:N`.
    pub source: Option<String>,
    pub alpha: f64,
    /// The text of an SVG, of which `source` is a picture.
    #[serde(default)]
    pub vector: Option<String>,
    /// The address of an SVG file, of which `source` is a picture.
    #[serde(default)]
    pub vector_source: Option<String>,
    #[serde(default)]
    pub shadow: Option<Shadow>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Text {
    pub paragraphs: Vec<Paragraph>,
    /// `rl` or `lr` if its lines are columns.
    #[serde(default)]
    pub vertical: Option<String>,
    /// Vertical, with letters that lie on their side.
    #[serde(default)]
    pub sideways: bool,
    /// The left and the right edge of the room that a title has in the page.
    #[serde(default)]
    pub room: Option<Room>,
    /// It is the slide's title.
    #[serde(default)]
    pub title: bool,
    /// It reaches out of the page.
    #[serde(default)]
    pub outside: bool,
    /// The shape that it stands in, which the item's place is that of.
    #[serde(rename = "box", default)]
    pub shape: Option<Shape>,
    /// From the edges of that shape's own room for text.
    #[serde(default)]
    pub edges: Option<Edges>,
}

/// From edge to edge of the slide's own coordinates.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Room {
    pub left: f64,
    pub right: f64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Edges {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Paragraph {
    pub runs: Vec<Run>,
    #[serde(default)]
    pub align: String,
    #[serde(default)]
    pub rtl: bool,
    /// From one base line to the next.
    pub pitch: f64,
    /// Room before it.
    #[serde(default)]
    pub before: f64,
    #[serde(default)]
    pub level: u32,
    #[serde(default)]
    pub marker: Option<Marker>,
    /// From the edge of the box to its text.
    #[serde(default)]
    pub margin: f64,
    /// Of the first line, beside `margin`.
    #[serde(default)]
    pub first: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Marker {
    #[serde(default)]
    pub char: Option<String>,
    /// The address of a picture that stands before the text.
    #[serde(default)]
    pub picture: Option<String>,
    /// The presentation's name of a kind of numbers.
    #[serde(default)]
    pub number: Option<String>,
    #[serde(default)]
    pub start: u32,
    pub size: f64,
    #[serde(flatten)]
    pub colour: Colour,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a property of letters by itself")]
pub(crate) struct Run {
    pub text: String,
    /// A line break instead of text.
    #[serde(rename = "break")]
    pub is_break: bool,
    pub size: f64,
    /// The largest size of its line.
    pub main_size: f64,
    pub latin: String,
    pub east_asian: String,
    pub bold: bool,
    pub italic: bool,
    pub underline: Option<String>,
    /// The colour of the line under the letters where it is not theirs.
    pub underline_fill: Option<Colour>,
    pub strike: bool,
    pub caps: Option<String>,
    pub hex: String,
    pub alpha: f64,
    pub gradient: Option<Fill>,
    /// The ground of a marker pen.
    pub highlight: Option<Colour>,
    pub stroke: Option<Line>,
    pub shadow: Option<Shadow>,
    pub link: Option<String>,
    pub spacing: f64,
    /// How far above the base line, in sizes of the line.
    pub raise: f64,
    pub language: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Table {
    pub columns: Vec<f64>,
    pub rows: Vec<f64>,
    pub cells: Vec<Cell>,
    #[serde(default)]
    pub header_row: bool,
    #[serde(default)]
    pub header_column: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Cell {
    pub column: usize,
    pub row: usize,
    /// How many columns and rows it spans.
    pub columns: usize,
    pub rows: usize,
    pub fill: Option<Fill>,
    pub borders: Borders,
    pub paragraphs: Vec<Paragraph>,
    pub padding: Padding,
    /// `top`, `middle` or `bottom`.
    pub anchor: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Borders {
    pub left: Line,
    pub right: Line,
    pub top: Line,
    pub bottom: Line,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Padding {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}
