//! The `okcvm` command: the same engine without a window.
//!
//! A library with one function, so that the tests can build the command as a program of their own.

mod arguments;
mod config;
mod demo;
mod failure;
mod output;
mod run;
mod session;
mod tool;

use std::process::ExitCode;

use clap::Parser;
use okcvm_host::{
    Console, DataFolder, Environment, Host, HostOptions, LogGuard, Redactor, Serving, Watching, start_logging,
};
use okcvm_protocol::AppError;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;

/// Everything between the arguments of the process and its exit code.
pub fn main() -> ExitCode {
    okcvm_host::run_helper_if_asked();
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return failure::report(&Failure::from(
                AppError::new("The program could not start.").with_detail(error.to_string()),
            ));
        }
    };
    let result = runtime.block_on(answer(arguments));
    // A blocking call that hangs must not keep the program from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure::report(&failure),
    }
}

async fn answer(arguments: Arguments) -> Result<(), Failure> {
    let environment = Environment::of_process()?;
    let data = DataFolder::find(&environment)?;
    data.create()?;
    let redactor = Redactor::new();
    let _log: LogGuard =
        start_logging(&data.logs(), environment.log_filter.as_deref(), Console::Quiet, &redactor)?;
    match arguments.command {
        Command::Config { command } => config::answer(&command, &environment, &data),
        Command::Run(run) => {
            let host = open(environment, Serving::No, redactor)?;
            probe_keys(&host).await;
            run::answer(&host, run).await
        }
        Command::Session { command } => {
            session::answer(&open(environment, Serving::No, redactor)?, command).await
        }
        Command::Tool { command } => tool::answer(&open(environment, Serving::No, redactor)?, command).await,
        Command::Demo(demo) => demo::answer(&open(environment, Serving::No, redactor)?, demo).await,
        Command::Doctor { json } => {
            let host = open(environment, Serving::No, redactor)?;
            probe_keys(&host).await;
            doctor(&host, json)
        }
    }
}

fn open(environment: Environment, serving: Serving, redactor: Redactor) -> Result<Host, AppError> {
    let helper = std::env::current_exe().map_err(|error| {
        AppError::new("The program does not know where it lies.").with_detail(error.to_string())
    })?;
    let options = HostOptions {
        environment,
        helper,
        watching: Watching::No,
        serving,
        preview_base: "preview://localhost/".to_owned(),
    };
    Host::open(options, redactor)
}

async fn probe_keys(host: &Host) {
    let shared = host.clone();
    // The result is part of the status that is asked for later.
    let _ = tokio::task::spawn_blocking(move || shared.probe_keys()).await;
}

fn doctor(host: &Host, json: bool) -> Result<(), Failure> {
    let checks = host.examine();
    if json {
        output::json(&checks)?;
    } else {
        for check in &checks {
            output::check(check);
        }
    }
    if checks.iter().any(|check| check.status == okcvm_protocol::CheckStatus::Failed) {
        return Err(Failure::quiet(1));
    }
    Ok(())
}
