//! A change of the site that stands: colours in its style sheet, the title in its page.

use super::{failed, published, without};
use crate::demo::{
    conversation::{Conversation, last_site},
    language::Language,
    palette::{Values, accent, described, ground},
    script::{Call, Outcome, Say, Step, Tape, Tool},
    site::escaped,
    table::NumberedText,
    wish::Style,
};

/// Lines of a file that are read; what is changed stands at the top.
const LINES: u64 = 200;

pub(crate) fn run(tape: &mut Tape<'_>, conversation: &Conversation) -> Result<String, Step> {
    let language = conversation.language;
    let Some(folder) = last_site(&conversation.earlier).or_else(|| last_site(&conversation.done)) else {
        return Ok(language
            .say(
                "There is no site in this session yet that I could change. Ask for one first, for example: “Make a website about tea”, or drop a CSV file on the window.",
                "这个会话里还没有可以修改的网站。请先让我做一个，例如“做一个关于茶的网站”，或者把 CSV 文件拖进窗口。",
            )
            .to_owned());
    };
    let style = Style::of(&conversation.words);
    if style.is_empty() {
        return Ok(language
            .say(
                "As a demo model I can change three things of the site: its colours (“make it blue”), dark or light mode (“make it dark”), and its title (“change the title to Spring sales”). Which one shall it be?",
                "作为演示模型，我能修改网站的三个方面：颜色（“改成蓝色”）、深色或浅色模式（“改成深色”）以及标题（“把标题改成春季销售”）。您想改哪一个？",
            )
            .to_owned());
    }
    if let Some(tool) = tape.missing(&[Tool::ReadFile, Tool::EditFile]) {
        return Ok(without(language, tool));
    }
    let wishes = described(&style, language).join(language.say(", ", "、"));
    let opening = match language {
        Language::English => format!("I change the site to {wishes}.\n"),
        Language::Chinese => format!("我来修改网站：{wishes}。\n"),
    };
    let mut opening = Some(opening);
    let mut changed = false;
    for part in [Part::Colours, Part::Title] {
        let (path, edits): (String, Box<FindEdits>) = match (part, &style.title) {
            (Part::Colours, _)
                if style.dark.is_none() && style.accent.is_none() && style.background.is_none() =>
            {
                continue;
            }
            (Part::Colours, _) => {
                let style = style.clone();
                (format!("{folder}/style.css"), Box::new(move |lines| colour_edits(lines, &style)))
            }
            (Part::Title, None) => continue,
            (Part::Title, Some(title)) => {
                let title = title.clone();
                (format!("{folder}/index.html"), Box::new(move |lines| title_edits(lines, &title)))
            }
        };
        let said = opening.take().unwrap_or_default();
        match edit_file(tape, language, &said, &path, &edits)? {
            Edited::Changed => changed = true,
            Edited::Same => {}
            Edited::Unknown => {
                return Ok(match language {
                    Language::English => format!(
                        "`{path}` is not built like the sites that I make, so I do not know where to change it. A connected model can."
                    ),
                    Language::Chinese => {
                        format!(
                            "`{path}` 的结构与我制作的网站不同，我不知道该改哪里。连接真实模型后可以修改。"
                        )
                    }
                });
            }
            Edited::Failed(outcome) => {
                return Ok(failed(language, language.say("The change", "修改"), &outcome));
            }
        }
    }
    if !changed {
        return Ok(language
            .say(
                "The site looks like that already, so there was nothing to change.",
                "网站已经是这样了，没有需要修改的地方。",
            )
            .to_owned());
    }
    let say = Say::text(
        language.say("The files are changed; I publish a new version.\n", "文件已修改；我来发布新版本。\n"),
    );
    let deployed = tape.call_if_offered(say, Call::deploy(&folder))?;
    let ending = match deployed {
        Some(deployed) if deployed.is_error => {
            return Ok(failed(
                language,
                language.say("The files are changed, but publishing", "文件已修改，但发布"),
                &deployed,
            ));
        }
        Some(deployed) => published(language, &deployed),
        None => String::new(),
    };
    Ok(match language {
        Language::English => format!("Done: the site now has {wishes}. {ending}"),
        Language::Chinese => format!("完成：网站现在采用{wishes}。{ending}"),
    })
}

#[derive(Clone, Copy)]
enum Part {
    Colours,
    Title,
}

/// An old and a new string.
type Edit = (String, String);

/// Finds the edits in the lines of a file; `None` if it is not built like ours.
type FindEdits = dyn Fn(&[&str]) -> Option<Vec<Edit>>;

enum Edited {
    Changed,
    Same,
    Unknown,
    Failed(Outcome),
}

/// Reads a file and edits what it holds; after a refused edit it reads and edits once more.
fn edit_file(
    tape: &mut Tape<'_>,
    language: Language,
    opening: &str,
    path: &str,
    edits: &FindEdits,
) -> Result<Edited, Step> {
    let mut refused = None;
    let mut changed = false;
    for attempt in 0..2 {
        let say =
            if attempt == 0 {
                Say {
                    reasoning: language.say(
                        "First I read the file as it is now: somebody may have changed it.",
                        "先读取文件现在的内容：它可能被改动过。",
                    ),
                    text: opening,
                }
            } else {
                Say::text(language.say(
                    "The edit was refused; I read the file again.\n",
                    "修改没有被接受；我重新读取文件。\n",
                ))
            };
        let read = tape.call(say, Call::read(path, None, LINES))?;
        if read.is_error {
            return Ok(Edited::Failed(read));
        }
        let text = NumberedText::parse(&read.text);
        let lines: Vec<&str> = text.lines.values().map(String::as_str).collect();
        let Some(edits) = edits(&lines) else { return Ok(Edited::Unknown) };
        refused = None;
        for (old, new) in edits.iter().filter(|(old, new)| old != new) {
            let outcome = tape.call(Say::nothing(), Call::edit(path, old, new))?;
            if outcome.is_error {
                refused = Some(outcome);
                break;
            }
            changed = true;
        }
        if refused.is_none() {
            break;
        }
    }
    Ok(match refused {
        Some(outcome) => Edited::Failed(outcome),
        None if changed => Edited::Changed,
        None => Edited::Same,
    })
}

/// The edit that gives the style sheet its colours: the lines from the first to the last that change.
fn colour_edits(lines: &[&str], style: &Style) -> Option<Vec<Edit>> {
    let mut values: Values = Vec::new();
    let is_dark = || lines.iter().any(|line| line.trim() == "color-scheme: dark;");
    if style.dark.is_some() || style.background.is_some() {
        values.extend(ground(style.dark.unwrap_or_else(is_dark), style.background));
    }
    if let Some(colour) = style.accent {
        values.extend(accent(colour));
    }
    let value_of = |line: &str| {
        let (name, _) = line.trim().split_once(':')?;
        values.iter().find(|(known, _)| *known == name).map(|(name, value)| {
            let indent = &line[..line.len() - line.trim_start().len()];
            format!("{indent}{name}: {value};")
        })
    };
    let places: Vec<usize> = (0..lines.len()).filter(|place| value_of(lines[*place]).is_some()).collect();
    let (first, last) = (*places.first()?, *places.last()?);
    let old = lines[first..=last].join("\n");
    let new: Vec<String> =
        lines[first..=last].iter().map(|line| value_of(line).unwrap_or_else(|| (*line).to_owned())).collect();
    Some(vec![(old, new.join("\n"))])
}

/// The edits that give the page its title, in the window's bar and on the page.
fn title_edits(lines: &[&str], title: &str) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    for (open, close) in [("<title>", "</title>"), ("<h1>", "</h1>")] {
        let line = lines.iter().find(|line| line.contains(open) && line.contains(close));
        if let Some(line) = line
            && let Some(start) = line.find(open)
            && let Some(end) = line[start..].find(close)
        {
            let old = &line[start..start + end + close.len()];
            edits.push((old.to_owned(), format!("{open}{}{close}", escaped(title))));
        }
    }
    (!edits.is_empty()).then_some(edits)
}
