//! The history of a workspace in a private git repository.
