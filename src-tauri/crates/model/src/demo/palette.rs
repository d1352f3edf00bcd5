//! The colours of the demo's sites.

use std::fmt::Write as _;

use super::language::{Language, is_han};

/// An RGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour(pub u8, pub u8, pub u8);

const WHITE: Colour = Colour(255, 255, 255);
const INK: Colour = Colour(20, 26, 34);

/// English words, Chinese words, value. A compound stands before its part.
const NAMED: &[(&[&str], &[&str], Colour)] = &[
    (&["teal", "turquoise"], &["青色", "蓝绿"], Colour(0x0f, 0x76, 0x6e)),
    (&["navy"], &["深蓝", "藏青"], Colour(0x1e, 0x3a, 0x6e)),
    (&["red", "crimson"], &["红"], Colour(0xc0, 0x39, 0x2b)),
    (&["orange"], &["橙", "橘"], Colour(0xd3, 0x54, 0x00)),
    (&["yellow", "gold"], &["黄", "金色"], Colour(0xd4, 0xa0, 0x17)),
    (&["green"], &["绿"], Colour(0x1e, 0x84, 0x49)),
    (&["blue"], &["蓝"], Colour(0x1f, 0x5f, 0xbf)),
    (&["purple", "violet"], &["紫"], Colour(0x7d, 0x3c, 0x98)),
    (&["pink"], &["粉"], Colour(0xd6, 0x33, 0x6c)),
    (&["brown"], &["棕", "褐"], Colour(0x8d, 0x55, 0x24)),
    (&["grey", "gray"], &["灰"], Colour(0x5f, 0x6b, 0x7a)),
    (&["black"], &["黑色"], Colour(0x15, 0x1a, 0x21)),
    (&["white"], &["白色"], WHITE),
];

/// Every colour that lower-case words name, with its place in bytes, in order: by name, with "dark" or "light"
/// before it, or as `#rrggbb`.
pub(crate) fn named_colours(lower: &str) -> Vec<(usize, Colour)> {
    let mut found: Vec<(usize, Colour)> = Vec::new();
    let mut taken: Vec<std::ops::Range<usize>> = Vec::new();
    for (english, chinese, colour) in NAMED {
        for sign in english.iter().chain(chinese.iter()) {
            let han = sign.chars().any(is_han);
            for (at, _) in lower.match_indices(sign) {
                let end = at + sign.len();
                let inside_word = !han
                    && (lower[..at].ends_with(|before: char| before.is_ascii_alphanumeric())
                        || lower[end..].starts_with(|after: char| after.is_ascii_alphanumeric()));
                if inside_word || taken.iter().any(|range| range.contains(&at)) {
                    continue;
                }
                taken.push(at..end);
                let before = lower[..at].trim_end();
                let (start, colour) = if before.ends_with("dark") || before.ends_with('深') {
                    (at, colour.mixed(INK, 0.4))
                } else if before.ends_with("light") || before.ends_with('浅') {
                    (at, colour.mixed(WHITE, 0.35))
                } else {
                    (at, *colour)
                };
                found.push((start, colour));
            }
        }
    }
    for (at, _) in lower.match_indices('#') {
        if let Some(colour) = lower.get(at + 1..at + 7).and_then(Colour::parse) {
            found.push((at, colour));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    found
}

impl Colour {
    fn parse(digits: &str) -> Option<Self> {
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let value = u32::from_str_radix(digits, 16).ok()?;
        Some(Self((value >> 16) as u8, (value >> 8) as u8, value as u8))
    }

    /// `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// This colour with a share of another.
    fn mixed(self, other: Self, share: f64) -> Self {
        let mix =
            |own: u8, other: u8| (f64::from(own) * (1.0 - share) + f64::from(other) * share).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// Relative luminance (WCAG 2.2, "relative luminance").
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Black or white, whichever is read better on this colour.
    fn text_on(self) -> Self {
        let light = self.luminance();
        if 1.05 / (light + 0.05) >= (light + 0.05) / (INK.luminance() + 0.05) { WHITE } else { INK }
    }
}

/// A property of the style sheet and its value, in the order of the sheet.
pub(crate) type Values = Vec<(&'static str, String)>;

/// The names of the properties that carry the looks.
pub(crate) const GROUND: [&str; 6] =
    ["color-scheme", "--background", "--surface", "--text", "--muted", "--line"];
/// The names of the properties that carry the accent.
pub(crate) const ACCENT: [&str; 2] = ["--accent", "--on-accent"];

/// The values of a light or dark ground, tinted by a colour if one was asked for.
pub(crate) fn ground(dark: bool, tint: Option<Colour>) -> Values {
    let values = |scheme: &str, colours: [Colour; 5]| {
        let mut values = vec![(GROUND[0], scheme.to_owned())];
        values.extend(GROUND[1..].iter().copied().zip(colours.iter().map(|colour| colour.hex())));
        values
    };
    let dark_ground = [
        Colour(0x12, 0x17, 0x1f),
        Colour(0x1b, 0x22, 0x2d),
        Colour(0xe8, 0xed, 0xf3),
        Colour(0x9a, 0xa7, 0xb6),
        Colour(0x31, 0x3c, 0x4b),
    ];
    let light_ground = [
        Colour(0xf4, 0xf6, 0xf9),
        WHITE,
        Colour(0x1b, 0x24, 0x30),
        Colour(0x5b, 0x66, 0x75),
        Colour(0xda, 0xe0, 0xe8),
    ];
    match tint {
        None if dark => values("dark", dark_ground),
        None => values("light", light_ground),
        Some(tint) => {
            let dark = dark || tint.luminance() < 0.02;
            let (scheme, base, share) =
                if dark { ("dark", dark_ground, 0.75) } else { ("light", light_ground, 0.78) };
            let [background, surface, text, muted, line] = base;
            let tinted = |colour: Colour, share: f64| tint.mixed(colour, share);
            values(
                scheme,
                [tinted(background, share), tinted(surface, share + 0.12), text, muted, tinted(line, share)],
            )
        }
    }
}

/// The values of an accent.
pub(crate) fn accent(colour: Colour) -> Values {
    vec![(ACCENT[0], colour.hex()), (ACCENT[1], colour.text_on().hex())]
}

/// The accent of a site for which none was asked.
pub(crate) const DEFAULT_ACCENT: Colour = Colour(0x0f, 0x6b, 0x5c);

/// The values as lines of a style sheet.
pub(crate) fn lines(values: &Values) -> String {
    values.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "  {name}: {value};");
        text
    })
}

/// What was asked for, in words.
pub(crate) fn described(style: &super::wish::Style, language: Language) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(dark) = style.dark {
        said.push(match (dark, language) {
            (true, Language::English) => "dark colours".to_owned(),
            (false, Language::English) => "light colours".to_owned(),
            (true, Language::Chinese) => "深色配色".to_owned(),
            (false, Language::Chinese) => "浅色配色".to_owned(),
        });
    }
    if let Some(colour) = style.accent {
        said.push(format!("{} {}", language.say("the accent colour", "强调色"), colour.hex()));
    }
    if let Some(colour) = style.background {
        said.push(format!("{} {}", language.say("a background tinted with", "背景色调"), colour.hex()));
    }
    if let Some(title) = &style.title {
        said.push(match language {
            Language::English => format!("the title “{title}”"),
            Language::Chinese => format!("标题“{title}”"),
        });
    }
    said
}
