//! How much memory a value takes, and when it is given back.

use std::fmt::Debug;

use kref::weak::{Weak, WeakRef};

use crate::tools::{bytes, live_bytes};

#[repr(align(64))]
struct Aligned(#[expect(dead_code)] u8);

#[test]
fn eight_bytes_and_what_the_alignment_takes() {
    assert_eq!(bytes(|| WeakRef::new(())), 8);
    assert_eq!(bytes(|| WeakRef::new(1_u8)), 9);
    assert_eq!(bytes(|| WeakRef::new(1_u32)), 12);
    assert_eq!(bytes(|| WeakRef::new(1_u64)), 16);
    assert_eq!(
        bytes(|| WeakRef::new(1_u128)),
        16 + align_of::<u128>() as isize
    );
    assert_eq!(bytes(|| WeakRef::new(Aligned(1))), 128);
    assert_eq!(bytes(|| WeakRef::<str>::from("text")), 12);
    assert_eq!(bytes(Weak::<u64>::new), 0);
    assert_eq!(size_of::<Option<WeakRef<u8>>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Weak<[u8]>>>(), 2 * size_of::<usize>());
}

#[test]
fn a_weak_pointer_keeps_the_memory_and_not_what_the_value_owns() {
    let before = live_bytes();
    let value = WeakRef::new(vec![0_u8; 1000]);
    let weak = WeakRef::downgrade(&value);
    drop(value);
    let left = live_bytes() - before;
    assert_eq!(left, 8 + size_of::<Vec<u8>>() as isize);
    drop(weak);
    assert_eq!(live_bytes(), before);
}

#[test]
fn every_end_gives_the_memory_back() {
    let text = || WeakRef::new(String::from("text"));
    let with_weak = |end: fn(WeakRef<String>)| {
        bytes(|| {
            let text = text();
            let weak = WeakRef::downgrade(&text);
            end(text);
            weak
        })
    };
    bytes(|| (text().clone(), text()));
    with_weak(drop);
    with_weak(|text| drop(WeakRef::try_unwrap(text).unwrap()));
    with_weak(|text| drop(WeakRef::into_inner(text).unwrap()));
    with_weak(|mut text| WeakRef::make_mut(&mut text).push('s'));
    with_weak(|mut text| {
        let _other = text.clone();
        WeakRef::make_mut(&mut text).push('s');
    });
    bytes(|| WeakRef::<[String]>::from(&[String::from("text")][..]));
    bytes(|| WeakRef::<dyn Debug>::from(Box::new(String::from("text")) as Box<dyn Debug>));
    bytes(|| {
        // The last pointer is one to a trait object, whose size is known from the value's type only.
        let boxed: Box<dyn Debug> = Box::new(Aligned2([7; 5]));
        let value: WeakRef<dyn Debug> = boxed.into();
        WeakRef::downgrade(&value)
    });
    bytes(|| WeakRef::new_cyclic(|me: &Weak<Me>| Me(me.clone())));
}

#[repr(align(32))]
#[derive(Debug)]
struct Aligned2(#[expect(dead_code)] [u8; 5]);

struct Me(#[expect(dead_code)] Weak<Me>);
