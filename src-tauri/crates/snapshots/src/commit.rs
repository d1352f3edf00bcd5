//! The commit of a snapshot: what stands in it beside tree and parent.
//!
//! The message is the given text, then a last paragraph of ours: `Okcvm-Author: agent`, `user` or
//! `unknown`, `Okcvm-At:` with the time in Unix milliseconds, and what was left out: `Okcvm-Skipped:` with a JSON list on
//! one line, or `Okcvm-Skipped-List:` with the name of a blob that holds it.

use okcvm_objects::{ObjectId, ParsedCommit};
use okcvm_protocol::SnapshotId;

use crate::error::SnapshotError;
use crate::left_out::{LeftOutList, json};

/// Whose changes a snapshot records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The agent's, in a turn.
    Agent,
    /// The user's, by hand.
    User,
    /// Not known: they came between a turn that was cut off and the next start of the program.
    Unknown,
}

impl Author {
    fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::User => "user",
            Self::Unknown => "unknown",
        }
    }

    /// The byte that stands for it in the journal.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::User => 0,
            Self::Agent => 1,
            Self::Unknown => 2,
        }
    }

    /// Whom a byte of the journal stands for.
    pub(crate) fn of_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Agent,
            2 => Self::Unknown,
            _ => Self::User,
        }
    }

    fn identity(self) -> &'static str {
        match self {
            Self::Agent => "OKCVM agent <agent@okcvm.invalid>",
            Self::User => "OKCVM user <user@okcvm.invalid>",
            Self::Unknown => "OKCVM unknown <unknown@okcvm.invalid>",
        }
    }
}

/// What is written into a commit.
pub(crate) struct CommitText<'a> {
    pub(crate) tree: ObjectId,
    pub(crate) parent: Option<ObjectId>,
    pub(crate) message: &'a str,
    pub(crate) author: Author,
    pub(crate) at_ms: i64,
    pub(crate) left_out: &'a LeftOutList,
}

impl CommitText<'_> {
    /// The message as it is written: never empty, and without NULs, which end it for many readers.
    pub(crate) fn message(&self) -> String {
        let message = self.message.replace('\0', "");
        match message.trim() {
            "" => "Snapshot".to_owned(),
            text => text.to_owned(),
        }
    }

    /// Git's bytes of the commit.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, SnapshotError> {
        let message = self.message();
        let left_out = match self.left_out {
            LeftOutList::Named(list) => format!("Okcvm-Skipped: {}", json(list)?),
            LeftOutList::InBlob(blob) => format!("Okcvm-Skipped-List: {blob}"),
        };
        let parent = self.parent.map(|parent| format!("parent {parent}\n")).unwrap_or_default();
        let seconds = self.at_ms.max(0) / 1000;
        let identity = self.author.identity();
        Ok(format!(
            "tree {}\n{parent}author {identity} {seconds} +0000\ncommitter {identity} {seconds} +0000\n\n\
             {message}\n\nOkcvm-Author: {}\nOkcvm-At: {}\n{left_out}\n",
            self.tree,
            self.author.word(),
            self.at_ms,
        )
        .into_bytes())
    }
}

/// A snapshot's commit that was read.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    seconds: i64,
    message: String,
}

impl Snapshot {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let ParsedCommit { tree, parents, seconds, message, .. } = ParsedCommit::parse(bytes)?;
        let message = String::from_utf8_lossy(&message).into_owned();
        Ok(Self { tree, parents, seconds, message })
    }

    fn trailers(&self) -> &str {
        self.message.trim_end().rsplit("\n\n").next().unwrap_or_default()
    }

    fn trailer(&self, key: &str) -> Option<&str> {
        self.trailers().lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
    }

    /// The message without our last paragraph.
    pub(crate) fn message(&self) -> &str {
        let message = self.message.trim_end();
        match self.trailer("Okcvm-Author") {
            Some(_) => message[..message.len() - self.trailers().len()].trim_end(),
            None => message,
        }
    }

    /// Whose changes it records; of a commit that is not ours, the user's.
    pub(crate) fn author(&self) -> Author {
        match self.trailer("Okcvm-Author") {
            Some("agent") => Author::Agent,
            Some("unknown") => Author::Unknown,
            _ => Author::User,
        }
    }

    /// When, in Unix milliseconds.
    pub(crate) fn at_ms(&self) -> i64 {
        self.trailer("Okcvm-At").and_then(|text| text.parse().ok()).unwrap_or(self.seconds * 1000)
    }

    /// What it does not hold; of a commit that is not ours, nothing is known to be left out.
    pub(crate) fn left_out(&self) -> LeftOutList {
        match (self.trailer("Okcvm-Skipped-List"), self.trailer("Okcvm-Skipped")) {
            (Some(blob), _) => blob.parse().map_or_else(|_| LeftOutList::parse(blob), LeftOutList::InBlob),
            (None, Some(list)) => LeftOutList::parse(list),
            (None, None) => LeftOutList::Named(Vec::new()),
        }
    }
}

/// The object of a snapshot. Only full ids are taken, so that a cut one cannot name another snapshot.
pub(crate) fn object_of(id: &SnapshotId) -> Result<ObjectId, SnapshotError> {
    id.as_str().parse().map_err(|_| SnapshotError::Unknown(id.clone()))
}
