//! The few system calls that the safe wrappers do not have.
#![allow(
    unsafe_code,
    reason = "fork, close_range, mount_setattr, unshare, signalfd and interface flags have no safe wrapper"
)]

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::process::Pid;
use rustix::thread::UnshareFlags;

/// On which side of a fork this is.
pub(super) enum Forked {
    Parent(Pid),
    Child,
}

/// Forks. The helper never starts a thread, so the child may do anything.
pub(super) fn fork() -> io::Result<Forked> {
    // SAFETY: the helper has one thread, so no lock can be held by a thread that the child lacks.
    let pid = unsafe { libc::fork() };
    match Pid::from_raw(pid.max(0)) {
        _ if pid < 0 => Err(io::Error::last_os_error()),
        Some(pid) => Ok(Forked::Parent(pid)),
        None => Ok(Forked::Child),
    }
}

/// Closes every file above standard error that the caller may have let through.
pub(super) fn close_inherited_files() -> io::Result<()> {
    // SAFETY: called before the helper opens anything, so no owner of such a file exists in this process.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Leaves namespaces of the caller.
pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: the flag that this is about, sharing of open files, is never among ours.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(Into::into)
}

/// Switches the loopback of this network on. It was made off.
pub(super) fn raise_loopback() -> io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    // SAFETY: the structure is plain data for which all zeroes are valid, and it outlives both calls, which read and
    // write no more than its size.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (place, byte) in request.ifr_name.iter_mut().zip(b"lo") {
            *place = *byte as libc::c_char;
        }
        let file = std::os::fd::AsRawFd::as_raw_fd(&socket);
        if libc::ioctl(file, libc::SIOCGIFFLAGS as _, &raw mut request) != 0 {
            return Err(io::Error::last_os_error());
        }
        request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
        if libc::ioctl(file, libc::SIOCSIFFLAGS as _, &raw const request) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Adds restrictions to a mount, and to all below it if `recursive`.
pub(super) fn restrict_mount(target: impl AsRef<OsStr>, attributes: u64, depth: Depth) -> io::Result<()> {
    let target = CString::new(target.as_ref().as_bytes())?;
    let attributes = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = match depth {
        Depth::Mount => 0,
        Depth::Tree => libc::AT_RECURSIVE,
    };
    // SAFETY: both pointers are valid for the call, and the size is that of the structure.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// How much a restriction covers.
#[derive(Clone, Copy)]
pub(super) enum Depth {
    Mount,
    Tree,
}

/// A file that becomes readable when a child ends. Blocks the signal itself.
pub(super) fn child_signals() -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised by sigemptyset before it is read, and the new file has no other owner.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let file = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if file < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(file)) }
    }
}

/// Gives up every capability, also those that executing a program as root would bring back.
pub(super) fn drop_capabilities() -> io::Result<()> {
    use rustix::thread::{CapabilitySet, CapabilitySets};
    rustix::thread::clear_ambient_capability_set()?;
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // The kernel has no capability of that number, or this process has none to give up.
            Err(rustix::io::Errno::INVAL) => break,
            Err(rustix::io::Errno::PERM) if !rustix::process::geteuid().is_root() => break,
            Err(error) => return Err(error.into()),
        }
    }
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: none, permitted: none, inheritable: none },
    )?;
    Ok(())
}
