//! The types over portable-atomic's atomics.
//!
//! `scripts/portable.sh` runs these with portable-atomic's locks in place of 128-bit instructions, and then with critical
//! sections in place of all read-modify-write instructions, as on targets without compare-and-swap.

use std::sync::Mutex;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::thread;

use kref::atomic::{Atomic, AtomicExt, AtomicInt, Portable};
use kref::{HandBack, Kref, LList, RcuRef, Ref, RefCount, UniqueRef};

const THREADS: u32 = 4;
const ROUNDS: u32 = if cfg!(miri) { 20 } else { 2_000 };

#[test]
fn the_conditional_operations() {
    let n = portable_atomic::AtomicU32::new(2);
    assert_eq!(n.dec_if_positive(Relaxed), Ok(2));
    assert!(n.dec_if_one(Acquire));
    assert!(!n.inc_not_zero(Relaxed));
    assert_eq!(n.raise_to(7, AcqRel), Ok(0));
    assert_eq!(n.raise_to(6, AcqRel), Err(7));
    assert_eq!(n.set_bits(8, Relaxed), 7);
    assert_eq!(AtomicInt::fetch_sub(&n, 16, Relaxed), 15);
    assert_eq!(Atomic::load(&n, Relaxed), u32::MAX);
    let wide = portable_atomic::AtomicI64::new(i64::MAX);
    assert_eq!(wide.fetch_inc(Relaxed), i64::MAX);
    assert_eq!(wide.dec_if_positive(Relaxed), Err(i64::MIN));
    assert_eq!(
        portable_atomic::AtomicU64::new(1).dec_if_positive(Relaxed),
        Ok(1)
    );
    let flag = portable_atomic::AtomicBool::new(false);
    assert_eq!(
        flag.cas_loop(AcqRel, |old| (!old).then_some(true)),
        Ok(false)
    );
    let mut value = 5;
    let pointer = portable_atomic::AtomicPtr::new(&raw mut value);
    assert!(!Atomic::swap(&pointer, std::ptr::null_mut(), AcqRel).is_null());
}

/// The widths that `Portable` consists of are critical sections exactly when the feature asks for them.
#[test]
fn what_makes_the_counts_atomic() {
    let lock_free = !cfg!(feature = "critical-section");
    assert_eq!(portable_atomic::AtomicU32::is_lock_free(), lock_free);
    assert_eq!(portable_atomic::AtomicUsize::is_lock_free(), lock_free);
    assert_eq!(portable_atomic::AtomicPtr::<u8>::is_lock_free(), lock_free);
}

/// Where the processor has no such instruction, or portable-atomic is told so, it takes a lock.
#[test]
fn operations_that_a_lock_makes_atomic() {
    use portable_atomic::{AtomicI128, AtomicU128};

    assert!(!(cfg!(portable_atomic_no_outline_atomics) && AtomicU128::is_lock_free()));
    let top = AtomicU128::new(0);
    let tickets = AtomicI128::new((THREADS * ROUNDS / 2).into());
    let sold = portable_atomic::AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (top, tickets, sold) = (&top, &tickets, &sold);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let _ = top.raise_to(u128::from(round * THREADS + thread) << 64, AcqRel);
                    if tickets.dec_if_positive(Acquire).is_ok() {
                        sold.fetch_inc(Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(
        Atomic::load(&top, Relaxed) >> 64,
        (THREADS * ROUNDS - 1).into()
    );
    assert_eq!(Atomic::load(&tickets, Relaxed), 0);
    assert_eq!(
        Atomic::load(&sold, Relaxed),
        (THREADS * ROUNDS / 2) as usize
    );
}

/// Every thread gets and puts; the last put of all is told so, once.
#[test]
fn the_last_put_is_told_so() {
    fn race(get: impl Fn() + Sync, put: impl Fn() -> bool + Sync) {
        let lasts = Mutex::new(0);
        for _ in 0..THREADS - 1 {
            get();
        }
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        get();
                        assert!(!put());
                    }
                    *lasts.lock().unwrap() += u32::from(put());
                });
            }
        });
        assert_eq!(lasts.into_inner().unwrap(), 1);
    }
    let count = RefCount::<Portable>::new_in(1);
    race(|| count.inc(), || count.dec_and_test());
    let kref = Kref::<Portable>::new_in();
    race(|| kref.get(), || kref.put());
    let (kref, lock) = (Kref::<Portable>::new_in(), Mutex::new(()));
    race(|| kref.get(), || kref.put_lock(&lock).is_some());
    let (hand_back, lock) = (HandBack::<Portable>::new_in(1), Mutex::new(()));
    race(|| hand_back.get(), || hand_back.put_lock(&lock).is_some());
    let rcu = RcuRef::<Portable>::new_in(1);
    race(|| assert!(rcu.get()), || rcu.put());
}

#[test]
fn values_and_lists() {
    let value: Ref<_, Portable> = UniqueRef::share(UniqueRef::new_in(String::from("text")));
    let list = LList::<_, Portable>::new_in();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    list.push(value.clone());
                }
            });
        }
    });
    assert_eq!(Ref::count_hint(&value), 1 + THREADS * ROUNDS);
    assert!(list.take_all().into_iter().all(|other| *other == "text"));
    assert_eq!(Ref::try_unwrap(value).unwrap(), "text");
}
