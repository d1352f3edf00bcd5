//! The helper: three generations of one process, none of which executes anything but the shell.
//!
//! The *guard* (the executed helper) holds the lifeline to the caller. Its child, the *reaper*, is the first process of
//! a process namespace in the full tier, and a subreaper in the reduced one; it puts up the file tree, collects what
//! the shell left and ends it. Its child puts up the last walls around itself and becomes the *shell*. Guard and reaper
//! watch each other through a pipe, so that killing either ends everything.

mod descendants;
mod file_tree;
mod filter;
mod guard;
mod landlock_rules;
mod process;
mod reaper;
mod repositories;
mod shell;
mod system_calls;

pub(crate) use guard::{PRIVATE_PREFIX, helper_main, remove_tree};

use crate::policy::{Policy, Report};

/// Why a wall does not stand.
#[derive(Debug)]
struct SetUpError {
    step: String,
    message: String,
}

type SetUp<T> = Result<T, SetUpError>;

/// Names the step in which a system call failed.
trait Step<T> {
    fn step(self, step: &str) -> SetUp<T>;
}

impl<T, E: std::fmt::Display> Step<T> for Result<T, E> {
    fn step(self, step: &str) -> SetUp<T> {
        self.map_err(|error| SetUpError { step: step.to_owned(), message: error.to_string() })
    }
}

/// The helper's side of the reports. A line is far shorter than a pipe's atomic write.
#[derive(Debug)]
struct Reporter(std::fs::File);

impl Reporter {
    fn send(&self, report: &Report) {
        use std::io::Write;
        let Ok(mut line) = serde_json::to_vec(report) else { return };
        line.push(b'\n');
        // Nobody is left to be told if the caller is gone; the lifeline ends everything then.
        let _ = (&self.0).write_all(&line);
    }

    fn failed(&self, error: SetUpError) {
        self.send(&Report::Failed { step: error.step, message: error.message });
    }
}

/// Folders of the command that are not its workspace.
#[derive(Debug, Clone)]
struct Private {
    home: std::path::PathBuf,
    temporary: std::path::PathBuf,
}

impl Run {
    /// Where the program sees the folder that it may write besides its workspace.
    fn kept_inside(&self) -> Option<std::path::PathBuf> {
        let outside = self.policy.program.as_ref()?.kept_folder.clone()?;
        Some(match self.policy.tier {
            crate::Tier::Full => crate::KEPT_MOUNT.into(),
            crate::Tier::Reduced => outside,
        })
    }
}

/// What guard, reaper and shell share.
#[derive(Debug)]
struct Run {
    policy: Policy,
    reporter: Reporter,
    private: Private,
    /// Where the command sees its workspace.
    workspace_inside: std::path::PathBuf,
    /// None in the reduced tier, in which nothing can be held in place.
    repositories: repositories::Repositories,
}
