//! What happened, and how many entries are alive.
//!
//! Each thread counts for itself, as a counter that all threads write would cost more than what it
//! counts. The number of live entries has to be exact at every moment, for its peak, and is shared; it
//! changes only when an entry comes or goes.

use std::cell::RefCell;
use std::ops::{Add, AddAssign};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use kref::atomic::AtomicExt;

/// What one thread, or all of them, have counted.
#[derive(Default)]
pub(crate) struct Counts {
    /// Paths resolved.
    pub(crate) resolved: u64,
    /// Entries put into the cache, the root included.
    pub(crate) created: u64,
    /// Lookups that found the entry.
    pub(crate) hits: u64,
    /// Lookups that did not, and asked the file system.
    pub(crate) misses: u64,
    /// Misses after which another thread had been faster.
    pub(crate) inserted_by_others: u64,
    /// Misses after which the file system had no answer either.
    pub(crate) failed: u64,
    /// Puts that saw other references.
    pub(crate) puts_without_lock: u64,
    /// Puts that took the lock, and found that an upgrade had come first.
    pub(crate) races_lost: u64,
    /// Puts that took the lock, and were the last.
    pub(crate) last_puts: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        // Taken apart, so that a field cannot be forgotten.
        let Self {
            resolved,
            created,
            hits,
            misses,
            inserted_by_others,
            failed,
            puts_without_lock,
            races_lost,
            last_puts,
        } = other;
        self.resolved += resolved;
        self.created += created;
        self.hits += hits;
        self.misses += misses;
        self.inserted_by_others += inserted_by_others;
        self.failed += failed;
        self.puts_without_lock += puts_without_lock;
        self.races_lost += races_lost;
        self.last_puts += last_puts;
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

thread_local! {
    static COUNTS: RefCell<Counts> = RefCell::default();
}

/// Counts in the calling thread.
pub(crate) fn count(f: impl FnOnce(&mut Counts)) {
    COUNTS.with_borrow_mut(f);
}

/// Takes what the calling thread has counted.
pub(crate) fn take() -> Counts {
    COUNTS.take()
}

/// The entries that are alive in this process.
pub(crate) static LIVE: Live = Live {
    now: AtomicU64::new(0),
    peak: AtomicU64::new(0),
};

/// A number that goes up and down, and its peak.
///
/// The peak is exact: every value that the number ever rose to is what one of the increments
/// returned, and each of them is proposed as the peak.
pub(crate) struct Live {
    now: AtomicU64,
    peak: AtomicU64,
}

impl Live {
    pub(crate) fn add(&self) {
        // Relaxed: both are numbers to be read when the threads have been joined.
        let now = self.now.inc_return(Relaxed);
        // Err means that the peak was higher. Mostly it is, and then nothing is written.
        let _ = self.peak.raise_to(now, Relaxed);
    }

    pub(crate) fn remove(&self) {
        // Relaxed: as in `add`.
        self.now.fetch_dec(Relaxed);
    }

    pub(crate) fn now(&self) -> u64 {
        // Relaxed: as in `add`.
        self.now.load(Relaxed)
    }

    pub(crate) fn peak(&self) -> u64 {
        // Relaxed: as in `add`.
        self.peak.load(Relaxed)
    }
}
