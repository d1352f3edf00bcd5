//! The okcvm command: the same engine without a window.
