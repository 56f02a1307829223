//! How much memory a value takes, and that it is given back.

use std::fmt::Debug;

use kref::{Ref, UniqueRef, unsize};

use crate::tools::bytes;

#[repr(align(64))]
#[derive(Clone, Debug, PartialEq)]
struct Aligned(u8);

#[test]
fn four_bytes_and_what_the_alignment_takes() {
    // 4 on some 32-bit processors.
    let align = align_of::<u64>() as isize;
    assert_eq!(bytes(|| Ref::new(())), 4);
    assert_eq!(bytes(|| Ref::new(1_u8)), 5);
    assert_eq!(bytes(|| Ref::new(1_u32)), 8);
    assert_eq!(bytes(|| Ref::new(1_u64)), align + 8);
    assert_eq!(bytes(|| Ref::new(1_u128)), 32);
    assert_eq!(bytes(|| Ref::new(Aligned(1))), 128);
    assert_eq!(bytes(|| Ref::<str>::from("text")), 8);
    assert_eq!(bytes(|| Ref::<[u16]>::from([1, 2, 3])), 10);
    assert_eq!(bytes(|| Ref::<[u64]>::from([])), align);
    assert_eq!(bytes(|| UniqueRef::new(1_u32)), 8);
    assert_eq!(size_of::<Option<Ref<u8>>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<UniqueRef<[u8]>>>(), 2 * size_of::<usize>());
}

#[test]
fn every_end_gives_the_memory_back() {
    let text = || Ref::new(String::from("text"));
    assert!(bytes(|| text().clone()) > 0);
    bytes(|| {
        let text = text();
        (text.clone(), text)
    });
    bytes(|| Ref::try_unwrap(text()).unwrap());
    bytes(|| Ref::into_inner(text()).unwrap());
    bytes(|| Ref::unwrap_or_clone(text()));
    bytes(|| {
        let text = text();
        (Ref::unwrap_or_clone(text.clone()), text)
    });
    bytes(|| Ref::try_unique(text()).unwrap());
    bytes(|| UniqueRef::into_inner(UniqueRef::new(String::from("text"))));
    bytes(|| {
        let mut text = text();
        let other = text.clone();
        Ref::make_mut(&mut text).push('s');
        (text, other)
    });
    bytes(|| UniqueRef::<[String]>::new_uninit_slice(3));
    bytes(|| Ref::<[String]>::from(vec![String::from("text")]));
    bytes(|| Ref::<[String]>::from(&[String::from("text")][..]));
    bytes(|| Ref::<str>::from(String::from("text")));
    bytes(|| Ref::<dyn Debug>::from(Box::new(String::from("text")) as Box<dyn Debug>));
    bytes(|| Ref::<str>::from(String::from("text").into_boxed_str()));
}

/// The way to the count does not depend on the value's alignment, and that to the allocation does.
#[test]
fn a_trait_object_of_any_alignment() {
    fn check<T: Debug + Send + Sync + 'static>(value: T, shown: &str) {
        assert!(
            bytes(|| {
                let value = Ref::new(value);
                let object: Ref<dyn Debug> = unsize!(value.clone());
                assert_eq!(Ref::count_hint(&object), 2);
                assert_eq!(Ref::as_ptr(&object).cast(), Ref::as_ptr(&value));
                drop(value);
                assert_eq!(format!("{object:?}"), shown);
                object
            }) > 0
        );
    }
    check((), "()");
    check(1_u8, "1");
    check(2_u16, "2");
    check(3_u64, "3");
    check(4_u128, "4");
    check(Aligned(5), "Aligned(5)");
}

#[test]
#[should_panic(expected = "capacity overflow")]
fn a_slice_larger_than_the_address_space() {
    let _ = UniqueRef::<[u64]>::new_uninit_slice(usize::MAX / 4);
}

#[test]
#[should_panic(expected = "capacity overflow")]
fn a_slice_as_large_as_the_address_space_but_for_the_count() {
    let _ = UniqueRef::<[u8]>::new_uninit_slice(isize::MAX as usize);
}
