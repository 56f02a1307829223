//! The guard of a frozen count.
//!
//! While a count is frozen it is zero. It is unfrozen by a compare-exchange from zero, not by a
//! store: if the count was misused in between, it is saturated, or about to be, and a store
//! would take the object out of that state and let it be freed while a thread uses it.

use core::fmt;
use core::mem::ManuallyDrop;
use core::panic::Location;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::{RefCount, is_bad, pinned, report_beyond_max};
use crate::atomic::{Atomic, Backend, Native};
use crate::report::{Kind, report_at};

impl<B: Backend> RefCount<B> {
    /// Claims all `n` references, if there are exactly `n`: the count is zero until the returned
    /// guard is dropped, and until then every [`inc_not_zero`](Self::inc_not_zero) fails.
    ///
    /// This uniqueness test cannot be out of date: one step tests and claims. The caller has to own,
    /// or know the owners of, all `n` references; none of them may be dropped, and none added by
    /// [`inc`](Self::inc), while the count is frozen (that is reported, and saturates).
    ///
    /// Only the number is compared. If the number that is expected depends on the object's state (a
    /// folio has a reference for each of its pages), make sure of the state first, with a reference held:
    /// the number may be right by chance.
    ///
    /// It returns `None` if the count is another, if `n` is zero, or if `n` is above
    /// [`MAX`](RefCount::MAX).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(2);
    /// assert!(refs.try_freeze(1).is_none()); // there is another reference
    ///
    /// let frozen = refs.try_freeze(2).unwrap();
    /// assert!(!refs.inc_not_zero()); // no thread gets a reference
    /// drop(frozen);
    /// assert!(refs.inc_not_zero());
    /// ```
    ///
    /// # Memory ordering
    ///
    /// Acquire when it returns the guard, Relaxed when it returns `None`. The end of the freeze is
    /// Release.
    #[doc(alias = "folio_ref_freeze")]
    #[doc(alias = "page_ref_freeze")]
    #[must_use = "the count is unfrozen when the guard is dropped"]
    #[inline]
    #[track_caller]
    pub fn try_freeze(&self, n: u32) -> Option<Frozen<'_, B>> {
        if n == 0 || is_bad(n) {
            return None;
        }
        // Acquire: pairs with the Release of all the earlier decrements, as in `last_reference`.
        // Relaxed: on failure the caller learns only that the count is another.
        self.refs.compare_exchange(n, 0, Acquire, Relaxed).ok()?;
        // Not in a closure: the caller's location does not get through one.
        Some(Frozen::new(self, n))
    }
}

/// The guard of [`RefCount::try_freeze`]: it holds all references of a [`RefCount`], which reads
/// zero until they are given back.
///
/// When it is dropped, the count is what it was. Forget the guard (`mem::forget`) to leave the
/// count at zero permanently: the object is dead, and the caller frees it.
///
/// # Examples
///
/// ```
/// use kref::RefCount;
///
/// let refs = RefCount::new(1);
/// {
///     let _alone = refs.try_freeze(1).unwrap();
///     assert_eq!(refs.count(), 0);
/// }
/// assert_eq!(refs.count(), 1);
///
/// // Permanently: no thread gets a reference any more.
/// std::mem::forget(refs.try_freeze(1).unwrap());
/// assert!(!refs.inc_not_zero());
/// ```
#[must_use = "the count is unfrozen when the guard is dropped"]
pub struct Frozen<'a, B: Backend = Native> {
    count: &'a RefCount<B>,
    refs: u32,
    location: &'static Location<'static>,
}

impl<'a, B: Backend> Frozen<'a, B> {
    #[track_caller]
    pub(super) fn new(count: &'a RefCount<B>, refs: u32) -> Self {
        Self {
            count,
            refs,
            location: Location::caller(),
        }
    }

    /// Returns how many references are frozen.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(2);
    /// assert_eq!(refs.try_freeze(2).map(|frozen| frozen.refs()), Some(2));
    /// ```
    #[must_use]
    pub fn refs(&self) -> u32 {
        self.refs
    }

    /// Unfreezes the count at another number, for a caller that has made or destroyed references in between. More than [`RefCount::MAX`] saturates and is reported; zero leaves the object dead.
    ///
    /// # Memory ordering
    ///
    /// Release: a thread that gets a reference by [`RefCount::inc_not_zero`] afterwards sees what was done to
    /// the object while it was frozen.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RefCount;
    ///
    /// let refs = RefCount::new(1);
    /// if let Some(frozen) = refs.try_freeze(1) {
    ///     frozen.unfreeze(3); // two more were made in between
    /// }
    /// assert_eq!(refs.count(), 3);
    /// ```
    #[doc(alias = "folio_ref_unfreeze")]
    #[doc(alias = "page_ref_unfreeze")]
    #[track_caller]
    pub fn unfreeze(self, refs: u32) {
        // Not dropped, even if the hook panics: that would unfreeze the count once more.
        let this = ManuallyDrop::new(self);
        this.thaw(pinned(refs));
        report_beyond_max(refs);
    }

    fn thaw(&self, refs: u32) {
        // Release: pairs with the Acquire in `RefCount::try_add`, so that a thread that takes a
        // reference sees what was done while the count was frozen, and with the Acquire of the last
        // put or of the next freeze. Relaxed: on failure the object leaks.
        match self.count.refs.compare_exchange(0, refs, Release, Relaxed) {
            Ok(_) => {}
            Err(found) => {
                // The guard has every reference, so the word is this object's count still.
                let _ = self.count.pin();
                // What is bad already was reported.
                if !is_bad(found) {
                    report_at(Kind::ChangedWhileFrozen, found, self.location);
                }
            }
        }
    }
}

impl<B: Backend> Drop for Frozen<'_, B> {
    /// Unfreezes the count at the number that was frozen, unless the count was misused in between.
    fn drop(&mut self) {
        self.thaw(self.refs);
    }
}

impl<B: Backend> fmt::Debug for Frozen<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frozen")
            .field("refs", &self.refs)
            .finish_non_exhaustive()
    }
}
