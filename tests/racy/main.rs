//! Small races for many seeds: two or three threads, a few operations, each test a moment that has gone wrong
//! somewhere (the end of a table, a block, an object, a count).
//!
//! They are made for Miri, which runs them with another schedule for each seed (`scripts/miri.sh`). There a test
//! runs once, and what is wrong is found by Miri, not by an assertion: a reference to memory that another thread has
//! freed, a pointer with the provenance of another object, a missing ordering. Natively they run some thousand
//! times, for the sanitizers and for what the assertions find.
//!
//! No two tests share anything, and none leaves anything behind: a leak is a finding.

mod counts;
#[cfg(feature = "alloc")]
mod lists;
#[cfg(feature = "alloc")]
mod refs;
#[cfg(feature = "alloc")]
mod reused;
#[cfg(feature = "registry")]
mod table;

use std::sync::Barrier;
use std::thread;

/// Runs `f` in two threads that begin together, once or many times: `f` is told which of the two it is. `world` makes what they
/// share, and `end` looks at what is left.
fn race<W: Sync, R: Send>(
    world: impl Fn() -> W,
    f: impl Fn(&W, usize) -> R + Sync,
    end: impl Fn(W, [R; 2]),
) {
    let rounds = if cfg!(miri) { 1 } else { 1_000 };
    for _ in 0..rounds {
        let (world, barrier) = (world(), Barrier::new(2));
        let run = |who| {
            barrier.wait();
            f(&world, who)
        };
        let results = thread::scope(|scope| {
            let other = scope.spawn(|| run(1));
            [run(0), other.join().unwrap()]
        });
        end(world, results);
    }
}

/// Something that is `Send` because the test takes care of it.
#[derive(Clone, Copy)]
struct Sent<T>(T);

// SAFETY: each test says why.
unsafe impl<T> Send for Sent<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Sent<T> {}
