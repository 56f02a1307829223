//! The traits of other crates, over these crates themselves: what their documentation promises to their
//! users holds for the pointers of this one.
//!
//! A package of its own, so that `cargo test` of the crate builds none of them.

mod arc_swap;
mod portable;
mod serde;
mod stable_deref;
