//! How the cells of a workbook show their numbers.

use jiff::civil::{Date, DateTime, date};
use jiff::{Span, ToSpan};

use crate::notes::Why;
use crate::text::Colour;
use crate::xml::Element;

/// What a format makes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Number,
    Percent,
    Date,
    Time,
    DateTime,
    /// Hours, minutes and seconds that go on beyond a day.
    Duration,
}

/// Points up to which letters cannot be read by eye.
const INVISIBLE_POINTS: f64 = 1.5;

/// How letters look, as far as that says whether they are seen.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Letters {
    colour: Option<Colour>,
    points: Option<f64>,
}

impl Letters {
    /// Of a font, or of the properties of a part of a text.
    pub(super) fn of(font: &Element) -> Self {
        Self {
            colour: font.child("x:color").and_then(colour),
            points: font
                .child("x:sz")
                .and_then(|size| size.attribute("val")?.parse().ok())
                .filter(|points: &f64| points.is_finite()),
        }
    }

    fn hidden_on(self, behind: Option<Colour>) -> Option<Why> {
        match (self.colour, behind) {
            (Some(letters), Some(behind)) if letters.vanishes_on(behind) => Some(Why::Colour),
            _ if self.points.is_some_and(|points| points <= INVISIBLE_POINTS) => Some(Why::Size),
            _ => None,
        }
    }
}

/// The looks of a cell.
#[derive(Debug, Clone, Copy)]
struct Style {
    shape: Shape,
    hidden: Option<Why>,
    letters: Letters,
    behind: Option<Colour>,
}

/// The formats of a workbook by the number of a cell's style.
pub(super) struct Formats {
    styles: Vec<Style>,
    from_1904: bool,
}

impl Formats {
    pub(super) fn new(root: Option<&Element>, from_1904: bool) -> Self {
        let Some(root) = root else { return Self { styles: Vec::new(), from_1904 } };
        let custom: Vec<(u32, &str)> = root
            .child("x:numFmts")
            .iter()
            .flat_map(|formats| formats.named("x:numFmt"))
            .filter_map(|format| {
                Some((format.attribute("numFmtId")?.parse().ok()?, format.attribute("formatCode")?))
            })
            .collect();
        let fonts: Vec<Letters> =
            root.child("x:fonts").iter().flat_map(|fonts| fonts.named("x:font")).map(Letters::of).collect();
        let fills: Vec<Option<Colour>> = root
            .child("x:fills")
            .iter()
            .flat_map(|fills| fills.named("x:fill"))
            .map(|fill| match fill.child("x:patternFill") {
                Some(pattern) if pattern.attribute("patternType").is_none_or(|kind| kind == "none") => {
                    Some(Colour::WHITE)
                }
                Some(pattern) if pattern.attribute("patternType") == Some("solid") => {
                    colour(pattern.child("x:fgColor")?)
                }
                _ => None,
            })
            .collect();
        let styles = root
            .child("x:cellXfs")
            .iter()
            .flat_map(|styles| styles.named("x:xf"))
            .map(|style| {
                let number =
                    |name: &str| style.attribute(name).and_then(|number| number.parse::<usize>().ok());
                let id = number("numFmtId").unwrap_or_default() as u32;
                let code = custom.iter().find(|(known, _)| *known == id).map(|(_, code)| *code);
                let letters = number("fontId").and_then(|font| fonts.get(font).copied()).unwrap_or_default();
                let behind = match number("fillId") {
                    Some(fill) => fills.get(fill).copied().flatten(),
                    None => Some(Colour::WHITE),
                };
                let is_marked = code.is_some_and(|code| code.trim() == ";;;");
                let hidden = letters.hidden_on(behind).or_else(|| is_marked.then_some(Why::Marked));
                Style { shape: code.map_or_else(|| built_in(id), shape), hidden, letters, behind }
            })
            .collect();
        Self { styles, from_1904 }
    }

    pub(super) fn hidden(&self, style: usize) -> Option<Why> {
        self.styles.get(style).and_then(|style| style.hidden)
    }

    /// Why a part of the text of a cell is not seen; what the part does not say, the cell does.
    pub(super) fn hidden_part(&self, style: usize, part: Letters) -> Option<Why> {
        let style = self.styles.get(style);
        let whole = style.map(|style| style.letters).unwrap_or_default();
        let letters = Letters { colour: part.colour.or(whole.colour), points: part.points.or(whole.points) };
        letters.hidden_on(style.map_or(Some(Colour::WHITE), |style| style.behind))
    }

    pub(super) fn number(&self, raw: &str, style: usize) -> String {
        let Ok(number) = raw.parse::<f64>() else { return raw.to_owned() };
        let shape = self.styles.get(style).map_or(Shape::Number, |style| style.shape);
        match shape {
            Shape::Number => plain(number),
            Shape::Percent => format!("{}%", plain(number * 100.0)),
            Shape::Duration => {
                let seconds = (number.abs() * 86_400.0).round() as u64;
                let sign = if number < 0.0 { "-" } else { "" };
                format!("{sign}{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
            }
            Shape::Date | Shape::Time | Shape::DateTime => {
                self.moment(number, shape).unwrap_or_else(|| plain(number))
            }
        }
    }

    /// A date from days since the epoch of the workbook (18.17.4).
    fn moment(&self, number: f64, shape: Shape) -> Option<String> {
        if !(0.0..2_958_466.0).contains(&number) {
            return None;
        }
        let epoch: Date = if self.from_1904 {
            date(1904, 1, 1)
        } else if number < 60.0 {
            date(1899, 12, 31)
        } else {
            // Day 60 is the 29th of February 1900, which never was.
            date(1899, 12, 30)
        };
        let seconds = (number * 86_400.0).round() as i64;
        let span: Span = (seconds / 86_400).days();
        let moment: DateTime = epoch
            .to_datetime(jiff::civil::Time::midnight())
            .checked_add(span)
            .ok()?
            .checked_add((seconds % 86_400).seconds())
            .ok()?;
        Some(match shape {
            Shape::Time if number < 1.0 => moment.time().to_string(),
            Shape::Date => moment.date().to_string(),
            Shape::Time | Shape::DateTime | Shape::Duration | Shape::Number | Shape::Percent => {
                format!("{} {}", moment.date(), moment.time())
            }
        })
    }
}

fn colour(element: &Element) -> Option<Colour> {
    match element.attribute("theme") {
        // The first two colours of a theme are those of the paper and of the letters.
        Some("0") if element.attribute("tint").is_none() => return Some(Colour::WHITE),
        Some("1") if element.attribute("tint").is_none() => return Some(Colour::BLACK),
        _ => {}
    }
    match element.attribute("indexed") {
        // Of the palette, those that are on paper (18.8.27): it begins with the same eight colours twice.
        Some("0" | "8" | "64") => return Some(Colour::BLACK),
        Some("1" | "9" | "65") => return Some(Colour::WHITE),
        _ => {}
    }
    let argb = element.attribute("rgb")?;
    Colour::from_hex(argb.get(argb.len().checked_sub(6)?..)?)
}

/// The formats that have a number but no code in the file (18.8.30).
const fn built_in(id: u32) -> Shape {
    match id {
        9 | 10 => Shape::Percent,
        14..=17 | 27..=31 | 36 | 50..=54 | 57 | 58 => Shape::Date,
        18..=21 | 32..=35 | 45 | 47 | 55 | 56 => Shape::Time,
        46 => Shape::Duration,
        22 => Shape::DateTime,
        _ => Shape::Number,
    }
}

fn shape(code: &str) -> Shape {
    let mut letters = String::new();
    let mut characters = code.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                characters.by_ref().find(|next| *next == '"');
            }
            '[' => {
                let inside: String = characters.by_ref().take_while(|next| *next != ']').collect();
                // `[h]` counts hours on; other brackets hold colours and conditions.
                if !inside.is_empty() && inside.chars().all(|letter| "hmsHMS".contains(letter)) {
                    return Shape::Duration;
                }
            }
            '\\' | '_' | '*' => {
                characters.next();
            }
            ';' => break,
            character => letters.push(character.to_ascii_lowercase()),
        }
    }
    if letters.contains("general") || letters.contains("standard") {
        return Shape::Number;
    }
    let has_date = letters.contains(['y', 'd']) || (letters.contains('m') && !letters.contains(['h', 's']));
    let has_time = letters.contains(['h', 's']);
    match (has_date, has_time) {
        (true, true) => Shape::DateTime,
        (true, false) => Shape::Date,
        (false, true) => Shape::Time,
        (false, false) if letters.contains('%') => Shape::Percent,
        (false, false) => Shape::Number,
    }
}

/// A number with the fifteen digits that spreadsheets have.
pub(crate) fn plain(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    if rounded != 0.0 && !(1e-6..1e21).contains(&rounded.abs()) {
        format!("{rounded:e}")
    } else {
        format!("{rounded}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_that_go_on_beyond_a_day_are_no_date() {
        let style = |shape| Style { shape, hidden: None, letters: Letters::default(), behind: None };
        let formats = |shape| Formats { styles: vec![style(shape)], from_1904: false };
        for code in ["[h]:mm", "[hh]:mm:ss", "[m]:ss", "[Red][h]:mm;@"] {
            assert_eq!(formats(shape(code)).number("1.25", 0), "30:00:00", "{code}");
        }
        assert_eq!(formats(built_in(46)).number("-0.5", 0), "-12:00:00");
        assert_eq!(formats(shape("[Red]0.00")).number("1.25", 0), "1.25");
        assert_eq!(formats(shape("h:mm")).number("0.25", 0), "06:00:00");
    }
}
