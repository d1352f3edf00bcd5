//! The system call filter: what no ordinary program needs and what has opened sandboxes before answers "not permitted".

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use super::{SetUp, Step};
use crate::{Sockets, Tier};

/// The first version of Landlock that knows about truncating a file by its path.
const LANDLOCK_WITH_TRUNCATE: i32 = 3;

/// The part of a socket's kind that is not flags.
const SOCKET_KIND_MASK: u64 = 0xf;

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

/// The network: no socket of any family. Pairs of connected local streams stay, programs talk to their children so.
const SOCKETS: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
];

/// Families that a program with sockets may use: local ones, and those that reach nothing in an empty network of its own.
const OWN_FAMILIES: &[libc::c_int] = &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

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
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fchownat,
    // It tells the names of files that change in any folder.
    libc::SYS_inotify_add_watch,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_OUTSIDE_OF_NAMESPACES_HERE: &[i64] = &[libc::SYS_chown, libc::SYS_lchown];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OUTSIDE_OF_NAMESPACES_HERE: &[i64] = &[];

const NEW_NAMESPACES: &[libc::c_int] = &[
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Puts the filters on this process for good. Must come after every other wall.
pub(super) fn restrict(tier: Tier, landlock: i32, sockets: Sockets) -> SetUp<()> {
    let step = "the system call filter";
    let architecture: TargetArch = std::env::consts::ARCH.try_into().step(step)?;
    let refused: BpfProgram = SeccompFilter::new(
        refused(tier, landlock, sockets).step(step)?,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM as u32),
        architecture,
    )
    .and_then(TryInto::try_into)
    .step(step)?;
    // Their arguments lie in memory, where a filter cannot look. Told that these do not exist, programs take the
    // older calls, which are looked at.
    let unknown = [libc::SYS_clone3, libc::SYS_openat2].into_iter().map(|number| (number, Vec::new()));
    let unknown: BpfProgram = SeccompFilter::new(
        unknown.collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS as u32),
        architecture,
    )
    .and_then(TryInto::try_into)
    .step(step)?;
    seccompiler::apply_filter(&unknown).step(step)?;
    #[cfg(target_arch = "x86_64")]
    seccompiler::apply_filter(&second_numbering()).step(step)?;
    seccompiler::apply_filter(&refused).step(step)
}

/// The x32 way of calling the same kernel has numbers of its own, which the filters above do not know.
#[cfg(target_arch = "x86_64")]
fn second_numbering() -> BpfProgram {
    const X32_BIT: u32 = 0x4000_0000;
    let instruction = |code: u32, jt, jf, k| seccompiler::sock_filter { code: code as u16, jt, jf, k };
    vec![
        // The number of the call is the first word that a filter sees.
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, X32_BIT),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn refused(tier: Tier, landlock: i32, sockets: Sockets) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = BTreeMap::new();
    let mut all: Vec<i64> = [REFUSED, REFUSED_HERE].concat();
    if tier == Tier::Reduced {
        all.extend([REFUSED_OUTSIDE_OF_NAMESPACES, REFUSED_OUTSIDE_OF_NAMESPACES_HERE].concat());
    }
    match (sockets, tier) {
        (Sockets::Own, Tier::Full) => {
            let strangers: Result<Vec<_>, _> = OWN_FAMILIES
                .iter()
                .map(|family| {
                    SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, *family as u64)
                })
                .collect();
            when(&mut rules, libc::SYS_socket, &strangers?)?;
        }
        (Sockets::Own, Tier::Reduced) | (Sockets::None, _) => all.extend(SOCKETS),
    }
    if landlock < LANDLOCK_WITH_TRUNCATE {
        all.push(libc::SYS_truncate);
    }
    // No condition: always.
    rules.extend(all.into_iter().map(|number| (number, Vec::new())));

    for flag in NEW_NAMESPACES {
        when(&mut rules, libc::SYS_clone, &[has(0, *flag as u32)?])?;
    }
    when(
        &mut rules,
        libc::SYS_socketpair,
        &[SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, libc::AF_UNIX as u64)?],
    )?;
    // A datagram socket sends to any address, also when it has a partner. A raw local one is a datagram socket, too.
    for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW] {
        let is_kind = SeccompCondition::new(
            1,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(SOCKET_KIND_MASK),
            kind as u64,
        )?;
        when(&mut rules, libc::SYS_socketpair, &[is_kind])?;
    }
    // Typing into a terminal as its user, and pasting into a console.
    for request in [libc::TIOCSTI, libc::TIOCLINUX] {
        when(&mut rules, libc::SYS_ioctl, &[equals(1, request as u32)?])?;
    }
    set_id_bits(&mut rules)?;
    Ok(rules)
}

/// Nothing may be made that runs with the rights of its owner or group once it is started outside.
fn set_id_bits(rules: &mut Rules) -> Result<(), seccompiler::BackendError> {
    /// Not in the C library of every system yet.
    const SYS_FCHMODAT2: i64 = 452;
    for bit in [libc::S_ISUID, libc::S_ISGID] {
        for (number, argument) in [(libc::SYS_fchmod, 1), (libc::SYS_fchmodat, 2), (SYS_FCHMODAT2, 2)] {
            when(rules, number, &[has(argument, bit)?])?;
        }
        when(rules, libc::SYS_mknodat, &[has(2, bit)?])?;
        // Without the flag to create, the mode is not set and may be anything.
        when(rules, libc::SYS_openat, &[has(2, libc::O_CREAT as u32)?, has(3, bit)?])?;
        when(rules, libc::SYS_openat, &[has(2, temporary_file_flag())?, has(3, bit)?])?;
        #[cfg(target_arch = "x86_64")]
        {
            when(rules, libc::SYS_chmod, &[has(1, bit)?])?;
            when(rules, libc::SYS_creat, &[has(1, bit)?])?;
            when(rules, libc::SYS_mknod, &[has(1, bit)?])?;
            when(rules, libc::SYS_open, &[has(1, libc::O_CREAT as u32)?, has(2, bit)?])?;
            when(rules, libc::SYS_open, &[has(1, temporary_file_flag())?, has(2, bit)?])?;
        }
    }
    Ok(())
}

/// `O_TMPFILE` without the flag for folders, which is part of it but common.
fn temporary_file_flag() -> u32 {
    (libc::O_TMPFILE & !libc::O_DIRECTORY) as u32
}

fn has(argument: u8, bits: u32) -> Result<SeccompCondition, seccompiler::BackendError> {
    let bits = u64::from(bits);
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bits), bits)
}

fn equals(argument: u8, value: u32) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(value))
}

/// Adds a rule for a call that is refused only if all conditions hold.
fn when(
    rules: &mut Rules,
    number: i64,
    conditions: &[SeccompCondition],
) -> Result<(), seccompiler::BackendError> {
    rules.entry(number).or_default().push(SeccompRule::new(conditions.to_vec())?);
    Ok(())
}
