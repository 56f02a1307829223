//! Insertion of objects that exist already.

use core::fmt;
use core::hash::{BuildHasher, Hash};

use super::entry::{Entry as Pair, LargeDraft, New};
use super::lookup::is;
use super::{Handle, Registry};
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::maps::table::{Entered, State, Vacant};

impl<K: Eq + Hash, V, S: BuildHasher, B: LockBackend> Registry<K, V, S, B> {
    /// Puts an object into the registry and returns the first handle to it, unless the key is taken.
    ///
    /// Waits if an object with this key is being made. Takes the lock of the key's shard
    /// at once, as the key should be vacant; [`get_or_insert_with`](Self::get_or_insert_with) looks without it first.
    ///
    /// # Memory ordering
    ///
    /// Release: what was done before happens before what is done with a handle to the object. An object that had the
    /// key comes as from [`get`](Self::get).
    ///
    /// # Errors
    ///
    /// Returns a handle to the object that has the key, and gives back the key and the value.
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
        if Pair::<K, V>::INLINE {
            self.try_insert_new((key, value))
        } else {
            self.try_insert_new(LargeDraft::with_value(key, value))
        }
    }

    #[inline]
    #[track_caller]
    fn try_insert_new(
        &self,
        new: impl New<K, V>,
    ) -> Result<Handle<K, V, B>, OccupiedError<K, V, B>> {
        let hash = self.hash(new.key());
        let entered = self
            .entries
            .enter_locked(hash, |entry| is(entry, new.key()));
        match entered {
            Entered::Occupied(existing) => {
                let (key, value) = new.into_parts();
                Err(OccupiedError {
                    // SAFETY: it was found listed.
                    existing: unsafe { Handle::new(existing) },
                    key,
                    value,
                })
            }
            Entered::Vacant(vacant) => Ok(list(vacant, new)),
        }
    }

    /// Puts an object into the registry, and removes the object with the same key, if there is one. Returns the first
    /// handle to the new object, and a handle to the old one.
    ///
    /// Both happen in one step: a concurrent lookup of the key finds one of them. The old object lives on as long as it
    /// has handles, and its destructor does not touch the new one. If an object with this key is being made, `replace`
    /// waits, and then removes that object.
    ///
    /// # Memory ordering
    ///
    /// Release: what was done before happens before what is done with a handle to the object. An object that had the
    /// key comes as from [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// Panics when called for a key by the constructor of the same key.
    ///
    /// # Examples
    ///
    /// A client that connects again, before its old connection was found to be dead:
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let sessions = Registry::<u64, &str>::new();
    /// let first = sessions.try_insert(7, "first").unwrap();
    ///
    /// let (second, old) = sessions.replace(7, "second");
    /// assert_eq!(old.as_ref(), Some(&first));
    /// assert_eq!(sessions.get(&7), Some(second.clone()));
    ///
    /// drop((first, old)); // the last handles of the old one
    /// assert_eq!(sessions.get(&7), Some(second));
    /// ```
    #[track_caller]
    #[expect(clippy::type_complexity, reason = "it is what it returns")]
    pub fn replace(&self, key: K, value: V) -> (Handle<K, V, B>, Option<Handle<K, V, B>>) {
        if Pair::<K, V>::INLINE {
            self.replace_by((key, value))
        } else {
            self.replace_by(LargeDraft::with_value(key, value))
        }
    }

    #[track_caller]
    #[expect(clippy::type_complexity, reason = "it is what it returns")]
    fn replace_by(&self, new: impl New<K, V>) -> (Handle<K, V, B>, Option<Handle<K, V, B>>) {
        let hash = self.hash(new.key());
        loop {
            match self
                .entries
                .enter_locked(hash, |entry| is(entry, new.key()))
            {
                Entered::Vacant(vacant) => return (list(vacant, new), None),
                Entered::Occupied(old) => {
                    // SAFETY: it was found listed.
                    let old = unsafe { Handle::new(old) };
                    let vacant = self.entries.replace(hash, old.entry());
                    // Unless another thread has removed it since: then the key may have another object by now.
                    if let Some(vacant) = vacant {
                        return (list(vacant, new), Some(old.clone()));
                    }
                }
            }
        }
    }

    /// Puts an object into the registry, in the place of the one with the same key, if there is one. Returns the first
    /// handle to it.
    ///
    /// Like [`replace`](Self::replace), for a caller that has no use for the old object.
    ///
    /// # Memory ordering
    ///
    /// As [`replace`](Self::replace).
    ///
    /// # Panics
    ///
    /// As [`replace`](Self::replace).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let _one = registry.insert(1, "one");
    /// let other = registry.insert(1, "other");
    /// assert_eq!(registry.get(&1), Some(other));
    /// ```
    #[must_use = "the object leaves the registry when the last handle is dropped"]
    #[track_caller]
    pub fn insert(&self, key: K, value: V) -> Handle<K, V, B> {
        let (handle, old) = self.replace(key, value);
        // Not after the handle was returned, which would leak if this panics.
        drop(old);
        handle
    }
}

/// Lists an object in a vacant place.
#[inline(always)]
#[cfg_attr(feature = "track", track_caller)]
fn list<K, V, B: LockBackend>(
    vacant: Vacant<'_, Pair<K, V>, B>,
    new: impl New<K, V>,
) -> Handle<K, V, B> {
    // SAFETY: the slot is for an entry.
    let write = |slot| unsafe { new.store(slot) };
    // SAFETY: what is written is an entry with its value, as `Listed` asks for.
    let entry = unsafe { vacant.insert(State::Listed, None, write, |entry| entry) };
    // SAFETY: it was listed just now.
    unsafe { Handle::new(entry) }
}

/// The error of [`Registry::try_insert`]: an object with the same key exists.
///
/// # Examples
///
/// ```
/// use kref::{Handle, Registry};
///
/// struct Session; // need not be `Debug` for `unwrap`
///
/// let registry = Registry::<u32, Session>::new();
/// let one = registry.try_insert(1, Session).unwrap();
/// let error = registry.try_insert(1, Session).err().unwrap();
/// assert!(Handle::ptr_eq(&error.existing, &one));
/// assert_eq!(error.key, 1);
/// assert_eq!(error.to_string(), "there is an object with the key 1 already");
/// ```
pub struct OccupiedError<K, V, B: LockBackend = Native> {
    /// The object that has the key.
    pub existing: Handle<K, V, B>,
    /// The key that was not inserted.
    pub key: K,
    /// The value that was not inserted.
    pub value: V,
}

impl<K: fmt::Debug, V, B: LockBackend> fmt::Debug for OccupiedError<K, V, B> {
    /// Formats the key; the value need not be `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedError")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl<K: fmt::Debug, V, B: LockBackend> fmt::Display for OccupiedError<K, V, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is an object with the key {:?} already", self.key)
    }
}

impl<K: fmt::Debug, V, B: LockBackend> core::error::Error for OccupiedError<K, V, B> {}
