//! An object with more references than can be counted leaks, and nothing else happens.
//!
//! Two thousand million handles that are forgotten take a while. So the counts lie in atomics that on
//! demand add what so many clones would have added.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use kref::atomic::{Atomic, AtomicBits, AtomicInt, Backend, Native};
use kref::lock::LockBackend;
use kref::registry::DefaultHashBuilder;
use kref::report::collect;
use kref::{Handle, RefCount, Registry};

thread_local! {
    static FORGOTTEN: Cell<u32> = const { Cell::new(0) };
}

/// Makes the clone that `f` makes count as so many, `n` of which are forgotten.
fn forgetting<R>(n: u32, f: impl FnOnce() -> R) -> R {
    FORGOTTEN.set(n);
    let result = f();
    assert_eq!(FORGOTTEN.get(), 0, "nothing was counted");
    result
}

/// An atomic that counts what was forgotten.
struct Counter(AtomicU32);

// SAFETY: forwards to an atomic.
unsafe impl Atomic for Counter {
    type Value = u32;

    fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }
    fn load(&self, order: Ordering) -> u32 {
        self.0.load(order)
    }
    fn store(&self, value: u32, order: Ordering) {
        self.0.store(value, order);
    }
    fn compare_exchange(
        &self,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        self.0.compare_exchange(current, new, success, failure)
    }
    fn with_mut<R>(&mut self, f: impl FnOnce(&mut u32) -> R) -> R {
        f(self.0.get_mut())
    }
}

// SAFETY: as above.
unsafe impl AtomicBits for Counter {}

// SAFETY: as above; the addition adds what as many additions as were forgotten would have added, none
// of which exceeds the largest count.
unsafe impl AtomicInt for Counter {
    fn fetch_add(&self, n: u32, order: Ordering) -> u32 {
        let forgotten = FORGOTTEN.replace(0);
        self.0.fetch_add(forgotten, order);
        self.0.fetch_add(n, order)
    }
}

struct Forgetful;

// SAFETY: these are atomics.
unsafe impl Backend for Forgetful {
    type U32 = Counter;
    type Usize = AtomicUsize;
    type Ptr<T> = AtomicPtr<T>;
}

// SAFETY: all of it is `Native`'s.
unsafe impl LockBackend for Forgetful {
    type Lock = <Native as LockBackend>::Lock;
    type Signal = <Native as LockBackend>::Signal;
    type ThreadId = <Native as LockBackend>::ThreadId;

    fn new_lock() -> Self::Lock {
        Native::new_lock()
    }
    fn new_signal() -> Self::Signal {
        Native::new_signal()
    }
    fn wait(signal: &Self::Signal) {
        Native::wait(signal);
    }
    fn set(signal: &Self::Signal) {
        Native::set(signal);
    }
    fn current_thread() -> Self::ThreadId {
        Native::current_thread()
    }
}

#[derive(Debug)]
struct Value(&'static str);

impl Drop for Value {
    fn drop(&mut self) {
        assert_ne!(self.0, "leaks");
    }
}

type Map = Registry<u32, Value, DefaultHashBuilder, Forgetful>;
type Held = Handle<u32, Value, Forgetful>;

/// Has a handle to everything that leaks, for the leak checker to find.
static LEAKED: Mutex<Vec<Held>> = Mutex::new(Vec::new());

/// A map with an object under the key 1 that has too many references, and one of them.
fn map_with_a_leak() -> (Map, Held) {
    let map = Map::new_in(1, DefaultHashBuilder);
    let handle = map.try_insert(1, Value("leaks")).ok().unwrap();
    let clone = forgetting(RefCount::MAX - 2, || handle.clone());
    let (one_too_many, told) = collect(|| handle.clone());
    assert_eq!(told.len(), 1, "{told:?}");
    drop(one_too_many);
    assert_eq!(Handle::count_hint(&handle), RefCount::SATURATED);
    LEAKED.lock().unwrap().push(clone);
    (map, handle)
}

#[test]
fn the_object_stays_in_the_registry() {
    let (map, handle) = map_with_a_leak();
    drop(handle);
    for _ in 0..10 {
        let found = map.get(&1).expect("it lives for ever");
        assert_eq!(found.0, "leaks");
        drop((map.handles(), found));
    }
    assert_eq!(map.len(), 1);
    assert!(map.try_insert(1, Value("another")).is_err());

    drop(map.unlist(&1).unwrap());
    assert!(map.is_empty());
    let another = map.try_insert(1, Value("another")).ok().unwrap();
    assert_eq!(map.get(&1).unwrap().0, "another");
    drop(another);
    assert!(map.is_empty());
}

#[test]
fn its_memory_is_not_given_back() {
    let (map, leaked) = map_with_a_leak();
    let others: Vec<_> = (2..100)
        .map(|key| map.try_insert(key, Value("another")).ok().unwrap())
        .collect();
    drop(others);
    map.shrink_to_fit();
    assert_eq!((*Handle::key(&leaked), leaked.0), (1, "leaks"));
    assert!(Handle::ptr_eq(&leaked, &map.get(&1).unwrap()));
}

#[test]
fn it_outlives_the_registry() {
    let (map, leaked) = map_with_a_leak();
    let another = map.try_insert(2, Value("another")).ok().unwrap();
    drop(map);
    assert!(!Handle::is_listed(&leaked));
    drop((another, leaked.clone()));
    assert_eq!((*Handle::key(&leaked), leaked.0), (1, "leaks"));
}
