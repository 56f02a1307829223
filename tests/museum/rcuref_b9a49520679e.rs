//! Linux commit b9a49520679e (2025): `rcuref_put` reports a put too many where there was none.
//!
//! An `rcuref` stores its references less one: a put decrements, and if that left none it tries to mark
//! the count dead. In between others may still get and put. The slow path of the put
//! *read the count again* to find out what its own decrement had done. What it read may be what others
//! have done since: dead, by their put. So it warned of an imbalance. The repair hands on what the
//! decrement returned.
//!
//! ```text
//! put                                        get, then put              count
//! ---                                        -------------              -----
//! decrement                                                             none left
//!                                            increment                  one
//!                                            decrement                  none left
//!                                            mark it dead               dead
//! read the count: dead, so this put
//! was one too many
//! ```

use crate::backend::Rmw;
use crate::object::{Mutex, World, threads};

mod wrong {
    use super::*;
    use kref::atomic::{Atomic, AtomicInt, Backend};
    use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

    const NONE_LEFT: u32 = u32::MAX;
    const DEAD: u32 = 0xE000_0000;

    type Count = <Rmw as Backend>::U32;
    type Object = World<Count, Mutex>;

    fn get(object: &Object) -> bool {
        (object.count.fetch_add(1, Acquire).wrapping_add(1) as i32) >= 0
    }

    fn put(object: &Object) {
        let left = object.count.fetch_sub(1, AcqRel).wrapping_sub(1);
        if (left as i32) < 0 {
            put_slow(object);
        }
    }

    fn put_slow(object: &Object) {
        let left = object.count.load(Relaxed);
        if left == NONE_LEFT {
            // A put that fails here was overtaken by a get, and has nothing more to do with the object.
            // (The memory stays: RCU.)
            let _ = object.count.compare_exchange(left, DEAD, AcqRel, Relaxed);
        } else {
            assert!(left < DEAD, "imbalanced put");
        }
    }

    fn get_and_put(object: &Object) {
        if get(object) {
            put(object);
        }
    }

    #[test]
    #[should_panic(expected = "imbalanced put")]
    fn rcuref_b9a49520679e_false_alarm() {
        crate::check(|| {
            let object = Object::new(Atomic::new(0)); // one reference
            threads(&object, [put as fn(&_), get_and_put]);
            object.end();
        });
    }
}

mod ours {
    use super::*;
    use kref::{HandBack, Kref, RcuRef};
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use crate::object::Index;

    /// [`HandBack`] has the same window: the count is zero, and somebody gets and puts. A put decides by
    /// what its decrement returned that it is the pending owner, and looks at the count again only under
    /// the lock.
    #[test]
    fn rcuref_b9a49520679e_hand_back() {
        type Object = World<HandBack<Rmw>, Mutex>;

        fn put(object: &Object) {
            if let Some(index) = object.count.put_lock(&object.lock) {
                object.unlist(&index);
                drop(index);
                object.free();
            }
        }
        fn find_and_put(object: &Object) {
            let index = object.lock.lock_shared();
            if object.is_listed(&index) {
                object.count.get_locked();
                drop(index);
                object.touch();
                put(object);
            }
        }
        crate::check(|| {
            let object = Object::new(HandBack::new_in(1));
            threads(&object, [put as fn(&_), find_and_put]);
            object.assert_freed();
            assert!(crate::reports().is_empty());
        });
    }

    /// In memory that stays, as under RCU.
    struct Object<C> {
        count: C,
        last_puts: AtomicU32,
    }

    fn put<C>(object: &Object<C>, put: fn(&C) -> bool) {
        if put(&object.count) {
            object.last_puts.fetch_add(1, Relaxed);
        }
    }

    /// A put, a get and another put at once; one of the puts is the last.
    fn one_last_put<C: Send + Sync + 'static>(count: C, puts: [fn(&Object<C>); 2]) {
        let object = loom::sync::Arc::new(Object {
            count,
            last_puts: AtomicU32::new(0),
        });
        threads(&object, puts);
        let last_puts = object.last_puts.load(Relaxed);
        assert_eq!(last_puts, 1, "told one that it was the last");
        assert!(crate::reports().is_empty());
    }

    /// [`RcuRef`] is the kernel's count, and decides by what its decrement returned.
    #[test]
    fn rcuref_b9a49520679e_rcuref() {
        fn put_it(object: &Object<RcuRef<Rmw>>) {
            put(object, RcuRef::put);
        }
        fn get_and_put(object: &Object<RcuRef<Rmw>>) {
            if object.count.get() {
                put_it(object);
            }
        }
        crate::check(|| one_last_put(RcuRef::new_in(1), [put_it, get_and_put]));
    }

    /// [`Kref`] has no such window: zero is the end, and one put is told so.
    #[test]
    fn rcuref_b9a49520679e_kref() {
        fn put_it(object: &Object<Kref<Rmw>>) {
            put(object, Kref::put);
        }
        fn get_and_put(object: &Object<Kref<Rmw>>) {
            if object.count.get_unless_zero() {
                put_it(object);
            }
        }
        crate::check(|| one_last_put(Kref::new_in(), [put_it, get_and_put]));
    }
}
