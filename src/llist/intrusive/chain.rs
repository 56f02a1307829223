//! The objects that were taken off a list: they have one owner, and need no atomic operation.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::mem;
use core::ptr::NonNull;

use super::node::{Link, node};
use super::{Linked, Pointer, UniquePointer};
use crate::atomic::{Backend, Native};

/// Objects that were taken off a list together, newest first; one owner, so no atomic operations.
///
/// It is an iterator that gives back the pointers, and drops those that are left. Only its owner
/// reaches it, so nothing here is atomic, and everything is allowed that llist.h allows on the result
/// of `llist_del_all`. A chain can also be built, with [`push`](Self::push) and
/// [`try_push`](Self::try_push), and be put on a list at once, with
/// [`List::push_chain`](super::List::push_chain).
// # Invariants
//
// `first` is `END` or an object whose node, and those that follow up to `END`, belong to the chain,
// as do the pointers that they were pushed as.
#[must_use = "dropping the chain drops what was taken"]
#[doc(alias = "__llist_add_batch")]
#[doc(alias = "__llist_del_all")]
pub struct Chain<P, B = Native>
where
    P: Pointer<Target: Linked<B>>,
    B: Backend,
{
    first: Link,
    owns: PhantomData<P>,
    /// Invariant: `B` chooses which node of an object links it.
    backend: PhantomData<fn(B) -> B>,
}

/// The newest and the oldest object of a chain.
type Ends<T> = Option<(NonNull<T>, NonNull<T>)>;

// SAFETY: the chain owns its pointers, and nothing else.
unsafe impl<P: Pointer<Target: Linked<B>> + Send, B: Backend> Send for Chain<P, B> {}
// SAFETY: a shared chain gives out shared references to what its pointers point to.
unsafe impl<P: Pointer<Target: Linked<B>> + Sync, B: Backend> Sync for Chain<P, B> {}

impl<P: Pointer<Target: Linked<B>>, B: Backend> Chain<P, B> {
    /// Creates an empty chain.
    pub const fn new() -> Self {
        Self {
            first: Link::END,
            owns: PhantomData,
            backend: PhantomData,
        }
    }

    /// Takes over the objects from `first` on.
    ///
    /// # Safety
    ///
    /// The invariant of the type, and nobody else uses these nodes.
    pub(super) const unsafe fn from_first(first: Link) -> Self {
        Self {
            first,
            owns: PhantomData,
            backend: PhantomData,
        }
    }

    /// Gives up the objects, and returns the first, or `END`.
    pub(super) fn into_first(self) -> Link {
        mem::ManuallyDrop::new(self).first
    }

    /// Gives up the objects, and returns the newest and the oldest.
    pub(super) fn into_ends(self) -> Ends<P::Target> {
        let ends = self.newest().zip(self.oldest());
        mem::forget(self);
        ends
    }

    /// Returns whether the chain is empty.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first == Link::END
    }

    /// Takes the newest object; the same as [`next`](Iterator::next).
    ///
    /// # Examples
    ///
    /// See [`push`](Self::push).
    #[inline]
    pub fn pop(&mut self) -> Option<P> {
        let first = self.newest()?;
        // SAFETY: the object is in the chain, thus alive, and its node ours.
        let node = unsafe { node(first) };
        self.first = node.unlink();
        // SAFETY: the object was pushed as a `P`, and has just left the chain.
        Some(unsafe { P::from_raw(first) })
    }

    /// Puts an object in front, as the newest. Counterpart: `__llist_add`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::llist::intrusive::{Chain, Linked, Node};
    /// # struct Job(u32, Node<Job>);
    /// #
    /// # // SAFETY: always the same field.
    /// # unsafe impl Linked for Job {
    /// #     fn node(&self) -> &Node<Self> {
    /// #         &self.1
    /// #     }
    /// # }
    /// let mut chain = Chain::<Box<Job>>::new();
    /// chain.push(Box::new(Job(1, Node::new())));
    /// chain.push(Box::new(Job(2, Node::new())));
    /// assert_eq!(chain.pop().unwrap().0, 2);
    /// ```
    #[doc(alias = "__llist_add")]
    #[inline]
    pub fn push(&mut self, object: P)
    where
        P: UniquePointer,
    {
        // SAFETY: the pointer is the only one, so the object is on no list, and the chain has it.
        unsafe { self.push_claimed(object.into_raw()) };
    }

    /// Puts an object in front, as the newest, unless it is on a list.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::llist::intrusive::{Chain, Linked, Node};
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
    /// let mut chain = Chain::new();
    /// let job = Arc::new(Job(1, Node::new()));
    /// assert!(chain.try_push(job.clone()).is_ok());
    /// assert!(chain.try_push(job).is_err()); // it is in the chain
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the pointer if the object is on a list, or in a chain, already.
    #[inline]
    pub fn try_push(&mut self, object: P) -> Result<(), P> {
        if !object.node().claim() {
            return Err(object);
        }
        // SAFETY: the node is claimed, and the chain has the pointer.
        unsafe { self.push_claimed(object.into_raw()) };
        Ok(())
    }

    /// # Safety
    ///
    /// The object's node is nobody else's, and it was a `P`.
    #[inline]
    unsafe fn push_claimed(&mut self, object: NonNull<P::Target>) {
        // SAFETY: the caller's promise.
        unsafe { node(object) }.link(self.first);
        self.first = Link::to(object);
    }

    /// Reverses the chain: oldest first. It takes time in proportion to the length.
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
    /// assert!(jobs.take_all().reverse().map(|job| job.0).eq([1, 2, 3]));
    /// ```
    #[doc(alias = "llist_reverse_order")]
    pub fn reverse(mut self) -> Self {
        let mut reversed = Self::new();
        while let Some(first) = self.newest() {
            // SAFETY: the object is in the chain, thus alive, and its node ours. It stays linked:
            // nobody else may claim it.
            self.first = unsafe { node(first) }.next();
            // SAFETY: it has left one chain, and enters the other.
            unsafe { reversed.push_claimed(first) };
        }
        reversed
    }

    /// Puts `older` behind the oldest object. It takes time in proportion to the length.
    pub(super) fn append(&mut self, older: Self) {
        let older = older.into_first();
        match self.oldest() {
            // SAFETY: the object is in the chain, thus alive, and its node ours.
            Some(last) => unsafe { node(last) }.link(older),
            None => self.first = older,
        }
    }

    #[inline]
    fn newest(&self) -> Option<NonNull<P::Target>> {
        // SAFETY: by the invariant of the type.
        unsafe { self.first.object() }
    }

    fn oldest(&self) -> Option<NonNull<P::Target>> {
        self.iter().last().map(NonNull::from)
    }

    /// Returns an iterator over the objects, newest first, which leaves them in the chain.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::llist::intrusive::{Chain, Linked, Node};
    /// # struct Job(u32, Node<Job>);
    /// #
    /// # // SAFETY: always the same field.
    /// # unsafe impl Linked for Job {
    /// #     fn node(&self) -> &Node<Self> {
    /// #         &self.1
    /// #     }
    /// # }
    /// let chain: Chain<Box<Job>> = (1..=3).map(|number| Box::new(Job(number, Node::new()))).collect();
    /// assert!(chain.iter().map(|job| job.0).eq([3, 2, 1]));
    /// assert_eq!(chain.count(), 3); // they are still there
    /// ```
    #[doc(alias = "llist_for_each")]
    #[doc(alias = "llist_for_each_entry")]
    pub fn iter(&self) -> Iter<'_, P, B> {
        Iter {
            // SAFETY: the objects stay in the chain as long as it is borrowed.
            next: self.newest().map(|object| unsafe { object.as_ref() }),
            backend: PhantomData,
        }
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> Iterator for Chain<P, B> {
    type Item = P;

    #[doc(alias = "llist_for_each_entry_safe")]
    #[inline]
    fn next(&mut self) -> Option<P> {
        self.pop()
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> FusedIterator for Chain<P, B> {}

impl<P: Pointer<Target: Linked<B>>, B: Backend> Drop for Chain<P, B> {
    /// Drops what is left, one after the other: a long chain takes no stack.
    ///
    /// If a destructor panics, the rest is dropped before the panic goes on.
    fn drop(&mut self) {
        struct Rest<'a, P: Pointer<Target: Linked<B>>, B: Backend>(&'a mut Chain<P, B>);

        impl<P: Pointer<Target: Linked<B>>, B: Backend> Drop for Rest<'_, P, B> {
            fn drop(&mut self) {
                self.0.for_each(drop);
            }
        }

        let rest = Rest(self);
        rest.0.for_each(drop);
    }
}

impl<P, B> FromIterator<P> for Chain<P, B>
where
    P: UniquePointer + Pointer<Target: Linked<B>>,
    B: Backend,
{
    /// Builds a chain of the objects; the last that the iterator yields is the newest.
    fn from_iter<I: IntoIterator<Item = P>>(objects: I) -> Self {
        let mut chain = Self::new();
        objects.into_iter().for_each(|object| chain.push(object));
        chain
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> Default for Chain<P, B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P, B> fmt::Debug for Chain<P, B>
where
    P: Pointer<Target: Linked<B> + fmt::Debug>,
    B: Backend,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// An iterator over the objects of a [`Chain`], newest first.
#[must_use = "iterators do nothing unless they are used"]
pub struct Iter<'a, P, B = Native>
where
    P: Pointer<Target: Linked<B>>,
    B: Backend,
{
    next: Option<&'a P::Target>,
    backend: PhantomData<fn(B) -> B>,
}

impl<'a, P: Pointer<Target: Linked<B>>, B: Backend> Iterator for Iter<'a, P, B> {
    type Item = &'a P::Target;

    #[inline]
    fn next(&mut self) -> Option<&'a P::Target> {
        let current = self.next?;
        // SAFETY: by the invariant of the chain.
        let next = unsafe { current.node().next().object() };
        // SAFETY: the chain is borrowed for `'a`, so the object stays in it.
        self.next = next.map(|object: NonNull<P::Target>| unsafe { object.as_ref() });
        Some(current)
    }
}

impl<P: Pointer<Target: Linked<B>>, B: Backend> FusedIterator for Iter<'_, P, B> {}

impl<'a, P: Pointer<Target: Linked<B>>, B: Backend> IntoIterator for &'a Chain<P, B> {
    type Item = &'a P::Target;
    type IntoIter = Iter<'a, P, B>;

    fn into_iter(self) -> Iter<'a, P, B> {
        self.iter()
    }
}
