//! Rows of snapshots.

use std::path::PathBuf;
use std::time::Duration;

use okcvm_snapshots::History;

use super::place::{INFO, Place};
use super::{BENCH, limit, shown};
use crate::measure::{Begun, Cost, Medians, rounds, timed};
use crate::row::{Bar, Figures, Row};
use crate::{Outcome, Plan};

/// A kind of snapshot and its bars.
struct Kind {
    files: usize,
    changed: usize,
    mode: Mode,
    against_git: f64,
    /// None where there is no limit to speak of.
    against_limit: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// As the program runs: the watch tells what changed.
    Watched,
    /// No watch: everything is looked at.
    Scan,
    /// Nothing was recorded before.
    First,
}

const KINDS: [Kind; 12] = [
    Kind { files: 10_000, changed: 1, mode: Mode::Watched, against_git: 40.0, against_limit: Some(3.0) },
    Kind { files: 10_000, changed: 0, mode: Mode::Scan, against_git: 3.0, against_limit: Some(1.3) },
    Kind { files: 10_000, changed: 1, mode: Mode::Scan, against_git: 3.0, against_limit: Some(1.3) },
    Kind { files: 10_000, changed: 10_000, mode: Mode::Watched, against_git: 4.0, against_limit: Some(1.5) },
    Kind { files: 10_000, changed: 10_000, mode: Mode::First, against_git: 4.0, against_limit: Some(1.5) },
    Kind { files: 100_000, changed: 1, mode: Mode::Watched, against_git: 200.0, against_limit: Some(4.0) },
    Kind { files: 100_000, changed: 100, mode: Mode::Watched, against_git: 30.0, against_limit: Some(3.0) },
    Kind { files: 100_000, changed: 0, mode: Mode::Watched, against_git: 300.0, against_limit: None },
    Kind { files: 100_000, changed: 0, mode: Mode::Scan, against_git: 2.5, against_limit: Some(1.3) },
    Kind { files: 100_000, changed: 1, mode: Mode::Scan, against_git: 2.5, against_limit: Some(1.3) },
    Kind {
        files: 100_000,
        changed: 100_000,
        mode: Mode::Watched,
        against_git: 4.0,
        against_limit: Some(1.5),
    },
    Kind { files: 100_000, changed: 100_000, mode: Mode::First, against_git: 4.0, against_limit: Some(1.5) },
];

impl Kind {
    fn name(&self) -> String {
        let files = shown(self.files);
        match (self.mode, self.changed) {
            (Mode::First, _) => format!("first snapshot of {files}"),
            (Mode::Watched, 0) => format!("snapshot, nothing of {files} changed, watched"),
            (Mode::Watched, all) if all == self.files => format!("snapshot, all {files} changed, watch on"),
            (Mode::Watched, some) => format!("snapshot, {some} of {files} changed, watched"),
            (Mode::Scan, some) => format!("snapshot, {some} of {files} changed, scan"),
        }
    }

    fn names(&self) -> [String; 3] {
        let name = self.name();
        [format!("{name}: git"), format!("{name}: limit"), format!("{name}: bytes written")]
    }

    fn is_wanted(&self, plan: &Plan) -> bool {
        let names = self.names();
        plan.allows(self.files) && plan.wants(&names.each_ref().map(String::as_str))
    }
}

const LIKE_THOUSAND: &str = "snapshot, 1 of 100,000 changed, watched: beside 1 of 1,000";

pub(super) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let like_thousand = plan.allows(100_000) && plan.wants(&[LIKE_THOUSAND]);
    for files in [10_000, 100_000] {
        let kinds: Vec<&Kind> =
            KINDS.iter().filter(|kind| kind.files == files && kind.is_wanted(plan)).collect();
        if kinds.is_empty() && !(like_thousand && files == 100_000) {
            continue;
        }
        let mut place = Place::new(files)?;
        if like_thousand && files == 100_000 {
            tell(beside_a_thousand(&mut place)?);
        }
        for kind in kinds {
            measured(&mut place, kind, tell)?;
        }
    }
    Ok(())
}

fn row(name: String, ours: Cost, other: Cost, bar: Bar) -> Row {
    Row { bench: BENCH, name, figures: Figures::Times { ours, other: Some(other) }, bar }
}

fn measured(place: &mut Place, kind: &Kind, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let before = place.written()?;
    let medians = match kind.mode {
        Mode::First => first(place)?,
        Mode::Watched => next(place, kind)?,
        Mode::Scan => {
            place.detach();
            let medians = next(place, kind)?;
            place.attach()?;
            medians
        }
    };
    let [git, limit, written] = kind.names();
    let remark = medians.remark();
    let (ours, other) = (medians.costs[0], medians.costs[1]);
    tell(row(git + &remark, ours, other, Bar::FasterBy(kind.against_git)));
    if let Some(bar) = kind.against_limit {
        tell(row(limit + &remark, ours, medians.costs[2], Bar::AtMostTimes(bar)));
    }
    if kind.mode == Mode::Watched && kind.changed == 0 {
        let after = place.written()?;
        let bytes = after.iter().filter(|(path, found)| before.get(*path) != Some(found));
        let ours = bytes.map(|(_, (size, _))| size).sum();
        let figures = Figures::Bytes { ours, other: None };
        tell(Row { bench: BENCH, name: written, figures, bar: Bar::Bytes(0) });
    }
    Ok(())
}

fn next(place: &mut Place, kind: &Kind) -> Outcome<Medians> {
    let (root, out) = (place.work.clone(), place.folder().join("limit"));
    // A place of its own in the list of contents, so that no row writes what another one has written.
    let first_round = kind.changed * 10 + if kind.mode == Mode::Scan { 5_000 } else { 0 };
    let place = std::cell::RefCell::new(place);
    let changed: std::cell::RefCell<Vec<PathBuf>> = std::cell::RefCell::default();
    let medians = rounds(
        |round| {
            // What was just written is not trusted by anybody's stamps; a turn of a model takes longer.
            *changed.borrow_mut() = place.borrow_mut().change(kind.changed, first_round + round)?;
            Ok(())
        },
        vec![
            Box::new(|_| place.borrow_mut().record()),
            Box::new(|_| place.borrow().commit()),
            Box::new(|_| {
                limit::clear(&out)?;
                timed(|| {
                    if kind.mode == Mode::Scan || kind.changed == kind.files {
                        limit::walk(&root)?;
                    }
                    if kind.changed > 0 {
                        limit::store(&changed.borrow(), &out)?;
                    }
                    Ok(())
                })
            }),
        ],
    )?;
    Ok(medians)
}

fn first(place: &mut Place) -> Outcome<Medians> {
    let (ours, theirs, out) =
        (place.folder().join("first"), place.folder().join("first.git"), place.folder().join("limit"));
    let files: Vec<PathBuf> =
        (0..place.files).map(|index| place.work.join(crate::files::file(index))).collect();
    let (work, workspace) = (place.work.clone(), place.workspace.clone());
    rounds(
        |_| {
            for old in [&ours, &theirs] {
                if old.exists() {
                    std::fs::remove_dir_all(old)?;
                }
            }
            // The freeing of so many blocks would be in the way of whoever is first.
            rustix::fs::sync();
            Ok(())
        },
        vec![
            Box::new(|_| {
                let begun = Begun::now();
                let history = History::open(&ours)?.history;
                history.record(&workspace, None, INFO)?;
                let wall = begun.wall();
                history.flush()?;
                Ok(begun.cost_after(wall))
            }),
            Box::new(|_| {
                timed(|| {
                    crate::files::git(&work, &theirs, &["init", "-q"])?;
                    crate::files::git(&work, &theirs, &["add", "-A"])?;
                    crate::files::git(&work, &theirs, &["commit", "-qm", "first", "--allow-empty"])
                })
            }),
            Box::new(|_| {
                limit::clear(&out)?;
                timed(|| {
                    limit::walk(&work)?;
                    limit::store(&files, &out)
                })
            }),
        ],
    )
}

/// The cost follows the change, not the size.
fn beside_a_thousand(place: &mut Place) -> Outcome<Row> {
    let mut small = Place::new(1_000)?;
    let cell = std::cell::RefCell::new((place, &mut small));
    let medians = rounds(
        |round| {
            let mut places = cell.borrow_mut();
            places.0.change(1, 900 + round)?;
            places.1.change(1, 900 + round)?;
            // Neither pays for the disk of the other.
            std::thread::sleep(Duration::from_millis(50));
            Ok(())
        },
        vec![Box::new(|_| cell.borrow_mut().0.record()), Box::new(|_| cell.borrow_mut().1.record())],
    )?;
    Ok(row(LIKE_THOUSAND.to_owned(), medians.costs[0], medians.costs[1], Bar::AtMostTimes(3.0)))
}
