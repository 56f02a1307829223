//! A reference count, [`RcuRef`], whose get is one addition, for memory that outlives the puts.
//!
//! # The number line
//!
//! The word holds the references *less one*, so that the sign of what a get leaves says whether it has found a living
//! object:
//!
//! ```text
//! 0xffff_ffff               no reference
//! 0x0000_0000               one
//!      ...
//! 0x7fff_ffff               MAX
//! -----------------------------------------------------------------------------------------------
//! 0x8000_0000 0x87ff_ffff   not pinned yet              counts exactly: gets beyond MAX that have not pinned it
//! 0x8800_0000 0xb7ff_ffff   saturated                   kept within 2^27 of 0xa000_0000
//! 0xc000_0000 0xffff_fffe   dead                        kept within 2^28 of 0xe000_0000
//! ```
//!
//! # A put
//!
//! is one decrement. If it left no reference, the object is not dead yet: a get may still revive it. So the thread
//! tries to mark it dead by compare-and-swap. If that succeeds, the reference was the last one. If it fails, a get
//! came first: the object is that reference's now, and a later put tries again.
//!
//! ```text
//! put                                  get, and later put                word
//! ---                                  ------------------                ----
//! decrement                                                              no reference
//!                                      increment                         one
//! mark it dead: fails, so false
//!                                      decrement                         no reference
//!                                      mark it dead: true, the last      dead
//! ```
//!
//! So one put of an object is told that it was the last. And a put touches the word when its reference is gone: between
//! its two steps another put may be told, which is why the memory has to outlive all puts. The decision rests on
//! what the decrement returned, never on a second look: what is there then may be the work of others. (That was Linux'
//! bug until commit b9a49520679e.) A put that has left references touches nothing any more.
//!
//! # A get
//!
//! is one increment, also of a dead object: that does no harm as long as the word stays far from both ends of
//! the dead range. A get or put that leaves it 2^28 steps away from the middle moves it back before it
//! returns, and there are far fewer threads than the 2^28 that it would take from there to the end.
//!
//! A get beyond `MAX` pins the word. It may stop before that for any time: the reference that it has counted keeps the
//! object alive, and until the word is pinned every get and put counts exactly. A word that was pinned stays so, as
//! a step that leaves it 2^27 away from the middle moves it back, and from there to the edge are 2^28 steps. So only a pin
//! can have put the word into this range, and a put that finds it there may touch it. The argument is that of
//! `refcount/mod.rs`, for fewer than 2^27 operations at a time and any number of references.
//!
//! # Orderings
//!
//! There is one atomic, `word`.
//!
//! - A decrement is Release: it ends the caller's use of the object.
//! - The mark is Acquire: the last put comes after everything that earlier decrements ended. All that
//!   is done to the word between them are read-modify-writes, which continue the release sequences.
//! - An increment is Acquire: it begins a use. It pairs with the Release store of `set_release`.
//! - An operation that declines, pins the word or moves it back is Relaxed.

use core::fmt;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::atomic::{Atomic, AtomicInt, AtomicU32, Backend, Native};
use crate::counts::Zone;
use crate::report::{Kind, report};

const NO_REFERENCE: u32 = u32::MAX;
const MAX: u32 = 1 << 31;
const SATURATED: u32 = 0xA000_0000;
const DEAD: u32 = 0xE000_0000;
/// Where the dead range begins. It ends in front of `NO_REFERENCE`.
const FIRST_DEAD: u32 = 0xC000_0000;

/// A dead object's word.
const DEAD_ZONE: Zone = Zone {
    values: FIRST_DEAD..NO_REFERENCE,
    middle: DEAD,
    far: 1 << 28,
};

/// Where only a pin can have put the word, and what has moved it since.
const PINNED: Zone = Zone {
    values: 0x8800_0000..0xB800_0000,
    middle: SATURATED,
    far: 1 << 27,
};

/// The word for `n` references.
const fn word(n: u32) -> u32 {
    match n {
        0 => DEAD,
        1..=MAX => n - 1,
        _ => SATURATED,
    }
}

/// A reference count whose [`get`](Self::get) is one `fetch_add` even if the object may already be dead; for memory
/// protected by RCU.
///
/// It is for objects that are found without a lock and without a reference, in memory that outlives the
/// puts. Such memory is protected by RCU (an epoch or hazard pointers, from a crate for that), or it is
/// used again only for objects of the same kind and not freed while a lookup may read it.
///
/// | | a get that may fail | a put | the memory has to outlive |
/// |---|---|---|---|
/// | [`RefCount::inc_not_zero`](crate::RefCount::inc_not_zero), [`Kref::get_unless_zero`](crate::Kref::get_unless_zero) | a compare-and-swap loop | one decrement | the gets |
/// | `RcuRef` | one increment | one decrement; for the last, also a compare-and-swap | the gets and the puts |
///
/// The caller must be inside the critical section (epoch guard, hazard pointer) that keeps the memory, from the lookup
/// until [`get`](Self::get) returns, and during every [`put`](Self::put): a put may touch the count when its reference is
/// gone, and another thread may have been told by then that the object is dead.
///
/// More than [`MAX`](RcuRef::MAX) references saturate the count, as they do
/// [`RefCount`](crate::RefCount): the object leaks, and the misuse is [reported](crate::report). A put too
/// many is reported as well, and the count stays dead.
///
/// It is a count, not a pointer; the name is the kernel's.
///
/// # Memory ordering
///
/// | operations | ordering |
/// |---|---|
/// | [`get`](Self::get) | Acquire |
/// | [`put`](Self::put) | Release, and Acquire when the last |
/// | [`set_release`](Self::set_release) | Release |
/// | [`count_hint`](Self::count_hint), [`is_saturated`](Self::is_saturated) | Relaxed |
///
/// # The kernel's functions and ours
///
/// | `rcuref_t` | here |
/// |---|---|
/// | `RCUREF_INIT`, `rcuref_init`, `rcuref_read` | [`new`](RcuRef::new), [`set_release`](Self::set_release), [`count_hint`](Self::count_hint) |
/// | `rcuref_get` | [`get`](Self::get) |
/// | `rcuref_put`, `rcuref_put_rcusafe` | [`put`](Self::put) |
/// | `file_ref_t` (`file_ref_get`, `file_ref_put`) | the same, of 8 bytes |
///
/// # Examples
///
/// ```
/// use kref::RcuRef;
///
/// let refs = RcuRef::new(1);
/// assert!(refs.get());
/// assert!(!refs.put());
/// assert!(refs.put()); // the last: unlink the object, and free it after a grace period
/// assert!(!refs.get()); // and it stays dead
/// ```
#[doc(alias = "rcuref_t")]
#[doc(alias = "file_ref_t")]
#[repr(transparent)]
pub struct RcuRef<B: Backend = Native> {
    word: B::U32,
}

impl RcuRef<Native> {
    /// The largest count: 2^31. Counterpart: `RCUREF_MAXREF`, which is one less, as the kernel's constants are
    /// words.
    #[doc(alias = "RCUREF_MAXREF")]
    pub const MAX: u32 = MAX;

    /// What [`count_hint`](Self::count_hint) returns for a count that was misused. Counterpart:
    /// `RCUREF_SATURATED`.
    #[doc(alias = "RCUREF_SATURATED")]
    pub const SATURATED: u32 = SATURATED;

    /// Creates a count of `n` references. Zero means a dead object. More than [`MAX`](Self::MAX) is a
    /// saturated count.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RcuRef;
    ///
    /// static REFS: RcuRef = RcuRef::new(1);
    ///
    /// assert_eq!(REFS.count_hint(), 1);
    /// assert!(!RcuRef::new(0).get());
    /// ```
    #[doc(alias = "RCUREF_INIT")]
    #[must_use]
    pub const fn new(n: u32) -> Self {
        Self {
            word: AtomicU32::new(word(n)),
        }
    }
}

impl<B: Backend> RcuRef<B> {
    /// Like [`new`](RcuRef::new), for any backend. Not `const`.
    #[must_use]
    pub fn new_in(n: u32) -> Self {
        Self {
            word: B::U32::new(word(n)),
        }
    }

    /// Takes a reference unless the object is dead. Returns `true` if the caller now has one.
    ///
    /// It is one atomic increment, whatever other threads do. (A get of a dead or saturated object that leaves the word
    /// far from its middle, which is one in 2^27 or fewer, adds a compare-and-swap loop, which is lock-free.) At
    /// [`MAX`](RcuRef::MAX) the count saturates and the misuse is reported; a saturated count returns `true`: the
    /// caller holds an object that is never freed.
    ///
    /// In memory that is used again, check after a success that the object is still the one you were
    /// looking for, and put the reference if it is not.
    ///
    /// # Memory ordering
    ///
    /// Acquire: what was written before [`set_release`](Self::set_release) is seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RcuRef;
    ///
    /// assert!(RcuRef::new(1).get());
    /// assert!(!RcuRef::new(0).get());
    /// ```
    #[doc(alias = "rcuref_get")]
    #[doc(alias = "file_ref_get")]
    #[must_use = "on `false` the caller has no reference"]
    #[inline]
    #[track_caller]
    pub fn get(&self) -> bool {
        // Acquire: pairs with the Release store in `set_release`, so that a thread that takes a reference sees what
        // was written before it.
        let found = self.word.fetch_add(1, Acquire);
        (found.wrapping_add(1) as i32) >= 0 || self.get_slow(found)
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn get_slow(&self, found: u32) -> bool {
        if found >= FIRST_DEAD {
            DEAD_ZONE.hold(&self.word, found.wrapping_add(1));
            return false;
        }
        if PINNED.contains(found) {
            PINNED.hold(&self.word, found + 1);
            return true;
        }
        // The reference that was counted keeps the object alive until the word is pinned. Relaxed: the object is never
        // freed, so nobody waits for this use of it to end. A swap, because it continues the release sequences that a
        // store would end.
        self.word.swap(SATURATED, Relaxed);
        if found == word(MAX) {
            report(Kind::Overflow, MAX);
        }
        true
    }

    /// Drops a reference. Returns `true` if it was the last: the caller has to destroy the object, that is to unlink it,
    /// and to free its memory when no thread can look at it any more.
    ///
    /// It is one atomic decrement, and also one compare-and-swap if that left no reference, which happens at least once
    /// for each object. A put too many is reported as [`Underflow`](Kind::Underflow) and returns `false`. After `false`
    /// the object may be dead at any moment, but its memory has to stay until this call has returned.
    ///
    /// Where the memory is used again for another object while a put is under way, that put may be told of the
    /// other object's death, in the place of the put that ended it. So what the caller does on `true` must be
    /// right for whatever object is there.
    ///
    /// # Memory ordering
    ///
    /// Release, and also Acquire when it returns `true`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RcuRef;
    ///
    /// let refs = RcuRef::new(2);
    /// assert!(!refs.put());
    /// assert!(refs.put()); // the last
    /// ```
    #[doc(alias = "rcuref_put")]
    #[doc(alias = "rcuref_put_rcusafe")]
    #[doc(alias = "file_ref_put")]
    #[must_use = "on `true` this was the last reference: destroy the object"]
    #[inline]
    #[track_caller]
    pub fn put(&self) -> bool {
        // Release: pairs with the Acquire of the mark in `put_slow`, so that the object is destroyed after
        // every use of it.
        let found = self.word.fetch_sub(1, Release);
        (found as i32) <= 0 && self.put_slow(found)
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn put_slow(&self, found: u32) -> bool {
        match found {
            // Acquire: pairs with the Release of all the earlier decrements. Relaxed in the failure: the
            // object is another's.
            0 => self
                .word
                .compare_exchange(NO_REFERENCE, DEAD, Acquire, Relaxed)
                .is_ok(),
            FIRST_DEAD.. => {
                DEAD_ZONE.hold(&self.word, found - 1);
                report(Kind::Underflow, 0);
                false
            }
            _ => {
                // The word is touched only if the value proves that it is saturated permanently. Below that zone
                // the word still counts: a get that is about to pin it holds the object.
                if PINNED.contains(found) {
                    PINNED.hold(&self.word, found - 1);
                }
                false
            }
        }
    }

    /// Sets the count of an object that other threads may find from this moment on.
    ///
    /// It is for memory that is used again while others may look at it: when the former object is dead, fill in the
    /// new one, then set its count. A thread that then gets a reference sees what was filled in. Zero makes it dead;
    /// more than [`MAX`](RcuRef::MAX) saturates and is reported.
    ///
    /// # Memory ordering
    ///
    /// Release.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RcuRef;
    ///
    /// let refs = RcuRef::new(0); // an unused place in a table
    /// assert!(!refs.get());
    /// // ... fill in the object, then:
    /// refs.set_release(1);
    /// assert!(refs.get());
    /// ```
    #[doc(alias = "rcuref_init")]
    #[doc(alias = "file_ref_init")]
    #[track_caller]
    pub fn set_release(&self, n: u32) {
        // Release: pairs with the Acquire in `get`, so that a thread that takes a reference sees the object as it was
        // filled in before.
        self.word.store(word(n), Release);
        if n > MAX {
            report(Kind::Overflow, n);
        }
    }

    /// Returns how many references there are; a hint, out of date as soon as it is read.
    ///
    /// It is zero for an object that is dead, or about to die or to be revived, and
    /// [`SATURATED`](RcuRef::SATURATED) for a saturated count.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RcuRef;
    ///
    /// assert_eq!(RcuRef::new(2).count_hint(), 2);
    /// ```
    #[doc(alias = "rcuref_read")]
    #[must_use]
    #[inline]
    pub fn count_hint(&self) -> u32 {
        // Relaxed: a hint, nothing is decided by it.
        match self.word.load(Relaxed) {
            FIRST_DEAD.. => 0,
            MAX.. => SATURATED,
            less_one => less_one + 1,
        }
    }

    /// Returns whether there were too many references, so that the object will never be freed.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::RcuRef;
    ///
    /// let refs = RcuRef::new(RcuRef::MAX);
    /// assert!(!refs.is_saturated());
    /// assert!(refs.get()); // of an object that leaks
    /// assert!(refs.is_saturated());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_saturated(&self) -> bool {
        self.count_hint() == SATURATED
    }
}

impl<B: Backend> fmt::Debug for RcuRef<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("RcuRef");
        match self.count_hint() {
            SATURATED => tuple.field(&format_args!("saturated")),
            count => tuple.field(&count),
        };
        tuple.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_word(word: u32) -> RcuRef {
        RcuRef {
            word: AtomicU32::new(word),
        }
    }

    /// The word drifts with every get of a dead object, and must not come to where gets succeed.
    #[test]
    fn a_dead_object_stays_dead_however_often_it_is_asked_for() {
        let refs = of_word(DEAD);
        assert!(!refs.get());
        assert_eq!(refs.word.load(Relaxed), DEAD + 1);
        let far = DEAD_ZONE.far;
        for word in [DEAD + far - 1, NO_REFERENCE - 1 - far / 2, NO_REFERENCE - 2] {
            let refs = of_word(word);
            assert!(!refs.get());
            assert_eq!(refs.word.load(Relaxed), DEAD, "{word:#x}");
        }
    }

    /// Puts of what is dead move the word the other way, where it would be saturated.
    #[test]
    fn a_dead_object_stays_dead_however_often_it_is_put() {
        for (found, left) in [
            (DEAD, DEAD - 1),
            (DEAD - DEAD_ZONE.far + 1, DEAD),
            (FIRST_DEAD + 1, DEAD),
            // A put that is about to mark it dead will fail, and the object leak.
            (NO_REFERENCE, DEAD),
        ] {
            let refs = of_word(found);
            assert!(!refs.put());
            assert_eq!(refs.word.load(Relaxed), left, "{found:#x}");
        }
    }

    /// A get pins what is not pinned yet; a put counts there. Where only a pin can have put the word, both move it back.
    #[test]
    fn a_saturated_count_stays_so_from_every_place() {
        for found in [MAX, MAX + 9] {
            let refs = of_word(found);
            assert!(refs.get());
            assert_eq!(refs.word.load(Relaxed), SATURATED, "{found:#x}");
            let refs = of_word(found);
            assert!(!refs.put());
            assert_eq!(refs.word.load(Relaxed), found - 1, "{found:#x}");
            assert_eq!(of_word(found).count_hint(), SATURATED);
        }
        let far = PINNED.far;
        for found in [SATURATED - far - 2, SATURATED + far + 2] {
            let steps: [fn(&RcuRef) -> bool; 2] = [|refs| refs.get(), |refs| !refs.put()];
            for step in steps {
                let refs = of_word(found);
                assert!(step(&refs));
                assert_eq!(refs.word.load(Relaxed), SATURATED, "{found:#x}");
            }
        }
    }
}
