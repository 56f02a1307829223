//! aptos-labs/aptos-core#14639 (2024): the drop of an entry takes the lock that its thread holds.
//!
//! The registry of state keys maps to weak references, and the destructor of an entry removes it,
//! under the registry's lock. To see whether another thread has put a *new* entry under the same key in
//! between, it upgraded what it found. If the upgrade succeeded and all others dropped their references in
//! that moment, the upgraded reference was the last: to drop it ran the destructor of the new entry, in the
//! same thread, under the same lock. It was found in production, as a deadlock. The repair (#14670) asks
//! for the count instead of upgrading; #14705 points at the other half, that what is removed must be
//! dropped after the lock.
//!
//! ```text
//! drops the old entry                        makes the new entry
//! -------------------                        -------------------
//! its count: 1 -> 0
//!                                            lock; the old one is dead: list a new one; unlock
//! lock
//! find the new one, upgrade: 1 -> 2
//!                                            drop the new one: 2 -> 1
//! drop the upgraded reference: 1 -> 0
//! the new one's destructor: lock
//! ```

use loom::sync::Arc;

use crate::backend::Rmw;
use crate::object::threads;

mod wrong {
    use super::*;
    use crate::object::{Index, Mutex};
    use crate::plain::Plain;
    use kref::lock::Lock;
    use loom::cell::UnsafeCell;
    use loom::thread::ThreadId;

    /// The registry, with one key: the counts of the old entry and of the new one. (The memory of both
    /// stays: weak references.)
    struct Registry {
        entries: [Plain; 2],
        lock: Mutex,
        /// The thread that holds the lock.
        owner: std::sync::Mutex<Option<ThreadId>>,
        listed: UnsafeCell<Option<usize>>,
    }

    // SAFETY: loom reports races of the cell.
    unsafe impl Sync for Registry {}

    impl Registry {
        /// Runs `f` under the lock. (Waiting for oneself would end the model less well.)
        fn locked<R>(&self, f: impl FnOnce() -> R) -> R {
            let me = loom::thread::current().id();
            let owner = *self.owner.lock().unwrap();
            assert_ne!(owner, Some(me), "deadlock");
            let held = self.lock.lock();
            *self.owner.lock().unwrap() = Some(me);
            let result = f();
            *self.owner.lock().unwrap() = None;
            drop(held);
            result
        }

        fn listed<R>(&self, f: impl FnOnce(&mut Option<usize>) -> R) -> R {
            // SAFETY: loom reports it if the lock is not held.
            self.listed.with_mut(|listed| f(unsafe { &mut *listed }))
        }
    }

    fn drop_entry(registry: &Registry, entry: usize) {
        if !registry.entries[entry].put() {
            return;
        }
        registry.locked(|| {
            if let Some(listed) = registry.listed(|listed| *listed) {
                if registry.entries[listed].get_unless_zero() {
                    drop_entry(registry, listed); // somebody else's; still under the lock
                } else {
                    registry.listed(|listed| *listed = None);
                }
            }
        });
    }

    fn drop_old(registry: &Registry) {
        drop_entry(registry, 0);
    }

    fn get_or_add(registry: &Registry) {
        let entry = registry.locked(|| {
            registry.listed(|listed| match *listed {
                Some(entry) if registry.entries[entry].get_unless_zero() => entry,
                _ => *listed.insert(1),
            })
        });
        drop_entry(registry, entry);
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn aptos_core_14639_upgrade_in_the_destructor() {
        crate::check(|| {
            let registry = Arc::new(Registry {
                entries: [Plain::new(1), Plain::new(1)],
                lock: Mutex::new(),
                owner: std::sync::Mutex::new(None),
                listed: UnsafeCell::new(Some(0)),
            });
            threads(&registry, [drop_old as fn(&_), get_or_add]);
        });
    }
}

mod ours {
    use super::*;
    use crate::maps::OneHash;
    use kref::{Handle, Registry};
    use std::sync::Mutex;

    type Map = Registry<u32, Entry, OneHash, Rmw>;

    struct Shared {
        map: Map,
        old: Mutex<Option<Handle<u32, Entry, Rmw>>>,
    }

    /// An entry whose destructor looks its own key up, and drops what it finds: the worst it can do.
    struct Entry(Mutex<std::sync::Weak<Shared>>);

    impl Drop for Entry {
        fn drop(&mut self) {
            if let Some(shared) = self.0.lock().unwrap().upgrade() {
                drop(shared.map.get(&1));
            }
        }
    }

    fn drop_old(world: &World) {
        let old = world.0.old.lock().unwrap().take();
        drop(old);
    }

    fn get_or_add(world: &World) {
        let weak = std::sync::Arc::downgrade(&world.0);
        drop(
            world
                .0
                .map
                .get_or_insert_with(1, |_| Entry(Mutex::new(weak))),
        );
    }

    struct World(std::sync::Arc<Shared>);

    /// No lock is held while a value is dropped, and an entry is removed by its address: there is
    /// nothing to upgrade.
    #[test]
    fn aptos_core_14639_registry() {
        crate::check(|| {
            let map = Map::new_in(1, OneHash);
            let old = map.try_insert(1, Entry(Mutex::default())).ok().unwrap();
            let shared = std::sync::Arc::new_cyclic(|weak| {
                *old.0.lock().unwrap() = weak.clone();
                Shared {
                    map,
                    old: Mutex::new(Some(old)),
                }
            });
            let world = Arc::new(World(shared));
            threads(&world, [drop_old as fn(&_), get_or_add]);
            assert!(world.0.map.is_empty());
            drop(world);
        });
    }
}
