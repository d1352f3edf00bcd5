//! Files that the user names for a message.

use std::path::{Path, PathBuf};

use okcvm_host::{Host, encode_name};
use okcvm_protocol::{
    AppError, Attachment, ClashPolicy, CommandHandler, ErrorCode, ImportCancelParams, ImportId, ImportLimits,
    ImportParams, SessionId,
};

use crate::failure::Failure;
use crate::output;
use crate::stops::{STOPPED, Stops};

/// The path from the root on.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, AppError> {
    std::path::absolute(path).map_err(|error| {
        AppError::new(format!("“{}” is not a usable path.", path.display())).with_detail(error.to_string())
    })
}

/// Files and folders that are there and can be copied in.
pub(crate) struct NamedFiles(Vec<PathBuf>);

impl NamedFiles {
    /// Looks at each. Whatever would be left out of the copy is an error: it was named.
    pub(crate) fn check(files: &[PathBuf], limits: &ImportLimits) -> Result<Self, AppError> {
        let named = files.iter().map(|file| {
            let path = absolute(file)?;
            check(&path, limits).map_err(|error| AppError {
                message: format!("“{}” cannot be copied in: {}", file.display(), error.message),
                ..error
            })?;
            Ok(path)
        });
        named.collect::<Result<_, AppError>>().map(Self)
    }
}

fn check(path: &Path, limits: &ImportLimits) -> Result<(), AppError> {
    let unreadable = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            AppError::new("there is no such file.").with_code(ErrorCode::NotFound)
        } else {
            AppError::new("it cannot be read.").with_detail(error.to_string())
        }
    };
    let metadata = std::fs::symlink_metadata(path).map_err(unreadable)?;
    if metadata.is_symlink() {
        return Err(AppError::new("it is a symbolic link.").with_hint("Name the file that it leads to."));
    }
    if metadata.is_dir() {
        return std::fs::read_dir(path).map(drop).map_err(unreadable);
    }
    if !metadata.is_file() {
        return Err(AppError::new("it is a pipe, socket or device."));
    }
    if metadata.len() > limits.max_file_bytes {
        return Err(AppError::new(format!(
            "it has {} bytes, and the limit for one file is {}.",
            metadata.len(),
            limits.max_file_bytes
        ))
        .with_hint("`okcvm config set import.maxFileBytes` changes the limit."));
    }
    std::fs::File::open(path).map(drop).map_err(unreadable)
}

/// Copies them into the files of the session. A signal calls it off.
pub(crate) async fn copy_in(
    host: &Host,
    session: &SessionId,
    files: &NamedFiles,
    stops: &Stops,
) -> Result<Vec<Attachment>, Failure> {
    let NamedFiles(files) = files;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let sources: Vec<String> = files.iter().map(|file| encode_name(file.as_os_str())).collect();
    let import_id = ImportId::new();
    let copying = host.import_start(ImportParams {
        session_id: session.clone(),
        import_id: import_id.clone(),
        sources: sources.clone(),
        target: String::new(),
        clashes: ClashPolicy::Replace,
    });
    tokio::pin!(copying);
    let report = tokio::select! {
        report = &mut copying => report?,
        () = stops.stopped() => {
            host.import_cancel(ImportCancelParams { import_id }).await?;
            copying.await?;
            return Err(Failure::quiet(STOPPED));
        }
    };
    for skipped in &report.skipped {
        if sources.contains(&skipped.source) {
            let message = format!("“{}” was not copied in: {}.", skipped.source, skipped.reason);
            return Err(AppError::new(message).into());
        }
        output::note(&format!("left out: {} ({})", skipped.source, skipped.reason));
    }
    Ok(report.imported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_left_out_is_refused_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("small.txt"), "12345678").unwrap();
        std::fs::write(at("large.txt"), "123456789").unwrap();
        std::os::unix::fs::symlink(at("small.txt"), at("link.txt")).unwrap();
        let limits = ImportLimits { max_file_bytes: 8, ..ImportLimits::default() };
        assert!(NamedFiles::check(&[at("small.txt"), folder.path().to_owned()], &limits).is_ok());
        for (path, reason) in [
            (at("missing.txt"), "there is no such file"),
            (at("large.txt"), "the limit for one file is 8"),
            (at("link.txt"), "symbolic link"),
            (PathBuf::from("/dev/null"), "device"),
        ] {
            let message = NamedFiles::check(&[at("small.txt"), path.clone()], &limits).err().unwrap().message;
            assert!(message.contains(reason), "{message}");
            assert!(message.contains(&*path.to_string_lossy()), "{message}");
        }
    }
}
