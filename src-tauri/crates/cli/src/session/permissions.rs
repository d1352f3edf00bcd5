//! What the agent of a session may do without asking, and what the person deleted.

use okcvm_host::Host;
use okcvm_protocol::{
    AppError, BringBackParams, CommandHandler, DeletedFile, DeletedFileParams, ErrorCode, FilesParams,
    PermissionMode, PermissionRule, RuleListParams, RuleMatch, RuleParams, SessionModeParams, SessionParams,
};

use super::{find, find_node};
use crate::arguments::{FilesCommand, Mode};
use crate::failure::Failure;
use crate::output::{self, Format};

impl From<Mode> for PermissionMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Plan => Self::Plan,
            Mode::Ask => Self::Ask,
            Mode::Auto => Self::Auto,
        }
    }
}

/// Shows the mode of a session, after changing it if one is named.
pub(super) async fn mode(
    host: &Host,
    session: &str,
    mode: Option<Mode>,
    format: Format,
) -> Result<(), Failure> {
    let mut summary = find(host, session)?;
    if let Some(mode) = mode {
        let params = SessionModeParams { session_id: summary.id, mode: mode.into() };
        summary = host.session_set_mode(params).await?;
    }
    if format == Format::Json {
        return Ok(output::json(&serde_json::json!({ "sessionId": summary.id, "mode": summary.mode }))?);
    }
    output::line(match summary.mode {
        PermissionMode::Plan => "plan",
        PermissionMode::Ask => "ask",
        PermissionMode::Auto => "auto",
    });
    Ok(())
}

/// Lists the rules of a session, or, without one, those of every session; or takes one away.
pub(crate) async fn rules(
    host: &Host,
    session: Option<&str>,
    remove: Option<&str>,
    format: Format,
) -> Result<(), Failure> {
    let session_id = session.map(|session| find(host, session)).transpose()?.map(|summary| summary.id);
    let rules = host.rule_list(RuleListParams { session_id }).await?.rules;
    if let Some(wanted) = remove {
        let rule = named(&rules, wanted)?;
        host.rule_remove(RuleParams { id: rule.id.clone() }).await?;
        output::line(&format!("Taken away: {}", shown(rule)));
        return Ok(());
    }
    if format == Format::Json {
        return Ok(output::json(&rules)?);
    }
    if rules.is_empty() {
        output::note("There are no rules.");
    }
    for rule in &rules {
        output::line(&format!("{}  {}", rule.id, shown(rule)));
    }
    Ok(())
}

fn named<'a>(rules: &'a [PermissionRule], wanted: &str) -> Result<&'a PermissionRule, AppError> {
    let mut fits = rules.iter().filter(|rule| {
        !wanted.is_empty() && (rule.id.as_str().starts_with(wanted) || rule.id.as_str().ends_with(wanted))
    });
    match (fits.next(), fits.next()) {
        (Some(rule), None) => Ok(rule),
        (Some(_), Some(_)) => Err(AppError::new(format!("More than one rule fits “{wanted}”."))),
        (None, _) => Err(AppError::new(format!("There is no rule “{wanted}” here."))
            .with_code(ErrorCode::NotFound)
            .with_hint("The same command without `--remove` lists them.")),
    }
}

fn shown(rule: &PermissionRule) -> String {
    let kind = match rule.pattern.kind {
        RuleMatch::Exact => "",
        RuleMatch::Glob => " (a pattern)",
    };
    let untrusted = if rule.covers_untrusted { ", also after something untrusted was read" } else { "" };
    format!("{} {}{kind}{untrusted}", rule.tool, output::name(&rule.pattern.text))
}

/// `okcvm session files`.
pub(super) async fn files(host: &Host, command: FilesCommand) -> Result<(), Failure> {
    match command {
        FilesCommand::Delete { session, paths, json } => {
            let session_id = find(host, &session)?.id;
            let deleted = host.file_delete(FilesParams { session_id, paths }).await?.files;
            if json {
                return Ok(output::json(&deleted)?);
            }
            for file in deleted {
                output::line(&format!("{}  {}", file.id, output::name(&file.entry.path)));
            }
        }
        FilesCommand::Trash { session, json } => {
            let session_id = find(host, &session)?.id;
            let files = host.file_trash_list(SessionParams { session_id }).await?.files;
            if json {
                return Ok(output::json(&files)?);
            }
            if files.is_empty() {
                output::note("No file of this session lies in the trash.");
            }
            for file in files {
                let until = output::moment(file.purge_at);
                output::line(&format!("{}  {}  (until {until})", file.id, output::name(&file.entry.path)));
            }
        }
        FilesCommand::Recover { session, file, json } => {
            let session_id = find(host, &session)?.id;
            let files = host.file_trash_list(SessionParams { session_id: session_id.clone() }).await?.files;
            let found = match in_trash(&files, &file)?.as_slice() {
                // The latest comes first.
                [found, others @ ..] if found.entry.path == file => {
                    if !others.is_empty() {
                        let more = others.len();
                        output::note(&format!(
                            "Of that path {more} more lie in the trash; this was deleted last."
                        ));
                    }
                    *found
                }
                fits => only(fits, &file)?,
            };
            let params = DeletedFileParams { session_id, id: found.id.clone() };
            let recovered = host.file_recover(params).await?;
            if json {
                return Ok(output::json(&recovered)?);
            }
            output::line(&format!("{} is back.", output::name(&recovered.path)));
        }
        FilesCommand::Purge { session, file, json } => {
            let session_id = find(host, &session)?.id;
            let files = host.file_trash_list(SessionParams { session_id: session_id.clone() }).await?.files;
            let found = only(&in_trash(&files, &file)?, &file)?;
            let params = DeletedFileParams { session_id, id: found.id.clone() };
            host.file_purge(params.clone()).await?;
            if json {
                return Ok(output::json(&params)?);
            }
            output::line(&format!("{} is gone for good.", output::name(&found.entry.path)));
        }
        FilesCommand::BringBack { session, node, paths, json } => {
            let session_id = find(host, &session)?.id;
            let node_id = find_node(host, &session_id, &node)?;
            let paths = (!paths.is_empty()).then_some(paths);
            let outcome = host.turn_bring_back(BringBackParams { session_id, node_id, paths }).await?;
            if json {
                return Ok(output::json(&outcome)?);
            }
            let back = match outcome.written {
                0 => "Empty folders".to_owned(),
                count => super::files(count),
            };
            output::line(&format!("{back} brought back. `okcvm session undo` takes that back."));
            super::moves::stay(&outcome.unwritten);
        }
    }
    Ok(())
}

/// What in the trash has this path; if nothing has, what has this id, or it as the beginning or end of one.
fn in_trash<'a>(files: &'a [DeletedFile], wanted: &str) -> Result<Vec<&'a DeletedFile>, AppError> {
    let mut fits: Vec<&DeletedFile> = files.iter().filter(|known| known.entry.path == wanted).collect();
    if fits.is_empty() && !wanted.is_empty() {
        let named = |known: &&DeletedFile| {
            known.id.as_str().starts_with(wanted) || known.id.as_str().ends_with(wanted)
        };
        fits = files.iter().filter(named).collect();
    }
    if fits.is_empty() {
        return Err(AppError::new(format!("“{wanted}” does not lie in the trash of this session."))
            .with_code(ErrorCode::NotFound)
            .with_hint("`okcvm session files trash` lists what does."));
    }
    Ok(fits)
}

fn only<'a>(fits: &[&'a DeletedFile], wanted: &str) -> Result<&'a DeletedFile, AppError> {
    match fits {
        [found] => Ok(found),
        _ => Err(AppError::new(format!("More than one in the trash fits “{wanted}”."))
            .with_hint("`okcvm session files trash` shows their ids.")),
    }
}
