//! A page of a table: facts, a chart, and the rows.

use std::fmt::Write as _;

use super::{Page, cut, document, escaped};
use crate::demo::{
    language::Language,
    table::{Bars, Numbers, Table, number, written},
};

/// Rows in the page.
const MOST_ROWS: usize = 500;
/// Characters of the rows in the page; a file is written in one call of at most 100,000 characters.
const MOST_TEXT: usize = 70_000;
/// Columns whose numbers are summed up.
const MOST_MEASURES: usize = 6;
/// Bars of the chart.
const MOST_BARS: usize = 12;

/// What a data page is made of.
pub(crate) struct DataPage<'a> {
    pub language: Language,
    pub title: &'a str,
    /// The file's name.
    pub source: &'a str,
    pub table: &'a Table,
    /// The file holds more than was read.
    pub partial: bool,
    /// Lines that came cut.
    pub cut_lines: usize,
}

/// The document of a data page.
pub(crate) fn data_page(page: &DataPage<'_>) -> String {
    let DataPage { language, table, .. } = page;
    let rows = written(table.rows.len() as f64, 0);
    let columns = table.columns.len();
    let (row_word, column_word) = words(table);
    let lead = match (language, page.partial) {
        (Language::English, false) => {
            format!("{rows} {row_word} and {columns} {column_word} from {}.", page.source)
        }
        (Language::English, true) => {
            format!(
                "The first {rows} {row_word} and {columns} {column_word} of {}; the file holds more.",
                page.source
            )
        }
        (Language::Chinese, false) => format!("来自 {} 的 {rows} 行、{columns} 列数据。", page.source),
        (Language::Chinese, true) => {
            format!("{} 的前 {rows} 行、{columns} 列；文件中还有更多数据。", page.source)
        }
    };
    let measures = table.measures();
    let mut body = facts(page, &measures);
    if let Some((column, numbers)) = measures.first() {
        body.push_str(&chart(*language, table, *column, *numbers));
    }
    body.push_str(&rows_section(page));
    let mut foot = language
        .say(
            "Made by the demo model of OKCVM. Every figure was computed from the file.",
            "由 OKCVM 演示模型生成。所有数字都由文件中的数据计算得出。",
        )
        .to_owned();
    if page.cut_lines > 0 {
        let _ = match language {
            Language::English => {
                write!(foot, " {} long lines were cut when the file was read.", page.cut_lines)
            }
            Language::Chinese => write!(foot, "读取文件时有 {} 行因过长被截断。", page.cut_lines),
        };
    }
    document(&Page { language: *language, title: page.title, lead: &lead, body: &body, foot: &foot })
}

/// "row" and "column", or their plurals, as the table has them.
fn words(table: &Table) -> (&'static str, &'static str) {
    let row = if table.rows.len() == 1 { "row" } else { "rows" };
    (row, if table.columns.len() == 1 { "column" } else { "columns" })
}

fn facts(page: &DataPage<'_>, measures: &[(usize, Numbers)]) -> String {
    let DataPage { language, table, .. } = page;
    let mut cards: Vec<(String, String)> = vec![
        (written(table.rows.len() as f64, 0), language.say(words(table).0, "行").to_owned()),
        (table.columns.len().to_string(), language.say(words(table).1, "列").to_owned()),
    ];
    for (column, numbers) in measures.iter().take(MOST_MEASURES) {
        let name = cut(&table.columns[*column], 40);
        let digits = numbers.decimals;
        let average = written(numbers.sum / numbers.count as f64, digits.max(2));
        let (low, high) = (written(numbers.minimum, digits), written(numbers.maximum, digits));
        cards.push((
            written(numbers.sum, digits),
            match language {
                Language::English => {
                    format!("sum of {name}, from {low} to {high}, {average} on average")
                }
                Language::Chinese => format!("{name} 合计，最小 {low}，最大 {high}，平均 {average}"),
            },
        ));
    }
    let mut html =
        format!("<section>\n<h2>{}</h2>\n<div class=\"facts\">\n", language.say("At a glance", "概览"));
    for (value, label) in cards {
        let _ = writeln!(
            html,
            "<div class=\"fact\"><b>{}</b><span>{}</span></div>",
            escaped(&value),
            escaped(&label)
        );
    }
    html.push_str("</div>\n</section>\n");
    html
}

/// A bar chart as inline SVG: the rows in their order, or the largest ones if there are many.
fn chart(language: Language, table: &Table, column: usize, numbers: Numbers) -> String {
    let Bars { label, summed, values: mut bars } = table.bars(column);
    let all = bars.len();
    if all > MOST_BARS {
        bars.sort_by(|left, right| right.1.total_cmp(&left.1));
        bars.truncate(MOST_BARS);
    }
    let value_name = &table.columns[column];
    let mut heading = match (language, label.map(|label| &table.columns[label])) {
        (Language::English, Some(label)) => format!("{value_name} by {label}"),
        (Language::English, None) => format!("{value_name} by row"),
        (Language::Chinese, Some(label)) => format!("各{label}的{value_name}"),
        (Language::Chinese, None) => format!("各行的{value_name}"),
    };
    if summed {
        heading.push_str(language.say(" (summed)", "（合计）"));
    }
    if all > MOST_BARS {
        let _ = match language {
            Language::English => write!(heading, ", the {MOST_BARS} largest of {all}"),
            Language::Chinese => write!(heading, "，{all} 项中最大的 {MOST_BARS} 项"),
        };
    }
    let low = bars.iter().map(|bar| bar.1).fold(0.0, f64::min);
    let high = bars.iter().map(|bar| bar.1).fold(0.0, f64::max);
    let range = if high > low { high - low } else { 1.0 };
    // In units of the picture: names on the left, values to the right of the bars.
    let (left, width, step) = (170.0, 400.0, 34.0);
    let zero = left + (0.0 - low) / range * width;
    let height = step * bars.len() as f64 + 8.0;
    let mut html = format!(
        "<section class=\"chart\">\n<h2>{}</h2>\n<svg viewBox=\"0 0 680 {height}\" role=\"img\" aria-label=\"{}\">\n",
        escaped(&heading),
        escaped(&heading)
    );
    for (place, (name, value)) in bars.iter().enumerate() {
        let top = step * place as f64 + 6.0;
        let end = left + (value - low) / range * width;
        let (start, length) = if *value < 0.0 { (end, zero - end) } else { (zero, end - zero) };
        let after = start + length + 8.0;
        let _ = writeln!(
            html,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text><rect x=\"{start:.1}\" y=\"{top:.1}\" width=\"{length:.1}\" height=\"22\" rx=\"4\"><title>{}: {}</title></rect><text x=\"{after:.1}\" y=\"{:.1}\">{}</text>",
            left - 10.0,
            top + 16.0,
            escaped(&cut(name, 20)),
            escaped(&cut(name, 80)),
            written(*value, numbers.decimals),
            top + 16.0,
            written(*value, numbers.decimals),
        );
    }
    let _ = writeln!(
        html,
        "<line class=\"axis\" x1=\"{zero:.1}\" y1=\"0\" x2=\"{zero:.1}\" y2=\"{height}\"/>\n</svg>\n</section>"
    );
    html
}

fn rows_section(page: &DataPage<'_>) -> String {
    let DataPage { language, table, .. } = page;
    let numeric: Vec<bool> = (0..table.columns.len()).map(|column| table.numbers(column).is_some()).collect();
    let mut rows = String::new();
    let mut shown = 0;
    for row in table.rows.iter().take(MOST_ROWS) {
        let mut line = String::from("<tr>");
        for (cell, numeric) in row.iter().zip(&numeric) {
            let text = escaped(&cut(cell, 300));
            match number(cell).filter(|_| *numeric) {
                Some((value, _)) => {
                    let _ = write!(line, "<td class=\"number\" data-value=\"{value}\">{text}</td>");
                }
                None => {
                    let _ = write!(line, "<td>{text}</td>");
                }
            }
        }
        line.push_str("</tr>\n");
        if rows.chars().count() + line.chars().count() > MOST_TEXT {
            break;
        }
        rows.push_str(&line);
        shown += 1;
    }
    let mut html = format!(
        "<section>\n<h2>{}</h2>\n<input class=\"search\" type=\"search\" data-filter=\"tbody tr\" placeholder=\"{}\">\n<p class=\"note\"><span data-count></span> {}</p>\n",
        language.say("All rows", "全部数据"),
        language.say("Filter rows", "筛选"),
        language.say("Choose a heading to sort.", "点击表头可排序。"),
    );
    if shown < table.rows.len() {
        let all = table.rows.len();
        let _ = match language {
            Language::English => {
                writeln!(
                    html,
                    "<p class=\"note\">The table shows the first {shown} of {all} rows; the figures above use all of them.</p>"
                )
            }
            Language::Chinese => {
                writeln!(
                    html,
                    "<p class=\"note\">表格显示 {all} 行中的前 {shown} 行；上面的数字使用了全部 {all} 行。</p>"
                )
            }
        };
    }
    html.push_str("<div class=\"scroll\">\n<table data-sortable>\n<thead>\n<tr>");
    for (name, numeric) in table.columns.iter().zip(&numeric) {
        let class = if *numeric { " class=\"number\"" } else { "" };
        let _ = write!(html, "<th{class} scope=\"col\">{}</th>", escaped(&cut(name, 120)));
    }
    html.push_str("</tr>\n</thead>\n<tbody>\n");
    html.push_str(&rows);
    html.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    html
}
