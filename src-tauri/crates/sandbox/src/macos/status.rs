//! What holds on macOS and what does not, for people.

use okcvm_protocol::{Check, CheckStatus, SandboxStatus};

use crate::Tier;
use crate::policy::Walls;

fn layer(name: &str, status: CheckStatus, message: &str) -> Check {
    Check { name: name.to_owned(), status, message: message.to_owned(), hint: None }
}

/// The layers of a boundary that was tried a moment ago.
pub(crate) fn held(_tier: Tier, _walls: &Walls, _refusal: Option<&(Tier, String)>) -> SandboxStatus {
    let layers = vec![
        Check {
            hint: Some("Tell us what works and what does not.".to_owned()),
            ..layer(
                "Experience",
                CheckStatus::Warning,
                "We have not run this boundary on macOS. At this start it was tried on this machine: a command could not \
                 read, write or reach what it must not. What no such trial shows is known from reading alone.",
            )
        },
        layer(
            "Seatbelt",
            CheckStatus::Ok,
            "A profile for each command: reading of system folders and the workspace, writing only in the workspace and \
             in private temporary folders, nothing else of the home folder.",
        ),
        layer(
            "Real paths",
            CheckStatus::Warning,
            "Commands see the real paths of this machine, can ask for sizes and times of files outside, and can list \
             processes.",
        ),
        layer(
            "Network",
            CheckStatus::Ok,
            "None, loopback included, unless a session allows hosts; then through the app's proxy alone. That proxy \
             listens on this machine's own loopback, so other programs of this machine can use it while the command runs.",
        ),
        layer(
            "Repositories",
            CheckStatus::Ok,
            "Hooks and settings of git repositories that are there when a command or a Python kernel starts are read-only \
             to it, but to a command not those that an earlier one made and that hold nothing for git to run. Hooks, and \
             settings that may run a program, that come into these, or into those that are made while a command or a cell \
             runs, are put aside when it has ended; until then git may run them. What code of a kernel leaves between \
             cells is told by the next one and stays.",
        ),
        layer(
            "Ending",
            CheckStatus::Warning,
            "The helper finds the processes of a command by parent, session and group and ends them with it, also if the \
             app is killed. One that leaves both within a tenth of a second can be missed. If app and helper are killed, \
             the next start finds what is left by a mark, which the system hides for its own programs.",
        ),
        layer(
            "Limits",
            CheckStatus::Warning,
            "File size, open files and processor time of a process are limited by the system. Memory and the number of \
             processes are only looked at: a command with too much is found and ended a moment later.",
        ),
    ];
    SandboxStatus {
        available: true,
        mode: "Seatbelt: a profile for each command, not run on macOS by us.".to_owned(),
        layers,
    }
}

/// The layer that did not hold.
pub(crate) fn refused((_, reason): &(Tier, String), status: CheckStatus) -> Check {
    Check {
        name: "Seatbelt".to_owned(),
        status,
        message: format!("Not available: {reason}."),
        hint: Some(
            "It needs /usr/bin/sandbox-exec, and a program that is not in a sandbox itself.".to_owned(),
        ),
    }
}
