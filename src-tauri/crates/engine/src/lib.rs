//! Sessions, the session tree and the turn loop.
