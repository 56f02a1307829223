//! Keys with equal hashes: a lookup compares each once.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use kref::{Interner, Registry};

thread_local! {
    static COMPARISONS: Cell<usize> = const { Cell::new(0) };
}

/// Its hash is that of every other.
#[derive(Clone, Debug)]
struct Same(usize);

impl Hash for Same {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl PartialEq for Same {
    fn eq(&self, other: &Self) -> bool {
        COMPARISONS.set(COMPARISONS.get() + 1);
        self.0 == other.0
    }
}

impl Eq for Same {}

fn comparisons<R>(f: impl FnOnce() -> R) -> (R, usize) {
    COMPARISONS.set(0);
    let result = f();
    (result, COMPARISONS.get())
}

/// One more than there are keys, as a look without the lock compares one.
#[test]
fn a_lookup_compares_each_key_once() {
    const KEYS: usize = 300;
    let map = Registry::<Same, usize>::new();
    let mut handles = Vec::new();
    for n in 0..KEYS {
        let (handle, compared) = comparisons(|| map.try_insert(Same(n), n).unwrap());
        assert!(compared <= n, "{compared} comparisons of {n} keys");
        handles.push(handle);
    }
    let (absent, compared) = comparisons(|| map.get(&Same(KEYS)));
    assert!(absent.is_none() && compared <= KEYS + 1, "{compared}");
    for n in 0..KEYS {
        let (found, compared) = comparisons(|| map.get(&Same(n)));
        assert!(found.is_some_and(|found| *found == n) && compared <= KEYS + 1);
    }
    let make = |key: &Same| key.0;
    let (made, compared) = comparisons(|| map.get_or_insert_with(Same(KEYS), make));
    assert!(*made == KEYS && compared <= KEYS + 1, "{compared}");
    drop((handles, made));
    assert!(map.is_empty());
}

/// Thousands of them, in any order, come and go.
#[test]
fn thousands_of_keys_of_one_hash() {
    let values = Interner::<Same>::new();
    let all: Vec<_> = (0..3_000).map(|n| values.intern(Same(n))).collect();
    for n in [0, 1, 1_499, 2_999] {
        assert_eq!(values.get(&Same(n)).as_ref(), Some(&all[n]));
    }
    drop(all);
    assert!(values.is_empty());
}

/// A lookup finds the key that is there all the time, among others of its hash that come and go.
#[test]
fn found_among_others_that_come_and_go() {
    let map = Registry::<Same, usize>::new();
    let kept: Vec<_> = (0..5)
        .map(|n| map.try_insert(Same(n), n).unwrap())
        .collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for from in [100, 200] {
            let (map, done) = (&map, &done);
            scope.spawn(move || {
                while !done.load(Relaxed) {
                    let new: Vec<_> = (from..from + 7)
                        .map(|n| map.get_or_insert_with(Same(n), |key| key.0))
                        .collect();
                    for (new, n) in new.iter().zip(from..) {
                        assert_eq!(**new, n);
                    }
                }
            });
        }
        for _ in 0..3_000 {
            for (kept, n) in kept.iter().zip(0..) {
                assert_eq!(map.get(&Same(n)).as_ref(), Some(kept));
                assert!(map.try_insert(Same(n), 0).is_err());
            }
            assert!(map.get(&Same(50)).is_none());
        }
        done.store(true, Relaxed);
    });
}
