//! Asking the person before a call runs, and taking the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use okcvm_protocol::{
    AppError, AppEvent, Approval, ApprovalAction, ApprovalAnswer, ApprovalReason, ApprovalScope,
    ApprovalState, Awaited, Item, ItemBody, ItemId, PermissionMode, PermissionRule, RuleId, RuleMatch,
    RulePattern, SessionId, SessionSummary, ToolCall, TurnEvent,
};
use okcvm_tools::{Decision, Effect, Question, Reads, Touches, Trust, changes_history, consent, patterns};
use okcvm_workspace::{TEMPORARY_PREFIX, WorkspacePath, tool_folder};
use tokio::sync::{oneshot, watch};

use crate::calls::Prepared;
use crate::turn_loop::TurnState;
use crate::{Engine, EngineError};

/// With more that no snapshot holds, the person is asked instead of each being held.
const MOST_SPARED: usize = 500;
/// Sources that a question names.
const MOST_SOURCES: usize = 5;
/// Characters of what a person tells the model with a refusal.
const LONGEST_REASON: usize = 4_000;

/// Whether a call may run.
pub(crate) enum Permit {
    /// It may; these untrusted things it reads, and this it may not change.
    Granted { reads: Vec<String>, spare: Vec<String> },
    /// It may not, worded for the model.
    Denied(String),
    /// The turn was stopped while it waited.
    Stopped,
}

/// The questions of a session that wait.
pub(crate) struct Approvals {
    waiting: Mutex<HashMap<ItemId, Waiting>>,
    /// Rises when a mode, a rule or a setting changes, so that what waits is decided anew.
    changed: watch::Sender<u64>,
}

impl Default for Approvals {
    fn default() -> Self {
        Self { waiting: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

struct Waiting {
    item: Item,
    approval: Approval,
    answer: oneshot::Sender<ApprovalState>,
}

impl Approvals {
    pub(crate) fn look_again(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// A question that was put.
struct Asked {
    id: ItemId,
    /// What the person sees that the call does.
    actions: Vec<ApprovalAction>,
    answer: oneshot::Receiver<ApprovalState>,
}

impl Asked {
    /// Whether a call does no more than the question says.
    fn covers(&self, judged: &Judged) -> bool {
        judged.actions.iter().all(|action| self.actions.contains(action))
    }
}

/// What was found out about a call.
struct Judged {
    decision: Decision,
    actions: Vec<ApprovalAction>,
    mode: PermissionMode,
    /// What the call itself reads.
    reads: Vec<String>,
    /// What the conversation or the call reads.
    untrusted: Vec<String>,
    /// What no snapshot holds, if the call is to be kept from changing it.
    spare: Vec<String>,
}

impl Judged {
    fn permit(&self) -> Permit {
        Permit::Granted { reads: self.reads.clone(), spare: self.spare.clone() }
    }
}

impl Engine {
    /// Lets a call run, asks the person, or refuses. A question waits until it is answered, the turn is stopped, or a
    /// mode or rule that came meanwhile decides. What the call touches is asked anew each time, since a setting of the
    /// session, such as its network, may have changed: an answer holds for no more than its question named.
    pub(crate) async fn permit(
        &self,
        state: &Arc<TurnState>,
        item: &Item,
        call: &ToolCall,
        prepared: &Prepared,
    ) -> Result<Permit, EngineError> {
        let approvals = &state.runtime.approvals;
        let mut changed = approvals.changed.subscribe();
        let mut asked: Option<Asked> = None;
        loop {
            changed.borrow_and_update();
            let touches = prepared.touches(&state.runtime.id);
            let judged = self.judge(state, call, &touches)?;
            let asks = matches!(judged.decision, Decision::Ask(_));
            if let Some(mut question) = asked.take_if(|question| asks && question.actions != judged.actions) {
                tracing::info!(tool = call.tool, "a question is put anew");
                if !self.settle(state, &question.id, ApprovalState::Interrupted)? {
                    // The person was faster.
                    let answered = (&mut question.answer).await.ok();
                    let allowed = matches!(answered, Some(ApprovalState::Allowed { .. }));
                    if !allowed || question.covers(&judged) {
                        return Ok(as_permit(answered, call, &judged));
                    }
                }
            }
            // From before it is told, so that nothing of the time in which it waits counts.
            let waiting = asks.then(|| state.pause());
            let settled = match judged.decision {
                Decision::Allow => Some((ApprovalState::Allowed { scope: None }, judged.permit())),
                Decision::RefuseInPlan => {
                    let reason = Some("The session went to plan mode.".to_owned());
                    Some((ApprovalState::Refused { reason }, Permit::Denied(in_plan_mode(call))))
                }
                Decision::Ask(reason) => {
                    if asked.is_none() {
                        asked = Some(self.put_question(state, item, call, &touches, &judged, reason)?);
                    }
                    None
                }
            };
            if let Some((end, permit)) = settled {
                let Some(question) = asked.take() else { return Ok(permit) };
                if self.settle(state, &question.id, end)? {
                    return Ok(permit);
                }
                // The person was faster.
                return Ok(as_permit(question.answer.await.ok(), call, &judged));
            }
            let Some(question) = &mut asked else { continue };
            state.awaiting(Awaited::Approval { item_id: question.id.clone() });
            tokio::select! {
                biased;
                answered = &mut question.answer => {
                    drop(waiting);
                    let now = self.judge(state, call, &prepared.touches(&state.runtime.id))?;
                    let allowed = matches!(answered, Ok(ApprovalState::Allowed { .. }));
                    if !allowed || question.covers(&now) {
                        return Ok(as_permit(answered.ok(), call, &now));
                    }
                    asked = None;
                }
                () = state.cancel.cancelled() => {
                    let id = question.id.clone();
                    self.settle(state, &id, ApprovalState::Interrupted)?;
                    return Ok(Permit::Stopped);
                }
                _ = changed.changed() => {}
            }
        }
    }

    fn judge(&self, state: &TurnState, call: &ToolCall, touches: &Touches) -> Result<Judged, EngineError> {
        let store = self.store();
        let session = &state.runtime.id;
        let mode = store.session_mode(session)?;
        let definition = self.inner.parts.registry.definition(&call.tool).ok_or_else(|| {
            EngineError::App(AppError::new(format!("{} is not in the manifest.", call.tool)))
        })?;
        let mut reads = self.untrusted_reads(&state.runtime, &touches.reads)?;
        for source in &touches.holds {
            if !reads.contains(source) {
                reads.push(source.clone());
            }
        }
        let mut untrusted = reads.clone();
        for source in store.untrusted_along(&state.node_id)? {
            if !untrusted.contains(&source) {
                untrusted.push(source);
            }
        }
        let mut spare = if untrusted.is_empty() { Vec::new() } else { self.unrecorded(state)? };
        let mut actions = touches.actions.clone();
        if touches.reads != Reads::Workspace {
            // It changes no more than it names.
            let named = WorkspacePath::named(state.runtime.root(), &touches.subject).ok();
            spare.retain(|path| {
                let inside = |named: &WorkspacePath| std::path::Path::new(named.as_str()).starts_with(path);
                definition.effect == Effect::Write && named.as_ref().is_some_and(inside)
            });
        }
        let may_delete = match touches.reads {
            Reads::Workspace => {
                let history = spare.iter().any(|path| path == ".git" || path.ends_with("/.git"));
                !touches.spares.cover(&spare)
                    || spare.len() > MOST_SPARED
                    // The list has more than it names.
                    || spare.iter().any(|path| path == okcvm_snapshots::CUT)
                    || (history && changes_history(&touches.subject))
            }
            Reads::Nothing | Reads::Files(_) | Reads::Outside(_) => !spare.is_empty(),
        };
        if may_delete && !actions.contains(&ApprovalAction::Delete) {
            actions.push(ApprovalAction::Delete);
        }
        if actions.contains(&ApprovalAction::Delete) {
            // Whoever lets it run lets it delete.
            spare.clear();
        }
        let mut rules = store.rules(Some(session))?;
        rules.extend(store.rules(None)?);
        rules.extend(self.run_rules());
        let question = Question {
            effect: definition.effect,
            permission: definition.permission,
            actions: &actions,
            agreed: &touches.agreed,
            mode,
            trust: if untrusted.is_empty() { Trust::Whole } else { Trust::Broken },
            consent: consent(&rules, &call.tool, &touches.subject),
        };
        let decision = question.decide();
        let actions = question.all_actions();
        untrusted.truncate(MOST_SOURCES);
        Ok(Judged { decision, actions, mode, reads, untrusted, spare })
    }

    /// What no snapshot holds of the files as they were before this turn, and nobody could make again: not what tools
    /// install, and what this program writes.
    fn unrecorded(&self, state: &TurnState) -> Result<Vec<String>, EngineError> {
        let Some(base) = self.store().node(&state.node_id)?.summary.base_snapshot else {
            return Ok(Vec::new());
        };
        let mut left_out = state.runtime.history.skipped(&base)?;
        left_out.retain(|left| {
            let name = left.path.rsplit('/').next().unwrap_or_default();
            tool_folder(name.as_bytes()).is_none() && !name.starts_with(TEMPORARY_PREFIX)
        });
        Ok(left_out.into_iter().map(|left| left.path).collect())
    }

    fn put_question(
        &self,
        state: &Arc<TurnState>,
        item: &Item,
        call: &ToolCall,
        touches: &Touches,
        judged: &Judged,
        reason: ApprovalReason,
    ) -> Result<Asked, EngineError> {
        tracing::info!(tool = call.tool, mode = ?judged.mode, ?reason, "a call asks");
        let mut scopes = vec![ApprovalScope::Once, ApprovalScope::Session];
        // What is allowed in sight of something untrusted holds no longer than the conversation that saw it.
        if reason == ApprovalReason::Mode {
            scopes.push(ApprovalScope::Always);
        }
        let approval = Approval {
            call_item: item.id.clone(),
            tool: call.tool.clone(),
            actions: judged.actions.clone(),
            subject: touches.subject.clone(),
            reason,
            untrusted: judged.untrusted.clone(),
            scopes,
            patterns: patterns(&touches.subject),
            state: ApprovalState::Waiting,
        };
        let question = state.new_item(item.step, ItemBody::Approval(approval.clone()));
        let (answer, answered) = oneshot::channel();
        let id = question.id.clone();
        self.store().put_item(&question)?;
        let mut waiting = state.runtime.approvals.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(id.clone(), Waiting { item: question.clone(), approval, answer });
        drop(waiting);
        state.alive();
        state.tell(TurnEvent::ItemStarted { item: question });
        Ok(Asked { id, actions: judged.actions.clone(), answer: answered })
    }

    /// Ends a question without the person. Tells whether it was still open.
    fn settle(&self, state: &TurnState, id: &ItemId, end: ApprovalState) -> Result<bool, EngineError> {
        let mut waiting = state.runtime.approvals.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut question) = waiting.remove(id) else { return Ok(false) };
        drop(waiting);
        question.approval.state = end;
        question.item.body = ItemBody::Approval(question.approval);
        question.item.ended_at = Some(self.now());
        self.store().put_item(&question.item)?;
        state.alive();
        state.tell(TurnEvent::ItemCompleted { item: question.item });
        Ok(true)
    }

    /// Answers a call that asks. The first answer holds; a later one is an error that says what became of the question.
    pub fn answer_approval(
        &self,
        session: &SessionId,
        id: &ItemId,
        answer: ApprovalAnswer,
    ) -> Result<Item, EngineError> {
        let runtime = self.open_runtime(session).ok_or_else(|| self.no_longer_asked(session, id))?;
        let mut waiting = runtime.approvals.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(question) = waiting.get(id) else {
            drop(waiting);
            return Err(self.no_longer_asked(session, id));
        };
        let approval = &question.approval;
        let (end, rule) = match answer {
            ApprovalAnswer::Refuse { reason } => {
                let reason =
                    reason.map(|reason| reason.trim().chars().take(LONGEST_REASON).collect::<String>());
                (ApprovalState::Refused { reason: reason.filter(|reason| !reason.is_empty()) }, None)
            }
            ApprovalAnswer::Allow { scope, pattern } => {
                if !approval.scopes.contains(&scope) {
                    return Err(EngineError::App(
                        AppError::new("This question does not offer that answer.").with_hint(
                            "After something untrusted was read, a permission holds for this session at most.",
                        ),
                    ));
                }
                let pattern = match pattern {
                    Some(pattern) if !approval.patterns.contains(&pattern) => {
                        return Err(EngineError::App(AppError::new(format!(
                            "The question does not offer the pattern “{}”.",
                            pattern.text
                        ))));
                    }
                    Some(pattern) => Some(pattern),
                    None => approval.patterns.first().cloned(),
                };
                let rule = pattern.filter(|_| scope != ApprovalScope::Once).map(|pattern| PermissionRule {
                    id: RuleId::new(),
                    tool: approval.tool.clone(),
                    pattern,
                    session_id: (scope == ApprovalScope::Session).then(|| session.clone()),
                    covers_untrusted: approval.reason == ApprovalReason::Untrusted,
                    made_at: self.now(),
                });
                (ApprovalState::Allowed { scope: Some(scope) }, rule)
            }
        };
        let mut item = question.item.clone();
        item.ended_at = Some(self.now());
        item.body = ItemBody::Approval(Approval { state: end.clone(), ..approval.clone() });
        if let Some(rule) = &rule {
            self.store().add_rule(rule)?;
        }
        self.store().put_item(&item)?;
        // Everything is stored; only now is the question gone.
        let question = waiting.remove(id);
        drop(waiting);
        self.events().turn(session, &item.node_id, TurnEvent::ItemCompleted { item: item.clone() });
        if let Some(question) = question {
            // The turn may have been stopped in this moment.
            let _ = question.answer.send(end);
        }
        if rule.is_some() {
            self.rules_changed();
        }
        Ok(item)
    }

    fn no_longer_asked(&self, session: &SessionId, id: &ItemId) -> EngineError {
        let became = self.store().item(id).ok().flatten().and_then(|item| match item.body {
            ItemBody::Approval(approval) => Some(match approval.state {
                ApprovalState::Allowed { .. } => "It was allowed.",
                ApprovalState::Refused { .. } => "It was refused.",
                ApprovalState::Interrupted => {
                    "Its turn was stopped, or what it asked for changed, before there was an answer."
                }
                ApprovalState::Waiting => "Another program runs the turn that asks.",
            }),
            _ => None,
        });
        tracing::info!(%session, item = %id, "an answer came to a question that is not open");
        let error = AppError::new("This question is no longer open.");
        EngineError::App(match became {
            Some(became) => error.with_hint(became),
            None => error,
        })
    }

    /// Changes what the agent of a session may do without asking, from its next call on.
    pub fn set_session_mode(
        &self,
        id: &SessionId,
        mode: PermissionMode,
    ) -> Result<SessionSummary, EngineError> {
        self.store().session(id)?;
        self.store().set_session_mode(id, mode)?;
        self.session_setting_changed(id);
        self.tell_session(id);
        self.session_summary(id)
    }

    /// Decides anew what waits for an answer: a setting of the session has changed that says what its calls touch.
    pub fn session_setting_changed(&self, id: &SessionId) {
        if let Some(runtime) = self.open_runtime(id) {
            runtime.approvals.look_again();
        }
    }

    /// The rules of one session alone, or, without one, those of every session.
    pub fn rules(&self, session: Option<&SessionId>) -> Result<Vec<PermissionRule>, EngineError> {
        if let Some(session) = session {
            self.store().session(session)?;
        }
        Ok(self.store().rules(session)?)
    }

    /// Takes a rule away.
    pub fn remove_rule(&self, id: &RuleId) -> Result<(), EngineError> {
        if !self.store().remove_rule(id)? {
            return Err(EngineError::App(
                AppError::new("There is no such rule.").with_code(okcvm_protocol::ErrorCode::NotFound),
            ));
        }
        self.rules_changed();
        Ok(())
    }

    fn rules_changed(&self) {
        for runtime in self.open_runtimes() {
            runtime.approvals.look_again();
        }
        self.events().app(AppEvent::RulesChanged);
    }

    /// Allows calls of a tool whose subject fits a glob, for this run of the program. For a person who said so when they
    /// started it; holds after something untrusted was read, too. A name that is no tool's is an error.
    pub fn allow_for_run(&self, tool: &str, glob: &str) -> Result<(), AppError> {
        let registry = &self.inner.parts.registry;
        let tool = registry.full_name(tool).ok_or_else(|| {
            AppError::new(format!("There is no tool named “{tool}”."))
                .with_hint("`okcvm tool list` shows them.")
        })?;
        let rule = PermissionRule {
            id: RuleId::new(),
            tool,
            pattern: RulePattern { kind: RuleMatch::Glob, text: glob.to_owned() },
            session_id: None,
            covers_untrusted: true,
            made_at: self.now(),
        };
        self.inner.run_rules.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
        Ok(())
    }

    fn run_rules(&self) -> Vec<PermissionRule> {
        self.inner.run_rules.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn as_permit(answered: Option<ApprovalState>, call: &ToolCall, judged: &Judged) -> Permit {
    match answered {
        Some(ApprovalState::Allowed { .. }) => judged.permit(),
        Some(ApprovalState::Refused { reason }) => Permit::Denied(refused(call, reason.as_deref())),
        Some(ApprovalState::Waiting | ApprovalState::Interrupted) | None => Permit::Stopped,
    }
}

/// What the model is told of a call that its mode does not have.
fn in_plan_mode(call: &ToolCall) -> String {
    format!(
        "{} was not carried out: this session is in plan mode, in which only tools that change nothing can be used. Look \
         at what you need, then describe what you would do and stop. The user can change the mode.",
        call.tool
    )
}

fn refused(call: &ToolCall, reason: Option<&str>) -> String {
    let said = reason.map(|reason| format!(" They say: {reason}")).unwrap_or_default();
    format!(
        "The user refused this call of {}; nothing was done.{said} Do not try to reach the same in another way. Go on \
         without it, or ask the user what to do.",
        call.tool
    )
}
