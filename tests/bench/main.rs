//! `npm run bench [-- NAME] [--json]`: what our work costs beside another way to do it, in one run on the same files.
//!
//! Ratios are the measure; absolute times depend on the machine and are only printed. Every figure is the median of
//! seven rounds in which both sides take turns.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark speaks to the terminal")]

mod events;
mod files;
mod sandbox;
mod snapshots;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Measures all rows of one benchmark.
type Bench = fn() -> Outcome<Vec<Row>>;

/// Rounds of every row.
const ROUNDS: usize = 7;

#[derive(Parser)]
#[command(name = "okcvm-bench")]
struct Arguments {
    /// Only this benchmark: snapshots, sandbox or events
    name: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// What must hold between the two sides.
#[derive(Clone, Copy)]
enum Bar {
    /// Ours is at least so many times as fast.
    FasterBy(f64),
    /// Ours costs at most so many times as much.
    CostsAtMost(f64),
}

/// One figure.
struct Row {
    bench: &'static str,
    name: String,
    ours: Duration,
    other: Duration,
    bar: Bar,
}

impl Row {
    /// Ratio, bar in words, and whether it holds.
    fn judged(&self) -> (f64, String, bool) {
        let (ours, other) = (self.ours.as_secs_f64(), self.other.as_secs_f64());
        match self.bar {
            Bar::FasterBy(bar) => (other / ours, format!(">= {bar}x"), other / ours >= bar),
            Bar::CostsAtMost(bar) => (ours / other, format!("<= {bar}x"), ours / other <= bar),
        }
    }

    fn show(&self, json: bool) {
        let (ratio, bar, holds) = self.judged();
        let milliseconds = |duration: Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
        let (ours, other) = (milliseconds(self.ours), milliseconds(self.other));
        let ratio = (ratio * 100.0).round() / 100.0;
        if json {
            let line = serde_json::json!({
                "bench": self.bench, "row": self.name, "ours_ms": ours, "other_ms": other,
                "ratio": ratio, "bar": bar, "holds": holds,
            });
            println!("{line}");
        } else {
            let verdict = if holds { "holds" } else { "MISSED" };
            println!(
                "{:<10} {:<52} ours {ours:>9.3} ms   other {other:>9.3} ms   {ratio:>7.2}x   {bar:<8} {verdict}",
                self.bench, self.name
            );
        }
    }
}

/// The medians of both sides, which take turns.
fn compare(
    mut ours: impl FnMut(usize) -> Outcome<Duration>,
    mut other: impl FnMut(usize) -> Outcome<Duration>,
) -> Outcome<(Duration, Duration)> {
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        if round % 2 == 0 {
            left.push(ours(round)?);
            right.push(other(round)?);
        } else {
            right.push(other(round)?);
            left.push(ours(round)?);
        }
    }
    Ok((median(left), median(right)))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// How long it takes.
fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<Duration> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

fn main() -> ExitCode {
    okcvm_sandbox::run_helper_if_asked();
    let arguments = Arguments::parse();
    let benches: [(&str, Bench); 3] =
        [("snapshots", snapshots::rows), ("sandbox", sandbox::rows), ("events", events::rows)];
    let wanted = arguments.name.as_deref();
    if let Some(name) = wanted
        && !benches.iter().any(|(known, _)| *known == name)
    {
        eprintln!("There is no benchmark named {name}. There are: snapshots, sandbox, events.");
        return ExitCode::from(2);
    }
    for (name, rows) in benches {
        if wanted.is_some_and(|wanted| wanted != name) {
            continue;
        }
        match rows() {
            Ok(rows) => rows.iter().for_each(|row| row.show(arguments.json)),
            Err(error) => {
                eprintln!("{name} could not be measured: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
