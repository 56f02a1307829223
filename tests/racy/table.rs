//! The table of a registry: its end during last drops, growth during lookups, a slot that is used again.

use std::sync::Mutex;

use kref::registry::DefaultHashBuilder;
use kref::{Handle, Interner, Registry};

use crate::race;

type Map = Registry<u32, String>;

/// One shard, so that the threads meet.
fn map() -> Map {
    Map::with_shards_and_hasher(1, DefaultHashBuilder)
}

fn insert(map: &Map, key: u32) -> Handle<u32, String> {
    map.get_or_insert_with(key, u32::to_string)
}

/// The registry is gone, and the last two handles, of one shard, are dropped at once: one frees the table, while
/// the other is not done with its unlock.
#[test]
fn two_last_drops_end_the_table() {
    race(
        || {
            let map = map();
            Mutex::new(vec![insert(&map, 1), insert(&map, 2)])
        },
        |handles, _| {
            let handle = handles.lock().unwrap().pop();
            drop(handle);
        },
        |_, _| {},
    );
}

/// The registry ends while the last handle is dropped.
#[test]
fn the_registry_and_the_last_handle_end() {
    race(
        || {
            let map = map();
            let handle = insert(&map, 1);
            Mutex::new((Some(map), Some(handle)))
        },
        |both, who| match who {
            0 => {
                let map = both.lock().unwrap().0.take();
                drop(map);
            }
            _ => {
                let handle = both.lock().unwrap().1.take();
                drop(handle);
            }
        },
        |_, _| {},
    );
}

/// Lookups walk the chains while they grow.
#[test]
fn growth_and_lookups() {
    race(
        || {
            let map = map();
            let first = insert(&map, 0);
            (map, first)
        },
        |(map, _), who| {
            let mut held = Vec::new();
            for key in 1..12 {
                match who {
                    0 => held.push(insert(map, key)),
                    _ => held.extend(map.get(&0)),
                }
            }
            held.len()
        },
        |(map, _), found| {
            assert_eq!(found, [11, 11]);
            assert_eq!(map.len(), 1);
        },
    );
}

/// An object dies while it is looked up, and its slot is used for another.
#[test]
fn a_slot_is_used_again_beside_a_lookup() {
    race(
        map,
        |map, who| {
            for key in [1, 2, 1] {
                match who {
                    0 => assert_eq!(**insert(map, key), *key.to_string()),
                    _ => assert!(map.get(&key).is_none_or(|found| *found == *key.to_string())),
                }
            }
        },
        |map, _| assert!(map.is_empty()),
    );
}

/// Two threads make the same object, and drop it: it is made once or twice, never two at a time.
#[test]
fn the_same_key() {
    race(
        map,
        |map, _| {
            let handle = insert(map, 1);
            assert_eq!(*handle, "1");
            let again = map.get(&1).expect("it is held");
            assert!(Handle::ptr_eq(&handle, &again));
        },
        |map, _| assert!(map.is_empty()),
    );
}

/// An object is taken out of the map by one thread, and dropped by the other.
#[test]
fn unlist_and_drop() {
    race(
        || {
            let map = map();
            let handle = Mutex::new(Some(insert(&map, 1)));
            (map, handle)
        },
        |(map, handle), who| match who {
            0 => drop(map.unlist(&1)),
            _ => {
                let handle = handle.lock().unwrap().take();
                drop(handle);
            }
        },
        |(map, _), _| assert!(map.is_empty()),
    );
}

/// Memory goes back while a handle is dropped.
#[test]
fn shrink_and_drop() {
    race(
        || {
            let map = map();
            let handles: Vec<_> = (0..9).map(|key| insert(&map, key)).collect();
            Mutex::new((Some(map), handles))
        },
        |both, who| {
            if who == 0 {
                let map = both.lock().unwrap().0.take();
                map.unwrap().shrink_to_fit();
            } else {
                let handles = std::mem::take(&mut both.lock().unwrap().1);
                drop(handles);
            }
        },
        |_, _| {},
    );
}

/// The same text from two threads.
#[test]
fn the_same_text() {
    race(
        Interner::<str>::new,
        |texts, _| {
            let text = texts.intern_ref("text");
            assert_eq!(&*text, "text");
        },
        |texts, _| assert!(texts.is_empty()),
    );
}
