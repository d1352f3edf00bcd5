//! Makes an environment: interpreter, packages, a trial, and last of all the stamp.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::step::{Step, run};
use super::{CURRENT, Environment, EnvironmentError, IN_USE, PACKAGES, Stamp, VERSION, find};

/// Imports everything once, so that it is known to work, and writes the list of fonts, which takes seconds.
const TRIAL: &str = "
import importlib.metadata, json, sys
import ipykernel.kernelapp, jupyter_client, zmq, numpy, pandas, PIL.Image, openpyxl, tabulate
import matplotlib.pyplot, matplotlib.font_manager
print(json.dumps({'version': '.'.join(map(str, sys.version_info[:3])), 'base': sys.base_prefix,
    'packages': {name: importlib.metadata.version(name) for name in sys.argv[1:]}}))
";

#[derive(Deserialize)]
struct Tried {
    version: String,
    base: PathBuf,
    packages: BTreeMap<String, String>,
}

impl Environment {
    /// Everything between an empty place and the environment in use.
    pub(super) async fn make(
        &self,
        folder: &Path,
        name: String,
        tell: &(dyn Fn(String) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<(), EnvironmentError> {
        tell("Looking for Python…".to_owned());
        let python = self.find_python().await?;
        let uv = find::uv(&self.folder, self.search_path.as_deref(), &self.agent_folders.closed()?);
        if uv.is_none() && !python.parts {
            return Err(find::without_parts(&python));
        }
        let step = |what: &'static str| Step { what, python: &python.executable, folder, tell, cancel };
        let inside = folder.join("bin").join("python3");
        tell(format!("Making a Python environment with Python {}…", python.version));
        let tool = if let Some(uv) = &uv {
            let making = [uv.as_os_str(), "venv".as_ref(), "--seed".as_ref(), "--python".as_ref()];
            let making = making.into_iter().chain([python.executable.as_os_str(), folder.as_os_str()]);
            run(&step("uv venv"), making).await?;
            let installing =
                [uv.as_os_str(), "pip".as_ref(), "install".as_ref(), "--compile-bytecode".as_ref()];
            let installing = installing.into_iter().chain(["--python".as_ref(), inside.as_os_str()]);
            run(&step("uv pip install"), installing.chain(PACKAGES.iter().map(std::convert::AsRef::as_ref)))
                .await?;
            "uv"
        } else {
            let making =
                [python.executable.as_os_str(), "-I".as_ref(), "-S".as_ref(), "-m".as_ref(), "venv".as_ref()];
            run(&step("venv"), making.into_iter().chain([folder.as_os_str()])).await?;
            let installing = ["-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"];
            let installing = installing.into_iter().chain(["--progress-bar", "off"]);
            let installing = installing.chain(PACKAGES.iter().copied()).map(std::convert::AsRef::as_ref);
            run(&step("pip install"), std::iter::once(inside.as_os_str()).chain(installing)).await?;
            "venv and pip"
        };
        tell("Trying the packages…".to_owned());
        let trying = [inside.as_os_str(), "-I".as_ref(), "-c".as_ref(), TRIAL.as_ref()];
        let trying = trying.into_iter().chain(PACKAGES.iter().map(std::convert::AsRef::as_ref));
        let output = run(&step("a trial of the packages"), trying).await?;
        let tried: Tried =
            output.lines().rev().find_map(|line| serde_json::from_str(line).ok()).ok_or_else(|| {
                EnvironmentError::Packages {
                    step: "a trial of the packages".to_owned(),
                    output: output.clone(),
                }
            })?;
        let stamp = Stamp {
            version: VERSION,
            folder: name,
            python_version: tried.version,
            base: tried.base,
            tool: tool.to_owned(),
            packages: tried.packages,
            size: size(folder),
        };
        self.stamp(folder, &stamp).map_err(|error| self.unwritable(error))
    }

    /// Makes it the one in use.
    pub(super) fn stamp(&self, folder: &Path, stamp: &Stamp) -> std::io::Result<()> {
        File::create(folder.join(IN_USE))?;
        let part = self.folder.join("current.json.part");
        let write = || {
            let mut file = File::create(&part)?;
            file.write_all(&serde_json::to_vec_pretty(stamp)?)?;
            file.sync_all()?;
            std::fs::rename(&part, self.folder.join(CURRENT))
        };
        write().inspect_err(|_| {
            // It may not even be there.
            let _ = std::fs::remove_file(&part);
        })
    }
}

/// Bytes on the disk.
fn size(folder: &Path) -> u64 {
    let mut size = 0;
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                open.push(entry.path());
            } else {
                size += metadata.blocks() * 512;
            }
        }
    }
    size
}
