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
mod get;
mod put;

use core::fmt;
use core::sync::atomic::Ordering::{Relaxed, Release};

pub use self::frozen::Frozen;
use crate::atomic::{Atomic, AtomicU32, Backend, Native};
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
#[cfg_attr(
    feature = "registry",
    doc = "Why it saturates: [the chapter](crate::guide::saturation) in the guide, with a picture."
)]
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
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// static REFS: RefCount = RefCount::new(1);
    ///
    /// assert_eq!(REFS.count(), 1);
    /// assert!(RefCount::new(u32::MAX).is_saturated());
    /// ```
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
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// assert_eq!(RefCount::new(2).count(), 2);
    /// ```
    #[doc(alias = "refcount_read")]
    #[must_use]
    #[inline]
    pub fn count(&self) -> u32 {
        // Relaxed: a hint, nothing is decided by it.
        pinned(self.refs.load(Relaxed))
    }

    /// Pins the count, and reports it if nobody has done so before.
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

    /// Returns whether the count was misused, so that the object will never be freed.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(RefCount::MAX);
    /// assert!(!refs.is_saturated());
    /// refs.inc();
    /// assert!(refs.is_saturated());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_saturated(&self) -> bool {
        self.count() == SATURATED
    }

    /// Sets the count of an object that no other thread can reach.
    ///
    /// More than [`MAX`](RefCount::MAX) saturates and is reported as
    /// [`Overflow`](Kind::Overflow).
    ///
    /// # Memory ordering
    ///
    /// Relaxed: whatever hands the object on publishes the count with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(0);
    /// refs.set(2); // before anybody else knows of the object
    /// assert_eq!(refs.count(), 2);
    /// ```
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
    ///
    /// # Memory ordering
    ///
    /// Release.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(0); // an unused place in a table
    /// assert!(!refs.inc_not_zero());
    /// // ... fill in the object, then:
    /// refs.set_release(1);
    /// assert!(refs.inc_not_zero());
    /// ```
    #[doc(alias = "refcount_set_release")]
    #[inline]
    #[track_caller]
    pub fn set_release(&self, n: u32) {
        // Release: pairs with the Acquire in `add_not_zero_limited` (and `hold_saturated`), so that
        // who takes a reference sees the object as it was filled in before.
        self.refs.store(pinned(n), Release);
        report_beyond_max(n);
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
