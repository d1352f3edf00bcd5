//! `okcvm doctor`: what works here, also when hardly anything does.

use okcvm_host::{DataFolder, Host, SettingsFile};
use okcvm_protocol::{AppError, Check, CheckStatus};

use crate::failure::Failure;
use crate::output::{self, Format};

/// Everything, by an engine that runs.
pub(crate) fn answer(host: &Host, format: Format) -> Result<(), Failure> {
    show(&host.examine(), format)
}

/// What can be said without an engine, and why there is none.
pub(crate) fn without_engine(data: &DataFolder, problem: AppError, format: Format) -> Result<(), Failure> {
    let folder = folder_check(data);
    // Where nothing can be written, the rest has failed for no reason of its own.
    let blamed = folder.status == CheckStatus::Failed;
    let mut checks = vec![folder, settings_check(data)];
    if !blamed {
        checks.push(database_check(data, problem));
    }
    show(&checks, format)
}

fn show(checks: &[Check], format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => output::json(&checks)?,
        Format::Text => checks.iter().for_each(output::check),
    }
    if checks.iter().any(|check| check.status == CheckStatus::Failed) {
        return Err(Failure::quiet(1));
    }
    Ok(())
}

fn folder_check(data: &DataFolder) -> Check {
    let probe = data.root().join("write-test");
    let written = std::fs::write(&probe, b"test");
    // A full disk takes the file, but not what is in it.
    let removed = std::fs::remove_file(&probe);
    let written = written.and(removed);
    let folder = data.root().display();
    match written {
        Ok(()) => ok("Data folder", format!("{folder} can be written.")),
        Err(error) => failed(
            "Data folder",
            format!("{folder} cannot be written: {error}."),
            "Free some space, correct its owner, or set OKCVM_HOME to another folder.".into(),
        ),
    }
}

fn settings_check(data: &DataFolder) -> Check {
    let file = SettingsFile::read(&data.settings());
    match file.problem() {
        None => ok("Settings", format!("{} is in order.", file.path().display())),
        Some(AppError { message, hint, .. }) => Check {
            name: "Settings".into(),
            status: CheckStatus::Failed,
            message: message.clone(),
            hint: hint.clone(),
        },
    }
}

fn database_check(data: &DataFolder, problem: AppError) -> Check {
    let path = data.database();
    let detail = problem.detail.map_or_else(String::new, |detail| format!(" ({detail})"));
    let aside = format!(
        "If it is damaged, put a copy of it from a backup in its place, or move it aside to begin with an empty \
         list: the files and histories of all sessions stay in {}.",
        data.sessions().display()
    );
    let hint = problem.hint.map_or_else(|| aside.clone(), |hint| format!("{hint} {aside}"));
    failed("Database", format!("{}: {}{detail}", path.display(), problem.message), hint)
}

fn ok(name: &str, message: String) -> Check {
    Check { name: name.into(), status: CheckStatus::Ok, message, hint: None }
}

fn failed(name: &str, message: String, hint: String) -> Check {
    Check { name: name.into(), status: CheckStatus::Failed, message, hint: Some(hint) }
}
