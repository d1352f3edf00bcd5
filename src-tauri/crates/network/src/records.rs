//! The records of one command, of which there is no end if nobody bounds them.

use std::sync::{Arc, Mutex, PoisonError};

use okcvm_protocol::Contact;

use crate::proxy::ContactSink;

/// Passes on the first contacts and counts the others.
pub(crate) struct Records {
    sink: Arc<dyn ContactSink>,
    inner: Mutex<Inner>,
}

struct Inner {
    /// How many more are passed on.
    room: u32,
    /// One for each outcome at most.
    others: Vec<Contact>,
}

impl Records {
    /// Passes on so many.
    pub(crate) fn new(sink: Arc<dyn ContactSink>, room: u32) -> Self {
        Self { sink, inner: Mutex::new(Inner { room, others: Vec::new() }) }
    }

    /// Takes one that has ended.
    pub(crate) fn take(&self, contact: Contact) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.room > 0 {
            inner.room -= 1;
            drop(inner);
            return self.sink.contact(contact);
        }
        match inner.others.iter_mut().find(|other| other.outcome == contact.outcome) {
            Some(other) => {
                *other = Contact {
                    sent: other.sent.saturating_add(contact.sent),
                    received: other.received.saturating_add(contact.received),
                    started_at: other.started_at.min(contact.started_at),
                    ended_at: other.ended_at.max(contact.ended_at),
                    others: Some(other.others.unwrap_or_default().saturating_add(1)),
                    ..contact
                };
            }
            None => inner.others.push(contact),
        }
    }
}

impl Drop for Records {
    /// Passes on what was counted: also of a proxy that is cut off.
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        for contact in inner.others.drain(..) {
            self.sink.contact(contact);
        }
    }
}
