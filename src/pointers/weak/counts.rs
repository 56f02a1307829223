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
//! 0xffff_ffff                none: to be closed
//! 0x0000_0000                one
//!      ...                                             a good count
//! 0x7fff_ffff                MAX
//! -------------------------------------------------------------------------------------------
//! 0x8000_0000 0x87ff_ffff    not pinned yet            counts exactly
//! 0x8800_0000 0xb7ff_ffff    saturated                 held near the middle, 0xa000_0000
//! 0xc000_0000 0xcfff_ffff    claimed                   one, and the upgrades since the claim
//! 0xd000_0000 0xffff_fffe    dead                      held near the middle, 0xe800_0000
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
//! Such a closer frees the memory without another look at `weak`: it destroys the value, of which nobody has
//! a pointer, and nothing in between can have made one.
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
//! `upgrade` increments the word of a dead value, too, and leaves its increment there. The dead range is a
//! [`Zone`]: an upgrade that leaves the word 2^28 steps or more from the middle moves the word back before
//! it returns. From there to "none" are 2^27 steps. Each thread stopped between its increment and its look
//! has made one of them, so 2^27 threads would have to stand there at once. Linux has at most 2^22
//! threads; each could be interrupted there by 31 signal handlers that do the same.
//!
//! The upgrade has a `Weak`, so the word that it moves is still this value's. The word cannot have become a
//! birth in between: `Zone::hold` writes by compare-exchange, from values of the dead range only.
//! [`is_dead`](Counts::is_dead) writes nothing.
//!
//! # Saturated, whatever comes
//!
//! As in [`RefCount`], whose head has the argument at length. Threads stop anywhere, for any time, and there
//! may be 2^33 references.
//!
//! *Until the first pin the word counts exactly,* also beyond `MAX`. An increment beyond `MAX` pins before it
//! returns. So the word exceeds `MAX` by the increments under way only, and does not get to 0x8800_0000 by
//! steps. Its caller has a reference that is counted until it has pinned the word, so no thread closes, claims or
//! takes the value until then, however many references are dropped: the pin finds the word of the same value.
//!
//! *After the first pin the word stays in the zone.* Every step that leaves it far from the middle is followed
//! by a move back. From "far" to the edge are 2^28 steps. So a value in the zone proves a pin, the value
//! is never closed, its weak reference is never dropped, and the memory is never freed.
//!
//! This is the one case in which a put touches the count after its decrement: it found a value in the zone. A put
//! that found more than `MAX`, but not that much, touches nothing: a pin is under way, not proven.
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
//! - The end of a claim, a pin, and what moves the word back to a middle, is Relaxed: it publishes nothing. All are
//!   read-modify-writes, which continue the release sequences.
//!
//! `weak`. Its increments are Relaxed (the caller has a reference), its decrements Release, and a look or
//! decrement that finds that no other thread has a reference Acquire: the memory is freed after every use
//! of it. These are [`RefCount`]'s.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::RefCount;
use crate::atomic::{Atomic, AtomicExt, AtomicInt, Backend};
use crate::counts::Zone;
use crate::report::{Kind, report};

/// No strong reference: the value waits for its closer, or for an upgrade.
const NONE: u32 = u32::MAX;
/// One strong reference.
const ONE: u32 = 0;
/// The largest number of strong references. Its word is one less.
const MAX: u32 = 1 << 31;
const SATURATED: u32 = 0xA000_0000;
/// Where only a pin can have put the word, and what has moved it since.
const PINNED: Zone = Zone {
    values: 0x8800_0000..0xB800_0000,
    middle: SATURATED,
    far: 1 << 27,
};
/// One strong reference, which is asking whether it is alone. The beginning of its range.
const CLAIMED: u32 = 0xC000_0000;
const DEAD: u32 = 0xE800_0000;
/// Where the dead range begins. It ends in front of [`NONE`].
const FIRST_DEAD: u32 = 0xD000_0000;
const DEAD_ZONE: Zone = Zone {
    values: FIRST_DEAD..NONE,
    middle: DEAD,
    far: 1 << 28,
};

fn is_claimed(word: u32) -> bool {
    (CLAIMED..FIRST_DEAD).contains(&word)
}

/// What a closer has come to.
#[must_use]
pub(super) enum Closed {
    /// An upgrade has overtaken the closer. Its weak reference is to be dropped, and the value is another's.
    Overtaken,
    /// The value is to be destroyed by the closer, and then its weak reference to be dropped.
    Value,
    /// The value is to be destroyed by the closer, and then the memory to be freed: there is no other reference of
    /// either kind, and the closer's need not be dropped.
    Alone,
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
            self.beyond_max(found);
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
                DEAD_ZONE.hold(&self.strong, found + 1);
                return false;
            }
            CLAIMED.. => self.end_claim(),
            _ => self.beyond_max(found),
        }
        true
    }

    /// Returns whether the value was destroyed, or is about to be, or does not exist yet. Writes nothing.
    #[inline]
    pub(super) fn is_dead(&self) -> bool {
        // Relaxed: dead is final, and nothing is read on the strength of "not dead".
        DEAD_ZONE.contains(self.strong.load(Relaxed))
    }

    /// Keeps the word saturated after an increment that found it at the maximum or above. The caller has the
    /// reference that it counted, so the value is alive and the word still its count.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn beyond_max(&self, found: u32) {
        if PINNED.contains(found) {
            return PINNED.hold(&self.strong, found + 1);
        }
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
        (found as i32) <= 0 && (found == ONE || self.bad_put(found))
    }

    /// Ends a decrement that found no good count. Not a closer, whatever it was.
    ///
    /// The caller has no reference any more, so the word is touched only where `found` proves that the memory
    /// is never freed.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn bad_put(&self, found: u32) -> bool {
        if PINNED.contains(found) {
            PINNED.hold(&self.strong, found - 1);
        } else if found >= CLAIMED {
            // One put too many, which only unsafe code can do. The memory may be another's.
            report(Kind::Underflow, 0);
        }
        false
    }

    /// Ends the life of the value if no upgrade has overtaken the caller, which is a closer. The caller's weak
    /// reference remains its own.
    #[inline]
    pub(super) fn close(&self) -> Closed {
        // Acquire: pairs with the Release of all the earlier decrements.
        let _ = self.strong.load(Acquire);
        // Relaxed: the Acquire in front of it orders it. See "closing without a compare-exchange".
        if self.weak.is_only_reference() && self.strong.load(Relaxed) == NONE {
            return Closed::Alone;
        }
        // Acquire: pairs with the Release of the decrements, also of those since the load. Relaxed in the
        // failure: the value is another's.
        let closed = self.strong.compare_exchange(NONE, DEAD, Acquire, Relaxed);
        if closed.is_ok() {
            Closed::Value
        } else {
            Closed::Overtaken
        }
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
        self.weak.is_only_reference() || self.weak.dec_held_and_test()
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
mod tests;
