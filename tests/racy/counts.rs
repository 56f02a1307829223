//! Counts at their edges: the last put, the put that takes the lock, saturation.

use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kref::{HandBack, Kref, RcuRef, RefCount};

use crate::{Sent, race};

/// An object that is freed by its last put, with bytes outside any cell.
struct Object<C> {
    count: C,
    number: u64,
}

impl<C> Object<C> {
    fn leak(count: C) -> Sent<NonNull<Self>> {
        let object = Box::new(Self { count, number: 7 });
        Sent(NonNull::from(Box::leak(object)))
    }
}

/// Frees an object.
///
/// # Safety
///
/// The caller has dropped the last reference.
unsafe fn free<C>(object: NonNull<Object<C>>) {
    // SAFETY: it came from a box, and nobody else has it.
    let object = unsafe { Box::from_raw(object.as_ptr()) };
    assert_eq!(object.number, 7);
}

/// Two references, dropped at once: one thread frees the object, and the other is not done with its put.
#[test]
fn two_last_puts() {
    race(
        || Object::leak(RefCount::new(2)),
        |object, _| {
            // SAFETY: each thread has a reference.
            let last = unsafe { &(*object.0.as_ptr()).count }.dec_and_test();
            if last {
                // SAFETY: just said.
                unsafe { free(object.0) };
            }
            last
        },
        |_, last| assert_ne!(last[0], last[1]),
    );
}

/// The same by a put that takes a lock. The lock outlives both.
#[test]
fn two_last_puts_with_a_lock() {
    race(
        || (Object::leak(Kref::from(RefCount::new(2))), Mutex::new(())),
        |(object, lock), _| {
            // SAFETY: each thread has a reference.
            let guard = unsafe { &(*object.0.as_ptr()).count }.put_lock(lock);
            let last = guard.is_some();
            drop(guard);
            if last {
                // SAFETY: just said.
                unsafe { free(object.0) };
            }
            last
        },
        |_, last| assert_ne!(last[0], last[1]),
    );
}

/// What an index lists: an object, without a reference.
type Listed<C> = Option<Sent<NonNull<Object<C>>>>;

/// An index of one object.
type Index<C> = Mutex<Listed<C>>;

fn index<C>(count: C) -> Index<C> {
    Mutex::new(Some(Object::leak(count)))
}

/// Puts a reference by `put`, which yields the index if it was the last.
fn end<C>(object: NonNull<Object<C>>, index: Option<MutexGuard<'_, Listed<C>>>) {
    if let Some(mut index) = index {
        assert_eq!(index.take().map(|listed| listed.0), Some(object));
        drop(index);
        // SAFETY: the last reference is gone, and it is not listed any more.
        unsafe { free(object) };
    }
}

/// One thread drops the only reference, and the other looks the object up: it finds an object that is alive, or none.
#[test]
fn last_put_and_lookup_under_the_lock() {
    race(
        || index(Kref::new()),
        |index, who| {
            let object = {
                let listed = index.lock().unwrap_or_else(PoisonError::into_inner);
                // The creator's reference, or one more if the object is listed still.
                match &*listed {
                    None => return,
                    Some(object) if who == 0 => object.0,
                    Some(object) => {
                        // SAFETY: what is listed is alive.
                        unsafe { object.0.as_ref() }.count.get();
                        object.0
                    }
                }
            };
            // SAFETY: this thread has a reference.
            let guard = unsafe { &(*object.as_ptr()).count }.put_lock(index);
            end(object, guard);
        },
        |index, _| assert!(index.into_inner().unwrap().is_none()),
    );
}

/// The same with a put that hands back.
#[test]
fn last_hand_back_and_lookup_under_the_lock() {
    race(
        || index(HandBack::new()),
        |index, who| {
            let object = {
                let listed = index.lock().unwrap_or_else(PoisonError::into_inner);
                match &*listed {
                    None => return,
                    Some(object) if who == 0 => object.0,
                    Some(object) => {
                        // SAFETY: what is listed is alive, or its pending owner waits for the lock.
                        unsafe { object.0.as_ref() }.count.get_locked();
                        object.0
                    }
                }
            };
            // SAFETY: this thread has a reference.
            let guard = unsafe { &(*object.as_ptr()).count }.put_lock(index);
            end(object, guard);
        },
        |index, _| assert!(index.into_inner().unwrap().is_none()),
    );
}

/// A lookup without a lock, in memory that stays: it takes a reference to a live object, or none.
#[test]
fn last_put_and_try_get() {
    race(
        || RefCount::new(1),
        |count, who| match who {
            0 => count.dec_and_test(),
            _ => count.inc_not_zero() && count.dec_and_test(),
        },
        |count, last| {
            assert_ne!(last[0], last[1]);
            assert_eq!(count.count(), 0);
        },
    );
    race(
        || RcuRef::new(1),
        |count, who| match who {
            0 => count.put(),
            _ => count.get() && count.put(),
        },
        |count, last| {
            assert_ne!(last[0], last[1]);
            assert!(!count.get());
        },
    );
}

/// One thread adds beyond the largest value, and the other drops a reference: the object is never free again.
#[test]
fn saturation_and_put() {
    race(
        || RefCount::new(RefCount::MAX),
        |count, who| match who {
            0 => {
                count.add(2);
                false
            }
            _ => count.dec_and_test() || count.inc_not_zero() && count.dec_and_test(),
        },
        |count, last| {
            assert_eq!(last, [false, false]);
            assert!(count.is_saturated());
        },
    );
}

/// Of a claim that nobody else has a reference, and a try-get, one fails.
#[test]
fn freeze_and_try_get() {
    race(
        || RefCount::new(1),
        |count, who| match who {
            0 => count.try_freeze(1).is_some(),
            _ => count.inc_not_zero(),
        },
        |count, [_, got]| assert_eq!(count.count(), 1 + u32::from(got)),
    );
}
