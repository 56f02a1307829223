//! The holders of all objects of the process, by the object's address.
//!
//! # Who owns what, and which lock is taken when
//!
//! The store owns the lists, and a list its records. A [`Token`] is the right to end one record: it is in the pointer
//! whose reference the record is about. The address is a key and is never dereferenced.
//!
//! There is one lock for each shard, and an operation takes the lock of one object's shard once. Nothing is called
//! under it but the allocator, so that no other lock is ever taken under it, and it may be taken under any. Records
//! are dropped when it was released.
//!
//! # Why a list is of one object
//!
//! Addresses are used again. A record is made after its reference was counted, and ended *before* its reference is
//! given up. So the thread that drops the last reference finds that all records have ended, and the next object at this
//! address finds no list. Between the two a record may be missing, never one too many: what a report
//! shows is held.
//!
//! # The allocator
//!
//! It is called under the lock, and it is a user's: one that takes or drops tracked references would wait for its own
//! lock. So a thread that is in the store does not enter it again. A reference that is taken there
//! is not recorded, and one that is dropped there leaves its record behind (such an allocator had better not
//! drop references that somebody else has taken).
//!
//! # Panics, and threads that stop
//!
//! Nothing in here panics by itself. A thread that is stopped under a lock stops the others at that shard, as with
//! every lock.

#![forbid(unsafe_code)]

use core::cell::Cell;
use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

use super::Kind;
use super::list::{List, Which};
use super::record::{Origin, Record};

const SHARDS: usize = 256;

type Shard = CachePadded<Mutex<Lists>>;
type Lists = HashMap<usize, List, BuildHasherDefault<Multiply>>;

static SHARDS_OF_ALL: [Shard; SHARDS] =
    [const { CachePadded::new(Mutex::new(HashMap::with_hasher(BuildHasherDefault::new()))) };
        SHARDS];

/// Spreads addresses over all bits.
#[derive(Default)]
struct Multiply(u64);

impl Hasher for Multiply {
    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are addresses");
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        // The map looks at the lower bits and at the upper seven, and the product is best in the upper half.
        self.0 = product(address).rotate_left(32);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

#[inline]
fn product(address: usize) -> u64 {
    // 2^64 by the golden ratio.
    (address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

std::thread_local! {
    /// Whether this thread is in the store.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// The object whose count this thread is changing; zero for none.
    static OBJECT: Cell<usize> = const { Cell::new(0) };
}

/// A shard that is locked.
struct Locked {
    // Dropped first.
    lists: MutexGuard<'static, Lists>,
    _inside: Inside,
}

struct Inside;

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}

/// Locks a shard; `None` if the thread has one already.
#[inline]
fn lock(shard: usize) -> Option<Locked> {
    if INSIDE.replace(true) {
        return None;
    }
    let inside = Inside;
    // Nothing panics under the lock, and if it did, each list would be whole.
    let lists = SHARDS_OF_ALL[shard]
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    Some(Locked {
        lists,
        _inside: inside,
    })
}

#[inline]
fn shard_of(address: usize) -> usize {
    // Bits 24 to 31 of the product: not those that the map uses.
    (product(address) >> 24) as usize % SHARDS
}

/// Stands for one reference of a pointer: its record ends with the token.
pub(crate) struct Token {
    address: usize,
    /// `None` if there is no record, or no more.
    holder: Option<Which>,
}

impl Token {
    /// Records a reference to the object at `address` that was just counted.
    #[inline]
    pub(crate) fn new<T: ?Sized>(address: *const (), origin: Origin) -> Self {
        Self::record(address.addr(), origin, core::any::type_name::<T>())
    }

    fn record(address: usize, origin: Origin, type_name: &'static str) -> Self {
        let record = Record::new(origin, Kind::Pointer);
        let holder = add(address, record, type_name);
        Self { address, holder }
    }

    /// The token of a raw reference that is taken back.
    pub(crate) fn taken_back(address: *const (), origin: Origin) -> Self {
        let address = address.addr();
        change(address, |list| {
            list.take_back(origin);
            None
        });
        Self {
            address,
            holder: Some(Which::Raw),
        }
    }

    /// The token of a pointer that is not to be dropped.
    pub(crate) const fn lent() -> Self {
        Self {
            address: 0,
            holder: None,
        }
    }

    /// Leaves the reference to a raw pointer.
    pub(crate) fn give_away(mut self, origin: Origin) {
        if let Some(holder) = self.holder.take() {
            change(self.address, |list| list.give_away(holder, origin));
        }
    }

    /// Ends the record, before the reference is given up.
    #[inline]
    pub(crate) fn end(&mut self) {
        if let Some(holder) = self.holder.take() {
            change(self.address, |list| list.end(holder));
        }
    }

    /// Which holder it is, to leave it out of a report.
    #[cfg(feature = "registry")]
    pub(crate) fn which(&self) -> Option<Which> {
        self.holder
    }
}

impl Drop for Token {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

fn add(address: usize, record: Record, type_name: &'static str) -> Option<Which> {
    let mut locked = lock(shard_of(address))?;
    if locked.lists.try_reserve(1).is_err() {
        // Without a list there is nowhere to count it, but in one that exists.
        let list = locked.lists.get_mut(&address)?;
        return Some(list.add(record));
    }
    let list = match locked.lists.entry(address) {
        Entry::Occupied(list) => list.into_mut(),
        Entry::Vacant(vacant) => vacant.insert(List::new(&record, type_name)),
    };
    Some(list.add(record))
}

/// Changes the list of an object, if it has one, and removes it when its last holder has ended.
fn change(address: usize, f: impl FnOnce(&mut List) -> Option<Record>) {
    let Some(mut locked) = lock(shard_of(address)) else {
        return;
    };
    let Entry::Occupied(mut list) = locked.lists.entry(address) else {
        return;
    };
    let record = f(list.get_mut());
    let list = (list.get().len() == 0).then(|| list.remove());
    drop(locked);
    // With no lock held.
    drop((record, list));
}

/// Asks a question of the list of an object, if it has one.
pub(super) fn ask<R>(address: usize, f: impl FnOnce(&List) -> R) -> Option<R> {
    let locked = lock(shard_of(address))?;
    locked.lists.get(&address).map(f)
}

/// Asks a question of every list, one shard at a time.
pub(super) fn ask_all(mut f: impl FnMut(usize, &List)) {
    for shard in 0..SHARDS {
        let Some(locked) = lock(shard) else { return };
        locked
            .lists
            .iter()
            .for_each(|(&address, list)| f(address, list));
    }
}

/// Marks what a count's report is about, for as long as it exists.
pub(crate) struct Operation {
    before: usize,
}

impl Operation {
    #[inline]
    pub(crate) fn on(address: *const ()) -> Self {
        Self {
            before: OBJECT.replace(address.addr()),
        }
    }

    #[inline]
    pub(crate) fn end(self) {}
}

impl Drop for Operation {
    #[inline]
    fn drop(&mut self) {
        OBJECT.set(self.before);
    }
}

/// The object whose count this thread is changing; zero if it is not known.
pub(crate) fn object_in_operation() -> usize {
    OBJECT.get()
}
