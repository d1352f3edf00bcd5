//! The space that a long history takes.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use okcvm_snapshots::Cancel;

use super::{BENCH, place::Place};
use crate::row::{Bar, Figures, Row};
use crate::{Outcome, Plan};

const SNAPSHOTS: usize = 1_000;
const EDITS: usize = 10;

const BEFORE: &str = "disk, 1,000 snapshots of 10 edits in 10,000 files: loose objects";
const AFTER: &str = "disk, the same after packing: loose objects";

pub(super) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    if !plan.wants(&[BEFORE, AFTER]) {
        return Ok(());
    }
    let mut place = Place::new(10_000)?;
    for round in 0..SNAPSHOTS {
        place.change(EDITS, 10_000 + round)?;
        place.record_only()?;
    }
    place.history.flush()?;
    let history = place.folder().join("history");
    let before = space(&history)?;
    let loose = place.folder().join("loose.git");
    unpack(&history.join("repository.git/objects/pack"), &loose)?;
    let other = Some(space(&loose)?);
    tell(Row {
        bench: BENCH,
        name: BEFORE.to_owned(),
        figures: Figures::Bytes { ours: before, other },
        bar: Bar::AtMostTimes(0.3),
    });
    place.history.pack(&Cancel::default())?;
    let ours = space(&history)?;
    let figures = Figures::Bytes { ours, other };
    tell(Row { bench: BENCH, name: AFTER.to_owned(), figures, bar: Bar::AtMostTimes(0.17) });
    Ok(())
}

/// What a folder takes of the disk.
fn space(folder: &Path) -> Outcome<u64> {
    let mut blocks = 0;
    let mut ahead = vec![folder.to_owned()];
    while let Some(path) = ahead.pop() {
        let metadata = path.symlink_metadata()?;
        blocks += metadata.blocks();
        if metadata.is_dir() {
            for entry in std::fs::read_dir(path)? {
                ahead.push(entry?.path());
            }
        }
    }
    Ok(blocks * 512)
}

/// The same objects as git writes them: each in a file of its own.
fn unpack(packs: &Path, to: &Path) -> Outcome<()> {
    let made = Command::new("git").args(["init", "-q", "--bare"]).arg(to).status()?;
    if !made.success() {
        return Err("git init failed".into());
    }
    for entry in std::fs::read_dir(packs)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "pack") {
            continue;
        }
        let unpacked = Command::new("git")
            .arg("--git-dir")
            .arg(to)
            .args(["unpack-objects", "-q"])
            .stdin(File::open(&path)?)
            .status()?;
        if !unpacked.success() {
            return Err(format!("git could not unpack {}", path.display()).into());
        }
    }
    Ok(())
}
