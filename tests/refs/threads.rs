//! Real threads, canaries, and every operation at once.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use kref::{Ref, UniqueRef};

use crate::tools::Value;

const ROUNDS: usize = if cfg!(miri) { 10 } else { 20_000 };
const THREADS: usize = 4;

#[test]
fn exactly_one_into_inner_wins() {
    let destroyed = AtomicUsize::new(0);
    for _ in 0..ROUNDS / 10 {
        let value = Ref::new(Value::new(&destroyed));
        let winners = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                let value = value.clone();
                scope.spawn(|| {
                    if let Some(mut value) = Ref::into_inner(value) {
                        value.write();
                        winners.fetch_add(1, Relaxed);
                    }
                });
            }
            drop(value);
        });
        assert!(winners.load(Relaxed) <= 1);
    }
    assert_eq!(destroyed.load(Relaxed), ROUNDS / 10);
}

#[test]
fn every_value_is_destroyed_once_and_after_its_last_use() {
    let destroyed = AtomicUsize::new(0);
    let made = AtomicUsize::new(0);
    let new = || {
        made.fetch_add(1, Relaxed);
        Ref::new(Value::new(&destroyed))
    };
    thread::scope(|scope| {
        let first = new();
        for seed in 0..THREADS {
            let (mut mine, new) = (first.clone(), &new);
            let _ = scope.spawn(move || {
                let mut random = seed as u64 + 1;
                let mut kept = Vec::new();
                for _ in 0..ROUNDS {
                    // The usual xorshift.
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    mine.check();
                    match random % 8 {
                        0 | 1 => kept.push(mine.clone()),
                        2 | 3 => drop(kept.pop()),
                        4 => {
                            if let Some(value) = Ref::get_mut(&mut mine) {
                                value.write();
                            }
                        }
                        5 => {
                            mine = match Ref::try_unique(mine) {
                                Ok(mut value) => {
                                    value.write();
                                    UniqueRef::share(value)
                                }
                                Err(shared) => shared,
                            };
                        }
                        6 => {
                            if let Some(mut value) = kept.pop().and_then(Ref::into_inner) {
                                value.write();
                            }
                        }
                        _ if random % 64 == 7 => {
                            kept.clear();
                            mine = new();
                        }
                        _ => {}
                    }
                }
            });
        }
    });
    assert_eq!(destroyed.load(Relaxed), made.load(Relaxed));
}
