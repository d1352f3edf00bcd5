//! Rows of looking at what was recorded.

use std::time::Duration;

use okcvm_snapshots::PageRequest;

use super::place::Place;
use super::{BENCH, shown};
use crate::measure::{rounds, timed};
use crate::row::{Bar, Figures, Row};
use crate::{Outcome, Plan};

const SNAPSHOTS: usize = 10_000;
const DIFFERENT: usize = 6_000;
const PAGE: usize = 50;

pub(super) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let name = format!("page of {PAGE} among {} snapshots", shown(SNAPSHOTS));
    if plan.wants(&[&name]) {
        page(name, tell)?;
    }
    let name = format!("diff of {} paths of 10,000", shown(DIFFERENT));
    if plan.wants(&[&name]) {
        diff(name, tell)?;
    }
    Ok(())
}

fn page(name: String, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let mut place = Place::new(100)?;
    let mut middle = place.head.clone();
    for round in 0..SNAPSHOTS {
        place.change(1, round)?;
        place.record_only()?;
        if round == SNAPSHOTS / 2 {
            middle = place.head.clone();
        }
    }
    place.history.flush()?;
    let medians = rounds(
        |_| Ok(()),
        vec![Box::new(|round| {
            // The newest ones, and some from the middle.
            let before = (round % 2 == 1).then(|| middle.clone());
            let mut found = 0;
            let cost = timed(|| {
                found = place.history.page(&PageRequest { before, count: PAGE })?.len();
                Ok(())
            })?;
            if found == PAGE { Ok(cost) } else { Err(format!("a page of {found}").into()) }
        })],
    )?;
    let figures = Figures::Times { ours: medians.costs[0], other: None };
    tell(Row { bench: BENCH, name, figures, bar: Bar::Within(Duration::from_millis(1)) });
    Ok(())
}

fn diff(name: String, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let mut place = Place::new(10_000)?;
    let before = place.head.clone();
    place.change(DIFFERENT, 1)?;
    place.record()?;
    place.commit()?;
    let medians = rounds(
        |_| Ok(()),
        vec![
            Box::new(|_| {
                let mut found = 0;
                let cost = timed(|| {
                    found = place.history.diff(Some(&before), &place.head)?.len();
                    Ok(())
                })?;
                if found == DIFFERENT { Ok(cost) } else { Err(format!("a diff of {found}").into()) }
            }),
            Box::new(|_| timed(|| place.git(&["diff", "--name-status", "-M", "HEAD~1", "HEAD"]))),
        ],
    )?;
    let figures = Figures::Times { ours: medians.costs[0], other: Some(medians.costs[1]) };
    tell(Row { bench: BENCH, name, figures, bar: Bar::Within(Duration::from_millis(30)) });
    Ok(())
}
