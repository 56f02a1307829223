//! Iteration over the objects of a registry.
//!
//! The iteration holds no lock while it hands out an object; see `table/iter.rs`.

use alloc::vec::Vec;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::iter::FusedIterator;

use equivalent::Equivalent;

use super::entry::Entry as Pair;
use super::{Handle, Registry};
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::maps::table;

impl<K, V, S, B: LockBackend> Registry<K, V, S, B> {
    /// Returns an iterator over handles to the objects, in no order.
    ///
    /// It allocates room for the objects of one bucket, a few unless many keys have one hash, and holds no lock while you have an
    /// item. So you may do anything with the registry during the iteration, and so may other threads.
    ///
    /// # Concurrent changes
    ///
    /// An object that is in the registry during the whole iteration is returned exactly once. One that is put in or
    /// taken out during the iteration is returned at most once. What is returned is alive, and was in the registry at
    /// some moment of the iteration. The iterator holds references to the objects of the current bucket, so that the
    /// last reference to an object may be the iterator's, and its destructor run in [`next`](Iterator::next) or in the
    /// drop of the iterator.
    ///
    /// The iteration passes each hash once. It goes on as long as there are objects ahead of it, so a loop that inserts
    /// several objects for each one that it sees may go on until memory is exhausted.
    ///
    /// # Memory ordering
    ///
    /// Each handle comes as from [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let _one = registry.get_or_insert_with(1, |_| "one");
    /// let _two = registry.get_or_insert_with(2, |_| "two");
    /// let sum: u32 = registry.iter().map(|object| *Handle::key(&object)).sum();
    /// assert_eq!(sum, 3);
    /// ```
    #[doc(alias = "keys")]
    #[doc(alias = "values")]
    pub fn iter(&self) -> Iter<'_, K, V, B> {
        Iter {
            entries: self.entries.iter(),
        }
    }

    /// Calls `f` with a handle to each object, in no order, with no lock held.
    ///
    /// See [`iter`](Self::iter) for what is guaranteed under concurrent changes. `f` may do anything with the registry.
    ///
    /// # Memory ordering
    ///
    /// Each handle comes as from [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, String>::new();
    /// let _one = registry.get_or_insert_with(1, |_| "one".into());
    /// registry.for_each(|object| println!("{}: {}", Handle::key(object), object.len()));
    /// ```
    #[doc(alias = "keys")]
    #[doc(alias = "values")]
    pub fn for_each(&self, mut f: impl FnMut(&Handle<K, V, B>)) {
        self.iter().for_each(|handle| f(&handle));
    }

    /// Returns a handle to every object, in no order.
    ///
    /// The result contains every object that stays in the registry for the whole call. All of them are alive. An object
    /// that is put in or taken out during the call may or may not be in it. To look at the objects one after another,
    /// without holding all of them, use [`iter`](Self::iter) or [`for_each`](Self::for_each).
    ///
    /// # Memory ordering
    ///
    /// Each handle comes as from [`get`](Self::get).
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
    #[cfg_attr(feature = "track", track_caller)]
    pub fn handles(&self) -> Vec<Handle<K, V, B>> {
        let mut handles = Vec::with_capacity(self.len());
        handles.extend(self.iter());
        handles
    }

    /// Removes all objects for which `condition` returns `true`, and returns how many. They stay alive as long as they
    /// have handles.
    ///
    /// `condition` is called with no lock held. It is called with each object that is in the registry during the
    /// whole call, see [`iter`](Self::iter); an object that another thread takes out first is not counted.
    ///
    /// A registry forgets unused objects by itself. This method is for objects that are still in use, and that lookups
    /// should not find any more. It is `HashMap::retain`, with the opposite condition.
    ///
    /// # Memory ordering
    ///
    /// The condition sees each object as with a handle from [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// struct Session {
    ///     last_used: AtomicU64,
    /// }
    ///
    /// let sessions = Registry::<u32, Session>::new();
    /// let old = sessions.get_or_insert_with(1, |_| Session { last_used: 10.into() });
    /// let new = sessions.get_or_insert_with(2, |_| Session { last_used: 99.into() });
    /// let idle = |_: &u32, session: &Session| session.last_used.load(Relaxed) < 50;
    /// assert_eq!(sessions.unlist_if(idle), 1);
    /// assert!(sessions.get(&1).is_none() && sessions.get(&2).is_some());
    /// # drop((old, new));
    /// ```
    #[doc(alias = "retain")]
    #[doc(alias = "evict")]
    #[doc(alias = "extract_if")]
    pub fn unlist_if(&self, mut condition: impl FnMut(&K, &V) -> bool) -> usize {
        let is_meant = |handle: &Handle<K, V, B>| {
            condition(Handle::key(handle), handle) && Handle::unlist(handle)
        };
        self.iter().filter(is_meant).count()
    }
}

impl<K: Eq + Hash, V, S: BuildHasher, B: LockBackend> Registry<K, V, S, B> {
    /// Takes the object with this key out of the registry, and returns a handle to it. Its other handles stay valid.
    ///
    /// From then on no lookup finds it, and another object may be put in under its key. Counterpart: `HashMap::remove`.
    ///
    /// # Memory ordering
    ///
    /// The handle comes as from [`get`](Self::get).
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
    #[doc(alias = "remove")]
    #[doc(alias = "evict")]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn unlist<Q>(&self, key: &Q) -> Option<Handle<K, V, B>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        loop {
            let handle = self.get(key)?;
            // Another thread may have removed it since; there may be another object under the key
            // by now.
            if Handle::unlist(&handle) {
                return Some(handle);
            }
        }
    }
}

#[cfg(feature = "track")]
impl<K: fmt::Debug, V, S, B: LockBackend> crate::track::sealed::Objects for Registry<K, V, S, B> {
    fn objects_report(&self) -> crate::track::Report {
        crate::track::all(self.iter(), |handle| handle.report(true))
    }
}

impl<'a, K, V, S, B: LockBackend> IntoIterator for &'a Registry<K, V, S, B> {
    type Item = Handle<K, V, B>;
    type IntoIter = Iter<'a, K, V, B>;

    fn into_iter(self) -> Iter<'a, K, V, B> {
        self.iter()
    }
}

/// An iterator over handles to the objects of a [`Registry`], which holds no lock between two of them; made by [`Registry::iter`].
#[must_use = "iterators do nothing unless they are used"]
pub struct Iter<'a, K, V, B: LockBackend = Native> {
    entries: table::Iter<'a, Pair<K, V>, B>,
}

impl<K, V, B: LockBackend> Iterator for Iter<'_, K, V, B> {
    type Item = Handle<K, V, B>;

    #[cfg_attr(feature = "track", track_caller)]
    fn next(&mut self) -> Option<Handle<K, V, B>> {
        let entry = self.entries.next()?;
        // SAFETY: it was found listed, under the lock.
        Some(unsafe { Handle::new(entry) })
    }
}

impl<K, V, B: LockBackend> FusedIterator for Iter<'_, K, V, B> {}

impl<K, V, B: LockBackend> fmt::Debug for Iter<'_, K, V, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}
