//! Registry and Interner: what users see.

#![cfg(feature = "registry")]

mod freed;

mod behaviour;
mod hostile;
mod interner;
mod panics;
mod saturation;
mod threads;
