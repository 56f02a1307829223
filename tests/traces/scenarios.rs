//! What the threads do: objects in an index that does not count them, found, used, removed and dropped.

use std::cell::Cell;
use std::sync::Arc;

use kref::lock::Lock;
use shuttle::rand::{Rng, thread_rng};

use crate::recorder::{self, Index, says};

/// A count, and how the index is used with it. What is not overridden is right.
pub trait Count: Send + Sync + 'static {
    /// Makes a count of one reference.
    fn new() -> Self;
    /// By a thread that has a reference.
    fn get(&self);
    /// By a thread that holds the lock and has found the object.
    fn get_locked(&self) {
        self.get();
    }
    /// Without the lock, in memory that stays a count; returns whether there is a reference now.
    fn try_get(&self) -> bool;
    /// Returns the guard if the object is to be destroyed.
    fn put<'a>(&self, index: &'a Index) -> Option<<Index as Lock>::Guard<'a>>;

    /// The lookup takes its reference after it has unlocked.
    const GETS_LATE: bool = false;
    /// The last put unlinks after it has unlocked.
    const UNLINKS_LATE: bool = false;
    /// The last put leaves the object in the index.
    const NEVER_UNLINKS: bool = false;
}

pub struct Object<C> {
    count: C,
    number: usize,
    is_listed: Cell<bool>,
}

pub struct World<C> {
    index: Index,
    objects: [Object<C>; 2],
}

// SAFETY: only one coroutine runs at a time.
unsafe impl<C> Sync for World<C> {}

pub const THREADS: usize = 4;
pub const CALLS: usize = 8;

/// Picks a number below `n`.
pub fn pick(n: usize) -> usize {
    thread_rng().gen_range(0..n)
}

/// Runs so many threads to their end. `make` makes what the thread of a number does, and is dropped before they are waited for.
pub fn run_threads<F: FnOnce() + Send + 'static>(count: usize, make: impl FnMut(usize) -> F) {
    let threads = Vec::from_iter((0..count).map(make).map(shuttle::thread::spawn));
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Runs threads that do what they like with two objects, and drop all references in the end.
pub fn index<C: Count>() {
    let object = || {
        let (count, number) = recorder::object(C::new);
        Object {
            count,
            number,
            is_listed: Cell::new(true),
        }
    };
    let world = Arc::new(World {
        index: Index::new(),
        objects: [object(), object()],
    });
    let first = pick(THREADS);
    run_threads(THREADS, |number| {
        let world = Arc::clone(&world);
        // The creator's references.
        let mine = if number == first { vec![0, 1] } else { vec![] };
        move || world.thread(mine)
    });
}

impl<C: Count> World<C> {
    /// `mine` has the references of this thread, by object.
    fn thread(&self, mut mine: Vec<usize>) {
        for _ in 0..CALLS {
            let number = pick(self.objects.len());
            let object = &self.objects[number];
            let has = mine.contains(&number);
            match pick(8) {
                0 if has => {
                    object.count.get();
                    mine.push(number);
                }
                1 | 2 if !mine.is_empty() => self.put(mine.swap_remove(pick(mine.len()))),
                3 => mine.extend(self.remove(object).then_some(number)),
                4 => {
                    says(object.number, "call get_unless_zero");
                    mine.extend(object.count.try_get().then_some(number));
                }
                5.. => mine.extend(self.find(object).then_some(number)),
                _ => {}
            }
        }
        while let Some(number) = mine.pop() {
            self.put(number);
        }
    }

    fn find(&self, object: &Object<C>) -> bool {
        let guard = self.index.lock_shared();
        let is_listed = object.is_listed.get();
        if is_listed && C::GETS_LATE {
            drop(guard);
            object.count.get_locked();
            return true;
        }
        if is_listed {
            object.count.get_locked();
        }
        is_listed
    }

    /// Finds the object and sometimes takes it out of the index.
    fn remove(&self, object: &Object<C>) -> bool {
        let _guard = self.index.lock();
        let is_listed = object.is_listed.get();
        if is_listed {
            object.count.get_locked();
            if pick(2) == 0 {
                object.is_listed.set(false);
                says(object.number, "unlink");
            }
        }
        is_listed
    }

    fn put(&self, number: usize) {
        let object = &self.objects[number];
        says(object.number, "call put");
        let Some(guard) = object.count.put(&self.index) else {
            return says(object.number, "returns None");
        };
        says(object.number, "returns guard");
        if C::UNLINKS_LATE {
            drop(guard);
            object.unlink::<C>();
        } else {
            object.unlink::<C>();
            drop(guard);
        }
        says(object.number, "free");
    }
}

impl<C> Object<C> {
    fn unlink<D: Count>(&self) {
        if !self.is_listed.get() {
            says(self.number, "not listed");
        } else if !D::NEVER_UNLINKS {
            self.is_listed.set(false);
            says(self.number, "unlink");
        }
    }
}

/// A count that is found without a lock, in memory that outlives the puts.
pub trait RcuCount: Send + Sync + 'static {
    /// Makes a count of one reference.
    fn new() -> Self;
    /// Returns whether there is a reference now.
    fn get(&self) -> bool;
    /// Returns whether the object is to be destroyed.
    fn put(&self) -> bool;
}

/// Runs threads that take references to an object, dead or alive, and drop them.
pub fn rcu<C: RcuCount>() {
    let (count, number) = recorder::object(|| Arc::new(C::new()));
    let put = move |count: &C| {
        says(number, "call put");
        if !count.put() {
            return says(number, "returns None");
        }
        says(number, "returns guard");
        says(number, "free");
    };
    run_threads(THREADS, |thread| {
        let count = Arc::clone(&count);
        move || {
            let mut mine = usize::from(thread == 0);
            for _ in 0..CALLS {
                if mine > 0 && pick(3) > 0 {
                    put(&count);
                    mine -= 1;
                } else {
                    says(number, "call get");
                    mine += usize::from(count.get());
                }
            }
            (0..mine).for_each(|_| put(&count));
        }
    });
}

/// A count that can be frozen.
pub trait FrozenCount: Send + Sync + 'static {
    /// Makes a count of one reference.
    fn new() -> Self;
    /// By a thread that has a reference.
    fn inc(&self);
    /// By a thread that may have none.
    fn inc_not_zero(&self) -> bool;
    /// Returns whether the object is to be destroyed.
    fn dec_and_test(&self) -> bool;
    /// The same, but only if this is the only reference; else the caller keeps it.
    fn dec_if_one(&self) -> bool;
    /// Freezes the count if it is `n`, calls `during`, and unfreezes it.
    fn freeze(&self, n: u32, during: fn());
}

/// Runs threads that take references, freeze the count if all are their own, and drop them.
pub fn freeze<C: FrozenCount>() {
    let (count, number) = recorder::object(|| Arc::new(C::new()));
    let freed = move || {
        says(number, "returns guard");
        says(number, "free");
    };
    let put = move |count: &C| {
        says(number, "call put");
        match count.dec_and_test() {
            true => freed(),
            false => says(number, "returns None"),
        }
    };
    run_threads(THREADS, |thread| {
        let count = Arc::clone(&count);
        move || {
            let mut mine = u32::from(thread == 0);
            for _ in 0..CALLS {
                match (pick(6), mine) {
                    (0..2, _) => {
                        says(number, "call get_unless_zero");
                        mine += u32::from(count.inc_not_zero());
                    }
                    (_, 0) => {}
                    (2, _) => {
                        count.inc();
                        mine += 1;
                    }
                    (3, _) => {
                        says(number, "call try_freeze");
                        count.freeze(mine, recorder::turn);
                    }
                    (4, _) => {
                        says(number, "call dec_if_one");
                        if count.dec_if_one() {
                            freed();
                            mine -= 1;
                        }
                    }
                    _ => {
                        put(&count);
                        mine -= 1;
                    }
                }
            }
            (0..mine).for_each(|_| put(&count));
        }
    });
}
