//! What a [`WeakRef`] costs compared with `std`'s `Arc` and `Weak`; what a count on a line of its own
//! saves; and a prototype of the kernel's lockref compared with `Kref::put_lock`.

mod common;

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex, Weak as ArcWeak};

use common::{PLACES, Row, Turn};
use kref::weak::{Weak, WeakRef};
use kref::{HandBack, Kref, Padded, Ref};

const STD_LIVE: &str = "std: upgrade + drop";
const STD_DEAD: &str = "std: upgrade, dead";
const STD_NEW: &str = "Arc: new + clone + drop + drop";
const STD_BOTH: &str = "Arc: new + downgrade + drops";
const STD_BOTH_WEAK_FIRST: &str = "Arc: the same, Weak first";
const RAW: &str = "raw add + sub";
const READ_SHARED: &str = "Ref: read beside clone + drop";
const PUT_LOCK: &str = "Kref: get + put_lock";
const LOCKED_PUT_LOCK: &str = "Kref: the same, lock used";

fn main() {
    common::run("weak", [1, 2].into_iter().flat_map(rows).collect());
    common::run(
        "padded",
        vec![
            Row::new(
                READ_SHARED,
                2,
                read_beside_clones(Ref::new, |value| value[0]),
            ),
            Row::new(
                "Padded: the same",
                2,
                read_beside_clones(|value| Ref::new(Padded::new(value)), |value| value[0]),
            )
            .against(READ_SHARED),
        ],
    );
    common::run(
        "lockref",
        [1, 2].into_iter().flat_map(lockref_rows).collect(),
    );
}

type Value = [u64; 16];

/// Several values, one after another, as the place in memory makes a difference.
fn places<T>(make: impl Fn() -> T) -> Vec<T> {
    (0..PLACES).map(|_| make()).collect()
}

/// Repeats an operation on what is shared by all threads.
fn on_shared<T: Sync + 'static>(
    make: impl Fn() -> T,
    f: impl Fn(&T) + Sync + 'static,
) -> impl Fn(Turn) + Sync {
    let shared = places(make);
    move |turn| {
        let shared = black_box(&shared[turn.place]);
        for _ in 0..turn.iterations {
            f(shared);
        }
    }
}

fn repeated(f: impl Fn(u64) + Sync + 'static) -> impl Fn(Turn) + Sync {
    move |turn| (0..turn.iterations).for_each(&f)
}

/// A strong and a weak reference.
fn live() -> (WeakRef<Value>, Weak<Value>) {
    let value = WeakRef::new([0; 16]);
    let weak = WeakRef::downgrade(&value);
    (value, weak)
}

fn std_live() -> (Arc<Value>, ArcWeak<Value>) {
    let value = Arc::new([0; 16]);
    let weak = Arc::downgrade(&value);
    (value, weak)
}

fn rows(threads: usize) -> Vec<Row> {
    let raw = || AtomicU32::new(1);
    let rows = vec![
        Row::new(
            STD_LIVE,
            threads,
            on_shared(std_live, |(_, weak)| {
                drop(weak.upgrade());
            }),
        ),
        Row::new(
            RAW,
            threads,
            on_shared(raw, |word| {
                word.fetch_add(1, Acquire);
                if word.fetch_sub(1, Release) == 1 {
                    cold();
                }
            }),
        ),
        Row::new(
            "WeakRef: upgrade + drop",
            threads,
            on_shared(live, |(_, weak)| {
                drop(weak.upgrade());
            }),
        )
        .against(STD_LIVE)
        .floor(RAW),
        Row::new(
            STD_DEAD,
            threads,
            on_shared(
                || std_live().1,
                |weak| {
                    black_box(weak.upgrade());
                },
            ),
        ),
        Row::new(
            "Weak: upgrade, dead",
            threads,
            on_shared(
                || live().1,
                |weak| {
                    black_box(weak.upgrade());
                },
            ),
        )
        .against(STD_DEAD),
        Row::new(
            "Weak: upgrade_if_live, dead",
            threads,
            on_shared(
                || live().1,
                |weak| {
                    black_box(weak.upgrade_if_live());
                },
            ),
        )
        .against(STD_DEAD),
        Row::new(
            "Weak: upgrade_if_live + drop",
            threads,
            on_shared(live, |(_, weak)| {
                drop(weak.upgrade_if_live());
            }),
        )
        .against(STD_LIVE),
    ];
    if threads > 1 {
        return rows;
    }
    let alone = vec![
        Row::new(
            STD_NEW,
            1,
            repeated(|i| {
                let value = black_box(Arc::new(i));
                drop(black_box(value.clone()));
            }),
        ),
        Row::new(
            "WeakRef: new + clone + drop + drop",
            1,
            repeated(|i| {
                let value = black_box(WeakRef::new(i));
                drop(black_box(value.clone()));
            }),
        )
        .against(STD_NEW),
        Row::new(
            STD_BOTH,
            1,
            repeated(|i| {
                let value = black_box(Arc::new(i));
                let weak = black_box(Arc::downgrade(&value));
                drop(value);
                drop(weak);
            }),
        ),
        Row::new(
            "WeakRef: new + downgrade + drops",
            1,
            repeated(|i| {
                let value = black_box(WeakRef::new(i));
                let weak = black_box(WeakRef::downgrade(&value));
                drop(value);
                drop(weak);
            }),
        )
        .against(STD_BOTH),
        Row::new(
            STD_BOTH_WEAK_FIRST,
            1,
            repeated(|i| {
                let value = black_box(Arc::new(i));
                drop(black_box(Arc::downgrade(&value)));
            }),
        ),
        Row::new(
            "WeakRef: the same, Weak first",
            1,
            repeated(|i| {
                let value = black_box(WeakRef::new(i));
                drop(black_box(WeakRef::downgrade(&value)));
            }),
        )
        .against(STD_BOTH_WEAK_FIRST),
    ];
    rows.into_iter().chain(alone).collect()
}

#[cold]
fn cold() {
    black_box(());
}

/// Thread 0 reads a hot value; thread 1 clones and drops until thread 0 is done. So the time is that of the
/// reads.
fn read_beside_clones<T: Clone + Sync + 'static>(
    make: impl Fn(Value) -> T,
    first: fn(&T) -> u64,
) -> impl Fn(Turn) + Sync {
    let shared = places(|| (make([1; 16]), AtomicBool::new(false)));
    move |turn| {
        let (value, done) = black_box(&shared[turn.place]);
        if turn.thread == 0 {
            for _ in 0..turn.iterations {
                black_box(first(black_box(value)));
            }
            done.store(true, Release);
        } else {
            loop {
                for _ in 0..16 {
                    drop(value.clone());
                }
                if done.swap(false, Acquire) {
                    break;
                }
            }
        }
    }
}

/// The kernel's lockref, as far as the comparison needs it: a lock (the highest bit) and a count in one
/// word. What its `cmpxchg` loop does while the lock is free, and the spin while it is not.
#[derive(Default)]
struct Lockref(AtomicU64);

const LOCKED: u64 = 1 << 63;

impl Lockref {
    fn update(&self, f: impl Fn(u64) -> Option<u64>) -> bool {
        let mut word = self.0.load(Relaxed);
        loop {
            if word & LOCKED != 0 {
                std::hint::spin_loop();
                word = self.0.load(Relaxed);
                continue;
            }
            let Some(new) = f(word) else { return false };
            match self.0.compare_exchange_weak(word, new, AcqRel, Relaxed) {
                Ok(_) => return true,
                Err(found) => word = found,
            }
        }
    }

    /// `lockref_get`
    fn get(&self) {
        self.update(|word| Some(word + 1));
    }

    /// `lockref_put_or_lock`: whether it has put; if not, the lock is held.
    fn put_or_lock(&self) -> bool {
        self.update(|word| (word > 1).then(|| word - 1)) || {
            self.lock();
            false
        }
    }

    fn lock(&self) {
        self.update(|word| Some(word | LOCKED));
    }

    fn unlock(&self) {
        self.0.fetch_and(!LOCKED, Release);
    }
}

fn lockref_rows(threads: usize) -> Vec<Row> {
    type Locked<C> = (C, Mutex<u64>);
    fn kref() -> Locked<Kref> {
        (Kref::new(), Mutex::new(0))
    }
    fn hand_back() -> Locked<HandBack> {
        (HandBack::new(), Mutex::new(0))
    }
    fn lockref() -> Lockref {
        Lockref(AtomicU64::new(1))
    }
    /// How often what the lock protects is used: once for so many pairs.
    const PAIRS: u64 = 8;

    vec![
        Row::new(
            PUT_LOCK,
            threads,
            on_shared(kref, |(count, lock)| {
                count.get();
                drop(count.put_lock(lock));
            }),
        ),
        Row::new(
            "HandBack: get + put_lock",
            threads,
            on_shared(hand_back, |(count, lock)| {
                count.get();
                drop(count.put_lock(lock));
            }),
        )
        .against(PUT_LOCK),
        Row::new(
            "lockref: get + put_or_lock",
            threads,
            on_shared(lockref, |lockref| {
                lockref.get();
                if !lockref.put_or_lock() {
                    lockref.unlock();
                }
            }),
        )
        .against(PUT_LOCK),
        Row::new(
            LOCKED_PUT_LOCK,
            threads,
            on_shared(kref, |(count, lock)| {
                for _ in 0..PAIRS {
                    count.get();
                    drop(count.put_lock(lock));
                }
                black_box(*lock.lock().unwrap());
            }),
        )
        .operations(PAIRS),
        Row::new(
            "lockref: the same, lock used",
            threads,
            on_shared(lockref, |lockref| {
                for _ in 0..PAIRS {
                    lockref.get();
                    if !lockref.put_or_lock() {
                        lockref.unlock();
                    }
                }
                lockref.lock();
                black_box(());
                lockref.unlock();
            }),
        )
        .operations(PAIRS)
        .against(LOCKED_PUT_LOCK),
    ]
}
