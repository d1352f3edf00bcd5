//! The `okcvm` command: the same engine without a window.
//!
//! A library with one function, so that the tests can build the command as a program of their own.

mod arguments;
mod asking;
mod config;
mod demo;
mod doctor;
mod failure;
mod files;
mod output;
mod python;
mod run;
mod session;
mod stops;
mod tool;
mod tree;
mod view;

use std::process::ExitCode;

use clap::Parser;
use okcvm_host::{
    Console, DataFolder, Environment, Host, HostOptions, LogGuard, Redactor, Serving, Watching, start_logging,
};
use okcvm_protocol::AppError;

use crate::arguments::{Arguments, Command, ConfigCommand, ToolCommand};
use crate::failure::Failure;
use crate::output::Format;
use crate::stops::Stops;

/// Everything between the arguments of the process and its exit code.
pub fn main() -> ExitCode {
    okcvm_host::run_helper_if_asked();
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = AppError::new("The program could not start.").with_detail(error.to_string());
            return failure::exit_code(Err(error.into()), Ok(()));
        }
    };
    let result = runtime.block_on(answer(arguments));
    let written = output::finish();
    // A blocking call that hangs must not keep the program from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    failure::exit_code(result, written)
}

async fn answer(arguments: Arguments) -> Result<(), Failure> {
    let environment = Environment::of_process()?;
    let data = DataFolder::find(&environment)?;
    let redactor = Redactor::new();
    let log = prepare(&environment, &data, &redactor);
    if let Command::Doctor { json } = arguments.command {
        return examine(log, environment, &data, redactor, Format::of(json)).await;
    }
    if let Command::Config { command } = &arguments.command
        && !matches!(command, ConfigCommand::Rules { .. })
    {
        // Settings can be looked at in a folder that cannot be written, too.
        return config::answer(command, &environment, &data);
    }
    let log = log?;
    say_what_is_not_logged(&log);
    match arguments.command {
        Command::Run(run) => {
            let host = open(environment, &redactor)?;
            let stops = Stops::listen()?;
            probe_keys(&host).await;
            let result = closing(&host, run::answer(&host, run, &stops)).await;
            let said = host.engine().notices();
            keep_house(&host, &stops).await;
            for notice in host.engine().notices() {
                // To what a session said before, more was added.
                let before = said
                    .iter()
                    .filter(|before| notice.starts_with(before.as_str()))
                    .max_by_key(|before| before.len());
                let new = notice[before.map_or(0, String::len)..].trim();
                if !new.is_empty() {
                    output::note(new);
                }
            }
            result
        }
        Command::Session { command } => {
            let host = open(environment, &redactor)?;
            // A move of the files is carried to its end.
            let _stops = session::moves_files(&command).then(Stops::listen).transpose()?;
            closing(&host, session::answer(&host, command)).await
        }
        Command::Tool { command: ToolCommand::List { json } } => {
            tool::list(&open(environment, &redactor)?, Format::of(json)).await
        }
        Command::Tool { command: ToolCommand::Call(call) } => {
            let host = open(environment, &redactor)?;
            warn_of_settings(&host);
            closing(&host, tool::call(&host, call, redactor)).await
        }
        Command::Python { command } => {
            let host = open(environment, &redactor)?;
            closing(&host, python::answer(&host, command)).await
        }
        Command::Demo(demo) => {
            let host = open(environment, &redactor)?;
            let stops = Stops::listen()?;
            warn_of_settings(&host);
            closing(&host, demo::answer(&host, demo, &stops)).await
        }
        Command::Config { command: ConfigCommand::Rules { remove, json } } => {
            let host = open(environment, &redactor)?;
            session::rules(&host, None, remove.as_deref(), Format::of(json)).await
        }
        // Answered above, before anything that may fail.
        Command::Config { .. } | Command::Doctor { .. } => Ok(()),
    }
}

fn prepare(environment: &Environment, data: &DataFolder, redactor: &Redactor) -> Result<LogGuard, AppError> {
    data.create()?;
    start_logging(&data.logs(), environment.log_filter.as_deref(), Console::Quiet, redactor)
}

fn open(environment: Environment, redactor: &Redactor) -> Result<Host, AppError> {
    let helper = std::env::current_exe().map_err(|error| {
        AppError::new("The program does not know where it lies.").with_detail(error.to_string())
    })?;
    let options = HostOptions {
        environment,
        helper,
        watching: Watching::No,
        serving: Serving::No,
        preview_base: "preview://localhost/".to_owned(),
        engines: None,
    };
    let host = Host::open(options, redactor.clone())?;
    for left in host.left_behind().iter().filter(|left| left.ended + left.remaining > 0) {
        output::note(&format!(
            "An earlier run broke off and left “{}” running: {} ended, {} could not be ended.",
            left.title, left.ended, left.remaining
        ));
    }
    // This program ends with its own message; what waits in the session is for one that stays.
    host.engine().hold_queue();
    Ok(host)
}

/// Does the work, and leaves nothing running behind it.
async fn closing(host: &Host, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let result = work.await;
    // Whatever the command is: it may be the one that found it.
    for notice in host.engine().notices() {
        for matter in
            notice.lines().filter(|matter| !result.as_ref().is_err_and(|failure| failure.says(matter)))
        {
            output::note(matter);
        }
    }
    host.shut_down().await;
    result
}

/// Removes what is overdue in the trash, and what histories have over their budgets, so that it goes without a window,
/// too. A signal calls it off.
async fn keep_house(host: &Host, stops: &Stops) {
    if stops.came() {
        return;
    }
    let _telling = session::room::tell_tidying(host);
    let shared = host.clone();
    let keeping = tokio::task::spawn_blocking(move || {
        shared.engine().purge_overdue()?;
        shared.engine().tidy_what_is_over_budget()
    });
    tokio::pin!(keeping);
    let kept = tokio::select! {
        kept = &mut keeping => kept,
        () = stops.stopped() => {
            host.engine().cancel_all_tidying();
            keeping.await
        }
    };
    if let Ok(Err(error)) = kept {
        tracing::warn!(%error, "the housekeeping was cut short");
    }
}

fn say_what_is_not_logged(log: &LogGuard) {
    if let Some(problem) = log.problem() {
        output::note(&format!("{problem} This goes on without a log."));
    }
}

fn warn_of_settings(host: &Host) {
    if let Some(problem) = host.settings_problem() {
        output::note(&problem.to_string());
    }
}

async fn probe_keys(host: &Host) {
    let shared = host.clone();
    // The result is part of the status that is asked for later.
    let _ = tokio::task::spawn_blocking(move || shared.probe_keys()).await;
}

async fn examine(
    log: Result<LogGuard, AppError>,
    environment: Environment,
    data: &DataFolder,
    redactor: Redactor,
    format: Format,
) -> Result<(), Failure> {
    let opened = match log {
        Ok(log) => open(environment, &redactor).map(|host| (host, log)),
        Err(problem) => Err(problem),
    };
    match opened {
        Ok((host, log)) => {
            say_what_is_not_logged(&log);
            probe_keys(&host).await;
            doctor::answer(&host, format)
        }
        Err(problem) => doctor::without_engine(data, problem, format),
    }
}
