//! Identifiers. All but [`SnapshotId`] are UUID version 7, so that they sort by the time they were made.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

macro_rules! uuid_id {
    ($($(#[$meta:meta])* $name:ident)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[serde(transparent)]
        #[ts(export_to = "protocol.ts", type = "string")]
        pub struct $name(pub String);

        impl $name {
            /// A new identifier, later in order than all that this process made before.
            pub fn new() -> Self {
                Self(uuid::Uuid::now_v7().to_string())
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )*};
}

uuid_id! {
    /// One conversation with its workspace and tree.
    SessionId
    /// One point of a session tree.
    NodeId
    /// A part of a turn.
    ItemId
    /// One timed model request or tool call.
    SpanId
    /// An immutable version of a site.
    DeploymentId
    /// A message that waits for the running turn to end.
    QueueId
    /// One step of the undo stack of restores.
    RestoreId
    /// One import of dropped files.
    ImportId
    /// One copy of a node's files that is being saved.
    ExportId
    /// One try of agent code to speak to a host.
    ContactId
    /// One command or kernel that runs.
    ProcessId
    /// A rule of permission.
    RuleId
    /// A file or folder in the trash of a session.
    DeletedId
    /// A table that is open for looking at.
    TableId
}

/// The commit of a snapshot in the session's history, 40 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(export_to = "protocol.ts", type = "string")]
pub struct SnapshotId(pub String);

impl SnapshotId {
    /// The commit id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SnapshotId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}
