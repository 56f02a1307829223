//! What lies in a slot: a small payload itself, or the address of a large one.
//!
//! All slots of a table have one size, and no critical section copies more than a slot has. So a payload of more than
//! [`LARGEST`] bytes lies in an allocation of its own. It is made and filled before the lock is taken, and freed
//! when it has been dropped, with no lock held. The address in the slot does not change while there is a reference
//! to the node, and is published with the node (see `node.rs`).

use alloc::boxed::Box;
use core::alloc::Layout;
use core::mem::{ManuallyDrop, MaybeUninit, needs_drop};
use core::ptr::NonNull;

use super::node::{Node, State};
use crate::lock::LockBackend;

/// How many bytes a slot has for a payload, at most.
pub(crate) const LARGEST: usize = 128;
/// What a payload in a slot is aligned to, at most.
const MOST_ALIGNED: usize = 64;

/// What lies behind the header of a node.
///
/// # Safety
///
/// `SLOT` is what is written to a slot when a node is inserted; `end` drops all that has to be dropped.
pub(crate) unsafe trait Payload {
    /// The layout of what lies in the slot.
    const SLOT: Layout;

    /// Whether `end` has nothing to do for this node, whatever its state is.
    ///
    /// # Safety
    ///
    /// There is a payload in the node, which is the caller's alone.
    unsafe fn is_trivial<B: LockBackend>(node: NonNull<Node<B>>) -> bool;

    /// Drops the value alone, of a node whose keys are exclusive.
    ///
    /// # Safety
    ///
    /// The node is `Dying`, and its value is the caller's alone. Once only. No lock is held.
    unsafe fn end_value<B: LockBackend>(node: NonNull<Node<B>>);

    /// Drops what is in a node that was in this state, where it lies, and frees the memory that it has in addition to the slot.
    /// Both happen also if a destructor panics.
    ///
    /// # Safety
    ///
    /// The node is the caller's alone: its count is zero, settled, and it is in no chain. Once only. No lock is
    /// held, as this is user code.
    unsafe fn end<B: LockBackend>(node: NonNull<Node<B>>, state: State);
}

/// A sized payload, and how it lies in a slot.
pub(crate) struct Place<T>(T);

impl<T> Place<T> {
    /// Whether it lies in the slot itself.
    pub(crate) const INLINE: bool = size_of::<T>() <= LARGEST && align_of::<T>() <= MOST_ALIGNED;

    pub(crate) const SLOT: Layout = if Self::INLINE {
        Layout::new::<T>()
    } else {
        Layout::new::<NonNull<T>>()
    };

    /// Whether nothing has to be done at its end.
    pub(crate) const TRIVIAL: bool = Self::INLINE && !needs_drop::<T>();

    /// Where the payload of a slot is.
    ///
    /// # Safety
    ///
    /// The slot has such a payload, and the caller a reference to its node, or the node for itself.
    #[inline]
    pub(crate) unsafe fn at(slot: NonNull<u8>) -> NonNull<T> {
        if Self::INLINE {
            slot.cast()
        } else {
            // SAFETY: the slot has the address, see `Large::store`.
            unsafe { slot.cast::<NonNull<T>>().read() }
        }
    }

    /// Frees what a payload has outside its slot when the result is dropped.
    ///
    /// # Safety
    ///
    /// As for [`at`](Self::at), and the payload is not used any more when the result is dropped. Once only.
    pub(crate) unsafe fn free_at_end(slot: NonNull<u8>) -> Option<Large<T>> {
        // SAFETY: as the caller promises.
        let payload = || unsafe { Self::at(slot) };
        (!Self::INLINE).then(|| Large(payload()))
    }
}

/// The allocation of a large payload before it is in a slot. It owns the memory, and not what is in it.
pub(crate) struct Large<T>(NonNull<T>);

impl<T> Large<T> {
    pub(crate) fn new() -> Self {
        debug_assert!(!Place::<T>::INLINE);
        Self(NonNull::from(Box::leak(Box::<T>::new_uninit())).cast())
    }

    pub(crate) fn get(&self) -> NonNull<T> {
        self.0
    }

    /// Gives the allocation to a slot.
    ///
    /// # Safety
    ///
    /// The slot is of [`Place::SLOT`].
    pub(crate) unsafe fn store(self, slot: NonNull<u8>) {
        let this = ManuallyDrop::new(self);
        // SAFETY: as the caller promises.
        unsafe { slot.cast().write(this.0) };
    }
}

impl<T> Drop for Large<T> {
    fn drop(&mut self) {
        let memory = self.0.cast::<MaybeUninit<T>>().as_ptr();
        // SAFETY: it came from a box, and is in no slot, or its node is gone.
        drop(unsafe { Box::from_raw(memory) });
    }
}

/// Drops what lies at a place when it goes: a destructor that has to run also if one before it panics.
pub(crate) struct DropInPlace<T>(*mut T);

impl<T> DropInPlace<T> {
    /// # Safety
    ///
    /// There is a `T`, which no other code drops, and which lives until this is dropped.
    pub(crate) unsafe fn new(place: *mut T) -> Self {
        Self(place)
    }
}

impl<T> Drop for DropInPlace<T> {
    fn drop(&mut self) {
        // SAFETY: as for `new`.
        unsafe { self.0.drop_in_place() };
    }
}
