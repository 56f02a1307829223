//! A wrapper whose value shares no cache line with the count in front of it: [`Padded`].
#![forbid(unsafe_code)]

use core::fmt;
use core::ops::{Deref, DerefMut};

/// A value that is kept off the cache line of its reference count.
///
/// A thread that clones or drops a reference writes the count, and takes the count's cache line from all
/// other threads. Threads that only read the value wait for the line if the value begins on it, as it
/// does in [`Ref`](crate::Ref) and [`WeakRef`](crate::weak::WeakRef), and in the entries of a
/// [`Registry`](crate::Registry). `Padded` is aligned to 128 bytes, so the value begins on a line of its
/// own, and the count has the one in front of it. (Two lines of 64 bytes, because processors fetch lines
/// in pairs; one line where lines have 128 bytes.)
///
/// | | bytes of a `Ref` to 64 bytes | a read while another thread clones and drops |
/// |---|---|---|
/// | `Ref<T>` | 72 | 2.5 ns |
/// | `Ref<Padded<T>>` | 256 | 1.6 ns: 0.63 of the time (quartiles 0.61 and 0.65) |
///
/// The times are those of one thread that reads the first word of a value of 128 bytes, on two cores of an AMD EPYC,
/// in the bench `weak`. Nothing else was measured: not more threads, and not the entries of a `Registry`. Use `Padded` for values that are read much more often than their
/// references are made, by several threads. It does not make clones and drops faster: they still share the
/// count. A type of another crate that is aligned as much, such as crossbeam's `CachePadded`, does the
/// same; this one also holds trait objects and slices.
///
/// # Examples
///
/// ```
/// use kref::{Padded, Ref};
///
/// let config = Ref::new(Padded::new([0_u64; 8]));
/// let theirs = config.clone(); // writes the count, and not the line of the array
/// assert_eq!(theirs[0], 0);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(align(128))]
pub struct Padded<T: ?Sized> {
    value: T,
}

impl<T> Padded<T> {
    /// Puts a value on lines of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Padded;
    ///
    /// static LIMIT: Padded<u32> = Padded::new(7);
    ///
    /// assert_eq!(*LIMIT, 7);
    /// assert_eq!(align_of_val(&LIMIT), 128);
    /// ```
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self { value }
    }

    /// Returns the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Padded;
    ///
    /// assert_eq!(Padded::new(7).into_inner(), 7);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T: ?Sized> Deref for Padded<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for Padded<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> From<T> for Padded<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized> AsRef<T> for Padded<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: ?Sized> AsMut<T> for Padded<T> {
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Padded<T> {
    /// Formats the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for Padded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
