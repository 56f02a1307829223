//! Compare-and-swap loops, and pauses between their rounds.
//!
//! Two threads that write a word all the time take its cache line from one another for every write, and each write
//! of the one fails a round of the other. If the thread that has lost a round waits a moment, the other makes
//! several writes with the line at hand: with two threads all of it takes half the time.
//!
//! There are two ways to go on after the pause:
//!
//! - [`cas_loop`] with [`pause_and_look`] looks again: for counts.
//! - [`paced`] proposes what it had found before. It fails if the other has written since, and then
//!   has the line, and pauses once more: for lists, whose producers so get longer turns. (Looking
//!   again, two producers of an `LList` take a fifth longer.) A round that was lost to a take is no reason to
//!   pause: a consumer that polls writes the word all the time, and never loses; a producer that gave way to it would
//!   hardly get in.

use core::hint;
use core::sync::atomic::Ordering::{self, Relaxed};

use crate::atomic::Atomic;

/// How long a thread that has lost a round pauses. (The gain is small below 8 and above 32.)
const PAUSES: u32 = 16;

/// How often a loop that waits for another thread spins before it yields to the operating system.
const SPINS: u32 = 64;

/// What [`Backend::relax`](crate::atomic::Backend::relax) does unless the backend does something else.
#[inline]
pub(crate) fn relax(round: u32) {
    if round >= SPINS {
        yield_now();
    } else {
        hint::spin_loop();
    }
}

#[cfg(feature = "std")]
use std::thread::yield_now;

/// There is no operating system to yield to.
#[cfg(not(feature = "std"))]
use core::hint::spin_loop as yield_now;

pub(crate) fn pause(times: u32) {
    (0..times).for_each(|_| hint::spin_loop());
}

/// Like [`AtomicExt::cas_loop`](crate::atomic::AtomicExt::cas_loop), but `lost` is called after a round that
/// was lost, with what was found, and returns what the next one goes on from.
#[inline]
pub(crate) fn cas_loop<A: Atomic>(
    atomic: &A,
    order: Ordering,
    lost: impl Fn(&A, A::Value) -> A::Value,
    mut f: impl FnMut(A::Value) -> Option<A::Value>,
) -> Result<A::Value, A::Value> {
    // Relaxed: only proposes a value, which the compare-exchange checks.
    let mut current = atomic.load(Relaxed);
    while let Some(new) = f(current) {
        // `order` as the caller asked, where it writes. Relaxed: a failure proposes again.
        match atomic.compare_exchange_weak(current, new, order, Relaxed) {
            Ok(old) => return Ok(old),
            Err(found) => current = lost(atomic, found),
        }
    }
    Err(current)
}

/// Pauses after a round that was lost, and looks again.
pub(crate) fn pause_and_look<A: Atomic>(atomic: &A, _: A::Value) -> A::Value {
    pause(PAUSES);
    // Relaxed: as the first look of `cas_loop`.
    atomic.load(Relaxed)
}

/// Paces a compare-and-swap loop: before each call of `f` but the first, it pauses if `give_way`
/// says so of the value that was found.
pub(crate) fn paced<V: Copy, R>(
    give_way: impl Fn(V) -> bool,
    mut f: impl FnMut(V) -> R,
) -> impl FnMut(V) -> R {
    let mut lost = false;
    move |found| {
        if lost && give_way(found) {
            pause(PAUSES);
        }
        lost = true;
        f(found)
    }
}
