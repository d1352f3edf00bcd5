//! Composition of the engine for a program: data folder, settings, keys, models, tools, servers.
