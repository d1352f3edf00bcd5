//! Tables of what a file holds, and facts that are computed of them.

use std::collections::BTreeMap;

/// The lines of a numbered text, as a file reader returns it: number, tab, line. What has no number, or not the
/// next one, is a remark of the reader.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct NumberedText {
    pub lines: BTreeMap<u64, String>,
    /// Where the reader says to go on, if it showed a part.
    pub next: Option<u64>,
    /// Lines that came cut.
    pub cut: usize,
}

impl NumberedText {
    pub fn parse(text: &str) -> Self {
        let mut numbered = Self::default();
        let mut last = None;
        for line in text.split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            match numbered_line(line) {
                Some((number, content)) if last.is_none_or(|last| number == last + 1) => {
                    // The reader's own mark is no part of the line.
                    let whole = content.rfind("… [cut").filter(|_| content.ends_with(']'));
                    numbered.cut += usize::from(whole.is_some());
                    let content = whole.map_or(content, |end| &content[..end]);
                    numbered.lines.insert(number, content.to_owned());
                    numbered.next = None;
                    last = Some(number);
                }
                Some(_) | None if last.is_some() => numbered.next = numbered.next.or_else(|| offset(line)),
                Some(_) | None => {}
            }
        }
        numbered
    }

    /// The text without its numbers.
    pub fn text(&self) -> String {
        self.lines.values().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// The number after the word "offset".
fn offset(remark: &str) -> Option<u64> {
    let (_, after) = remark.split_once("offset ")?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn numbered_line(line: &str) -> Option<(u64, &str)> {
    let line = line.trim_start_matches(' ');
    let end = line.find(|character: char| !character.is_ascii_digit())?;
    let number = line[..end].parse().ok()?;
    let content = ["\t", "→", "|"].iter().find_map(|mark| line[end..].strip_prefix(mark))?;
    Some((number, content))
}

/// A parsed table. Every row has as many cells as there are columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads comma, semicolon or tab separated values. The first line names the columns, unless it is all
    /// numbers; `unnamed` makes the name of a column that has none, counted from 1.
    pub fn parse(text: &str, unnamed: impl Fn(usize) -> String) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter(text))
            .from_reader(text.as_bytes());
        let mut rows: Vec<Vec<String>> = reader
            .records()
            .filter_map(Result::ok)
            .map(|record| record.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
            .filter(|row: &Vec<String>| row.iter().any(|cell| !cell.is_empty()))
            .collect();
        let Some(first) = rows.first() else { return Self::default() };
        let all_numbers = first.iter().filter(|cell| !cell.is_empty()).all(|cell| number(cell).is_some());
        let names = if all_numbers { Vec::new() } else { rows.remove(0) };
        let width = rows.iter().map(Vec::len).chain([names.len()]).max().unwrap_or(0);
        for row in &mut rows {
            row.resize(width, String::new());
        }
        let columns = (0..width)
            .map(|column| match names.get(column) {
                Some(name) if !name.is_empty() => name.clone(),
                Some(_) | None => unnamed(column + 1),
            })
            .collect();
        Self { columns, rows }
    }

    /// What the numbers of a column say; `None` if it holds anything but numbers.
    pub fn numbers(&self, column: usize) -> Option<Numbers> {
        let mut numbers =
            Numbers { count: 0, minimum: f64::INFINITY, maximum: f64::NEG_INFINITY, sum: 0.0, decimals: 0 };
        for cell in self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()) {
            let (value, decimals) = number(cell)?;
            numbers.count += 1;
            numbers.minimum = numbers.minimum.min(value);
            numbers.maximum = numbers.maximum.max(value);
            numbers.sum += value;
            numbers.decimals = numbers.decimals.max(decimals);
        }
        (numbers.count > 0).then_some(numbers)
    }

    /// Columns of numbers that measure something; years and identifiers only name it.
    pub fn measures(&self) -> Vec<(usize, Numbers)> {
        (0..self.columns.len())
            .filter(|column| {
                let name = self.columns[*column].to_lowercase();
                let names_only =
                    ["id", "year", "年", "年份", "编号", "序号", "no", "no.", "#", "zip", "phone"];
                !names_only.contains(&name.as_str()) && !name.ends_with("_id")
            })
            .filter_map(|column| Some((column, self.numbers(column)?)))
            .filter(|(_, numbers)| !numbers.are_years())
            .collect()
    }

    /// Labels and values for a chart of a column: one bar a row, or, where labels repeat, their sums.
    pub fn bars(&self, column: usize) -> Bars {
        let label = (0..self.columns.len()).find(|other| *other != column && self.numbers(*other).is_none());
        let label = label.or_else(|| (0..self.columns.len()).find(|other| *other != column));
        let mut bars: Vec<(String, f64)> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (position, row) in self.rows.iter().enumerate() {
            let Some((value, _)) = number(&row[column]) else { continue };
            let name = label.map_or_else(|| (position + 1).to_string(), |label| row[label].clone());
            if let Some(place) = places.get(&name) {
                bars[*place].1 += value;
            } else {
                places.insert(name.clone(), bars.len());
                bars.push((name, value));
            }
        }
        Bars { label, summed: bars.len() < self.rows.len(), values: bars }
    }
}

/// What a chart shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bars {
    /// The column of the labels; rows are numbered without one.
    pub label: Option<usize>,
    /// Rows with the same label were added up.
    pub summed: bool,
    pub values: Vec<(String, f64)>,
}

/// The numbers of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Numbers {
    pub count: usize,
    pub minimum: f64,
    pub maximum: f64,
    pub sum: f64,
    /// Digits after the point, at most six.
    pub decimals: usize,
}

impl Numbers {
    /// Whole numbers that look like years; a sum of them says nothing.
    fn are_years(&self) -> bool {
        self.decimals == 0 && self.minimum >= 1800.0 && self.maximum <= 2100.0
    }
}

/// A number as people write it: with thousands commas, a currency or percent sign. With its digits after the
/// point.
pub(crate) fn number(cell: &str) -> Option<(f64, usize)> {
    let text = cell.trim();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.trim_start_matches(['$', '€', '£', '¥', '￥']).trim_end_matches(['%', '€', '元']).trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let grouped = groups.len() == 1
        || (groups[1..].iter().all(|group| group.len() == 3) && (1..=3).contains(&groups[0].len()));
    if !grouped
        || !groups.iter().all(|group| digits(group))
        || !digits(fraction)
        || (whole.is_empty() && fraction.is_empty())
    {
        return None;
    }
    let value: f64 =
        format!("{}.{}", groups.concat(), if fraction.is_empty() { "0" } else { fraction }).parse().ok()?;
    Some((if negative { -value } else { value }, fraction.len().min(6)))
}

/// A number with thousands commas and so many digits after the point.
pub(crate) fn written(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    if value < 0.0 && out.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) { format!("-{out}") } else { out }
}

/// The separator that the first line uses most, outside of quotes.
fn delimiter(text: &str) -> u8 {
    let mut quoted = false;
    // Of equals the first counts: a tab is seldom part of a name.
    let mut counts = [(b'\t', 0_usize), (b',', 0), (b';', 0)];
    for byte in text.lines().find(|line| !line.trim().is_empty()).unwrap_or("").bytes() {
        quoted ^= byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(mark, _)| !quoted && *mark == byte) {
            *count += 1;
        }
    }
    let best = counts.iter().rev().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0);
    best.map_or(b',', |(mark, _)| *mark)
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
