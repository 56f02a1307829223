//! The shipped code under random schedules, and maps that are wrong.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Weak};

use kref::Registry;
use shuttle::sync::{Mutex, MutexGuard};

use crate::backend::{Shuttle, must, turn};
use crate::explore::{explore, finds, pick, shards};
use crate::history::not_linearizable;
use crate::specification::{LINGERING, Object, STRICT};
use crate::users::{KEYS, Map, User, Uses, World};

/// A hash that is the same in each run.
#[derive(Clone, Copy, Default)]
struct Hash<const COLLIDES: bool>(u64);

impl<const COLLIDES: bool> BuildHasher for Hash<COLLIDES> {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        *self
    }
}

impl<const COLLIDES: bool> Hasher for Hash<COLLIDES> {
    fn write(&mut self, bytes: &[u8]) {
        if !COLLIDES {
            self.0 += u64::from(bytes[0]);
        }
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

type Shipped<const COLLIDES: bool> = Registry<u32, Object, Hash<COLLIDES>, Shuttle>;

fn shipped<const COLLIDES: bool>() -> Shipped<COLLIDES> {
    Registry::new_in(shards(), Hash::default())
}

/// Runs users of the map, and asserts that their history is linearizable and that nothing is left.
fn users<M: Map, const LINGERS: bool>(map: M, threads: usize, uses: Uses) {
    let world = Arc::new(World::new(map));
    let spawn = |thread| {
        let world = Arc::clone(&world);
        shuttle::thread::spawn(move || User::run(&world, thread, uses, 5, &pick))
    };
    let threads = Vec::from_iter((0..threads).map(spawn));
    let mut spans = Vec::new();
    for thread in threads {
        spans.extend(thread.join().unwrap());
    }
    let wrong = not_linearizable::<LINGERS>(&spans);
    must(wrong.is_empty(), &wrong.concat());
    let is_left = (0..KEYS).any(|key| world.map.get(key).is_some());
    must(!is_left, "nothing is listed in the end");
}

#[test]
fn registry() {
    explore(|| users::<_, LINGERING>(shipped::<false>(), 4, Uses::All));
}

#[test]
fn registry_whose_hashes_collide() {
    explore(|| users::<_, LINGERING>(shipped::<true>(), 4, Uses::All));
}

/// The registry promises less than that an object leaves with its last handle, and needs to: see
/// [`crate::specification`].
#[test]
fn strict_is_too_much() {
    finds(&["not linearizable"], || {
        users::<_, STRICT>(shipped::<false>(), 4, Uses::All);
    });
    finds(&["not linearizable"], || {
        users::<_, STRICT>(shipped::<false>(), 4, Uses::Lookups);
    });
}

/// What is wrong with a map of weak references.
trait Fault: Send + Sync + 'static {
    /// The destructor removes what has its key: also what came in its place.
    const DROPS_BY_KEY: bool = false;
    /// The lookup and the insertion are two steps.
    const INSERTS_LATER: bool = false;
    /// A removal looks first, and later removes what has the key by then.
    const REMOVES_LATER: bool = false;
    /// A lookup gives up while another thread has the lock.
    const GIVES_UP: bool = false;
}

/// A map of weak references as it is written by hand.
struct Weaks<F: Fault>(Arc<Entries<F>>);

type Entries<F> = Mutex<HashMap<u32, Weak<Value<F>>>>;

struct Value<F: Fault> {
    key: u32,
    object: Object,
    entries: Arc<Entries<F>>,
}

impl<F: Fault> Drop for Value<F> {
    fn drop(&mut self) {
        turn();
        if std::thread::panicking() {
            return;
        }
        let mut entries = self.entries.lock().unwrap();
        let is_own = |entry: &Weak<Self>| std::ptr::eq(entry.as_ptr(), self);
        if F::DROPS_BY_KEY || entries.get(&self.key).is_some_and(is_own) {
            entries.remove(&self.key);
        }
    }
}

impl<F: Fault> Weaks<F> {
    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Weak<Value<F>>>> {
        self.0.lock().unwrap()
    }
}

impl<F: Fault> Default for Weaks<F> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(HashMap::new())))
    }
}

impl<F: Fault> Map for Weaks<F> {
    type Handle = Arc<Value<F>>;

    fn object(handle: &Self::Handle) -> (u32, Object) {
        (handle.key, handle.object)
    }

    fn get(&self, key: u32) -> Option<Self::Handle> {
        let entries = match self.0.try_lock() {
            Ok(entries) => entries,
            Err(_) if F::GIVES_UP => return None,
            Err(_) => self.lock(),
        };
        entries.get(&key).and_then(Weak::upgrade)
    }

    fn get_or_insert(
        &self,
        key: u32,
        make: impl FnOnce() -> Option<Object>,
    ) -> Option<Self::Handle> {
        let mut entries = self.lock();
        if let Some(found) = entries.get(&key).and_then(Weak::upgrade) {
            return Some(found);
        }
        if F::INSERTS_LATER {
            drop(entries);
            turn();
            entries = self.lock();
        }
        let value = Arc::new(Value {
            key,
            object: make()?,
            entries: Arc::clone(&self.0),
        });
        entries.insert(key, Arc::downgrade(&value));
        Some(value)
    }

    fn unlist(&self, key: u32) -> Option<Self::Handle> {
        if F::REMOVES_LATER {
            let found = self.get(key)?;
            turn();
            self.lock().remove(&key);
            return Some(found);
        }
        self.lock().remove(&key).and_then(|entry| entry.upgrade())
    }
}

struct Right;

impl Fault for Right {}

/// The scenario rejects nothing that is right.
#[test]
fn weak_map() {
    explore(|| users::<_, STRICT>(Weaks::<Right>::default(), 4, Uses::Common));
}

struct DropsByKey;

impl Fault for DropsByKey {
    const DROPS_BY_KEY: bool = true;
}

/// What this crate is an answer to: the upgrade fails, a second object is made, and the first one's destructor removes
/// the second one's entry.
#[test]
fn weak_map_that_drops_by_key() {
    finds(&["not linearizable"], || {
        users::<_, LINGERING>(Weaks::<DropsByKey>::default(), 4, Uses::Lookups);
    });
}

struct InsertsLater;

impl Fault for InsertsLater {
    const INSERTS_LATER: bool = true;
}

#[test]
fn weak_map_that_inserts_later() {
    finds(&["not linearizable"], || {
        users::<_, LINGERING>(Weaks::<InsertsLater>::default(), 4, Uses::Lookups);
    });
}

struct RemovesLater;

impl Fault for RemovesLater {
    const REMOVES_LATER: bool = true;
}

#[test]
fn weak_map_that_removes_later() {
    finds(&["not linearizable"], || {
        users::<_, LINGERING>(Weaks::<RemovesLater>::default(), 4, Uses::Common);
    });
}

struct GivesUp;

impl Fault for GivesUp {
    const GIVES_UP: bool = true;
}

#[test]
fn weak_map_that_gives_up() {
    finds(&["not linearizable"], || {
        users::<_, LINGERING>(Weaks::<GivesUp>::default(), 4, Uses::Lookups);
    });
}
