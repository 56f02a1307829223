//! Places for objects: taken, free, or busy.

use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::Handle;
use super::building::Building;
use super::entry::{Draft, Entry as Pair};
use super::lookup::{is, reserve};
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::maps::table::{Busy, Counted, Entered, Hash, Owner};

/// The place of a key in a [`Registry`](super::Registry), as [`Registry::entry`](super::Registry::entry) found it.
///
/// # Examples
///
/// ```
/// use kref::registry::Entry;
/// use kref::{Handle, Registry};
///
/// fn get(rooms: &Registry<u32, String>, number: u32) -> Handle<u32, String> {
///     let mut entry = rooms.entry(number);
///     loop {
///         entry = match entry {
///             Entry::Occupied(room) => return room,
///             Entry::Vacant(place) => {
///                 let name = format!("room {}", place.key());
///                 return place.fulfil(name);
///             }
///             Entry::Busy(pending) => pending.retry(), // waits
///         };
///     }
/// }
///
/// let rooms = Registry::new();
/// let first = get(&rooms, 101);
/// assert_eq!(get(&rooms, 101), first);
/// ```
#[must_use = "a vacant place is given up when it is dropped"]
pub enum Entry<'a, K, V, B: LockBackend = Native> {
    /// An object with the key exists.
    Occupied(Handle<K, V, B>),
    /// No such object exists. The place is the caller's to fill.
    Vacant(Reservation<'a, K, V, B>),
    /// Another thread or task has the place, and has not filled it yet.
    Busy(Pending<'a, K, V, B>),
}

impl<K: fmt::Debug, V: fmt::Debug, B: LockBackend> fmt::Debug for Entry<'_, K, V, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied(handle) => f.debug_tuple("Occupied").field(handle).finish(),
            Self::Vacant(reservation) => f.debug_tuple("Vacant").field(reservation).finish(),
            Self::Busy(pending) => f.debug_tuple("Busy").field(pending).finish(),
        }
    }
}

/// A place for an object that is not made yet; its key is busy until it is filled.
///
/// A reservation may be sent to another thread, and be held across an `await`. Lookups do not find the key
/// ([`Registry::get`](super::Registry::get) returns `None`, the object is not counted by `len`), and callers that want to
/// insert it wait. Dropping the reservation leaves the key vacant, and wakes all waiters: the first one that comes gets
/// the place.
///
/// # Limits
///
/// A thread that has a reservation and asks for the key by a method that waits, waits for itself, and so does a task
/// that awaits it.
///
/// If a reservation is forgotten ([`core::mem::forget`]), its key stays busy as long as the registry exists, and its
/// waiters wait as long. All other keys are as before. When the registry is dropped, so is the key, and the memory
/// is given back.
///
/// # Examples
///
/// ```
/// use kref::Registry;
/// use kref::registry::Entry;
///
/// let registry = Registry::new();
/// let Entry::Vacant(place) = registry.entry(1) else { panic!("nobody else has it") };
/// assert_eq!(place.key(), &1);
/// assert!(registry.get(&1).is_none(), "it is not there yet");
/// assert!(matches!(registry.entry(1), Entry::Busy(_)));
///
/// // The object may be made by another thread.
/// let one = std::thread::scope(|scope| scope.spawn(|| place.fulfil("one")).join().unwrap());
/// assert_eq!(registry.get(&1), Some(one));
/// ```
#[must_use = "the place is given up when it is dropped"]
pub struct Reservation<'a, K, V, B: LockBackend = Native> {
    building: Building<K, V, B>,
    registry: PhantomData<&'a Owner<Pair<K, V>, B>>,
}

impl<K, V, B: LockBackend> Reservation<'_, K, V, B> {
    pub(super) fn new(building: Building<K, V, B>) -> Self {
        Self {
            building,
            registry: PhantomData,
        }
    }

    /// Returns the key.
    ///
    /// # Examples
    ///
    /// See [`Pending`], whose second example uses it.
    #[must_use]
    pub fn key(&self) -> &K {
        self.building.key()
    }

    /// Puts the object into the registry, returns its first handle, and wakes all waiters.
    ///
    /// Every waiter of that moment gets this object, also if the handle is dropped at once.
    ///
    /// # Memory ordering
    ///
    /// Release: what was done before happens before what is done with a handle to the object.
    ///
    /// # Panics
    ///
    /// Panics if the waker of a task that waits does, after all were woken. The handle is dropped then.
    ///
    /// # Examples
    ///
    /// See [`Reservation`].
    #[doc(alias = "insert")]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn fulfil(self, value: V) -> Handle<K, V, B> {
        let entry = self.building.finish(value);
        // SAFETY: it was listed just now, by this thread.
        unsafe { Handle::new(entry) }
    }
}

impl<K: fmt::Debug, V, B: LockBackend> fmt::Debug for Reservation<'_, K, V, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("key", self.key())
            .finish_non_exhaustive()
    }
}

/// A place that another thread or task has: wait for it by blocking ([`wait`](Self::wait)), in a task (it is a
/// future), or not at all.
///
/// Both forms of waiting return the object if it was put in, and `None` if the key was left vacant; then enter the registry again, with
/// [`retry`](Self::retry) or with [`into_key`](Self::into_key). A key may be busy again by then: of several waiters,
/// one gets the place.
///
/// A pending has a reference to the object to come. So the object that was put in is what it returns, also if
/// all other references have been dropped in between. Dropping a pending leaves nothing behind.
///
/// # Examples
///
/// ```
/// use kref::Registry;
/// use kref::registry::Entry;
///
/// let registry = Registry::<u32, &str>::new();
/// let Entry::Vacant(place) = registry.entry(1) else { unreachable!() };
/// let Entry::Busy(pending) = registry.entry(1) else { unreachable!() };
/// assert!(!pending.is_done());
///
/// let one = place.fulfil("one");
/// assert!(pending.is_done());
/// assert_eq!(pending.wait(), Some(one));
/// ```
///
/// In a task, for keys that are not cloned:
///
/// ```
/// use kref::registry::Entry;
/// use kref::{Handle, Registry};
///
/// async fn get(names: &Registry<String, usize>, name: String) -> Handle<String, usize> {
///     let mut entry = names.entry(name);
///     loop {
///         let mut pending = match entry {
///             Entry::Occupied(found) => return found,
///             Entry::Vacant(place) => {
///                 let len = place.key().len();
///                 return place.fulfil(len);
///             }
///             Entry::Busy(pending) => pending,
///         };
///         if let Some(found) = (&mut pending).await {
///             return found;
///         }
///         entry = names.entry(pending.into_key());
///     }
/// }
/// # let names = Registry::new();
/// # let mut future = std::pin::pin!(get(&names, "abc".into()));
/// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
/// # use std::future::Future;
/// # assert!(future.as_mut().poll(&mut cx).is_ready());
/// ```
#[must_use = "wait for it, or enter the registry again later"]
pub struct Pending<'a, K, V, B: LockBackend = Native> {
    entries: &'a Owner<Pair<K, V>, B>,
    hash: Hash,
    key: K,
    busy: Busy<Pair<K, V>, B>,
}

impl<'a, K, V, B: LockBackend> Pending<'a, K, V, B> {
    /// Returns the key that was asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    /// use kref::registry::Entry;
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let Entry::Vacant(_place) = registry.entry(1) else { unreachable!() };
    /// let Entry::Busy(pending) = registry.entry(1) else { unreachable!() };
    /// assert_eq!(pending.key(), &1);
    /// ```
    #[must_use]
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Returns the key that was asked for, and waits no more.
    ///
    /// # Examples
    ///
    /// See [`Pending`].
    #[must_use]
    pub fn into_key(self) -> K {
        self.key
    }

    /// Returns whether the wait is over. It does not become `false` again.
    ///
    /// # Memory ordering
    ///
    /// Acquire when it returns `true`: what was done before the place was filled or given up is seen.
    ///
    /// # Examples
    ///
    /// See [`Pending`].
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.busy.is_done()
    }

    /// Blocks the thread until the place is filled or given up. Returns the object, or `None` if the key was left
    /// vacant.
    ///
    /// # Memory ordering
    ///
    /// Acquire: what was done before the place was filled or given up is seen.
    ///
    /// # Panics
    ///
    /// Panics in a constructor that
    /// [`Registry::get_or_insert_with`](super::Registry::get_or_insert_with) has called for the same key on the same
    /// thread: that would deadlock.
    ///
    /// # Examples
    ///
    /// See [`Pending`].
    #[track_caller]
    pub fn wait(self) -> Option<Handle<K, V, B>> {
        let Self { key, busy, .. } = self;
        let built = busy.wait();
        // Not after the handle was returned, which would leak if this panics.
        drop(key);
        let built = built?;
        Some(handle(built))
    }
}

impl<'a, K: Eq, V, B: LockBackend> Pending<'a, K, V, B> {
    /// Waits as [`wait`](Self::wait) does, and enters the registry again if the key was left vacant.
    ///
    /// # Memory ordering
    ///
    /// Acquire: what was done before the place was filled or given up is seen.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Examples
    ///
    /// See [`Entry`].
    #[track_caller]
    pub fn retry(self) -> Entry<'a, K, V, B> {
        let Self {
            entries,
            hash,
            key,
            busy,
        } = self;
        match busy.wait() {
            Some(built) => {
                // Not after the handle was returned, which would leak if this panics.
                drop(key);
                Entry::Occupied(handle(built))
            }
            None => enter(entries, hash, key),
        }
    }
}

/// Enters a registry for a key that is likely to be vacant.
#[cfg_attr(feature = "track", track_caller)]
pub(super) fn enter<K: Eq, V, B: LockBackend>(
    entries: &Owner<Pair<K, V>, B>,
    hash: Hash,
    key: K,
) -> Entry<'_, K, V, B> {
    let draft = Draft::new(key);
    match entries.enter_or_busy(hash, |entry| is(entry, draft.key())) {
        Ok(Entered::Occupied(entry)) => {
            // Not after the handle was returned, which would leak if this panics.
            drop(draft);
            Entry::Occupied(handle(entry))
        }
        Ok(Entered::Vacant(vacant)) => {
            // No thread: it may be sent to another, and this one may have other tasks, which can wait.
            Entry::Vacant(Reservation::new(reserve(vacant, draft, None)))
        }
        Err(busy) => Entry::Busy(Pending {
            entries,
            hash,
            key: draft.into_key(),
            busy,
        }),
    }
}

#[cfg_attr(feature = "track", track_caller)]
fn handle<K, V, B: LockBackend>(entry: Counted<Pair<K, V>, B>) -> Handle<K, V, B> {
    // SAFETY: it was found listed, or the lock of an event has told that it was built.
    unsafe { Handle::new(entry) }
}

impl<K, V, B: LockBackend> Future for Pending<'_, K, V, B> {
    type Output = Option<Handle<K, V, B>>;

    /// Is ready when the place is filled or given up, with the object, or with `None` if the key was left vacant.
    /// Polled once more after that, it is ready with `None`.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().busy.poll(cx).map(|built| built.map(handle))
    }
}

/// The key is not pinned with it.
impl<K, V, B: LockBackend> Unpin for Pending<'_, K, V, B> {}

impl<K: fmt::Debug, V, B: LockBackend> fmt::Debug for Pending<'_, K, V, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("key", &self.key)
            .field("is_done", &self.is_done())
            .finish_non_exhaustive()
    }
}
