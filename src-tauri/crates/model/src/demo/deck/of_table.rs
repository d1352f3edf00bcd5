//! A deck of a table: its figures, its first rows, a chart, and what stands out.

use super::{Chart, Deck, Grid, List, MOST_BARS, Quote};
use crate::demo::{
    language::Language,
    table::{Numbers, Table, written},
};

/// Rows and columns on the slide.
const ROWS: usize = 7;
const COLUMNS: usize = 6;

/// Where a deck comes from.
pub(crate) struct DeckSource<'a> {
    pub language: Language,
    pub title: &'a str,
    /// The file's name.
    pub name: &'a str,
    /// The file holds more than was read.
    pub partial: bool,
}

/// The deck of a table that has a column.
pub(crate) fn of_table(source: &DeckSource<'_>, table: &Table) -> Deck {
    let language = source.language;
    let name = source.name;
    let (rows, columns) = (table.rows.len(), table.columns.len());
    let shown = written(rows as f64, 0);
    let lead = match (language, source.partial) {
        (Language::English, false) => format!("{shown} rows and {columns} columns from {name}"),
        (Language::English, true) => {
            format!("The first {shown} rows of {name}, {columns} columns; the file holds more")
        }
        (Language::Chinese, false) => format!("来自 {name} 的 {shown} 行、{columns} 列数据"),
        (Language::Chinese, true) => format!("{name} 的前 {shown} 行、{columns} 列；文件中还有更多数据"),
    };
    let measures = table.measures();
    let chart = chart(language, table, measures.first().copied());
    let top = chart.bars.iter().max_by(|one, other| one.1.total_cmp(&other.1)).cloned();
    let quote = Quote {
        title: language.say("What stands out", "最突出的一点").to_owned(),
        text: match (language, &top) {
            (Language::English, Some((label, _, value))) => {
                format!("{label} is in front with {value}: {}.", chart.title)
            }
            (Language::Chinese, Some((label, _, value))) => {
                format!("{label}以 {value} 居首：{}。", chart.title)
            }
            (Language::English, None) => format!("{name} has {columns} columns and no rows yet."),
            (Language::Chinese, None) => format!("{name} 有 {columns} 列，但还没有数据行。"),
        },
        by: match language {
            Language::English => format!("Computed from {name}"),
            Language::Chinese => format!("由 {name} 计算得出"),
        },
    };
    let notes = match language {
        Language::English => [
            format!("This deck shows {name}. Every figure was computed from the file; nothing was added."),
            "The sums, ranges and averages of the columns that measure something.".to_owned(),
            format!("The first rows as they stand in {name}. In the presentation the cells can be edited."),
            format!("{}. The longest bar is marked.", chart.title),
            format!("{} Ask the audience why.", quote.text),
        ],
        Language::Chinese => [
            format!("这份幻灯片展示 {name}。所有数字都由文件计算得出，没有添加任何内容。"),
            "这里是各个数值列的合计、范围和平均值。".to_owned(),
            format!("这里是 {name} 的前几行原始数据。在演示文稿中可以编辑单元格。"),
            format!("{}。最长的条形已突出显示。", chart.title),
            format!("{}问问大家原因。", quote.text),
        ],
    };
    Deck {
        language,
        title: source.title.to_owned(),
        kicker: name.to_owned(),
        lead,
        list: list(language, table, &measures),
        grid: grid(language, table),
        chart,
        quote,
        notes,
    }
}

fn list(language: Language, table: &Table, measures: &[(usize, Numbers)]) -> List {
    let mut points: Vec<(String, Vec<String>)> = measures
        .iter()
        .take(4)
        .map(|(column, numbers)| {
            let digits = numbers.decimals;
            let average = written(numbers.sum / numbers.count as f64, digits.max(1));
            let (low, high) = (written(numbers.minimum, digits), written(numbers.maximum, digits));
            let sum = written(numbers.sum, digits);
            let below = match language {
                Language::English => {
                    vec![format!("Sum {sum}"), format!("From {low} to {high}, {average} on average")]
                }
                Language::Chinese => {
                    vec![format!("合计 {sum}"), format!("从 {low} 到 {high}，平均 {average}")]
                }
            };
            (table.columns[*column].clone(), below)
        })
        .collect();
    if points.is_empty() {
        points = (0..table.columns.len().min(4))
            .map(|column| {
                let values: std::collections::BTreeSet<&str> =
                    table.rows.iter().map(|row| row[column].as_str()).collect();
                let count = values.len();
                let below = match language {
                    Language::English => format!("Different values: {count}"),
                    Language::Chinese => format!("不同的值：{count}"),
                };
                (table.columns[column].clone(), vec![below])
            })
            .collect();
    }
    List {
        title: language.say("At a glance", "概览").to_owned(),
        points,
        number: written(table.rows.len() as f64, 0),
        unit: language.say(if table.rows.len() == 1 { "row" } else { "rows" }, "行").to_owned(),
    }
}

fn grid(language: Language, table: &Table) -> Grid {
    let (rows, columns) = (table.rows.len(), table.columns.len());
    let (some_rows, some_columns) = (rows.min(ROWS), columns.min(COLUMNS));
    let remark = if rows > ROWS || columns > COLUMNS {
        match language {
            Language::English => format!("{some_rows} of {rows} rows, {some_columns} of {columns} columns"),
            Language::Chinese => {
                format!("{rows} 行中的前 {some_rows} 行，{columns} 列中的前 {some_columns} 列")
            }
        }
    } else {
        String::new()
    };
    let head = table.columns.iter().take(COLUMNS).enumerate();
    Grid {
        title: language.say("The data", "数据").to_owned(),
        columns: head.map(|(column, name)| (name.clone(), table.numbers(column).is_some())).collect(),
        rows: table.rows.iter().take(ROWS).map(|row| row.iter().take(COLUMNS).cloned().collect()).collect(),
        remark,
    }
}

/// The first column that measures something, or how often each value of the first column occurs.
fn chart(language: Language, table: &Table, measure: Option<(usize, Numbers)>) -> Chart {
    let (mut title, mut bars, summed) = match measure {
        Some((column, numbers)) => {
            let bars = table.bars(column);
            let value = &table.columns[column];
            let title = match (language, bars.label.map(|label| &table.columns[label])) {
                (Language::English, Some(label)) => format!("{value} by {label}"),
                (Language::English, None) => format!("{value} by row"),
                (Language::Chinese, Some(label)) => format!("各{label}的{value}"),
                (Language::Chinese, None) => format!("各行的{value}"),
            };
            let written = |value: f64| written(value, numbers.decimals);
            let all = bars.values.into_iter().map(|(name, value)| (name, value, written(value)));
            (title, all.collect::<Vec<_>>(), bars.summed)
        }
        None => {
            let mut counts: Vec<(String, f64)> = Vec::new();
            for name in table.rows.iter().map(|row| &row[0]) {
                match counts.iter_mut().find(|(known, _)| known == name) {
                    Some((_, count)) => *count += 1.0,
                    None => counts.push((name.clone(), 1.0)),
                }
            }
            let title = match language {
                Language::English => format!("Rows by {}", table.columns[0]),
                Language::Chinese => format!("各{}的行数", table.columns[0]),
            };
            let all = counts.into_iter().map(|(name, count)| (name, count, written(count, 0)));
            (title, all.collect(), false)
        }
    };
    if summed {
        title.push_str(language.say(" (summed)", "（合计）"));
    }
    let all = bars.len();
    let mut remark = language.say("Computed from the file.", "由文件计算得出。").to_owned();
    if all > MOST_BARS {
        bars.sort_by(|one, other| other.1.total_cmp(&one.1));
        bars.truncate(MOST_BARS);
        remark = match language {
            Language::English => format!("The {MOST_BARS} largest of {all}, computed from the file."),
            Language::Chinese => format!("{all} 项中最大的 {MOST_BARS} 项，由文件计算得出。"),
        };
    }
    Chart { title, bars, remark }
}
