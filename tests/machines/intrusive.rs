//! The intrusive lists and chains against vectors of the identities of objects.
//!
//! One machine for every kind of pointer. Where there may be others to the same object, it is in one
//! place at a time all the same: a push of what is linked is refused.

use std::collections::BTreeSet;
use std::mem;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;

use kref::llist::intrusive::{
    Chain, Consumer, Linked, List, Node, Pointer, SwapChain, SwapList, UniquePointer,
};
use kref::{IntrusiveRef, Kref, Ref, RefCounted};

use super::owned::Owned;
use super::values::{Ledger, Value};
use super::{Letter, Machine, Model, pick, size};

#[derive(Clone, Debug)]
pub enum Op {
    New(usize),
    Clone(u16),
    Drop(u16),
    Push(Place, u16),
    /// Those that are held from there on, as far as they are on no list.
    PushAll(Place, u16),
    /// The chain goes to a list.
    PushChain(Place, u16),
    TakeAll,
    TakeAllSwapped,
    /// Waits until the chain of a `SwapList` is an ordinary one.
    Settle(u16),
    /// Takes the next of a chain, and holds it.
    Pop(u16),
    PopSwapped(u16),
    Reverse(u16),
    DropChain(u16),
    DropSwapped(u16),
    Consume,
    ConsumerPop,
    StopConsuming,
    NewLists,
}

#[derive(Clone, Copy, Debug)]
pub enum Place {
    List,
    SwapList,
    /// A chain that is being built.
    Chain(u16),
}

fn place(number: u16) -> Place {
    match number % 4 {
        0 | 1 => Place::List,
        2 => Place::SwapList,
        _ => Place::Chain(number / 4),
    }
}

/// Ids; the newest last, as in all that follows.
type Ids = Vec<u32>;

#[derive(Clone, Debug, Default)]
pub struct Places<const SHARED: bool> {
    made: u32,
    held: Ids,
    list: Ids,
    swap_list: Ids,
    consumer: Option<Ids>,
    /// What comes out next last, whether reversed or not.
    chains: Vec<Ids>,
    swapped: Vec<Ids>,
    /// What the last push answered, or the consumer.
    answer: Option<bool>,
}

impl<const SHARED: bool> Places<SHARED> {
    fn linked(&self) -> impl Iterator<Item = u32> {
        let lists = [&self.list, &self.swap_list].into_iter();
        let chains = self.chains.iter().chain(&self.swapped);
        lists.chain(&self.consumer).chain(chains).flatten().copied()
    }

    fn is_linked(&self, id: u32) -> bool {
        self.linked().any(|linked| linked == id)
    }

    fn place(&mut self, place: Place) -> &mut Ids {
        match place {
            Place::List => &mut self.list,
            Place::SwapList => &mut self.swap_list,
            Place::Chain(number) => match pick(number, self.chains.len()) {
                Some(index) => &mut self.chains[index],
                None => {
                    self.chains.push(Ids::new());
                    &mut self.chains[0]
                }
            },
        }
    }

    /// Puts them there; returns whether it was empty, which a chain does not tell.
    fn put(&mut self, place: Place, ids: Ids) -> Option<bool> {
        let to = self.place(place);
        let edge = to.is_empty() && !ids.is_empty();
        to.extend(ids);
        (!matches!(place, Place::Chain(_))).then_some(edge)
    }

    fn give_back(&mut self) {
        let mut rest = self.consumer.take().unwrap_or_default();
        rest.append(&mut self.list);
        self.list = rest;
    }
}

impl<const SHARED: bool> Model for Places<SHARED> {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        self.answer = None;
        let chain = |number| pick(number, self.chains.len());
        let swapped = |number| pick(number, self.swapped.len());
        let held = |number| pick(number, self.held.len());
        match *op {
            Op::New(_) => {
                self.made += 1;
                self.held.push(self.made);
            }
            Op::Clone(number) => {
                let clone = held(number).filter(|_| SHARED).map(|i| self.held[i]);
                self.held.extend(clone);
            }
            Op::Drop(number) => {
                held(number)
                    .into_iter()
                    .for_each(|i| _ = self.held.swap_remove(i));
            }
            Op::Push(place, number) => {
                if let Some(index) = held(number) {
                    self.place(place);
                    if !self.is_linked(self.held[index]) {
                        let id = self.held.swap_remove(index);
                        self.answer = self.put(place, vec![id]);
                    }
                }
            }
            Op::PushAll(place, number) => {
                let (mut refused, mut ids) = (Ids::new(), Ids::new());
                let from = held(number).unwrap_or_default();
                for id in self.held.split_off(from) {
                    let free = !self.is_linked(id) && !ids.contains(&id);
                    if free { &mut ids } else { &mut refused }.push(id);
                }
                self.held.append(&mut refused);
                self.answer = self.put(place, ids);
            }
            Op::PushChain(place, number) => {
                if let Some(index) = chain(number) {
                    let ids = self.chains.swap_remove(index);
                    self.answer = self.put(place, ids);
                }
            }
            Op::TakeAll => self.chains.push(mem::take(&mut self.list)),
            Op::TakeAllSwapped => self.swapped.push(mem::take(&mut self.swap_list)),
            Op::Settle(number) => {
                let settled = swapped(number).map(|i| self.swapped.swap_remove(i));
                self.chains.extend(settled);
            }
            Op::Pop(number) => {
                let popped = chain(number).and_then(|i| self.chains[i].pop());
                self.held.extend(popped);
            }
            Op::PopSwapped(number) => {
                let popped = swapped(number).and_then(|i| self.swapped[i].pop());
                self.held.extend(popped);
            }
            Op::Reverse(number) => {
                chain(number)
                    .into_iter()
                    .for_each(|i| self.chains[i].reverse());
            }
            Op::DropChain(number) => {
                chain(number)
                    .into_iter()
                    .for_each(|i| _ = self.chains.swap_remove(i));
            }
            Op::DropSwapped(number) => {
                swapped(number)
                    .into_iter()
                    .for_each(|i| _ = self.swapped.swap_remove(i));
            }
            Op::Consume => {
                self.answer = Some(self.consumer.is_none());
                self.consumer.get_or_insert_default();
            }
            Op::ConsumerPop => {
                if let Some(taken) = &mut self.consumer {
                    if taken.is_empty() {
                        taken.append(&mut self.list);
                    }
                    self.held.extend(taken.pop());
                }
            }
            Op::StopConsuming => self.give_back(),
            Op::NewLists => {
                self.give_back();
                self.list.clear();
                self.swap_list.clear();
            }
        }
    }
}

/// An object with a node, and a count of its own for those pointers that want one.
pub struct Object {
    kref: Kref,
    node: Node<Object>,
    value: Value,
}

impl Object {
    fn new(ledger: &Ledger, size: usize) -> Self {
        Self {
            kref: Kref::new(),
            node: Node::new(),
            value: Value::new(ledger, size),
        }
    }
}

// SAFETY: always the same field.
unsafe impl Linked for Object {
    fn node(&self) -> &Node<Self> {
        &self.node
    }
}

// SAFETY: every object that has an `IntrusiveRef` is a leaked box, see `Owner::new`.
unsafe impl RefCounted for Object {
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

/// A pointer to an object, and how it is pushed: as the only one, or as one of several.
pub trait Owner<const SHARED: bool>: Pointer<Target = Object> + Sized + 'static {
    fn new(object: Object) -> Self;

    fn another(&self) -> Option<Self>;

    fn push_to_list(self, list: &List<Self>) -> Result<bool, Self> {
        list.try_push(self)
    }

    fn push_to_swap_list(self, list: &SwapList<Self>) -> Result<bool, Self> {
        list.try_push(self)
    }

    fn push_to_chain(self, chain: &mut Chain<Self>) -> Result<(), Self> {
        chain.try_push(self)
    }

    /// Pushes those that are on no list, at once; returns the others.
    fn push_all(owners: Vec<Self>, to: impl PushAll<Self>) -> (bool, Vec<Self>) {
        let mut chain = Chain::new();
        let push = |owner| chain.try_push(owner).err();
        let refused = owners.into_iter().filter_map(push).collect();
        (to.push_chain(chain), refused)
    }
}

/// What the two lists have in common.
pub trait PushAll<P: Pointer<Target = Object>> {
    fn push_chain(self, chain: Chain<P>) -> bool;
    fn push_all(self, owners: Vec<P>) -> bool
    where
        P: UniquePointer;
}

impl<P: Pointer<Target = Object>> PushAll<P> for &List<P> {
    fn push_chain(self, chain: Chain<P>) -> bool {
        List::push_chain(self, chain)
    }
    fn push_all(self, owners: Vec<P>) -> bool
    where
        P: UniquePointer,
    {
        List::push_all(self, owners)
    }
}

impl<P: Pointer<Target = Object>> PushAll<P> for &SwapList<P> {
    fn push_chain(self, chain: Chain<P>) -> bool {
        SwapList::push_chain(self, chain)
    }
    fn push_all(self, owners: Vec<P>) -> bool
    where
        P: UniquePointer,
    {
        SwapList::push_all(self, owners)
    }
}

impl Owner<false> for Box<Object> {
    fn new(object: Object) -> Self {
        object.into()
    }
    fn another(&self) -> Option<Self> {
        None
    }
    fn push_to_list(self, list: &List<Self>) -> Result<bool, Self> {
        Ok(list.push(self))
    }
    fn push_to_swap_list(self, list: &SwapList<Self>) -> Result<bool, Self> {
        Ok(list.push(self))
    }
    fn push_to_chain(self, chain: &mut Chain<Self>) -> Result<(), Self> {
        chain.push(self);
        Ok(())
    }
    fn push_all(owners: Vec<Self>, to: impl PushAll<Self>) -> (bool, Vec<Self>) {
        (to.push_all(owners), Vec::new())
    }
}

/// Unique as well, but pushed as if it were not.
impl Owner<false> for Pin<Box<Object>> {
    fn new(object: Object) -> Self {
        Box::pin(object)
    }
    fn another(&self) -> Option<Self> {
        None
    }
}

impl Owner<true> for Arc<Object> {
    fn new(object: Object) -> Self {
        object.into()
    }
    fn another(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl Owner<true> for Ref<Object> {
    fn new(object: Object) -> Self {
        object.into()
    }
    fn another(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl Owner<true> for IntrusiveRef<Object> {
    fn new(object: Object) -> Self {
        let object = NonNull::from(Box::leak(Box::new(object)));
        // SAFETY: a new object has one reference, and it is for this.
        unsafe { Self::from_raw(object) }
    }
    fn another(&self) -> Option<Self> {
        Some(self.clone())
    }
}

pub struct ListMachine<P: Owner<SHARED>, const SHARED: bool> {
    /// Borrows from the list, whatever its type says: before it, as fields are dropped in order.
    consumer: Option<Consumer<'static, P>>,
    list: Owned<List<P>>,
    swap_list: SwapList<P>,
    chains: Vec<Chain<P>>,
    swapped: Vec<SwapChain<P>>,
    held: Vec<P>,
    ledger: Ledger,
    answer: Option<bool>,
}

impl<P: Owner<SHARED>, const SHARED: bool> ListMachine<P, SHARED> {
    fn list(&self) -> &'static List<P> {
        // SAFETY: what borrows is the consumer, which goes before the list.
        unsafe { self.list.get() }
    }

    fn push(&mut self, place: Place, index: usize) {
        let owner = self.held.swap_remove(index);
        let pushed = match place {
            Place::List => owner.push_to_list(self.list()).map(Some),
            Place::SwapList => owner.push_to_swap_list(&self.swap_list).map(Some),
            Place::Chain(number) => {
                let refused = owner.push_to_chain(self.chain(number));
                refused.map(|()| None)
            }
        };
        match pushed {
            Ok(answer) => self.answer = answer,
            Err(refused) => {
                assert!(SHARED && refused.node().is_linked());
                self.held.push(refused);
                let last = self.held.len() - 1;
                self.held.swap(index, last);
            }
        }
    }

    /// The chain with this number, or a new one.
    fn chain(&mut self, number: u16) -> &mut Chain<P> {
        let index = pick(number, self.chains.len()).unwrap_or_else(|| {
            self.chains.push(Chain::new());
            0
        });
        &mut self.chains[index]
    }

    fn push_all(&mut self, place: Place, from: usize) {
        let owners = self.held.split_off(from);
        let (answer, refused) = match place {
            Place::List => P::push_all(owners, self.list()),
            Place::SwapList => P::push_all(owners, &self.swap_list),
            Place::Chain(number) => {
                let chain = self.chain(number);
                let push = |owner: P| owner.push_to_chain(chain).err();
                self.held = {
                    let refused: Vec<P> = owners.into_iter().filter_map(push).collect();
                    let mut held = mem::take(&mut self.held);
                    held.extend(refused);
                    held
                };
                return;
            }
        };
        self.held.extend(refused);
        self.answer = Some(answer);
    }

    fn push_chain(&mut self, place: Place, index: usize) {
        let chain = self.chains.swap_remove(index);
        match place {
            Place::List => self.answer = Some(self.list().push_chain(chain)),
            Place::SwapList => self.answer = Some(self.swap_list.push_chain(chain)),
            // A chain behind a chain: one by one, the oldest first.
            Place::Chain(number) => {
                let to = self.chain(number);
                for owner in chain.reverse() {
                    assert!(owner.push_to_chain(to).is_ok());
                }
            }
        }
    }
}

impl<P: Owner<SHARED>, const SHARED: bool> Machine for ListMachine<P, SHARED> {
    type Model = Places<SHARED>;

    const ALPHABET: &'static [Letter<Self>] = &[
        |a, _| Op::New(size(a)),
        |a, _| Op::New(size(a)),
        |a, _| Op::New(size(a)),
        |a, _| Op::New(size(a)),
        |a, _| Op::Clone(a),
        |a, _| Op::Clone(a),
        |a, _| Op::Drop(a),
        |a, b| Op::Push(place(a), b),
        |a, b| Op::Push(place(a), b),
        |a, b| Op::Push(place(a), b),
        |a, b| Op::Push(place(a), b),
        |a, b| Op::PushAll(place(a), b),
        |a, b| Op::PushChain(place(a), b),
        |a, b| Op::PushChain(place(a), b),
        |_, _| Op::TakeAll,
        |_, _| Op::TakeAllSwapped,
        |a, _| Op::Settle(a),
        |a, _| Op::Pop(a),
        |a, _| Op::Pop(a),
        |a, _| Op::PopSwapped(a),
        |a, _| Op::Reverse(a),
        |a, _| Op::DropChain(a),
        |a, _| Op::DropSwapped(a),
        |_, _| Op::Consume,
        |_, _| Op::ConsumerPop,
        |_, _| Op::ConsumerPop,
        |_, _| Op::StopConsuming,
        |_, _| Op::NewLists,
    ];

    fn new() -> Self {
        Self {
            consumer: None,
            list: Owned::new(List::new()),
            swap_list: SwapList::new(),
            chains: Vec::new(),
            swapped: Vec::new(),
            held: Vec::new(),
            ledger: Ledger::default(),
            answer: None,
        }
    }

    fn apply(&mut self, op: Op) {
        self.answer = None;
        let chain = |number| pick(number, self.chains.len());
        let swapped = |number| pick(number, self.swapped.len());
        let held = |number| pick(number, self.held.len());
        match op {
            Op::New(size) => self.held.push(P::new(Object::new(&self.ledger, size))),
            Op::Clone(number) => {
                let another = held(number).and_then(|i| self.held[i].another());
                self.held.extend(another);
            }
            Op::Drop(number) => {
                drop(held(number).map(|i| self.held.swap_remove(i)));
            }
            Op::Push(place, number) => {
                held(number).into_iter().for_each(|i| self.push(place, i));
            }
            Op::PushAll(place, number) => self.push_all(place, held(number).unwrap_or_default()),
            Op::PushChain(place, number) => {
                chain(number)
                    .into_iter()
                    .for_each(|i| self.push_chain(place, i));
            }
            Op::TakeAll => self.chains.push(self.list().take_all()),
            Op::TakeAllSwapped => self.swapped.push(self.swap_list.take_all()),
            Op::Settle(number) => {
                let settled = swapped(number).map(|i| self.swapped.swap_remove(i).settle());
                self.chains.extend(settled);
            }
            Op::Pop(number) => {
                let popped = chain(number).and_then(|i| self.chains[i].pop());
                self.held.extend(popped);
            }
            Op::PopSwapped(number) => {
                if let Some(index) = swapped(number) {
                    let popped = self.swapped[index].try_next();
                    self.held.extend(popped.expect("nobody is pushing"));
                }
            }
            Op::Reverse(number) => {
                if let Some(index) = chain(number) {
                    let reversed = mem::take(&mut self.chains[index]).reverse();
                    self.chains[index] = reversed;
                }
            }
            Op::DropChain(number) => {
                drop(chain(number).map(|i| self.chains.swap_remove(i)));
            }
            Op::DropSwapped(number) => {
                drop(swapped(number).map(|i| self.swapped.swap_remove(i)));
            }
            Op::Consume => {
                let consumer = self.list().consumer();
                self.answer = Some(consumer.is_some());
                self.consumer = consumer.or(self.consumer.take());
            }
            Op::ConsumerPop => {
                let popped = self.consumer.as_mut().and_then(Consumer::pop);
                self.held.extend(popped);
            }
            Op::StopConsuming => self.consumer = None,
            Op::NewLists => {
                self.consumer = None;
                self.list = Owned::new(List::new());
                self.swap_list = SwapList::new();
            }
        }
    }

    fn check(&self, model: &Self::Model) {
        assert_eq!(self.answer, model.answer);
        assert_eq!(self.list().is_empty(), model.list.is_empty());
        assert_eq!(self.swap_list.is_empty(), model.swap_list.is_empty());
        let linked: BTreeSet<u32> = model.linked().collect();
        assert_eq!(self.held.len(), model.held.len());
        for (owner, id) in self.held.iter().zip(&model.held) {
            assert_eq!(owner.value.id(), *id);
            assert_eq!(owner.node.is_linked(), linked.contains(id));
            assert!(owner.value.is_intact());
        }
        assert_eq!(self.chains.len(), model.chains.len());
        for (chain, expected) in self.chains.iter().zip(&model.chains) {
            assert_eq!(chain.is_empty(), expected.is_empty());
            let ids = chain.iter().map(|object| object.value.id());
            assert!(ids.eq(expected.iter().rev().copied()));
            assert!(chain.iter().all(|object| object.value.is_intact()));
        }
        assert_eq!(self.swapped.len(), model.swapped.len());
        for (chain, expected) in self.swapped.iter().zip(&model.swapped) {
            assert_eq!(chain.is_empty(), expected.is_empty());
        }
        let alive: BTreeSet<u32> = linked
            .into_iter()
            .chain(model.held.iter().copied())
            .collect();
        self.ledger.check(alive, model.made);
    }

    fn finish(self, model: &Self::Model) {
        let ledger = self.ledger.clone();
        drop(self);
        ledger.check([], model.made);
    }
}
