//! The live folder of a session: virtual mount, path resolution, import, watching.
