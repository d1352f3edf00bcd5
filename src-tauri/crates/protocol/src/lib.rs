//! Wire types, ids, the command table, events and error codes of OKCVM; no behaviour.
//!
//! Every type that crosses the border between the engine and a window is declared here once. The
//! TypeScript in `ui/src/lib/ipc/generated` is made from this crate; a test fails when the two drift.
//! All times are Unix milliseconds and end in `_at`; all sizes are bytes unless the name says otherwise.

mod command;
mod error;
mod event;
mod file;
mod id;
mod item;
mod model;
mod network;
mod params;
mod permission;
mod preview;
mod process;
mod python;
mod session;
mod settings;
mod snapshot;
mod status;

pub use command::*;
pub use error::*;
pub use event::*;
pub use file::*;
pub use id::*;
pub use item::*;
pub use model::*;
pub use network::*;
pub use params::*;
pub use permission::*;
pub use preview::*;
pub use process::*;
pub use python::*;
pub use session::*;
pub use settings::*;
pub use snapshot::*;
pub use status::*;

/// Declares a wire type: serialised in camelCase, with a TypeScript twin.
macro_rules! wire {
    ($($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, ts_rs::TS)]
        #[serde(rename_all = "camelCase")]
        #[ts(export_to = "protocol.ts")]
        pub struct $name { $($body)* }
    )*};
}

/// Declares a plain enumeration that travels as a camelCase string.
macro_rules! wire_enum {
    ($($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, ts_rs::TS)]
        #[serde(rename_all = "camelCase")]
        #[ts(export_to = "protocol.ts")]
        pub enum $name { $($(#[$vmeta])* $variant),* }
    )*};
}

/// Declares a union that travels as an object tagged by `type`.
macro_rules! wire_union {
    ($($(#[$meta:meta])* pub enum $name:ident { $($body:tt)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, ts_rs::TS)]
        #[allow(clippy::large_enum_variant, reason = "events are made, sent and dropped; boxes would only show on the wire")]
        #[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
        #[ts(export_to = "protocol.ts")]
        pub enum $name { $($body)* }
    )*};
}

pub(crate) use {wire, wire_enum, wire_union};
