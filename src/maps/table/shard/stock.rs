//! What a shard has at hand: nothing is allocated or freed under its lock.

use super::Guard;
use crate::lock::LockBackend;
use crate::maps::table::builders::{Idle, Threads};
use crate::maps::table::memory::Batch;

/// How many slots a shard takes at once, at most, and how many are enough.
const REFILL: usize = 8;
const ENOUGH: usize = 16;

impl<B: LockBackend> Guard<'_, B> {
    /// Whether an insertion finds a slot at hand, and memory for what is noted of it.
    #[inline]
    pub(in super::super) fn is_ready(&self) -> bool {
        // In this order: the builders are in another cache line, which only constructors write.
        self.free.len() > 0 && (self.building == 0 || self.builders.have_room())
    }

    /// Whether there is memory for what is noted of a node that is [dying](Self::begin_dying).
    pub(in super::super) fn is_ready_for_dying(&self) -> bool {
        self.builders.have_room()
    }

    /// How many slots a shard takes when it has run out of them, and for how many builders it wants memory.
    pub(in super::super) fn wants(&self) -> (usize, usize) {
        let slots = match self.free.len() {
            0 => (self.nodes_hint() / 4).clamp(1, REFILL),
            _ => 0,
        };
        (slots, self.builders.wants())
    }

    /// How many live nodes the shard has; a hint, see [`live`](Inner::live).
    #[inline]
    fn nodes_hint(&self) -> usize {
        self.live.max(0) as usize
    }

    /// Puts slots at hand, and memory for builders. Returns the memory that is not needed, to be freed after unlocking.
    pub(in super::super) fn stock(
        &mut self,
        mut slots: Batch<B>,
        threads: Threads<B>,
    ) -> Threads<B> {
        self.free.append(&mut slots);
        self.builders.stock(threads)
    }

    /// Takes slots away, if there are many more than the nodes of the shard call for.
    pub(in super::super) fn surplus(&mut self) -> Batch<B> {
        let enough = self.nodes_hint().min(ENOUGH);
        if self.free.len() <= enough {
            return Batch::new();
        }
        self.free.split_off(enough / 2)
    }

    /// Takes all slots away, and memory to be freed after unlocking.
    pub(in super::super) fn strip(&mut self) -> (Batch<B>, Idle<B>) {
        (self.free.split_off(0), self.builders.strip())
    }
}
