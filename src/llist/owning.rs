//! The list of plain values.
#![forbid(unsafe_code)]

use core::fmt;
use core::iter::FusedIterator;

use super::block::{Emptied, Filled, Slots};
use super::intrusive;
use crate::atomic::{Backend, Native};

/// A lock-free list of values: any number of threads push, and take all, without a lock.
///
/// No operation needs a lock. The [module](super) explains how a consumer sleeps.
///
/// The nodes are allocated in blocks of as many as fit in a kilobyte, 63 at most (40 for values of eight bytes on a 64-bit
/// machine, one for values of a kilobyte and more). A block is
/// freed when all its values have been taken out. So a value that stays on the list, or in a
/// chain, keeps up to a kilobyte in use, and so does an idle list. [`intrusive::List`] does not
/// allocate.
///
/// # Examples
///
/// ```
/// use kref::LList;
///
/// static LOG: LList<String> = LList::new();
///
/// assert!(LOG.push("first".into())); // true: it was empty
/// assert!(!LOG.push("second".into()));
/// let lines: Vec<String> = LOG.take_all().reverse().collect();
/// assert_eq!(lines, ["first", "second"]);
/// ```
#[doc(alias = "llist_head")]
pub struct LList<T, B: Backend = Native> {
    list: intrusive::List<Filled<T, B>, B>,
    slots: Slots<T, B>,
}

impl<T> LList<T, Native> {
    /// Creates an empty list.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::LList;
    ///
    /// static JOBS: LList<u32> = LList::new();
    ///
    /// assert!(JOBS.is_empty());
    /// ```
    #[doc(alias = "LLIST_HEAD")]
    #[doc(alias = "LLIST_HEAD_INIT")]
    #[doc(alias = "init_llist_head")]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            list: intrusive::List::new(),
            slots: Slots::new(),
        }
    }
}

impl<T, B: Backend> LList<T, B> {
    /// Like [`new`](LList::new), for any backend. Not `const`.
    #[must_use]
    pub fn new_in() -> Self {
        Self {
            list: intrusive::List::new_in(),
            slots: Slots::new_in(),
        }
    }

    /// Pushes a value; returns `true` if the list was empty.
    ///
    /// It consists of two compare-and-swap loops, one for a node and one for the list. It is
    /// lock-free if the allocator is. The caller that gets `true` has to wake the consumer: see
    /// [the module](super#the-wake-up-edge).
    ///
    /// # Memory ordering
    ///
    /// AcqRel. What the caller did before happens before the take that finds the value. Every take
    /// that was too early to find the value happens before what the caller does afterwards.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::LList;
    ///
    /// let list = LList::new();
    /// assert!(list.push(1)); // wake the consumer
    /// assert!(!list.push(2)); // the first push has woken the consumer
    /// ```
    #[doc(alias = "llist_add")]
    #[inline]
    pub fn push(&self, value: T) -> bool {
        self.list.push(self.slots.fill(value))
    }

    /// Pushes all values at once, as if one after the other; returns `true` if the list was empty.
    ///
    /// No take finds only some of them. If there are no values, the list is unchanged and `false`
    /// is returned. If the iterator panics, nothing has been pushed, and the values that it had
    /// yielded are dropped.
    ///
    /// # Memory ordering
    ///
    /// As [`push`](Self::push) if there is something to push; otherwise there is no atomic access.
    ///
    /// # Examples
    ///
    /// ```
    /// let list = kref::LList::new();
    /// assert!(list.push_all([1, 2, 3]));
    /// assert!(!list.push_all([4, 5]));
    /// assert!(list.take_all().eq([5, 4, 3, 2, 1]));
    /// ```
    #[doc(alias = "llist_add_batch")]
    pub fn push_all<I: IntoIterator<Item = T>>(&self, values: I) -> bool {
        self.list
            .push_all(values.into_iter().map(|value| self.slots.fill(value)))
    }

    /// Takes everything that is on the list, in one swap: wait-free.
    ///
    /// # Memory ordering
    ///
    /// AcqRel: every push of what is found happens before, and every push that comes too late
    /// happens after.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::LList;
    ///
    /// let list: LList<u32> = (1..=3).collect();
    /// assert!(list.take_all().eq([3, 2, 1]));
    /// assert!(list.take_all().is_empty());
    /// ```
    #[doc(alias = "llist_del_all")]
    #[inline]
    pub fn take_all(&self) -> Chain<T, B> {
        Chain::from(self.list.take_all())
    }

    /// Returns whether the list is empty; a hint, out of date as soon as it is read.
    ///
    /// Do not go to sleep because of it. Call [`take_all`](Self::take_all), and sleep if that
    /// returned nothing.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: it orders nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::LList;
    ///
    /// assert!(LList::<u32>::new().is_empty());
    /// ```
    #[doc(alias = "llist_empty")]
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Becomes the list's consumer, which takes values one at a time; `None` if there is one.
    ///
    /// [`take_all`](Self::take_all) may still be used.
    ///
    /// # Memory ordering
    ///
    /// As with a lock, what one consumer did happens before the next consumer exists.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::LList;
    ///
    /// let list: LList<u32> = (1..=2).collect();
    /// let consumer = list.consumer().unwrap();
    /// assert!(list.consumer().is_none());
    /// drop(consumer);
    /// assert!(list.consumer().is_some());
    /// ```
    #[doc(alias = "llist_del_first")]
    #[must_use]
    pub fn consumer(&self) -> Option<Consumer<'_, T, B>> {
        let consumer = self.list.consumer()?;
        Some(Consumer {
            consumer,
            emptied: Emptied::new(),
        })
    }
}

impl<T> Default for LList<T, Native> {
    /// Creates an empty list.
    fn default() -> Self {
        Self::new()
    }
}

impl<T> FromIterator<T> for LList<T, Native> {
    /// Creates a list of the values; the last is the newest.
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let list = Self::new();
        list.push_all(values);
        list
    }
}

impl<T, B: Backend> Extend<T> for LList<T, B> {
    /// Pushes all values, as [`push_all`](Self::push_all) does.
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        self.push_all(values);
    }
}

impl<T, B: Backend> fmt::Debug for LList<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LList")
            .field("is_empty", &self.is_empty())
            .finish_non_exhaustive()
    }
}

/// The values that one [`LList::take_all`] returned, newest first.
///
/// It is an iterator that gives back the values, and drops those that are left, in a loop: a long
/// chain takes no stack. If a destructor panics, the rest is dropped before the panic goes on.
///
/// # Examples
///
/// ```
/// use kref::LList;
///
/// let list: LList<&str> = ["one", "two"].into_iter().collect();
/// let mut chain = list.take_all();
/// assert_eq!(chain.next(), Some("two"));
/// drop(chain); // and "one" with it
/// ```
#[must_use = "dropping the chain drops what was taken"]
pub struct Chain<T, B: Backend = Native> {
    chain: intrusive::Chain<Filled<T, B>, B>,
    emptied: Emptied<T, B>,
}

impl<T, B: Backend> Chain<T, B> {
    fn from(chain: intrusive::Chain<Filled<T, B>, B>) -> Self {
        Self {
            chain,
            emptied: Emptied::new(),
        }
    }

    /// Reverses the chain: oldest first. It takes time in proportion to the length.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::LList;
    ///
    /// let list: LList<u32> = (1..=3).collect();
    /// assert!(list.take_all().reverse().eq([1, 2, 3]));
    /// ```
    #[doc(alias = "llist_reverse_order")]
    pub fn reverse(self) -> Self {
        Self::from(self.chain.reverse())
    }

    /// Returns whether the chain is empty.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.chain.is_empty()
    }

    /// Returns an iterator over the values, newest first, which leaves them in the chain.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::LList;
    ///
    /// let list: LList<u32> = (1..=3).collect();
    /// let chain = list.take_all();
    /// assert_eq!(chain.iter().max(), Some(&3));
    /// assert_eq!(chain.count(), 3); // they are still there
    /// ```
    #[doc(alias = "llist_for_each")]
    #[doc(alias = "llist_next")]
    #[doc(alias = "llist_for_each_entry")]
    pub fn iter(&self) -> Iter<'_, T, B> {
        Iter(self.chain.iter())
    }
}

impl<T, B: Backend> Iterator for Chain<T, B> {
    type Item = T;

    #[doc(alias = "llist_for_each_entry_safe")]
    #[doc(alias = "llist_for_each_safe")]
    #[inline]
    fn next(&mut self) -> Option<T> {
        let filled = self.chain.pop()?;
        Some(filled.into_value(&mut self.emptied))
    }
}

impl<T, B: Backend> FusedIterator for Chain<T, B> {}

impl<'a, T, B: Backend> IntoIterator for &'a Chain<T, B> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T, B>;

    fn into_iter(self) -> Iter<'a, T, B> {
        self.iter()
    }
}

impl<T: fmt::Debug, B: Backend> fmt::Debug for Chain<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// An iterator over the values of a [`Chain`], newest first.
#[must_use = "iterators do nothing unless they are used"]
pub struct Iter<'a, T: 'a, B: Backend = Native>(intrusive::Iter<'a, Filled<T, B>, B>);

impl<'a, T, B: Backend> Iterator for Iter<'a, T, B> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        self.0.next().map(|slot| slot.value())
    }
}

impl<T, B: Backend> FusedIterator for Iter<'_, T, B> {}

/// The consumer of an [`LList`], which takes values one at a time.
///
/// There is one at most, and it cannot be cloned. When it has nothing left, it takes all that is on the list and
/// hands that out, newest first. Then it takes what was pushed in between. When it is dropped, what is left goes
/// back on the list, behind everything that was pushed since, so that a chain that is taken later is still
/// newest first.
///
/// What it holds is not on the list: [`LList::take_all`] does not find it, and a
/// push may again be told that the list was empty. Giving it back wakes no thread: the next
/// consumer has to look once before it sleeps.
///
/// # Progress
///
/// [`pop`](Self::pop) is wait-free. The drop of a consumer that holds nothing is too. The drop of one that
/// has values left is lock-free, without a bound: it begins another round whenever another thread has pushed since the
/// last one. A round goes through what was pushed since. The drop ends when one round finds the list empty, so
/// producers that never pause can hold it up. Where that matters, pop until `None` first.
///
/// # Examples
///
/// ```
/// let jobs: kref::LList<u32> = (1..=3).collect();
///
/// let mut consumer = jobs.consumer().unwrap();
/// assert!(jobs.consumer().is_none()); // one at a time
/// assert_eq!(consumer.pop(), Some(3));
/// drop(consumer);
/// assert!(jobs.take_all().eq([2, 1])); // it has given back the rest
/// ```
#[must_use = "the consumer gives up its place when it is dropped"]
pub struct Consumer<'a, T, B: Backend = Native> {
    consumer: intrusive::Consumer<'a, Filled<T, B>, B>,
    emptied: Emptied<T, B>,
}

impl<T, B: Backend> Consumer<'_, T, B> {
    /// Takes a value, or returns `None` if there is no value left.
    ///
    /// # Memory ordering
    ///
    /// As [`LList::take_all`], which it calls when it has nothing left: `None` is as good a reason
    /// to sleep as an empty chain.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::LList;
    ///
    /// let list: LList<u32> = (1..=2).collect();
    /// let mut consumer = list.consumer().unwrap();
    /// assert_eq!(consumer.pop(), Some(2));
    /// assert_eq!(consumer.pop(), Some(1));
    /// assert_eq!(consumer.pop(), None);
    /// ```
    #[doc(alias = "llist_del_first")]
    #[doc(alias = "llist_del_first_init")]
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let filled = self.consumer.pop()?;
        Some(filled.into_value(&mut self.emptied))
    }
}

impl<T, B: Backend> fmt::Debug for Consumer<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").finish_non_exhaustive()
    }
}
