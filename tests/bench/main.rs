//! `npm run bench [-- NAME] [--json] [--row TEXT] [--small]`: what our work costs beside another way to do it, in one
//! run on the same files.
//!
//! Ratios are the measure; absolute times depend on the machine and are only printed. Every figure is the median of
//! seven rounds in which the sides take turns; where one round of another side takes more than ten seconds there are
//! three, and the row's name says so.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark speaks to the terminal")]

mod events;
mod files;
mod measure;
mod previews;
mod row;
mod sandbox;
mod snapshots;

use std::process::ExitCode;

use clap::Parser;

use crate::row::Row;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Measures all wanted rows of one benchmark.
type Bench = fn(&Plan, &mut dyn FnMut(Row)) -> Outcome<()>;

#[derive(Parser)]
#[command(name = "okcvm-bench")]
struct Arguments {
    /// Only this benchmark: snapshots, sandbox, events or previews
    name: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Only rows whose name holds this text
    #[arg(long, value_name = "TEXT")]
    row: Option<String>,
    /// Leave out what needs a hundred thousand files
    #[arg(long)]
    small: bool,
    /// Record one workspace and print the peak of memory; how a row measures itself
    #[arg(long, hide = true, num_args = 2, value_names = ["WORKSPACE", "HISTORY"])]
    peak_memory: Option<Vec<std::path::PathBuf>>,
}

/// What is to be measured.
pub(crate) struct Plan {
    row: Option<String>,
    small: bool,
}

impl Plan {
    /// Whether any of the rows is asked for, so that what they need has to be made.
    pub(crate) fn wants(&self, names: &[&str]) -> bool {
        self.row.as_ref().is_none_or(|text| names.iter().any(|name| name.contains(text.as_str())))
    }

    /// Whether a workspace of so many files is to be made.
    pub(crate) fn allows(&self, files: usize) -> bool {
        !self.small || files < 100_000
    }
}

fn main() -> ExitCode {
    okcvm_sandbox::run_helper_if_asked();
    let arguments = Arguments::parse();
    if let Some([workspace, history]) = arguments.peak_memory.as_deref() {
        return match snapshots::record_and_tell_peak(workspace, history) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let benches: [(&str, Bench); 4] = [
        ("snapshots", snapshots::rows),
        ("sandbox", sandbox::rows),
        ("events", events::rows),
        ("previews", previews::rows),
    ];
    let wanted = arguments.name.as_deref();
    if let Some(name) = wanted
        && !benches.iter().any(|(known, _)| *known == name)
    {
        eprintln!("There is no benchmark named {name}. There are: snapshots, sandbox, events, previews.");
        return ExitCode::from(2);
    }
    let plan = Plan { row: arguments.row, small: arguments.small };
    if !arguments.json {
        println!("{}", Row::heading());
    }
    for (name, rows) in benches {
        if wanted.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let measured = rows(&plan, &mut |row| {
            if !plan.wants(&[&row.name]) {
                return;
            }
            if arguments.json {
                println!("{}", row.as_json());
            } else {
                println!("{}", row.as_text());
            }
        });
        if let Err(error) = measured {
            eprintln!("{name} could not be measured: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
