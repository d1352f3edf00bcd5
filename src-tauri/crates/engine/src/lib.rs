//! Sessions, the session tree and the turn loop: the virtual machine.
//!
//! The engine knows neither a window nor the tools that it runs: a program plugs in a registry of tools, a source of
//! models and the words of the system prompt, and listens to one stream of numbered events.

mod approvals;
mod calls;
mod changes;
mod clock;
mod deleted_files;
mod engine;
mod error;
mod estimate;
mod events;
mod export;
mod housekeeping;
mod looking;
mod messages;
mod moved_folder;
mod needs;
mod plan;
mod restore;
mod revert;
mod runtime;
mod sessions;
mod step;
mod taken_in;
mod tidy;
mod trash;
mod turn;
mod turn_files;
mod turn_loop;
mod untrusted;

pub use clock::{Clock, SystemClock};
pub use engine::{
    DescribeArtifacts, Engine, EngineOptions, EngineParts, ModelSource, PromptFacts, SessionDefaults,
    SystemPrompt, Watching,
};
pub use error::EngineError;
pub use events::{EventBus, Subscription};
pub use turn::Start;
pub use untrusted::ImportMark;
