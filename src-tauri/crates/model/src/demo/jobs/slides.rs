//! A presentation: of a table, of a text, or of the user's words.

use super::{
    MOUNT, failed,
    source::{Source, name_of, parse_table, read_all, source},
    steps::{capitalised, free_folder, plan_step, write_all},
    without,
};
use crate::demo::{
    conversation::Conversation,
    deck::{Deck, DeckSource, deck_page, fitted, of_table, of_text, of_words},
    language::Language,
    script::{Call, Outcome, Say, Step, Tape, Tool},
    site::title_of_file,
    wish::{Style, slug, subject},
};

/// A deck and the name of its folder.
struct Draft {
    deck: Deck,
    slug: String,
}

pub(crate) fn run(tape: &mut Tape<'_>, conversation: &Conversation) -> Result<String, Step> {
    let language = conversation.language;
    if let Some(tool) = tape.missing(&[Tool::WriteFile, Tool::Slides]) {
        return Ok(without(language, tool));
    }
    let source = source(tape, conversation)?;
    let style = Style::of(&conversation.words);
    let mut plan: Vec<&str> = language.say(
        vec!["Read the file", "Write the slides as a page", "Make the presentation of it"],
        vec!["读取文件", "把幻灯片写成网页", "生成演示文稿"],
    );
    let path = match &source {
        Source::Table(path) | Source::Text(path) => Some(path.clone()),
        Source::Unreadable(_) | Source::Words => {
            plan.remove(0);
            None
        }
    };
    if path.is_some()
        && let Some(tool) = tape.missing(&[Tool::ReadFile])
    {
        return Ok(without(language, tool));
    }
    plan_step(tape, planning(language, &opening(language, &source)), &plan, 0)?;
    let draft = match path {
        None => words_draft(conversation, &style),
        Some(path) => {
            let (text, partial) = match read_all(tape, language, &path)? {
                Ok(read) => read,
                Err(outcome) => {
                    return Ok(failed(language, language.say("Reading the file", "读取文件"), &outcome));
                }
            };
            let title = style.title.clone().unwrap_or_else(|| title_of_file(&path));
            let from = DeckSource { language, title: &title, name: name_of(&path), partial };
            let content = text.text();
            let table = matches!(source, Source::Table(_)).then(|| parse_table(language, &text));
            if content.trim().is_empty() || table.as_ref().is_some_and(|table| table.columns.is_empty()) {
                return Ok(empty(language, name_of(&path)));
            }
            let deck = table.map_or_else(|| of_text(&from, &content), |table| of_table(&from, &table));
            plan_step(tape, Say::nothing(), &plan, 1)?;
            Draft { deck, slug: slug(&title_of_file(&path), "slides") }
        }
    };
    finish(tape, conversation, &draft, &style, &plan)
}

fn opening(language: Language, source: &Source) -> String {
    match (language, source) {
        (Language::English, Source::Table(path) | Source::Text(path)) => format!(
            "I make slides of `{}`: I read it, write the slides as a page, and make a presentation of the page.\n",
            name_of(path)
        ),
        (Language::Chinese, Source::Table(path) | Source::Text(path)) => format!(
            "我用 `{}` 做幻灯片：先读取内容，把幻灯片写成网页，再由网页生成演示文稿。\n",
            name_of(path)
        ),
        (Language::English, Source::Unreadable(path)) => format!(
            "I cannot read `{}` as text, so the slides hold only your words. I write them as a page, and make a presentation of the page.\n",
            name_of(path)
        ),
        (Language::Chinese, Source::Unreadable(path)) => format!(
            "我无法把 `{}` 当作文本读取，所以幻灯片只包含您的话。我先写成网页，再由网页生成演示文稿。\n",
            name_of(path)
        ),
        (Language::English, Source::Words) => {
            "I make slides of your words: I write them as a page, and make a presentation of the page.\n"
                .to_owned()
        }
        (Language::Chinese, Source::Words) => {
            "我用您的话做幻灯片：先写成网页，再由网页生成演示文稿。\n".to_owned()
        }
    }
}

/// What is thought and said with the plan.
fn planning(language: Language, opening: &str) -> Say<'_> {
    Say {
        reasoning: language.say(
            "The user wants slides. I plan the steps, and keep the plan current while I work.",
            "用户想要幻灯片。我先列出步骤，并在过程中更新计划。",
        ),
        text: opening,
    }
}

fn empty(language: Language, name: &str) -> String {
    match language {
        Language::English => format!(
            "`{name}` is empty, so there is nothing to show on slides. Drop a file with content on the window and ask again."
        ),
        Language::Chinese => {
            format!("`{name}` 是空的，没有可以放进幻灯片的内容。请把有内容的文件拖进窗口，再提一次。")
        }
    }
}

fn words_draft(conversation: &Conversation, style: &Style) -> Draft {
    let language = conversation.language;
    let about = subject(&conversation.words, language);
    let title = style.title.clone().or_else(|| about.clone());
    let title = title.unwrap_or_else(|| language.say("Slides", "幻灯片").to_owned());
    let title = capitalised(&fitted(&title, 72));
    Draft {
        deck: of_words(language, &title, &conversation.words),
        slug: slug(about.as_deref().unwrap_or(&title), "slides"),
    }
}

/// Writes the page, makes the presentation, and closes the job.
fn finish(
    tape: &mut Tape<'_>,
    conversation: &Conversation,
    draft: &Draft,
    style: &Style,
    plan: &[&str],
) -> Result<String, Step> {
    let language = conversation.language;
    let page = format!("{}/deck.html", free_folder(conversation, &draft.slug, "deck.html"));
    let html = deck_page(&draft.deck, style);
    let say = Say {
        reasoning: language.say(
            "Each slide is an element of 1024 by 576 pixels, with real headings, a real list and a real table, so that they stay such in the presentation. I know nothing but what the user and the file say.",
            "每张幻灯片是 1024×576 像素的元素，使用真正的标题、列表和表格，这样在演示文稿里也保持原样。除了用户和文件所说的，我一无所知。",
        ),
        text: language.say("I write the slides.\n", "我来编写幻灯片。\n"),
    };
    if let Some(outcome) = write_all(tape, language, say, &[(page.clone(), html.as_str())])? {
        return Ok(failed(language, language.say("Writing the slides", "编写幻灯片"), &outcome));
    }
    plan_step(tape, Say::nothing(), plan, plan.len() - 1)?;
    let say = Say::text(
        language.say("The page stands; I make the presentation of it.\n", "网页已就绪；我来生成演示文稿。\n"),
    );
    let made = tape.call(say, Call::slides(&page))?;
    if made.is_error {
        let what = language.say(
            "The slides are written as a page, but making the presentation",
            "幻灯片网页已写好，但生成演示文稿",
        );
        return Ok(failed(language, what, &made));
    }
    plan_step(tape, Say::nothing(), plan, plan.len())?;
    let files = both(language, &page, &made);
    let title = &draft.deck.title;
    Ok(match language {
        Language::English => format!(
            "Done: “{title}” has five slides with speaker notes. {files}\n\nAsk me to change the colour, make the slides dark, or give them another title."
        ),
        Language::Chinese => format!(
            "完成：“{title}”共五张幻灯片，都有演讲者备注。{files}\n\n您可以让我换颜色、把幻灯片改成深色，或换一个标题。"
        ),
    })
}

/// Where page and presentation lie.
pub(super) fn both(language: Language, page: &str, made: &Outcome) -> String {
    let place = |path: &str| path.strip_prefix(MOUNT).unwrap_or(path).trim_start_matches('/').to_owned();
    let page = place(page);
    match (language, presentation(&made.text)) {
        (Language::English, Some(path)) => format!(
            "The page is `{page}`, the presentation is `{}`; its text, table and chart can be edited in PowerPoint or LibreOffice.",
            place(path)
        ),
        (Language::Chinese, Some(path)) => format!(
            "网页是 `{page}`，演示文稿是 `{}`；其中的文字、表格和图表可以在 PowerPoint 或 LibreOffice 里编辑。",
            place(path)
        ),
        (Language::English, None) => format!("The page is `{page}`; the presentation lies beside it."),
        (Language::Chinese, None) => format!("网页是 `{page}`，演示文稿在它旁边。"),
    }
}

/// The path of the presentation in the tool's words. Names may hold spaces.
fn presentation(words: &str) -> Option<&str> {
    let start = words.find(MOUNT)?;
    let end = start + words[start..].find(".pptx")? + ".pptx".len();
    (!words[start..end].contains('\n')).then(|| &words[start..end])
}
