//! What users of `Ref`, `UniqueRef` and `IntrusiveRef` rely on.

#![cfg(feature = "alloc")]

#[cfg(feature = "deep")]
mod deep;
mod intrusive;
mod like_arc;
// The tracker has memory of its own, and makes the pointers larger.
#[cfg(not(feature = "track"))]
mod memory;
mod panics;
#[cfg(feature = "std")]
mod saturation;
mod threads;
mod tools;
mod traits;
mod unique;
mod unsized_values;
mod wake;
