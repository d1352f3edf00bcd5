//! Streaming chat models behind one trait.
