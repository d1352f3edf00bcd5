//! What the user's words ask for.

use super::{
    language::{Language, is_han, mentions, position},
    palette::{Colour, named_colours},
};

/// The jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// A website.
    Site,
    /// A presentation.
    Slides,
    /// A change of the site or the slides that stand.
    Change,
    /// A to-do list.
    Todo,
    /// A command.
    Command,
    /// Go on with what was begun.
    Continue,
    /// Anything else.
    Other,
}

const SITE: &[&str] = &[
    "website",
    "web site",
    "web page",
    "webpage",
    "site",
    "page",
    "homepage",
    "landing page",
    "dashboard",
    "网站",
    "网页",
    "页面",
    "主页",
    "站点",
    "看板",
];
const SLIDES: &[&str] = &[
    "slides",
    "slide deck",
    "slideshow",
    "deck",
    "presentation",
    "powerpoint",
    "pptx",
    "幻灯片",
    "演示文稿",
    "简报",
    "ppt",
];
const MAKE: &[&str] = &[
    "make slides",
    "make some",
    "make a",
    "make an",
    "make me",
    "make one",
    "build",
    "create",
    "generate",
    "design a",
    "new",
    "another",
    "turn this",
    "做一个",
    "做一份",
    "做一套",
    "做成",
    "做个",
    "制作",
    "生成",
    "创建",
    "建一个",
    "建个",
    "新的",
    "另一个",
    "设计一个",
    "帮我做",
];
const ALTER: &[&str] = &[
    "change",
    "edit",
    "update",
    "modify",
    "rename",
    "make it",
    "make the",
    "make that",
    "make this",
    "switch",
    "set",
    "turn it",
    "turn the",
    "use",
    "replace",
    "call it",
    "give it",
    "改",
    "换",
    "变",
    "设为",
    "设成",
    "调",
    "用",
    "修改",
];
const STYLE: &[&str] = &[
    "colour",
    "color",
    "colours",
    "colors",
    "dark",
    "light",
    "darker",
    "lighter",
    "title",
    "heading",
    "headline",
    "header",
    "theme",
    "background",
    "mode",
    "call it",
    "rename",
    "深色",
    "暗色",
    "黑暗",
    "夜间",
    "浅色",
    "亮色",
    "标题",
    "题目",
    "颜色",
    "配色",
    "背景",
    "主题",
    "色",
];
const COMMAND: &[&str] =
    &["run", "runs", "command", "commands", "shell", "terminal", "execute", "命令", "终端", "运行", "执行"];
const TODO: &[&str] = &[
    "to-do",
    "to-dos",
    "todo",
    "todos",
    "to do",
    "task list",
    "tasks",
    "checklist",
    "plan",
    "待办",
    "清单",
    "任务",
    "计划",
];
const CONTINUE: &[&str] = &[
    "continue",
    "go on",
    "carry on",
    "keep going",
    "resume",
    "please continue",
    "继续",
    "请继续",
    "接着",
    "接着做",
];
const TITLE: &[&str] =
    &["title", "heading", "headline", "header", "rename", "call it", "标题", "题目", "改名"];

/// What the demo makes that can be changed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Site,
    Slides,
}

/// Which of them the lower-case words name first: slides about a website are slides.
pub(crate) fn kind_named(lower: &str) -> Option<Kind> {
    let first = |signs: &[&str]| signs.iter().filter_map(|sign| position(lower, sign)).min();
    match (first(SITE), first(SLIDES)) {
        (None, None) => None,
        (Some(site), Some(slides)) if site < slides => Some(Kind::Site),
        (Some(_), None) => Some(Kind::Site),
        (_, Some(_)) => Some(Kind::Slides),
    }
}

/// What the words ask for. A file that came with them and no clear words ask for a site of it.
pub(crate) fn intent(words: &str, with_file: bool, work_stands: bool) -> Intent {
    let lower = words.to_lowercase();
    let bare = lower.trim().trim_end_matches(['.', '!', '。', '！', '~']);
    if CONTINUE.contains(&bare) {
        return Intent::Continue;
    }
    let makes = mentions(&lower, MAKE);
    let alters = mentions(&lower, ALTER) && !makes;
    let style = mentions(&lower, STYLE) || !named_colours(&lower).is_empty();
    if style && !with_file && (alters || (work_stands && !makes)) {
        return Intent::Change;
    }
    if let Some(kind) = kind_named(&lower) {
        return match kind {
            Kind::Site => Intent::Site,
            Kind::Slides => Intent::Slides,
        };
    }
    if mentions(&lower, COMMAND) {
        return Intent::Command;
    }
    if mentions(&lower, TODO) {
        return Intent::Todo;
    }
    if with_file
        || named_file(words).is_some() && (makes || mentions(&lower, &["about", "from", "show", "展示"]))
    {
        return Intent::Site;
    }
    Intent::Other
}

/// How a site is to look.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Style {
    pub dark: Option<bool>,
    pub accent: Option<Colour>,
    pub background: Option<Colour>,
    pub title: Option<String>,
}

impl Style {
    /// What the words say about the looks; later lines win. The words of a subject are no wish: a site about
    /// green tea need not be green.
    pub fn of(words: &str) -> Self {
        let mut style = Self::default();
        let subject = Language::of(words)
            .filter(|_| mentions(&words.to_lowercase(), &["about", "关于", "有关", "介绍"]))
            .and_then(|language| marked_topic(words, language))
            .unwrap_or_default();
        for line in words.lines() {
            let line = &line.replace(if subject.is_empty() { "\n" } else { subject }, " ");
            let title = title(line);
            // The words of a title are no wish for a colour.
            let rest = title.as_ref().map_or(line.to_owned(), |title| line.replace(title.as_str(), " "));
            let rest = rest.to_lowercase();
            let colours = named_colours(&rest);
            style.dark = dark(&rest).or(style.dark);
            let behind = ["background", "背景"].iter().find_map(|sign| position(&rest, sign));
            for (at, colour) in &colours {
                // "a green background", "background to green": the colour nearest to the word is meant.
                let nearest = behind.is_some_and(|behind| {
                    colours.iter().all(|(other, _)| at.abs_diff(behind) <= other.abs_diff(behind))
                });
                if nearest {
                    style.background = Some(*colour);
                } else {
                    style.accent = Some(*colour);
                }
            }
            style.title = title.or(style.title);
        }
        style
    }

    /// Nothing was wished.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn dark(lower: &str) -> Option<bool> {
    if mentions(
        lower,
        &["深色", "暗色", "黑暗", "夜间", "暗黑", "dark mode", "dark theme", "night mode", "darker"],
    ) {
        return Some(true);
    }
    if mentions(lower, &["浅色", "亮色", "明亮", "light mode", "light theme", "lighter"]) {
        return Some(false);
    }
    // "dark green" is a colour, "make it dark" is not.
    let alone = |sign: &str| {
        position(lower, sign).is_some_and(|at| {
            let next = lower[at + sign.len()..].trim_start();
            named_colours(next).first().is_none_or(|(start, _)| *start > 0)
        })
    };
    if alone("dark") {
        Some(true)
    } else if alone("light") {
        Some(false)
    } else {
        None
    }
}

/// The title that the words give: in quotes, or after "to", "called" and the like.
fn title(line: &str) -> Option<String> {
    let lower = line.to_lowercase();
    if lower.len() != line.len() {
        // Lower-casing moved the positions; such letters are rare in titles.
        return quoted(line).map(str::to_owned);
    }
    let sign = TITLE.iter().find_map(|sign| position(&lower, sign).map(|at| at + sign.len()))?;
    if let Some(title) = quoted(&line[sign..]) {
        return Some(title.to_owned());
    }
    let after = &line[sign..];
    let low = &lower[sign..];
    let (start, marker) = if mentions(&lower, &["call it"])
        && position(&lower, "call it").is_some_and(|at| at + 7 == sign)
    {
        (0, "")
    } else {
        [
            "to say",
            "to read",
            "to",
            "into",
            "as",
            "says",
            "改成",
            "改为",
            "换成",
            "换为",
            "设置为",
            "设为",
            "叫做",
            "叫",
            "为",
            "：",
            ":",
        ]
        .iter()
        .filter_map(|marker| {
            let at = if marker.chars().all(|character| character.is_ascii_alphabetic() || character == ' ') {
                position(low, marker)
            } else {
                low.find(marker)
            };
            at.map(|at| (at, *marker))
        })
        .min_by_key(|(at, marker)| (*at, std::cmp::Reverse(marker.len())))?
    };
    // "the title colour to red" is about a colour.
    if mentions(&low[..start], &["colour", "color", "颜色"]) {
        return None;
    }
    let rest = &after[start + marker.len()..];
    let low_rest = &low[start + marker.len()..];
    let joins = [
        " and make",
        " and change",
        " and set",
        " and use",
        " and turn",
        " and switch",
        ", and",
        ". ",
        "。",
        "，",
        "；",
        "! ",
    ];
    let end = joins.iter().filter_map(|join| low_rest.find(join)).min().unwrap_or(rest.len());
    let title = rest[..end].trim().trim_end_matches(['.', '!', '！', ',', '?']).trim();
    (!title.is_empty() && title.chars().count() <= 120).then(|| title.to_owned())
}

fn quoted(text: &str) -> Option<&str> {
    [('"', '"'), ('“', '”'), ('「', '」'), ('《', '》'), ('‘', '’'), ('\'', '\'')].iter().find_map(
        |(open, close)| {
            let start = text.find(*open)? + open.len_utf8();
            let end = text[start..].find(*close)? + start;
            let inner = text[start..end].trim();
            (!inner.is_empty()).then_some(inner)
        },
    )
}

/// A file that the words name, such as `data/sales.csv`.
pub(crate) fn named_file(words: &str) -> Option<String> {
    [".csv", ".tsv", ".md", ".markdown", ".txt", ".json", ".log"].iter().find_map(|ending| {
        let lower = words.to_ascii_lowercase();
        let end = lower.find(ending)? + ending.len();
        if lower[end..].starts_with(|next: char| next.is_ascii_alphanumeric()) {
            return None;
        }
        let start = words[..end]
            .char_indices()
            .rev()
            .take_while(|(_, character)| character.is_ascii_alphanumeric() || "._-/".contains(*character))
            .last()?
            .0;
        (end - start > ending.len()).then(|| words[start..end].to_owned())
    })
}

/// The command that the words quote in backticks.
pub(crate) fn named_command(words: &str) -> Option<&str> {
    let start = words.find('`')? + 1;
    let end = words[start..].find('`')? + start;
    let command = words[start..end].trim();
    (!command.is_empty()).then_some(command)
}

/// The subject of a deck: what stands after "about" and the like.
pub(crate) fn subject(words: &str, language: Language) -> Option<String> {
    let text = marked_topic(words, language)?;
    (!PRONOUNS.contains(&text.to_lowercase().as_str())).then(|| text.to_owned())
}

/// The subject of a site: what stands after "about" and the like, or all of the first line.
pub(crate) fn topic(words: &str, language: Language) -> Option<String> {
    let line = words.lines().find(|line| !line.trim().is_empty())?.trim();
    let text = marked_topic(words, language).unwrap_or_else(|| until(line, &ENDS));
    (!text.is_empty() && !PRONOUNS.contains(&text.to_lowercase().as_str())).then(|| text.to_owned())
}

const PRONOUNS: [&str; 11] =
    ["it", "this", "that", "these", "them", "this file", "my data", "the data", "它", "这个", "这些"];
const ENDS: [&str; 10] = [".", "!", "?", "。", "！", "？", "，", ",", ";", "；"];

/// What stands after "about" and the like in the first line, up to the end of the thought.
fn marked_topic(words: &str, language: Language) -> Option<&str> {
    let line = words.lines().find(|line| !line.trim().is_empty())?.trim();
    let lower = line.to_lowercase();
    let signs: &[&str] = match language {
        Language::English => &["about", "on", "for"],
        Language::Chinese => &["关于", "有关", "介绍", "主题是"],
    };
    if lower.len() != line.len() {
        return None;
    }
    let after = signs.iter().find_map(|sign| position(&lower, sign).map(|at| &line[at + sign.len()..]))?;
    let mut text = until(after, &ENDS);
    text = until(text, &[" with ", " using ", " from "]);
    // "tea in dark blue" is about tea, "tea in China" is not.
    if let Some((about, looks)) = text.split_once(" in ") {
        let looks = looks.to_lowercase();
        let looks = looks.strip_prefix("a ").unwrap_or(&looks);
        let coloured = named_colours(looks).first().is_some_and(|(at, _)| *at <= "light ".len());
        if coloured || looks.starts_with("dark") || looks.starts_with("light") {
            text = about;
        }
    }
    let tails = [
        "的网站",
        "的网页",
        "的页面",
        "的主页",
        "网站",
        "网页",
        "的幻灯片",
        "的演示文稿",
        "的简报",
        "幻灯片",
        "演示文稿",
    ];
    for tail in tails {
        text = text.strip_suffix(tail).unwrap_or(text);
    }
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// The text before the first of these marks.
fn until<'a>(text: &'a str, marks: &[&str]) -> &'a str {
    let end = marks.iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
    text[..end].trim()
}

/// The tasks that the words list: after a colon, or in lines; empty if they list none.
pub(crate) fn tasks(words: &str) -> Vec<String> {
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let list = if lines.len() > 2 {
        lines[1..].join("\n")
    } else {
        match words.find([':', '：']) {
            Some(at) => words[at..].trim_start_matches([':', '：']).to_owned(),
            None => return Vec::new(),
        }
    };
    list.split(['\n', ',', ';', '，', '；', '、', '。'])
        .flat_map(|part| part.split(" and ").map(str::to_owned).collect::<Vec<_>>())
        .map(|task| {
            let task = task
                .trim()
                .trim_start_matches(['-', '*', '•', ' '])
                .trim_end_matches(['.', '!', '！'])
                .trim();
            let numbered = task.trim_start_matches(|character: char| character.is_ascii_digit());
            let task = if numbered.len() < task.len() {
                numbered.strip_prefix(['.', ')', '、']).unwrap_or(task).trim()
            } else {
                task
            };
            task.strip_prefix("and ").unwrap_or(task).to_owned()
        })
        .filter(|task| !task.is_empty())
        .take(20)
        .collect()
}

/// A name for a folder: lower-case letters and digits with hyphens; `kind`, such as `site`, with a number of the words
/// if there are none.
pub(crate) fn slug(words: &str, kind: &str) -> String {
    let mut slug = String::new();
    for character in words.chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
        if slug.len() >= 40 {
            break;
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() || words.chars().filter(|character| is_han(*character)).count() > slug.len() {
        // FNV-1a keeps the name the same for the same words.
        let hash = words
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        return format!("{kind}-{:04x}", hash & 0xffff);
    }
    slug.to_owned()
}

#[cfg(test)]
#[path = "wish_tests.rs"]
mod tests;
