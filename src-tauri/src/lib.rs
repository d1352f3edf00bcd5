//! The desktop shell: a webview over the engine. It is glue: it opens the host, answers the window's requests with it,
//! streams events, and serves previews on a scheme of their own.

mod app;
mod bridge;
mod commands;
#[cfg(target_os = "linux")]
mod hang;
#[cfg(target_os = "linux")]
pub mod offscreen;
mod preview;
mod window;
mod words;

pub use app::run;

/// A proxy that nobody answers at, for what needs no network.
#[cfg(target_os = "linux")]
const NOWHERE: &str = "http://127.0.0.1:9";
