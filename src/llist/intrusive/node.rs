//! The node that an object carries, and the trait that says where it is.
//!
//! # The states of a node
//!
//! ```text
//!            push                       taken off
//!   OFF ───────────────> next or END ─────────────> OFF
//!    │                        ^
//!    │ push of a SwapList     │ link
//!    └─────────> UNLINKED ────┘
//! ```
//!
//! The node is one word, and the word says both whether the object is on a list and what comes after
//! it. `OFF` is null, so a node that was never used is all zeroes. The other two are addresses where
//! no object can be.
//!
//! # Orderings
//!
//! All accesses of a [`List`](super::List) to `next` are Relaxed. While an object is on the list,
//! `next` belongs to whoever pushes it, until the head is written, and to whoever takes it, after
//! the head was read; the head's Release and Acquire order the one before the other. Between two
//! stays on a list, the taker's last access is the store of `OFF`, and the next pusher's first is
//! the compare-exchange that reads it: accesses to one word by two threads, and one word has one
//! order. A [`SwapList`](super::SwapList) writes `next` after the head; see there.

use core::fmt;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::atomic::{Atomic, Backend, Native};

/// The `next` of an object that is on no list.
const fn off<T>() -> *mut T {
    ptr::null_mut()
}

/// The `next` of the oldest object of a list, and the head of an empty list.
pub(super) const fn end<T>() -> *mut T {
    ptr::without_provenance_mut(1)
}

/// The `next` of an object whose push has swapped the head and not yet linked.
pub(super) const fn unlinked<T>() -> *mut T {
    ptr::without_provenance_mut(2)
}

/// Links an object into a list: one word, to be a field of the object.
///
/// Counterpart: `struct llist_node`. It is off every list when it is created, and moves with its
/// object: an object is behind a pointer as long as it is on a list.
///
/// `T` is the object.
#[doc(alias = "llist_node")]
#[repr(transparent)]
pub struct Node<T, B: Backend = Native> {
    pub(super) next: B::Ptr<T>,
}

impl<T> Node<T, Native> {
    /// Creates a node that is on no list.
    #[doc(alias = "init_llist_node")]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            next: AtomicPtr::new(off()),
        }
    }
}

impl<T, B: Backend> Node<T, B> {
    /// Does what [`new`](Node::new) does, over another backend, and not in a constant.
    #[must_use]
    pub fn new_in() -> Self {
        Self {
            next: B::Ptr::new(off()),
        }
    }

    /// Returns whether the object is on a list, or in a chain; a hint, as other threads may just be
    /// pushing or taking it.
    ///
    /// Never decide by it whether to push: [`List::try_push`](super::List::try_push) claims the
    /// node, or says that it is taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::llist::intrusive::{Linked, List, Node};
    /// # struct Job(u32, Node<Job>);
    /// #
    /// # // SAFETY: always the same field.
    /// # unsafe impl Linked for Job {
    /// #     fn node(&self) -> &Node<Self> {
    /// #         &self.1
    /// #     }
    /// # }
    /// use std::sync::Arc;
    ///
    /// let jobs = List::new();
    /// let job = Arc::new(Job(1, Node::new()));
    /// assert!(!job.node().is_linked());
    /// assert!(jobs.try_push(job.clone()).is_ok());
    /// assert!(job.node().is_linked());
    /// ```
    #[doc(alias = "llist_on_list")]
    #[must_use]
    #[inline]
    pub fn is_linked(&self) -> bool {
        // Relaxed: a hint.
        self.next.load(Relaxed) != off()
    }

    /// Claims the node for a push; false if it is on a list.
    #[inline]
    pub(super) fn claim(&self) -> bool {
        // Relaxed: the word guards nothing but itself, see "Orderings" above.
        self.next
            .compare_exchange(off(), end(), Relaxed, Relaxed)
            .is_ok()
    }

    /// Gives the node free for the next push, and returns what came after it.
    #[inline]
    pub(super) fn unlink(&self) -> *mut T {
        // Relaxed: the head's Acquire ordered this after the link was made.
        let next = self.next.load(Relaxed);
        // Relaxed: the word guards nothing but itself, see "Orderings" above.
        self.next.store(off(), Relaxed);
        next
    }

    /// Returns what comes after the object.
    #[inline]
    pub(super) fn next(&self) -> *mut T {
        // Relaxed: the head's Acquire ordered this after the link was made.
        self.next.load(Relaxed)
    }

    /// Returns what comes after the object, unless its push has still to say so.
    #[inline]
    pub(super) fn try_next(&self) -> Option<*mut T> {
        // Acquire: pairs with the Release in `link_late`, so that the producer's last access is
        // over before the taker can free the object.
        let next = self.next.load(Acquire);
        (next != unlinked()).then_some(next)
    }

    /// Sets what comes after an object that may have been taken already. The caller's last access.
    #[inline]
    pub(super) fn link_late(&self, next: *mut T) {
        // Release: pairs with the Acquire in `try_next`, so that the taker may free the object.
        self.next.store(next, Release);
    }

    /// Sets what comes after the object. The caller holds the node: it is claimed and not published,
    /// or taken.
    #[inline]
    pub(super) fn link(&self, next: *mut T) {
        // Relaxed: the head's Release publishes it.
        self.next.store(next, Relaxed);
    }
}

impl<T> Default for Node<T, Native> {
    /// Creates a node that is on no list.
    fn default() -> Self {
        Self::new()
    }
}

impl<T, B: Backend> fmt::Debug for Node<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("is_linked", &self.is_linked())
            .finish()
    }
}

/// Describes an object that carries a [`Node`].
///
/// # Safety
///
/// The implementor owes:
///
/// - [`node`](Self::node) returns a field of `self` (or of what `self` alone owns at a fixed
///   address), always the same one, and does not panic;
/// - the field is not replaced while the object is borrowed or shared: it is not inside a `Cell`, a
///   mutex or the like.
///
/// # Examples
///
/// ```
/// use kref::llist::intrusive::{Linked, Node};
///
/// struct Job {
///     node: Node<Job>,
///     number: u32,
/// }
///
/// // SAFETY: always the same field.
/// unsafe impl Linked for Job {
///     fn node(&self) -> &Node<Self> {
///         &self.node
///     }
/// }
/// ```
#[doc(alias = "llist_entry")]
pub unsafe trait Linked<B: Backend = Native>: Sized {
    /// Returns the object's node.
    fn node(&self) -> &Node<Self, B>;
}

/// Returns the object that a link points to, unless it is `END`.
///
/// # Safety
///
/// `link` is `END` or an object.
#[inline]
pub(super) unsafe fn object<T>(link: *mut T) -> Option<NonNull<T>> {
    // SAFETY: an object is not null.
    (link != end()).then(|| unsafe { NonNull::new_unchecked(link) })
}

/// Returns the node of an object that the caller may read.
///
/// # Safety
///
/// `object` points to an object that stays alive, and of which there is no `&mut`, as long as the
/// node is used.
#[inline]
pub(super) unsafe fn node<'a, T: Linked<B> + 'a, B: Backend>(object: NonNull<T>) -> &'a Node<T, B> {
    // SAFETY: the caller's promise.
    unsafe { object.as_ref() }.node()
}
