//! The maps of live objects: [`registry`] and [`interner`], both over `table`.

mod held;
pub mod interner;
pub mod registry;
mod table;
