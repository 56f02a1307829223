//! Places in a registry that are filled, given up, and waited for by many; objects that are replaced; key locks.

use std::cell::Cell;
use std::future::Future;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use kref::registry::Entry;
use kref::{Handle, KeyLock};
use shuttle::sync::{Condvar, Mutex};

use crate::backend::{Shuttle, must, turn};
use crate::registry::{Hash, Held, KEYS, Map, Value, World};
use crate::{explore, pick, shards, threads};

/// Wakes a thread of the scenario.
struct Alarm(Mutex<bool>, Condvar);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        *self.0.lock().unwrap() = true;
        self.1.notify_one();
    }
}

/// Runs a future on a thread of the scenario; gives up after so many polls.
fn block_on<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    let alarm = Arc::new(Alarm(Mutex::new(false), Condvar::new()));
    let waker = Waker::from(alarm.clone());
    for poll in 0..polls {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        turn();
        if poll + 1 < polls {
            let mut rings = alarm.0.lock().unwrap();
            while !mem::take(&mut *rings) {
                rings = alarm.1.wait(rings).unwrap();
            }
        }
    }
    None
}

const UNTIL_IT_IS_READY: u32 = u32::MAX;

/// Enters for a key, and does this or that with what it finds.
fn enter(w: &World, mine: &mut Vec<Held>) {
    let key = pick(KEYS);
    match w.map.entry(key) {
        Entry::Occupied(handle) => mine.push(w.has(handle)),
        Entry::Vacant(place) => match pick(3) {
            0 => {
                turn();
                drop(place);
            }
            _ => {
                let handle = place.fulfil(Value::new(key));
                mine.push(w.has(handle));
            }
        },
        Entry::Busy(pending) => match pick(4) {
            0 => drop(pending),
            1 => mine.extend(pending.wait().map(|handle| w.has(handle))),
            2 => {
                let polls = [1, UNTIL_IT_IS_READY][pick(2) as usize];
                let built = block_on(pending, polls).flatten();
                mine.extend(built.map(|handle| w.has(handle)));
            }
            _ => match pending.retry() {
                Entry::Occupied(handle) => mine.push(w.has(handle)),
                Entry::Vacant(place) => {
                    let handle = place.fulfil(Value::new(key));
                    mine.push(w.has(handle));
                }
                Entry::Busy(_) => {}
            },
        },
    }
}

/// Makes an object in a task, which may be cancelled or fail.
fn make(w: &World, mine: &mut Vec<Held>) {
    let key = pick(KEYS);
    let make = |key: &u32| {
        let key = *key;
        async move {
            turn();
            (pick(3) > 0).then(|| Value::new(key)).ok_or(())
        }
    };
    let polls = [1, UNTIL_IT_IS_READY][pick(2) as usize];
    let made = block_on(w.map.get_or_try_insert_async(key, make), polls);
    mine.extend(made.and_then(Result::ok).map(|handle| w.has(handle)));
}

fn user(w: &World) {
    let mut mine = Vec::new();
    for _ in 0..4 {
        match pick(5) {
            0 | 1 => enter(w, &mut mine),
            2 => make(w, &mut mine),
            3 => {
                let key = pick(KEYS);
                let handle = w.map.get_or_insert_with(key, |key| Value::new(*key));
                mine.push(w.has(handle));
            }
            _ => {
                if let Some(handle) = mine.pop() {
                    handle.touch(*Handle::key(&handle));
                    w.put(handle);
                }
            }
        }
    }
    mine.into_iter().for_each(|handle| w.put(handle));
}

#[test]
fn everything() {
    explore(|| {
        let w = World::new();
        threads(&w, [user as fn(&_); 6]);
        must(w.map.is_empty(), "nothing is listed in the end");
        must(w.map.iter().next().is_none(), "and nothing is found");
    });
}

/// Many wait for one place, which is given up again and again, or whose task is cancelled.
#[test]
fn one_place() {
    fn insist(w: &World) {
        let make = |key: &u32| std::future::ready(Value::new(*key));
        match pick(4) {
            0 => match w.map.entry(1) {
                Entry::Vacant(place) => {
                    turn();
                    drop(place);
                }
                Entry::Occupied(handle) => w.put(w.has(handle)),
                Entry::Busy(pending) => drop(pending),
            },
            1 => {
                let never = w.map.get_or_insert_async(1, |_| std::future::pending());
                if let Some(handle) = block_on(never, 1) {
                    w.put(w.has(handle));
                }
            }
            2 => {
                let handle = w.map.get_or_insert_with(1, |key| Value::new(*key));
                w.put(w.has(handle));
            }
            _ => {
                let made = block_on(w.map.get_or_insert_async(1, make), UNTIL_IT_IS_READY);
                w.put(w.has(made.expect("until it is ready")));
            }
        }
    }
    explore(|| {
        let w = World::new();
        threads(&w, [insist as fn(&_); 7]);
        must(w.map.is_empty(), "nothing is listed in the end");
    });
}

/// Objects that are replaced, taken out, and looked at one after another.
struct Replaced(Map);

// SAFETY: the coroutines of a scenario are on one thread.
unsafe impl Sync for Replaced {}
// SAFETY: as above.
unsafe impl Send for Replaced {}

#[test]
fn replaced() {
    fn user(w: &Replaced) {
        let mut mine = Vec::new();
        for _ in 0..4 {
            let key = pick(KEYS);
            match pick(6) {
                0 | 1 => {
                    let (new, old) = w.0.replace(key, Value::new(key));
                    if let Some(old) = old {
                        must(!Handle::is_listed(&old), "it was taken out");
                        old.touch(key);
                    }
                    mine.push(new);
                }
                2 => {
                    if let Some(handle) = w.0.get(&key) {
                        handle.touch(key);
                    }
                }
                3 => drop(mine.pop()),
                4 => {
                    let mut listed = mine.iter().filter(|mine| Handle::is_listed(mine)).count();
                    let mut seen = 0;
                    for object in &w.0 {
                        object.touch(*Handle::key(&object));
                        seen += usize::from(mine.iter().any(|mine| Handle::ptr_eq(mine, &object)));
                    }
                    listed = listed.min(mine.iter().filter(|mine| Handle::is_listed(mine)).count());
                    must(seen >= listed, "what stayed was seen");
                }
                _ => _ = w.0.unlist_if(|other, _| *other == key && pick(2) == 0),
            }
        }
    }
    explore(|| {
        let w = Arc::new(Replaced(Map::new_in(shards(), Hash::default())));
        threads(&w, [user as fn(&_); 5]);
        must(w.0.is_empty(), "nothing is listed in the end");
    });
}

/// Keys, and which tasks are inside.
struct Locks {
    locks: KeyLock<u32, Hash, Shuttle>,
    inside: [Cell<bool>; 2],
}

// SAFETY: the coroutines of a scenario are on one thread.
unsafe impl Sync for Locks {}
// SAFETY: as above.
unsafe impl Send for Locks {}

#[test]
fn key_locks() {
    fn user(l: &Locks) {
        for _ in 0..3 {
            let key = pick(2);
            let guard = match pick(4) {
                0 => l.locks.try_lock(key),
                1 => block_on(l.locks.lock_async(key), 1),
                2 => block_on(l.locks.lock_async(key), UNTIL_IT_IS_READY),
                _ => Some(l.locks.lock(key)),
            };
            if let Some(guard) = guard {
                let inside = &l.inside[key as usize];
                must(!inside.replace(true), "one at a time");
                turn();
                inside.set(false);
                drop(guard);
            }
        }
    }
    explore(|| {
        let l = Arc::new(Locks {
            locks: KeyLock::new_in(shards(), Hash::default()),
            inside: Default::default(),
        });
        threads(&l, [user as fn(&_); 5]);
        must(l.locks.is_empty(), "no key is locked in the end");
    });
}
