//! Values, interned values and handles, through the real `serde` and `serde_json`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use kref::serde::{ByKey, EachIn, In, StaticInterner, StaticRegistry};
use kref::{Handle, Interned, Interner, Ref, Registry, UniqueRef, Weak, WeakRef};
use serde::de::{DeserializeOwned, DeserializeSeed};
use serde::{Deserialize, Serialize};

/// Writes and reads, and checks the text in between.
#[track_caller]
fn through<T: Serialize + DeserializeOwned>(value: &T, text: &str) -> T {
    assert_eq!(serde_json::to_string(value).unwrap(), text);
    serde_json::from_str(text).unwrap()
}

#[test]
fn pointers_are_their_values() {
    let value = Ref::new(vec![Some(1), None]);
    assert_eq!(through(&value, "[1,null]"), value);
    let text: Ref<str> = Ref::from("text");
    assert_eq!(through(&text, "\"text\""), text);
    let slice: Ref<[u8]> = Ref::from([1, 2]);
    assert_eq!(through(&slice, "[1,2]"), slice);
    let path: Ref<Path> = Ref::from(Path::new("/a"));
    assert_eq!(through(&path, "\"/a\""), path);
    let unique = UniqueRef::new((1, 'a'));
    assert_eq!(through(&unique, "[1,\"a\"]"), unique);
}

/// As serde does it with `Arc` and `Weak`.
#[test]
fn weak_pointers_are_options() {
    let value = WeakRef::new(vec![1, 2]);
    let weak = WeakRef::downgrade(&value);
    assert_eq!(through(&value, "[1,2]"), value);
    assert!(through(&weak, "[1,2]").upgrade().is_none(), "nobody has it");
    let text: WeakRef<str> = WeakRef::from("text");
    assert_eq!(through(&text, "\"text\""), text);
    drop(value);
    assert!(through(&weak, "null").upgrade().is_none());
    assert!(through(&Weak::<u8>::new(), "null").upgrade().is_none());
}

/// As serde does it with `Arc`: it writes each reference, and reads as many values.
#[test]
fn sharing_is_not_recorded() {
    let value = Ref::new(5);
    let [a, b] = through(&[value.clone(), value], "[5,5]");
    assert!(a == b && !Ref::ptr_eq(&a, &b));
}

static WORDS: Interner<str> = Interner::new();
static LISTS: Interner<[u32]> = Interner::new();
static PAIRS: Interner<(u8, u8)> = Interner::new();

struct Words;
impl StaticInterner for Words {
    type Value = str;
    fn interner() -> &'static Interner<str> {
        &WORDS
    }
}

struct Lists;
impl StaticInterner for Lists {
    type Value = [u32];
    fn interner() -> &'static Interner<[u32]> {
        &LISTS
    }
}

struct Pairs;
impl StaticInterner for Pairs {
    type Value = (u8, u8);
    fn interner() -> &'static Interner<(u8, u8)> {
        &PAIRS
    }
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(with = "In::<Words>")]
    word: Interned<str>,
    #[serde(with = "In::<Lists>")]
    list: Interned<[u32]>,
    #[serde(with = "In::<Pairs>")]
    pair: Interned<(u8, u8)>,
}

#[test]
fn interned_values_go_to_the_interner_that_the_type_names() {
    let text = r#"{"word":"a\nb","list":[1,2],"pair":[3,4]}"#;
    let [one, other]: [Entry; 2] = serde_json::from_str(&format!("[{text},{text}]")).unwrap();
    assert!(Interned::ptr_eq(&one.word, &other.word));
    assert!(Interned::ptr_eq(&one.list, &other.list));
    assert!(Interned::ptr_eq(&one.pair, &other.pair));
    assert_eq!((WORDS.len(), LISTS.len(), PAIRS.len()), (1, 1, 1));
    assert_eq!(&*one.word, "a\nb");
    assert_eq!(serde_json::to_string(&one).unwrap(), text);
    drop((one, other));
    assert_eq!((WORDS.len(), LISTS.len(), PAIRS.len()), (0, 0, 0));
}

/// An interner of its own, as other tests ask how many values there are in `WORDS`.
static NAMES: Interner<str> = Interner::new();

struct Names;
impl StaticInterner for Names {
    type Value = str;
    fn interner() -> &'static Interner<str> {
        &NAMES
    }
}

#[derive(Serialize, Deserialize)]
struct Collections {
    #[serde(with = "EachIn::<Names>")]
    list: Vec<Interned<str>>,
    #[serde(with = "EachIn::<Names>", default)]
    set: HashSet<Interned<str>>,
    #[serde(with = "EachIn::<Names>", default)]
    fixed: Box<[Interned<str>]>,
}

#[test]
fn collections_of_interned_values() {
    let text = r#"{"list":["a","b","a"],"set":["b"],"fixed":[]}"#;
    let all: Collections = serde_json::from_str(text).unwrap();
    assert!(Interned::ptr_eq(&all.list[0], &all.list[2]));
    assert!(all.set.contains(&all.list[1]));
    assert_eq!((all.list.len(), all.fixed.len(), NAMES.len()), (3, 0, 2));
    assert_eq!(serde_json::to_string(&all).unwrap(), text);
    drop(all);
    // What was interned before the error is gone with it.
    let read = serde_json::from_str::<Collections>;
    let error = read(r#"{"list":["a",5]}"#).err().unwrap().to_string();
    assert!(error.contains("expected a string"), "{error}");
    let error = read(r#"{"list":"a"}"#).err().unwrap().to_string();
    assert!(error.contains("expected a sequence"), "{error}");
    assert!(NAMES.is_empty());
}

#[test]
fn an_interner_that_is_at_hand_is_a_seed() {
    let names = Interner::<str>::new();
    let read = |text: &str| {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        (&names).deserialize(&mut deserializer)
    };
    let name = read("\"name\"").unwrap();
    assert_eq!(names.get("name"), Some(name));
    let error = read("5").unwrap_err().to_string();
    assert!(error.contains("expected a string"), "{error}");
    assert!(names.is_empty());
}

static OBJECTS: Registry<Cow<'static, str>, u32> = Registry::new();

struct Objects;
impl StaticRegistry for Objects {
    type Key = Cow<'static, str>;
    type Value = u32;
    fn registry() -> &'static Registry<Cow<'static, str>, u32> {
        &OBJECTS
    }
}

#[derive(Serialize, Deserialize)]
struct Use(#[serde(with = "ByKey::<Objects>")] Handle<Cow<'static, str>, u32>);

#[test]
fn a_handle_is_its_key_and_is_found_again_while_it_lives() {
    let object = Use(OBJECTS.get_or_insert_with(Cow::Borrowed("object"), |_| 7));
    let same = through(&object, "\"object\"");
    assert!(Handle::ptr_eq(&object.0, &same.0));
    drop((object, same));
    let error = serde_json::from_str::<Use>("\"object\"").err().unwrap();
    assert!(
        error.to_string().contains("no live object has this key"),
        "{error}"
    );
}
