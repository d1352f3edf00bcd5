//! The decision whether a call may go on: one pure function, and what it looks at.
//!
//! What a call touches is declared by its tool ([`crate::Tool::touches`]); what the tool may do at all by the manifest;
//! how much goes without asking by the mode of the session and the rules that the person gave. None of this is within
//! reach of the model.

use okcvm_manifest::{Effect, Permission};
use okcvm_protocol::{
    ApprovalAction, ApprovalReason, PermissionMode, PermissionRule, RuleMatch, RulePattern,
};

/// What a call reads that strangers may have written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// Nothing that a stranger wrote.
    Nothing,
    /// These files of the workspace, as the model named them.
    Files(Vec<String>),
    /// Any file of the workspace, as a command can.
    Workspace,
    /// Something from outside, in words for people: the host, the server, the service.
    Outside(String),
}

/// What of the workspace a call can be kept from changing, beside what it could not change anyway. Code that cannot be
/// kept from changing what no snapshot holds counts as deleting that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spares {
    /// Whatever it is told to spare ([`crate::ToolContext::spare`]).
    All,
    /// These paths, with what is in them: a kernel was started so.
    These(Vec<String>),
}

impl Spares {
    /// Whether all of these paths are spared.
    pub fn cover(&self, paths: &[String]) -> bool {
        match self {
            Self::All => true,
            Self::These(spared) => paths.iter().all(|path| spared.contains(path)),
        }
    }
}

/// What one call would touch. Made by the tool from the arguments, before the call runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touches {
    /// What it is about, whole, for the person and for rules: the command, the path, the address.
    pub subject: String,
    /// What it reads.
    pub reads: Reads,
    /// What the program that it speaks to may hold from earlier calls that is not trusted, in words for people: a kernel
    /// keeps its names, whatever became of the conversation. Counts as read.
    pub holds: Vec<String>,
    /// What of the workspace it can be kept from changing, whatever it does.
    pub spares: Spares,
    /// What it does beyond reading and working inside of the session.
    pub actions: Vec<ApprovalAction>,
    /// Those of them to which the person has agreed by a setting of the session, such as its network. They ask only after
    /// something untrusted was read.
    pub agreed: Vec<ApprovalAction>,
}

impl Touches {
    /// A call that stays inside of the session and reads nothing that a stranger wrote.
    pub fn inside(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            reads: Reads::Nothing,
            holds: Vec::new(),
            spares: Spares::All,
            actions: Vec::new(),
            agreed: Vec::new(),
        }
    }

    /// Code in the sandbox: it can read every file of the workspace; whether it deletes is guessed from its words.
    /// The guess decides only whether a person is asked after something untrusted was read. What holds the code is the
    /// sandbox, what brings its files back are the snapshots, and what these do not hold it may not change before the
    /// person was asked.
    pub fn code(code: impl Into<String>) -> Self {
        let subject = code.into();
        let actions =
            if crate::deletes::deletes(&subject) { vec![ApprovalAction::Delete] } else { Vec::new() };
        Self {
            subject,
            reads: Reads::Workspace,
            holds: Vec::new(),
            spares: Spares::These(Vec::new()),
            actions,
            agreed: Vec::new(),
        }
    }

    /// What is assumed of a tool that declares nothing: everything.
    pub fn everything(subject: impl Into<String>, tool: &str) -> Self {
        Self {
            subject: subject.into(),
            reads: Reads::Outside(tool.to_owned()),
            holds: Vec::new(),
            spares: Spares::These(Vec::new()),
            actions: vec![ApprovalAction::Deploy, ApprovalAction::Send, ApprovalAction::Delete],
            agreed: Vec::new(),
        }
    }

    /// The same with reading.
    #[must_use]
    pub fn reading(mut self, reads: Reads) -> Self {
        self.reads = reads;
        self
    }

    /// The same, told to a program that may hold this from earlier calls.
    #[must_use]
    pub fn holding(mut self, sources: Vec<String>) -> Self {
        self.holds = sources;
        self
    }

    /// The same, kept from changing that.
    #[must_use]
    pub fn sparing(mut self, spares: Spares) -> Self {
        self.spares = spares;
        self
    }

    /// The same with one more action.
    #[must_use]
    pub fn doing(mut self, action: ApprovalAction) -> Self {
        if !self.actions.contains(&action) {
            self.actions.push(action);
        }
        self
    }
}

impl Touches {
    /// The same with one more action, to which the person has agreed by a setting of the session.
    #[must_use]
    pub fn agreed(mut self, action: ApprovalAction) -> Self {
        self.agreed.push(action);
        self.doing(action)
    }
}

/// Whether the conversation, or the call itself, has read something untrusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nothing untrusted was read.
    Whole,
    /// Something was.
    Broken,
}

/// What the person has said ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Nothing.
    None,
    /// Such calls may go on.
    Given,
    /// Such calls may go on even after something untrusted was read.
    GivenKnowing,
}

/// All that the decision looks at.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// From the manifest: whether the tool changes anything.
    pub effect: Effect,
    /// From the manifest: where what it does can be felt.
    pub permission: Permission,
    /// From the call: what it does.
    pub actions: &'a [ApprovalAction],
    /// From the call: to what of that the person has agreed by a setting of the session.
    pub agreed: &'a [ApprovalAction],
    /// From the session.
    pub mode: PermissionMode,
    /// From the conversation.
    pub trust: Trust,
    /// From the rules.
    pub consent: Consent,
}

/// The decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The call goes on.
    Allow,
    /// The person is asked.
    Ask(ApprovalReason),
    /// The mode does not have such calls.
    RefuseInPlan,
}

impl Question<'_> {
    /// What the call does, by its own declaration and by that of the manifest.
    pub fn all_actions(&self) -> Vec<ApprovalAction> {
        let mut actions = self.actions.to_vec();
        let declared = match self.permission {
            Permission::Inside => None,
            Permission::Publish => Some(ApprovalAction::Deploy),
            Permission::Network => Some(ApprovalAction::Send),
        };
        if let Some(action) = declared
            && !actions.contains(&action)
        {
            actions.insert(0, action);
        }
        actions
    }

    /// Decides.
    pub fn decide(&self) -> Decision {
        if self.mode == PermissionMode::Plan && self.effect == Effect::Write {
            return Decision::RefuseInPlan;
        }
        let actions = self.all_actions();
        if actions.is_empty() {
            return Decision::Allow;
        }
        match (self.trust, self.consent) {
            (_, Consent::GivenKnowing) | (Trust::Whole, Consent::Given) => return Decision::Allow,
            (Trust::Broken, Consent::Given | Consent::None) => {
                return Decision::Ask(ApprovalReason::Untrusted);
            }
            (Trust::Whole, Consent::None) => {}
        }
        // A site is published on this machine alone, and a deleted file comes back from a snapshot: only what goes to
        // others cannot be taken back.
        let sends = actions.contains(&ApprovalAction::Send) && !self.agreed.contains(&ApprovalAction::Send);
        match self.mode {
            PermissionMode::Ask | PermissionMode::Plan if sends => Decision::Ask(ApprovalReason::Mode),
            PermissionMode::Ask | PermissionMode::Plan | PermissionMode::Auto => Decision::Allow,
        }
    }
}

/// What a mode means, in words for the model.
pub fn mode_in_words(mode: PermissionMode) -> &'static str {
    match mode {
        PermissionMode::Plan => {
            "Plan mode: you have only tools that change nothing. Look at what you need, then give the user a plan of what \
             you would do, and stop. They change the mode when the plan suits them."
        }
        PermissionMode::Ask => {
            "Work in the workspace and commands in the sandbox need no permission. What goes to other machines asks the \
             user, and so do publishing and deleting after you have read a file or page that strangers may have written. \
             A call that asks waits for the answer; a refusal is final, so do not reach the same in another way."
        }
        PermissionMode::Auto => {
            "Nothing needs permission, but after you have read a file or page that strangers may have written, publishing, \
             sending and deleting ask the user. A call that asks waits for the answer; a refusal is final, so do not \
             reach the same in another way."
        }
    }
}

/// What the rules say about a call.
pub fn consent(rules: &[PermissionRule], tool: &str, subject: &str) -> Consent {
    let mut given = Consent::None;
    for rule in rules.iter().filter(|rule| rule.tool == tool && matches(&rule.pattern, subject)) {
        if rule.covers_untrusted {
            return Consent::GivenKnowing;
        }
        given = Consent::Given;
    }
    given
}

/// What a rule about a call can hold for, the narrowest first: the very same call, and, for an address, all of its host.
pub fn patterns(subject: &str) -> Vec<RulePattern> {
    let mut patterns = vec![RulePattern { kind: RuleMatch::Exact, text: subject.to_owned() }];
    if let Some(host) = host_of(subject) {
        patterns.push(RulePattern { kind: RuleMatch::Glob, text: format!("{host}/*") });
    }
    patterns
}

/// Scheme, host and port of an address, if the subject is one and nothing in it stands for more than itself.
fn host_of(subject: &str) -> Option<&str> {
    let (scheme, rest) = subject.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
    let plain = |text: &str| text.chars().all(|sign| sign.is_ascii_alphanumeric() || "-.:[]".contains(sign));
    (matches!(scheme, "http" | "https") && plain(host)).then(|| &subject[..scheme.len() + 3 + host.len()])
}

/// Whether a pattern holds for a subject.
pub fn matches(pattern: &RulePattern, subject: &str) -> bool {
    match pattern.kind {
        RuleMatch::Exact => pattern.text == subject,
        RuleMatch::Glob => glob(&pattern.text, subject),
    }
}

/// `*` stands for any text; everything else for itself. Goes back to the last star alone, so that no pattern takes long.
fn glob(pattern: &str, subject: &str) -> bool {
    let (pattern, subject) = (pattern.as_bytes(), subject.as_bytes());
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < subject.len() {
        if pattern.get(at) == Some(&b'*') {
            star = Some((at, seen));
            at += 1;
        } else if pattern.get(at) == Some(&subject[seen]) {
            at += 1;
            seen += 1;
        } else if let Some((after, from)) = star {
            at = after + 1;
            seen = from + 1;
            star = Some((after, from + 1));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|sign| *sign == b'*')
}

#[cfg(test)]
#[path = "permission_tests.rs"]
mod tests;
