//! The interner.

use std::cmp::Ordering;
use std::collections::HashSet;

use kref::registry::DefaultHashBuilder;
use kref::{Interned, Interner};

#[test]
fn equal_values_are_one() {
    let interner = Interner::new();
    let a = interner.intern(String::from("a"));
    let b = interner.intern(String::from("a"));
    let c = interner.intern_ref("a");
    assert!(Interned::ptr_eq(&a, &b) && b == c);
    assert_eq!(Interned::count_hint(&a), 3);
    assert_eq!(interner.len(), 1);
    assert_ne!(a, interner.intern_ref("b"));
    drop((a, b, c));
    assert!(interner.is_empty());
    assert!(interner.get("a").is_none());
}

#[test]
fn text_of_any_length() {
    let lengths = if cfg!(miri) { 30 } else { 600 };
    let interner: Interner<str> = Interner::new();
    let texts: Vec<String> = (0..lengths).map(|len| "ä".repeat(len)).collect();
    let interned: Vec<_> = texts.iter().map(|text| interner.intern_ref(text)).collect();
    for (text, interned) in texts.iter().zip(&interned) {
        assert_eq!(&**interned, text);
        assert_eq!(AsRef::<str>::as_ref(interned), text);
        assert_eq!(*interned, interner.get(text).unwrap());
    }
    assert_eq!(interned.iter().collect::<HashSet<_>>().len(), lengths);
    drop(interned);
    assert!(interner.is_empty());
}

#[test]
fn slices_keep_their_alignment() {
    let interner: Interner<[u128]> = Interner::new();
    let a = interner.intern_ref(&[1, 2, 3]);
    assert_eq!(*a, [1, 2, 3]);
    assert_eq!(a.as_ptr().addr() % align_of::<u128>(), 0);
    assert_eq!(a, interner.intern_ref(&[1, 2, 3]));
    assert!(interner.intern_ref(&[]).is_empty());
    assert_eq!(interner.get(&[1, 2, 3]), Some(a));
    assert_eq!(interner.get(&[1, 2]), None);

    let bytes: Interner<[u8]> = Interner::new();
    assert_eq!(*bytes.intern_ref(b"bytes"), *b"bytes");
}

#[test]
fn order_is_by_value_and_agrees_with_equality() {
    let (one, other) = (Interner::<str>::new(), Interner::<str>::new());
    let (a, b) = (one.intern_ref("a"), one.intern_ref("b"));
    assert!(a < b);
    let a_of_other = other.intern_ref("a");
    assert_ne!(a, a_of_other);
    assert_ne!(a.cmp(&a_of_other), Ordering::Equal);
    assert_eq!(a_of_other.cmp(&b), Ordering::Less);
    assert_eq!(format!("{a} {a:?}"), "a \"a\"");
}

#[test]
fn an_interner_shows_its_length() {
    let interner: Interner<str> = Interner::new_in(1, DefaultHashBuilder);
    let word = interner.intern_ref("word");
    assert_eq!(format!("{interner:?}"), "Interner { len: 1, .. }");
    drop(word);
}

#[test]
fn an_interner_may_be_dropped_before_its_values() {
    let interner: Interner<str> = Interner::new();
    let word = interner.intern_ref("word");
    drop(interner);
    assert_eq!(&*word, "word");
}

#[test]
fn memory_is_reused() {
    let (rounds, all) = if cfg!(miri) { (2, 30) } else { (20, 500) };
    let interner: Interner<str> = Interner::new();
    for round in 0..rounds {
        let words: Vec<_> = (0..all)
            .map(|i| interner.intern_ref(&format!("word {}", i + round)))
            .collect();
        assert_eq!(interner.len(), all);
        drop(words);
    }
    interner.shrink_to_fit();
    assert!(interner.is_empty());
    assert_eq!(&*interner.intern_ref("again"), "again");
}

#[test]
fn threads_agree() {
    let rounds = if cfg!(miri) { 10 } else { 5_000 };
    static WORDS: Interner<str> = Interner::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                for round in 0..rounds {
                    let text = format!("{}", round % 8);
                    let (a, b) = (WORDS.intern_ref(&text), WORDS.intern_ref(&text));
                    assert_eq!(a, b);
                    assert_eq!(&*a, text);
                }
            });
        }
    });
    assert!(WORDS.is_empty());
}
