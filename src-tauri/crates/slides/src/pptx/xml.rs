//! Numbers and text as a presentation writes them.

/// English Metric Units a CSS pixel.
const EMU: f64 = 9525.0;

/// Pixels in English Metric Units.
pub(super) fn emu(pixels: f64) -> i64 {
    let value = (pixels * EMU).round();
    if value.is_finite() { value.clamp(-2e9, 2e9) as i64 } else { 0 }
}

/// Pixels in hundredths of a point.
pub(super) fn points(pixels: f64) -> i64 {
    let value = (pixels * 75.0).round();
    if value.is_finite() { value as i64 } else { 0 }
}

/// A part of one in thousandths of a percent.
pub(super) fn share(part: f64) -> i64 {
    let value = (part * 100_000.0).round();
    if value.is_finite() { value as i64 } else { 0 }
}

/// Degrees in sixty-thousandths, from 0 to a full turn.
pub(super) fn angle(degrees: f64) -> i64 {
    if degrees.is_finite() { (degrees.rem_euclid(360.0) * 60_000.0).round() as i64 % 21_600_000 } else { 0 }
}

/// Text inside of an element or an attribute; what XML cannot hold is left out.
pub(super) fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len() + 8);
    for letter in raw.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\r' | '\t' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
