//! Pauses between the rounds of a compare-and-swap loop.
//!
//! Two threads that push all the time take the cache line from one another for every push, and
//! each push of the one fails a push of the other. If who has lost a round waits a moment, the other
//! makes several pushes with the line at hand: with two producers all of it takes half the time. Not
//! so if the round was lost to a take. A consumer that polls writes the word all the time, and
//! never loses; a producer that gave way to it would hardly get in.

use core::hint;

/// How long a round waits that follows a lost one. (The gain is small below 8 and above 32.)
const PAUSES: u32 = 16;

/// Paces a compare-and-swap loop: before each call of `f` but the first, it pauses if `give_way`
/// says so of the value that was found.
pub(super) fn paced<V: Copy, R>(
    give_way: impl Fn(V) -> bool,
    mut f: impl FnMut(V) -> R,
) -> impl FnMut(V) -> R {
    let mut lost = false;
    move |found| {
        if lost && give_way(found) {
            (0..PAUSES).for_each(|_| hint::spin_loop());
        }
        lost = true;
        f(found)
    }
}
