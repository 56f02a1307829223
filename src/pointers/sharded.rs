//! The owning pointer to a value with a sharded count: [`ShardedRef`].
//!
//! ```text
//! ShardedRef ----> block:  count (with its shards)   a Ref -----> count, value
//! ShardedRef ---/                                                    ^
//!                                                    another Ref ---/
//! ```
//!
//! All the handles of a block together hold *one* reference of a [`Ref`]. So a value is shared in both ways at the same time,
//! neither moves nor is copied when it passes from one to the other, and may be unsized.
//!
//! One handle is the owner: the one that made the block. Its reference is the creator's reference of the count, and its drop
//! kills the count. So nothing leaks if the program never calls a kill.

use alloc::boxed::Box;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::num::NonZero;
use core::ops::Deref;
use core::panic::UnwindSafe;
use core::ptr::NonNull;

use super::Ref;
#[cfg(feature = "std")]
use crate::atomic::Native;
use crate::counts::sharded::{ShardBackend, ShardedCount};
use crate::pointers::forward::forward_to_value;
use crate::track::{Origin, Token};

/// A shared pointer that many threads clone and drop without waiting for one another: each clone and each drop writes a cache
/// line of the thread's own.
///
/// It is for objects that live long and are used by many threads at once: a configuration, a route, a device. The value is in a
/// [`Ref`]; the handles of a `ShardedRef` hold one reference of that together.
///
/// | | [`Ref`] | `ShardedRef` |
/// |---|---|---|
/// | clone, drop | one atomic instruction, on a line that all threads write | one, on a line of the thread's own |
/// | to make one | one allocation | two more, and 128 bytes for each shard: four for each processor |
/// | the last drop | destroys the value | the same, once the *owner* was dropped or the count was killed |
///
/// # The owner
///
/// The handle that [`new`](ShardedRef::new) or `From` returned is the *owner*; its clones are not. When the owner is dropped, it kills the
/// count: from then on every clone and drop writes the one common line as well, as with a `Ref`, and the last drop of all ends it. So keep the
/// owner as long as the object is busy. An owner that is forgotten (`mem::forget`) keeps the value forever.
///
/// # From `Ref`, and back
///
/// - `ShardedRef::from(a_ref)` takes over that reference. Other `Ref`s to the value stay valid, and the value stays
///   where it is.
/// - [`to_ref`](Self::to_ref) makes another `Ref`, at any time.
/// - [`into_ref`](Self::into_ref) turns a handle into a `Ref`.
/// - [`into_inner`](Self::into_inner) drops a handle, and gives the `Ref` inside to exactly one caller: the last. If
///   that is then the only `Ref`, [`Ref::try_unwrap`] returns the value.
///
/// # Memory ordering
///
/// As for [`Ref`]: whatever is done through one handle happens before the value's destruction.
///
/// # Panics
///
/// As for [`Ref`]: a destructor that panics unwinds into the drop of the last handle.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kref::ShardedRef;
/// use std::thread;
///
/// let routes = ShardedRef::new(vec!["a", "b"]); // the owner
/// thread::scope(|threads| {
///     for _ in 0..2 {
///         threads.spawn(|| {
///             for _ in 0..100 {
///                 let mine = routes.clone(); // a line of this thread's own
///                 assert_eq!(mine.len(), 2);
///             }
///         });
///     }
/// });
/// drop(routes); // the end
/// # }
/// ```
// # Invariants
//
// The address is that of a block from `Box`, plus one if this handle is the owner. The handle has a reference of the block's count, and
// the owner has the creator's.
#[doc(alias = "Arc")]
#[doc(alias = "percpu_ref")]
pub struct ShardedRef<
    T: ?Sized,
    #[cfg(feature = "std")] B: ShardBackend = Native,
    #[cfg(not(feature = "std"))] B: ShardBackend,
> {
    block: NonNull<Block<T, B>>,
    /// Ends before the reference is dropped.
    token: Token,
    owns: PhantomData<Block<T, B>>,
}

struct Block<T: ?Sized, B: ShardBackend> {
    count: ShardedCount<B>,
    value: Ref<T, B>,
}

/// The bit of an address that says: this handle is the owner. The count's pointers leave it free.
const OWNER: usize = 1;

// SAFETY: a handle gives its thread `&T` and, when it is the last, drops a `Ref<T>`: what `Ref` itself requires.
unsafe impl<T: ?Sized + Send + Sync, B: ShardBackend> Send for ShardedRef<T, B> {}
// SAFETY: as above; a `&ShardedRef` can be cloned.
unsafe impl<T: ?Sized + Send + Sync, B: ShardBackend> Sync for ShardedRef<T, B> {}

// The value does not move with the pointer.
impl<T: ?Sized, B: ShardBackend> Unpin for ShardedRef<T, B> {}

// Shared use is what it allows, as `Ref` does.
impl<T: ?Sized, B: ShardBackend> UnwindSafe for ShardedRef<T, B> where Ref<T, B>: UnwindSafe {}

#[cfg(feature = "std")]
impl<T> ShardedRef<T, Native> {
    /// Allocates the value, and returns the owner.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::ShardedRef;
    ///
    /// let five = ShardedRef::new(5);
    /// assert_eq!(*five, 5);
    /// ```
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn new(value: T) -> Self {
        Self::from(Ref::new(value))
    }
}

#[cfg(feature = "std")]
impl<T: ?Sized> From<Ref<T>> for ShardedRef<T, Native> {
    /// Takes over the reference, and returns the owner of a new count with four shards for each processor.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Ref, ShardedRef};
    ///
    /// let text: Ref<str> = "text".into();
    /// let sharded = ShardedRef::from(text.clone());
    /// assert!(std::ptr::eq(&*text, &*sharded));
    /// ```
    #[cfg_attr(feature = "track", track_caller)]
    fn from(value: Ref<T>) -> Self {
        Self::from_ref_in(value, crate::counts::sharded::default_shards())
    }
}

impl<T: ?Sized, B: ShardBackend> ShardedRef<T, B> {
    /// Takes over the reference, and returns the owner of a new count with at least so many shards.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::{Ref, ShardedRef};
    ///
    /// let five = ShardedRef::from_ref_in(Ref::new(5), 16);
    /// assert_eq!(*five, 5);
    /// # }
    /// ```
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn from_ref_in(value: Ref<T, B>, shards: usize) -> Self {
        let count = ShardedCount::with_shards_in(shards);
        let block = Box::into_raw(Box::new(Block { count, value }));
        // SAFETY: a box is not null.
        let block = unsafe { NonNull::new_unchecked(block) };
        // SAFETY: the creator's reference is for it.
        unsafe { Self::from_block(block.map_addr(|address| address | OWNER)) }
    }

    /// # Safety
    ///
    /// `block` is what the invariant of the type says, and the handle's reference is counted.
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    unsafe fn from_block(block: NonNull<Block<T, B>>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::from_block_for(block, Origin::here()) }
    }

    /// # Safety
    ///
    /// As for [`from_block`](Self::from_block).
    #[inline]
    unsafe fn from_block_for(block: NonNull<Block<T, B>>, origin: Origin) -> Self {
        let mut this = Self {
            block,
            token: Token::lent(),
            owns: PhantomData,
        };
        this.token = Token::new::<T>(Self::tracked(&this), origin);
        this
    }

    /// The address under which the holders are recorded: the block's.
    fn tracked(this: &Self) -> *const () {
        this.block().as_ptr().cast_const().cast()
    }

    /// Returns the block's address, without the bit.
    #[inline]
    fn block(&self) -> NonNull<Block<T, B>> {
        self.block.map_addr(|address| {
            // SAFETY: the address of a block is not zero.
            unsafe { NonZero::new_unchecked(address.get() & !OWNER) }
        })
    }

    /// The result is good as long as the handle's reference is counted.
    #[inline]
    fn count(&self) -> &ShardedCount<B> {
        // SAFETY: the block lives as long as any handle has a reference. All of the count is in an `UnsafeCell`.
        unsafe { &(*self.block().as_ptr()).count }
    }

    #[inline]
    fn value(&self) -> &Ref<T, B> {
        // SAFETY: the block lives as long as any handle has a reference.
        unsafe { &(*self.block().as_ptr()).value }
    }

    /// Drops this handle's reference; returns whether it was the last.
    #[inline]
    fn put(&self) -> bool {
        if Self::is_owner(self) {
            self.count().retire()
        } else {
            self.count().put()
        }
    }

    /// Returns whether this is the owner, whose drop kills the count.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedRef;
    ///
    /// let owner = ShardedRef::new(5);
    /// assert!(ShardedRef::is_owner(&owner));
    /// assert!(!ShardedRef::is_owner(&owner.clone()));
    /// # }
    /// ```
    #[must_use]
    #[inline]
    pub fn is_owner(this: &Self) -> bool {
        this.block.addr().get() & OWNER != 0
    }

    /// Returns whether both are handles of the same block. (Two blocks may share one `Ref`'s value.)
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedRef;
    ///
    /// let a = ShardedRef::new(5);
    /// assert!(ShardedRef::ptr_eq(&a, &a.clone()));
    /// assert!(!ShardedRef::ptr_eq(&a, &ShardedRef::new(5)));
    /// # }
    /// ```
    #[must_use]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.block() == other.block()
    }

    /// Makes another handle, unless the count was killed.
    ///
    /// It is for callers that begin something new, and should not begin it once the object is to go away. (A handle is
    /// a reference, so the kernel's `tryget` cannot fail here. This is its `tryget_live`; [`clone`](Clone::clone)
    /// always succeeds.)
    ///
    /// # Memory ordering
    ///
    /// Acquire if it succeeds.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedRef;
    ///
    /// let a = ShardedRef::new(5);
    /// let b = ShardedRef::try_get(&a).unwrap();
    /// ShardedRef::kill(&b);
    /// assert!(ShardedRef::try_get(&a).is_none());
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_tryget_live")]
    #[must_use = "if it is `None`, the object is to go away"]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn try_get(this: &Self) -> Option<Self> {
        let origin = Origin::here();
        // SAFETY: the new reference was just counted.
        (this.count().try_get_live()).then(|| unsafe { Self::from_block_for(this.block(), origin) })
    }

    /// Makes another handle, and says what for: [`report_of`](crate::track) shows the tag.
    ///
    /// Without the feature `track` it is `clone`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedRef;
    ///
    /// let routes = ShardedRef::new(5);
    /// let uploader = ShardedRef::clone_for(&routes, "uploader");
    /// # #[cfg(feature = "track")]
    /// assert!(ShardedRef::is_held_by(&routes, "uploader"));
    /// # drop(uploader);
    /// # }
    /// ```
    #[must_use = "a reference that is dropped at once has no effect"]
    #[inline]
    #[track_caller]
    pub fn clone_for(this: &Self, tag: &'static str) -> Self {
        this.count().get();
        // SAFETY: the new reference was just counted.
        unsafe { Self::from_block_for(this.block(), Origin::tagged(tag)) }
    }

    /// Returns whether a handle was taken for this tag and is still held.
    ///
    /// A hint, if other threads take and drop handles. Takes time in proportion to the holders.
    ///
    /// # Examples
    ///
    /// See [`clone_for`](Self::clone_for).
    #[cfg(feature = "track")]
    #[must_use]
    pub fn is_held_by(this: &Self, tag: &str) -> bool {
        crate::track::is_held_by(Self::tracked(this), tag)
    }

    /// Kills the count: no more [`try_get`](Self::try_get) succeeds, and the last drop is noticed. Returns whether this call did it.
    ///
    /// All handles stay valid, and no reference is dropped. The owner's drop kills the count if it is
    /// still live.
    ///
    /// Takes the lock of the switch, and an atomic swap for each shard. A second kill returns at once.
    ///
    /// # Memory ordering
    ///
    /// As [`ShardedCount::kill`](crate::ShardedCount::kill).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedRef;
    ///
    /// let a = ShardedRef::new(5);
    /// assert!(ShardedRef::kill(&a));
    /// assert!(!ShardedRef::kill(&a));
    /// assert_eq!(*a.clone(), 5);
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_kill")]
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn kill(this: &Self) -> bool {
        !Self::is_dying(this) && this.count().close_only()
    }

    /// Like [`kill`](Self::kill), and when it returns, no [`try_get`](Self::try_get) succeeds any more, in any thread, also if another thread has
    /// killed the count. It waits for that thread under the lock of the switch.
    ///
    /// # Memory ordering
    ///
    /// As [`ShardedCount::kill_and_confirm`](crate::ShardedCount::kill_and_confirm).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedRef;
    ///
    /// let a = ShardedRef::new(5);
    /// assert!(ShardedRef::kill_and_confirm(&a));
    /// assert!(ShardedRef::try_get(&a).is_none());
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_kill_and_confirm")]
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn kill_and_confirm(this: &Self) -> bool {
        this.count().close_only()
    }

    /// Returns whether the count was killed, and not resurrected since; a hint.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// See [`resurrect`](Self::resurrect), which has an effect only if this is `true`.
    #[doc(alias = "percpu_ref_is_dying")]
    #[must_use]
    pub fn is_dying(this: &Self) -> bool {
        this.count().is_dying()
    }

    /// Undoes a kill: clones and drops are in the threads' own lines again. Returns `true` if it
    /// did.
    ///
    /// It returns `false`, and does nothing, if the count is live, if it is saturated, or if the owner was dropped:
    /// then nothing would kill it again. It waits for a kill that is under way.
    ///
    /// # Memory ordering
    ///
    /// As [`ShardedCount::resurrect`](crate::ShardedCount::resurrect).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedRef;
    ///
    /// let owner = ShardedRef::new(5);
    /// let user = owner.clone();
    /// ShardedRef::kill(&user);
    /// assert!(ShardedRef::resurrect(&user));
    /// drop(owner);
    /// assert!(!ShardedRef::resurrect(&user));
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_resurrect")]
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn resurrect(this: &Self) -> bool {
        this.count().open_only()
    }

    /// Adds a `Ref` to the value, by one atomic instruction on the line that all `Ref`s write.
    ///
    /// # Memory ordering
    ///
    /// As a clone of the `Ref`: Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::{Ref, ShardedRef};
    ///
    /// let sharded = ShardedRef::new(5);
    /// let five: Ref<i32> = ShardedRef::to_ref(&sharded);
    /// drop(sharded);
    /// assert_eq!(*five, 5);
    /// # }
    /// ```
    #[must_use = "drop the `Ref` if it is not needed"]
    #[track_caller]
    pub fn to_ref(this: &Self) -> Ref<T, B> {
        this.value().clone()
    }

    /// Turns the handle into a `Ref`. Other handles stay valid. If this is the owner, its end kills the count.
    ///
    /// # Memory ordering
    ///
    /// As [`to_ref`](Self::to_ref), and then the drop of the handle.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::{Ref, ShardedRef};
    ///
    /// let five = ShardedRef::into_ref(ShardedRef::new(5));
    /// assert_eq!(Ref::count_hint(&five), 1);
    /// # }
    /// ```
    #[must_use = "drop the `ShardedRef` if the `Ref` is not needed"]
    #[track_caller]
    pub fn into_ref(this: Self) -> Ref<T, B> {
        let value = Self::to_ref(&this);
        drop(this);
        value
    }

    /// Drops the handle, and returns the `Ref` inside if the handle was the last.
    ///
    /// If all handles of a block end here, exactly one caller gets the `Ref`. If the owner leaks, no caller
    /// does.
    ///
    /// # Memory ordering
    ///
    /// As a drop of the handle.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::{Ref, ShardedRef};
    ///
    /// let owner = ShardedRef::new(String::from("text"));
    /// let user = owner.clone();
    /// assert!(ShardedRef::into_inner(owner).is_none());
    /// let last = ShardedRef::into_inner(user).unwrap();
    /// assert_eq!(Ref::try_unwrap(last).unwrap(), "text");
    /// # }
    /// ```
    #[must_use = "drop the `ShardedRef` if the value is not needed"]
    #[track_caller]
    pub fn into_inner(this: Self) -> Option<Ref<T, B>> {
        let mut this = ManuallyDrop::new(this);
        this.token.end();
        let block = this.block();
        this.put().then(|| {
            // SAFETY: it was the last reference, and nobody else touches the block.
            unsafe { take(block) }
        })
    }
}

#[cfg(feature = "track")]
impl<T: ?Sized, B: ShardBackend> crate::track::sealed::Object for ShardedRef<T, B> {
    fn object_report(&self) -> crate::track::ObjectReport {
        let address = Self::tracked(self).addr();
        let subject = crate::track::at("ShardedRef", core::any::type_name::<T>(), address);
        crate::track::object(address, subject, None)
    }
}

/// Frees a block, and returns what was in it.
///
/// # Safety
///
/// The count has ended, and the caller was told so.
#[cold]
#[inline(never)]
unsafe fn take<T: ?Sized, B: ShardBackend>(block: NonNull<Block<T, B>>) -> Ref<T, B> {
    // SAFETY: it came from a box, and the caller's promise.
    let block = *unsafe { Box::from_raw(block.as_ptr()) };
    block.value
}

impl<T: ?Sized, B: ShardBackend> Clone for ShardedRef<T, B> {
    /// Makes another handle: one atomic addition to the calling thread's shard; another one to the common word once the count was killed.
    ///
    /// The clone is not the owner, whichever handle it is made from.
    #[doc(alias = "percpu_ref_get")]
    #[inline]
    #[track_caller]
    fn clone(&self) -> Self {
        self.count().get();
        // SAFETY: the new reference was just counted.
        unsafe { Self::from_block(self.block()) }
    }
}

impl<T: ?Sized, B: ShardBackend> Drop for ShardedRef<T, B> {
    /// Drops the handle: one atomic subtraction in the calling thread's shard; another one in the common word once the count was killed. The
    /// owner's drop kills the count. The last drop drops the `Ref`.
    #[doc(alias = "percpu_ref_put")]
    #[inline]
    fn drop(&mut self) {
        self.token.end();
        let block = self.block();
        if self.put() {
            // SAFETY: it was the last reference.
            drop(unsafe { take(block) });
        }
    }
}

impl<T: ?Sized, B: ShardBackend> Deref for ShardedRef<T, B> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.value()
    }
}

forward_to_value!([T: ?Sized, B: ShardBackend] ShardedRef<T, B>);
