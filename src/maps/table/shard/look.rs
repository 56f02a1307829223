//! How nodes are found under the lock.

use alloc::vec::Vec;
use core::ptr::NonNull;

use super::Guard;
use crate::lock::LockBackend;
use crate::maps::table::builders::{Fresh, Watch};
use crate::maps::table::candidates::Candidates;
use crate::maps::table::counted::Counted;
use crate::maps::table::node::{Hash, Node, State, Tag};
use crate::maps::table::payload::Payload;

/// How many empty chains an iteration passes under the lock, before it unlocks for others.
const EMPTY_CHAINS: usize = 64;

/// What a look under the lock has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Look {
    /// There are no other nodes than those that were found before, as long as the lock is held.
    Nothing,
    /// There are new candidates, to be compared without the lock.
    Found,
    /// There are so many, and the candidates are to be prepared for them, without the lock.
    NotReady(usize),
}

impl<B: LockBackend> Guard<'_, B> {
    /// The first node that is or will be in the map with this hash; mostly it is what is looked for. What is there is
    /// moved to the array in use, so that the next lookup finds it without the lock.
    ///
    /// # Safety
    ///
    /// The nodes of this shard have payloads of the type `P`.
    #[inline]
    pub(in super::super) unsafe fn first<P: Payload>(&mut self, tag: Tag) -> Option<Counted<P, B>> {
        self.keep_up();
        let first = self.with_hash(tag.hash()).next()?;
        // SAFETY: it is in a chain of this shard.
        Some(unsafe { self.get(first) })
    }

    /// Looks for all nodes that are or will be in the map with this hash, and that were not seen: what has come since the last
    /// look, if there was one. So among any number of equal hashes each node is found once.
    ///
    /// # Safety
    ///
    /// The nodes of this shard have payloads of the type `P`.
    pub(in super::super) unsafe fn look<P: Payload>(
        &mut self,
        tag: Tag,
        seen: &mut Candidates<P, B>,
    ) -> Look {
        self.keep_up();
        if seen.are_all_at(self.insertions) {
            return Look::Nothing;
        }
        if !seen.are_sorted() {
            return Look::NotReady(0);
        }
        let count = {
            let new = self.with_hash(tag.hash()).filter(|node| !seen.has(*node));
            new.count()
        };
        if count > seen.room() {
            return Look::NotReady(count);
        }
        if count > 0 {
            for node in self.with_hash(tag.hash()) {
                if !seen.has(node) {
                    // SAFETY: it is in a chain of this shard.
                    seen.add(unsafe { self.get(node) });
                }
            }
        }
        seen.set_all_at(self.insertions);
        if count > 0 {
            Look::Found
        } else {
            Look::Nothing
        }
    }

    /// Returns what there is to wait for: the event is that of `fresh`, unless the node has one already. Nothing if the node is not
    /// busy any more.
    ///
    /// # Errors
    ///
    /// Returns for how many events `fresh` has to be prepared: memory is not allocated under the lock.
    pub(in super::super) fn watch<P: Payload>(
        &mut self,
        node: &Counted<P, B>,
        fresh: &mut Fresh<B>,
    ) -> Option<Result<Watch<B>, usize>> {
        let is_busy = matches!(node.header().tag().state(), State::Building | State::Dying);
        is_busy.then(|| self.builders.watch(node.node(), fresh))
    }

    /// The nodes with this hash. What is in a chain is listed, being built, or dying where keys are exclusive: all of it
    /// has its key.
    #[inline]
    fn with_hash(&self, hash: Hash) -> impl Iterator<Item = NonNull<Node<B>>> {
        // SAFETY: what is in a chain is a node.
        let has = move |node: &NonNull<Node<B>>| unsafe { node.as_ref() }.tag().has_hash(hash);
        self.chains().chain(hash).filter(has)
    }

    /// Takes a reference to a node.
    ///
    /// # Safety
    ///
    /// It is in a chain of this shard, and has a payload of the type `P`.
    unsafe fn get<P: Payload>(&self, node: NonNull<Node<B>>) -> Counted<P, B> {
        // SAFETY: what is in a chain is a node.
        unsafe { node.as_ref() }.refs.get_locked();
        // SAFETY: the reference was taken just now.
        unsafe { Counted::from_node(node) }
    }

    /// Takes references to the listed nodes of one chain: the first that has any, of those for hashes from `from` on. They are
    /// put into `found`, which is empty. Returns from where to go on.
    ///
    /// # Errors
    ///
    /// Returns how many nodes there are if `found` has no room for them: memory is not allocated under the lock.
    ///
    /// # Safety
    ///
    /// The nodes of this shard have payloads of the type `P`.
    pub(in super::super) unsafe fn listed_from<P: Payload>(
        &mut self,
        from: u64,
        found: &mut Vec<Counted<P, B>>,
    ) -> Result<u64, usize> {
        self.keep_up();
        let end = (self.shard().number() as u64 + 1) * (Hash::END / self.shard().shards() as u64);
        let width = Hash::END / self.heads.len() as u64;
        let mut from = from;
        // The lock is not held for longer than it takes to pass so many empty chains.
        for _ in 0..EMPTY_CHAINS {
            let is_meant = |node: &NonNull<Node<B>>| {
                // SAFETY: what is in a chain is a node.
                let tag = unsafe { node.as_ref() }.tag();
                // The number of chains may have been halved since the last call.
                tag.state() == State::Listed && tag.hash().number() >= from
            };
            let nodes = || {
                self.chains()
                    .chain(Hash::from_number(from))
                    .filter(is_meant)
            };
            let listed = nodes().count();
            if listed > found.capacity() {
                return Err(listed);
            }
            // SAFETY: they are in a chain, and as the caller promises.
            found.extend(nodes().map(|node| unsafe { self.get(node) }));
            from = (from / width + 1) * width;
            if listed > 0 || from >= end {
                break;
            }
        }
        Ok(from)
    }
}
