//! Every lock with the put that takes it for the last reference only.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use kref::lock::Lock;
use kref::{Kref, RefCount};

/// Puts three references while `is_free` watches the lock; `hold` holds it for as long as its
/// argument runs.
fn takes_the_lock_for_the_last_put_only<L: Lock + ?Sized>(
    lock: &L,
    hold: impl FnOnce(&mut dyn FnMut()),
    is_free: impl Fn() -> bool,
) {
    let kref = Kref::new();
    kref.get();
    kref.get();

    // If a put took the lock here, this thread would wait for itself.
    hold(&mut || {
        assert!(!is_free());
        assert!(kref.put_lock(lock).is_none());
        assert_eq!(kref.count(), 2);
    });
    assert!(is_free());
    assert!(kref.put_lock(lock).is_none());
    assert!(is_free());

    let guard = kref.put_lock(lock).expect("this was the last reference");
    assert!(!is_free(), "the guard is returned held");
    assert_eq!(kref.count(), 0);
    drop(guard);
    assert!(is_free());

    // The same through `RefCount`.
    let count = RefCount::new(2);
    assert!(count.dec_and_lock(lock).is_none());
    assert!(is_free());
    let guard = count.dec_and_lock(lock);
    assert!(guard.is_some() && !is_free());
    drop(guard);
    assert!(is_free());
}

#[cfg(feature = "std")]
mod of_std {
    use super::*;
    use std::sync::{Barrier, RwLock};
    use std::thread;

    fn is_free<T: ?Sized>(lock: &Mutex<T>) -> bool {
        !matches!(lock.try_lock(), Err(TryLockError::WouldBlock))
    }

    fn is_free_of_all<T: ?Sized>(lock: &RwLock<T>) -> bool {
        !matches!(lock.try_write(), Err(TryLockError::WouldBlock))
    }

    /// Panics, caught, while it holds what `take` returns.
    fn panic_with<G>(take: impl FnOnce() -> G) {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let _held = take();
            panic!("while the lock is held");
        }));
        assert!(result.is_err());
    }

    #[test]
    fn mutex() {
        let lock = Mutex::new(());
        takes_the_lock_for_the_last_put_only(
            &lock,
            |f| {
                let _held = lock.lock().unwrap();
                f();
            },
            || is_free(&lock),
        );
    }

    #[test]
    fn rwlock_is_taken_exclusively() {
        let lock = RwLock::new(());
        takes_the_lock_for_the_last_put_only(
            &lock,
            |f| {
                let _held = lock.read().unwrap();
                f();
            },
            || is_free_of_all(&lock),
        );
        let guard = Kref::new().put_lock(&lock);
        assert!(lock.try_read().is_err(), "no reader beside the last put");
        drop(guard);
        assert!(lock.try_read().is_ok());
    }

    #[test]
    fn a_put_through_the_guard_changes_what_the_lock_protects() {
        let mutex = Mutex::new(vec![1, 2]);
        let rwlock = RwLock::new(vec![1, 2]);
        Kref::new().put_lock(&mutex).unwrap().retain(|&id| id != 1);
        Kref::new().put_lock(&rwlock).unwrap().retain(|&id| id != 2);
        assert_eq!(mutex.into_inner().unwrap(), [2]);
        assert_eq!(rwlock.into_inner().unwrap(), [1]);
    }

    #[test]
    fn locks_of_unsized_values_do() {
        let mutex: &Mutex<[u8]> = &Mutex::new([1, 2, 3]);
        assert_eq!(Kref::new().put_lock(mutex).unwrap().len(), 3);
        let rwlock: &RwLock<[u8]> = &RwLock::new([1, 2, 3]);
        assert_eq!(Kref::new().put_lock(rwlock).unwrap().len(), 3);
    }

    #[test]
    fn a_poisoned_mutex_is_taken_over() {
        let lock = Mutex::new(7);
        panic_with(|| lock.lock().unwrap());
        assert!(lock.is_poisoned());
        takes_the_lock_for_the_last_put_only(
            &lock,
            |f| {
                let _held = lock.lock().unwrap_or_else(PoisonError::into_inner);
                f();
            },
            || is_free(&lock),
        );
        assert_eq!(*Kref::new().put_lock(&lock).unwrap(), 7);
        assert!(lock.is_poisoned(), "who wants to know can still ask");
    }

    #[test]
    fn a_poisoned_rwlock_is_taken_over() {
        let lock = RwLock::new(7);
        panic_with(|| lock.write().unwrap());
        assert!(lock.is_poisoned());
        takes_the_lock_for_the_last_put_only(
            &lock,
            |f| {
                let _held = lock.read().unwrap_or_else(PoisonError::into_inner);
                f();
            },
            || is_free_of_all(&lock),
        );
        assert_eq!(*Kref::new().put_lock(&lock).unwrap(), 7);
        assert!(lock.is_poisoned(), "who wants to know can still ask");
    }

    /// The guard is std's own, so a panic of the thread that unlinks poisons the lock.
    #[test]
    fn a_panic_with_the_returned_guard_poisons() {
        let lock = Mutex::new(());
        panic_with(|| Kref::new().put_lock(&lock).unwrap());
        assert!(lock.is_poisoned());
        assert!(is_free(&lock));
    }

    /// While a reader that found the object holds the lock, the last put cannot finish; whichever
    /// comes first, the reader's reference is a good one.
    #[test]
    fn a_reader_keeps_the_object_that_it_found() {
        let rounds = if cfg!(miri) { 5 } else { 500 };
        for _ in 0..rounds {
            let lock = RwLock::new(());
            let kref = Kref::new();
            let barrier = Barrier::new(2);
            thread::scope(|scope| {
                let put = scope.spawn(|| {
                    barrier.wait();
                    kref.put_lock(&lock).is_none()
                });
                let found = lock.read().unwrap();
                barrier.wait();
                assert_eq!(kref.count(), 1);
                kref.get();
                drop(found);
                assert!(put.join().unwrap());
            });
            assert_eq!(kref.count(), 1);
            assert!(is_free_of_all(&lock));
        }
    }
}

#[cfg(feature = "lock_api")]
mod of_lock_api {
    use super::*;

    #[test]
    fn parking_lot_mutex() {
        let lock = parking_lot::Mutex::new(());
        takes_the_lock_for_the_last_put_only(
            &lock,
            |f| {
                let _held = lock.lock();
                f();
            },
            || !lock.is_locked(),
        );
    }

    #[test]
    fn parking_lot_fair_mutex() {
        let lock = parking_lot::FairMutex::new(());
        takes_the_lock_for_the_last_put_only(
            &lock,
            |f| {
                let _held = lock.lock();
                f();
            },
            || !lock.is_locked(),
        );
    }

    #[test]
    fn parking_lot_rwlock_is_taken_exclusively() {
        let lock = parking_lot::RwLock::new(());
        takes_the_lock_for_the_last_put_only(
            &lock,
            |f| {
                let _held = lock.read();
                f();
            },
            || !lock.is_locked(),
        );
        let guard = Kref::new().put_lock(&lock);
        assert!(lock.is_locked_exclusive());
        drop(guard);
    }

    #[test]
    fn spin_mutex() {
        let lock = spin::lock_api::Mutex::new(());
        takes_the_lock_for_the_last_put_only(
            &lock,
            |f| {
                let _held = lock.lock();
                f();
            },
            || lock.try_lock().is_some(),
        );
    }

    #[test]
    fn spin_rwlock_is_taken_exclusively() {
        let lock = spin::lock_api::RwLock::new(());
        takes_the_lock_for_the_last_put_only(
            &lock,
            |f| {
                let _held = lock.read();
                f();
            },
            || lock.try_write().is_some(),
        );
        let guard = Kref::new().put_lock(&lock);
        assert!(lock.try_read().is_none());
        drop(guard);
    }

    #[test]
    fn locks_of_unsized_values_do() {
        let lock: &parking_lot::Mutex<[u8]> = &parking_lot::Mutex::new([1, 2, 3]);
        assert_eq!(Kref::new().put_lock(lock).unwrap().len(), 3);
    }
}

// ---- a lock of one's own --------------------------------------------------------------------

/// Counts how often it was taken, and calls `before` each time, which is when another thread may
/// come in between: after the put found one reference, before it has the lock.
struct Watched<F> {
    mutex: Mutex<()>,
    taken: Cell<u32>,
    before: F,
}

impl<F: Fn()> Watched<F> {
    fn new(before: F) -> Self {
        Self {
            mutex: Mutex::new(()),
            taken: Cell::new(0),
            before,
        }
    }

    fn is_free(&self) -> bool {
        !matches!(self.mutex.try_lock(), Err(TryLockError::WouldBlock))
    }
}

// SAFETY: the guard is the mutex's own; a panic of `before` leaves the mutex alone.
unsafe impl<F: Fn()> Lock for Watched<F> {
    type Guard<'a>
        = MutexGuard<'a, ()>
    where
        Self: 'a;

    fn lock(&self) -> Self::Guard<'_> {
        (self.before)();
        self.taken.set(self.taken.get() + 1);
        self.mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[test]
fn a_lock_of_ones_own() {
    let lock = Watched::new(|| {});
    takes_the_lock_for_the_last_put_only(
        &lock,
        |f| {
            let _held = lock.mutex.lock().unwrap();
            f();
        },
        || lock.is_free(),
    );
    assert_eq!(lock.taken.get(), 2); // one for each of the two counts
}

#[test]
fn no_lock_is_taken_while_the_count_is_above_one() {
    let lock = Watched::new(|| {});
    for start in [2, 3, 100, RefCount::MAX] {
        let count = RefCount::new(start);
        let puts = if cfg!(miri) { 10 } else { 10_000 }.min(start - 1);
        for _ in 0..puts {
            assert!(count.dec_and_lock(&lock).is_none());
        }
        assert_eq!(count.count(), start - puts);
    }
    assert_eq!(lock.taken.get(), 0);
}

#[test]
fn no_lock_is_taken_for_a_saturated_count() {
    let lock = Watched::new(|| {});
    let count = RefCount::new(RefCount::SATURATED);
    for _ in 0..10 {
        assert!(count.dec_and_lock(&lock).is_none());
    }
    assert_eq!(lock.taken.get(), 0);
    assert!(count.is_saturated());
}

#[test]
fn a_reference_taken_before_the_lock_was_ours_saves_the_object() {
    let kref = Kref::new();
    let lock = Watched::new(|| kref.get());
    assert!(kref.put_lock(&lock).is_none());
    assert_eq!(kref.count(), 1);
    assert_eq!(lock.taken.get(), 1);
    assert!(lock.is_free(), "the lock is released again");
}

#[test]
fn many_references_taken_before_the_lock_was_ours_save_the_object() {
    let kref = Kref::new();
    let lock = Watched::new(|| kref.as_ref().add(10));
    assert!(kref.put_lock(&lock).is_none());
    assert_eq!(kref.count(), 10);
    assert!(lock.is_free());
}

#[test]
fn a_reference_taken_and_put_before_the_lock_was_ours_changes_nothing() {
    let kref = Kref::new();
    let lock = Watched::new(|| {
        kref.get();
        assert!(!kref.put());
    });
    let guard = kref.put_lock(&lock);
    assert!(guard.is_some());
    assert_eq!((kref.count(), lock.taken.get()), (0, 1));
}

#[test]
fn saturation_before_the_lock_was_ours_keeps_the_object() {
    let kref = Kref::new();
    let lock = Watched::new(|| kref.as_ref().add(RefCount::MAX));
    // The misuse is reported on stderr: without `std` there is no other hook that is this thread's own.
    assert!(kref.put_lock(&lock).is_none());
    assert!(kref.as_ref().is_saturated());
    assert!(lock.is_free());
}

#[test]
fn a_lock_that_panics_leaves_the_reference() {
    let kref = Kref::new();
    let broken = Watched::new(|| panic!("of the lock's own"));
    let result = catch_unwind(AssertUnwindSafe(|| kref.put_lock(&broken).is_some()));
    assert!(result.is_err());
    assert_eq!(kref.count(), 1);
    assert!(kref.put_lock(&Watched::new(|| {})).is_some());
}

/// The count may be gone after the put; the guard is the lock's.
#[test]
fn the_guard_outlives_the_count() {
    let lock = Watched::new(|| {});
    let guard = {
        let kref = Box::new(Kref::new());
        kref.put_lock(&lock)
    };
    assert!(guard.is_some() && !lock.is_free());
}
