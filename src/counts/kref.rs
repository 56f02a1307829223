//! An embeddable reference count, [`Kref`], whose [`put_lock`](Kref::put_lock) takes a lock for the
//! last reference only.
//!
//! # When a lookup may take a reference
//!
//! An index (a table, a tree, a list) that holds *uncounted* pointers to objects needs an answer to
//! one question: may a lookup take a reference to the object that it found? The object may be
//! dying.
//!
//! | lookup | put | may the lookup call `get`? |
//! |---|---|---|
//! | under the lock | [`Kref::put_lock`] with that lock, unlink before unlocking | yes: what is in the index is alive |
//! | under the lock | [`Kref::put`], then lock, unlink | no: [`Kref::get_unless_zero`], and skip what is dying |
//! | without a lock | memory that outlives the lookup | no: [`Kref::get_unless_zero`], then check that it is still the object that was meant |
//!
//! The first row is put-with-lock. It closes the following race, which the order that people write
//! by hand has:
//!
//! ```text
//! put, lock afterwards                     lookup
//! --------------------                     ------
//! count 1 -> 0
//!                                          lock
//!                                          find the object: count is 0, and get makes it 1
//!                                          unlock
//! lock, unlink, unlock
//! free the object
//!                                          use the object after it was freed
//! ```
//!
//! With put-with-lock the step from one to zero is made while the lock is held, so there are two
//! cases. The lookup comes wholly before that step, and the put then finds that it is not the last.
//! Or the lookup comes wholly after the object has left the index.

use core::fmt;

use crate::RefCount;
use crate::atomic::{Backend, Native};
use crate::lock::Lock;

/// A reference count to embed in an object: 4 bytes, starting at one, with a put that locks only
/// for the last reference.
///
/// `Kref` counts; it does not own or free. Embed it in an object, [`get`](Self::get) a reference
/// before you hand a pointer on, [`put`](Self::put) when done, and free the object when `put`
/// returns `true`. `Kref` is a [`RefCount`] with the operations that objects need, and it saturates
/// as [`RefCount`] does.
///
#[cfg_attr(
    feature = "registry",
    doc = "Why it is as it is: [reference counting](crate::guide::reference_counting) and\n[the put that takes the lock](crate::guide::put_lock), in the guide."
)]
///
/// 1. Take a reference *before* another thread can see the pointer, never afterwards.
/// 2. Put the reference when you are done, on every path. After the put the object may be gone at
///    once.
/// 3. A reference may be taken without already having one only as the next section
///    allows.
///
/// # When a lookup may take a reference
///
/// - The index is under a lock and every put is a [`put_lock`](Self::put_lock) with that lock: look
///   up and [`get`](Self::get) in one critical section. What is in the index is alive.
/// - The index is under a lock and puts do not take it: look up and
///   [`get_unless_zero`](Self::get_unless_zero) in one critical section. A failure means that the
///   object is dying.
/// - There is no lock: [`get_unless_zero`](Self::get_unless_zero) on memory that stays a `Kref`
///   however long the lookup takes, and afterwards check that the object is still the one you looked for.
///
/// # Memory ordering
///
/// Every put is Release, and the last put is also Acquire: everything that was done with any
/// reference happens before the object is destroyed. `get` is Relaxed, as its caller already may
/// use the object. `get_unless_zero` is Acquire when it succeeds.
///
/// # Examples
///
/// An object that is found by its number, in a table that holds no reference:
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kref::Kref;
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// struct Gadget {
///     kref: Kref,
///     id: u32,
/// }
///
/// struct Entry(*mut Gadget);
/// // SAFETY: entries are used under the table's lock only, and every use there is a count or a read.
/// unsafe impl Send for Entry {}
///
/// static GADGETS: Mutex<Option<HashMap<u32, Entry>>> = Mutex::new(None);
///
/// fn create(id: u32) -> *mut Gadget {
///     let gadget = Box::into_raw(Box::new(Gadget { kref: Kref::new(), id }));
///     GADGETS.lock().unwrap().get_or_insert_default().insert(id, Entry(gadget));
///     gadget
/// }
///
/// fn find(id: u32) -> Option<*mut Gadget> {
///     let table = GADGETS.lock().unwrap();
///     let gadget = table.as_ref()?.get(&id)?.0;
///     // SAFETY: it is in the table and we hold the lock, so its count is not zero.
///     unsafe { (*gadget).kref.get() };
///     Some(gadget)
/// }
///
/// /// # Safety
/// ///
/// /// The caller gives up a reference that it holds.
/// unsafe fn put(gadget: *mut Gadget) {
///     // SAFETY: alive until the put, by the caller's reference.
///     if let Some(mut table) = unsafe { (*gadget).kref.put_lock(&GADGETS) } {
///         // SAFETY: the count is zero, so nobody else has a reference, and the lock is held, so
///         // that nobody finds another.
///         let gadget = unsafe { Box::from_raw(gadget) };
///         table.as_mut().unwrap().remove(&gadget.id);
///         drop(table); // unlock first, then destroy
///     }
/// }
///
/// let a = create(7);
/// let b = find(7).unwrap();
/// unsafe { put(a) };
/// assert!(find(8).is_none());
/// unsafe { put(b) }; // the last one: it leaves the table
/// assert!(find(7).is_none());
/// # }
/// ```
#[doc(alias = "kref_init")]
#[doc(alias = "KREF_INIT")]
#[repr(transparent)]
pub struct Kref<B: Backend = Native> {
    refs: RefCount<B>,
}

impl Kref<Native> {
    /// Creates the count of a new object: one reference, its creator's.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Kref;
    ///
    /// static ROOT: Kref = Kref::new(); // its owner never puts it
    ///
    /// ROOT.get();
    /// assert!(!ROOT.put());
    /// ```
    #[doc(alias = "kref_init")]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            refs: RefCount::new(1),
        }
    }
}

impl<B: Backend> Kref<B> {
    /// Like [`new`](Kref::new), for any backend. Not `const`.
    #[must_use]
    pub fn new_in() -> Self {
        Self {
            refs: RefCount::new_in(1),
        }
    }

    /// Returns how many references there are; a hint, out of date as soon as it is read.
    ///
    /// Never decide by it: [`RefCount::try_freeze`] and [`RefCount::dec_if_one`], through
    /// [`as_ref`](AsRef::as_ref), claim the object if there is no other reference.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Kref;
    ///
    /// assert_eq!(Kref::new().count(), 1);
    /// ```
    #[doc(alias = "kref_read")]
    #[must_use]
    #[inline]
    pub fn count(&self) -> u32 {
        self.refs.count()
    }

    /// Takes one more reference. The caller has one already, or holds the lock of the index in which
    /// it found the object and with which every put is made.
    ///
    /// It is one atomic increment. If the count is zero, the object is already dead and the caller
    /// has a bug: the misuse is reported, and the count saturates.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: the caller already may use the object, or a lock orders that.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Kref;
    ///
    /// let kref = Kref::new();
    /// kref.get(); // first the reference, then the pointer to another thread
    /// assert_eq!(kref.count(), 2);
    /// ```
    #[doc(alias = "kref_get")]
    #[inline]
    #[track_caller]
    pub fn get(&self) {
        self.refs.inc();
    }

    /// Takes a reference unless the object is already dead. Returns `true` if the caller now has
    /// one.
    ///
    /// It is a compare-and-swap loop. See [`RefCount::inc_not_zero`], also for what happens with a
    /// saturated count.
    ///
    /// # Memory ordering
    ///
    /// Acquire when it returns `true`, Relaxed when it returns `false`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Kref;
    ///
    /// let kref = Kref::new();
    /// assert!(kref.get_unless_zero());
    /// assert!(!kref.put());
    /// assert!(kref.put());
    /// assert!(!kref.get_unless_zero()); // dead
    /// ```
    #[doc(alias = "kref_get_unless_zero")]
    #[must_use = "the object is dying if this is false; use `get` if you know that it is alive"]
    #[inline]
    #[track_caller]
    pub fn get_unless_zero(&self) -> bool {
        self.refs.inc_not_zero()
    }

    /// Drops a reference. Returns `true` if it was the last: the caller then has to destroy the
    /// object.
    ///
    /// It is one atomic decrement. After `put` returns `false` the object may be gone at any
    /// moment: touch nothing of it.
    ///
    /// # Memory ordering
    ///
    /// Release, and also Acquire when it returns `true`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Kref;
    ///
    /// let kref = Kref::new();
    /// kref.get();
    /// assert!(!kref.put());
    /// if kref.put() {
    ///     // the last: destroy the object that contains it
    /// }
    /// ```
    #[doc(alias = "kref_put")]
    #[must_use = "the caller who is told true has to destroy the object"]
    #[inline]
    #[track_caller]
    pub fn put(&self) -> bool {
        self.refs.dec_and_test()
    }

    /// Drops a reference, and takes `lock` if it is the last. The guard is then returned, still
    /// held: the caller has to unlink the object, unlock, and destroy the object.
    ///
    /// While the count is above one, a put is one compare-and-swap (more if other threads interfere),
    /// and the lock is not touched. See [`RefCount::dec_and_lock`] for the algorithm. The caller must
    /// not hold the lock.
    ///
    /// # Where the lock may live
    ///
    /// The lock has to outlive this call and, where a guard is returned, the drop of the guard, whichever thread
    /// drops the last reference:
    ///
    /// - after a put that was not the last, another thread may destroy the object before this call has returned,
    ///   together with everything that only the object kept alive;
    /// - when the guard has let the next thread take the lock, that thread may be the one that destroys what the lock
    ///   lies in, before the drop of the guard has returned (see [`lock`](crate::lock#how-long-a-lock-has-to-live)).
    ///
    /// So the lock is not inside the object, and not inside something that only the references to the object keep
    /// alive. In a tree in which a child holds a reference to its parent, and the lock is in the parent, take a
    /// reference to the parent before the put, and put that one after the unlock. The example `gadgets` does so for every put.
    /// The example `dentry_cache` does so inside its [`Lock`], only when the lock is really taken.
    ///
    /// # Examples
    ///
    /// The same with a read-write lock: lookups take it shared, the last put exclusively.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::Kref;
    /// use std::sync::RwLock;
    ///
    /// let index = RwLock::new(());
    /// let object = Kref::new();
    ///
    /// {
    ///     let _found = index.read().unwrap();
    ///     object.get();
    /// }
    /// assert!(object.put_lock(&index).is_none());
    /// assert!(object.put_lock(&index).is_some());
    /// # }
    /// ```
    #[doc(alias = "kref_put_lock")]
    #[doc(alias = "kref_put_mutex")]
    #[doc(alias = "kref_put_rwsem")]
    #[must_use = "the guard means that this was the last reference: unlink, unlock, destroy"]
    #[inline]
    #[track_caller]
    pub fn put_lock<'lock, L: Lock + ?Sized>(&self, lock: &'lock L) -> Option<L::Guard<'lock>> {
        self.refs.dec_and_lock(lock)
    }
}

impl Default for Kref<Native> {
    /// Creates a count of one, as [`Kref::new`] does.
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Backend> From<RefCount<B>> for Kref<B> {
    /// Takes over the references that are already counted.
    fn from(refs: RefCount<B>) -> Self {
        Self { refs }
    }
}

impl<B: Backend> AsRef<RefCount<B>> for Kref<B> {
    fn as_ref(&self) -> &RefCount<B> {
        &self.refs
    }
}

impl<B: Backend> fmt::Debug for Kref<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kref").field(&self.refs).finish()
    }
}
