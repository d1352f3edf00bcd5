//! What gives way when a history is over its budget, in which order, and what is said of it.

use okcvm_protocol::{
    AppEvent, CommandHandler, EngineEvent, NodeId, NodeParams, SessionId, SessionParams, SettingsSaveParams,
};

use crate::command_line::{okcvm, text};
use crate::command_line_tree::Story;
use crate::desk::Desk;

/// Bytes that do not compress, others for each seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn set_budget(story: &Story, bytes: &str) {
    let set = okcvm(story.folder.path(), &["config", "set", "history.sessionBudgetBytes", bytes]);
    assert!(set.status.success(), "{}", text(&set.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_of_undo_that_hold_work_by_hand_give_way_last_and_say_what_went() {
    let story = Story::told().await;
    let third = story.nodes[2].as_str();
    for round in 0..6 {
        std::fs::write(story.work.join(format!("hand-{round}")), noise(round, 300_000)).unwrap();
        story.said(&["restore"], &[third]);
    }
    let usage = story.json(&["usage"], &[]);
    assert_eq!((&usage["steps"], &usage["stepsDropped"]), (&5.into(), &0.into()), "{usage}");
    assert_eq!(usage["stepsBytes"], 1_500_000, "{usage}");

    // What nodes hold goes first, and is not enough; the last steps stay.
    set_budget(&story, "1000000");
    let output = story.run(&["tidy"], &["--json"]);
    let tidied: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(tidied["usage"]["bytes"].as_u64().unwrap() <= 1_000_000, "{tidied}");
    assert!(tidied["thinned"].as_u64().unwrap() >= 1, "{tidied}");
    let went: Vec<_> = tidied["steps"].as_array().unwrap().iter().map(|step| &step["paths"][0]).collect();
    assert_eq!(went, ["hand-0", "hand-1", "hand-2"], "{tidied}");
    let told = text(&output.stderr);
    assert!(told.contains("undo stack") && told.contains("hand-0, hand-1, hand-2"), "{told}");
    assert_eq!(story.json(&["usage"], &[])["stepsDropped"], 3);
    assert!(story.said(&["usage"], &[]).contains("undo dropped  3"));
    assert!(story.said(&["tree"], &[]).contains("it held hand-1"));

    // The steps that stayed are whole. What was dropped is named once nothing else is left.
    for round in [5, 4, 3] {
        let undone = story.json(&["undo"], &[]);
        assert_eq!(undone["passed"].as_array().map(Vec::len), None, "{undone}");
        assert_eq!(
            std::fs::read(story.work.join(format!("hand-{round}"))).unwrap(),
            noise(round, 300_000),
            "{round}"
        );
    }
    let refused = story.refused(&["undo"], &[]);
    assert!(refused.contains("to save room") && refused.contains("hand-0"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_undo_stays_whatever_the_budget_and_passes_over_what_went() {
    let story = Story::told().await;
    let [first, third] = [0, 2].map(|number| story.nodes[number].as_str());
    std::fs::write(story.work.join("old"), noise(1, 50_000)).unwrap();
    story.said(&["restore"], &[third]);
    // A step of the conversation alone holds no files, and goes on to be there.
    story.said(&["restore"], &[first, "--scope", "conversation"]);
    std::fs::write(story.work.join("new"), noise(2, 50_000)).unwrap();
    story.said(&["restore"], &[third, "--scope", "files"]);
    set_budget(&story, "1");
    let tidied = story.json(&["tidy"], &[]);
    assert_eq!(tidied["steps"].as_array().map(Vec::len), Some(1), "{tidied}");
    assert_eq!(
        story.json(&["tidy"], &[])["steps"].as_array().map(Vec::len),
        None,
        "all that may go has gone"
    );
    story.said(&["undo"], &[]);
    assert_eq!(std::fs::read(story.work.join("new")).unwrap(), noise(2, 50_000));
    story.said(&["undo"], &[]);
    assert!(story.refused(&["undo"], &[]).contains("old"));
}

/// A turn before which a file was written by hand.
async fn turn_after_hand(desk: &Desk, session: &SessionId, number: u64) -> NodeId {
    std::fs::write(desk.files(session).await.join("by-hand"), noise(number, 100_000)).unwrap();
    desk.turn(session, &format!("What about {number}?"), Vec::new()).await.node
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stays_keeps_the_state_before_its_turn() {
    let desk = Desk::open();
    let session = desk.session().await;
    for number in 0..8 {
        turn_after_hand(&desk, &session, number).await;
    }
    let only = SessionParams { session_id: session.clone() };
    let mut lost = Vec::new();
    for budget in [600_000, 400_000, 1] {
        let mut settings = desk.host.settings();
        settings.history.session_budget_bytes = budget;
        desk.host.settings_save(SettingsSaveParams { settings }).await.unwrap();
        desk.host.history_tidy(only.clone()).await.unwrap();
        let tree = desk.detail(&session).await.tree;
        let dropped = tree.iter().filter(|node| node.not_restorable.is_some()).count();
        let mut unknown = 0;
        for node in tree.iter().filter(|node| node.not_restorable.is_none()) {
            let params = NodeParams { session_id: session.clone(), node_id: node.id.clone() };
            let changes = desk.host.node_changes(params).await;
            assert_eq!(changes.is_ok(), node.changes_lost.is_none(), "{}: {changes:?}", node.title);
            unknown += usize::from(changes.is_ok_and(|changes| changes.by_user_lost.is_some()));
        }
        lost.push((dropped, unknown));
    }
    assert!(lost[0].0 > 0 && lost[0].0 < lost[1].0 && lost[1].0 < lost[2].0, "{lost:?}");
    // At most the oldest that is left of a branch.
    assert!(lost.iter().all(|(_, unknown)| *unknown <= 1), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_that_a_tidying_comes_upon_is_told() {
    let desk = Desk::open();
    let session = desk.session().await;
    for number in 0..3 {
        turn_after_hand(&desk, &session, number).await;
    }
    let packs = desk.folder.path().join("data/sessions").join(session.as_str());
    let packs = packs.join("history/repository.git/objects/pack");
    let largest = std::fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path());
    let largest = largest.filter(|path| path.extension().is_some_and(|kind| kind == "pack"));
    let largest = largest.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0);
    let mut permissions = std::fs::metadata(&largest).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    std::fs::set_permissions(&largest, permissions).unwrap();
    std::fs::write(&largest, bytes).unwrap();
    assert_eq!(desk.detail(&session).await.notice, None);
    let mut events = desk.listen();
    desk.host.history_tidy(SessionParams { session_id: session.clone() }).await.unwrap();
    let notice = desk.detail(&session).await.notice.unwrap_or_default();
    assert!(notice.contains("found damaged while it was tidied"), "{notice}");
    let told = events.next(100).await.into_iter().any(|numbered| {
        matches!(numbered.event, EngineEvent::App { event: AppEvent::TreeChanged { session_id } } if session_id == session)
    });
    assert!(told, "a window that is open shows it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_heeds_the_largest_size_of_the_settings() {
    let story = Story::told().await;
    let first = story.nodes[0].clone();
    std::fs::write(story.work.join("a.txt"), noise(1, 3_000)).unwrap();
    let set = okcvm(story.folder.path(), &["config", "set", "history.maxFileBytes", "1000"]);
    assert!(set.status.success(), "{}", text(&set.stderr));
    // It is left out by now, so it stays; whoever looks first is told what is done then.
    let plan = story.json(&["restore"], &[&first, "--dry-run"]);
    let stays = |plan: &serde_json::Value| plan["unwritten"][0]["path"].clone();
    assert_eq!(stays(&plan), "a.txt", "{plan}");
    let done = story.json(&["restore"], &[&first]);
    assert_eq!(stays(&done), "a.txt", "{done}");
    assert_eq!(std::fs::read(story.work.join("a.txt")).unwrap(), noise(1, 3_000));
}
