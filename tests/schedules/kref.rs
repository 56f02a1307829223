//! Objects that an index under a lock lists without counting: found, used, put and listed again by
//! six threads, with each of the counts, and each kind of lock.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use kref::lock::Lock;
use kref::{HandBack, Kref, RefCount};

use crate::backend::{Index, Life, Mutex, RwLock, Shuttle, must, turn};
use crate::{explore, pick, threads};

/// A count, with the put that takes a lock for the last reference.
pub trait Count: 'static {
    /// A count of one.
    fn new() -> Self;
    /// By a thread that has a reference.
    fn get(&self);
    /// By a thread that found the object under the lock.
    fn get_locked(&self);
    fn put_lock<'lock, L: Lock>(&self, lock: &'lock L) -> Option<L::Guard<'lock>>;
}

impl Count for Kref<Shuttle> {
    fn new() -> Self {
        Self::new_in()
    }
    fn get(&self) {
        self.get();
    }
    fn get_locked(&self) {
        self.get();
    }
    fn put_lock<'lock, L: Lock>(&self, lock: &'lock L) -> Option<L::Guard<'lock>> {
        self.put_lock(lock)
    }
}

impl Count for HandBack<Shuttle> {
    fn new() -> Self {
        Self::new_in(1)
    }
    fn get(&self) {
        self.get();
    }
    fn get_locked(&self) {
        self.get_locked();
    }
    fn put_lock<'lock, L: Lock>(&self, lock: &'lock L) -> Option<L::Guard<'lock>> {
        self.put_lock(lock)
    }
}

impl Count for RefCount<Shuttle> {
    fn new() -> Self {
        Self::new_in(1)
    }
    fn get(&self) {
        self.inc();
    }
    fn get_locked(&self) {
        self.inc();
    }
    fn put_lock<'lock, L: Lock>(&self, lock: &'lock L) -> Option<L::Guard<'lock>> {
        self.dec_and_lock(lock)
    }
}

/// An object on the heap.
pub struct Object<C> {
    pub count: C,
    life: Life,
    /// How many threads are using it just now.
    users: Cell<u32>,
}

impl<C: Count> Object<C> {
    fn create() -> NonNull<Self> {
        NonNull::from(Box::leak(Box::new(Self {
            count: C::new(),
            life: Life::begin(),
            users: Cell::new(0),
        })))
    }
}

impl<C> Object<C> {
    /// Uses the object, which takes a reference.
    pub fn touch(&self) {
        self.life.check();
        self.users.set(self.users.get() + 1);
        turn();
        self.life.check();
        self.users.set(self.users.get() - 1);
    }

    /// Uses the object in a way that needs exclusive access.
    fn touch_alone(&self) {
        must(self.users.get() == 0, "not alone");
        turn();
        must(self.users.get() == 0, "not alone");
    }
}

/// The index: a place for one object, and the lock over it.
pub struct World<C, L> {
    pub lock: L,
    /// Written under the exclusive side of the lock.
    listed: Cell<Option<NonNull<Object<C>>>>,
}

// SAFETY: the coroutines of a scenario are on one thread.
unsafe impl<C, L> Send for World<C, L> {}
// SAFETY: as above.
unsafe impl<C, L> Sync for World<C, L> {}

/// A reference that is counted by hand.
pub struct Counted<'w, C>(NonNull<Object<C>>, PhantomData<&'w ()>);

impl<C> std::ops::Deref for Counted<'_, C> {
    type Target = Object<C>;
    fn deref(&self) -> &Object<C> {
        // SAFETY: it is what is tested; what is freed stays readable, and says that it is dead.
        unsafe { self.0.as_ref() }
    }
}

impl<C: Count, L: Index> World<C, L> {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            lock: L::default(),
            listed: Cell::new(None),
        })
    }

    /// Takes the object out of the index, under the lock.
    pub fn unlist(&self, object: &Counted<'_, C>) {
        must(self.listed.get() == Some(object.0), "it is listed still");
        self.listed.set(None);
    }

    /// Frees the object, after the last put.
    pub fn free(&self, object: Counted<'_, C>) {
        object.touch_alone();
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(object.0.as_ptr()) });
    }

    fn found(&self, object: NonNull<Object<C>>) -> Counted<'_, C> {
        Counted(object, PhantomData)
    }

    /// Finds the object, or lists a new one.
    fn find(&self) -> Counted<'_, C> {
        let held = self.lock.lock_shared();
        if let Some(object) = self.listed.get() {
            let object = self.found(object);
            object.count.get_locked();
            return object;
        }
        drop(held);
        let _held = self.lock.lock();
        match self.listed.get() {
            Some(object) => {
                let object = self.found(object);
                object.count.get_locked();
                object
            }
            None => {
                let object = Object::create();
                self.listed.set(Some(object));
                self.found(object)
            }
        }
    }

    fn put(&self, object: Counted<'_, C>) {
        object.touch();
        if let Some(held) = object.count.put_lock(&self.lock) {
            self.unlist(&object);
            drop(held);
            self.free(object);
        }
    }
}

/// A thread that does this and that with some references.
fn user<C: Count, L: Index>(w: &World<C, L>) {
    let mut mine = vec![w.find()];
    for _ in 0..3 {
        match (pick(3), mine.pop()) {
            (0, Some(object)) => w.put(object),
            (1, Some(object)) => {
                object.count.get();
                mine.push(w.found(object.0));
                mine.push(object);
            }
            (_, object) => {
                mine.extend(object);
                mine.push(w.find());
            }
        }
    }
    mine.into_iter().for_each(|object| w.put(object));
}

/// Six threads that find, use and put what an index lists.
pub fn six_users<C: Count, L: Index>() {
    let w = World::<C, L>::new();
    threads(&w, [user::<C, L> as fn(&_); 6]);
    must(w.listed.get().is_none(), "nothing is listed in the end");
}

#[test]
fn kref_mutex() {
    explore(six_users::<Kref<Shuttle>, Mutex>);
}

#[test]
fn kref_rwlock() {
    explore(six_users::<Kref<Shuttle>, RwLock>);
}

#[test]
fn handback_mutex() {
    explore(six_users::<HandBack<Shuttle>, Mutex>);
}

#[test]
fn handback_rwlock() {
    explore(six_users::<HandBack<Shuttle>, RwLock>);
}

#[test]
fn refcount_mutex() {
    explore(six_users::<RefCount<Shuttle>, Mutex>);
}

#[test]
fn refcount_rwlock() {
    explore(six_users::<RefCount<Shuttle>, RwLock>);
}

/// The index lists what may be dying, and a lookup asks whether it is (`kref_get_unless_zero`).
#[test]
fn unless_zero() {
    type Dying = World<Kref<Shuttle>, RwLock>;
    fn put(w: &Dying, object: Counted<'_, Kref<Shuttle>>) {
        object.touch();
        if object.count.put() {
            let held = w.lock.lock();
            if w.listed.get() == Some(object.0) {
                w.listed.set(None);
            }
            drop(held);
            w.free(object);
        }
    }
    fn user(w: &Dying) {
        for _ in 0..2 {
            let held = w.lock.lock_shared();
            let found = w.listed.get().map(|object| w.found(object));
            let found = found.filter(|object| object.count.get_unless_zero());
            drop(held);
            match found {
                Some(object) => put(w, object),
                None => {
                    let object = Object::create();
                    let held = w.lock.lock();
                    w.listed.set(Some(object)); // in the place of a dying one, or of another
                    drop(held);
                    put(w, w.found(object));
                }
            }
        }
    }
    explore(|| {
        let w = Dying::new();
        threads(&w, [user as fn(&_); 6]);
        must(w.listed.get().is_none(), "nothing is listed in the end");
    });
}

/// Who freezes a count has the object alone, until the guard is gone.
#[test]
fn frozen() {
    type Frozen = World<RefCount<Shuttle>, Mutex>;
    fn visit(w: &Frozen) {
        let object = w.found(w.listed.get().unwrap());
        for _ in 0..3 {
            if object.count.add_not_zero(2) {
                object.touch();
                object.count.dec();
                object.touch();
                must(!object.count.dec_and_test(), "the index has a reference");
            }
        }
    }
    fn freeze(w: &Frozen) {
        let object = w.found(w.listed.get().unwrap());
        for _ in 0..3 {
            if let Some(frozen) = object.count.try_freeze(1) {
                object.touch_alone();
                drop(frozen);
            }
        }
    }
    explore(|| {
        let w = Frozen::new();
        w.listed.set(Some(Object::create()));
        threads(&w, [visit as fn(&_), visit, visit, freeze, visit, freeze]);
        let object = w.found(w.listed.get().unwrap());
        must(object.count.dec_and_test(), "the last reference");
        w.free(object);
    });
}

/// Parents that are kept alive by their children: [`kref::Ref`]s to one another, dropped by all.
#[test]
fn parents() {
    struct Node(Life, Option<kref::Ref<Node, Shuttle>>);
    type Tree = kref::Ref<Node, Shuttle>;
    struct Forest(Tree);

    fn climb(forest: &Forest) {
        let mut mine = forest.0.clone();
        for _ in 0..3 {
            mine = match (pick(3), &mine.1) {
                (0, Some(parent)) => parent.clone(),
                _ => Tree::new_in(Node(Life::begin(), Some(mine))),
            };
            mine.0.check();
        }
        let other = mine.clone();
        let last = match kref::Ref::try_unwrap(mine) {
            Ok(_) => panic!("there is another"),
            Err(mine) => mine,
        };
        drop(other);
        drop(last);
    }
    explore(|| {
        let forest = Arc::new(Forest(Tree::new_in(Node(Life::begin(), None))));
        threads(&forest, [climb as fn(&_); 6]);
    });
}
