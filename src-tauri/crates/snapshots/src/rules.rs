//! `.okcvmignore`: what the person does not want to have recorded.
//!
//! The syntax is that of git's `.gitignore`; a file of this name counts in any folder, for that folder and
//! all below it, the inner before the outer. A link of this name is not followed and does not count.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::entry::shown;
use crate::index::Stamp;

/// The name of the files.
pub(crate) const RULES_FILE: &[u8] = b".okcvmignore";
/// A longer file is no list of rules.
pub(crate) const MAX_RULES_BYTES: u64 = 1_000_000;

/// The rules that one file sets.
#[derive(Debug)]
pub(crate) struct FolderRules {
    matcher: Gitignore,
    /// The stamp of the file under which these are its rules; `None` if it has to be read again.
    pub(crate) stamp: Option<Stamp>,
}

impl FolderRules {
    /// Reads the rules in `content`; a line that is no pattern says nothing, as in git.
    pub(crate) fn parse(content: &[u8], stamp: Option<Stamp>) -> Self {
        let text = String::from_utf8_lossy(content);
        let mut builder = GitignoreBuilder::new(".");
        for line in text.trim_start_matches('\u{feff}').lines() {
            if let Err(error) = builder.add_line(None, line) {
                tracing::debug!(%error, line, "a line of .okcvmignore is no pattern");
            }
        }
        let matcher = builder.build().unwrap_or_else(|error| {
            tracing::warn!(%error, "the rules of a .okcvmignore are not applied");
            Gitignore::empty()
        });
        Self { matcher, stamp }
    }
}

/// What a path is, for rules that end in `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathKind {
    Folder,
    Other,
}

/// The rules that hold in a folder: its own and those of the folders above it.
#[derive(Debug)]
pub(crate) struct Rules {
    above: Option<Arc<Rules>>,
    own: Arc<FolderRules>,
    /// Bytes of a path that lead to the folder with its `/`.
    strip: usize,
    reason: Arc<str>,
}

impl Rules {
    /// The rules of the folder at `folder`, raw bytes with `/`.
    pub(crate) fn new(above: Option<Arc<Self>>, own: Arc<FolderRules>, folder: &[u8]) -> Self {
        let strip = if folder.is_empty() { 0 } else { folder.len() + 1 };
        let file = shown(&crate::entry::below(folder, RULES_FILE));
        Self { above, own, strip, reason: format!("a rule in {file} leaves it out").into() }
    }

    /// Why `path` (raw bytes from the workspace) is left out, if it is.
    pub(crate) fn leave_out(&self, path: &[u8], kind: PathKind) -> Option<Arc<str>> {
        let mut rules = self;
        loop {
            let inside = Path::new(OsStr::from_bytes(path.get(rules.strip..).unwrap_or_default()));
            match rules.own.matcher.matched(inside, kind == PathKind::Folder) {
                Match::Ignore(_) => return Some(Arc::clone(&rules.reason)),
                Match::Whitelist(_) => return None,
                Match::None => rules = rules.above.as_deref()?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(above: Option<Arc<Rules>>, folder: &str, content: &str) -> Arc<Rules> {
        let own = Arc::new(FolderRules::parse(content.as_bytes(), None));
        Arc::new(Rules::new(above, own, folder.as_bytes()))
    }

    #[test]
    fn the_syntax_is_that_of_git() {
        let rules = rules(None, "", "\u{feff}# a comment\n*.log\n!keep.log\n/build/\na/**/z\n\\#x\n\n");
        let left_out = |path: &[u8], kind| rules.leave_out(path, kind).is_some();
        for path in ["x.log", "deep/er/y.log", "a/b/c/z", "a/z", "#x"] {
            assert!(left_out(path.as_bytes(), PathKind::Other), "{path}");
        }
        for path in ["keep.log", "deep/keep.log", "build", "log", "z", "# a comment"] {
            assert!(!left_out(path.as_bytes(), PathKind::Other), "{path}");
        }
        assert!(left_out(b"build", PathKind::Folder));
        assert!(!left_out(b"deep/build", PathKind::Folder));
        assert!(left_out(b"caf\xe9.log", PathKind::Other));
        assert_eq!(
            &*rules.leave_out(b"x.log", PathKind::Other).unwrap(),
            "a rule in .okcvmignore leaves it out"
        );
    }

    #[test]
    fn the_inner_rules_count_before_the_outer() {
        let outer = rules(None, "", "*.tmp\n/only-at-the-top\n");
        let inner = rules(Some(Arc::clone(&outer)), "sub", "!kept.tmp\n/here\n");
        let left_out = |path: &str| inner.leave_out(path.as_bytes(), PathKind::Other);
        assert_eq!(left_out("sub/kept.tmp"), None);
        assert_eq!(left_out("sub/other.tmp").as_deref(), Some("a rule in .okcvmignore leaves it out"));
        assert_eq!(left_out("sub/here").as_deref(), Some("a rule in sub/.okcvmignore leaves it out"));
        assert_eq!(left_out("sub/below/here"), None);
        assert_eq!(left_out("sub/only-at-the-top"), None);
    }
}
