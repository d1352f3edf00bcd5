//! The first rows of a large table beside those of a small one, and any row of it beside the first.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use okcvm_preview::{Contents, Moment, PreviewTarget, Previews, Shelf, Source, Tables, TellTable, describe};
use okcvm_protocol::SnapshotId;
use okcvm_snapshots::{Author, History, RecordInfo};
use okcvm_workspace::{Workspace, WorkspacePath};

use crate::files::fill;
use crate::measure::{Cost, Side, compare, peak_above, rounds, timed};
use crate::row::{Bar, Figures, Row};
use crate::{Outcome, Plan};

const SMALL: u64 = 1_000_000;
const LARGE: u64 = 200_000_000;
/// What is done in one round; opening one table takes less than a clock can tell well.
const TIMES: usize = 20;

pub(crate) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    moments(plan, tell)?;
    ahead(plan, tell)?;
    let first = "first rows of a 200 MB table, beside those of 1 MB".to_owned();
    let facts = "what a 200 MB table is, beside one of 1 MB".to_owned();
    let any = "rows from the end of a 200 MB table, beside its start".to_owned();
    let counted = "all rows of a 200 MB table counted".to_owned();
    let memory = "memory that this takes at its peak, beside a table of 1 MB".to_owned();
    if !plan.wants(&[&first, &facts, &any, &counted, &memory]) {
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
    let mut count = |source: &Source| {
        timed(|| {
            let handle = tables.open(source.open()?, None)?;
            loop {
                let progress = told.recv()?;
                if progress.id == handle.id && progress.done {
                    break;
                }
            }
            last = Some(handle.id);
            Ok(())
        })
    };
    let mut counting = Cost::default();
    let other = peak_above(|| count(&small).map(|_| ()))?;
    let ours = peak_above(|| {
        counting = count(&large)?;
        Ok(())
    })?;
    tell(Row {
        bench: "previews",
        name: memory,
        figures: Figures::Bytes { ours, other: Some(other) },
        bar: Bar::Bytes(16_000_000),
    });
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

/// Snapshots of the site that is looked at as it was.
const MOMENTS: usize = 20;
/// Files beside the site.
const BESIDE: usize = 10_000;

/// Bytes of the picture on the site, another one at each moment.
const SITE_PICTURE: usize = 300_000;

/// A page of the history without a checkout, as a hand on the slider asks for it: what it is, its address, its bytes and
/// those of the two files that it draws on; the first time, and again.
fn moments(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let first = format!("a page as it was at one of {MOMENTS} moments, 10,000 files beside it");
    let again = "the same page again, or read ahead".to_owned();
    if !plan.wants(&[&first, &again]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let work = folder.path().join("work");
    std::fs::create_dir_all(work.join("site"))?;
    fill(&work, BESIDE)?;
    let workspace = Workspace::open(&work)?;
    let history = History::open(&folder.path().join("history"))?.history;
    let mut snapshots: Vec<SnapshotId> = Vec::new();
    for round in 0..MOMENTS {
        let page = format!("<h1>{round}</h1>{}", "<p>Some words of the page.</p>".repeat(2_000));
        std::fs::write(work.join("site/index.html"), page)?;
        std::fs::write(work.join("site/style.css"), format!("h1 {{ font-size: {}px }}", 20 + round))?;
        std::fs::write(work.join("site/picture.bin"), noise(round as u64, SITE_PICTURE))?;
        let info = RecordInfo { message: "bench", author: Author::Agent, at_ms: 1_700_000_000_000 };
        snapshots.push(history.record(&workspace, snapshots.last(), info)?.snapshot);
    }
    let previews = Previews::new("preview://localhost/".to_owned());
    // Each look at what was not looked at before finds an empty shelf.
    let shelves = std::cell::Cell::new(0_usize);
    let warm = Shelf::new(folder.path().join("shelf"));
    let cold = || {
        shelves.set(shelves.get() + 1);
        Shelf::new(folder.path().join(format!("shelf-{}", shelves.get())))
    };
    let look = |round: usize, contents: Contents, shelf: Shelf| {
        let snapshot = snapshots.get(round % MOMENTS).ok_or("no such moment")?.clone();
        timed(|| {
            let (history, snapshot) = (history.clone(), snapshot.clone());
            let moment =
                Moment::new(Arc::new(move || Ok((history.clone(), snapshot.clone()))), contents.clone());
            let path = WorkspacePath::parse("site/index.html")?;
            describe(&Source::Snapshot { moment: moment.clone(), path: path.clone() }, &shelf)?;
            let handle = previews.open(PreviewTarget::Snapshot { moment, path })?;
            let get = |address: &str| -> Outcome<Vec<u8>> {
                Ok(previews.respond(&http::Request::builder().uri(address).body(())?).into_body())
            };
            let page = get(&handle.url)?;
            let beside = handle.url.rsplit_once('/').map_or("", |(folder, _)| folder);
            let style = get(&format!("{beside}/style.css"))?;
            let picture = get(&format!("{beside}/picture.bin"))?;
            previews.close(&handle.token);
            let at = round % MOMENTS;
            let is_shown = String::from_utf8_lossy(&page).contains(&format!("<h1>{at}</h1>"))
                && String::from_utf8_lossy(&style).contains(&format!("{}px", 20 + at))
                && picture == noise(at as u64, SITE_PICTURE);
            if is_shown { Ok(()) } else { Err("another page was shown".into()) }
        })
    };
    let held = Contents::default();
    for round in 0..MOMENTS {
        look(round, held.clone(), warm.clone())?;
    }
    let sides: Vec<Side<'_>> = vec![
        Box::new(|round| look(round, Contents::default(), cold())),
        Box::new(|round| look(round, held.clone(), warm.clone())),
    ];
    let medians = rounds(|_| Ok(()), sides)?;
    for (name, cost, bar) in [(first, medians.costs[0], 150), (again, medians.costs[1], 50)] {
        let figures = Figures::Times { ours: cost, other: None };
        tell(Row { bench: "previews", name, figures, bar: Bar::Within(Duration::from_millis(bar)) });
    }
    Ok(())
}

/// Bytes of the picture that is read ahead.
const PICTURE: usize = 8_000_000;

/// A large picture of the history: as it is found, and where it was read ahead because it is a neighbour.
fn ahead(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let first = "a picture of 8 MB as it was at a moment, described and read".to_owned();
    let warmed = "the same, read ahead".to_owned();
    if !plan.wants(&[&first, &warmed]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let work = folder.path().join("work");
    std::fs::create_dir_all(&work)?;
    let workspace = Workspace::open(&work)?;
    let history = History::open(&folder.path().join("history"))?.history;
    std::fs::write(work.join("picture.bin"), noise(1, PICTURE))?;
    let info = RecordInfo { message: "bench", author: Author::Agent, at_ms: 1_700_000_000_000 };
    let snapshot = history.record(&workspace, None, info)?.snapshot;
    let previews = Previews::new("preview://localhost/".to_owned());
    let shelf = Shelf::new(folder.path().join("shelf"));
    let moment = |contents: Contents| {
        let (history, snapshot) = (history.clone(), snapshot.clone());
        Moment::new(Arc::new(move || Ok((history.clone(), snapshot.clone()))), contents)
    };
    let path = WorkspacePath::parse("picture.bin")?;
    let look = |contents: Contents| {
        timed(|| {
            let moment = moment(contents);
            describe(&Source::Snapshot { moment: moment.clone(), path: path.clone() }, &shelf)?;
            let handle = previews.open(PreviewTarget::Snapshot { moment, path: path.clone() })?;
            let answer = previews.respond(&http::Request::builder().uri(&handle.url).body(())?);
            previews.close(&handle.token);
            if answer.body().len() == PICTURE { Ok(()) } else { Err("the picture is not whole".into()) }
        })
    };
    let held = Contents::default();
    let target = PreviewTarget::Snapshot { moment: moment(held.clone()), path: path.clone() };
    previews.warm(&previews.open(target)?.token, None, &shelf);
    let sides: Vec<Side<'_>> =
        vec![Box::new(|_| look(Contents::default())), Box::new(|_| look(held.clone()))];
    let medians = rounds(|_| Ok(()), sides)?;
    for (name, cost, bar) in [(first, medians.costs[0], 150), (warmed, medians.costs[1], 50)] {
        let figures = Figures::Times { ours: cost, other: None };
        tell(Row { bench: "previews", name, figures, bar: Bar::Within(Duration::from_millis(bar)) });
    }
    Ok(())
}

/// So many bytes that do not get smaller when they are packed, others for each seed.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    noise.take(bytes).collect()
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
