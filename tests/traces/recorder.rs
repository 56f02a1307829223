//! The recording backend: atomics and a lock that write down what was done to them.
//!
//! Threads are shuttle's coroutines, of which one runs at a time. They change only in [`turn`], before an operation, so an
//! operation and its line in the record are one step, and the record is in the order in which things happened.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::path::Path;
use std::sync::atomic::Ordering;

use kref::atomic::{Atomic, AtomicBits, AtomicInt, Backend, Bits, Int};
use kref::lock::{Lock, LockBackend};
use kref::sharded::ShardBackend;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{self, RwLockReadGuard, RwLockWriteGuard};

use crate::table::Mode;

/// One line of a record.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub thread: usize,
    /// Which atomic, or which lock.
    pub on: usize,
    pub what: What,
    pub order: Option<Ordering>,
    /// Where in the source.
    pub at: &'static Location<'static>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Did(Operation),
    Locks(Mode),
    Unlocks,
    /// What the scenario says of the object: a call begins or returns, the object is unlinked or freed.
    Says(&'static str),
}

/// An operation, what it found and what it left. The words are signed, as in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    pub name: &'static str,
    pub old: i64,
    pub new: i64,
}

/// An atomic that was made.
pub struct Made {
    /// Where in the source.
    pub at: &'static Location<'static>,
    /// Its first value.
    pub first: i64,
    /// The first atomic of the object that it is in.
    pub object: usize,
}

/// What was recorded in one schedule.
#[derive(Default)]
pub struct Record {
    pub events: Vec<Event>,
    pub atomics: Vec<Made>,
    /// Of each lock: where it was made.
    pub locks: Vec<&'static Location<'static>>,
}

impl Made {
    /// Whether this file of the source has made it.
    pub fn is_in(&self, file: &str) -> bool {
        Path::new(self.at.file()).ends_with(file)
    }
}

impl Record {
    /// The operation that the event of this number is, if it is one, and what it was done to.
    pub fn operation(&self, number: usize) -> Option<(&Made, Operation)> {
        let event = &self.events[number];
        match event.what {
            What::Did(operation) => Some((&self.atomics[event.on], operation)),
            _ => None,
        }
    }
}

thread_local! {
    static RECORD: RefCell<Record> = RefCell::default();
}

/// Takes the record of this schedule.
pub fn take() -> Record {
    RECORD.take()
}

/// Makes an object, and returns its number: that of the first atomic in it.
pub fn object<R>(make: impl FnOnce() -> R) -> (R, usize) {
    let first = RECORD.with_borrow(|record| record.atomics.len());
    let made = make();
    RECORD.with_borrow_mut(|record| {
        let atomics = &mut record.atomics[first..];
        atomics.iter_mut().for_each(|atomic| atomic.object = first);
    });
    (made, first)
}

/// Records what the scenario says of an object.
#[track_caller]
pub fn says(object: usize, what: &'static str) {
    push(object, What::Says(what), None);
}

#[track_caller]
fn push(on: usize, what: What, order: Option<Ordering>) {
    let event = Event {
        thread: shuttle::current::me().into(),
        on,
        what,
        order,
        at: Location::caller(),
    };
    RECORD.with_borrow_mut(|record| record.events.push(event));
}

/// Lets any thread go on.
pub fn turn() {
    let _ = sync::atomic::AtomicBool::new(false).load(Ordering::SeqCst);
}

/// An atomic that is not recorded.
pub struct Word<V> {
    value: Cell<V>,
}

/// An atomic that is.
pub struct Recorded<V = u32> {
    number: usize,
    word: Word<V>,
}

/// A value as the tables have it.
pub trait Signed: Int {
    fn signed(self) -> i64;
}

impl Signed for u32 {
    fn signed(self) -> i64 {
        i64::from(self as i32)
    }
}

impl Signed for u64 {
    fn signed(self) -> i64 {
        self as i64
    }
}

impl Signed for usize {
    fn signed(self) -> i64 {
        self as isize as i64
    }
}

/// The backend.
pub struct Recording;

// SAFETY: atomic and ordered, as only one coroutine runs at a time.
unsafe impl Backend for Recording {
    type U32 = Recorded<u32>;
    type Usize = Recorded<usize>;
    type Ptr<T> = Word<*mut T>;

    fn relax(_: u32) {
        turn();
    }
}

// SAFETY: only one coroutine runs at a time.
unsafe impl<V> Send for Word<V> {}
// SAFETY: as above.
unsafe impl<V> Sync for Word<V> {}

impl<V: Copy> Word<V> {
    fn replace(&self, make: impl FnOnce(V) -> V) -> V {
        turn();
        self.value.replace(make(self.value.get()))
    }
}

// SAFETY: every operation is one after the point where another coroutine may go on.
unsafe impl<V: Copy + Eq> Atomic for Word<V> {
    type Value = V;

    fn new(value: V) -> Self {
        Self {
            value: Cell::new(value),
        }
    }
    fn load(&self, _: Ordering) -> V {
        self.replace(|value| value)
    }
    fn store(&self, value: V, _: Ordering) {
        self.replace(|_| value);
    }
    fn compare_exchange(&self, current: V, new: V, _: Ordering, _: Ordering) -> Result<V, V> {
        let old = self.replace(|value| if value == current { new } else { value });
        if old == current { Ok(old) } else { Err(old) }
    }
    fn with_mut<R>(&mut self, f: impl FnOnce(&mut V) -> R) -> R {
        f(self.value.get_mut())
    }
    fn swap(&self, value: V, _: Ordering) -> V {
        self.replace(|_| value)
    }
}

// SAFETY: as above.
unsafe impl<V: Bits> AtomicBits for Word<V> {}
// SAFETY: as above.
unsafe impl<V: Int> AtomicInt for Word<V> {}

impl<V: Signed> Recorded<V> {
    #[track_caller]
    fn did(&self, name: &'static str, old: V, new: V, order: Ordering) {
        let (old, new) = (old.signed(), new.signed());
        let operation = Operation { name, old, new };
        push(self.number, What::Did(operation), Some(order));
    }
}

// SAFETY: as above.
unsafe impl<V: Signed> Atomic for Recorded<V> {
    type Value = V;

    #[track_caller]
    fn new(value: V) -> Self {
        // Not in the closure: the caller's location does not get into one.
        let at = Location::caller();
        let number = RECORD.with_borrow_mut(|record| {
            let number = record.atomics.len();
            record.atomics.push(Made {
                at,
                first: value.signed(),
                object: number,
            });
            number
        });
        let word = Word::new(value);
        Self { number, word }
    }
    #[track_caller]
    fn load(&self, order: Ordering) -> V {
        let old = self.word.load(order);
        self.did("load", old, old, order);
        old
    }
    #[track_caller]
    fn store(&self, new: V, order: Ordering) {
        let old = self.word.swap(new, order);
        self.did("store", old, new, order);
    }
    #[track_caller]
    fn compare_exchange(
        &self,
        current: V,
        new: V,
        success: Ordering,
        failure: Ordering,
    ) -> Result<V, V> {
        let result = self.word.compare_exchange(current, new, success, failure);
        match result {
            Ok(old) => self.did("cas", old, new, success),
            Err(old) => self.did("cas fails", old, old, failure),
        }
        result
    }
    #[track_caller]
    fn compare_exchange_weak(
        &self,
        current: V,
        new: V,
        success: Ordering,
        failure: Ordering,
    ) -> Result<V, V> {
        if !thread_rng().gen_ratio(1, 8) {
            return self.compare_exchange(current, new, success, failure);
        }
        let old = self.word.load(failure);
        self.did("cas fails", old, old, failure);
        Err(old)
    }
    fn with_mut<R>(&mut self, f: impl FnOnce(&mut V) -> R) -> R {
        self.word.with_mut(f)
    }
    #[track_caller]
    fn swap(&self, new: V, order: Ordering) -> V {
        let old = self.word.swap(new, order);
        self.did("swap", old, new, order);
        old
    }
}

// SAFETY: as above.
unsafe impl<V: Signed> AtomicBits for Recorded<V> {}

// SAFETY: as above.
unsafe impl<V: Signed> AtomicInt for Recorded<V> {
    #[track_caller]
    fn fetch_add(&self, n: V, order: Ordering) -> V {
        let old = self.word.replace(|value| value.wrapping_add(n));
        self.did("add", old, old.wrapping_add(n), order);
        old
    }
    #[track_caller]
    fn fetch_sub(&self, n: V, order: Ordering) -> V {
        let old = self.word.replace(|value| value.wrapping_sub(n));
        self.did("sub", old, old.wrapping_sub(n), order);
        old
    }
}

// SAFETY: as for `Backend`, and the lock excludes.
unsafe impl ShardBackend for Recording {
    type Count = Recorded<u64>;
    type Switch = Index;

    #[track_caller]
    fn new_switch() -> Index {
        Index::new()
    }
    fn thread_shard() -> usize {
        shuttle::current::me().into()
    }
}

/// A lock that is recorded. Lookups may share it.
pub struct Index {
    number: usize,
    lock: sync::RwLock<()>,
}

/// The lock, held. The record has the unlocking before it happens: another thread's locking then follows it.
pub struct Held<G> {
    number: usize,
    at: &'static Location<'static>,
    _guard: G,
}

impl Index {
    #[track_caller]
    pub fn new() -> Self {
        let at = Location::caller();
        let number = RECORD.with_borrow_mut(|record| {
            record.locks.push(at);
            record.locks.len() - 1
        });
        let lock = sync::RwLock::new(());
        Self { number, lock }
    }

    #[track_caller]
    pub fn lock_shared(&self) -> Held<RwLockReadGuard<'_, ()>> {
        let guard = self.lock.read().unwrap();
        self.held(guard, Mode::Shared)
    }

    #[track_caller]
    fn held<G>(&self, guard: G, mode: Mode) -> Held<G> {
        push(self.number, What::Locks(mode), None);
        Held {
            number: self.number,
            at: Location::caller(),
            _guard: guard,
        }
    }
}

// SAFETY: shuttle's lock excludes.
unsafe impl Lock for Index {
    type Guard<'a> = Held<RwLockWriteGuard<'a, ()>>;

    #[track_caller]
    fn lock(&self) -> Self::Guard<'_> {
        let guard = self.lock.write().unwrap();
        self.held(guard, Mode::Exclusive)
    }
}

impl<G> Drop for Held<G> {
    fn drop(&mut self) {
        let event = Event {
            thread: shuttle::current::me().into(),
            on: self.number,
            what: What::Unlocks,
            order: None,
            at: self.at,
        };
        RECORD.with_borrow_mut(|record| record.events.push(event));
    }
}

// SAFETY: the condition variable wakes all, and each thread has an identity of its own.
unsafe impl LockBackend for Recording {
    type Lock = Index;
    type Signal = (sync::Mutex<bool>, sync::Condvar);
    type ThreadId = usize;

    #[track_caller]
    fn new_lock() -> Index {
        Index::new()
    }
    fn new_signal() -> Self::Signal {
        Default::default()
    }
    fn wait((is_set, condvar): &Self::Signal) {
        let guard = is_set.lock().unwrap();
        drop(condvar.wait_while(guard, |is_set| !*is_set).unwrap());
    }
    fn set((is_set, condvar): &Self::Signal) {
        *is_set.lock().unwrap() = true;
        condvar.notify_all();
    }
    fn current_thread() -> usize {
        shuttle::current::me().into()
    }
}
