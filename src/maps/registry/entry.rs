//! A key and its value, as the payload of a node.

use core::alloc::Layout;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;

use crate::lock::LockBackend;
use crate::maps::table::{Counted, DropInPlace, Large, Node, Payload, Place, State};
use crate::pointers::deep::with_room;

/// A key, and the value once it is built.
///
/// # Invariants
///
/// The value is there if the node is `Listed` or `Unlisted`.
pub(super) struct Entry<K, V> {
    value: MaybeUninit<V>,
    key: K,
}

/// An entry that is not in a slot yet: its key, and, if entries of this type have allocations of their own, the
/// allocation, in which the key is already.
pub(super) enum Draft<K, V> {
    Small(K),
    Large(LargeDraft<K, V>),
}

/// A large entry that is not in a slot yet.
///
/// # Invariants
///
/// The key is there, and the value if `has_value`.
pub(super) struct LargeDraft<K, V> {
    memory: Large<Entry<K, V>>,
    has_value: bool,
}

/// An entry with its value that is not in a slot yet: a key and a value, or, if entries of their types are large, a
/// [`LargeDraft`].
pub(super) trait New<K, V> {
    fn key(&self) -> &K;

    fn into_parts(self) -> (K, V);

    /// # Safety
    ///
    /// The slot is for an entry of these types.
    unsafe fn store(self, slot: NonNull<u8>);
}

// SAFETY: the slot is `Place`'s, and `end` drops the value, if there is one in this state, and the key.
unsafe impl<K, V> Payload for Entry<K, V> {
    const SLOT: Layout = Place::<Self>::SLOT;

    #[inline]
    unsafe fn is_trivial<B: LockBackend>(_: NonNull<Node<B>>) -> bool {
        // An `Entry` needs drop if its key does; that its value does, it does not say.
        Place::<Self>::TRIVIAL && !core::mem::needs_drop::<V>()
    }

    unsafe fn end_value<B: LockBackend>(node: NonNull<Node<B>>) {
        // SAFETY: the caller has the value for itself, and a reference to the node.
        let entry = unsafe { Self::of(node) }.as_ptr();
        // SAFETY: there is an entry. Others may be comparing its key.
        let value = unsafe { &raw mut (*entry).value };
        // SAFETY: the value is there, and is dropped here.
        with_room::<V>(|| unsafe { value.cast::<V>().drop_in_place() });
    }

    unsafe fn end<B: LockBackend>(node: NonNull<Node<B>>, state: State) {
        // The key and the allocation are dropped with these, after the value, also if its destructor panics.
        let end = || {
            // SAFETY: the key and the value are dropped before this.
            let _memory = unsafe { Place::<Self>::free_at_end(Node::payload(node, Self::SLOT)) };
            // SAFETY: the caller has the node for itself.
            let entry = unsafe { Self::of(node) }.as_ptr();
            // SAFETY: there is an entry.
            let key = unsafe { &raw mut (*entry).key };
            // SAFETY: the key is there in every state, and is dropped here.
            let _key = unsafe { DropInPlace::new(key) };
            if matches!(state, State::Listed | State::Unlisted) {
                // SAFETY: there is an entry.
                let value = unsafe { &raw mut (*entry).value };
                // SAFETY: the value is there in these states, and is dropped here.
                unsafe { value.cast::<V>().drop_in_place() };
            }
        };
        with_room::<(K, V)>(end);
    }
}

impl<K, V> Entry<K, V> {
    /// Whether entries of this type lie in the slots themselves.
    pub(super) const INLINE: bool = Place::<Self>::INLINE;

    /// # Safety
    ///
    /// As for [`Place::at`].
    #[inline]
    unsafe fn of<B: LockBackend>(node: NonNull<Node<B>>) -> NonNull<Self> {
        // SAFETY: as the caller promises.
        unsafe { Place::at(Node::payload(node, Self::SLOT)) }
    }

    #[inline]
    pub(super) fn key<B: LockBackend>(counted: &Counted<Self, B>) -> &K {
        // SAFETY: a reference is held.
        let entry = unsafe { Self::of(counted.node()) };
        // SAFETY: the reference keeps the entry, whose key is there in every state. The value may be
        // being written, so only the key is borrowed.
        unsafe { &(*entry.as_ptr()).key }
    }

    /// # Safety
    ///
    /// The value is there, and the caller knows it from an Acquire or under the lock.
    #[inline]
    pub(super) unsafe fn value<B: LockBackend>(counted: &Counted<Self, B>) -> &V {
        // SAFETY: a reference is held.
        let entry = unsafe { Self::of(counted.node()) };
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
    #[inline]
    pub(super) unsafe fn build<B: LockBackend>(counted: &Counted<Self, B>, value: V) {
        // SAFETY: a reference is held.
        let entry = unsafe { Self::of(counted.node()) };
        // SAFETY: the reference keeps the entry.
        let place = unsafe { &raw mut (*entry.as_ptr()).value };
        // SAFETY: nobody else uses the value before the node is listed.
        unsafe { place.cast::<V>().write(value) };
    }
}

impl<K, V> Draft<K, V> {
    pub(super) fn new(key: K) -> Self {
        if Entry::<K, V>::INLINE {
            Self::Small(key)
        } else {
            Self::Large(LargeDraft::new(key))
        }
    }

    pub(super) fn key(&self) -> &K {
        match self {
            Self::Small(key) => key,
            Self::Large(draft) => draft.key(),
        }
    }

    pub(super) fn into_key(self) -> K {
        match self {
            Self::Small(key) => key,
            Self::Large(draft) => draft.into_key(),
        }
    }

    /// Puts the entry, whose value is to be built, into a slot.
    ///
    /// # Safety
    ///
    /// The slot is for an entry.
    pub(super) unsafe fn store(self, slot: NonNull<u8>) {
        match self {
            Self::Small(key) => {
                let value = MaybeUninit::uninit();
                // SAFETY: as the caller promises, and the entry is inline.
                unsafe { slot.cast().write(Entry::<K, V> { value, key }) };
            }
            // SAFETY: as the caller promises.
            Self::Large(draft) => unsafe { draft.put(slot) },
        }
    }
}

impl<K, V> LargeDraft<K, V> {
    pub(super) fn new(key: K) -> Self {
        let memory = Large::<Entry<K, V>>::new();
        // SAFETY: the memory is for an entry.
        let place = unsafe { &raw mut (*memory.get().as_ptr()).key };
        // SAFETY: as above.
        unsafe { place.write(key) };
        Self {
            memory,
            has_value: false,
        }
    }

    /// Like `new`, with the value.
    pub(super) fn with_value(key: K, value: V) -> Self {
        let mut this = Self::new(key);
        // SAFETY: the memory is for an entry.
        unsafe { this.value().write(value) };
        this.has_value = true;
        this
    }

    fn value(&self) -> *mut V {
        // SAFETY: the memory is for an entry.
        unsafe { &raw mut (*self.memory.get().as_ptr()).value }.cast()
    }

    /// Takes the key out again; there is no value.
    fn into_key(self) -> K {
        debug_assert!(!self.has_value);
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, so that the memory is moved out once.
        let memory = unsafe { core::ptr::read(&raw const this.memory) };
        // SAFETY: the memory is for an entry.
        let key = unsafe { &raw const (*memory.get().as_ptr()).key };
        // SAFETY: the key is there, and the memory drops nothing that is in it.
        unsafe { key.read() }
    }

    /// # Safety
    ///
    /// The slot is for an entry.
    unsafe fn put(self, slot: NonNull<u8>) {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, so that the memory is moved out once.
        let memory = unsafe { core::ptr::read(&raw const this.memory) };
        // SAFETY: as the caller promises.
        unsafe { memory.store(slot) };
    }
}

impl<K, V> New<K, V> for LargeDraft<K, V> {
    fn key(&self) -> &K {
        // SAFETY: the key is there.
        unsafe { &(*self.memory.get().as_ptr()).key }
    }

    /// # Panics
    ///
    /// Panics if there is no value.
    fn into_parts(self) -> (K, V) {
        assert!(self.has_value);
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, so that the memory is moved out once.
        let memory = unsafe { core::ptr::read(&raw const this.memory) };
        // SAFETY: both are there, and the memory drops nothing that is in it.
        let Entry { value, key } = unsafe { memory.get().read() };
        // SAFETY: as above.
        (key, unsafe { value.assume_init() })
    }

    unsafe fn store(self, slot: NonNull<u8>) {
        // SAFETY: as the caller promises.
        unsafe { self.put(slot) };
    }
}

impl<K, V> New<K, V> for (K, V) {
    #[inline]
    fn key(&self) -> &K {
        &self.0
    }

    fn into_parts(self) -> (K, V) {
        self
    }

    #[inline]
    unsafe fn store(self, slot: NonNull<u8>) {
        debug_assert!(Entry::<K, V>::INLINE);
        let (key, value) = self;
        let value = MaybeUninit::new(value);
        // SAFETY: as the caller promises, and the entry is inline.
        unsafe { slot.cast().write(Entry { value, key }) };
    }
}

impl<K, V> Drop for LargeDraft<K, V> {
    fn drop(&mut self) {
        let entry = self.memory.get().as_ptr();
        // SAFETY: the memory is for an entry.
        let key = unsafe { &raw mut (*entry).key };
        // SAFETY: the key is there, and is dropped here, after the value.
        let _key = unsafe { DropInPlace::new(key) };
        if self.has_value {
            // SAFETY: the value is there, and is dropped here.
            unsafe { self.value().drop_in_place() };
        }
    }
}
