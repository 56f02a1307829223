//! Counted pointers as raw pointers, and a form that is lent.
//!
//! The raw pointer is the node's address: one word, whatever the payload is.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::counted::Counted;
use super::node::Node;
use super::payload::Payload;
use crate::lock::LockBackend;

impl<P: Payload, B: LockBackend> Counted<P, B> {
    /// Gives the reference to the caller, as a raw pointer.
    pub(crate) fn into_raw(self) -> *const () {
        ManuallyDrop::new(self).node().as_ptr().cast_const().cast()
    }

    /// Takes a reference back.
    ///
    /// # Safety
    ///
    /// The pointer came from [`into_raw`](Self::into_raw) of the same type, and its reference is the caller's to give up.
    pub(crate) unsafe fn from_raw(raw: *const ()) -> Self {
        // SAFETY: it was the address of a node.
        let node = unsafe { NonNull::new_unchecked(raw.cast::<Node<B>>().cast_mut()) };
        // SAFETY: as the caller promises.
        unsafe { Self::from_node(node) }
    }
}

/// A reference to a node that another holder has counted.
///
/// # Invariants
///
/// The node has a reference that is not given up before `'a` ends.
pub(crate) struct Lent<'a, P: Payload, B: LockBackend> {
    node: NonNull<Node<B>>,
    lent: PhantomData<&'a Counted<P, B>>,
}

impl<'a, P: Payload, B: LockBackend> Lent<'a, P, B> {
    #[inline]
    pub(crate) fn new(counted: &'a Counted<P, B>) -> Self {
        Self {
            node: counted.node(),
            lent: PhantomData,
        }
    }

    /// # Safety
    ///
    /// The pointer came from [`Counted::into_raw`] of the same type, and the reference is not given up before `'a` ends.
    pub(crate) unsafe fn from_raw(raw: *const ()) -> Self {
        // SAFETY: as the caller promises; it is not dropped.
        let counted = ManuallyDrop::new(unsafe { Counted::<P, B>::from_raw(raw) });
        Self {
            node: counted.node(),
            lent: PhantomData,
        }
    }

    /// The counted pointer, which another holder will drop.
    #[inline]
    pub(crate) fn counted(self) -> ManuallyDrop<Counted<P, B>> {
        // SAFETY: the node has a reference, and this one is not dropped.
        ManuallyDrop::new(unsafe { Counted::from_node(self.node) })
    }
}

impl<P: Payload, B: LockBackend> Clone for Lent<'_, P, B> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Payload, B: LockBackend> Copy for Lent<'_, P, B> {}

// SAFETY: it is used as a shared reference to the counted pointer is.
unsafe impl<P: Payload, B: LockBackend> Send for Lent<'_, P, B> where Counted<P, B>: Sync {}
// SAFETY: as above.
unsafe impl<P: Payload, B: LockBackend> Sync for Lent<'_, P, B> where Counted<P, B>: Sync {}
