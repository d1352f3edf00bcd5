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
mod status;
mod system_calls;

pub(crate) use guard::helper_main;
pub(crate) use status::{held, refused};

use crate::helper::{Private, Reporter};
use crate::policy::Policy;
use crate::repositories::Repositories;

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
    /// Held in place in the full tier; in the reduced one, that what comes is told from what was there.
    repositories: Repositories,
}
