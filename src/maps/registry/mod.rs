//! A concurrent map that drops an entry when its last user drops it.
//!
//! # What it replaces
//!
//! It replaces a `Mutex<HashMap<K, Weak<V>>>` with a `Drop` that removes the entry. That has a
//! second count in every object, an upgrade that can fail, and a race between the last drop and the
//! next lookup that is easy to get wrong. Here the map holds no reference and no weak count, and
//! every object that it lists is alive. ([The race](crate::guide::registry), step by step, in the
//! guide.)
//!
//! # What costs what
//!
//! | | atomic read-modify-writes | locks |
//! |---|---|---|
//! | [`Registry::get`], found | 1 | none |
//! | [`Registry::get`], not found | 0 | one shard |
//! | [`Registry::get`], found while its last handle is being dropped | 1 or 2 | one shard |
//! | [`Registry::get`], the first in a shard after the number of buckets has doubled | 1 | one shard, which moves its objects |
//! | [`Handle::clone`], drop of a handle that is not the last | 1 | none |
//! | drop of the last handle | 1, and 1 more if a lookup found the object in between | one shard; a second time, if the key or the value has a destructor or they have more than 128 bytes |
//! | [`Registry::try_insert`] | 0 | one shard |
//! | [`Registry::get_or_insert_with`], not found | 0 | one shard, twice |
//! | [`Registry::entry`], not found, and [`Reservation::fulfil`] | 0 | one shard, once each |
//! | [`Pending`]: to wait | 0 | one event, each time it is polled |
//! | [`Registry::replace`] | 0, 1 if there is an object | one shard, twice if there is an object |
//! | [`Registry::iter`], [`Registry::handles`], [`Registry::unlist_if`] | 1 for each object | one shard for each bucket that has objects |
//!
//! A lock is held for some tens of instructions, with one exception: after the number of buckets has
//! doubled, each shard moves its own objects under its lock, once. `Hash`, `Eq`, constructors and
//! destructors run with no lock held, so that they may use the registry themselves.
//!
//! # How it works
//!
//! The put is that of [`HandBack`](crate::HandBack): one `fetch_sub`, and the shard's lock for the last
//! reference. Lookups go by the kernel's scheme for type-stable memory (`SLAB_TYPESAFE_BY_RCU`): walk the
//! bucket without the lock, take a reference unless the count is zero, then check that this is the object
//! that was meant. The memory of a dead object is used for the next one.
//!
//! # Memory
//!
//! A key and a value of up to 128 bytes together lie in the table, larger ones in an allocation of their own, which is
//! freed with them. An object has one address from its insertion to the end of its destructor.
//!
//! On Linux (with pages of 4 KiB) the table gives memory back to the system by itself, when most of what it had at its
//! peak is free, and all that can go back by [`Registry::shrink_to_fit`]. Lookups may run while it does, and take no notice. What cannot
//! go back is a page in which an object is alive. The addresses stay reserved until the registry and its handles are
//! gone. On other systems, and in Miri, that is when all memory of the table goes back.
//!
//! A hash is multiplied by a constant, and the upper bits of the product choose the shard and the bucket, so
//! weak hashers work, even the identity.

#![deny(clippy::undocumented_unsafe_blocks)]

mod asynchronous;
mod borrowed;
mod building;
#[cfg(doctest)]
mod compile_fail;
mod entry;
mod handle;
mod hasher;
mod insert;
mod iterate;
mod key_lock;
mod lookup;
mod reserve;

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

pub use equivalent::Equivalent;

pub use self::borrowed::Borrowed;
pub use self::handle::Handle;
pub use self::hasher::DefaultHashBuilder;
pub use self::insert::OccupiedError;
pub use self::iterate::Iter;
pub use self::key_lock::{KeyGuard, KeyLock};
pub use self::reserve::{Entry, Pending, Reservation};
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::maps::table::Owner;

/// A concurrent map from keys to live objects: an object is in the map as long as a [`Handle`] to
/// it exists.
///
/// The map itself holds no reference. A lookup that finds an object takes no lock, and the object is
/// alive: there is no upgrade that can fail. When the last handle is dropped, the object leaves the
/// map before it is destroyed. See the [module](self) for costs and the method.
///
/// Operations that run at the same time are linearizable, per key and across keys. An operation of another thread that looks at the object
/// counts as a handle while it runs: if the last handle is dropped in that time, lookups may find the object until that
/// operation ends.
///
/// A registry may be a `static`, and may be dropped before its handles.
///
/// # Which method
///
/// | the object | method |
/// |---|---|
/// | is there, or is made at once | [`get_or_insert_with`](Self::get_or_insert_with) |
/// | is made by a future | [`get_or_insert_async`](Self::get_or_insert_async) |
/// | is made later, elsewhere, perhaps | [`entry`](Self::entry), which never waits |
/// | exists, and must be the first of its key | [`try_insert`](Self::try_insert) |
/// | exists, and takes the place of the old one | [`replace`](Self::replace), [`insert`](Self::insert) |
/// | stays in use, but is not to be found any more | [`unlist`](Self::unlist), [`unlist_if`](Self::unlist_if) |
///
/// # What you have to know
///
/// - An object may outlive the `drop` of its last handle for a moment, in another thread's lookup, which then runs its destructor.
/// - A constructor that waits for other tasks of its thread (work-stealing) may have the thread ask for the same key: that is a
///   panic. Use [`entry`](Self::entry) there.
/// - After `fork` in a program with several threads, the child must not use registries: their locks may be held by threads that it
///   does not have.
///
/// # What user code may do
///
/// `Hash`, `Eq`, constructors, wakers, and the destructors of keys and values run with no lock held and may
/// call the registry. If they panic, the registry is as before: a failed constructor leaves its key vacant, and an
/// object whose destructor panics has already left the map. An inconsistent `Eq` or `Hash` makes lookups return wrong
/// answers but is never unsound, because an entry is removed by its address and the hash that it came with.
///
/// Two constructors that each wait for the other's key deadlock, like two locks taken in opposite order.
///
/// A lookup holds a reference for a moment, also to an object with another key of an equal hash. So the destructor of an object may
/// run in a lookup, if its last handle is dropped just then: do not look up while you hold a lock that destructors take.
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
#[doc(alias = "cache")]
#[doc(alias = "WeakValueHashMap")]
pub struct Registry<K, V, S = DefaultHashBuilder, B: LockBackend = Native> {
    entries: Owner<entry::Entry<K, V>, B>,
    hasher: S,
}

impl<K, V> Registry<K, V> {
    /// Creates an empty registry. It allocates nothing before the first insertion.
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
    /// 2^16. Zero is the default: one shard at first, and, when there are 128 objects or threads have found its lock
    /// taken 64 times, sixteen for each processor, rounded up, and 256 at most.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    /// use kref::registry::DefaultHashBuilder;
    ///
    /// // One for ever, for objects that one thread uses.
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
    /// Makes keys exclusive: a key is busy until the destructor of its last value has ended.
    ///
    /// Otherwise a key is vacant as soon as the last handle is dropped, while the destructor of the value may still be running. That
    /// is too early for what can be open once only: a file with a lock, a socket that is bound, a device. With exclusive keys,
    /// what inserts waits for the destructor as it waits for a constructor, [`entry`](Self::entry) returns
    /// [`Busy`](Entry::Busy), and lookups find nothing.
    ///
    /// A destructor must not insert under its own key, as it would wait for itself; with the methods that block that is a panic. Objects
    /// that were taken out with [`unlist`](Self::unlist) or [`replace`](Self::replace) do not keep their key.
    ///
    /// To be called before the registry is used: it does nothing once there has been an object.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// static FILES: Registry<String, std::fs::File> = Registry::new().exclusive();
    ///
    /// let file = FILES.get_or_try_insert_with("Cargo.toml".to_string(), |path| std::fs::File::open(path));
    /// assert!(file.is_ok());
    /// ```
    #[must_use]
    pub const fn exclusive(mut self) -> Self {
        self.entries.set_exclusive();
        self
    }

    /// Like [`with_shards_and_hasher`](Registry::with_shards_and_hasher), for any backend. Not
    /// `const`.
    #[must_use]
    pub fn new_in(shards: usize, hasher: S) -> Self {
        Self {
            entries: Owner::new_in(shards),
            hasher,
        }
    }

    /// Returns how many objects the registry lists; a hint while other threads use it.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: it orders nothing.
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
    /// # Memory ordering
    ///
    /// Relaxed: it orders nothing.
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

    /// Gives the memory of objects that are gone back to the system, as far as whole pages of it
    /// are unused, and makes the table as small as the objects allow.
    ///
    /// Other threads may use the registry at the same time. Each shard is locked once, to move its objects if the number of buckets changes.
    /// What goes back, and where, says the [module](self#memory); where nothing can, this does nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// let registry = Registry::<u32, u32>::new();
    /// let many: Vec<_> = (0..1000).map(|i| registry.get_or_insert_with(i, |&i| i)).collect();
    /// drop(many);
    /// registry.shrink_to_fit();
    /// ```
    pub fn shrink_to_fit(&self) {
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
