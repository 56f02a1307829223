//! A map of live objects that forgets an object when its last user drops it.
//!
//! # What it replaces
//!
//! A `Mutex<HashMap<K, Weak<V>>>` with a `Drop` that removes the entry: a second count in every
//! object, an upgrade that can fail, and a race between the last drop and the next lookup that is
//! easy to get wrong. Here the map holds no reference and no weak count, and what it lists is alive.
//! ([The race](crate::guide::registry), step by step, in the guide.)
//!
//! # What costs what
//!
//! | | atomic read-modify-writes | locks |
//! |---|---|---|
//! | [`Registry::get`], found | 1 | none |
//! | [`Registry::get`], not found, or found while its last handle is being dropped, or after the buckets have doubled and before its shard has moved | 0, or 1 or 2 | one shard |
//! | [`Handle::clone`], drop of a handle that is not the last | 1 | none |
//! | drop of the last handle | 1, and 1 if somebody found the object meanwhile | one shard |
//! | [`Registry::try_insert`] | 0 | one shard |
//! | [`Registry::get_or_insert_with`], not found | 0 | one shard, twice |
//! | [`Registry::handles`] | 1 for each object | each shard |
//!
//! A lock is held for some tens of instructions, except that after the number of buckets has doubled each
//! shard moves its own objects under it, once. `Hash`, `Eq`, constructors and destructors run with no lock
//! held, so that they may use the registry themselves.
//!
//! # How it works
//!
//! The put is the wait-free put-with-lock of [`HandBack`](crate::HandBack). Lookups go by the
//! kernel's scheme for type-stable memory (`SLAB_TYPESAFE_BY_RCU`): walk the bucket without the
//! lock, take a reference unless the count is zero, then check that this is the object that was meant. The
//! memory of a dead object is used for the next one, and goes back to the allocator by
//! [`Registry::shrink_to_fit`] or when the registry and its handles are gone. So does the memory of the
//! arrays of buckets that have become too short, which is less than that of the one in use.
//!
//! A hash is multiplied by a constant, and the upper bits of the product choose the shard and the bucket, so
//! that hashers will do that leave some bits poor, or hash a number to itself.

#![deny(clippy::undocumented_unsafe_blocks)]

mod building;
#[cfg(doctest)]
mod compile_fail;
mod entry;
mod handle;
mod hasher;

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

use self::building::Building;
use self::entry::Entry;
pub use self::handle::Handle;
pub use self::hasher::DefaultHashBuilder;
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::table::{self, Counted, Entered, Owner, State};

/// Maps keys to live objects: an object is in the map as long as somebody has a [`Handle`] to it.
///
/// The map itself holds no reference. A lookup that finds an object takes no lock, and what it finds
/// is alive; there is no upgrade that can fail. When the last handle is dropped, the object leaves
/// the map before it is destroyed. See the [module](self) for costs and the method.
///
/// A registry may be a `static`, and may be dropped before its handles.
///
/// # What user code may do
///
/// `Hash`, `Eq`, constructors, and the destructors of keys and values run with no lock held and may
/// call the registry. If they panic, the registry is as before: a failed constructor leaves its key
/// vacant, a destructor that panics has already left the map. If `Eq` or `Hash` contradict
/// themselves or a key changes its hash, lookups give wrong answers, and nothing worse: an entry
/// leaves by its address and the hash that it came with.
///
/// A constructor must not wait for a key that another thread's constructor is making while that
/// waits for this one: that is a deadlock between the two, as with two locks.
///
/// # Examples
///
/// ```
/// use kref::{Handle, Registry};
///
/// static CONNECTIONS: Registry<u32, String> = Registry::new();
///
/// let a = CONNECTIONS.get_or_insert_with(7, |id| format!("connection {id}"));
/// let b = CONNECTIONS.get(&7).expect("a live object is found");
/// assert!(Handle::ptr_eq(&a, &b));
/// assert_eq!(*b, "connection 7");
///
/// drop(a);
/// assert_eq!(CONNECTIONS.len(), 1);
/// drop(b); // the last handle: it leaves the map, and is dropped
/// assert!(CONNECTIONS.get(&7).is_none());
/// assert!(CONNECTIONS.is_empty());
/// ```
pub struct Registry<K, V, S = DefaultHashBuilder, B: LockBackend = Native> {
    entries: Owner<Entry<K, V>, B>,
    hasher: S,
}

impl<K, V> Registry<K, V> {
    /// Creates an empty registry. Allocates nothing before the first insertion.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// static SESSIONS: Registry<u64, String> = Registry::new();
    ///
    /// assert!(SESSIONS.is_empty());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self::with_hasher(DefaultHashBuilder)
    }
}

impl<K, V, S> Registry<K, V, S> {
    /// Creates an empty registry that hashes keys with `hasher`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    /// use std::hash::RandomState;
    ///
    /// let registry = Registry::<String, u32, _>::with_hasher(RandomState::new());
    /// assert!(registry.is_empty());
    /// ```
    #[must_use]
    pub const fn with_hasher(hasher: S) -> Self {
        Self {
            entries: Owner::new(0),
            hasher,
        }
    }

    /// Creates an empty registry of `shards` shards, rounded up to a power of two and at most
    /// 2^16; zero is the default, sixteen for each processor.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    /// use kref::registry::DefaultHashBuilder;
    ///
    /// // Small, as it is one of many, and hardly contended.
    /// let registry = Registry::<u32, u32>::with_shards_and_hasher(1, DefaultHashBuilder);
    /// assert!(registry.is_empty());
    /// ```
    #[must_use]
    pub const fn with_shards_and_hasher(shards: usize, hasher: S) -> Self {
        Self {
            entries: Owner::new(shards),
            hasher,
        }
    }
}

impl<K, V, S, B: LockBackend> Registry<K, V, S, B> {
    /// Does what [`with_shards_and_hasher`](Registry::with_shards_and_hasher) does, over another
    /// backend, and not in a constant.
    #[must_use]
    pub fn new_in(shards: usize, hasher: S) -> Self {
        Self {
            entries: Owner::new_in(shards),
            hasher,
        }
    }

    /// Returns how many objects the registry lists; a hint while other threads use it.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// assert_eq!(registry.len(), 1);
    /// drop(one);
    /// assert_eq!(registry.len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the registry lists no object; a hint while other threads use it.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// assert!(registry.is_empty());
    /// let _one = registry.get_or_insert_with(1, |_| "one");
    /// assert!(!registry.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a handle to every object, in no order.
    ///
    /// Every object that is listed during the whole call is among them; all are alive. Shards are
    /// locked one after another, for as long as it takes to count their objects.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let _one = registry.get_or_insert_with(1, |_| "one");
    /// for handle in registry.handles() {
    ///     assert_eq!(*handle, "one");
    /// }
    /// ```
    #[must_use]
    pub fn handles(&self) -> Vec<Handle<K, V, B>> {
        let mut handles = Vec::with_capacity(self.len());
        self.entries.for_each(|entry| {
            // SAFETY: it is listed, and the lock is held.
            handles.push(unsafe { Handle::new(entry) });
        });
        handles
    }

    /// Gives the memory of objects that are gone back to the allocator, as far as whole blocks of it
    /// are unused, and makes the table as small as the objects allow.
    ///
    /// It borrows the registry exclusively because lookups without the lock may be reading that memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// let mut registry = Registry::<u32, u32>::new();
    /// let many: Vec<_> = (0..1000).map(|i| registry.get_or_insert_with(i, |&i| i)).collect();
    /// drop(many);
    /// registry.shrink_to_fit();
    /// ```
    pub fn shrink_to_fit(&mut self) {
        self.entries.shrink_to_fit();
    }

    /// Returns the hasher.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    /// use std::hash::BuildHasher;
    ///
    /// let registry = Registry::<u32, u32>::new();
    /// assert_eq!(registry.hasher().hash_one(7), registry.hasher().hash_one(7));
    /// ```
    #[must_use]
    pub fn hasher(&self) -> &S {
        &self.hasher
    }
}

impl<K: Eq + Hash, V, S: BuildHasher, B: LockBackend> Registry<K, V, S, B> {
    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> table::Hash {
        table::Hash::new(self.hasher.hash_one(key))
    }

    /// Returns a handle to the object with this key, if there is one.
    ///
    /// Takes no lock if it finds the object. Otherwise it looks again under the lock of the key's
    /// shard, so that `None` is exact: at that moment there was no such object, or its constructor was
    /// still running.
    ///
    /// # Memory ordering
    ///
    /// Acquire when it finds the object: what was done before it was put in is seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// assert!(registry.get(&1).is_none());
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// assert_eq!(registry.get(&1), Some(one));
    /// ```
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<Handle<K, V, B>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let entry = self.entries.get(self.hash(key), |entry| is(entry, key))?;
        // SAFETY: `get` finds what is listed, and has seen that.
        Some(unsafe { Handle::new(entry) })
    }

    /// Returns whether there is an object with this key; a hint while other threads use the registry.
    ///
    /// It takes a handle and drops it, like [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// assert!(registry.contains_key(&1));
    /// drop(one);
    /// assert!(!registry.contains_key(&1));
    /// ```
    #[must_use = "use `get`, which holds the object, if you want to use it"]
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.get(key).is_some()
    }

    /// Returns the object with this key, made by `make` if there is none.
    ///
    /// `make` is called by one thread at a time for a key, with no lock held; other threads that
    /// want the same key wait until it returns, and threads that want other keys do not. The key
    /// and `make` are dropped unused if the object is there.
    ///
    /// # Panics
    ///
    /// If `make` asks for its own key, with this method or another that inserts, that panics: it
    /// would wait for itself. If `make` panics, the key is vacant, and one of those who wait calls its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// let again = registry.get_or_insert_with(1, |_| unreachable!("it is there"));
    /// assert_eq!(one, again);
    /// ```
    #[track_caller]
    pub fn get_or_insert_with<F>(&self, key: K, make: F) -> Handle<K, V, B>
    where
        F: FnOnce(&K) -> V,
    {
        let make = |key: &K| Ok::<V, core::convert::Infallible>(make(key));
        match self.get_or_try_insert_with(key, make) {
            Ok(handle) => handle,
            Err(never) => match never {},
        }
    }

    /// Returns the object with this key, made by `make` if there is none and `make` does not fail.
    ///
    /// # Errors
    ///
    /// Returns the error of `make`; the key is vacant then, and one of those who wait calls its own `make`.
    ///
    /// # Panics
    ///
    /// As [`get_or_insert_with`](Self::get_or_insert_with).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    /// use std::fs::File;
    ///
    /// let files = Registry::<String, File>::new();
    /// let missing = files.get_or_try_insert_with("no such file".to_string(), |path| File::open(path));
    /// assert!(missing.is_err() && files.is_empty());
    /// ```
    #[track_caller]
    pub fn get_or_try_insert_with<F, E>(&self, key: K, make: F) -> Result<Handle<K, V, B>, E>
    where
        F: FnOnce(&K) -> Result<V, E>,
    {
        let entered = self.entries.enter(self.hash(&key), |entry| is(entry, &key));
        let entry = match entered {
            Entered::Occupied(entry) => {
                // Not after the handle was returned, which would leak if this panics.
                drop((key, make));
                entry
            }
            Entered::Vacant(vacant) => {
                let write = |slot: NonNull<u8>| {
                    // SAFETY: the slot is for an entry.
                    unsafe { slot.cast().write(Entry::<K, V>::building(key)) };
                };
                // SAFETY: `insert` calls it with the entry that is being inserted.
                let own = |entry| unsafe { Building::new(entry) };
                let layout = Entry::<K, V>::LAYOUT;
                // SAFETY: what is written is an entry without a value, as `Building` asks for.
                let building = unsafe { vacant.insert(State::Building, layout, write, own) };
                let value = make(building.key())?;
                building.finish(value)
            }
        };
        // SAFETY: it was found listed, or listed just now.
        Ok(unsafe { Handle::new(entry) })
    }

    /// Puts an object into the registry and returns the first handle to it, unless there is one with
    /// the same key.
    ///
    /// Waits if the constructor of an object with this key is running. Takes the lock of the key's shard
    /// at once, as the key should be vacant; [`get_or_insert_with`](Self::get_or_insert_with) looks without it first.
    ///
    /// # Errors
    ///
    /// Returns a handle to the object that is there, and the key and the value.
    ///
    /// # Panics
    ///
    /// Panics when called for a key by the constructor of the same key.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.try_insert(1, "one").unwrap();
    /// let refused = registry.try_insert(1, "another").unwrap_err();
    /// assert_eq!(refused.existing, one);
    /// assert_eq!(refused.value, "another"); // nothing is lost
    /// ```
    #[track_caller]
    pub fn try_insert(&self, key: K, value: V) -> Result<Handle<K, V, B>, OccupiedError<K, V, B>> {
        let hash = self.hash(&key);
        let entered = self.entries.enter_locked(hash, |entry| is(entry, &key));
        match entered {
            Entered::Occupied(existing) => Err(OccupiedError {
                // SAFETY: it was found listed.
                existing: unsafe { Handle::new(existing) },
                key,
                value,
            }),
            Entered::Vacant(vacant) => {
                let write = |slot: NonNull<u8>| {
                    // SAFETY: the slot is for an entry.
                    unsafe { slot.cast().write(Entry::new(key, value)) };
                };
                // SAFETY: `insert` calls it with the entry that is being listed.
                let own = |entry| unsafe { Handle::new(entry) };
                let layout = Entry::<K, V>::LAYOUT;
                // SAFETY: what is written is an entry with its value, as `Listed` asks for.
                Ok(unsafe { vacant.insert(State::Listed, layout, write, own) })
            }
        }
    }

    /// Takes the object with this key out of the registry, while its handles live on; returns one.
    ///
    /// From then on no lookup finds it, and another object may be put in under its key.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// registry.unlist(&1);
    /// assert!(registry.get(&1).is_none());
    /// assert_eq!(*one, "one"); // it lives on
    /// ```
    pub fn unlist<Q>(&self, key: &Q) -> Option<Handle<K, V, B>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        loop {
            let handle = self.get(key)?;
            // Somebody else may have unlisted it since; there may be another under the key by now.
            if Handle::unlist(&handle) {
                return Some(handle);
            }
        }
    }
}

fn is<K, V, B, Q>(entry: &Counted<Entry<K, V>, B>, key: &Q) -> bool
where
    K: Borrow<Q>,
    Q: Eq + ?Sized,
    B: LockBackend,
{
    Entry::key(entry).borrow() == key
}

impl<K, V, S: Default> Default for Registry<K, V, S> {
    /// Creates an empty registry with the default hasher of its type.
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, S, B: LockBackend> fmt::Debug for Registry<K, V, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<K: RefUnwindSafe, V: RefUnwindSafe, S: UnwindSafe, B: LockBackend> UnwindSafe
    for Registry<K, V, S, B>
{
}
impl<K: RefUnwindSafe, V: RefUnwindSafe, S: RefUnwindSafe, B: LockBackend> RefUnwindSafe
    for Registry<K, V, S, B>
{
}

/// Tells that [`Registry::try_insert`] found an object with the same key.
///
/// # Examples
///
/// ```
/// use kref::Registry;
///
/// let registry = Registry::<u32, String>::new();
/// let _one = registry.try_insert(1, "one".into()).unwrap();
/// let error = registry.try_insert(1, "another".into()).unwrap_err();
/// assert_eq!(*error.existing, "one");
/// assert_eq!((error.key, error.value), (1, "another".into()));
/// ```
pub struct OccupiedError<K, V, B: LockBackend = Native> {
    /// The object that is there.
    pub existing: Handle<K, V, B>,
    /// The key that was not inserted.
    pub key: K,
    /// The value that was not inserted.
    pub value: V,
}

impl<K: fmt::Debug, V: fmt::Debug, B: LockBackend> fmt::Debug for OccupiedError<K, V, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedError")
            .field("existing", &self.existing)
            .field("key", &self.key)
            .field("value", &self.value)
            .finish()
    }
}

impl<K: fmt::Debug, V, B: LockBackend> fmt::Display for OccupiedError<K, V, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is an object with the key {:?} already", self.key)
    }
}

impl<K: fmt::Debug, V: fmt::Debug, B: LockBackend> core::error::Error for OccupiedError<K, V, B> {}
