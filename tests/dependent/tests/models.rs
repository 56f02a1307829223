//! The table in all interleavings of two threads, and what the models find in wrong versions of it.

use std::hash::{BuildHasherDefault, DefaultHasher};

use connections::{Connection, Connections, Full, Limit};
use kref::atomic::Loom;
use kref::atomic::loom::set_spurious;
use kref::{Handle, Kref, Registry};
use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex};
use loom::thread;

/// Hashes the same in every run, which loom needs.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Table = Connections<Hasher, Loom>;

/// Searches all interleavings with at most three preemptions; the maps have too many of all.
fn check(model: fn()) {
    kref::report::set_hook(|report| panic!("{report}"));
    for mask in [0b00, 0b01] {
        set_spurious(mask);
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.max_branches = 20_000;
        builder.check(model);
    }
}

fn table(limit: u32) -> Arc<Table> {
    Arc::new(Table::new_in(limit, 1, Hasher::default()))
}

/// Runs `f` in two threads, and returns what both return.
fn twice<W: 'static, R: 'static>(world: &Arc<W>, f: fn(&W, u32) -> R) -> [R; 2] {
    let other = {
        let world = world.clone();
        thread::spawn(move || f(&world, 2))
    };
    let mine = f(world, 1);
    [mine, other.join().unwrap()]
}

#[test]
fn the_same_address_is_one_connection() {
    check(|| {
        let table = table(1);
        let [a, b] = twice(&table, |table, _| table.connect(7).unwrap());
        assert!(Handle::ptr_eq(&a, &b));
        assert_eq!(a.request(), 0);
        assert_eq!(b.request(), 1);
    });
}

#[test]
fn the_limit_holds_and_slots_come_back() {
    check(|| {
        let table = table(1);
        let opened = twice(&table, |table, address| table.connect(address).ok());
        assert_eq!(opened.iter().flatten().count(), 1);
        assert_eq!(table.connect(3).err(), Some(Full));
        drop(opened);
        assert!(table.is_empty());
        assert!(table.connect(3).is_ok());
    });
}

#[test]
fn a_connection_is_closed_beside_one_that_joins_it() {
    check(|| {
        let table = table(2);
        twice(&table, |table, _| {
            table.connect(7).map(|handle| handle.request()).unwrap()
        });
        assert!(table.is_empty());
    });
}

/// The slots hand over what they are for: here a cell, which loom watches.
#[test]
fn a_slot_orders_its_owners() {
    struct World(Limit<Loom>, UnsafeCell<u32>);
    // SAFETY: loom reports it if the accesses to the cell race.
    unsafe impl Sync for World {}
    check(|| {
        let world = Arc::new(World(Limit::new(1), UnsafeCell::new(0)));
        twice(&world, |world, _| {
            if let Ok(_slot) = world.0.take() {
                // SAFETY: the thread that has the only slot is alone.
                world.1.with_mut(|cell| unsafe { *cell += 1 });
            }
        });
        assert_eq!(world.0.left(), 1);
    });
}

/// Looks whether it is there and then opens it: two may look before one of them opens it, and the
/// other is sent away from a connection that it could have joined.
#[test]
#[should_panic(expected = "called `Result::unwrap()` on an `Err` value: Full")]
fn look_first() {
    struct Hasty(Registry<u32, Connection<Loom>, Hasher, Loom>, Limit<Loom>);
    fn connect(table: &Hasty, address: u32) -> Result<Handle<u32, Connection<Loom>, Loom>, Full> {
        if let Some(handle) = table.0.get(&address) {
            return Ok(handle);
        }
        let connection = Connection::new(table.1.take()?);
        Ok(table
            .0
            .try_insert(address, connection)
            .unwrap_or_else(|occupied| occupied.existing))
    }
    check(|| {
        let registry = Registry::new_in(1, Hasher::default());
        let table = Arc::new(Hasty(registry, Limit::new(1)));
        drop(twice(&table, |table, _| connect(table, 7).unwrap()));
    });
}

/// A session that a list under a lock lists, put without that lock: it may be found when it is dead
/// already, which the count reports.
#[test]
#[should_panic(expected = "increment from zero")]
fn put_outside_the_lock() {
    struct World(Kref<Loom>, Mutex<bool>);
    check(|| {
        let world = Arc::new(World(Kref::new_in(), Mutex::new(true)));
        twice(&world, |World(session, listed), thread| {
            if thread == 1 {
                if session.put() {
                    *listed.lock().unwrap() = false; // right: `put_lock(listed)`
                }
            } else if *listed.lock().unwrap() {
                session.get();
            }
        });
    });
}

/// A taker of a `SwapList` that meets a producer in the middle of its push lets it go on.
mod swap_list {
    use kref::llist::intrusive::{Chain, Linked, Node, SwapList};

    use super::*;

    struct Job(u32, Node<Job, Loom>);

    // SAFETY: always the same field.
    unsafe impl Linked<Loom> for Job {
        fn node(&self) -> &Node<Self, Loom> {
            &self.1
        }
    }

    type Jobs = SwapList<Box<Job>, Loom>;

    fn push(jobs: &Jobs, number: u32) {
        jobs.push(Box::new(Job(number, Node::new_in())));
    }

    fn beside_a_push(take: fn(&Jobs)) {
        loom::model(move || {
            let jobs = Arc::new(Jobs::new_in());
            push(&jobs, 1);
            let producer = {
                let jobs = jobs.clone();
                thread::spawn(move || push(&jobs, 2))
            };
            take(&jobs);
            producer.join().unwrap();
        });
    }

    #[test]
    fn iterate() {
        beside_a_push(|jobs| assert!((1..=2).contains(&jobs.take_all().count())));
    }

    #[test]
    fn settle() {
        beside_a_push(|jobs| {
            let oldest: Chain<_, _> = jobs.take_all().settle().reverse();
            assert_eq!(oldest.iter().next().map(|job| job.0), Some(1));
        });
    }

    #[test]
    fn drop_the_chain() {
        beside_a_push(|jobs| drop(jobs.take_all()));
    }
}
