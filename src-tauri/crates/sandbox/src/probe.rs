//! Finds out which tier holds, by running a command in it that tries to get out.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use okcvm_protocol::{CheckStatus, SandboxStatus};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::helper::{PRIVATE_PREFIX, TEMPORARY, remove_tree};
#[cfg(target_os = "linux")]
use crate::linux::{held, refused};
#[cfg(target_os = "macos")]
use crate::macos::{held, refused};
use crate::newcomers::Made;
use crate::policy::{Network, Policy, Walls};
use crate::roots::{Roots, roots};
use crate::run::Beside;
use crate::sandbox::{Inner, STRONGEST, Workspaces};
use crate::{Limits, Outcome, Sandbox, Tier};

const PROBE_TIMEOUT: Duration = Duration::from_secs(20);
const PROBE_PREFIX: &str = "okcvm-probe-";

/// Exits with a number of its own for each wall that does not stand. Each attempt is a shell of its own, because some
/// shells end when a redirection of a built-in fails.
const ATTEMPTS: &str = r#"
echo inside > inside || exit 11
(read -r text < "$OKCVM_PROBE/secret") 2>/dev/null && exit 12
(echo changed > "$OKCVM_PROBE/secret") 2>/dev/null && exit 13
(echo new > "$OKCVM_PROBE/new") 2>/dev/null && exit 14
(exec 3<> "/dev/tcp/127.0.0.1/$OKCVM_PROBE_PORT") 2>/dev/null && exit 15
(echo planted > .git/hooks/planted) 2>/dev/null && [ "$OKCVM_PROBE_HOOKS" = held ] && exit 17
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
        Tier::Full if STRONGEST == Tier::Full => &[Tier::Full, Tier::Reduced],
        Tier::Full | Tier::Reduced => &[Tier::Reduced],
    };
    let mut refusals = Vec::new();
    for tier in tiers.iter().copied() {
        match try_tier(&helper, &roots, tier) {
            Ok(walls) => {
                let status = held(tier, &walls, refusals.first());
                let inner = Arc::new(Inner { helper, tier: Ok(tier), status, roots });
                return Sandbox { inner, workspaces: Workspaces::default(), made: Made::default() };
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
    let inner = Arc::new(Inner { helper, tier: Err(reason), status, roots });
    Sandbox { inner, workspaces: Workspaces::default(), made: Made::default() }
}

fn try_tier(helper: &Path, roots: &Roots, tier: Tier) -> Result<Walls, String> {
    let scratch = Scratch::new().map_err(|error| format!("no folder to try it in: {error}"))?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).ok();
    let port =
        listener.as_ref().and_then(|listener| listener.local_addr().ok()).map_or(9, |address| address.port());
    let holds_hooks = tier == Tier::Full || cfg!(target_os = "macos");
    let policy = Policy {
        tier,
        script: ATTEMPTS.to_owned(),
        workspace: scratch.workspace.clone(),
        environment: vec![
            ("OKCVM_PROBE".to_owned(), scratch.outside.to_string_lossy().into_owned()),
            ("OKCVM_PROBE_PORT".to_owned(), port.to_string()),
            ("OKCVM_PROBE_HOOKS".to_owned(), if holds_hooks { "held" } else { "open" }.to_owned()),
        ],
        limits: Limits { output_bytes: 64 * 1024, ..Limits::default() },
        read_only: Vec::new(),
        made: Vec::new(),
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

/// Removes private folders and control groups of programs that were killed before they could.
fn sweep() {
    use std::os::unix::fs::MetadataExt;
    #[cfg(target_os = "linux")]
    crate::control_group::ControlGroup::sweep();
    let user = rustix::process::geteuid().as_raw();
    for folder in [PathBuf::from(TEMPORARY), std::env::temp_dir()] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(rest) = name.to_str().and_then(|name| {
                name.strip_prefix(PRIVATE_PREFIX).or_else(|| name.strip_prefix(PROBE_PREFIX))
            }) else {
                continue;
            };
            let Some(pid) = rest.split('-').next().and_then(|pid| pid.parse::<u32>().ok()) else { continue };
            let ours = entry.metadata().is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == user);
            if ours && crate::tree::started(pid).is_none() {
                remove_tree(&entry.path());
            }
        }
    }
}
