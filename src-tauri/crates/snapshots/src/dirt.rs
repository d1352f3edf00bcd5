//! Which paths may have changed, as a tree, so that a scan goes down to them and nowhere else.

use std::collections::BTreeMap;

/// A path that may have changed, or the way to some.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Dirt {
    /// What is known of the path itself.
    pub(crate) itself: Suspicion,
    /// What lies below it, by name.
    pub(crate) below: BTreeMap<Vec<u8>, Dirt>,
}

/// How much of what is known of a path is still believed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Suspicion {
    /// It only leads to something.
    #[default]
    Unsuspected,
    /// It is looked at, and a folder with all that is in it; a stamp that is the same is believed.
    Changed,
    /// We wrote it ourselves; it is read whatever its stamp says.
    Written,
}

impl Dirt {
    /// Adds a path: raw bytes with `/`; the empty one is the workspace. A path with `.` or `..` in it names
    /// nothing.
    pub(crate) fn add(&mut self, path: &[u8], suspicion: Suspicion) {
        let mut dirt = self;
        if path.split(|byte| *byte == b'/').any(|part| part == b"." || part == b"..") {
            return;
        }
        for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            if !dirt.below.contains_key(part) {
                dirt.below.insert(part.to_vec(), Self::default());
            }
            let Some(next) = dirt.below.get_mut(part) else { return };
            dirt = next;
        }
        dirt.itself = dirt.itself.max(suspicion);
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.itself == Suspicion::Unsuspected && self.below.is_empty()
    }

    /// Something below the path was added.
    pub(crate) fn leads_to_dirt(&self, path: &[u8]) -> bool {
        let mut dirt = self;
        path.split(|byte| *byte == b'/').all(|part| match dirt.below.get(part) {
            Some(next) => {
                dirt = next;
                true
            }
            None => false,
        })
    }

    /// The path or one that leads to it was added.
    pub(crate) fn covers(&self, path: &[u8]) -> bool {
        let mut dirt = self;
        for part in path.split(|byte| *byte == b'/') {
            if dirt.itself != Suspicion::Unsuspected {
                return true;
            }
            let Some(next) = dirt.below.get(part) else { return false };
            dirt = next;
        }
        dirt.itself != Suspicion::Unsuspected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_make_a_tree() {
        let mut dirt = Dirt::default();
        assert!(dirt.is_clean());
        dirt.add(b"a/b", Suspicion::Written);
        dirt.add(b"a/b", Suspicion::Changed);
        dirt.add(b"a/b/c", Suspicion::Changed);
        dirt.add(b"../x", Suspicion::Changed);
        dirt.add(b"a/./x", Suspicion::Changed);
        assert_eq!(dirt.below.len(), 1);
        let a = &dirt.below[b"a".as_slice()];
        assert_eq!((a.itself, a.below.len()), (Suspicion::Unsuspected, 1));
        assert_eq!(a.below[b"b".as_slice()].itself, Suspicion::Written);
        for (path, covered) in
            [("a/b", true), ("a/b/c", true), ("a/b/x/y", true), ("a", false), ("a/c", false), ("b", false)]
        {
            assert_eq!(dirt.covers(path.as_bytes()), covered, "{path}");
        }
        dirt.add(b"", Suspicion::Changed);
        assert!(dirt.covers(b"anything/at/all"));
    }
}
