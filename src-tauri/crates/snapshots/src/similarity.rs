//! How much of one text stands in another, as git measures it for renames.
//!
//! A text is the multiset of its lines (a long line counts in pieces); what two texts have in common, in
//! bytes, against the size of the larger one is how similar they are.

use std::hash::{DefaultHasher, Hasher};

/// From this many hundredths on, a file that went and one that came are one file with another name.
const RENAMED_FROM: u64 = 50;
/// A line counts in pieces of this many bytes, so that a text without line ends can be like another, too.
const PIECE: usize = 64;
/// As in git: a NUL byte this near to the start makes a file binary.
pub(crate) const BINARY_LOOK: usize = 8_000;

/// The bytes are no text.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes[..bytes.len().min(BINARY_LOOK)].contains(&0)
}

/// Two files of these sizes can still be similar enough.
pub(crate) fn sizes_allow(left: u64, right: u64) -> bool {
    let (small, large) = (left.min(right), left.max(right));
    small > 0 && small * 100 >= large * RENAMED_FROM
}

/// What a text consists of.
#[derive(Debug)]
pub(crate) struct Pieces {
    bytes: u64,
    /// Bytes of each different piece, by a hash of the piece.
    of_piece: Vec<(u64, u64)>,
}

impl Pieces {
    /// `None` for what is no text.
    pub(crate) fn of(text: &[u8]) -> Option<Self> {
        if text.is_empty() || is_binary(text) {
            return None;
        }
        let mut pieces = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            // The line end's form is no difference, as in git.
            let line = line.strip_suffix(b"\r\n").unwrap_or(line);
            for piece in line.chunks(PIECE) {
                let mut hasher = DefaultHasher::new();
                hasher.write(piece);
                pieces.push((hasher.finish(), piece.len() as u64));
            }
        }
        pieces.sort_unstable();
        let mut of_piece: Vec<(u64, u64)> = Vec::with_capacity(pieces.len());
        for (piece, bytes) in pieces {
            match of_piece.last_mut().filter(|last| last.0 == piece) {
                Some(last) => last.1 += bytes,
                None => of_piece.push((piece, bytes)),
            }
        }
        let bytes = of_piece.iter().map(|(_, bytes)| bytes).sum();
        Some(Self { bytes, of_piece })
    }

    /// Hundredths of the larger text that stand in both, if they are enough for one to be the other.
    pub(crate) fn likeness(&self, other: &Self) -> Option<u64> {
        let (mut left, mut right) = (self.of_piece.iter(), other.of_piece.iter());
        let (mut one, mut two) = (left.next(), right.next());
        let mut common = 0;
        while let (Some((piece, bytes)), Some((other, others))) = (one, two) {
            if piece == other {
                common += bytes.min(others);
            }
            if piece <= other {
                one = left.next();
            }
            if other <= piece {
                two = right.next();
            }
        }
        let likeness = common * 100 / self.bytes.max(other.bytes).max(1);
        (likeness >= RENAMED_FROM).then_some(likeness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(left: &str, right: &str) -> Option<u64> {
        Pieces::of(left.as_bytes())?.likeness(&Pieces::of(right.as_bytes())?)
    }

    #[test]
    fn texts_are_alike_as_far_as_their_lines_are() {
        let text = |from: u32, to: u32| {
            (from..to).map(|line| format!("line {line:04}\n")).collect::<Vec<_>>().concat()
        };
        assert_eq!(likeness(&text(0, 100), &text(0, 100)), Some(100));
        assert_eq!(likeness(&text(0, 100), &text(20, 120)), Some(80));
        // The order of lines does not count, their number does.
        assert_eq!(likeness("a\nb\nc\n", "c\nb\na\n"), Some(100));
        assert_eq!(likeness("a\na\na\na\n", "a\nb\nc\nd\n"), None);
        assert_eq!(likeness(&text(0, 100), &text(50, 150)), Some(50));
        assert_eq!(likeness(&text(0, 100), &text(51, 151)), None);
        let long = "x".repeat(64) + &"y".repeat(64);
        assert_eq!(likeness(&long, &("x".repeat(64) + &"z".repeat(64))), Some(50));
        assert_eq!(likeness("", ""), None);
        assert_eq!(likeness("a\0b", "a\0b"), None);
    }

    #[test]
    fn sizes_rule_out_what_cannot_be_alike() {
        assert!(sizes_allow(50, 100) && sizes_allow(100, 50) && sizes_allow(1, 1));
        assert!(!sizes_allow(49, 100) && !sizes_allow(0, 0) && !sizes_allow(0, 5));
    }
}
