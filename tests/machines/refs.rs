//! `Ref` and `UniqueRef` of values, slices, strings and trait objects, and `IntrusiveRef`, against a table
//! of objects with the number of references to each.

use std::any::Any;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use kref::{IntrusiveRef, Kref, Ref, RefCounted, UniqueRef, unsize};

use super::panics::caught;
use super::values::{Ledger, Line, Value};
use super::{Letter, Machine, Model, counts, pick, size};

/// How one value is allocated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Made {
    New,
    From,
    FromBox,
    Pinned,
    /// Filled in place.
    Uninit,
    Unique,
    /// The same, and pinned in between.
    UniqueUninit,
    Intrusive,
}

const MADE: [Made; 8] = [
    Made::New,
    Made::From,
    Made::FromBox,
    Made::Pinned,
    Made::Uninit,
    Made::Unique,
    Made::UniqueUninit,
    Made::Intrusive,
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SliceFrom {
    Vec,
    Iterator,
    /// Clones all elements, and drops the originals.
    Clones,
    Cow,
    /// Filled in place.
    Uninit,
    /// Of two values.
    Array,
}

const SLICES: [SliceFrom; 6] = [
    SliceFrom::Vec,
    SliceFrom::Iterator,
    SliceFrom::Clones,
    SliceFrom::Cow,
    SliceFrom::Uninit,
    SliceFrom::Array,
];

#[derive(Clone, Debug)]
pub enum Op {
    New(Made, usize),
    Slice(SliceFrom, u8),
    /// The clone of this element panics.
    SliceClonePanics(u8, u8),
    Text(usize, u8),
    Clone(u16),
    Drop(u16),
    DropAll,
    Share(u16),
    TryUnique(u16),
    TryUnwrap(u16),
    IntoInner(u16),
    UnwrapOrClone(u16),
    /// Writes to the value if that is allowed; to each of a slice, but not to a text.
    GetMut(u16, u8),
    MakeMut(u16, u8),
    IntoRaw(u16),
    FromRaw(u16),
    /// To a trait object, of a slice of two to an array, of a text to bytes; and back.
    Convert(u16),
    /// To what it is not.
    ConvertWrong(u16),
}

/// As what an allocation is held.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Value,
    Any,
    Unique,
    Intrusive,
    Raw,
    Slice,
    Array,
    Text,
    Bytes,
}

#[derive(Clone, Debug)]
struct Allocation {
    /// The values in it, each with its stamp.
    values: Vec<(u32, u8)>,
    text: String,
}

#[derive(Clone, Debug, Default)]
pub struct Allocations {
    made: u32,
    last: u32,
    alive: BTreeMap<u32, Allocation>,
    held: Vec<(u32, Form)>,
}

impl Allocations {
    fn refs(&self, id: u32) -> usize {
        self.held.iter().filter(|held| held.0 == id).count()
    }

    fn values(&mut self, n: u8) -> Vec<(u32, u8)> {
        let ids = self.made + 1..=self.made + u32::from(n);
        self.made += u32::from(n);
        ids.map(|id| (id, 0)).collect()
    }

    fn hold(&mut self, values: Vec<(u32, u8)>, text: String, form: Form) {
        self.last += 1;
        self.alive.insert(self.last, Allocation { values, text });
        self.held.push((self.last, form));
    }

    fn drop_held(&mut self, index: usize) {
        let (id, _) = self.held.swap_remove(index);
        if self.refs(id) == 0 {
            self.alive.remove(&id);
        }
    }

    /// Which of the handles has this number, if it has one of the forms.
    fn pick(&self, number: u16, forms: &[Form]) -> Option<usize> {
        pick(number, self.held.len()).filter(|i| forms.contains(&self.held[*i].1))
    }

    /// Clones the values of an allocation into a new one.
    fn clone_of(&mut self, id: u32) -> Vec<(u32, u8)> {
        let mut clones = self.values(self.alive[&id].values.len() as u8);
        for (clone, (_, stamp)) in clones.iter_mut().zip(&self.alive[&id].values) {
            clone.1 = *stamp;
        }
        clones
    }
}

impl Model for Allocations {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::New(made, _) => {
                let values = self.values(1);
                let form = match made {
                    Made::Unique | Made::UniqueUninit => Form::Unique,
                    Made::Intrusive => Form::Intrusive,
                    _ => Form::Value,
                };
                self.hold(values, String::new(), form);
            }
            Op::Slice(from, n) => {
                let n = if from == SliceFrom::Array { 2 } else { n };
                if matches!(from, SliceFrom::Clones | SliceFrom::Cow) {
                    self.values(n);
                }
                let values = self.values(n);
                self.hold(values, String::new(), Form::Slice);
            }
            // The originals, and the clones before the one that panics.
            Op::SliceClonePanics(n, at) if at < n => self.made += u32::from(n) + u32::from(at),
            Op::SliceClonePanics(n, _) => {
                self.values(n);
                let values = self.values(n);
                self.hold(values, String::new(), Form::Slice);
            }
            Op::Text(size, _) => self.hold(Vec::new(), "t".repeat(size), Form::Text),
            Op::Clone(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    let (id, form) = self.held[index];
                    if !matches!(form, Form::Raw | Form::Unique) {
                        self.held.push((id, form));
                    }
                }
            }
            Op::Drop(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    self.drop_held(index);
                }
            }
            Op::DropAll => (0..self.held.len()).rev().for_each(|i| self.drop_held(i)),
            Op::Share(number) => {
                if let Some(index) = self.pick(number, &[Form::Unique]) {
                    self.held[index].1 = Form::Value;
                }
            }
            Op::TryUnique(number) => {
                if let Some(index) = self.pick(number, &[Form::Value]) {
                    if self.refs(self.held[index].0) == 1 {
                        self.held[index].1 = Form::Unique;
                    }
                }
            }
            // What is moved out is dropped.
            Op::TryUnwrap(number) => {
                if let Some(index) = self.pick(number, &[Form::Value]) {
                    if self.refs(self.held[index].0) == 1 {
                        self.drop_held(index);
                    }
                }
            }
            Op::IntoInner(number) => {
                if let Some(index) = self.pick(number, &[Form::Value, Form::Unique]) {
                    self.drop_held(index);
                }
            }
            Op::UnwrapOrClone(number) => {
                if let Some(index) = self.pick(number, &[Form::Value]) {
                    self.made += u32::from(self.refs(self.held[index].0) > 1);
                    self.drop_held(index);
                }
            }
            Op::GetMut(number, stamp) => {
                let forms = [Form::Value, Form::Unique, Form::Slice];
                if let Some(index) = self.pick(number, &forms) {
                    let id = self.held[index].0;
                    if self.refs(id) == 1 {
                        let values = &mut self.alive.get_mut(&id).expect("held").values;
                        values.iter_mut().for_each(|value| value.1 = stamp);
                    }
                }
            }
            Op::MakeMut(number, stamp) => {
                if let Some(index) = self.pick(number, &[Form::Value]) {
                    let id = self.held[index].0;
                    if self.refs(id) > 1 {
                        let values = self.clone_of(id);
                        self.hold(values, String::new(), Form::Value);
                        self.held[index] = self.held.pop().expect("just held");
                    }
                    let id = self.held[index].0;
                    self.alive.get_mut(&id).expect("held").values[0].1 = stamp;
                }
            }
            Op::IntoRaw(number) => {
                if let Some(index) = self.pick(number, &[Form::Value]) {
                    self.held[index].1 = Form::Raw;
                }
            }
            Op::FromRaw(number) => {
                if let Some(index) = self.pick(number, &[Form::Raw]) {
                    self.held[index].1 = Form::Value;
                }
            }
            Op::Convert(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    let (id, form) = self.held[index];
                    let two = self.alive[&id].values.len() == 2;
                    self.held[index].1 = match form {
                        Form::Value => Form::Any,
                        Form::Any => Form::Value,
                        Form::Slice if two => Form::Array,
                        Form::Array => Form::Slice,
                        Form::Text => Form::Bytes,
                        Form::Bytes => Form::Text,
                        other => other,
                    };
                }
            }
            Op::ConvertWrong(_) => {}
        }
    }
}

/// A value in memory of its own, with a count behind it.
pub struct Counted {
    value: Thing,
    kref: Kref,
}

// SAFETY: every `Counted` is a leaked box, see `held_new`.
unsafe impl RefCounted for Counted {
    fn inc_ref(&self) {
        self.kref.get();
    }

    unsafe fn dec_ref(object: NonNull<Self>) {
        // SAFETY: alive until the put, by the caller's reference.
        if unsafe { object.as_ref() }.kref.put() {
            // SAFETY: that was the last reference, and the memory is that of a box.
            drop(unsafe { Box::from_raw(object.as_ptr()) });
        }
    }
}

type Thing = Value<Line, 24>;

/// A handle of one of the forms.
enum Held {
    Value(Ref<Thing>),
    Any(Ref<dyn Any + Send + Sync>),
    Unique(UniqueRef<Thing>),
    Intrusive(IntrusiveRef<Counted>),
    Raw(*const Thing),
    Slice(Ref<[Thing]>),
    Array(Ref<[Thing; 2]>),
    Text(Ref<str>),
    Bytes(Ref<[u8]>),
}

impl Held {
    fn new(made: Made, value: Thing) -> Self {
        match made {
            Made::New => Self::Value(Ref::new(value)),
            Made::From => Self::Value(value.into()),
            Made::FromBox => Self::Value(Box::new(value).into()),
            Made::Pinned => Self::Value(std::pin::Pin::into_inner(Ref::pin(value))),
            Made::Uninit => {
                let mut place = Ref::<Thing>::new_uninit();
                Ref::get_mut(&mut place).expect("it is new").write(value);
                // SAFETY: it was written just now.
                Self::Value(unsafe { place.assume_init() })
            }
            Made::Unique => Self::Unique(UniqueRef::new(value)),
            Made::UniqueUninit => {
                let mut place = UniqueRef::<Thing>::new_uninit();
                place.write(value);
                // SAFETY: it was written just now.
                let unique = UniqueRef::into_pin(unsafe { place.assume_init() });
                Self::Unique(std::pin::Pin::into_inner(unique))
            }
            Made::Intrusive => {
                let kref = Kref::new();
                let object = NonNull::from(Box::leak(Box::new(Counted { value, kref })));
                // SAFETY: a new object has one reference, and it is for this.
                Self::Intrusive(unsafe { IntrusiveRef::from_raw(object) })
            }
        }
    }

    fn slice(from: SliceFrom, values: Vec<Thing>) -> Ref<[Thing]> {
        match from {
            SliceFrom::Vec => values.into(),
            SliceFrom::Iterator => values.into_iter().collect(),
            SliceFrom::Clones => values.as_slice().into(),
            SliceFrom::Cow => Cow::Borrowed(values.as_slice()).into(),
            SliceFrom::Uninit => {
                let mut slice = UniqueRef::<[Thing]>::new_uninit_slice(values.len());
                for (place, value) in slice.iter_mut().zip(values) {
                    MaybeUninit::write(place, value);
                }
                // SAFETY: there are as many values as places.
                UniqueRef::share(unsafe { slice.assume_init() })
            }
            SliceFrom::Array => match <[Thing; 2]>::try_from(values) {
                Ok(array) => array.into(),
                Err(_) => unreachable!("two were made"),
            },
        }
    }

    fn text(size: usize, how: u8) -> Ref<str> {
        let text = "t".repeat(size);
        match how % 4 {
            _ if size == 0 => Ref::default(),
            0 => text.into(),
            1 => Cow::from(text).into(),
            2 => Cow::from(&*text).into(),
            _ => text.as_str().into(),
        }
    }

    fn another(&self) -> Option<Self> {
        Some(match self {
            Self::Value(held) => Self::Value(held.clone()),
            Self::Any(held) => Self::Any(held.clone()),
            Self::Intrusive(held) => Self::Intrusive(held.clone()),
            Self::Slice(held) => Self::Slice(held.clone()),
            Self::Array(held) => Self::Array(held.clone()),
            Self::Text(held) => Self::Text(held.clone()),
            Self::Bytes(held) => Self::Bytes(held.clone()),
            Self::Unique(_) | Self::Raw(_) => return None,
        })
    }

    fn not_raw(self) -> Self {
        match self {
            // SAFETY: it comes from `into_raw`, and is taken back once.
            Self::Raw(held) => Self::Value(unsafe { Ref::from_raw(held) }),
            other => other,
        }
    }

    fn convert(self) -> Self {
        match self {
            Self::Value(held) => Self::Any(unsize!(held)),
            Self::Any(held) => match Ref::downcast(held) {
                Ok(held) => Self::Value(held),
                Err(_) => unreachable!("it was made of a value"),
            },
            Self::Slice(held) => match Ref::<[Thing; 2]>::try_from(held) {
                Ok(held) => Self::Array(held),
                Err(held) => Self::Slice(held),
            },
            Self::Array(held) => Self::Slice(unsize!(held)),
            Self::Text(held) => Self::Bytes(held.into()),
            Self::Bytes(held) => Self::Text(Ref::try_from(held).expect("it was made of a text")),
            other => other,
        }
    }

    /// Tries what has to fail, and is as before.
    fn convert_wrong(self) -> Self {
        match self {
            Self::Any(held) => match Ref::downcast::<String>(held) {
                Ok(_) => unreachable!("it was made of a value"),
                Err(held) => Self::Any(held),
            },
            Self::Slice(held) if held.len() != 5 => match Ref::<[Thing; 5]>::try_from(held) {
                Ok(_) => unreachable!("it has another length"),
                Err(held) => Self::Slice(held),
            },
            other => other,
        }
    }

    fn get_mut(&mut self) -> Option<&mut [Thing]> {
        match self {
            Self::Value(held) => Ref::get_mut(held).map(std::slice::from_mut),
            Self::Unique(held) => Some(std::slice::from_mut(held)),
            Self::Slice(held) => Ref::get_mut(held),
            _ => None,
        }
    }

    /// Where it is, what it is held as, and how many references there are, as far as it can tell.
    fn describe(&self) -> (usize, Form, Option<u32>) {
        match self {
            Self::Value(held) => (
                Ref::as_ptr(held).addr(),
                Form::Value,
                Some(Ref::count_hint(held)),
            ),
            Self::Any(held) => {
                let address = Ref::as_ptr(held).cast::<()>().addr();
                (address, Form::Any, Some(Ref::count_hint(held)))
            }
            Self::Unique(held) => ((&raw const **held).addr(), Form::Unique, None),
            Self::Intrusive(held) => {
                let address = IntrusiveRef::as_ptr(held).addr().get();
                (address, Form::Intrusive, Some(held.kref.count()))
            }
            Self::Raw(held) => (held.addr(), Form::Raw, None),
            Self::Slice(held) => {
                let address = Ref::as_ptr(held).cast::<()>().addr();
                (address, Form::Slice, Some(Ref::count_hint(held)))
            }
            Self::Array(held) => (
                Ref::as_ptr(held).addr(),
                Form::Array,
                Some(Ref::count_hint(held)),
            ),
            Self::Text(held) => {
                let address = Ref::as_ptr(held).cast::<()>().addr();
                (address, Form::Text, Some(Ref::count_hint(held)))
            }
            Self::Bytes(held) => {
                let address = Ref::as_ptr(held).cast::<()>().addr();
                (address, Form::Bytes, Some(Ref::count_hint(held)))
            }
        }
    }

    /// Whether two are known to be references to one allocation.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(one), Self::Value(other)) => Ref::ptr_eq(one, other),
            (Self::Text(one), Self::Text(other)) => Ref::ptr_eq(one, other),
            (Self::Intrusive(one), Self::Intrusive(other)) => IntrusiveRef::ptr_eq(one, other),
            _ => false,
        }
    }

    fn values(&self) -> &[Thing] {
        match self {
            Self::Value(held) => std::slice::from_ref(held),
            Self::Any(held) => std::slice::from_ref(held.downcast_ref().expect("a value")),
            Self::Unique(held) => std::slice::from_ref(held),
            Self::Intrusive(held) => std::slice::from_ref(&held.value),
            // SAFETY: the reference is still counted.
            Self::Raw(held) => std::slice::from_ref(unsafe { &**held }),
            Self::Slice(held) => held,
            Self::Array(held) => &**held,
            Self::Text(_) | Self::Bytes(_) => &[],
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(held) => held.as_bytes(),
            Self::Bytes(held) => held,
            _ => &[],
        }
    }
}

#[derive(Default)]
pub struct RefMachine {
    held: Vec<Held>,
    ledger: Ledger,
}

impl RefMachine {
    /// Replaces a handle by what `f` makes of it.
    fn replace(&mut self, number: u16, f: impl FnOnce(Held) -> Held) {
        if let Some(index) = pick(number, self.held.len()) {
            let held = self.held.swap_remove(index);
            self.put_back(index, f(held));
        }
    }

    fn values(&self, n: u8) -> Vec<Thing> {
        (0..n)
            .map(|i| Value::new(&self.ledger, usize::from(i)))
            .collect()
    }

    fn remove(&mut self, index: usize) {
        drop(self.held.swap_remove(index).not_raw());
    }

    /// Takes a value out of its handle, or puts back the handle.
    fn take(
        &mut self,
        index: usize,
        f: impl FnOnce(Ref<Thing>) -> Result<Option<Thing>, Ref<Thing>>,
    ) {
        match self.held.swap_remove(index) {
            Held::Value(held) => match f(held) {
                Ok(value) => assert!(value.is_none_or(|value| value.is_intact())),
                Err(held) => self.put_back(index, Held::Value(held)),
            },
            other => self.put_back(index, other),
        }
    }

    fn put_back(&mut self, index: usize, held: Held) {
        self.held.push(held);
        let last = self.held.len() - 1;
        self.held.swap(index, last);
    }
}

impl Machine for RefMachine {
    type Model = Allocations;

    const ALPHABET: &'static [Letter<Self>] = &[
        |a, b| Op::New(MADE[usize::from(a) % MADE.len()], size(b)),
        |a, b| Op::New(MADE[usize::from(a) % MADE.len()], size(b)),
        |_, b| Op::New(Made::New, size(b)),
        |a, b| Op::Slice(SLICES[usize::from(a) % SLICES.len()], (b % 10) as u8),
        |a, _| Op::Slice(SLICES[usize::from(a) % SLICES.len()], 2),
        |a, b| Op::SliceClonePanics((a % 8) as u8, (b % 9) as u8),
        |a, b| Op::Text(size(b), a as u8),
        |a, _| Op::Clone(a),
        |a, _| Op::Clone(a),
        |a, _| Op::Clone(a),
        |a, _| Op::Drop(a),
        |a, _| Op::Drop(a),
        |a, _| Op::Drop(a),
        |a, _| Op::Drop(a),
        |a, _| Op::Drop(a),
        |_, _| Op::DropAll,
        |a, _| Op::Share(a),
        |a, _| Op::TryUnique(a),
        |a, _| Op::TryUnwrap(a),
        |a, _| Op::IntoInner(a),
        |a, _| Op::UnwrapOrClone(a),
        |a, b| Op::GetMut(a, b as u8),
        |a, b| Op::MakeMut(a, b as u8),
        |a, _| Op::IntoRaw(a),
        |a, _| Op::FromRaw(a),
        |a, _| Op::Convert(a),
        |a, _| Op::Convert(a),
        |a, _| Op::ConvertWrong(a),
    ];

    fn new() -> Self {
        Self::default()
    }

    fn apply(&mut self, op: Op) {
        let index = |number| pick(number, self.held.len());
        match op {
            Op::New(made, size) => {
                let value = Value::new(&self.ledger, size);
                self.held.push(Held::new(made, value));
            }
            Op::Slice(from, n) => {
                let n = if from == SliceFrom::Array { 2 } else { n };
                self.held
                    .push(Held::Slice(Held::slice(from, self.values(n))));
            }
            Op::SliceClonePanics(n, at) => {
                let values = self.values(n);
                self.ledger.fail_clone(Some(at.into()));
                let made = caught(|| Held::slice(SliceFrom::Clones, values));
                self.ledger.fail_clone(None);
                assert_eq!(made.is_none(), at < n);
                self.held.extend(made.map(Held::Slice));
            }
            Op::Text(size, how) => self.held.push(Held::Text(Held::text(size, how))),
            Op::Clone(number) => {
                let another = index(number).and_then(|i| self.held[i].another());
                self.held.extend(another);
            }
            Op::Drop(number) => index(number).into_iter().for_each(|i| self.remove(i)),
            Op::DropAll => (0..self.held.len()).rev().for_each(|i| self.remove(i)),
            Op::Share(number) => self.replace(number, |held| match held {
                Held::Unique(held) => Held::Value(UniqueRef::share(held)),
                other => other,
            }),
            Op::TryUnique(number) => self.replace(number, |held| match held {
                Held::Value(held) => match Ref::try_unique(held) {
                    Ok(held) => Held::Unique(held),
                    Err(held) => Held::Value(held),
                },
                other => other,
            }),
            Op::TryUnwrap(number) => {
                if let Some(index) = index(number) {
                    self.take(index, |held| Ref::try_unwrap(held).map(Some));
                }
            }
            Op::IntoInner(number) => {
                if let Some(index) = index(number) {
                    if let Held::Unique(_) = self.held[index] {
                        if let Held::Unique(held) = self.held.swap_remove(index) {
                            assert!(UniqueRef::into_inner(held).is_intact());
                        }
                    } else {
                        self.take(index, |held| Ok(Ref::into_inner(held)));
                    }
                }
            }
            Op::UnwrapOrClone(number) => {
                if let Some(index) = index(number) {
                    self.take(index, |held| Ok(Some(Ref::unwrap_or_clone(held))));
                }
            }
            Op::GetMut(number, stamp) => {
                let values = index(number).and_then(|i| self.held[i].get_mut());
                let values = values.unwrap_or_default();
                values.iter_mut().for_each(|value| value.set_stamp(stamp));
            }
            Op::MakeMut(number, stamp) => {
                let held = index(number).map(|i| &mut self.held[i]);
                if let Some(Held::Value(held)) = held {
                    Ref::make_mut(held).set_stamp(stamp);
                }
            }
            Op::IntoRaw(number) => self.replace(number, |held| match held {
                Held::Value(held) => Held::Raw(Ref::into_raw(held)),
                other => other,
            }),
            Op::FromRaw(number) => self.replace(number, Held::not_raw),
            Op::Convert(number) => self.replace(number, Held::convert),
            Op::ConvertWrong(number) => self.replace(number, Held::convert_wrong),
        }
    }

    fn check(&self, model: &Allocations) {
        let alive = model
            .alive
            .values()
            .flat_map(|allocation| &allocation.values);
        let alive: BTreeSet<u32> = alive.map(|value| value.0).collect();
        self.ledger.check(alive, model.made);
        assert_eq!(self.held.len(), model.held.len());
        let mut addresses = BTreeMap::new();
        let refs = counts(model.held.iter().map(|held| held.0));
        for (held, (id, expected)) in self.held.iter().zip(&model.held) {
            let (address, form, count) = held.describe();
            assert_eq!(form, *expected);
            assert_eq!(*addresses.entry(id).or_insert(address), address);
            assert!(count.is_none_or(|count| count as usize == refs[id]));
            let sames = self.held.iter().filter(|other| held.is_same(other)).count();
            let knows = matches!(form, Form::Value | Form::Text | Form::Intrusive);
            let is_same = |other: &&(u32, Form)| knows && **other == (*id, form);
            assert_eq!(sames, model.held.iter().filter(is_same).count());
            let allocation = &model.alive[id];
            let values = held
                .values()
                .iter()
                .map(|value| (value.id(), value.stamp()));
            assert!(values.eq(allocation.values.iter().copied()));
            assert!(held.values().iter().all(Value::is_intact));
            assert_eq!(held.bytes(), allocation.text.as_bytes());
        }
    }

    fn finish(mut self, model: &Allocations) {
        self.apply(Op::DropAll);
        self.ledger.check([], model.made);
    }
}
