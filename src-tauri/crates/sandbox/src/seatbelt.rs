//! The profile by which macOS holds a command, for `sandbox-exec`. The text is made and tested on every system; it has
//! not been run on a Mac yet, so commands are still refused there.

use std::path::{Path, PathBuf};

/// What a command may do with which folders.
pub(crate) struct Folders<'a> {
    /// Read and execute.
    pub readable: &'a [PathBuf],
    /// Also write: the workspace and the private temporary folder.
    pub writable: &'a [PathBuf],
    /// Nothing, even if it lies below one of those.
    pub hidden: &'a [PathBuf],
}

/// A profile that refuses everything but what is named.
pub(crate) fn profile(folders: &Folders<'_>) -> String {
    let mut lines = vec![
        "(version 1)".to_owned(),
        "(deny default)".to_owned(),
        // Programs start programs, and signal their own.
        "(allow process-exec process-fork)".to_owned(),
        "(allow signal (target same-sandbox))".to_owned(),
        "(allow process-info* (target same-sandbox))".to_owned(),
        // What every program of the system asks at its start.
        "(allow sysctl-read)".to_owned(),
        "(allow file-read-metadata (subpath \"/\"))".to_owned(),
        "(allow file-read* file-write-data (literal \"/dev/null\") (literal \"/dev/zero\"))".to_owned(),
        "(allow file-read* (literal \"/dev/random\") (literal \"/dev/urandom\"))".to_owned(),
    ];
    for path in folders.readable {
        lines.push(format!("(allow file-read* file-map-executable (subpath {}))", quoted(path)));
    }
    for path in folders.writable {
        lines.push(format!("(allow file-read* file-write* (subpath {}))", quoted(path)));
    }
    // The last rule that fits counts: nothing above opens these again.
    for path in folders.hidden {
        lines.push(format!("(deny file-read* file-write* (subpath {}))", quoted(path)));
    }
    for path in folders.writable.iter().map(|path| path.join(".git")) {
        for name in ["hooks", "config"] {
            lines.push(format!("(deny file-write* (subpath {}))", quoted(&path.join(name))));
        }
    }
    lines.push("(deny network*)".to_owned());
    lines.push("(deny mach-lookup)".to_owned());
    lines.join("\n") + "\n"
}

/// A path as a string of the profile's language.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_opens_what_is_named_and_nothing_else() {
        let (workspace, temporary) =
            (PathBuf::from("/Users/me/a \"b\" \\c"), PathBuf::from("/private/tmp/okcvm"));
        let text = profile(&Folders {
            readable: &[PathBuf::from("/usr"), PathBuf::from("/System")],
            writable: &[workspace, temporary],
            hidden: &[PathBuf::from("/Users/me/.ssh")],
        });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["(version 1)", "(deny default)"]);
        assert_eq!(lines.iter().filter(|line| line.starts_with("(allow network")).count(), 0);
        assert!(lines.contains(&"(allow file-read* file-map-executable (subpath \"/usr\"))"));
        assert!(lines.contains(&"(allow file-read* file-write* (subpath \"/Users/me/a \\\"b\\\" \\\\c\"))"));
        let place = |wanted: &str| lines.iter().position(|line| line.contains(wanted)).unwrap();
        assert!(
            place("(deny file-read* file-write* (subpath \"/Users/me/.ssh\"))") > place("/private/tmp/okcvm")
        );
        assert!(text.contains("(deny file-write* (subpath \"/private/tmp/okcvm/.git/hooks\"))"));
        assert!(text.ends_with("(deny network*)\n(deny mach-lookup)\n"));
        assert_eq!(text.matches('(').count(), text.matches(')').count());
    }
}
