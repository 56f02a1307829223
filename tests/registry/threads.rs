//! Many threads, several registries, and a stack that is too small.

use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Barrier, RwLock};
use std::thread;

use kref::registry::DefaultHashBuilder;
use kref::{Handle, Interner, Registry};

const THREADS: u64 = if cfg!(miri) { 2 } else { 8 };

/// Marsaglia's xorshift: random enough to mix operations.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed + 1)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % n
    }
}

/// A value that knows its key and whether it is alive, and counts those that are.
struct Canary<'a> {
    key: u64,
    song: u64,
    alive: &'a AtomicUsize,
}

const ALIVE: u64 = 0x0c0f_fee0_0ca4_a47e;

impl<'a> Canary<'a> {
    fn new(key: u64, alive: &'a AtomicUsize) -> Self {
        alive.fetch_add(1, Relaxed);
        Self {
            key,
            song: ALIVE ^ key,
            alive,
        }
    }

    #[track_caller]
    fn assert_alive(&self) {
        assert_eq!(self.song, ALIVE ^ self.key);
    }
}

impl Drop for Canary<'_> {
    fn drop(&mut self) {
        self.assert_alive();
        self.song = 0;
        self.alive.fetch_sub(1, Relaxed);
    }
}

type Map<'a> = Registry<u64, Canary<'a>>;

/// Everything at once, while registries are dropped and made, and handles outlive them.
#[test]
fn registries_come_and_go() {
    let rounds = if cfg!(miri) { 25 } else { 20_000 };
    let alive = AtomicUsize::new(0);
    let new_map = || RwLock::new(Map::with_shards_and_hasher(2, DefaultHashBuilder));
    let maps: [_; 3] = std::array::from_fn(|_| new_map());
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (maps, alive) = (&maps, &alive);
            scope.spawn(move || {
                let mut random = Random::new(seed);
                let mut held = Vec::new();
                for _ in 0..rounds {
                    let map = &maps[random.below(3) as usize];
                    let key = random.below(24);
                    let make = |key: &u64| Canary::new(*key, alive);
                    match random.below(1000) {
                        0 => {
                            // The old one is dropped here, with the lock released.
                            drop(std::mem::take(&mut *map.write().unwrap()));
                        }
                        1..5 => map.write().unwrap().shrink_to_fit(),
                        5..50 => held.extend(map.read().unwrap().handles()),
                        50..300 => held.extend(map.read().unwrap().get(&key)),
                        300..400 => held.extend(map.read().unwrap().unlist(&key)),
                        400..500 => {
                            // Another object under the same key.
                            let map = map.read().unwrap();
                            held.extend(map.unlist(&key));
                            held.extend(map.try_insert(key, make(&key)));
                        }
                        500..550 => {
                            let made = |_: &u64| Err(());
                            held.extend(map.read().unwrap().get_or_try_insert_with(key, made));
                        }
                        _ => held.push(map.read().unwrap().get_or_insert_with(key, make)),
                    }
                    for handle in &held {
                        handle.assert_alive();
                        assert_eq!(handle.key, *Handle::key(handle));
                    }
                    while held.len() as u64 > random.below(16) {
                        held.swap_remove(random.below(held.len() as u64) as usize);
                    }
                }
            });
        }
    });
    for map in &maps {
        let map = map.read().unwrap();
        assert!(map.is_empty());
        assert!(map.handles().is_empty());
    }
    assert_eq!(alive.load(Relaxed), 0);
}

/// One thread's destructors panic, and the others do not notice.
#[test]
fn destructors_panic_beside_others() {
    struct Panics<'a>(Canary<'a>, bool);
    impl Drop for Panics<'_> {
        fn drop(&mut self) {
            // Not by `panic!`, whose message would be printed a thousand times.
            if self.1 {
                std::panic::resume_unwind(Box::new("destructor"));
            }
        }
    }
    let rounds = if cfg!(miri) { 15 } else { 5_000 };
    let alive = AtomicUsize::new(0);
    let map = Registry::with_shards_and_hasher(1, DefaultHashBuilder);
    let caught = AtomicUsize::new(0);
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (map, alive, caught) = (&map, &alive, &caught);
            scope.spawn(move || {
                let mut random = Random::new(seed);
                for _ in 0..rounds {
                    let key = random.below(4);
                    // Lookups too may be the ones that run a destructor.
                    let round = catch_unwind(AssertUnwindSafe(|| {
                        let make = |key: &u64| Panics(Canary::new(*key, alive), *key == 0);
                        let handle = map.get_or_insert_with(key, make);
                        handle.0.assert_alive();
                        drop(map.get(&random.below(4)));
                        drop(handle);
                    }));
                    caught.fetch_add(usize::from(round.is_err()), Relaxed);
                }
            });
        }
    });
    assert!(map.is_empty());
    assert_eq!(alive.load(Relaxed), 0, "the field is dropped all the same");
    assert!(caught.load(Relaxed) > 0);
}

/// Handles are dropped while the registry gives its memory back: the drops hold no borrow of it.
#[test]
fn shrinking_beside_drops() {
    let rounds = if cfg!(miri) { 3 } else { 200 };
    let alive = AtomicUsize::new(0);
    let map = Map::with_shards_and_hasher(2, DefaultHashBuilder);
    for _ in 0..rounds {
        let mut parts: Vec<Vec<_>> = (0..THREADS).map(|_| Vec::new()).collect();
        for key in 0..THREADS * 64 {
            let handle = map.get_or_insert_with(key, |key| Canary::new(*key, &alive));
            parts[(key % THREADS) as usize].push(handle);
        }
        let barrier = Barrier::new(parts.len() + 1);
        thread::scope(|scope| {
            for part in parts {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    for handle in part {
                        let clone = handle.clone();
                        drop(handle);
                        clone.assert_alive();
                    }
                });
            }
            barrier.wait();
            while !map.is_empty() {
                map.shrink_to_fit();
            }
        });
        assert_eq!(alive.load(Relaxed), 0);
    }
}

/// Words come and go, and are one as long as somebody has them.
#[test]
fn interners_come_and_go() {
    let rounds = if cfg!(miri) { 25 } else { 20_000 };
    let words: RwLock<Interner<str>> = RwLock::default();
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let words = &words;
            scope.spawn(move || {
                let mut random = Random::new(seed);
                let mut held = Vec::new();
                for _ in 0..rounds {
                    if random.below(1000) == 0 {
                        drop(std::mem::take(&mut *words.write().unwrap()));
                    }
                    // Of different sizes, too.
                    let text = "word ".repeat(random.below(24) as usize);
                    let words = words.read().unwrap();
                    let word = words.intern_ref(&text);
                    assert_eq!(*word, *text);
                    assert_eq!(words.get(&text).unwrap(), word);
                    drop(words);
                    held.push((word, text));
                    for (word, text) in &held {
                        assert_eq!(**word, **text);
                    }
                    while held.len() as u64 > random.below(16) {
                        held.swap_remove(random.below(held.len() as u64) as usize);
                    }
                }
            });
        }
    });
    assert!(words.into_inner().unwrap().is_empty());
}

/// An object that keeps its parent alive, as a directory entry does.
struct Entry {
    name: String,
    parent: Option<Handle<u32, Entry>>,
}

#[test]
fn a_long_chain_is_dropped_on_a_small_stack() {
    let length = if cfg!(miri) { 60 } else { 1_000_000 };
    let registry = Registry::new();
    let mut last: Option<Handle<u32, Entry>> = None;
    for key in 0..length {
        let name = key.to_string();
        let parent = last.take();
        last = registry.try_insert(key, Entry { name, parent }).ok();
    }
    assert_eq!(registry.len(), length as usize);
    let last = last.unwrap();
    assert_eq!(last.parent.as_ref().unwrap().name, (length - 2).to_string());
    thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(move || drop(last))
        .unwrap()
        .join()
        .unwrap();
    assert!(registry.is_empty());
}

/// A thread that once built an object in the same memory is not taken for the builder of this
/// object.
#[test]
fn a_builder_is_forgotten_when_it_has_ended() {
    static COMPARED: AtomicBool = AtomicBool::new(false);
    struct Key;
    impl Hash for Key {
        fn hash<H: Hasher>(&self, _: &mut H) {}
    }
    impl PartialEq for Key {
        fn eq(&self, _: &Self) -> bool {
            COMPARED.store(true, Relaxed);
            true
        }
    }
    impl Eq for Key {}

    let registry = Registry::with_shards_and_hasher(1, DefaultHashBuilder);
    assert!(registry.get_or_try_insert_with(Key, |_| Err(())).is_err());
    let building = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            registry.get_or_insert_with(Key, |_| {
                building.wait();
                while !COMPARED.load(Relaxed) {
                    thread::yield_now();
                }
                1
            })
        });
        building.wait();
        // It finds the other's, and waits.
        registry.get_or_insert_with(Key, |_| 1);
    });
}

/// While a value is being made, and others wait for it, the registry gets more shards. They are woken all the same, and the
/// maker's own lookup still panics.
#[test]
fn those_who_wait_are_woken_when_the_registry_gets_more_shards() {
    let map = Registry::<u32, u32>::new();
    let grow = |from: u32| -> Vec<_> {
        (from..from + 300)
            .map(|key| map.try_insert(key, 0))
            .collect()
    };
    thread::scope(|scope| {
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (go_on, goes_on) = std::sync::mpsc::channel();
        let map = &map;
        let maker = scope.spawn(move || {
            let handle = map.get_or_insert_with(1, |_| {
                begun.send(()).unwrap();
                goes_on.recv().unwrap();
                let nested = catch_unwind(AssertUnwindSafe(|| map.get_or_insert_with(1, |_| 3)));
                assert!(nested.is_err());
                2
            });
            *handle
        });
        has_begun.recv().unwrap();
        let waiters = [(); 2].map(|()| scope.spawn(|| *map.get_or_insert_with(1, |_| 4)));
        // They wait, or come later: what is right is the same.
        thread::sleep(std::time::Duration::from_millis(20));
        let others = grow(10);
        go_on.send(()).unwrap();
        assert_eq!(maker.join().unwrap(), 2);
        for waiter in waiters {
            assert!(matches!(waiter.join().unwrap(), 2 | 4));
        }
        drop(others);
    });
    assert!(map.is_empty());
}
