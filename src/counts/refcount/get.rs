//! The increments: from a reference that the caller has, and from none.

use core::sync::atomic::Ordering::{Acquire, Relaxed};

use super::{MAX, PINNED, RefCount, SATURATED, is_bad};
use crate::atomic::pace::{self, pause_and_look};
use crate::atomic::{Atomic, AtomicExt, AtomicInt, Backend};
use crate::report::{Kind, report};

impl<B: Backend> RefCount<B> {
    /// Adds a reference. The caller already has one.
    ///
    /// It is one atomic increment. From zero, and beyond [`MAX`](RefCount::MAX), the count
    /// saturates and the misuse is reported.
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
        // Relaxed: the caller's own reference keeps the object, and the right to use it is not new.
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
        self.keep_bad();
        match old {
            0 => report(Kind::IncFromZero, old),
            MAX => report(Kind::Overflow, old),
            // The thread that made the step beyond `MAX` reports it.
            _ => {}
        }
    }

    /// Keeps the count bad after an increment that found it so. Returns what it was if it was not pinned before.
    ///
    /// The caller has the reference that it counted, so the object is alive and the word still its count.
    fn keep_bad(&self) -> Option<u32> {
        self.pin()
            .map_err(|found| PINNED.hold(&self.refs, found))
            .ok()
    }

    /// Adds a reference, also to a count of zero; returns what was there. For
    /// [`HandBack`](crate::HandBack), where zero under the lock is not the end.
    #[inline]
    #[track_caller]
    pub(crate) fn inc_from_zero(&self) -> u32 {
        // Relaxed: the lock that the caller holds orders the use of the object.
        let old = self.refs.fetch_add(1, Relaxed);
        if old >= MAX {
            self.bad_held();
        }
        old
    }

    /// Adds a reference as [`inc`](Self::inc) does, for a caller whose own reference is beyond doubt.
    ///
    /// It does not look for a count of zero. What is left to test is the sign of the new count, which is in the processor's
    /// flags: `lock inc; js` on x86-64.
    #[cfg(feature = "alloc")]
    #[inline]
    #[track_caller]
    pub(crate) fn inc_held(&self) {
        // Relaxed: as in `inc`.
        let old = self.refs.fetch_add(1, Relaxed);
        if (old.wrapping_add(1) as i32) < 0 {
            self.bad_held();
        }
    }

    /// Pins the count after an increment, and reports it if no other thread has pinned it before.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn bad_held(&self) {
        // A count below zero was reported by the put that made it so.
        if let Some(found) = self.keep_bad().filter(|&found| found < PINNED.values.start) {
            report(Kind::Overflow, found);
        }
    }

    /// Adds `n` references. The caller already has one.
    ///
    /// It is a compare-and-swap loop. If the count is zero, or would exceed [`MAX`](RefCount::MAX),
    /// it saturates in the same step and the misuse is reported. `n == 0` is reported too, and
    /// changes nothing.
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
            self.report_zero_amount();
            return;
        }
        // What is not pinned yet is pinned here: the references that the caller is about to hand out are counted,
        // or the object is never freed.
        let sum = |old| match grown(old, n, MAX) {
            None if PINNED.contains(old) => None,
            sum => Some(sum.unwrap_or(SATURATED)),
        };
        // Relaxed: as in `inc`.
        match self.refs.cas_loop(Relaxed, sum) {
            Ok(0) => report(Kind::IncFromZero, 0),
            Ok(old) if !is_bad(old) && grown(old, n, MAX).is_none() => report(Kind::Overflow, old),
            Ok(_) | Err(_) => {}
        }
    }

    /// Adds a reference unless the count is zero. Returns `true` if the caller now has one.
    ///
    /// It is for objects that were found without holding a reference, and may be dying. It is a
    /// compare-and-swap loop: lock-free, not wait-free. A thread whose compare-exchange fails backs off for a
    /// fraction of a microsecond, which speeds both threads up.
    ///
    /// On a saturated count it returns `true`: the caller holds an object that is never freed. The same holds of a
    /// count at [`MAX`](RefCount::MAX), which saturates and is reported. Every write, including that one, is a
    /// compare-exchange from a value that was looked at, so that memory which became another object's in the meantime
    /// is left alone.
    ///
    /// Unlike the kernel's function of this name it is Acquire when it succeeds: what was written
    /// before [`set_release`](Self::set_release) is seen.
    ///
    /// # Memory ordering
    ///
    /// Acquire when it returns `true`, Relaxed when it returns `false`.
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
    #[must_use = "on `false` the caller has no reference; use `inc` if it already had one"]
    #[inline]
    #[track_caller]
    pub fn inc_not_zero(&self) -> bool {
        self.add_not_zero(1)
    }

    /// Adds `n` references unless the count is zero. Returns `true` if the caller now has them.
    ///
    /// Like [`inc_not_zero`](Self::inc_not_zero). `n == 0` is reported, and returns `false`.
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
    #[must_use = "on `false` the caller has no reference; use `add` if it already had one"]
    #[inline]
    #[track_caller]
    pub fn add_not_zero(&self, n: u32) -> bool {
        if n == 0 {
            self.report_zero_amount();
            return false;
        }
        match self.try_add(n, MAX) {
            Ok(_) => true,
            Err(0) => false,
            Err(_) => self.try_add_to_bad(n, MAX, true).is_ok(),
        }
    }

    /// Adds `n` references unless the count is zero or would exceed `limit`.
    ///
    /// It is for a count that others can drive up: refuse them at a limit of your own, and the count
    /// never saturates. A limit above [`MAX`](RefCount::MAX) is `MAX`. On a saturated count the
    /// result is `Ok(SATURATED)`, as [`inc_not_zero`](Self::inc_not_zero) returns `true`.
    ///
    /// # Errors
    ///
    /// Returns the current count: zero if the object is dead, otherwise the count is full. Nothing
    /// was written. The same holds of `n == 0`, which is reported.
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
            return Err(self.report_zero_amount());
        }
        match self.try_add(n, limit) {
            Err(old) if is_bad(old) => self.try_add_to_bad(n, limit, false),
            result => result,
        }
    }

    /// Adds `n` references to a good count, if there is one at least and will be `limit` at most.
    #[inline]
    fn try_add(&self, n: u32, limit: u32) -> Result<u32, u32> {
        // Acquire: pairs with the Release store in `set_release` and the Release in
        // `Frozen::unfreeze`, so that a thread that gets a reference sees what was written before them.
        let grown = |old| grown(old, n, limit);
        pace::cas_loop(&self.refs, Acquire, pause_and_look, grown)
    }

    /// Goes on with a try-get that found a count which is bad or, if that `saturates`, full.
    ///
    /// The caller has no reference. So the count is pinned by a compare-exchange from a value that was looked at:
    /// if the object has died in between, the compare-exchange fails, and the next value shows it.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn try_add_to_bad(&self, n: u32, limit: u32, saturates: bool) -> Result<u32, u32> {
        let sum = |old| {
            let full = saturates && !is_bad(old) && old != 0;
            let not_pinned = is_bad(old) && !PINNED.contains(old);
            grown(old, n, limit).or((full || not_pinned).then_some(SATURATED))
        };
        // Acquire: as in `try_add`.
        match self.refs.cas_loop(Acquire, sum) {
            Ok(old) if grown(old, n, limit).is_some() => Ok(old),
            Ok(old) => {
                // A count below zero was reported by the put that made it so.
                if old < PINNED.values.start {
                    report(Kind::Overflow, old);
                }
                Ok(SATURATED)
            }
            Err(old) if is_bad(old) => {
                // Acquire: pairs with the Release store in `set_release`; the read-modify-writes since then continue
                // its release sequence.
                let _ = self.refs.load(Acquire);
                Ok(SATURATED)
            }
            Err(old) => Err(old),
        }
    }
}

/// Returns the count with `n` more references, unless it is zero or would exceed `limit`.
#[inline]
fn grown(old: u32, n: u32, limit: u32) -> Option<u32> {
    // The values that may grow are one range, so that the loop around this has one comparison: zero
    // is below it, and what would exceed the limit, as well as every bad value, above.
    let largest = limit.min(MAX).checked_sub(n)?;
    (1..=largest).contains(&old).then(|| old + n)
}
