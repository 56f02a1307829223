//! Registry and Interner: what users see.

mod behaviour;
mod hostile;
mod interner;
