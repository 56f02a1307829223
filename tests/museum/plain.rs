//! The count that the wrong code uses.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use kref::atomic::{Atomic, AtomicExt, AtomicInt, Backend};

use crate::backend::Rmw;

/// Counts references with the ordering that is needed, and nothing else: it wraps, may leave zero, and
/// tells nobody.
pub struct Plain(<Rmw as Backend>::U32);

impl Plain {
    pub fn new(refs: u32) -> Self {
        Self(Atomic::new(refs))
    }

    /// Adds a reference.
    pub fn get(&self) {
        // Relaxed: the caller already may use the object.
        self.0.fetch_add(1, Relaxed);
    }

    /// Adds a reference unless the count is zero.
    pub fn get_unless_zero(&self) -> bool {
        // Acquire: pairs with the Release of `put`.
        self.0.inc_not_zero(Acquire)
    }

    /// Drops a reference; returns whether it was the last.
    pub fn put(&self) -> bool {
        // AcqRel: ends this use of the object; the last one comes after all the others.
        self.0.fetch_sub(1, AcqRel) == 1
    }

    /// Returns how many references there are.
    pub fn read(&self) -> u32 {
        // Acquire: at least what the others' puts have ended is over.
        self.0.load(Acquire)
    }
}
