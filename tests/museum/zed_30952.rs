//! zed-industries/zed#30952 (2025): a weak handle is upgraded to an entity that is being dropped.
//!
//! gpui counts handles in a map under a read-write lock. The upgrade of a weak handle, under the read side,
//! was: load the count; if it is zero, fail; else add one. Each step was sequentially consistent, and the two
//! are not one. If the last handle is dropped in between, the count is zero for a moment, and the thread that
//! acts on that has begun to remove the object of the upgraded handle. That handle's own drop makes it zero
//! again. The repair is a compare-and-swap loop.
//!
//! ```text
//! drop                                       upgrade                    count
//! ----                                       -------                    -----
//!                                            load: one                  1
//! 1 -> 0: the last                                                      0
//!                                            add                        1
//!                                            use the entity
//!                                            1 -> 0: the last           0
//! ```

use crate::backend::Rmw;
use crate::object::{RwLock, World, threads};

mod wrong {
    use super::*;
    use crate::object::Index;
    use kref::atomic::{Atomic, AtomicInt, Backend};
    use kref::lock::Lock;
    use std::sync::atomic::Ordering::SeqCst;

    type Entity = World<<Rmw as Backend>::U32, RwLock>;

    fn put(entity: &Entity) {
        let counts = entity.lock.lock_shared();
        let last = entity.count.fetch_sub(1, SeqCst) == 1;
        drop(counts);
        if last {
            let counts = entity.lock.lock();
            entity.unlist(&counts);
            drop(counts);
            entity.free();
        }
    }

    fn upgrade(entity: &Entity) {
        let counts = entity.lock.lock_shared();
        if entity.is_listed(&counts) && entity.count.load(SeqCst) != 0 {
            entity.count.fetch_add(1, SeqCst);
            drop(counts);
            put(entity);
        }
    }

    #[test]
    #[should_panic(expected = "freed twice")]
    fn zed_30952_load_then_add() {
        crate::check(|| {
            let entity = Entity::new(Atomic::new(1));
            threads(&entity, [put as fn(&_), upgrade]);
        });
    }
}

mod ours {
    use super::*;
    use crate::object::Index;
    use kref::lock::Lock;
    use kref::{Kref, RefCount};

    type Entity = World<Kref<Rmw>, RwLock>;

    fn put(entity: &Entity) {
        let counts = entity.lock.lock_shared();
        let last = entity.count.put();
        drop(counts);
        if last {
            let counts = entity.lock.lock();
            entity.unlist(&counts);
            drop(counts);
            entity.free();
        }
    }

    fn upgrade(entity: &Entity) {
        let counts = entity.lock.lock_shared();
        if entity.is_listed(&counts) && entity.count.get_unless_zero() {
            drop(counts);
            entity.touch();
            put(entity);
        }
    }

    #[test]
    fn zed_30952_get_unless_zero() {
        crate::check(|| {
            let entity = Entity::new(Kref::from(RefCount::new_in(1)));
            threads(&entity, [put as fn(&_), upgrade]);
            entity.assert_freed();
            assert!(crate::reports().is_empty());
        });
    }
}
