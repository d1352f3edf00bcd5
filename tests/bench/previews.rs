//! The first rows of a large table beside those of a small one, and any row of it beside the first.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use okcvm_preview::{Shelf, Source, Tables, TellTable, describe};
use okcvm_workspace::{Workspace, WorkspacePath};

use crate::measure::{compare, timed};
use crate::row::{Bar, Figures, Row};
use crate::{Outcome, Plan};

const SMALL: u64 = 1_000_000;
const LARGE: u64 = 200_000_000;
/// What is done in one round; opening one table takes less than a clock can tell well.
const TIMES: usize = 20;

pub(crate) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let first = "first rows of a 200 MB table, beside those of 1 MB".to_owned();
    let facts = "what a 200 MB table is, beside one of 1 MB".to_owned();
    let any = "rows from the end of a 200 MB table, beside its start".to_owned();
    let counted = "all rows of a 200 MB table counted".to_owned();
    if !plan.wants(&[&first, &facts, &any, &counted]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let total = table(&folder.path().join("large.csv"), LARGE)?;
    table(&folder.path().join("small.csv"), SMALL)?;
    let workspace = Workspace::open(folder.path())?;
    let source = |name: &str| -> Outcome<Source> {
        Ok(Source::Live { workspace: workspace.clone(), path: WorkspacePath::parse(name)? })
    };
    let (large, small) = (source("large.csv")?, source("small.csv")?);
    let quiet: TellTable = Arc::new(|_| {});
    let tables = Tables::new(folder.path().join("spool"), quiet);
    let opened = |source: &Source| {
        timed(|| {
            for _ in 0..TIMES {
                let handle = tables.open(source.open()?, None)?;
                if handle.first.len() != 200 {
                    return Err("the first rows are not 200".into());
                }
                tables.close(&handle.id);
            }
            Ok(())
        })
    };
    let (ours, other) = compare(|_| opened(&large), |_| opened(&small))?;
    let figures = Figures::Times { ours, other: Some(other) };
    tell(Row { bench: "previews", name: first, figures, bar: Bar::AtMostTimes(2.0) });

    let shelf = Shelf::new(folder.path().join("shelf"));
    let described = |source: &Source| timed(|| Ok(describe(source, &shelf)?));
    // Eight megabytes are looked through, and a small file is known by its content from the second time on.
    let (ours, other) = compare(|_| described(&large), |_| described(&small))?;
    let figures = Figures::Times { ours, other: Some(other) };
    tell(Row { bench: "previews", name: facts, figures, bar: Bar::Within(Duration::from_millis(200)) });

    let (sender, told) = channel();
    let sender = std::sync::Mutex::new(sender);
    let telling: TellTable = Arc::new(move |progress| {
        // Nobody listens any more once it is counted.
        if let Ok(sender) = sender.lock() {
            let _ = sender.send(progress);
        }
    });
    let tables = Tables::new(folder.path().join("spool"), telling);
    let mut last = None;
    let counting = timed(|| {
        let handle = tables.open(large.open()?, None)?;
        while !told.recv()?.done {}
        last = Some(handle.id);
        Ok(())
    })?;
    tell(Row {
        bench: "previews",
        name: counted,
        figures: Figures::Times { ours: counting, other: None },
        bar: Bar::Within(Duration::from_secs(4)),
    });
    let id = last.ok_or("no table was opened")?;
    let read = |from: u64| {
        timed(|| {
            for _ in 0..TIMES {
                if tables.rows(&id, from, 100)?.rows.len() != 100 {
                    return Err("rows are missing".into());
                }
            }
            Ok(())
        })
    };
    let (ours, other) = compare(|_| read(total - 100), |_| read(0))?;
    let figures = Figures::Times { ours, other: Some(other) };
    // Up to a thousand rows are passed over from the nearest mark.
    tell(Row { bench: "previews", name: any, figures, bar: Bar::AtMostTimes(4.0) });
    Ok(())
}

/// A table of about so many bytes; gives its rows below the first.
fn table(path: &Path, bytes: u64) -> Outcome<u64> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let head = "id,city,\"name, full\",value,remark\n";
    file.write_all(head.as_bytes())?;
    let (mut written, mut rows) = (head.len() as u64, 0_u64);
    while written < bytes {
        let line = format!(
            "{rows},Zürich,\"Example, {}\",{}.5,some words of a remark\n",
            rows % 977,
            rows * 31 % 10_007
        );
        file.write_all(line.as_bytes())?;
        written += line.len() as u64;
        rows += 1;
    }
    file.flush()?;
    Ok(rows)
}
