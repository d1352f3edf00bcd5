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
    if notice.is_some() {
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
    } else {
        assert!(!aside.exists());
        assert_eq!(place.history.diff(Some(&first), &second).unwrap().len(), 1);
    }
    assert_eq!(place.reopen(), None);
    notice
}

#[test]
fn a_sound_history_is_left_alone() {
    assert_eq!(open_damaged(|_, _| ()), None);
}

#[test]
fn a_broken_history_is_moved_aside_and_said() {
    let reason = |damage: fn(&Place, &SnapshotId)| {
        let notice = open_damaged(damage).expect("the damage was not noticed");
        assert!(notice.contains("`repository.broken-1`"), "{notice}");
        let reason = notice.split_once('(').unwrap().1;
        reason.split_once("). ").unwrap().0.to_owned()
    };
    assert_eq!(
        reason(|place, _| overwrite(&place.repository().join("HEAD"), b"")),
        "its HEAD is not readable"
    );
    assert_eq!(
        reason(|place, _| fs::remove_file(place.repository().join("HEAD")).unwrap()),
        "its HEAD cannot be read"
    );
    assert_eq!(
        reason(|place, _| overwrite(&place.repository().join("config"), b"[core\0")),
        "its configuration is not readable"
    );
    assert_eq!(
        reason(|place, _| fs::remove_dir_all(place.repository().join("refs")).unwrap()),
        "a folder of it is missing"
    );
    // A crash of the machine leaves empty objects.
    assert!(
        reason(|place, second| overwrite(&object(place, second.as_str()), b"")).starts_with("the snapshot ")
    );
    assert!(
        reason(|place, second| {
            let root = place.git(&["rev-parse", &format!("{second}^{{tree}}")]);
            fs::remove_file(object(place, root.trim())).unwrap();
        })
        .starts_with("the snapshot ")
    );
    assert!(
        reason(|place, second| {
            let folder = place.git(&["rev-parse", &format!("{second}:folder")]);
            overwrite(&object(place, folder.trim()), b"");
        })
        .contains(" cannot be read")
    );
    assert!(
        reason(|place, second| {
            let file = place.git(&["rev-parse", &format!("{second}:folder/file")]);
            overwrite(&object(place, file.trim()), b"");
        })
        .contains(" cannot be read")
    );
    assert!(
        reason(|place, second| {
            overwrite(&place.repository().join(REFERENCES).join(second.as_str()), b"nonsense");
            fs::remove_file(object(place, second.as_str())).unwrap();
        })
        .starts_with("the snapshot ")
    );
}

#[test]
fn what_can_be_healed_is_healed() {
    assert_eq!(
        open_damaged(|place, second| {
            overwrite(&place.repository().join(REFERENCES).join(second.as_str()), b"");
        }),
        None
    );
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
        .contains("the file content ")
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
        fs::remove_file(place.repository().join("HEAD")).unwrap();
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
    overwrite(&place.repository().join("HEAD"), b"");
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
