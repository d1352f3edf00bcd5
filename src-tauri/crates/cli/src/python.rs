//! `okcvm python`: the Python environment by hand.

use okcvm_host::Host;
use okcvm_protocol::{PythonKernel, PythonRenewal, PythonState, PythonStatus};

use crate::arguments::PythonCommand;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::stops::{STOPPED, Stops};

pub(crate) async fn answer(host: &Host, command: PythonCommand) -> Result<(), Failure> {
    let (renewal, json) = match command {
        PythonCommand::Status { json } => return show(&host.python_now().await, Format::of(json)),
        PythonCommand::Create { json } => (PythonRenewal::Keep, json),
        PythonCommand::Repair { json } => (PythonRenewal::Replace, json),
    };
    let stops = Stops::listen()?;
    let made = host.make_python(renewal, &stops.token(), &|message| output::note(message)).await;
    if stops.came() {
        return Err(Failure::quiet(STOPPED));
    }
    show(&made?, Format::of(json))
}

fn show(status: &PythonStatus, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return Ok(output::json(status)?);
    }
    let state = match status.state {
        PythonState::Missing => "not made yet; the first use makes it",
        PythonState::Creating => "being made",
        PythonState::Ready => "complete",
        PythonState::Broken => "no longer works; `okcvm python repair` makes a new one",
    };
    output::line(&format!("Environment: {state}"));
    output::line(&format!("Folder:      {}", status.path));
    let kernel = match status.kernel {
        PythonKernel::Jupyter => "Jupyter's",
        PythonKernel::Plain => "the plain one of the app",
        PythonKernel::None => "none",
    };
    let reason = status.kernel_reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    output::line(&format!("Kernel:      {kernel}{reason}"));
    if let Some(version) = &status.version {
        output::line(&format!("Python:      {version}"));
    }
    if let (Some(tool), Some(size)) = (&status.tool, status.size) {
        output::line(&format!("Made with:   {tool}, {:.0} MB", size as f64 / 1e6));
    }
    for package in &status.packages {
        output::line(&format!("  {} {}", package.name, package.version));
    }
    if let Some(problem) = &status.problem {
        output::line(&format!("Problem:     {problem}"));
    }
    Ok(())
}
