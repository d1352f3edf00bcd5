//! For tests: a scripted model server with faults, temporary workspaces, a recording sink.
