//! `WeakRef` and `Weak` against a table of values with the number of references of each kind.

use std::any::Any;
use std::collections::BTreeSet;
use std::pin::Pin;

use kref::unsize;
use kref::weak::{Weak, WeakRef};

use super::values::{Ledger, Line, Value};
use super::{Letter, Machine, Model, counts, pick, size};

#[derive(Clone, Debug)]
pub enum Op {
    New(usize),
    /// A weak pointer to the value is kept by its maker.
    NewCyclic(usize),
    Clone(u16),
    Drop(u16),
    Downgrade(u16),
    CloneWeak(u16),
    DropWeak(u16),
    Upgrade(u16),
    UpgradeIfLive(u16),
    /// Writes to the value if that is allowed.
    GetMut(u16, u8),
    MakeMut(u16, u8),
    TryUnwrap(u16),
    IntoInner(u16),
    UnwrapOrClone(u16),
    /// Becomes a trait object, a raw pointer, and a `WeakRef` again.
    Raw(u16),
    RawWeak(u16),
    DropAll,
}

/// Which value each pointer is to, by the value's number. A weak pointer to a value that has moved to new
/// memory keeps the number of the memory.
#[derive(Clone, Debug, Default)]
pub struct Pointers {
    made: u32,
    memories: u32,
    strong: Vec<u32>,
    weak: Vec<u32>,
    /// By memory: the value in it, and its stamp.
    values: std::collections::BTreeMap<u32, (u32, u8)>,
}

impl Pointers {
    fn refs(&self, memory: u32) -> usize {
        self.strong.iter().filter(|held| **held == memory).count()
    }

    fn put_in_memory(&mut self, value: (u32, u8)) -> u32 {
        self.memories += 1;
        self.values.insert(self.memories, value);
        self.memories
    }

    fn make(&mut self, stamp: u8) -> u32 {
        self.made += 1;
        self.put_in_memory((self.made, stamp))
    }

    fn drop_strong(&mut self, index: usize) {
        let memory = self.strong.swap_remove(index);
        if self.refs(memory) == 0 {
            self.values.remove(&memory);
        }
    }
}

impl Model for Pointers {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        let strong = |number| pick(number, self.strong.len());
        let weak = |number| pick(number, self.weak.len());
        match *op {
            Op::New(_) => {
                let memory = self.make(0);
                self.strong.push(memory);
            }
            Op::NewCyclic(_) => {
                let memory = self.make(0);
                self.strong.push(memory);
                self.weak.push(memory);
            }
            Op::Clone(number) => self.strong.extend(strong(number).map(|i| self.strong[i])),
            Op::Drop(number) | Op::IntoInner(number) => {
                if let Some(index) = strong(number) {
                    self.drop_strong(index);
                }
            }
            Op::Downgrade(number) => self.weak.extend(strong(number).map(|i| self.strong[i])),
            Op::CloneWeak(number) => self.weak.extend(weak(number).map(|i| self.weak[i])),
            Op::DropWeak(number) => {
                if let Some(index) = weak(number) {
                    self.weak.swap_remove(index);
                }
            }
            Op::Upgrade(number) | Op::UpgradeIfLive(number) => {
                if let Some(memory) = weak(number).map(|i| self.weak[i]) {
                    if self.values.contains_key(&memory) {
                        self.strong.push(memory);
                    }
                }
            }
            Op::GetMut(number, stamp) => {
                if let Some(memory) = strong(number).map(|i| self.strong[i]) {
                    if self.refs(memory) == 1 && !self.weak.contains(&memory) {
                        self.values.get_mut(&memory).expect("held").1 = stamp;
                    }
                }
            }
            Op::MakeMut(number, stamp) => {
                if let Some(index) = strong(number) {
                    let memory = self.strong[index];
                    if self.refs(memory) > 1 {
                        self.strong[index] = self.make(0);
                    } else if self.weak.contains(&memory) {
                        let value = self.values.remove(&memory).expect("held");
                        self.strong[index] = self.put_in_memory(value);
                    }
                    let memory = self.strong[index];
                    self.values.get_mut(&memory).expect("held").1 = stamp;
                }
            }
            Op::TryUnwrap(number) => {
                if let Some(index) = strong(number) {
                    if self.refs(self.strong[index]) == 1 {
                        self.drop_strong(index);
                    }
                }
            }
            Op::UnwrapOrClone(number) => {
                if let Some(index) = strong(number) {
                    // A clone is dropped at once, as what was moved out is.
                    self.made += u32::from(self.refs(self.strong[index]) > 1);
                    self.drop_strong(index);
                }
            }
            Op::Raw(_) | Op::RawWeak(_) => {}
            Op::DropAll => {
                self.strong.clear();
                self.weak.clear();
                self.values.clear();
            }
        }
    }
}

type Thing = Value<Line, 24>;

pub struct WeakMachine {
    ledger: Ledger,
    strong: Vec<WeakRef<Thing>>,
    weak: Vec<Weak<Thing>>,
}

impl Machine for WeakMachine {
    type Model = Pointers;

    const ALPHABET: &'static [Letter<Self>] = &[
        |n, _| Op::New(size(n)),
        |n, _| Op::NewCyclic(size(n)),
        |n, _| Op::Clone(n),
        |n, _| Op::Drop(n),
        |n, _| Op::Drop(n),
        |n, _| Op::Downgrade(n),
        |n, _| Op::CloneWeak(n),
        |n, _| Op::DropWeak(n),
        |n, _| Op::DropWeak(n),
        |n, _| Op::Upgrade(n),
        |n, _| Op::UpgradeIfLive(n),
        |n, stamp| Op::GetMut(n, stamp as u8),
        |n, stamp| Op::MakeMut(n, stamp as u8),
        |n, _| Op::TryUnwrap(n),
        |n, _| Op::IntoInner(n),
        |n, _| Op::UnwrapOrClone(n),
        |n, _| Op::Raw(n),
        |n, _| Op::RawWeak(n),
        |_, _| Op::DropAll,
    ];

    fn new() -> Self {
        Self {
            ledger: Ledger::default(),
            strong: Vec::new(),
            weak: Vec::new(),
        }
    }

    fn apply(&mut self, op: Op) {
        let strong = |number| pick(number, self.strong.len());
        let weak = |number| pick(number, self.weak.len());
        match op {
            Op::New(size) => {
                let value = Value::new(&self.ledger, size);
                self.strong.push(match size % 2 {
                    0 => WeakRef::new(value),
                    _ => Pin::into_inner(WeakRef::pin(value)),
                });
            }
            Op::NewCyclic(size) => {
                let (ledger, weak) = (&self.ledger, &mut self.weak);
                self.strong.push(WeakRef::new_cyclic(|me| {
                    assert!(me.upgrade().is_none());
                    weak.push(me.clone());
                    Value::new(ledger, size)
                }));
            }
            Op::Clone(number) => self
                .strong
                .extend(strong(number).map(|i| self.strong[i].clone())),
            Op::Drop(number) => drop(strong(number).map(|i| self.strong.swap_remove(i))),
            Op::Downgrade(number) => {
                let made = strong(number).map(|i| WeakRef::downgrade(&self.strong[i]));
                self.weak.extend(made);
            }
            Op::CloneWeak(number) => self.weak.extend(weak(number).map(|i| self.weak[i].clone())),
            Op::DropWeak(number) => drop(weak(number).map(|i| self.weak.swap_remove(i))),
            Op::Upgrade(number) => {
                let found = weak(number).and_then(|i| self.weak[i].upgrade());
                self.strong.extend(found);
            }
            Op::UpgradeIfLive(number) => {
                let found = weak(number).and_then(|i| self.weak[i].upgrade_if_live());
                self.strong.extend(found);
            }
            Op::GetMut(number, stamp) => {
                let value = strong(number).and_then(|i| WeakRef::get_mut(&mut self.strong[i]));
                if let Some(value) = value {
                    value.set_stamp(stamp);
                }
            }
            Op::MakeMut(number, stamp) => {
                if let Some(index) = strong(number) {
                    WeakRef::make_mut(&mut self.strong[index]).set_stamp(stamp);
                }
            }
            Op::TryUnwrap(number) => {
                if let Some(held) = strong(number).map(|i| self.strong.swap_remove(i)) {
                    // Where the model has it.
                    if let Err(held) = WeakRef::try_unwrap(held) {
                        self.strong.push(held);
                        let last = self.strong.len() - 1;
                        self.strong.swap(usize::from(number) % (last + 1), last);
                    }
                }
            }
            Op::IntoInner(number) => {
                drop(strong(number).map(|i| WeakRef::into_inner(self.strong.swap_remove(i))));
            }
            Op::UnwrapOrClone(number) => {
                if let Some(held) = strong(number).map(|i| self.strong.swap_remove(i)) {
                    assert!(WeakRef::unwrap_or_clone(held).is_intact());
                }
            }
            Op::Raw(number) => {
                if let Some(held) = strong(number).map(|i| self.strong.swap_remove(i)) {
                    let any: WeakRef<dyn Any + Send + Sync> = unsize!(held);
                    let Ok(held) = WeakRef::downcast::<Thing>(any) else {
                        unreachable!("it was made of a value");
                    };
                    // SAFETY: just taken from a `WeakRef`, and taken back once.
                    self.strong
                        .push(unsafe { WeakRef::from_raw(WeakRef::into_raw(held)) });
                    let last = self.strong.len() - 1;
                    self.strong.swap(usize::from(number) % (last + 1), last);
                }
            }
            Op::RawWeak(number) => {
                if let Some(held) = weak(number).map(|i| self.weak.swap_remove(i)) {
                    // SAFETY: just taken from a `Weak`, and taken back once.
                    self.weak.push(unsafe { Weak::from_raw(held.into_raw()) });
                    let last = self.weak.len() - 1;
                    self.weak.swap(usize::from(number) % (last + 1), last);
                }
            }
            Op::DropAll => {
                self.strong.clear();
                self.weak.clear();
            }
        }
    }

    fn check(&self, model: &Pointers) {
        let alive: BTreeSet<u32> = model.values.values().map(|value| value.0).collect();
        self.ledger.check(alive, model.made);
        assert_eq!(self.strong.len(), model.strong.len());
        assert_eq!(self.weak.len(), model.weak.len());
        let strong = counts(model.strong.iter().copied());
        let weak = counts(model.weak.iter().copied());
        for (held, memory) in self.strong.iter().zip(&model.strong) {
            assert!(held.is_intact());
            assert_eq!((held.id(), held.stamp()), model.values[memory]);
            assert_eq!(WeakRef::count_hint(held) as usize, strong[memory]);
            let first = model.strong.iter().position(|other| other == memory);
            assert!(WeakRef::ptr_eq(
                held,
                &self.strong[first.expect("this, at least")]
            ));
            let pointers = weak.get(memory).copied().unwrap_or(0);
            assert_eq!(WeakRef::weak_count_hint(held) as usize, pointers);
        }
        for (held, memory) in self.weak.iter().zip(&model.weak) {
            let references = strong.get(memory).copied().unwrap_or(0);
            assert_eq!(held.count_hint() as usize, references);
            assert_eq!(held.is_dead(), references == 0);
            let first = model.weak.iter().position(|other| other == memory);
            assert!(held.ptr_eq(&self.weak[first.expect("this, at least")]));
        }
    }

    fn finish(mut self, model: &Pointers) {
        self.apply(Op::DropAll);
        self.ledger.check([], model.made);
    }
}
