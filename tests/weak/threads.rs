//! Real threads, canaries, and every operation at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use kref::weak::{Weak, WeakRef};

use crate::tools::Value;

const ROUNDS: usize = if cfg!(miri) { 10 } else { 20_000 };
const THREADS: usize = 4;

/// A strong reference, and a weak one to the same value or another.
type Slot<'a> = Mutex<(Option<WeakRef<Value<'a>>>, Weak<Value<'a>>)>;

/// All threads give up the value at once, some through an upgrade: one of them gets it.
#[test]
fn exactly_one_into_inner_wins() {
    let destroyed = AtomicUsize::new(0);
    for _ in 0..ROUNDS / 10 {
        let value = WeakRef::new(Value::new(&destroyed));
        let winners = AtomicUsize::new(0);
        thread::scope(|scope| {
            for i in 0..THREADS {
                let weak = WeakRef::downgrade(&value);
                let strong = (i % 2 == 0).then(|| value.clone());
                let winners = &winners;
                scope.spawn(move || {
                    let value = strong.or_else(|| weak.upgrade());
                    if let Some(mut value) = value.and_then(WeakRef::into_inner) {
                        value.write();
                        winners.fetch_add(1, Relaxed);
                        assert!(weak.upgrade().is_none());
                    }
                });
            }
            let last = WeakRef::into_inner(value);
            winners.fetch_add(usize::from(last.is_some()), Relaxed);
        });
        assert_eq!(winners.load(Relaxed), 1);
    }
    assert_eq!(destroyed.load(Relaxed), ROUNDS / 10);
}

#[test]
fn every_value_is_destroyed_once_and_after_its_last_use() {
    let destroyed = AtomicUsize::new(0);
    let made = AtomicUsize::new(0);
    let new = || {
        made.fetch_add(1, Relaxed);
        WeakRef::new(Value::new(&destroyed))
    };
    // Where threads meet: each puts weak and strong references, and takes what another has put.
    let slots: [Slot<'_>; 2] = std::array::from_fn(|_| Slot::default());
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (new, slots) = (&new, &slots);
            scope.spawn(move || {
                let mut random = seed as u64 + 1;
                let mut mine = new();
                let mut weak = WeakRef::downgrade(&mine);
                for _ in 0..ROUNDS {
                    // The usual xorshift.
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    mine.check();
                    let slot = &slots[(random >> 8) as usize % 2];
                    match random % 8 {
                        0 => mine = new(),
                        1 => drop(slot.lock().unwrap().0.replace(mine.clone())),
                        2 => slot.lock().unwrap().1 = WeakRef::downgrade(&mine),
                        3 => {
                            let taken = slot.lock().unwrap().0.take();
                            mine = taken.unwrap_or(mine);
                        }
                        4 => weak = slot.lock().unwrap().1.clone(),
                        5 => {
                            if let Some(value) = weak.upgrade() {
                                value.check();
                                mine = value;
                            }
                        }
                        6 => {
                            if let Some(value) = WeakRef::get_mut(&mut mine) {
                                value.write();
                            }
                        }
                        _ => {
                            mine = match WeakRef::try_unwrap(mine) {
                                Ok(mut value) => {
                                    value.write();
                                    drop(value);
                                    new()
                                }
                                Err(shared) => shared,
                            };
                        }
                    }
                }
            });
        }
    });
    drop(slots);
    assert_eq!(destroyed.load(Relaxed), made.load(Relaxed));
}
