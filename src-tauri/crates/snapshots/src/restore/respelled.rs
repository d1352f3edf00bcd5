//! What a restore that was cut off left under a third name on its way to another spelling.

use std::collections::BTreeMap;

use rustix::fs::renameat;

use super::apply::{BETWEEN, name_between};
use super::live::{Live, State};
use crate::difference::Difference;
use crate::entry::{below, shown, split};
use crate::error::SnapshotError;
use crate::names::{NameRules, with_ancestors};

/// Gives it its old name back, or, where that is not known, the new one. If something stands there by now, it stays as
/// it is. `differences` are those that the restore was to make equal.
pub(super) fn put_back(live: &mut Live<'_>, differences: &[Difference]) -> Result<(), SnapshotError> {
    let mut gone: BTreeMap<Vec<u8>, &[u8]> = BTreeMap::new();
    for difference in differences.iter().filter(|difference| difference.new.is_none()) {
        for path in with_ancestors(&difference.path) {
            gone.entry(NameRules::MOST.folded(path)).or_insert(split(path).1);
        }
    }
    // Folders stand before what is in them.
    let mut coming: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
    for difference in differences.iter().filter(|difference| difference.new.is_some()) {
        for path in with_ancestors(&difference.path) {
            let (folder, name) = split(path);
            let names = coming.entry(folder).or_default();
            if names.last() != Some(&name) {
                names.push(name);
            }
        }
    }
    for (folder, names) in coming {
        for between in live.names(folder)? {
            if !between.starts_with(BETWEEN.as_bytes()) {
                continue;
            }
            let Some(new) = names.iter().find(|name| name_between(name) == between) else { continue };
            let new = below(folder, new);
            let old = gone.get(&NameRules::MOST.folded(&new)).map_or(split(&new).1, |old| old);
            if live.examine(&below(folder, old))? != State::Absent {
                tracing::warn!(path = %shown(&new), "its place is taken, so that it stays under another name");
                continue;
            }
            let handle = live.folder(folder)?;
            renameat(&*handle, between.as_slice(), &*handle, old)
                .map_err(|error| SnapshotError::workspace("renamed", &new, error))?;
            live.forget();
        }
    }
    Ok(())
}
