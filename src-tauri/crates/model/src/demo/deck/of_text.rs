//! A deck of a text: its headings, how long its sections are, and its first sentence.

use super::{Chart, Deck, DeckSource, Grid, List, MOST_BARS, Quote, count_words, fitted};
use crate::demo::{language::Language, table::written};

/// A part of a text below one heading.
struct Section {
    name: String,
    /// Headings below it; without any the starts of its paragraphs.
    below: Vec<String>,
    lines: usize,
    words: usize,
}

/// The deck of a text that is not empty.
pub(crate) fn of_text(source: &DeckSource<'_>, text: &str) -> Deck {
    let language = source.language;
    let name = source.name;
    let parts = sections(text, language);
    let words = count_words(text);
    let shown = written(words as f64, 0);
    let unit = language.say(if words == 1 { "word" } else { "words" }, "字");
    let grid_rows = parts
        .iter()
        .take(7)
        .map(|part| vec![part.name.clone(), written(part.lines as f64, 0), written(part.words as f64, 0)]);
    let mut bars: Vec<(String, f64, String)> = parts
        .iter()
        .map(|part| (part.name.clone(), part.words as f64, written(part.words as f64, 0)))
        .collect();
    if bars.len() > MOST_BARS {
        bars.sort_by(|one, other| other.1.total_cmp(&one.1));
    }
    let cut = |limit: usize| match language {
        _ if parts.len() <= limit => String::new(),
        Language::English => format!("{limit} of {} parts", parts.len()),
        Language::Chinese => format!("{} 个部分中的 {limit} 个", parts.len()),
    };
    let first = first_sentence(text);
    let lead = match (language, source.partial) {
        (Language::English, false) => format!("{shown} {unit} from {name}"),
        (Language::English, true) => format!("The first {shown} {unit} of {name}; the file holds more"),
        (Language::Chinese, false) => format!("来自 {name} 的 {shown} 字"),
        (Language::Chinese, true) => format!("{name} 的前 {shown} 字；文件中还有更多内容"),
    };
    let notes = match language {
        Language::English => [
            format!("This deck presents {name}. All of its words stand in the file."),
            "The parts of the text, in their order.".to_owned(),
            "How long each part is, in lines and words.".to_owned(),
            "The same as bars; the longest part is marked.".to_owned(),
            format!("{name} begins with: {first}"),
        ],
        Language::Chinese => [
            format!("这份幻灯片介绍 {name}，所有文字都来自文件。"),
            "按原有顺序列出文本的各个部分。".to_owned(),
            "每个部分有多少行、多少字。".to_owned(),
            "同样的数据，用条形表示；最长的部分已突出显示。".to_owned(),
            format!("{name} 的开头是：{first}"),
        ],
    };
    let columns: [&str; 3] = language.say(["Part", "Lines", "Words"], ["部分", "行数", "字数"]);
    Deck {
        language,
        title: source.title.to_owned(),
        kicker: name.to_owned(),
        lead,
        list: List {
            title: language.say("What is in it", "内容概要").to_owned(),
            points: parts.iter().take(4).map(|part| (part.name.clone(), part.below.clone())).collect(),
            number: shown,
            unit: unit.to_owned(),
        },
        grid: Grid {
            title: language.say("Its parts", "各个部分").to_owned(),
            columns: columns
                .iter()
                .enumerate()
                .map(|(place, name)| ((*name).to_owned(), place > 0))
                .collect(),
            rows: grid_rows.collect(),
            remark: cut(7),
        },
        chart: Chart {
            title: language.say("Words in each part", "各部分的字数").to_owned(),
            bars,
            remark: cut(MOST_BARS),
        },
        quote: Quote {
            title: language.say("How it begins", "开头").to_owned(),
            text: first,
            by: name.to_owned(),
        },
        notes,
    }
}

/// The parts of a text by its Markdown headings; by its paragraphs if it has none.
fn sections(text: &str, language: Language) -> Vec<Section> {
    let heading = |line: &str| {
        let rest = line.trim_start_matches('#');
        let level = line.len() - rest.len();
        ((1..=6).contains(&level) && rest.starts_with(' ')).then(|| (level, rest.trim().to_owned()))
    };
    let headings: Vec<usize> = text.lines().filter_map(heading).map(|(level, _)| level).collect();
    let mut parts: Vec<Section> = Vec::new();
    if headings.is_empty() {
        for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
            let rest = paragraph.lines().skip(1).filter(|line| !line.trim().is_empty());
            parts.push(Section {
                name: fitted(paragraph.lines().next().unwrap_or_default(), 40),
                below: rest.take(2).map(str::to_owned).collect(),
                lines: paragraph.lines().count(),
                words: count_words(paragraph),
            });
        }
        return parts;
    }
    // A single heading of the highest level is the title of the text; its parts are one level below.
    let highest = headings.iter().min().copied().unwrap_or(1);
    let alone = headings.iter().filter(|level| **level == highest).count() == 1 && headings.len() > 1;
    let top = if alone {
        headings.iter().filter(|level| **level > highest).min().copied().unwrap_or(highest)
    } else {
        highest
    };
    for line in text.lines() {
        match heading(line) {
            Some((level, name)) if level <= top => {
                parts.push(Section { name, below: Vec::new(), lines: 1, words: count_words(line) });
                continue;
            }
            Some((_, name)) => {
                if let Some(part) = parts.last_mut() {
                    part.below.push(name);
                }
            }
            None if parts.is_empty() && line.trim().is_empty() => continue,
            None => {}
        }
        if parts.is_empty() {
            let name = language.say("Start", "开头").to_owned();
            parts.push(Section { name, below: Vec::new(), lines: 0, words: 0 });
        }
        if let Some(part) = parts.last_mut() {
            part.lines += 1;
            part.words += count_words(line);
        }
    }
    parts
}

/// The first sentence that is no heading.
fn first_sentence(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let line = line.or_else(|| text.lines().find(|line| !line.trim().is_empty())).unwrap_or_default();
    let end = line
        .char_indices()
        .find(|(at, character)| {
            let next = line[at + character.len_utf8()..].chars().next();
            matches!(character, '。' | '！' | '？')
                || matches!(character, '.' | '!' | '?') && next.is_none_or(char::is_whitespace)
        })
        .map_or(line.len(), |(at, character)| at + character.len_utf8());
    fitted(line[..end].trim_start_matches('#').trim(), 200)
}
