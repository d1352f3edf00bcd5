//! Letters to lines, lines to paragraphs, headings, lists and tables, by where they stand.

use std::collections::BTreeMap;

use super::Passage;
use super::content::{Drawn, Letter};
use super::rulings::{Grid, grids};
use crate::markdown::{Inline, Style, Writer};

/// Gap between letters that is a space, in sizes of the letters.
const SPACE: f64 = 0.16;
/// Gap that divides columns, in sizes of the letters.
const COLUMN: f64 = 2.5;
/// How far letters of one line may stand above or below it, in sizes.
const LINE: f64 = 0.45;

/// A line of letters, or a part of one.
struct Line<'b> {
    letters: Vec<&'b Letter>,
    x: f64,
    end: f64,
    y: f64,
    size: f64,
    turns: u8,
}

impl<'b> Line<'b> {
    fn new(letter: &'b Letter) -> Self {
        Self {
            letters: vec![letter],
            x: letter.x,
            end: letter.x + letter.width,
            y: letter.y,
            size: letter.size,
            turns: letter.turns,
        }
    }

    /// Whether a letter goes on with the line, in either direction of writing.
    fn takes(&self, letter: &Letter) -> bool {
        let size = self.size.max(letter.size);
        let gap = (letter.x - self.end).max(self.x - letter.x - letter.width);
        self.turns == letter.turns
            && (letter.y - self.y).abs() <= size * LINE
            && gap <= size * COLUMN
            && letter.x + letter.width >= self.x - size * COLUMN
    }

    fn push(&mut self, letter: &'b Letter) {
        self.x = self.x.min(letter.x);
        self.end = self.end.max(letter.x + letter.width);
        if letter.size > self.size {
            self.size = letter.size;
            self.y = letter.y;
        }
        self.letters.push(letter);
    }

    fn text(&self) -> String {
        let mut inline = Inline::default();
        self.put(&mut inline, Weight::LeftOut);
        inline.bare()
    }

    fn is_bold(&self) -> bool {
        self.letters.iter().all(|letter| letter.is_bold || letter.text.trim().is_empty())
    }

    /// The letters in the order of reading, with spaces where there are gaps.
    fn put(&self, inline: &mut Inline, weight: Weight) {
        let letters = reading_order(&self.letters);
        let mut last: Option<&Letter> = None;
        for letter in letters {
            if let Some(last) = last {
                let gap = (letter.x - last.x - last.width).max(last.x - letter.x - letter.width);
                let has_space = last.text.ends_with(' ') || letter.text.starts_with(' ');
                if gap > letter.size.max(last.size) * SPACE && !has_space {
                    inline.text(" ", &style(last, weight));
                }
            }
            inline.text(&letter.text, &style(letter, weight));
            last = Some(letter);
        }
    }
}

/// Whether bold letters are marked as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Shown,
    LeftOut,
}

fn style(letter: &Letter, weight: Weight) -> Style {
    Style { bold: letter.is_bold && weight == Weight::Shown, link: letter.link.clone(), ..Style::default() }
}

/// Scripts that are written from right to left are often drawn from left to right, as they look.
fn reading_order<'b>(letters: &[&'b Letter]) -> Vec<&'b Letter> {
    let is_leftward = |letter: &Letter| letter.text.chars().any(is_right_to_left);
    let leftward = letters.iter().filter(|letter| is_leftward(letter)).count();
    if leftward == 0 {
        return letters.to_vec();
    }
    let mut sorted = letters.to_vec();
    sorted.sort_by(|one, other| one.x.total_cmp(&other.x));
    let is_rightward = |letter: &Letter| {
        letter.text.chars().any(|letter| letter.is_alphanumeric() && !is_right_to_left(letter))
    };
    let rightward = sorted.iter().filter(|letter| is_rightward(letter)).count();
    if leftward >= rightward {
        // Everything is turned round, then the words and numbers of the other direction once more.
        sorted.reverse();
        flip(&mut sorted, is_rightward, |letter| !is_leftward(letter));
    } else {
        flip(&mut sorted, is_leftward, |letter| !is_rightward(letter));
    }
    sorted
}

/// Turns round every run that begins and ends with letters that `is_core` names and consists of letters that `may_be_in`
/// names.
fn flip<'b>(
    letters: &mut [&'b Letter],
    is_core: impl Fn(&'b Letter) -> bool,
    may_be_in: impl Fn(&'b Letter) -> bool,
) {
    let mut start = 0;
    while start < letters.len() {
        if !letters.get(start).is_some_and(|letter| is_core(letter)) {
            start += 1;
            continue;
        }
        let mut end = start + 1;
        let mut last_core = start;
        while let Some(letter) = letters.get(end).filter(|letter| may_be_in(letter)) {
            if is_core(letter) {
                last_core = end;
            }
            end += 1;
        }
        if let Some(run) = letters.get_mut(start..=last_core) {
            run.reverse();
        }
        start = last_core + 1;
    }
}

fn is_right_to_left(letter: char) -> bool {
    matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}')
}

fn is_cjk(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}

fn lines(letters: &[Letter]) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for letter in letters {
        match lines.last_mut() {
            Some(line) if line.takes(letter) => line.push(letter),
            _ if letter.text.trim().is_empty() => {}
            _ => lines.push(Line::new(letter)),
        }
    }
    lines.retain(|line| line.letters.iter().any(|letter| !letter.text.trim().is_empty()));
    lines
}

/// Text of letters that are drawn one after the other, as it stands in one element of the document's tags.
pub(super) fn flow(letters: &[Letter], weight: Weight) -> Inline {
    let mut inline = Inline::default();
    join(&lines(letters).iter().collect::<Vec<_>>(), weight, &mut inline);
    inline
}

/// Puts lines behind each other; what the ends of lines divided is one again.
fn join(lines: &[&Line<'_>], weight: Weight, inline: &mut Inline) {
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            let before = inline.last_letter();
            let next = line.text().chars().next();
            let is_divided = matches!(before, Some('-' | '\u{ad}' | ' ')) || next == Some(' ');
            let is_one_script = before.is_some_and(is_cjk) && next.is_some_and(is_cjk);
            if !is_divided && !is_one_script {
                inline.plain(" ");
            }
        }
        line.put(inline, weight);
    }
}

/// Hidden letters as passages, each of one reason.
pub(super) fn passages(letters: &[Letter]) -> Vec<Passage> {
    let mut found: Vec<Passage> = Vec::new();
    for part in letters.chunk_by(|one, other| one.hidden == other.hidden) {
        let Some(why) = part.first().and_then(|letter| letter.hidden) else { continue };
        let text = flow(part, Weight::LeftOut).bare();
        if !text.trim().is_empty() {
            found.push((why, text));
        }
    }
    found
}

/// The size in which most of the page is set.
fn body_size(letters: &[Letter]) -> f64 {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for letter in letters {
        *counts.entry((letter.size * 4.0).round() as i64).or_default() += 1;
    }
    counts.iter().max_by_key(|(_, count)| **count).map_or(10.0, |(size, _)| *size as f64 / 4.0)
}

/// Writes a page by where its letters stand.
pub(super) fn write(drawn: &Drawn, out: &mut Writer) {
    let body = body_size(&drawn.letters);
    let grids = grids(&drawn.rulings);
    let grid_of = |line: &Line<'_>| -> Option<usize> {
        let (x, y) = (line.x + 0.5, line.y - line.size * 0.3);
        (line.turns == 0).then(|| grids.iter().position(|grid| grid.cell(x, y).is_some())).flatten()
    };
    let lines = lines(&drawn.letters);
    let mut done = vec![false; grids.len()];
    let mut block: Vec<&Line<'_>> = Vec::new();
    let mut indents: Vec<f64> = Vec::new();
    for line in &lines {
        if let Some(index) = grid_of(line) {
            end_block(&mut block, body, &mut indents, out);
            if let (Some(grid), Some(done)) = (grids.get(index), done.get_mut(index))
                && !std::mem::replace(done, true)
            {
                let inside: Vec<&Line<'_>> =
                    lines.iter().filter(|other| grid_of(other) == Some(index)).collect();
                out.table(&cells(grid, &inside));
            }
            continue;
        }
        if block.last().is_some_and(|last| !goes_on(&block, last, line)) {
            end_block(&mut block, body, &mut indents, out);
        }
        block.push(line);
    }
    end_block(&mut block, body, &mut indents, out);
}

/// Whether a line belongs to the paragraph of the lines before it.
fn goes_on(block: &[&Line<'_>], last: &Line<'_>, line: &Line<'_>) -> bool {
    let size = last.size.max(line.size);
    let step = line.y - last.y;
    if last.turns != line.turns || (last.size - line.size).abs() > size * 0.12 {
        return false;
    }
    // The same height: columns of a table without lines, or a number before its heading.
    if step.abs() <= size * LINE {
        return line.x > last.end;
    }
    let usual = match block {
        [.., one, other] if other.y - one.y > size * LINE => (other.y - one.y) * 1.25,
        _ => size * 1.75,
    };
    let is_apart = line.x > last.end || line.end < last.x;
    step > 0.0
        && step <= usual
        && !is_apart
        && last.is_bold() == line.is_bold()
        && marker(&line.text()).is_none()
}

fn end_block(block: &mut Vec<&Line<'_>>, body: f64, indents: &mut Vec<f64>, out: &mut Writer) {
    let lines = std::mem::take(block);
    let Some(first) = lines.first() else { return };
    let size = lines.iter().map(|line| line.size).fold(0.0, f64::max);
    let is_one_row = lines.len() > 1 && lines.iter().all(|line| (line.y - first.y).abs() <= size * LINE);
    if is_one_row && size < body * 1.15 {
        indents.clear();
        let mut inline = Inline::default();
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                inline.plain("   ");
            }
            line.put(&mut inline, Weight::Shown);
        }
        out.paragraph(&inline.finish().0);
        return;
    }
    let mut inline = Inline::default();
    let ratio = size / body;
    if ratio >= 1.15 && lines.len() <= 4 {
        indents.clear();
        join(&lines, Weight::LeftOut, &mut inline);
        let level = match ratio {
            1.8.. => 1,
            1.4.. => 2,
            _ => 3,
        };
        out.heading(level, &inline.finish_heading().0);
        return;
    }
    join(&lines, Weight::Shown, &mut inline);
    let bare = inline.bare();
    let text = inline.finish().0;
    if let Some((mark, length)) = marker(&bare) {
        while indents.last().is_some_and(|indent| *indent > first.x + 4.0) {
            indents.pop();
        }
        if indents.last().is_none_or(|indent| *indent < first.x - 4.0) {
            indents.push(first.x);
        }
        let rest = text.get(length.min(text.len())..).unwrap_or(&text);
        out.item(indents.len() - 1, &mark, rest.trim_start());
    } else {
        indents.clear();
        out.paragraph(&text);
    }
}

/// The mark of an entry of a list at the start of a text, and its length in bytes.
fn marker(text: &str) -> Option<(String, usize)> {
    let bare = text.trim_start();
    let before = text.len() - bare.len();
    let first = bare.chars().next()?;
    if matches!(first, '•' | '◦' | '▪' | '▸' | '‣' | '●' | '○' | '■' | '–' | '-' | '\u{f0b7}' | '·')
    {
        let behind = bare.get(first.len_utf8()..)?;
        return (behind.starts_with([' ', '\t']) && !behind.trim().is_empty())
            .then(|| ("-".to_owned(), before + first.len_utf8()));
    }
    let digits = bare.bytes().take_while(u8::is_ascii_digit).count();
    let behind = bare.get(digits..)?;
    if (1..=3).contains(&digits)
        && (behind.starts_with(". ") || behind.starts_with(") "))
        && !behind.get(2..)?.trim().is_empty()
    {
        return Some((format!("{}.", bare.get(..digits)?), before + digits + 1));
    }
    None
}

fn cells(grid: &Grid, lines: &[&Line<'_>]) -> Vec<Vec<String>> {
    let (rows, columns) = grid.size();
    let mut inlines: BTreeMap<(usize, usize), Vec<Letter>> = BTreeMap::new();
    for line in lines {
        for letter in &line.letters {
            let place = grid.cell(letter.x + letter.width / 2.0, letter.y - letter.size * 0.3);
            if let Some(place) = place {
                inlines.entry(place).or_default().push((*letter).clone());
            }
        }
    }
    let mut table = vec![vec![String::new(); columns]; rows];
    for ((row, column), letters) in inlines {
        if let Some(cell) = table.get_mut(row).and_then(|row| row.get_mut(column)) {
            *cell = flow(&letters, Weight::LeftOut).finish().0;
        }
    }
    table.retain(|row| row.iter().any(|cell| !cell.trim().is_empty()));
    table
}
