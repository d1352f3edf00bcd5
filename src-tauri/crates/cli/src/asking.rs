//! Calls that ask, at a terminal: the question goes to stderr, the answer is a line of stdin. Without a terminal the
//! answer is no, and it is said how to say yes.

use std::collections::VecDeque;
use std::io::IsTerminal;

use okcvm_host::Host;
use okcvm_protocol::{
    Approval, ApprovalAction, ApprovalAnswer, ApprovalReason, ApprovalScope, ApprovalState, ItemBody, ItemId,
    SessionId, TurnEvent,
};
use tokio::sync::mpsc;

use crate::output;

/// Whether somebody can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Person {
    AtTerminal,
    Absent,
}

/// Questions of a turn, one at a time.
pub(crate) struct Asking {
    person: Person,
    questions: VecDeque<(ItemId, Approval)>,
    lines: Option<Lines>,
}

/// Lines of stdin, each read only when it is asked for, on a thread that nothing waits for.
struct Lines {
    wanted: std::sync::mpsc::Sender<()>,
    read: mpsc::UnboundedReceiver<Option<String>>,
    asked: bool,
}

impl Lines {
    fn start() -> std::io::Result<Self> {
        let (wanted, requests) = std::sync::mpsc::channel::<()>();
        let (sender, read) = mpsc::unbounded_channel();
        std::thread::Builder::new().name("answers".into()).spawn(move || {
            while requests.recv().is_ok() {
                let mut line = String::new();
                let answer = match std::io::stdin().read_line(&mut line) {
                    Ok(0) | Err(_) => None,
                    Ok(_) => Some(line),
                };
                if sender.send(answer).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { wanted, read, asked: false })
    }

    fn want(&mut self) {
        // A line that was asked for and has not come yet does for the next question.
        if !self.asked {
            self.asked = self.wanted.send(()).is_ok();
        }
    }
}

impl Asking {
    pub(crate) fn new() -> Self {
        let person = if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
            Person::AtTerminal
        } else {
            Person::Absent
        };
        Self { person, questions: VecDeque::new(), lines: None }
    }

    /// Takes an event of the turn: asks what it asks, forgets what is settled.
    pub(crate) fn take(&mut self, event: &TurnEvent, host: &Host, session: &SessionId) {
        let (TurnEvent::ItemStarted { item } | TurnEvent::ItemCompleted { item }) = event else { return };
        let ItemBody::Approval(approval) = &item.body else { return };
        if approval.state != ApprovalState::Waiting {
            let was_shown = self.questions.front().is_some_and(|(id, _)| *id == item.id);
            self.questions.retain(|(id, _)| *id != item.id);
            if was_shown {
                self.ask();
            }
            return;
        }
        if self.questions.iter().any(|(id, _)| *id == item.id) {
            return;
        }
        if self.person == Person::Absent {
            output::note(&question(approval));
            output::note(&format!("  refused, since nobody is there to answer. {}", how_to_allow(approval)));
            let reason = Some("Nobody is there to answer.".to_owned());
            answer(host, session, &item.id, ApprovalAnswer::Refuse { reason });
            return;
        }
        self.questions.push_back((item.id.clone(), approval.clone()));
        if self.questions.len() == 1 {
            self.ask();
        }
    }

    fn ask(&mut self) {
        let Some((_, approval)) = self.questions.front() else { return };
        output::note(&question(approval));
        output::note_piece(format!("  {} > ", choices(approval)));
        if self.lines.is_none() {
            match Lines::start() {
                Ok(lines) => self.lines = Some(lines),
                Err(error) => tracing::error!(%error, "no answer can be read"),
            }
        }
        if let Some(lines) = &mut self.lines {
            lines.want();
        }
    }

    /// Whether a question waits for a line.
    pub(crate) fn waits(&self) -> bool {
        !self.questions.is_empty()
    }

    /// The next line; never comes if none is asked for.
    pub(crate) async fn line(&mut self) -> Option<String> {
        match &mut self.lines {
            Some(lines) => {
                let line = lines.read.recv().await.flatten();
                lines.asked = false;
                line
            }
            None => std::future::pending().await,
        }
    }

    /// Takes a line for the question that is shown. Without a line, as when stdin was closed, the answer is no.
    pub(crate) fn answer(&mut self, line: Option<&str>, host: &Host, session: &SessionId) {
        let Some((id, approval)) = self.questions.front() else { return };
        let Some(line) = line else {
            output::note("");
            answer(host, session, id, ApprovalAnswer::Refuse { reason: None });
            return;
        };
        if let Some(given) = parse(line, approval) {
            answer(host, session, id, given);
            return;
        }
        output::note_piece(format!("  {} > ", choices(approval)));
        if let Some(lines) = &mut self.lines {
            lines.want();
        }
    }
}

fn answer(host: &Host, session: &SessionId, id: &ItemId, answer: ApprovalAnswer) {
    // The turn may have been stopped in this moment: then nothing is asked any more.
    if let Err(error) = host.engine().answer_approval(session, id, answer) {
        tracing::info!(%error, "an answer came too late");
    }
}

fn parse(line: &str, approval: &Approval) -> Option<ApprovalAnswer> {
    let (word, rest) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
    let allow = |scope: ApprovalScope| {
        (approval.scopes.contains(&scope) && rest.is_empty())
            .then_some(ApprovalAnswer::Allow { scope, pattern: None })
    };
    match word.to_lowercase().as_str() {
        "y" | "yes" | "once" => allow(ApprovalScope::Once),
        "s" | "session" => allow(ApprovalScope::Session),
        "a" | "always" => allow(ApprovalScope::Always),
        "n" | "no" => {
            let reason = rest.trim();
            Some(ApprovalAnswer::Refuse { reason: (!reason.is_empty()).then(|| reason.to_owned()) })
        }
        _ => None,
    }
}

fn choices(approval: &Approval) -> String {
    let allowed = approval.scopes.iter().map(|scope| match scope {
        ApprovalScope::Once => "[y] once",
        ApprovalScope::Session => "[s] this session",
        ApprovalScope::Always => "[a] always",
    });
    let words: Vec<&str> = allowed.chain(["[n] refuse (n REASON says why)"]).collect();
    words.join("  ")
}

/// What would happen, whole, and why it is asked.
fn question(approval: &Approval) -> String {
    let actions: Vec<&str> = approval
        .actions
        .iter()
        .map(|action| match action {
            ApprovalAction::Deploy => "publish a site on this machine",
            ApprovalAction::Send => "send something to another machine",
            ApprovalAction::Delete => "delete files",
        })
        .collect();
    let mut lines = vec![format!("? {} would {}:", approval.tool, actions.join(" and "))];
    lines.extend(approval.subject.lines().map(|line| format!("    {}", visible(line))));
    lines.push(match approval.reason {
        ApprovalReason::Mode => "  The mode of this session asks for it.".to_owned(),
        ApprovalReason::Untrusted => {
            let sources: Vec<String> = approval.untrusted.iter().map(|source| visible(source)).collect();
            format!("  It is asked because this conversation has read: {}", sources.join(", "))
        }
    });
    lines.join("\n")
}

fn how_to_allow(approval: &Approval) -> String {
    let tool = approval.tool.strip_prefix("mshtools-").unwrap_or(&approval.tool);
    let mode = match approval.reason {
        ApprovalReason::Mode => " or `--mode auto`",
        // Nothing but a person's word for this very run stands above it.
        ApprovalReason::Untrusted => "",
    };
    format!("Allow it with `--allow {tool}`{mode}, or run it at a terminal.")
}

/// Text as it is, with every sign that would hide, turn or move something written out.
fn visible(text: &str) -> String {
    let hides = |sign: char| {
        sign.is_control()
            || matches!(sign, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
                | '\u{E0000}'..='\u{E007F}')
    };
    let mut shown = String::with_capacity(text.len());
    for sign in text.chars() {
        if hides(sign) {
            shown.extend(sign.escape_unicode());
        } else {
            shown.push(sign);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use okcvm_protocol::{RuleMatch, RulePattern};

    use super::*;

    fn approval(reason: ApprovalReason) -> Approval {
        let mut scopes = vec![ApprovalScope::Once, ApprovalScope::Session];
        if reason == ApprovalReason::Mode {
            scopes.push(ApprovalScope::Always);
        }
        Approval {
            call_item: ItemId::new(),
            tool: "mshtools-shell".into(),
            actions: vec![ApprovalAction::Delete],
            subject: "cd a\nrm \u{202E}x\u{1b}[2K".into(),
            reason,
            untrusted: vec!["a.html".into()],
            scopes,
            patterns: vec![RulePattern { kind: RuleMatch::Exact, text: "x".into() }],
            state: ApprovalState::Waiting,
        }
    }

    #[test]
    fn the_question_hides_nothing() {
        assert_eq!(
            question(&approval(ApprovalReason::Untrusted)),
            "? mshtools-shell would delete files:\n    cd a\n    rm \\u{202e}x\\u{1b}[2K\n  \
             It is asked because this conversation has read: a.html"
        );
    }

    #[test]
    fn lines_are_read_as_answers_that_the_question_offers() {
        let open = approval(ApprovalReason::Mode);
        let allow = |scope| Some(ApprovalAnswer::Allow { scope, pattern: None });
        assert_eq!(parse("y\n", &open), allow(ApprovalScope::Once));
        assert_eq!(parse(" S ", &open), allow(ApprovalScope::Session));
        assert_eq!(parse("always", &open), allow(ApprovalScope::Always));
        assert_eq!(parse("n", &open), Some(ApprovalAnswer::Refuse { reason: None }));
        assert_eq!(
            parse("no  use the other folder\n", &open),
            Some(ApprovalAnswer::Refuse { reason: Some("use the other folder".into()) })
        );
        for unclear in ["", "\n", "yy", "y please", "是", "\u{0}"] {
            assert_eq!(parse(unclear, &open), None, "{unclear:?}");
        }
        assert_eq!(parse("a", &approval(ApprovalReason::Untrusted)), None);
    }

    #[test]
    fn only_a_word_for_this_run_is_named_where_no_mode_helps() {
        assert!(how_to_allow(&approval(ApprovalReason::Mode)).contains("--mode auto"));
        let untrusted = how_to_allow(&approval(ApprovalReason::Untrusted));
        assert!(untrusted.contains("--allow shell") && !untrusted.contains("--mode"));
    }
}
