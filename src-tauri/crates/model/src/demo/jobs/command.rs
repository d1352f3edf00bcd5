//! A command that fails, the error that is read, and the command that is right.

use super::{failed, without};
use crate::demo::{
    conversation::Conversation,
    language::Language,
    script::{Call, Outcome, Say, Step, Tape, Tool},
    site::cut,
    wish::named_command,
};

/// A file that a workspace is unlikely to have.
const MISSING: &str = "missing.csv";
/// Lists files without descending into folders that are not the user's work.
const LIST: &str =
    "find . -maxdepth 3 -type f -not -path '*/node_modules/*' -not -path '*/.*' | sort | head -n 40";

pub(crate) fn run(tape: &mut Tape<'_>, conversation: &Conversation) -> Result<String, Step> {
    let language = conversation.language;
    if let Some(tool) = tape.missing(&[Tool::Shell]) {
        return Ok(without(language, tool));
    }
    let own = named_command(&conversation.words);
    let first_command = own.map_or_else(|| format!("wc -l {MISSING}"), str::to_owned);
    let text = match (language, own) {
        (Language::English, Some(_)) => "I run your command.\n".to_owned(),
        (Language::English, None) => format!(
            "I count the lines of `{MISSING}`, a file that should not be there, to show what happens when a command fails.\n"
        ),
        (Language::Chinese, Some(_)) => "我来运行您的命令。\n".to_owned(),
        (Language::Chinese, None) => {
            format!("我来数 `{MISSING}` 的行数。这个文件应该不存在，正好展示命令失败时会发生什么。\n")
        }
    };
    let say = Say {
        reasoning: language.say(
            "The user wants to see a command run. I start it and look at its exit code.",
            "用户想看一条命令的运行。我先启动它，再看退出码。",
        ),
        text: &text,
    };
    let first = tape.call(say, Call::shell(&first_command, language.say("Runs the command", "运行命令")))?;
    if !has_failed(&first) {
        return Ok(match language {
            Language::English => format!("`{first_command}` succeeded. Its output:\n\n{}", fenced(&first)),
            Language::Chinese => format!("`{first_command}` 运行成功。输出如下：\n\n{}", fenced(&first)),
        });
    }
    let say = Say {
        reasoning: language.say(
            "It failed. Before I try anything else I read the error and look which files there are.",
            "它失败了。在再次尝试之前，我先读错误信息，再看有哪些文件。",
        ),
        text: language.say(
            "That failed, as the error says. I look which files there are.\n",
            "如错误信息所示，命令失败了。我看看有哪些文件。\n",
        ),
    };
    let listing = tape.call(say, Call::shell(LIST, language.say("Lists files", "列出文件")))?;
    if has_failed(&listing) {
        return Ok(failed(language, language.say("Running commands", "运行命令"), &listing));
    }
    let files: Vec<&str> =
        listing.text.lines().map(str::trim).filter(|line| line.starts_with("./")).collect();
    let table = files.iter().find(|file| file.to_lowercase().ends_with(".csv"));
    let (right, text) = match (table.or(files.first()), language) {
        (Some(file), Language::English) => (
            format!("wc -l {}", quoted(file)),
            format!("`{}` is there, so I count its lines instead.\n", &file[2..]),
        ),
        (Some(file), Language::Chinese) => {
            (format!("wc -l {}", quoted(file)), format!("`{}` 是存在的，我改为数它的行数。\n", &file[2..]))
        }
        (None, Language::English) => (
            NEW_FILE.to_owned(),
            "The workspace is empty, so I make a small file and count its lines.\n".to_owned(),
        ),
        (None, Language::Chinese) => {
            (NEW_FILE.to_owned(), "工作区是空的，我先写一个小文件，再数它的行数。\n".to_owned())
        }
    };
    let second =
        tape.call(Say::text(&text), Call::shell(&right, language.say("Counts lines", "统计行数")))?;
    if has_failed(&second) {
        return Ok(failed(language, language.say("The second command", "第二条命令"), &second));
    }
    Ok(match language {
        Language::English => format!(
            "`{first_command}` failed:\n\n{}\n\nThen `{right}` succeeded. Its output:\n\n{}",
            fenced(&first),
            fenced(&second)
        ),
        Language::Chinese => format!(
            "`{first_command}` 失败了：\n\n{}\n\n随后 `{right}` 成功运行，输出如下：\n\n{}",
            fenced(&first),
            fenced(&second)
        ),
    })
}

const NEW_FILE: &str = "printf 'item,amount\\npaper,3\\npens,12\\n' > example.csv && wc -l example.csv";

/// A name as the shell reads it.
fn quoted(file: &str) -> String {
    let plain = file.chars().all(|character| character.is_ascii_alphanumeric() || "./_-".contains(character));
    if plain { file.to_owned() } else { format!("'{}'", file.replace('\'', "'\\''")) }
}

/// Whether a command failed: the tool says so, or names an exit code other than 0.
fn has_failed(outcome: &Outcome) -> bool {
    let lower = outcome.text.to_lowercase();
    let code = lower.rfind("exit code").and_then(|at| {
        let digits: String = lower[at + "exit code".len()..]
            .trim_start_matches([':', ' ', '='])
            .chars()
            .take_while(|character| character.is_ascii_digit() || *character == '-')
            .collect();
        digits.parse::<i64>().ok()
    });
    outcome.is_error || code.map_or_else(|| lower.contains("no such file or directory"), |code| code != 0)
}

fn fenced(outcome: &Outcome) -> String {
    format!("```\n{}\n```", cut(outcome.text.trim(), 2000))
}
