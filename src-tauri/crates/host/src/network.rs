//! Whom sessions may speak to, kept in the store and told as events.

use std::sync::Arc;

use okcvm_engine::EventBus;
use okcvm_network::{ContactSink, HostPattern};
use okcvm_protocol::{
    AppError, AppEvent, Contact, ContactListResponse, NetworkPolicy, NetworkResponse, SessionId,
};
use okcvm_store::Store;
use okcvm_toolbox::SessionNetwork;

use crate::host::Parts;

/// Contacts that are shown.
const MOST_CONTACTS: u32 = 1000;
/// Hosts that a session may list.
const MOST_HOSTS: usize = 200;

/// Policies and contacts in the store.
pub(crate) struct StoredNetwork {
    pub(crate) store: Arc<Store>,
    pub(crate) events: EventBus,
}

impl ContactSink for StoredNetwork {
    fn contact(&self, contact: Contact) {
        if let Err(error) = self.store.add_contact(&contact) {
            tracing::error!(%error, host = contact.host, "a contact could not be kept");
        }
        self.events.app(AppEvent::ContactMade { contact });
    }
}

impl SessionNetwork for StoredNetwork {
    fn policy(&self, session: &SessionId) -> Result<NetworkPolicy, AppError> {
        Ok(self.store.network_policy(session)?)
    }
}

impl Parts {
    /// Whom a session may speak to. Blocking.
    pub(crate) fn network_policy(&self, session: &SessionId) -> Result<NetworkResponse, AppError> {
        Ok(NetworkResponse {
            policy: self.store.network_policy(session)?,
            unavailable: self.sandbox.can_have_network().err(),
        })
    }

    /// Chooses whom a session may speak to, from its next command on. A question that waits is put anew if the command
    /// would do more or less now. Blocking.
    pub(crate) fn set_network_policy(
        &self,
        session: &SessionId,
        policy: NetworkPolicy,
    ) -> Result<NetworkResponse, AppError> {
        let policy = checked(policy)?;
        self.store.set_network_policy(session, &policy)?;
        self.engine.session_setting_changed(session);
        self.engine
            .events()
            .app(AppEvent::NetworkChanged { session_id: session.clone(), policy: policy.clone() });
        self.network_policy(session)
    }

    /// Whom a session spoke to. Blocking.
    pub(crate) fn contacts(&self, session: &SessionId) -> Result<ContactListResponse, AppError> {
        self.store.session(session)?;
        Ok(ContactListResponse { contacts: self.store.contacts(session, MOST_CONTACTS)? })
    }
}

/// A policy with its hosts as they are meant, each once.
pub(crate) fn checked(policy: NetworkPolicy) -> Result<NetworkPolicy, AppError> {
    let NetworkPolicy::Hosts { hosts } = policy else { return Ok(policy) };
    let mut read: Vec<String> = Vec::new();
    for text in &hosts {
        let pattern: HostPattern = text.parse().map_err(|error: okcvm_network::HostPatternError| {
            AppError::new(format!("{error}.")).with_hint(
                "Hosts are like example.com, *.example.com, example.com:8080, 192.168.1.10 or 10.0.0.0/8.",
            )
        })?;
        let text = pattern.to_string();
        if !read.contains(&text) {
            read.push(text);
        }
    }
    if read.is_empty() {
        return Err(AppError::new("No host is named.").with_hint("Name at least one host, or choose off."));
    }
    if read.len() > MOST_HOSTS {
        return Err(AppError::new(format!("{} hosts are more than the {MOST_HOSTS} that fit.", read.len())));
    }
    Ok(NetworkPolicy::Hosts { hosts: read })
}
