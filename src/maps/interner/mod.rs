//! A concurrent set that stores each value once, and drops a value when its last user drops it.
//!
//! An [`Interner`] is a [`Registry`](crate::Registry) of values that are their own keys: the same
//! lookups without a lock, and the same put. See [`registry`](crate::registry) for what it costs.

mod borrowed;
mod by_reference;
mod interned;
mod iterate;
mod stored;
mod text;

use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

use alloc::borrow::ToOwned;
use equivalent::Equivalent;

pub use self::borrowed::Borrowed;
use self::by_reference::ByValue;
pub use self::interned::Interned;
pub use self::iterate::Iter;
pub use self::stored::Stored;
use self::stored::{Inline, LargeValue, NewSlice};
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::maps::table::{self, Counted, Entered, Owner, Place, State};
use crate::registry::DefaultHashBuilder;

/// A concurrent set that stores each value once, as long as an [`Interned`] reference to it exists.
///
/// `Interner<str>` and `Interner<[T]>` store up to 24 bytes of text or elements in the table itself, and longer ones in
/// an allocation of their own, as the table does with sized values of more than 128 bytes. An interner may be a
/// `static`, and may be dropped before its values.
///
/// # Examples
///
/// ```
/// use kref::Interner;
///
/// static WORDS: Interner<str> = Interner::new();
///
/// let a = WORDS.intern_ref("gadget");
/// let b = WORDS.intern_ref(&String::from("gadget"));
/// assert_eq!(a, b); // the same address
/// assert_eq!(WORDS.len(), 1);
///
/// drop((a, b));
/// assert!(WORDS.is_empty());
/// ```
pub struct Interner<T: Stored + ?Sized, S = DefaultHashBuilder, B: LockBackend = Native> {
    values: Owner<Inline<T>, B>,
    hasher: S,
}

impl<T: Stored + ?Sized> Interner<T> {
    /// Creates an empty interner. It allocates nothing before the first value.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// static NAMES: Interner<str> = Interner::new();
    ///
    /// let kref = NAMES.intern_ref("kref");
    /// assert_eq!(NAMES.intern_ref("kref"), kref);
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self::with_hasher(DefaultHashBuilder)
    }
}

impl<T: Stored + ?Sized, S> Interner<T, S> {
    /// Creates an empty interner that hashes values with `hasher`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    /// use std::hash::RandomState;
    ///
    /// let names = Interner::<str, _>::with_hasher(RandomState::new());
    /// assert!(names.is_empty());
    /// ```
    #[must_use]
    pub const fn with_hasher(hasher: S) -> Self {
        Self {
            values: Owner::new(0),
            hasher,
        }
    }
}

impl<T: Stored + ?Sized, S, B: LockBackend> Interner<T, S, B> {
    /// Creates an empty interner of `shards` shards, for any backend. Not `const`. The number is
    /// rounded up to a power of two, and is at most 2^16; zero is the default, as for a
    /// [`Registry`](crate::Registry::with_shards_and_hasher).
    #[must_use]
    pub fn new_in(shards: usize, hasher: S) -> Self {
        Self {
            values: Owner::new_in(shards),
            hasher,
        }
    }

    /// Returns how many values there are; a hint while other threads use the interner.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: it orders nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let names = Interner::<str>::new();
    /// let name = names.intern_ref("kref");
    /// assert_eq!(names.len(), 1);
    /// drop(name);
    /// assert_eq!(names.len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns whether there is no value; a hint while other threads use the interner.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: it orders nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let names = Interner::<str>::new();
    /// assert!(names.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the memory of values that are gone back to the system, as far as whole pages of it
    /// are unused, and makes the table as small as the values allow.
    ///
    /// As [`Registry::shrink_to_fit`](crate::Registry::shrink_to_fit).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let names = Interner::<str>::new();
    /// let many: Vec<_> = (0..1000).map(|i: u32| names.intern_ref(&i.to_string())).collect();
    /// drop(many);
    /// names.shrink_to_fit();
    /// ```
    pub fn shrink_to_fit(&self) {
        self.values.shrink_to_fit();
    }
}

impl<T: Stored + ?Sized, S: BuildHasher, B: LockBackend> Interner<T, S, B> {
    fn hash<Q: Hash + ?Sized>(&self, value: &Q) -> table::Hash {
        table::Hash::new(self.hasher.hash_one(value))
    }

    /// Returns the value that is there. Otherwise `new` makes a value, with no lock held, and `store` stores it,
    /// under the lock.
    ///
    /// # Safety
    ///
    /// `store` stores a value.
    #[cfg_attr(feature = "track", track_caller)]
    unsafe fn enter<N>(
        &self,
        hash: table::Hash,
        is_it: impl Fn(&T) -> bool,
        new: impl FnOnce() -> N,
        store: impl FnOnce(N, NonNull<u8>),
    ) -> Interned<T, B> {
        match self.values.find(hash, |value| is_it(value_of(value))) {
            Some(value) => Interned::new(value),
            // SAFETY: as the caller promises.
            None => unsafe { self.enter_missed(hash, is_it, new, store) },
        }
    }

    /// What `enter` does if it has not found the value without the lock. Not in line, so that the way that
    /// finds it is short.
    ///
    /// # Safety
    ///
    /// As for [`enter`](Self::enter).
    #[cold]
    #[inline(never)]
    #[cfg_attr(feature = "track", track_caller)]
    unsafe fn enter_missed<N>(
        &self,
        hash: table::Hash,
        is_it: impl Fn(&T) -> bool,
        new: impl FnOnce() -> N,
        store: impl FnOnce(N, NonNull<u8>),
    ) -> Interned<T, B> {
        let new = new();
        let entered = self
            .values
            .enter_locked(hash, |value| is_it(value_of(value)));
        match entered {
            Entered::Occupied(value) => Interned::new(value),
            Entered::Vacant(vacant) => {
                let write = |slot| store(new, slot);
                // SAFETY: as the caller promises.
                let value = unsafe { vacant.insert(State::Listed, None, write, |value| value) };
                Interned::new(value)
            }
        }
    }

    #[cfg_attr(feature = "track", track_caller)]
    fn get_by(&self, hash: table::Hash, is_it: impl Fn(&T) -> bool) -> Option<Interned<T, B>> {
        let value = self.values.get(hash, |value| is_it(value_of(value)))?;
        Some(Interned::new(value))
    }
}

fn value_of<T: Stored + ?Sized, B: LockBackend>(value: &Counted<Inline<T>, B>) -> &T {
    // SAFETY: the reference keeps the value.
    unsafe { T::at(Inline::<T>::slot(value.node())) }
}

impl<T: Stored + Eq + Hash + ?Sized, S: BuildHasher, B: LockBackend> Interner<T, S, B> {
    /// Returns the stored value that is equal to `value`. If there is no such value, stores
    /// `value`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let paths = Interner::<Vec<u32>>::new();
    /// let a = paths.intern(vec![1, 2]);
    /// let b = paths.intern(vec![1, 2]);
    /// assert!(a == b && paths.len() == 1); // one value, compared by address
    /// ```
    #[must_use = "the value is forgotten when the last reference is dropped"]
    #[doc(alias = "insert")]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn intern(&self, value: T) -> Interned<T, B>
    where
        T: ByValue,
    {
        let hash = self.hash(&value);
        if let Some(stored) = self.values.find(hash, |stored| *value_of(stored) == value) {
            // Not after the reference was returned, which would leak if this panics.
            drop(value);
            return Interned::new(stored);
        }
        if Place::<T>::INLINE {
            // SAFETY: the slot is for a `T`, which lies in it.
            let store = |value, slot: NonNull<u8>| unsafe { slot.cast::<T>().write(value) };
            // SAFETY: a value is stored.
            unsafe { self.enter_with(hash, value, |value| value, store) }
        } else {
            // SAFETY: the slot is for a `T`, whose address lies in it.
            let store = |value: LargeValue<T>, slot| unsafe { value.store(slot) };
            // SAFETY: a value is stored.
            unsafe { self.enter_with(hash, LargeValue::new(value), LargeValue::get, store) }
        }
    }

    /// Returns the value that is there. Otherwise `store` stores `new`, under the lock.
    ///
    /// # Safety
    ///
    /// `store` stores a value.
    #[cfg_attr(feature = "track", track_caller)]
    unsafe fn enter_with<N>(
        &self,
        hash: table::Hash,
        new: N,
        get: impl Fn(&N) -> &T,
        store: impl FnOnce(N, NonNull<u8>),
    ) -> Interned<T, B> {
        let is_it = |stored: &_| value_of::<T, B>(stored) == get(&new);
        match self.values.enter_locked(hash, is_it) {
            Entered::Occupied(stored) => {
                // Not after the reference was returned, which would leak if this panics.
                drop(new);
                Interned::new(stored)
            }
            Entered::Vacant(vacant) => {
                let write = |slot| store(new, slot);
                // SAFETY: as the caller promises.
                let stored = unsafe { vacant.insert(State::Listed, None, write, |value| value) };
                Interned::new(stored)
            }
        }
    }
}

impl<T: Eq + Hash, S: BuildHasher, B: LockBackend> Interner<T, S, B> {
    /// Returns the stored value that is [`Equivalent`] to `value`. If there is no such value, makes an owned
    /// one and stores it.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let texts = Interner::<String>::new();
    /// let a = texts.intern_ref("kref"); // a String is made, as the text is new
    /// let b = texts.intern_ref("kref"); // none is made
    /// assert_eq!(a, b);
    /// ```
    #[must_use = "the value is forgotten when the last reference is dropped"]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn intern_ref<Q>(&self, value: &Q) -> Interned<T, B>
    where
        Q: Hash + Equivalent<T> + ToOwned<Owned = T> + ?Sized,
    {
        let found = self.get_by(self.hash(value), |stored| value.equivalent(stored));
        found.unwrap_or_else(|| self.intern(value.to_owned()))
    }

    /// Returns the stored value that is [`Equivalent`] to `value`, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let texts = Interner::<String>::new();
    /// assert!(texts.get("kref").is_none());
    /// let a = texts.intern_ref("kref");
    /// assert_eq!(texts.get("kref"), Some(a));
    /// ```
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn get<Q>(&self, value: &Q) -> Option<Interned<T, B>>
    where
        Q: Hash + Equivalent<T> + ?Sized,
    {
        self.get_by(self.hash(value), |stored| value.equivalent(stored))
    }
}

impl<T: Copy + Eq + Hash, S: BuildHasher, B: LockBackend> Interner<[T], S, B> {
    /// Returns the stored slice that is equal to `value`. If there is no such slice, stores a copy.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let paths = Interner::<[u32]>::new();
    /// assert_eq!(paths.intern_ref(&[1, 2])[0], 1);
    /// ```
    #[must_use = "the value is forgotten when the last reference is dropped"]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn intern_ref(&self, value: &[T]) -> Interned<[T], B> {
        let hash = self.hash(value);
        let new = || NewSlice::new(value);
        // SAFETY: the slot is for a slice of `T`.
        let store = |new: NewSlice<'_, T>, slot| unsafe { new.store(slot) };
        // SAFETY: a slice is stored.
        unsafe { self.enter(hash, |stored| stored == value, new, store) }
    }

    /// Returns the stored slice that is equal to `value`, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let paths = Interner::<[u32]>::new();
    /// let path = paths.intern_ref(&[1, 2]);
    /// assert_eq!(paths.get(&[1, 2]), Some(path));
    /// ```
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn get(&self, value: &[T]) -> Option<Interned<[T], B>> {
        self.get_by(self.hash(value), |stored| stored == value)
    }
}

impl<S: BuildHasher, B: LockBackend> Interner<str, S, B> {
    /// Returns the stored text that is equal to `value`. If there is no such text, stores a copy.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let names = Interner::<str>::new();
    /// let a = names.intern_ref("kref");
    /// assert_eq!(a, names.intern_ref("kref"));
    /// assert_ne!(a, names.intern_ref("llist"));
    /// ```
    #[must_use = "the value is forgotten when the last reference is dropped"]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn intern_ref(&self, value: &str) -> Interned<str, B> {
        let hash = self.hash(value);
        let new = || NewSlice::new(value.as_bytes());
        // SAFETY: the slot is for bytes.
        let store = |new: NewSlice<'_, u8>, slot| unsafe { new.store(slot) };
        // SAFETY: the bytes of a `str` are stored.
        unsafe { self.enter(hash, |stored| stored == value, new, store) }
    }

    /// Returns the stored text that is equal to `value`, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let names = Interner::<str>::new();
    /// assert!(names.get("kref").is_none());
    /// let name = names.intern_ref("kref");
    /// assert_eq!(names.get("kref"), Some(name));
    /// ```
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn get(&self, value: &str) -> Option<Interned<str, B>> {
        self.get_by(self.hash(value), |stored| stored == value)
    }
}

impl<T: Stored + ?Sized, S: Default> Default for Interner<T, S> {
    /// Creates an empty interner with the default hasher of its type.
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<T: Stored + ?Sized, S, B: LockBackend> fmt::Debug for Interner<T, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interner")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<T: Stored + ?Sized + RefUnwindSafe, S: UnwindSafe, B: LockBackend> UnwindSafe
    for Interner<T, S, B>
{
}
impl<T: Stored + ?Sized + RefUnwindSafe, S: RefUnwindSafe, B: LockBackend> RefUnwindSafe
    for Interner<T, S, B>
{
}
