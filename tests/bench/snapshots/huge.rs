//! One new file of 500 MB that does not compress.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use okcvm_snapshots::History;
use okcvm_workspace::Workspace;

use super::place::{INFO, Place};
use super::{BENCH, limit};
use crate::measure::rounds;
use crate::row::{Bar, Figures, Row};
use crate::{Outcome, Plan};

const SIZE: usize = 500_000_000;
const CAP: u64 = 1_000_000_000;

const AGAINST_GIT: &str = "one new file of 500 MB, watched: git";
const AGAINST_LIMIT: &str = "one new file of 500 MB, watched: limit";
const MEMORY: &str = "one new file of 500 MB: peak of memory, in a process of its own";

pub(super) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    if plan.wants(&[AGAINST_GIT, AGAINST_LIMIT]) {
        times(tell)?;
    }
    if plan.wants(&[MEMORY]) {
        memory(tell)?;
    }
    Ok(())
}

fn times(tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let mut place = Place::new(1_000)?;
    place.history.set_max_file_bytes(CAP);
    let (big, out) = (place.work.join("big.bin"), place.folder().join("limit"));
    let place = RefCell::new(&mut place);
    let medians = rounds(
        |round| {
            place.borrow_mut().change(0, round)?;
            write_random(&big, round as u64)
        },
        vec![
            Box::new(|_| place.borrow_mut().record()),
            Box::new(|_| place.borrow().commit()),
            Box::new(|_| {
                limit::clear(&out)?;
                crate::measure::timed(|| limit::copy(&big, &out))
            }),
        ],
    )?;
    let remark = medians.remark();
    for (name, other, bar) in
        [(AGAINST_GIT, 1, Bar::FasterBy(10.0)), (AGAINST_LIMIT, 2, Bar::AtMostTimes(1.5))]
    {
        let figures = Figures::Times { ours: medians.costs[0], other: Some(medians.costs[other]) };
        tell(Row { bench: BENCH, name: format!("{name}{remark}"), figures, bar });
    }
    Ok(())
}

fn memory(tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let work = folder.path().join("work");
    std::fs::create_dir(&work)?;
    write_random(&work.join("big.bin"), 99)?;
    let program = std::env::current_exe()?;
    let told =
        Command::new(program).arg("--peak-memory").args([&work, &folder.path().join("history")]).output()?;
    let text = String::from_utf8_lossy(&told.stdout);
    let kilobytes: u64 = text.trim().parse().map_err(|_| format!("the other process failed: {told:?}"))?;
    let figures = Figures::Bytes { ours: kilobytes * 1024, other: None };
    tell(Row { bench: BENCH, name: MEMORY.to_owned(), figures, bar: Bar::Bytes(64_000_000) });
    Ok(())
}

/// Records a workspace and prints the most memory that this process ever had, in units of 1,024 bytes.
#[allow(clippy::print_stdout, reason = "the parent reads it")]
pub(crate) fn record_and_tell_peak(workspace: &Path, history: &Path) -> Outcome<()> {
    let workspace = Workspace::open(workspace)?;
    let history = History::open(history)?.history;
    history.set_max_file_bytes(CAP);
    history.record(&workspace, None, INFO)?;
    history.flush()?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    println!("{}", peak.trim().trim_end_matches(" kB"));
    Ok(())
}

fn write_random(path: &Path, seed: u64) -> Outcome<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut file = File::create(path)?;
    let mut block = vec![0; 1_000_000];
    for _ in 0..SIZE / block.len() {
        random.fill(&mut block);
        file.write_all(&block)?;
    }
    // What is still on its way to the disk would be in the way of whoever is first.
    file.sync_all()?;
    Ok(())
}
