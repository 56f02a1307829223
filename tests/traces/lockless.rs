//! Code that deviates, planted: counts that are found without a lock, and counts that can be frozen.

use std::marker::PhantomData;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use kref::atomic::{Atomic, AtomicInt};

use crate::deviations::{dec_and_test, inc_not_zero};
use crate::recorder::{Recorded, turn};
use crate::replay::OUTSIDE;
use crate::scenarios::{self, FrozenCount, RcuCount};
use crate::{accepts, rejects};

#[test]
fn what_is_right_is_accepted() {
    accepts("rcu_ref", &OUTSIDE, &[], scenarios::rcu::<Rcu<Marks>>);
    let scenario = scenarios::freeze::<Freezing<Claims>>;
    accepts("freeze", &OUTSIDE, &[], scenario);
}

/// Code for a count in memory that outlives the puts. What a variant does not override is right.
trait RcuVariant: 'static {
    fn get(word: &Recorded) -> bool {
        word.fetch_add(1, Acquire).wrapping_add(1) as i32 >= 0
    }
    fn put(word: &Recorded) -> bool {
        word.fetch_sub(1, Release) == 0 && Self::mark(word)
    }
    fn mark(word: &Recorded) -> bool {
        word.compare_exchange(NONE, DEAD, Acquire, Relaxed).is_ok()
    }
}

const NONE: u32 = u32::MAX;
const DEAD: u32 = 0xE000_0000;

struct Rcu<V>(Recorded, PhantomData<fn() -> V>);

impl<V: RcuVariant> RcuCount for Rcu<V> {
    fn new() -> Self {
        Self(Recorded::new(0), PhantomData)
    }
    fn get(&self) -> bool {
        V::get(&self.0)
    }
    fn put(&self) -> bool {
        V::put(&self.0)
    }
}

/// Right.
struct Marks;
impl RcuVariant for Marks {}

/// Marks by a store.
struct MarksByStore;
impl RcuVariant for MarksByStore {
    fn mark(word: &Recorded) -> bool {
        word.store(DEAD, Release);
        true
    }
}

#[test]
fn marks_by_a_store() {
    rejects("rcu_ref", &OUTSIDE, scenarios::rcu::<Rcu<MarksByStore>>);
}

/// Frees where the decrement has left none.
struct NeverMarks;
impl RcuVariant for NeverMarks {
    fn mark(_: &Recorded) -> bool {
        true
    }
}

#[test]
fn never_marks() {
    rejects("rcu_ref", &OUTSIDE, scenarios::rcu::<Rcu<NeverMarks>>);
}

/// Decides by a second look.
struct LooksAgain;
impl RcuVariant for LooksAgain {
    fn put(word: &Recorded) -> bool {
        word.fetch_sub(1, Release);
        word.load(Relaxed) == NONE && Self::mark(word)
    }
}

#[test]
fn looks_again() {
    rejects("rcu_ref", &OUTSIDE, scenarios::rcu::<Rcu<LooksAgain>>);
}

/// Code for a count that can be frozen. What a variant does not override is right.
trait FreezeVariant: 'static {
    fn inc_not_zero(refs: &Recorded) -> bool {
        inc_not_zero(refs)
    }
    fn dec_if_one(refs: &Recorded) -> bool {
        refs.compare_exchange(1, 0, Acquire, Relaxed).is_ok()
    }
    fn freeze(refs: &Recorded, n: u32) -> bool {
        refs.compare_exchange(n, 0, Acquire, Relaxed).is_ok()
    }
    fn thaw(refs: &Recorded, n: u32) {
        let _ = refs.compare_exchange(0, n, Release, Relaxed);
    }
}

struct Freezing<V>(Recorded, PhantomData<fn() -> V>);

impl<V: FreezeVariant> FrozenCount for Freezing<V> {
    fn new() -> Self {
        Self(Recorded::new(1), PhantomData)
    }
    fn inc(&self) {
        self.0.fetch_add(1, Relaxed);
    }
    fn inc_not_zero(&self) -> bool {
        V::inc_not_zero(&self.0)
    }
    fn dec_and_test(&self) -> bool {
        dec_and_test(&self.0)
    }
    fn dec_if_one(&self) -> bool {
        V::dec_if_one(&self.0)
    }
    fn freeze(&self, n: u32, during: fn()) {
        if V::freeze(&self.0, n) {
            during();
            V::thaw(&self.0, n);
        }
    }
}

/// Right.
struct Claims;
impl FreezeVariant for Claims {}

/// Looks whether it is alone, and stores.
struct Looks;
impl FreezeVariant for Looks {
    fn freeze(refs: &Recorded, n: u32) -> bool {
        let is_alone = refs.load(Acquire) == n;
        if is_alone {
            turn();
            refs.store(0, Relaxed);
        }
        is_alone
    }
}

#[test]
fn freezes_after_a_look() {
    rejects("freeze", &OUTSIDE, scenarios::freeze::<Freezing<Looks>>);
}

/// Unfreezes by a store.
struct ThawsByStore;
impl FreezeVariant for ThawsByStore {
    fn thaw(refs: &Recorded, n: u32) {
        refs.store(n, Release);
    }
}

#[test]
fn unfreezes_by_a_store() {
    rejects(
        "freeze",
        &OUTSIDE,
        scenarios::freeze::<Freezing<ThawsByStore>>,
    );
}

/// Gives one reference too few back.
struct ThawsOneLess;
impl FreezeVariant for ThawsOneLess {
    fn thaw(refs: &Recorded, n: u32) {
        let _ = refs.compare_exchange(0, n.max(2) - 1, Release, Relaxed);
    }
}

#[test]
fn unfreezes_to_one_less() {
    rejects(
        "freeze",
        &OUTSIDE,
        scenarios::freeze::<Freezing<ThawsOneLess>>,
    );
}

/// Asks whether it is the only one, and decrements.
struct Asks;
impl FreezeVariant for Asks {
    fn dec_if_one(refs: &Recorded) -> bool {
        refs.load(Relaxed) == 1 && refs.fetch_sub(1, AcqRel) == 1
    }
}

#[test]
fn asks_whether_it_is_the_only_one() {
    rejects("freeze", &OUTSIDE, scenarios::freeze::<Freezing<Asks>>);
}

/// Adds before it looks.
struct AddsBeforeItLooks;
impl FreezeVariant for AddsBeforeItLooks {
    fn inc_not_zero(refs: &Recorded) -> bool {
        refs.fetch_add(1, Acquire) != 0
    }
}

#[test]
fn adds_before_it_looks() {
    rejects(
        "freeze",
        &OUTSIDE,
        scenarios::freeze::<Freezing<AddsBeforeItLooks>>,
    );
}
