//! What users of `WeakRef` and `Weak` rely on: what they rely on with `Arc`.

#![cfg(feature = "alloc")]

#[allow(dead_code)]
#[path = "../refs/tools.rs"]
mod tools;

mod behaviour;
mod like_arc;
// The tracker has memory of its own, and makes the pointers larger.
#[cfg(not(feature = "track"))]
mod memory;
mod padded;
mod panics;
mod threads;
mod traits;
