//! Sharded counts and drains, from outside: what their pages promise.

#![cfg(all(feature = "std", target_has_atomic = "64"))]

mod drain;
mod owning;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Counts how often one of these is dropped.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicU32>);

impl Drops {
    fn value(&self) -> Dropped {
        Dropped(self.clone())
    }
    fn count(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

struct Dropped(Drops);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Relaxed);
    }
}
