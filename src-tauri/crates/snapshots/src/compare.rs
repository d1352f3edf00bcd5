//! What differs between the live workspace, as an index holds it, and another state.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use okcvm_objects::{EMPTY_TREE, Entry, EntryKind, ObjectId, Objects};
use okcvm_protocol::ChangeCounts;

use crate::entry::below;
use crate::error::SnapshotError;
use crate::index::{Folder, Item, Node};

/// A state of a folder.
#[derive(Debug, Clone, Copy)]
pub(crate) enum State<'a> {
    /// In memory.
    Live(&'a Arc<Folder>),
    /// A tree of the repository.
    Stored(ObjectId),
}

impl State<'_> {
    fn id(self) -> ObjectId {
        match self {
            Self::Live(folder) => folder.id,
            Self::Stored(id) => id,
        }
    }
}

/// A path that is not the same in both states. Folders stand here only if they are empty; of all others
/// the files do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveDifference {
    /// Raw bytes with `/`.
    pub(crate) path: Vec<u8>,
    pub(crate) old: Option<Entry>,
    pub(crate) new: Option<Entry>,
}

/// The differences sorted by path, and the sizes of those contents whose sizes are known already. What
/// both states share is not looked into, so that the cost follows the difference and not the size.
pub(crate) fn live_differences(
    objects: &Objects,
    old: State<'_>,
    new: State<'_>,
) -> Result<(Vec<LiveDifference>, HashMap<ObjectId, u64>), SnapshotError> {
    let mut found = Vec::new();
    let mut sizes = HashMap::new();
    let mut tell = |path: &[u8], old: Option<Part<'_>>, new: Option<Part<'_>>| {
        for part in [&old, &new].into_iter().flatten() {
            if let Some(size) = part.size {
                sizes.insert(part.entry.id, size);
            }
        }
        let entry = |part: Option<Part<'_>>| part.map(|part| part.entry);
        found.push(LiveDifference { path: path.to_vec(), old: entry(old), new: entry(new) });
    };
    folders(objects, &[], old, new, &mut tell)?;
    found.sort_by(|one, two| one.path.cmp(&two.path));
    Ok((found, sizes))
}

/// How many files came, changed and went; a renamed file came and went.
pub(crate) fn live_counts(
    objects: &Objects,
    old: State<'_>,
    new: State<'_>,
) -> Result<ChangeCounts, SnapshotError> {
    let mut counts = ChangeCounts { added: 0, modified: 0, deleted: 0 };
    let mut tell = |_: &[u8], old: Option<Part<'_>>, new: Option<Part<'_>>| {
        let is_file = |part: &Part<'_>| part.entry.kind != EntryKind::Folder;
        match (old.is_some_and(|part| is_file(&part)), new.is_some_and(|part| is_file(&part))) {
            (true, true) => counts.modified += 1,
            (false, true) => counts.added += 1,
            (true, false) => counts.deleted += 1,
            (false, false) => {}
        }
    };
    folders(objects, &[], old, new, &mut tell)?;
    Ok(counts)
}

/// An entry of one state.
#[derive(Clone, Copy)]
struct Part<'a> {
    entry: Entry,
    /// Bytes of a file's content, where they are known.
    size: Option<u64>,
    /// What is in it, if it is a folder.
    inside: Option<State<'a>>,
}

impl Part<'_> {
    fn stands_itself(&self) -> bool {
        self.entry.kind != EntryKind::Folder || self.entry.id == EMPTY_TREE
    }
}

type Tell<'t> = dyn for<'p> FnMut(&[u8], Option<Part<'p>>, Option<Part<'p>>) + 't;

type Parts<'a> = Vec<(Cow<'a, [u8]>, Part<'a>)>;

fn part(item: &Item) -> (Cow<'_, [u8]>, Part<'_>) {
    let (size, inside) = match &item.node {
        Node::File(known) => (Some(known.size), None),
        Node::Folder(folder) => (None, Some(State::Live(folder))),
    };
    (Cow::Borrowed(&*item.name), Part { entry: item.node.entry(), size, inside })
}

/// The entries of both states without those that they share, each sorted by name.
fn differing<'a>(
    objects: &Objects,
    old: State<'a>,
    new: State<'a>,
) -> Result<(Parts<'a>, Parts<'a>), SnapshotError> {
    let (State::Live(old), State::Live(new)) = (old, new) else {
        return Ok((parts(objects, old)?, parts(objects, new)?));
    };
    let (mut gone, mut came) = (Parts::new(), Parts::new());
    let mut before = old.items.iter().peekable();
    for item in &new.items {
        gone.extend(std::iter::from_fn(|| before.next_if(|other| other.name < item.name)).map(part));
        match before.next_if(|other| other.name == item.name) {
            Some(other) if other.node.entry() == item.node.entry() => {}
            other => {
                gone.extend(other.map(part));
                came.push(part(item));
            }
        }
    }
    gone.extend(before.map(part));
    Ok((gone, came))
}

/// The entries of a state, sorted by name.
fn parts<'a>(objects: &Objects, state: State<'a>) -> Result<Parts<'a>, SnapshotError> {
    let mut parts: Parts<'a> = match state {
        State::Live(folder) => folder.items.iter().map(part).collect(),
        State::Stored(EMPTY_TREE) => Vec::new(),
        State::Stored(id) => objects
            .read_tree(&id)?
            .iter()
            .map(|(name, entry)| {
                let inside = (entry.kind == EntryKind::Folder).then_some(State::Stored(entry.id));
                (Cow::Owned(name.clone()), Part { entry: *entry, size: None, inside })
            })
            .collect(),
    };
    if matches!(state, State::Stored(_)) {
        parts.sort_by(|one, two| one.0.cmp(&two.0));
    }
    Ok(parts)
}

fn folders(
    objects: &Objects,
    path: &[u8],
    old: State<'_>,
    new: State<'_>,
    tell: &mut Tell<'_>,
) -> Result<(), SnapshotError> {
    if old.id() == new.id() {
        return Ok(());
    }
    let (old, new) = differing(objects, old, new)?;
    let mut old = old.into_iter().peekable();
    for (name, new) in new {
        while let Some((gone, part)) = old.next_if(|(other, _)| *other < name) {
            entries(objects, &below(path, &gone), Some(part), None, tell)?;
        }
        let before = old.next_if(|(other, _)| *other == name).map(|(_, part)| part);
        if before.is_none_or(|before| before.entry != new.entry) {
            entries(objects, &below(path, &name), before, Some(new), tell)?;
        }
    }
    for (gone, part) in old {
        entries(objects, &below(path, &gone), Some(part), None, tell)?;
    }
    Ok(())
}

fn entries(
    objects: &Objects,
    path: &[u8],
    old: Option<Part<'_>>,
    new: Option<Part<'_>>,
    tell: &mut Tell<'_>,
) -> Result<(), SnapshotError> {
    if let (Some(Part { inside: Some(old), .. }), Some(Part { inside: Some(new), .. })) = (old, new) {
        return folders(objects, path, old, new, tell);
    }
    let (old_itself, new_itself) = (old.filter(Part::stands_itself), new.filter(Part::stands_itself));
    if old_itself.is_some() || new_itself.is_some() {
        tell(path, old_itself, new_itself);
    }
    let nothing = State::Stored(EMPTY_TREE);
    if let Some(old) = inside_state(old) {
        folders(objects, path, old, nothing, tell)?;
    }
    if let Some(new) = inside_state(new) {
        folders(objects, path, nothing, new, tell)?;
    }
    Ok(())
}

fn inside_state(part: Option<Part<'_>>) -> Option<State<'_>> {
    part.filter(|part| !part.stands_itself())?.inside
}
