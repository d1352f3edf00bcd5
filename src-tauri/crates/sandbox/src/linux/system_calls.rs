//! The system call filter: what no ordinary program needs and what has opened sandboxes before answers "not permitted".

use std::collections::BTreeMap;

use super::filter::{Condition, Verdict, program};
use crate::helper::{SetUp, Step};
use crate::policy::Network;
use crate::{Sockets, Tier};

/// The first version of Landlock that knows about truncating a file by its path.
const LANDLOCK_WITH_TRUNCATE: i32 = 3;

/// The part of a socket's kind that is not flags.
const SOCKET_KIND_MASK: u32 = 0xf;

/// Refused whatever their arguments are.
const REFUSED: &[i64] = &[
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_quotactl,
    libc::SYS_fanotify_init,
    // Keys of the kernel.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Large attack surfaces.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_personality,
    // The machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_vhangup,
];

/// No socket of any family. Pairs of connected local streams stay, programs talk to their children so.
const NETWORK: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
];

/// Their arguments lie in memory, where a filter cannot look. Told that these do not exist, programs take the older
/// calls, which are looked at.
const UNKNOWN: &[i64] = &[libc::SYS_clone3, libc::SYS_openat2];

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] = &[
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// Refused where these are shared with the whole machine, or where Landlock does not reach them.
const REFUSED_OUTSIDE_OF_NAMESPACES: &[i64] = &[
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_fchownat,
    SYS_FILE_SETATTR,
    // It tells the names of files that change in any folder.
    libc::SYS_inotify_add_watch,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_OUTSIDE_OF_NAMESPACES_HERE: &[i64] = &[libc::SYS_chown, libc::SYS_lchown];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OUTSIDE_OF_NAMESPACES_HERE: &[i64] = &[];

/// Not in the C library of every system yet; the same number on every processor.
const SYS_SETXATTRAT: i64 = 463;
const SYS_GETXATTRAT: i64 = 464;
const SYS_LISTXATTRAT: i64 = 465;
const SYS_REMOVEXATTRAT: i64 = 466;
const SYS_FILE_SETATTR: i64 = 469;

/// Extended attributes of files, which Landlock does not know: of any file that the user may name, read or written.
const ATTRIBUTES: &[i64] = &[
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    SYS_SETXATTRAT,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    SYS_GETXATTRAT,
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    SYS_LISTXATTRAT,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    SYS_REMOVEXATTRAT,
];

const NEW_NAMESPACES: &[libc::c_int] = &[
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Puts the filter on this process for good. Must come after every other wall.
pub(super) fn restrict(tier: Tier, landlock: i32, network: Network, sockets: Sockets) -> SetUp<()> {
    let step = "the system call filter";
    let program = program(&verdicts(tier, landlock, network, sockets)).step(step)?;
    seccompiler::apply_filter(&program).step(step)
}

type Verdicts = BTreeMap<u32, Verdict>;

fn verdicts(tier: Tier, landlock: i32, network: Network, sockets: Sockets) -> Verdicts {
    let mut verdicts = Verdicts::new();
    for flag in NEW_NAMESPACES {
        when(&mut verdicts, libc::SYS_clone, &[has(0, *flag as u32)]);
    }
    let local = libc::AF_UNIX as u32;
    when(&mut verdicts, libc::SYS_socketpair, &[Condition::IsNot { argument: 0, value: local }]);
    // A datagram socket sends to any address, also when it has a partner. A raw local one is a datagram socket, too.
    for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
        let is_kind = Condition::Masked { argument: 1, mask: SOCKET_KIND_MASK, value: kind as u32 };
        when(&mut verdicts, libc::SYS_socketpair, &[is_kind]);
    }
    // Typing into a terminal as its user, and pasting into a console.
    for request in [libc::TIOCSTI, libc::TIOCLINUX] {
        let asks = Condition::Masked { argument: 1, mask: u32::MAX, value: request as u32 };
        when(&mut verdicts, libc::SYS_ioctl, &[asks]);
    }
    set_id_bits(&mut verdicts);
    keep_the_mark(&mut verdicts);
    if tier == Tier::Reduced {
        others_stay_as_they_are(&mut verdicts);
    }

    let mut refused: Vec<i64> = [REFUSED, REFUSED_HERE].concat();
    if tier == Tier::Reduced {
        refused.extend([REFUSED_OUTSIDE_OF_NAMESPACES, REFUSED_OUTSIDE_OF_NAMESPACES_HERE].concat());
    }
    if landlock < LANDLOCK_WITH_TRUNCATE {
        refused.push(libc::SYS_truncate);
    }
    let families = families(tier, network, sockets);
    if families.is_empty() {
        refused.extend(NETWORK);
    } else {
        let others: Vec<_> =
            families.iter().map(|family| Condition::IsNot { argument: 0, value: *family as u32 }).collect();
        when(&mut verdicts, libc::SYS_socket, &others);
    }
    verdicts.extend(refused.into_iter().map(|number| (number as u32, Verdict::Refused)));
    verdicts.extend(UNKNOWN.iter().map(|number| (*number as u32, Verdict::Unknown)));
    // It takes room that no count of what was written shows.
    verdicts.insert(libc::SYS_fallocate as u32, Verdict::Unsupported);
    if tier == Tier::Reduced {
        verdicts.extend(ATTRIBUTES.iter().map(|number| (*number as u32, Verdict::Unsupported)));
    }
    verdicts
}

/// Of which families sockets may be made. Those that are not named are shared with the machine or speak to the kernel.
fn families(tier: Tier, network: Network, sockets: Sockets) -> Vec<libc::c_int> {
    let mut families = Vec::new();
    if network == Network::Proxy {
        // Its own loopback only.
        families.extend([libc::AF_INET, libc::AF_INET6]);
    }
    // In a file tree and a network of its own, only its own programs have such sockets.
    if (sockets, tier) == (Sockets::Own, Tier::Full) {
        families.push(libc::AF_UNIX);
    }
    families
}

/// Nothing may be made that runs with the rights of its owner or group once it is started outside.
fn set_id_bits(verdicts: &mut Verdicts) {
    /// Not in the C library of every system yet.
    const SYS_FCHMODAT2: i64 = 452;
    for bit in [libc::S_ISUID, libc::S_ISGID] {
        for (number, argument) in [(libc::SYS_fchmod, 1), (libc::SYS_fchmodat, 2), (SYS_FCHMODAT2, 2)] {
            when(verdicts, number, &[has(argument, bit)]);
        }
        when(verdicts, libc::SYS_mknodat, &[has(2, bit)]);
        // Without the flag to create, the mode is not set and may be anything.
        when(verdicts, libc::SYS_openat, &[has(2, libc::O_CREAT as u32), has(3, bit)]);
        when(verdicts, libc::SYS_openat, &[has(2, temporary_file_flag()), has(3, bit)]);
        #[cfg(target_arch = "x86_64")]
        {
            when(verdicts, libc::SYS_chmod, &[has(1, bit)]);
            when(verdicts, libc::SYS_creat, &[has(1, bit)]);
            when(verdicts, libc::SYS_mknod, &[has(1, bit)]);
            when(verdicts, libc::SYS_open, &[has(1, libc::O_CREAT as u32), has(2, bit)]);
            when(verdicts, libc::SYS_open, &[has(1, temporary_file_flag()), has(2, bit)]);
        }
    }
}

/// The limit by which processes are found again (see [`crate::tree::marked`]) may be asked for, but not set.
fn keep_the_mark(verdicts: &mut Verdicts) {
    let is_it = |argument| Condition::Masked { argument, mask: u32::MAX, value: libc::RLIMIT_RTTIME };
    when(verdicts, libc::SYS_setrlimit, &[is_it(0)]);
    // With the address of a new value, whichever half of that is not zero.
    when(verdicts, libc::SYS_prlimit64, &[is_it(1), Condition::IsNot { argument: 2, value: 0 }]);
    when(verdicts, libc::SYS_prlimit64, &[is_it(1), Condition::IsLong { argument: 2 }]);
}

/// Limits and order of a process named by its number, which may be any of the user's. Zero is the caller itself.
fn others_stay_as_they_are(verdicts: &mut Verdicts) {
    for (number, argument) in [
        // A limit of processor time ends a process as a signal does.
        (libc::SYS_prlimit64, 0),
        (libc::SYS_sched_setaffinity, 0),
        (libc::SYS_sched_setscheduler, 0),
        (libc::SYS_sched_setparam, 0),
        (libc::SYS_sched_setattr, 0),
        (libc::SYS_setpriority, 1),
        (libc::SYS_ioprio_set, 1),
    ] {
        when(verdicts, number, &[Condition::IsNot { argument, value: 0 }]);
    }
    // All processes of a user: zero is the caller's own.
    for (number, user) in [(libc::SYS_setpriority, libc::PRIO_USER), (libc::SYS_ioprio_set, 3)] {
        when(verdicts, number, &[Condition::Masked { argument: 0, mask: u32::MAX, value: user }]);
    }
}

/// `O_TMPFILE` without the flag for folders, which is part of it but common.
fn temporary_file_flag() -> u32 {
    (libc::O_TMPFILE & !libc::O_DIRECTORY) as u32
}

fn has(argument: u8, bits: u32) -> Condition {
    Condition::Masked { argument, mask: bits, value: bits }
}

/// Refuses a call if all conditions hold, or all of another such set.
fn when(verdicts: &mut Verdicts, number: i64, conditions: &[Condition]) {
    let sets = verdicts.entry(number as u32).or_insert_with(|| Verdict::RefusedIf(Vec::new()));
    if let Verdict::RefusedIf(sets) = sets {
        sets.push(conditions.to_vec());
    }
}
