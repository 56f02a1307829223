//! A backend in which a thread stops before or behind its n-th atomic operation, for as long as a test wants.
//!
//! An operating system may stop any thread between any two instructions, for any time. What other threads do in
//! the meantime, 2^30 drops if need be, must not make the stopped thread do harm when it goes on. A model checker finds
//! such a schedule only if it is short. Here the test says where the thread stops and what happens then:
//!
//! ```ignore
//! let count = RefCount::<Stops>::new_in(2);
//! let run = stopped(behind(1), || count.dec_and_test(), || {
//!     // Runs while the other thread stands behind its first atomic operation.
//!     assert!(count.dec_and_test());
//! });
//! assert!(!run.result);
//! assert!(run.after.is_empty()); // a decrement that was not the last touches nothing afterwards
//! ```
//!
//! - [`stopped`] runs the first closure in a thread of its own, and the second one in the caller's, while the first
//!   thread stands. It does so with real threads and channels, so that every run is the same. `meanwhile` must not wait
//!   for something that the stopped thread holds, a lock for instance: neither would ever go on.
//! - [`everywhere`] does that at every operation that the first closure makes, one run for each, until there is no further
//!   operation. It is how a test *sweeps* over an operation.
//! - [`trace`] stops nowhere and returns the operations.
//! - [`raw`] is the word of a count, to simulate many operations by one: 2^30 drops that were not the last are
//!   `raw(&count).fetch_sub(1 << 30, Relaxed)`.
//!
//! Only operations of the thread that `stopped` started are counted, those through [`Stops`] alone, and each compare-exchange
//! that fails is one as well. A weak compare-exchange never fails spuriously. All orderings are those of the caller;
//! the hand-over from thread to thread also orders everything, so that nothing can be said about orderings here.
//!
//! To use it in another test binary: `#[path = "../stops/backend.rs"] mod stops;`. With the feature `registry`, `Stops` is a
//! `LockBackend` too, over the locks of `Native`. A thread that has one does not stop, as others would wait for it: neither the
//! operations of a lock are counted, nor those of a thread that has one.

#![allow(dead_code, reason = "no test binary uses all of it")]

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use kref::atomic::{Atomic, AtomicBits, AtomicInt, Backend};
use kref::{HandBack, Kref, RcuRef, RefCount};
#[cfg(feature = "registry")]
use kref::{atomic::Native, lock::Lock, lock::LockBackend};

/// The family of atomics to run the types of the crate over.
#[derive(Debug)]
pub struct Stops;

/// The atomic `A`, at whose operations a thread may stop.
#[derive(Debug)]
#[repr(transparent)]
pub struct Word<A>(A);

/// Which operation it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Load,
    Store,
    Swap,
    /// One that wrote.
    CompareExchange,
    /// One that found another value, and wrote nothing.
    Failure,
    Add,
    Sub,
    /// And, or, exclusive or.
    Bits,
}

/// One atomic operation of the observed thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub kind: Kind,
    /// Where the atomic is.
    pub address: usize,
}

impl Step {
    /// Whether it wrote.
    pub fn writes(self) -> bool {
        !matches!(self.kind, Kind::Load | Kind::Failure)
    }
}

/// Where a thread stops. Operations are counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    operation: usize,
    behind: bool,
}

/// In front of its n-th operation.
pub fn before(operation: usize) -> Place {
    Place {
        operation,
        behind: false,
    }
}

/// Behind its n-th operation, before it does anything else.
pub fn behind(operation: usize) -> Place {
    Place {
        operation,
        behind: true,
    }
}

/// What became of a thread that was stopped.
#[derive(Debug)]
pub struct Run<R, M> {
    pub result: R,
    /// What happened in between; nothing if the thread made too few operations to get there.
    pub meanwhile: Option<M>,
    /// The operations before the stop.
    pub before: Vec<Step>,
    /// The operations after the stop.
    pub after: Vec<Step>,
}

struct Observer {
    place: Option<Place>,
    steps: Vec<Step>,
    /// How many steps came before the stop.
    stopped: Option<usize>,
    stops: SyncSender<()>,
    goes_on: Receiver<()>,
}

thread_local! {
    static OBSERVER: RefCell<Option<Observer>> = const { RefCell::new(None) };
    /// How many locks of shards the thread has.
    static LOCKS: Cell<u32> = const { Cell::new(0) };
}

impl Observer {
    fn stop_if(&mut self, behind: bool, operation: usize) {
        if self.place == Some(Place { operation, behind }) {
            self.stopped = Some(self.steps.len());
            // An error means that the test has panicked and waits for this thread to end.
            let _ = self.stops.send(());
            let _ = self.goes_on.recv();
        }
    }
}

/// Makes one operation of the calling thread, and notes it if the thread is observed.
fn step<A, R>(word: &Word<A>, f: impl FnOnce(&A) -> R, kind: impl FnOnce(&R) -> Kind) -> R {
    if LOCKS.get() > 0 {
        return f(&word.0);
    }
    OBSERVER.with_borrow_mut(|observer| {
        let Some(observer) = observer else {
            return f(&word.0);
        };
        let number = observer.steps.len() + 1;
        observer.stop_if(false, number);
        let result = f(&word.0);
        observer.steps.push(Step {
            kind: kind(&result),
            address: (&raw const *word).addr(),
        });
        observer.stop_if(true, number);
        result
    })
}

fn observe<R: Send, M>(
    place: Option<Place>,
    operation: impl FnOnce() -> R + Send,
    meanwhile: impl FnOnce() -> M,
) -> Run<R, M> {
    let (stops, has_stopped) = sync_channel(1);
    let (resume, goes_on) = sync_channel(1);
    thread::scope(|scope| {
        let observed = scope.spawn(move || {
            OBSERVER.set(Some(Observer {
                place,
                steps: Vec::new(),
                stopped: None,
                stops,
                goes_on,
            }));
            let result = operation();
            let Observer { steps, stopped, .. } = OBSERVER.take().expect("it was set above");
            (result, steps, stopped)
        });
        // An error means that the thread has ended without a stop.
        let meanwhile = has_stopped.recv().is_ok().then(meanwhile);
        drop(resume);
        let (result, mut before, stopped) = match observed.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        let after = before.split_off(stopped.unwrap_or(before.len()));
        Run {
            result,
            meanwhile,
            before,
            after,
        }
    })
}

/// Runs `operation` in a thread that stops at `place`, and while it stands there `meanwhile`.
pub fn stopped<R: Send, M>(
    place: Place,
    operation: impl FnOnce() -> R + Send,
    meanwhile: impl FnOnce() -> M,
) -> Run<R, M> {
    observe(Some(place), operation, meanwhile)
}

/// Runs `operation`, and returns its result and all its atomic operations.
pub fn trace<R: Send>(operation: impl FnOnce() -> R + Send) -> (R, Vec<Step>) {
    let run = observe(None, operation, || {});
    (run.result, run.before)
}

/// Calls `run` with every place at which its operation can be stopped: in front of the first step, behind the first, in
/// front of the second, and so on. `run` makes one run and returns whether the operation got to the place.
pub fn everywhere(mut run: impl FnMut(Place) -> bool) {
    for operation in 1.. {
        if !run(before(operation)) {
            assert_ne!(operation, 1, "an operation without a step");
            return;
        }
        run(behind(operation));
    }
}

/// A count that is one word.
///
/// # Safety
///
/// The type has the layout of `Word<AtomicU32>`, and only atomic operations are done with it.
pub unsafe trait OneWord {}

// SAFETY: `repr(transparent)`.
unsafe impl OneWord for RefCount<Stops> {}
// SAFETY: as above.
unsafe impl OneWord for Kref<Stops> {}
// SAFETY: as above.
unsafe impl OneWord for HandBack<Stops> {}
// SAFETY: as above.
unsafe impl OneWord for RcuRef<Stops> {}

/// Returns the word of a count. What is done to it is no operation of the observed thread.
pub fn raw<T: OneWord>(count: &T) -> &AtomicU32 {
    // SAFETY: the layout is that of the atomic, by the trait's contract and `repr(transparent)`.
    unsafe { &*(&raw const *count).cast() }
}

// SAFETY: every operation is one of `A`, which keeps the contract.
unsafe impl<A: Atomic> Atomic for Word<A> {
    type Value = A::Value;

    fn new(value: A::Value) -> Self {
        Self(A::new(value))
    }

    fn load(&self, order: Ordering) -> A::Value {
        step(self, |word| word.load(order), |_| Kind::Load)
    }

    fn store(&self, value: A::Value, order: Ordering) {
        step(self, |word| word.store(value, order), |()| Kind::Store);
    }

    fn compare_exchange(
        &self,
        current: A::Value,
        new: A::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<A::Value, A::Value> {
        step(
            self,
            |word| word.compare_exchange(current, new, success, failure),
            |result| match result {
                Ok(_) => Kind::CompareExchange,
                Err(_) => Kind::Failure,
            },
        )
    }

    fn with_mut<R>(&mut self, f: impl FnOnce(&mut A::Value) -> R) -> R {
        self.0.with_mut(f)
    }

    fn swap(&self, value: A::Value, order: Ordering) -> A::Value {
        step(self, |word| word.swap(value, order), |_| Kind::Swap)
    }
}

// SAFETY: as above.
unsafe impl<A: AtomicBits> AtomicBits for Word<A> {
    fn fetch_and(&self, value: A::Value, order: Ordering) -> A::Value {
        step(self, |word| word.fetch_and(value, order), |_| Kind::Bits)
    }

    fn fetch_or(&self, value: A::Value, order: Ordering) -> A::Value {
        step(self, |word| word.fetch_or(value, order), |_| Kind::Bits)
    }

    fn fetch_xor(&self, value: A::Value, order: Ordering) -> A::Value {
        step(self, |word| word.fetch_xor(value, order), |_| Kind::Bits)
    }
}

// SAFETY: as above.
unsafe impl<A: AtomicInt> AtomicInt for Word<A> {
    fn fetch_add(&self, n: A::Value, order: Ordering) -> A::Value {
        step(self, |word| word.fetch_add(n, order), |_| Kind::Add)
    }

    fn fetch_sub(&self, n: A::Value, order: Ordering) -> A::Value {
        step(self, |word| word.fetch_sub(n, order), |_| Kind::Sub)
    }
}

// SAFETY: the atomics above.
unsafe impl Backend for Stops {
    type U32 = Word<AtomicU32>;
    type Usize = Word<AtomicUsize>;
    type Ptr<T> = Word<AtomicPtr<T>>;
}

/// A lock of `Native`, and a note that the thread has it.
#[cfg(feature = "registry")]
pub struct ShardLock(<Native as LockBackend>::Lock);

#[cfg(feature = "registry")]
pub struct ShardGuard<'a> {
    _guard: <<Native as LockBackend>::Lock as Lock>::Guard<'a>,
    // Dropped behind the other: from then on the thread may stop.
    _noted: Noted,
}

#[cfg(feature = "registry")]
struct Noted;

#[cfg(feature = "registry")]
impl Drop for Noted {
    fn drop(&mut self) {
        LOCKS.set(LOCKS.get() - 1);
    }
}

// SAFETY: the lock is `Native`'s, and after the unlock the guard touches a thread-local only.
#[cfg(feature = "registry")]
unsafe impl Lock for ShardLock {
    type Guard<'a> = ShardGuard<'a>;

    fn lock(&self) -> ShardGuard<'_> {
        let _guard = self.0.lock();
        LOCKS.set(LOCKS.get() + 1);
        ShardGuard {
            _guard,
            _noted: Noted,
        }
    }
}

// SAFETY: all of it is `Native`'s.
#[cfg(feature = "registry")]
unsafe impl LockBackend for Stops {
    type Lock = ShardLock;
    type Signal = <Native as LockBackend>::Signal;
    type ThreadId = <Native as LockBackend>::ThreadId;

    const NULL_IS_ZERO: bool = Native::NULL_IS_ZERO;

    fn new_lock() -> ShardLock {
        ShardLock(Native::new_lock())
    }
    fn new_signal() -> Self::Signal {
        Native::new_signal()
    }
    fn wait(signal: &Self::Signal) {
        Native::wait(signal);
    }
    fn set(signal: &Self::Signal) {
        Native::set(signal);
    }
    fn current_thread() -> Self::ThreadId {
        Native::current_thread()
    }
}
