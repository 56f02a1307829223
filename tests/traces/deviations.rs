//! Code that deviates from the proven protocols, planted: the replay has to notice each of them. Here, counts in an index
//! under a lock.

use std::marker::PhantomData;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use kref::atomic::{Atomic, AtomicInt};
use kref::lock::Lock;

use crate::recorder::{Index, Recorded};
use crate::replay::OUTSIDE;
use crate::scenarios::{self, Count};
use crate::{accepts, rejects};

type Guard<'a> = <Index as Lock>::Guard<'a>;

/// Code for a count in an index. What a variant does not override is right.
trait Variant: 'static {
    fn get(refs: &Recorded) {
        refs.fetch_add(1, Relaxed);
    }
    fn get_locked(refs: &Recorded) {
        Self::get(refs);
    }
    fn try_get(refs: &Recorded) -> bool {
        inc_not_zero(refs)
    }
    fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>>;

    const GETS_LATE: bool = false;
    const UNLINKS_LATE: bool = false;
    const NEVER_UNLINKS: bool = false;
}

/// The count of a variant.
struct Of<V>(Recorded, PhantomData<fn() -> V>);

impl<V: Variant> Count for Of<V> {
    fn new() -> Self {
        Self(Recorded::new(1), PhantomData)
    }
    fn get(&self) {
        V::get(&self.0);
    }
    fn get_locked(&self) {
        V::get_locked(&self.0);
    }
    fn try_get(&self) -> bool {
        V::try_get(&self.0)
    }
    fn put<'a>(&self, index: &'a Index) -> Option<Guard<'a>> {
        V::put(&self.0, index)
    }

    const GETS_LATE: bool = V::GETS_LATE;
    const UNLINKS_LATE: bool = V::UNLINKS_LATE;
    const NEVER_UNLINKS: bool = V::NEVER_UNLINKS;
}

// The right parts.

pub fn inc_not_zero(refs: &Recorded) -> bool {
    let mut found = refs.load(Relaxed);
    while found != 0 {
        match refs.compare_exchange(found, found.wrapping_add(1), Acquire, Relaxed) {
            Ok(_) => return true,
            Err(_) => found = refs.load(Relaxed),
        }
    }
    false
}

fn dec_not_one(refs: &Recorded) -> bool {
    let mut found = refs.load(Relaxed);
    while found != 1 {
        match refs.compare_exchange(found, found.wrapping_sub(1), Release, Relaxed) {
            Ok(_) => return true,
            Err(_) => found = refs.load(Relaxed),
        }
    }
    false
}

pub fn dec_and_test(refs: &Recorded) -> bool {
    let is_last = refs.fetch_sub(1, Release) == 1;
    if is_last {
        let _ = refs.load(Acquire);
    }
    is_last
}

fn lock_and_dec<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
    let guard = index.lock();
    dec_and_test(refs).then_some(guard)
}

/// Right, all of it: it has to be accepted, or the others would be rejected for another reason than their fault.
struct PutLock;

impl Variant for PutLock {
    fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
        if dec_not_one(refs) {
            None
        } else {
            lock_and_dec(refs, index)
        }
    }
}

/// Right, likewise.
struct HandBack;

impl HandBack {
    fn get_locked(refs: &Recorded) {
        if refs.fetch_add(1, Relaxed) == 0 {
            refs.fetch_add(1, Relaxed);
        }
    }
    fn settle<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
        let guard = index.lock();
        (refs.load(Relaxed) == 0 || dec_and_test(refs)).then_some(guard)
    }
    fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
        if dec_and_test(refs) {
            Self::settle(refs, index)
        } else {
            None
        }
    }
}

impl Variant for HandBack {
    fn get_locked(refs: &Recorded) {
        Self::get_locked(refs);
    }
    fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
        Self::put(refs, index)
    }
}

#[test]
fn what_is_right_is_accepted() {
    accepts("put_lock", &OUTSIDE, &[], scenarios::index::<Of<PutLock>>);
    accepts(
        "hand_back",
        &OUTSIDE,
        &["insertion"],
        scenarios::index::<Of<HandBack>>,
    );
}

/// Defines a variant of `PutLock` or `HandBack` with another part, and the test that it is rejected.
macro_rules! deviations {
    ($($table:literal $(#[$doc:meta])* $test:ident $Name:ident $body:tt)*) => {$(
        $(#[$doc])*
        struct $Name;
        impl Variant for $Name $body
        #[test]
        fn $test() {
            rejects($table, &OUTSIDE, scenarios::index::<Of<$Name>>);
        }
    )*};
}

deviations! {
    "put_lock"
    /// Decides by a second look at the count, and decrements by a store.
    second_look SecondLook {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            if dec_not_one(refs) {
                return None;
            }
            let guard = index.lock();
            if refs.load(Acquire) != 1 {
                drop(guard);
                return Self::put(refs, index);
            }
            refs.store(0, Release);
            Some(guard)
        }
    }

    "put_lock"
    /// Makes the step to zero before it has the lock.
    zero_outside_the_lock ZeroOutside {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            dec_and_test(refs).then(|| index.lock())
        }
    }

    "put_lock"
    /// Takes the lock for the step to zero, but makes it first.
    decrements_then_locks DecrementsThenLocks {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            if dec_not_one(refs) {
                return None;
            }
            let is_last = dec_and_test(refs);
            let guard = index.lock();
            is_last.then_some(guard)
        }
    }

    "put_lock"
    /// Decrements twice where the loop has succeeded.
    double_put DoublePut {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            if dec_not_one(refs) && dec_not_one(refs) {
                return None;
            }
            lock_and_dec(refs, index)
        }
    }

    "put_lock"
    /// Takes a compare-exchange that failed for a success.
    failure_is_success FailureIsSuccess {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            let found = refs.load(Relaxed);
            if found != 1 {
                let _ = refs.compare_exchange(found, found.wrapping_sub(1), Release, Relaxed);
                return None;
            }
            lock_and_dec(refs, index)
        }
    }

    "put_lock"
    /// Believes that it is the last because it was when it looked.
    sure_that_it_is_the_last Sure {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            if dec_not_one(refs) {
                return None;
            }
            let guard = index.lock();
            refs.fetch_sub(1, Release);
            let _ = refs.load(Acquire);
            Some(guard)
        }
    }

    "put_lock"
    /// Decrements by a load and a store.
    store_for_the_decrement Store {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            if dec_not_one(refs) {
                return None;
            }
            let guard = index.lock();
            let found = refs.load(Relaxed);
            refs.store(found.wrapping_sub(1), Release);
            (found == 1).then_some(guard)
        }
    }

    "put_lock"
    /// Looks at the count after a decrement that was not the last.
    touches_afterwards Touches {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            if dec_not_one(refs) {
                let _ = refs.load(Relaxed);
                return None;
            }
            lock_and_dec(refs, index)
        }
    }

    "put_lock"
    /// Never decrements the last reference.
    no_decrement NoDecrement {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            if dec_not_one(refs) { None } else { Some(index.lock()) }
        }
    }

    "put_lock"
    /// Takes the lookup's reference after it has unlocked.
    gets_late GetsLate {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            <PutLock as Variant>::put(refs, index)
        }
        const GETS_LATE: bool = true;
    }

    "put_lock"
    /// Unlocks before it unlinks.
    unlinks_late UnlinksLate {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            <PutLock as Variant>::put(refs, index)
        }
        const UNLINKS_LATE: bool = true;
    }

    "put_lock"
    /// Leaves the object in the index.
    never_unlinks NeverUnlinks {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            <PutLock as Variant>::put(refs, index)
        }
        const NEVER_UNLINKS: bool = true;
    }

    "put_lock"
    /// Gets by a load and a store.
    store_for_the_get StoreGet {
        fn get(refs: &Recorded) {
            let found = refs.load(Relaxed);
            refs.store(found.wrapping_add(1), Relaxed);
        }
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            <PutLock as Variant>::put(refs, index)
        }
    }

    "put_lock"
    /// Adds without the lock before it looks.
    adds_first AddsFirst {
        fn try_get(refs: &Recorded) -> bool {
            let is_alive = refs.fetch_add(1, Acquire) != 0;
            if !is_alive {
                refs.fetch_sub(1, Relaxed);
            }
            is_alive
        }
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            <PutLock as Variant>::put(refs, index)
        }
    }

    "put_lock"
    /// Decrements without Release.
    relaxed_decrement RelaxedDecrement {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            if dec_not_one(refs) {
                return None;
            }
            let guard = index.lock();
            let is_last = refs.fetch_sub(1, Relaxed) == 1;
            is_last.then(|| {
                let _ = refs.load(Acquire);
                guard
            })
        }
    }

    "hand_back"
    /// Does not hand back.
    no_hand_back NoHandBack {
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            HandBack::put(refs, index)
        }
    }

    "hand_back"
    /// Is handed its reference back, but leaves it.
    leaves_what_was_handed_back Leaves {
        fn get_locked(refs: &Recorded) {
            HandBack::get_locked(refs);
        }
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            if !dec_and_test(refs) {
                return None;
            }
            let guard = index.lock();
            (refs.load(Relaxed) == 0).then_some(guard)
        }
    }

    "hand_back"
    /// Hands back in any case.
    hands_back_always Always {
        fn get_locked(refs: &Recorded) {
            refs.fetch_add(1, Relaxed);
            refs.fetch_add(1, Relaxed);
        }
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            HandBack::put(refs, index)
        }
    }

    "hand_back"
    /// Hands back by a store.
    hands_back_by_a_store HandsBackByStore {
        fn get_locked(refs: &Recorded) {
            if refs.fetch_add(1, Relaxed) == 0 {
                refs.store(2, Relaxed);
            }
        }
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            HandBack::put(refs, index)
        }
    }

    "hand_back"
    /// Takes and hands back in one addition, decided by a look.
    hands_back_after_a_look AfterALook {
        fn get_locked(refs: &Recorded) {
            let n = if refs.load(Relaxed) == 0 { 2 } else { 1 };
            refs.fetch_add(n, Relaxed);
        }
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            HandBack::put(refs, index)
        }
    }

    "hand_back"
    /// Decides before it has the lock.
    looks_before_the_lock LooksBefore {
        fn get_locked(refs: &Recorded) {
            HandBack::get_locked(refs);
        }
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            if !dec_and_test(refs) {
                return None;
            }
            let is_dead = refs.load(Relaxed) == 0 || dec_and_test(refs);
            let guard = index.lock();
            is_dead.then_some(guard)
        }
    }

    "hand_back"
    /// Does not look, but decrements again.
    second_decrement_in_any_case SecondDecrement {
        fn get_locked(refs: &Recorded) {
            HandBack::get_locked(refs);
        }
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            if !dec_and_test(refs) {
                return None;
            }
            let guard = index.lock();
            let found = refs.fetch_sub(1, Release);
            (found <= 1).then_some(guard)
        }
    }

    "hand_back"
    /// Decides by what is in the count after the decrement, not by what the decrement returned.
    decides_by_a_second_look DecidesBySecondLook {
        fn get_locked(refs: &Recorded) {
            HandBack::get_locked(refs);
        }
        fn put<'a>(refs: &Recorded, index: &'a Index) -> Option<Guard<'a>> {
            refs.fetch_sub(1, Release);
            if refs.load(Acquire) != 0 {
                return None;
            }
            HandBack::settle(refs, index)
        }
    }
}
