//! What the helpers of all systems share: how they report, their private folders, and the program that they execute.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::newcomers::Looked;
use crate::policy::{Policy, Report};

/// The name of private folders that lie among those of others, before the number of the process that made them.
pub(crate) const PRIVATE_PREFIX: &str = "okcvm-shell-";
/// Where they lie. Links are resolved, since profiles know only real paths.
pub(crate) const TEMPORARY: &str = if cfg!(target_os = "macos") { "/private/tmp" } else { "/tmp" };
/// A language of texts that every system of the kind has.
const LANGUAGE: &str = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };

/// Why a wall does not stand.
#[derive(Debug)]
pub(crate) struct SetUpError {
    pub step: String,
    pub message: String,
}

pub(crate) type SetUp<T> = Result<T, SetUpError>;

/// Names the step in which a system call failed.
pub(crate) trait Step<T> {
    fn step(self, step: &str) -> SetUp<T>;
}

impl<T, E: std::fmt::Display> Step<T> for Result<T, E> {
    fn step(self, step: &str) -> SetUp<T> {
        self.map_err(|error| SetUpError { step: step.to_owned(), message: error.to_string() })
    }
}

/// The helper's side of the reports. A line is far shorter than a pipe's atomic write.
#[derive(Debug)]
pub(crate) struct Reporter(pub std::fs::File);

impl Reporter {
    pub(crate) fn send(&self, report: &Report) {
        use std::io::Write;
        let Ok(mut line) = serde_json::to_vec(report) else { return };
        line.push(b'\n');
        // Nobody is left to be told if the caller is gone; the lifeline ends everything then.
        let _ = (&self.0).write_all(&line);
    }

    pub(crate) fn looked(&self, looked: Looked) {
        if !looked.made.is_empty() {
            self.send(&Report::Made { folders: looked.made });
        }
        self.send(&Report::PutAside(looked.aside));
    }

    pub(crate) fn failed(&self, error: SetUpError) {
        self.send(&Report::Failed { step: error.step, message: error.message });
    }
}

/// Reads the policy; `None` if the caller is gone before it told one.
pub(crate) fn read_policy() -> SetUp<Option<Policy>> {
    use std::io::BufRead;
    let mut line = Vec::new();
    std::io::stdin().lock().read_until(b'\n', &mut line).step("reading the policy")?;
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    serde_json::from_slice(&line).step("reading the policy").map(Some)
}

/// Gives the caller a socket on this loopback, at which it answers as a proxy, and tells its port.
pub(crate) fn send_listener(port: u16) -> std::io::Result<u16> {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
    let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
    let port = listener.local_addr()?.port();
    let files = [listener.as_fd()];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&files));
    #[cfg(target_os = "linux")]
    let flags = SendFlags::NOSIGNAL;
    // There a broken pipe ends this process, which has started nothing yet.
    #[cfg(not(target_os = "linux"))]
    let flags = SendFlags::empty();
    rustix::net::sendmsg(rustix::stdio::stdin(), &[std::io::IoSlice::new(&[0])], &mut control, flags)?;
    Ok(port)
}

/// Folders of the command that are not its workspace.
#[derive(Debug, Clone)]
pub(crate) struct Private {
    pub home: PathBuf,
    pub temporary: PathBuf,
}

/// Makes a folder that only this user can enter, with home and temporary folder in it.
pub(crate) fn private_folders() -> SetUp<Private> {
    use std::os::unix::fs::DirBuilderExt;
    let pid = rustix::process::getpid().as_raw_pid();
    let nanoseconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.subsec_nanos());
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o700);
    for attempt in 0..100_u32 {
        let folder = PathBuf::from(format!(
            "{TEMPORARY}/{PRIVATE_PREFIX}{pid}-{:08x}",
            nanoseconds.wrapping_add(attempt)
        ));
        match builder.create(&folder) {
            Ok(()) => {
                let private = Private { home: folder.join("home"), temporary: folder.join("tmp") };
                builder.create(&private.home).step("making a private folder")?;
                builder.create(&private.temporary).step("making a private folder")?;
                return Ok(private);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).step("making a private folder"),
        }
    }
    Err("every name is taken").step("making a private folder")
}

/// Removes a folder of which the command may have taken the rights.
pub(crate) fn remove_tree(folder: &Path) {
    if std::fs::remove_dir_all(folder).is_err() {
        open_folders(folder);
        // What still resists is swept when the app looks for a sandbox next time.
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// Gives the rights of every folder in it back. Other processes of the agent may change the tree meanwhile, so each
/// folder is held by a handle of which the name leads nowhere else.
#[cfg(target_os = "linux")]
fn open_folders(folder: &Path) {
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::os::unix::fs::PermissionsExt;
    use std::rc::Rc;

    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Names wait with the handle of the folder that they are in, so that a wide tree needs few of them.
    let mut open: Vec<(Rc<OwnedFd>, std::ffi::OsString)> = Vec::new();
    let mut next = rustix::fs::open(folder, flags, Mode::empty());
    loop {
        if let Ok(handle) = next {
            let handle = Rc::new(handle);
            let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
            let _ = std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700));
            for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    open.push((Rc::clone(&handle), entry.file_name()));
                }
            }
        }
        let Some((parent, name)) = open.pop() else { return };
        next = rustix::fs::openat(&parent, &name, flags, Mode::empty());
    }
}

/// As on Linux; there it is called only for folders that no other process reaches.
#[cfg(not(target_os = "linux"))]
fn open_folders(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        if std::fs::symlink_metadata(&folder).is_ok_and(|metadata| metadata.is_dir()) {
            let _ = std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700));
            open.extend(std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
}

/// The shell that scripts are given to.
fn bash() -> Option<&'static str> {
    ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/run/current-system/sw/bin/bash"]
        .into_iter()
        .find(|path| Path::new(path).exists())
}

/// What is executed: the program of the policy, or a shell with its script.
pub(crate) fn program(policy: &Policy) -> (PathBuf, Vec<String>) {
    if let Some(program) = &policy.program {
        return (program.path.clone(), program.arguments.clone());
    }
    let mut arguments = Vec::new();
    if bash().is_some() {
        arguments.extend(["--noprofile", "--norc"].map(str::to_owned));
    }
    arguments.extend(["-c".to_owned(), policy.script.clone()]);
    (PathBuf::from(bash().unwrap_or("/bin/sh")), arguments)
}

/// By which programs find the proxy. Some know only the small letters, some only the large ones.
fn proxy_variables(port: u16) -> Vec<(&'static str, String)> {
    let proxy = format!("http://127.0.0.1:{port}");
    let names = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let mut variables: Vec<_> = names.into_iter().map(|name| (name, proxy.clone())).collect();
    variables.push(("NODE_USE_ENV_PROXY", "1".to_owned()));
    variables
}

/// Gives a program its folder, its files and its environment, and nothing else. Whatever the policy says, the process
/// that it replaces has no variable at all, so nothing is inherited.
pub(crate) fn equip(
    command: &mut Command,
    policy: &Policy,
    private: &Private,
    workspace_inside: &Path,
    proxy: Option<u16>,
) -> SetUp<()> {
    let output =
        rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout().as_fd(), 3).step("joining the outputs")?;
    // The output of a program that is spoken to is a socket, and its input is the same one.
    let input = match &policy.program {
        Some(_) => Stdio::from(output.try_clone().step("joining input and output")?),
        None => Stdio::null(),
    };
    command
        .current_dir(workspace_inside)
        .stdin(input)
        .stderr(Stdio::from(output))
        .env_clear()
        .env("PATH", &policy.search_path)
        .env("HOME", &private.home)
        .env("TMPDIR", &private.temporary)
        .env("PWD", workspace_inside)
        .env("OKCVM_WORKSPACE", workspace_inside)
        .env("LANG", LANGUAGE)
        .env("TERM", "dumb")
        .env("USER", "agent")
        .env("LOGNAME", "agent")
        .env("SHELL", bash().unwrap_or("/bin/sh"))
        // Repositories above the workspace are not the agent's, and cannot be read.
        .env("GIT_CEILING_DIRECTORIES", workspace_inside.parent().unwrap_or(Path::new("/")))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("PAGER", "cat")
        .envs(proxy.map(proxy_variables).unwrap_or_default())
        .envs(policy.environment.iter().map(|(name, value)| (name, value)));
    Ok(())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_closed_tree_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        std::fs::create_dir_all(tree.join("a/b/c")).unwrap();
        for path in ["a/b", "a", ""] {
            std::fs::set_permissions(tree.join(path), std::fs::Permissions::from_mode(0o000)).unwrap();
        }
        open_folders(&tree);
        assert_eq!(mode(&tree.join("a/b/c")), 0o700);
        remove_tree(&tree);
        assert!(!tree.exists());
    }

    #[test]
    fn a_folder_that_becomes_a_link_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, outside) = (folder.path().join("tree"), folder.path().join("outside"));
        for path in [tree.join("a"), outside.join("inner")] {
            std::fs::create_dir_all(path).unwrap();
        }
        for path in [&outside, &outside.join("inner")] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::os::unix::fs::symlink(&outside, tree.join("link")).unwrap();
        let (from, to) = (tree.join("a"), tree.join("link"));
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let flags = rustix::fs::RenameFlags::EXCHANGE;
                    rustix::fs::renameat_with(rustix::fs::CWD, &from, rustix::fs::CWD, &to, flags).unwrap();
                }
            });
            for _ in 0..20_000 {
                open_folders(&tree);
            }
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!([mode(&outside), mode(&outside.join("inner"))], [0o755, 0o755]);
    }
}
