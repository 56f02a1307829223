//! The operations of [`RefCount`] that Kref's models do not reach: each claims or publishes a
//! payload, so that an ordering that is too weak is a causality violation.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kref::RefCount;
use kref::atomic::Backend;
use loom::cell::UnsafeCell;

use crate::object::{no_write, one_write, threads};
use crate::{check, check_bounded, over_backends};

/// A count, and a payload that its references may read and its sole owner may write.
struct Counted<B: Backend> {
    refs: RefCount<B>,
    payload: UnsafeCell<u32>,
    owners: AtomicU32,
}

// SAFETY: loom reports it if the payload's accesses race.
unsafe impl<B: Backend> Sync for Counted<B> {}
// SAFETY: as above.
unsafe impl<B: Backend> Send for Counted<B> {}

impl<B: Backend> Counted<B> {
    fn new(refs: u32) -> loom::sync::Arc<Self> {
        loom::sync::Arc::new(Self {
            refs: RefCount::new_in(refs),
            payload: UnsafeCell::new(0),
            owners: AtomicU32::new(0),
        })
    }

    fn read(&self) -> u32 {
        // SAFETY: loom reports it if this races with a write.
        self.payload.with(|value| unsafe { *value })
    }

    fn write(&self, new: u32) {
        // SAFETY: loom reports it if this races with anything.
        self.payload.with_mut(|value| unsafe { *value = new });
    }

    /// Becomes the last owner: happens once, after every use.
    fn own(&self) {
        self.write(1);
        assert_eq!(self.owners.fetch_add(1, Relaxed), 0, "two last references");
    }

    fn assert_owned(&self) {
        assert_eq!(self.owners.load(Relaxed), 1, "no last reference");
    }
}

fn put<B: Backend>(c: &Counted<B>) {
    c.read();
    if one_write(|| c.refs.dec_and_test()) {
        c.own();
    }
}

fn put_two<B: Backend>(c: &Counted<B>) {
    c.read();
    if one_write(|| c.refs.sub_and_test(2)) {
        c.own();
    }
}

fn put_if_one_or_else<B: Backend>(c: &Counted<B>) {
    c.read();
    if c.refs.dec_if_one() {
        c.own();
    } else {
        put(c);
    }
}

/// Takes a reference without having one, and drops it again.
fn visit<B: Backend>(c: &Counted<B>) {
    if one_write_if(|| c.refs.inc_not_zero()) {
        put(c);
    }
}

/// A try-get writes once if it succeeds and not at all if it does not.
#[track_caller]
fn one_write_if(f: impl FnOnce() -> bool) -> bool {
    let (done, tally) = crate::backend::tally(f);
    assert_eq!(tally.writes, u32::from(done));
    done
}

fn sub_and_test_beside_put<B: Backend>() {
    let c = Counted::<B>::new(3);
    threads(&c, [put as fn(&_), put_two]);
    c.assert_owned();
}

fn two_sub_and_tests<B: Backend>() {
    let c = Counted::<B>::new(4);
    threads(&c, [put_two as fn(&_), put_two]);
    c.assert_owned();
}

/// Nobody gets in after the last reference was dropped, and the last is told once.
fn inc_not_zero_never_revives<B: Backend>() {
    let c = Counted::<B>::new(1);
    threads(&c, [put as fn(&_), visit]);
    c.assert_owned();
}

fn inc_not_zero_never_revives_3<B: Backend>() {
    let c = Counted::<B>::new(2);
    threads(&c, [put as fn(&_), put, visit]);
    c.assert_owned();
}

fn dec_if_one_claims<B: Backend>() {
    let c = Counted::<B>::new(2);
    threads(&c, [put as fn(&_), put_if_one_or_else]);
    c.assert_owned();
}

fn dec_if_one_against_inc_not_zero<B: Backend>() {
    let c = Counted::<B>::new(1);
    threads(&c, [put_if_one_or_else as fn(&_), visit]);
    c.assert_owned();
}

/// Freezes if it has the only reference, and writes: every earlier use ended before.
fn freeze_and_write<B: Backend>(c: &Counted<B>) {
    if let Some(frozen) = c.refs.try_freeze(1) {
        assert!(!no_write(|| c.refs.inc_not_zero()));
        c.write(2);
        drop(frozen);
    }
}

fn freeze_after_dec<B: Backend>() {
    fn dec<B: Backend>(c: &Counted<B>) {
        c.read();
        one_write(|| c.refs.dec());
    }
    let c = Counted::<B>::new(2);
    threads(&c, [freeze_and_write as fn(&_), dec]);
}

fn freeze_after_dec_not_one<B: Backend>() {
    fn dec_not_one<B: Backend>(c: &Counted<B>) {
        c.read();
        assert!(one_write(|| c.refs.dec_not_one()));
    }
    let c = Counted::<B>::new(2);
    threads(&c, [freeze_and_write as fn(&_), dec_not_one]);
}

fn freeze_after_sub_and_test<B: Backend>() {
    fn sub<B: Backend>(c: &Counted<B>) {
        c.read();
        assert!(!one_write(|| c.refs.sub_and_test(2)));
    }
    let c = Counted::<B>::new(3);
    threads(&c, [freeze_and_write as fn(&_), sub]);
}

/// A visitor comes before the freeze or after it, and then sees what was written.
fn freeze_beside_inc_not_zero<B: Backend>() {
    fn look<B: Backend>(c: &Counted<B>) {
        if c.refs.inc_not_zero() {
            c.read();
            c.refs.dec();
        }
    }
    let c = Counted::<B>::new(1);
    threads(&c, [freeze_and_write as fn(&_), look]);
    assert_eq!(c.refs.count(), 1);
}

/// A frozen count that is unfrozen at another number.
fn unfreeze_at_two<B: Backend>() {
    fn split<B: Backend>(c: &Counted<B>) {
        let frozen = c.refs.try_freeze(1).expect("the only reference");
        c.write(2);
        frozen.unfreeze(2);
        put(c);
    }
    fn wait_for_the_second<B: Backend>(c: &Counted<B>) {
        if c.refs.count() == 2 && c.refs.inc_not_zero() {
            assert_eq!(c.read(), 2);
            c.refs.dec();
        }
    }
    let c = Counted::<B>::new(1);
    threads(&c, [split as fn(&_), wait_for_the_second]);
    assert_eq!(c.refs.count(), 1);
}

/// Memory that is used again: what was filled in before the count was set is seen by every thread
/// that gets a reference, without a lock.
fn set_release_publishes<B: Backend>() {
    fn fill<B: Backend>(c: &Counted<B>) {
        c.write(7);
        c.refs.set_release(1);
    }
    fn look<B: Backend>(c: &Counted<B>) {
        if c.refs.inc_not_zero() {
            assert_eq!(c.read(), 7);
        }
    }
    let c = Counted::<B>::new(0);
    threads(&c, [fill as fn(&_), look]);
}

/// The same when the count saturates: a thread that holds an object that leaks may read it all the
/// same.
fn set_release_publishes_when_saturated<B: Backend>() {
    fn fill<B: Backend>(c: &Counted<B>) {
        c.write(7);
        c.refs.set_release(RefCount::MAX);
    }
    fn look<B: Backend>(c: &Counted<B>) {
        if c.refs.inc_not_zero() {
            assert_eq!(c.read(), 7);
            assert!(c.refs.is_saturated());
        }
    }
    let c = Counted::<B>::new(0);
    threads(&c, [fill as fn(&_), look, look]);
}

/// Two threads pass the limit and come back: no thread is ever told that it had the last reference.
fn saturated_is_never_last<B: Backend>() {
    fn inc_and_dec<B: Backend>(c: &Counted<B>) {
        c.refs.inc();
        assert!(!c.refs.dec_and_test());
    }
    let c = Counted::<B>::new(RefCount::MAX);
    threads(&c, [inc_and_dec as fn(&_), inc_and_dec]);
    assert!(c.refs.is_saturated());
}

/// One put too many, concurrently with others: one is told, and the count is saturated afterwards.
fn underflow_saturates<B: Backend>() {
    fn put_once<B: Backend>(c: &Counted<B>) {
        if c.refs.dec_and_test() {
            assert_eq!(c.owners.fetch_add(1, Relaxed), 0);
        }
    }
    let c = Counted::<B>::new(1);
    threads(&c, [put_once as fn(&_), put_once]);
    c.assert_owned();
    assert!(c.refs.is_saturated());
}

/// A misuse while the count is frozen: it stays saturated when the guard is dropped.
fn misuse_while_frozen_saturates<B: Backend>() {
    fn freeze<B: Backend>(c: &Counted<B>) {
        drop(c.refs.try_freeze(1));
    }
    fn misuse<B: Backend>(c: &Counted<B>) {
        if c.refs.count() == 0 {
            c.refs.inc();
            // Frozen, then from zero; or it was unfrozen in between, and the increment was good.
            assert!(c.refs.is_saturated() || c.refs.count() == 2);
        }
    }
    let c = Counted::<B>::new(1);
    threads(&c, [freeze as fn(&_), misuse]);
    assert!(matches!(
        c.refs.count(),
        1 | 2 | RefCount::<kref::atomic::Native>::SATURATED
    ));
}

fn every_misuse_saturates<B: Backend>() {
    fn after<B: Backend>(refs: u32, misuse: impl FnOnce(&RefCount<B>)) {
        let refs = RefCount::<B>::new_in(refs);
        misuse(&refs);
        assert!(refs.is_saturated());
    }
    after::<B>(0, |refs| refs.inc());
    after::<B>(RefCount::MAX, |refs| refs.inc());
    after::<B>(0, |refs| refs.add(1));
    after::<B>(RefCount::MAX - 1, |refs| refs.add(2));
    after::<B>(RefCount::MAX, |refs| assert!(refs.inc_not_zero()));
    after::<B>(1, |refs| refs.dec());
    after::<B>(0, |refs| refs.dec());
    after::<B>(0, |refs| assert!(!refs.dec_and_test()));
    after::<B>(1, |refs| assert!(!refs.sub_and_test(2)));
    after::<B>(0, |refs| assert!(refs.dec_not_one()));
    after::<B>(1, |refs| {
        let frozen = refs.try_freeze(1).expect("the only reference");
        refs.set(2);
        drop(frozen);
    });
}

/// A count that went below zero is put far from the good ones. The increments move the count before
/// they look: were it left at -1, two of them would make it 1, and a put the last one.
fn below_zero<B: Backend>(put_too_many: fn(&RefCount<B>)) {
    fn inc<B: Backend>(c: &Counted<B>) {
        c.refs.inc();
    }
    fn put<B: Backend>(c: &Counted<B>) {
        assert!(!c.refs.dec_and_test(), "the last of none");
    }
    let c = Counted::<B>::new(0);
    put_too_many(&c.refs);
    threads(&c, [inc as fn(&_), inc, put]);
    assert!(c.refs.is_saturated());
}

fn below_zero_by_dec<B: Backend>() {
    below_zero::<B>(RefCount::dec);
}

fn below_zero_by_dec_and_test<B: Backend>() {
    below_zero::<B>(|refs| assert!(!refs.dec_and_test()));
}

/// What computes before it writes leaves a saturated count as it is.
fn saturated_is_left_alone<B: Backend>() {
    let c = Counted::<B>::new(RefCount::SATURATED);
    no_write(|| {
        c.refs.add(1);
        assert!(c.refs.inc_not_zero());
        assert!(c.refs.add_not_zero(2));
        assert!(!c.refs.sub_and_test(RefCount::MAX));
        assert!(c.refs.dec_not_one());
        assert!(!c.refs.dec_if_one());
        assert!(c.refs.try_freeze(1).is_none());
    });
    assert!(c.refs.is_saturated());
}

/// Of two threads that want the last place below a limit, one is refused.
fn limit_holds<B: Backend>() {
    fn enter<B: Backend>(c: &Counted<B>) {
        if one_write_if(|| c.refs.add_not_zero_limited(1, 2).is_ok()) {
            assert_eq!(c.owners.fetch_add(1, Relaxed), 0, "two in one place");
        }
    }
    let c = Counted::<B>::new(1);
    threads(&c, [enter as fn(&_), enter]);
    c.assert_owned();
    assert_eq!(c.refs.count(), 2);
}

over_backends! {
    every_misuse_saturates: check;
    below_zero_by_dec: |f| check_bounded(2, f);
    below_zero_by_dec_and_test: |f| check_bounded(2, f);
    saturated_is_left_alone: check;
    limit_holds: check;
    sub_and_test_beside_put: check;
    two_sub_and_tests: check;
    inc_not_zero_never_revives: check;
    inc_not_zero_never_revives_3: |f| check_bounded(3, f);
    dec_if_one_claims: check;
    dec_if_one_against_inc_not_zero: check;
    freeze_after_dec: check;
    freeze_after_dec_not_one: check;
    freeze_after_sub_and_test: check;
    freeze_beside_inc_not_zero: check;
    unfreeze_at_two: check;
    set_release_publishes: check;
    set_release_publishes_when_saturated: |f| check_bounded(3, f);
    saturated_is_never_last: |f| check_bounded(3, f);
    underflow_saturates: check;
    misuse_while_frozen_saturates: check;
}
