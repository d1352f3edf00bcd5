//! Rows of restores: ours records the present first and has that on the disk before it touches a file; git does not.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use super::place::Place;
use super::{BENCH, limit, shown};
use crate::files::{file, text};
use crate::measure::{Begun, Cost, Medians, rounds, timed};
use crate::row::{Bar, Figures, Row};
use crate::{Outcome, Plan};

/// Between the last change of a file and the restore. The stamp of a file that was written in the same moment is trusted
/// by neither side; nobody restores that fast.
const SINCE_CHANGED: Duration = Duration::from_millis(50);

struct Kind {
    files: usize,
    differ: usize,
    cpu: Option<f64>,
    wall: f64,
    against_limit: f64,
}

const KINDS: [Kind; 3] = [
    Kind { files: 10_000, differ: 10_000, cpu: None, wall: 2.0, against_limit: 2.0 },
    Kind { files: 100_000, differ: 1, cpu: Some(100.0), wall: 15.0, against_limit: 3.0 },
    Kind { files: 100_000, differ: 100, cpu: Some(15.0), wall: 8.0, against_limit: 3.0 },
];

impl Kind {
    fn names(&self) -> [String; 3] {
        let differ = if self.differ == self.files { "all".to_owned() } else { shown(self.differ) };
        let name = format!("restore, {differ} of {} differ, watched", shown(self.files));
        [format!("{name}: git, CPU"), format!("{name}: git, wall"), format!("{name}: limit")]
    }
}

pub(super) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    for files in [10_000, 100_000] {
        let wanted = |kind: &&Kind| {
            let names = kind.names();
            kind.files == files && plan.allows(files) && plan.wants(&names.each_ref().map(String::as_str))
        };
        let kinds: Vec<&Kind> = KINDS.iter().filter(wanted).collect();
        if kinds.is_empty() {
            continue;
        }
        let mut place = Place::new(files)?;
        for kind in kinds {
            let medians = measured(&mut place, kind.differ)?;
            let remark = medians.remark();
            let [cpu, wall, limit] = kind.names();
            let row = |name: String, other: usize, bar| Row {
                bench: BENCH,
                name: name + &remark,
                figures: Figures::Times { ours: medians.costs[0], other: Some(medians.costs[other]) },
                bar,
            };
            if let Some(bar) = kind.cpu {
                tell(row(cpu, 1, Bar::LessWorkBy(bar)));
            }
            tell(row(wall, 1, Bar::FasterBy(kind.wall)));
            tell(row(limit, 2, Bar::AtMostTimes(kind.against_limit)));
        }
    }
    Ok(())
}

fn measured(place: &mut Place, differ: usize) -> Outcome<Medians> {
    place.git(&["add", "-A"])?;
    let base = place.head.clone();
    let out = place.folder().join("limit");
    let place = RefCell::new(place);
    let index = |step: usize, round: usize, files: usize| (step * files / differ + round) % files;
    let first_round = 500_000 + differ;
    rounds(
        |_| {
            // All sides begin with the files as they were at first, and know it.
            let mut place = place.borrow_mut();
            place.record()?;
            place.git(&["add", "-A"])
        },
        vec![
            Box::new(|round| {
                let mut place = place.borrow_mut();
                place.change(differ, first_round + round)?;
                std::thread::sleep(SINCE_CHANGED);
                place.restored(&base)
            }),
            Box::new(|round| {
                let mut place = place.borrow_mut();
                place.change(differ, first_round + round)?;
                std::thread::sleep(SINCE_CHANGED);
                place.reset("HEAD")
            }),
            Box::new(|round| {
                let mut place = place.borrow_mut();
                let changed = place.change(differ, first_round + round)?;
                let files = place.files;
                let step = |step: usize| {
                    let index = index(step, first_round + round, files);
                    (place.work.join(file(index)), text(index, usize::MAX).into_bytes())
                };
                let contents: Vec<(PathBuf, Vec<u8>)> = (0..differ).map(step).collect();
                limit::clear(&out)?;
                let cost = timed(|| {
                    limit::store_synced(&changed, &out)?;
                    limit::replace(&contents)
                })?;
                place.reset("HEAD")?;
                Ok(cost)
            }),
        ],
    )
}

impl Place {
    /// Records the present and makes the files what they were, which has the present on the disk before it moves any.
    fn restored(&mut self, to: &okcvm_protocol::SnapshotId) -> Outcome<Cost> {
        let begun = Begun::now();
        let watch_before = self.watch_cpu();
        self.record_only()?;
        let from = self.head.clone();
        self.history.restore(&self.workspace, &from, to, &okcvm_snapshots::RestoreWhat::All)?;
        let wall = begun.wall();
        self.history.flush()?;
        let mut cost = begun.cost_after(wall);
        cost.cpu += watch_before;
        self.head = to.clone();
        Ok(cost)
    }
}
