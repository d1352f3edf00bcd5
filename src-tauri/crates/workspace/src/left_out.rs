//! What snapshots leave out by name, and why. What lies in such folders is not watched either.

/// Folders that tools fill and can fill again. A file or link of such a name is recorded as usual.
const TOOL_FOLDERS: [(&str, &str); 15] = [
    ("node_modules", "installed packages are not recorded"),
    (".venv", "a Python environment is not recorded"),
    ("venv", "a Python environment is not recorded"),
    ("__pycache__", "a cache is not recorded"),
    (".mypy_cache", "a cache is not recorded"),
    (".pytest_cache", "a cache is not recorded"),
    (".ruff_cache", "a cache is not recorded"),
    (".tox", "a cache is not recorded"),
    (".nox", "a cache is not recorded"),
    (".cache", "a cache is not recorded"),
    (".npm", "a cache is not recorded"),
    (".pnpm-store", "a cache is not recorded"),
    (".parcel-cache", "a cache is not recorded"),
    (".turbo", "a cache is not recorded"),
    (".gradle", "a cache is not recorded"),
];

/// Why a folder of this name is not recorded, if it is not. A file or link of that name is.
pub fn tool_folder(name: &[u8]) -> Option<&'static str> {
    TOOL_FOLDERS.iter().find(|(left_out, _)| left_out.as_bytes() == name).map(|(_, reason)| *reason)
}

/// Why no entry of this name can be recorded, if it cannot. Git refuses every name that some file system
/// takes for `.git` (other case, `git~1`, trailing dots and spaces, invisible characters), since a
/// checkout could plant hooks by it.
pub fn forbidden_name(name: &[u8]) -> Option<&'static str> {
    if name == b".git" {
        return Some("the data of a nested git repository is not recorded");
    }
    let windows = name.split(|byte| *byte == b'\\').any(is_git_on_windows);
    (windows || is_git_on_macos(name)).then_some("git does not allow this name")
}

fn is_git_on_windows(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix(b".git").or_else(|| lower.strip_prefix(b"git~1")) else {
        return false;
    };
    let end = rest.iter().position(|byte| *byte == b':').unwrap_or(rest.len());
    rest[..end].iter().all(|byte| matches!(byte, b'.' | b' '))
}

/// HFS+ ignores these characters when it compares names.
fn is_git_on_macos(name: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(name) else { return false };
    let seen = text.chars().filter(|character| {
        !matches!(
            character,
            '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
        )
    });
    seen.flat_map(char::to_lowercase).eq(".git".chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_system_takes_for_git_are_forbidden() {
        for name in [
            ".git",
            ".GIT",
            ".gIt",
            "git~1",
            "GIT~1",
            ".git ",
            ".git...",
            ".git::$INDEX_ALLOCATION",
            "x\\.git",
            ".g\u{200c}it",
            "\u{feff}.Git",
        ] {
            assert!(forbidden_name(name.as_bytes()).is_some(), "{name:?}");
        }
        for name in [".gitignore", ".github", "git", "git~10", "git~2", ".gitmodules", "a.git", "git ~1"] {
            assert!(forbidden_name(name.as_bytes()).is_none(), "{name:?}");
        }
    }
}
