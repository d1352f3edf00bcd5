//! Real commands in every tier that this system gives: what they try and must not reach, how they end, what must work.
#![cfg(target_os = "linux")]

#[cfg(test)]
#[path = "boundary/attacks.rs"]
mod attacks;
#[cfg(test)]
#[path = "boundary/bombs.rs"]
mod bombs;
#[cfg(test)]
#[path = "boundary/ending.rs"]
mod ending;
#[cfg(test)]
#[path = "boundary/limits.rs"]
mod limits;
#[cfg(test)]
#[path = "boundary/network.rs"]
mod network;
#[cfg(test)]
#[path = "boundary/newcomers.rs"]
mod newcomers;
#[cfg(test)]
#[path = "boundary/programs.rs"]
mod programs;
#[cfg(test)]
#[path = "boundary/registry.rs"]
mod registry;
#[cfg(test)]
#[path = "boundary/repositories.rs"]
mod repositories;
#[cfg(test)]
#[path = "boundary/trial.rs"]
mod trial;
#[cfg(test)]
#[path = "boundary/usability.rs"]
mod usability;
