//! Registry and Interner: what users see.

#![cfg(feature = "registry")]

mod memory;

mod behaviour;
mod hostile;
mod interner;
mod moody;
mod panics;
mod saturation;
mod threads;
