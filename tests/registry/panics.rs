//! A destructor that panics while a lookup runs it.
//!
//! A lookup keeps a reference to an object that it found, and found to be another one, until it has
//! its answer. If the last handle is dropped in between, the lookup destroys the object.

use std::any::Any;
use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use kref::{Handle, Interned, Interner, Registry};

/// A key with the same hash as every other.
#[derive(Debug)]
struct Same(u32);

impl Hash for Same {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl PartialEq for Same {
    fn eq(&self, other: &Self) -> bool {
        if let Some(trap) = TRAPS.take() {
            trap.next();
        }
        self.0 == other.0
    }
}

impl Eq for Same {}

/// Something to be dropped by the comparison of two keys, after some others.
struct Trap {
    comparisons: u32,
    _object: Box<dyn Any>,
}

thread_local! {
    static TRAPS: RefCell<Option<Trap>> = const { RefCell::new(None) };
}

impl Trap {
    /// Drops the object, or sets the trap again.
    fn next(mut self) {
        if self.comparisons == 0 {
            return;
        }
        self.comparisons -= 1;
        TRAPS.set(Some(self));
    }

    /// The lookup without the lock compares keys once, and the next comparison, of a lookup that
    /// has taken and released the lock, drops `object`.
    fn set(object: impl Any) {
        Self::set_after(1, object);
    }

    /// Drops `object` in the comparison that comes after so many.
    fn set_after(comparisons: u32, object: impl Any) {
        TRAPS.set(Some(Self {
            comparisons,
            _object: Box::new(object),
        }));
    }
}

/// A value that may panic when it is dropped.
#[derive(Debug)]
enum Value {
    Fine,
    Panics,
}

impl Drop for Value {
    fn drop(&mut self) {
        assert!(matches!(self, Self::Fine), "destructor");
    }
}

/// Calls `f`, in which the destructor panics.
#[track_caller]
fn caught<R>(f: impl FnOnce() -> R) {
    let panic = catch_unwind(AssertUnwindSafe(f)).map(|_| ()).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"destructor"));
}

#[test]
fn in_a_look_up_that_finds() {
    let map = Registry::new();
    let one = map.try_insert(Same(1), Value::Fine).unwrap();
    // The newest is the first in its chain.
    Trap::set(map.try_insert(Same(0), Value::Panics).unwrap());
    caught(|| map.get(&Same(1)));
    assert_eq!(Handle::count_hint(&one), 1, "no reference leaks");
    Trap::set(map.try_insert(Same(0), Value::Panics).unwrap());
    caught(|| map.get_or_insert_with(Same(1), |_| unreachable!()));
    assert_eq!(Handle::count_hint(&one), 1, "no reference leaks");
    drop(one);
    assert!(map.is_empty());
}

#[test]
fn in_a_look_up_that_finds_nothing() {
    let map = Registry::new();
    Trap::set(map.try_insert(Same(0), Value::Panics).unwrap());
    caught(|| map.get(&Same(1)));
    assert!(map.is_empty());
}

#[test]
fn in_an_insertion() {
    let map = Registry::new();
    // It takes the lock at once.
    Trap::set_after(0, map.try_insert(Same(0), Value::Panics).unwrap());
    caught(|| map.try_insert(Same(1), Value::Fine));
    assert!(map.is_empty(), "no object leaks");
}

#[test]
fn before_a_construction() {
    let map = Registry::new();
    Trap::set(map.try_insert(Same(0), Value::Panics).unwrap());
    caught(|| map.get_or_insert_with(Same(1), |_| unreachable!()));
    assert!(map.is_empty());
    // The key is vacant, and nobody is waited for.
    let one = map.get_or_insert_with(Same(1), |_| Value::Fine);
    assert_eq!(Handle::count_hint(&map.get(&Same(1)).unwrap()), 2);
    drop(one);
    assert!(map.is_empty());
}

/// A value that is its own key, all of one hash.
#[derive(Debug)]
struct Itself(Same, #[allow(dead_code)] Value);

impl Hash for Itself {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl PartialEq for Itself {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Itself {}

#[test]
fn in_an_interner() {
    let set = Interner::new();
    Trap::set(set.intern(Itself(Same(0), Value::Panics)));
    caught(|| set.intern(Itself(Same(1), Value::Fine)));
    assert!(set.is_empty(), "no value leaks");
}

#[test]
fn of_what_was_given_and_not_used() {
    let set = Interner::new();
    let one = set.intern(Itself(Same(1), Value::Fine));
    caught(|| set.intern(Itself(Same(1), Value::Panics)));
    assert_eq!(Interned::count_hint(&one), 1, "no reference leaks");

    // As a key.
    let map = Registry::new();
    let one = map.try_insert(Itself(Same(1), Value::Fine), ()).unwrap();
    caught(|| map.get_or_insert_with(Itself(Same(1), Value::Panics), |_| unreachable!()));
    assert_eq!(Handle::count_hint(&one), 1, "no reference leaks");

    // In the constructor.
    let panics = Value::Panics;
    let make = move |_: &Itself| drop(panics);
    caught(|| map.get_or_insert_with(Itself(Same(1), Value::Fine), make));
    assert_eq!(Handle::count_hint(&one), 1, "no reference leaks");
}
