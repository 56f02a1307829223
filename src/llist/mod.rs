//! Lock-free lists.
#[cfg(feature = "alloc")]
mod block;
pub mod intrusive;
#[cfg(feature = "alloc")]
mod owning;

#[cfg(feature = "alloc")]
pub use owning::{Chain, Consumer, Iter, LList};
