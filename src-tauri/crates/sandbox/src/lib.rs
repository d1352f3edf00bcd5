//! Runs a process tree inside limits of path, network, time, memory and output, and ends all of it.
