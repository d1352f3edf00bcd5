//! `okcvm demo`: the demo job, for a machine without a window.

use std::path::PathBuf;

use okcvm_host::Host;
use okcvm_protocol::{AppError, CommandHandler, DEMO_PROFILE, NodeStatus, SessionParams};

use crate::arguments::DemoArguments;
use crate::failure::Failure;
use crate::{output, run, session};

/// Data for a first look. The figures are plainly made up, and the name of the file says so.
const EXAMPLE: &str = include_str!("example-harvest.csv");
const EXAMPLE_NAME: &str = "example-harvest.csv";

pub(crate) async fn answer(host: &Host, arguments: DemoArguments) -> Result<(), Failure> {
    let settings = host.settings();
    let made = host.engine().create_session(None, None, DEMO_PROFILE, &settings.limits)?;
    let file = match arguments.file {
        Some(file) => file,
        None => example(host)?,
    };
    if !arguments.json {
        output::note("The demo model is scripted; everything that it does is done by the real tools.\n");
    }
    let attachments = run::copy_in(host, &made.id, &[file]).await?;
    let end =
        run::stream(host, &made.id, "Make a website about this data.", attachments, arguments.json).await?;
    let detail = host.session_open(SessionParams { session_id: made.id.clone() }).await?;
    if !arguments.json {
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
        for line in session::draw(&detail.tree, detail.current_node.as_ref()) {
            output::line(&format!("  {line}"));
        }
        output::line(&format!("\nSession {}", made.id));
    }
    if end == NodeStatus::Completed { Ok(()) } else { Err(Failure::quiet(1)) }
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
