//! Paragraphs and runs.

use std::borrow::Cow;
use std::fmt::Write;

use super::paint::{colour, effects, fill, line};
use super::xml::{emu, points, share, text};
use crate::scene::{Colour, Fill, Paragraph, Run, Text};

/// What part of its size a raised or lowered letter is drawn at: `PowerPoint` takes two thirds, `LibreOffice` 58 %.
const RAISED_SIZE: f64 = 0.62;

/// Gives the relation of an address, or of a picture that stands before a text; the caller keeps them.
pub(super) type Links<'a> = &'a mut dyn FnMut(&str) -> Option<String>;

/// The text of a box. `quarter` is the direction of text that was turned by a quarter.
pub(super) fn body(box_text: &Text, quarter: Option<&str>, links: Links<'_>) -> String {
    let turned = quarter.map(|direction| format!(" vert=\"{direction}\""));
    let direction = match (&box_text.vertical, box_text.sideways) {
        (None, _) => turned.as_deref().unwrap_or_default(),
        (Some(_), true) => " vert=\"vert\"",
        (Some(side), false) if side == "lr" => " vert=\"mongolianVert\"",
        (Some(_), false) => " vert=\"eaVert\"",
    };
    let edges = box_text.edges.map_or([0; 4], |edges| {
        [edges.left, edges.top, edges.right, edges.bottom].map(|edge| emu(edge.max(0.0)))
    });
    // Text in a shape keeps to its middle where it stands in it, so that it does when somebody changes it.
    let is_in_middle = box_text.edges.is_some_and(|edges| (edges.top - edges.bottom).abs() < 2.0);
    let mut out = format!(
        "<p:txBody><a:bodyPr{direction} wrap=\"{}\" lIns=\"{}\" tIns=\"{}\" rIns=\"{}\" bIns=\"{}\" rtlCol=\"0\" anchor=\"{}\"><a:noAutofit/></a:bodyPr><a:lstStyle/>",
        // The lines are broken already. A title's box is wide enough by itself: programs wrap it whatever is said.
        if box_text.title { "square" } else { "none" },
        edges[0],
        edges[1],
        edges[2],
        edges[3],
        if is_in_middle { "ctr" } else { "t" },
    );
    for paragraph in numbered(&box_text.paragraphs).iter() {
        out.push_str(&self::paragraph(paragraph, links));
    }
    out.push_str("</p:txBody>");
    out
}

/// Paragraphs that count on from each other start at one number, so that a new one between them moves the rest.
fn numbered(paragraphs: &[Paragraph]) -> Cow<'_, [Paragraph]> {
    if paragraphs
        .iter()
        .all(|paragraph| paragraph.marker.as_ref().is_none_or(|marker| marker.number.is_none()))
    {
        return Cow::Borrowed(paragraphs);
    }
    let mut out = paragraphs.to_vec();
    // Of each level: the kind of number, where it started, and what comes next.
    let mut lists: Vec<Option<(String, u32, u32)>> = Vec::new();
    for paragraph in &mut out {
        let level = paragraph.level as usize;
        lists.resize(level + 1, None);
        let Some(marker) = &mut paragraph.marker else {
            lists[level] = None;
            continue;
        };
        let Some(kind) = &marker.number else {
            lists[level] = None;
            continue;
        };
        let start = match &lists[level] {
            Some((same, start, next)) if same == kind && *next == marker.start.max(1) => *start,
            _ => marker.start.max(1),
        };
        lists[level] = Some((kind.clone(), start, marker.start.max(1) + 1));
        marker.start = start;
    }
    Cow::Owned(out)
}

/// The link that a whole text is, if it does not look like one.
pub(super) fn link_of_whole(text: &Text) -> Option<&str> {
    let mut runs = text.paragraphs.iter().flat_map(|paragraph| &paragraph.runs).filter(|run| !run.is_break);
    let first = runs.next()?;
    let address = first.link.as_deref()?;
    let is_plain = |run: &Run| run.underline.is_none() && run.link.as_deref() == Some(address);
    (is_plain(first) && runs.all(is_plain)).then_some(address)
}

/// A link on a click.
pub(super) fn link(tag: &str, address: &str, links: Links<'_>) -> Option<String> {
    let relation = links(address)?;
    // A link to a slide is a jump; without the word a program would look for a file.
    let action = if address.starts_with('#') { " action=\"ppaction://hlinksldjump\"" } else { "" };
    Some(format!("<{tag} r:id=\"{relation}\"{action}/>"))
}

pub(super) fn paragraph(paragraph: &Paragraph, links: Links<'_>) -> String {
    let align = match paragraph.align.as_str() {
        "center" => "ctr",
        "right" => "r",
        _ => "l",
    };
    let mut out = format!(
        "<a:p><a:pPr marL=\"{}\" indent=\"{}\" algn=\"{align}\"{}{}>",
        emu(paragraph.margin.max(0.0)).min(51_206_400),
        emu(paragraph.first).clamp(-51_206_400, 51_206_400),
        if paragraph.level > 0 { format!(" lvl=\"{}\"", paragraph.level.min(8)) } else { String::new() },
        if paragraph.rtl { " rtl=\"1\"" } else { "" },
    );
    let _ = write!(
        out,
        "<a:lnSpc><a:spcPts val=\"{}\"/></a:lnSpc><a:spcBef><a:spcPts val=\"{}\"/></a:spcBef><a:spcAft><a:spcPts val=\"0\"/></a:spcAft>",
        points(paragraph.pitch).clamp(100, 158_400),
        points(paragraph.before).clamp(0, 158_400)
    );
    match &paragraph.marker {
        None => out.push_str("<a:buNone/>"),
        Some(marker) => {
            let size = paragraph.runs.iter().find(|run| !run.is_break).map_or(marker.size, |run| run.size);
            let _ = write!(
                out,
                "<a:buClr>{}</a:buClr><a:buSzPct val=\"{}\"/>",
                colour(&marker.colour),
                share((marker.size / size.max(1.0)).clamp(0.25, 4.0))
            );
            if let Some(number) = &marker.number {
                let start = if marker.start > 1 {
                    format!(" startAt=\"{}\"", marker.start.min(32_767))
                } else {
                    String::new()
                };
                let _ = write!(out, "<a:buFontTx/><a:buAutoNum type=\"{}\"{start}/>", text(number));
            } else if let Some(relation) = marker.picture.as_deref().and_then(&mut *links) {
                let _ = write!(out, "<a:buFontTx/><a:buBlip><a:blip r:embed=\"{relation}\"/></a:buBlip>");
            } else {
                let letter = marker.char.as_deref().unwrap_or("•");
                // Without a name programs take a font of signs of their own, whose letters stand elsewhere.
                let font = match paragraph.runs.iter().find(|run| !run.is_break && !run.latin.is_empty()) {
                    Some(run) => format!("<a:buFont typeface=\"{}\"/>", text(&run.latin)),
                    None => "<a:buFontTx/>".to_owned(),
                };
                let _ = write!(out, "{font}<a:buChar char=\"{}\"/>", text(letter));
            }
        }
    }
    out.push_str("</a:pPr>");
    let mut last = None;
    for run in &paragraph.runs {
        if run.is_break {
            let _ = write!(out, "<a:br><a:rPr sz=\"{}\"/></a:br>", size(run));
        } else {
            let look = properties("rPr", run, links);
            // A tab stands between a number that is text and what it counts.
            let words: Vec<String> = run.text.split('\t').map(text).collect();
            let _ = write!(out, "<a:r>{look}<a:t>{}</a:t></a:r>", words.join("\t"));
            last = Some(run);
        }
    }
    let _ = write!(out, "<a:endParaRPr sz=\"{}\"/></a:p>", last.map_or(100, size));
    out
}

fn size(run: &Run) -> i64 {
    points(run.size).clamp(100, 400_000)
}

fn properties(tag: &str, run: &Run, links: Links<'_>) -> String {
    let raised = run.raise.abs() > 0.01;
    let drawn = if raised { run.size / RAISED_SIZE } else { run.size };
    let mut out = format!("<a:{tag}");
    let language = language(run);
    if !language.is_empty() {
        let _ = write!(out, " lang=\"{language}\"");
    }
    let _ = write!(out, " sz=\"{}\"", points(drawn).clamp(100, 400_000));
    let _ = write!(out, " b=\"{}\" i=\"{}\"", u8::from(run.bold), u8::from(run.italic));
    if let Some(kind) = &run.underline {
        let kind = match kind.as_str() {
            "dash" | "dotted" | "dbl" | "wavy" | "heavy" => kind,
            _ => "sng",
        };
        let _ = write!(out, " u=\"{kind}\"");
    }
    if run.strike {
        out.push_str(" strike=\"sngStrike\"");
    }
    if let Some(caps @ ("all" | "small")) = run.caps.as_deref() {
        let _ = write!(out, " cap=\"{caps}\"");
    }
    if run.spacing.abs() > 0.004 {
        let _ = write!(out, " spc=\"{}\"", points(run.spacing).clamp(-400_000, 400_000));
    }
    if raised {
        let _ = write!(out, " baseline=\"{}\"", share(run.raise * run.main_size / drawn.max(1.0)));
    }
    out.push_str(" dirty=\"0\">");
    if let Some(stroke) = &run.stroke {
        out.push_str(&line("ln", Some(stroke)));
    }
    out.push_str(&match &run.gradient {
        Some(gradient) => fill(gradient),
        None => fill(&Fill::Solid(Colour { hex: run.hex.clone(), alpha: run.alpha })),
    });
    if let Some(cast) = &run.shadow {
        out.push_str(&effects(Some(cast), None, 1.0, 1.0));
    }
    if let Some(ground) = &run.highlight {
        let _ = write!(out, "<a:highlight>{}</a:highlight>", colour(ground));
    }
    if let Some(paint) = run.underline_fill.as_ref().filter(|_| run.underline.is_some()) {
        let _ = write!(out, "<a:uFill><a:solidFill>{}</a:solidFill></a:uFill>", colour(paint));
    }
    let (latin, east_asian) = (text(&run.latin), text(&run.east_asian));
    let _ = write!(
        out,
        "<a:latin typeface=\"{latin}\"/><a:ea typeface=\"{east_asian}\"/><a:cs typeface=\"{latin}\"/><a:sym typeface=\"{latin}\"/>"
    );
    if let Some(relation) = run.link.as_deref().and_then(links) {
        // A link to a slide is a jump; without the word a program would look for a file.
        let jump = run.link.as_deref().is_some_and(|link| link.starts_with('#'));
        let action = if jump { " action=\"ppaction://hlinksldjump\"" } else { "" };
        // The text keeps its own colour.
        let _ = write!(
            out,
            "<a:hlinkClick r:id=\"{relation}\"{action}><a:extLst><a:ext uri=\"{{A12FA001-AC4F-418D-AE19-62706E023703}}\"><ahyp:hlinkClr xmlns:ahyp=\"http://schemas.microsoft.com/office/drawing/2018/hyperlinkcolor\" val=\"tx\"/></a:ext></a:extLst></a:hlinkClick>"
        );
    }
    let _ = write!(out, "</a:{tag}>");
    out
}

/// A language tag for the spelling checker, if the page names one.
fn language(run: &Run) -> String {
    let known = match run.language.to_ascii_lowercase().as_str() {
        "" => return String::new(),
        "en" => "en-US",
        "zh" | "zh-hans" => "zh-CN",
        "zh-hant" => "zh-TW",
        "ja" => "ja-JP",
        "ko" => "ko-KR",
        "de" => "de-DE",
        "fr" => "fr-FR",
        "es" => "es-ES",
        _ => &run.language,
    };
    let plain = known.len() <= 12 && known.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain { known.to_owned() } else { String::new() }
}
