//! Upgrades, circles, and the sole use of the value.

use std::any::Any;
use std::borrow::Cow;
use std::fmt::Display;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use kref::unsize;
use kref::weak::{Weak, WeakRef};

use crate::tools::Canary;

#[test]
fn a_weak_pointer_finds_the_value_while_it_lives() {
    let destroyed = AtomicUsize::new(0);
    let value = WeakRef::new(Canary(&destroyed));
    let weak = WeakRef::downgrade(&value);
    let other = weak.clone();
    for _ in 0..3 {
        assert!(WeakRef::ptr_eq(&weak.upgrade().unwrap(), &value));
        assert!(WeakRef::ptr_eq(&other.upgrade_if_live().unwrap(), &value));
    }
    let second = weak.upgrade().unwrap();
    drop(value);
    assert!(!weak.is_dead());
    assert_eq!(destroyed.load(Relaxed), 0);
    drop(second);
    assert_eq!(destroyed.load(Relaxed), 1);
    assert!(weak.is_dead() && other.is_dead());
    for _ in 0..3 {
        assert!(weak.upgrade().is_none() && other.upgrade_if_live().is_none());
    }
}

#[test]
fn a_new_weak_pointer_points_to_nothing() {
    let weak = Weak::<String>::new();
    assert!(weak.upgrade().is_none() && weak.upgrade_if_live().is_none());
    assert!(weak.is_dead() && weak.clone().is_dead());
    assert_eq!((weak.count_hint(), weak.weak_count_hint()), (0, 0));
    assert!(weak.ptr_eq(&Weak::default()));
    // SAFETY: just taken from a `Weak`, and taken back once.
    let weak = unsafe { Weak::from_raw(weak.into_raw()) };
    assert!(weak.upgrade().is_none());
    assert_eq!(format!("{weak:?}"), "(Weak)");
}

#[test]
fn counts_are_those_of_arc() {
    let value = WeakRef::new(0);
    let hints = || {
        (
            WeakRef::count_hint(&value),
            WeakRef::weak_count_hint(&value),
        )
    };
    assert_eq!(hints(), (1, 0));
    let weak = WeakRef::downgrade(&value);
    assert_eq!(hints(), (1, 1));
    let other = value.clone();
    let second = weak.clone();
    assert_eq!(hints(), (2, 2));
    assert_eq!((weak.count_hint(), weak.weak_count_hint()), (2, 2));
    drop((other, second));
    assert_eq!(hints(), (1, 1));
    drop(value);
    assert_eq!((weak.count_hint(), weak.weak_count_hint()), (0, 0));
}

#[test]
fn a_circle_dies_with_its_last_reference_from_outside() {
    struct Node<'a> {
        me: Weak<Node<'a>>,
        _canary: Canary<'a>,
    }
    let destroyed = AtomicUsize::new(0);
    let node = WeakRef::new_cyclic(|me| {
        assert!(me.upgrade().is_none() && me.is_dead());
        assert_eq!((me.count_hint(), me.weak_count_hint()), (0, 0));
        let _clone = me.clone();
        Node {
            me: me.clone(),
            _canary: Canary(&destroyed),
        }
    });
    assert_eq!(WeakRef::count_hint(&node), 1);
    assert_eq!(WeakRef::weak_count_hint(&node), 1);
    let again = node.me.upgrade().unwrap();
    drop(node);
    assert_eq!(destroyed.load(Relaxed), 0);
    drop(again);
    assert_eq!(destroyed.load(Relaxed), 1);
}

/// The destructor runs when the value is dead already: it cannot come back.
#[test]
fn a_destructor_does_not_revive_its_value() {
    struct Lazarus(Weak<Lazarus>);
    impl Drop for Lazarus {
        fn drop(&mut self) {
            assert!(self.0.upgrade().is_none());
            assert!(self.0.is_dead());
        }
    }
    drop(WeakRef::new_cyclic(|me| Lazarus(me.clone())));
}

#[test]
fn get_mut_takes_the_only_reference_of_either_kind() {
    let mut value = WeakRef::new(1);
    *WeakRef::get_mut(&mut value).unwrap() = 2;
    let weak = WeakRef::downgrade(&value);
    assert_eq!(WeakRef::get_mut(&mut value), None);
    let other = weak.upgrade().unwrap();
    drop(weak);
    assert_eq!(WeakRef::get_mut(&mut value), None);
    drop(other);
    assert_eq!(WeakRef::get_mut(&mut value), Some(&mut 2));
    assert_eq!(WeakRef::count_hint(&value), 1);
}

#[test]
fn make_mut_clones_moves_or_lends() {
    let mut value = WeakRef::new(vec![1]);
    let address = WeakRef::as_ptr(&value);
    WeakRef::make_mut(&mut value).push(2);
    assert_eq!(WeakRef::as_ptr(&value), address);

    // Another strong reference: the value is cloned.
    let other = value.clone();
    let weak = WeakRef::downgrade(&other);
    WeakRef::make_mut(&mut value).push(3);
    assert_eq!((&**value, &**other), (&[1, 2, 3][..], &[1, 2][..]));
    assert!(WeakRef::ptr_eq(&weak.upgrade().unwrap(), &other));

    // Only weak ones: it moves.
    let mut value = other;
    let elements = value.as_ptr();
    WeakRef::make_mut(&mut value).pop();
    assert_eq!(*value, [1]);
    assert_eq!(value.as_ptr(), elements);
    assert!(weak.upgrade().is_none());
    assert_eq!(WeakRef::weak_count_hint(&value), 0);
}

#[test]
fn the_value_moves_out_of_the_last_reference() {
    let text = || WeakRef::new(String::from("text"));
    let (a, weak) = (text(), Weak::new());
    assert!(weak.ptr_eq(&Weak::<String>::new()));
    let b = a.clone();
    let weak = WeakRef::downgrade(&a);
    let a = WeakRef::try_unwrap(a).unwrap_err();
    assert_eq!(WeakRef::into_inner(a), None);
    assert_eq!(WeakRef::try_unwrap(b).unwrap(), "text");
    assert!(weak.upgrade().is_none());

    let a = text();
    let weak = WeakRef::downgrade(&a);
    assert_eq!(WeakRef::into_inner(a).unwrap(), "text");
    assert!(weak.is_dead());

    let a = text();
    assert_eq!(WeakRef::unwrap_or_clone(a.clone()), "text");
    assert_eq!(WeakRef::unwrap_or_clone(a), "text");
}

#[test]
fn references_pass_through_raw_pointers() {
    let value = WeakRef::new(String::from("text"));
    let weak = WeakRef::downgrade(&value);
    assert_eq!(weak.as_ptr(), WeakRef::as_ptr(&value));
    let (raw, raw_weak) = (WeakRef::into_raw(value), weak.into_raw());
    assert_eq!(raw, raw_weak);
    // SAFETY: just taken from a `Weak`, and taken back once.
    let weak = unsafe { Weak::from_raw(raw_weak) };
    // SAFETY: just taken from a `WeakRef`, and taken back once.
    let value = unsafe { WeakRef::from_raw(raw) };
    assert!(WeakRef::ptr_eq(&weak.upgrade().unwrap(), &value));
    assert_eq!(WeakRef::count_hint(&value), 1);
}

#[test]
fn strings_slices_and_trait_objects() {
    let text: WeakRef<str> = WeakRef::from("text");
    let weak = WeakRef::downgrade(&text);
    assert_eq!(&*weak.upgrade().unwrap(), "text");
    assert_eq!(&*WeakRef::<str>::from(String::from("owned")), "owned");
    assert_eq!(&*WeakRef::<str>::from(Cow::Borrowed("cow")), "cow");
    assert_eq!(&*WeakRef::<str>::default(), "");
    let path: WeakRef<Path> = WeakRef::from(Path::new("/a").to_owned().into_boxed_path());
    assert_eq!(&*path, Path::new("/a"));
    let bytes: WeakRef<[u8]> = WeakRef::from(text);
    assert_eq!(&*WeakRef::<str>::try_from(bytes).unwrap(), "text");
    assert!(WeakRef::<str>::try_from(WeakRef::<[u8]>::from([0xff])).is_err());

    let words = ["a", "b"].map(String::from);
    let cloned: WeakRef<[String]> = WeakRef::from(&words[..]);
    let moved: WeakRef<[String]> = WeakRef::from(words.clone());
    let collected: WeakRef<[String]> = words.iter().cloned().collect();
    assert!(
        [&cloned, &moved, &collected]
            .iter()
            .all(|slice| ***slice == words)
    );
    let array = WeakRef::<[String; 2]>::try_from(cloned).unwrap();
    let slice: WeakRef<[String]> = unsize!(array);
    let weak = WeakRef::downgrade(&slice);
    drop(slice);
    assert!(weak.upgrade().is_none());

    let value = WeakRef::new(7_u8);
    let weak = WeakRef::downgrade(&value);
    let shown: WeakRef<dyn Display> = unsize!(value.clone());
    assert_eq!(shown.to_string(), "7");
    let weak_shown: Weak<dyn Display> = unsize!(weak);
    assert_eq!(weak_shown.upgrade().unwrap().to_string(), "7");
    let any = unsize!(value.clone() => dyn Any + Send + Sync);
    let any = WeakRef::downcast::<i8>(any).unwrap_err();
    assert!(WeakRef::ptr_eq(
        &WeakRef::downcast::<u8>(any).unwrap(),
        &value
    ));
    let nothing: Weak<dyn Display> = unsize!(Weak::<u8>::new());
    assert!(nothing.upgrade().is_none());
}
