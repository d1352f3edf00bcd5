//! Steps that several jobs share.

use super::{MOUNT, todos};
use crate::demo::{
    conversation::Conversation,
    language::Language,
    script::{Call, Outcome, Say, Step, Tape, Tool},
};

/// Writes files in one step. A file that stands already is read first, then written again, once. Returns the
/// result of a write that failed for good.
pub(super) fn write_all(
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

/// Writes the plan with so many points done. A session without to-dos goes on without.
pub(super) fn plan_step(
    tape: &mut Tape<'_>,
    opening: Say<'_>,
    plan: &[&str],
    finished: usize,
) -> Result<(), Step> {
    // A plan that cannot be written does not stop the work.
    tape.call_if_offered(opening, Call::todos(&todos(plan, finished)))?;
    Ok(())
}

/// With its first letter in upper case, as a title has it.
pub(super) fn capitalised(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A folder in which this session wrote no such page yet, unless it is this job's own.
pub(super) fn free_folder(conversation: &Conversation, slug: &str, page: &str) -> String {
    let taken = |folder: &str| {
        let page = format!("{folder}/{page}");
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
