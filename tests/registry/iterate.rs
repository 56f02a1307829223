//! Iteration that holds no lock.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use kref::registry::DefaultHashBuilder;
use kref::{Handle, Interned, Interner, Registry};

#[test]
fn each_object_once() {
    let map = Registry::new();
    assert_eq!(map.iter().count(), 0);
    let mut handles = Vec::new();
    for n in 0..500_u32 {
        handles.push(map.try_insert(n, n).unwrap());
        if n % 50 == 0 {
            let mut seen = map.iter().map(|object| *object).collect::<Vec<_>>();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..=n));
        }
    }
    let mut sum = 0;
    map.for_each(|object| sum += **object);
    assert_eq!(sum, 499 * 500 / 2);
    for object in &map {
        assert_eq!(
            Handle::count_hint(&object),
            2,
            "of those in one chain, which are few"
        );
    }
    handles.truncate(3);
    assert_eq!(map.iter().count(), 3);
    drop(handles);
    assert_eq!(map.iter().count(), 0);
}

/// All keys in one chain.
#[test]
fn one_hash() {
    #[derive(Default)]
    struct One;
    impl Hasher for One {
        fn write(&mut self, _: &[u8]) {}
        fn finish(&self) -> u64 {
            0
        }
    }
    impl BuildHasher for One {
        type Hasher = Self;
        fn build_hasher(&self) -> Self {
            Self
        }
    }
    let map = Registry::with_hasher(One);
    let handles = (0..100)
        .map(|n| map.try_insert(n, n).unwrap())
        .collect::<Vec<_>>();
    let mut seen = map.iter().map(|object| *object).collect::<Vec<_>>();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..100));
    // An iterator that is left in the middle holds nothing.
    let mut some = map.iter();
    assert!(some.next().is_some());
    drop(some);
    drop(handles);
    assert!(map.is_empty());
}

/// The table doubles and is halved under the iteration: what stays is seen once.
#[test]
fn while_the_table_grows() {
    let map = Registry::<u32, u32>::with_shards_and_hasher(2, DefaultHashBuilder);
    let stay = (0..64)
        .map(|n| map.try_insert(n, n).unwrap())
        .collect::<Vec<_>>();
    let mut others = Vec::new();
    let mut seen = HashMap::<u32, u32>::new();
    for object in &map {
        *seen.entry(*object).or_default() += 1;
        for _ in 0..40 * u32::from(*object < 64) {
            let key = 1000 + others.len() as u32;
            others.push(map.try_insert(key, key).unwrap());
        }
    }
    for n in 0..64 {
        assert_eq!(seen[&n], 1);
    }
    assert!(seen.values().all(|times| *times == 1));
    drop(others);
    map.shrink_to_fit();
    assert_eq!(map.iter().count(), 64);
    drop(stay);
}

/// While others come and go in other threads.
#[test]
fn beside_changes() {
    let map = Registry::<u32, u32>::new();
    let stay = (0..200)
        .map(|n| map.try_insert(n, n).unwrap())
        .collect::<Vec<_>>();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let churn = |from: u32| {
            let (map, stop) = (&map, &stop);
            scope.spawn(move || {
                let mut round = 0;
                while !stop.load(SeqCst) {
                    let keys = from..from + 50 * (1 + round % 8);
                    drop(
                        keys.map(|key| map.get_or_insert_with(key, |key| *key))
                            .collect::<Vec<_>>(),
                    );
                    round += 1;
                }
            })
        };
        let threads = [churn(1000), churn(1200)];
        for _ in 0..30 {
            let mut seen = [0; 200];
            for object in &map {
                assert_eq!(Handle::key(&object), &*object);
                if let Some(times) = seen.get_mut(*object as usize) {
                    *times += 1;
                }
            }
            assert_eq!(seen, [1; 200]);
        }
        stop.store(true, SeqCst);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
    drop(stay);
    assert!(map.is_empty());
}

/// `f` may do anything, as no lock is held, and the iteration may hold the last reference.
#[test]
fn anything_goes() {
    let map = Registry::<u32, u32>::with_shards_and_hasher(1, DefaultHashBuilder);
    let handles = RefCell::new((0..50).map(|n| map.insert(n, n)).collect::<Vec<_>>());
    map.for_each(|object| {
        handles
            .borrow_mut()
            .retain(|handle| !Handle::ptr_eq(handle, object));
        let key = 100 + **object;
        assert_eq!(*map.get_or_insert_with(key, |key| *key), key);
    });
    assert!(handles.borrow().is_empty());
    assert!(map.is_empty());

    let one = map.insert(1, 1);
    let panics = catch_unwind(AssertUnwindSafe(|| map.for_each(|_| panic!("f"))));
    assert!(panics.is_err());
    assert_eq!(Handle::count_hint(&one), 1);
}

#[test]
fn unlist_if() {
    let map = Registry::<u32, u32>::new();
    let handles = (0..100).map(|n| map.insert(n, n * 2)).collect::<Vec<_>>();
    let taken = map.unlist_if(|key, value| {
        assert_eq!(key * 2, *value);
        key % 3 == 0
    });
    assert_eq!((taken, map.len()), (34, 66));
    assert!(
        handles
            .iter()
            .all(|handle| Handle::is_listed(handle) != (Handle::key(handle) % 3 == 0))
    );
    assert_eq!(map.unlist_if(|key, _| key % 3 == 0), 0);
    // What somebody else takes out under the condition is not counted.
    let taken = map.unlist_if(|key, _| {
        map.unlist(key);
        true
    });
    assert_eq!((taken, map.len()), (0, 0));
    let again = map.insert(3, 0);
    assert_eq!(map.get(&3), Some(again));
}

#[test]
fn values_of_an_interner() {
    let words = Interner::<str>::new();
    let held = ["a", "bc", "", "def"].map(|word| words.intern_ref(word));
    let mut seen = words.iter().collect::<Vec<_>>();
    seen.sort();
    assert_eq!(seen, ["", "a", "bc", "def"]);
    let mut length = 0;
    words.for_each(|word| length += word.len());
    assert_eq!(length, 6);
    drop(held);
    assert_eq!((&words).into_iter().count(), 4, "`seen` holds them");
    drop(seen);
    assert_eq!(words.iter().count(), 0);
}

#[test]
fn an_interned_text_and_other_texts() {
    let words = Interner::<str>::new();
    let word: Interned<str> = words.intern_ref("if");
    let (owned, other) = (String::from("if"), String::from("else"));
    assert!(word == "if" && word == *"if" && word == owned && word != other);
    assert!("if" == word && *"if" == word && owned == word && other != word);
    let raw = Interned::into_raw(word.clone());
    // SAFETY: it is not taken back before it was used.
    let borrowed = unsafe { kref::interner::Borrowed::<str>::from_raw(raw) };
    assert!(borrowed == Interned::borrowed(&word) && &*borrowed == "if");
    assert!(kref::interner::Borrowed::to_interned(borrowed) == word);
    // SAFETY: it came from `into_raw`, once.
    assert_eq!(unsafe { Interned::<str>::from_raw(raw) }, word);
    assert_eq!(Interned::count_hint(&word), 1);
    assert_eq!(Interned::as_ptr(&word), &raw const *word);
}
