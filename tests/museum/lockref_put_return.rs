//! `lockref_put_return`: a put that may fail, by callers that do not look.
//!
//! A lockref is a lock and a count in one word. `lockref_put_return` decrements it by compare-and-swap
//! if the lock is free; if not (or if the architecture has no such instruction) it returns -1 and has
//! *not* put. It is a fast path only, unlike its siblings, and nothing in its type says so. erofs used it
//! as a plain put and dropped the result, until 2023. The one caller that it is meant for, `fast_dput`,
//! mistook its failure on a count below one (504e08cebe1d).
//!
//! ```text
//! put                                        somebody else              count
//! ---                                        -------------              -----
//!                                            lock
//! locked: -1, ignored                                                   1, and nobody has it
//!                                            unlock
//! ```

use crate::backend::Rmw;
use crate::object::{Mutex, World, threads};

mod wrong {
    use super::*;
    use kref::atomic::{Atomic, AtomicBits, Backend};
    use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

    /// The lock, in the word of the count.
    const LOCKED: u32 = 1 << 31;

    type Lockref = <Rmw as Backend>::U32;
    type Object = World<Lockref, Mutex>;

    /// Returns what is left, or -1 if it could not put.
    fn put_return(lockref: &Lockref) -> i32 {
        let mut word = lockref.load(Relaxed);
        while word & LOCKED == 0 && word > 0 {
            match lockref.compare_exchange(word, word - 1, AcqRel, Relaxed) {
                Ok(_) => return word as i32 - 1,
                Err(current) => word = current,
            }
        }
        -1
    }

    fn put(object: &Object) {
        if put_return(&object.count) == 0 {
            object.free();
        }
    }

    /// Locks, and uses what is under the lock. (This thread has its own way to know that the memory
    /// is there, as RCU readers have, and nobody else locks.)
    fn lock_and_unlock(object: &Object) {
        object.count.fetch_or(LOCKED, Acquire);
        object.count.fetch_and(!LOCKED, Release);
    }

    #[test]
    #[should_panic(expected = "leaked")]
    fn lockref_put_return_failed_unseen() {
        crate::check(|| {
            let object = Object::new(Atomic::new(2));
            threads(&object, [put as fn(&_), lock_and_unlock]);
            put(&object); // the last, with nobody about
            object.assert_freed();
        });
    }
}

mod ours {
    use super::*;
    use kref::lock::Lock;
    use kref::{Kref, RefCount};

    type Object = World<Kref<Rmw>, Mutex>;

    /// A put cannot fail: if it needs the lock it waits for it. What it returns must be used, and is
    /// the guard, so that it can hardly be mistaken for anything else.
    fn put(object: &Object) {
        if let Some(held) = object.count.put_lock(&object.lock) {
            drop(held);
            object.free();
        }
    }

    fn lock_and_unlock(object: &Object) {
        drop(object.lock.lock());
    }

    #[test]
    fn lockref_put_return_put_lock_waits() {
        crate::check(|| {
            for refs in 1..=2 {
                let object = Object::new(Kref::from(RefCount::new_in(refs)));
                threads(&object, [put as fn(&_), lock_and_unlock]);
                if refs == 2 {
                    put(&object);
                }
                object.assert_freed();
            }
        });
    }
}
