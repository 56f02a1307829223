//! The registry: what is found is alive, what dies is dropped once, nothing of it leaks, and a node
//! that becomes another object under a lookup is not mistaken for the one that was meant.

use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kref::lock::LockBackend;
use kref::{Handle, Registry};
use loom::cell::UnsafeCell;
use loom::sync::Arc;

use crate::backend::{CasOnly, Rmw, tally};
use crate::object::threads;
use crate::{check, check_bounded, explore, over_backends};

/// All keys have one hash, so that every lookup compares keys, and recycled nodes have the tag that
/// was looked for.
#[derive(Clone, Copy)]
pub struct OneHash;

impl BuildHasher for OneHash {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        Self
    }
}

impl Hasher for OneHash {
    fn write(&mut self, _: &[u8]) {}
    fn finish(&self) -> u64 {
        0
    }
}

/// A value that knows whether it is alive, and its key.
pub struct Value {
    key: UnsafeCell<u32>,
}

std::thread_local! {
    static MADE: AtomicU32 = const { AtomicU32::new(0) };
    static DROPPED: AtomicU32 = const { AtomicU32::new(0) };
    static DROPPED_WHOLLY: AtomicU32 = const { AtomicU32::new(0) };
    static UNLISTED: AtomicU32 = const { AtomicU32::new(0) };
}

impl Value {
    pub fn new(key: u32) -> Self {
        MADE.with(|made| made.fetch_add(1, Relaxed));
        Self {
            key: UnsafeCell::new(key),
        }
    }

    pub fn key(&self) -> u32 {
        // SAFETY: loom reports it if this races with the drop.
        self.key.with(|key| unsafe { *key })
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        DROPPED.with(|dropped| dropped.fetch_add(1, Relaxed));
        // SAFETY: loom reports it if this races with a use.
        self.key.with_mut(|key| unsafe { *key = u32::MAX });
        DROPPED_WHOLLY.with(|dropped| dropped.fetch_add(1, Relaxed));
    }
}

// SAFETY: loom reports races of the cell.
unsafe impl Sync for Value {}

pub type Map<B> = Registry<u32, Value, OneHash, B>;
pub type Held<B> = Handle<u32, Value, B>;

/// A registry, and handles that its threads take and drop.
pub struct Model<B: LockBackend> {
    map: Option<Map<B>>,
    pub held: [std::sync::Mutex<Option<Held<B>>>; 2],
}

impl<B: LockBackend> Model<B> {
    /// With a handle to key 1 in each of the first `holders` places.
    pub fn new(holders: usize) -> Arc<Self> {
        Self::of(holders, Map::new_in(1, OneHash))
    }

    pub fn of(holders: usize, map: Map<B>) -> Arc<Self> {
        MADE.with(|made| made.store(0, Relaxed));
        DROPPED.with(|dropped| dropped.store(0, Relaxed));
        let held = map.try_insert(1, Value::new(1)).ok();
        let place = |index| std::sync::Mutex::new(held.clone().filter(|_| index < holders));
        let held = [place(0), place(1)];
        Arc::new(Self {
            map: Some(map),
            held,
        })
    }

    pub fn map(&self) -> &Map<B> {
        self.map.as_ref().unwrap()
    }

    pub fn take(&self, index: usize) -> Held<B> {
        self.held[index].lock().unwrap().take().unwrap()
    }
}

/// Uses what was found, and drops it.
pub fn touch<B: LockBackend>(handle: Held<B>, key: u32) {
    assert_eq!(*Handle::key(&handle), key);
    assert_eq!(handle.key(), key, "a value of this key, alive");
    drop_one(handle);
}

/// Drops a handle: one write, and one more if it was handed back.
pub fn drop_one<B: LockBackend>(handle: Held<B>) {
    let ((), tally) = tally(|| drop(handle));
    assert!(matches!(tally.writes, 1 | 2), "{tally:?}");
}

pub fn end<B: LockBackend>(model: Arc<Model<B>>) {
    let mut model = Arc::try_unwrap(model).ok().unwrap();
    if let Some(map) = model.map.take() {
        assert!(map.is_empty());
        assert!(map.handles().is_empty());
    }
    drop(model);
    let made = MADE.with(|made| made.load(Relaxed));
    let dropped = DROPPED.with(|dropped| dropped.load(Relaxed));
    assert_eq!(made, dropped, "every value is dropped");
}

pub fn drop_first<B: LockBackend>(m: &Model<B>) {
    drop_one(m.take(0));
}

fn drop_second<B: LockBackend>(m: &Model<B>) {
    drop_one(m.take(1));
}

pub fn get<B: LockBackend>(m: &Model<B>) {
    if let Some(handle) = m.map().get(&1) {
        touch(handle, 1);
    }
}

pub fn get_or_insert<B: LockBackend>(m: &Model<B>) {
    touch(m.map().get_or_insert_with(1, |key| Value::new(*key)), 1);
}

fn get_beside_last_put<B: LockBackend>() {
    let m = Model::<B>::new(1);
    threads(&m, [drop_first as fn(&_), get]);
    end(m);
}

fn two_puts_and_get<B: LockBackend>() {
    let m = Model::<B>::new(2);
    threads(&m, [drop_first as fn(&_), drop_second, get]);
    end(m);
}

fn put_and_two_gets<B: LockBackend>() {
    let m = Model::<B>::new(1);
    threads(&m, [drop_first as fn(&_), get, get]);
    end(m);
}

fn insert_beside_last_put<B: LockBackend>() {
    let m = Model::<B>::new(1);
    threads(&m, [drop_first as fn(&_), get_or_insert]);
    end(m);
}

/// A destructor runs where its object lies, while another object is put in: it has another place.
fn insert_beside_a_destructor<B: LockBackend>() {
    fn insert_other<B: LockBackend>(m: &Model<B>) {
        touch(m.map().try_insert(2, Value::new(2)).ok().unwrap(), 2);
    }
    let m = Model::<B>::new(1);
    threads(&m, [drop_first as fn(&_), insert_other]);
    end(m);
}

/// The key of a dying object is busy: its successor is made when its destructor has ended.
fn exclusive_keys<B: LockBackend>() {
    fn insert<B: LockBackend>(m: &Model<B>) {
        let handle = m.map().get_or_insert_with(1, |key| {
            let alive = MADE.with(|n| n.load(Relaxed)) - DROPPED_WHOLLY.with(|n| n.load(Relaxed));
            assert_eq!(alive, 0, "one at a time");
            Value::new(*key)
        });
        assert_eq!(handle.key(), 1);
        drop(handle);
    }
    fn drop_it<B: LockBackend>(m: &Model<B>) {
        drop(m.take(0));
    }
    DROPPED_WHOLLY.with(|dropped| dropped.store(0, Relaxed));
    let m = Model::<B>::of(1, Map::new_in(1, OneHash).exclusive());
    threads(&m, [drop_it as fn(&_), insert]);
    end(m);
}

/// Pages go back to the system under a lookup: two nodes lie in a block, and all others in pages.
fn pages_go_back_under_a_lookup<B: LockBackend>() {
    fn shrink<B: LockBackend>(spread: &Spread<B>) {
        let last = spread.held.lock().unwrap().pop().unwrap();
        drop_one(last);
        spread.map.shrink_to_fit();
    }
    fn get_last<B: LockBackend>(spread: &Spread<B>) {
        if let Some(handle) = spread.map.get(&8) {
            touch(handle, 8);
        }
    }
    let spread = Spread::<B>::new([1, 2, 8]);
    threads(&spread, [shrink as fn(&_), get_last]);
    drop(spread);
}

/// One constructs, the other waits; both have the same object.
fn two_constructors<B: LockBackend>() {
    fn insert_and_keep<B: LockBackend>(m: &Model<B>) {
        let handle = m.map().get_or_insert_with(2, |key| Value::new(*key));
        assert_eq!(handle.key(), 2);
        let mut place = m.held[0].lock().unwrap();
        if let Some(other) = &*place {
            assert!(Handle::ptr_eq(&handle, other), "one object for a key");
            return;
        }
        *place = Some(handle);
    }
    let m = Model::<B>::new(0);
    threads(&m, [insert_and_keep as fn(&_), insert_and_keep]);
    assert_eq!(MADE.with(|made| made.load(Relaxed)), 2);
    drop_one(m.take(0));
    end(m);
}

/// A lookup during a constructor sees nothing, or the value.
fn get_beside_constructor<B: LockBackend>() {
    let m = Model::<B>::new(0);
    threads(&m, [get_or_insert as fn(&_), get]);
    end(m);
}

/// A constructor that fails: a thread that waits runs its own.
fn failing_constructor<B: LockBackend>() {
    fn fail<B: LockBackend>(m: &Model<B>) {
        if let Ok(handle) = m.map().get_or_try_insert_with(1, |_| Err(())) {
            touch(handle, 1);
        }
    }
    let m = Model::<B>::new(0);
    threads(&m, [fail as fn(&_), get_or_insert]);
    end(m);
}

fn unlist_beside_last_put<B: LockBackend>() {
    fn unlist<B: LockBackend>(m: &Model<B>) {
        if let Some(handle) = m.map().unlist(&1) {
            assert!(!Handle::is_listed(&handle));
            assert!(m.map().get(&1).is_none(), "it is not found any more");
            touch(handle, 1);
        }
    }
    let m = Model::<B>::new(1);
    threads(&m, [drop_first as fn(&_), unlist]);
    end(m);
}

/// Of two that unlist an object, one has done it.
fn two_unlists<B: LockBackend>() {
    fn unlist<B: LockBackend>(m: &Model<B>) {
        if let Some(handle) = m.map().unlist(&1) {
            UNLISTED.with(|unlisted| unlisted.fetch_add(1, Relaxed));
            drop_one(handle);
        }
    }
    UNLISTED.with(|unlisted| unlisted.store(0, Relaxed));
    let m = Model::<B>::new(1);
    threads(&m, [unlist as fn(&_), unlist]);
    assert_eq!(UNLISTED.with(|unlisted| unlisted.load(Relaxed)), 1);
    drop_one(m.take(0));
    end(m);
}

fn unlist_beside_get<B: LockBackend>() {
    fn unlist<B: LockBackend>(m: &Model<B>) {
        let handle = m.map().unlist(&1).expect("nobody else unlists it");
        touch(handle, 1);
        drop_one(m.take(0));
    }
    let m = Model::<B>::new(1);
    threads(&m, [unlist as fn(&_), get]);
    end(m);
}

/// The node of key 1 becomes that of key 2, under a lookup of key 1.
fn recycled_under_a_lookup<B: LockBackend>() {
    fn replace<B: LockBackend>(m: &Model<B>) {
        drop_one(m.take(0));
        touch(m.map().try_insert(2, Value::new(2)).ok().unwrap(), 2);
    }
    let m = Model::<B>::new(1);
    threads(&m, [replace as fn(&_), get]);
    end(m);
}

/// The node becomes one that is still being built, under a lookup.
fn recycled_for_a_constructor<B: LockBackend>() {
    fn rebuild<B: LockBackend>(m: &Model<B>) {
        drop_one(m.take(0));
        get_or_insert(m);
    }
    let m = Model::<B>::new(1);
    threads(&m, [rebuild as fn(&_), get]);
    end(m);
}

/// Undoes the multiplication by which the table spreads hashes, so that the models know in which bucket a key
/// lies: keys with the same lower bits lie in one.
#[derive(Clone, Copy, Default)]
pub struct KeyHash(u64);

impl BuildHasher for KeyHash {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for KeyHash {
    fn write(&mut self, bytes: &[u8]) {
        self.0 += u64::from(bytes[0]);
    }
    fn finish(&self) -> u64 {
        const INVERSE: u64 = 0xF1DE_83E1_9937_733D;
        const { assert!(INVERSE.wrapping_mul(0x9E37_79B9_7F4A_7C15) == 1) };
        self.0.reverse_bits().wrapping_mul(INVERSE)
    }
}

/// A registry in which keys lie in different buckets, and the handles that keep them there.
pub struct Spread<B: LockBackend> {
    pub map: Registry<u32, Value, KeyHash, B>,
    held: std::sync::Mutex<Vec<Held<B>>>,
}

impl<B: LockBackend> Spread<B> {
    pub fn new(keys: impl IntoIterator<Item = u32>) -> Arc<Self> {
        Self::with_shards(1, keys)
    }

    fn with_shards(shards: usize, keys: impl IntoIterator<Item = u32>) -> Arc<Self> {
        let map = Registry::new_in(shards, KeyHash::default());
        let insert = |key| map.try_insert(key, Value::new(key)).ok().unwrap();
        let held = keys.into_iter().map(insert).collect::<Vec<_>>().into();
        Arc::new(Self { map, held })
    }

    pub fn insert(&self, key: u32) {
        let handle = self.map.try_insert(key, Value::new(key)).ok().unwrap();
        self.held.lock().unwrap().push(handle);
    }

    pub fn drop_first(&self) {
        let first = self.held.lock().unwrap().remove(0);
        drop_one(first);
    }
}

/// The buckets double, and the nodes are moved, while a lookup walks. Keys 8 and 16 lie in one bucket of
/// eight, and in two of sixteen.
fn growing_under_a_lookup<B: LockBackend>() {
    fn grow<B: LockBackend>(spread: &Spread<B>) {
        spread.insert(7); // as many as there are buckets
        spread.insert(16); // moves all
    }
    fn get_kept<B: LockBackend>(spread: &Spread<B>) {
        let handle = spread.map.get(&8).expect("it has a handle");
        touch(handle, 8);
    }
    let spread = Spread::<B>::new([8, 1, 2, 3, 4, 5, 6]);
    threads(&spread, [grow as fn(&_), get_kept]);
    drop(spread);
}

/// Two threads find that the buckets are too few; one of them doubles them.
fn growing_by_two<B: LockBackend>() {
    fn insert<B: LockBackend>(spread: &Spread<B>) {
        spread.insert(7);
    }
    fn replace<B: LockBackend>(spread: &Spread<B>) {
        spread.drop_first();
        spread.insert(16);
        let handle = spread.map.get(&16).expect("it has a handle");
        touch(handle, 16);
    }
    let spread = Spread::<B>::new([8, 1, 2, 3, 4, 5, 6]);
    threads(&spread, [insert as fn(&_), replace]);
    drop(spread);
}

/// Odd keys lie in one half of the hashes, even ones in the other.
const OTHER_HALF: u32 = 2;

/// A registry with two keys in different halves of the hashes, whose one shard is divided by the next insertion or
/// lookup under the lock.
fn to_be_divided<B: LockBackend>() -> (Arc<Spread<B>>, Held<B>) {
    let spread = Spread::<B>::with_shards(0, [1]);
    let other = spread.map.try_insert(OTHER_HALF, Value::new(OTHER_HALF));
    (spread, other.ok().unwrap())
}

fn divided_under_a_lookup<B: LockBackend>() {
    fn insert<B: LockBackend>(spread: &Spread<B>) {
        spread.insert(3);
    }
    fn get<B: LockBackend>(spread: &Spread<B>) {
        let handle = spread.map.get(&OTHER_HALF).expect("it has a handle");
        touch(handle, OTHER_HALF);
    }
    let (spread, other) = to_be_divided::<B>();
    threads(&spread, [insert as fn(&_), get]);
    drop((other, spread));
}

fn divided_beside_a_last_put<B: LockBackend>() {
    fn insert<B: LockBackend>(spread: &Spread<B>) {
        spread.insert(OTHER_HALF + 1);
    }
    let (spread, other) = to_be_divided::<B>();
    threads(&spread, [insert as fn(&_), Spread::drop_first]);
    assert!(spread.map.get(&1).is_none());
    drop((other, spread));
}

fn divided_by_two<B: LockBackend>() {
    fn insert<B: LockBackend>(spread: &Spread<B>) {
        touch(spread.map.get_or_insert_with(3, |key| Value::new(*key)), 3);
    }
    let (spread, other) = to_be_divided::<B>();
    threads(&spread, [insert as fn(&_), insert]);
    assert!(spread.map.get(&3).is_none());
    drop((other, spread));
}

/// An object that was taken out of the registry before the shard was divided dies in another part than that which counts it. The
/// owner goes at the same time: the table is freed once, by the last of them.
fn divided_and_dropped_beside_a_last_put<B: LockBackend>() {
    let map = Registry::<u32, Value, KeyHash, B>::new_in(0, KeyHash::default());
    let insert = |key| map.try_insert(key, Value::new(key)).ok().unwrap();
    let taken_out = insert(OTHER_HALF);
    assert!(Handle::unlist(&taken_out));
    let (first, second) = (insert(1), insert(OTHER_HALF));
    drop(insert(4)); // divides
    drop(second);
    let other = loom::thread::spawn(move || drop(taken_out));
    drop(map); // closes the half of what was taken out, and then the other
    drop(first);
    other.join().unwrap();
}

/// The buckets are halved, and the nodes are moved, by a last put or before it.
fn shrinking_beside_a_last_put<B: LockBackend>() {
    let map = Registry::<u32, Value, KeyHash, B>::new_in(1, KeyHash::default());
    let insert = |key| map.try_insert(key, Value::new(key)).ok().unwrap();
    let mut handles: Vec<_> = (0..9).map(insert).collect();
    let (kept, last) = (handles.pop().unwrap(), handles.pop().unwrap());
    drop(handles);
    let other = loom::thread::spawn(move || drop_one(last));
    map.shrink_to_fit();
    touch(map.get(&8).expect("it has a handle"), 8);
    other.join().unwrap();
    drop(kept);
    assert!(map.is_empty());
}

/// A lookup stands on a node that is recycled in between, and then leads to a node in memory that
/// was allocated in between. Keys 16, 32, 48 and 64 lie in one bucket of sixteen; the twelve nodes
/// that are there at first fill the memory that is there.
fn recycled_into_new_memory<B: LockBackend>() {
    fn replace<B: LockBackend>(spread: &Spread<B>) {
        spread.insert(32); // in new memory
        spread.drop_first(); // key 16
        spread.insert(48); // in the node of key 16, and leads to key 32
    }
    fn get_absent<B: LockBackend>(spread: &Spread<B>) {
        assert!(spread.map.get(&64).is_none());
    }
    let spread = Spread::<B>::new([16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    threads(&spread, [replace as fn(&_), get_absent]);
    drop(spread);
}

/// The table is made by two threads at once.
fn first_use_by_two<B: LockBackend>() {
    struct Fresh<B: LockBackend>(Map<B>);
    fn insert<B: LockBackend>(fresh: &Fresh<B>) {
        let handle = fresh.0.get_or_insert_with(1, |key| Value::new(*key));
        assert_eq!(handle.key(), 1);
    }
    MADE.with(|made| made.store(0, Relaxed));
    DROPPED.with(|dropped| dropped.store(0, Relaxed));
    let fresh = Arc::new(Fresh::<B>(Map::new_in(1, OneHash)));
    threads(&fresh, [insert as fn(&_), insert]);
    drop(fresh);
}

/// The registry is dropped while handles are being dropped: the table is freed once, by the last of
/// them.
fn registry_dropped_beside_last_put<B: LockBackend>() {
    let m = Model::<B>::new(1);
    let mut m = Arc::try_unwrap(m).ok().unwrap();
    let map = m.map.take().unwrap();
    let handle = m.take(0);
    let other = loom::thread::spawn(move || {
        assert_eq!(handle.key(), 1);
        drop(handle);
    });
    drop(map);
    other.join().unwrap();
    end(Arc::new(m));
}

fn registry_dropped_beside_two_last_puts<B: LockBackend>() {
    let m = Model::<B>::new(1);
    let mut m = Arc::try_unwrap(m).ok().unwrap();
    let map = m.map.take().unwrap();
    let first = m.take(0);
    let second = map.try_insert(2, Value::new(2)).ok().unwrap();
    let threads = [first, second].map(|handle| loom::thread::spawn(move || drop(handle)));
    drop(map);
    for thread in threads {
        thread.join().unwrap();
    }
    end(Arc::new(m));
}

over_backends! {
    get_beside_last_put: |f| check_bounded(3, f);
    two_puts_and_get: |f| check_bounded(2, f);
    put_and_two_gets: |f| check_bounded(2, f);
    insert_beside_last_put: |f| check_bounded(3, f);
    insert_beside_a_destructor: |f| check_bounded(3, f);
    exclusive_keys: |f| check_bounded(2, f);
    pages_go_back_under_a_lookup: |f| check_bounded(1, f);
    two_constructors: |f| check_bounded(2, f);
    get_beside_constructor: |f| check_bounded(3, f);
    failing_constructor: |f| check_bounded(2, f);
    unlist_beside_last_put: |f| check_bounded(3, f);
    two_unlists: |f| check_bounded(3, f);
    unlist_beside_get: |f| check_bounded(3, f);
    recycled_under_a_lookup: |f| check_bounded(3, f);
    recycled_for_a_constructor: |f| check_bounded(3, f);
    growing_under_a_lookup: |f| check_bounded(2, f);
    growing_by_two: |f| check_bounded(2, f);
    shrinking_beside_a_last_put: |f| check_bounded(3, f);
    divided_under_a_lookup: |f| check_bounded(2, f);
    divided_beside_a_last_put: |f| check_bounded(2, f);
    divided_by_two: |f| check_bounded(2, f);
    divided_and_dropped_beside_a_last_put: |f| check_bounded(2, f);
    recycled_into_new_memory: |f| check_bounded(2, f);
    first_use_by_two: |f| check_bounded(2, f);
    registry_dropped_beside_last_put: check;
    registry_dropped_beside_two_last_puts: |f| check_bounded(2, f);
}

/// A constructor that asks for its own key would wait for itself.
#[test]
fn constructor_asks_for_its_own_key() {
    fn one<B: LockBackend>() {
        let map = Map::<B>::new_in(1, OneHash);
        let asks = |_: &u32| -> Value {
            drop(map.get_or_insert_with(1, |key| Value::new(*key)));
            unreachable!("there is no such object yet")
        };
        let result = catch_unwind(AssertUnwindSafe(|| drop(map.get_or_insert_with(1, asks))));
        let message = *result.unwrap_err().downcast::<&str>().unwrap();
        assert!(message.contains("the same key"), "{message}");
        assert!(map.get(&1).is_none());
    }
    check(one::<CasOnly>);
    check(one::<Rmw>);
}

/// The node of a constructor that failed is another object's next, in no chain but that one's.
#[test]
fn recycled_after_a_failed_constructor() {
    fn one<B: LockBackend>() {
        let map = Map::<B>::new_in(1, OneHash);
        assert!(map.get_or_try_insert_with(1, |_| Err(())).is_err());
        let two = map.try_insert(2, Value::new(2)).ok().unwrap();
        let three = map.try_insert(3, Value::new(3)).ok().unwrap();
        assert!(map.get(&1).is_none());
        assert_eq!(map.handles().len(), 2);
        touch(two, 2);
        touch(three, 3);
    }
    check(one::<CasOnly>);
    check(one::<Rmw>);
}

/// What is being constructed is no object of the registry yet.
#[test]
fn handles_in_a_constructor() {
    fn one<B: LockBackend>() {
        let map = Map::<B>::new_in(1, OneHash);
        let made = map.get_or_insert_with(1, |key| {
            assert!(map.is_empty());
            assert!(map.handles().is_empty());
            Value::new(*key)
        });
        touch(made, 1);
    }
    check(one::<CasOnly>);
    check(one::<Rmw>);
}

/// The table of costs in the module's documentation.
#[test]
fn what_costs_what() {
    #[track_caller]
    fn costs<R>(writes: u32, f: impl FnOnce() -> R) -> R {
        let (result, tally) = tally(f);
        assert_eq!((tally.writes, tally.failures), (writes, 0));
        result
    }
    fn one<B: LockBackend>() {
        let map = Registry::<u32, Value, KeyHash, B>::new_in(1, KeyHash::default());
        let one = map.try_insert(1, Value::new(1)).ok().unwrap();
        assert!(costs(0, || map.get(&2)).is_none());
        let found = costs(1, || map.get(&1)).unwrap();
        let clone = costs(1, || found.clone());
        costs(1, || drop(clone));
        costs(1, || drop(found));
        let two = costs(0, || map.try_insert(2, Value::new(2)).ok().unwrap());
        let three = costs(0, || map.get_or_insert_with(3, |_| Value::new(3)));
        drop(costs(3, || map.handles()));
        costs(0, || Handle::unlist(&two));
        costs(1, || drop(two));
        costs(1, || drop(three));
        drop((one, map));
    }
    // Without spurious failures, which would be counted.
    explore(None, 0, one::<CasOnly>);
    explore(None, 0, one::<Rmw>);
}

/// A put that is not the last is one write, whatever other threads do.
#[test]
fn a_put_that_is_not_the_last_is_one_write() {
    fn one<B: LockBackend>() {
        let m = Model::<B>::new(2);
        let (_, tally) = tally(|| drop(m.take(0)));
        assert_eq!(tally.writes, 1);
        drop(m.take(1));
        end(m);
    }
    check(one::<CasOnly>);
    check(one::<Rmw>);
}
