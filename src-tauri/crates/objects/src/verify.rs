//! Reading everything there is.

use std::io::Read;

use crate::error::{ObjectError, is_damage};
use crate::id::{ObjectHash, ObjectId};
use crate::objects::Objects;
use crate::stream::STREAMED_FROM;

/// What a look through a store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Objects that were read and hashed.
    pub objects: usize,
    /// Those that are not what their name says, each with what is wrong.
    pub damaged: Vec<(ObjectId, String)>,
}

impl Objects {
    /// Reads and hashes every object. `go_on` is asked before each.
    pub fn verify(&self, go_on: &dyn Fn() -> bool) -> Result<Verified, ObjectError> {
        self.refresh()?;
        let list = self.list();
        let mut verified = Verified::default();
        let packed = list.all().flat_map(|pack| {
            // In the order of the pack, so that the disk is read in one go.
            pack.index.by_offset().into_iter().map(|(_, position)| pack.index.id(position))
        });
        for id in packed.chain(list.loose.iter().copied()) {
            if !go_on() {
                return Err(ObjectError::Cancelled);
            }
            verified.objects += 1;
            match self.verify_one(&id) {
                Ok(()) => {}
                // Packed anew meanwhile.
                Err(ObjectError::Missing { .. }) if !self.contains(&id)? => {}
                Err(ObjectError::Damaged { reason, .. }) => verified.damaged.push((id, reason)),
                Err(ObjectError::Missing { id: base }) => {
                    verified
                        .damaged
                        .push((id, format!("the object {base}, on which it is based, is missing")));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(verified)
    }

    fn verify_one(&self, id: &ObjectId) -> Result<(), ObjectError> {
        let damaged = |reason: String| ObjectError::damaged(format!("the object {id}"), reason);
        let (kind, size) = self.header(id)?.ok_or_else(|| self.unreadable(id))?;
        let mut hash = ObjectHash::new(kind, size);
        if size < STREAMED_FROM {
            let (_, bytes) = self.read(id)?;
            hash.update(&bytes);
        } else {
            let (_, mut content) = self.reader(id)?;
            let mut buffer = vec![0; 1 << 20];
            loop {
                match content.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => hash.update(&buffer[..count]),
                    Err(error) if is_damage(&error) => return Err(damaged(error.to_string())),
                    Err(error) => return Err(ObjectError::storage("read", self.folder())(error)),
                }
            }
        }
        if hash.finish()? == *id || self.suspect(id)? {
            return Ok(());
        }
        Err(damaged("its content is another".to_owned()))
    }
}
