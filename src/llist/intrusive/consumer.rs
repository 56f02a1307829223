//! The consumer of a list: it takes one object at a time, while other threads may take all.
//!
//! The kernel's `llist_del_first` takes the newest object off the shared list: it reads what comes
//! after it, and compare-exchanges the head. While it does so the object must not be taken and
//! pushed again with another successor (the ABA problem), nor be freed, so there may be only one
//! such caller, and no concurrent `llist_del_all`. A [`Consumer`] pops from a chain that it has
//! taken for itself: no other thread can reach what it reads.

use core::fmt;

use super::{Chain, Linked, List, Pointer};
use crate::atomic::{Backend, Native};

/// The consumer of a [`List`], which takes objects one at a time.
///
/// There is one at most, and it cannot be cloned. When it has nothing left, it takes all that is on the list and
/// hands that out, newest first. Then it takes what was pushed in between. When it is dropped, what is left goes
/// back on the list, behind everything that was pushed since, so that a chain that is taken later is still
/// newest first.
///
/// What it holds is not on the list: [`List::take_all`] does not find it, and a
/// push may again be told that the list was empty. Giving it back wakes no thread: the next
/// consumer has to look once before it sleeps.
///
/// # Progress
///
/// [`pop`](Self::pop) is wait-free. The drop of a consumer that holds nothing is too. The drop of one that
/// has objects left is lock-free, without a bound: it begins another round whenever another thread has pushed since the
/// last one. A round goes through what was pushed since. The drop ends when one round finds the list empty, so
/// producers that never pause can hold it up. Where that matters, pop until `None` first.
///
/// # Examples
///
/// ```
/// use kref::llist::intrusive::{Linked, List, Node};
///
/// struct Job(u32, Node<Job>);
///
/// // SAFETY: always the same field.
/// unsafe impl Linked for Job {
///     fn node(&self) -> &Node<Self> {
///         &self.1
///     }
/// }
///
/// let jobs = List::new();
/// jobs.push_all((1..=3).map(|number| Box::new(Job(number, Node::new()))));
///
/// let mut consumer = jobs.consumer().unwrap();
/// assert!(jobs.consumer().is_none()); // one at a time
/// assert_eq!(consumer.pop().unwrap().0, 3);
/// drop(consumer);
/// assert_eq!(jobs.take_all().count(), 2); // it has given back the rest
/// ```
#[must_use = "the consumer gives up its place when it is dropped"]
pub struct Consumer<'a, P, B = Native>
where
    P: Pointer<Target: Linked<B>>,
    B: Backend,
{
    list: &'a List<P, B>,
    taken: Chain<P, B>,
}

impl<'a, P: Pointer<Target: Linked<B>>, B: Backend> Consumer<'a, P, B> {
    /// The caller has claimed the list's `consumer`.
    pub(super) const fn new(list: &'a List<P, B>) -> Self {
        Self {
            list,
            taken: Chain::new(),
        }
    }

    /// Takes an object, or returns `None` if there is no object left.
    ///
    /// # Memory ordering
    ///
    /// As [`List::take_all`], which it calls when it has nothing left: `None` is as good a reason
    /// to sleep as an empty chain.
    ///
    /// # Examples
    ///
    /// See [`Consumer`].
    #[doc(alias = "llist_del_first")]
    #[inline]
    pub fn pop(&mut self) -> Option<P> {
        if self.taken.is_empty() {
            self.taken = self.list.take_all();
        }
        self.taken.pop()
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> Drop for Consumer<'_, P, B> {
    /// Gives back what is left, and then the consumer's place. See [`Consumer`] on how long that may take.
    fn drop(&mut self) {
        self.list.give_back(core::mem::take(&mut self.taken));
        self.list.release_consumer();
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> fmt::Debug for Consumer<'_, P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").finish_non_exhaustive()
    }
}
