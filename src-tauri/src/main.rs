//! The window of OKCVM.

// A release build on Windows opens no console beside the window.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() -> std::process::ExitCode {
    okcvm_host::run_helper_if_asked();
    okcvm_desktop::run()
}
