//! The file tree of the full tier: an empty one, into which what may be read is bound, and the workspace.

use std::ffi::CStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::thread::UnshareFlags;

use super::Run;
use super::process::{self, Depth};
use crate::WORKSPACE_MOUNT;
use crate::helper::{SetUp, Step};
use crate::policy::ProcessLimit;

/// Where the system's own tree hangs while the new one is put together.
const OLD: &str = "/old";
const QUIET: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);
const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
/// Files and folders in memory, the kernel's part of which no size counts: about a kilobyte each.
const MOST_FILES: u32 = 262_144;
/// What this tree has in a version of its own.
const OWN_FILES: [&str; 5] =
    ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf", "/etc/hostname"];
/// Process numbers below this are given out only once in a namespace.
const RESERVED_PROCESS_NUMBERS: u64 = 300;

/// Replaces everything that this process sees by the new tree.
pub(super) fn enter(run: &Run) -> SetUp<ProcessLimit> {
    process::unshare(UnshareFlags::NEWNS).step("making a mount namespace")?;
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .step("cutting off mounts")?;
    // Any existing folder will do; the system's own `/tmp` is uncovered again once the roots are exchanged.
    // All that the command may fill is of this one file system, so that its size bounds them together: each of its own
    // costs as much as ten bound folders.
    let options = std::ffi::CString::new(format!(
        "mode=755,size={},nr_inodes={MOST_FILES}",
        run.policy.limits.temporary_bytes
    ))
    .step("mounting a new root")?;
    rustix::mount::mount("tmpfs", "/tmp", "tmpfs", QUIET, options.as_c_str()).step("mounting a new root")?;
    std::fs::create_dir("/tmp/old").step("mounting a new root")?;
    rustix::process::pivot_root("/tmp", "/tmp/old").step("changing the root")?;
    std::env::set_current_dir("/").step("changing the root")?;

    // A mount of its own, so that all that is bound into it is closed in one go.
    std::fs::create_dir("/etc").step("mounting /etc")?;
    rustix::mount::mount_bind("/etc", "/etc").step("mounting /etc")?;
    // What lies where private folders go is shown on top of them.
    let covered =
        |path: &&Path| path.starts_with(&run.private.temporary) || path.starts_with(&run.private.home);
    let readable = run.policy.readable.iter().map(std::path::PathBuf::as_path);
    let readable = readable.filter(|path| !OWN_FILES.iter().any(|name| *path == Path::new(name)));
    for path in readable.clone().filter(|path| !covered(path)) {
        show(path).step("binding system folders")?;
    }
    identity(run).step("writing /etc")?;
    process::restrict_mount("/etc", READ_ONLY, Depth::Tree).step("closing /etc")?;
    devices().step("binding devices")?;
    let process_limit = processes(run)?;
    private_folders(run).step("mounting private folders")?;
    for path in readable.filter(covered) {
        show(path).step("binding system folders")?;
    }
    workspace(run).step("binding the workspace")?;
    kept_folder(run).step("binding the kept folder")?;
    run.repositories.protect().step("closing what the command may not change")?;

    rustix::mount::unmount(OLD, UnmountFlags::DETACH).step("leaving the old root")?;
    std::fs::remove_dir(OLD).step("leaving the old root")?;
    process::restrict_mount("/", READ_ONLY, Depth::Mount).step("closing the root")?;
    Ok(process_limit)
}

/// A folder that stays writable when the root, of which it is a part, is closed.
fn writable_folder(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::create_dir_all(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    rustix::mount::mount_bind(path, path).map_err(Into::into)
}

fn old(path: &Path) -> std::path::PathBuf {
    Path::new(OLD).join(path.strip_prefix("/").unwrap_or(path))
}

/// Shows something of the system to read: a link as the link that it is, all else bound. What is not there is left out.
fn show(path: &Path) -> io::Result<()> {
    let source = old(path);
    let Ok(metadata) = std::fs::symlink_metadata(&source) else { return Ok(()) };
    let made = match place(path, &source, &metadata) {
        // Only a few lie so deep that a folder is missing.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            place(path, &source, &metadata)
        }
        made => made,
    };
    match made {
        // A folder that was bound before holds it already.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::ReadOnlyFilesystem) =>
        {
            return Ok(());
        }
        made => made?,
    }
    if metadata.is_symlink() {
        return Ok(());
    }
    rustix::mount::mount_bind_recursive(&source, path)?;
    if path.starts_with("/etc") { Ok(()) } else { process::restrict_mount(path, READ_ONLY, Depth::Tree) }
}

/// Makes the link, or what something is bound on.
fn place(path: &Path, source: &Path, metadata: &std::fs::Metadata) -> io::Result<()> {
    if metadata.is_symlink() {
        std::os::unix::fs::symlink(std::fs::read_link(source)?, path)
    } else if metadata.is_dir() {
        std::fs::create_dir(path)
    } else {
        std::fs::File::create_new(path).map(drop)
    }
}

/// One user and group, so that names resolve without showing those of the machine.
fn identity(run: &Run) -> io::Result<()> {
    let user = rustix::process::getuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    let home = run.private.home.display();
    let texts = [
        format!(
            "agent:x:{user}:{group}:agent:{home}:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
        ),
        format!("agent:x:{group}:\nnogroup:x:65534:\n"),
        "127.0.0.1 localhost okcomputer\n::1 localhost\n".to_owned(),
        "passwd: files\ngroup: files\nhosts: files\n".to_owned(),
        "okcomputer\n".to_owned(),
    ];
    for (path, text) in OWN_FILES.into_iter().zip(texts) {
        std::fs::write(path, text)?;
    }
    Ok(())
}

fn devices() -> io::Result<()> {
    std::fs::create_dir_all("/dev")?;
    for name in ["null", "zero", "full", "random", "urandom"] {
        let target = Path::new("/dev").join(name);
        std::fs::write(&target, "")?;
        rustix::mount::mount_bind(old(&target), &target)?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        std::os::unix::fs::symlink(target, Path::new("/dev").join(name))?;
    }
    writable_folder(Path::new("/dev/shm"), 0o1777)?;
    // Terminals of its own, for programs that insist on one. Not worth a refusal where the kernel has none.
    std::fs::create_dir("/dev/pts")?;
    if rustix::mount::mount(
        "devpts",
        "/dev/pts",
        "devpts",
        MountFlags::NOSUID | MountFlags::NOEXEC,
        c"newinstance,ptmxmode=0666,mode=620",
    )
    .is_ok()
    {
        std::os::unix::fs::symlink("pts/ptmx", "/dev/ptmx")?;
    }
    Ok(())
}

/// Tables of the whole machine.
const OF_THE_MACHINE: [&str; 7] =
    ["kcore", "keys", "key-users", "timer_list", "sched_debug", "kallsyms", "kmsg"];
/// Those of them that only root could read anyway.
const OF_ROOT: [&str; 6] =
    ["kpagecgroup", "kpagecount", "kpageflags", "pagetypeinfo", "slabinfo", "vmallocinfo"];

/// A fresh view of processes, in which only their limit is written, before it is closed to all writing: to root of a
/// namespace without capabilities, what changes the system still looks like its own. Links such as `/proc/self/fd/1`
/// lead out of it and are written as what they lead to.
fn processes(run: &Run) -> SetUp<ProcessLimit> {
    std::fs::create_dir_all("/proc").step("mounting /proc")?;
    rustix::mount::mount("proc", "/proc", "proc", QUIET | MountFlags::NOEXEC, None::<&CStr>)
        .step("mounting /proc")?;
    let most = run.policy.limits.processes + RESERVED_PROCESS_NUMBERS;
    let counted = std::fs::write("/proc/sys/kernel/pid_max", most.to_string()).is_ok();
    // The identity inside is that outside, so root would read what is closed to everybody else.
    let of_root: &[&str] = if rustix::process::getuid().is_root() { &OF_ROOT } else { &[] };
    for name in OF_THE_MACHINE.iter().chain(of_root) {
        let path = Path::new("/proc").join(name);
        if path.exists() {
            rustix::mount::mount_bind("/dev/null", &path).step("closing /proc")?;
        }
    }
    process::restrict_mount("/proc", READ_ONLY, Depth::Mount).step("closing /proc")?;
    // Root of the machine is not bound by the limit of processes of a user.
    let user_is_bound = !rustix::process::getuid().is_root();
    Ok(if counted || user_is_bound { ProcessLimit::Bound } else { ProcessLimit::Unbound })
}

fn private_folders(run: &Run) -> io::Result<()> {
    writable_folder(&run.private.temporary, 0o1777)?;
    writable_folder(&run.private.home, 0o700)?;
    std::fs::create_dir_all("/var")?;
    std::os::unix::fs::symlink("/tmp", "/var/tmp")?;
    std::fs::create_dir_all("/run")
}

fn workspace(run: &Run) -> io::Result<()> {
    std::fs::create_dir_all(WORKSPACE_MOUNT)?;
    rustix::mount::mount_bind_recursive(old(&run.policy.workspace), WORKSPACE_MOUNT)?;
    process::restrict_mount(WORKSPACE_MOUNT, libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV, Depth::Tree)
}

/// The folder that a program may write besides the workspace.
fn kept_folder(run: &Run) -> io::Result<()> {
    let (Some(inside), Some(program)) = (run.kept_inside(), &run.policy.program) else { return Ok(()) };
    let Some(outside) = &program.kept_folder else { return Ok(()) };
    std::fs::create_dir_all(&inside)?;
    rustix::mount::mount_bind(old(outside), &inside)?;
    process::restrict_mount(&inside, libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV, Depth::Tree)
}
