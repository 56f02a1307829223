//! A lock, and what it protects.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;

use crossbeam_utils::CachePadded;

use super::Table;
use super::buckets::{Buckets, Heads};
use super::builders::{Builders, Ended, Fresh, Idle, Needs, Threads, Watch};
use super::candidates::Candidates;
use super::chains::Chains;
use super::counted::Counted;
use super::memory::Batch;
use super::node::{Hash, Node, State, Tag};
use super::payload::Payload;
use crate::atomic::Atomic;
use crate::lock::{Lock, LockBackend};

/// How many empty chains an iteration passes under the lock, before it unlocks for others.
const EMPTY_CHAINS: usize = 64;

/// How many slots a shard takes at once, at most, and how many are enough.
const REFILL: usize = 8;
const ENOUGH: usize = 16;

/// A part of a table that has a lock of its own.
///
/// In the order of the fields: what changes with every insertion and every last put is in one cache
/// line, with the lock.
#[repr(C)]
pub(crate) struct Shard<B: LockBackend> {
    lock: B::Lock,
    /// The number of listed nodes. Changed under the lock, read without it as a hint.
    listed: B::Usize,
    inner: UnsafeCell<Inner<B>>,
    /// Which of the table's shards this is.
    number: u32,
    /// How many there are.
    shards: u32,
    table: NonNull<Table<B>>,
}

/// What is used under the lock only.
#[repr(C)]
pub(crate) struct Inner<B: LockBackend> {
    /// Where the heads of the shard's chains are: in the array that was in use at the last lookup here.
    heads: Heads<B>,
    /// How many nodes have come here and have not died. Negative, perhaps, as nodes that were in no chain when a shard was
    /// divided die in another part than that which counts them. The sum over all shards is exact.
    live: isize,
    /// Slots at hand.
    free: Batch<B>,
    /// How many nodes were put into a chain: a look that has seen all nodes of a chain has still seen all as long as this is
    /// the same. 64 bits, which do not come round while a thread that looks is stopped.
    insertions: u64,
    phase: Phase,
    /// How many nodes are `Building`.
    building: u32,
    builders: Builders<B>,
}

/// What a shard is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// There are many shards in its place, and nothing is here any more.
    Divided,
    /// The owner is gone, and all chains are empty.
    Closed,
}

// SAFETY: `inner` and the memory of the nodes are changed under the lock only; the payloads are the
// concern of `Counted`, which is sent and shared as they allow.
unsafe impl<B: LockBackend> Send for Shard<B> {}
// SAFETY: as above.
unsafe impl<B: LockBackend> Sync for Shard<B> {}

/// What a look under the lock has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There are no other nodes than those that were found before, as long as the lock is held.
    Nothing,
    /// There are new candidates, to be compared without the lock.
    Found,
    /// There are so many, and the candidates are to be prepared for them, without the lock.
    NotReady(usize),
}

impl<B: LockBackend> Shard<B> {
    pub(super) fn new(table: NonNull<Table<B>>, number: u32, shards: u32, heads: Heads<B>) -> Self {
        Self {
            lock: B::new_lock(),
            number,
            shards,
            table,
            listed: B::Usize::new(0),
            inner: UnsafeCell::new(Inner {
                heads,
                live: 0,
                phase: Phase::Open,
                free: Batch::new(),
                insertions: 0,
                building: 0,
                builders: Builders::new(),
            }),
        }
    }

    /// The table, as it was allocated.
    pub(super) fn table(&self) -> NonNull<Table<B>> {
        self.table
    }

    fn number(&self) -> usize {
        self.number as usize
    }

    /// How many shards there are.
    fn shards(&self) -> usize {
        self.shards as usize
    }

    /// What is known of busy nodes, in a shard that no other thread knows.
    pub(super) fn builders(&mut self) -> &mut Builders<B> {
        &mut self.inner.get_mut().builders
    }

    /// How many nodes are listed; a hint.
    pub(crate) fn len_hint(&self) -> usize {
        // Relaxed: a hint.
        self.listed.load(Relaxed)
    }

    /// Adds to the number of listed nodes, wrapping around. The lock is held, or no other thread knows the shard.
    fn add_listed(&self, n: usize) {
        // Relaxed: changed only under the lock, read as a hint.
        let listed = self.listed.load(Relaxed).wrapping_add(n);
        self.listed.store(listed, Relaxed);
    }

    /// How often its lock was found taken; a hint.
    pub(super) fn contention(&self) -> u32 {
        B::contention(&self.lock)
    }

    /// Locks the shard. Returns nothing if there are many in its place, which were made known before.
    #[inline]
    pub(super) fn lock(&self) -> Option<Guard<'_, B>> {
        let guard = Guard {
            shard: NonNull::from(self),
            _held: self.lock.lock(),
        };
        (guard.phase != Phase::Divided).then_some(guard)
    }
}

/// A shard's lock, held.
///
/// It leads to the shard by a pointer, not by a reference. A reference that is (part of) an argument has to
/// stay valid until the function returns, and `drop(guard)` returns after the unlock: by then another thread's
/// last put may have freed the shard.
///
/// # Invariants
///
/// The shard lives as long as the lock is held: the caller of [`Shard::lock`] knows that.
pub(crate) struct Guard<'a, B: LockBackend> {
    shard: NonNull<Shard<B>>,
    _held: <B::Lock as Lock>::Guard<'a>,
}

impl<B: LockBackend> Deref for Guard<'_, B> {
    type Target = Inner<B>;
    fn deref(&self) -> &Inner<B> {
        let inner = self.shard().inner.get();
        // SAFETY: the lock is held.
        unsafe { &*inner }
    }
}

impl<B: LockBackend> DerefMut for Guard<'_, B> {
    fn deref_mut(&mut self) -> &mut Inner<B> {
        let inner = self.shard().inner.get();
        // SAFETY: the lock is held, and the guard borrowed exclusively.
        unsafe { &mut *inner }
    }
}

impl<B: LockBackend> Guard<'_, B> {
    fn shard(&self) -> &Shard<B> {
        // SAFETY: the invariant.
        unsafe { self.shard.as_ref() }
    }

    fn chains(&self) -> Chains<'_, B> {
        // SAFETY: an array is not freed as long as a shard has its heads there.
        unsafe { self.heads.chains() }
    }

    /// All nodes that are in a chain.
    fn nodes(&self) -> impl Iterator<Item = NonNull<Node<B>>> {
        self.chains()
            .nodes_of(self.shard().number(), self.shard().shards())
    }

    /// Ends the owner's use of the shard: unlists everything. Returns the [`live`](Inner::live) nodes. From now on nodes that die are
    /// not counted here.
    pub(super) fn close(&mut self) -> isize {
        for node in self.nodes() {
            // SAFETY: what is in a chain is a node.
            let header = unsafe { node.as_ref() };
            // The value of one that is dying is being dropped by another thread.
            if header.tag().state() != State::Dying {
                header.set_tag(header.tag().with(State::Unlisted));
            }
        }
        self.phase = Phase::Closed;
        self.chains()
            .clear(self.shard().number(), self.shard().shards());
        self.add_listed(0usize.wrapping_sub(self.shard().len_hint()));
        self.live
    }

    /// Gives everything in the shard to `parts`, which no other thread knows: each node belongs to the part of its hash.
    /// What is left to do is to make them known, and then to [end](Self::end_divided) this shard.
    ///
    /// Returns `false`, and does nothing, if the parts have no room for what is known of busy nodes: memory is not allocated under the
    /// lock. There is `needs` for each part, which says then what it has to have room for.
    pub(super) fn divide(
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
    pub(super) fn end_divided(mut self) -> Idle<B> {
        self.phase = Phase::Divided;
        self.builders.strip()
    }

    /// Moves the shard to the array in use.
    #[inline]
    pub(super) fn keep_up(&mut self) {
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

    /// Whether an insertion finds a slot at hand, and memory for what is noted of it.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        // In this order: the builders are in another cache line, which only constructors write.
        self.free.len() > 0 && (self.building == 0 || self.builders.have_room())
    }

    /// How many slots a shard takes when it has run out of them, and for how many builders it wants memory.
    pub(super) fn wants(&self) -> (usize, usize) {
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
    pub(super) fn stock(&mut self, mut slots: Batch<B>, threads: Threads<B>) -> Threads<B> {
        self.free.append(&mut slots);
        self.builders.stock(threads)
    }

    /// Takes slots away, if there are many more than the nodes of the shard call for.
    pub(super) fn surplus(&mut self) -> Batch<B> {
        let enough = self.nodes_hint().min(ENOUGH);
        if self.free.len() <= enough {
            return Batch::new();
        }
        self.free.split_off(enough / 2)
    }

    /// Takes all slots away, and memory to be freed after unlocking.
    pub(super) fn strip(&mut self) -> (Batch<B>, Idle<B>) {
        (self.free.split_off(0), self.builders.strip())
    }

    /// Whether the last insertion made the nodes as many as the heads, or twice as many, and so on: then it
    /// is time to think of more. Returns the heads that are too few.
    pub(super) fn crowded(&self) -> Option<Heads<B>> {
        // Not `live`, which says nothing of one part of a divided shard.
        let in_chains = self.shard().len_hint() + self.building as usize;
        let nodes = in_chains.wrapping_mul(self.shard().shards());
        (nodes % self.heads.len() == 0).then_some(self.heads)
    }

    /// The first node that is or will be in the map with this hash; mostly it is what is looked for. What is there is
    /// moved to the array in use, so that the next lookup finds it without the lock.
    ///
    /// # Safety
    ///
    /// The nodes of this shard have payloads of the type `P`.
    #[inline]
    pub(super) unsafe fn first<P: Payload>(&mut self, tag: Tag) -> Option<Counted<P, B>> {
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
    pub(super) unsafe fn look<P: Payload>(
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

    /// The nodes with this hash. What is in a chain is listed, being built, or dying where keys are exclusive: all of it
    /// has its key.
    #[inline]
    fn with_hash(&self, hash: Hash) -> impl Iterator<Item = NonNull<Node<B>>> {
        // SAFETY: what is in a chain is a node.
        let has = move |node: &NonNull<Node<B>>| unsafe { node.as_ref() }.tag().has_hash(hash);
        self.chains().chain(hash).filter(has)
    }

    /// Returns what there is to wait for: the event is that of `fresh`, unless the node has one already. Nothing if the node is not
    /// busy any more.
    ///
    /// # Errors
    ///
    /// Returns for how many events `fresh` has to be prepared: memory is not allocated under the lock.
    pub(super) fn watch<P: Payload>(
        &mut self,
        node: &Counted<P, B>,
        fresh: &mut Fresh<B>,
    ) -> Option<Result<Watch<B>, usize>> {
        let is_busy = matches!(node.header().tag().state(), State::Building | State::Dying);
        is_busy.then(|| self.builders.watch(node.node(), fresh))
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
    pub(super) unsafe fn listed_from<P: Payload>(
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

    /// How many nodes are being built.
    pub(super) fn building(&self) -> usize {
        self.building as usize
    }

    /// Takes the nodes that are being built away from their builders, which have forgotten them. They are put into `forgotten`,
    /// which is empty and has room for so many ([`building`](Self::building)), as memory is not allocated under the lock.
    ///
    /// # Safety
    ///
    /// The nodes of this shard have payloads of the type `P`. The owner is borrowed exclusively, so that nobody has a
    /// reference to a node that is being built, nor looks for one.
    pub(super) unsafe fn forgotten<P: Payload>(&mut self, forgotten: &mut Vec<Counted<P, B>>) {
        debug_assert!(forgotten.capacity() >= self.building());
        if self.building > 0 {
            for node in self.nodes() {
                // SAFETY: what is in a chain is a node.
                let header = unsafe { node.as_ref() };
                if header.tag().state() == State::Building {
                    header.refs.revive();
                    // SAFETY: the count was set to one, for this.
                    forgotten.push(unsafe { Counted::from_node(node) });
                }
            }
        }
        for node in forgotten {
            // SAFETY: as the caller promises, it has no other builder.
            let nobody = unsafe { self.end_building(node, false) };
            drop(nobody);
        }
    }

    /// Makes a node whose payload is written by `write`, and puts it into its chain: `Listed`, or `Building`, on `thread`
    /// if it is a thread that must not wait for it.
    ///
    /// # Safety
    ///
    /// `write` writes a payload of the type `P`, as the state asks for. The nodes of this shard have payloads of
    /// the type `P`.
    ///
    /// # Panics
    ///
    /// Panics if there is no slot at hand, see [`is_ready`](Self::is_ready).
    #[inline]
    pub(crate) unsafe fn insert<P: Payload>(
        &mut self,
        tag: Tag,
        thread: Option<B::ThreadId>,
        write: impl FnOnce(NonNull<u8>),
    ) -> Counted<P, B> {
        let node = self.free.pop().expect("the caller has seen to that");
        write(Node::payload(node, P::SLOT));
        // SAFETY: a slot is a node.
        let header = unsafe { node.as_ref() };
        header.set_tag(tag);
        header.refs.revive();
        self.chains().link(node);
        self.insertions += 1;
        self.live += 1;
        if tag.state() == State::Building {
            self.building += 1;
            self.builders.begin(node, thread);
        } else {
            self.add_listed(1);
        }
        // SAFETY: the count was set to one, for this.
        unsafe { Counted::from_node(node) }
    }

    /// Ends the building of a node: it is `Listed`, or, if it failed, out of the chain and `Absent`.
    /// Returns the event to end after unlocking, if the node has waiters.
    ///
    /// # Safety
    ///
    /// The caller is the node's builder, and has written the value if it is to be listed.
    pub(crate) unsafe fn end_building<P: Payload>(
        &mut self,
        node: &Counted<P, B>,
        listed: bool,
    ) -> Option<Arc<Ended<B>>> {
        let node = node.node();
        // SAFETY: a reference is held.
        let header = unsafe { node.as_ref() };
        if listed {
            header.set_tag(header.tag().with(State::Listed));
            self.add_listed(1);
        } else {
            self.chains().unlink(node);
            header.set_tag(header.tag().with(State::Absent));
        }
        self.building -= 1;
        self.builders.end(node)
    }

    /// Takes a node out of the map. Returns `false` if the map does not list the node.
    pub(crate) fn unlist<P: Payload>(&mut self, node: &Counted<P, B>) -> bool {
        let node = node.node();
        // SAFETY: a reference is held.
        let header = unsafe { node.as_ref() };
        if header.tag().state() != State::Listed {
            return false;
        }
        self.chains().unlink(node);
        header.set_tag(header.tag().with(State::Unlisted));
        self.add_listed(usize::MAX);
        true
    }

    /// Whether there is memory for what is noted of a node that is [dying](Self::begin_dying).
    pub(super) fn is_ready_for_dying(&self) -> bool {
        self.builders.have_room()
    }

    /// Makes a dead node busy: it stays in its chain while the destructor of its value runs. Returns a reference. The shard is
    /// [ready](Self::is_ready_for_dying) for it.
    ///
    /// # Safety
    ///
    /// The count is zero, and settled; the node was `Listed`, and has a payload of the type `P`.
    pub(super) unsafe fn begin_dying<P: Payload>(
        &mut self,
        node: NonNull<Node<B>>,
    ) -> Counted<P, B> {
        // SAFETY: a slot is a node.
        let header = unsafe { node.as_ref() };
        header.set_tag(header.tag().with(State::Dying));
        // After the tag, so that a lookup that takes a reference from now on sees that the value is gone.
        header.refs.revive();
        self.add_listed(usize::MAX);
        self.builders.begin(node, Some(B::current_thread()));
        // SAFETY: the count was set to one, for this.
        unsafe { Counted::from_node(node) }
    }

    /// Takes a node out of its chain when the destructor of its value has ended. Returns the event to end after unlocking, if
    /// anybody waits.
    ///
    /// # Safety
    ///
    /// The caller has the reference of [`begin_dying`](Self::begin_dying).
    pub(super) unsafe fn end_dying<P: Payload>(
        &mut self,
        node: &Counted<P, B>,
    ) -> Option<Arc<Ended<B>>> {
        let header = node.header();
        if self.phase == Phase::Open {
            self.chains().unlink(node.node());
        }
        header.set_tag(header.tag().with(State::Absent));
        self.builders.end(node.node())
    }

    /// Takes a dead node out of the map, if it is in it. From then on the node is the caller's alone.
    ///
    /// # Safety
    ///
    /// The count is zero, and settled.
    pub(super) unsafe fn leave(&mut self, node: NonNull<Node<B>>, state: State) {
        // SAFETY: a slot is a node.
        let header = unsafe { node.as_ref() };
        if header.tag().state() == State::Listed {
            self.chains().unlink(node);
            self.add_listed(usize::MAX);
        }
        header.set_tag(header.tag().with(state));
    }

    /// Gives the slot of a dead node back. Returns whether the table counts the node, because the shard is closed: the caller
    /// then has to [end](Table::end) that after unlocking.
    ///
    /// # Safety
    ///
    /// The node has left the map, and its payload was dropped.
    pub(super) unsafe fn bury(&mut self, node: NonNull<Node<B>>) -> bool {
        // SAFETY: a slot is a node.
        let header = unsafe { node.as_ref() };
        header.set_tag(header.tag().with(State::Absent));
        self.free.push(node);
        if self.phase == Phase::Closed {
            return true;
        }
        self.live -= 1;
        false
    }

    fn add_listed(&mut self, n: usize) {
        self.shard().add_listed(n);
    }
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::*;
    use crate::atomic::Native;

    /// Two cache lines, which is what shards are padded to. What every insertion and every last put writes is in the first.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_shard_has_two_lines() {
        let builders = offset_of!(Inner<Native>, builders);
        assert!(offset_of!(Shard<Native>, inner) + builders <= 64);
        assert!(
            size_of::<Shard<Native>>() <= 128,
            "{}",
            size_of::<Shard<Native>>()
        );
    }
}
