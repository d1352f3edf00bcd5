//! Which job the user wants, and its next step.

use super::{
    conversation::Conversation,
    language::Language,
    script::{Outcome, Step, Tape, Tool},
    wish::Intent,
};
use crate::ModelRequest;

mod change;
mod command;
mod help;
mod site;
mod slides;
mod source;
mod steps;
mod todo;

/// Where the agent sees the workspace.
const MOUNT: &str = "/mnt/okcomputer";

/// No job has this many calls; a conversation that does is not one of ours.
const MOST_CALLS: usize = 40;

/// What the demo model does now.
pub(crate) fn next_step(request: &ModelRequest) -> Step {
    let conversation = Conversation::of(request);
    let offered: Vec<String> = request.tools.iter().map(|tool| tool.name.clone()).collect();
    if conversation.done.len() >= MOST_CALLS {
        return Step::close(conversation.language.say(
            "I stop here: this took more steps than any of my scripts has. Please ask again in a new message.",
            "我先停在这里：步骤数已经超过了我的任何一个脚本。请用一条新消息重新提出要求。",
        ));
    }
    let mut tape = Tape::new(&conversation.done, &offered);
    let ended = match conversation.intent {
        Intent::Site => site::run(&mut tape, &conversation),
        Intent::Slides => slides::run(&mut tape, &conversation),
        Intent::Change => change::run(&mut tape, &conversation),
        Intent::Todo => todo::run(&mut tape, &conversation),
        Intent::Command => command::run(&mut tape, &conversation),
        Intent::Continue | Intent::Other => Ok(help::closing(&conversation)),
    };
    match ended {
        Ok(closing) => Step::close(closing),
        Err(step) => step,
    }
}

/// The last words if a tool that the job needs is not offered.
fn without(language: Language, tool: Tool) -> String {
    let name = tool.name();
    match language {
        Language::English => format!(
            "For this I need the tool `{name}`, which is not offered to me in this session, so I stop here. The settings say why it is not available."
        ),
        Language::Chinese => {
            format!(
                "这需要工具 `{name}`，但本会话没有向我提供它，所以我先停在这里。设置页面会说明它为何不可用。"
            )
        }
    }
}

/// The last words if a tool failed for good.
fn failed(language: Language, what: &str, outcome: &Outcome) -> String {
    let words = super::site::cut(outcome.text.trim(), 800);
    match language {
        Language::English => {
            format!("{what} failed. The tool says:\n\n```\n{words}\n```\n\nWhat was done before is kept.")
        }
        Language::Chinese => {
            format!("{what}失败了。工具的回答是：\n\n```\n{words}\n```\n\n之前完成的内容都保留着。")
        }
    }
}

/// A list of to-dos of which the first `finished` are done and the next one is at work.
fn todos(names: &[&str], finished: usize) -> Vec<serde_json::Value> {
    names
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let status = match place.cmp(&finished) {
                std::cmp::Ordering::Less => "completed",
                std::cmp::Ordering::Equal => "in_progress",
                std::cmp::Ordering::Greater => "pending",
            };
            serde_json::json!({"id": (place + 1).to_string(), "content": name, "status": status, "priority": "medium"})
        })
        .collect()
}

/// The first web address in a text.
fn address(text: &str) -> Option<&str> {
    let start = text.find("http://").or_else(|| text.find("https://"))?;
    let end = text[start..]
        .find(|character: char| character.is_whitespace() || "\"'<>)]}，。".contains(character))
        .map_or(text.len(), |end| start + end);
    Some(text[start..end].trim_end_matches(['.', ',']))
}

/// "Published at …", with the address if the tool gave one.
fn published(language: Language, outcome: &Outcome) -> String {
    match (language, address(&outcome.text)) {
        (Language::English, Some(address)) => format!("It is published on this machine at {address}."),
        (Language::English, None) => "It is published on this machine.".to_owned(),
        (Language::Chinese, Some(address)) => format!("它已发布在本机：{address}"),
        (Language::Chinese, None) => "它已发布在本机。".to_owned(),
    }
}
