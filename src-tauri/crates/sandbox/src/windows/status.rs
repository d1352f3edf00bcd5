//! What holds on Windows and what does not, for people.

use okcvm_protocol::{Check, CheckStatus, SandboxStatus};

use super::job_limits::Closed;

fn layer(name: &str, status: CheckStatus, message: impl Into<String>) -> Check {
    Check { name: name.to_owned(), status, message: message.into(), hint: None }
}

/// The layers of a boundary that was tried a moment ago; `refusal` says why a stronger one was not taken.
pub(super) fn held(closed: Closed, refusal: Option<&str>) -> SandboxStatus {
    let mut layers = vec![
        Check {
            hint: Some("Tell us what works and what does not.".to_owned()),
            ..layer(
                "Experience",
                CheckStatus::Warning,
                "We have not run this boundary on Windows; its calls ran under Wine alone. At this start it was tried on this machine: a command could \
                 not write what it must not. What no such trial shows is known from reading alone.",
            )
        },
        layer(
            "Job object",
            CheckStatus::Ok,
            "All processes of a command end with it, also if the app is killed; memory, processor time and the number of \
             processes are limited, and windows and clipboard of other programs are out of reach.",
        ),
        layer(
            "Token",
            CheckStatus::Ok,
            "No privileges, no administrator's rights, the lowest level of integrity: writing only in the workspace and \
             in private temporary folders. To that end the workspace gets an entry in its list of access and a label, \
             which stay.",
        ),
    ];
    layers.push(match (closed, refusal) {
        (Closed::ReadingAndWriting, _) => layer(
            "Reading",
            CheckStatus::Warning,
            "What only you may read, such as your home folder, is closed. Commands see the real paths of this machine and \
             read what every user of it may, other drives and folders included.",
        ),
        (Closed::Writing, refusal) => Check {
            hint: Some("Give commands nothing to do that must not see your files.".to_owned()),
            ..layer(
                "Reading",
                CheckStatus::Failed,
                format!(
                    "Not held: commands read every file that you may read. The stronger token was not taken: {}.",
                    refusal.unwrap_or("it was not tried")
                ),
            )
        },
    });
    layers.push(Check {
        hint: Some("Stay in the mode that asks: it asks before every command here.".to_owned()),
        ..layer(
            "Network",
            CheckStatus::Failed,
            "Not held, whatever a session allows: neither a job nor a token closes the network, and nobody is recorded. \
             Every command counts as one that sends. An AppContainer would close it, and is not written yet.",
        )
    });
    layers.push(layer(
        "Repositories",
        CheckStatus::Warning,
        "Hooks and settings of git repositories in the workspace are not protected: what a command writes there, git runs \
         later outside of the boundary.",
    ));
    layers.push(layer(
        "Shell",
        CheckStatus::Warning,
        "Commands are given to cmd.exe. Programs that stay, such as Python kernels and browsers for slides, are not run.",
    ));
    let mode = match closed {
        Closed::ReadingAndWriting => {
            "Job object and restricted token, not run on Windows by us; no network boundary."
        }
        Closed::Writing => {
            "Job object and a token that restricts writing, not run on Windows by us; reading and network are open."
        }
    };
    SandboxStatus { available: true, mode: mode.to_owned(), layers }
}

/// Why nothing holds: of the stronger token first.
pub(super) fn refused(reasons: &[String]) -> SandboxStatus {
    let layers = ["Token for reading and writing", "Token for writing"]
        .iter()
        .zip(reasons)
        .map(|(name, reason)| layer(name, CheckStatus::Failed, format!("Not available: {reason}.")))
        .collect();
    SandboxStatus { available: false, mode: "None: commands do not run.".to_owned(), layers }
}
