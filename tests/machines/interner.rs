//! `Interner` and `Interned` against a set of texts with the number of references to each.
//!
//! What is stored is a text in several forms: as `str`, as a slice of elements with an alignment, as a
//! sized value. Their sizes go from nothing to several KiB, so that slots of many sizes share a shard.

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher};

use kref::interner::{Borrowed, Stored};
use kref::{Interned, Interner};

use super::values::{Ledger, Value};
use super::{Letter, Machine, Model, pick};

/// The lengths of the texts, and how many texts there are of each.
const LENGTHS: [usize; 20] = [
    0, 1, 2, 7, 8, 15, 16, 31, 40, 64, 100, 129, 200, 300, 500, 777, 1200, 2000, 3100, 5000,
];
const TEXTS: usize = 4 * LENGTHS.len();

#[derive(Clone, Debug)]
pub enum Op {
    Intern(usize),
    InternRef(usize),
    Get(usize),
    /// Holds those of this length, modulo three.
    Iterate(usize),
    Clone(u16),
    /// Clones by a borrowed form.
    CloneBorrowed(u16),
    /// Becomes a raw pointer and an `Interned` again.
    Raw(u16),
    Drop(u16),
    DropAll,
    /// This one and all that were interned after it.
    DropNewest(u16),
    ShrinkToFit,
    /// The old one goes, and leaves its values to their holders.
    NewInterner(u8),
}

/// A text by its number, which is less than `TEXTS`.
fn text(number: usize) -> String {
    let letter = ["a", "b", "\0", "z"][number / LENGTHS.len()];
    letter.repeat(LENGTHS[number % LENGTHS.len()])
}

fn number(number: u16) -> usize {
    usize::from(number) % TEXTS
}

/// Which interner a value is in, as a number, and which text it is.
type Identity = (u32, String);

#[derive(Clone, Debug, Default)]
pub struct Texts {
    interner: u32,
    refs: BTreeMap<Identity, usize>,
    held: Vec<Identity>,
    shrinks: u32,
}

impl Texts {
    fn hold(&mut self, identity: Identity) {
        *self.refs.entry(identity.clone()).or_default() += 1;
        self.held.push(identity);
    }

    fn drop_held(&mut self, index: usize) {
        let identity = self.held.swap_remove(index);
        let refs = self.refs.get_mut(&identity).expect("held");
        *refs -= 1;
        if *refs == 0 {
            self.refs.remove(&identity);
        }
    }

    fn listed(&self) -> impl Iterator<Item = &str> {
        let here = |(interner, _): &&Identity| *interner == self.interner;
        self.refs.keys().filter(here).map(|(_, text)| &**text)
    }
}

impl Model for Texts {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Intern(number) | Op::InternRef(number) => self.hold((self.interner, text(number))),
            Op::Get(number) => {
                let identity = (self.interner, text(number));
                if self.refs.contains_key(&identity) {
                    self.hold(identity);
                }
            }
            Op::Iterate(rest) => {
                let is_meant = |text: &&str| text.len() % 3 == rest;
                let mut meant: Vec<String> =
                    self.listed().filter(is_meant).map(Into::into).collect();
                meant.sort();
                meant
                    .into_iter()
                    .for_each(|text| self.hold((self.interner, text)));
            }
            Op::Raw(_) => {}
            Op::Clone(number) | Op::CloneBorrowed(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    self.hold(self.held[index].clone());
                }
            }
            Op::Drop(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    self.drop_held(index);
                }
            }
            Op::DropAll => (0..self.held.len()).rev().for_each(|i| self.drop_held(i)),
            Op::DropNewest(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    (index..self.held.len())
                        .rev()
                        .for_each(|i| self.drop_held(i));
                }
            }
            Op::ShrinkToFit => self.shrinks += 1,
            Op::NewInterner(_) => self.interner += 1,
        }
    }
}

/// A form in which texts are interned.
pub trait Form: Stored + Ord + 'static {
    fn intern<S: BuildHasher>(i: &Interner<Self, S>, text: &str, l: &Ledger) -> Interned<Self>;
    fn intern_ref<S: BuildHasher>(i: &Interner<Self, S>, text: &str, l: &Ledger) -> Interned<Self>;
    fn get<S: BuildHasher>(i: &Interner<Self, S>, text: &str) -> Option<Interned<Self>>;
    /// Whether the ledger counts them.
    const COUNTED: bool = false;
    /// The text that it was made of.
    fn text(&self) -> Cow<'_, str>;
}

impl Form for str {
    fn intern<S: BuildHasher>(i: &Interner<Self, S>, text: &str, _: &Ledger) -> Interned<Self> {
        i.intern_ref(&String::from(text)) // stored inline, whoever owns it
    }
    fn intern_ref<S: BuildHasher>(i: &Interner<Self, S>, text: &str, _: &Ledger) -> Interned<Self> {
        i.intern_ref(text)
    }
    fn get<S: BuildHasher>(i: &Interner<Self, S>, text: &str) -> Option<Interned<Self>> {
        i.get(text)
    }
    fn text(&self) -> Cow<'_, str> {
        self.into()
    }
}

impl Form for String {
    fn intern<S: BuildHasher>(i: &Interner<Self, S>, text: &str, _: &Ledger) -> Interned<Self> {
        i.intern(text.to_owned())
    }
    fn intern_ref<S: BuildHasher>(i: &Interner<Self, S>, text: &str, _: &Ledger) -> Interned<Self> {
        i.intern_ref(text)
    }
    fn get<S: BuildHasher>(i: &Interner<Self, S>, text: &str) -> Option<Interned<Self>> {
        i.get(text)
    }
    fn text(&self) -> Cow<'_, str> {
        self.into()
    }
}

/// A character in a cache line of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(align(64))]
pub struct Wide(u8);

/// An element of a slice that a text may be.
pub trait Element: Copy + Ord + Hash + 'static {
    fn of(byte: u8) -> Self;
    fn byte(self) -> u8;
}

impl Element for u16 {
    fn of(byte: u8) -> Self {
        byte.into()
    }
    fn byte(self) -> u8 {
        self as u8
    }
}

impl Element for Wide {
    fn of(byte: u8) -> Self {
        Self(byte)
    }
    fn byte(self) -> u8 {
        self.0
    }
}

fn elements<E: Element>(text: &str) -> Vec<E> {
    text.bytes().map(E::of).collect()
}

impl<E: Element> Form for [E] {
    fn intern<S: BuildHasher>(i: &Interner<Self, S>, text: &str, _: &Ledger) -> Interned<Self> {
        i.intern_ref(elements(text).as_slice())
    }
    fn intern_ref<S: BuildHasher>(i: &Interner<Self, S>, text: &str, _: &Ledger) -> Interned<Self> {
        i.intern_ref(&elements(text))
    }
    fn get<S: BuildHasher>(i: &Interner<Self, S>, text: &str) -> Option<Interned<Self>> {
        i.get(&elements(text))
    }
    fn text(&self) -> Cow<'_, str> {
        let bytes = self.iter().map(|element| element.byte()).collect();
        String::from_utf8(bytes).expect("what was stored").into()
    }
}

/// A text with a value that is counted.
#[derive(Clone)]
pub struct Word {
    text: String,
    value: Value,
}

impl Word {
    fn new(text: &str, ledger: &Ledger) -> Self {
        Self {
            text: text.into(),
            value: Value::new(ledger, text.len()),
        }
    }
}

impl Borrow<str> for Word {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl Hash for Word {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Word {}

impl PartialOrd for Word {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Word {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl Form for Word {
    const COUNTED: bool = true;
    fn intern<S: BuildHasher>(i: &Interner<Self, S>, text: &str, l: &Ledger) -> Interned<Self> {
        i.intern(Self::new(text, l))
    }
    fn intern_ref<S: BuildHasher>(i: &Interner<Self, S>, text: &str, l: &Ledger) -> Interned<Self> {
        i.intern_ref(&Self::new(text, l))
    }
    fn get<S: BuildHasher>(i: &Interner<Self, S>, text: &str) -> Option<Interned<Self>> {
        i.get(text)
    }
    fn text(&self) -> Cow<'_, str> {
        assert!(self.value.is_intact());
        (&self.text).into()
    }
}

pub struct InternerMachine<T: Form + ?Sized, S> {
    interner: Interner<T, S>,
    held: Vec<Interned<T>>,
    ledger: Ledger,
}

impl<T: Form + ?Sized, S: BuildHasher + Default + 'static> Machine for InternerMachine<T, S> {
    type Model = Texts;

    const ALPHABET: &'static [Letter<Self>] = &[
        |a, _| Op::Intern(number(a)),
        |a, _| Op::Intern(number(a)),
        |a, _| Op::InternRef(number(a)),
        |a, _| Op::InternRef(number(a)),
        |a, _| Op::Get(number(a)),
        |a, _| Op::Iterate(usize::from(a % 3)),
        |a, _| Op::Clone(a),
        |a, _| Op::CloneBorrowed(a),
        |a, _| Op::Raw(a),
        |a, _| Op::Drop(a),
        |a, _| Op::Drop(a),
        |a, _| Op::Drop(a),
        |a, _| Op::Drop(a),
        |_, _| Op::DropAll,
        |a, _| Op::DropNewest(a),
        |_, _| Op::ShrinkToFit,
        |_, _| Op::ShrinkToFit,
        |a, _| Op::NewInterner(a as u8),
    ];

    fn new() -> Self {
        Self {
            interner: Interner::new_in(1, S::default()),
            held: Vec::new(),
            ledger: Ledger::default(),
        }
    }

    fn apply(&mut self, op: Op) {
        let Self {
            interner,
            held,
            ledger,
        } = self;
        match op {
            Op::Intern(number) => held.push(T::intern(interner, &text(number), ledger)),
            Op::InternRef(number) => held.push(T::intern_ref(interner, &text(number), ledger)),
            Op::Get(number) => held.extend(T::get(interner, &text(number))),
            Op::Iterate(rest) => {
                let is_meant = |value: &Interned<T>| value.text().len() % 3 == rest;
                let mut meant: Vec<_> = interner.iter().filter(is_meant).collect();
                meant.sort_by(|a, b| a.text().cmp(&b.text()));
                let mut number = 0;
                interner.for_each(|value| number += usize::from(is_meant(value)));
                assert_eq!(number, meant.len());
                held.extend(meant);
            }
            Op::Clone(number) => {
                if let Some(index) = pick(number, held.len()) {
                    held.push(held[index].clone());
                }
            }
            Op::CloneBorrowed(number) => {
                if let Some(index) = pick(number, held.len()) {
                    let borrowed = Interned::borrowed(&held[index]);
                    assert_eq!(Borrowed::value(borrowed).text(), held[index].text());
                    held.push(Borrowed::to_interned(borrowed));
                }
            }
            Op::Raw(number) => {
                if let Some(index) = pick(number, held.len()) {
                    let value = held.swap_remove(index);
                    let address = Interned::as_ptr(&value).addr();
                    let raw = Interned::into_raw(value);
                    // SAFETY: it came from `into_raw`, once.
                    let value = unsafe { Interned::<T>::from_raw(raw) };
                    assert_eq!(Interned::as_ptr(&value).addr(), address);
                    held.push(value);
                    let last = held.len() - 1;
                    held.swap(index, last);
                }
            }
            Op::Drop(number) => {
                if let Some(index) = pick(number, held.len()) {
                    held.swap_remove(index);
                }
            }
            Op::DropAll => held.clear(),
            Op::DropNewest(number) => {
                if let Some(index) = pick(number, held.len()) {
                    held.truncate(index);
                }
            }
            Op::ShrinkToFit => interner.shrink_to_fit(),
            Op::NewInterner(shards) => {
                *interner = match shards % 4 {
                    0 => Interner::with_hasher(S::default()),
                    shards => Interner::new_in(usize::from(shards), S::default()),
                };
            }
        }
    }

    fn check(&self, model: &Texts) {
        let Self {
            interner,
            held,
            ledger,
        } = self;
        let alive = model.refs.len();
        ledger.check_number(if T::COUNTED { alive } else { 0 });
        assert_eq!(interner.len(), model.listed().count());
        assert_eq!(interner.is_empty(), model.listed().next().is_none());
        // Those that are here or in an interner that is gone; of others, the length would tell.
        for (_, text) in model.refs.keys() {
            let listed = model.refs.contains_key(&(model.interner, text.clone()));
            assert_eq!(T::get(interner, text).is_some(), listed);
        }
        assert_eq!(held.len(), model.held.len());
        for (a, identity) in held.iter().zip(&model.held) {
            assert_eq!(a.text(), identity.1);
            assert_eq!(Interned::count_hint(a) as usize, model.refs[identity]);
        }
        for ((a, identity), (b, other)) in pairs(held.iter().zip(&model.held)) {
            assert_eq!(a == b, identity == other);
            assert_eq!(Interned::ptr_eq(a, b), identity == other);
            assert_eq!(a.cmp(b).is_eq(), identity == other);
            assert_eq!(a.cmp(b), b.cmp(a).reverse());
            if identity.1 != other.1 {
                assert_eq!(a.cmp(b), (**a).cmp(&**b));
            }
        }
        let one_of_each: HashSet<_> = held.iter().collect();
        assert_eq!(one_of_each.len(), alive);
    }

    fn finish(mut self, model: &Texts) {
        if model.shrinks % 2 == 0 {
            self.apply(Op::NewInterner(0));
        }
        self.apply(Op::DropAll);
        assert!(self.interner.is_empty());
        self.ledger.check_number(0);
    }
}

/// Each with the next.
fn pairs<I: Iterator + Clone>(items: I) -> impl Iterator<Item = (I::Item, I::Item)> {
    items.clone().zip(items.skip(1))
}
