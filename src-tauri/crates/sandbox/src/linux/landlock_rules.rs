//! The Landlock ruleset, in both tiers.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, Ruleset, RulesetAttr, RulesetCreatedAttr,
    Scope, make_bitflags, path_beneath_rules,
};

use super::Run;
use crate::Tier;
use crate::helper::{SetUp, Step};
use crate::policy::Network;

/// The newest version whose rules we know. Older kernels enforce what they know of it.
const NEWEST: ABI = ABI::V10;
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{Execute | ReadFile | ReadDir});
const DEVICE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate | IoctlDev});
/// Of the whole machine's `/proc`, what tells nothing about other processes.
const PUBLIC_PROC: &[&str] = &[
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/random",
    "/proc/sys/vm/overcommit_memory",
    "/proc/uptime",
    "/proc/version",
];

/// Restricts this process and all that come from it. Returns the version of Landlock that the kernel has.
pub(super) fn restrict(run: &Run) -> SetUp<i32> {
    let step = "Landlock";
    // Device files are of no use without a device, and nobody needs to make one.
    let write = AccessFs::from_all(NEWEST) & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    // In a tree of its own, what is below `/etc` is covered by one rule, and a link leads to what has one.
    let needs_a_rule = |path: &&std::path::PathBuf| match run.policy.tier {
        Tier::Full => !path.starts_with("/etc") && !path.is_symlink(),
        Tier::Reduced => true,
    };
    let readable: Vec<_> = run.policy.readable.iter().filter(needs_a_rule).collect();
    let ruleset = Ruleset::default().handle_access(AccessFs::from_all(NEWEST)).step(step)?;
    let ruleset = match run.policy.network {
        Network::None => ruleset.handle_access(AccessNet::from_all(NEWEST)).step(step)?,
        // Its network is its own, and the one way out is a proxy.
        Network::Proxy => ruleset,
    };
    let ruleset = ruleset
        .scope(Scope::from_all(NEWEST))
        .step(step)?
        .create()
        .step(step)?
        .add_rules(path_beneath_rules(readable, READ))
        .step(step)?
        .add_rules(path_beneath_rules(
            [run.workspace_inside.as_path(), run.private.home.as_path(), run.private.temporary.as_path()],
            write,
        ))
        .step(step)?
        .add_rules(path_beneath_rules(run.kept_inside(), write))
        .step(step)?;
    let ruleset = match run.policy.tier {
        Tier::Full => ruleset
            .add_rules(path_beneath_rules(["/etc", "/proc"], READ))
            .step(step)?
            // Names only: everything in this tree was put there to be seen.
            .add_rules(path_beneath_rules([Path::new("/")], AccessFs::ReadDir))
            .step(step)?
            // Its own, with nothing in it but what a program needs.
            .add_rules(path_beneath_rules(["/dev"], DEVICE | AccessFs::ReadDir))
            .step(step)?
            .add_rules(path_beneath_rules(["/dev/shm"], write))
            .step(step)?,
        Tier::Reduced => ruleset
            .add_rules(path_beneath_rules(PUBLIC_PROC, READ))
            .step(step)?
            .add_rules(path_beneath_rules(
                ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"],
                DEVICE,
            ))
            .step(step)?,
    };
    match ruleset.restrict_self().step(step)?.landlock {
        LandlockStatus::Available { effective_abi, kernel_abi } => {
            Ok(kernel_abi.unwrap_or(effective_abi as i32))
        }
        LandlockStatus::NotEnabled => Err("the kernel has it, but it is switched off").step(step),
        LandlockStatus::NotImplemented => {
            Err("the kernel does not have it (Linux 5.13 or later does)").step(step)
        }
    }
}
