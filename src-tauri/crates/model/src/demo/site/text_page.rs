//! A page of a text: its facts and its blocks.

use std::fmt::Write as _;

use super::{Page, document, escaped};
use crate::demo::language::{Language, is_han};

/// Characters of the text in the page; a file is written in one call of at most 100,000 characters.
const MOST_TEXT: usize = 60_000;

/// The document that presents a text: Markdown's headings, lists and code where it has them; anything that is
/// code by its name is shown as it stands.
pub(crate) fn text_page(language: Language, title: &str, source: &str, text: &str, partial: bool) -> String {
    let kept: String = text.chars().take(MOST_TEXT).collect();
    let partial = partial || kept.len() < text.len();
    let lines = kept.lines().count();
    let han = kept.chars().filter(|character| is_han(*character)).count();
    let words = kept.split_whitespace().count();
    let measure = if han > words {
        format!("{han} {}", language.say("Chinese characters", "字"))
    } else {
        format!("{words} {}", language.say("words", "个词"))
    };
    let lead = match (language, partial) {
        (Language::English, false) => format!("{lines} lines and {measure} from {source}."),
        (Language::English, true) => {
            format!("The first {lines} lines ({measure}) of {source}; the file holds more.")
        }
        (Language::Chinese, false) => format!("来自 {source}：{lines} 行，{measure}。"),
        (Language::Chinese, true) => format!("{source} 的前 {lines} 行（{measure}）；文件中还有更多内容。"),
    };
    let prose = [".md", ".markdown", ".txt"].iter().any(|ending| source.to_lowercase().ends_with(ending));
    let blocks =
        if prose { blocks(&kept) } else { format!("<pre class=\"entry\">{}</pre>\n", escaped(&kept)) };
    let body = format!(
        "<section>\n<input class=\"search\" type=\"search\" data-filter=\".entry\" placeholder=\"{}\">\n<p class=\"note\"><span data-count></span></p>\n{blocks}</section>\n",
        language.say("Find a passage", "查找段落"),
    );
    let foot = language.say(
        "Made by the demo model of OKCVM. The words are the file's own.",
        "由 OKCVM 演示模型生成。文字全部来自该文件。",
    );
    document(&Page { language, title, lead: &lead, body: &body, foot })
}

/// The blocks of a text with the simplest of Markdown.
fn blocks(text: &str) -> String {
    let mut html = String::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut items: Vec<&str> = Vec::new();
    let mut code: Option<Vec<&str>> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with("```") {
            if let Some(lines) = code.take() {
                let _ = writeln!(html, "<pre class=\"entry\">{}</pre>", escaped(&lines.join("\n")));
            } else {
                end_block(&mut html, &mut paragraph, &mut items);
                code = Some(Vec::new());
            }
            continue;
        }
        if let Some(lines) = &mut code {
            lines.push(line);
            continue;
        }
        let heading = trimmed.trim_start_matches('#');
        let level = trimmed.len() - heading.len();
        if (1..=6).contains(&level) && heading.starts_with(' ') {
            end_block(&mut html, &mut paragraph, &mut items);
            let level = (level + 1).clamp(2, 4);
            let _ = writeln!(html, "<h{level}>{}</h{level}>", escaped(heading.trim()));
        } else if let Some(item) = trimmed.strip_prefix("- ").or_else(|| trimmed.strip_prefix("* ")) {
            if !paragraph.is_empty() {
                end_block(&mut html, &mut paragraph, &mut items);
            }
            items.push(item);
        } else if trimmed.is_empty() {
            end_block(&mut html, &mut paragraph, &mut items);
        } else {
            if !items.is_empty() {
                end_block(&mut html, &mut paragraph, &mut items);
            }
            paragraph.push(trimmed);
        }
    }
    end_block(&mut html, &mut paragraph, &mut items);
    if let Some(lines) = code {
        let _ = writeln!(html, "<pre class=\"entry\">{}</pre>", escaped(&lines.join("\n")));
    }
    html
}

fn end_block(html: &mut String, paragraph: &mut Vec<&str>, items: &mut Vec<&str>) {
    if !paragraph.is_empty() {
        let _ = writeln!(html, "<p class=\"entry\">{}</p>", escaped(&paragraph.join("\n")));
        paragraph.clear();
    }
    if !items.is_empty() {
        html.push_str("<ul>\n");
        for item in items.drain(..) {
            let _ = writeln!(html, "<li class=\"entry\">{}</li>", escaped(item));
        }
        html.push_str("</ul>\n");
    }
}
