//! The history beside what the command line of git does to the same files (`git add -A && git commit --allow-empty`,
//! `git reset --hard && git clean -fd`, each with a git folder of its own outside of the files), and beside the limit:
//! the system calls and the arithmetic that no way to do it can leave out.
//!
//! Ours runs as the program runs it: the watch is on, a cookie is awaited, the rules of what is left out are looked at,
//! the objects are hashed with collision detection, and the disk is synced in the background. Nobody waits for that, so
//! it is not in the wall time; its processor time is, and so is that of the watch while the files are being changed.

mod disk;
mod held_up;
mod huge;
mod limit;
mod looking;
mod place;
mod record;
mod restore;

use crate::row::Row;
use crate::{Outcome, Plan};

pub(crate) use huge::record_and_tell_peak;

const BENCH: &str = "snapshots";

pub(crate) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    record::rows(plan, tell)?;
    restore::rows(plan, tell)?;
    huge::rows(plan, tell)?;
    looking::rows(plan, tell)?;
    disk::rows(plan, tell)?;
    held_up::rows(plan, tell)
}

/// A number as people write it.
fn shown(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
