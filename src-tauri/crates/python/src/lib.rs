//! The app's own Python environment, and kernels of it that stay for a session behind the sandbox.
//!
//! An [`Environment`] is a folder of packages that the app makes once with `uv` or `venv` and `pip`: complete or not at
//! all, by one program at a time. [`Kernels`] keeps one kernel per session. In the full tier of the sandbox it is
//! Jupyter's `ipykernel`, with a relay beside it behind the same walls, so that its sockets never leave them; the relay
//! speaks lines of JSON with the app. Where Jupyter cannot be had, and in the reduced tier, which allows no sockets, a
//! small kernel of ours speaks the same lines.
//!
//! Whatever a kernel says is output of agent code: it is bounded, shown, and never obeyed.

mod environment;
mod event;
mod kernel;
mod kernels;
mod packages;

pub use environment::{Environment, EnvironmentError, Installed, Renewal};
pub use event::KernelEvent;
pub use kernel::{CellEnd, KernelKind};
pub use kernels::{Cell, CellDoor, KernelError, Kernels, Ran};
