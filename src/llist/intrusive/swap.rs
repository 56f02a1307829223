//! The push that does not loop: swap the head, then link.
//!
//! ```text
//! push of N                        taker
//! ---------                        -----
//! N.next = UNLINKED
//! old = swap(head, N)
//!                                  first = swap(head, END)    N, and behind it what?
//! N.next = old
//!                                  N.next                     now it is known
//! ```
//!
//! A [`List`](super::List)'s push fails and begins again whenever another push was quicker. This one
//! cannot fail: it is wait-free. In return there is a moment between the two steps, in which the
//! list is in two pieces. A taker that meets a producer stopped there has the objects in front of
//! it, and cannot reach those behind it until the producer goes on: it has to wait, or come back
//! later. So `take_all` is wait-free still, but the iteration is not even lock-free. That is why
//! this is a variant and not the default. It is not the faster one under load either. Two producers
//! that push all the time pass the head's cache line to and fro for every swap. The loop of a `List`
//! pauses, and so makes several pushes each time that it has the line.
//!
//! # Orderings
//!
//! - `head`: as in [`List`](super::List), argued in `list.rs`. The Release of the swap publishes the
//!   object, and `UNLINKED` in its node. It does not publish the link. But all that is *behind*
//!   the link was published by other pushes, whose release sequences this swap continues.
//! - A node's `next`: the store of the link is the producer's last access to the object, and the
//!   taker may free the object as soon as it has read it. So the store is Release and the load that
//!   finds it Acquire.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::mem;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{AcqRel, Relaxed};

use super::node::{Link, node};
use super::{Chain, Linked, Pointer, UniquePointer};
use crate::atomic::{Atomic, AtomicUsize, Backend, Native};

/// A [`List`](super::List) whose push is one swap and no loop, and whose taker may have to wait.
///
/// Use it where each push must end after a fixed number of steps, whatever other threads do, and the
/// taker may wait. Do not use it where the taker must not wait for a producer: where a producer has a
/// lower priority, or may be killed in the middle. On one thread it is a little quicker than a
/// [`List`](super::List); with two producers that push all the time it is slower.
///
/// # Examples
///
/// ```
/// use kref::llist::intrusive::{Linked, Node, SwapList};
/// # struct Job(u32, Node<Job>);
/// #
/// # // SAFETY: always the same field.
/// # unsafe impl Linked for Job {
/// #     fn node(&self) -> &Node<Self> {
/// #         &self.1
/// #     }
/// # }
/// static JOBS: SwapList<Box<Job>> = SwapList::new();
///
/// assert!(JOBS.push(Box::new(Job(1, Node::new())))); // it was empty
/// assert!(!JOBS.push(Box::new(Job(2, Node::new()))));
/// assert!(JOBS.take_all().map(|job| job.0).eq([2, 1]));
/// ```
#[doc(alias = "llist_head")]
pub struct SwapList<P, B = Native>
where
    P: Pointer<Target: Linked<B>>,
    B: Backend,
{
    /// The word of a [`Link`].
    head: B::Usize,
    /// Invariant: what is pushed through a list of longer-lived pointers comes out of it as such.
    owns: PhantomData<*mut P>,
}

// SAFETY: the list owns its pointers, and nothing else.
unsafe impl<P: Pointer<Target: Linked<B>> + Send, B: Backend> Send for SwapList<P, B> {}
// SAFETY: a thread that shares the list can put pointers in and take pointers out, but see none
// that stays.
unsafe impl<P: Pointer<Target: Linked<B>> + Send, B: Backend> Sync for SwapList<P, B> {}

impl<P: Pointer<Target: Linked>> SwapList<P, Native> {
    /// Creates an empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            head: AtomicUsize::new(Link::END.word()),
            owns: PhantomData,
        }
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> SwapList<P, B> {
    /// Like [`new`](SwapList::new), for any backend. Not `const`.
    #[must_use]
    pub fn new_in() -> Self {
        Self {
            head: B::Usize::new(Link::END.word()),
            owns: PhantomData,
        }
    }

    /// Pushes an object; returns `true` if the list was empty. Wait-free: one swap and a store.
    ///
    /// # Memory ordering
    ///
    /// As [`List::push`](super::List::push).
    ///
    /// # Examples
    ///
    /// See [`List::push`](super::List::push), which is called in the same way.
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
    /// Wait-free.
    ///
    /// # Memory ordering
    ///
    /// As [`push`](Self::push) if it pushes. A refusal is Relaxed.
    ///
    /// # Examples
    ///
    /// See [`List::try_push`](super::List::try_push), which is called in the same way.
    ///
    /// # Errors
    ///
    /// Returns the pointer if the object is on a list (this or another) or in a chain.
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

    /// Pushes a whole chain at once, its newest object as the newest; returns `true` if the list
    /// was empty. An empty chain leaves the list unchanged and returns `false`.
    ///
    /// # Memory ordering
    ///
    /// As [`push`](Self::push) if there is something to push; otherwise there is no atomic access.
    ///
    /// # Examples
    ///
    /// See [`List::push_chain`](super::List::push_chain), which is called in the same way.
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
        // SAFETY: the object stays where it is until the taker has read the link, which is stored
        // below, by the last access to it.
        let last = unsafe { node(last) };
        last.link(Link::UNLINKED);
        // Release: pairs with the Acquire in `take_all`, so that the taker sees the objects, and
        // that the last is not linked. Acquire: pairs with the Release in `take_all`, as in `List`.
        let old = Link::from_word(self.head.swap(Link::to(first).word(), AcqRel));
        last.link_late(old);
        old == Link::END
    }

    /// Pushes all objects at once, as if one after the other; returns `true` if the list was empty.
    ///
    /// As [`List::push_all`](super::List::push_all), and wait-free.
    ///
    /// # Memory ordering
    ///
    /// As [`push`](Self::push) if there is something to push; otherwise there is no atomic access.
    ///
    /// # Examples
    ///
    /// See [`take_all`](Self::take_all).
    #[doc(alias = "llist_add_batch")]
    #[inline]
    pub fn push_all<I>(&self, objects: I) -> bool
    where
        I: IntoIterator<Item = P>,
        P: UniquePointer,
    {
        self.push_chain(objects.into_iter().collect())
    }

    /// Takes everything that is on the list, in one swap: wait-free. To go through it is not, see
    /// [`SwapChain`].
    ///
    /// # Memory ordering
    ///
    /// As [`List::take_all`](super::List::take_all).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::llist::intrusive::{Linked, Node, SwapList};
    /// # struct Job(u32, Node<Job>);
    /// #
    /// # // SAFETY: always the same field.
    /// # unsafe impl Linked for Job {
    /// #     fn node(&self) -> &Node<Self> {
    /// #         &self.1
    /// #     }
    /// # }
    /// let jobs = SwapList::new();
    /// jobs.push_all((1..=3).map(|number| Box::new(Job(number, Node::new()))));
    /// assert!(jobs.take_all().map(|job| job.0).eq([3, 2, 1]));
    /// ```
    #[doc(alias = "llist_del_all")]
    #[inline]
    pub fn take_all(&self) -> SwapChain<P, B> {
        // Acquire: pairs with the Release in `add`, so that objects are seen. Release: pairs with
        // the Acquire in `add`, so that a push that is too late sees what the caller said before.
        let first = Link::from_word(self.head.swap(Link::END.word(), AcqRel));
        SwapChain {
            first,
            owns: PhantomData,
            backend: PhantomData,
        }
    }

    /// Returns whether the list is empty; a hint, out of date as soon as it is read.
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
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> Drop for SwapList<P, B> {
    /// Drops what is on the list. No thread is pushing any more, so nothing has to wait.
    fn drop(&mut self) {
        drop(self.take_all());
    }
}

impl<P: Pointer<Target: Linked>> Default for SwapList<P, Native> {
    /// Creates an empty list.
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> fmt::Debug for SwapList<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwapList")
            .field("is_empty", &self.is_empty())
            .finish_non_exhaustive()
    }
}

/// The error of [`SwapChain::try_next`]: a producer is between the two steps of its push, so the
/// object cannot be taken yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotYet;

impl fmt::Display for NotYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a producer has not yet finished its push")
    }
}

impl core::error::Error for NotYet {}

/// Objects that were taken off a [`SwapList`] together, newest first.
///
/// Where a producer was stopped in the middle of its push, [`try_next`](Self::try_next) says so, and
/// the iterator, [`settle`](Self::settle) and the destructor wait for it, for as long as it takes. They call
/// [`Backend::relax`] between two looks: with the default backend they spin, and then yield
/// to the operating system if the feature `std` is on. Without `std` a taker that has
/// preempted the producer on the only processor waits forever: use [`try_next`](Self::try_next).
// # Invariants
//
// As a [`Chain`], but a node may be `UNLINKED` still.
#[must_use = "dropping the chain drops what was taken"]
pub struct SwapChain<P, B = Native>
where
    P: Pointer<Target: Linked<B>>,
    B: Backend,
{
    first: Link,
    owns: PhantomData<P>,
    /// Invariant: `B` chooses which node of an object links it.
    backend: PhantomData<fn(B) -> B>,
}

// SAFETY: the chain owns its pointers, and nothing else. (It gives out no shared references.)
unsafe impl<P: Pointer<Target: Linked<B>> + Send, B: Backend> Send for SwapChain<P, B> {}

impl<P: Pointer<Target: Linked<B>>, B: Backend> SwapChain<P, B> {
    /// Returns whether the chain is empty.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first == Link::END
    }

    /// Takes the newest object, and does not wait.
    ///
    /// # Errors
    ///
    /// Returns [`NotYet`] if its producer has still to say what comes after it.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::llist::intrusive::{Linked, Node, SwapList};
    /// # struct Job(u32, Node<Job>);
    /// #
    /// # // SAFETY: always the same field.
    /// # unsafe impl Linked for Job {
    /// #     fn node(&self) -> &Node<Self> {
    /// #         &self.1
    /// #     }
    /// # }
    /// let jobs = SwapList::new();
    /// jobs.push(Box::new(Job(1, Node::new())));
    /// let mut chain = jobs.take_all();
    /// assert_eq!(chain.try_next().map(|job| job.map(|job| job.0)), Ok(Some(1)));
    /// ```
    #[inline]
    pub fn try_next(&mut self) -> Result<Option<P>, NotYet> {
        // SAFETY: by the invariant of the type.
        let Some(first) = (unsafe { self.first.object() }) else {
            return Ok(None);
        };
        // SAFETY: the object is in the chain, thus alive.
        let node = unsafe { node(first) };
        self.first = node.try_next().ok_or(NotYet)?;
        node.unlink();
        // SAFETY: the object was pushed as a `P`, and has just left the chain.
        Ok(Some(unsafe { P::from_raw(first) }))
    }

    /// Waits until all objects can be reached, and returns them as an ordinary chain.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::llist::intrusive::{Linked, Node, SwapList};
    /// # struct Job(u32, Node<Job>);
    /// #
    /// # // SAFETY: always the same field.
    /// # unsafe impl Linked for Job {
    /// #     fn node(&self) -> &Node<Self> {
    /// #         &self.1
    /// #     }
    /// # }
    /// let jobs = SwapList::new();
    /// jobs.push_all((1..=3).map(|number| Box::new(Job(number, Node::new()))));
    /// let oldest_first = jobs.take_all().settle().reverse();
    /// assert!(oldest_first.map(|job| job.0).eq([1, 2, 3]));
    /// ```
    pub fn settle(mut self) -> Chain<P, B> {
        self.take_settled()
    }

    fn take_settled(&mut self) -> Chain<P, B> {
        let first = mem::replace(&mut self.first, Link::END);
        let mut next = first;
        // SAFETY: by the invariant of the type, and so is what comes after it.
        while let Some(object) = unsafe { next.object::<P::Target>() } {
            // SAFETY: the object is in the chain, thus alive.
            let node = unsafe { node(object) };
            next = wait::<_, B>(|| node.try_next());
        }
        // SAFETY: by the invariant of the type, and none is UNLINKED.
        unsafe { Chain::from_first(first) }
    }
}

/// Calls `f` until it has an answer, and lets other threads go on in between.
#[inline]
fn wait<T, B: Backend>(mut f: impl FnMut() -> Option<T>) -> T {
    let mut round = 0_u32;
    loop {
        if let Some(answer) = f() {
            return answer;
        }
        B::relax(round);
        round = round.saturating_add(1);
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> Iterator for SwapChain<P, B> {
    type Item = P;

    /// Takes the newest object, and waits for its producer if necessary.
    #[inline]
    fn next(&mut self) -> Option<P> {
        wait::<_, B>(|| self.try_next().ok())
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> FusedIterator for SwapChain<P, B> {}

impl<P: Pointer<Target: Linked<B>>, B: Backend> Drop for SwapChain<P, B> {
    /// Drops what is left, as [`Chain`] does, and waits for producers if need be.
    fn drop(&mut self) {
        drop(self.take_settled());
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> fmt::Debug for SwapChain<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwapChain")
            .field("is_empty", &self.is_empty())
            .finish_non_exhaustive()
    }
}
