use okcvm_protocol::SnapshotId;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command};

use super::*;
use crate::RestoreWhat;
use crate::testing::{Place, place, tree};
use crate::{Author, History, RecordInfo};

const INFO: RecordInfo<'_> = RecordInfo { message: "m", author: Author::Agent, at_ms: 0 };

/// Where an object lies: its own file, or the pack that holds it.
fn object(place: &Place, id: &str) -> PathBuf {
    let loose = place.repository().join("objects").join(&id[..2]).join(&id[2..]);
    if loose.exists() {
        return loose;
    }
    let folder = place.repository().join("objects/pack");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_pack = path.extension().is_some_and(|extension| extension == "pack");
        if is_pack && place.git(&["verify-pack", "-v", path.to_str().unwrap()]).contains(id) {
            return path;
        }
    }
    panic!("{id} is nowhere")
}

fn overwrite(path: &Path, content: &[u8]) {
    // Objects are read-only files.
    let _ = fs::remove_file(path);
    fs::write(path, content).unwrap();
}

/// Makes single files of all packed objects, as older versions left them.
fn loosen(place: &Place) {
    let packs = place.repository().join("objects/pack");
    let aside = place.dir.join("packs");
    fs::rename(&packs, &aside).unwrap();
    fs::create_dir(&packs).unwrap();
    for entry in fs::read_dir(&aside).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pack") {
            let unpacked = Command::new("git")
                .arg("--git-dir")
                .arg(place.repository())
                .args(["unpack-objects", "-q"])
                .stdin(fs::File::open(&path).unwrap())
                .status()
                .unwrap();
            assert!(unpacked.success());
        }
    }
    fs::remove_dir_all(aside).unwrap();
}

/// Damages a history with two snapshots, opens it, and says what it was told.
fn open_damaged(damage: impl Fn(&Place, &SnapshotId)) -> Option<String> {
    let mut place = place();
    place.write("folder/file", "content");
    let first = place.snapshot();
    place.write("folder/file", "other content");
    let second = place.record(Some(&first)).snapshot;
    place.close();
    damage(&place, &second);
    let damaged = tree(&place.repository());
    let had_journal = place.dir.join(JOURNAL).exists();
    let notice = place.reopen();
    let aside = place.dir.join("repository.broken-1");
    let recorded = place.record(Some(&second)).snapshot;
    assert_eq!(place.history.read(&recorded, "folder/file", 99).unwrap().unwrap(), b"other content");
    place.fsck();
    if aside.exists() {
        let mut kept = tree(&aside);
        if aside.join("torn").exists() {
            let torn = tree(&aside.join("torn")).into_iter();
            kept.extend(torn.map(|(name, node)| ([b"objects/pack/".as_slice(), &name].concat(), node)));
        }
        // Indexes can be made again; everything else is as it was.
        for (name, node) in damaged {
            if !name.ends_with(b".idx") && !name.ends_with(b"okcvm-synced") {
                assert_eq!(kept.get(&name), Some(&node), "{}", String::from_utf8_lossy(&name));
            }
        }
        assert!(matches!(place.history.author(&second), Err(SnapshotError::Unknown(_))));
        assert_eq!(place.dir.join("journal.broken-1").exists(), had_journal);
    } else if notice.as_ref().is_none_or(|notice| !notice.contains("can no longer be restored")) {
        assert_eq!(place.history.diff(Some(&first), &second).unwrap().len(), 1);
    }
    assert_eq!(place.reopen(), None);
    notice
}

#[test]
fn a_sound_history_is_left_alone() {
    assert_eq!(open_damaged(|_, _| ()), None);
}

/// What can be made again from elsewhere is made again, nothing is lost, and it is said.
#[test]
fn what_is_no_content_is_mended_and_said() {
    type Damaging = fn(&Place, &SnapshotId);
    let cases: [(&str, Damaging); 17] = [
        ("HEAD", |place, _| overwrite(&place.repository().join("HEAD"), b"")),
        ("HEAD", |place, _| overwrite(&place.repository().join("HEAD"), b"\0\xffgarbage\n")),
        ("HEAD", |place, _| overwrite(&place.repository().join("HEAD"), b"ref: refs/heads/a b\n")),
        ("HEAD", |place, _| overwrite(&place.repository().join("HEAD"), &[b'a'; 40])),
        ("HEAD", |place, _| fs::remove_file(place.repository().join("HEAD")).unwrap()),
        ("HEAD", |place, _| {
            fs::remove_file(place.repository().join("HEAD")).unwrap();
            fs::create_dir(place.repository().join("HEAD")).unwrap();
        }),
        ("config", |place, _| overwrite(&place.repository().join("config"), b"[core\0")),
        // As a program leaves it that was ended while it mended this.
        ("config", |place, _| {
            overwrite(&place.repository().join("config"), b"[core");
            fs::write(place.repository().join("config.new"), "[co").unwrap();
            fs::write(place.repository().join("config.new.lock"), "").unwrap();
        }),
        ("config", |place, _| fs::remove_file(place.repository().join("config")).unwrap()),
        ("config", |place, _| {
            let path = place.repository().join("config");
            let bytes = fs::read(&path).unwrap();
            overwrite(&path, &bytes[..bytes.len() / 2]);
        }),
        ("config", |place, _| {
            let path = place.repository().join("config");
            let mut bytes = fs::read(&path).unwrap();
            let half = bytes.len() / 2;
            bytes[half..].fill(0);
            overwrite(&path, &bytes);
        }),
        ("refs", |place, _| fs::remove_dir_all(place.repository().join("refs")).unwrap()),
        // A truncated tip, and an empty one.
        ("refs", |place, second| {
            let tip = place.repository().join(REFERENCES).join(second.as_str());
            overwrite(&tip, &second.as_str().as_bytes()[..17]);
        }),
        ("refs", |place, second| overwrite(&place.repository().join(REFERENCES).join(second.as_str()), b"")),
        // References that are not ours.
        ("refs", |place, _| overwrite(&place.repository().join("refs/heads/main"), &[b'b'; 40])),
        ("packed-refs", |place, _| overwrite(&place.repository().join("packed-refs"), b"nonsense\n")),
        ("shallow", |place, _| overwrite(&place.repository().join("shallow"), b"nonsense\n")),
    ];
    for (number, (what, damage)) in cases.into_iter().enumerate() {
        let notice = open_damaged(damage).unwrap_or_else(|| panic!("{number}: {what} was not noticed"));
        let said = format!("({what}) and was mended; no snapshot was lost by that.");
        assert!(notice.ends_with(&said), "{number}: {notice}");
    }
}

/// A damaged snapshot costs itself, and what came from it, as far as that shares what is gone. The others
/// stay, and git has nothing to say.
#[test]
fn a_damaged_snapshot_costs_no_other() {
    type Damaging = fn(&Place, &SnapshotId);
    let cases: [Damaging; 6] = [
        // Its commit.
        |place, id| fs::remove_file(object(place, id.as_str())).unwrap(),
        |place, id| overwrite(&object(place, id.as_str()), b""),
        |place, id| {
            overwrite(&place.repository().join(REFERENCES).join(id.as_str()), b"nonsense");
            fs::remove_file(object(place, id.as_str())).unwrap();
        },
        // A tree, and a content.
        |place, id| {
            let folder = place.git(&["rev-parse", &format!("{id}:folder")]);
            overwrite(&object(place, folder.trim()), b"");
        },
        |place, id| {
            let file = place.git(&["rev-parse", &format!("{id}:folder/file")]);
            fs::remove_file(object(place, file.trim())).unwrap();
        },
        // Without a journal the references say what there is.
        |place, id| {
            fs::remove_file(object(place, id.as_str())).unwrap();
            fs::remove_file(place.dir.join(JOURNAL)).unwrap();
        },
    ];
    for (number, damage) in cases.into_iter().enumerate() {
        // The damaged one is in the middle of a line, and then the tip of a branch.
        for tip in [false, true] {
            let mut place = place();
            place.write("folder/file", "one");
            place.write("other", "same");
            let first = place.snapshot();
            place.write("folder/file", "two");
            let second = place.record(Some(&first)).snapshot;
            place.write("folder/file", "one");
            place.write("other", "later");
            let third = place.record(Some(if tip { &first } else { &second })).snapshot;
            place.history.flush().unwrap();
            place.close();
            if number == 5 && !tip {
                // A parent that is not there counts as thinned out.
                continue;
            }
            damage(&place, &second);
            let opened = History::open(&place.dir).unwrap();
            let lost = Lost {
                snapshot: second.clone(),
                before: (number != 5).then(|| first.clone()),
                why: WhyLost::Damage,
            };
            assert_eq!(opened.loss, Loss::Part(vec![lost]), "{number} {tip}");
            let notice = opened.notice.unwrap();
            assert!(notice.contains("One snapshot of this session was damaged"), "{number} {tip}: {notice}");
            place.history = opened.history;
            place.fsck();
            assert!(!place.dir.join("repository.broken-1").exists());
            for (id, content) in [(&first, "one"), (&third, "one")] {
                let found = place.history.read(id, "folder/file", 99).unwrap().unwrap();
                assert_eq!(found, content.as_bytes(), "{number} {tip}");
            }
            assert_eq!(place.history.parent(&third).unwrap().as_ref(), Some(&first), "{number} {tip}");
            // Both can be gone to, and what is recorded next is whole although it has the lost content again.
            let now = place.record(Some(&third)).snapshot;
            place.history.restore(&place.workspace, &now, &first, &RestoreWhat::All).unwrap();
            assert_eq!(place.read("folder/file"), "one");
            place.write("folder/file", "two");
            let again = place.record(Some(&first)).snapshot;
            assert_eq!(place.history.read(&again, "folder/file", 99).unwrap().unwrap(), b"two");
            assert_eq!(place.reopen(), None, "{number} {tip}");
            place.fsck();
            assert_eq!(place.history.verify(&crate::Cancel::default()).unwrap().damages, Vec::new());
            // Thinning and packing go on as well.
            place.history.thin([&third, &again], &crate::Cancel::default()).unwrap();
            place.history.pack(&crate::Cancel::default()).unwrap();
            place.fsck();
            assert_eq!(place.reopen(), None, "{number} {tip}");
        }
    }
}

/// What is known to be there counts although the index says that it is recorded.
#[test]
fn what_a_lost_pack_held_is_recorded_again() {
    let mut place = place();
    place.write("a", "kept in the first pack");
    let first = place.snapshot();
    place.write("b", "kept in the second pack");
    let second = place.record(Some(&first)).snapshot;
    place.write("c", "kept in the third pack");
    let third = place.record(Some(&second)).snapshot;
    let blob = place.git(&["rev-parse", &format!("{third}:b")]);
    place.close();
    // The root of the present is in the third pack, and what is gone is a file of it.
    fs::remove_file(object(&place, blob.trim())).unwrap();
    // Nor is it in the workspace at the start.
    fs::rename(place.root.join("b"), place.dir.join("b")).unwrap();
    let notice = place.reopen().unwrap();
    assert!(notice.contains("2 snapshots of this session were damaged"), "{notice}");
    fs::rename(place.dir.join("b"), place.root.join("b")).unwrap();
    let again = place.record(Some(&first)).snapshot;
    assert_eq!(place.history.read(&again, "b", 99).unwrap().unwrap(), b"kept in the second pack");
    place.fsck();
    assert_eq!(place.history.verify(&crate::Cancel::default()).unwrap().damages, Vec::new());
}

#[test]
fn a_history_of_which_nothing_is_left_is_moved_aside_and_said() {
    let nothing_left = |damage: fn(&Place, &SnapshotId)| {
        let notice = open_damaged(damage).expect("the damage was not noticed");
        assert!(notice.contains("`repository.broken-1`"), "{notice}");
    };
    nothing_left(|place, _| fs::remove_dir_all(place.repository().join("objects")).unwrap());
    nothing_left(|place, _| {
        for entry in fs::read_dir(place.repository().join("objects/pack")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "pack") {
                overwrite(&path, b"");
            }
        }
    });
}

#[test]
fn what_can_be_healed_is_healed() {
    // A repository that was being made.
    assert_eq!(
        open_damaged(|place, _| fs::create_dir(place.dir.join(format!("{FOLDER}.new"))).unwrap()),
        None
    );
    // An older history: every object a file of its own, a reference for every snapshot, no journal.
    let old = |place: &Place| {
        loosen(place);
        for file in [place.dir.join(JOURNAL), place.repository().join("okcvm-synced")] {
            fs::remove_file(file).unwrap();
        }
    };
    assert_eq!(open_damaged(|place, _| old(place)), None);
    assert!(
        open_damaged(|place, second| {
            old(place);
            let file = place.git(&["rev-parse", &format!("{second}:folder/file")]);
            fs::remove_file(object(place, file.trim())).unwrap();
        })
        .unwrap()
        .contains("One snapshot of this session was damaged")
    );
    // The journal was lost, or its end is torn.
    assert_eq!(open_damaged(|place, _| fs::remove_file(place.dir.join(JOURNAL)).unwrap()), None);
    assert_eq!(
        open_damaged(|place, _| {
            let mut file = fs::OpenOptions::new().append(true).open(place.dir.join(JOURNAL)).unwrap();
            std::io::Write::write_all(&mut file, b"half a record").unwrap();
        }),
        None
    );
    // All references were lost, and all indexes of packs.
    assert_eq!(
        open_damaged(|place, _| fs::remove_dir_all(place.repository().join(REFERENCES)).unwrap()),
        None
    );
    assert_eq!(
        open_damaged(|place, _| {
            for entry in fs::read_dir(place.repository().join("objects/pack")).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "idx") {
                    fs::remove_file(path).unwrap();
                }
            }
        }),
        None
    );
    // Another git packed everything.
    assert_eq!(
        open_damaged(|place, _| {
            place.git(&["gc", "-q"]);
        }),
        None
    );
}

#[test]
fn broken_histories_are_numbered() {
    let mut place = place();
    for number in 1..=3 {
        place.close();
        fs::remove_dir_all(place.repository().join("objects")).unwrap();
        let notice = place.reopen().unwrap();
        assert!(notice.contains(&format!("`repository.broken-{number}`")), "{notice}");
    }
}

#[test]
fn leftovers_are_swept_but_not_those_of_others_that_may_live() {
    let mut place = place();
    let repository = place.repository();
    let old = std::time::SystemTime::now() - Duration::from_secs(3700);
    let leftovers = [
        (repository.join("objects/tmp_object_git2_abc"), old),
        (repository.join("objects/pack/tmp_pack_abc"), old),
        (repository.join("objects/pack/tmp_okcvm_1_1"), std::time::SystemTime::now()),
        (repository.join(REFERENCES).join("0123.lock"), old),
        (repository.join("shallow.lock"), old),
    ];
    for (path, time) in &leftovers {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap().set_modified(*time).unwrap();
    }
    fs::create_dir(repository.join("tmp_okcvm_1_2")).unwrap();
    let young = repository.join("objects/tmp_object_git2_young");
    fs::write(&young, "").unwrap();
    assert_eq!(place.reopen(), None);
    assert!(leftovers.iter().all(|(path, _)| !path.exists()) && young.exists());
    assert!(!repository.join("tmp_okcvm_1_2").exists());
}

/// Runs the ignored test `name` of this program as a process of its own.
fn child(name: &str, place: &Place, environment: &[(&str, &Path)]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env("SNAPSHOT_TEST_DIR", &place.dir)
        .env("SNAPSHOT_TEST_ROOT", &place.root)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    for (key, value) in environment {
        command.env(key, value);
    }
    command.spawn().unwrap()
}

/// Lets the parent's clock start when the work does.
pub(crate) fn say_started(workspace: &okcvm_workspace::Workspace) {
    fs::write(workspace.root().join("../started"), "").unwrap();
}

/// Runs the child, lets it work for `time`, and kills it.
pub(crate) fn kill_at_work(name: &str, place: &Place, time: Duration) {
    let started = place.root.join("../started");
    let _ = fs::remove_file(&started);
    let mut child = child(name, place, &[]);
    let end = Instant::now() + Duration::from_secs(30);
    while !started.exists() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(time);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9), "the child ended by itself");
    assert!(started.exists(), "the child did not start");
}

pub(crate) fn place_of_child() -> Option<(History, okcvm_workspace::Workspace)> {
    let dir = PathBuf::from(std::env::var_os("SNAPSHOT_TEST_DIR")?);
    let root = PathBuf::from(std::env::var_os("SNAPSHOT_TEST_ROOT")?);
    let opened = History::open(&dir).unwrap();
    assert_eq!(opened.notice, None);
    Some((opened.history, okcvm_workspace::Workspace::open(&root).unwrap()))
}

#[test]
#[ignore = "run by another test, which kills it"]
fn child_that_records_for_ever() {
    let Some((history, workspace)) = place_of_child() else { return };
    let mut tip = None;
    say_started(&workspace);
    for round in 0_u64.. {
        for number in 0..10 {
            let folder = workspace.root().join((number % 3).to_string());
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(number.to_string()), format!("{round} {number} {}", std::process::id()))
                .unwrap();
        }
        tip = Some(history.record(&workspace, tip.as_ref(), INFO).unwrap().snapshot);
    }
}

#[test]
fn a_record_that_is_killed_leaves_a_sound_history() {
    let mut place = place();
    place.write("0/0", "before");
    place.snapshot();
    place.close();
    for round in 0..20_u64 {
        let time = Duration::from_millis(round * 17 % 60);
        kill_at_work("repository::tests::child_that_records_for_ever", &place, time);
        assert_eq!(place.reopen(), None);
        // Every snapshot that has a name is whole.
        let names = place.git(&["for-each-ref", "--format=%(objectname)", REFERENCES]);
        for name in names.lines() {
            place.git(&["rev-list", "--objects", "--quiet", name]);
        }
        // What the killed one left behind does not keep the next from recording.
        place.write("mark", round.to_string());
        let id = place.history.record(&place.workspace, None, INFO).unwrap().snapshot;
        assert_eq!(place.history.read(&id, "mark", 9).unwrap().unwrap(), round.to_string().as_bytes());
        place.close();
    }
    place.fsck();
}

#[test]
#[ignore = "run by another test, which kills it"]
fn child_that_restores_for_ever() {
    let Some((history, workspace)) = place_of_child() else { return };
    let ids = fs::read_to_string(workspace.root().join("../ids")).unwrap();
    let ids: Vec<SnapshotId> = ids.lines().map(|id| SnapshotId(id.to_owned())).collect();
    say_started(&workspace);
    loop {
        for (from, to) in [(1, 0), (0, 1)] {
            history.restore(&workspace, &ids[from], &ids[to], &RestoreWhat::All).unwrap();
        }
    }
}

#[test]
fn a_restore_that_is_killed_is_finished_by_the_next() {
    let mut place = place();
    for number in 0..120 {
        place.write(&format!("{}/{number}", number % 6), "one");
    }
    let first = place.snapshot();
    let first_tree = place.tree();
    for number in 60..150 {
        place.write(&format!("{}/{number}", number % 8), "two");
    }
    fs::remove_dir_all(place.root.join("3")).unwrap();
    place.write("3", "a file");
    let second = place.record(Some(&first)).snapshot;
    let second_tree = place.tree();
    fs::write(place.root.join("../ids"), format!("{first}\n{second}\n")).unwrap();
    let mut halves = 0;
    for round in 0..20_u64 {
        let time = Duration::from_millis(1 + round * 23 % 70);
        place.close();
        kill_at_work("repository::tests::child_that_restores_for_ever", &place, time);
        assert_eq!(place.reopen(), None);
        let now = place.tree();
        halves += u32::from(now != first_tree && now != second_tree);
        let (to, expected) = if round % 2 == 0 { (&first, &first_tree) } else { (&second, &second_tree) };
        let from = if round % 2 == 0 { &second } else { &first };
        place.history.restore(&place.workspace, from, to, &RestoreWhat::All).unwrap();
        let mut now = place.tree();
        // What was staged in a folder that nothing is staged in now stays, and belongs to no snapshot.
        now.retain(|path, _| !path.split(|byte| *byte == b'/').any(|part| part.starts_with(b".okcvm-tmp-")));
        assert_eq!(&now, expected, "round {round}");
        place.history.restore(&place.workspace, to, &second, &RestoreWhat::All).unwrap();
    }
    assert!(halves > 0, "no kill came in the middle");
}

#[test]
#[ignore = "run by another test with another home folder"]
fn child_with_a_broken_configuration() {
    let Some((history, workspace)) = place_of_child() else { return };
    fs::write(workspace.root().join("from-child"), "x").unwrap();
    history.record(&workspace, None, INFO).unwrap();
}

/// The configuration of the user's git is not ours: a broken one must not make the history look broken,
/// and a working one must not change what is recorded.
#[test]
fn the_users_git_configuration_does_not_count() {
    for configuration in
        ["[core\n\0nonsense", "[core]\n\tautocrlf = true\n\tbare = false\n[commit]\n\tgpgSign = true\n"]
    {
        let mut place = place();
        place.write("text", "line\r\n");
        place.snapshot();
        place.close();
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".gitconfig"), configuration).unwrap();
        let mut child = child(
            "repository::tests::child_with_a_broken_configuration",
            &place,
            &[("HOME", home.path()), ("XDG_CONFIG_HOME", home.path())],
        );
        let status = child.wait().unwrap();
        assert!(!place.dir.join("repository.broken-1").exists(), "{configuration:?}");
        assert!(status.success(), "{configuration:?}");
        place.fsck();
    }
}

/// A file or folder that the system cannot open just now: here by a link that names itself.
#[test]
fn what_cannot_be_read_just_now_is_not_taken_for_broken() {
    let mut place = place();
    place.write("folder/file", "content");
    let first = place.snapshot();
    place.write("folder/file", "other content");
    let second = place.record(Some(&first)).snapshot;
    let id = second.to_string();
    let mut paths = vec![place.dir.join(JOURNAL)];
    for name in ["HEAD", "config", "objects", "objects/pack", "objects/ab", "refs", REFERENCES] {
        paths.push(place.repository().join(name));
    }
    paths.push(place.repository().join(REFERENCES).join(&id));
    let pack = object(&place, &id);
    paths.extend([pack.with_extension("idx"), pack]);
    place.close();
    fs::create_dir(place.repository().join("objects/ab")).unwrap();
    let aside = place.dir.join("elsewhere");
    for path in paths {
        let broken = path.display().to_string();
        // The references are looked at when there is no journal.
        let is_reference = path.starts_with(place.repository().join(REFERENCES));
        let journal = fs::read(place.dir.join(JOURNAL)).unwrap();
        if is_reference {
            fs::remove_file(place.dir.join(JOURNAL)).unwrap();
        }
        fs::rename(&path, &aside).unwrap();
        std::os::unix::fs::symlink(&path, &path).unwrap();
        let error = History::open(&place.dir).map(|opened| opened.notice);
        assert!(error.is_err(), "{broken}: {error:?}");
        assert!(!place.dir.join("repository.broken-1").exists(), "{broken}");
        fs::remove_file(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
        if is_reference {
            fs::write(place.dir.join(JOURNAL), journal).unwrap();
        }
        assert_eq!(place.reopen(), None, "{broken}");
        for (id, content) in [(&first, "content"), (&second, "other content")] {
            assert_eq!(place.history.read(id, "folder/file", 99).unwrap().unwrap(), content.as_bytes());
        }
        place.close();
    }
}

#[test]
fn a_moving_aside_that_is_cut_keeps_the_journal() {
    let mut place = place();
    place.write("file", "content");
    place.snapshot();
    place.close();
    fs::remove_dir_all(place.repository().join("objects")).unwrap();
    let journal = fs::read(place.dir.join(JOURNAL)).unwrap();
    let moved = std::sync::Mutex::new(0);
    let moved = Arc::new(moved);
    let hook = move |step, path: &Path| {
        let aside = path.to_string_lossy().contains(".broken-");
        if step == okcvm_objects::testing::DiskStep::Rename && aside {
            let mut moved = moved.lock().unwrap();
            *moved += 1;
            if *moved == 2 {
                return Err(io::Error::other("cut"));
            }
        }
        Ok(())
    };
    let disk = Arc::new(okcvm_objects::testing::HookedDisk(hook)) as Arc<dyn Disk>;
    History::open_on(&place.dir, &disk).unwrap_err();
    assert!(place.reopen().is_some());
    assert_eq!(fs::read(place.dir.join("journal.broken-1")).unwrap(), journal);
    assert!(place.dir.join("repository.broken-1").exists());
    assert_eq!(place.reopen(), None);
}
