//! The node that an object carries, the links between objects, and the trait that says where the node is.
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
//! it. `OFF` is zero, so a node that was never used is all zeroes. The other two are addresses where
//! no object can be.
//!
//! # Links are addresses
//!
//! A push reads the head, writes what it read into its node, and compare-exchanges the head. In
//! between, the object that was the newest may have been taken and freed, and another one pushed at
//! the same address (the ABA problem). The compare-exchange succeeds, and the list is right: the push
//! links to the object that is at the address now. But a pointer that was read before would still be
//! a pointer to the object that was freed: the compare-exchange compares addresses, and a
//! pointer is an address *and* the permission to use one allocation, its provenance.
//!
//! So no word of a list holds a pointer. A [`Link`] is an address. [`Link::to`] exposes the provenance
//! of the pointer that was pushed, and [`Link::object`] makes a pointer of an address and takes any
//! provenance that was exposed there: that of the object that is at the address *now*. Neither
//! costs an instruction.
//!
//! # Orderings
//!
//! All accesses of a [`List`](super::List) to `next` are Relaxed. While an object is on the list,
//! `next` belongs to the thread that pushes it, until that thread has written the head, and then to
//! the thread that takes it, from when that thread has read the head. The head's Release and Acquire order the one before
//! the other. Between two stays on a list, the taker's last access is the store of `OFF`, and the next pusher's first is
//! the compare-exchange that reads it: two threads access one word, and one word has one
//! order. A [`SwapList`](super::SwapList) writes `next` after the head: see `swap.rs`.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::atomic::{Atomic, AtomicUsize, Backend, Native};

/// What the head of a list and the word of a node hold: the address of an object, or one of three
/// constants.
///
/// # Invariants
///
/// One of the three constants, or the address of an object whose provenance was exposed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Link(usize);

impl Link {
    /// The `next` of an object that is on no list.
    pub(super) const OFF: Self = Self(0);
    /// The `next` of the oldest object of a list, and the head of an empty list.
    pub(super) const END: Self = Self(1);
    /// The `next` of an object whose push has swapped the head and not yet linked.
    pub(super) const UNLINKED: Self = Self(2);

    /// The link to an object. Exposes the provenance of the pointer.
    #[inline]
    pub(super) fn to<T>(object: NonNull<T>) -> Self {
        Self(object.as_ptr().expose_provenance())
    }

    /// The link that a word holds.
    ///
    /// Only words that hold links may be passed: [`word`](Self::word) of one that was made here.
    #[inline]
    pub(super) const fn from_word(word: usize) -> Self {
        Self(word)
    }

    /// What to put into an atomic word.
    #[inline]
    pub(super) const fn word(self) -> usize {
        self.0
    }

    /// Returns the object, unless the link is `END`.
    ///
    /// The pointer may be used as the one that was pushed, as long as the object is there.
    ///
    /// # Safety
    ///
    /// The link is `END` or leads to an object of this type.
    #[inline]
    pub(super) unsafe fn object<T>(self) -> Option<NonNull<T>> {
        if self == Self::END {
            return None;
        }
        let object = ptr::with_exposed_provenance_mut(self.0);
        // SAFETY: an object is not null.
        Some(unsafe { NonNull::new_unchecked(object) })
    }
}

/// The field that links an object into a list: one word.
///
/// Counterpart: `struct llist_node`. It is off every list when it is created, and moves with its
/// object: an object is behind a pointer as long as it is on a list.
///
/// `T` is the object.
#[doc(alias = "llist_node")]
#[repr(transparent)]
pub struct Node<T, B: Backend = Native> {
    next: B::Usize,
    /// Invariant, and sendable, as an atomic pointer would be.
    object: PhantomData<B::Ptr<T>>,
}

impl<T> Node<T, Native> {
    /// Creates a node that is on no list.
    #[doc(alias = "init_llist_node")]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            next: AtomicUsize::new(Link::OFF.word()),
            object: PhantomData,
        }
    }
}

impl<T, B: Backend> Node<T, B> {
    /// Like [`new`](Node::new), for any backend. Not `const`.
    #[must_use]
    pub fn new_in() -> Self {
        Self {
            next: B::Usize::new(Link::OFF.word()),
            object: PhantomData,
        }
    }

    /// Returns whether the object is on a list, or in a chain; a hint, as other threads may just be
    /// pushing or taking it.
    ///
    /// Do not decide by this whether to push: [`List::try_push`](super::List::try_push) claims the
    /// node, or gives the object back.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: it orders nothing.
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
        self.next() != Link::OFF
    }

    /// Claims the node for a push; returns `false` if the object is on a list.
    #[inline]
    pub(super) fn claim(&self) -> bool {
        // Relaxed: the word guards only itself, see "Orderings" above.
        self.next
            .compare_exchange(Link::OFF.word(), Link::END.word(), Relaxed, Relaxed)
            .is_ok()
    }

    /// Lets the node be claimed again, and returns what came after the object.
    #[inline]
    pub(super) fn unlink(&self) -> Link {
        let next = self.next();
        // Relaxed: the word guards only itself, see "Orderings" above.
        self.next.store(Link::OFF.word(), Relaxed);
        next
    }

    /// Returns what comes after the object.
    #[inline]
    pub(super) fn next(&self) -> Link {
        // Relaxed: the head's Acquire ordered this after the link was made.
        Link::from_word(self.next.load(Relaxed))
    }

    /// Returns what comes after the object, unless the thread that pushes it has yet to write that.
    #[inline]
    pub(super) fn try_next(&self) -> Option<Link> {
        // Acquire: pairs with the Release in `link_late`, so that the producer's last access is
        // over before the taker can free the object.
        let next = Link::from_word(self.next.load(Acquire));
        (next != Link::UNLINKED).then_some(next)
    }

    /// Sets what comes after the object. The caller holds the node: it is claimed and not published,
    /// or taken.
    #[inline]
    pub(super) fn link(&self, next: Link) {
        // Relaxed: the head's Release publishes it.
        self.next.store(next.word(), Relaxed);
    }

    /// Sets what comes after an object that another thread may have taken already, and may free as soon as
    /// this is written. The caller's last access.
    ///
    /// All bytes of a node are in the cell of its atomic, so that `self` may be left over.
    #[inline]
    pub(super) fn link_late(&self, next: Link) {
        // Release: pairs with the Acquire in `try_next`, so that the taker may free the object.
        self.next.store(next.word(), Release);
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
/// The implementor must uphold:
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
