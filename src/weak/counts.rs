//! The two counts of a [`WeakRef`](super::WeakRef): which step ends the value, and which the memory.
//!
//! # Two words
//!
//! `strong` counts the `WeakRef`s and decides when the value is destroyed. `weak` decides when the
//! memory is freed:
//!
//! ```text
//! weak = the number of Weak + 1 while the value has strong references + pending closers
//! ```
//!
//! A *closer* is a thread that took `strong` from one reference to none. It may be too late to close:
//! another thread may upgrade a `Weak` before the closer has marked the value as dead. So a value may
//! have several closers at once, and exactly one of them succeeds.
//!
//! # The number line of `strong`
//!
//! The word holds the references *less one*. The flags of one `lock inc` or `lock dec` then tell the
//! usual case from all others.
//!
//! ```text
//! 0xffff_ffff   0 ..... 0x7fff_ffff   0x8000_0000 ...   0xc000_0000 ...   0xd000_0000 .. 0xffff_fffe
//! |             |                 |   |                 |                 |
//! none:         one             MAX   saturated, set    claimed: one,     dead, put back to
//! to be closed                        to 0xa000_0000    and the upgrades  0xe800_0000
//!                                                       since the claim
//! ```
//!
//! | state | `upgrade` | `clone` | drop | `is_unique` | `take` | closer |
//! |---|---|---|---|---|---|---|
//! | none | one, and pays a weak reference | - | - | - | - | dead: it succeeds |
//! | one | two | two | none: becomes a closer | claimed, and back | dead | fails |
//! | more | one more | one more | one less | no | no | fails |
//! | claimed | one more; ends the claim | - | - | - | - | fails |
//! | saturated | saturated | saturated | saturated | no | no | fails |
//! | dead | fails | - | - | - | - | fails |
//!
//! "-" cannot happen: it takes a strong reference, or the exclusive use of the only one, which no
//! thread has in that state.
//!
//! # Upgrade against the last put
//!
//! ```text
//! closer A                       upgrader B, has a Weak         strong   weak
//! --------                       ----------------------         ------   ----
//!                                                               one      2     B's, and A's for the value
//! decrement                                                     none     2
//!                                increment: there was none      one      2
//!                                increment weak                 one      3     B's reference keeps a value alive
//! mark dead: fails
//! decrement weak, end                                           one      2
//!                                decrement: closer, and so on
//! ```
//!
//! The weak reference for the value passes from the last strong reference to the closer, together with
//! the duty to close. The upgrader that finds none adds a new one for the references that begin with its
//! own. So a closer that fails touches memory that its own weak reference keeps, and then drops that
//! reference. Without the payment two closers would drop the same one.
//!
//! *Between the upgrader's two steps* the value's weak reference is missing. The upgrader's `Weak` keeps
//! the memory, because `upgrade` borrows it, and the upgrader's strong reference keeps `strong` from
//! going to none, so that no second upgrader has to pay.
//!
//! *Exactly one closer succeeds.* `strong` becomes dead by a compare-exchange from "none" only, and never
//! leaves the dead range. One succeeds: the last decrement to "none" is followed by no increment, and its
//! closer's compare-exchange fails only if another closer's has succeeded.
//!
//! *A value comes back by an upgrade only.* With "none" in `strong` no thread has a strong reference,
//! so no thread clones or downgrades one.
//!
//! # Closing without a compare-exchange
//!
//! A closer that finds `weak` at one, and after that "none" in `strong`, is alone: it need not mark the
//! value. The one in `weak` is its own; there is no `Weak`, and no other closer. Suppose that a thread
//! could still reach the counts. It has a `WeakRef` or a `Weak`, whose weak reference was counted after
//! the one that was read (at that point all of `weak` was the closer's). The first such addition was
//!
//! - by `downgrade`, from a `WeakRef` that existed before the closer's decrement: the `WeakRef` was
//!   dropped before it, and the closer's first Acquire load makes the addition visible to the look at
//!   `weak`, which then does not read the one before it;
//! - by a thread whose upgrade came after the closer's decrement. The `Weak` of that upgrade cannot be
//!   counted in the one that was read, which is the closer's. So that `Weak` was dropped before, and the
//!   Acquire of the look at `weak` makes the upgrade visible to the second look at `strong`. The second
//!   look then does not read the "none" of before the upgrade, and a later "none" has another closer, with
//!   a weak reference of its own.
//!
//! The second look cannot be left out: an upgrade, its drop, the success of the closer that it becomes,
//! and the drop of that closer's weak reference may all come between the first load and the look at
//! `weak`. The Acquire of that look makes the success visible: the second look reads "dead".
//!
//! By the same argument a thread that drops a weak reference and reads one frees the memory without a
//! decrement: no other thread has a reference of either kind.
//!
//! # A unique reference
//!
//! [`is_unique`](Counts::is_unique) must find no other `WeakRef` *and* no `Weak`, and these are two
//! words. Between two looks a `WeakRef` may become a `Weak`, or the other way round. std locks the weak
//! count, and `Arc::downgrade` spins while it is locked. Here no thread waits:
//!
//! 1. claim: compare-exchange `strong` from one to claimed. From now on this is the only `WeakRef`, until
//!    another thread upgrades;
//! 2. look at `weak`: one means that there is no `Weak`;
//! 3. end the claim: compare-exchange `strong` from claimed to one.
//!
//! An upgrade that finds a claim ends the claim before it returns. If step 3 succeeds, no upgrade's
//! addition came between 1 and 3: one that has returned has ended the claim, and one that has not still
//! has its reference, which is counted. So there was no other `WeakRef` to make a `Weak`, and the look of
//! step 2 found the last value of `weak`. It cannot be one from before a `downgrade`: the `WeakRef` that
//! did it was dropped before the claim, whose Acquire makes it visible. Nor can a `Weak` that was dropped
//! before the value that was found have been upgraded after the end of the claim: the Acquire of the look
//! puts all uses of that `Weak` before it.
//!
//! The loop with which an upgrade ends a claim goes round again only if another upgrade or the claimer
//! came in between. Each upgrade of another thread does so once, because after its return the claim
//! is over. So it ends after as many rounds as there are threads, and `upgrade` stays wait-free.
//!
//! A closer that is still on its way has a weak reference, so `is_unique` may return `false` while
//! another thread is inside its drop.
//!
//! # Dead, whatever comes
//!
//! `upgrade` increments the word of a dead value, too. An upgrade that finds the word 2^28 steps from the
//! middle puts the word back to the middle before it returns. Each thread stopped between these two steps
//! has moved the word by one, so it takes 2^27 of them at once to reach "none". Linux has at most 2^22
//! threads; each could be interrupted there by 31 signal handlers that do the same.
//! [`is_dead`](Counts::is_dead) writes nothing.
//!
//! # Saturated, whatever comes
//!
//! An increment beyond `MAX` sets the word to the middle of the saturated range, by a swap, before it
//! returns; so does every operation that finds the word in that range. Up to the first swap the word is
//! exact, and at least the references of that increment's caller are in it: no thread closes. After a swap,
//! it takes 2^29 threads stopped between step and swap to leave the range.
//!
//! This is the one case in which a put touches the count after its decrement. It may: a word in the
//! saturated range has been beyond `MAX`, and the thread that took it there keeps the memory up to its
//! swap, after which the memory is never freed.
//!
//! `weak` saturates as every [`RefCount`]: the memory leaks, and the value is destroyed all the same.
//!
//! # Orderings
//!
//! `strong` is written by every thread that has a reference of either kind.
//!
//! - An increment by `clone` is Relaxed: its caller may use the value already.
//! - An increment by `upgrade` is Acquire. It pairs with the Release of `birth`, with which the value of
//!   `new_cyclic` begins when `Weak` pointers to it are about. All that comes between are
//!   read-modify-writes, which continue the release sequence.
//! - A decrement is Release: it ends the use of the value.
//! - What begins the sole use of the value is Acquire: the mark of a closer, its first load (for the closer
//!   that needs no mark), a claim, and `take`.
//! - The end of a claim, and what puts the word back to a middle, is Relaxed: it publishes nothing.
//!
//! `weak`. Its increments are Relaxed (the caller has a reference), its decrements Release, and a look or
//! decrement that finds that no other thread has a reference Acquire: the memory is freed after every use
//! of it. These are [`RefCount`]'s.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::RefCount;
use crate::atomic::{Atomic, AtomicExt, AtomicInt, Backend};
use crate::report::{Kind, report};

/// No strong reference: the value waits for its closer, or for an upgrade.
const NONE: u32 = u32::MAX;
/// One strong reference.
const ONE: u32 = 0;
/// The largest number of strong references. Its word is one less.
const MAX: u32 = 1 << 31;
/// The middle of the range that begins at [`MAX`].
const SATURATED: u32 = 0xA000_0000;
/// One strong reference, which is asking whether it is alone. The beginning of its range.
const CLAIMED: u32 = 0xC000_0000;
const DEAD: u32 = 0xE800_0000;
/// Where the dead range begins. It ends in front of [`NONE`].
const FIRST_DEAD: u32 = 0xD000_0000;
/// How far from [`DEAD`] the word of a dead value is left.
const FAR: u32 = 1 << 28;

fn is_claimed(word: u32) -> bool {
    (CLAIMED..FIRST_DEAD).contains(&word)
}

fn is_dead(word: u32) -> bool {
    (FIRST_DEAD..NONE).contains(&word)
}

/// The counts in front of a value; see the head of this file.
///
/// # Invariants
///
/// They are in memory that is freed by the thread that is told so by
/// [`dec_weak`](Self::dec_weak), and holds a value from `new` or `birth` to the success of
/// [`close`](Self::close) or [`take`](Self::take).
#[repr(C)] // The models set `strong`, which is next to the value.
pub(super) struct Counts<B: Backend> {
    weak: RefCount<B>,
    strong: B::U32,
}

impl<B: Backend> Counts<B> {
    /// Counts one strong reference, and the weak reference of the value.
    pub(super) fn new() -> Self {
        Self::of_word(ONE)
    }

    /// Counts no strong reference, and the weak reference of a value that does not exist yet. Upgrades
    /// fail up to [`birth`](Self::birth).
    pub(super) fn unborn() -> Self {
        Self::of_word(DEAD)
    }

    fn of_word(word: u32) -> Self {
        Self {
            weak: RefCount::new_in(1),
            strong: B::U32::new(word),
        }
    }

    /// Begins the life of a value with one strong reference. It was [`unborn`](Self::unborn).
    pub(super) fn birth(&self) {
        // Release: pairs with the Acquire in `upgrade`. A swap, because upgrades that fail write, too.
        self.strong.swap(ONE, Release);
    }

    /// Adds a strong reference. The caller has one.
    #[inline]
    #[track_caller]
    pub(super) fn inc_strong(&self) {
        // Relaxed: the caller may use the value already.
        let found = self.strong.fetch_add(1, Relaxed);
        if (found.wrapping_add(1) as i32) < 0 {
            self.saturate(found);
        }
    }

    /// Adds a strong reference if the value is not dead. The caller has a weak one.
    #[inline]
    #[track_caller]
    pub(super) fn upgrade(&self) -> bool {
        // Acquire: pairs with the Release in `birth`.
        let found = self.strong.fetch_add(1, Acquire);
        (found.wrapping_add(1) as i32) > 0 || self.upgrade_slow(found)
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn upgrade_slow(&self, found: u32) -> bool {
        match found {
            // The payment. This thread's `Weak` keeps the memory until it has been made.
            NONE => self.weak.inc_held(),
            FIRST_DEAD.. => {
                self.keep_dead();
                return false;
            }
            CLAIMED.. => self.end_claim(),
            _ => self.saturate(found),
        }
        true
    }

    /// Returns whether the value was destroyed, or is about to be, or does not exist yet. Writes nothing.
    #[inline]
    pub(super) fn is_dead(&self) -> bool {
        // Relaxed: dead is final, and nothing is read on the strength of "not dead".
        is_dead(self.strong.load(Relaxed))
    }

    /// Puts the word of a dead value back to the middle of the range if it is far from it.
    fn keep_dead(&self) {
        let is_far = |word: u32| is_dead(word) && word.abs_diff(DEAD) >= FAR;
        // Relaxed: nobody gets a reference by it.
        let _ = self.strong.cas_loop(Relaxed, |w| is_far(w).then_some(DEAD));
    }

    /// Sets the word to the middle of the saturated range, where `found` and the step from it have shown
    /// that it belongs.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn saturate(&self, found: u32) {
        // Relaxed: the value is never destroyed, so nobody waits for this use of it to end. A swap,
        // because it continues the release sequences that a store would end.
        self.strong.swap(SATURATED, Relaxed);
        if found == MAX - 1 {
            report(Kind::Overflow, MAX);
        }
    }

    /// Drops a strong reference. If that returns `true`, no strong reference is left: the caller has
    /// become a closer, and has the weak reference of the value.
    #[inline]
    #[track_caller]
    pub(super) fn dec_strong(&self) -> bool {
        // Release: pairs with the Acquire of the closer that succeeds, or of a claim.
        let found = self.strong.fetch_sub(1, Release);
        (found as i32) <= 0 && (found == ONE || self.misused_or_saturated(found))
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn misused_or_saturated(&self, found: u32) -> bool {
        if found >= CLAIMED {
            // One put too many, which only unsafe code can do. Whose memory this is, nobody knows.
            report(Kind::Underflow, 0);
        } else {
            self.saturate(found);
        }
        false
    }

    /// Ends the life of the value if no upgrade has overtaken the caller, which is a closer. Returns
    /// `true` if the caller has to destroy the value. Either way the caller's weak reference remains its
    /// own.
    #[must_use]
    #[inline]
    pub(super) fn close(&self) -> bool {
        // Acquire: pairs with the Release of all the earlier decrements.
        let _ = self.strong.load(Acquire);
        // Relaxed: the Acquire in front of it orders it. See "closing without a compare-exchange".
        if self.weak.is_only_reference() && self.strong.load(Relaxed) == NONE {
            return true;
        }
        // Acquire: pairs with the Release of the decrements, also of those since the load. Relaxed in the
        // failure: the value is another's.
        let closed = self.strong.compare_exchange(NONE, DEAD, Acquire, Relaxed);
        closed.is_ok()
    }

    /// Ends the life of the value if the caller's strong reference is the only one: the caller has to move
    /// the value out, or destroy it, and has the value's weak reference.
    #[must_use]
    pub(super) fn take(&self) -> bool {
        // Acquire: pairs with the Release of the earlier decrements. Relaxed in the failure: nothing
        // changes hands.
        let taken = self.strong.compare_exchange(ONE, DEAD, Acquire, Relaxed);
        taken.is_ok()
    }

    /// Returns whether there is no other reference, strong or weak. The caller has the exclusive use of a
    /// strong one.
    #[must_use]
    pub(super) fn is_unique(&self) -> bool {
        // Acquire: pairs with the Release of the earlier decrements. Relaxed in the failure: there are
        // other references, and nothing changes hands.
        let claim = self.strong.compare_exchange(ONE, CLAIMED, Acquire, Relaxed);
        if claim.is_err() {
            return false;
        }
        let no_weak = self.weak.is_only_reference();
        // Relaxed: a thread that gets a reference after this gets it from the caller.
        match self.strong.compare_exchange(CLAIMED, ONE, Relaxed, Relaxed) {
            Ok(_) => no_weak,
            Err(_) => {
                self.end_claim();
                false
            }
        }
    }

    /// Makes the word of a claim that of a number of references, if no other thread has done so.
    fn end_claim(&self) {
        let ended = |word: u32| is_claimed(word).then(|| word - CLAIMED);
        // Relaxed: it publishes nothing.
        let _ = self.strong.cas_loop(Relaxed, ended);
    }

    /// Adds a weak reference. The caller has a reference of either kind.
    #[inline]
    #[track_caller]
    pub(super) fn inc_weak(&self) {
        self.weak.inc_held();
    }

    /// Drops a weak reference. Returns `true` if it was the last: the caller then has to free the
    /// memory.
    #[must_use]
    #[inline]
    #[track_caller]
    pub(super) fn dec_weak(&self) -> bool {
        // If this is the only reference of either kind, nobody else can see a decrement.
        self.weak.is_only_reference() || self.weak.dec_and_test()
    }

    /// Returns how many strong references there are: a hint.
    pub(super) fn strong_hint(&self) -> u32 {
        // Relaxed: a hint, nothing is decided by it.
        match self.strong.load(Relaxed) {
            FIRST_DEAD.. => 0,
            claimed @ CLAIMED.. => claimed - CLAIMED + 1,
            MAX.. => RefCount::SATURATED,
            less_one => less_one + 1,
        }
    }

    /// Returns how many `Weak` pointers there are, or zero if the value is dead: a hint.
    pub(super) fn weak_hint(&self) -> u32 {
        match (self.strong_hint(), self.weak.count()) {
            (0, _) => 0,
            (_, RefCount::SATURATED) => RefCount::SATURATED,
            (_, with_the_values) => with_the_values.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atomic::Native;

    fn of_word(word: u32) -> Counts<Native> {
        Counts::of_word(word)
    }

    fn word(counts: &Counts<Native>) -> u32 {
        counts.strong.load(Relaxed)
    }

    /// The word drifts with every upgrade of a dead value, and must not come to where upgrades succeed.
    #[test]
    fn a_dead_value_stays_dead_however_often_it_is_upgraded() {
        let counts = of_word(DEAD);
        assert!(!counts.upgrade());
        assert_eq!(word(&counts), DEAD + 1);
        for far in [DEAD + FAR - 1, NONE - 1 - FAR / 4, NONE - 2] {
            let counts = of_word(far);
            assert!(!counts.upgrade());
            assert_eq!(word(&counts), DEAD, "{far:#x}");
            assert!(counts.is_dead());
        }
    }

    #[test]
    fn a_saturated_count_stays_so_from_every_place() {
        crate::report::set_hook(|_| {});
        for found in [MAX, SATURATED, CLAIMED - 2] {
            let step: [fn(&Counts<Native>); 3] = [
                |counts| counts.inc_strong(),
                |counts| assert!(counts.upgrade()),
                |counts| assert!(!counts.dec_strong()),
            ];
            for step in step {
                let counts = of_word(found);
                step(&counts);
                assert_eq!(word(&counts), SATURATED, "{found:#x}");
                assert_eq!(counts.strong_hint(), RefCount::SATURATED);
                assert!(!counts.is_unique() && !counts.take() && !counts.is_dead());
            }
        }
        let beyond: [fn(&Counts<Native>); 2] = [
            |counts| counts.inc_strong(),
            |counts| assert!(counts.upgrade()),
        ];
        for step in beyond {
            let counts = of_word(MAX - 1);
            step(&counts);
            assert_eq!(word(&counts), SATURATED);
        }
    }

    /// An upgrade that meets a claim ends the claim, and its reference is counted.
    #[test]
    fn a_claim_ends_with_the_first_upgrade() {
        let counts = of_word(CLAIMED);
        assert_eq!(counts.strong_hint(), 1);
        assert!(counts.upgrade());
        assert_eq!(word(&counts), ONE + 1);
        let counts = of_word(CLAIMED + 3); // three upgrades on their way
        assert_eq!(counts.strong_hint(), 4);
        assert!(counts.upgrade());
        assert_eq!(word(&counts), ONE + 4);
    }

    #[test]
    fn an_upgrade_that_finds_none_pays() {
        let counts = of_word(ONE);
        counts.inc_weak(); // of a `Weak`
        assert!(counts.dec_strong());
        assert!(counts.upgrade());
        assert_eq!(counts.weak.count(), 3);
        assert!(!counts.close());
        assert!(!counts.dec_weak());
        assert!(counts.dec_strong());
        assert!(counts.close());
        assert!(counts.is_dead());
    }
}
