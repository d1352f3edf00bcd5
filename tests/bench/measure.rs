//! What a piece of work costs, and the medians of several sides that take turns.

use std::time::{Duration, Instant};

use crate::Outcome;

/// Rounds of every row.
const ROUNDS: usize = 7;
/// Where one round of another side takes longer than [`SLOW`].
const FEW_ROUNDS: usize = 3;
const SLOW: Duration = Duration::from_secs(10);

/// What something cost.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// User and system time of this process, all its threads, and its children.
    pub(crate) cpu: Duration,
}

/// Where the clocks stood when something began.
pub(crate) struct Begun {
    wall: Instant,
    cpu: Duration,
}

impl Begun {
    pub(crate) fn now() -> Self {
        Self { cpu: cpu(), wall: Instant::now() }
    }

    pub(crate) fn cost(&self) -> Cost {
        let wall = self.wall.elapsed();
        Cost { wall, cpu: cpu().saturating_sub(self.cpu) }
    }

    /// The processor time up to now for a waiting that ended before.
    pub(crate) fn cost_after(&self, wall: Duration) -> Cost {
        Cost { wall, cpu: cpu().saturating_sub(self.cpu) }
    }

    pub(crate) fn wall(&self) -> Duration {
        self.wall.elapsed()
    }
}

/// What it costs.
pub(crate) fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<Cost> {
    let begun = Begun::now();
    work()?;
    Ok(begun.cost())
}

/// One way to do the work: a round, with what it needs before, and its cost.
pub(crate) type Side<'a> = Box<dyn FnMut(usize) -> Outcome<Cost> + 'a>;

/// The medians of all sides, and the rounds that they are of.
pub(crate) struct Medians {
    pub(crate) costs: Vec<Cost>,
    pub(crate) rounds: usize,
}

impl Medians {
    /// For the name of a row, where the rounds were fewer than usual.
    pub(crate) fn remark(&self) -> String {
        if self.rounds == ROUNDS { String::new() } else { format!(", {} rounds", self.rounds) }
    }
}

/// Lets the sides take turns, another one first in every round; `prepare` runs before each round. The first
/// side is ours; if a round of another takes more than ten seconds there are only three.
pub(crate) fn rounds(
    mut prepare: impl FnMut(usize) -> Outcome<()>,
    mut sides: Vec<Side<'_>>,
) -> Outcome<Medians> {
    let count = sides.len();
    let mut costs = vec![Vec::new(); count];
    let mut rounds = ROUNDS;
    let mut round = 0;
    while round < rounds {
        prepare(round)?;
        for turn in 0..count {
            let side = (turn + round) % count;
            let cost = sides[side](round)?;
            if side > 0 && cost.wall > SLOW {
                rounds = FEW_ROUNDS;
            }
            costs[side].push(cost);
        }
        round += 1;
    }
    Ok(Medians { costs: costs.iter().map(|costs| median(costs)).collect(), rounds: round })
}

/// The medians of two sides that take turns.
pub(crate) fn compare(
    ours: impl FnMut(usize) -> Outcome<Cost>,
    other: impl FnMut(usize) -> Outcome<Cost>,
) -> Outcome<(Cost, Cost)> {
    let medians = rounds(|_| Ok(()), vec![Box::new(ours), Box::new(other)])?;
    Ok((medians.costs[0], medians.costs[1]))
}

/// Wall and processor time each by itself.
fn median(costs: &[Cost]) -> Cost {
    let middle = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    Cost {
        wall: middle(costs.iter().map(|cost| cost.wall).collect()),
        cpu: middle(costs.iter().map(|cost| cost.cpu).collect()),
    }
}

fn cpu() -> Duration {
    of(libc::RUSAGE_SELF) + of(libc::RUSAGE_CHILDREN)
}

#[allow(unsafe_code, reason = "no safe wrapper of getrusage among our libraries; it only fills a structure")]
fn of(who: libc::c_int) -> Duration {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a structure of the right type; all zeroes are a valid value of it.
    let usage = unsafe {
        libc::getrusage(who, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |value: libc::timeval| {
        Duration::from_secs(value.tv_sec as u64) + Duration::from_micros(value.tv_usec as u64)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Bytes of memory of this process at the peak of some work, above what there was before it.
pub(crate) fn peak_above(work: impl FnOnce() -> Outcome<()>) -> Outcome<u64> {
    let of = |name: &str| -> Outcome<u64> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
        Ok(line.trim_matches(|mark: char| !mark.is_ascii_digit()).parse::<u64>()? * 1024)
    };
    // Sets the peak to what is now (proc(5)).
    std::fs::write("/proc/self/clear_refs", "5")?;
    let before = of("VmRSS:")?;
    work()?;
    Ok(of("VmHWM:")?.saturating_sub(before))
}

/// Time that threads of this name have run. What a watch costs while the files are being changed is ours,
/// too, though nobody waits for it.
pub(crate) fn thread_cpu(name: &str) -> Duration {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let run = |folder: std::path::PathBuf| {
        let own = std::fs::read_to_string(folder.join("comm")).ok()?;
        // The first figure: nanoseconds on a processor.
        let times = std::fs::read_to_string(folder.join("schedstat")).ok()?;
        (own.trim_end() == name).then(|| times.split(' ').next()?.parse::<u64>().ok()).flatten()
    };
    let nanoseconds = threads.flatten().filter_map(|thread| run(thread.path())).sum();
    Duration::from_nanos(nanoseconds)
}
