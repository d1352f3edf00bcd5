use super::*;

/// One thing that a person or a tool might do. What cannot be done at the moment is left.
fn disturb(root: &Path, random: &mut Random) {
    let path = root.join(os(&random.path()));
    let content = format!("{:04}", random.below(10_000));
    let parent = path.parent().unwrap();
    match random.below(12) {
        0..=2 => {
            if fs::create_dir_all(parent).is_ok() {
                let _ = fs::write(&path, content);
            }
        }
        3 | 4 => {
            // The same size, and often the same time.
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
                let times = fs::metadata(&path).unwrap().modified().unwrap();
                fs::write(&path, content).unwrap();
                fs::File::options().write(true).open(&path).unwrap().set_modified(times).unwrap();
            }
        }
        5 => {
            let other = root.join(os(&random.path()));
            let _ = fs::create_dir_all(other.parent().unwrap());
            let _ = fs::rename(&path, other);
        }
        6 => {
            if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
                chmod(&path, [0o644, 0o755][random.below(2)]);
            }
        }
        7 => {
            let _ = fs::remove_file(&path);
            let _ = fs::create_dir_all(parent);
            let _ = symlink(["f", "..", "/etc", "nowhere"][random.below(4)], &path);
        }
        8 => drop(fs::remove_file(&path)),
        9 => {
            // A folder is replaced by a file, or goes.
            if parent != root && fs::symlink_metadata(parent).is_ok_and(|metadata| metadata.is_dir()) {
                fs::remove_dir_all(parent).unwrap();
                if random.below(2) == 0 {
                    fs::write(parent, content).unwrap();
                }
            }
        }
        10 => drop(fs::create_dir_all(&path)),
        _ => {
            let left_out = parent.join("node_modules");
            let _ = fs::create_dir_all(&left_out);
            let _ = fs::write(left_out.join("installed"), content);
        }
    }
}

/// The tree as snapshots see it, and what they leave out.
fn parted(tree: Tree) -> (Tree, Tree) {
    tree.into_iter()
        .partition(|(path, _)| !path.split(|byte| *byte == b'/').any(|part| part == b"node_modules"))
}

/// Three hundred rounds: a few random changes, a record, then a restore to a random earlier moment. The
/// whole tree has to be what it was then, byte for byte, and what was left out has to be as it is now.
#[test]
fn any_history_can_be_walked_in_any_order() {
    let place = quick_place();
    let mut random = Random(0x0BAD_5EED_CAFE_F00D);
    let mut moments: Vec<(SnapshotId, Tree)> = Vec::new();
    let mut tip: Option<SnapshotId> = None;
    let (mut restored, mut refusals) = (0, 0);
    for round in 0..300 {
        for _ in 0..random.below(7) {
            disturb(&place.root, &mut random);
        }
        let recorded = place.record(tip.as_ref());
        let (present, left_out) = parted(place.tree());
        let earlier = &tip;
        if let Some(earlier) = earlier {
            let (_, then) = moments.iter().find(|(id, _)| id == earlier).unwrap();
            let others_left_out = place.history.skipped(earlier).unwrap() != recorded.skipped;
            assert_eq!(recorded.changed, *then != present || others_left_out, "round {round}");
        }
        let snapshot = recorded.snapshot;
        moments.push((snapshot.clone(), present));
        let (target, then) = moments[random.below(moments.len())].clone();
        match place.history.restore(&place.workspace, &snapshot, &target, &RestoreWhat::All) {
            Ok(_) => {
                let (mut now, left_out_now) = parted(place.tree());
                assert_eq!(left_out_now, left_out, "round {round}: what no snapshot holds was touched");
                // A folder that the target does not have stays if something that was left out lies in it.
                now.retain(|path, node| {
                    let prefix = [path.as_slice(), b"/"].concat();
                    *node != Node::Folder
                        || then.contains_key(path)
                        || !left_out.keys().any(|left| left.starts_with(&prefix))
                });
                assert_eq!(now, then, "round {round}");
                restored += 1;
                // Folders that stayed make the present differ from the target.
                tip = Some(place.record(Some(&target)).snapshot);
                let (now, _) = parted(place.tree());
                moments.push((tip.clone().unwrap(), now));
            }
            Err(SnapshotError::Changed { paths, stage: RestoreStage::Before }) => {
                assert!(paths.iter().all(|path| path.ends_with("node_modules")), "round {round}: {paths:?}");
                let (now, left_out_now) = parted(place.tree());
                assert_eq!((&now, &left_out_now), (&moments.last().unwrap().1, &left_out), "round {round}");
                refusals += 1;
                tip = Some(snapshot);
            }
            Err(other) => panic!("round {round}: {other:?}"),
        }
        if round % 100 == 99 {
            place.fsck();
        }
    }
    assert!(restored > 200 && refusals > 0, "{restored} restored, {refusals} refused");
    let (last, _) = moments.last().unwrap();
    assert!(!words(&place.history.diff(Some(&moments[0].0), last).unwrap()).is_empty());
}
