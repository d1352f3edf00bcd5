//! Real commands in every tier that this system gives: what they try and must not reach, how they end, what must work.
#![cfg(target_os = "linux")]

#[path = "boundary/attacks.rs"]
mod attacks;
#[path = "boundary/ending.rs"]
mod ending;
#[path = "boundary/limits.rs"]
mod limits;
#[path = "boundary/trial.rs"]
mod trial;
#[path = "boundary/usability.rs"]
mod usability;
