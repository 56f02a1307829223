//! Registry and Interner: what users see.

#![cfg(feature = "registry")]
#![allow(unreachable_pub)] // the modules of a test are as public to one another as they need

mod behaviour;
mod entry;
mod equal_hashes;
mod exclusive;
mod futures;
mod hostile;
mod interner;
mod iterate;
mod key_lock;
mod memory;
mod moody;
mod panics;
mod place;
mod replace;
mod saturation;
mod spike;
mod threads;

/// What several of these need: wakers that count, and an executor.
mod tasks;
