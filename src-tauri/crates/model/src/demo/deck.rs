//! A deck of five slides as one page of HTML: cover, list, table, chart, quotation. Every word that comes from the user
//! or a file is escaped, and cut to what a slide holds.

use std::fmt::Write as _;

use super::{
    language::{Language, is_han},
    palette::{self, DEFAULT_ACCENT},
    site::escaped,
    wish::Style,
};

mod of_table;
mod of_text;
mod of_words;

pub(crate) use of_table::{DeckSource, of_table};
pub(crate) use of_text::of_text;
pub(crate) use of_words::of_words;

/// Slides of every deck.
pub(crate) const SLIDES: usize = 5;
/// Letters of the title at the foot of a slide.
pub(crate) const FOOT: usize = 60;
/// Bars of the chart.
const MOST_BARS: usize = 8;

/// What a deck says.
pub(crate) struct Deck {
    pub language: Language,
    pub title: String,
    /// Small words above the title.
    pub kicker: String,
    /// Below the title.
    pub lead: String,
    pub list: List,
    pub grid: Grid,
    pub chart: Chart,
    pub quote: Quote,
    /// Speaker notes, one a slide.
    pub notes: [String; SLIDES],
}

/// A list with two levels, and one number beside it.
pub(crate) struct List {
    pub title: String,
    /// At most four points with two below each.
    pub points: Vec<(String, Vec<String>)>,
    pub number: String,
    pub unit: String,
}

/// A table; whether a column holds numbers stands with its name.
pub(crate) struct Grid {
    pub title: String,
    pub columns: Vec<(String, bool)>,
    /// At most eight.
    pub rows: Vec<Vec<String>>,
    /// What is left out; may be empty.
    pub remark: String,
}

/// Bars with their labels and how their values are written.
pub(crate) struct Chart {
    pub title: String,
    pub bars: Vec<(String, f64, String)>,
    pub remark: String,
}

/// A sentence that stands alone.
pub(crate) struct Quote {
    pub title: String,
    pub text: String,
    pub by: String,
}

/// The page of a deck.
pub(crate) fn deck_page(deck: &Deck, style: &Style) -> String {
    let code = deck.language.say("en", "zh-CN");
    let title = escaped(&deck.title);
    let ground = palette::lines(&palette::ground(style.dark.unwrap_or(false), style.background));
    let accent = palette::lines(&palette::accent(style.accent.unwrap_or(DEFAULT_ACCENT)));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<style>\n/* Colours first: change them here. */\n:root {{\n{ground}{accent}}}\n</style>\n{HEAD}</head>\n<body>\n"
    );
    let parts: [(&str, String); SLIDES] = [
        ("ppt-slide cover", cover(deck)),
        ("ppt-slide", list(&deck.list)),
        ("ppt-slide", grid(&deck.grid)),
        ("ppt-slide", chart(&deck.chart)),
        ("ppt-slide", quote(&deck.quote)),
    ];
    for (place, ((class, body), notes)) in parts.iter().zip(&deck.notes).enumerate() {
        let _ = writeln!(page, "<section class=\"{class}\">\n{}", body.trim_end());
        if place > 0 {
            let _ = writeln!(
                page,
                "<div class=\"foot\"><span>{}</span><span>{} / {SLIDES}</span></div>",
                escaped(&fitted(&deck.title, FOOT)),
                place + 1
            );
        }
        let _ = writeln!(page, "<aside class=\"notes\">{}</aside>\n</section>", escaped(notes));
    }
    page.push_str("</body>\n</html>\n");
    page
}

const HEAD: &str = r#"<script src="https://cdn.jsdelivr.net/npm/@tailwindcss/browser@4"></script>
<style type="text/tailwindcss">
@layer components {
  .ppt-slide {
    @apply relative w-[1024px] h-[576px] box-border overflow-hidden mx-auto mb-[32px] px-[64px] pt-[52px];
    background: var(--background);
    color: var(--text);
    font-family: Arial, "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif;
  }
  .ppt-slide.cover { background: var(--accent); color: var(--on-accent); }
  .bar { @apply w-[56px] h-[6px] mb-[16px]; background: var(--accent); }
  h2 { @apply m-0 text-[34px] leading-[42px] font-bold; }
  .muted { color: var(--muted); }
  .card { background: var(--surface); border: 1px solid var(--line); }
  .foot { @apply absolute left-[64px] right-[64px] bottom-[24px] flex justify-between text-[13px] leading-[18px]; color: var(--muted); }
  .points { @apply m-0 pl-[26px] list-disc text-[21px] leading-[30px] font-bold; }
  .points > li { @apply mb-[12px]; }
  .points > li::marker { color: var(--accent); }
  .points ul { @apply m-0 pl-[22px] list-disc text-[17px] leading-[25px] font-normal; }
  .grid-table { @apply w-full border-collapse text-[16px] leading-[22px]; }
  .grid-table th { @apply px-[14px] py-[8px] text-left font-bold; color: var(--on-accent); background: var(--accent); }
  .grid-table td { @apply px-[14px] py-[7px]; border-bottom: 1px solid var(--line); background: var(--surface); }
  .grid-table .number { @apply text-right; }
  .grid-table.large { @apply text-[19px] leading-[28px]; }
  .grid-table.large td, .grid-table.large th { @apply py-[11px]; }
  aside.notes { display: none; }
}
body { margin: 0; background: var(--line); }
</style>
"#;

fn cover(deck: &Deck) -> String {
    let size = match width(&deck.title) {
        0..=18 => "text-[68px] leading-[78px]",
        19..=36 => "text-[54px] leading-[64px]",
        _ => "text-[42px] leading-[52px]",
    };
    format!(
        r#"<div class="absolute -right-[120px] -top-[150px] w-[460px] h-[460px] rounded-full bg-[var(--on-accent)] opacity-10"></div>
<div class="absolute right-[150px] top-[210px] w-[170px] h-[170px] rounded-full bg-[var(--on-accent)] opacity-10"></div>
<div class="absolute left-[64px] right-[230px] bottom-[72px]">
<p class="m-0 mb-[18px] text-[18px] leading-[24px] font-bold">{}</p>
<h1 class="m-0 font-bold {size}">{}</h1>
<div class="w-[88px] h-[6px] my-[26px] bg-[var(--on-accent)]"></div>
<p class="m-0 text-[22px] leading-[32px]">{}</p>
</div>"#,
        escaped(&fitted(&deck.kicker, 60)),
        escaped(&fitted(&deck.title, 72)),
        escaped(&fitted(&deck.lead, 120)),
    )
}

fn heading(title: &str) -> String {
    format!("<div class=\"bar\"></div>\n<h2>{}</h2>\n", escaped(&fitted(title, 48)))
}

fn list(list: &List) -> String {
    let mut html = heading(&list.title);
    html.push_str("<div class=\"flex gap-[48px] mt-[26px]\">\n<ul class=\"points flex-1\">\n");
    for (point, below) in list.points.iter().take(4) {
        let _ = write!(html, "<li>{}", escaped(&fitted(point, 48)));
        if !below.is_empty() {
            html.push_str("\n<ul>\n");
            for point in below.iter().take(2) {
                let _ = writeln!(html, "<li>{}</li>", escaped(&fitted(point, 60)));
            }
            html.push_str("</ul>\n");
        }
        html.push_str("</li>\n");
    }
    let size = if width(&list.number) > 5 { "text-[48px]" } else { "text-[84px]" };
    let _ = write!(
        html,
        "</ul>\n<div class=\"card w-[240px] h-[240px] rounded-[20px] flex flex-col items-center justify-center\">\n<p class=\"m-0 {size} leading-[100px] font-bold text-[var(--accent)]\">{}</p>\n<p class=\"m-0 text-[18px] leading-[26px] muted\">{}</p>\n</div>\n</div>",
        escaped(&list.number),
        escaped(&fitted(&list.unit, 22)),
    );
    html
}

fn grid(grid: &Grid) -> String {
    let mut html = heading(&grid.title);
    // Few rows are set larger, so that they fill the slide.
    let large = if grid.rows.len() <= 5 { " large" } else { "" };
    let _ = write!(html, "<table class=\"grid-table{large} mt-[22px]\">\n<thead>\n<tr>");
    let class = |number: bool| if number { " class=\"number\"" } else { "" };
    // The columns share the width of the slide.
    let room = (if grid.rows.len() <= 5 { 84 } else { 92 }) / grid.columns.len().max(1);
    for (name, number) in &grid.columns {
        let _ = write!(html, "<th{}>{}</th>", class(*number), escaped(&fitted(name, room)));
    }
    html.push_str("</tr>\n</thead>\n<tbody>\n");
    for row in grid.rows.iter().take(8) {
        html.push_str("<tr>");
        for (cell, (_, number)) in row.iter().zip(&grid.columns) {
            let _ = write!(html, "<td{}>{}</td>", class(*number), escaped(&fitted(cell, room)));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>");
    remark(&mut html, &grid.remark);
    html
}

fn remark(html: &mut String, text: &str) {
    if !text.is_empty() {
        let _ = write!(
            html,
            "\n<p class=\"absolute left-[64px] bottom-[52px] m-0 text-[14px] leading-[20px] muted\">{}</p>",
            escaped(&fitted(text, 110))
        );
    }
}

/// Horizontal bars as inline SVG, the largest in the full accent.
fn chart(chart: &Chart) -> String {
    let bars = &chart.bars[..chart.bars.len().min(MOST_BARS)];
    let low = bars.iter().map(|bar| bar.1).fold(0.0, f64::min);
    let high = bars.iter().map(|bar| bar.1).fold(0.0, f64::max);
    let range = if high > low { high - low } else { 1.0 };
    // In pixels: names on the left, values to the right of the bars.
    let (left, room) = (210.0, 570.0);
    let step = (336.0 / bars.len().max(1) as f64).min(84.0);
    let thick = (step * 0.62).min(44.0);
    let zero = left + (0.0 - low) / range * room;
    let height = step * bars.len() as f64;
    let mut html = heading(&chart.title);
    let _ = writeln!(
        html,
        "<svg class=\"block mt-[24px]\" width=\"896\" height=\"{height:.0}\" viewBox=\"0 0 896 {height:.0}\" role=\"img\" aria-label=\"{}\" fill=\"currentColor\" font-size=\"16\">",
        escaped(&chart.title)
    );
    for (place, (name, value, shown)) in bars.iter().enumerate() {
        let top = step * place as f64 + (step - thick) / 2.0;
        let line = top + thick / 2.0 + 5.5;
        let end = left + (value - low) / range * room;
        let (start, length) = if *value < 0.0 { (end, zero - end) } else { (zero, end - zero) };
        let faint = if *value < high { " fill-opacity=\"0.55\"" } else { "" };
        let _ = writeln!(
            html,
            "<text x=\"{:.0}\" y=\"{line:.1}\" text-anchor=\"end\">{}</text>\n<rect x=\"{start:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{thick:.1}\" rx=\"3\" fill=\"var(--accent)\"{faint}/>\n<text x=\"{:.1}\" y=\"{line:.1}\" font-weight=\"bold\">{}</text>",
            left - 14.0,
            escaped(&fitted(name, 24)),
            length.max(1.0),
            start + length.max(1.0) + 10.0,
            escaped(&fitted(shown, 14)),
        );
    }
    html.push_str("</svg>");
    remark(&mut html, &chart.remark);
    html
}

fn quote(quote: &Quote) -> String {
    let size = match width(&quote.text) {
        0..=90 => "text-[36px] leading-[52px]",
        _ => "text-[27px] leading-[42px]",
    };
    let mut html = heading(&quote.title);
    let _ = write!(
        html,
        "<blockquote class=\"absolute left-[64px] right-[64px] top-[190px] m-0 pl-[32px] border-l-[6px] border-[var(--accent)]\">\n<p class=\"m-0 font-bold {size}\">{}</p>\n<p class=\"m-0 mt-[24px] text-[18px] leading-[26px] muted\">{}</p>\n</blockquote>",
        escaped(&fitted(&quote.text, 200)),
        escaped(&fitted(&quote.by, 80)),
    );
    html
}

/// How wide a text is, in letters; a Chinese character is as wide as two.
fn width(text: &str) -> usize {
    text.chars().map(letter).sum()
}

fn letter(character: char) -> usize {
    // Full-width punctuation, kana and Hangul are as wide as Chinese characters.
    let wide = is_han(character)
        || matches!(character, '\u{3000}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}' | '\u{ff00}'..='\u{ff60}');
    if wide { 2 } else { 1 }
}

/// One line of at most so many letters, with a mark where it was cut.
pub(crate) fn fitted(text: &str, room: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if width(&line) <= room {
        return line;
    }
    let mut used = 1;
    let mut out: String = line
        .chars()
        .take_while(|character| {
            used += letter(*character);
            used <= room
        })
        .collect();
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

/// The words of a text; each Chinese character counts as one.
pub(crate) fn count_words(text: &str) -> usize {
    let (mut count, mut inside) = (0, false);
    for character in text.chars() {
        let word = character.is_alphanumeric() && !is_han(character);
        count += usize::from(is_han(character) || word && !inside);
        inside = word || inside && matches!(character, '\'' | '’' | '-');
    }
    count
}

#[cfg(test)]
#[path = "deck_tests.rs"]
mod tests;
