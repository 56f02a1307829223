//! The life of a registry's objects, as the tags of their nodes show it: the end of the table, and exclusive keys.
//!
//! Here a record is of the whole table. Which step an operation is depends on more than what it did to one word: on the state
//! of the node before, and on the lock under which it was done.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::mem::forget;
use std::sync::Arc;

use kref::registry::Entry;
use kref::{Handle, Registry};

use crate::recorder::{Event, Record, Recording, What, says};
use crate::replay::{OUTSIDE, View};
use crate::scenarios::{CALLS, THREADS, pick, run_threads};
use crate::{accepts, alters};

/// The end of objects and of their table.
const END: View = View {
    word: |record, number| end_word(record, number).or_else(|| tag_word(record, number)),
    is_index: |_| false,
    silent: &["grow", "free"],
    is_one: true,
    ..OUTSIDE
};

/// One key that is exclusive.
const KEY: View = View {
    word: key_word,
    is_index: |_| false,
    is_one: true,
    ..OUTSIDE
};

const BIAS: i64 = isize::MIN as i64;

const ABSENT: i64 = 0;
const BUILDING: i64 = 1;
const LISTED: i64 = 2;
const UNLISTED: i64 = 3;
const DYING: i64 = 4;

/// What a store to the tag of a node did: the states before and after.
fn tag_store(record: &Record, number: usize) -> Option<(i64, i64)> {
    let (made, did) = record.operation(number)?;
    (made.is_in("table/node.rs") && did.name == "store").then_some((did.old & 7, did.new & 7))
}

/// The shard's lock that the event's thread has.
fn lock_of(record: &Record, number: usize) -> Option<usize> {
    let thread = record.events[number].thread;
    let mut before = record.events[..number].iter().rev();
    let is_own = |event: &&Event| {
        event.thread == thread && matches!(event.what, What::Locks(_) | What::Unlocks)
    };
    let last = before.find(is_own)?;
    (last.what != What::Unlocks).then_some(last.on)
}

/// The steps of `left`. What is said belongs to no word.
fn end_word(record: &Record, number: usize) -> Option<&'static str> {
    let Some((made, did)) = record.operation(number) else {
        return Some("");
    };
    // The number begins with the bias.
    let is_left = made.is_in("table/mod.rs") && made.first == BIAS;
    is_left.then(|| match did.name {
        "add" => "close: left",
        "sub" if did.old.wrapping_sub(did.new) == 1 => "left",
        _ => "bias: left",
    })
}

/// The steps of the tags.
fn tag_word(record: &Record, number: usize) -> Option<&'static str> {
    let (before, after) = tag_store(record, number)?;
    let Some(lock) = lock_of(record, number) else {
        return Some("without the lock");
    };
    Some(match (before, after) {
        (ABSENT, BUILDING) => "reserve",
        (ABSENT, LISTED) => "list",
        (BUILDING, LISTED) => "build",
        (BUILDING, ABSENT) => "fail",
        (LISTED, UNLISTED) => "unlist",
        (LISTED, DYING) => "die listed",
        (UNLISTED, DYING) => "die unlisted",
        (DYING, ABSENT) if was_closed(record, number, lock) => "bury in a closed shard",
        (DYING, ABSENT) => "bury in an open shard",
        _ => "something else",
    })
}

/// Whether the owner had closed the shard of this lock.
fn was_closed(record: &Record, number: usize, lock: usize) -> bool {
    (0..number).any(|earlier| {
        end_word(record, earlier) == Some("close: left") && lock_of(record, earlier) == Some(lock)
    })
}

/// The steps of one key. What becomes of a node that is no longer the key's does not count.
fn key_word(record: &Record, number: usize) -> Option<&'static str> {
    let event = &record.events[number];
    let mut earlier = (0..number).rev();
    // Whether the node was listed when it began to die.
    let mut was_listed = |is_it: &dyn Fn(usize) -> bool| {
        let died = |number: &usize| {
            is_it(*number) && tag_store(record, *number).is_some_and(|(_, after)| after == DYING)
        };
        let began = earlier
            .find(died)
            .and_then(|number| tag_store(record, number));
        began.is_some_and(|(before, _)| before == LISTED)
    };
    match (event.what, tag_store(record, number)) {
        (What::Says(_), _) => {
            was_listed(&|number| record.events[number].thread == event.thread).then_some("")
        }
        (_, Some((DYING, ABSENT))) => {
            was_listed(&|number| record.events[number].on == event.on).then_some("leave")
        }
        (_, Some((ABSENT | UNLISTED, ABSENT | DYING))) => None,
        _ => tag_word(record, number),
    }
}

/// A value that says when it is destroyed.
struct Value;

impl Drop for Value {
    fn drop(&mut self) {
        says(0, "destroy");
    }
}

type Map = Registry<u8, Value, BuildHasherDefault<DefaultHasher>, Recording>;
type Own = Handle<u8, Value, Recording>;

/// A registry that says when it is dropped.
struct World(Map);

impl Drop for World {
    fn drop(&mut self) {
        says(0, "call drop");
    }
}

/// Threads that insert, find, take out and drop, with three keys in two shards. Each gives the registry up at some time, and
/// its handles later.
fn ends() {
    fn thread(world: Arc<World>) {
        let map = &world.0;
        let mut mine = Vec::<Own>::new();
        let until = pick(CALLS);
        for _ in 0..until {
            let key = pick(3) as u8;
            match pick(6) {
                0 => mine.extend(map.get(&key)),
                1 => mine.push(map.get_or_insert_with(key, |_| Value)),
                2 => mine.push(map.insert(key, Value)),
                3 => drop(map.unlist(&key)),
                _ => drop(mine.pop()),
            }
        }
        drop(world);
        while let Some(handle) = mine.pop() {
            if pick(4) == 0 {
                Own::unlist(&handle);
            }
        }
    }
    let world = Arc::new(World(Map::new_in(2, BuildHasherDefault::default())));
    // So that there is one table. Of two threads that make one, one throws its own away.
    drop(world.0.get_or_insert_with(0, |_| Value));
    run_threads(THREADS, move |_| {
        let world = Arc::clone(&world);
        move || thread(world)
    });
}

/// Threads that want the same exclusive key.
fn one_key() {
    const KEY: u8 = 0;
    fn thread(map: &Map) {
        let mut mine = Vec::<Own>::new();
        for _ in 0..CALLS {
            match pick(8) {
                0 => mine.extend(map.get(&KEY)),
                1 => mine.push(map.get_or_insert_with(KEY, |_| Value)),
                2 => mine.extend(map.get_or_try_insert_with(KEY, |_| Err(())).ok()),
                3 => match map.try_insert(KEY, Value) {
                    Ok(handle) => mine.push(handle),
                    Err(taken) => forget(taken.value),
                },
                4 => match map.entry(KEY) {
                    Entry::Occupied(handle) => mine.push(handle),
                    Entry::Vacant(reservation) if pick(2) == 0 => {
                        mine.push(reservation.fulfil(Value))
                    }
                    Entry::Vacant(reservation) => drop(reservation),
                    Entry::Busy(pending) => drop(pending),
                },
                5 if pick(4) == 0 => drop(map.unlist(&KEY)),
                _ => drop(mine.pop()),
            }
        }
    }
    let map = Map::new_in(1, BuildHasherDefault::default());
    let map = Arc::new(map.exclusive());
    run_threads(THREADS, |_| {
        let map = Arc::clone(&map);
        move || thread(&map)
    });
}

#[test]
fn table_end() {
    accepts("table_end", &END, &[], ends);
}

#[test]
fn exclusive_keys() {
    accepts("exclusive_keys", &KEY, &[], one_key);
}

// Runs that deviate. The code of a whole registry has no variants here, so records of it are altered.

/// Moves the first event that is `which` in front of the last `before` of the same thread.
fn hasten(
    record: &mut Record,
    which: impl Fn(&Record, usize) -> bool,
    before: impl Fn(&Record, usize) -> bool,
) -> bool {
    let Some(from) = (0..record.events.len()).find(|number| which(record, *number)) else {
        return false;
    };
    let thread = record.events[from].thread;
    let mut earlier = (0..from).rev();
    let is_it = |number: &usize| record.events[*number].thread == thread && before(record, *number);
    let to = earlier.find(is_it).expect("it comes first");
    let event = record.events.remove(from);
    record.events.insert(to, event);
    true
}

/// Takes the first event out that is `which`.
fn leave_out(record: &mut Record, which: impl Fn(&Record, usize) -> bool) -> bool {
    let found = (0..record.events.len()).find(|number| which(record, *number));
    if let Some(number) = found {
        record.events.remove(number);
    }
    found.is_some()
}

fn is_destroyed(record: &Record, number: usize) -> bool {
    record.events[number].what == What::Says("destroy")
}

fn is_buried(record: &Record, number: usize) -> bool {
    tag_store(record, number) == Some((DYING, ABSENT))
}

/// The slot is given back before the destructor has run.
#[test]
fn buries_early() {
    alters("table_end", &END, ends, |record| {
        hasten(record, is_buried, is_destroyed)
    });
}

/// The destructor runs before the object has left the map.
#[test]
fn destroys_early() {
    alters("table_end", &END, ends, |record| {
        hasten(record, is_destroyed, |record, number| {
            tag_store(record, number).is_some_and(|(_, after)| after == DYING)
        })
    });
}

/// The slot is given back without the lock.
#[test]
fn buries_without_the_lock() {
    alters("table_end", &END, ends, |record| {
        hasten(record, is_buried, |record, number| {
            matches!(record.events[number].what, What::Locks(_))
        })
    });
}

/// A closed shard is not told that an object has died.
#[test]
fn says_nothing_in_a_closed_shard() {
    alters("table_end", &END, ends, |record| {
        leave_out(record, |record, number| {
            end_word(record, number) == Some("left")
        })
    });
}

/// The owner does not close a shard.
#[test]
fn leaves_a_shard_open() {
    alters("table_end", &END, ends, |record| {
        leave_out(record, |record, number| {
            end_word(record, number) == Some("close: left")
        })
    });
}

/// The owner takes the bias away before it has closed the last shard.
#[test]
fn takes_the_bias_early() {
    alters("table_end", &END, ends, |record| {
        let is_closed = |record: &Record, number| end_word(record, number) == Some("close: left");
        let is_bias = |record: &Record, number| {
            end_word(record, number) == Some("bias: left")
                && record
                    .operation(number)
                    .is_some_and(|(_, did)| did.name == "sub")
        };
        hasten(record, is_bias, is_closed)
    });
}

/// The key is vacant before the destructor has run.
#[test]
fn vacant_early() {
    alters("exclusive_keys", &KEY, one_key, |record| {
        let leaves = |record: &Record, number| key_word(record, number) == Some("leave");
        hasten(record, leaves, is_destroyed)
    });
}

/// The key stays busy after the destructor has run.
#[test]
fn busy_for_ever() {
    alters("exclusive_keys", &KEY, one_key, |record| {
        leave_out(record, |record, number| {
            key_word(record, number) == Some("leave")
        })
    });
}
