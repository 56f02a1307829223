//! [`WeakRef`] and [`Weak`]: the value is destroyed once, after every use of it, by one of several threads
//! that each believed to drop the last reference; the memory is freed once, after that; nothing leaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kref::RefCount;
use kref::atomic::{Atomic, Backend};
use kref::weak::{Weak, WeakRef};
use loom::thread;

use crate::backend::{live_atomics, tally};
use crate::object::{no_write, one_write};
use crate::refs::Value;
use crate::{check, check_bounded, over_backends};

type Strong<B> = WeakRef<Value, B>;
type Pointer<B> = Weak<Value, B>;

/// What a thread of a model begins with.
enum Part<B: Backend> {
    /// A strong reference.
    Strong(fn(Strong<B>)),
    /// A weak one.
    Weak(fn(Pointer<B>)),
    /// One of each.
    Both(fn(Strong<B>, Pointer<B>)),
}

/// Gives each thread its own references to a new value, the calling thread the last, and checks that
/// the value has been destroyed, and the memory freed, when all are done. Returns how many took it.
fn share<B: Backend, const N: usize>(parts: [Part<B>; N]) -> u32 {
    let before = live_atomics();
    let value = Value::new();
    let (destroyed, taken) = (Arc::clone(&value.destroyed), Arc::clone(&value.taken));
    let first = WeakRef::<_, B>::new_in(value);
    let mut bodies: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
    for part in parts {
        let (strong, weak) = (first.clone(), WeakRef::downgrade(&first));
        bodies.push(match part {
            Part::Strong(body) => {
                drop(weak);
                Box::new(move || body(strong))
            }
            Part::Weak(body) => {
                drop(strong);
                Box::new(move || body(weak))
            }
            Part::Both(body) => Box::new(move || body(strong, weak)),
        });
    }
    drop(first);
    let last = bodies.pop().unwrap();
    let others = Vec::from_iter(bodies.into_iter().map(|body| thread::spawn(body)));
    last();
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(destroyed.load(Relaxed), 1);
    assert_eq!(live_atomics(), before, "memory leaks");
    taken.load(Relaxed)
}

fn put<B: Backend>(value: Strong<B>) {
    value.touch();
    drop(value);
}

fn put_weak<B: Backend>(weak: Pointer<B>) {
    drop(weak);
}

/// One write, unless the upgrade comes between the last put and its mark, or fails far from the middle.
fn upgrade<B: Backend>(weak: &Pointer<B>) -> Option<Strong<B>> {
    let (value, tally) = tally(|| weak.upgrade());
    assert!((1..=2).contains(&tally.writes), "{tally:?}");
    value
}

fn upgrade_and_put<B: Backend>(weak: Pointer<B>) {
    if let Some(value) = upgrade(&weak) {
        put(value);
    }
}

/// The weak reference goes first.
fn upgrade_and_put_last<B: Backend>(weak: Pointer<B>) {
    let value = upgrade(&weak);
    drop(weak);
    if let Some(value) = value {
        put(value);
    }
}

fn upgrade_if_live_and_put<B: Backend>(weak: Pointer<B>) {
    if let Some(value) = weak.upgrade_if_live() {
        put(value);
    } else {
        assert!(weak.is_dead());
        no_write(|| assert!(weak.upgrade_if_live().is_none()));
    }
}

fn upgrade_twice<B: Backend>(weak: Pointer<B>) {
    let dead = upgrade(&weak).map(put).is_none();
    let second = upgrade(&weak);
    assert!(!(dead && second.is_some()), "dead is final");
}

/// A strong reference becomes a weak one, and that a strong one, if it can.
fn downgrade_and_upgrade<B: Backend>(value: Strong<B>) {
    let weak = one_write(|| WeakRef::downgrade(&value));
    put(value);
    upgrade_and_put_last(weak);
}

fn downgrade_and_put<B: Backend>(value: Strong<B>) {
    let weak = WeakRef::downgrade(&value);
    put(value);
    drop(weak);
}

fn take<B: Backend>(value: Strong<B>) {
    let taken = Arc::clone(&value.taken);
    if let Some(mut value) = WeakRef::into_inner(value) {
        value.claim();
        taken.fetch_add(1, Relaxed);
    }
}

fn upgrade_and_take<B: Backend>(weak: Pointer<B>) {
    if let Some(value) = upgrade(&weak) {
        value.touch();
        take(value);
    }
}

fn try_take<B: Backend>(value: Strong<B>) {
    value.touch();
    match WeakRef::try_unwrap(value) {
        Ok(mut value) => value.claim(),
        Err(value) => put(value),
    }
}

fn change<B: Backend>(mut value: Strong<B>) {
    value.touch();
    if let Some(value) = WeakRef::get_mut(&mut value) {
        value.claim();
    }
    put(value);
}

fn change_own<B: Backend>(mut value: Strong<B>) {
    value.touch();
    WeakRef::make_mut(&mut value).claim();
    put(value);
}

use Part::{Strong as S, Weak as W};

fn upgrade_beside_the_put<B: Backend>() {
    share::<B, 2>([W(upgrade_and_put), S(put)]);
}

fn upgrade_without_the_weak_beside_the_put<B: Backend>() {
    share::<B, 2>([W(upgrade_and_put_last), S(put)]);
}

fn upgrade_if_live_beside_the_put<B: Backend>() {
    share::<B, 2>([W(upgrade_if_live_and_put), S(put)]);
}

fn two_upgrades_in_turn_beside_the_put<B: Backend>() {
    share::<B, 2>([W(upgrade_twice), S(put)]);
}

fn two_upgraders_beside_the_put<B: Backend>() {
    share::<B, 3>([W(upgrade_and_put), W(upgrade_and_put_last), S(put)]);
}

fn upgrade_beside_two_puts<B: Backend>() {
    share::<B, 3>([W(upgrade_and_put_last), S(put), S(put)]);
}

fn last_weak_beside_the_last_strong<B: Backend>() {
    share::<B, 2>([W(put_weak), S(put)]);
}

fn two_weak_beside_the_last_strong<B: Backend>() {
    share::<B, 3>([W(put_weak), W(put_weak), S(put)]);
}

fn new_weak_beside_the_last_strong<B: Backend>() {
    share::<B, 2>([S(downgrade_and_put), S(put)]);
}

/// The put finds one in the weak count, or must not.
fn put_beside_a_downgrade<B: Backend>() {
    share::<B, 2>([S(downgrade_and_upgrade), S(put)]);
}

fn put_beside_a_downgrade_and_an_upgrade<B: Backend>() {
    share::<B, 3>([S(downgrade_and_upgrade), W(upgrade_and_put), S(put)]);
}

fn into_inner_has_one_winner<B: Backend>() {
    assert_eq!(share::<B, 2>([S(take), S(take)]), 1);
}

fn into_inner_of_an_upgrade_has_one_winner<B: Backend>() {
    assert_eq!(share::<B, 2>([W(upgrade_and_take), S(take)]), 1);
}

fn into_inner_of_three_has_one_winner<B: Backend>() {
    assert_eq!(share::<B, 3>([W(upgrade_and_take), S(take), S(take)]), 1);
}

fn try_unwrap_beside_an_upgrade<B: Backend>() {
    share::<B, 2>([W(upgrade_and_put_last), S(try_take)]);
}

fn try_unwrap_beside_a_downgrade<B: Backend>() {
    share::<B, 2>([S(downgrade_and_put), S(try_take)]);
}

fn try_unwrap_twice<B: Backend>() {
    share::<B, 2>([S(try_take), S(try_take)]);
}

fn get_mut_beside_an_upgrade<B: Backend>() {
    share::<B, 2>([W(upgrade_and_put_last), S(change)]);
}

fn get_mut_beside_a_downgrade<B: Backend>() {
    share::<B, 2>([S(downgrade_and_upgrade), S(change)]);
}

fn get_mut_beside_a_downgrade_and_an_upgrade<B: Backend>() {
    share::<B, 3>([S(downgrade_and_upgrade), W(upgrade_and_put_last), S(change)]);
}

fn get_mut_beside_two_upgrades<B: Backend>() {
    share::<B, 3>([W(upgrade_and_put_last), W(upgrade_and_put_last), S(change)]);
}

/// Strong becomes weak and weak becomes strong, each in a thread that keeps the other kind for a while.
fn get_mut_beside_both<B: Backend>() {
    share::<B, 2>([
        Part::Both(|value, weak| {
            put(value);
            downgrade_and_upgrade(match upgrade(&weak) {
                Some(value) => value,
                None => return,
            });
            drop(weak);
        }),
        S(change),
    ]);
}

fn get_mut_twice<B: Backend>() {
    share::<B, 2>([S(change), S(change)]);
}

fn make_mut_beside_an_upgrade<B: Backend>() {
    share::<B, 2>([W(upgrade_and_put_last), S(change_own)]);
}

fn make_mut_beside_a_downgrade<B: Backend>() {
    share::<B, 2>([S(downgrade_and_upgrade), S(change_own)]);
}

fn make_mut_twice<B: Backend>() {
    share::<B, 2>([S(change_own), S(change_own)]);
}

/// An upgrade yields the whole value, or fails.
fn upgrade_beside_the_birth<B: Backend>() {
    let before = live_atomics();
    let mut other = None;
    let value = WeakRef::<_, B>::new_cyclic_in(|weak| {
        let weak = weak.clone();
        other = Some(thread::spawn(move || upgrade_and_put(weak)));
        let mut value = Value::new();
        value.claim();
        value
    });
    let destroyed = Arc::clone(&value.destroyed);
    put(value);
    other.unwrap().join().unwrap();
    assert_eq!(destroyed.load(Relaxed), 1);
    assert_eq!(live_atomics(), before, "memory leaks");
}

/// A value that holds a weak reference to itself dies during an upgrade, which finds that reference
/// too.
fn a_circle_beside_an_upgrade<B: Backend>() {
    struct Circle<B: Backend> {
        me: Weak<Circle<B>, B>,
        value: Value,
    }
    let before = live_atomics();
    let circle = WeakRef::<_, B>::new_cyclic_in(|me| Circle {
        me: me.clone(),
        value: Value::new(),
    });
    let destroyed = Arc::clone(&circle.value.destroyed);
    let weak = WeakRef::downgrade(&circle);
    let other = thread::spawn(move || {
        if let Some(circle) = weak.upgrade() {
            drop(weak);
            circle.me.upgrade().expect("alive").value.touch();
        }
    });
    circle.value.touch();
    drop(circle);
    other.join().unwrap();
    assert_eq!(destroyed.load(Relaxed), 1);
    assert_eq!(live_atomics(), before, "memory leaks");
}

/// Returns the word of the strong count, which ends where the value begins.
fn word<B: Backend>(value: &Strong<B>) -> &B::U32 {
    let place = WeakRef::as_ptr(value).cast::<B::U32>().wrapping_sub(1);
    // SAFETY: it is there, and lives as long as any reference.
    unsafe { &*place }
}

/// Two threads take a count past its maximum and back: nobody is told that its reference was the last.
fn overflow_beside_overflow<B: Backend>() {
    fn get_and_put<B: Backend>(value: &Strong<B>, weak: &Pointer<B>) {
        drop(value.clone());
        drop(weak.upgrade().expect("alive"));
        value.touch();
    }
    let value = WeakRef::<_, B>::new_in(Value::new());
    let destroyed = Arc::clone(&value.destroyed);
    let (theirs, weak) = (value.clone(), WeakRef::downgrade(&value));
    let their_weak = weak.clone();
    word(&value).store((1 << 31) - 1, Relaxed); // the maximum, as references less one
    let thread = thread::spawn(move || get_and_put(&theirs, &their_weak));
    get_and_put(&value, &weak);
    thread.join().unwrap();
    assert_eq!(destroyed.load(Relaxed), 0);
    assert_eq!(WeakRef::count_hint(&value), RefCount::SATURATED);
    // A put or an upgrade of a saturated word moves it by one.
    assert!(word(&value).load(Relaxed).abs_diff(0xA000_0000) < 4);
    word(&value).store(0, Relaxed); // one reference, so that it does not leak
}

/// What each operation writes, with nobody else about.
fn what_costs_what<B: Backend>() {
    let destroyed = Arc::new(AtomicU32::new(0));
    let new = || {
        let mut value = Value::new();
        value.destroyed = Arc::clone(&destroyed);
        WeakRef::<_, B>::new_in(value)
    };
    // No `Weak`: the last put is one write.
    let mut value = new();
    let other = one_write(|| value.clone());
    one_write(|| drop(other));
    let (_, tally_of_get_mut) = tally(|| WeakRef::get_mut(&mut value).is_some());
    assert_eq!(tally_of_get_mut.writes, 2);
    one_write(|| drop(value));
    // The `Weak` goes first, or last.
    for weak_first in [true, false] {
        let value = new();
        let weak = one_write(|| WeakRef::downgrade(&value));
        let other = one_write(|| weak.clone());
        drop(one_write(|| weak.upgrade()));
        one_write(|| drop(other));
        if weak_first {
            one_write(|| drop(weak));
            one_write(|| drop(value));
        } else {
            let (_, put) = tally(|| drop(value));
            assert_eq!(put.writes, 3);
            assert!(one_write(|| weak.upgrade()).is_none());
            no_write(|| assert!(weak.is_dead() && weak.upgrade_if_live().is_none()));
            no_write(|| drop(weak));
        }
    }
    let dangling = Pointer::<B>::new_in();
    no_write(|| assert!(dangling.clone().upgrade().is_none()));
    assert_eq!(destroyed.load(Relaxed), 3);
}

over_backends! {
    upgrade_beside_the_put: |model| check_bounded(3, model);
    upgrade_without_the_weak_beside_the_put: |model| check_bounded(3, model);
    upgrade_if_live_beside_the_put: |model| check_bounded(3, model);
    two_upgrades_in_turn_beside_the_put: |model| check_bounded(3, model);
    upgrade_beside_two_puts: |model| check_bounded(2, model);
    last_weak_beside_the_last_strong: |model| check_bounded(3, model);
    two_weak_beside_the_last_strong: |model| check_bounded(2, model);
    new_weak_beside_the_last_strong: |model| check_bounded(3, model);
    put_beside_a_downgrade: |model| check_bounded(3, model);
    put_beside_a_downgrade_and_an_upgrade: |model| check_bounded(2, model);
    into_inner_has_one_winner: |model| check_bounded(3, model);
    into_inner_of_an_upgrade_has_one_winner: |model| check_bounded(3, model);
    into_inner_of_three_has_one_winner: |model| check_bounded(2, model);
    try_unwrap_beside_an_upgrade: |model| check_bounded(3, model);
    try_unwrap_beside_a_downgrade: |model| check_bounded(3, model);
    try_unwrap_twice: |model| check_bounded(3, model);
    get_mut_beside_an_upgrade: |model| check_bounded(3, model);
    get_mut_beside_a_downgrade: |model| check_bounded(3, model);
    get_mut_beside_a_downgrade_and_an_upgrade: |model| check_bounded(2, model);
    get_mut_beside_both: |model| check_bounded(3, model);
    get_mut_twice: |model| check_bounded(3, model);
    make_mut_beside_an_upgrade: |model| check_bounded(3, model);
    make_mut_beside_a_downgrade: |model| check_bounded(3, model);
    make_mut_twice: |model| check_bounded(3, model);
    upgrade_beside_the_birth: |model| check_bounded(3, model);
    a_circle_beside_an_upgrade: |model| check_bounded(3, model);
    overflow_beside_overflow: |model| check_bounded(2, model);
    what_costs_what: check;
}

/// Three threads that all may close: fewer preemptions where each operation is a loop.
mod three_closers {
    use crate::backend::{CasOnly, Rmw};
    use crate::check_bounded;

    #[test]
    fn two_upgraders_beside_the_put() {
        check_bounded(2, super::two_upgraders_beside_the_put::<Rmw>);
        check_bounded(1, super::two_upgraders_beside_the_put::<CasOnly>);
    }

    #[test]
    fn get_mut_beside_two_upgrades() {
        check_bounded(1, super::get_mut_beside_two_upgrades::<Rmw>);
        check_bounded(1, super::get_mut_beside_two_upgrades::<CasOnly>);
    }
}
