//! The traits of other crates, over these crates themselves: what their documentation promises to their
//! users holds for the pointers of this one.
//!
//! Each module needs the feature of its crate's name:
//!
//! ```sh
//! cargo test --features arc-swap,portable-atomic,serde,stable_deref_trait --test others
//! ```

#[cfg(feature = "arc-swap")]
mod arc_swap;
#[cfg(feature = "portable-atomic")]
mod portable;
#[cfg(feature = "serde")]
mod serde;
#[cfg(feature = "stable_deref_trait")]
mod stable_deref;
