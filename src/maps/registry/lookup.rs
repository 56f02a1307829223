//! Lookups, and places for new objects.

use core::convert::Infallible;
use core::hash::{BuildHasher, Hash};

use alloc::borrow::ToOwned;
use equivalent::Equivalent;

use super::building::Building;
use super::entry::{Draft, Entry as Pair};
use super::reserve::enter;
use super::{Entry, Handle, Registry};
use crate::lock::LockBackend;
use crate::maps::table::{self, Counted, Entered, State, Vacant};

impl<K: Eq + Hash, V, S: BuildHasher, B: LockBackend> Registry<K, V, S, B> {
    pub(super) fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> table::Hash {
        table::Hash::new(self.hasher.hash_one(key))
    }

    /// Returns a handle to the object with this key, if there is one.
    ///
    /// It takes no lock if it finds the object. Otherwise it looks again under the lock of the key's
    /// shard. So `None` is exact: at that moment there was no such object, or the object was not made
    /// yet.
    ///
    /// The key may have any form that is [`Equivalent`] to `K` and hashes as `K` does: a borrowed form, or a compound key of borrowed
    /// parts.
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
    ///
    /// A key of two parts, without making one ([`Equivalent`] is from the crate `equivalent`, which is exported as
    /// [`registry::Equivalent`](super::Equivalent)):
    ///
    /// ```
    /// use kref::Registry;
    /// use kref::registry::Equivalent;
    ///
    /// #[derive(PartialEq, Eq, Hash)]
    /// struct Address {
    ///     host: String,
    ///     port: u16,
    /// }
    ///
    /// #[derive(Hash)] // the same fields in the same order, hence the same hash
    /// struct Borrowed<'a> {
    ///     host: &'a str,
    ///     port: u16,
    /// }
    ///
    /// impl Equivalent<Address> for Borrowed<'_> {
    ///     fn equivalent(&self, key: &Address) -> bool {
    ///         self.host == key.host && self.port == key.port
    ///     }
    /// }
    ///
    /// let servers = Registry::new();
    /// let address = Address { host: "localhost".into(), port: 80 };
    /// let server = servers.get_or_insert_with(address, |_| "web");
    /// assert_eq!(servers.get(&Borrowed { host: "localhost", port: 80 }), Some(server));
    /// ```
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn get<Q>(&self, key: &Q) -> Option<Handle<K, V, B>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        let entry = self.entries.get(self.hash(key), |entry| is(entry, key))?;
        // SAFETY: `get` finds what is listed, and has seen that.
        Some(unsafe { Handle::new(entry) })
    }

    /// Returns whether there is an object with this key; a hint while other threads use the registry.
    ///
    /// It takes a handle and drops it, like [`get`](Self::get).
    ///
    /// # Memory ordering
    ///
    /// As [`get`](Self::get).
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
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.get(key).is_some()
    }

    /// Returns the object with this key, or a place for it, or a pending that tells when the holder of the place has
    /// filled it. It never waits.
    ///
    /// It takes no lock if it finds the object. A vacant place is the caller's from then on; see
    /// [`Reservation`](super::Reservation). The key is dropped if there is an object.
    ///
    /// # Memory ordering
    ///
    /// As [`get`](Self::get) if there is an object.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    /// use kref::registry::Entry;
    ///
    /// let registry = Registry::new();
    /// let Entry::Vacant(place) = registry.entry("key") else { unreachable!() };
    /// let handle = place.fulfil("value");
    /// let Entry::Occupied(same) = registry.entry("key") else { unreachable!() };
    /// assert_eq!(same, handle);
    /// ```
    #[cfg_attr(feature = "track", track_caller)]
    pub fn entry(&self, key: K) -> Entry<'_, K, V, B> {
        let hash = self.hash(&key);
        match self.entries.find(hash, |entry| is(entry, &key)) {
            Some(entry) => {
                // Not after the handle was returned, which would leak if this panics.
                drop(key);
                // SAFETY: `find` finds what is listed, and has seen that.
                Entry::Occupied(unsafe { Handle::new(entry) })
            }
            None => enter(&self.entries, hash, key),
        }
    }

    /// Like [`entry`](Self::entry), but makes an owned key only if there is no object.
    ///
    /// # Memory ordering
    ///
    /// As [`entry`](Self::entry).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    /// use kref::registry::Entry;
    ///
    /// let registry = Registry::<String, u32>::new();
    /// let Entry::Vacant(place) = registry.entry_ref("key") else { unreachable!() };
    /// let _handle = place.fulfil(1);
    /// assert!(matches!(registry.entry_ref("key"), Entry::Occupied(_))); // no `String` was made
    /// ```
    #[cfg_attr(feature = "track", track_caller)]
    pub fn entry_ref<Q>(&self, key: &Q) -> Entry<'_, K, V, B>
    where
        Q: Hash + Equivalent<K> + ToOwned<Owned = K> + ?Sized,
    {
        match self.get(key) {
            Some(handle) => Entry::Occupied(handle),
            None => {
                let key = key.to_owned();
                let hash = self.hash(&key);
                enter(&self.entries, hash, key)
            }
        }
    }

    /// Returns the object with this key. If the key is absent, `make` makes the object.
    ///
    /// `make` is called by one thread at a time for a key, with no lock held; other threads that
    /// want the same key wait until it returns, and get the same object. Threads that want other keys do not wait. The key
    /// and `make` are dropped unused if the object is there.
    ///
    /// To wait without blocking the thread, use [`get_or_insert_async`](Self::get_or_insert_async); not to wait at all,
    /// [`entry`](Self::entry).
    ///
    /// # Memory ordering
    ///
    /// As [`get`](Self::get), also after a wait: what the thread that made the object did before is seen.
    ///
    /// # Panics
    ///
    /// Panics if `make` inserts its own key, by this method or another that waits: that would deadlock. If `make`
    /// itself panics, the panic propagates, the key stays vacant, and one waiting thread runs its own `make`.
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
        let make = |key: &K| Ok::<V, Infallible>(make(key));
        match self.get_or_try_insert_with(key, make) {
            Ok(handle) => handle,
            Err(never) => match never {},
        }
    }

    /// Returns the object with this key. If the key is absent, `make` makes the object, and may
    /// fail.
    ///
    /// # Memory ordering
    ///
    /// As [`get_or_insert_with`](Self::get_or_insert_with).
    ///
    /// # Errors
    ///
    /// Returns the error of `make`. The key stays vacant, and one waiting thread runs its own `make`.
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
        let hash = self.hash(&key);
        if let Some(entry) = self.entries.find(hash, |entry| is(entry, &key)) {
            // Not after the handle was returned, which would leak if this panics.
            drop((key, make));
            // SAFETY: it was found listed.
            return Ok(unsafe { Handle::new(entry) });
        }
        let draft = Draft::new(key);
        let entered = self
            .entries
            .enter_locked(hash, |entry| is(entry, draft.key()));
        let entry = match entered {
            Entered::Occupied(entry) => {
                // As above.
                drop((draft, make));
                entry
            }
            Entered::Vacant(vacant) => {
                // What `make` calls on this thread must not wait for it.
                let building = reserve(vacant, draft, Some(B::current_thread()));
                let value = make(building.key())?;
                building.finish(value)
            }
        };
        // SAFETY: it was found listed, or listed just now.
        Ok(unsafe { Handle::new(entry) })
    }
}

#[inline]
pub(super) fn is<K, V, B, Q>(entry: &Counted<Pair<K, V>, B>, key: &Q) -> bool
where
    Q: Equivalent<K> + ?Sized,
    B: LockBackend,
{
    key.equivalent(Pair::key(entry))
}

/// Takes a vacant place for a value that is to be made, on `thread` if what it calls there must not wait for it.
pub(super) fn reserve<K, V, B: LockBackend>(
    vacant: Vacant<'_, Pair<K, V>, B>,
    draft: Draft<K, V>,
    thread: Option<B::ThreadId>,
) -> Building<K, V, B> {
    // SAFETY: the slot is for an entry.
    let write = |slot| unsafe { draft.store(slot) };
    // SAFETY: `insert` calls it with the entry that is being inserted.
    let own = |entry| unsafe { Building::new(entry) };
    // SAFETY: what is written is an entry without a value, as `Building` asks for.
    unsafe { vacant.insert(State::Building, thread, write, own) }
}
