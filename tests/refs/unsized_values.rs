//! Strings, slices and trait objects.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::ffi::{CStr, CString};
use std::fmt::{Debug, Display};
use std::pin::Pin;
#[cfg(feature = "std")]
use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use kref::{Ref, UniqueRef, unsize};

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

#[test]
fn a_unique_owner_and_a_pinned_pointer_to_a_trait_object() {
    let mut numbers: UniqueRef<[u8]> = unsize!(UniqueRef::new([1, 2]));
    numbers[0] = 3;
    let shown = unsize!(UniqueRef::new(String::from("text")) => dyn Debug + Send + Sync);
    let shared: Ref<dyn Debug + Send + Sync> = UniqueRef::share(shown);
    assert_eq!(format!("{:?} {shared:?}", &*numbers), "[3, 2] \"text\"");

    let pinned = Ref::pin(7);
    let object: Pin<Ref<dyn Debug>> = unsize!(pinned.clone());
    assert_eq!(format!("{object:?}"), "7");
    assert!(std::ptr::addr_eq(&*object, &*pinned));

    let pinned: Pin<UniqueRef<dyn Debug>> = unsize!(UniqueRef::pin(8));
    let shared: Pin<Ref<dyn Debug>> = pinned.into();
    assert_eq!(format!("{shared:?}"), "8");
}

/// What std's `Arc` takes over, `Ref` does, with the same contents.
#[test]
fn contents_of_every_kind() {
    let text: &mut str = &mut String::from("text");
    assert_eq!(&*Ref::<str>::from(&mut *text), "text");
    assert_eq!(*Ref::<[u8]>::from(&mut [1, 2][..]), [1, 2]);
    assert_eq!(&*Ref::<CStr>::from(c"c"), c"c");
    assert_eq!(&*Ref::<CStr>::from(CString::from(c"c")), c"c");
    assert_eq!(&*Ref::<CStr>::from(Cow::Borrowed(c"c")), c"c");
    assert_eq!(Ref::<CStr>::from(c"c").to_bytes_with_nul(), b"c\0");
    assert_eq!(&*Ref::<CStr>::default(), c"");
    let sized: Ref<&i32> = Ref::from(&5);
    assert_eq!(**sized, 5);
}

#[cfg(feature = "std")]
#[test]
fn paths() {
    let path = Path::new("/a/b");
    let paths: [Ref<Path>; 4] = [
        Ref::from(path),
        Ref::from(PathBuf::from(path)),
        Ref::from(path.to_owned().into_boxed_path()),
        Ref::from(Cow::Borrowed(path)),
    ];
    assert!(paths.iter().all(|other| **other == *path));
    let name = OsStr::new("name");
    let mut changed: Ref<OsStr> = Ref::from(OsString::from(name));
    let same = changed.clone();
    Ref::make_mut(&mut changed).make_ascii_uppercase();
    assert_eq!((&*changed, &*same), (OsStr::new("NAME"), name));
    assert_eq!(*Ref::<OsStr>::from(name), *same);
}

#[test]
fn make_mut_of_what_has_no_size() {
    let mut words: Ref<[String]> = Ref::from(["a", "b"].map(String::from));
    let address = Ref::as_ptr(&words);
    Ref::make_mut(&mut words)[0].push('c');
    assert_eq!(Ref::as_ptr(&words), address); // nobody else had it
    let other = words.clone();
    Ref::make_mut(&mut words)[1].push('d');
    assert_eq!(
        (&words[..], &other[..]),
        (
            &["ac", "bd"].map(String::from)[..],
            &["ac", "b"].map(String::from)[..]
        )
    );
    assert_eq!((Ref::count_hint(&words), Ref::count_hint(&other)), (1, 1));

    let mut text: Ref<str> = Ref::from("text");
    let other = text.clone();
    Ref::make_mut(&mut text).make_ascii_uppercase();
    assert_eq!((&*text, &*other), ("TEXT", "text"));

    let unique: UniqueRef<str> = UniqueRef::clone_of("text");
    let mut copy = unique.clone();
    copy.make_ascii_uppercase();
    assert_eq!((&*unique, &*copy), ("text", "TEXT"));
}
