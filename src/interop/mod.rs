//! Traits of other crates, each behind a feature of its crate's name.

#[cfg(feature = "arc-swap")]
mod arc_swap;
#[cfg(feature = "serde")]
mod pointers;
#[cfg(feature = "serde")]
pub mod serde;
#[cfg(feature = "stable_deref_trait")]
mod stable_deref;
