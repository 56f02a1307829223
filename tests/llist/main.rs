//! What users of the lists rely on.

#![cfg(feature = "alloc")]

mod drop;
mod memory;
mod stress;
mod waiting;
