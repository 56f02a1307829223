//! A reference count, [`HandBack`], whose put is one `fetch_sub` and takes a lock for the last
//! reference only.
//!
//! # The count
//!
//! ```text
//! count = references + (1 if the pending owner's reference was handed back to it)
//! ```
//!
//! A put is one decrement. If it left something, that was all. If it left zero, the thread is the
//! *pending owner*: the object may still be found in the index, so it is not dead yet, but no other thread
//! can free it. The pending owner takes the lock, and looks:
//!
//! ```text
//! count is zero         no lookup came, and none can, as the lock is held: unlink, unlock, destroy
//! count is not zero     a lookup found the object in between. It saw the zero, knew that a put was
//!                       pending, and counted one for that put and one for itself. Drop the put's: if it was
//!                       the last, unlink, unlock, destroy; if not, unlock, the object lives on
//! ```
//!
//! So there is at most one pending owner at any time: while it waits, the count cannot go to zero a
//! second time, as its own reference is counted again as soon as the count leaves zero. Therefore
//! the object is freed once, and the pending owner may use it to find the lock. There is no
//! compare-and-swap, hence no retry, and no value that could come back unnoticed.
//!
//! That a thread is the pending owner is what its decrement returned, and stays true however long the thread is stopped before
//! it has the lock. Its look under the lock is not a second look at another owner's object: until it has settled, the
//! object cannot die. If so many references were made in between that the count is saturated, the look finds a bad
//! count and the second decrement a pinned one, and the object leaks. A put that was not the last touches nothing
//! afterwards. All that holds for any number of references, see the head of `refcount/mod.rs`.
//!
//! # Who may do what
//!
//! | | holds a reference | holds the lock, shared or not | neither |
//! |---|---|---|---|
//! | [`get`](HandBack::get) | yes | no | no |
//! | [`get_locked`](HandBack::get_locked) | (`get`) | yes | no |
//! | [`get_unless_zero`](HandBack::get_unless_zero) | yes | yes, but may fail | yes, if the memory stays a count |
//! | [`put_lock`](HandBack::put_lock) | yes | no: deadlock | no |
//!
//! ```text
//! put P                          lookup F, under the lock        count
//! -----                          ------------------------        -----
//! decrement 1 -> 0                                               0
//!                                lock, increment 0 -> 1          1   F's own
//!                                it was 0: increment 1 -> 2      2   and P's, handed back
//!                                unlock
//! lock, see 2
//! decrement 2 -> 1, unlock                                       1   F's
//! ```
//!
//! # Orderings
//!
//! They are [`RefCount`]'s, whose operations these are: a decrement is Release, and the decrement to
//! zero is also Acquire. The look under the lock needs no ordering: if it sees zero, no decrement was
//! made since the pending owner's own, which was Acquire; if not, it decrements again.
//! The increments of a lookup are Relaxed: the lock orders its use of the object.

use core::fmt;

use crate::RefCount;
use crate::atomic::{Backend, Native};
use crate::lock::Lock;

/// A reference count for objects in a lock-protected index, whose put is one `fetch_sub` (the lock is taken only when
/// the count reaches zero).
///
/// It is faster than [`Kref::put_lock`](crate::Kref::put_lock): a put is one decrement instead of a
/// compare-and-swap loop. In return, a thread that finds the object in the index must use
/// [`get_locked`](Self::get_locked), which may have to hand the reference of a pending put back, and the
/// count reads zero, or one too many, for a moment. A put too many is treated as by
/// [`RefCount::dec_and_test`]: if its decrement finds zero, it is reported and the object leaks.
///
#[cfg_attr(
    feature = "registry",
    doc = "Why it holds: [the put without a loop](crate::guide::hand_back), in the guide."
)]
///
/// # Memory ordering
///
/// As [`Kref`](crate::Kref).
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kref::HandBack;
/// use std::sync::Mutex;
///
/// let index = Mutex::new(());
/// let object = HandBack::new();
///
/// {
///     let _found = index.lock().unwrap();
///     object.get_locked();
/// }
/// assert!(object.put_lock(&index).is_none());
/// assert!(object.put_lock(&index).is_some()); // the last: unlink, unlock, destroy
/// # }
/// ```
#[repr(transparent)]
pub struct HandBack<B: Backend = Native> {
    refs: RefCount<B>,
}

impl HandBack<Native> {
    /// Creates the count of a new object: one reference, its creator's.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::HandBack;
    ///
    /// static COUNT: HandBack = HandBack::new();
    ///
    /// assert_eq!(COUNT.count_hint(), 1);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            refs: RefCount::new(1),
        }
    }
}

impl<B: Backend> HandBack<B> {
    /// Creates a count of `n` references, over any backend.
    #[must_use]
    pub fn new_in(n: u32) -> Self {
        Self {
            refs: RefCount::new_in(n),
        }
    }

    /// Returns how many references there are; a hint, which may be one too many or zero while a put
    /// is pending.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::HandBack;
    ///
    /// assert_eq!(HandBack::new().count_hint(), 1);
    /// ```
    #[must_use]
    #[inline]
    pub fn count_hint(&self) -> u32 {
        self.refs.count()
    }

    /// Takes one more reference. The caller has one already.
    ///
    /// It is one atomic increment, and saturates as [`RefCount::inc`] does.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: the caller already may use the object.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::HandBack;
    ///
    /// let object = HandBack::new();
    /// object.get();
    /// assert_eq!(object.count_hint(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get(&self) {
        self.refs.inc();
    }

    /// Takes one more reference as [`get`](Self::get) does, for a caller whose own reference is beyond doubt.
    #[cfg(feature = "registry")]
    #[inline]
    #[track_caller]
    pub(crate) fn get_held(&self) {
        self.refs.inc_held();
    }

    /// Takes a reference. The caller holds the lock, shared or not, and found the object in the
    /// index.
    ///
    /// It is one atomic increment, or two if a put is pending: the second one hands that put's
    /// reference back.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: the lock orders the use of the object.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::HandBack;
    /// use std::sync::Mutex;
    ///
    /// let index = Mutex::new(());
    /// let object = HandBack::new();
    /// {
    ///     let _found = index.lock().unwrap();
    ///     object.get_locked();
    /// }
    /// assert!(object.put_lock(&index).is_none());
    /// # }
    /// ```
    #[inline]
    #[track_caller]
    pub fn get_locked(&self) {
        if self.refs.inc_from_zero() == 0 {
            self.refs.inc();
        }
    }

    /// Takes a reference unless the object is dead or a put is pending. Returns `true` if the
    /// caller now has one.
    ///
    /// It is for lookups without the lock. After a failure, look the object up under the lock, with
    /// [`get_locked`](Self::get_locked). See [`RefCount::inc_not_zero`].
    ///
    /// # Memory ordering
    ///
    /// Acquire when it returns `true`, Relaxed when it returns `false`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::HandBack;
    ///
    /// assert!(HandBack::new().get_unless_zero());
    /// ```
    #[must_use = "on `false` the caller has no reference"]
    #[inline]
    #[track_caller]
    pub fn get_unless_zero(&self) -> bool {
        self.refs.inc_not_zero()
    }

    /// Drops a reference, and takes `lock` if it seems to be the last. If the guard is returned,
    /// still held, the caller has to unlink the object, unlock, and destroy the object.
    ///
    /// While the count is above one, a put is one atomic decrement, and the lock is not touched. The
    /// caller must not hold the lock, and the lock must outlive the put *and the unlock*: see
    /// [`Kref::put_lock`](crate::Kref::put_lock). If `lock` panics, the put stays pending forever, and
    /// the object leaks.
    ///
    /// # Memory ordering
    ///
    /// Release, and Acquire when the count becomes zero; the lock orders what it protects.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::HandBack;
    /// use std::sync::Mutex;
    ///
    /// let index = Mutex::new(vec!["object"]);
    /// let object = HandBack::new();
    /// if let Some(mut index) = object.put_lock(&index) {
    ///     index.clear(); // the last: unlink, while the lock is held
    /// }
    /// # assert!(index.lock().unwrap().is_empty());
    /// # }
    /// ```
    #[must_use = "the guard means that this was the last reference: unlink, unlock, destroy"]
    #[inline]
    #[track_caller]
    pub fn put_lock<'lock, L: Lock + ?Sized>(&self, lock: &'lock L) -> Option<L::Guard<'lock>> {
        if !self.put() {
            return None;
        }
        self.settle_with(lock)
    }

    /// Ends a pending put: returns the lock's guard if the object is dead. The caller is the pending
    /// owner. This is a function of its own, so that a put which is not the last saves no registers
    /// for it.
    #[cold]
    #[inline(never)]
    fn settle_with<'lock, L: Lock + ?Sized>(&self, lock: &'lock L) -> Option<L::Guard<'lock>> {
        let guard = lock.lock();
        self.settle().then_some(guard)
    }

    /// Drops a reference. Returns `true` if the caller is now the pending owner: it has to take the
    /// lock, which it may find through the object, and call [`settle`](Self::settle).
    #[inline]
    #[track_caller]
    pub(crate) fn put(&self) -> bool {
        self.refs.dec_and_test()
    }

    /// Ends a pending put. Returns `true` if the object is dead. The caller is the pending owner and
    /// holds the lock exclusively.
    pub(crate) fn settle(&self) -> bool {
        self.refs.count() == 0 || self.refs.dec_and_test()
    }

    /// Makes a dead count, which is zero, zero, as memory does that is given back.
    #[cfg(feature = "registry")]
    pub(crate) fn zero(&self) {
        self.refs.set(0);
    }

    /// Sets a dead count to one again, in memory that lookups without the lock may read. The caller
    /// holds the lock.
    #[cfg(feature = "registry")]
    pub(crate) fn revive(&self) {
        self.refs.set_release(1);
    }
}

impl Default for HandBack<Native> {
    /// Creates a count of one, as [`HandBack::new`] does.
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Backend> fmt::Debug for HandBack<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HandBack").field(&self.refs).finish()
    }
}
