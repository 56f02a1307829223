//! The registry: what is found is alive and the only one of its key; what dies is dropped once;
//! constructors fail, objects are taken out, the table grows and shrinks, and goes before its handles.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use kref::{Handle, Registry};

use crate::backend::{Life, Shuttle, must, turn};
use crate::{explore, pick, shards, threads};

/// A hash that is the same in each run; keys collide.
#[derive(Clone, Copy, Default)]
pub struct Hash(u64);

impl BuildHasher for Hash {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Hash {
    fn write(&mut self, bytes: &[u8]) {
        self.0 += u64::from(bytes[0] / 2);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// A value that knows its key, whether it is alive, and whether it was taken out.
pub struct Value {
    key: u32,
    life: Life,
    was_unlisted: Cell<bool>,
}

// SAFETY: the coroutines of a scenario are on one thread.
unsafe impl Sync for Value {}

impl Value {
    pub fn new(key: u32) -> Self {
        turn(); // a constructor takes its time
        Self {
            key,
            life: Life::begin(),
            was_unlisted: Cell::new(false),
        }
    }

    pub fn touch(&self, key: u32) {
        self.life.check();
        must(self.key == key, "the object of this key");
        turn();
        self.life.check();
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        turn(); // and so does a destructor
    }
}

pub type Map = Registry<u32, Value, Hash, Shuttle>;
pub type Held = Handle<u32, Value, Shuttle>;

pub const KEYS: u32 = 3;

/// A registry, and for each key the object to which there are handles, and how many of them.
pub struct World {
    pub map: Map,
    held: [Cell<(usize, u32)>; KEYS as usize],
}

// SAFETY: the coroutines of a scenario are on one thread.
unsafe impl Sync for World {}
// SAFETY: as above.
unsafe impl Send for World {}

impl World {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            map: Map::new_in(shards(), Hash::default()),
            held: Default::default(),
        })
    }

    /// Notes a handle: as nothing is taken out, all that there are to a key are to one object.
    pub fn has(&self, handle: Held) -> Held {
        let key = *Handle::key(&handle);
        handle.touch(key);
        let held = &self.held[key as usize];
        let address = std::ptr::from_ref(&*handle).addr();
        let (other, others) = held.get();
        must(others == 0 || other == address, "one object for a key");
        held.set((address, others + 1));
        handle
    }

    pub fn put(&self, handle: Held) {
        let held = &self.held[*Handle::key(&handle) as usize];
        let (address, handles) = held.get();
        held.set((address, handles - 1));
        drop(handle);
    }
}

/// Does this and that with one key, and keeps what it gets.
fn step(w: &World, mine: &mut Vec<Held>) {
    let key = pick(KEYS);
    let make = |key: &u32| Value::new(*key);
    match pick(9) {
        0 | 1 => mine.extend(w.map.get(&key).map(|handle| w.has(handle))),
        2 => mine.push(w.has(w.map.get_or_insert_with(key, make))),
        3 => {
            let result = w.map.get_or_try_insert_with(key, |_| {
                turn();
                Err(())
            });
            mine.extend(result.ok().map(|handle| w.has(handle)));
        }
        4 => match w.map.try_insert(key, Value::new(key)) {
            Ok(handle) => mine.push(w.has(handle)),
            Err(occupied) => {
                must(
                    occupied.key == key && occupied.value.key == key,
                    "it comes back",
                );
                mine.push(w.has(occupied.existing));
            }
        },
        5 => mine.extend(mine.last().cloned().map(|handle| w.has(handle))),
        6 => {
            let all = w.map.handles();
            for mine in &*mine {
                let is_mine = |other: &&Held| Handle::ptr_eq(mine, other);
                must(
                    all.iter().filter(is_mine).count() == 1,
                    "what is held is listed",
                );
            }
            all.into_iter().for_each(|handle| w.put(w.has(handle)));
        }
        _ => {
            if let Some(handle) = mine.pop() {
                handle.touch(*Handle::key(&handle));
                w.put(handle);
            }
        }
    }
}

fn user(w: &World) {
    let mut mine = Vec::new();
    for _ in 0..4 {
        step(w, &mut mine);
    }
    mine.into_iter().for_each(|handle| w.put(handle));
}

#[test]
fn everything() {
    explore(|| {
        let w = World::new();
        threads(&w, [user as fn(&_); 6]);
        must(w.map.is_empty(), "nothing is listed in the end");
        must(w.map.handles().is_empty(), "and nothing is found");
    });
}

/// Eight threads want one key, whose constructors mostly fail.
#[test]
fn failing_constructors() {
    fn insist(w: &World) {
        let result = w.map.get_or_try_insert_with(1, |key| match pick(4) {
            0 => Ok(Value::new(*key)),
            _ => {
                turn();
                Err(())
            }
        });
        match result.ok().or_else(|| w.map.get(&1)) {
            Some(handle) => w.put(w.has(handle)),
            None => turn(),
        }
    }
    explore(|| {
        let w = World::new();
        threads(&w, [insist as fn(&_); 8]);
        must(w.map.is_empty(), "nothing is listed in the end");
    });
}

/// An object dies and is made again all the time, under lookups of it, in the same memory.
#[test]
fn recycling() {
    fn make(w: &World) {
        for _ in 0..3 {
            let make = |key: &u32| Value::new(*key);
            w.put(w.has(w.map.get_or_insert_with(1, make)));
        }
    }
    fn look(w: &World) {
        for _ in 0..4 {
            if let Some(handle) = w.map.get(&1) {
                w.put(w.has(handle));
            }
        }
    }
    explore(|| {
        let w = World::new();
        threads(&w, [look as fn(&_), make, look, make, look]);
        must(w.map.is_empty(), "nothing is listed in the end");
    });
}

/// Objects are taken out, by name and by handle, while others are listed under their keys.
#[test]
fn unlisting() {
    fn take_out(w: &World) {
        let key = pick(2);
        for _ in 0..2 {
            let handle = match pick(3) {
                0 => w.map.unlist(&key),
                1 => {
                    let make = |key: &u32| Value::new(*key);
                    let handle = w.map.get_or_insert_with(key, make);
                    Handle::unlist(&handle).then_some(handle)
                }
                _ => {
                    let handle = w.map.get(&key);
                    if let Some(handle) = &handle {
                        handle.touch(key);
                    }
                    continue;
                }
            };
            if let Some(handle) = handle {
                must(!handle.was_unlisted.replace(true), "taken out once");
                must(!Handle::is_listed(&handle), "it is out");
                if let Some(other) = w.map.get(&key) {
                    must(!Handle::ptr_eq(&handle, &other), "and not found");
                }
                handle.touch(key);
            }
        }
    }
    explore(|| {
        let w = World::new();
        threads(&w, [take_out as fn(&_); 6]);
        must(w.map.is_empty(), "nothing is listed in the end");
    });
}

/// The table grows while others look for what is there all the time.
#[test]
fn growing() {
    fn insert<const FROM: u32>(w: &World) {
        let keys = FROM..FROM + 6;
        let mine = Vec::from_iter(keys.map(|key| (key, w.map.try_insert(key, Value::new(key)))));
        for (key, handle) in mine {
            handle.expect("nobody else inserts it").touch(key);
        }
    }
    fn look(w: &World) {
        for key in [0, 1, 0] {
            w.map.get(&key).expect("it has a handle").touch(key);
            must(w.map.get(&100).is_none(), "nobody inserts it");
        }
    }
    explore(|| {
        let w = World::new();
        let kept = [0, 1].map(|key| w.map.try_insert(key, Value::new(key)).ok().unwrap());
        threads(&w, [insert::<10>, look, insert::<20>, look, insert::<30>]);
        drop(kept);
        must(w.map.is_empty(), "nothing is listed in the end");
    });
}

/// Hands handles to threads that use and drop them, and runs `f` concurrently.
fn beside_drops(handles: Vec<Held>, f: impl FnOnce()) {
    let threads = Vec::from_iter(handles.into_iter().map(|handle| {
        shuttle::thread::spawn(move || {
            let key = *Handle::key(&handle);
            let other = handle.clone();
            handle.touch(key);
            if pick(4) == 0 {
                Handle::unlist(&handle);
            }
            drop(handle);
            other.touch(key);
        })
    }));
    f();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// The registry gives memory back while seven other threads drop its handles.
#[test]
fn shrinking() {
    explore(|| {
        let map = Map::new_in(shards(), Hash::default());
        let insert = |key| map.try_insert(key, Value::new(key)).ok().unwrap();
        let mut handles = Vec::from_iter((0..14).map(insert));
        handles.truncate(7);
        beside_drops(handles, || {
            map.shrink_to_fit();
            let new = map.get_or_insert_with(20, |key| Value::new(*key));
            map.shrink_to_fit();
            new.touch(20);
        });
        must(map.is_empty(), "nothing is listed in the end");
        map.shrink_to_fit();
    });
}

/// The registry goes while seven other threads drop its handles: the last of all frees the table.
#[test]
fn registry_before_handles() {
    explore(|| {
        let map = Map::new_in(shards(), Hash::default());
        let insert = |key| map.try_insert(key, Value::new(key)).ok().unwrap();
        let mut handles = Vec::from_iter((0..4).map(insert));
        handles.extend_from_within(0..3);
        beside_drops(handles, || drop(map));
    });
}

/// Objects that hold handles to one another, and are dropped by six threads: destructors of the
/// registry run the registry.
#[test]
fn parents() {
    struct Node(
        Life,
        #[expect(dead_code)] Option<Handle<u32, Node, Shuttle>>,
    );
    type Tree = Registry<u32, Node, Hash, Shuttle>;

    fn resolve(tree: &Tree, key: u32) -> Handle<u32, Node, Shuttle> {
        tree.get_or_insert_with(key, |key| {
            let parent = key.checked_sub(1).map(|key| resolve(tree, key));
            Node(Life::begin(), parent)
        })
    }
    fn climb(tree: &Tree) {
        for _ in 0..2 {
            resolve(tree, pick(4)).0.check();
        }
    }
    explore(|| {
        let tree = Arc::new(Tree::new_in(shards(), Hash::default()));
        threads(&tree, [climb as fn(&_); 6]);
        must(tree.is_empty(), "nothing is listed in the end");
    });
}
