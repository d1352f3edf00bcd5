//! Commits: a tree, its parents, and a message.

use crate::error::ObjectError;
use crate::id::ObjectId;

/// A commit that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedCommit {
    /// The tree.
    pub tree: ObjectId,
    /// The commits it came from.
    pub parents: Vec<ObjectId>,
    /// `Name <address>` of the author.
    pub author: Vec<u8>,
    /// Unix seconds of the committer.
    pub seconds: i64,
    /// The message.
    pub message: Vec<u8>,
}

impl ParsedCommit {
    /// Reads git's bytes. Lines in the head that we do not know are passed over.
    pub fn parse(bytes: &[u8]) -> Result<Self, ObjectError> {
        Self::read(bytes).ok_or_else(|| ObjectError::damaged("a commit", "its head has no form"))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let (head, message) = (&bytes[..end], &bytes[end + 2..]);
        let mut tree = None;
        let (mut parents, mut author, mut seconds) = (Vec::new(), Vec::new(), 0);
        for line in head.split(|byte| *byte == b'\n') {
            let id = |text: &[u8]| str::from_utf8(text).ok()?.parse().ok();
            if let Some(text) = line.strip_prefix(b"tree ") {
                tree = Some(id(text)?);
            } else if let Some(text) = line.strip_prefix(b"parent ") {
                parents.push(id(text)?);
            } else if let Some(text) = line.strip_prefix(b"author ") {
                author = identity(text).0;
            } else if let Some(text) = line.strip_prefix(b"committer ") {
                seconds = identity(text).1;
            }
        }
        Some(Self { tree: tree?, parents, author, seconds, message: message.to_vec() })
    }
}

fn identity(text: &[u8]) -> (Vec<u8>, i64) {
    let end = text.iter().rposition(|byte| *byte == b'>').map_or(text.len(), |end| end + 1);
    let time = String::from_utf8_lossy(&text[end..]);
    let seconds = time.split_ascii_whitespace().next().and_then(|text| text.parse().ok());
    (text[..end].to_vec(), seconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::EMPTY_TREE;

    #[test]
    fn a_commit_is_read() {
        let bytes = format!(
            "tree {EMPTY_TREE}\nparent {EMPTY_TREE}\nauthor A person <a@b.invalid> 1600000000 +0100\n\
             committer Another <c@d.invalid> 1700000000 +0000\nencoding UTF-8\n\nfirst\n\nsecond\n"
        );
        let read = ParsedCommit::parse(bytes.as_bytes()).unwrap();
        assert_eq!((read.tree, read.parents), (EMPTY_TREE, vec![EMPTY_TREE]));
        assert_eq!(read.author, b"A person <a@b.invalid>");
        assert_eq!(read.seconds, 1_700_000_000);
        assert_eq!(read.message, b"first\n\nsecond\n");
        assert!(ParsedCommit::parse(b"tree nonsense\n\nmessage").is_err());
        assert!(ParsedCommit::parse(b"").is_err());
    }
}
