//! What the caller and the helper tell each other: one policy as a line of JSON on the helper's input, reports as
//! lines of JSON on its error output. The open input is also the lifeline: when it closes, everything ends.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Limits, Sockets, Tier};

/// The only argument of a helper. It names the source of both sides: a program of another build does not know it.
pub(crate) const HELPER_ARGUMENT: &str = concat!("--okcvm-sandbox-helper=", env!("OKCVM_SANDBOX_SOURCE"));

/// What to run behind which walls.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Policy {
    pub tier: Tier,
    pub script: String,
    /// Canonical path.
    #[serde(with = "any_path")]
    pub workspace: PathBuf,
    pub environment: Vec<(String, String)>,
    pub limits: Limits,
    /// What of the workspace may not be changed, relative to it.
    #[serde(default, with = "any_paths")]
    pub read_only: Vec<PathBuf>,
    /// Repositories of the workspace that earlier commands made.
    #[cfg(unix)]
    #[serde(default)]
    pub made: Vec<crate::repositories::Origin>,
    /// What may be read besides the workspace: absolute paths that exist or not.
    pub readable: Vec<PathBuf>,
    /// The value of `PATH` inside.
    pub search_path: String,
    /// Whom it may speak to.
    pub network: Network,
    /// By which its processes are known whatever becomes of their parents; see [`crate::tree::marked`].
    pub mark: u64,
    /// What is executed in place of a shell with the script.
    #[serde(default)]
    pub program: Option<ProgramPolicy>,
}

/// A path that need not be text: as text if it is, else its bytes.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum AnyPath {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<&PathBuf> for AnyPath {
    fn from(path: &PathBuf) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes(path.as_os_str().as_encoded_bytes().to_vec()),
        }
    }
}

impl From<AnyPath> for PathBuf {
    fn from(path: AnyPath) -> Self {
        match path {
            AnyPath::Text(text) => text.into(),
            #[cfg(unix)]
            AnyPath::Bytes(bytes) => {
                <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into()
            }
            #[cfg(not(unix))]
            AnyPath::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
        }
    }
}

mod any_path {
    use super::{AnyPath, Deserialize as _, PathBuf, Serialize as _};

    pub(super) fn serialize<S: serde::Serializer>(path: &PathBuf, to: S) -> Result<S::Ok, S::Error> {
        AnyPath::from(path).serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        AnyPath::deserialize(from).map(PathBuf::from)
    }
}

mod any_paths {
    use super::{AnyPath, Deserialize as _, PathBuf};

    pub(super) fn serialize<S: serde::Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(paths.iter().map(AnyPath::from))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
        Ok(Vec::<AnyPath>::deserialize(from)?.into_iter().map(PathBuf::from).collect())
    }
}

/// A program that stays and is spoken to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgramPolicy {
    /// Absolute path.
    pub path: PathBuf,
    pub arguments: Vec<String>,
    pub sockets: Sockets,
    /// A folder that it may write besides the workspace. Canonical path outside.
    pub kept_folder: Option<PathBuf>,
}

/// Whom a command may speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Network {
    /// Nobody, itself included: no sockets.
    None,
    /// Itself, and a proxy on its own loopback at [`PROXY_PORT`].
    Proxy,
}

/// Where the proxy listens inside of a network of its own. On a network that is shared any free port is taken.
#[cfg(target_os = "linux")]
pub(crate) const PROXY_PORT: u16 = 3128;

/// One line from the helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub(crate) enum Report {
    /// All walls stand; the shell starts next.
    Ready(Walls),
    /// A wall did not stand; nothing was started.
    Failed { step: String, message: String },
    /// The shell ended by itself.
    Exited { code: i32 },
    /// A signal ended the shell.
    Signalled { signal: i32 },
    /// When nothing was left of a command, always: what it left for git to run.
    PutAside(crate::PutAside),
    /// Before that: the repositories that it made.
    #[cfg(unix)]
    Made { folders: Vec<crate::repositories::Origin> },
}

/// What holds around a command, as found while it was set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Walls {
    /// The Landlock version of the kernel.
    pub landlock: i32,
    /// The kernel counts the processes of this command apart from all others.
    pub process_limit: ProcessLimit,
}

/// Whether something stops a fork bomb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ProcessLimit {
    /// By its own process namespace or user limit.
    Bound,
    /// Only by the limits of the whole system.
    Unbound,
}
