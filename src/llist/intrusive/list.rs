//! The list itself: one word that points to the newest object.
//!
//! # Orderings
//!
//! Two atomics. (A node's word is argued in `node.rs`: all Relaxed.)
//!
//! - `head` is written by pushes, takes and a consumer that gives back, all of them
//!   read-modify-writes, so that whichever of them reads a value of it also continues the release
//!   sequences of all the earlier ones.
//!   - A push is Release: it publishes the object and its link. A take is Acquire: it begins the
//!     taker's use of everything that it found, whichever push put it there.
//!   - A take is also Release, and a push also Acquire: a push that comes after a take happens
//!     after it. That is what a consumer needs that goes to sleep (see the module's "wake-up
//!     edge"): it says so first, then takes, and a push that was too late for that take sees what
//!     it said.
//!   - Giving back is Release: it publishes the link that joins the rest to what was pushed since.
//! - `consumer` is 1 while there is a [`Consumer`]. Claiming it is Acquire and giving it up Release,
//!   so that a consumer finds what the one before it gave back.
//!
//! # What a push does not notice
//!
//! Between the load of `head` and the compare-exchange the object that was the newest may have been
//! taken, freed, and another one pushed at the same address (the ABA problem). The push reads nothing of
//! that object, and links to the object that is at the address now. `head` and links are addresses and not
//! pointers, so that the link is as good as one that was read afterwards: see `node.rs`.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::node::{Link, node};
use super::{Chain, Consumer, Linked, Pointer, UniquePointer};
use crate::atomic::pace::paced;
use crate::atomic::{Atomic, AtomicExt, AtomicU32, AtomicUsize, Backend, Native};

/// A lock-free list of objects that carry their own [`Node`](super::Node): nothing is allocated.
///
/// Any number of threads may push, and any number take all, without a lock and at the same time.
/// `P` is the pointer that owns an object while it is on the list: a [`Pointer`], such as
/// `Box<Job>`, `Arc<Job>`, `&'static Job` or `Pin<&mut Job>`. An object is on one list at most. If
/// other handles to it may exist, a second push is refused: [`try_push`](Self::try_push). If no
/// other handle can exist, there can be no second push: [`push`](Self::push).
///
/// [`LList`](crate::llist::LList) is the list of plain values. The [module](crate::llist) explains
/// why no operation needs a lock, and how a consumer sleeps.
///
/// # Examples
///
/// ```
/// use kref::llist::intrusive::{Linked, List, Node};
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
///
/// static JOBS: List<Box<Job>> = List::new();
///
/// assert!(JOBS.push(Box::new(Job { node: Node::new(), number: 1 }))); // it was empty
/// assert!(!JOBS.push(Box::new(Job { node: Node::new(), number: 2 })));
/// let numbers: Vec<u32> = JOBS.take_all().reverse().map(|job| job.number).collect();
/// assert_eq!(numbers, [1, 2]);
/// ```
///
/// Objects that are shared:
///
/// ```
/// use kref::llist::intrusive::{Linked, List, Node};
/// use std::sync::Arc;
///
/// struct Page {
///     dirty: Node<Page>,
/// }
///
/// // SAFETY: always the same field.
/// unsafe impl Linked for Page {
///     fn node(&self) -> &Node<Self> {
///         &self.dirty
///     }
/// }
///
/// let dirty = List::new();
/// let page = Arc::new(Page { dirty: Node::new() });
/// assert!(dirty.try_push(Arc::clone(&page)).is_ok());
/// assert!(dirty.try_push(Arc::clone(&page)).is_err()); // it is on the list already
///
/// drop(dirty.take_all());
/// assert!(dirty.try_push(page).is_ok());
/// ```
// # Invariants
//
// `head` is `END` or an object whose node, and those that follow up to `END`, belong to the list,
// as do the pointers that they were pushed as.
#[doc(alias = "llist_head")]
pub struct List<P, B = Native>
where
    P: Pointer<Target: Linked<B>>,
    B: Backend,
{
    /// The word of a [`Link`].
    head: B::Usize,
    consumer: B::U32,
    /// Invariant: what is pushed through a list of longer-lived pointers comes out of it as such.
    owns: PhantomData<*mut P>,
}

// SAFETY: the list owns its pointers, and nothing else.
unsafe impl<P: Pointer<Target: Linked<B>> + Send, B: Backend> Send for List<P, B> {}
// SAFETY: a thread that shares the list can put pointers in and take pointers out, but see none
// that stays.
unsafe impl<P: Pointer<Target: Linked<B>> + Send, B: Backend> Sync for List<P, B> {}

impl<P: Pointer<Target: Linked>> List<P, Native> {
    /// Creates an empty list.
    #[doc(alias = "LLIST_HEAD")]
    #[doc(alias = "LLIST_HEAD_INIT")]
    #[doc(alias = "init_llist_head")]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            head: AtomicUsize::new(Link::END.word()),
            consumer: AtomicU32::new(0),
            owns: PhantomData,
        }
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> List<P, B> {
    /// Like [`new`](List::new), for any backend. Not `const`.
    #[must_use]
    pub fn new_in() -> Self {
        Self {
            head: B::Usize::new(Link::END.word()),
            consumer: B::U32::new(0),
            owns: PhantomData,
        }
    }

    /// Pushes an object; returns `true` if the list was empty.
    ///
    /// It is a compare-and-swap loop, and lock-free. The caller that gets `true` has to wake the
    /// consumer: see [the module](crate::llist#the-wake-up-edge).
    ///
    /// # Memory ordering
    ///
    /// AcqRel. What the caller did before happens before the take that finds the object. Every take
    /// that was too early to find the object happens before what the caller does afterwards.
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
    /// let jobs = List::new();
    /// assert!(jobs.push(Box::new(Job(1, Node::new())))); // wake the consumer
    /// assert!(!jobs.push(Box::new(Job(2, Node::new()))));
    /// ```
    #[doc(alias = "llist_add")]
    #[inline]
    pub fn push(&self, object: P) -> bool
    where
        P: UniquePointer,
    {
        let object = object.into_raw();
        // SAFETY: the pointer was the only one, so the object is on no list, and ours to give.
        unsafe { self.add(object, object) }
    }

    /// Pushes an object unless it is on a list already; returns `true` if the list was empty.
    ///
    /// One compare-and-swap claims the object's node. The rest is as in [`push`](Self::push).
    ///
    /// # Memory ordering
    ///
    /// As [`push`](Self::push) if it pushes. A refusal is Relaxed.
    ///
    /// # Errors
    ///
    /// Returns the pointer if the object is on a list (this or another) or in a chain. It may be
    /// just on its way out: it leaves when the taker's iteration comes to it.
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
    /// assert_eq!(jobs.try_push(job.clone()).ok(), Some(true));
    /// assert!(jobs.try_push(job).is_err()); // it is on the list
    /// ```
    #[doc(alias = "llist_add")]
    #[inline]
    pub fn try_push(&self, object: P) -> Result<bool, P> {
        if !object.node().claim() {
            return Err(object);
        }
        let object = object.into_raw();
        // SAFETY: the node is claimed, and the pointer ours to give.
        Ok(unsafe { self.add(object, object) })
    }

    /// Pushes all objects at once, as if one after the other; returns `true` if the list was empty.
    ///
    /// It is one compare-and-swap on the list, however many objects there are. If there are no
    /// objects, the list is unchanged and `false` is returned. If the iterator panics, nothing has
    /// been pushed, and the objects that it had yielded are dropped.
    ///
    /// # Memory ordering
    ///
    /// As [`push`](Self::push) if there is something to push; otherwise there is no atomic access.
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
    /// let jobs = List::new();
    /// assert!(jobs.push_all((1..=3).map(|number| Box::new(Job(number, Node::new())))));
    /// assert_eq!(jobs.take_all().count(), 3);
    /// ```
    #[doc(alias = "llist_add_batch")]
    #[inline]
    pub fn push_all<I>(&self, objects: I) -> bool
    where
        I: IntoIterator<Item = P>,
        P: UniquePointer,
    {
        self.push_chain(objects.into_iter().collect())
    }

    /// Pushes a whole chain at once, its newest object as the newest; returns `true` if the list
    /// was empty.
    ///
    /// It is one compare-and-swap on the list, after a walk to the end of the chain. An empty chain
    /// leaves the list unchanged and returns `false`.
    ///
    /// # Memory ordering
    ///
    /// As [`push`](Self::push) if there is something to push; otherwise there is no atomic access.
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
    /// let (jobs, others) = (List::new(), List::new());
    /// jobs.push_all((1..=3).map(|number| Box::new(Job(number, Node::new()))));
    /// others.push_chain(jobs.take_all()); // all of them, in one step
    /// assert_eq!(others.take_all().next().unwrap().0, 3);
    /// ```
    #[doc(alias = "llist_add_batch")]
    pub fn push_chain(&self, chain: Chain<P, B>) -> bool {
        let Some((first, last)) = chain.into_ends() else {
            return false;
        };
        // SAFETY: from `first` to `last` it was a chain, and nobody owns it now.
        unsafe { self.add(first, last) }
    }

    /// # Safety
    ///
    /// The objects from `first` to `last` are linked, their nodes are nobody else's, and the
    /// pointers that they were pushed as are the caller's to give.
    #[inline]
    unsafe fn add(&self, first: NonNull<P::Target>, last: NonNull<P::Target>) -> bool {
        // SAFETY: the object stays ours until the head is written, and is not touched afterwards.
        let last = unsafe { node(last) };
        let first = Link::to(first).word();
        let is_push = |head| head != Link::END.word();
        let put = paced(is_push, |head| {
            last.link(Link::from_word(head));
            Some(first)
        });
        // Release: pairs with the Acquire in `take_all`, so that the taker sees the objects and
        // their links. Acquire: pairs with the Release in `take_all`, so that a push that comes too
        // late for a take sees what the taker said before it.
        let (Ok(old) | Err(old)) = self.head.cas_loop(AcqRel, put);
        Link::from_word(old) == Link::END
    }

    /// Takes everything that is on the list, in one swap: wait-free.
    ///
    /// It swaps without checking first whether the list is empty: a consumer that goes to sleep
    /// needs the swap (see [the module](crate::llist#the-wake-up-edge)), and the swap alone is
    /// cheaper if the list mostly holds something.
    ///
    /// # Memory ordering
    ///
    /// AcqRel: every push of what is found happens before, and every push that comes too late
    /// happens after.
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
    /// let jobs = List::new();
    /// jobs.push_all((1..=3).map(|number| Box::new(Job(number, Node::new()))));
    /// assert!(jobs.take_all().map(|job| job.0).eq([3, 2, 1]));
    /// ```
    #[doc(alias = "llist_del_all")]
    #[inline]
    pub fn take_all(&self) -> Chain<P, B> {
        // Acquire: pairs with the Release in `add` and `give_back`, so that objects and links are
        // seen. Release: pairs with the Acquire in `add`, so that a push that is too late sees what
        // the caller said before.
        let first = Link::from_word(self.head.swap(Link::END.word(), AcqRel));
        // SAFETY: by the invariant of the list, whose objects these were and no longer are.
        unsafe { Chain::from_first(first) }
    }

    /// Returns whether the list is empty; a hint, out of date as soon as it is read.
    ///
    /// Do not go to sleep because of it. Call [`take_all`](Self::take_all), and sleep if that
    /// returned nothing.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: it orders nothing.
    #[doc(alias = "llist_empty")]
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        // Relaxed: a hint.
        Link::from_word(self.head.load(Relaxed)) == Link::END
    }

    /// Becomes the list's consumer, which takes objects one at a time; `None` if there is one.
    ///
    /// [`take_all`](Self::take_all) may still be used.
    ///
    /// # Memory ordering
    ///
    /// As with a lock, what one consumer did happens before the next consumer exists.
    #[doc(alias = "llist_del_first")]
    #[must_use]
    pub fn consumer(&self) -> Option<Consumer<'_, P, B>> {
        // Acquire: pairs with the Release in `release_consumer`, so that this consumer comes after
        // the last one, and finds what that gave back. Relaxed: nothing is done after a refusal.
        self.consumer
            .compare_exchange(0, 1, Acquire, Relaxed)
            .is_ok()
            .then(|| Consumer::new(self))
    }

    /// Lets the next consumer in.
    pub(super) fn release_consumer(&self) {
        // Release: pairs with the Acquire in `consumer`.
        self.consumer.store(0, Release);
    }

    /// Puts back what was taken and not used, behind everything that was pushed since.
    ///
    /// Each round but the last is one in which another thread has pushed, so there is no bound on their number.
    pub(super) fn give_back(&self, mut rest: Chain<P, B>) {
        while !rest.is_empty() {
            let first = rest.into_first();
            // Release: pairs with the Acquire in `take_all`, so that the link made by `append` is
            // seen. Relaxed: on failure nothing is done but to take, which acquires.
            match (self.head).compare_exchange(Link::END.word(), first.word(), Release, Relaxed) {
                Ok(_) => return,
                Err(_) => {
                    // SAFETY: the chain that was given up above, as the list did not take it.
                    let older = unsafe { Chain::from_first(first) };
                    rest = self.take_all();
                    rest.append(older);
                }
            }
        }
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> Drop for List<P, B> {
    /// Drops what is on the list, as [`Chain`] does.
    fn drop(&mut self) {
        drop(self.take_all());
    }
}

impl<P: Pointer<Target: Linked>> Default for List<P, Native> {
    /// Creates an empty list.
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> fmt::Debug for List<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List")
            .field("is_empty", &self.is_empty())
            .finish_non_exhaustive()
    }
}
