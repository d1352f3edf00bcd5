//! Answers requests for workspace, snapshot and deployment files with bytes, type and headers.
