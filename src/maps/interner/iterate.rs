//! All values of an interner, one after another.

#![forbid(unsafe_code)]

use core::fmt;
use core::iter::FusedIterator;

use super::stored::Inline;
use super::{Interned, Interner, Stored};
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::maps::table;

impl<T: Stored + ?Sized, S, B: LockBackend> Interner<T, S, B> {
    /// Returns an iterator over the values, in no order.
    ///
    /// It holds no lock while you have an item, and allocates room for the values of one bucket only. A value that is
    /// in the interner during the whole iteration is returned exactly once, one that comes or goes during the iteration
    /// at most once. See [`Registry::iter`](crate::Registry::iter).
    ///
    /// # Memory ordering
    ///
    /// As [`get`](Self::get) for each value.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let names = Interner::<str>::new();
    /// let _held = ["get", "put"].map(|name| names.intern_ref(name));
    /// assert_eq!(names.iter().map(|name| name.len()).sum::<usize>(), 6);
    /// ```
    pub fn iter(&self) -> Iter<'_, T, B> {
        Iter {
            values: self.values.iter(),
        }
    }

    /// Calls `f` with each value, in no order, with no lock held; see [`iter`](Self::iter).
    ///
    /// # Memory ordering
    ///
    /// As [`get`](Self::get) for each value.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    ///
    /// let names = Interner::<str>::new();
    /// let _held = names.intern_ref("kref");
    /// names.for_each(|name| assert_eq!(*name, "kref"));
    /// ```
    pub fn for_each(&self, mut f: impl FnMut(&Interned<T, B>)) {
        self.iter().for_each(|value| f(&value));
    }
}

impl<'a, T: Stored + ?Sized, S, B: LockBackend> IntoIterator for &'a Interner<T, S, B> {
    type Item = Interned<T, B>;
    type IntoIter = Iter<'a, T, B>;

    fn into_iter(self) -> Iter<'a, T, B> {
        self.iter()
    }
}

/// An iterator over the values of an [`Interner`], which holds no lock between two of them; made by [`Interner::iter`].
#[must_use = "iterators do nothing unless they are used"]
pub struct Iter<'a, T: Stored + ?Sized, B: LockBackend = Native> {
    values: table::Iter<'a, Inline<T>, B>,
}

impl<T: Stored + ?Sized, B: LockBackend> Iterator for Iter<'_, T, B> {
    type Item = Interned<T, B>;

    #[cfg_attr(feature = "track", track_caller)]
    fn next(&mut self) -> Option<Interned<T, B>> {
        let value = self.values.next()?;
        Some(Interned::new(value))
    }
}

#[cfg(feature = "track")]
impl<T: Stored + ?Sized + fmt::Debug, S, B: LockBackend> crate::track::sealed::Objects
    for Interner<T, S, B>
{
    fn objects_report(&self) -> crate::track::Report {
        crate::track::all(self.iter(), |value| value.report(true))
    }
}

impl<T: Stored + ?Sized, B: LockBackend> FusedIterator for Iter<'_, T, B> {}

impl<T: Stored + ?Sized, B: LockBackend> fmt::Debug for Iter<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}
