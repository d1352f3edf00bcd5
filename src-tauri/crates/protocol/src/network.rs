//! Whom agent code may speak to, and whom it spoke to.

use crate::{ItemId, NodeId, SessionId, wire, wire_enum, wire_union};

wire_union! {
    /// Whom the agent code of a session may speak to. Whatever it says, everything goes through the app's proxy, and
    /// private, loopback and link-local addresses are refused unless they are listed themselves.
    #[derive(Default)]
    pub enum NetworkPolicy {
        /// Nobody, loopback included.
        #[default]
        Off,
        /// These hosts.
        Hosts {
            /// `example.com` (ports 80 and 443), `*.example.com`, `example.com:8080`, an address, or a range of
            /// addresses such as `10.0.0.0/8`.
            hosts: Vec<String>,
        },
        /// Every public address.
        Open,
    }
}

wire_enum! {
    /// What became of a contact.
    pub enum ContactOutcome {
        /// The connection was made; a reason tells why it was cut.
        Allowed,
        /// The policy refused it; nothing left this machine.
        Refused,
        /// It was allowed, and the host was not found or did not answer.
        Failed,
    }
}

wire! {
    /// One try of agent code to speak to a host, or, beyond as many as are recorded of a call, all that ended alike.
    pub struct Contact {
        /// Its identifier.
        pub id: crate::ContactId,
        /// Its session.
        pub session_id: SessionId,
        /// The node whose turn it was in, or the current one of a call by hand.
        pub node_id: Option<NodeId>,
        /// The tool call that made it.
        pub item_id: ItemId,
        /// The name or address that was asked for.
        pub host: String,
        /// The port that was asked for.
        pub port: u16,
        /// What became of it.
        pub outcome: ContactOutcome,
        /// Why it was refused, failed or was cut.
        pub reason: Option<String>,
        /// Bytes that left, without the request to the proxy.
        pub sent: u64,
        /// Bytes that came.
        pub received: u64,
        /// When it began.
        pub started_at: i64,
        /// When it ended.
        pub ended_at: i64,
        /// How many others of that call this record stands for, too: it is then the last of them, its bytes are the sum
        /// and its times are those of the first and the last.
        pub others: Option<u32>,
    }

    /// Sets whom a session may speak to.
    pub struct NetworkSetParams {
        /// Which.
        pub session_id: SessionId,
        /// From the next command on.
        pub policy: NetworkPolicy,
    }

    /// The policy of a session.
    pub struct NetworkResponse {
        /// As in force.
        pub policy: NetworkPolicy,
        /// Why it cannot be more than `off` on this system.
        pub unavailable: Option<String>,
    }

    /// The contacts of a session.
    pub struct ContactListResponse {
        /// The latest first, at most a thousand.
        pub contacts: Vec<Contact>,
    }
}
