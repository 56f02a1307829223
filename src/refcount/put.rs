//! The decrements: who drops the last reference, and under which lock.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::{RefCount, is_bad};
use crate::atomic::{Atomic, AtomicExt, AtomicInt, Backend};
use crate::lock::Lock;
use crate::pace::{self, pause_and_look};
use crate::report::{Kind, report};

impl<B: Backend> RefCount<B> {
    /// Drops a reference that is not the last.
    ///
    /// One atomic decrement. If it was the last after all, nobody would free the object: the count
    /// saturates and [`DecToZero`](Kind::DecToZero) is reported. So does a count below zero
    /// ([`Underflow`](Kind::Underflow)).
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
    ///
    /// # Memory ordering
    ///
    /// Release, and Acquire when it is true.
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

    /// Drops a reference as [`dec_and_test`](Self::dec_and_test) does, for a caller whose reference is
    /// beyond doubt: `lock dec; jle` on x86-64, as what is left to test is in the processor's flags. A
    /// put too many beside others that race with it may go unnoticed.
    #[inline]
    #[track_caller]
    pub(crate) fn dec_held_and_test(&self) -> bool {
        // Release: pairs with the Acquire load in `last_held`.
        let old = self.refs.fetch_sub(1, Release);
        (old as i32) < 2 && self.last_held()
    }

    /// Returns whether the count, which was one or bad before it was decremented, was one.
    #[inline]
    #[track_caller]
    fn last_held(&self) -> bool {
        // The lower half of the good values. Not the upper: a count that was just beyond MAX, unnoticed
        // by `inc_held`, is MAX now. To get from one of these to the wrong side of the middle takes
        // 2^30 steps, by threads stopped in between (see the head of `mod.rs`), or by as many handles
        // to an object that was found again (see `HandBack`), which then leaks.
        const MIDDLE: u32 = 1 << 30;

        // Acquire: pairs with the Release of all the earlier decrements, as in `last_reference`.
        let last = self.refs.load(Acquire) < MIDDLE;
        if !last {
            self.bad_held();
        }
        last
    }

    /// Drops `n` references; returns true if they were the last.
    ///
    /// A compare-and-swap loop. If there are fewer than `n` the count saturates, the misuse is
    /// reported, and the answer is false. `n == 0` is reported, changes nothing, and is false.
    ///
    /// # Memory ordering
    ///
    /// Release, and Acquire when it is true.
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
    /// let refs = RefCount::new(2);
    /// assert!(!refs.dec_if_one()); // there is another, and ours is still counted
    /// refs.dec();
    /// assert!(refs.dec_if_one());
    /// ```
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
    /// A compare-and-swap loop: exactly one that succeeds, or none if the count is one. Who loses a round
    /// pauses for a fraction of a microsecond. On a saturated count it is true. On zero the count saturates,
    /// the misuse is reported, and it is true, as there is no reference left to keep.
    ///
    /// # Memory ordering
    ///
    /// Release when it is true, Relaxed when it is false.
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
            if old < 2 || is_bad(old) {
                None
            } else {
                Some(old - 1)
            }
        };
        // Release: pairs with the Acquire of the last put or of a freeze, as in `dec`.
        match pace::cas_loop(&self.refs, Release, pause_and_look, not_one) {
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
    /// outlive the put *and the unlock*: see [`Kref::put_lock`](crate::Kref::put_lock). After `None`
    /// the object may be gone at any moment. A saturated count is `None`, and the lock is not taken;
    /// so is a count of zero, which saturates and is reported. If `lock` panics, the caller still has
    /// his reference.
    ///
    /// # Memory ordering
    ///
    /// Release, and Acquire when it is the last; the lock besides.
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

    /// The slow half of `dec_and_lock`, for what seemed to be the last reference.
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
    /// The answer is right only for a caller who has the exclusive use of a reference, where
    /// references are made from references and in no other way: if it is true, that is the only one,
    /// and nobody can make another.
    #[cfg(feature = "alloc")]
    #[inline]
    pub(crate) fn is_only_reference(&self) -> bool {
        // Acquire: pairs with the Release of all the earlier decrements, as in `last_reference`.
        self.refs.load(Acquire) == 1
    }
}
