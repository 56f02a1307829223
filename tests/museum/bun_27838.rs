//! oven-sh/bun#27838 (2026): a TLS configuration is used after it was freed.
//!
//! Equal configurations are stored once, in a table under a mutex that holds no reference. `deref` made
//! the last reference zero outside the mutex and took it only to remove the entry; `intern`, under the
//! mutex, called plain `ref` on what it found, whose check for zero is compiled out in release builds.
//! Between the two a dying configuration came back to life, and was freed. It was seen as segmentation
//! faults in production, reproduced in #27863, and repaired by a second, weak count. The same shape came
//! again for `SSL_CTX` (#31881).
//!
//! ```text
//! deref                                      intern                     count
//! -----                                      ------                     -----
//! 1 -> 0                                                                0
//!                                            lock, find, ref            1
//!                                            unlock
//! lock, remove, unlock, free
//!                                            use the configuration
//! ```

use loom::sync::Arc;

use crate::backend::Rmw;
use crate::object::threads;

mod wrong {
    use super::*;
    use crate::object::{Mutex, World};
    use crate::plain::Plain;
    use kref::lock::Lock;
    use loom::cell::UnsafeCell;

    /// The table, of one key: two configurations that may be stored under it one after the other.
    struct Table {
        configurations: [Arc<World<Plain, Mutex>>; 2],
        lock: Mutex,
        listed: UnsafeCell<Option<usize>>,
    }

    // SAFETY: loom reports races of the cell.
    unsafe impl Sync for Table {}

    impl Table {
        fn new() -> Arc<Self> {
            use crate::object::Index;
            Arc::new(Self {
                configurations: std::array::from_fn(|_| World::new(Plain::new(1))),
                lock: Mutex::new(),
                listed: UnsafeCell::new(Some(0)),
            })
        }

        fn listed<R>(&self, f: impl FnOnce(&mut Option<usize>) -> R) -> R {
            // SAFETY: loom reports it if the lock is not held.
            self.listed.with_mut(|listed| f(unsafe { &mut *listed }))
        }
    }

    fn deref(table: &Table, index: usize) {
        let configuration = &table.configurations[index];
        if configuration.count.put() {
            let held = table.lock.lock();
            table.listed(|listed| listed.take_if(|listed| *listed == index));
            drop(held);
            configuration.free();
        }
    }

    fn deref_first(table: &Table) {
        deref(table, 0);
    }

    /// Finds the configuration, or stores the second one, and keeps it.
    fn intern(table: &Table) {
        let held = table.lock.lock();
        let index = table.listed(|listed| match listed {
            Some(index) => {
                table.configurations[*index].count.get();
                *index
            }
            None => *listed.insert(1),
        });
        drop(held);
        table.configurations[index].touch();
    }

    #[test]
    #[should_panic(expected = "ausality violation")]
    fn bun_27838_ref_from_zero() {
        crate::check(|| {
            let table = Table::new();
            threads(&table, [deref_first as fn(&_), intern]);
            table.configurations.iter().for_each(|world| world.end());
        });
    }
}

mod ours {
    use super::*;
    use crate::maps::{OneHash, Value};
    use kref::{Handle, Registry};
    use std::sync::Mutex;

    struct Table {
        map: Registry<u32, Value, OneHash, Rmw>,
        first: Mutex<Option<Handle<u32, Value, Rmw>>>,
    }

    fn deref_first(table: &Table) {
        let first = table.first.lock().unwrap().take();
        drop(first);
    }

    fn intern(table: &Table) {
        let configuration = table.map.get_or_insert_with(1, |key| Value::new(*key));
        assert_eq!(configuration.get(), 1);
    }

    /// The last drop hands back or unlists under the lock; there is no second count.
    #[test]
    fn bun_27838_registry() {
        crate::check(|| {
            let map = Registry::new_in(1, OneHash);
            let first = Mutex::new(map.try_insert(1, Value::new(1)).ok());
            let table = Arc::new(Table { map, first });
            threads(&table, [deref_first as fn(&_), intern]);
            assert!(table.map.is_empty());
            drop(table);
        });
    }
}
