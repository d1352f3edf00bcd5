//! Saving a copy of a moment.

use std::path::Path;
use std::time::{Duration, Instant};

use okcvm_host::{Host, encode_name};
use okcvm_protocol::{
    AppEvent, CommandHandler, EngineEvent, ExportCancelParams, ExportId, ExportReport, NodeExportParams,
};

use super::{files, find, find_node};
use crate::arguments::NodeArguments;
use crate::failure::Failure;
use crate::files::absolute;
use crate::output::{self, Format};
use crate::stops::{STOPPED, Stops};

/// Events that are read at once.
const MOST_AT_ONCE: usize = 100;
/// How often it is said how far it is.
const SAID: Duration = Duration::from_secs(2);

/// Saves the files of a node. A signal calls it off, and nothing of it stays.
pub(super) async fn export(
    host: &Host,
    place: &NodeArguments,
    to: &Path,
    force: bool,
    format: Format,
) -> Result<(), Failure> {
    let session_id = find(host, &place.session)?.id;
    let node_id = find_node(host, &session_id, &place.node)?;
    let stops = Stops::listen()?;
    let export_id = ExportId::new();
    let target = encode_name(absolute(to)?.as_os_str());
    let events = host.engine().events();
    let mut told = events.subscribe(events.last());
    let params =
        NodeExportParams { session_id, node_id, export_id: export_id.clone(), target, replace: force };
    let saving = host.node_export(params);
    tokio::pin!(saving);
    let mut said = Instant::now();
    let report = loop {
        tokio::select! {
            report = &mut saving => break report?,
            () = stops.stopped() => {
                host.node_export_cancel(ExportCancelParams { export_id }).await?;
                // It may have been complete by then.
                return match saving.await {
                    Ok(report) => say(&report, format),
                    Err(_) => Err(Failure::quiet(STOPPED)),
                };
            }
            events = told.next(MOST_AT_ONCE) => {
                for numbered in events {
                    if let EngineEvent::App { event: AppEvent::ExportProgress { progress, .. } } = numbered.event
                        && progress.id == export_id
                        && said.elapsed() >= SAID
                    {
                        said = Instant::now();
                        let (done, all) = (progress.files_done, progress.files);
                        output::waiting(format!("… {done} of {all} files"));
                    }
                }
            }
        }
    };
    say(&report, format)
}

fn say(report: &ExportReport, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return Ok(output::json(report)?);
    }
    for renamed in &report.renamed {
        output::note(&format!("{} is named {}", output::name(&renamed.path), output::name(&renamed.reason)));
    }
    let saved = files(u32::try_from(report.files).unwrap_or(u32::MAX));
    output::line(&format!("{saved} saved to {}.", output::name(&report.path)));
    Ok(())
}
