//! Real threads against totals: nothing leaks, nothing is destroyed twice, or touched afterwards.
//!
//! Destroyed objects are kept to the end, with a canary in them that says so. A thread that used
//! one of them would read the canary, or its write would be found when the object is freed in the
//! end. What the counts protect is ordinary memory, not atomics, so that a race detector
//! (ThreadSanitizer, Miri) sees a missing ordering, which these processors mostly forgive.

mod index;
mod lockless;
#[cfg(all(feature = "std", target_has_atomic = "64"))]
mod many_cores;
mod totals;
#[cfg(feature = "alloc")]
mod weak;

use std::ops::Range;
use std::thread;

const THREADS: usize = 4;
const ROUNDS: Range<u32> = 0..if cfg!(miri) { 40 } else { 200_000 };
/// So few that threads meet.
const SLOTS: usize = 4;

/// Runs `f` in every thread at once and returns what each of them made.
fn in_threads<R: Send>(f: impl Fn(usize) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let f = &f;
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || f(thread)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// Numbers that are different enough from thread to thread, the same in every run.
struct Random(u64);

impl Random {
    fn new(thread: usize) -> Self {
        Self(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(thread as u64 + 1))
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as usize % n
    }
}
