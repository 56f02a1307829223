//! How a map finds, enters and gives up its table.
//!
//! The table is made when the first thing is put into the map, so that an empty map is a constant.
//!
//! No user code runs while a lock is held here: keys are compared by `is_it` with a reference to
//! the node, after unlocking. See `candidates.rs`.
//!
//! # Orderings
//!
//! `table` is written once. Release and Acquire: a thread that sees the pointer sees the table.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{Acquire, Release};

use super::candidates::Candidates;
use super::shard::{Guard, Look};
use super::{Busy, Counted, Hash, Iter, Payload, State, Table, Tag};
use crate::atomic::{Atomic, Native};
use crate::lock::LockBackend;

/// A map's table, made when it is needed, of nodes with payloads of the type `P`.
pub(crate) struct Owner<P: Payload, B: LockBackend> {
    table: B::Ptr<Table<B>>,
    /// How many shards to make: a power of two, or 0 for one, and as many as the processors call for when one is not enough.
    shards: usize,
    /// Whether a key is busy until the destructor of its value has ended.
    is_exclusive: bool,
    /// Invariant: payloads are put in and taken out through a shared borrow.
    payload: PhantomData<fn(P) -> P>,
}

/// What there is under a hash.
pub(crate) enum Entered<'a, P: Payload, B: LockBackend> {
    Occupied(Counted<P, B>),
    Vacant(Vacant<'a, P, B>),
}

/// What there is under a hash where a short look was not enough.
enum Slowly<'a, P: Payload, B: LockBackend> {
    /// Only other nodes with the same hash.
    Vacant(Guard<'a, B>, Box<Candidates<P, B>>),
    Occupied(Counted<P, B>),
    Busy(Busy<P, B>),
}

/// A place for a node that is certainly not there: its shard is locked.
pub(crate) struct Vacant<'a, P: Payload, B: LockBackend> {
    // Dropped first: dropping a node of `seen` may need the lock.
    guard: Guard<'a, B>,
    table: &'a Table<B>,
    tag: Tag,
    /// Other nodes with the same hash, to be dropped when the shard is unlocked.
    seen: Option<Box<Candidates<P, B>>>,
    /// The node that is listed there, and leaves when the other is.
    old: Option<&'a Counted<P, B>>,
}

impl<P: Payload> Owner<P, Native> {
    pub(crate) const fn new(shards: usize) -> Self {
        Self {
            table: AtomicPtr::new(ptr::null_mut()),
            shards: in_range(shards),
            is_exclusive: false,
            payload: PhantomData,
        }
    }
}

impl<P: Payload, B: LockBackend> Owner<P, B> {
    pub(crate) fn new_in(shards: usize) -> Self {
        Self {
            table: B::Ptr::new(ptr::null_mut()),
            shards: in_range(shards),
            is_exclusive: false,
            payload: PhantomData,
        }
    }

    /// Makes keys exclusive. The owner has no table yet.
    pub(crate) const fn set_exclusive(&mut self) {
        self.is_exclusive = true;
    }

    #[inline]
    pub(crate) fn table(&self) -> Option<&Table<B>> {
        // Acquire: pairs with the Release in `make_table`, so that the table is seen.
        let table = NonNull::new(self.table.load(Acquire))?;
        // SAFETY: it lives until the owner is dropped, at least.
        Some(unsafe { table.as_ref() })
    }

    #[inline]
    fn table_or_new(&self) -> &Table<B> {
        match self.table() {
            Some(table) => table,
            None => self.make_table(),
        }
    }

    #[cold]
    fn make_table(&self) -> &Table<B> {
        let table = Table::new(self.shards, P::SLOT, self.is_exclusive);
        // Release: pairs with the Acquire in `table` and in the failure, so that the table is seen.
        // Acquire in the failure: to see the table of the thread that was faster.
        let made = self
            .table
            .compare_exchange(ptr::null_mut(), table.as_ptr(), Release, Acquire);
        match made {
            // SAFETY: it lives until the owner is dropped, at least.
            Ok(_) => unsafe { table.as_ref() },
            Err(other) => {
                // SAFETY: this thread's alone.
                unsafe { Table::close(table) };
                // SAFETY: as above.
                unsafe { &*other }
            }
        }
    }

    /// Finds the listed node with this hash for which `is_it` holds. Exact.
    #[inline]
    pub(crate) fn get(
        &self,
        hash: Hash,
        is_it: impl Fn(&Counted<P, B>) -> bool,
    ) -> Option<Counted<P, B>> {
        if let Some(found) = self.find(hash, &is_it) {
            return Some(found);
        }
        Self::get_locked(self.table()?, hash, is_it)
    }

    /// What `get` does if it has not found the node without the lock.
    #[cold]
    #[inline(never)]
    fn get_locked(
        table: &Table<B>,
        hash: Hash,
        is_it: impl Fn(&Counted<P, B>) -> bool,
    ) -> Option<Counted<P, B>> {
        let tag = Tag::new(hash, State::Listed);
        let mut guard = table.enter(hash);
        // SAFETY: as in `find`.
        let first = unsafe { guard.first::<P>(tag) };
        drop(guard);
        let first = first?;
        let mut seen = Candidates::new();
        let mut found = None;
        let is_found = is_it(&first);
        match is_found {
            true => found = Some(first),
            false => seen.add_compared(first),
        }
        loop {
            if let Some(found) = found {
                match found.header().tag_with_value().state() {
                    State::Listed => {
                        drop(seen);
                        return Some(found);
                    }
                    State::Building | State::Dying => return None,
                    // It has left the map since. There may be another one by now.
                    _ => {}
                }
            } else if seen.were_all() {
                return None;
            }
            // SAFETY: as in `find`. The guard is dropped at the end of the statement.
            let look = unsafe { table.lock(hash).look(tag, &mut seen) };
            match look {
                Look::Nothing => return None,
                Look::NotReady(count) => seen.prepare(count),
                Look::Found => {}
            }
            found = seen.compare(&is_it);
        }
    }

    /// Finds the listed node with this hash for which `is_it` holds, without the lock. Finding nothing means
    /// nothing.
    #[inline]
    pub(crate) fn find(
        &self,
        hash: Hash,
        is_it: impl Fn(&Counted<P, B>) -> bool,
    ) -> Option<Counted<P, B>> {
        // SAFETY: the owner puts payloads of the type `P` into its table, and no others.
        unsafe { self.table()?.find(hash, is_it) }
    }

    /// Finds the node with this hash for which `is_it` holds, or a place for it, under the lock. Waits while it is busy.
    ///
    /// Where the node may well be there, [`find`](Self::find) comes first. Where a vacant place is expected, a look
    /// without the lock would only fetch cache lines that the thread which holds the lock is writing.
    ///
    /// # Panics
    ///
    /// Panics if it is the calling thread that builds it, as it would wait for itself.
    #[inline]
    #[track_caller]
    pub(crate) fn enter_locked(
        &self,
        hash: Hash,
        is_it: impl Fn(&Counted<P, B>) -> bool,
    ) -> Entered<'_, P, B> {
        loop {
            match self.enter_or_busy(hash, &is_it) {
                Ok(entered) => return entered,
                Err(busy) => {
                    if let Some(built) = busy.wait() {
                        return Entered::Occupied(built);
                    }
                }
            }
        }
    }

    /// Like [`enter_locked`](Self::enter_locked), but does not wait.
    ///
    /// # Errors
    ///
    /// Returns the node if it is busy.
    #[inline]
    pub(crate) fn enter_or_busy(
        &self,
        hash: Hash,
        is_it: impl Fn(&Counted<P, B>) -> bool,
    ) -> Result<Entered<'_, P, B>, Busy<P, B>> {
        let table = self.table_or_new();
        let tag = Tag::new(hash, State::Listed);
        let mut guard = table.enter(hash);
        loop {
            // SAFETY: the owner puts payloads of the type `P` into its table, and no others.
            let Some(first) = (unsafe { guard.first::<P>(tag) }) else {
                if guard.is_ready() {
                    let (seen, old) = (None, None);
                    return Ok(Entered::Vacant(Vacant {
                        guard,
                        table,
                        tag,
                        seen,
                        old,
                    }));
                }
                guard = table.stock(hash, guard);
                continue;
            };
            drop(guard);
            let is_found = is_it(&first);
            if is_found && first.header().tag_with_value().state() == State::Listed {
                return Ok(Entered::Occupied(first));
            }
            // Field by field, so that the short way has its place in registers.
            return match Self::enter_slowly(table, hash, first, is_found, is_it) {
                Slowly::Vacant(guard, seen) => {
                    let (seen, old) = (Some(seen), None);
                    Ok(Entered::Vacant(Vacant {
                        guard,
                        table,
                        tag,
                        seen,
                        old,
                    }))
                }
                Slowly::Occupied(found) => Ok(Entered::Occupied(found)),
                Slowly::Busy(busy) => Err(busy),
            };
        }
    }

    /// What `enter_or_busy` does if it has not found a vacant place, nor a listed node, at once: the first node with this
    /// hash is the one that is looked for, and busy or gone, or it is another.
    #[cold]
    #[inline(never)]
    fn enter_slowly<'a>(
        table: &'a Table<B>,
        hash: Hash,
        first: Counted<P, B>,
        is_found: bool,
        is_it: impl Fn(&Counted<P, B>) -> bool,
    ) -> Slowly<'a, P, B> {
        let tag = Tag::new(hash, State::Listed);
        let mut seen = Box::new(Candidates::new());
        let mut found = None;
        match is_found {
            true => found = Some(first),
            false => seen.add_compared(first),
        }
        loop {
            if let Some(found) = found {
                match found.header().tag_with_value().state() {
                    State::Listed => {
                        drop(seen);
                        return Slowly::Occupied(found);
                    }
                    State::Building | State::Dying => {
                        if let Some(watch) = table.watch(hash, &found) {
                            drop(seen);
                            return Slowly::Busy(Busy::new(found, watch));
                        }
                        // It is not busy any more, and may have been built: it has to be found again.
                        seen.forget_all_at();
                    }
                    // It has left the map since. There may be another one by now.
                    _ => {}
                }
            }
            let mut guard = table.lock(hash);
            // SAFETY: the owner puts payloads of the type `P` into its table, and no others.
            let mut look = unsafe { guard.look(tag, &mut seen) };
            while look == Look::Nothing && !guard.is_ready() {
                guard = table.stock(hash, guard);
                // SAFETY: as above.
                look = unsafe { guard.look(tag, &mut seen) };
            }
            if look == Look::Nothing {
                return Slowly::Vacant(guard, seen);
            }
            drop(guard);
            if let Look::NotReady(count) = look {
                seen.prepare(count);
            }
            found = seen.compare(&is_it);
        }
    }

    /// Returns the place of a node that is listed, for another with the same key to take. Nothing if it is not
    /// listed any more.
    pub(crate) fn replace<'a>(
        &'a self,
        hash: Hash,
        old: &'a Counted<P, B>,
    ) -> Option<Vacant<'a, P, B>> {
        let table = self.table()?;
        let mut guard = table.enter(hash);
        while !guard.is_ready() {
            guard = table.stock(hash, guard);
        }
        let vacant = Vacant {
            guard,
            table,
            tag: Tag::new(hash, State::Listed),
            seen: None,
            old: Some(old),
        };
        old.is_listed().then_some(vacant)
    }

    /// How many nodes are listed; exact if no other thread changes it.
    pub(crate) fn len(&self) -> usize {
        self.table().map_or(0, Table::len_hint)
    }

    /// The listed nodes, see [`Iter`].
    pub(crate) fn iter(&self) -> Iter<'_, P, B> {
        // SAFETY: the owner puts payloads of the type `P` into its table, and no others.
        unsafe { Iter::new(self.table()) }
    }

    pub(crate) fn shrink_to_fit(&self) {
        if let Some(table) = self.table() {
            table.shrink();
        }
    }
}

impl<P: Payload, B: LockBackend> Drop for Owner<P, B> {
    fn drop(&mut self) {
        if let Some(table) = NonNull::new(self.table.with_mut(|table| *table)) {
            let _closed = Close(table);
            // SAFETY: the owner's use of it ends with `_closed`.
            for shard in unsafe { table.as_ref() }.shards.iter() {
                // No more come: the owner is going. Nothing is there in a shard that was divided.
                let building = shard.lock().map_or(0, |guard| guard.building());
                let mut forgotten = Vec::with_capacity(building);
                if building > 0 {
                    let mut guard = shard.lock().expect("it was not divided just now");
                    // SAFETY: the owner puts payloads of the type `P` into its table, and no others, and is going.
                    unsafe { guard.forgotten::<P>(&mut forgotten) };
                }
                // With no lock held: the destructors of keys are user code.
                drop(forgotten);
            }
        }
    }
}

/// Closes the table of an owner that is going, also if a key's destructor panics before.
struct Close<B: LockBackend>(NonNull<Table<B>>);

impl<B: LockBackend> Drop for Close<B> {
    fn drop(&mut self) {
        // SAFETY: the owner is going, once, and nobody borrows it.
        unsafe { Table::close(self.0) };
    }
}

impl<P: Payload, B: LockBackend> Vacant<'_, P, B> {
    /// Makes the node, `Listed` or `Building` (see [`Guard::insert`]), and returns what `own` makes of it: what has to be
    /// dropped in its place if a destructor panics here.
    ///
    /// # Safety
    ///
    /// `write` writes a payload of the type `P`, as the state asks for.
    #[inline(always)]
    pub(crate) unsafe fn insert<T>(
        self,
        state: State,
        thread: Option<B::ThreadId>,
        write: impl FnOnce(NonNull<u8>),
        own: impl FnOnce(Counted<P, B>) -> T,
    ) -> T {
        // In this order, so that the guard is dropped first.
        let Self {
            seen,
            table,
            tag,
            old,
            mut guard,
        } = self;
        // SAFETY: as the caller promises.
        let owned = own(unsafe { guard.insert(tag.with(state), thread, write) });
        // Behind the other, so that a lookup without the lock meets one of them.
        if let Some(old) = old {
            guard.unlist(old);
        }
        let crowded = guard.crowded();
        drop(guard);
        if let Some(heads) = crowded {
            table.grow(heads);
        }
        drop(seen);
        owned
    }
}

/// A number of shards that can be: zero stands for the default.
const fn in_range(shards: usize) -> usize {
    match shards {
        0 => 0,
        1..=0x1_0000 => shards.next_power_of_two(),
        _ => 0x1_0000,
    }
}

// SAFETY: a thread that has the owner can put payloads in and take references out, in every thread.
unsafe impl<P: Payload + Send + Sync, B: LockBackend> Send for Owner<P, B> {}
// SAFETY: as above.
unsafe impl<P: Payload + Send + Sync, B: LockBackend> Sync for Owner<P, B> {}
