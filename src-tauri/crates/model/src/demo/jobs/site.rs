//! A website: of a table, of a text, or of the user's words.

use super::{
    MOUNT, failed, published,
    source::{Source, name_of, parse_table, read_all, source},
    steps::{capitalised, free_folder, plan_step, write_all},
    without,
};
use crate::demo::{
    conversation::Conversation,
    language::Language,
    script::{Call, Say, Step, Tape, Tool},
    site::{DataPage, SCRIPT, cut, data_page, style_sheet, text_page, title_of_file, topic_page},
    wish::{Style, slug, topic},
};

pub(crate) fn run(tape: &mut Tape<'_>, conversation: &Conversation) -> Result<String, Step> {
    let language = conversation.language;
    if let Some(tool) = tape.missing(&[Tool::WriteFile]) {
        return Ok(without(language, tool));
    }
    let source = source(tape, conversation)?;
    if let Source::Table(_) | Source::Text(_) = source
        && let Some(tool) = tape.missing(&[Tool::ReadFile])
    {
        return Ok(without(language, tool));
    }
    let style = Style::of(&conversation.words);
    match source {
        Source::Table(path) => of_table(tape, conversation, &style, &path),
        Source::Text(path) => of_text(tape, conversation, &style, &path),
        Source::Unreadable(path) => {
            let note = match language {
                Language::English => {
                    format!("I cannot read `{}` as text, so the page holds only your words. ", name_of(&path))
                }
                Language::Chinese => {
                    format!("我无法把 `{}` 当作文本读取，所以页面只包含您的话。", name_of(&path))
                }
            };
            of_words(tape, conversation, &style, &note)
        }
        Source::Words => of_words(tape, conversation, &style, ""),
    }
}

fn of_table(
    tape: &mut Tape<'_>,
    conversation: &Conversation,
    style: &Style,
    path: &str,
) -> Result<String, Step> {
    let language = conversation.language;
    let name = name_of(path);
    let plan: [&str; 4] = language.say(
        [
            "Read the table",
            "Compute figures and write the page",
            "Write style and script",
            "Publish the site",
        ],
        ["读取表格", "计算数据并编写页面", "编写样式和脚本", "发布网站"],
    );
    let opening = match language {
        Language::English => format!(
            "I make a website from `{name}`: I read it, compute a few figures, write the page and publish it on this machine.\n"
        ),
        Language::Chinese => {
            format!("我用 `{name}` 做一个网站：先读取数据，计算几个数字，再编写页面并发布在本机。\n")
        }
    };
    plan_step(tape, planning(language, &opening), &plan, 0)?;
    let (text, partial) = match read_all(tape, language, path)? {
        Ok(read) => read,
        Err(outcome) => return Ok(failed(language, language.say("Reading the file", "读取文件"), &outcome)),
    };
    let table = parse_table(language, &text);
    if table.columns.is_empty() {
        return Ok(match language {
            Language::English => format!(
                "`{name}` is empty, so there is nothing to show on a page. Drop a file with data on the window and ask again."
            ),
            Language::Chinese => {
                format!("`{name}` 是空的，没有可以展示的内容。请把有数据的文件拖进窗口，再提一次。")
            }
        });
    }
    plan_step(tape, Say::nothing(), &plan, 1)?;
    let title = style.title.clone().unwrap_or_else(|| title_of_file(path));
    let page = data_page(&DataPage {
        language,
        title: &title,
        source: name,
        table: &table,
        partial,
        cut_lines: text.cut,
    });
    let rows = table.rows.len();
    let counted = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (some_rows, some_columns) = (counted(rows, "row"), counted(table.columns.len(), "column"));
    let columns =
        table.columns.iter().take(6).map(|column| format!("“{}”", cut(column, 30))).collect::<Vec<_>>();
    let columns = columns.join(language.say(", ", "、"));
    let more = if partial {
        language.say(" (the file holds more; I take the first part)", "（文件更长，我只取前面的部分）")
    } else {
        ""
    };
    let (thinking, told) = match language {
        Language::English => (
            format!(
                "The table has {some_rows} and {some_columns}. I compute the figures from the rows themselves, and escape every cell."
            ),
            format!("The file holds {some_rows}{more}; its columns are {columns}. I write the page.\n"),
        ),
        Language::Chinese => (
            format!(
                "表格有 {rows} 行、{} 列。数字直接由这些行计算，每个单元格都会转义。",
                table.columns.len()
            ),
            format!("文件有 {rows} 行{more}，列为{columns}。我来编写页面。\n"),
        ),
    };
    let say = Say { reasoning: &thinking, text: &told };
    let summary = match language {
        Language::English => format!(
            "The site shows {some_rows} of `{name}`{more}, with figures and a chart that were computed from them; its table sorts and filters."
        ),
        Language::Chinese => format!(
            "网站展示了 `{name}` 的 {rows} 行数据{more}，数字和图表都由这些数据计算得出；表格可以排序和筛选。"
        ),
    };
    finish(
        tape,
        conversation,
        &Files { slug: slug(&title_of_file(path), "site"), page, style },
        say,
        &plan,
        &summary,
    )
}

fn of_text(
    tape: &mut Tape<'_>,
    conversation: &Conversation,
    style: &Style,
    path: &str,
) -> Result<String, Step> {
    let language = conversation.language;
    let name = name_of(path);
    let plan: [&str; 4] = language.say(
        ["Read the text", "Write the page", "Write style and script", "Publish the site"],
        ["读取文本", "编写页面", "编写样式和脚本", "发布网站"],
    );
    let opening = match language {
        Language::English => format!(
            "I make a page that presents `{name}`: I read it, write the page and publish it on this machine.\n"
        ),
        Language::Chinese => format!("我做一个展示 `{name}` 的页面：先读取内容，再编写页面并发布在本机。\n"),
    };
    plan_step(tape, planning(language, &opening), &plan, 0)?;
    let (text, partial) = match read_all(tape, language, path)? {
        Ok(read) => read,
        Err(outcome) => return Ok(failed(language, language.say("Reading the file", "读取文件"), &outcome)),
    };
    let content = text.text();
    if content.trim().is_empty() {
        return Ok(match language {
            Language::English => format!("`{name}` is empty, so there is nothing to show on a page."),
            Language::Chinese => format!("`{name}` 是空的，没有可以展示的内容。"),
        });
    }
    plan_step(tape, Say::nothing(), &plan, 1)?;
    let title = style.title.clone().unwrap_or_else(|| title_of_file(path));
    let page = text_page(language, &title, name, &content, partial);
    let say = Say {
        reasoning: language
            .say("I keep the words of the file and only give them a shape.", "保留文件的原文，只为它排版。"),
        text: language.say("I have read it and write the page.\n", "已读完，我来编写页面。\n"),
    };
    let lines = text.lines.len();
    let summary = match language {
        Language::English => {
            format!("The page presents {lines} lines of `{name}`, with a field to find passages.")
        }
        Language::Chinese => format!("页面展示了 `{name}` 的 {lines} 行内容，并可查找段落。"),
    };
    finish(
        tape,
        conversation,
        &Files { slug: slug(&title_of_file(path), "site"), page, style },
        say,
        &plan,
        &summary,
    )
}

fn of_words(
    tape: &mut Tape<'_>,
    conversation: &Conversation,
    style: &Style,
    note: &str,
) -> Result<String, Step> {
    let language = conversation.language;
    let subject = topic(&conversation.words, language);
    let title = style
        .title
        .clone()
        .or_else(|| subject.clone())
        .unwrap_or_else(|| language.say("A new page", "新页面").to_owned());
    let title = capitalised(&cut(&title, 80));
    let plan: [&str; 3] = language.say(
        ["Write the page", "Write style and script", "Publish the site"],
        ["编写页面", "编写样式和脚本", "发布网站"],
    );
    let opening = match language {
        Language::English => {
            format!("{note}I make a page titled “{title}”, and publish it on this machine.\n")
        }
        Language::Chinese => format!("{note}我来做一个标题为“{title}”的页面，并发布在本机。\n"),
    };
    plan_step(tape, planning(language, &opening), &plan, 0)?;
    let page = topic_page(language, &title, &conversation.words);
    let say = Say::thinking(language.say(
        "I am a script and know nothing about the topic, so the page holds the user's own words and says so.",
        "我只是脚本，对主题一无所知，所以页面只包含用户自己的话，并如实说明。",
    ));
    let summary = language.say(
        "The page holds your own words, because a demo model can invent nothing; drop a CSV or a text file on the window for one with content.",
        "页面只包含您自己的话，因为演示模型不会编造内容；把 CSV 或文本文件拖进窗口，就能得到有内容的页面。",
    );
    let name = subject.map_or_else(|| slug(&title, "site"), |subject| slug(&subject, "site"));
    finish(tape, conversation, &Files { slug: name, page, style }, say, &plan, summary)
}

/// The files to write.
struct Files<'a> {
    slug: String,
    page: String,
    style: &'a Style,
}

/// Writes the files, publishes the folder, and closes the job.
fn finish(
    tape: &mut Tape<'_>,
    conversation: &Conversation,
    files: &Files<'_>,
    say: Say<'_>,
    plan: &[&str],
    summary: &str,
) -> Result<String, Step> {
    let language = conversation.language;
    let folder = free_folder(conversation, &files.slug, "index.html");
    let written_page = plan.len() - 2;
    let page = [(format!("{folder}/index.html"), files.page.as_str())];
    if let Some(outcome) = write_all(tape, language, say, &page)? {
        return Ok(failed(language, language.say("Writing the page", "编写页面"), &outcome));
    }
    plan_step(tape, Say::nothing(), plan, written_page)?;
    let sheet = style_sheet(files.style);
    let rest = [(format!("{folder}/style.css"), sheet.as_str()), (format!("{folder}/script.js"), SCRIPT)];
    if let Some(outcome) = write_all(tape, language, Say::nothing(), &rest)? {
        return Ok(failed(language, language.say("Writing style and script", "编写样式和脚本"), &outcome));
    }
    let say = Say::text(
        language.say("The files stand; I publish the folder.\n", "文件已就绪；我来发布这个文件夹。\n"),
    );
    let deployed = tape.call_if_offered(say, Call::deploy(&folder))?;
    let ending = match deployed {
        Some(deployed) if deployed.is_error => {
            return Ok(failed(
                language,
                language.say("The files are written, but publishing", "文件已写好，但发布"),
                &deployed,
            ));
        }
        Some(deployed) => published(language, &deployed),
        None => match language {
            Language::English => {
                "The tool that publishes is not offered here; the page stands in the workspace.".to_owned()
            }
            Language::Chinese => "这里没有提供发布工具；页面保存在工作区中。".to_owned(),
        },
    };
    plan_step(tape, Say::nothing(), plan, plan.len())?;
    let place = folder.strip_prefix(MOUNT).unwrap_or(&folder).trim_start_matches('/');
    Ok(match language {
        Language::English => format!(
            "Done. {summary} {ending}\n\nThe files are in `{place}`. Ask me to change its colour, make it dark, or give it another title."
        ),
        Language::Chinese => format!(
            "完成。{summary}{ending}\n\n文件在 `{place}` 中。您可以让我换颜色、改成深色，或换一个标题。"
        ),
    })
}

/// What is thought and said with the plan.
fn planning(language: Language, opening: &str) -> Say<'_> {
    Say {
        reasoning: language.say(
            "The user wants a website. I plan the steps, and keep the plan current while I work.",
            "用户想要一个网站。我先列出步骤，并在过程中更新计划。",
        ),
        text: opening,
    }
}
