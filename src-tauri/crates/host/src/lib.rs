//! Composition of the engine for a program: data folder, settings, keys, models, tools and servers.
//!
//! The window and the command line are two faces of one [`Host`]. It answers the command table, so that everything a
//! window can do can be tested without one.

mod data;
mod doctor;
mod environment;
mod exports;
mod handler;
mod host;
mod imports;
mod logging;
mod looking;
mod models;
mod network;
mod office;
mod page_pictures;
mod processes;
mod python;
mod records;
mod settings;
mod slide_pictures;

pub use data::DataFolder;
pub use environment::Environment;
pub use host::{Host, HostOptions, Serving};
pub use logging::{Console, LogGuard, start_logging};
pub use okcvm_engine::{Engine, EngineError, EventBus, Start, Subscription, Watching};
pub use okcvm_secrets::{Redactor, SecretString};
pub use okcvm_tools::{ToolProgress, ToolSink};
pub use okcvm_workspace::encode_name;
pub use settings::SettingsFile;

/// Does the work of a helper and ends the program, if it was started for that. Must be the first thing that `main` does.
pub fn run_helper_if_asked() {
    okcvm_documents::serve_if_asked();
    okcvm_sandbox::run_helper_if_asked();
}
