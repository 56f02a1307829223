//! Strings, slices and trait objects.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::path::Path;

use kref::{Ref, unsize};

#[test]
fn strings() {
    let text: Ref<str> = Ref::from("text");
    let other = text.clone();
    assert_eq!(&*other, "text");
    assert!(Ref::ptr_eq(&text, &other));
    assert_eq!(&*Ref::<str>::from(String::from("owned")), "owned");
    assert_eq!(&*Ref::<str>::from(Cow::Borrowed("cow")), "cow");
    assert_eq!(&*Ref::<str>::from(Cow::from(String::from("cow"))), "cow");
    assert_eq!(&*Ref::<str>::default(), "");
    let path: Ref<Path> = Ref::from(Path::new("/a").to_owned().into_boxed_path());
    assert_eq!(&*path, Path::new("/a"));

    let bytes: Ref<[u8]> = Ref::from(text);
    assert_eq!(&*bytes, b"text");
    assert_eq!(Ref::as_ptr(&bytes).cast(), Ref::as_ptr(&other).cast::<u8>());
    assert_eq!(&*Ref::<str>::try_from(bytes).unwrap(), "text");
    assert!(Ref::<str>::try_from(Ref::<[u8]>::from([0xff])).is_err());
}

#[test]
fn slices() {
    let words = ["a", "b"].map(String::from);
    let cloned: Ref<[String]> = Ref::from(&words[..]);
    let moved: Ref<[String]> = Ref::from(words.clone());
    let from_vec = Ref::from(words.to_vec());
    let collected: Ref<[String]> = words.iter().cloned().collect();
    for slice in [&cloned, &moved, &from_vec, &collected] {
        assert_eq!(**slice, words);
    }
    assert_eq!(Ref::<[String]>::default().len(), 0);
    assert_eq!(*Ref::<[()]>::from([(); 3]), [(); 3]);

    let slice = Ref::<[String; 3]>::try_from(cloned).unwrap_err();
    let array = Ref::<[String; 2]>::try_from(slice).unwrap();
    assert_eq!(*array, words);
    let slice: Ref<[String]> = unsize!(array);
    assert_eq!(*slice, words);
}

#[test]
fn trait_objects() {
    let value = Ref::new(String::from("text"));
    let inferred: Ref<dyn Display> = unsize!(value.clone());
    let named = unsize!(value.clone() => dyn Debug + Send + Sync);
    let weaker = unsize!(named.clone() => dyn Debug);
    let boxed = Ref::<dyn Debug>::from(Box::new([1_u128, 2]) as Box<dyn Debug>);
    assert_eq!(inferred.to_string(), "text");
    assert_eq!(
        format!("{named:?} {weaker:?} {boxed:?}"),
        "\"text\" \"text\" [1, 2]"
    );
    assert_eq!(Ref::count_hint(&value), 4);

    let error =
        Ref::<dyn Error + Send + Sync>::from(Box::<dyn Error + Send + Sync>::from("broken"));
    assert_eq!(error.to_string(), "broken");
}

#[test]
fn a_trait_object_may_borrow() {
    let text = String::from("text");
    let borrowed: Ref<dyn Display + '_> = unsize!(Ref::new(&text));
    assert_eq!(borrowed.to_string(), "text");
}

#[test]
fn a_trait_object_is_downcast_to_what_it_is() {
    let value = Ref::new(7_u8);
    let any = unsize!(value.clone() => dyn Any + Send + Sync);
    let any = Ref::downcast::<i8>(any).unwrap_err();
    let same = Ref::downcast::<u8>(any).unwrap();
    assert!(Ref::ptr_eq(&value, &same));
}
