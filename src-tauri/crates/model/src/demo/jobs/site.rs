//! A website: of a table, of a text, or of the user's words.

use super::{MOUNT, failed, published, todos, without};
use crate::demo::{
    conversation::Conversation,
    language::{Language, mentions},
    script::{Call, Outcome, Say, Step, Tape, Tool},
    site::{DataPage, SCRIPT, cut, data_page, style_sheet, text_page, title_of_file, topic_page},
    table::{NumberedText, Table},
    wish::{Style, named_file, slug, topic},
};

/// Lines of one page of a file.
const PAGE: u64 = 1000;
/// Pages that are read.
const PAGES: usize = 4;
/// Finds tables when the user speaks of data without naming a file.
const FIND: &str = "find . -maxdepth 3 -type f \\( -name '*.csv' -o -name '*.tsv' \\) -not -path './output/*' | sort | head -n 5";

/// What the site is made of.
enum Source {
    Table(String),
    Text(String),
    /// A file that cannot be read as text.
    Unreadable(String),
    Words,
}

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

/// A file of this job, one that the words name, an earlier one if the words speak of a file, or a table that
/// lies in the workspace.
fn source(tape: &mut Tape<'_>, conversation: &Conversation) -> Result<Source, Step> {
    let new = &conversation.files[..conversation.new_files];
    let kind = |path: &str, mime: &str| {
        let lower = path.to_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
        if ends(&[".csv", ".tsv"]) || mime.starts_with("text/csv") || mime.starts_with("text/tab-separated") {
            Source::Table(path.to_owned())
        } else if mime.starts_with("text/")
            || mime == "application/json"
            || ends(&[".md", ".markdown", ".txt", ".json", ".log", ".html", ".xml", ".yaml", ".yml", ".toml"])
        {
            Source::Text(path.to_owned())
        } else {
            Source::Unreadable(path.to_owned())
        }
    };
    let best = |files: &[crate::demo::conversation::Attachment]| {
        let mut kinds: Vec<Source> = files.iter().map(|file| kind(&file.path, &file.mime)).collect();
        kinds.sort_by_key(|source| match source {
            Source::Table(_) => 0,
            Source::Text(_) => 1,
            Source::Unreadable(_) | Source::Words => 2,
        });
        (!kinds.is_empty()).then(|| kinds.swap_remove(0))
    };
    if let Some(source) = best(new) {
        return Ok(source);
    }
    if let Some(path) = named_file(&conversation.words) {
        let known = conversation.files.iter().find(|file| name_of(&file.path) == name_of(&path));
        return Ok(known.map_or_else(|| kind(&path, ""), |file| kind(&file.path, &file.mime)));
    }
    let lower = conversation.words.to_lowercase();
    let speaks_of_file = mentions(
        &lower,
        &[
            "csv",
            "file",
            "data",
            "table",
            "spreadsheet",
            "it",
            "this",
            "these",
            "文件",
            "数据",
            "表格",
            "它",
            "这个",
            "这些",
        ],
    );
    if !speaks_of_file {
        return Ok(Source::Words);
    }
    if let Some(source) = best(&conversation.files) {
        return Ok(source);
    }
    if !tape.offers(Tool::Shell) {
        return Ok(Source::Words);
    }
    let language = conversation.language;
    let say = Say {
        reasoning: language.say(
            "No file came with the message, but the user speaks of one. I look for tables in the workspace.",
            "消息没有附带文件，但用户提到了数据。我在工作区里找一找表格。",
        ),
        text: language.say("I look which tables lie in the workspace.\n", "我看看工作区里有哪些表格。\n"),
    };
    let found = tape.call(say, Call::shell(FIND, language.say("Finds tables", "查找表格")))?;
    let first = found.text.lines().map(str::trim).find(|line| line.starts_with("./"));
    Ok(match first {
        Some(path) if !found.is_error => Source::Table(format!("{MOUNT}/{}", &path[2..])),
        Some(_) | None => Source::Words,
    })
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
    plan_step(tape, language, &opening, &plan, 0)?;
    let (text, partial) = match read_all(tape, language, path)? {
        Ok(read) => read,
        Err(outcome) => return Ok(failed(language, language.say("Reading the file", "读取文件"), &outcome)),
    };
    let table = Table::parse(&text.text(), |column| match language {
        Language::English => format!("Column {column}"),
        Language::Chinese => format!("第 {column} 列"),
    });
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
    plan_step(tape, language, "", &plan, 1)?;
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
                "The table has {rows} rows and {} columns. I compute the figures from the rows themselves, and escape every cell.",
                table.columns.len()
            ),
            format!("The file holds {rows} rows{more} with the columns {columns}. I write the page.\n"),
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
            "The site shows {rows} rows of `{name}`{more}, with figures and a chart that were computed from them; its table sorts and filters."
        ),
        Language::Chinese => format!(
            "网站展示了 `{name}` 的 {rows} 行数据{more}，数字和图表都由这些数据计算得出；表格可以排序和筛选。"
        ),
    };
    finish(tape, conversation, &Files { slug: slug(&title_of_file(path)), page, style }, say, &plan, &summary)
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
    plan_step(tape, language, &opening, &plan, 0)?;
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
    plan_step(tape, language, "", &plan, 1)?;
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
    finish(tape, conversation, &Files { slug: slug(&title_of_file(path)), page, style }, say, &plan, &summary)
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
    plan_step(tape, language, &opening, &plan, 0)?;
    let page = topic_page(language, &title, &conversation.words);
    let say = Say::thinking(language.say(
        "I am a script and know nothing about the topic, so the page holds the user's own words and says so.",
        "我只是脚本，对主题一无所知，所以页面只包含用户自己的话，并如实说明。",
    ));
    let summary = language.say(
        "The page holds your own words, because a demo model can invent nothing; drop a CSV or a text file on the window for one with content.",
        "页面只包含您自己的话，因为演示模型不会编造内容；把 CSV 或文本文件拖进窗口，就能得到有内容的页面。",
    );
    let name = subject.map_or_else(|| slug(&title), |subject| slug(&subject));
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
    let folder = free_folder(conversation, &files.slug);
    let written_page = plan.len() - 2;
    let page = [(format!("{folder}/index.html"), files.page.as_str())];
    if let Some(outcome) = write_all(tape, language, say, &page)? {
        return Ok(failed(language, language.say("Writing the page", "编写页面"), &outcome));
    }
    plan_step(tape, language, "", plan, written_page)?;
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
    plan_step(tape, language, "", plan, plan.len())?;
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

/// A folder that no site of this session lies in yet, unless it is this job's own.
fn free_folder(conversation: &Conversation, slug: &str) -> String {
    let taken = |folder: &str| {
        let page = format!("{folder}/index.html");
        conversation.earlier.iter().any(|call| {
            call.name == Tool::WriteFile.name()
                && call.arguments.get("file_path").and_then(serde_json::Value::as_str) == Some(&page)
        })
    };
    let first = format!("{MOUNT}/output/{slug}");
    if !taken(&first) {
        return first;
    }
    (2..1000).map(|number| format!("{first}-{number}")).find(|folder| !taken(folder)).unwrap_or(first)
}

/// Writes files in one step. A file that stands already is read first, then written again, once. Returns the
/// result of a write that failed for good.
fn write_all(
    tape: &mut Tape<'_>,
    language: Language,
    say: Say<'_>,
    files: &[(String, &str)],
) -> Result<Option<Outcome>, Step> {
    let calls = files.iter().map(|(path, content)| Call::write(path, content)).collect();
    let outcomes = tape.calls(say, calls)?;
    for ((path, content), outcome) in files.iter().zip(outcomes) {
        if !outcome.is_error {
            continue;
        }
        if !tape.offers(Tool::ReadFile) {
            return Ok(Some(outcome));
        }
        let say = Say::text(language.say(
            "Writing was refused. A file may stand there already, so I look at it first.\n",
            "写入没有被接受。那里可能已有文件，我先看一看。\n",
        ));
        // Whether it can be read does not matter: the second write tells.
        tape.call(say, Call::read(path, None, 1))?;
        let again = tape.call(Say::nothing(), Call::write(path, content))?;
        if again.is_error {
            return Ok(Some(again));
        }
    }
    Ok(None)
}

/// Reads a file page by page, at most [`PAGES`] of them; with whether there is more. A path that is not there
/// is replaced once by the one that the error names.
fn read_all(
    tape: &mut Tape<'_>,
    language: Language,
    path: &str,
) -> Result<Result<(NumberedText, bool), Outcome>, Step> {
    let say = Say::thinking(
        language.say("I read the file before I promise anything about it.", "在做任何承诺之前，先读取文件。"),
    );
    let mut path = path.to_owned();
    let mut first = tape.call(say, Call::read(&path, None, PAGE))?;
    if first.is_error
        && let Some(other) = named_instead(&first.text, &path)
    {
        let text = match language {
            Language::English => {
                format!("That file is not there; the nearest one is `{other}`, so I read that.\n")
            }
            Language::Chinese => format!("那个文件不存在；最接近的是 `{other}`，我改为读取它。\n"),
        };
        path = other;
        first = tape.call(Say::text(&text), Call::read(&path, None, PAGE))?;
    }
    if first.is_error {
        return Ok(Err(first));
    }
    let mut all = NumberedText::parse(&first.text);
    if all.lines.is_empty() && !first.text.contains("empty") {
        // A picture or another file that is not text; the tool says what it is.
        return Ok(Err(first));
    }
    for _ in 1..PAGES {
        let Some(next) = all.next else { break };
        let page = tape.call(Say::nothing(), Call::read(&path, Some(next), PAGE))?;
        let page = if page.is_error { NumberedText::default() } else { NumberedText::parse(&page.text) };
        if page.lines.keys().all(|number| all.lines.contains_key(number)) {
            break;
        }
        all.lines.extend(page.lines);
        all.cut += page.cut;
        all.next = page.next;
    }
    let more = all.next.is_some();
    Ok(Ok((all, more)))
}

/// Another path with the same ending in an error's words.
fn named_instead(words: &str, path: &str) -> Option<String> {
    let ending = path.rsplit_once('.').map(|(_, ending)| format!(".{ending}"))?;
    words
        .split(|character: char| character.is_whitespace() || "\"'`,;()[]".contains(character))
        .map(|word| word.trim_end_matches(['.', '?', ':', '!']))
        .find(|word| word.ends_with(&ending) && *word != path && !path.ends_with(&format!("/{word}")))
        .map(str::to_owned)
}

/// Writes the plan with so many points done. A session without to-dos goes on without.
fn plan_step(
    tape: &mut Tape<'_>,
    language: Language,
    opening: &str,
    plan: &[&str],
    finished: usize,
) -> Result<(), Step> {
    let thinking = if opening.is_empty() {
        ""
    } else {
        language.say(
            "The user wants a website. I plan the steps, and keep the plan current while I work.",
            "用户想要一个网站。我先列出步骤，并在过程中更新计划。",
        )
    };
    let say = Say { reasoning: thinking, text: opening };
    // A plan that cannot be written does not stop the work.
    tape.call_if_offered(say, Call::todos(&todos(plan, finished)))?;
    Ok(())
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// With its first letter in upper case, as a title has it.
fn capitalised(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
