//! For tests: a model server on loopback that answers by a script, in both wire formats, and fails in every
//! way that real servers do.

mod model_server;
mod reply;
mod wire;

pub use model_server::{Answer, RecordedRequest, ScriptedModelServer};
pub use reply::{Ending, Reply, ReplyUsage, ScriptedCall};
