//! Registry and Interner: what users see.

mod behaviour;
mod hostile;
mod interner;
mod panics;
mod saturation;
mod threads;
