//! The saturating reference count.
//!
//! # The number line
//!
//! ```text
//! 0x0000_0000               no reference
//! 0x0000_0001               one
//!      ...                                              a good count
//! 0x7fff_ffff               MAX
//! -----------------------------------------------------------------------------------------------
//! 0x8000_0000 0x8fff_ffff   not pinned yet              counts exactly: gets beyond MAX that have not pinned it
//! 0x9000_0000 0xb000_0000   pinned, far                 a thread that moves the word here moves it back to the middle
//! 0xb000_0001 0xcfff_ffff   pinned, near SATURATED      (0xc000_0000, the middle): nothing has to be done
//! 0xd000_0000 0xefff_ffff   pinned, far                 as above
//! 0xf000_0000 0xffff_ffff   below zero                  for a moment, by a put too many of a dead object
//! ```
//!
//! A count above `MAX` is *bad*: it reads as saturated. A count that is *pinned* stays so, and only `set` makes it good again:
//! the object leaks, which is the only mistake that cannot harm other code.
//!
//! # What may be decided, and by which value
//!
//! Threads stop anywhere, for any time; there may be 2^33 references and more. Four rules follow from that.
//!
//! 1. *A read-modify-write decides by the value that it returned.* A put that found one was the last. No second look can
//!    say that: between the two others may drop 2^30 references, or all of them.
//!    (The put of a `Ref` learns only whether it found more than one. See below.)
//! 2. *After a decrement that was not the last the word is not touched again,* neither to look nor to pin, because another
//!    thread may have freed the memory. There are two exceptions. A decrement that found a pinned value may move the word: that value
//!    alone proves that the object is never freed. And a decrement that found zero had no reference, so it was a misuse
//!    already; it pins the count by one compare-exchange from what it left.
//! 3. *The thread that increments pins.* Its own reference, which it has just counted, keeps the object alive until it
//!    has done so.
//! 4. *A lookup without a reference writes only by compare-exchange from a value that it saw.* If the object died, and
//!    its memory was used again, the value says so, or it is the value of a living count.
//!
//! # Why nothing is freed early
//!
//! Say that `R` is the number of references, and that each caller keeps to the contract (an increment has a reference, a
//! decrement gives one up). Say that fewer than 2^28 operations are under way at any time: threads, and signal handlers that
//! interrupt them between two instructions. (Linux has at most 2^22 threads; 2^28 stacks of one page are 1 TiB.)
//!
//! *Until the first pin the word is `R`.* Every step moves both by one. An increment that leaves more than `MAX` pins
//! before it returns. So `R` exceeds `MAX` by the increments under way at most, and the word
//! does not get to 0x9000_0000 by steps. Decrements count exactly in this zone, so if the word becomes good again, it is still
//! `R`, and a put that finds one has dropped the last reference. Conversely, while an increment stands between its step and its pin,
//! its caller has two references, so `R` is not zero. It does not matter how long it stands. `add`, and the lookups,
//! which compute before they write, pin what they find here; they never give out a reference that is not counted.
//!
//! *After the first pin the word stays pinned.* A decrement may take the word down, an increment up, by one each. One that leaves
//! the word far from the middle moves it back before it returns, by compare-exchange, or has seen that another thread did. From
//! "far" to the edge of the zone are 2^29 steps, so leaving the zone takes as many operations at the same time.
//! Therefore a value in the zone proves a pin, and no put finds one ever again. How many references there are does not
//! matter: 2^33 drops of a saturated count move the word back 32 times.
//!
//! *A pin that comes late* finds the word of the same object, because of rule 3, whatever the word has become: it leaves a good count
//! saturated, which leaks. Trusting a bad one would free early.
//!
//! *`add` and `sub_and_test`,* whose `n` may be as large as `MAX`, compute first and write by compare-and-swap: the
//! only bad value that they write is `SATURATED`, apart from the exact count.
//!
//! # The put of a `Ref`, which does not keep the value
//!
//! `dec_held_and_test` asks one thing of its decrement: did it find more than one? The flags of `lock dec` answer that, and
//! `lock xadd`, which returns the value, costs a tenth more for each pair of clone and drop. If the answer is no, the put looks
//! at the word again, and a zero means that it was the last. This is right where every increment is `inc_held` and only the
//! owner of a dead object raises the count from zero. Then the decrement found one of three things:
//!
//! - *One.* It was the last reference, so the object is the caller's own. The word is zero, and no other thread writes to it.
//! - *A bad value, pinned.* The object is never freed, and the word never becomes zero.
//! - *A bad value, not pinned yet.* Some increment stands between its step and its pin. It left a bad value, so it is going to
//!   pin, whatever the word is by then, and its caller has two references until it has done so. So `R` is two at least until
//!   the first pin, and the word is `R`. Afterwards the word is pinned. It is never zero, and the memory is never freed: however
//!   long the put stands, and however many references others drop in between, it may look, and does not find zero.
//!
//! (Zero is found by a put too many only, and no reference means no promise.)
//!
//! So the look finds zero exactly where the decrement found one. What it finds otherwise it moves back to the middle, if that
//! is pinned and far, as every other put does. `HandBack` and `WeakRef` cannot do this: there a count comes back from zero while
//! the put that made it zero is under way.
//!
//! # What is promised of misuse
//!
//! - A get too many: nothing is freed early. It is reported, once for each time that the count is pinned.
//! - A put of a count of zero is reported, by the value that its decrement found, and pins the count if no other thread has
//!   written it since. A put too many *before* that, while others have references, is like a put of theirs, and
//!   cannot be told from it: when the others come to drop theirs, the object may be gone.
//! - An increment from zero is reported, and the count pinned, because the caller is going to drop that reference.
//! - After `dec` of the last reference the object is the caller's; the count is pinned if it is still zero then.
//! - Two misuses at the same moment may hide one another: a get of a dead count that a put too many has just taken below zero
//!   leaves zero for a moment, in which a second get finds nothing wrong. Each of the others is reported.
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
//!   understood by every race detector. The object is the caller's own by then, and the load decides nothing, but for the put of a
//!   `Ref`. It reads zero or,
//!   if the count was revived under a lock, a later value of the same release sequence.
//! - An increment is Relaxed: the caller already may use the object, or a lock ordered its lookup.
//! - An increment from a reference that the caller does *not* hold (`inc_not_zero`) is Acquire: it
//!   begins a use. It pairs with the Release store that published the object (`set_release`, in
//!   memory that is used again), and with the Release that ends a freeze.
//! - Everything that declines is Relaxed, and so is every pin.

mod frozen;
mod get;
mod put;

use core::fmt;
use core::sync::atomic::Ordering::{Relaxed, Release};

pub use self::frozen::Frozen;
use crate::atomic::{Atomic, AtomicExt, AtomicU32, Backend, Native};
use crate::counts::Zone;
use crate::report::{Kind, report};

const MAX: u32 = i32::MAX as u32;
const SATURATED: u32 = 0xC000_0000;

/// Where only a pin can have put the word, and what has moved it since.
const PINNED: Zone = Zone {
    values: 0x9000_0000..0xF000_0000,
    middle: SATURATED,
    far: 1 << 28,
};

/// Returns whether the value is on the bad half of the number line.
const fn is_bad(value: u32) -> bool {
    value > MAX
}

/// Returns the value, or `SATURATED` for a bad one.
const fn pinned(value: u32) -> u32 {
    if is_bad(value) { SATURATED } else { value }
}

/// A reference count that saturates when it is misused: the kernel's `refcount_t`.
///
/// Counts up to [`MAX`](RefCount::MAX) are good. A count that overflows, goes below zero, or is
/// raised from zero becomes [`SATURATED`](RefCount::SATURATED) and stays so: the object that it
/// counts is never freed. A leak is better than a use after free. Each misuse is reported, with the
/// caller's location, to the hook of [`report`](crate::report).
///
/// Operations on a saturated count have no visible effect: increments succeed, and no decrement is the last.
///
/// A thread may stop inside any of these operations for any time, and there may be any number of references: no object
/// is freed while a thread has a reference. A decrement that was not the last does not touch the count afterwards, as
/// its memory may be gone. The head of `refcount/mod.rs` has the argument, and what is promised of misuse.
///
/// `RefCount` does not know what it counts. [`Kref`](crate::Kref) is the same count with the
/// operations that objects need.
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

    /// The value that a misused count is set to: the middle of the bad range. Counterpart:
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
    /// Like [`new`](RefCount::new), for any backend. Not `const`.
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
    /// refs.set(2); // before another thread knows of the object
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
    /// It is for memory that is used again while lookups without a lock may still read it: fill in
    /// the object first, then set its count. A lookup whose [`inc_not_zero`](Self::inc_not_zero)
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
        // a thread that takes a reference sees the object as it was filled in before.
        self.refs.store(pinned(n), Release);
        report_beyond_max(n);
    }

    /// Pins the count, whatever it is: returns what was there, `Err` if it was pinned already.
    ///
    /// The caller has a reference, so the word is this object's count, or owns the object.
    fn pin(&self) -> Result<u32, u32> {
        // Relaxed: the object is never freed, so nobody waits for this use of it to end. A read-modify-write,
        // because it continues the release sequences that a store would end.
        self.refs
            .cas_loop(Relaxed, |old| (!PINNED.contains(old)).then_some(SATURATED))
    }

    /// Reports that no reference was to be added or dropped; returns the count.
    #[cold]
    #[track_caller]
    fn report_zero_amount(&self) -> u32 {
        let value = self.count();
        report(Kind::ZeroAmount, value);
        value
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
