//! Streaming chat models behind one trait: OpenAI-compatible chat completions, Anthropic Messages, local
//! servers found on loopback, and the scripted demo model.
//!
//! [`connect`] makes a [`ChatModel`] from a profile; [`test_connection`] tries one and reports what it found;
//! [`discover`] looks for model servers on this machine. The crate reads no environment, no files and no
//! settings: everything comes in [`ModelOptions`]. A key leaves it only in the header of a request to the
//! profile's own address, never in an error, an event or a log line.

mod chat;
mod connection;
mod demo;
mod discovery;
mod endpoint;
mod error;
mod options;
mod reader;
mod sse;
mod usage;
mod wire;

pub use chat::{
    ChatModel, FinishReason, ModelEvent, ModelMessage, ModelPart, ModelReasoning, ModelRequest, ModelTool,
    ModelToolCall,
};
pub use connection::test_connection;
pub use discovery::{LocalPorts, discover};
pub use error::{KeyUse, ModelError, Place};
pub use options::{DemoPace, ModelOptions, RetryPolicy, connect};
