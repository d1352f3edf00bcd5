//! Paths inside of a workspace.

use std::path::{Path, PathBuf};

use crate::{decode_name, encode_name, error::WorkspaceError};

/// Where the agent sees the workspace.
pub const MOUNT: &str = "/mnt/okcomputer";

/// A normalised path relative to the workspace: parts joined by `/`, none of them empty, `.` or `..`; the
/// empty path is the workspace itself. Names that are no UTF-8 are encoded, see [`crate::encode_name`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WorkspacePath(String);

impl WorkspacePath {
    /// The workspace itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a relative path; `.` and doubled slashes are dropped, `..` and NUL are refused.
    pub fn parse(relative: &str) -> Result<Self, WorkspaceError> {
        let invalid = |reason: &str| WorkspaceError::InvalidPath {
            path: relative.replace('\0', "\\0"),
            reason: reason.to_owned(),
        };
        if relative.contains('\0') {
            return Err(invalid("it contains a NUL character"));
        }
        let mut parts = Vec::new();
        for part in relative.split('/') {
            match part {
                "" | "." => {}
                ".." => return Err(invalid("`..` is not allowed")),
                name => parts.push(name),
            }
        }
        Ok(Self(parts.join("/")))
    }

    /// Reads a path as people and agents name it: below [`MOUNT`], below `root`, the folder of the workspace, or
    /// relative. Any other absolute path, `..` and NUL are refused.
    pub fn named(root: &Path, path: &str) -> Result<Self, WorkspaceError> {
        if !path.starts_with('/') {
            return Self::parse(path);
        }
        let root = encode_name(root.as_os_str());
        for prefix in [MOUNT, root.as_str()] {
            if let Some(rest) = path.strip_prefix(prefix)
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return Self::parse(rest);
            }
        }
        Err(WorkspaceError::InvalidPath {
            path: path.replace('\0', "\\0"),
            reason: "it is an absolute path outside of the workspace".to_owned(),
        })
    }

    /// The path with `/`, empty for the workspace itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This is the workspace itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// `relative` below this path; the same rules as for [`WorkspacePath::parse`].
    pub fn join(&self, relative: &str) -> Result<Self, WorkspaceError> {
        let below = Self::parse(relative)?;
        Ok(match (self.is_root(), below.is_root()) {
            (true, _) => below,
            (_, true) => self.clone(),
            (false, false) => Self(format!("{}/{}", self.0, below.0)),
        })
    }

    /// The last part; `None` for the workspace itself.
    pub fn file_name(&self) -> Option<&str> {
        if self.is_root() { None } else { self.0.rsplit('/').next() }
    }

    /// The folder that holds it; `None` for the workspace itself.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(self.0.rsplit_once('/').map_or_else(Self::root, |(parent, _)| Self(parent.to_owned())))
    }

    /// The path as the agent names it, below [`MOUNT`].
    pub fn mounted(&self) -> String {
        if self.is_root() { MOUNT.to_owned() } else { format!("{MOUNT}/{}", self.0) }
    }

    /// The path as the operating system takes it, relative to the workspace.
    pub fn to_os_path(&self) -> PathBuf {
        PathBuf::from(decode_name(&self.0))
    }
}

impl std::fmt::Display for WorkspacePath {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        let path = WorkspacePath::parse("./a//b/./c.txt").unwrap();
        assert_eq!(path.as_str(), "a/b/c.txt");
        assert_eq!(path.file_name(), Some("c.txt"));
        assert_eq!(path.parent().unwrap().as_str(), "a/b");
        assert_eq!(path.parent().unwrap().join("d/e").unwrap().as_str(), "a/b/d/e");
        assert_eq!(path.mounted(), "/mnt/okcomputer/a/b/c.txt");
        let root = WorkspacePath::root();
        assert_eq!((root.as_str(), root.file_name(), root.parent()), ("", None, None));
        assert_eq!(root.join("x").unwrap().as_str(), "x");
        assert_eq!(path.join("").unwrap(), path);
    }

    #[test]
    fn a_path_is_named_from_the_workspace_the_mount_or_the_root_on() {
        let root = Path::new("/some/folder");
        for named in ["a/b", "./a/b", "/mnt/okcomputer/a/b", "/some/folder/a/b"] {
            assert_eq!(WorkspacePath::named(root, named).unwrap().as_str(), "a/b", "{named}");
        }
        for refused in ["/", "/a/b", "/some/folders/a", "/some/folder/../a", "../a"] {
            assert!(WorkspacePath::named(root, refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn what_could_lead_out_is_refused() {
        for path in ["..", "a/../b", "a/..", "a\0b"] {
            assert!(
                matches!(WorkspacePath::parse(path), Err(WorkspaceError::InvalidPath { .. })),
                "{path:?}"
            );
        }
    }
}
