//! Kill and resurrection: the passage from one life of a count to the other, under a lock.
//!
//! The lock makes them wait for one another, so that each of them finds the shards all open or all closed. Gets and puts
//! do not take it: a shard changes hands by the swap that closes or opens it.
//!
//! | `state` | | a kill | `retire` | a resurrection |
//! |---|---|---|---|---|
//! | 0 | live | closes | closes | refuses |
//! | `DYING` | killed | is not the first | only forbids a resurrection | opens |
//! | `DYING` and `RETIRED` | and its owner is gone | is not the first | (there is one owner) | refuses |

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::word::{BIAS, CLOSED, MAX, OPEN, SATURATED, Zone, counted_in, reported, total, zone};
use super::{ShardBackend, ShardedCount};
use crate::atomic::{Atomic, AtomicExt};
use crate::lock::Lock;
use crate::report::{Kind, report};

/// The bit of a count that was killed.
const DYING: u32 = 1;
/// The bit of a count that stays so.
const RETIRED: u32 = 2;

pub(super) const fn is_dying(state: u32) -> bool {
    state & DYING != 0
}

impl<B: ShardBackend> ShardedCount<B> {
    /// Kills the count: from now on no [`try_get_live`](Self::try_get_live) succeeds, the creator's reference is dropped, and the last put
    /// is told to its caller. Returns whether this was the end: then there was no other reference, and the caller
    /// destroys the object.
    ///
    /// Of several kills the first one does all this. The others return `false` at once, possibly before the first has closed
    /// every shard; [`kill_and_confirm`](Self::kill_and_confirm) waits for that. The first caller uses up the
    /// creator's reference. Every other caller has to hold a reference of its own, or to know otherwise that the count is
    /// there.
    ///
    /// Takes the lock of the switch, and an atomic swap for each shard. Other kills and resurrections wait for the
    /// lock; gets and puts do not. A sum of references that is not between 1 and 2^60 is reported, and saturates the
    /// count.
    ///
    /// # Memory ordering
    ///
    /// Release if it is the first, and Acquire when it returns `true`. A kill that is not the first orders nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedCount;
    ///
    /// let count = ShardedCount::new();
    /// assert!(count.kill()); // nobody else had a reference
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_kill")]
    #[must_use = "if it is true, there is no reference left: destroy the object"]
    #[track_caller]
    pub fn kill(&self) -> bool {
        // A second kill returns at once.
        !self.is_dying() && self.kill_and_confirm()
    }

    /// Like [`kill`](Self::kill), and when it returns, all shards are closed, also if another thread has closed them.
    ///
    /// If another kill is under way, this call waits for it under the lock of the switch.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedCount;
    ///
    /// let count = ShardedCount::new();
    /// count.get();
    /// assert!(!count.kill_and_confirm());
    /// assert!(!count.try_get_live()); // in no thread
    /// assert!(count.put());
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_kill_and_confirm")]
    #[must_use = "if it is true, there is no reference left: destroy the object"]
    #[track_caller]
    pub fn kill_and_confirm(&self) -> bool {
        // The creator's reference is dropped last: it keeps the lock's memory while it is unlocked.
        self.close(0) && self.put_common()
    }

    /// Kills the count on behalf of a reference that is not the creator's: it drops none. Returns whether it did. A resurrection
    /// that fits is `open(0)`.
    #[track_caller]
    pub(crate) fn close_only(&self) -> bool {
        self.close(0)
    }

    /// Kills the count if it is live, forbids that it is ever resurrected, and drops the creator's reference; returns
    /// whether it was the last.
    #[track_caller]
    pub(crate) fn retire(&self) -> bool {
        self.close(RETIRED);
        self.put_common()
    }

    /// Closes the shards, if they are open, and adds `also` to the state in any case. Returns whether it did close them. The
    /// caller holds a reference.
    #[track_caller]
    fn close(&self, also: u32) -> bool {
        let guard = self.switch().lock();
        // Relaxed: the lock orders all writes.
        let before = self.state().load(Relaxed);
        // Relaxed: as above; for `is_dying` it is a hint.
        self.state().store(before | DYING | also, Relaxed);
        if is_dying(before) {
            return false;
        }
        let sum = (0..self.shards()).fold(0u64, |sum, number| {
            // Acquire: pairs with the Release of every put in this shard.
            let found = self.shard(number).swap(CLOSED, Acquire);
            sum.wrapping_add(counted_in(found))
        });
        // Relaxed: what the swaps have acquired is handed on by the put of the reference that the caller holds.
        let merged = self.common().cas_loop(Relaxed, |word| {
            let total = total(word, sum);
            let is_good = zone(word) == Zone::Biased && (1..=MAX as i64).contains(&total);
            Some(if is_good { total as u64 } else { SATURATED })
        });
        drop(guard);
        let (Ok(word) | Err(word)) = merged;
        let total = total(word, sum);
        // Afterwards, as every report: the hook may panic. A count that was saturated before was reported.
        if zone(word) != Zone::Biased {
        } else if total < 1 {
            report(Kind::Underflow, reported(total as u64));
        } else if total > MAX as i64 {
            report(Kind::Overflow, reported(total as u64));
        }
        true
    }

    /// Makes a count that was killed live again, with a new creator's reference, unless its end was reached. Returns
    /// `true` if it did.
    ///
    /// | the count is | it returns | and |
    /// |---|---|---|
    /// | dying, and a reference is held | `true` | is live; there is one reference more, which the next kill drops |
    /// | dying, and ended | `false` | stays so: the caller that was told of the end destroys the object, or makes it anew by [`reinit`](Self::reinit) |
    /// | being killed at this moment | | it waits for the kill |
    /// | live | `false` | stays so |
    /// | saturated | `false` | stays so |
    ///
    /// The caller holds a reference, or knows otherwise that the count is there. Takes the lock of the switch, and an
    /// atomic swap for each shard.
    ///
    /// # Memory ordering
    ///
    /// Release.
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
    /// assert!(count.resurrect());
    /// assert!(count.try_get_live()); // three references
    /// assert!(!count.put());
    /// assert!(!count.put());
    /// assert!(count.kill());
    /// assert!(!count.resurrect()); // too late
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_resurrect")]
    #[must_use = "if it is false, the count is as it was"]
    pub fn resurrect(&self) -> bool {
        self.open(|word| (zone(word) == Zone::Counted).then(|| word + BIAS + 1))
    }

    /// Makes a count whose end was reached live again, with only the creator's reference. Returns `true` if it
    /// did.
    ///
    /// It is for the caller that was told of the end, once the object is as new. Others may hold the memory, and try to get a
    /// reference. Returns `false`, and does nothing, if the end was not reached.
    ///
    /// The memory of the count has to stay until this call returns. A thread that gets a reference before that may kill the
    /// count, and be told of the end: it must not free the memory then.
    ///
    /// # Memory ordering
    ///
    /// Release: a try-get that succeeds afterwards sees what was done before.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use kref::ShardedCount;
    ///
    /// let count = ShardedCount::new();
    /// assert!(!count.reinit());
    /// assert!(count.kill());
    /// assert!(count.reinit());
    /// assert!(count.try_get_live());
    /// # }
    /// ```
    #[doc(alias = "percpu_ref_reinit")]
    #[must_use = "if it is false, the count is as it was"]
    pub fn reinit(&self) -> bool {
        self.open(|word| (zone(word) == Zone::Ended).then_some(BIAS + 1))
    }

    /// Undoes `close_only`, unless the creator's reference is gone.
    pub(crate) fn open_only(&self) -> bool {
        self.open(|word| (zone(word) == Zone::Counted).then(|| word + BIAS))
    }

    /// Opens the shards, if they are closed and may be opened, once `biased` has agreed to the common word and said what it becomes.
    fn open(&self, biased: impl Fn(u64) -> Option<u64>) -> bool {
        let _guard = self.switch().lock();
        // Relaxed: the lock orders all writes.
        if self.state().load(Relaxed) != DYING {
            return false;
        }
        // Release: pairs with the Acquire of a try-get in the common word.
        if self.common().cas_loop(Release, biased).is_err() {
            return false;
        }
        for number in 0..self.shards() {
            // Release: pairs with the Acquire of a try-get in this shard. What is in a closed shard means nothing.
            self.shard(number).swap(OPEN, Release);
        }
        // Relaxed: as above.
        self.state().store(0, Relaxed);
        true
    }
}
