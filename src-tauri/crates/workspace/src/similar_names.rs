//! Names like one that does not exist, for error messages.

use std::collections::VecDeque;

use okcvm_protocol::EntryKind;

use crate::path::WorkspacePath;
use crate::workspace::Workspace;

/// Entries that are looked at; an error message must not cost a walk through a large tree.
const MAX_LOOKED_AT: usize = 5_000;

/// Folders that hold too much that nobody means.
const NOT_SEARCHED: [&str; 3] = [".git", "node_modules", "__pycache__"];

impl Workspace {
    /// At most `limit` existing paths that somebody who wrote `path` may have meant, best first: the same
    /// name elsewhere, and names that differ by a few letters.
    pub fn nearest_existing(&self, path: &WorkspacePath, limit: usize) -> Vec<String> {
        let Some(wanted) = path.file_name() else { return Vec::new() };
        let wanted = wanted.to_lowercase();
        let parent = path.parent().unwrap_or_default();
        let mut found: Vec<(usize, String)> = Vec::new();
        let mut folders = VecDeque::from([WorkspacePath::root()]);
        let mut left = MAX_LOOKED_AT;
        while let Some(folder) = folders.pop_front() {
            let Ok((entries, _)) = self.list(&folder, left) else { continue };
            left = left.saturating_sub(entries.len());
            for entry in entries {
                let name = entry.name.to_lowercase();
                let allowed = (wanted.chars().count().max(name.chars().count()) / 3).max(1);
                if let Some(mut distance) = distance_within(&wanted, &name, allowed) {
                    // A near miss in the folder that was named is likelier than one elsewhere.
                    distance = distance * 2 + usize::from(folder != parent);
                    found.push((distance, entry.path.clone()));
                }
                if entry.kind == EntryKind::Folder
                    && !NOT_SEARCHED.contains(&entry.name.as_str())
                    && let Ok(below) = WorkspacePath::parse(&entry.path)
                {
                    folders.push_back(below);
                }
            }
            if left == 0 {
                break;
            }
        }
        found.sort();
        found.into_iter().map(|(_, path)| path).filter(|found| found != path.as_str()).take(limit).collect()
    }
}

/// The number of letters to insert, drop or exchange to make `right` of `left`, if it is at most `allowed`.
fn distance_within(left: &str, right: &str, allowed: usize) -> Option<usize> {
    let right: Vec<char> = right.chars().collect();
    if left.chars().count().abs_diff(right.len()) > allowed {
        return None;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in right.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().filter(|distance| *distance <= allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted() {
        assert_eq!(distance_within("report", "report", 0), Some(0));
        assert_eq!(distance_within("report", "reprot", 2), Some(2));
        assert_eq!(distance_within("data.csv", "date.csv", 1), Some(1));
        assert_eq!(distance_within("a", "abcdef", 2), None);
    }

    #[test]
    fn likely_names_are_found() {
        let place = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(place.path()).unwrap();
        for path in ["src/index.html", "src/other.txt", "deep/er/data.csv", "node_modules/x/index.html"] {
            workspace.write_atomic(&WorkspacePath::parse(path).unwrap(), b"").unwrap();
        }
        let near = |path: &str| workspace.nearest_existing(&WorkspacePath::parse(path).unwrap(), 3);
        assert_eq!(near("src/indx.html"), ["src/index.html"]);
        assert_eq!(near("data.csv"), ["deep/er/data.csv"]);
        assert_eq!(near("nothing-like-it"), Vec::<String>::new());
        assert_eq!(near(""), Vec::<String>::new());
    }
}
