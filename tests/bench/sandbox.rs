//! A sandboxed `true` beside a direct one.

use std::process::Command;

use okcvm_sandbox::Sandbox;
use tokio_util::sync::CancellationToken;

use crate::measure::{compare, timed};
use crate::row::{Bar, Figures, Row};
use crate::{Outcome, Plan};

/// Commands in one measurement, so that a start of a few milliseconds can be seen.
const COMMANDS: usize = 20;

pub(crate) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let sandbox = Sandbox::probe(std::env::current_exe()?);
    let name = format!("{COMMANDS} times true, {}", sandbox.status().mode);
    if !plan.wants(&[&name]) {
        return Ok(());
    }
    sandbox.available()?;
    let (ours, other) = compare(
        |_| {
            timed(|| {
                runtime.block_on(async {
                    for _ in 0..COMMANDS {
                        let (sender, mut receiver) = tokio::sync::mpsc::channel(8);
                        let command = okcvm_sandbox::Command::new("true", folder.path());
                        let reading = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
                        sandbox.run(command, sender, &CancellationToken::new()).await?;
                        reading.await?;
                    }
                    Ok(())
                })
            })
        },
        |_| {
            timed(|| {
                for _ in 0..COMMANDS {
                    Command::new("/bin/sh").args(["-c", "true"]).status()?;
                }
                Ok(())
            })
        },
    )?;
    let figures = Figures::Times { ours, other: Some(other) };
    tell(Row { bench: "sandbox", name, figures, bar: Bar::AtMostTimes(8.0) });
    Ok(())
}
