//! A stretch of a count's number line that the count must not leave.
//!
//! A count that is moved by an unconditional instruction moves also where it has nothing to count any
//! more: when it is saturated, or dead. There every operation makes one step, and one that finds the word
//! far from the middle of its zone moves the word back to the middle before it returns. So the word leaves the
//! zone only if as many operations as there are steps from "far" to the edge are under way at the same time,
//! each stopped between its two instructions.

use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;

use crate::atomic::Atomic;

/// A range of values, its middle, and how far from the middle the word may drift.
pub(crate) struct Zone {
    pub(crate) values: Range<u32>,
    pub(crate) middle: u32,
    pub(crate) far: u32,
}

impl Zone {
    pub(crate) fn contains(&self, value: u32) -> bool {
        self.values.contains(&value)
    }

    /// Moves the word back to the middle if it is far from the middle. `seen` is the value that the caller's
    /// own instruction left.
    ///
    /// Lock-free: an attempt that fails was overtaken by a step, or by another thread that moved the word back.
    pub(crate) fn hold<A: Atomic<Value = u32>>(&self, word: &A, mut seen: u32) {
        while self.contains(seen) && seen.abs_diff(self.middle) >= self.far {
            // Relaxed, both: the value guards nothing. A compare-exchange from the value that was seen, so that
            // memory that is used again for another count is left alone.
            match word.compare_exchange(seen, self.middle, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(found) => seen = found,
            }
        }
    }
}
