//! An object stays where it is to the end of its destructor, whatever its size is.

use std::collections::HashSet;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use kref::registry::DefaultHashBuilder;
use kref::{Handle, Interner, Registry};

/// Enters its address into a set, and takes it out in its destructor. `N` bytes are small or large.
#[derive(PartialEq, Eq, Hash)]
struct Pinned<const N: usize> {
    id: u32,
    bytes: [u8; N],
}

thread_local! {
    static ADDRESSES: Mutex<HashSet<usize>> = Mutex::default();
}

impl<const N: usize> Pinned<N> {
    fn new(id: u32) -> Self {
        Self { id, bytes: [7; N] }
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn enlist(&self) {
        ADDRESSES.with(|set| assert!(set.lock().unwrap().insert(self.address())));
    }
}

impl<const N: usize> Drop for Pinned<N> {
    fn drop(&mut self) {
        assert_eq!(self.bytes, [7; N]);
        ADDRESSES.with(|set| set.lock().unwrap().remove(&self.address()));
    }
}

fn enlisted() -> usize {
    ADDRESSES.with(|set| set.lock().unwrap().len())
}

fn values_die_where_they_lived<const N: usize>() {
    let registry = Registry::<u32, Pinned<N>>::new();
    let interner = Interner::<Pinned<N>>::new();
    let made = registry.get_or_insert_with(1, |key| Pinned::new(*key));
    let listed = registry.try_insert(2, Pinned::new(2)).ok().unwrap();
    let (replaced, _) = registry.replace(3, Pinned::new(3));
    let (replacing, old) = registry.replace(3, Pinned::new(4));
    assert!(old.is_some_and(|old| Handle::ptr_eq(&old, &replaced)));
    for handle in [&made, &listed, &replaced, &replacing] {
        handle.enlist();
    }
    let interned = interner.intern(Pinned::new(1));
    interned.enlist();
    assert_eq!(enlisted(), 5);
    drop((made, listed, replaced, replacing, interned));
    assert_eq!(enlisted(), 0, "of {N} bytes");
}

#[test]
fn values_of_any_size_die_where_they_lived() {
    values_die_where_they_lived::<1>();
    values_die_where_they_lived::<100>();
    values_die_where_they_lived::<128>();
    values_die_where_they_lived::<10_000>();
}

/// A value whose destructor tells that it has begun, and waits until it may go on.
struct Slow(Mutex<Option<(Sender<()>, Receiver<()>)>>);

impl Drop for Slow {
    fn drop(&mut self) {
        if let Some((began, go)) = self.0.get_mut().unwrap().take() {
            began.send(()).unwrap();
            go.recv().unwrap();
        }
    }
}

/// While the destructor runs, no other object has the address, and the key and others can be used.
#[test]
fn the_address_is_nobody_elses_while_the_destructor_runs() {
    let map = Registry::<u32, Slow>::with_shards_and_hasher(1, DefaultHashBuilder);
    let quick = |_: &u32| Slow(Mutex::new(None));
    let (began, begins) = channel();
    let (go, goes) = channel();
    let slow = map.get_or_insert_with(1, |_| Slow(Mutex::new(Some((began, goes)))));
    let address = std::ptr::from_ref::<Slow>(&slow).addr();
    thread::scope(|scope| {
        let dropping = scope.spawn(move || drop(slow));
        begins.recv().unwrap();
        assert!(map.get(&1).is_none() && map.is_empty());
        let others: Vec<_> = (1..100)
            .map(|key| map.get_or_insert_with(key, quick))
            .collect();
        for other in &others {
            assert_ne!(std::ptr::from_ref::<Slow>(other).addr(), address);
        }
        go.send(()).unwrap();
        dropping.join().unwrap();
        // Then it is free, and the next that is put in has it.
        let next = map.get_or_insert_with(100, quick);
        assert_eq!(std::ptr::from_ref::<Slow>(&next).addr(), address);
    });
}

struct Bomb<const N: usize>([u8; N], #[expect(dead_code)] Arc<()>);

impl<const N: usize> Drop for Bomb<N> {
    fn drop(&mut self) {
        assert!(self.0.is_empty(), "destructor of {} bytes", self.0.len());
    }
}

/// A destructor that panics has its slot and its allocation given back, and the rest of the object dropped.
#[test]
fn a_destructor_that_panics_gives_the_slot_back() {
    fn slots<const N: usize>() {
        let map = Registry::<(u32, Arc<()>), Bomb<N>>::new();
        let count = Arc::new(());
        let mut addresses = HashSet::new();
        for n in 0..200 {
            let bomb = map.get_or_insert_with((n, count.clone()), |_| Bomb([0; N], count.clone()));
            addresses.insert(Handle::key(&bomb) as *const _ as usize);
            catch_unwind(AssertUnwindSafe(|| drop(bomb))).unwrap_err();
            assert_eq!(Arc::strong_count(&count), 1, "key and fields are dropped");
        }
        assert!(addresses.len() < 150, "slots are used again");
        assert!(map.is_empty());
    }
    slots::<1>();
    slots::<3000>();
}

fn on_a_stack_of<R: Send + 'static>(bytes: usize, f: impl FnOnce() -> R + Send + 'static) -> R {
    let thread = thread::Builder::new().stack_size(bytes).spawn(f).unwrap();
    thread.join().unwrap()
}

const LARGE: usize = 64 << 20;
const SMALL: usize = 2 << 20;

#[test]
fn a_value_larger_than_the_stack_dies_on_it() {
    static VALUES: Registry<u32, Pinned<{ 3 << 20 }>> = Registry::new();
    static INTERNED: Interner<Pinned<{ 3 << 20 }>> = Interner::new();
    let made = on_a_stack_of(LARGE, || {
        let value = VALUES.get_or_insert_with(1, |key| Pinned::new(*key));
        (value, INTERNED.intern(Pinned::new(1)))
    });
    on_a_stack_of(SMALL, move || drop(made));
    assert!(VALUES.is_empty() && INTERNED.is_empty());
}

struct Link<const N: usize> {
    next: Option<Handle<u32, Link<N>>>,
    bytes: [u8; N],
}

fn a_chain_is_dropped<const N: usize>(links: u32) {
    let first = on_a_stack_of(LARGE, move || {
        let map = Registry::<u32, Link<N>>::new();
        let mut next = None;
        for key in 0..links {
            let bytes = [0; N];
            let previous = next.take();
            let make = |_: &u32| Link {
                next: previous,
                bytes,
            };
            next = Some(map.get_or_insert_with(key, make));
        }
        next.unwrap()
    });
    on_a_stack_of(SMALL, move || {
        black_box((&first.next, &first.bytes));
        drop(first);
    });
}

#[test]
fn chains_of_values_of_any_size_are_dropped() {
    a_chain_is_dropped::<0>(100_000);
    a_chain_is_dropped::<6_000>(6_000);
    a_chain_is_dropped::<40_000>(1_000);
}

/// What does not get into the map is handed back or dropped, once.
#[test]
fn large_values_that_are_not_needed() {
    type Value = (Arc<()>, [u64; 100]);
    let count = Arc::new(());
    let value = || (count.clone(), [3; 100]);
    let map = Registry::<String, Value>::new();
    let one = map.try_insert("one".into(), value()).unwrap();
    let refused = map.try_insert("one".into(), value()).unwrap_err();
    assert_eq!((&*refused.key, refused.value.1), ("one", [3; 100]));
    assert!(Handle::ptr_eq(&refused.existing, &one));
    drop(refused);
    let again = map.get_or_insert_with("one".into(), |_| unreachable!("it is there"));
    assert_eq!(Arc::strong_count(&count), 2);
    drop((one, again));
    assert!(
        map.get_or_try_insert_with("two".into(), |_| Err(()))
            .is_err()
    );
    assert_eq!(Arc::strong_count(&count), 1);

    let values = Interner::<Value>::new();
    let first = values.intern(value());
    assert_eq!(first, values.intern(value()));
    assert_eq!(Arc::strong_count(&count), 2);
    drop(first);
    assert_eq!(Arc::strong_count(&count), 1);
}
