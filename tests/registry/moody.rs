//! A lock that may panic instead of locking, as its contract allows, and one whose unlock takes its time.

use std::cell::Cell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering::*};
use std::sync::mpsc;
use std::thread;

use kref::atomic::Backend;
use kref::lock::{Lock, LockBackend};
use kref::registry::{DefaultHashBuilder, Entry, Pending, Reservation};
use kref::{Handle, Registry};

use crate::memory;

thread_local! {
    /// How many of the thread's next attempts to lock panic, when so many others have succeeded.
    static PANICS: Cell<u32> = const { Cell::new(0) };
    static LATER: Cell<u32> = const { Cell::new(0) };
    /// What the thread does behind its next unlock.
    static AFTER_UNLOCK: Cell<Option<fn()>> = const { Cell::new(None) };
}

struct Moody {
    is_locked: AtomicBool,
    /// Whether it is the lock of a shard.
    is_shards: bool,
}

struct Held<'a>(&'a Moody);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.0.is_shards {
            memory::locked(false);
        }
        self.0.is_locked.store(false, Release);
        // Nothing of the lock is touched from here on.
        if let Some(after) = AFTER_UNLOCK.take() {
            after();
        }
    }
}

// SAFETY: the thread that has set the flag has the lock; when `lock` unwinds, the lock is not held.
unsafe impl Lock for Moody {
    type Guard<'a> = Held<'a>;

    fn lock(&self) -> Held<'_> {
        if let Some(later) = LATER.get().checked_sub(1) {
            LATER.set(later);
        } else if let Some(left) = PANICS.get().checked_sub(1) {
            PANICS.set(left);
            panic!("the lock is in a mood");
        }
        while self.is_locked.swap(true, Acquire) {
            thread::yield_now();
        }
        if self.is_shards {
            memory::locked(true);
        }
        Held(self)
    }
}

struct Backdrop;

// SAFETY: they are core's atomics.
unsafe impl Backend for Backdrop {
    type U32 = AtomicU32;
    type Usize = AtomicUsize;
    type Ptr<T> = AtomicPtr<T>;
}

// SAFETY: a signal waits until it is set, and std tells threads apart.
unsafe impl LockBackend for Backdrop {
    type Lock = Moody;
    type Signal = AtomicBool;
    type ThreadId = thread::ThreadId;

    #[track_caller]
    fn new_lock() -> Moody {
        Moody {
            is_locked: AtomicBool::new(false),
            is_shards: Path::new(Location::caller().file()).ends_with("table/shard/mod.rs"),
        }
    }
    fn new_signal() -> AtomicBool {
        AtomicBool::new(false)
    }
    fn wait(signal: &AtomicBool) {
        while !signal.load(Acquire) {
            thread::yield_now();
        }
    }
    fn set(signal: &AtomicBool) {
        signal.store(true, Release);
    }
    fn current_thread() -> thread::ThreadId {
        thread::current().id()
    }
}

type Map = Registry<u32, String, DefaultHashBuilder, Backdrop>;

fn map() -> Map {
    Map::new_in(1, DefaultHashBuilder)
}

/// Calls `f`, in which the lock panics so often; the panic comes out of it.
#[track_caller]
fn moody<R>(f: impl FnOnce() -> R) {
    let result = catch_unwind(AssertUnwindSafe(|| {
        let result = f();
        assert_eq!(PANICS.get(), 0, "the lock was asked");
        result
    }));
    PANICS.set(0);
    let panic = result.map(|_| ()).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the lock is in a mood"));
}

fn fails(panics: u32) -> impl FnOnce(&u32) -> Result<String, ()> {
    move |_| {
        PANICS.set(panics);
        Err(())
    }
}

/// The place of a constructor that fails is vacant, although the lock panics at first: nothing of it is in a
/// chain and on the list of free slots at once.
#[test]
fn a_failed_construction_ends_behind_a_lock_that_panics() {
    let map = map();
    moody(|| map.get_or_try_insert_with(1, fails(1)));
    map.shrink_to_fit();
    assert!(map.get(&1).is_none());
    let again = map.get_or_insert_with(1, |_| "again".into());
    let other = map.get_or_insert_with(2, |_| "other".into());
    assert_eq!((&**again, &**other, map.len()), ("again", "other", 2));
}

/// If the lock panics twice, the key is busy for good, and its memory is nobody else's.
#[test]
fn a_construction_that_cannot_end_keeps_its_node() {
    let map = map();
    moody(|| map.get_or_try_insert_with(1, fails(2)));
    map.shrink_to_fit();
    assert!(map.get(&1).is_none());
    let others: Vec<_> = (2..50)
        .map(|key| map.get_or_insert_with(key, u32::to_string))
        .collect();
    for (other, key) in others.iter().zip(2..) {
        assert_eq!(**other, u32::to_string(&key));
    }
    assert_eq!(map.handles().len(), others.len());
    drop(others);
    memory::forget(map);
}

/// What was constructed is in the map when the lock panics at first, and goes with the panic.
#[test]
fn a_finished_construction_ends_behind_a_lock_that_panics() {
    let map = map();
    let make = |_: &u32| {
        PANICS.set(1);
        String::from("made")
    };
    moody(|| map.get_or_insert_with(1, make));
    assert!(map.is_empty());
    assert_eq!(**map.get_or_insert_with(1, |_| "again".into()), *"again");
}

/// A thread that waits for a constructor goes on, although the lock panics when that ends.
#[test]
fn waiters_go_on_behind_a_lock_that_panics() {
    let map = map();
    thread::scope(|scope| {
        let (began, begins) = mpsc::channel();
        let constructor = scope.spawn(|| {
            let make = move |_: &u32| {
                began.send(()).unwrap();
                thread::sleep(std::time::Duration::from_millis(20));
                fails(1)(&1)
            };
            moody(|| map.get_or_try_insert_with(1, make));
        });
        begins.recv().unwrap();
        assert_eq!(**map.get_or_insert_with(1, |_| "mine".into()), *"mine");
        constructor.join().unwrap();
    });
    assert!(map.is_empty());
}

/// A last put that cannot lock leaves its object where it is, to be found.
#[test]
fn a_last_put_that_cannot_lock_leaks() {
    let map = map();
    let one = map.get_or_insert_with(1, |_| "one".into());
    PANICS.set(1);
    moody(|| drop(one));
    assert_eq!(map.get(&1).as_deref().map(String::as_str), Some("one"));
    assert_eq!(map.len(), 1);
    memory::forget(map);
}

/// Makes the lock panic when the destructor of the value has run: at what comes next.
struct Spoils(u32);

impl Drop for Spoils {
    fn drop(&mut self) {
        PANICS.set(self.0);
    }
}

/// An exclusive key is vacant when the destructor of its value has ended, although the lock panics at first.
#[test]
fn an_exclusive_key_is_vacant_behind_a_lock_that_panics() {
    let map = Registry::<u32, Spoils, DefaultHashBuilder, Backdrop>::new_in(1, DefaultHashBuilder);
    let map = map.exclusive();
    let one = map.get_or_insert_with(1, |_| Spoils(1));
    moody(|| drop(one));
    let again = map.try_insert(1, Spoils(0));
    assert!(again.is_ok(), "the key is vacant");
}

/// The slot of an object is given back, although the lock panics at first when its destructor has run: with it, the table ends.
#[test]
fn a_slot_is_given_back_behind_a_lock_that_panics() {
    let map = Registry::<u32, Spoils, DefaultHashBuilder, Backdrop>::new_in(1, DefaultHashBuilder);
    let mut places = std::collections::HashSet::new();
    for _ in 0..100 {
        let one = map.get_or_insert_with(1, |_| Spoils(1));
        places.insert(Handle::as_ptr(&one));
        moody(|| drop(one));
    }
    assert!(places.len() < 50, "{} slots", places.len());
}

/// A reservation, and somebody that waits for it.
type Awaited<'a> = (
    Reservation<'a, u32, String, Backdrop>,
    Pending<'a, u32, String, Backdrop>,
);

/// Reservations of these keys.
fn awaited(map: &Map, keys: Range<u32>) -> Vec<Awaited<'_>> {
    let one = |key| {
        let Entry::Vacant(reservation) = map.entry(key) else {
            panic!("{key} is vacant");
        };
        let Entry::Busy(pending) = map.entry(key) else {
            panic!("{key} is reserved");
        };
        (reservation, pending)
    };
    keys.map(one).collect()
}

/// A map that is divided among many shards while keys are reserved, and a lock that panics at any point of that: nothing of
/// the map is lost, and no waiter is forgotten.
#[test]
fn a_division_behind_a_lock_that_panics_forgets_nobody() {
    // A backend that is not `Native` is taken for that of a model, where two nodes are many.
    const NODES: u32 = 2;
    let mut panicked = 0;
    for later in 0..12 {
        let map = Map::new_in(0, DefaultHashBuilder);
        let waiting = awaited(&map, 1000..1008);
        let all = Vec::from_iter((0..NODES).map(|key| map.get_or_insert_with(key, u32::to_string)));
        LATER.set(later);
        PANICS.set(1);
        let last = catch_unwind(AssertUnwindSafe(|| {
            map.get_or_insert_with(NODES, u32::to_string)
        }));
        LATER.set(0);
        PANICS.set(0);
        panicked += u32::from(last.is_err());
        for (reservation, pending) in waiting {
            let made = reservation.fulfil("made".into());
            assert!(pending.is_done(), "after {later} locks");
            assert_eq!(pending.wait().as_deref(), Some(&*made));
        }
        for (key, handle) in (0..).zip(&all) {
            assert!(
                map.get(&key)
                    .is_some_and(|found| Handle::ptr_eq(&found, handle))
            );
        }
        map.get_or_insert_with(NODES, u32::to_string);
        drop((all, last));
        assert!(map.is_empty());
    }
    assert!(panicked > 4, "the division takes {panicked} locks");
}

/// A value that has the handle of another.
struct Nest {
    _next: Option<Handle<u32, Nest, Backdrop>>,
}

/// Whatever is noted of busy nodes, of those who wait for them and of nodes that are being destroyed: the memory for it is
/// allocated before a shard is locked, and freed afterwards. Also when the map is divided.
#[test]
#[cfg_attr(feature = "track", ignore = "the tracker has memory of its own")]
fn no_memory_is_allocated_or_freed_under_the_lock_of_a_shard() {
    fn nested(map: &Map, key: u32) -> String {
        if key % 10 == 0 {
            return String::new();
        }
        map.get_or_insert_with(key - 1, |key| nested(map, *key))
            .to_string()
    }
    let blocks = memory::under_lock(|| {
        let map = Map::new_in(0, DefaultHashBuilder);
        map.get_or_insert_with(9, |key| nested(&map, *key));
        let mut waiting = awaited(&map, 1000..1040);
        // Constructors under way while the map is divided.
        let all = map.get_or_insert_with(500, |_| {
            map.get_or_insert_with(501, |_| {
                let others = (0..200).map(|key| map.get_or_insert_with(key, u32::to_string));
                format!("{}", Vec::from_iter(others).len())
            });
            "all".into()
        });
        waiting.extend(awaited(&map, 2000..2100));
        waiting.drain(..70).for_each(|(reservation, pending)| {
            drop(reservation.fulfil("made".into()));
            assert!(pending.is_done());
        });
        drop((waiting, all));
        assert!(map.is_empty());
        map.shrink_to_fit();

        // Destructors of exclusive keys that run one inside the other.
        let map =
            Registry::<u32, Nest, DefaultHashBuilder, Backdrop>::new_in(1, DefaultHashBuilder);
        let map = map.exclusive();
        let chain = (0..10).fold(None, |next, key| {
            Some(map.try_insert(key, Nest { _next: next }).ok().unwrap())
        });
        drop(chain);
        assert!(map.is_empty());
    });
    assert_eq!(blocks, 0);
}

static UNLOCKED: AtomicBool = AtomicBool::new(false);
static FREED: AtomicBool = AtomicBool::new(false);

/// A last put stands after its unlock, and has not returned from it, while another frees the table. (Miri tells
/// whether a reference to the shard is still protected then.)
#[test]
fn the_table_is_freed_behind_an_unlock() {
    let map = map();
    let one: Handle<_, _, _> = map.get_or_insert_with(1, |_| "one".into());
    let two = map.get_or_insert_with(2, |_| "two".into());
    drop(map);
    let other = thread::spawn(move || {
        while !UNLOCKED.load(Acquire) {
            thread::yield_now();
        }
        drop(two);
        FREED.store(true, Release);
    });
    AFTER_UNLOCK.set(Some(|| {
        UNLOCKED.store(true, Release);
        while !FREED.load(Acquire) {
            thread::yield_now();
        }
    }));
    drop(one);
    other.join().unwrap();
}
