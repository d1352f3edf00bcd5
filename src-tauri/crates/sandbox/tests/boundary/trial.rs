//! A workspace, something outside of it that must stay as it is, and a sandbox of each tier.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use okcvm_sandbox::{Command, Exit, Outcome, Sandbox, Tier};
use tokio_util::sync::CancellationToken;

pub const HELPER: &str = env!("CARGO_BIN_EXE_okcvm-sandbox-helper");
pub const SECRET: &str = "a-secret-of-the-user";

/// The sandbox of a tier; `None` where the system refuses namespaces.
pub fn sandbox(tier: Tier) -> Option<Sandbox> {
    static FULL: OnceLock<Sandbox> = OnceLock::new();
    static REDUCED: OnceLock<Sandbox> = OnceLock::new();
    let cell = match tier {
        Tier::Full => &FULL,
        Tier::Reduced => &REDUCED,
    };
    let sandbox = cell.get_or_init(|| Sandbox::probe_at_most(PathBuf::from(HELPER), tier));
    sandbox.available().expect("a boundary, at least by Landlock");
    if sandbox.tier() == Some(tier) {
        return Some(sandbox.clone());
    }
    eprintln!("not run in the {tier:?} tier: {:?}", sandbox.status().layers[0]);
    None
}

pub struct Trial {
    pub tier: Tier,
    pub sandbox: Sandbox,
    pub workspace: PathBuf,
    /// Holds `.ssh/id`, with the secret.
    pub outside: PathBuf,
    _folder: tempfile::TempDir,
}

pub struct Ran {
    pub exit: Exit,
    pub bytes: Vec<u8>,
}

impl Ran {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Trial {
    pub fn new(tier: Tier) -> Option<Self> {
        let sandbox = sandbox(tier)?;
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("folder");
        let root = folder.path().canonicalize().expect("real path");
        let (workspace, outside) = (root.join("workspace"), root.join("outside"));
        std::fs::create_dir(&workspace).expect("workspace");
        std::fs::create_dir_all(outside.join(".ssh")).expect("outside");
        std::fs::write(outside.join(".ssh/id"), SECRET).expect("secret");
        Some(Self { tier, sandbox, workspace, outside, _folder: folder })
    }

    /// Trials in all tiers that hold here.
    pub fn each() -> impl Iterator<Item = Self> {
        [Tier::Full, Tier::Reduced].into_iter().filter_map(Self::new)
    }

    pub fn command(&self, script: &str) -> Command {
        let mut command = Command::new(script, &self.workspace);
        command.timeout = Duration::from_secs(30);
        command.env.push(("OUTSIDE".to_owned(), self.outside.to_string_lossy().into_owned()));
        command.env.push(("CALLER".to_owned(), std::process::id().to_string()));
        command
    }

    pub fn run(&self, script: &str) -> Ran {
        self.run_command(self.command(script))
    }

    pub fn run_command(&self, command: Command) -> Ran {
        runtime().block_on(run(&self.sandbox, command, &CancellationToken::new()))
    }

    /// Runs Python, with the script in the workspace. It knows the process that started the shell as `REAPER`.
    pub fn python(&self, code: &str) -> Ran {
        self.run_command(self.python_command(code))
    }

    pub fn python_command(&self, code: &str) -> Command {
        std::fs::write(self.workspace.join("trial.py"), code).expect("script");
        self.command("REAPER=$PPID python3 trial.py 2>&1")
    }

    /// Runs and demands success.
    pub fn output(&self, script: &str) -> String {
        let ran = self.run(script);
        assert_eq!(ran.exit.outcome, Outcome::Exited(0), "{:?}: {script}\n{}", self.tier, ran.text());
        ran.text()
    }

    /// Runs something that must fail and must leave what is outside as it was.
    pub fn refused(&self, script: &str) -> String {
        let ran = self.run(script);
        assert!(
            matches!(ran.exit.outcome, Outcome::Exited(code) if code != 0),
            "{:?}: {script} ended with {:?}\n{}",
            self.tier,
            ran.exit.outcome,
            ran.text()
        );
        self.outside_is_untouched(script);
        assert!(!ran.text().contains(SECRET), "{:?}: {script} read the secret", self.tier);
        ran.text()
    }

    pub fn outside_is_untouched(&self, script: &str) {
        let secret = self.outside.join(".ssh/id");
        assert_eq!(std::fs::read_to_string(&secret).expect("secret"), SECRET, "{:?}: {script}", self.tier);
        let names: Vec<_> = std::fs::read_dir(&self.outside)
            .expect("outside")
            .map(|entry| entry.expect("entry").file_name())
            .collect();
        assert_eq!(names, [".ssh"], "{:?}: {script}", self.tier);
        let links = std::os::unix::fs::MetadataExt::nlink(&std::fs::metadata(&secret).expect("metadata"));
        assert_eq!(links, 1, "{:?}: {script}", self.tier);
        assert_eq!(
            std::fs::metadata(&self.outside).expect("metadata").permissions().mode() & 0o777,
            0o755,
            "{:?}: {script}",
            self.tier
        );
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime")
}

pub async fn run(sandbox: &Sandbox, command: Command, cancel: &CancellationToken) -> Ran {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(16);
    let collect = async {
        let mut bytes = Vec::new();
        while let Some(piece) = receiver.recv().await {
            bytes.extend(piece);
        }
        bytes
    };
    let (exit, bytes) = tokio::join!(sandbox.run(command, sender, cancel), collect);
    Ran { exit: exit.expect("a run"), bytes }
}

/// A program beside the sandbox, ended with the test however that ends.
pub struct Program(pub std::process::Child);

impl Program {
    pub fn start(command: &mut std::process::Command) -> Self {
        Self(command.spawn().expect("a program"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An argument for `sleep` by which its processes are found again.
pub fn marker() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("900.{:07}{:04}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Processes with a marker among their arguments, in any namespace below ours.
pub fn marked(marker: &str) -> Vec<u32> {
    processes(|_, arguments| arguments.iter().any(|argument| argument == marker))
}

/// Children of a process with a word among their arguments.
pub fn children(parent: u32) -> Vec<u32> {
    processes(|stat, _| stat.split_whitespace().nth(1) == Some(&parent.to_string()))
}

fn processes(wanted: impl Fn(&str, &[String]) -> bool) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, stat)) = stat.rsplit_once(')') else { continue };
        let Ok(arguments) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let arguments: Vec<String> = arguments
            .split(|byte| *byte == 0)
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect();
        if !stat.trim_start().starts_with('Z') && wanted(stat, &arguments) {
            found.push(pid);
        }
    }
    found
}

/// Bytes of memory of this process.
pub fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("statm");
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4096
}

/// Waits for something for ten seconds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether something lies there, for paths that an attack would make.
pub fn exists(path: impl AsRef<Path>) -> bool {
    path.as_ref().symlink_metadata().is_ok()
}
