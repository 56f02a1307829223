//! One object in the place of another, with no gap.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use kref::{Handle, Registry};

#[test]
fn the_old_one_lives_on() {
    let map = Registry::new();
    let (first, none) = map.replace(1, String::from("first"));
    assert!(none.is_none());
    let (second, old) = map.replace(1, "second".into());
    assert!(Handle::ptr_eq(&old.unwrap(), &first));
    assert!(!Handle::is_listed(&first) && Handle::is_listed(&second));
    assert_eq!((&**first, Handle::key(&first)), ("first", &1));
    assert_eq!(map.len(), 1);
    drop(first);
    assert!(
        Handle::ptr_eq(&map.get(&1).unwrap(), &second),
        "its end does not touch the new one"
    );
    let third = map.insert(1, "third".into());
    drop(second);
    assert_eq!(map.handles(), std::slice::from_ref(&third));
    drop(third);
    assert!(map.is_empty());
}

/// The destructor of the old one runs with no lock held, and sees the new one.
#[test]
fn the_old_one_ends_in_insert() {
    static MAP: Registry<u32, Looks> =
        Registry::with_shards_and_hasher(1, kref::registry::DefaultHashBuilder);
    struct Looks(u32);
    impl Drop for Looks {
        fn drop(&mut self) {
            let other = MAP.get(&1).map(|other| other.0);
            assert_eq!(other, (self.0 < 3).then_some(self.0 + 1));
        }
    }
    for number in 1..4 {
        let handle = MAP.insert(1, Looks(number));
        // Kept by the place that the next one takes.
        std::mem::forget(handle.clone());
        drop(handle);
        let old = MAP.get(&1).unwrap();
        // SAFETY: the reference that was forgotten.
        let _forgotten = unsafe { Handle::<u32, Looks>::from_raw(Handle::into_raw(old.clone())) };
        drop(old);
    }
    let last = MAP.unlist(&1).unwrap();
    assert_eq!(last.0, 3);
    std::mem::forget(last);
}

/// Every lookup finds one of them.
#[test]
fn there_is_no_gap() {
    let map = Registry::<u32, u32>::with_shards_and_hasher(1, kref::registry::DefaultHashBuilder);
    let others = (1..6).map(|key| map.insert(key, 0)).collect::<Vec<_>>();
    let mut held = map.insert(0, 0);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers = (0..2).map(|_| {
            scope.spawn(|| {
                let mut last = 0;
                while !stop.load(SeqCst) {
                    let found = map.get(&0).expect("there is always one");
                    assert!(*found >= last, "the new one, once it was seen");
                    last = *found;
                    assert!(map.iter().any(|object| *Handle::key(&object) == 1));
                }
            })
        });
        let readers = readers.collect::<Vec<_>>();
        for number in 1..20_000 {
            let (new, old) = map.replace(0, number);
            assert!(old.is_some());
            held = new;
        }
        stop.store(true, SeqCst);
        readers
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
    });
    drop((held, others));
    assert!(map.is_empty());
}

/// Several replace one another's: each object is taken out by exactly one.
#[test]
fn replaced_by_many() {
    let map = Registry::<u32, u32>::new();
    let mut old = thread::scope(|scope| {
        let threads = (0..3).map(|thread| {
            let map = &map;
            scope.spawn(move || {
                let mut old = Vec::new();
                let mut last = None;
                for number in 0..3000 {
                    let (new, replaced) = map.replace(1, thread * 3000 + number);
                    old.extend(replaced.map(|object| *object));
                    last = Some(new);
                }
                (old, last)
            })
        });
        let threads = threads.collect::<Vec<_>>();
        let results = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>();
        let listed = map.get(&1).map(|object| *object);
        results
            .into_iter()
            .flat_map(|(old, _last)| old)
            .chain(listed)
            .collect::<Vec<_>>()
    });
    old.sort_unstable();
    // Those that had ended before anybody replaced them are missing; none is there twice.
    let all = old.len();
    old.dedup();
    assert_eq!(old.len(), all);
    assert!(map.is_empty());
}
