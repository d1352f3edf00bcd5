//! The engine as a whole: real git, SQLite, processes, sockets; only the model is scripted.

mod command_line;
mod demo_job;
mod desk;
mod killed;
mod restore;
mod turns;
