//! What changed, as far as it is known.

use std::collections::{BTreeSet, HashSet};

/// What changed since the last asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Nothing but these: relative to the workspace, the raw bytes of the names with `/` between them. A
    /// folder stands for its whole subtree. A path may not be there any more, and need not really differ.
    Paths(BTreeSet<Vec<u8>>),
    /// Anything may have changed; only a scan can tell.
    Everything(WhyEverything),
}

/// Why only a scan can tell what changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhyEverything {
    /// The watch began just now, or is still being set up.
    #[error("the watch has just begun")]
    First,
    /// The system's queue of events was full, and some were dropped.
    #[error("changes came faster than they could be counted")]
    Overflow,
    /// Some folder is not watched: the limit of the system is reached, or the workspace itself was moved or
    /// replaced. Lasts until it is mended.
    #[error("not every folder can be watched")]
    LostWatch,
    /// The watch did not answer in time.
    #[error("the watch did not answer in time")]
    Late,
    /// So many paths that a scan is no more work.
    #[error("a great many files changed")]
    TooMany,
    /// The machine was suspended, and who knows what happened meanwhile.
    #[error("the computer was asleep")]
    Asleep,
    /// The file system does not tell what other machines or its own programs change.
    #[error("this file system does not tell of changes")]
    Network,
    /// The watch has ended.
    #[error("the watch has ended")]
    Ended,
    /// Something else went wrong.
    #[error("the watch failed: {0}")]
    Failed(String),
}

/// What changed, while it is being collected.
#[derive(Debug)]
pub(super) struct Collected {
    paths: BTreeSet<Vec<u8>>,
    /// Those of the paths that are known to be folders: nothing below them needs to be named.
    folders: HashSet<Vec<u8>>,
    everything: Option<WhyEverything>,
    most: usize,
}

impl Collected {
    /// Nothing is known yet; more than `most` paths become everything.
    pub(super) fn new(most: usize) -> Self {
        Self { paths: BTreeSet::new(), folders: HashSet::new(), everything: Some(WhyEverything::First), most }
    }

    pub(super) fn is_everything(&self) -> bool {
        self.everything.is_some()
    }

    /// Adds a path, of a folder if `kind` says so.
    pub(super) fn add(&mut self, path: &[u8], kind: PathKind) {
        if self.everything.is_some() || self.is_below_a_folder(path) {
            return;
        }
        if path.is_empty() {
            self.add_everything(WhyEverything::TooMany);
            return;
        }
        if kind == PathKind::Folder && !self.folders.contains(path) {
            let (from, to) = below(path);
            let named: Vec<Vec<u8>> = self.paths.range(from..to).cloned().collect();
            for path in named {
                self.paths.remove(&path);
                self.folders.remove(&path);
            }
            self.folders.insert(path.to_vec());
        }
        if !self.paths.contains(path) {
            self.paths.insert(path.to_vec());
            if self.paths.len() > self.most {
                self.add_everything(WhyEverything::TooMany);
            }
        }
    }

    /// From now on anything may have changed; the first reason is kept.
    pub(super) fn add_everything(&mut self, why: WhyEverything) {
        self.everything.get_or_insert(why);
        self.paths.clear();
        self.folders.clear();
    }

    /// Swaps out what was collected.
    pub(super) fn take(&mut self) -> Changes {
        self.folders.clear();
        let paths = std::mem::take(&mut self.paths);
        self.everything.take().map_or(Changes::Paths(paths), Changes::Everything)
    }

    fn is_below_a_folder(&self, path: &[u8]) -> bool {
        !self.folders.is_empty()
            && path
                .iter()
                .enumerate()
                .any(|(position, byte)| *byte == b'/' && self.folders.contains(&path[..position]))
    }
}

/// What is known of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathKind {
    /// A folder: its whole subtree is meant.
    Folder,
    /// Perhaps a file.
    Other,
}

/// The range of all paths below a folder, in the order of bytes.
pub(super) fn below(folder: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let with = |end: u8| folder.iter().copied().chain([end]).collect();
    (with(b'/'), with(b'/' + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(paths: &[(&str, PathKind)]) -> Changes {
        let mut collected = Collected::new(4);
        collected.take();
        for (path, kind) in paths {
            collected.add(path.as_bytes(), *kind);
        }
        collected.take()
    }

    fn paths(paths: &[&str]) -> Changes {
        Changes::Paths(paths.iter().map(|path| path.as_bytes().to_vec()).collect())
    }

    #[test]
    fn a_folder_stands_for_what_is_below_it() {
        use PathKind::{Folder, Other};
        let found =
            collected(&[("a/b", Other), ("a.c", Other), ("a0", Other), ("a", Folder), ("a/d/e", Other)]);
        assert_eq!(found, paths(&["a", "a.c", "a0"]));
        assert_eq!(
            collected(&[("a/b", Folder), ("a/b/c", Folder), ("a/bc", Other)]),
            paths(&["a/b", "a/bc"])
        );
        // Of a path that may be a folder, what is below is named.
        assert_eq!(collected(&[("a", Other), ("a/b", Other)]), paths(&["a", "a/b"]));
        assert_eq!(collected(&[]), paths(&[]));
    }

    #[test]
    fn too_many_paths_are_everything_until_they_are_taken() {
        let mut collected = Collected::new(4);
        assert_eq!(collected.take(), Changes::Everything(WhyEverything::First));
        for number in 0..9 {
            collected.add(number.to_string().as_bytes(), PathKind::Other);
        }
        collected.add_everything(WhyEverything::Overflow);
        assert_eq!(collected.take(), Changes::Everything(WhyEverything::TooMany));
        collected.add(b"", PathKind::Folder);
        assert_eq!(collected.take(), Changes::Everything(WhyEverything::TooMany));
        assert_eq!(collected.take(), paths(&[]));
    }
}
