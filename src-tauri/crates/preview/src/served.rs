//! What pages were drawn from: a picture of a page holds as long as all that was served for it is the same.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::PreviewError;
use crate::shelf::Shelf;

/// Files of one drawing that are noted; what is drawn from more is not kept.
const MOST_FILES: usize = 1_000;
/// Drawings of one page that are kept, for states that it goes back to.
const MOST_DRAWINGS: usize = 8;

type Files = BTreeMap<String, Option<String>>;

/// The files that were served while a page was drawn, by their hashes; `None` for what was not there. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Served(Arc<Mutex<Files>>);

impl Served {
    /// Notes a file and its content, or that there is none.
    pub fn note(&self, path: &str, bytes: Option<&[u8]>) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() <= MOST_FILES {
            files.insert(path.to_owned(), bytes.map(hash));
        }
    }

    fn files(&self) -> Option<Files> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (files.len() <= MOST_FILES).then(|| files.clone())
    }
}

/// One drawing of a page.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Drawing {
    /// The name under which its pictures are kept.
    pub name: String,
    /// How many there are.
    pub pictures: usize,
    files: Files,
}

/// A name for a new drawing of the page that is known as `page`.
pub fn new_drawing(page: &str) -> Result<String, PreviewError> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|_| PreviewError::Random)?;
    Ok(format!("{page}-{:016x}", u64::from_be_bytes(bytes)))
}

/// Keeps a drawing of the page that is known as `page`, made from `served`. Blocks.
pub fn keep_drawing(shelf: &Shelf, page: &str, name: String, pictures: usize, served: &Served) {
    let Some(files) = served.files() else { return };
    let mut drawings = drawings(shelf, page);
    drawings.retain(|drawing| drawing.files != files);
    drawings.insert(0, Drawing { name, pictures, files });
    drawings.truncate(MOST_DRAWINGS);
    shelf.keep(&list(page), drawings);
}

/// The drawing of a page whose files are what `read` gives now. Blocks.
pub fn kept_drawing(shelf: &Shelf, page: &str, read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Option<Drawing> {
    let mut seen: Files = Files::new();
    drawings(shelf, page).into_iter().find(|drawing| {
        drawing.files.iter().all(|(path, known)| {
            seen.entry(path.clone()).or_insert_with(|| read(path).as_deref().map(hash)) == known
        })
    })
}

fn drawings(shelf: &Shelf, page: &str) -> Vec<Drawing> {
    shelf.read(&list(page)).unwrap_or_default()
}

fn list(page: &str) -> String {
    format!("{page}-drawings")
}

fn hash(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_holds_as_long_as_all_that_was_served_is_the_same() {
        let folder = tempfile::TempDir::new().unwrap();
        let shelf = Shelf::new(folder.path().to_owned());
        let site = |style: &'static str| {
            move |path: &str| match path {
                "style.css" => Some(style.as_bytes().to_vec()),
                _ => None,
            }
        };
        let draw = |style: &'static str| {
            let served = Served::default();
            for path in ["style.css", "missing.png"] {
                served.note(path, site(style)(path).as_deref());
            }
            let name = new_drawing("page").unwrap();
            keep_drawing(&shelf, "page", name.clone(), 1, &served);
            name
        };
        let kept = |read: &dyn Fn(&str) -> Option<Vec<u8>>| kept_drawing(&shelf, "page", read).map(|one| one.name);
        assert_eq!(kept(&site("red")), None);
        let red = draw("red");
        assert_eq!(kept(&site("red")), Some(red.clone()));
        assert_eq!(kept(&site("blue")), None);
        let blue = draw("blue");
        assert_eq!((kept(&site("red")), kept(&site("blue"))), (Some(red), Some(blue)));
        // What was missing is there now.
        assert_eq!(kept(&|path| Some(path.as_bytes().to_vec())), None);
        assert_eq!(kept_drawing(&shelf, "other page", &site("red")), None);
        for number in 0..20 {
            let served = Served::default();
            served.note("style.css", Some(&[number]));
            keep_drawing(&shelf, "page", new_drawing("page").unwrap(), 1, &served);
        }
        assert_eq!(drawings(&shelf, "page").len(), MOST_DRAWINGS);
        let served = Served::default();
        (0..2_000).for_each(|number| served.note(&format!("{number}.png"), None));
        keep_drawing(&shelf, "large", "large".to_owned(), 1, &served);
        assert_eq!(drawings(&shelf, "large"), []);
    }
}
