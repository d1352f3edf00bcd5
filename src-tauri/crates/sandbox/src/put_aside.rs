//! What was put aside because git would have run it for the user.

use serde::{Deserialize, Serialize};

/// What the name of something that was put aside ends in.
pub(crate) const ASIDE: &str = ".put-aside";
/// More files are not named.
const MOST_NAMED: usize = 20;

/// What was put aside, in words for the result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutAside {
    /// Files and folders, relative to the workspace, each with what it would have made git do.
    pub files: Vec<String>,
    /// What could not be, or was not because it may be the user's own.
    pub failed: Vec<String>,
    /// The look did not come to its end, or found repositories of which nobody knows whether they are new.
    pub unfinished: bool,
}

impl PutAside {
    /// Nothing was, and nothing is left to say.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Sentences for whoever reads the result.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.files.is_empty() {
            remarks.push(format!(
                "put aside, because git would have run it for the user, outside of the sandbox: {}. Each lies beside its \
                 place, as *{ASIDE}; only the user should bring one back",
                self.files.join(", ")
            ));
        }
        if !self.failed.is_empty() {
            remarks.push(format!(
                "git may run what stands in {} for the user; it was not put aside, so the user should look at it \
                 before using git there",
                self.failed.join(", ")
            ));
        }
        if self.unfinished {
            remarks.push(
                "not every git repository that may be new in the workspace was looked through; before using git in one, \
                 the user should look at its hooks and settings"
                    .to_owned(),
            );
        }
        remarks
    }

    /// Both together.
    pub fn add(&mut self, other: Self) {
        for (all, more) in [(&mut self.files, other.files), (&mut self.failed, other.failed)] {
            for one in more {
                name(all, one);
            }
        }
        self.unfinished |= other.unfinished;
    }
}

/// Adds a name, if there is room for it and it is new.
pub(crate) fn name(all: &mut Vec<String>, one: String) {
    if all.len() < MOST_NAMED && !all.contains(&one) {
        all.push(one);
    }
}
