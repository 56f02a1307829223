//! `Interner<str>` and `Interner<String>` against a `HashMap<String, Weak<str>>`.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::rc::{Rc, Weak};

use kref::interner::Stored;
use kref::registry::DefaultHashBuilder;
use kref::{Interned, Interner};
use proptest::collection;
use proptest::prelude::*;
use proptest::sample::select;

use crate::for_all;
use crate::registry::TwoHashes;

/// A small number of texts, of several sizes.
const TEXTS: [&str; 8] = [
    "",
    "a",
    "b",
    "ab",
    "ä",
    "a text that is longer than the others",
    "a text that is longer than the others, and ends differently",
    "\0",
];

#[derive(Clone, Debug)]
enum Op {
    Intern(&'static str),
    InternRef(&'static str),
    Get(&'static str),
    Clone(usize),
    Drop(usize),
    DropAll,
    ShrinkToFit,
    NewInterner,
}

fn op() -> impl Strategy<Value = Op> {
    let text = || select(&TEXTS[..]);
    prop_oneof![
        4 => text().prop_map(Op::Intern),
        4 => text().prop_map(Op::InternRef),
        4 => text().prop_map(Op::Get),
        2 => any::<usize>().prop_map(Op::Clone),
        8 => any::<usize>().prop_map(Op::Drop),
        1 => Just(Op::DropAll),
        1 => Just(Op::ShrinkToFit),
        1 => Just(Op::NewInterner),
    ]
}

/// What the two interners have in common.
trait Text: Stored + AsRef<str> + Ord {
    fn intern<S: BuildHasher>(interner: &Interner<Self, S>, text: &str) -> Interned<Self>;
    fn intern_ref<S: BuildHasher>(interner: &Interner<Self, S>, text: &str) -> Interned<Self>;
    fn get<S: BuildHasher>(interner: &Interner<Self, S>, text: &str) -> Option<Interned<Self>>;
}

impl Text for str {
    fn intern<S: BuildHasher>(interner: &Interner<Self, S>, text: &str) -> Interned<Self> {
        interner.intern_ref(&String::from(text)) // stored inline, whoever owns it
    }
    fn intern_ref<S: BuildHasher>(interner: &Interner<Self, S>, text: &str) -> Interned<Self> {
        interner.intern_ref(text)
    }
    fn get<S: BuildHasher>(interner: &Interner<Self, S>, text: &str) -> Option<Interned<Self>> {
        interner.get(text)
    }
}

impl Text for String {
    fn intern<S: BuildHasher>(interner: &Interner<Self, S>, text: &str) -> Interned<Self> {
        interner.intern(text.to_owned())
    }
    fn intern_ref<S: BuildHasher>(interner: &Interner<Self, S>, text: &str) -> Interned<Self> {
        interner.intern_ref(text)
    }
    fn get<S: BuildHasher>(interner: &Interner<Self, S>, text: &str) -> Option<Interned<Self>> {
        interner.get(text)
    }
}

struct World<T: Text + ?Sized, S> {
    interner: Interner<T, S>,
    model: HashMap<String, Weak<str>>,
    /// Each with its counterpart.
    held: Vec<(Interned<T>, Rc<str>)>,
}

impl<T: Text + ?Sized, S: BuildHasher + Default> World<T, S> {
    fn find(&self, text: &str) -> Option<Rc<str>> {
        self.model.get(text)?.upgrade()
    }

    fn hold(&mut self, interned: Interned<T>) {
        let text = interned.as_ref().as_ref();
        let object = self.find(text).unwrap_or_else(|| {
            let object = Rc::from(text);
            self.model.insert(text.to_owned(), Rc::downgrade(&object));
            object
        });
        self.held.push((interned, object));
    }

    fn pick(&self, number: usize) -> Option<usize> {
        number.checked_rem(self.held.len())
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Intern(text) => self.hold(T::intern(&self.interner, text)),
            Op::InternRef(text) => self.hold(T::intern_ref(&self.interner, text)),
            Op::Get(text) => {
                let found = T::get(&self.interner, text);
                assert_eq!(found.is_some(), self.find(text).is_some());
                found.into_iter().for_each(|found| self.hold(found));
            }
            Op::Clone(number) => {
                if let Some(index) = self.pick(number) {
                    self.held.push(self.held[index].clone());
                }
            }
            Op::Drop(number) => {
                if let Some(index) = self.pick(number) {
                    self.held.swap_remove(index);
                }
            }
            Op::DropAll => self.held.clear(),
            Op::ShrinkToFit => self.interner.shrink_to_fit(),
            Op::NewInterner => {
                self.interner = Interner::with_hasher(S::default());
                self.model.clear();
            }
        }
    }

    /// Compares all that can be asked.
    fn check(&self) {
        let found = TEXTS.map(|text| self.find(text).is_some());
        let listed = found.into_iter().filter(|found| *found).count();
        assert_eq!(self.interner.len(), listed);
        assert_eq!(self.interner.is_empty(), listed == 0);
        for (text, found) in TEXTS.into_iter().zip(found) {
            assert_eq!(T::get(&self.interner, text).is_some(), found);
        }
        for (a, text) in &self.held {
            assert_eq!(a.as_ref().as_ref(), &**text);
            assert_eq!(Interned::count_hint(a) as usize, Rc::strong_count(text));
            for (b, other) in &self.held {
                let same = Rc::ptr_eq(text, other);
                assert_eq!(a == b, same);
                assert_eq!(a.cmp(b).is_eq(), same);
                assert_eq!(a.cmp(b), b.cmp(a).reverse());
                if text != other {
                    assert_eq!(a.cmp(b), text.cmp(other));
                }
            }
        }
        let one_of_each: HashSet<_> = self.held.iter().map(|(interned, _)| interned).collect();
        let objects: HashSet<_> = self.held.iter().map(|(_, text)| text.as_ptr()).collect();
        assert_eq!(one_of_each.len(), objects.len());
    }
}

fn agrees_with_the_model<T: Text + ?Sized, S: BuildHasher + Default>() {
    for_all(&collection::vec(op(), 0..40), |ops| {
        let mut world = World::<T, S> {
            interner: Interner::with_hasher(S::default()),
            model: HashMap::new(),
            held: Vec::new(),
        };
        for op in &ops {
            world.apply(op);
            world.check();
        }
    });
}

#[test]
fn of_text_with_the_default_hasher() {
    agrees_with_the_model::<str, DefaultHashBuilder>();
}

#[test]
fn of_text_with_a_hasher_that_collides() {
    agrees_with_the_model::<str, TwoHashes>();
}

#[test]
fn of_strings_with_the_default_hasher() {
    agrees_with_the_model::<String, DefaultHashBuilder>();
}

#[test]
fn of_strings_with_a_hasher_that_collides() {
    agrees_with_the_model::<String, TwoHashes>();
}
