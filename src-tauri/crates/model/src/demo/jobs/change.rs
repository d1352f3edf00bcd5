//! A change of what was made: of a site, colours in its style sheet and the title in its page; of slides, both in their
//! page, of which the presentation is made anew.

use super::{failed, published, slides::both, without};
use crate::demo::{
    conversation::{Conversation, Made, last_made},
    deck::{FOOT, fitted},
    language::Language,
    palette::{Values, accent, described, ground},
    script::{Call, Outcome, Say, Step, Tape, Tool},
    site::escaped,
    table::NumberedText,
    wish::{Style, kind_named},
};

/// Lines of a file that are read; what is changed stands at the top.
const LINES: u64 = 200;

pub(crate) fn run(tape: &mut Tape<'_>, conversation: &Conversation) -> Result<String, Step> {
    let language = conversation.language;
    // "Make the slides dark" is about the last slides, whatever was made after them.
    let kind = kind_named(&conversation.words.to_lowercase());
    let Some(made) = last_made(&conversation.earlier, kind)
        .or_else(|| last_made(&conversation.done, kind))
        .or_else(|| last_made(&conversation.earlier, None))
    else {
        return Ok(language
            .say(
                "There is no site in this session yet that I could change, and there are no slides. Ask for some first, for example: “Make a website about tea” or “Make slides about tea”, or drop a CSV file on the window.",
                "这个会话里还没有可以修改的网站或幻灯片。请先让我做一个，例如“做一个关于茶的网站”或“做一个关于茶的幻灯片”，或者把 CSV 文件拖进窗口。",
            )
            .to_owned());
    };
    let style = Style::of(&conversation.words);
    if style.is_empty() {
        return Ok(language
            .say(
                "As a demo model I can change three things of a site or of slides: the colours (“make it blue”), dark or light mode (“make it dark”), and the title (“change the title to Spring sales”). Which one shall it be?",
                "作为演示模型，我能修改网站或幻灯片的三个方面：颜色（“改成蓝色”）、深色或浅色模式（“改成深色”）以及标题（“把标题改成春季销售”）。您想改哪一个？",
            )
            .to_owned());
    }
    let needed: &[Tool] = match made {
        Made::Site(_) => &[Tool::ReadFile, Tool::EditFile],
        Made::Slides(_) => &[Tool::ReadFile, Tool::EditFile, Tool::Slides],
    };
    if let Some(tool) = tape.missing(needed) {
        return Ok(without(language, tool));
    }
    let wishes = described(&style, language).join(language.say(", ", "、"));
    let opening = match (language, &made) {
        (Language::English, Made::Site(_)) => format!("I change the site to {wishes}.\n"),
        (Language::English, Made::Slides(_)) => format!("I change the slides to {wishes}.\n"),
        (Language::Chinese, Made::Site(_)) => format!("我来修改网站：{wishes}。\n"),
        (Language::Chinese, Made::Slides(_)) => format!("我来修改幻灯片：{wishes}。\n"),
    };
    let mut opening = Some(opening);
    let (sheet, page) = match &made {
        Made::Site(folder) => (format!("{folder}/style.css"), format!("{folder}/index.html")),
        Made::Slides(page) => (page.clone(), page.clone()),
    };
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
                (sheet.clone(), Box::new(move |lines| colour_edits(lines, &style)))
            }
            (Part::Title, None) => continue,
            (Part::Title, Some(title)) => {
                let title = title.clone();
                (page.clone(), Box::new(move |lines| title_edits(lines, &title)))
            }
        };
        let said = opening.take().unwrap_or_default();
        match edit_file(tape, language, &said, &path, &edits)? {
            Edited::Changed => changed = true,
            Edited::Same => {}
            Edited::Unknown => {
                return Ok(match language {
                    Language::English => format!(
                        "`{path}` is not built like what I make, so I do not know where to change it. A connected model can."
                    ),
                    Language::Chinese => {
                        format!("`{path}` 的结构与我制作的不同，我不知道该改哪里。连接真实模型后可以修改。")
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
                "It looks like that already, so there was nothing to change.",
                "已经是这样了，没有需要修改的地方。",
            )
            .to_owned());
    }
    match made {
        Made::Site(folder) => publish(tape, language, &folder, &wishes),
        Made::Slides(page) => make_again(tape, language, &page, &wishes),
    }
}

/// Publishes the changed site, and closes the job.
fn publish(tape: &mut Tape<'_>, language: Language, folder: &str, wishes: &str) -> Result<String, Step> {
    let say = Say::text(
        language.say("The files are changed; I publish a new version.\n", "文件已修改；我来发布新版本。\n"),
    );
    let deployed = tape.call_if_offered(say, Call::deploy(folder))?;
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

/// Makes the presentation of the changed page, and closes the job.
fn make_again(tape: &mut Tape<'_>, language: Language, page: &str, wishes: &str) -> Result<String, Step> {
    let say = Say::text(language.say(
        "The page is changed; I make the presentation of it anew.\n",
        "网页已修改；我来重新生成演示文稿。\n",
    ));
    let made = tape.call(say, Call::slides(page))?;
    if made.is_error {
        let what =
            language.say("The page is changed, but making the presentation", "网页已修改，但生成演示文稿");
        return Ok(failed(language, what, &made));
    }
    let files = both(language, page, &made);
    Ok(match language {
        Language::English => format!("Done: the slides now have {wishes}. {files}"),
        Language::Chinese => format!("完成：幻灯片现在采用{wishes}。{files}"),
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
    for (name, close) in [("title", "</title>"), ("h1", "</h1>")] {
        let (plain, with_class) = (format!("<{name}>"), format!("<{name} "));
        let found = lines.iter().filter(|line| line.contains(close)).find_map(|line| {
            let start = line.find(&plain).or_else(|| line.find(&with_class))?;
            let text = start + line[start..].find('>')? + 1;
            let end = text + line[text..].find(close)?;
            Some((&line[start..text], &line[start..end + close.len()]))
        });
        if let Some((open, old)) = found {
            edits.push((old.to_owned(), format!("{open}{}{close}", escaped(title))));
        }
    }
    // The foot of each slide says the title, too; its number tells it from the others.
    for foot in lines.iter().filter(|line| line.starts_with("<div class=\"foot\"><span>")) {
        let Some((_, number)) = foot.split_once("</span><span>") else { continue };
        let title = escaped(&fitted(title, FOOT));
        edits.push(((*foot).to_owned(), format!("<div class=\"foot\"><span>{title}</span><span>{number}")));
    }
    (!edits.is_empty()).then_some(edits)
}
