//! The saturating reference count.
//!
//! # The number line
//!
//! ```text
//!  0           1 ......................... 0x7fff_ffff   0x8000_0000 ... 0xc000_0000 ... 0xffff_ffff
//!  |           |                                   |     |                    |                    |
//!  no          references                        MAX     bad              SATURATED              bad
//!  references                                            └────────── pinned to SATURATED ──────────┘
//! ```
//!
//! A count in the bad range (negative, as an `i32`) is not a count any more. Whoever finds it there
//! leaves it or puts it back to `SATURATED`, and nothing takes it out again but `set`: the object
//! leaks, which is the one mistake that cannot hurt anybody else.
//!
//! # Why a bad count cannot become good again
//!
//! `inc`, `dec` and `dec_and_test` move the count first, by one instruction, and look afterwards at
//! what was there; if that was bad, or has become bad, they put the count back by a swap. Between
//! the two steps a thread may be stopped for any length of time. In that state it has moved the
//! count by one and not yet put it back. A swap puts the count in the middle of the bad range, so to
//! get out of it takes 2^30 threads at once, all stopped between their two steps, no one of which
//! has made a swap since. No system has as many threads: Linux has at most 2^22, and 2^30 stacks of
//! one page each are 4 TiB. (With 2^22 threads each may be interrupted between its two steps, by a
//! signal handler that itself misuses the count, 256 times over, and the range still holds.) From
//! `MAX` upwards, where no swap has been made yet, the way to zero is 2^31 steps; from zero
//! downwards, to `MAX`, likewise, and from `MAX` it is 2^31 more until somebody is told that he had the last.
//!
//! By that argument a step has to be small. So `add` and `sub_and_test`, whose `n` may be as large as
//! `MAX`, compute first and write by compare-and-swap: they never write a bad value but `SATURATED`.
//!
//! The swap is not conditional. A thread that is about to pin the count may find it good: `inc` from
//! zero leaves 1 for a moment, and two threads that pass `MAX` in opposite directions leave `MAX`.
//! Pinning a good count leaks; trusting a bad one frees early. And it is a swap, not a store,
//! because a store would end the release sequence that earlier puts have begun (see below).
//!
//! # Orderings
//!
//! There is one atomic, `refs`.
//!
//! - A decrement is Release: it ends the caller's use of the object.
//! - The step to zero, and a freeze, are Acquire: they begin a use that excludes all others, so they
//!   must come after everything that all the earlier decrements ended. All that is ever done to
//!   `refs` between a decrement and the step to zero are read-modify-writes, which continue the
//!   release sequence. The fast decrements find out that they were the last after the fact, and then
//!   do an Acquire load: cheaper than an Acquire on every decrement, and unlike a fence it is
//!   understood by every race detector. It reads zero or, if the count was revived under a lock, a
//!   later value of the same release sequence.
//! - An increment is Relaxed: the caller already may use the object, or a lock ordered his look-up.
//! - An increment from a reference that the caller does *not* hold (`inc_not_zero`) is Acquire: it
//!   begins a use. It pairs with the Release store that published the object (`set_release`, in
//!   memory that is used again), and with the Release that ends a freeze.
//! - Everything that declines is Relaxed.

mod frozen;

use core::fmt;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

pub use self::frozen::Frozen;
use crate::atomic::{Atomic, AtomicExt, AtomicInt, Backend, Native};
use crate::lock::Lock;
use crate::report::{Kind, report};

const MAX: u32 = i32::MAX as u32;
const SATURATED: u32 = 0xC000_0000;

/// Whether the value is on the bad half of the number line.
const fn is_bad(value: u32) -> bool {
    value > MAX
}

/// The value, or `SATURATED` for a bad one.
const fn pinned(value: u32) -> u32 {
    if is_bad(value) { SATURATED } else { value }
}

/// Counts references, and saturates when it is misused.
///
/// Counts up to [`MAX`](RefCount::MAX) are good. A count that overflows, goes below zero, or is
/// raised from zero becomes [`SATURATED`](RefCount::SATURATED) and stays so: the object that it
/// counts is never freed. A leak is what is left when the alternative is a use after free. Each
/// misuse is reported, with the caller's location, to the hook of [`report`](crate::report).
///
/// Operations on a saturated count do nothing: the increments succeed, the decrements are never the
/// last.
///
/// `RefCount` does not know what it counts. [`Kref`](crate::Kref) is the same with the operations
/// that objects need.
///
/// # Memory ordering
///
/// | operations | ordering |
/// |---|---|
/// | [`inc`](Self::inc), [`add`](Self::add), [`set`](Self::set), [`count`](Self::count), whatever returns "not done" | Relaxed |
/// | [`inc_not_zero`](Self::inc_not_zero), [`add_not_zero`](Self::add_not_zero) | Acquire |
/// | [`dec`](Self::dec), [`dec_not_one`](Self::dec_not_one), [`set_release`](Self::set_release), the end of a freeze | Release |
/// | [`dec_and_test`](Self::dec_and_test), [`sub_and_test`](Self::sub_and_test), [`dec_and_lock`](Self::dec_and_lock) | Release, and Acquire when the last |
/// | [`dec_if_one`](Self::dec_if_one), [`try_freeze`](Self::try_freeze) | Acquire |
///
/// # The kernel's functions and ours
///
/// | `refcount_t` | here |
/// |---|---|
/// | `REFCOUNT_INIT`, `refcount_set`, `refcount_set_release`, `refcount_read` | [`new`](RefCount::new), [`set`](Self::set), [`set_release`](Self::set_release), [`count`](Self::count) |
/// | `refcount_inc`, `refcount_add` | [`inc`](Self::inc), [`add`](Self::add) |
/// | `refcount_inc_not_zero`, `refcount_inc_not_zero_acquire` | [`inc_not_zero`](Self::inc_not_zero), which is Acquire |
/// | `refcount_add_not_zero`, `refcount_add_not_zero_acquire` | [`add_not_zero`](Self::add_not_zero), which is Acquire |
/// | `__refcount_inc_not_zero_limited_acquire`, `__refcount_add_not_zero_limited_acquire` | [`add_not_zero_limited`](Self::add_not_zero_limited) |
/// | `refcount_dec`, `refcount_dec_and_test`, `refcount_sub_and_test` | [`dec`](Self::dec), [`dec_and_test`](Self::dec_and_test), [`sub_and_test`](Self::sub_and_test) |
/// | `refcount_dec_if_one`, `refcount_dec_not_one` | [`dec_if_one`](Self::dec_if_one), [`dec_not_one`](Self::dec_not_one) |
/// | `refcount_dec_and_mutex_lock`, `refcount_dec_and_lock`, `refcount_dec_and_lock_irqsave` | [`dec_and_lock`](Self::dec_and_lock) |
/// | `folio_ref_freeze`, `folio_ref_unfreeze` | [`try_freeze`](Self::try_freeze), [`Frozen::unfreeze`] |
/// | the twins with `__` and an `oldp` argument, which tell tracing code the old value | left out: only [`add_not_zero_limited`](Self::add_not_zero_limited), whose caller has a use for it, returns it |
///
/// # Examples
///
/// ```
/// use kref::RefCount;
///
/// let refs = RefCount::new(1);
/// refs.inc();
/// assert!(!refs.dec_and_test());
/// assert!(refs.dec_and_test()); // the last: free the object
/// assert!(!refs.inc_not_zero()); // and it stays dead
/// ```
///
/// # Invariants
///
/// A value above [`MAX`](RefCount::MAX) means that the object must never be freed.
#[doc(alias = "refcount_t")]
#[repr(transparent)]
pub struct RefCount<B: Backend = Native> {
    refs: B::U32,
}

impl RefCount<Native> {
    /// The largest count: 2^31 - 1. Counterpart: `REFCOUNT_MAX`.
    #[doc(alias = "REFCOUNT_MAX")]
    pub const MAX: u32 = MAX;

    /// What a misused count is pinned to: the middle of the bad range. Counterpart:
    /// `REFCOUNT_SATURATED`.
    #[doc(alias = "REFCOUNT_SATURATED")]
    pub const SATURATED: u32 = SATURATED;

    /// Creates a count of `n` references. More than [`MAX`](Self::MAX) is a saturated count.
    #[doc(alias = "REFCOUNT_INIT")]
    #[must_use]
    pub const fn new(n: u32) -> Self {
        Self {
            refs: AtomicU32::new(pinned(n)),
        }
    }
}

impl<B: Backend> RefCount<B> {
    /// Does what [`new`](RefCount::new) does, over another backend, and not in a constant.
    #[must_use]
    pub fn new_in(n: u32) -> Self {
        Self {
            refs: B::U32::new(pinned(n)),
        }
    }

    /// Returns the count; a hint, out of date as soon as it is read.
    ///
    /// A saturated count reads as [`SATURATED`](RefCount::SATURATED). Never decide by the count
    /// whether the object is unique or dead: [`try_freeze`](Self::try_freeze) and
    /// [`dec_if_one`](Self::dec_if_one) claim it, and [`inc_not_zero`](Self::inc_not_zero) refuses
    /// what is dead.
    #[doc(alias = "refcount_read")]
    #[must_use]
    #[inline]
    pub fn count(&self) -> u32 {
        // Relaxed: a hint, nothing is decided by it.
        pinned(self.refs.load(Relaxed))
    }

    /// Adds a reference as [`inc`](Self::inc) does, for a caller whose own reference is beyond doubt.
    ///
    /// It does not look for a count of zero, and finds out that there are more references than
    /// [`MAX`](RefCount::MAX) with the second one too many. What is left to test is in the processor's
    /// flags: `lock inc; jle` on x86-64.
    #[cfg(feature = "alloc")]
    #[inline]
    #[track_caller]
    pub(crate) fn inc_held(&self) {
        // Relaxed: as in `inc`.
        let old = self.refs.fetch_add(1, Relaxed);
        if (old as i32) < 0 {
            self.bad_held();
        }
    }

    /// Drops a reference as [`dec_and_test`](Self::dec_and_test) does, for a caller whose reference is
    /// beyond doubt, of an object that nobody finds without a reference. `lock dec; jle` on x86-64.
    #[cfg(feature = "alloc")]
    #[inline]
    #[track_caller]
    pub(crate) fn dec_held_and_test(&self) -> bool {
        // Release: pairs with the Acquire load in `last_held`.
        let old = self.refs.fetch_sub(1, Release);
        (old as i32) < 2 && self.last_held()
    }

    /// Returns whether the count, which was one or bad before it was decremented, was one.
    #[cfg(feature = "alloc")]
    #[inline]
    #[track_caller]
    fn last_held(&self) -> bool {
        // Acquire: pairs with the Release of all the earlier decrements, as in `last_reference`. A
        // count that this thread made zero is zero still, as there is no reference left to change it
        // with; and one that is bad does not read as zero.
        let last = self.refs.load(Acquire) == 0;
        if !last {
            self.bad_held();
        }
        last
    }

    /// Pins the count, and reports it if nobody has done so before.
    #[cfg(feature = "alloc")]
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn bad_held(&self) {
        // A quarter of the number line for what was near the middle of the bad range, where nothing
        // but an earlier pin has put it.
        const PINNED: core::ops::Range<u32> = SATURATED - (1 << 29)..SATURATED + (1 << 29);

        // Relaxed: as in `pin`.
        match self.refs.swap(SATURATED, Relaxed) {
            found if PINNED.contains(&found) => {}
            found if found >= PINNED.end => report(Kind::Underflow, found),
            found => report(Kind::Overflow, found),
        }
    }

    /// Returns whether there is one reference, and orders what was done with all others before what
    /// the caller does next.
    ///
    /// The answer is right only for a caller who has the exclusive use of a reference, where
    /// references are made from references and in no other way: if it is true, that is the only one,
    /// and nobody can make another.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn is_only_reference(&self) -> bool {
        // Acquire: pairs with the Release of all the earlier decrements, as in `last_reference`.
        self.refs.load(Acquire) == 1
    }

    /// Returns whether the count was misused, so that the object will never be freed.
    #[must_use]
    #[inline]
    pub fn is_saturated(&self) -> bool {
        self.count() == SATURATED
    }

    /// Sets the count of an object that no other thread can reach.
    ///
    /// More than [`MAX`](RefCount::MAX) saturates and is reported as
    /// [`Overflow`](Kind::Overflow).
    #[doc(alias = "refcount_set")]
    #[inline]
    #[track_caller]
    pub fn set(&self, n: u32) {
        // Relaxed: whatever hands the object to other threads publishes the count with it.
        self.refs.store(pinned(n), Relaxed);
        report_beyond_max(n);
    }

    /// Sets the count of an object that other threads may find from this moment on.
    ///
    /// For memory that is used again while lookups without a lock may still read it: fill in the
    /// object first, then set its count. A lookup whose [`inc_not_zero`](Self::inc_not_zero)
    /// succeeds sees what was filled in. More than [`MAX`](RefCount::MAX) saturates and is reported.
    #[doc(alias = "refcount_set_release")]
    #[inline]
    #[track_caller]
    pub fn set_release(&self, n: u32) {
        // Release: pairs with the Acquire in `add_not_zero_limited` (and `hold_saturated`), so that
        // who takes a reference sees the object as it was filled in before.
        self.refs.store(pinned(n), Release);
        report_beyond_max(n);
    }

    /// Adds a reference. The caller already has one.
    ///
    /// One atomic increment. From zero, and beyond [`MAX`](RefCount::MAX), the count saturates and
    /// the misuse is reported.
    #[doc(alias = "refcount_inc")]
    #[inline]
    #[track_caller]
    pub fn inc(&self) {
        // Relaxed: the caller's own reference keeps the object, and his right to use it is not new.
        let old = self.refs.fetch_add(1, Relaxed);
        // One comparison for the three bad cases: from zero, from MAX, and already bad.
        if (old.wrapping_add(1) as i32) < 2 {
            self.bad_inc(old);
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn bad_inc(&self, old: u32) {
        match old {
            0 => self.saturate(Kind::IncFromZero, old),
            MAX => self.saturate(Kind::Overflow, old),
            _ => self.pin(),
        }
    }

    /// Adds a reference, also to a count of zero; returns what was there. For
    /// [`HandBack`](crate::HandBack), where zero under the lock is not the end.
    #[inline]
    #[track_caller]
    pub(crate) fn inc_from_zero(&self) -> u32 {
        // Relaxed: the lock that the caller holds orders his use of the object.
        let old = self.refs.fetch_add(1, Relaxed);
        if old >= MAX {
            self.bad_inc(old);
        }
        old
    }

    /// Adds `n` references. The caller already has one.
    ///
    /// A compare-and-swap loop. To a count of zero, and beyond [`MAX`](RefCount::MAX), the count
    /// saturates and the misuse is reported; so is `n == 0`, which changes nothing.
    #[doc(alias = "refcount_add")]
    #[track_caller]
    pub fn add(&self, n: u32) {
        if n == 0 {
            // Relaxed: for the report.
            return report(Kind::ZeroAmount, self.refs.load(Relaxed));
        }
        // Relaxed: as in `inc`.
        match self.refs.cas_loop(Relaxed, |old| grown(old, n, MAX)) {
            Ok(_) => {}
            Err(0) => self.saturate(Kind::IncFromZero, 0),
            Err(old) if is_bad(old) => {}
            Err(old) => self.saturate(Kind::Overflow, old),
        }
    }

    /// Adds a reference unless there is none; returns whether the caller now has one.
    ///
    /// For objects that were found without holding a reference, and may be dying. A
    /// compare-and-swap loop: lock-free, not wait-free.
    ///
    /// On a saturated count, and on one at [`MAX`](RefCount::MAX), which saturates and is reported,
    /// it is true: the caller holds an object that is never freed.
    ///
    /// Unlike the kernel's function of this name it is Acquire when it succeeds: what was written
    /// before [`set_release`](Self::set_release) is seen.
    #[doc(alias = "refcount_inc_not_zero")]
    #[doc(alias = "refcount_inc_not_zero_acquire")]
    #[must_use = "the caller has no reference if this is false; use `inc` if he already had one"]
    #[inline]
    #[track_caller]
    pub fn inc_not_zero(&self) -> bool {
        self.add_not_zero(1)
    }

    /// Adds `n` references unless there is none; returns whether the caller now has them.
    ///
    /// As [`inc_not_zero`](Self::inc_not_zero). `n == 0` is reported, and false.
    #[doc(alias = "refcount_add_not_zero")]
    #[doc(alias = "refcount_add_not_zero_acquire")]
    #[must_use = "the caller has no reference if this is false; use `add` if he already had one"]
    #[inline]
    #[track_caller]
    pub fn add_not_zero(&self, n: u32) -> bool {
        match self.add_not_zero_limited(n, MAX) {
            Ok(_) => true,
            Err(0) => false,
            Err(old) => self.beyond_max(n, old),
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn beyond_max(&self, n: u32, old: u32) -> bool {
        if n == 0 {
            return false;
        }
        self.saturate(Kind::Overflow, old);
        self.hold_saturated();
        true
    }

    /// Adds `n` references unless there is none or there would be more than `limit`.
    ///
    /// For a count that others can drive up: refuse them at a limit of your own, and the count never
    /// saturates. A limit above [`MAX`](RefCount::MAX) is `MAX`. A saturated count is `Ok`, as in
    /// [`inc_not_zero`](Self::inc_not_zero).
    ///
    /// # Errors
    ///
    /// Returns the current count: zero if the object is dead, else it is full. Nothing was written.
    /// So it is for `n == 0`, which is reported.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(1);
    /// assert_eq!(refs.add_not_zero_limited(1, 2), Ok(1));
    /// assert_eq!(refs.add_not_zero_limited(1, 2), Err(2));
    /// ```
    #[doc(alias = "__refcount_add_not_zero_limited_acquire")]
    #[doc(alias = "__refcount_inc_not_zero_limited_acquire")]
    #[inline]
    #[track_caller]
    pub fn add_not_zero_limited(&self, n: u32, limit: u32) -> Result<u32, u32> {
        if n == 0 {
            // Relaxed: for the report and the caller's information.
            let value = self.refs.load(Relaxed);
            report(Kind::ZeroAmount, value);
            return Err(value);
        }
        // Acquire: pairs with the Release store in `set_release` and the Release in
        // `Frozen::unfreeze`, so that who takes a reference sees what was written before them.
        match self.refs.cas_loop(Acquire, |old| grown(old, n, limit)) {
            Err(old) if is_bad(old) => {
                self.hold_saturated();
                Ok(SATURATED)
            }
            result => result,
        }
    }

    /// Ends a try-get that wrote nothing because the count is saturated.
    #[cold]
    fn hold_saturated(&self) {
        // Acquire: pairs with the Release store in `set_release`; the swaps since then continue its
        // release sequence.
        let _ = self.refs.load(Acquire);
    }

    /// Drops a reference that is not the last.
    ///
    /// One atomic decrement. If it was the last after all, nobody would free the object: the count
    /// saturates and [`DecToZero`](Kind::DecToZero) is reported. So does a count below zero
    /// ([`Underflow`](Kind::Underflow)).
    #[doc(alias = "refcount_dec")]
    #[inline]
    #[track_caller]
    pub fn dec(&self) {
        // Release: pairs with the Acquire of the last put or of a freeze, so that they come after
        // everything that was done with this reference.
        let old = self.refs.fetch_sub(1, Release);
        if (old as i32) < 2 {
            self.bad_dec(old);
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn bad_dec(&self, old: u32) {
        match old {
            0 => self.saturate(Kind::Underflow, old),
            1 => self.saturate(Kind::DecToZero, old),
            _ => self.pin(),
        }
    }

    /// Drops a reference; returns true if it was the last, and the caller has to free the object.
    ///
    /// One atomic decrement. Below zero the count saturates, the misuse is reported, and the answer
    /// is false. After false the object may be gone at any moment.
    #[doc(alias = "refcount_dec_and_test")]
    #[must_use = "use `dec` instead if this cannot be the last reference"]
    #[inline]
    #[track_caller]
    pub fn dec_and_test(&self) -> bool {
        // Release: pairs with the Acquire load below, in the thread that drops the last reference.
        let old = self.refs.fetch_sub(1, Release);
        if (old as i32) > 1 {
            return false;
        }
        if old == 1 {
            self.last_reference();
            return true;
        }
        self.bad_dec(old);
        false
    }

    /// Begins the sole ownership of the thread whose decrement was the last.
    #[inline]
    fn last_reference(&self) {
        // Acquire: pairs with the Release of all the earlier decrements, so that the object is
        // destroyed after every use of it.
        let _ = self.refs.load(Acquire);
    }

    /// Drops `n` references; returns true if they were the last.
    ///
    /// A compare-and-swap loop. If there are fewer than `n` the count saturates, the misuse is
    /// reported, and the answer is false. `n == 0` is reported, changes nothing, and is false.
    #[doc(alias = "refcount_sub_and_test")]
    #[must_use = "the caller who is told true has to free the object"]
    #[track_caller]
    pub fn sub_and_test(&self, n: u32) -> bool {
        if n == 0 {
            // Relaxed: for the report.
            report(Kind::ZeroAmount, self.refs.load(Relaxed));
            return false;
        }
        let fewer = |old: u32| {
            if is_bad(old) {
                None
            } else {
                old.checked_sub(n)
            }
        };
        // Release: as in `dec_and_test`.
        match self.refs.cas_loop(Release, fewer) {
            Ok(old) if old == n => {
                self.last_reference();
                true
            }
            Ok(_) => false,
            Err(old) => {
                if !is_bad(old) {
                    self.saturate(Kind::Underflow, old);
                }
                false
            }
        }
    }

    /// Drops the reference if it is the last; returns whether it did, and the caller has to free the
    /// object.
    ///
    /// One compare-and-swap, which claims the object: from then on every
    /// [`inc_not_zero`](Self::inc_not_zero) fails. If it is false the caller still has his reference.
    #[doc(alias = "refcount_dec_if_one")]
    #[must_use = "the caller who is told true has to free the object, who is told false still has a reference"]
    #[inline]
    pub fn dec_if_one(&self) -> bool {
        // Acquire: pairs with the Release of all the earlier decrements, as in `last_reference`.
        // Relaxed: on failure the caller learns nothing but that there are others.
        self.refs.compare_exchange(1, 0, Acquire, Relaxed).is_ok()
    }

    /// Drops a reference unless it is the last; returns false if it is, and the caller still has it.
    ///
    /// A compare-and-swap loop: exactly one that succeeds, or none if the count is one. On a
    /// saturated count it is true. On zero the count saturates, the misuse is reported, and it is
    /// true, as there is no reference left to keep.
    #[doc(alias = "refcount_dec_not_one")]
    #[must_use = "the caller still has the last reference if this is false"]
    #[inline]
    #[track_caller]
    pub fn dec_not_one(&self) -> bool {
        let not_one = |old: u32| {
            if old < 2 || is_bad(old) {
                None
            } else {
                Some(old - 1)
            }
        };
        // Release: pairs with the Acquire of the last put or of a freeze, as in `dec`.
        match self.refs.cas_loop(Release, not_one) {
            Ok(_) => true,
            Err(1) => false,
            Err(0) => {
                self.bad_dec(0);
                true
            }
            Err(_) => true,
        }
    }

    /// Drops a reference, and takes `lock` if it is the last: the guard is returned, still held.
    ///
    /// The count goes from one to zero only while the lock is held. So whoever holds it (shared is
    /// enough) and finds the object in an index under that lock may [`inc`](Self::inc): the object is
    /// alive. The caller who gets the guard takes the object out of the index, unlocks, and frees it.
    ///
    /// While the count is above one this is one compare-and-swap that succeeds and the lock is not
    /// touched. At one, the lock is taken and the reference dropped under it; if somebody has added a
    /// reference in the meantime, it was not the last: the lock is released and the answer is `None`.
    /// Either way exactly one compare-and-swap of a put succeeds.
    ///
    /// The caller must not hold the lock, and the lock must
    /// outlive the put: see [`Kref::put_lock`](crate::Kref::put_lock). After `None`
    /// the object may be gone at any moment. A saturated count is `None`, and the lock is not taken;
    /// so is a count of zero, which saturates and is reported. If `lock` panics, the caller still has
    /// his reference.
    #[doc(alias = "refcount_dec_and_lock")]
    #[doc(alias = "refcount_dec_and_lock_irqsave")]
    #[doc(alias = "refcount_dec_and_mutex_lock")]
    #[doc(alias = "atomic_dec_and_lock")]
    #[must_use = "the guard means that this was the last reference: unlink, unlock, free"]
    #[inline]
    #[track_caller]
    pub fn dec_and_lock<'lock, L: Lock + ?Sized>(&self, lock: &'lock L) -> Option<L::Guard<'lock>> {
        if self.dec_not_one() {
            return None;
        }
        self.lock_and_dec(lock)
    }

    /// The slow half of `dec_and_lock`, for what seemed to be the last reference.
    #[cold]
    #[track_caller]
    fn lock_and_dec<'lock, L: Lock + ?Sized>(&self, lock: &'lock L) -> Option<L::Guard<'lock>> {
        let guard = lock.lock();
        // The caller's reference still counts, so `self` is alive whatever happened before the lock
        // was ours.
        self.dec_and_test().then_some(guard)
    }

    /// Claims all `n` references, if there are exactly `n`: the count is zero until the returned
    /// guard is dropped, and every [`inc_not_zero`](Self::inc_not_zero) fails meanwhile.
    ///
    /// This is the uniqueness test that cannot be wrong: it does not ask, it takes. The caller has to
    /// own, or know the owners of, all `n` references; none of them may be dropped, and none added by
    /// [`inc`](Self::inc), while the count is frozen (that is reported, and saturates).
    ///
    /// `None` if the count is another, if `n` is zero, or above [`MAX`](RefCount::MAX).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(2);
    /// assert!(refs.try_freeze(1).is_none()); // somebody else has one
    ///
    /// let frozen = refs.try_freeze(2).unwrap();
    /// assert!(!refs.inc_not_zero()); // nobody gets in
    /// drop(frozen);
    /// assert!(refs.inc_not_zero());
    /// ```
    #[doc(alias = "folio_ref_freeze")]
    #[doc(alias = "page_ref_freeze")]
    #[must_use = "the count is unfrozen when the guard is dropped"]
    #[inline]
    #[track_caller]
    pub fn try_freeze(&self, n: u32) -> Option<Frozen<'_, B>> {
        if n == 0 || is_bad(n) {
            return None;
        }
        // Acquire: pairs with the Release of all the earlier decrements, as in `last_reference`.
        // Relaxed: on failure the caller learns nothing but that the count is another.
        self.refs.compare_exchange(n, 0, Acquire, Relaxed).ok()?;
        // Not in a closure: the caller's location does not get through one.
        Some(Frozen::new(self, n))
    }

    /// Pins the count and reports why.
    #[cold]
    #[track_caller]
    fn saturate(&self, kind: Kind, found: u32) {
        self.pin();
        report(kind, found);
    }

    fn pin(&self) {
        // Relaxed: the object is never freed, so nobody waits for this use of it to end. A swap,
        // because it continues the release sequences that a store would end.
        self.refs.swap(SATURATED, Relaxed);
    }
}

/// Reports that a count was set to `n`, if that is more than `MAX`. Afterwards, as every report: the
/// hook may panic.
#[inline]
#[track_caller]
fn report_beyond_max(n: u32) {
    if is_bad(n) {
        report(Kind::Overflow, n);
    }
}

/// The count with `n` more references, unless there is none, or there would be more than `limit`.
#[inline]
fn grown(old: u32, n: u32, limit: u32) -> Option<u32> {
    // The values that may grow are one range, so that the loop around this has one comparison: zero
    // is below it, and what would exceed the limit, as well as every bad value, above.
    let largest = limit.min(MAX).checked_sub(n)?;
    (1..=largest).contains(&old).then(|| old + n)
}

impl From<u32> for RefCount<Native> {
    /// Creates a count, as [`RefCount::new`] does.
    fn from(n: u32) -> Self {
        Self::new(n)
    }
}

impl<B: Backend> fmt::Debug for RefCount<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("RefCount");
        match self.count() {
            SATURATED => tuple.field(&format_args!("saturated")),
            count => tuple.field(&count),
        };
        tuple.finish()
    }
}
