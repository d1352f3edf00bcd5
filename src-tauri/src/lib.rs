//! The desktop shell: a webview over the engine. It is glue: it opens the host, answers the window's requests with it,
//! streams events, and serves previews on a scheme of their own.

mod app;
mod bridge;
mod commands;
#[cfg(target_os = "linux")]
pub mod offscreen;
mod preview;
mod window;
mod words;

pub use app::run;
