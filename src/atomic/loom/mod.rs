//! The backend for models: run your own code over the types of this crate in [loom], which tries all
//! interleavings of its threads.
//!
//! [loom]: https://docs.rs/loom/0.7
//!
//! # How to
//!
//! Loom comes with the feature `loom`, which only your tests need. No `--cfg` is involved, your users
//! do not download loom, and one build of your crate serves for its tests and its models:
//!
//! ```toml
//! [dependencies]
//! kref = "0.1"
//!
//! [dev-dependencies]
//! kref = { version = "0.1", features = ["loom"] }
//! loom = "0.7"
//! ```
//!
//! Write what you want to model generic over the [`Backend`] (over a
//! [`LockBackend`](crate::lock::LockBackend) if it holds a registry or an interner), with [`Native`] as
//! the default, so that users do not notice. Constructors in an `impl Cache<Native>` can be constant, and
//! let a call infer its backend; the one for any backend, `new_in`, cannot be constant. Take your own
//! atomics from the backend, too (`B::U32`, with the operations of [`Atomic`](super::Atomic) and
//! [`AtomicExt`](super::AtomicExt)). Data of the model goes into a [`loom::cell::UnsafeCell`], to
//! have races on it reported.
//!
//! ```
//! use kref::Kref;
//! use kref::atomic::{Backend, Loom, Native};
//! use kref::lock::Lock;
//!
//! /// A session that an index under a lock lists until the last user closes it.
//! struct Session<B: Backend = Native> {
//!     users: Kref<B>,
//! }
//!
//! impl<B: Backend> Session<B> {
//!     fn close<L: Lock>(&self, index: &L, unlist: impl FnOnce(&mut L::Guard<'_>)) {
//!         if let Some(mut index) = self.users.put_lock(index) {
//!             unlist(&mut index);
//!         }
//!     }
//! }
//!
//! // The test:
//! use loom::sync::{Arc, Mutex};
//!
//! loom::model(|| {
//!     let session = Arc::new(Session::<Loom> { users: Kref::new_in() });
//!     let index = Arc::new(Mutex::new(true));
//!     session.users.get();
//!
//!     let other = {
//!         let (session, index) = (session.clone(), index.clone());
//!         loom::thread::spawn(move || session.close(&*index, |listed| **listed = false))
//!     };
//!     session.close(&*index, |listed| **listed = false);
//!     other.join().unwrap();
//!     assert!(!*index.lock().unwrap(), "one of the two was the last");
//! });
//! ```
//!
//! # What it finds
//!
//! Loom by itself finds data races in its cells, deadlocks and failed assertions. This backend also
//! finds:
//!
//! - the use of an atomic of this crate after its end, or concurrently with its end: so the use of a
//!   count after the put that gave up the reference, even where the value that it reads would do no
//!   harm;
//! - an atomic that is left when an execution ends, thus a [`Ref`](crate::Ref), a handle or a list that
//!   leaks (a saturated object, too, which leaks on purpose: a model has to leave the count sound);
//! - every misuse of a count, if the test makes it one: `kref::report::set_hook(|r| panic!("{r}"))`;
//! - what goes wrong when a weak compare-exchange fails spuriously, with [`set_spurious`].
//!
//! # Limits
//!
//! They are loom's. It treats `SeqCst` operations as `AcqRel` (fences are as they should be), so a
//! protocol that needs their total order fails in the model although it is right. It does not let a
//! load see a store that comes after it in another thread's program order (load buffering), which
//! `Relaxed` allows. It leaves out executions in which a compare-exchange loop of one thread comes before a load of
//! another, unless [`set_every_load`] asks for them. It runs at most four threads in addition to the first. The search grows
//! exponentially:
//!
//! - two threads with some ten operations each are searched in a second, three want a bound on
//!   preemptions (`loom::model::Builder::preemption_bound`; 2 or 3 find nearly everything);
//! - give a registry one shard ([`Registry::new_in`](crate::Registry::new_in)`(1, hasher)`), and the
//!   search more than loom's 1000 branches (`max_branches`);
//! - hash with a hasher that gives the same hashes in every run, such as
//!   `BuildHasherDefault<DefaultHasher>` of std; the default one does not;
//! - a loop of your own that waits for another thread has to call `loom::thread::yield_now` (or
//!   [`Backend::relax`]), or loom never runs the thread that it waits for. The one loop of this crate that waits, that of a
//!   [`SwapChain`](crate::llist::intrusive::SwapChain) for a producer, calls [`Backend::relax`].
//!
//! [`Backend`]: super::Backend
//! [`Backend::relax`]: super::Backend::relax
//! [`Native`]: super::Native
//! [`loom::cell::UnsafeCell`]: https://docs.rs/loom/0.7/loom/cell/struct.UnsafeCell.html

mod backend;

use std::sync::PoisonError;

use ::loom::sync::{Mutex, MutexGuard, RwLock, RwLockWriteGuard};

pub use self::backend::{
    AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Loom, set_every_load, set_spurious,
    set_thread_shard,
};
use crate::lock::Lock;

// SAFETY: a mutex has one guard at a time, and unlocking it happens before the next lock.
unsafe impl<T: ?Sized> Lock for Mutex<T> {
    type Guard<'a>
        = MutexGuard<'a, T>
    where
        Self: 'a;

    fn lock(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// SAFETY: a write guard excludes all others, and unlocking happens before the next lock.
unsafe impl<T: ?Sized> Lock for RwLock<T> {
    type Guard<'a>
        = RwLockWriteGuard<'a, T>
    where
        Self: 'a;

    fn lock(&self) -> RwLockWriteGuard<'_, T> {
        self.write().unwrap_or_else(PoisonError::into_inner)
    }
}
