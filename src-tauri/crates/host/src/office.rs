//! Slides as a PDF by an installed office program, behind the sandbox.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use okcvm_preview::{Material, PreviewTarget, Source};
use okcvm_protocol::{AppError, PreviewHandle, PreviewSource, ProcessOwner, SessionId};
use okcvm_sandbox::{Entry, Limits, Outcome, Program, Sockets, Tier, WayOut};
use okcvm_workspace::{Workspace, WorkspacePath};
use tokio::io::AsyncReadExt;

use crate::Host;

/// Names of the program, the likeliest first.
const PROGRAMS: &[&str] = &["soffice", "libreoffice"];
/// What is asked for: pages of hidden slides, too, so that the number of a page is that of its slide.
const PAGES: &str =
    "pdf:impress_pdf_Export:{\"ExportHiddenSlides\":{\"type\":\"boolean\",\"value\":\"true\"}}";
/// Names of presentations end so.
pub(crate) const PRESENTATIONS: &[&str] = &["pptx", "pptm", "ppsx", "potx", "odp", "ppt"];
/// How long it may take.
const MOST_TIME: Duration = Duration::from_secs(60);
/// Bytes of slides.
const MOST_BYTES: u64 = 100 * 1024 * 1024;
/// Bytes of what it says that are kept for the error.
const MOST_SAID: u64 = 4 * 1024;
/// What the names of folders for this work begin with.
const STAGE: &str = ".slides-";
/// PDFs that are kept; beyond, those that were made first go.
const MOST_KEPT: usize = 64;

impl Host {
    /// Opens slides as a PDF, made once per content.
    pub(crate) async fn slides_as_pdf(
        &self,
        session: SessionId,
        source: PreviewSource,
    ) -> Result<PreviewHandle, AppError> {
        let (folder, name) = self.converted_slides(session, source, Patience::Again).await?;
        self.blocking(move |host| {
            let workspace = Workspace::open(&folder).map_err(|error| error.to_app_error())?;
            let path = WorkspacePath::parse(&name).map_err(|error| error.to_app_error())?;
            host.previews.open(PreviewTarget::File { workspace, path }).map_err(|error| error.to_app_error())
        })
        .await
    }

    /// The folder and the name of slides as PDF, made now if they were not before.
    pub(crate) async fn converted_slides(
        &self,
        session: SessionId,
        source: PreviewSource,
        patience: Patience,
    ) -> Result<(PathBuf, String), AppError> {
        let folder = self.data.converted();
        let owner = ProcessOwner { session_id: session.clone(), node_id: None, item_id: None };
        let (id, asked, kept) = (session.clone(), source.clone(), folder.clone());
        let taken = self.blocking(move |host| Taken::of(&host.source(&id, &asked)?, &kept)).await?;
        if taken.is_converted {
            return Ok((folder, taken.name));
        }
        let refused = |taken: &Taken| match patience {
            Patience::Once => self.refusals.of(&taken.name).map_or(Ok(()), Err),
            Patience::Again => Ok(()),
        };
        refused(&taken)?;
        drop(taken);
        // One at a time: each takes much memory, and the same slides are often asked for twice. They are read when their
        // turn has come, so that nothing of those that wait is held.
        let _turn = self.converting.lock().await;
        let kept = folder.clone();
        let taken = self.blocking(move |host| Taken::of(&host.source(&session, &source)?, &kept)).await?;
        if taken.is_converted {
            return Ok((folder, taken.name));
        }
        refused(&taken)?;
        let name = taken.name.clone();
        let kept = folder.clone();
        let stage = self.blocking(move |_| taken.stage(&kept)).await?;
        if let Err(error) = self.convert(stage.path(), owner).await {
            // Without the program nothing was tried.
            if self.office_program().is_some() {
                self.refusals.note(&name, &error);
            }
            return Err(error);
        }
        let (from, to) = (stage.path().join("slides.pdf"), folder.join(&name));
        self.blocking(move |_| keep(&from, &to)).await?;
        Ok((folder, name))
    }

    async fn convert(&self, stage: &Path, owner: ProcessOwner) -> Result<(), AppError> {
        let Some(program) = self.office_program() else {
            return Err(AppError::new("These slides cannot be shown as pages: LibreOffice is not installed.")
                .with_hint("Install LibreOffice (on Debian and Ubuntu: sudo apt install libreoffice-impress), then try again."));
        };
        // It speaks to itself by local sockets, which only the full tier keeps from everybody else.
        if self.sandbox.tier() != Some(Tier::Full) {
            return Err(AppError::new(
                "These slides cannot be shown as pages: LibreOffice runs only behind the full sandbox, which this system does not allow.",
            )
            .with_hint("Open them with another program; `okcvm doctor` says what the sandbox lacks."));
        }
        let slides = std::fs::read_dir(stage)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .find(|name| name.starts_with("slides."))
            .unwrap_or_default();
        let inside = self.sandbox.path_inside(stage);
        let profile = format!("-env:UserInstallation=file://{}/profile", inside.display());
        let arguments = [
            profile.as_str(),
            "--headless",
            "--norestore",
            "--nologo",
            "--nolockcheck",
            "--nodefault",
            "--convert-to",
            PAGES,
            "--outdir",
            ".",
            slides.as_str(),
        ];
        let started = self.sandbox.start(Program {
            readable: program.parent().map(Path::to_owned).into_iter().collect(),
            path: program,
            arguments: arguments.map(str::to_owned).to_vec(),
            workspace: stage.to_owned(),
            env: vec![("HOME".to_owned(), inside.to_string_lossy().into_owned())],
            search_first: Vec::new(),
            limits: Limits { cpu_time: MOST_TIME * 2, disk_bytes: 1 << 30, ..Limits::default() },
            kept_folder: None,
            read_only: Vec::new(),
            sockets: Sockets::Own,
            way_out: WayOut::None,
            entry: Some(Entry {
                processes: self.processes.clone(),
                owner,
                title: "Slides to PDF".to_owned(),
            }),
        });
        let failed = |detail: String| {
            AppError::new("These slides could not be turned into pages by LibreOffice.").with_detail(detail)
        };
        let mut process = started.await.map_err(|error| failed(error.to_string()))?;
        let mut said = Vec::new();
        let output = &mut process.output;
        let running = &mut process.running;
        let listening = async {
            // All is read, so that the program never waits for a reader; the start of it is kept.
            let _ = (&mut *output).take(MOST_SAID).read_to_end(&mut said).await;
            let _ = tokio::io::copy(output, &mut tokio::io::sink()).await;
        };
        let both = async { tokio::join!(running.wait(), listening).0 };
        let Ok(outcome) = tokio::time::timeout(MOST_TIME, both).await else {
            process.running.end();
            process.running.wait().await;
            return Err(AppError::new(
                "LibreOffice took longer than a minute for these slides and was stopped.",
            )
            .with_hint("Open them with another program."));
        };
        if stage.join("slides.pdf").is_file() {
            return Ok(());
        }
        let trouble = process.running.trouble().unwrap_or_default();
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        let words = match outcome {
            Outcome::Exited(code) => format!("It ended with code {code}."),
            Outcome::Signalled(signal) => format!("It was ended by signal {signal}."),
            other => format!("It was ended: {other:?}."),
        };
        Err(failed([words, trouble, said].join(" ").trim().to_owned())
            .with_hint("The file may be damaged or protected by a password."))
    }

    /// The program as the search path finds it.
    fn office_program(&self) -> Option<PathBuf> {
        let search = self.environment.search_path.clone().unwrap_or_default();
        let mut folders = std::env::split_paths(&search).filter(|folder| folder.is_absolute());
        folders.find_map(|folder| {
            PROGRAMS.iter().map(|name| folder.join(name)).find(|program| program.is_file())
        })
    }
}

/// Removes what a program that was killed left of its work.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_stage = entry.file_name().to_string_lossy().starts_with(STAGE);
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map(|at| at.elapsed().unwrap_or_default());
        if is_stage
            && age.is_ok_and(|age| age > 10 * MOST_TIME)
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::debug!(%error, "a folder of slides that were turned into pages stays");
        }
    }
}

/// Whether slides that could not be turned into pages a moment ago are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// They are not: nobody asked for them in particular.
    Once,
    /// A person asks.
    Again,
}

/// Slides in memory.
struct Taken {
    /// The name of their PDF, by their content.
    name: String,
    ending: String,
    bytes: Vec<u8>,
    is_converted: bool,
}

impl Taken {
    fn of(source: &Source, folder: &Path) -> Result<Self, AppError> {
        let material: Material = source.open().map_err(|error| error.to_app_error())?;
        let (bytes, hash) = material.whole_and_hash(MOST_BYTES).map_err(|error| error.to_app_error())?;
        let ending = material.name().rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let Some(ending) = ending.filter(|ending| PRESENTATIONS.contains(&ending.as_str())) else {
            return Err(AppError::new(format!("{} is not a presentation.", material.name())));
        };
        if bytes.is_empty() {
            return Err(AppError::new(format!("{} is empty.", material.name())));
        }
        let name = format!("{hash}.pdf");
        let is_converted = folder.join(&name).is_file();
        Ok(Self { name, ending, bytes, is_converted })
    }

    /// Lays them into a folder of their own.
    fn stage(&self, folder: &Path) -> Result<tempfile::TempDir, AppError> {
        let put = || -> std::io::Result<tempfile::TempDir> {
            std::fs::create_dir_all(folder)?;
            sweep(folder);
            let stage = tempfile::Builder::new().prefix(STAGE).tempdir_in(folder)?;
            let mut file = std::fs::File::create(stage.path().join(format!("slides.{}", self.ending)))?;
            file.write_all(&self.bytes)?;
            Ok(stage)
        };
        put().map_err(|error| unwritten(folder, &error))
    }
}

fn unwritten(folder: &Path, error: &std::io::Error) -> AppError {
    AppError::new(format!("The folder {} cannot be written.", folder.display()))
        .with_detail(error.to_string())
}

/// Moves a PDF to its place, and lets the oldest go if there are too many.
fn keep(from: &Path, to: &Path) -> Result<(), AppError> {
    let folder = to.parent().unwrap_or(to);
    // The sandbox wrote it: a link or a pipe in its place is nothing to keep.
    let metadata = std::fs::symlink_metadata(from).map_err(|error| unwritten(folder, &error))?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Err(AppError::new("These slides could not be turned into pages by LibreOffice."));
    }
    std::fs::rename(from, to).map_err(|error| unwritten(folder, &error))?;
    let mut kept: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "pdf"))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    kept.sort();
    for (_, path) in kept.iter().take(kept.len().saturating_sub(MOST_KEPT)) {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::debug!(%error, "an old PDF of slides stays");
        }
    }
    Ok(())
}
