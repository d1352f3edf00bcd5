//! A to-do list from the user's words.

use serde_json::{Value, json};

use super::{failed, without};
use crate::demo::{
    conversation::Conversation,
    language::Language,
    script::{Call, Say, Step, Tape, Tool},
    wish::{tasks, topic},
};

pub(crate) fn run(tape: &mut Tape<'_>, conversation: &Conversation) -> Result<String, Step> {
    let language = conversation.language;
    if let Some(tool) = tape.missing(&[Tool::TodoWrite]) {
        return Ok(without(language, tool));
    }
    let named = tasks(&conversation.words);
    let own = !named.is_empty();
    let list = if own { named } else { general(conversation) };
    let todos: Vec<Value> = list
        .iter()
        .enumerate()
        .map(|(place, task)| {
            let priority = if place == 0 { "high" } else { "medium" };
            json!({"id": (place + 1).to_string(), "content": task, "status": "pending", "priority": priority})
        })
        .collect();
    let say = Say {
        reasoning: language.say(
            "The user wants a to-do list. I take the tasks that they named, or plain steps if they named none.",
            "用户想要一个待办清单。我采用他们说出的任务；如果没有，就用通用的步骤。",
        ),
        text: language.say("I write the list.\n", "我来写清单。\n"),
    };
    let written = tape.call(say, Call::todos(&todos))?;
    if written.is_error {
        // The ids are the part that a tool may not want.
        let plain: Vec<Value> = todos
            .iter()
            .filter_map(Value::as_object)
            .map(|todo| {
                todo.iter()
                    .filter(|(key, _)| *key != "id")
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect()
            })
            .map(Value::Object)
            .collect();
        let say = language.say(
            "The list was refused; I try it in a simpler form.\n",
            "清单没有被接受；我换一种更简单的形式再试。\n",
        );
        let again = tape.call(Say::text(say), Call::todos(&plain))?;
        if again.is_error {
            return Ok(failed(language, language.say("Writing the to-do list", "写入待办清单"), &again));
        }
    }
    let kept = tape.call_if_offered(Say::nothing(), Call::read_todos())?;
    let count = kept
        .filter(|kept| !kept.is_error)
        .and_then(|kept| serde_json::from_str::<Value>(&kept.text).ok())
        .and_then(|kept| Some(kept.as_array().or_else(|| kept.get("todos")?.as_array())?.len()))
        .unwrap_or(list.len());
    let lines = list.iter().map(|task| format!("- [ ] {task}")).collect::<Vec<_>>().join("\n");
    let origin = match (language, own) {
        (Language::English, true) => "They are your own words, in your order.",
        (Language::English, false) => {
            "You named no tasks, so these are plain steps; list yours after a colon and I write those."
        }
        (Language::Chinese, true) => "内容和顺序都来自您的话。",
        (Language::Chinese, false) => {
            "您没有列出任务，所以这里是通用步骤；把任务写在冒号后面，我就会采用它们。"
        }
    };
    Ok(match language {
        Language::English => format!("The list holds {count} to-dos:\n\n{lines}\n\n{origin}"),
        Language::Chinese => format!("清单里有 {count} 项待办：\n\n{lines}\n\n{origin}"),
    })
}

fn general(conversation: &Conversation) -> Vec<String> {
    let language = conversation.language;
    let subject = topic(&conversation.words, language).unwrap_or_else(|| conversation.words.clone());
    let subject = crate::demo::site::cut(&subject, 80);
    match language {
        Language::English => vec![
            format!("Write down what “{subject}” should lead to"),
            "Collect what is needed for it".into(),
            "Do the first small step".into(),
            "Look at the result and decide what comes next".into(),
        ],
        Language::Chinese => vec![
            format!("写下“{subject}”要达到的目标"),
            "收集所需的东西".into(),
            "完成第一小步".into(),
            "查看结果并决定下一步".into(),
        ],
    }
}
