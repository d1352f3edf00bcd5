//! Names that a file system cannot hold, and names that it takes for one another.
//!
//! A snapshot may have been made on another system than the one it is restored on. Nothing here asks a
//! file system; what it does is said by [`NameRules`], so that the rules of every system can be tried on
//! any.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;

use crate::difference::Difference;
use crate::entry::{below, split};
use crate::error::SnapshotError;

/// What a file system does with names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "answers of a file system, each of which stands alone")]
pub(crate) struct NameRules {
    /// `Readme` and `README` are one file.
    pub(crate) folds_case: bool,
    /// `straße` and `strasse` are one file, too: a letter may fold to several. Others fold letter by letter.
    pub(crate) folds_expanded: bool,
    /// `é` in one character and in two is one name.
    pub(crate) folds_composition: bool,
    /// Windows' reserved names and characters.
    pub(crate) windows: bool,
}

/// Names that Windows keeps for devices, with any extension.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
/// Devices that have numbers.
const NUMBERED_DEVICES: [&str; 2] = ["COM", "LPT"];
/// Units of UTF-16 that a name may have on Windows.
const WINDOWS_NAME: usize = 255;
/// Units of UTF-16 that a path may have on Windows in its verbatim form, with room for the workspace's own.
const WINDOWS_PATH: usize = 32_767 - 4_096;

impl NameRules {
    /// Those of a system that takes the most names for one.
    pub(crate) const MOST: Self =
        Self { folds_case: true, folds_expanded: true, folds_composition: true, windows: false };

    /// Two names that fold to the same are one on this file system.
    pub(crate) fn folds(self) -> bool {
        self.folds_case || self.folds_composition
    }

    /// The path as the file system compares it. Bytes that are no text are compared as they are.
    pub(crate) fn folded(self, path: &[u8]) -> Vec<u8> {
        if path.is_ascii() {
            return if self.folds_case { path.to_ascii_lowercase() } else { path.to_vec() };
        }
        let Ok(text) = std::str::from_utf8(path) else { return path.to_vec() };
        let mut text = text.to_owned();
        if self.folds_composition {
            text = text.nfc().collect();
        }
        if self.folds_case {
            // By way of capitals, so that letters with two small forms (σ, ς) are one.
            let (upper, lower) = (char::to_uppercase, char::to_lowercase);
            text = if self.folds_expanded {
                text.chars().flat_map(upper).flat_map(lower).collect()
            } else {
                text.chars().map(|letter| alone(lower(alone(upper(letter), letter)), letter)).collect()
            };
        }
        if self.folds_composition {
            text = text.nfc().collect();
        }
        text.into_bytes()
    }

    /// Why no file can have this path (relative, with `/`), if none can.
    pub(crate) fn unwritable(self, path: &[u8]) -> Option<&'static str> {
        if !self.windows {
            return None;
        }
        let Ok(text) = std::str::from_utf8(path) else {
            return Some("this system takes only names that are text");
        };
        if text.encode_utf16().count() > WINDOWS_PATH {
            return Some("the path is too long for this system");
        }
        text.split('/').find_map(unwritable_on_windows)
    }
}

/// The one letter that another one becomes, or that one as it is if it would become several.
fn alone(mut letters: impl Iterator<Item = char>, otherwise: char) -> char {
    match (letters.next(), letters.next()) {
        (Some(letter), None) => letter,
        _ => otherwise,
    }
}

fn unwritable_on_windows(name: &str) -> Option<&'static str> {
    if name.encode_utf16().count() > WINDOWS_NAME {
        return Some("the name is too long for this system");
    }
    if name.ends_with(['.', ' ']) {
        return Some("this system takes no name that ends in a dot or a space");
    }
    if name.chars().any(|character| {
        matches!(character, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\') || character < ' '
    }) {
        return Some("this system does not take a character of the name");
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_uppercase();
    let numbered = NUMBERED_DEVICES.iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|number| {
            let mut digits = number.chars();
            matches!((digits.next(), digits.next()), (Some('1'..='9' | '¹' | '²' | '³'), None))
        })
    });
    (numbered || DEVICES.contains(&stem.as_str())).then_some("the name stands for a device on this system")
}

/// The names that a folder of the target holds.
type NamesIn<'a> = dyn FnMut(&[u8]) -> Result<Vec<Vec<u8>>, SnapshotError> + 'a;

/// A part of a path that only gets another spelling, by folders from the workspace on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Respelling {
    pub(crate) old: Vec<u8>,
    pub(crate) new: Vec<u8>,
}

/// A path in its new spelling as it was spelled before.
pub(crate) fn old_spelling(respellings: &[Respelling], path: &[u8]) -> Vec<u8> {
    let mut old = path.to_vec();
    // What lies within another one comes after it, and begins as that one was spelled anew.
    for respelling in respellings.iter().rev() {
        if let Some(rest) = old.strip_prefix(respelling.new.as_slice())
            && (rest.is_empty() || rest.first() == Some(&b'/'))
        {
            old = [respelling.old.as_slice(), rest].concat();
        }
    }
    old
}

/// Finds what only changes its spelling, and says the differences again as if the new spelling had been
/// there before. `keeps` tells whether the target still holds a path.
///
/// On a file system that folds names the two spellings are one file: to write one and remove the other
/// would remove what was written.
pub(crate) fn respell(
    rules: NameRules,
    differences: Vec<Difference>,
    keeps: &mut dyn FnMut(&[u8]) -> Result<bool, SnapshotError>,
) -> Result<(Vec<Respelling>, Vec<Difference>), SnapshotError> {
    let goes = |difference: &Difference| difference.new.is_none() && difference.old.is_some();
    if !rules.folds() || !differences.iter().any(goes) {
        return Ok((Vec::new(), differences));
    }
    let mut coming: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for difference in differences.iter().filter(|difference| difference.new.is_some()) {
        for path in with_ancestors(&difference.path) {
            coming.entry(rules.folded(path)).or_insert_with(|| path.to_vec());
        }
    }
    // The outermost part that differs decides; what lies below goes with it and is looked at in its turn.
    let mut spelled: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut respellings = Vec::new();
    let mut said = Vec::with_capacity(differences.len());
    for difference in differences {
        if difference.new.is_some() || difference.old.is_none() {
            said.push(difference);
            continue;
        }
        let mut now = Vec::new();
        let mut old = Vec::new();
        for part in difference.path.split(|byte| *byte == b'/') {
            old = below(&old, part);
            let here = below(&now, part);
            now = match spelled.get(&here) {
                Some(new) => new.clone(),
                None => match coming.get(&rules.folded(&here)) {
                    Some(new) if *new != here && split(new).0 == now.as_slice() && !keeps(&old)? => {
                        respellings.push(Respelling { old: here.clone(), new: new.clone() });
                        spelled.insert(here, new.clone());
                        new.clone()
                    }
                    _ => here,
                },
            };
        }
        said.push(Difference { path: now, ..difference });
    }
    said.sort_by(|left, right| left.path.cmp(&right.path));
    let mut merged: Vec<Difference> = Vec::with_capacity(said.len());
    for difference in said {
        match merged.last_mut().filter(|last| last.path == difference.path) {
            Some(last) => {
                last.old = last.old.or(difference.old);
                last.new = last.new.or(difference.new);
            }
            None => merged.push(difference),
        }
    }
    merged.retain(|difference| difference.old != difference.new);
    Ok((respellings, merged))
}

/// Those of the differences that would be written over another path of the target, since the file system
/// takes both for one. Of such paths the one that stays as it is comes first, then the first by name. Only
/// folders to which something is added are looked at: the names that are there stand side by side already.
/// `names` gives the names that the target holds in a folder.
pub(crate) fn collisions(
    rules: NameRules,
    differences: &[Difference],
    names: &mut NamesIn<'_>,
) -> Result<BTreeSet<Vec<u8>>, SnapshotError> {
    let mut colliding = BTreeSet::new();
    if !rules.folds() {
        return Ok(colliding);
    }
    let mut changed = BTreeSet::new();
    let mut folders = BTreeSet::new();
    let added = |difference: &&Difference| difference.new.is_some() && difference.old.is_none();
    for difference in differences.iter().filter(added) {
        for path in with_ancestors(&difference.path) {
            changed.insert(path.to_vec());
            folders.insert(split(path).0.to_vec());
        }
    }
    if folders.is_empty() {
        return Ok(colliding);
    }
    for folder in folders {
        let mut first = BTreeSet::new();
        let mut siblings: Vec<Vec<u8>> = names(&folder)?.iter().map(|name| below(&folder, name)).collect();
        siblings.sort_by_cached_key(|path| (changed.contains(path), path.clone()));
        for path in siblings {
            if !first.insert(rules.folded(&path)) {
                colliding.insert(path);
            }
        }
    }
    let below_one = |path: &[u8]| with_ancestors(path).any(|path| colliding.contains(path));
    Ok(differences
        .iter()
        .filter(|difference| difference.new.is_some() && below_one(&difference.path))
        .map(|difference| difference.path.clone())
        .collect())
}

/// The path's folders from the outermost one, then the path.
pub(crate) fn with_ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(position, _)| position);
    ends.chain([path.len()]).map(|end| &path[..end])
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
