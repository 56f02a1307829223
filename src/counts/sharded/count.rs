//! The bare count: gets, puts, and the common word. The [module](super) has the theory.

use alloc::boxed::Box;
use core::cell::UnsafeCell;
use core::fmt;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crossbeam_utils::CachePadded;

use super::ShardBackend;
use super::word::{
    BIAS, MAX, OPEN, SATURATED, Zone, is_closed_to_get, is_closed_to_put, reported, zone,
};
#[cfg(feature = "std")]
use crate::atomic::Native;
use crate::atomic::{Atomic, AtomicExt, AtomicInt};
use crate::report::{Kind, report};

/// A reference count with a word for each processor: many threads take and drop references without waiting for one
/// another, and the end is found after a [`kill`](Self::kill).
///
/// The count begins with one reference, the creator's, which the kill drops. The [module](super) compares the two lives
/// of a count, and says why the end is exact. [`ShardedRef`](super::ShardedRef) is the owning pointer.
///
/// | | [`RefCount`](crate::RefCount) | `ShardedCount` |
/// |---|---|---|
/// | bytes | 4 | 40, and 128 for each shard on the heap |
/// | get, put | one atomic instruction, on a line that all threads write | one, on a line of the thread's own |
/// | the last put is seen | always | after a kill |
///
/// A thread's own number ([`ShardBackend::thread_shard`]) chooses its shard. A program that knows better, because it runs a
/// thread on each processor, gives the number itself: [`get_at`](Self::get_at), [`put_at`](Self::put_at).
///
/// # Memory ordering
///
/// | operations | ordering |
/// |---|---|
/// | [`get`](Self::get), whatever returns "not done", [`is_dying`](Self::is_dying), [`is_zero`](Self::is_zero) | Relaxed |
/// | [`try_get`](Self::try_get), [`try_get_live`](Self::try_get_live) | Acquire |
/// | [`put`](Self::put), [`kill`](Self::kill), [`kill_and_confirm`](Self::kill_and_confirm) | Release, and Acquire at the end |
/// | [`resurrect`](Self::resurrect), [`reinit`](Self::reinit) | Release |
///
/// # Misuse
///
/// The number of references is known only when the count is killed. If there are then less than one, or more than 2^60, the
/// misuse is [reported](crate::report), the count is saturated, and the object leaks. So a put too many, while the
/// count is live, is found if no other reference hides it. A put after the end is reported, and changes nothing for
/// try-gets: they fail.
///
/// # The kernel's functions and ours
///
/// | `percpu_ref` | here |
/// |---|---|
/// | `percpu_ref_init`, `percpu_ref_exit` | [`new`](ShardedCount::new); dropping it |
/// | `percpu_ref_get`, `percpu_ref_put` | [`get`](Self::get), [`put`](Self::put), which tells its caller of the end |
/// | `percpu_ref_tryget`, `percpu_ref_tryget_live` | [`try_get`](Self::try_get), [`try_get_live`](Self::try_get_live) |
/// | `percpu_ref_kill` | [`kill`](Self::kill): all shards are closed when it returns; no grace period is needed |
/// | `percpu_ref_kill_and_confirm` | [`kill_and_confirm`](Self::kill_and_confirm), which waits instead of calling back |
/// | `percpu_ref_is_dying`, `percpu_ref_is_zero` | [`is_dying`](Self::is_dying), [`is_zero`](Self::is_zero) |
/// | `percpu_ref_resurrect`, `percpu_ref_reinit` | [`resurrect`](Self::resurrect), [`reinit`](Self::reinit) |
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "std")] {
/// use kref::ShardedCount;
///
/// let count = ShardedCount::new(); // the creator's reference
/// count.get(); // a user's
/// assert!(!count.kill()); // no new users; the creator's reference is gone
/// assert!(!count.try_get_live());
/// assert!(count.put()); // the user was the last: destroy the object
/// # }
/// ```
// # Invariants
//
// `shards` points at `mask + 1` words of the heap, a power of two, which live as long as this. Neither field changes before
// the drop.
//
// All bytes are in an `UnsafeCell`: when a put was not the last, another thread may free them while the call has still
// to return.
#[doc(alias = "percpu_ref")]
pub struct ShardedCount<
    #[cfg(feature = "std")] B: ShardBackend = Native,
    #[cfg(not(feature = "std"))] B: ShardBackend,
> {
    words: UnsafeCell<Words<B>>,
}

pub(super) struct Words<B: ShardBackend> {
    shards: NonNull<CachePadded<B::Count>>,
    mask: usize,
    /// The common word.
    pub(super) common: B::Count,
    /// What kills and resurrections have made of it, see `switch.rs`.
    pub(super) state: B::U32,
    pub(super) switch: B::Switch,
}

// SAFETY: what is written after the creation is atomics, and a lock that is `Send` and `Sync`. The memory of the shards belongs
// to this.
unsafe impl<B: ShardBackend> Send for ShardedCount<B> {}
// SAFETY: as above.
unsafe impl<B: ShardBackend> Sync for ShardedCount<B> {}

// The atomics and the lock are consistent after any panic.
impl<B: ShardBackend> core::panic::UnwindSafe for ShardedCount<B> {}
impl<B: ShardBackend> core::panic::RefUnwindSafe for ShardedCount<B> {}

#[cfg(feature = "std")]
impl ShardedCount<Native> {
    /// Creates a count with the creator's reference, and four shards for each processor (512 at most).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::ShardedCount;
    ///
    /// let count = ShardedCount::new();
    /// assert!(count.kill()); // the creator's was the only reference
    /// ```
    #[doc(alias = "percpu_ref_init")]
    #[must_use]
    pub fn new() -> Self {
        Self::with_shards_in(default_shards())
    }

    /// Creates a count with at least so many shards: the next power of two, at least one and at most 65,536.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::ShardedCount;
    ///
    /// assert_eq!(ShardedCount::with_shards(3).shards(), 4);
    /// ```
    #[must_use]
    pub fn with_shards(shards: usize) -> Self {
        Self::with_shards_in(shards)
    }
}

/// Returns how many shards a count has by default: so many that two threads that run at the same time seldom share one,
/// also if there are more threads than processors.
#[cfg(feature = "std")]
pub(crate) fn default_shards() -> usize {
    static SHARDS: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *SHARDS.get_or_init(|| {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        (4 * processors).min(512)
    })
}

#[cfg(feature = "std")]
impl Default for ShardedCount<Native> {
    /// Creates a count, as [`new`](ShardedCount::new) does.
    fn default() -> Self {
        Self::new()
    }
}

impl<B: ShardBackend> ShardedCount<B> {
    /// Like [`with_shards`](ShardedCount::with_shards), for any backend.
    #[must_use]
    pub fn with_shards_in(shards: usize) -> Self {
        let shards = shards.clamp(1, 1 << 16).next_power_of_two();
        let words: Box<[CachePadded<B::Count>]> = (0..shards)
            .map(|_| CachePadded::new(B::Count::new(OPEN)))
            .collect();
        let first = Box::into_raw(words).cast::<CachePadded<B::Count>>();
        Self {
            words: UnsafeCell::new(Words {
                // SAFETY: a box is not null.
                shards: unsafe { NonNull::new_unchecked(first) },
                mask: shards - 1,
                common: B::Count::new(BIAS + 1),
                state: B::U32::new(0),
                switch: B::new_switch(),
            }),
        }
    }

    /// Returns how many shards there are.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")]
    /// assert!(kref::ShardedCount::new().shards().is_power_of_two());
    /// ```
    #[must_use]
    pub fn shards(&self) -> usize {
        // SAFETY: the field does not change, by the invariant of the type.
        unsafe { (*self.words.get()).mask + 1 }
    }

    /// Returns the word of this number, modulo how many there are.
    #[inline]
    pub(super) fn shard(&self, number: usize) -> &B::Count {
        let words = self.words.get();
        // SAFETY: the field does not change, by the invariant of the type.
        let mask = unsafe { (*words).mask };
        // SAFETY: as above.
        let first = unsafe { (*words).shards };
        // SAFETY: there are `mask + 1` words.
        let shard = unsafe { first.add(number & mask) };
        // SAFETY: the words live as long as the count, and are shared.
        unsafe { shard.as_ref() }
    }

    /// Returns the common word.
    #[inline]
    pub(super) fn common(&self) -> &B::Count {
        // SAFETY: an atomic, which is shared.
        unsafe { &(*self.words.get()).common }
    }

    pub(super) fn state(&self) -> &B::U32 {
        // SAFETY: an atomic, which is shared.
        unsafe { &(*self.words.get()).state }
    }

    pub(super) fn switch(&self) -> &B::Switch {
        // SAFETY: a lock, which is shared.
        unsafe { &(*self.words.get()).switch }
    }

    /// Takes a reference. The caller holds one already.
    ///
    /// It is one atomic addition to the calling thread's shard, and another one to the common word once the count was
    /// killed. It is wait-free.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: whatever hands the reference to another thread orders what that thread sees.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedCount;
    ///
    /// let count = ShardedCount::new();
    /// count.get();
    /// assert!(!count.put());
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_get")]
    #[inline]
    #[track_caller]
    pub fn get(&self) {
        self.get_at(B::thread_shard());
    }

    /// Like [`get`](Self::get), in the shard of this number (modulo how many there are).
    ///
    /// A reference may be dropped at any other number.
    ///
    /// # Memory ordering
    ///
    /// As [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// See [`get`](Self::get).
    #[inline]
    #[track_caller]
    pub fn get_at(&self, shard: usize) {
        // Relaxed: the caller has a reference.
        let found = self.shard(shard).fetch_add(1, Relaxed);
        if is_closed_to_get(found) {
            self.get_common();
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn get_common(&self) {
        // Relaxed: the caller has a reference.
        let found = self.common().fetch_add(1, Relaxed);
        match zone(found) {
            Zone::Counted if found < MAX => {}
            Zone::Biased | Zone::Saturated => {}
            Zone::Counted | Zone::Full => self.saturate(Kind::Overflow, found),
            Zone::Ended | Zone::Below => self.saturate(Kind::IncFromZero, found),
        }
    }

    /// Makes the object leak, and reports why. The caller is (or claims to be) a holder of a reference.
    #[track_caller]
    pub(super) fn saturate(&self, kind: Kind, found: u64) {
        // Relaxed: the object is never freed. A swap, because it continues the release sequences.
        self.common().swap(SATURATED, Relaxed);
        report(kind, reported(found));
    }

    /// Takes a reference unless the end was reached. Returns `true` if the caller now has one.
    ///
    /// The caller need not hold a reference, but has to know that the count's own memory is there: by RCU, or because it belongs
    /// to something else. It succeeds as long as a reference is held, also after a kill;
    /// [`try_get_live`](Self::try_get_live) does not.
    ///
    /// While the count is live it is one atomic addition. After a kill there is also a compare-and-swap loop. On
    /// a saturated count it succeeds: the caller holds an object that leaks.
    ///
    /// # Memory ordering
    ///
    /// Acquire if it succeeds: what was done before [`reinit`](Self::reinit) is seen.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedCount;
    ///
    /// let count = ShardedCount::new();
    /// assert!(count.try_get());
    /// assert!(!count.kill());
    /// assert!(count.try_get()); // there is a reference, the first one
    /// assert!(!count.put());
    /// assert!(count.put());
    /// assert!(!count.try_get());
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_tryget")]
    #[must_use = "the caller has no reference if this is false"]
    #[inline]
    #[track_caller]
    pub fn try_get(&self) -> bool {
        self.try_get_at(B::thread_shard())
    }

    /// Like [`try_get`](Self::try_get), in the shard of this number.
    ///
    /// # Memory ordering
    ///
    /// As [`try_get`](Self::try_get).
    ///
    /// # Examples
    ///
    /// See [`try_get`](Self::try_get).
    #[must_use = "the caller has no reference if this is false"]
    #[inline]
    #[track_caller]
    pub fn try_get_at(&self, shard: usize) -> bool {
        self.try_get_live_at(shard) || self.try_get_common()
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn try_get_common(&self) -> bool {
        // Acquire: pairs with the Release of `reinit`, through the compare-and-swap that put the references in.
        let old = self.common().cas_loop(Acquire, |word| match zone(word) {
            Zone::Ended | Zone::Below => None,
            Zone::Counted if word < MAX => Some(word + 1),
            Zone::Biased => Some(word + 1),
            Zone::Counted | Zone::Full | Zone::Saturated => Some(SATURATED),
        });
        match old {
            Ok(word) if word >= MAX && matches!(zone(word), Zone::Counted | Zone::Full) => {
                report(Kind::Overflow, reported(word));
            }
            _ => {}
        }
        old.is_ok()
    }

    /// Takes a reference unless the count was killed. Returns `true` if the caller now has one.
    ///
    /// It is for callers that begin to use an object, and should not begin once the object is to go away. It fails for
    /// certain after [`kill`](Self::kill) has returned `true` or `false` to the caller that killed it, or after
    /// [`kill_and_confirm`](Self::kill_and_confirm) has returned to any caller. While a kill is under way it may
    /// succeed in a shard that is not closed yet. It requires the same of the caller as [`try_get`](Self::try_get).
    ///
    /// It is one atomic addition, and wait-free.
    ///
    /// # Memory ordering
    ///
    /// Acquire if it succeeds: what was done before [`reinit`](Self::reinit) is seen.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedCount;
    ///
    /// let count = ShardedCount::new();
    /// assert!(count.try_get_live());
    /// assert!(!count.kill());
    /// assert!(!count.try_get_live());
    /// assert!(count.put());
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_tryget_live")]
    #[must_use = "the caller has no reference if this is false"]
    #[inline]
    pub fn try_get_live(&self) -> bool {
        self.try_get_live_at(B::thread_shard())
    }

    /// Like [`try_get_live`](Self::try_get_live), in the shard of this number.
    ///
    /// # Memory ordering
    ///
    /// As [`try_get_live`](Self::try_get_live).
    ///
    /// # Examples
    ///
    /// See [`try_get_live`](Self::try_get_live).
    #[must_use = "the caller has no reference if this is false"]
    #[inline]
    pub fn try_get_live_at(&self, shard: usize) -> bool {
        // Acquire: pairs with the Release of the swap that opened the shard in `reinit`. In a closed shard the addition
        // means nothing.
        let found = self.shard(shard).fetch_add(1, Acquire);
        !is_closed_to_get(found)
    }

    /// Drops a reference. Returns `true` if it was the last: the caller then destroys the object.
    ///
    /// While the count is live, this is one atomic subtraction in the calling thread's shard, and returns `false`.
    /// After a kill there is another subtraction in the common word, and exactly one caller gets `true`. It is
    /// wait-free.
    ///
    /// After `false` the object, and this count, may be gone at any moment. A put after the end is reported as
    /// [`Underflow`](Kind::Underflow).
    ///
    /// # Memory ordering
    ///
    /// Release, and Acquire when it returns `true`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedCount;
    ///
    /// let count = ShardedCount::new();
    /// count.get();
    /// assert!(!count.kill());
    /// assert!(count.put());
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_put")]
    #[must_use = "if it is true, this was the last reference: destroy the object"]
    #[inline]
    #[track_caller]
    pub fn put(&self) -> bool {
        self.put_at(B::thread_shard())
    }

    /// Like [`put`](Self::put), in the shard of this number.
    ///
    /// # Memory ordering
    ///
    /// As [`put`](Self::put).
    ///
    /// # Examples
    ///
    /// See [`put`](Self::put).
    #[must_use = "if it is true, this was the last reference: destroy the object"]
    #[inline]
    #[track_caller]
    pub fn put_at(&self, shard: usize) -> bool {
        // Release: pairs with the Acquire of the swap that closes the shard.
        let found = self.shard(shard).fetch_sub(1, Release);
        // Where it was open, nothing of the count is touched any more. Where it was closed, the reference still counts.
        is_closed_to_put(found) && self.put_common()
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(super) fn put_common(&self) -> bool {
        // Release: pairs with the Acquire load below, in the thread that drops the last reference.
        let found = self.common().fetch_sub(1, Release);
        match zone(found) {
            Zone::Counted if found == 1 => {
                // Acquire: pairs with the Release of every earlier put here, the kill's own included.
                let _ = self.common().load(Acquire);
                return true;
            }
            Zone::Ended | Zone::Below => report(Kind::Underflow, reported(found)),
            Zone::Counted | Zone::Full | Zone::Biased | Zone::Saturated => {}
        }
        false
    }

    /// Returns whether the count was killed, and not resurrected since; a hint, out of date as soon as it is read.
    ///
    /// It returns `true` from the beginning of a kill, when some shards may still be open.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedCount;
    ///
    /// let count = ShardedCount::new();
    /// assert!(!count.is_dying());
    /// assert!(count.kill());
    /// assert!(count.is_dying());
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_is_dying")]
    #[must_use]
    pub fn is_dying(&self) -> bool {
        // Relaxed: a hint.
        super::switch::is_dying(self.state().load(Relaxed))
    }

    /// Returns whether the end was reached; a hint. A count that is live is not at its end.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    #[doc(alias = "percpu_ref_is_zero")]
    #[must_use]
    pub fn is_zero(&self) -> bool {
        // Relaxed: a hint.
        matches!(zone(self.common().load(Relaxed)), Zone::Ended | Zone::Below)
    }

    /// Returns whether the count was misused, so that the object is never freed. It is found out by a kill.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        // Relaxed: a hint.
        zone(self.common().load(Relaxed)) == Zone::Saturated
    }
}

impl<B: ShardBackend> Drop for ShardedCount<B> {
    /// Frees the shards. The value of the count does not matter: the owner that drops it knows that
    /// no thread uses it.
    #[doc(alias = "percpu_ref_exit")]
    fn drop(&mut self) {
        let words = self.words.get_mut();
        let shards = ptr::slice_from_raw_parts_mut(words.shards.as_ptr(), words.mask + 1);
        // SAFETY: it came from a box of this length, and this is its last use.
        drop(unsafe { Box::from_raw(shards) });
    }
}

impl<B: ShardBackend> fmt::Debug for ShardedCount<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: a hint.
        let state: &dyn fmt::Debug = match zone(self.common().load(Relaxed)) {
            Zone::Biased => &format_args!("live"),
            Zone::Ended | Zone::Below => &format_args!("ended"),
            Zone::Counted | Zone::Full => &format_args!("dying"),
            Zone::Saturated => &format_args!("saturated"),
        };
        f.debug_struct("ShardedCount")
            .field("state", state)
            .field("shards", &self.shards())
            .finish()
    }
}
