//! Values of style sheets, as far as they say that something is not seen. All are in lower case.

use crate::text::Colour;

/// What letters are drawn with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ink {
    /// Nothing.
    None,
    Of(Colour),
}

/// Pixels, where the letters have that size; `None` for lengths that depend on something else.
pub(super) fn length(value: &str, size: f64) -> Option<f64> {
    let number = value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == '%');
    let length: f64 = number.parse().ok()?;
    match value.get(number.len()..)? {
        "px" | "" => Some(length),
        "pt" => Some(length * 4.0 / 3.0),
        "em" | "ch" | "ex" => Some(length * size),
        "rem" => Some(length * 16.0),
        // Of a window as they usually are.
        "vw" | "vh" | "vmin" | "vmax" => Some(length * 10.0),
        "cm" => Some(length * 38.0),
        "mm" => Some(length * 3.8),
        "in" => Some(length * 96.0),
        "%" if length == 0.0 => Some(0.0),
        _ => None,
    }
}

/// The size of the letters in a value of `font`.
pub(super) fn shorthand_size(value: &str, size: f64) -> Option<f64> {
    // A number alone is a weight, unless the height of the line stands behind it or it is nothing at all.
    value.split_whitespace().find_map(|word| match word.split_once('/') {
        Some((before, _)) => length(before, size),
        None if word == "0" || word.parse::<f64>().is_err() => length(word, size),
        None => None,
    })
}

/// What is behind the letters once that value of a background was declared.
pub(super) fn background(value: &str, around: Option<Colour>) -> Option<Colour> {
    if matches!(value, "none" | "transparent" | "inherit" | "initial" | "unset" | "") {
        return around;
    }
    match ink(value) {
        Some(Ink::Of(colour)) => Some(colour),
        Some(Ink::None) => around,
        None => None,
    }
}

/// A colour; `None` if it is not known, or lets something through.
pub(super) fn ink(value: &str) -> Option<Ink> {
    let named = match value {
        "transparent" => return Some(Ink::None),
        "white" => [255, 255, 255],
        "snow" => [255, 250, 250],
        "ghostwhite" => [248, 248, 255],
        "mintcream" => [245, 255, 250],
        "whitesmoke" => [245, 245, 245],
        "ivory" => [255, 255, 240],
        "black" => [0, 0, 0],
        "gray" | "grey" => [128, 128, 128],
        "silver" => [192, 192, 192],
        "red" => [255, 0, 0],
        "green" => [0, 128, 0],
        "blue" => [0, 0, 255],
        "navy" => [0, 0, 128],
        "yellow" => [255, 255, 0],
        _ => return digits(value).or_else(|| function(value)),
    };
    Some(Ink::Of(Colour(named)))
}

fn digits(value: &str) -> Option<Ink> {
    let digits = value.strip_prefix('#')?;
    let doubled: String = match digits.len() {
        3 | 4 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
        _ => digits.to_owned(),
    };
    let colour = Colour::from_hex(doubled.get(..6)?)?;
    match doubled.get(6..)? {
        "" | "ff" => Some(Ink::Of(colour)),
        alpha => (u8::from_str_radix(alpha, 16).ok()? <= 5).then_some(Ink::None),
    }
}

/// `rgb(…)` and `hsl(…)`, in all their forms.
fn function(value: &str) -> Option<Ink> {
    let (name, inside) = value.strip_suffix(')')?.split_once('(')?;
    let parts: Vec<&str> = inside.split([',', ' ', '/']).filter(|part| !part.is_empty()).collect();
    let (&[first, second, third], rest) = parts.split_first_chunk::<3>()?;
    let share = |part: &str| match part.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok().map(|percent| percent / 100.0),
        None => part.parse::<f64>().ok(),
    };
    if let Some(alpha) = rest.first() {
        let alpha = share(alpha)?;
        if alpha <= 0.02 {
            return Some(Ink::None);
        }
        if alpha < 0.98 {
            return None;
        }
    }
    let part = |part: &str| match part.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok().map(|percent| percent * 2.55),
        None => part.parse::<f64>().ok(),
    };
    let [red, green, blue] = match name {
        "rgb" | "rgba" => [part(first)?, part(second)?, part(third)?],
        "hsl" | "hsla" => {
            let hue = first.trim_end_matches("deg").parse::<f64>().ok()?;
            of_hue(hue, share(second)?, share(third)?)
        }
        _ => return None,
    };
    Some(Ink::Of(Colour([red, green, blue].map(|part| part.round().clamp(0.0, 255.0) as u8))))
}

/// Red, green and blue up to 255 of a hue in degrees, a saturation and a lightness up to 1 (CSS Color 4, 7.1).
fn of_hue(hue: f64, saturation: f64, lightness: f64) -> [f64; 3] {
    [0.0, 8.0, 4.0].map(|shift: f64| {
        let place = (shift + hue / 30.0).rem_euclid(12.0);
        let reach = saturation * lightness.min(1.0 - lightness);
        255.0 * (lightness - reach * (place - 3.0).min(9.0 - place).clamp(-1.0, 1.0))
    })
}

/// Whether a value of `clip` or `clip-path` leaves nothing to see.
pub(super) fn clips_all(value: &str) -> bool {
    let Some((name, inside)) = value.strip_suffix(')').and_then(|value| value.split_once('(')) else {
        return false;
    };
    let parts: Vec<&str> = inside.split([',', ' ']).filter(|part| !part.is_empty()).collect();
    let none = |part: &&str| length(part, 16.0).is_some_and(|pixels| pixels <= 1.0);
    match name {
        "rect" | "polygon" => parts.len() > 1 && parts.iter().all(none),
        "circle" | "ellipse" => parts.first().is_some_and(none),
        "inset" => parts
            .first()
            .and_then(|part| part.strip_suffix('%')?.parse::<f64>().ok())
            .is_some_and(|part| part >= 50.0),
        _ => false,
    }
}

/// Whether a transform makes something as good as nothing.
pub(super) fn shrinks(value: &str) -> bool {
    any_part(value, "scale", &|factor| factor.parse::<f64>().is_ok_and(|factor| factor.abs() <= 0.05))
}

/// Whether a transform moves something out of the page.
pub(super) fn moves_out(value: &str) -> bool {
    any_part(value, "translate", &|way| length(way, 16.0).is_some_and(|pixels| pixels <= -900.0))
}

fn any_part(value: &str, function: &str, says: &dyn Fn(&str) -> bool) -> bool {
    value.split(')').filter_map(|part| part.split_once('(')).any(|(name, inside)| {
        name.trim().starts_with(function) && inside.split([',', ' ']).any(|part| says(part.trim()))
    })
}
