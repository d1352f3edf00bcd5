//! Parses and validates the tool manifest into typed definitions.
