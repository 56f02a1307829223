//! Tokens for objects that count by hand.
//!
//! Each token has a number that is used once. A token that has ended is remembered for a while, in a ring, so that a
//! second end can name the first.

#![forbid(unsafe_code)]

use core::fmt;

/// Remembers who holds an object that counts by a [`Kref`](crate::Kref), through explicit tokens; after the kernel's `ref_tracker_dir`.
///
/// Put it into the object, next to the count. Each get takes a token, and each put ends one:
///
/// ```
/// use kref::Kref;
/// use kref::track::{HolderId, Holders};
///
/// struct Device {
///     kref: Kref,
///     holders: Holders,
/// }
///
/// impl Device {
///     #[track_caller]
///     fn get(&self, tag: &'static str) -> HolderId {
///         self.kref.get();
///         self.holders.get(tag)
///     }
///
///     #[track_caller]
///     fn put(&self, holder: HolderId) -> bool {
///         self.holders.put(holder); // before the count: afterwards the device may be gone
///         self.kref.put()
///     }
/// }
///
/// let device = Device { kref: Kref::new(), holders: Holders::new("device 7") };
/// let uploader = device.get("uploader");
/// # #[cfg(feature = "track")]
/// println!("{}", kref::track::report_of(&device.holders)); // 1 holder of device 7: 1 from src/main.rs:26 for "uploader", ...
/// assert!(!device.put(uploader));
/// assert!(device.kref.put());
/// ```
///
/// Without the feature `track`, it is a type of no size that does nothing.
///
/// # Misuse
///
/// A [`HolderId`] is `Copy`, as a pointer in C is, so that it can be put twice. The misuse is told to the [report hook](crate::report), with the places:
///
/// | misuse | [`Kind`](crate::report::Kind) |
/// |---|---|
/// | the token has ended before | `DoublePut`, with the places of its get and of its first put, if that was among the last 16 |
/// | the token was never given out by this `Holders` | `PutWithoutGet` |
/// | the object is destroyed, and tokens have not ended | `HeldAtEnd`, with the place of the oldest get |
///
/// The count is not touched by any of this.
///
/// # The kernel's functions, and ours
///
/// | kernel | here |
/// |---|---|
/// | `ref_tracker_dir_init` | [`new`](Self::new) |
/// | `ref_tracker_alloc` | [`get`](Self::get) |
/// | `ref_tracker_free` | [`put`](Self::put) |
/// | `ref_tracker_dir_print`, `ref_tracker_dir_snprint` | `track::report_of`, with a limit by `with_limit` |
/// | `ref_tracker_dir_exit` | the drop, which reports what is left |
/// | a null tracker, which is counted only | a `get` whose token is thrown away is held for good |
///
/// # Locks
///
/// There is one lock in each `Holders`. Only the allocator is called under it, which may not use the same `Holders`. The hook runs with no lock held.
#[doc(alias = "ref_tracker_dir")]
#[doc(alias = "ref_tracker_dir_init")]
#[doc(alias = "ref_tracker_dir_exit")]
pub struct Holders {
    #[cfg(feature = "track")]
    name: &'static str,
    #[cfg(feature = "track")]
    inner: std::sync::Mutex<tracked::Inner>,
}

/// Names one holder of an object: what [`Holders::get`] returns, and [`Holders::put`] takes.
#[doc(alias = "ref_tracker")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "the holder stays recorded until its token is put"]
pub struct HolderId {
    /// Which `Holders`; zero for none.
    #[cfg(feature = "track")]
    holders: u32,
    #[cfg(feature = "track")]
    number: u64,
}

impl HolderId {
    /// A token that no get has returned: for a field that has none yet.
    pub const NONE: Self = Self {
        #[cfg(feature = "track")]
        holders: 0,
        #[cfg(feature = "track")]
        number: 0,
    };
}

impl Holders {
    /// Creates the holders of an object, and says what the object is called in reports.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        #[cfg(feature = "track")]
        return Self {
            name,
            inner: std::sync::Mutex::new(tracked::Inner::new()),
        };
        #[cfg(not(feature = "track"))]
        {
            let _ = name;
            Self {}
        }
    }

    /// Records a holder. Call it after the count was incremented.
    ///
    /// Takes constant time, and the lock. If there is no memory, the holder is counted as untracked, and its token can be put like every other.
    #[doc(alias = "ref_tracker_alloc")]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn get(&self, tag: &'static str) -> HolderId {
        #[cfg(feature = "track")]
        return self.add(super::Origin::tagged(tag));
        #[cfg(not(feature = "track"))]
        {
            let _ = tag;
            HolderId::NONE
        }
    }

    /// Ends a holder. Call it before the count is decremented.
    ///
    /// Returns whether the token was good; if not, it was [reported](crate::report). Without the feature `track` it is always `true`.
    ///
    /// Takes constant time, and the lock.
    #[doc(alias = "ref_tracker_free")]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    #[cfg_attr(
        not(feature = "track"),
        expect(clippy::must_use_candidate, reason = "misuse is reported in any case")
    )]
    pub fn put(&self, holder: HolderId) -> bool {
        #[cfg(feature = "track")]
        return self.end(holder, super::Origin::here());
        #[cfg(not(feature = "track"))]
        {
            let HolderId {} = holder;
            true
        }
    }
}

impl fmt::Debug for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Holders");
        #[cfg(feature = "track")]
        debug.field("name", &self.name);
        debug.finish_non_exhaustive()
    }
}

#[cfg(feature = "track")]
mod tracked {
    use alloc::collections::VecDeque;
    use alloc::string::ToString;
    use core::hash::BuildHasherDefault;
    use core::panic::Location;
    use core::sync::atomic::AtomicU32;
    use core::sync::atomic::Ordering::Relaxed;
    use std::collections::HashMap;
    use std::hash::DefaultHasher;
    use std::sync::{MutexGuard, PoisonError};

    use super::super::Kind as How;
    use super::super::ask::sealed::Object;
    use super::super::record::{Origin, Record};
    use super::super::report::ObjectReport;
    use super::{HolderId, Holders};
    use crate::report::{Kind, Places, report_places};

    type Place = &'static Location<'static>;

    /// How many tokens that have ended are remembered.
    const QUARANTINE: usize = 16;

    pub(super) struct Inner {
        /// Which `Holders` this is; zero before the first get.
        id: u32,
        /// The number of the last token.
        last: u64,
        held: HashMap<u64, Record, BuildHasherDefault<DefaultHasher>>,
        /// Those for which there was no memory.
        untracked: usize,
        ended: VecDeque<Ended>,
    }

    #[derive(Clone, Copy)]
    struct Ended {
        number: u64,
        taken: Place,
        put: Place,
    }

    impl Inner {
        pub(super) const fn new() -> Self {
            Self {
                id: 0,
                last: 0,
                held: HashMap::with_hasher(BuildHasherDefault::new()),
                untracked: 0,
                ended: VecDeque::new(),
            }
        }

        /// A number that no other `Holders` has, nor has had, unless there were 2^32.
        fn id(&mut self) -> u32 {
            static LAST: AtomicU32 = AtomicU32::new(0);
            while self.id == 0 {
                // Relaxed: the numbers differ, and guard nothing.
                self.id = LAST.fetch_add(1, Relaxed).wrapping_add(1);
            }
            self.id
        }

        /// Ends a token; returns its record, or what is wrong.
        fn end(&mut self, holder: HolderId, put: Place) -> Result<Option<Record>, (Kind, Places)> {
            let number = holder.number;
            if holder.holders == 0 || holder.holders != self.id {
                return Err((Kind::PutWithoutGet, Places::default()));
            }
            if let Some(record) = self.held.remove(&number) {
                self.remember(Ended {
                    number,
                    taken: record.origin.location,
                    put,
                });
                return Ok(Some(record));
            }
            if let Some(ended) = self.ended.iter().find(|ended| ended.number == number) {
                let places = Places {
                    taken: Some(ended.taken),
                    put: Some(ended.put),
                };
                return Err((Kind::DoublePut, places));
            }
            if let Some(untracked) = self.untracked.checked_sub(1) {
                // It is one of these, or it has ended long ago.
                self.untracked = untracked;
                return Ok(None);
            }
            Err((Kind::DoublePut, Places::default()))
        }

        fn remember(&mut self, ended: Ended) {
            if self.ended.len() == QUARANTINE {
                self.ended.pop_front();
            }
            if self.ended.try_reserve(1).is_ok() {
                self.ended.push_back(ended);
            }
        }
    }

    impl Holders {
        fn lock(&self) -> MutexGuard<'_, Inner> {
            // Nothing panics under the lock, and if it did, what is behind it would be whole.
            self.inner.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(super) fn add(&self, origin: Origin) -> HolderId {
            let record = Record::new(origin, How::Explicit);
            let mut inner = self.lock();
            inner.last += 1;
            let number = inner.last;
            if inner.held.try_reserve(1).is_ok() {
                inner.held.insert(number, record);
            } else {
                inner.untracked += 1;
            }
            HolderId {
                holders: inner.id(),
                number,
            }
        }

        pub(super) fn end(&self, holder: HolderId, origin: Origin) -> bool {
            let ended = self.lock().end(holder, origin.location);
            // With no lock held.
            match ended {
                Ok(record) => {
                    drop(record);
                    true
                }
                Err((kind, places)) => {
                    report_places(kind, origin.location, places, 0);
                    false
                }
            }
        }
    }

    impl Object for Holders {
        fn object_report(&self) -> ObjectReport {
            let inner = self.lock();
            let records = inner.held.values().cloned().collect();
            let untracked = inner.untracked;
            drop(inner);
            ObjectReport::new(self.name.to_string(), records, untracked)
        }
    }

    impl Drop for Holders {
        fn drop(&mut self) {
            let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
            let left = inner.held.len() + inner.untracked;
            let oldest = inner.held.values().min_by_key(|record| record.taken);
            if let Some(oldest) = oldest {
                let places = Places {
                    taken: Some(oldest.origin.location),
                    put: None,
                };
                let left = u32::try_from(left).unwrap_or(u32::MAX);
                report_places(Kind::HeldAtEnd, oldest.origin.location, places, left);
            }
        }
    }
}
