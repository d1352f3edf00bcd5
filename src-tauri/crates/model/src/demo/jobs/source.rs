//! What a job is made of: a file of the user, or the user's words.

use super::MOUNT;
use crate::demo::{
    conversation::{Attachment, Conversation},
    language::{Language, mentions},
    script::{Call, Outcome, Say, Step, Tape, Tool},
    table::{NumberedText, Table},
    wish::named_file,
};

/// Lines of one page of a file.
const PAGE: u64 = 1000;
/// Pages that are read.
const PAGES: usize = 4;
/// Finds tables when the user speaks of data without naming a file.
const FIND: &str = "find . -maxdepth 3 -type f \\( -name '*.csv' -o -name '*.tsv' \\) -not -path './output/*' | sort | head -n 5";

/// What is shown.
pub(super) enum Source {
    Table(String),
    Text(String),
    /// A file that cannot be read as text.
    Unreadable(String),
    Words,
}

/// A file of this job, one that the words name, an earlier one if the words speak of a file, or a table that
/// lies in the workspace.
pub(super) fn source(tape: &mut Tape<'_>, conversation: &Conversation) -> Result<Source, Step> {
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
    let best = |files: &[Attachment]| {
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

/// Reads a file page by page, at most [`PAGES`] of them; with whether there is more. A path that is not there
/// is replaced once by the one that the error names.
pub(super) fn read_all(
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

/// The last part of a path.
pub(super) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The table in what was read; columns without a name are numbered.
pub(super) fn parse_table(language: Language, text: &NumberedText) -> Table {
    Table::parse(&text.text(), |column| match language {
        Language::English => format!("Column {column}"),
        Language::Chinese => format!("第 {column} 列"),
    })
}
