//! `okcvm demo`: the demo job, for a machine without a window.

use std::path::PathBuf;

use okcvm_host::Host;
use okcvm_protocol::{AppError, CommandHandler, DEMO_PROFILE, SessionParams};

use crate::arguments::DemoArguments;
use crate::failure::Failure;
use crate::files::{self, NamedFiles};
use crate::output::{self, Format};
use crate::run::{self, Place};
use crate::stops::Stops;
use crate::tree;

/// Data for a first look. The figures are plainly made up, and the name of the file says so.
const EXAMPLE: &str = include_str!("example-harvest.csv");
const EXAMPLE_NAME: &str = "example-harvest.csv";

pub(crate) async fn answer(host: &Host, arguments: DemoArguments, stops: &Stops) -> Result<(), Failure> {
    let file = match arguments.file {
        Some(file) => file,
        None => example(host)?,
    };
    let files = NamedFiles::check(&[file], &host.settings().import)?;
    let format = Format::of(arguments.json);
    if format == Format::Text {
        output::note("The demo model is scripted; everything that it does is done by the real tools.\n");
    }
    // The script publishes what it makes, and nothing else; whoever starts it has asked for that.
    host.engine().allow_for_run("deploy_website", "*")?;
    let made = run::find_session(host, Place::New).await?;
    let running = made
        .used_by(host, async |id| {
            host.engine().configure_session(id, Some(DEMO_PROFILE), None)?;
            let attachments = files::copy_in(host, id, &files, stops).await?;
            run::begin(host, id, "Make a website about this data.", attachments, stops).await
        })
        .await?;
    let end = running.follow(host, stops, format).await?;
    let detail = host.session_open(SessionParams { session_id: made.id.clone() }).await?;
    if format == Format::Text {
        output::line("\nMade:");
        output::line(&format!("  workspace  {}", detail.workspace_path));
        for deployment in &detail.deployments {
            let (_, folder) = host.deployment(&deployment.id)?;
            output::line(&format!("  site       {}", run::shown(&folder.join("index.html"))));
            if !deployment.url.is_empty() {
                output::line(&format!("  address    {} (while the window is open)", deployment.url));
            }
        }
        output::line("\nSession tree:");
        for line in tree::draw(&detail.tree, detail.current_node.as_ref()) {
            output::line(&format!("  {line}"));
        }
        output::line(&format!("\nSession {}", made.id));
    }
    end.outcome()
}

/// The example as a file, in the data folder, to be copied in like a file of the user.
fn example(host: &Host) -> Result<PathBuf, AppError> {
    let folder = host.data().root().join("examples");
    let path = folder.join(EXAMPLE_NAME);
    std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, EXAMPLE)).map_err(|error| {
        AppError::new(format!("{} cannot be written.", path.display())).with_detail(error.to_string())
    })?;
    Ok(path)
}
