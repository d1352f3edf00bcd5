//! The tools we ship, a module each.
