//! Finds out which tier holds, by running a command in it that tries to get out.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use okcvm_protocol::{Check, CheckStatus, SandboxStatus};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::linux::{PRIVATE_PREFIX, remove_tree};
use crate::policy::{Network, Policy, ProcessLimit, Walls};
use crate::roots::{Roots, roots};
use crate::run::Beside;
use crate::sandbox::{Inner, WORKSPACE_MOUNT};
use crate::{Limits, Outcome, Sandbox, Tier};

const PROBE_TIMEOUT: Duration = Duration::from_secs(20);
const PROBE_PREFIX: &str = "okcvm-probe-";
/// The first versions of Landlock in which signals out of the sandbox are stopped, and sockets of other programs.
const LANDLOCK_WITH_SIGNALS: i32 = 6;
const LANDLOCK_WITH_TRUNCATE: i32 = 3;
/// The first version in which it can be held which local sockets are spoken to.
const LANDLOCK_WITH_LOCAL_SOCKETS: i32 = 9;

/// Exits with a number of its own for each wall that does not stand. Each attempt is a shell of its own, because some
/// shells end when a redirection of a built-in fails.
const ATTEMPTS: &str = r#"
echo inside > inside || exit 11
(read -r text < "$OKCVM_PROBE/secret") 2>/dev/null && exit 12
(echo changed > "$OKCVM_PROBE/secret") 2>/dev/null && exit 13
(echo new > "$OKCVM_PROBE/new") 2>/dev/null && exit 14
(exec 3<> "/dev/tcp/127.0.0.1/$OKCVM_PROBE_PORT") 2>/dev/null && exit 15
(echo planted > .git/hooks/planted) 2>/dev/null && [ "$OKCVM_PROBE_TIER" = full ] && exit 17
/bin/sh -c 'exit 7'
[ $? -eq 7 ] || exit 16
echo held
"#;

pub(crate) fn probe(helper: PathBuf, strongest: Tier) -> Sandbox {
    sweep();
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let mut roots = roots(std::env::var_os("PATH").as_deref(), home.as_deref());
    // Looked for once and not at every command.
    roots.readable.retain(|path| path.symlink_metadata().is_ok());
    let tiers: &[Tier] = match strongest {
        Tier::Full => &[Tier::Full, Tier::Reduced],
        Tier::Reduced => &[Tier::Reduced],
    };
    let mut refusals = Vec::new();
    for tier in tiers.iter().copied() {
        match try_tier(&helper, &roots, tier) {
            Ok(walls) => {
                let status = held(tier, &walls, refusals.first());
                return Sandbox { inner: Arc::new(Inner { helper, tier: Ok(tier), status, roots }) };
            }
            Err(reason) => {
                tracing::info!(?tier, %reason, "a tier of the sandbox does not hold");
                refusals.push((tier, reason));
            }
        }
    }
    let reason = format!(
        "this system gives no boundary for commands ({})",
        refusals.iter().map(|(_, reason)| reason.as_str()).collect::<Vec<_>>().join("; ")
    );
    let status = SandboxStatus {
        available: false,
        mode: "None: commands do not run.".to_owned(),
        layers: refusals.iter().map(|refusal| refused(refusal, CheckStatus::Failed)).collect(),
    };
    Sandbox { inner: Arc::new(Inner { helper, tier: Err(reason), status, roots }) }
}

fn try_tier(helper: &Path, roots: &Roots, tier: Tier) -> Result<Walls, String> {
    let scratch = Scratch::new().map_err(|error| format!("no folder to try it in: {error}"))?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).ok();
    let port =
        listener.as_ref().and_then(|listener| listener.local_addr().ok()).map_or(9, |address| address.port());
    let policy = Policy {
        tier,
        script: ATTEMPTS.to_owned(),
        workspace: scratch.workspace.clone(),
        environment: vec![
            ("OKCVM_PROBE".to_owned(), scratch.outside.to_string_lossy().into_owned()),
            ("OKCVM_PROBE_PORT".to_owned(), port.to_string()),
            ("OKCVM_PROBE_TIER".to_owned(), if tier == Tier::Full { "full" } else { "reduced" }.to_owned()),
        ],
        limits: Limits { output_bytes: 64 * 1024, ..Limits::default() },
        readable: roots.readable.clone(),
        search_path: roots.search_path.clone(),
        program: None,
        network: Network::None,
        mark: crate::registry::new_mark(),
    };
    // A thread and runtime of its own, so that this can be called from anywhere.
    let (outcome, walls, output) = std::thread::scope(|scope| {
        scope
            .spawn(|| attempt(helper, &policy))
            .join()
            .map_err(|_| "the attempt broke off".to_owned())
            .and_then(std::convert::identity)
    })?;
    if let Some(listener) = listener
        && listener.set_nonblocking(true).is_ok()
        && listener.accept().is_ok()
    {
        return Err("a command reached a server of this machine".to_owned());
    }
    match outcome {
        Outcome::Exited(0) => {}
        Outcome::Exited(12) => return Err("a command read a file outside of its workspace".to_owned()),
        Outcome::Exited(13 | 14) => return Err("a command wrote outside of its workspace".to_owned()),
        Outcome::Exited(15) => return Err("a command reached a server of this machine".to_owned()),
        Outcome::Exited(17) => return Err("a command changed the hooks of a repository".to_owned()),
        Outcome::TimedOut => return Err("a command did not end in time".to_owned()),
        Outcome::Exited(_)
        | Outcome::Signalled(_)
        | Outcome::Cancelled
        | Outcome::EndedByHand
        | Outcome::Limited(_) => {
            return Err(format!("a command did not work ({outcome:?}): {}", output.trim()));
        }
    }
    if std::fs::read_to_string(scratch.outside.join("secret")).ok().as_deref() != Some("secret\n")
        || scratch.outside.join("new").exists()
    {
        return Err("a command wrote outside of its workspace".to_owned());
    }
    if output != "held\n" || !scratch.workspace.join("inside").exists() {
        return Err(format!("a command did not do what it should: {}", output.trim()));
    }
    walls.ok_or_else(|| "the helper did not say what holds".to_owned())
}

fn attempt(helper: &Path, policy: &Policy) -> Result<(Outcome, Option<Walls>, String), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(8);
        let cancel = CancellationToken::new();
        let collect = async {
            let mut all = Vec::new();
            while let Some(piece) = receiver.recv().await {
                all.extend(piece);
            }
            all
        };
        let beside = Beside { timeout: PROBE_TIMEOUT, egress: None, running: None };
        let (run, output) = tokio::join!(crate::run::run(helper, policy, beside, sender, &cancel), collect);
        let run = run.map_err(|error| error.to_string())?;
        Ok((run.exit.outcome, run.walls, String::from_utf8_lossy(&output).into_owned()))
    })
}

fn held(tier: Tier, walls: &Walls, refusal: Option<&(Tier, String)>) -> SandboxStatus {
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
            "Hooks and settings of git repositories that are there when a command starts are read-only to it; those of \
             repositories that it makes are not."
                .to_owned(),
        ),
        Tier::Reduced => Check {
            name: "Repositories".to_owned(),
            status: CheckStatus::Warning,
            message: "Hooks and settings of git repositories in the workspace are not protected: what a command writes \
                      there, git runs later outside of the sandbox."
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
    let mode = match tier {
        Tier::Full => "Full: namespaces, Landlock and a system call filter.",
        Tier::Reduced => "Reduced: Landlock and a system call filter, without namespaces.",
    };
    SandboxStatus { available: true, mode: mode.to_owned(), layers }
}

fn landlock_check(tier: Tier, version: i32) -> Check {
    let mut message =
        format!("Version {version}: writing only in the workspace and in private temporary folders.");
    let mut missing = Vec::new();
    if tier == Tier::Reduced {
        missing.push(
            "Sizes and times of files outside can still be asked for, and modes and times changed where the user may",
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

fn refused((tier, reason): &(Tier, String), status: CheckStatus) -> Check {
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

/// Two folders to try it in, removed at the end.
struct Scratch {
    root: PathBuf,
    workspace: PathBuf,
    outside: PathBuf,
}

impl Scratch {
    fn new() -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir()
            .canonicalize()?
            .join(format!("{PROBE_PREFIX}{}-{count}", std::process::id()));
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(0o700);
        builder.create(&root)?;
        let scratch = Self { workspace: root.join("workspace"), outside: root.join("outside"), root };
        builder.create(&scratch.workspace)?;
        builder.recursive(true).create(scratch.workspace.join(".git/hooks"))?;
        builder.create(&scratch.outside)?;
        std::fs::write(scratch.outside.join("secret"), "secret\n")?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove_tree(&self.root);
    }
}

/// Removes private folders of helpers that were killed before they could.
fn sweep() {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    for folder in [PathBuf::from("/tmp"), std::env::temp_dir()] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(rest) = name.to_str().and_then(|name| {
                name.strip_prefix(PRIVATE_PREFIX).or_else(|| name.strip_prefix(PROBE_PREFIX))
            }) else {
                continue;
            };
            let Some(pid) = rest.split('-').next().and_then(|pid| pid.parse::<u32>().ok()) else { continue };
            let ours = entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == user);
            if ours && !Path::new("/proc").join(pid.to_string()).exists() {
                remove_tree(&entry.path());
            }
        }
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
}
