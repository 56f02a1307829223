//! A key and its value, as the payload of a node.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::lock::LockBackend;
use crate::table::{Counted, Node, Payload, State};

/// A key, and the value once it is built.
///
/// # Invariants
///
/// The value is there if the node is `Listed` or `Unlisted`.
pub(super) struct Entry<K, V> {
    value: MaybeUninit<V>,
    key: K,
}

// SAFETY: the layout is the type's, and `take` moves out the key, and the value if it is there.
unsafe impl<K, V> Payload for Entry<K, V> {
    type Taken = (Option<V>, K);

    #[inline]
    unsafe fn layout<B: LockBackend>(_: NonNull<Node<B>>) -> Layout {
        Layout::new::<Self>()
    }

    unsafe fn take<B: LockBackend>(node: NonNull<Node<B>>, state: State) -> Self::Taken {
        // SAFETY: the caller has the entry for itself, and does not use it afterwards.
        let entry = unsafe { Self::of(node).read() };
        let value = match state {
            // SAFETY: the value is there in these states.
            State::Listed | State::Unlisted => Some(unsafe { entry.value.assume_init() }),
            State::Building | State::Absent => None,
        };
        (value, entry.key)
    }
}

impl<K, V> Entry<K, V> {
    pub(super) const LAYOUT: Layout = Layout::new::<Self>();

    /// An entry whose value is to be built.
    pub(super) fn building(key: K) -> Self {
        Self {
            value: MaybeUninit::uninit(),
            key,
        }
    }

    pub(super) fn new(key: K, value: V) -> Self {
        Self {
            value: MaybeUninit::new(value),
            key,
        }
    }

    #[inline]
    fn of<B: LockBackend>(node: NonNull<Node<B>>) -> NonNull<Self> {
        Node::payload(node, Self::LAYOUT).cast()
    }

    #[inline]
    pub(super) fn key<B: LockBackend>(counted: &Counted<Self, B>) -> &K {
        let entry = Self::of(counted.node());
        // SAFETY: the reference keeps the entry, whose key is there in every state. The value may be
        // being written, so only the key is borrowed.
        unsafe { &(*entry.as_ptr()).key }
    }

    /// # Safety
    ///
    /// The value is there, and the caller knows it from an Acquire or under the lock.
    #[inline]
    pub(super) unsafe fn value<B: LockBackend>(counted: &Counted<Self, B>) -> &V {
        let entry = Self::of(counted.node());
        // SAFETY: the reference keeps the entry.
        let value = unsafe { &(*entry.as_ptr()).value };
        // SAFETY: as the caller promises.
        unsafe { value.assume_init_ref() }
    }

    /// Writes the value of an entry that is being built.
    ///
    /// # Safety
    ///
    /// The caller is its builder, and does this once.
    pub(super) unsafe fn build<B: LockBackend>(counted: &Counted<Self, B>, value: V) {
        let entry = Self::of(counted.node());
        // SAFETY: the reference keeps the entry.
        let place = unsafe { &raw mut (*entry.as_ptr()).value };
        // SAFETY: nobody else uses the value before the node is listed.
        unsafe { place.write(MaybeUninit::new(value)) };
    }
}
