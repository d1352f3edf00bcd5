use okcvm_protocol::{RuleId, SessionId};

use super::*;

const MODES: [PermissionMode; 3] = [PermissionMode::Plan, PermissionMode::Ask, PermissionMode::Auto];
const ACTIONS: [&[ApprovalAction]; 8] = {
    use ApprovalAction::{Delete, Deploy, Send};
    [
        &[],
        &[Deploy],
        &[Send],
        &[Delete],
        &[Deploy, Send],
        &[Deploy, Delete],
        &[Send, Delete],
        &[Deploy, Send, Delete],
    ]
};

const CONSENTS: [(Consent, &[ApprovalAction]); 6] = [
    (Consent::None, &[]),
    (Consent::Given, &[]),
    (Consent::GivenKnowing, &[]),
    (Consent::None, &[ApprovalAction::Send]),
    (Consent::Given, &[ApprovalAction::Send]),
    (Consent::GivenKnowing, &[ApprovalAction::Send]),
];

/// The table of ARCHITECTURE.md, written down row by row and not as the code has it.
fn by_the_table(question: &Question<'_>) -> &'static str {
    let sends =
        question.actions.contains(&ApprovalAction::Send) || question.permission == Permission::Network;
    let deploys =
        question.actions.contains(&ApprovalAction::Deploy) || question.permission == Permission::Publish;
    let deletes = question.actions.contains(&ApprovalAction::Delete);
    let stays_inside = !(sends || deploys || deletes);
    match (question.mode, question.effect) {
        (PermissionMode::Plan, Effect::Write) => return "refuse",
        (PermissionMode::Plan, Effect::Read) | (PermissionMode::Ask | PermissionMode::Auto, _) => {}
    }
    if stays_inside || question.consent == Consent::GivenKnowing {
        return "allow";
    }
    if question.trust == Trust::Broken {
        return "ask: untrusted";
    }
    if question.consent == Consent::Given
        || question.mode == PermissionMode::Auto
        || !sends
        || !question.agreed.is_empty()
    {
        return "allow";
    }
    "ask: mode"
}

#[test]
fn every_combination_is_decided_as_the_table_says() {
    let mut seen = std::collections::BTreeMap::new();
    for mode in MODES {
        for effect in [Effect::Read, Effect::Write] {
            for permission in [Permission::Inside, Permission::Publish, Permission::Network] {
                for actions in ACTIONS {
                    for trust in [Trust::Whole, Trust::Broken] {
                        for (consent, agreed) in CONSENTS {
                            let question =
                                Question { effect, permission, actions, agreed, mode, trust, consent };
                            let decided = match question.decide() {
                                Decision::Allow => "allow",
                                Decision::Ask(ApprovalReason::Mode) => "ask: mode",
                                Decision::Ask(ApprovalReason::Untrusted) => "ask: untrusted",
                                Decision::RefuseInPlan => "refuse",
                            };
                            assert_eq!(decided, by_the_table(&question), "{question:?}");
                            *seen.entry(decided).or_insert(0) += 1;
                        }
                    }
                }
            }
        }
    }
    // 3 × 2 × 3 × 8 × 2 × 6, and every answer is given somewhere.
    assert_eq!(seen.values().sum::<i32>(), 1728);
    assert_eq!(seen.len(), 4);
}

#[test]
fn the_cases_that_people_meet() {
    use ApprovalAction::{Delete, Deploy, Send};
    let decide = |permission, actions: &[ApprovalAction], mode, trust| {
        Question {
            effect: Effect::Write,
            permission,
            actions,
            agreed: &[],
            mode,
            trust,
            consent: Consent::None,
        }
        .decide()
    };
    let untrusted = Decision::Ask(ApprovalReason::Untrusted);
    // A command in the sandbox, whatever was read.
    assert_eq!(decide(Permission::Inside, &[], PermissionMode::Ask, Trust::Broken), Decision::Allow);
    // A site of a fresh session.
    assert_eq!(decide(Permission::Publish, &[Deploy], PermissionMode::Ask, Trust::Whole), Decision::Allow);
    assert_eq!(decide(Permission::Publish, &[Deploy], PermissionMode::Ask, Trust::Broken), untrusted);
    assert_eq!(decide(Permission::Publish, &[Deploy], PermissionMode::Auto, Trust::Broken), untrusted);
    assert_eq!(decide(Permission::Publish, &[], PermissionMode::Auto, Trust::Broken), untrusted);
    assert_eq!(
        decide(Permission::Publish, &[Deploy], PermissionMode::Plan, Trust::Whole),
        Decision::RefuseInPlan
    );
    // Files that a command deletes.
    assert_eq!(decide(Permission::Inside, &[Delete], PermissionMode::Ask, Trust::Whole), Decision::Allow);
    assert_eq!(decide(Permission::Inside, &[Delete], PermissionMode::Auto, Trust::Broken), untrusted);
    // Other machines.
    let mode = Decision::Ask(ApprovalReason::Mode);
    assert_eq!(decide(Permission::Network, &[Send], PermissionMode::Ask, Trust::Whole), mode);
    assert_eq!(decide(Permission::Network, &[Send], PermissionMode::Auto, Trust::Whole), Decision::Allow);
    assert_eq!(decide(Permission::Network, &[Send], PermissionMode::Auto, Trust::Broken), untrusted);
}

fn rule(tool: &str, kind: RuleMatch, text: &str, covers_untrusted: bool) -> PermissionRule {
    PermissionRule {
        id: RuleId::new(),
        tool: tool.into(),
        pattern: RulePattern { kind, text: text.into() },
        session_id: Some(SessionId::new()),
        covers_untrusted,
        made_at: 0,
    }
}

#[test]
fn a_rule_holds_for_its_tool_and_its_pattern_alone() {
    let rules = [
        rule("a", RuleMatch::Exact, "rm *.txt", false),
        rule("a", RuleMatch::Glob, "https://example.test/*", true),
    ];
    assert_eq!(consent(&rules, "a", "rm *.txt"), Consent::Given);
    assert_eq!(consent(&rules, "a", "rm x.txt"), Consent::None, "a star of a command is a star");
    assert_eq!(consent(&rules, "b", "rm *.txt"), Consent::None);
    assert_eq!(consent(&rules, "a", "https://example.test/a/b?c=*"), Consent::GivenKnowing);
    assert_eq!(consent(&rules, "a", "https://example.test.evil.test/a"), Consent::None);
    assert_eq!(consent(&rules, "a", " https://example.test/a"), Consent::None);
}

#[test]
fn globs_hold_for_the_whole_text_and_take_no_time() {
    let holds = |glob_text: &str, text: &str| glob(glob_text, text);
    assert!(holds("*", "") && holds("*", "any\nthing 文件") && holds("", ""));
    assert!(holds("output/*", "output/site") && !holds("output/*", "outputs/site"));
    assert!(holds("a*b*c", "a-b-b-c") && !holds("a*b*c", "a-b-b-d"));
    assert!(!holds("a", "aa") && !holds("aa", "a") && !holds("", "a"));
    assert!(holds("*文*", "一个文件"));
    let long = "a".repeat(100_000);
    assert!(!holds("a*a*a*a*a*a*a*a*b", &long));
}

#[test]
fn only_an_address_offers_its_host() {
    let offered = |subject: &str| -> Vec<String> {
        patterns(subject).into_iter().map(|pattern| pattern.text).collect()
    };
    assert_eq!(
        offered("https://example.test:8443/a?b"),
        ["https://example.test:8443/a?b", "https://example.test:8443/*"]
    );
    assert_eq!(offered("http://a.test"), ["http://a.test", "http://a.test/*"]);
    for subject in
        ["rm -rf a", "output/site", "https://*/a", "https:///a", "https://user@a.test/", "ftp://a.test/", ""]
    {
        assert_eq!(offered(subject), [subject]);
    }
}

#[test]
fn a_tool_that_declares_nothing_is_taken_for_the_worst() {
    let touches = Touches::everything("{}", "mshtools-new");
    assert_eq!(touches.reads, Reads::Outside("mshtools-new".into()));
    assert_eq!(touches.actions.len(), 3);
    let code = Touches::code("rm a");
    assert_eq!((code.reads, code.actions), (Reads::Workspace, vec![ApprovalAction::Delete]));
    assert_eq!(Touches::code("ls").actions, []);
}
