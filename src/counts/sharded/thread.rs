//! The number of a thread's shard.
//!
//! A thread gets the smallest number that no living thread has, and keeps it until it ends. So the numbers are dense,
//! and no two of `n` threads share one of `n` shards, however many threads have come and gone before. (Numbers that only
//! grow collide at random: two of two busy threads, half of the time, on two shards.)
//!
//! A bitmap has a bit for each number that is in use. When all are, further threads share numbers.
//!
//! Every access is Relaxed: a number guards nothing, and a shard that two threads share is only slower.
#![forbid(unsafe_code)]

use core::cell::Cell;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// The bitmap's words: numbers for 1024 threads.
const WORDS: usize = 16;
const BITS: usize = u64::BITS as usize;
/// Says that a thread has no number yet.
const NONE: usize = usize::MAX;

/// Hands out numbers.
pub(super) struct Numbers {
    taken: [AtomicU64; WORDS],
    /// What is handed out when all numbers are taken.
    next: AtomicUsize,
}

impl Numbers {
    pub(super) const fn new() -> Self {
        Self {
            taken: [const { AtomicU64::new(0) }; WORDS],
            next: AtomicUsize::new(0),
        }
    }

    /// Returns a number, and whether it has to be given back.
    pub(super) fn take(&self) -> (usize, bool) {
        for (place, word) in self.taken.iter().enumerate() {
            // Relaxed: see the head of the file.
            let mut taken = word.load(Relaxed);
            while taken != u64::MAX {
                let bit = taken.trailing_ones() as usize;
                // Relaxed: as above. The thread that finds the bit clear has the number.
                taken = word.fetch_or(1 << bit, Relaxed);
                if taken & (1 << bit) == 0 {
                    return (place * BITS + bit, true);
                }
            }
        }
        // Relaxed: as above.
        (self.next.fetch_add(1, Relaxed), false)
    }

    /// Takes a number back.
    pub(super) fn give_back(&self, number: usize) {
        // Relaxed: as above.
        self.taken[number / BITS].fetch_and(!(1 << (number % BITS)), Relaxed);
    }
}

static NUMBERS: Numbers = Numbers::new();

/// Gives its number back when the thread ends.
struct Lease(Cell<usize>);

impl Drop for Lease {
    fn drop(&mut self) {
        if self.0.get() != NONE {
            NUMBERS.give_back(self.0.get());
        }
    }
}

std::thread_local! {
    /// The number. It has no destructor, so that it can be read without a test, and to the very end of the thread: a put in the
    /// destructor of another thread-local may come after the number was given back, and then shares its shard.
    static SHARD: Cell<usize> = const { Cell::new(NONE) };
    static LEASE: Lease = const { Lease(Cell::new(NONE)) };
}

/// Returns the number of the calling thread.
#[inline]
pub(super) fn shard() -> usize {
    match SHARD.get() {
        NONE => choose(),
        shard => shard,
    }
}

#[cold]
#[inline(never)]
fn choose() -> usize {
    let (number, is_lent) = NUMBERS.take();
    SHARD.set(number);
    // A thread that is ending already has no lease any more, and gives the number back at once.
    if is_lent && LEASE.try_with(|lease| lease.0.set(number)).is_err() {
        NUMBERS.give_back(number);
    }
    number
}
