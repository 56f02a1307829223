//! User code that lies, panics, or calls back.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use kref::{Handle, Registry};

/// A key whose hash and equality are what the thread says they are.
#[derive(Debug)]
struct Liar(u32);

thread_local! {
    static HASH: Cell<Option<u32>> = const { Cell::new(None) };
    static EQ: Cell<Option<bool>> = const { Cell::new(None) };
}

impl Hash for Liar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        HASH.get().unwrap_or(self.0).hash(state);
    }
}

impl PartialEq for Liar {
    fn eq(&self, other: &Self) -> bool {
        EQ.get().unwrap_or(self.0 == other.0)
    }
}

impl Eq for Liar {}

#[test]
fn a_lying_eq_gives_wrong_answers_and_nothing_worse() {
    let registry = Registry::new();
    let a = registry.get_or_insert_with(Liar(1), |_| vec![1]);
    EQ.set(Some(false));
    assert!(registry.get(&Liar(1)).is_none());
    let b = registry.get_or_insert_with(Liar(1), |_| vec![2]); // a second one with the same key
    let c = registry.get_or_insert_with(Liar(1), |_| vec![3]);
    assert_eq!(registry.len(), 3);
    EQ.set(Some(true));
    assert!(registry.get(&Liar(1)).is_some());
    EQ.set(None);
    drop(b);
    assert_eq!(registry.len(), 2);
    drop(a);
    assert_eq!(**registry.get(&Liar(1)).unwrap(), [3]);
    drop(c);
    assert!(registry.is_empty());
}

#[test]
fn a_key_whose_hash_changes_still_leaves() {
    let registry = Registry::new();
    let a = registry.get_or_insert_with(Liar(1), |_| 1);
    HASH.set(Some(99));
    assert!(registry.get(&Liar(1)).is_none());
    drop(a);
    assert!(registry.is_empty());
    HASH.set(None);
}

#[test]
fn an_eq_that_panics_leaves_the_registry_usable() {
    #[derive(Debug)]
    struct Panics(u32);
    impl Hash for Panics {
        fn hash<H: Hasher>(&self, state: &mut H) {
            0.hash(state);
        }
    }
    impl PartialEq for Panics {
        fn eq(&self, other: &Self) -> bool {
            assert!(self.0 != 13 && other.0 != 13, "unlucky");
            self.0 == other.0
        }
    }
    impl Eq for Panics {}

    let registry = Registry::new();
    let unlucky = registry.try_insert(Panics(13), ()).unwrap();
    let one = catch_unwind(AssertUnwindSafe(|| registry.try_insert(Panics(1), ())));
    assert!(one.is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| registry.get(&Panics(1)))).is_err());
    assert_eq!(registry.len(), 1);
    assert_eq!(Handle::count_hint(&unlucky), 1);
    drop(unlucky);
    let one = registry.try_insert(Panics(1), ()).unwrap();
    assert!(registry.get(&Panics(1)).is_some());
    drop(one);
    assert!(registry.is_empty());
}

#[test]
fn all_keys_may_have_one_hash() {
    #[derive(PartialEq, Eq)]
    struct Same(u32);
    impl Hash for Same {
        fn hash<H: Hasher>(&self, _: &mut H) {}
    }
    let registry = Registry::new();
    let all = if cfg!(miri) { 20 } else { 100 };
    let handles: Vec<_> = (0..all)
        .map(|key| registry.get_or_insert_with(Same(key), |key| key.0))
        .collect();
    for key in 0..all {
        assert_eq!(*registry.get(&Same(key)).unwrap(), key);
    }
    assert!(registry.get(&Same(all)).is_none());
    drop(handles);
    assert!(registry.is_empty());
}

#[test]
fn a_constructor_that_panics_leaves_the_key_vacant() {
    let registry = Registry::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        registry.get_or_insert_with(1, |_| -> u32 { panic!("constructor") })
    }));
    assert!(result.is_err());
    assert!(registry.is_empty());
    assert_eq!(*registry.get_or_insert_with(1, |_| 2), 2);
}

#[test]
fn a_constructor_that_asks_for_its_own_key_is_told() {
    let registry = Registry::new();
    let result = catch_unwind(AssertUnwindSafe(|| {
        registry.get_or_insert_with(1, |_| *registry.get_or_insert_with(1, |_| 2))
    }));
    let message = *result.unwrap_err().downcast::<&str>().unwrap();
    assert!(message.contains("the same key"), "{message}");
    // Also inside the constructor of another key.
    let result = catch_unwind(AssertUnwindSafe(|| {
        registry.get_or_insert_with(1, |_| {
            *registry.get_or_insert_with(2, |_| *registry.get_or_insert_with(2, |_| 3))
        })
    }));
    let message = *result.unwrap_err().downcast::<&str>().unwrap();
    assert!(message.contains("the same key"), "{message}");
    // Also through another key.
    let result = catch_unwind(AssertUnwindSafe(|| {
        registry.get_or_insert_with(1, |_| {
            *registry.get_or_insert_with(2, |_| *registry.get_or_insert_with(1, |_| 3))
        })
    }));
    assert!(result.is_err());
    assert!(registry.is_empty());
}

/// A value whose destructor does something with the registry.
struct Calls<'a>(Box<dyn Fn() + Send + Sync + 'a>);

impl Drop for Calls<'_> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_destructor_may_use_the_registry() {
    static REGISTRY: Registry<u32, Calls<'static>> =
        Registry::with_shards_and_hasher(1, kref::registry::DefaultHashBuilder);
    static KEPT: Mutex<Vec<Handle<u32, Calls<'static>>>> = Mutex::new(Vec::new());

    let nothing = || Calls(Box::new(|| {}));
    let other = REGISTRY.get_or_insert_with(2, |_| nothing());
    KEPT.lock().unwrap().push(other);
    let value = Calls(Box::new(move || {
        assert!(REGISTRY.get(&1).is_none(), "it has left already");
        assert_eq!(REGISTRY.handles().len(), 1);
        let again = REGISTRY.get_or_insert_with(1, |_| nothing());
        assert_eq!(REGISTRY.len(), 2);
        drop(again);
        let other = KEPT.lock().unwrap().pop();
        drop(other); // the last handle of another key
        assert!(REGISTRY.is_empty());
    }));
    drop(REGISTRY.try_insert(1, value).ok().unwrap());
    assert!(REGISTRY.is_empty());
    assert!(KEPT.lock().unwrap().is_empty());
}

#[test]
fn a_destructor_that_panics_has_left_the_registry() {
    struct DropsKey<'a>(&'a Cell<u32>);
    impl Drop for DropsKey<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    impl Hash for DropsKey<'_> {
        fn hash<H: Hasher>(&self, _: &mut H) {}
    }
    impl PartialEq for DropsKey<'_> {
        fn eq(&self, _: &Self) -> bool {
            true
        }
    }
    impl Eq for DropsKey<'_> {}

    let keys = Cell::new(0);
    let registry = Registry::new();
    let panics = Calls(Box::new(|| panic!("destructor")));
    let handle = registry.try_insert(DropsKey(&keys), panics).ok().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(handle))).is_err());
    assert_eq!(keys.get(), 1, "the key is dropped all the same");
    assert!(registry.is_empty());
    let fine = registry.try_insert(DropsKey(&keys), Calls(Box::new(|| {})));
    assert!(fine.is_ok());
}

#[test]
fn a_thread_that_panics_gives_its_handles_back() {
    let registry = Registry::new();
    let result = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let _a = registry.get_or_insert_with(1, |_| 1);
                let _b = registry.get_or_insert_with(2, |_| 2);
                panic!("killed");
            })
            .join()
    });
    assert!(result.is_err());
    assert!(registry.is_empty());
}
