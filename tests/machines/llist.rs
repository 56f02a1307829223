//! `LList`, its chains and its consumer against vectors of the identities of values.

use std::collections::BTreeSet;
use std::mem;

use kref::LList;
use kref::llist::{Chain, Consumer};

use super::owned::Owned;
use super::panics::caught;
use super::values::{Align, Ledger, Value};
use super::{Letter, Machine, Model, pick, size};

#[derive(Clone, Debug)]
pub enum Op {
    Push(usize),
    PushAll(u8, usize),
    /// The iterator panics at its end.
    PushAllPanics(u8),
    /// It takes the list exclusively, so there is no consumer.
    Extend(u8),
    /// Holds the chain.
    TakeAll,
    Next(u16),
    Reverse(u16),
    /// Drops what is left of it.
    DropChain(u16),
    Consume,
    Pop,
    StopConsuming,
    /// A new one of so many values; what is on the old one is dropped.
    NewList(u8),
}

/// Ids; the newest last, as in all that follows.
type Ids = Vec<u32>;

#[derive(Clone, Debug, Default)]
pub struct Lists {
    made: u32,
    list: Ids,
    consumer: Option<Ids>,
    /// What comes out next last, whether reversed or not.
    chains: Vec<Ids>,
    /// What the last operation answered.
    answer: Answer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Answer {
    #[default]
    Nothing,
    Truth(bool),
    Value(Option<u32>),
}
use Answer::{Nothing, Truth};

impl Lists {
    fn push_all(&mut self, n: u8) -> Answer {
        let edge = self.list.is_empty() && n != 0;
        for _ in 0..n {
            self.made += 1;
            self.list.push(self.made);
        }
        Truth(edge)
    }

    fn give_back(&mut self) {
        let mut rest = self.consumer.take().unwrap_or_default();
        rest.append(&mut self.list);
        self.list = rest;
    }
}

impl Model for Lists {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        self.answer = match *op {
            Op::Push(_) => self.push_all(1),
            Op::PushAll(n, _) => self.push_all(n),
            Op::PushAllPanics(n) => {
                self.made += u32::from(n);
                Nothing
            }
            Op::Extend(n) => {
                self.give_back();
                self.push_all(n);
                Nothing
            }
            Op::TakeAll => {
                self.chains.push(mem::take(&mut self.list));
                Nothing
            }
            Op::Next(number) => {
                let chain = pick(number, self.chains.len());
                Answer::Value(chain.and_then(|index| self.chains[index].pop()))
            }
            Op::Reverse(number) => {
                let chain = pick(number, self.chains.len());
                chain
                    .into_iter()
                    .for_each(|index| self.chains[index].reverse());
                Nothing
            }
            Op::DropChain(number) => {
                let chain = pick(number, self.chains.len());
                chain
                    .into_iter()
                    .for_each(|index| _ = self.chains.swap_remove(index));
                Nothing
            }
            Op::Consume => {
                let first = self.consumer.is_none();
                self.consumer.get_or_insert_default();
                Truth(first)
            }
            Op::Pop => Answer::Value(self.consumer.as_mut().and_then(|taken| {
                if taken.is_empty() {
                    taken.append(&mut self.list);
                }
                taken.pop()
            })),
            Op::StopConsuming => {
                self.give_back();
                Nothing
            }
            Op::NewList(n) => {
                self.give_back();
                self.list.clear();
                self.push_all(n);
                Nothing
            }
        };
    }
}

pub struct LListMachine<A: Align = (), const N: usize = 0> {
    /// Borrows from the list, whatever its type says: before it, as fields are dropped in order.
    consumer: Option<Consumer<'static, Value<A, N>>>,
    list: Owned<LList<Value<A, N>>>,
    chains: Vec<Chain<Value<A, N>>>,
    ledger: Ledger,
    answer: Answer,
}

impl<A: Align, const N: usize> LListMachine<A, N> {
    fn values(&self, n: u8, size: usize) -> impl Iterator<Item = Value<A, N>> {
        (0..n).map(move |_| Value::new(&self.ledger, size))
    }
}

impl<A: Align, const N: usize> Machine for LListMachine<A, N> {
    type Model = Lists;

    const ALPHABET: &'static [Letter<Self>] = &[
        |a, _| Op::Push(size(a)),
        |a, _| Op::Push(size(a)),
        |a, _| Op::Push(size(a)),
        |a, _| Op::Push(size(a)),
        |a, b| Op::PushAll((a % 40) as u8, size(b)),
        |a, b| Op::PushAll((a % 4) as u8, size(b)),
        |a, _| Op::PushAllPanics((a % 20) as u8),
        |a, _| Op::Extend((a % 20) as u8),
        |_, _| Op::TakeAll,
        |_, _| Op::TakeAll,
        |a, _| Op::Next(a),
        |a, _| Op::Next(a),
        |a, _| Op::Next(a),
        |a, _| Op::Next(a),
        |a, _| Op::Reverse(a),
        |a, _| Op::DropChain(a),
        |a, _| Op::DropChain(a),
        |_, _| Op::Consume,
        |_, _| Op::Pop,
        |_, _| Op::Pop,
        |_, _| Op::Pop,
        |_, _| Op::Pop,
        |_, _| Op::StopConsuming,
        |a, _| Op::NewList((a % 20) as u8),
    ];

    fn new() -> Self {
        Self {
            consumer: None,
            list: Owned::new(LList::new()),
            chains: Vec::new(),
            ledger: Ledger::default(),
            answer: Nothing,
        }
    }

    fn apply(&mut self, op: Op) {
        // SAFETY: the consumer, which borrows, goes before `Extend` and before the list.
        let list = unsafe { self.list.get() };
        self.answer = match op {
            Op::Push(size) => Truth(list.push(Value::new(&self.ledger, size))),
            Op::PushAll(n, size) => Truth(list.push_all(self.values(n, size))),
            Op::PushAllPanics(n) => {
                let end = (0..1).map(|_| panic!("of the iterator's own"));
                let pushed = caught(|| list.push_all(self.values(n, 9).chain(end)));
                assert!(pushed.is_none());
                Nothing
            }
            Op::Extend(n) => {
                self.consumer = None;
                let values: Vec<_> = self.values(n, 70).collect();
                self.list.get_mut().extend(values);
                Nothing
            }
            Op::TakeAll => {
                self.chains.push(list.take_all());
                Nothing
            }
            Op::Next(number) => {
                let chain = pick(number, self.chains.len());
                let next = chain.and_then(|index| self.chains[index].next());
                Answer::Value(next.map(|value| value.id()))
            }
            Op::Reverse(number) => {
                if let Some(index) = pick(number, self.chains.len()) {
                    let chain = self.chains.swap_remove(index);
                    self.chains.push(chain.reverse());
                    let last = self.chains.len() - 1;
                    self.chains.swap(index, last);
                }
                Nothing
            }
            Op::DropChain(number) => {
                let chain = pick(number, self.chains.len());
                drop(chain.map(|index| self.chains.swap_remove(index)));
                Nothing
            }
            Op::Consume => {
                let consumer = list.consumer();
                let first = consumer.is_some();
                self.consumer = consumer.or(self.consumer.take());
                Truth(first)
            }
            Op::Pop => {
                let popped = self.consumer.as_mut().and_then(Consumer::pop);
                Answer::Value(popped.map(|value| value.id()))
            }
            Op::StopConsuming => {
                self.consumer = None;
                Nothing
            }
            Op::NewList(n) => {
                self.consumer = None;
                self.list = Owned::new(self.values(n, 300).collect());
                Nothing
            }
        };
    }

    fn check(&self, model: &Lists) {
        assert_eq!(self.answer, model.answer);
        // SAFETY: the borrow ends here.
        let list = unsafe { self.list.get() };
        assert_eq!(list.is_empty(), model.list.is_empty());
        assert_eq!(self.chains.len(), model.chains.len());
        for (chain, expected) in self.chains.iter().zip(&model.chains) {
            assert_eq!(chain.is_empty(), expected.is_empty());
            assert!(chain.iter().all(Value::is_intact));
            assert!(
                chain
                    .iter()
                    .map(Value::id)
                    .eq(expected.iter().rev().copied())
            );
        }
        let places = model
            .chains
            .iter()
            .chain(&model.consumer)
            .chain([&model.list]);
        let alive: BTreeSet<u32> = places.flatten().copied().collect();
        self.ledger.check(alive, model.made);
    }

    fn finish(self, model: &Lists) {
        let ledger = self.ledger.clone();
        drop(self);
        ledger.check([], model.made);
    }
}
