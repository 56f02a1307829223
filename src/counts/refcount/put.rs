//! The decrements: which of them drops the last reference, and under which lock.
//!
//! Each decides by the value that its own instruction found, and if that was not the last reference it is done: see the
//! head of `mod.rs`.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::{PINNED, RefCount, SATURATED};
use crate::atomic::pace::{self, pause_and_look};
use crate::atomic::{Atomic, AtomicExt, AtomicInt, Backend};
use crate::lock::Lock;
use crate::report::{Kind, report};

/// The value that a decrement leaves if it found zero.
const BELOW_ZERO: u32 = u32::MAX;

impl<B: Backend> RefCount<B> {
    /// Drops a reference that is not the last.
    ///
    /// It is one atomic decrement. If the reference was the last after all, nobody would free the object: the
    /// count saturates and [`DecToZero`](Kind::DecToZero) is reported. If there was none, the count saturates
    /// and [`Underflow`](Kind::Underflow) is reported.
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
    /// let refs = RefCount::new(2);
    /// refs.dec();
    /// assert_eq!(refs.count(), 1);
    /// ```
    #[doc(alias = "refcount_dec")]
    #[inline]
    #[track_caller]
    pub fn dec(&self) {
        // Release: pairs with the Acquire of the last put or of a freeze, so that they come after
        // everything that was done with this reference.
        let old = self.refs.fetch_sub(1, Release);
        if (old as i32) < 2 {
            self.dec_to_zero_or_below(old);
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn dec_to_zero_or_below(&self, old: u32) {
        if old != 1 {
            return self.bad_put(old);
        }
        // The reference was the last, so the object is this thread's own, and will not be freed.
        self.pin_if(0);
        report(Kind::DecToZero, old);
    }

    /// Ends a decrement that found `old`: zero, or a bad value.
    ///
    /// The caller has no reference any more, and the memory may be another's. So the count is left as it is, unless
    /// `old` proves that the object is never freed, or that there was no reference (see the head of `mod.rs`).
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn bad_put(&self, old: u32) {
        if PINNED.contains(old) {
            PINNED.hold(&self.refs, old - 1);
        } else if old == 0 {
            self.pin_if(BELOW_ZERO);
            report(Kind::Underflow, old);
        }
    }

    /// Pins the count if it is still what the caller has seen, or left there: for a caller that may have no reference.
    fn pin_if(&self, seen: u32) {
        // Relaxed, both: as in `pin`. If it fails, the count is another object's, or was misused by another thread
        // also, which then pins it.
        let _ = self
            .refs
            .compare_exchange(seen, SATURATED, Relaxed, Relaxed);
    }

    /// Drops a reference. Returns `true` if it was the last: the caller has to free the object.
    ///
    /// It is one atomic decrement, whose own result decides. On a count of zero it returns `false`, the count
    /// saturates, and the misuse is reported. After `false` the object may be gone at any moment. So the count is not
    /// touched again, unless it is saturated or was zero.
    ///
    /// # Memory ordering
    ///
    /// Release, and also Acquire when it returns `true`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(2);
    /// assert!(!refs.dec_and_test());
    /// assert!(refs.dec_and_test()); // the last: destroy the object
    /// ```
    #[doc(alias = "refcount_dec_and_test")]
    #[must_use = "use `dec` instead if this cannot be the last reference"]
    #[inline]
    #[track_caller]
    pub fn dec_and_test(&self) -> bool {
        // Release: pairs with the Acquire load in `is_last`, in the thread that drops the last reference.
        let old = self.refs.fetch_sub(1, Release);
        (old as i32) < 2 && self.is_last(old)
    }

    /// Drops a reference as [`dec_and_test`](Self::dec_and_test) does, for a count whose every other increment is `inc_held`, and
    /// which nothing raises from zero but its owner.
    ///
    /// All that is asked of the decrement is whether it found more than one, which is in the processor's flags: `lock dec; jle`
    /// on x86-64. If not, the word may be looked at; see the head of `mod.rs`.
    #[cfg(feature = "alloc")]
    #[must_use]
    #[inline]
    #[track_caller]
    pub(crate) fn dec_held_and_test(&self) -> bool {
        // Release: pairs with the Acquire load in `is_last_held`, in the thread that drops the last reference.
        (self.refs.fetch_sub(1, Release) as i32) < 2 && self.is_last_held()
    }

    /// Ends a decrement that found one, or no good count.
    #[cfg(feature = "alloc")]
    #[inline]
    #[track_caller]
    fn is_last_held(&self) -> bool {
        // Acquire: pairs with the Release of all the earlier decrements, as in `last_reference`.
        let found = self.refs.load(Acquire);
        if found != 0 {
            self.bad_held_put(found);
        }
        found == 0
    }

    /// Ends a decrement that found no good count, and left what is `found` now.
    #[cfg(feature = "alloc")]
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn bad_held_put(&self, found: u32) {
        if found >= PINNED.values.end {
            self.pin_if(found);
            report(Kind::Underflow, 0);
        } else {
            PINNED.hold(&self.refs, found);
        }
    }

    /// Ends a decrement that found one, or no good count: by that value alone, as the caller may have no reference
    /// any more.
    #[inline]
    #[track_caller]
    fn is_last(&self, old: u32) -> bool {
        if old != 1 {
            self.bad_put(old);
            return false;
        }
        self.last_reference();
        true
    }

    /// Begins the sole ownership of the thread whose decrement was the last.
    #[inline]
    fn last_reference(&self) {
        // Acquire: pairs with the Release of all the earlier decrements, so that the object is
        // destroyed after every use of it.
        let _ = self.refs.load(Acquire);
    }

    /// Drops `n` references. Returns `true` if they were the last.
    ///
    /// It is a compare-and-swap loop. If there are fewer than `n`, the count saturates in the same step, the
    /// misuse is reported, and it returns `false`. `n == 0` is reported, changes nothing and returns `false`.
    ///
    /// # Memory ordering
    ///
    /// Release, and also Acquire when it returns `true`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(5);
    /// assert!(!refs.sub_and_test(2));
    /// assert!(refs.sub_and_test(3));
    /// ```
    #[doc(alias = "refcount_sub_and_test")]
    #[must_use = "on `true` the caller has to free the object"]
    #[track_caller]
    pub fn sub_and_test(&self, n: u32) -> bool {
        if n == 0 {
            self.report_zero_amount();
            return false;
        }
        // What is not pinned counts exactly, also a little beyond `MAX`.
        let fewer = |old: u32| {
            let counts = old < PINNED.values.start;
            counts.then(|| old.checked_sub(n).unwrap_or(SATURATED))
        };
        // Release: as in `dec_and_test`.
        match self.refs.cas_loop(Release, fewer) {
            Ok(old) if old == n => {
                self.last_reference();
                true
            }
            Ok(old) if old < n => {
                report(Kind::Underflow, old);
                false
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Drops the reference if it is the last. Returns `true` if it was dropped: the caller then has
    /// to free the object.
    ///
    /// It is one compare-and-swap, which claims the object: from then on every
    /// [`inc_not_zero`](Self::inc_not_zero) fails. If it returns `false`, the caller keeps its reference.
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
    /// let refs = RefCount::new(2);
    /// assert!(!refs.dec_if_one()); // there is another, and ours is still counted
    /// refs.dec();
    /// assert!(refs.dec_if_one());
    /// ```
    #[doc(alias = "refcount_dec_if_one")]
    #[must_use = "on `true` the caller has to free the object, on `false` it keeps its reference"]
    #[inline]
    pub fn dec_if_one(&self) -> bool {
        // Acquire: pairs with the Release of all the earlier decrements, as in `last_reference`.
        // Relaxed: on failure the caller learns only that there are others.
        self.refs.compare_exchange(1, 0, Acquire, Relaxed).is_ok()
    }

    /// Drops a reference unless it is the last. Returns `true` if it was dropped; on `false` the caller keeps its
    /// reference, the only one.
    ///
    /// It is a compare-and-swap loop, and lock-free: exactly one compare-and-swap succeeds, or none if the count is
    /// one. A thread that loses a round backs off for a fraction of a microsecond. On a saturated count it returns
    /// `true`. On zero the count saturates, the misuse is reported, and it returns `true`, as there is no reference
    /// left to keep.
    ///
    /// # Memory ordering
    ///
    /// Release when it returns `true`, Relaxed when it returns `false`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(2);
    /// assert!(refs.dec_not_one());
    /// assert!(!refs.dec_not_one()); // ours is the last, and still counted
    /// ```
    #[doc(alias = "refcount_dec_not_one")]
    #[must_use = "the caller still has the last reference if this is false"]
    #[inline]
    #[track_caller]
    pub fn dec_not_one(&self) -> bool {
        let not_one = |old: u32| {
            // What is not pinned counts exactly, also a little beyond `MAX`.
            let counts = (2..PINNED.values.start).contains(&old);
            counts.then(|| old - 1)
        };
        // Release: pairs with the Acquire of the last put or of a freeze, as in `dec`.
        match pace::cas_loop(&self.refs, Release, pause_and_look, not_one) {
            Ok(_) => true,
            Err(1) => false,
            Err(0) => {
                self.pin_if(0);
                report(Kind::Underflow, 0);
                true
            }
            Err(_) => true,
        }
    }

    /// Drops a reference, and takes `lock` if it is the last. The guard is then returned, still
    /// held.
    ///
    /// The count goes from one to zero only while the lock is held. So a thread that holds the lock (shared is
    /// enough) and finds the object in an index under that lock may [`inc`](Self::inc): the object is
    /// alive. A caller that gets the guard takes the object out of the index, unlocks, and frees it.
    ///
    /// While the count is above one, the put is one compare-and-swap that succeeds, and the lock is not touched.
    /// At one, the lock is taken and the reference dropped under the lock. If another thread has added a
    /// reference in the meantime, it was not the last: the lock is released, and `None` is returned. Either way,
    /// each put performs exactly one successful compare-and-swap.
    ///
    /// The caller must not hold the lock, and the lock must
    /// outlive the put *and the unlock*: see [`Kref::put_lock`](crate::Kref::put_lock). After `None`
    /// the object may be gone at any moment. On a saturated count `None` is returned, and the lock is not taken.
    /// The same holds of a count of zero, which saturates and is reported. If `lock` panics, the caller keeps its
    /// reference.
    ///
    /// # Memory ordering
    ///
    /// Release, and Acquire for the last reference; the lock orders what it protects.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::RefCount;
    /// use std::sync::Mutex;
    ///
    /// let index = Mutex::new(vec!["object"]);
    /// let refs = RefCount::new(2);
    /// assert!(refs.dec_and_lock(&index).is_none()); // no lock was taken
    /// if let Some(mut index) = refs.dec_and_lock(&index) {
    ///     index.clear(); // the last: unlink, while the lock is held
    /// }
    /// # assert!(index.lock().unwrap().is_empty());
    /// # }
    /// ```
    #[doc(alias = "refcount_dec_and_lock")]
    #[doc(alias = "refcount_dec_and_lock_irqsave")]
    #[doc(alias = "refcount_dec_and_mutex_lock")]
    #[doc(alias = "atomic_dec_and_lock")]
    #[doc(alias = "atomic_dec_and_lock_irqsave")]
    #[doc(alias = "atomic_dec_and_mutex_lock")]
    #[must_use = "the guard means that this was the last reference: unlink, unlock, free"]
    #[inline]
    #[track_caller]
    pub fn dec_and_lock<'lock, L: Lock + ?Sized>(&self, lock: &'lock L) -> Option<L::Guard<'lock>> {
        if self.dec_not_one() {
            return None;
        }
        self.lock_and_dec(lock)
    }

    /// Finishes `dec_and_lock` for a reference that seemed to be the last.
    #[cold]
    #[track_caller]
    fn lock_and_dec<'lock, L: Lock + ?Sized>(&self, lock: &'lock L) -> Option<L::Guard<'lock>> {
        let guard = lock.lock();
        // The caller's reference still counts, so `self` is alive whatever happened before the lock
        // was ours.
        self.dec_and_test().then_some(guard)
    }

    /// Returns whether there is one reference, and orders what was done with all others before what
    /// the caller does next.
    ///
    /// The answer is right only for a caller that has the exclusive use of a reference, and only
    /// where new references are made from existing ones. Then `true` means that the caller's
    /// reference is the only one, and no other thread can make another.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn is_only_reference(&self) -> bool {
        // Acquire: pairs with the Release of all the earlier decrements, as in `last_reference`.
        self.refs.load(Acquire) == 1
    }
}
