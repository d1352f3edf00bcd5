//! The profile by which macOS holds a command, for `sandbox-exec`. The text is made and tested on every system.
//!
//! Folders are handed over as parameters, so that no path of theirs is part of the text; those of repositories, of which
//! there may be thousands, are quoted in it. The last rule that fits an attempt decides.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::repositories::{Hold, Repositories};

/// What a command may do. All paths are real ones.
pub(crate) struct Rules<'a> {
    /// Read and execute.
    pub readable: &'a [PathBuf],
    /// Also write: the workspace and the private folders.
    pub writable: &'a [PathBuf],
    /// Where the repositories lie.
    pub workspace: &'a Path,
    /// What git takes orders from.
    pub repositories: &'a Repositories,
    /// The port of the only socket that it may speak to.
    pub proxy: Option<u16>,
}

/// What every program may do. Named services: who the user is, what the time zone is, and the system's log.
const BASE: &str = r#"(version 1)
(deny default)
(allow process-exec process-fork)
(allow signal (target same-sandbox))
(allow process-info* (target same-sandbox))
(allow sysctl-read)
(allow file-read-metadata file-test-existence)
(allow file-read* (literal "/"))
(allow file-read* file-write-data file-ioctl (literal "/dev/null") (literal "/dev/zero") (literal "/dev/dtracehelper"))
(allow file-read* (literal "/dev/random") (literal "/dev/urandom") (literal "/dev/autofs_nowait"))
(allow file-read* file-write-data (subpath "/dev/fd"))
(allow ipc-posix-sem)
(allow ipc-posix-shm-read-data (ipc-posix-name "apple.shm.notification_center"))
(allow mach-lookup
  (global-name "com.apple.system.opendirectoryd.libinfo")
  (global-name "com.apple.system.notification_center")
  (global-name "com.apple.system.logger")
  (global-name "com.apple.logd"))
"#;

/// A profile that refuses everything but what is named.
pub(crate) fn profile(rules: &Rules<'_>) -> String {
    let mut text = BASE.to_owned();
    let mut add = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    for number in 0..rules.readable.len() {
        add(format!("(allow file-read* file-map-executable (subpath (param \"READ_{number}\")))"));
    }
    for number in 0..rules.writable.len() {
        let place = format!("(subpath (param \"WRITE_{number}\"))");
        add(format!("(allow file-read* file-write* file-map-executable {place})"));
        // Nothing that grants rights to others.
        add(format!("(deny file-write-setugid {place})"));
    }
    for (place, hold) in &rules.repositories.holds {
        let Some(path) = quoted(&rules.workspace.join(place)) else { continue };
        match hold {
            Hold::Pinned => add(format!("(deny file-write-unlink (literal {path}))")),
            Hold::ReadOnly | Hold::NewFolder | Hold::NewFile | Hold::Itself => {
                add(format!("(deny file-write* (subpath {path}))"));
            }
        }
    }
    for kept in &rules.repositories.kept {
        if let Some(path) = quoted(&rules.workspace.join(&kept.folder).join(&kept.name)) {
            add(format!("(deny file-write* (subpath {path}))"));
        }
    }
    add("(deny network*)".to_owned());
    if let Some(port) = rules.proxy {
        add(format!("(allow network-outbound (remote ip \"localhost:{port}\"))"));
    }
    text
}

/// The parameters of the profile, for `-D`.
pub(crate) fn parameters<'a>(rules: &Rules<'a>) -> Vec<(String, &'a Path)> {
    let numbered = |name: &'static str, paths: &'a [PathBuf]| {
        paths.iter().enumerate().map(move |(number, path)| (format!("{name}_{number}"), path.as_path()))
    };
    numbered("READ", rules.readable).chain(numbered("WRITE", rules.writable)).collect()
}

/// A path as a string of the profile's language, which knows these two escapes. The system has no path that is not
/// UTF-8.
fn quoted(path: &Path) -> Option<String> {
    let text = OsStr::to_str(path.as_os_str())?;
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile_of(workspace: &Path, proxy: Option<u16>) -> (String, Vec<(String, PathBuf)>) {
        let repositories = Repositories::find(workspace, &[]);
        let writable = [workspace.to_owned(), PathBuf::from("/private/tmp/okcvm \"1\"")];
        let rules = Rules {
            readable: &[PathBuf::from("/usr"), PathBuf::from("/System")],
            writable: &writable,
            workspace,
            repositories: &repositories,
            proxy,
        };
        let parameters = parameters(&rules).into_iter().map(|(name, path)| (name, path.to_owned())).collect();
        (profile(&rules), parameters)
    }

    /// Whether every bracket outside of a string is closed, and nothing but them stands outside of a rule.
    fn is_balanced(text: &str) -> bool {
        let (mut depth, mut in_text, mut escaped) = (0_i32, false, false);
        for letter in text.chars() {
            match (letter, in_text) {
                (_, true) if escaped => escaped = false,
                ('\\', true) => escaped = true,
                ('"', _) => in_text = !in_text,
                ('(', false) => depth += 1,
                (')', false) => depth -= 1,
                (other, false) if depth == 0 && !other.is_whitespace() => return false,
                _ => {}
            }
            if depth < 0 {
                return false;
            }
        }
        depth == 0 && !in_text
    }

    #[test]
    fn a_profile_opens_what_is_named_and_nothing_else() {
        let workspace = tempfile::tempdir().unwrap();
        let (text, parameters) = profile_of(workspace.path(), None);
        assert!(text.starts_with("(version 1)\n(deny default)\n"));
        assert!(text.ends_with("(deny network*)\n"));
        assert!(is_balanced(&text), "{text}");
        assert!(!text.contains("(allow network"), "{text}");
        // Paths are parameters, whatever is in them.
        assert!(!text.contains("okcvm") && !text.contains("/usr") && !text.contains("/System"));
        let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["READ_0", "READ_1", "WRITE_0", "WRITE_1"]);
        assert_eq!(parameters[3].1, PathBuf::from("/private/tmp/okcvm \"1\""));
        for (name, _) in parameters {
            assert!(text.contains(&format!("(param \"{name}\")")));
        }
    }

    #[test]
    fn a_proxy_is_the_only_one_to_speak_to() {
        let workspace = tempfile::tempdir().unwrap();
        let (text, _) = profile_of(workspace.path(), Some(4711));
        assert!(text.ends_with("(deny network*)\n(allow network-outbound (remote ip \"localhost:4711\"))\n"));
        assert_eq!(text.matches("(allow network").count(), 1);
    }

    #[test]
    fn repositories_with_strange_names_are_held() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().canonicalize().unwrap();
        let name = "a \"b\" \\c) (allow default) 计算机 é";
        let git = workspace.join(name).join(".git");
        std::fs::create_dir_all(git.join("hooks")).unwrap();
        std::fs::write(git.join("config"), "").unwrap();
        let (text, _) = profile_of(&workspace, None);
        assert!(is_balanced(&text), "{text}");
        let inside =
            format!("{}/a \\\"b\\\" \\\\c) (allow default) 计算机 é/.git", workspace.to_str().unwrap());
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines.contains(&format!("(deny file-write* (subpath \"{inside}/hooks\"))").as_str()),
            "{text}"
        );
        assert!(lines.contains(&format!("(deny file-write* (subpath \"{inside}/config\"))").as_str()));
        assert!(lines.contains(&format!("(deny file-write-unlink (literal \"{inside}\"))").as_str()));
        // A `commondir` that is not there cannot be made.
        assert!(lines.contains(&format!("(deny file-write* (subpath \"{inside}/commondir\"))").as_str()));
        // What is closed is closed after what was opened.
        let place = |wanted: &str| lines.iter().position(|line| line.contains(wanted)).unwrap();
        assert!(place("/hooks") > place("WRITE_1"));
    }
}
