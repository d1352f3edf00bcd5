//! Whose `.okcvmignore` files count. Rules that the agent wrote would take files out of the next snapshot, so that what
//! it deletes then would be gone; they do not count until the person has changed the file.
//!
//! What counts, and what does not, is kept by folder and content in a file beside the repository. Without that file, what
//! is found outside of a turn is the person's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sha2::{Digest, Sha256};

use crate::entry::{below, shown};
use crate::history::{History, lock};
use crate::rules::RULES_FILE;

const FILE: &str = "rules.json";
/// Of each kind, as many are remembered; a history has a handful.
const MOST: usize = 10_000;

/// Whose work a look at the files sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtWork {
    /// The person's: rules that are new count.
    #[default]
    Person,
    /// Also the agent's: rules that are new do not.
    Agent,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct RulesTrust {
    file: PathBuf,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    counting: BTreeSet<String>,
    refused: BTreeSet<String>,
    at_work: AtWork,
    /// Files that were refused and not told yet.
    untold: BTreeSet<String>,
}

impl RulesTrust {
    pub(crate) fn beside(repository: &Path) -> Self {
        let folder = repository.parent().unwrap_or(repository);
        Self { file: folder.join(FILE), known: Mutex::new(None) }
    }

    /// Whether the rules in that folder (raw bytes with `/`) count.
    pub(crate) fn count(&self, folder: &[u8], content: &[u8]) -> bool {
        if content.trim_ascii().is_empty() {
            return true;
        }
        self.with(|known| {
            let name = name(folder, content);
            if known.counting.contains(&name) {
                return (true, false);
            }
            if known.refused.contains(&name) {
                return (false, false);
            }
            let counts = known.at_work == AtWork::Person;
            if !counts {
                known.untold.insert(shown(&below(folder, RULES_FILE)));
            }
            let names = if counts { &mut known.counting } else { &mut known.refused };
            if names.len() < MOST {
                names.insert(name);
            }
            (counts, true)
        })
    }

    /// Does something with what is known, and saves it if that says so.
    fn with<T>(&self, act: impl FnOnce(&mut Known) -> (T, bool)) -> T {
        let mut guard = lock(&self.known);
        let known = guard.get_or_insert_with(|| self.read());
        let (answer, changed) = act(known);
        if changed && let Err(error) = self.save(known) {
            tracing::warn!(%error, "whose rules count could not be saved");
        }
        answer
    }

    fn read(&self) -> Known {
        let lists = std::fs::read(&self.file)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<[BTreeSet<String>; 2]>(&bytes).ok());
        let [counting, refused] = lists.unwrap_or_default();
        Known { counting, refused, ..Known::default() }
    }

    fn save(&self, known: &Known) -> std::io::Result<()> {
        let new = self.file.with_extension("new");
        std::fs::write(&new, serde_json::to_vec(&[&known.counting, &known.refused])?)?;
        std::fs::File::open(&new)?.sync_data()?;
        std::fs::rename(&new, &self.file)
    }
}

fn name(folder: &[u8], content: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update((folder.len() as u64).to_le_bytes());
    hash.update(folder);
    hash.update(content);
    format!("{:x}", hash.finalize())
}

impl History {
    /// Says whose work the looks from now on see.
    pub fn set_at_work(&self, at_work: AtWork) {
        self.shared.rules.with(|known| {
            known.at_work = at_work;
            ((), false)
        });
    }

    /// The `.okcvmignore` files whose rules do not count since the agent wrote them, each told once.
    pub fn take_refused_rules(&self) -> Vec<String> {
        self.shared.rules.with(|known| (std::mem::take(&mut known.untold).into_iter().collect(), false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_count_by_folder_and_content_for_whoever_wrote_them_first() {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("repository.git");
        let trust = RulesTrust::beside(&repository);
        let at_work = |trust: &RulesTrust, at_work| trust.with(|known| (known.at_work = at_work, false));
        assert!(trust.count(b"a", b"*.log\n"));
        at_work(&trust, AtWork::Agent);
        // The same words in another folder are other rules.
        for (folder, content, counts) in
            [("a", "*.log\n", true), ("", "*.log\n", false), ("a", "*\n", false), ("b", " \n", true)]
        {
            assert_eq!(trust.count(folder.as_bytes(), content.as_bytes()), counts, "{folder}: {content}");
        }
        // Neither the end of the turn nor that of the program changes that.
        let trust = RulesTrust::beside(&repository);
        assert!(trust.count(b"a", b"*.log\n") && !trust.count(b"", b"*.log\n") && !trust.count(b"a", b"*\n"));
        assert!(trust.count(b"", b"*.log\n# mine\n"));
    }
}
