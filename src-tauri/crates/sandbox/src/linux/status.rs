//! What holds on Linux and what does not, for people.

use okcvm_protocol::{Check, CheckStatus, SandboxStatus};

use crate::control_group::ControlGroup;
use crate::policy::{ProcessLimit, Walls};
use crate::{Tier, WORKSPACE_MOUNT};

/// The first versions of Landlock in which signals out of the sandbox are stopped, and sockets of other programs.
const LANDLOCK_WITH_SIGNALS: i32 = 6;
const LANDLOCK_WITH_TRUNCATE: i32 = 3;
/// The first version in which it can be held which local sockets are spoken to.
const LANDLOCK_WITH_LOCAL_SOCKETS: i32 = 9;

pub(crate) fn held(tier: Tier, walls: &Walls, refusal: Option<&(Tier, String)>) -> SandboxStatus {
    let mut layers = Vec::new();
    match (tier, refusal) {
        (Tier::Full, _) => layers.push(ok(
            "Namespaces",
            format!(
                "Commands have processes, users, mounts, host name and network of their own, and see the workspace as \
                 {WORKSPACE_MOUNT}."
            ),
        )),
        (Tier::Reduced, Some(refusal)) => layers.push(refused(refusal, CheckStatus::Warning)),
        (Tier::Reduced, None) => layers.push(Check {
            name: "Namespaces".to_owned(),
            status: CheckStatus::Warning,
            message: format!(
                "Not used, as asked for. Commands see the workspace under its real path, {WORKSPACE_MOUNT} is not there."
            ),
            hint: None,
        }),
    }
    layers.push(landlock_check(tier, walls.landlock));
    layers.extend(local_sockets_check(tier, walls.landlock));
    layers.push(ok(
        "System calls",
        "Filtered: mounts, tracing, keys, kernel modules and others are refused.".to_owned(),
    ));
    layers.push(match tier {
        Tier::Full => ok(
            "Network",
            "None, loopback included, unless a session allows hosts; then through the app's proxy alone."
                .to_owned(),
        ),
        Tier::Reduced => ok("Network", "None, loopback included, whatever a session allows.".to_owned()),
    });
    layers.push(match tier {
        Tier::Full => ok(
            "Repositories",
            "Hooks and settings of git repositories that are there when a command or a Python kernel starts are read-only \
             to it, but to a command not those that an earlier one made and that hold nothing for git to run. Hooks, and \
             settings that may run a program, that come into these, or into those that are made while a command or a cell \
             runs, are put aside when it has ended; until then git may run them. What code of a kernel leaves between \
             cells is told by the next one and stays."
                .to_owned(),
        ),
        Tier::Reduced => Check {
            name: "Repositories".to_owned(),
            status: CheckStatus::Warning,
            message: "Hooks and settings of git repositories that are in the workspace already are not protected: what \
                      a command writes there, git runs later outside of the sandbox. Of those that come while it runs, \
                      they are put aside when it has ended."
                .to_owned(),
            hint: Some(
                "Allow user namespaces, or look at .git/hooks and .git/config before you use git in the folder."
                    .to_owned(),
            ),
        },
    });
    layers.push(match tier {
        Tier::Full => {
            ok("Ending", "All processes of a command end with it, also if the app is killed.".to_owned())
        }
        Tier::Reduced => ok(
            "Ending",
            "A reaper finds and ends all processes of a command, also if the app is killed; if the reaper is killed, \
             too, the next start of the app ends them."
                .to_owned(),
        ),
    });
    layers.push(match walls.process_limit {
        ProcessLimit::Bound => {
            ok("Process limit", "The number of processes of a command is limited.".to_owned())
        }
        ProcessLimit::Unbound => Check {
            name: "Process limit".to_owned(),
            status: CheckStatus::Warning,
            message: "The number of processes of a command is not limited by the kernel; a command with too many is \
                      found and ended a moment later."
                .to_owned(),
            hint: match tier {
                Tier::Full => {
                    Some("Run the app as an ordinary user, or with Linux 6.14 or later.".to_owned())
                }
                Tier::Reduced => Some("Allow user namespaces.".to_owned()),
            },
        },
    });
    layers.push(memory_check(ControlGroup::can_be_made()));
    let mode = match tier {
        Tier::Full => "Full: namespaces, Landlock and a system call filter.",
        Tier::Reduced => "Reduced: Landlock and a system call filter, without namespaces.",
    };
    SandboxStatus { available: true, mode: mode.to_owned(), layers }
}

fn memory_check(has_groups: bool) -> Check {
    if has_groups {
        return ok("Memory", "A control group of the kernel limits what a command has in all.".to_owned());
    }
    Check {
        name: "Memory".to_owned(),
        status: CheckStatus::Warning,
        message: "The kernel limits each process, but not all of a command together: these are looked at again and again, \
                  and a command with too much is ended a moment later. How much of the memory that the whole machine \
                  shares is filled by the command is an estimate."
            .to_owned(),
        hint: Some(
            "Start the app in a session of systemd that hands the memory controller to its users, as desktops do."
                .to_owned(),
        ),
    }
}

fn landlock_check(tier: Tier, version: i32) -> Check {
    let mut message =
        format!("Version {version}: writing only in the workspace and in private temporary folders.");
    let mut missing = Vec::new();
    if tier == Tier::Reduced {
        missing.push(
            "Sizes and times of files outside and where links lead can still be asked for, and modes and times changed \
             where the user may",
        );
        if version < LANDLOCK_WITH_SIGNALS {
            missing.push("signals to other programs of the user are not stopped");
        }
    }
    if version < LANDLOCK_WITH_TRUNCATE {
        missing.push("files cannot be cut by their path anywhere");
    }
    if missing.is_empty() {
        return ok("Landlock", message);
    }
    message.push(' ');
    message.push_str(&missing.join("; "));
    message.push('.');
    Check { name: "Landlock".to_owned(), status: CheckStatus::Warning, message, hint: None }
}

/// What programs with sockets of their own reach too much of, where they do. Commands have no local sockets at all, nor
/// has anybody in the reduced tier.
fn local_sockets_check(tier: Tier, version: i32) -> Option<Check> {
    if tier == Tier::Reduced || version >= LANDLOCK_WITH_LOCAL_SOCKETS {
        return None;
    }
    Some(Check {
        name: "Local sockets".to_owned(),
        status: CheckStatus::Warning,
        message: "Code in Jupyter's kernel can speak to a local socket that another program keeps in the workspace or in a \
                  system folder that commands can read: Landlock stops that from version 9 on. Commands cannot, and \
                  sockets elsewhere are out of reach."
            .to_owned(),
        hint: Some("Keep no sockets of services in a workspace, or use a newer Linux.".to_owned()),
    })
}

fn ok(name: &str, message: String) -> Check {
    Check { name: name.to_owned(), status: CheckStatus::Ok, message, hint: None }
}

pub(crate) fn refused((tier, reason): &(Tier, String), status: CheckStatus) -> Check {
    match tier {
        Tier::Full => Check {
            name: "Namespaces".to_owned(),
            status,
            message: format!(
                "Not available: {reason}. Commands see the workspace under its real path, {WORKSPACE_MOUNT} is not there."
            ),
            hint: Some(
                "Allow user namespaces: sysctl user.max_user_namespaces and kernel.unprivileged_userns_clone, or on \
                 Ubuntu 24.04 and later an AppArmor profile for this program with the rule `userns`."
                    .to_owned(),
            ),
        },
        Tier::Reduced => Check {
            name: "Landlock".to_owned(),
            status,
            message: format!("Not available: {reason}."),
            hint: Some("Use Linux 5.13 or later with landlock among its security modules (lsm=…).".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_sockets_are_named_only_where_they_are_in_reach() {
        let names = |tier, landlock| -> Vec<String> {
            let walls = Walls { landlock, process_limit: ProcessLimit::Bound };
            held(tier, &walls, None).layers.into_iter().map(|layer| layer.name).collect()
        };
        let says = |tier, landlock| names(tier, landlock).iter().any(|name| name == "Local sockets");
        assert!(says(Tier::Full, 1) && says(Tier::Full, 8));
        assert!(!says(Tier::Full, 9) && !says(Tier::Full, 10));
        assert!(!says(Tier::Reduced, 8) && !says(Tier::Reduced, 10));
    }

    #[test]
    fn it_is_said_whether_the_kernel_holds_the_memory_of_all_processes() {
        let walls = Walls { landlock: 6, process_limit: ProcessLimit::Bound };
        let layers = held(Tier::Full, &walls, None).layers;
        let memory = layers.iter().find(|layer| layer.name == "Memory").map(|layer| layer.status);
        let expected = if ControlGroup::can_be_made() { CheckStatus::Ok } else { CheckStatus::Warning };
        assert_eq!(memory, Some(expected));
        assert_eq!(memory_check(true).status, CheckStatus::Ok);
        assert_eq!(memory_check(false).status, CheckStatus::Warning);
    }
}
