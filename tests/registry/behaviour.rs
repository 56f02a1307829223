//! What each operation does.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};

use kref::{Handle, Registry};

#[test]
fn an_object_is_found_as_long_as_it_has_a_handle() {
    let registry = Registry::new();
    let a = registry.get_or_insert_with(1, |key| key * 10);
    let b = registry.get(&1).unwrap();
    assert!(Handle::ptr_eq(&a, &b));
    assert_eq!((*Handle::key(&b), *b), (1, 10));
    assert_eq!(Handle::count_hint(&a), 2);
    drop(a);
    let c = registry.get(&1).unwrap();
    drop((b, c));
    assert!(registry.get(&1).is_none());
    assert!(registry.is_empty());
}

#[test]
fn a_constructor_runs_only_on_a_miss() {
    let registry = Registry::new();
    let a = registry.get_or_insert_with("k", |_| 1);
    let b = registry.get_or_insert_with("k", |_| unreachable!());
    assert_eq!(*a + *b, 2);
    drop((a, b));
    assert_eq!(*registry.get_or_insert_with("k", |_| 3), 3);
}

#[test]
fn a_failed_constructor_leaves_the_key_vacant() {
    let registry = Registry::new();
    let failed = registry.get_or_try_insert_with(1, |_| Err::<u32, _>("no"));
    assert_eq!(failed.unwrap_err(), "no");
    assert!(registry.get(&1).is_none());
    assert_eq!(registry.len(), 0);
    let made = registry.get_or_try_insert_with(1, |_| Ok::<_, ()>(2));
    assert_eq!(*made.unwrap(), 2);
}

#[test]
fn try_insert_gives_everything_back() {
    let registry = Registry::new();
    let a = registry.try_insert(1, "a").unwrap();
    let error = registry.try_insert(1, "b").unwrap_err();
    assert!(Handle::ptr_eq(&error.existing, &a));
    assert_eq!((error.key, error.value), (1, "b"));
    assert_eq!(
        error.to_string(),
        "there is an object with the key 1 already"
    );
    let shown = format!("{error:?}");
    assert!(shown.starts_with("OccupiedError {") && shown.contains("key: 1"));
}

#[test]
fn a_registry_shows_its_length_and_its_hasher() {
    // More shards than there may be.
    let registry = Registry::with_shards_and_hasher(usize::MAX, RandomState::new());
    let one = registry.try_insert(1, ()).unwrap();
    assert_eq!(format!("{registry:?}"), "Registry { len: 1, .. }");
    assert_eq!(
        registry.hasher().hash_one(1),
        registry.hasher().clone().hash_one(1)
    );
    drop(one);
    assert_eq!(format!("{registry:?}"), "Registry { len: 0, .. }");
}

#[test]
fn an_unlisted_object_lives_on_and_its_key_is_free() {
    let registry = Registry::new();
    let a = registry.try_insert(1, "a").unwrap();
    assert!(Handle::is_listed(&a));
    let b = registry.unlist(&1).unwrap();
    assert!(Handle::ptr_eq(&a, &b));
    assert!(!Handle::is_listed(&a));
    assert!(registry.unlist(&1).is_none());
    assert!(!Handle::unlist(&a));

    let other = registry.try_insert(1, "other").unwrap();
    drop((a, b)); // does not take the other out
    assert_eq!(*registry.get(&1).unwrap(), "other");
    assert!(Handle::unlist(&other));
    assert!(registry.is_empty());
}

#[test]
fn handles_are_all_of_the_live_objects() {
    let all = if cfg!(miri) { 40 } else { 1000 };
    let registry = Registry::new();
    let kept: Vec<_> = (0..all)
        .map(|key| registry.get_or_insert_with(key, |key| key * 2))
        .collect();
    drop(
        kept.iter()
            .skip(kept.len() / 2)
            .cloned()
            .collect::<Vec<_>>(),
    );
    let mut keys: Vec<_> = registry.handles().iter().map(|h| *Handle::key(h)).collect();
    keys.sort_unstable();
    assert_eq!(keys, (0..all).collect::<Vec<_>>());
    drop(kept);
    assert!(registry.handles().is_empty());
}

#[test]
fn a_registry_may_be_dropped_before_its_handles() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let registry = Registry::new();
    let all = if cfg!(miri) { 20 } else { 100 };
    let handles: Vec<_> = (0..all)
        .map(|key| registry.get_or_insert_with(key, |_| Canary(dropped.clone())))
        .collect();
    drop(registry);
    assert_eq!(dropped.load(Relaxed), 0);
    assert!(handles.iter().all(|handle| !Handle::is_listed(handle)));
    drop(handles.clone());
    drop(handles);
    assert_eq!(dropped.load(Relaxed), all);
}

struct Canary(Arc<AtomicUsize>);

impl Drop for Canary {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn a_static_registry_needs_no_initialisation() {
    static NAMES: Registry<u32, String> = Registry::new();
    let handle = NAMES.get_or_insert_with(1, |key| key.to_string());
    std::thread::spawn(|| assert_eq!(*NAMES.get(&1).unwrap(), "1"))
        .join()
        .unwrap();
    drop(handle);
    assert!(NAMES.is_empty());
}

#[test]
fn memory_of_a_peak_is_given_back() {
    let (peak, more) = if cfg!(miri) { (60, 20) } else { (5000, 2000) };
    let registry = Registry::new();
    for _ in 0..if cfg!(miri) { 1 } else { 3 } {
        let mut handles: Vec<_> = (0..peak)
            .map(|key: u32| registry.try_insert(key, [key; 4]).unwrap())
            .collect();
        handles.retain(|handle| *Handle::key(handle) % 50 == 0);
        registry.shrink_to_fit();
        for handle in &handles {
            assert_eq!(**handle, [*Handle::key(handle); 4]);
            assert!(Handle::ptr_eq(
                handle,
                &registry.get(Handle::key(handle)).unwrap()
            ));
        }
        let others: Vec<_> = (peak..peak + more)
            .map(|key: u32| registry.try_insert(key, [key; 4]).unwrap())
            .collect();
        assert_eq!(registry.len(), (peak.div_ceil(50) + more) as usize);
        drop((handles, others));
        registry.shrink_to_fit();
        assert!(registry.is_empty());
    }
}

#[test]
fn borrowed_keys_and_values_of_any_size() {
    #[repr(align(64))]
    #[derive(Debug, PartialEq)]
    struct Aligned([u8; 200]);

    let text = String::from("key");
    let registry: Registry<String, Aligned> = Registry::new();
    let handle = registry.get_or_insert_with(text.clone(), |_| Aligned([7; 200]));
    assert_eq!((&raw const *handle).addr() % 64, 0);
    assert_eq!(*registry.get("key").unwrap(), Aligned([7; 200]));

    let units: Registry<(), ()> = Registry::new();
    let unit = units.get_or_insert_with((), |()| ());
    assert!(units.contains_key(&()));
    drop(unit);
    assert!(!units.contains_key(&()));

    let borrowing: Registry<&str, &str> = Registry::new();
    let handle = borrowing.try_insert(text.as_str(), &text[1..]).unwrap();
    drop(borrowing);
    assert_eq!(*handle, "ey");
}

#[test]
fn one_thread_constructs_and_the_others_wait() {
    let threads = if cfg!(miri) { 3 } else { 8 };
    let registry = Registry::new();
    let constructed = AtomicUsize::new(0);
    let barrier = Barrier::new(threads);
    let handles: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    registry.get_or_insert_with("key", |_| {
                        std::thread::yield_now();
                        constructed.fetch_add(1, Relaxed)
                    })
                })
            })
            .collect();
        workers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    assert_eq!(constructed.load(Relaxed), 1);
    assert!(handles.iter().all(|h| Handle::ptr_eq(h, &handles[0])));
}

#[test]
fn other_keys_do_not_wait_for_a_constructor() {
    let registry = Registry::<u32, u32>::with_shards_and_hasher(1, Default::default());
    let outer = registry.get_or_insert_with(1, |_| {
        assert!(registry.get(&1).is_none()); // not there yet, and no deadlock
        let inner = registry.get_or_insert_with(2, |_| 20);
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(*registry.get_or_insert_with(3, |_| 30), 30));
        });
        *inner + 1
    });
    assert_eq!(*outer, 21);
}

#[test]
fn who_waits_for_a_failed_constructor_runs_its_own() {
    let registry = Registry::<u32, u32>::new();
    let inside = Barrier::new(2);
    std::thread::scope(|scope| {
        let failing = scope.spawn(|| {
            registry.get_or_try_insert_with(1, |_| {
                inside.wait();
                std::thread::yield_now();
                Err::<u32, _>("failed")
            })
        });
        inside.wait();
        let made = registry.get_or_insert_with(1, |_| 5);
        assert_eq!(*made, 5);
        assert_eq!(failing.join().unwrap().unwrap_err(), "failed");
    });
}

#[test]
fn threads_against_totals() {
    let (threads, rounds) = if cfg!(miri) { (2, 15) } else { (4, 20_000) };
    let live = AtomicUsize::new(0);
    struct Live<'a>(&'a AtomicUsize, u64);
    impl Drop for Live<'_> {
        fn drop(&mut self) {
            assert_eq!(self.1, 0xC0FFEE, "a value is dropped once");
            self.1 = 0xDEAD;
            self.0.fetch_sub(1, Relaxed);
        }
    }
    let registry = Registry::new();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (registry, live) = (&registry, &live);
            scope.spawn(move || {
                let mut held = std::collections::VecDeque::new();
                let mut state = thread as u64 + 1;
                for round in 0..rounds {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    let key = state % 16;
                    let handle = match state >> 32 & 3 {
                        0 => registry.get(&key),
                        1 => registry.unlist(&key),
                        _ => Some(registry.get_or_insert_with(key, |_| {
                            live.fetch_add(1, Relaxed);
                            Live(live, 0xC0FFEE)
                        })),
                    };
                    if let Some(handle) = handle {
                        assert_eq!(*Handle::key(&handle), key);
                        assert_eq!(handle.1, 0xC0FFEE, "a live value is found");
                        held.push_back(handle);
                    }
                    if held.len() > (round % 5) as usize {
                        held.pop_front();
                    }
                }
            });
        }
    });
    assert_eq!(live.load(Relaxed), 0);
    assert!(registry.is_empty());
}
