//! The engine as a whole: real git, `SQLite`, processes, sockets; the model is scripted, but for one small real one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod boundary;
mod came_back;
mod command_line;
mod command_line_edges;
mod command_line_lists;
mod command_line_permissions;
mod command_line_refusals;
mod command_line_room;
mod command_line_streams;
mod command_line_tree;
#[cfg(target_os = "linux")]
mod deleted_files;
mod demo_job;
mod desk;
mod distrust;
mod held_up;
mod interrupted;
mod killed;
mod left_kernel;
mod local_model;
mod mended;
mod minutes;
#[cfg(target_os = "linux")]
mod moved_folder;
mod permissions;
mod previews;
mod python_environment;
mod python_kernel;
mod python_network;
mod python_tool;
#[cfg(target_os = "linux")]
mod read_only_data;
mod restore;
mod restore_cut_short;
mod session_tree;
#[cfg(target_os = "linux")]
mod slide_pictures;
mod slides;
mod turns;
#[cfg(target_os = "linux")]
mod unrecorded;

/// Shared by tests that keep all processors busy, held by the one that a real model must answer in time.
static PROCESSORS: tokio::sync::RwLock<()> = tokio::sync::RwLock::const_new(());
