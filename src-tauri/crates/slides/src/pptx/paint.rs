//! Forms, fills, lines and shadows.

use std::fmt::Write;

use super::xml::{angle, emu, share};
use crate::scene::{Colour, Fill, Form, Item, Line, Shadow, Stop};

pub(super) fn colour(Colour { hex, alpha }: &Colour) -> String {
    let hex = if hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) { hex } else { "000000" };
    if *alpha >= 0.999 {
        format!("<a:srgbClr val=\"{hex}\"/>")
    } else {
        format!("<a:srgbClr val=\"{hex}\"><a:alpha val=\"{}\"/></a:srgbClr>", share(alpha.clamp(0.0, 1.0)))
    }
}

/// How many times as far as a box a circle reaches in one direction to count as a strip's.
const STRIP: f64 = 3.0;

pub(super) fn fill(fill: &Fill) -> String {
    // A gradient has two stops at least.
    if let Fill::Linear { stops, .. } | Fill::Radial { stops, .. } = fill
        && stops.len() < 2
    {
        return match stops.first() {
            Some(stop) => self::fill(&Fill::Solid(stop.colour.clone())),
            None => "<a:noFill/>".to_owned(),
        };
    }
    match fill {
        Fill::Solid(paint) => format!("<a:solidFill>{}</a:solidFill>", colour(paint)),
        Fill::Linear { angle: degrees, stops } => format!(
            "<a:gradFill rotWithShape=\"1\"><a:gsLst>{}</a:gsLst><a:lin ang=\"{}\" scaled=\"0\"/></a:gradFill>",
            gradient_stops(stops),
            angle(*degrees)
        ),
        Fill::Radial { centre: [x, y], radii, stops } => {
            let (x, y) = (x.clamp(0.0, 1.0), y.clamp(0.0, 1.0));
            if let Some((angle, centre, radius)) = match *radii {
                [wide, high] if high > STRIP * wide && high > STRIP => Some((0.0, x, wide)),
                [wide, high] if wide > STRIP * high && wide > STRIP => Some((90.0, y, high)),
                _ => None,
            } {
                return self::fill(&Fill::Linear { angle, stops: mirrored(stops, centre, radius) });
            }
            // A presentation's circle reaches the farthest corner.
            let reach = |at: f64| at.max(1.0 - at) * std::f64::consts::SQRT_2;
            let factor = f64::midpoint(radii[0] / reach(x), radii[1] / reach(y));
            format!(
                "<a:gradFill rotWithShape=\"1\"><a:gsLst>{}</a:gsLst><a:path path=\"circle\"><a:fillToRect l=\"{}\" t=\"{}\" r=\"{}\" b=\"{}\"/></a:path></a:gradFill>",
                gradient_stops(&scaled(stops, factor)),
                share(x),
                share(y),
                share(1.0 - x),
                share(1.0 - y)
            )
        }
    }
}

fn gradient_stops(stops: &[Stop]) -> String {
    let mut out = String::new();
    for stop in stops {
        let _ =
            write!(out, "<a:gs pos=\"{}\">{}</a:gs>", share(stop.at.clamp(0.0, 1.0)), colour(&stop.colour));
    }
    out
}

/// Stops whose distances are `factor` times as large, cut at the end.
fn scaled(stops: &[Stop], factor: f64) -> Vec<Stop> {
    let stretched: Vec<Stop> =
        stops.iter().map(|stop| Stop { at: stop.at * factor, colour: stop.colour.clone() }).collect();
    within(&stretched)
}

/// A gradient that hardly changes across a strip runs along it, from its centre to both sides.
fn mirrored(stops: &[Stop], centre: f64, radius: f64) -> Vec<Stop> {
    let side = |way: f64| {
        stops
            .iter()
            .map(move |stop| Stop { at: centre + way * stop.at * radius, colour: stop.colour.clone() })
    };
    let mut all: Vec<Stop> = side(-1.0).collect();
    all.reverse();
    all.extend(side(1.0));
    within(&all)
}

/// Stops in their order, of which those before 0 and behind 1 are cut with the colours that stand at these edges.
fn within(stops: &[Stop]) -> Vec<Stop> {
    let colour_at = |edge: f64| -> Option<Colour> {
        let after = stops.iter().position(|stop| stop.at > edge);
        match after {
            None => stops.last().map(|stop| stop.colour.clone()),
            Some(0) => stops.first().map(|stop| stop.colour.clone()),
            Some(index) => {
                let (before, next) = (&stops[index - 1], &stops[index]);
                Some(mixed(&before.colour, &next.colour, (edge - before.at) / (next.at - before.at)))
            }
        }
    };
    let (Some(first), Some(last)) = (colour_at(0.0), colour_at(1.0)) else { return Vec::new() };
    let inside: Vec<Stop> = stops.iter().filter(|stop| (0.0..=1.0).contains(&stop.at)).cloned().collect();
    let mut out = Vec::with_capacity(inside.len() + 2);
    if inside.first().is_none_or(|stop| stop.at > 0.001) {
        out.push(Stop { at: 0.0, colour: first });
    }
    let ends = inside.last().is_some_and(|stop| stop.at >= 0.999);
    out.extend(inside);
    if !ends {
        out.push(Stop { at: 1.0, colour: last });
    }
    out
}

fn mixed(one: &Colour, other: &Colour, share: f64) -> Colour {
    let byte = |colour: &Colour, at: usize| {
        colour.hex.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(0)
    };
    let blend =
        |at| (f64::from(byte(one, at)) * (1.0 - share) + f64::from(byte(other, at)) * share).round() as u8;
    Colour {
        hex: format!("{:02X}{:02X}{:02X}", blend(0), blend(2), blend(4)),
        alpha: one.alpha * (1.0 - share) + other.alpha * share,
    }
}

pub(super) fn line(tag: &str, line: Option<&Line>) -> String {
    let Some(line) = line.filter(|line| line.width > 0.0 && line.alpha > 0.002) else {
        return format!("<a:{tag}><a:noFill/></a:{tag}>");
    };
    let cap = match line.cap.as_str() {
        "round" => "rnd",
        "square" => "sq",
        _ => "flat",
    };
    let mut out = format!(
        "<a:{tag} w=\"{}\" cap=\"{cap}\"><a:solidFill>{}</a:solidFill>",
        emu(line.width),
        colour(&Colour { hex: line.hex.clone(), alpha: line.alpha })
    );
    if line.pattern.is_empty() {
        match line.dash.as_str() {
            "dash" => out.push_str("<a:prstDash val=\"dash\"/>"),
            "dot" => out.push_str("<a:prstDash val=\"sysDot\"/>"),
            _ => {}
        }
    } else {
        out.push_str("<a:custDash>");
        let pattern = &line.pattern;
        for index in (0..pattern.len()).step_by(2) {
            let gap = pattern.get(index + 1).copied().unwrap_or(pattern[index]);
            let _ = write!(
                out,
                "<a:ds d=\"{}\" sp=\"{}\"/>",
                share(pattern[index].max(0.01)),
                share(gap.max(0.01))
            );
        }
        out.push_str("</a:custDash>");
    }
    match line.join.as_str() {
        "round" => out.push_str("<a:round/>"),
        "bevel" => out.push_str("<a:bevel/>"),
        _ => out.push_str("<a:miter lim=\"800000\"/>"),
    }
    let _ = write!(out, "</a:{tag}>");
    out
}

/// The shadows of a form; the schema has the inner one first.
pub(super) fn effects(outer: Option<&Shadow>, inner: Option<&Shadow>, width: f64, height: f64) -> String {
    if outer.is_none() && inner.is_none() {
        return String::new();
    }
    format!(
        "<a:effectLst>{}{}</a:effectLst>",
        inner.map(inner_shadow).unwrap_or_default(),
        outer.map(|outer| outer_shadow(outer, width, height)).unwrap_or_default()
    )
}

fn inner_shadow(shadow: &Shadow) -> String {
    format!(
        "<a:innerShdw blurRad=\"{}\" dist=\"{}\" dir=\"{}\">{}</a:innerShdw>",
        emu((shadow.blur + shadow.spread).max(0.0)),
        emu(shadow.x.hypot(shadow.y)),
        angle(shadow.y.atan2(shadow.x).to_degrees()),
        colour(&shadow.colour)
    )
}

fn outer_shadow(shadow: &Shadow, width: f64, height: f64) -> String {
    let distance = shadow.x.hypot(shadow.y);
    let direction = shadow.y.atan2(shadow.x).to_degrees();
    let grown = |length: f64| share(((length + 2.0 * shadow.spread) / length.max(1.0)).clamp(0.1, 4.0));
    let scale = if shadow.spread.abs() > 0.01 {
        format!(" sx=\"{}\" sy=\"{}\" algn=\"ctr\"", grown(width), grown(height))
    } else {
        " algn=\"ctr\"".to_owned()
    };
    format!(
        "<a:outerShdw blurRad=\"{}\" dist=\"{}\" dir=\"{}\"{scale} rotWithShape=\"0\">{}</a:outerShdw>",
        emu(shadow.blur),
        emu(distance),
        angle(direction),
        colour(&shadow.colour)
    )
}

/// Where an item stands.
pub(super) fn place(tag: &str, item: &Item) -> String {
    let turn =
        if item.rotation.abs() > 0.01 { format!(" rot=\"{}\"", angle(item.rotation)) } else { String::new() };
    let flip = if item.flip { " flipH=\"1\"" } else { "" };
    format!(
        "<{tag}{turn}{flip}><a:off x=\"{}\" y=\"{}\"/><a:ext cx=\"{}\" cy=\"{}\"/></{tag}>",
        emu(item.x),
        emu(item.y),
        emu(item.w).max(0),
        emu(item.h).max(0)
    )
}

pub(super) fn form(form: &Form, width: f64, height: f64) -> String {
    let short = width.min(height).max(0.01);
    let part = |radius: f64| share((radius / short).clamp(0.0, 0.5));
    match form {
        Form::Rect => "<a:prstGeom prst=\"rect\"><a:avLst/></a:prstGeom>".to_owned(),
        Form::Ellipse => "<a:prstGeom prst=\"ellipse\"><a:avLst/></a:prstGeom>".to_owned(),
        Form::Round { radius } => format!(
            "<a:prstGeom prst=\"roundRect\"><a:avLst><a:gd name=\"adj\" fmla=\"val {}\"/></a:avLst></a:prstGeom>",
            part(*radius)
        ),
        Form::RoundTwo { top, bottom } => format!(
            "<a:prstGeom prst=\"round2SameRect\"><a:avLst><a:gd name=\"adj1\" fmla=\"val {}\"/><a:gd name=\"adj2\" fmla=\"val {}\"/></a:avLst></a:prstGeom>",
            part(*top),
            part(*bottom)
        ),
        Form::Path { commands } => {
            let (w, h) = (emu(width).max(1), emu(height).max(1));
            let mut out = format!(
                "<a:custGeom><a:avLst/><a:gdLst/><a:ahLst/><a:cxnLst/><a:rect l=\"0\" t=\"0\" r=\"r\" b=\"b\"/><a:pathLst><a:path w=\"{w}\" h=\"{h}\">"
            );
            for command in commands {
                let mut points = String::new();
                for pair in command.numbers.chunks_exact(2) {
                    let _ = write!(points, "<a:pt x=\"{}\" y=\"{}\"/>", emu(pair[0]), emu(pair[1]));
                }
                let _ = match command.letter {
                    'M' => write!(out, "<a:moveTo>{points}</a:moveTo>"),
                    'L' => write!(out, "<a:lnTo>{points}</a:lnTo>"),
                    'C' => write!(out, "<a:cubicBezTo>{points}</a:cubicBezTo>"),
                    _ => write!(out, "<a:close/>"),
                };
            }
            out.push_str("</a:path></a:pathLst></a:custGeom>");
            out
        }
    }
}

#[cfg(test)]
#[path = "paint_tests.rs"]
mod tests;
