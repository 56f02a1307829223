//! The increments: from a reference that the caller has, and from none.

use core::sync::atomic::Ordering::{Acquire, Relaxed};

use super::{MAX, RefCount, SATURATED, is_bad};
use crate::atomic::{Atomic, AtomicExt, AtomicInt, Backend};
use crate::pace::{self, pause_and_look};
use crate::report::{Kind, report};

impl<B: Backend> RefCount<B> {
    /// Adds a reference. The caller already has one.
    ///
    /// One atomic increment. From zero, and beyond [`MAX`](RefCount::MAX), the count saturates and
    /// the misuse is reported.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: the caller already may use the object.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(1);
    /// refs.inc();
    /// assert_eq!(refs.count(), 2);
    /// ```
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

    /// Adds `n` references. The caller already has one.
    ///
    /// A compare-and-swap loop. To a count of zero, and beyond [`MAX`](RefCount::MAX), the count
    /// saturates and the misuse is reported; so is `n == 0`, which changes nothing.
    ///
    /// # Memory ordering
    ///
    /// Relaxed, as [`inc`](Self::inc).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(1);
    /// refs.add(3); // for three threads that are about to start
    /// assert_eq!(refs.count(), 4);
    /// ```
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
    /// compare-and-swap loop: lock-free, not wait-free. Who loses a round to another thread pauses for a
    /// fraction of a microsecond, which makes both faster.
    ///
    /// On a saturated count, and on one at [`MAX`](RefCount::MAX), which saturates and is reported,
    /// it is true: the caller holds an object that is never freed.
    ///
    /// Unlike the kernel's function of this name it is Acquire when it succeeds: what was written
    /// before [`set_release`](Self::set_release) is seen.
    ///
    /// # Memory ordering
    ///
    /// Acquire when it is true, Relaxed when it is false.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// assert!(RefCount::new(1).inc_not_zero());
    /// assert!(!RefCount::new(0).inc_not_zero());
    /// ```
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
    ///
    /// # Memory ordering
    ///
    /// As [`inc_not_zero`](Self::inc_not_zero).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(1);
    /// assert!(refs.add_not_zero(2));
    /// assert_eq!(refs.count(), 3);
    /// ```
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
    ///
    /// # Memory ordering
    ///
    /// As [`inc_not_zero`](Self::inc_not_zero).
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
        let grown = |old| grown(old, n, limit);
        match pace::cas_loop(&self.refs, Acquire, pause_and_look, grown) {
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
}

/// The count with `n` more references, unless there is none, or there would be more than `limit`.
#[inline]
fn grown(old: u32, n: u32, limit: u32) -> Option<u32> {
    // The values that may grow are one range, so that the loop around this has one comparison: zero
    // is below it, and what would exceed the limit, as well as every bad value, above.
    let largest = limit.min(MAX).checked_sub(n)?;
    (1..=largest).contains(&old).then(|| old + n)
}
