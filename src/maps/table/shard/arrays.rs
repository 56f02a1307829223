//! A shard and the arrays of heads: it follows the array in use, and is divided into many shards.

use core::ptr::NonNull;

use crossbeam_utils::CachePadded;

use super::{Guard, Phase, Shard};
use crate::lock::LockBackend;
use crate::maps::table::buckets::{Buckets, Heads};
use crate::maps::table::builders::{Idle, Needs};
use crate::maps::table::node::{Node, State};

impl<B: LockBackend> Guard<'_, B> {
    /// Moves the shard to the array in use.
    #[inline]
    pub(in super::super) fn keep_up(&mut self) {
        // SAFETY: a table lives as long as its shards.
        let heads = unsafe { self.shard().table.as_ref() }.buckets.heads();
        if heads != self.heads {
            self.move_nodes();
        }
    }

    /// Moves all nodes to the chains of the array in use.
    #[cold]
    fn move_nodes(&mut self) {
        let from = self.heads;
        // SAFETY: a table lives as long as its shards.
        let table = unsafe { self.shard().table.as_ref() };
        let to = table.buckets.enter();
        if to == from {
            // The array in use was replaced in between, by the one that the shard is in: it entered a second time.
            return table.buckets.leave(from);
        }
        // SAFETY: arrays live as long as the table.
        let new = unsafe { to.chains() };
        for node in self.nodes() {
            new.link(node);
        }
        // The old one may be used again, and its memory may go back.
        self.chains()
            .clear(self.shard().number(), self.shard().shards());
        self.heads = to;
        // Not before: another thread gives the memory of an array back that no shard is in.
        table.buckets.leave(from);
    }

    /// Whether the last insertion made the nodes as many as the heads, or twice as many, and so on: then it
    /// is time to think of more. Returns the heads that are too few.
    pub(in super::super) fn crowded(&self) -> Option<Heads<B>> {
        // Not `live`, which says nothing of one part of a divided shard.
        let in_chains = self.shard().len_hint() + self.building as usize;
        let nodes = in_chains.wrapping_mul(self.shard().shards());
        (nodes % self.heads.len() == 0).then_some(self.heads)
    }

    /// Gives everything in the shard to `parts`, which no other thread knows: each node belongs to the part of its hash.
    /// What is left to do is to make them known, and then to [end](Self::end_divided) this shard.
    ///
    /// Returns `false`, and does nothing, if the parts have no room for what is known of busy nodes: memory is not allocated under the
    /// lock. There is `needs` for each part, which says then what it has to have room for.
    pub(in super::super) fn divide(
        &mut self,
        buckets: &Buckets<B>,
        parts: &mut [CachePadded<Shard<B>>],
        needs: &mut [Needs],
    ) -> bool {
        self.keep_up();
        let shift = 32 - parts.len().ilog2();
        let place = |node: NonNull<Node<B>>| {
            // SAFETY: what is in a chain, or busy, is a node.
            unsafe { node.as_ref() }.tag().hash().place(shift)
        };
        needs.fill(Needs::default());
        self.builders.count(needs, place);
        let mut both = parts.iter_mut().zip(&*needs);
        if !both.all(|(part, needs)| part.builders().suffice_for(*needs)) {
            return false;
        }
        // First: this takes a lock, which may unwind. From here on nothing does.
        buckets.divide(self.heads, parts.len());
        for part in &mut *parts {
            let inner = part.inner.get_mut();
            inner.heads = self.heads;
            // A look that has seen all nodes here has seen all there are in the part.
            inner.insertions = self.insertions;
        }
        let mut in_no_chain = self.live;
        for node in self.nodes() {
            // SAFETY: what is in a chain is a node.
            let state = unsafe { node.as_ref() }.tag().state();
            let part = &mut parts[place(node)];
            part.inner.get_mut().live += 1;
            part.inner.get_mut().building += u32::from(state == State::Building);
            part.add_listed(usize::from(state == State::Listed));
            in_no_chain -= 1;
        }
        let first = parts[0].inner.get_mut();
        first.live += in_no_chain;
        first.free.append(&mut self.free);
        self.builders.divide(parts, |part| part.builders(), place);
        true
    }

    /// Ends the shard, whose parts are known. Returns memory to be freed after unlocking.
    pub(in super::super) fn end_divided(mut self) -> Idle<B> {
        self.phase = Phase::Divided;
        self.builders.strip()
    }
}
