//! The app's own Python environment, and which kernel runs Python.

use crate::{wire, wire_enum};

wire_enum! {
    /// How far the environment is.
    pub enum PythonState {
        /// It was not made yet; the first use makes it.
        Missing,
        /// It is being made.
        Creating,
        /// It is complete.
        Ready,
        /// It was complete and no longer works.
        Broken,
    }

    /// Which kernel runs Python.
    pub enum PythonKernel {
        /// Jupyter's.
        Jupyter,
        /// The small one of the app.
        Plain,
        /// None: there is no Python, or no boundary.
        None,
    }

    /// Whether an environment that is complete stays.
    pub enum PythonRenewal {
        /// It stays.
        Keep,
        /// A new one takes its place.
        Replace,
    }
}

wire! {
    /// A package of the environment.
    pub struct PythonPackage {
        /// Its name.
        pub name: String,
        /// Its version.
        pub version: String,
    }

    /// The environment, and which kernel runs Python.
    pub struct PythonStatus {
        /// How far the environment is.
        pub state: PythonState,
        /// The kernel that a session would get now; while the environment is missing, the one it gets once it is made.
        pub kernel: PythonKernel,
        /// Why it is not Jupyter's.
        pub kernel_reason: Option<String>,
        /// Version of Python: of the environment, or of the system's if there is none yet.
        pub version: Option<String>,
        /// The folder that the environment lies in.
        pub path: String,
        /// Bytes of the environment.
        pub size: Option<u64>,
        /// What made it.
        pub tool: Option<String>,
        /// What was asked for when it was made.
        pub packages: Vec<PythonPackage>,
        /// What is in the way of making it.
        pub problem: Option<String>,
    }

    /// How to make the environment.
    pub struct PythonCreateParams {
        /// Whether a complete one stays.
        pub renewal: PythonRenewal,
    }
}
