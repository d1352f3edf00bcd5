//! Whom sessions may speak to, and whom they spoke to.

use okcvm_protocol::{Contact, NetworkPolicy, SessionId};
use rusqlite::{OptionalExtension, params};

use crate::error::Doing;
use crate::store::{from_optional, from_text, to_text};
use crate::{Store, StoreError};

/// Contacts of one session that are kept; the oldest go first.
const MOST_KEPT: u32 = 10_000;

impl Store {
    /// The policy of a session; off until one is chosen.
    pub fn network_policy(&self, id: &SessionId) -> Result<NetworkPolicy, StoreError> {
        let policy: Option<Option<String>> = self
            .connection()
            .query_row("SELECT network FROM sessions WHERE id = ?1", [id.as_str()], |row| row.get(0))
            .optional()
            .doing("reading the network policy of a session")?;
        match policy {
            Some(policy) => Ok(from_optional("sessions.network", policy)?.unwrap_or_default()),
            None => Err(StoreError::Missing { what: "session", id: id.to_string() }),
        }
    }

    /// Chooses the policy of a session.
    pub fn set_network_policy(&self, id: &SessionId, policy: &NetworkPolicy) -> Result<(), StoreError> {
        let changed = self
            .connection()
            .execute(
                "UPDATE sessions SET network = ?2 WHERE id = ?1",
                params![id.as_str(), to_text("sessions.network", policy)?],
            )
            .doing("choosing the network policy of a session")?;
        if changed == 0 {
            return Err(StoreError::Missing { what: "session", id: id.to_string() });
        }
        Ok(())
    }

    /// Keeps a contact.
    pub fn add_contact(&self, contact: &Contact) -> Result<(), StoreError> {
        let body = to_text("contacts.body", contact)?;
        let session = contact.session_id.as_str();
        let connection = self.connection();
        connection
            .prepare_cached("INSERT INTO contacts (id, session_id, body) VALUES (?1, ?2, ?3)")
            .doing("keeping a contact")?
            .execute(params![contact.id.as_str(), session, body])
            .doing("keeping a contact")?;
        connection
            .prepare_cached(
                "DELETE FROM contacts WHERE session_id = ?1 AND id <= \
                 (SELECT id FROM contacts WHERE session_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            )
            .doing("forgetting old contacts")?
            .execute(params![session, MOST_KEPT])
            .doing("forgetting old contacts")?;
        Ok(())
    }

    /// The contacts of a session, the latest first.
    pub fn contacts(&self, id: &SessionId, most: u32) -> Result<Vec<Contact>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT body FROM contacts WHERE session_id = ?1 ORDER BY id DESC LIMIT ?2")
            .doing("reading contacts")?;
        let rows: Vec<String> = statement
            .query_map(params![id.as_str(), most], |row| row.get(0))
            .doing("reading contacts")?
            .collect::<Result<_, _>>()
            .doing("reading contacts")?;
        rows.iter().map(|body| from_text("contacts.body", body)).collect()
    }
}

#[cfg(test)]
mod tests {
    use okcvm_protocol::{ContactId, ContactOutcome, ItemId};

    use super::*;
    use crate::NewSession;

    #[test]
    fn policies_and_contacts_are_kept_with_their_session() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("okcvm.db")).unwrap();
        let new = NewSession { title: None, folder: None, profile: None, limits: None, at: 1 };
        let id = store.create_session(&new).unwrap().id;
        assert_eq!(store.network_policy(&id).unwrap(), NetworkPolicy::Off);
        let policy = NetworkPolicy::Hosts { hosts: vec!["example.com".into()] };
        store.set_network_policy(&id, &policy).unwrap();
        assert_eq!(store.network_policy(&id).unwrap(), policy);
        assert!(store.network_policy(&SessionId::new()).is_err());
        assert!(store.set_network_policy(&SessionId::new(), &policy).is_err());

        let contacts: Vec<Contact> = (0..3)
            .map(|at| Contact {
                id: ContactId::new(),
                session_id: id.clone(),
                node_id: None,
                item_id: ItemId::new(),
                host: "example.com".into(),
                port: 443,
                outcome: ContactOutcome::Allowed,
                reason: None,
                sent: at,
                received: 2,
                started_at: 3,
                ended_at: 4,
                others: None,
            })
            .collect();
        for contact in &contacts {
            store.add_contact(contact).unwrap();
        }
        assert_eq!(store.contacts(&id, 2).unwrap(), [contacts[2].clone(), contacts[1].clone()]);
        store.purge_session(&id).unwrap();
        assert_eq!(store.contacts(&id, 9).unwrap(), []);
    }
}
