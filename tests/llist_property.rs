//! The lists on one thread, against a `Vec`: any sequence of operations.

#![cfg(feature = "alloc")]

use std::sync::Arc;

use kref::llist::intrusive::{self, Chain, Linked, List, Node, SwapList};
use kref::llist::{self, LList};
use proptest::prelude::*;

/// The oldest value first.
#[derive(Default)]
struct Model {
    list: Vec<u8>,
    /// What the consumer has taken, if there is one.
    consumer: Option<Vec<u8>>,
}

impl Model {
    fn push_all(&mut self, values: &[u8]) -> bool {
        let edge = self.list.is_empty() && !values.is_empty();
        self.list.extend(values);
        edge
    }

    fn pop(&mut self) -> Option<u8> {
        let taken = self.consumer.as_mut()?;
        if taken.is_empty() {
            taken.append(&mut self.list);
        }
        taken.pop()
    }

    fn give_back(&mut self) {
        let mut rest = self.consumer.take().unwrap_or_default();
        rest.append(&mut self.list);
        self.list = rest;
    }

    fn newest_first(&mut self) -> Vec<u8> {
        let mut values = std::mem::take(&mut self.list);
        values.reverse();
        values
    }
}

#[derive(Clone, Debug)]
enum Op {
    Push(u8),
    PushAll(Vec<u8>),
    TakeAll,
    TakeSome(usize),
    TakeReversed,
    Pop,
    Consume,
    StopConsuming,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => any::<u8>().prop_map(Op::Push),
        2 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Op::PushAll),
        1 => Just(Op::TakeAll),
        1 => (0..20_usize).prop_map(Op::TakeSome),
        1 => Just(Op::TakeReversed),
        4 => Just(Op::Pop),
        2 => Just(Op::Consume),
        1 => Just(Op::StopConsuming),
    ];
    prop::collection::vec(op, 0..60)
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 8 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

struct Item {
    value: u8,
    node: Node<Item>,
}

impl Item {
    fn boxed(value: u8) -> Box<Self> {
        Box::new(Self {
            value,
            node: Node::new(),
        })
    }
}

// SAFETY: always the same field.
unsafe impl Linked for Item {
    fn node(&self) -> &Node<Self> {
        &self.node
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn values(ops in ops()) {
        let mut model = Model::default();
        let list = LList::new();
        let mut consumer: Option<llist::Consumer<'_, Box<u8>>> = None;
        for op in ops {
            match op {
                // Boxed, so that Miri and the sanitizers see a value that is lost or taken twice.
                Op::Push(v) => prop_assert_eq!(list.push(Box::new(v)), model.push_all(&[v])),
                Op::PushAll(vs) => prop_assert_eq!(
                    list.push_all(vs.iter().copied().map(Box::new)),
                    model.push_all(&vs)
                ),
                Op::TakeAll => {
                    let chain = list.take_all();
                    let expected = model.newest_first();
                    prop_assert_eq!(chain.is_empty(), expected.is_empty());
                    prop_assert!(chain.iter().map(|v| **v).eq(expected.iter().copied()));
                    prop_assert!(chain.map(|v| *v).eq(expected));
                }
                Op::TakeSome(n) => {
                    let expected = model.newest_first();
                    let some = list.take_all().take(n).map(|v| *v);
                    prop_assert!(some.eq(expected.into_iter().take(n)));
                }
                Op::TakeReversed => {
                    let mut expected = model.newest_first();
                    expected.reverse();
                    prop_assert!(list.take_all().reverse().map(|v| *v).eq(expected));
                }
                Op::Pop => {
                    let popped = consumer.as_mut().and_then(llist::Consumer::pop);
                    prop_assert_eq!(popped.map(|v| *v), model.pop());
                }
                Op::Consume => {
                    let another = list.consumer();
                    prop_assert_eq!(another.is_some(), model.consumer.is_none());
                    if another.is_some() {
                        consumer = another;
                        model.consumer = Some(Vec::new());
                    }
                }
                Op::StopConsuming => {
                    consumer = None;
                    model.give_back();
                }
            }
            prop_assert_eq!(list.is_empty(), model.list.is_empty());
        }
    }

    #[test]
    fn boxed_objects(ops in ops()) {
        let mut model = Model::default();
        let list = List::new();
        let mut consumer: Option<intrusive::Consumer<'_, Box<Item>>> = None;
        for op in ops {
            match op {
                Op::Push(v) => prop_assert_eq!(list.push(Item::boxed(v)), model.push_all(&[v])),
                Op::PushAll(vs) => prop_assert_eq!(
                    list.push_all(vs.iter().copied().map(Item::boxed)),
                    model.push_all(&vs)
                ),
                Op::TakeAll => {
                    let chain = list.take_all();
                    let expected = model.newest_first();
                    prop_assert!(chain.iter().all(|item| item.node.is_linked()));
                    prop_assert!(chain.iter().map(|item| item.value).eq(expected.iter().copied()));
                    let items: Vec<_> = chain.collect();
                    prop_assert!(items.iter().all(|item| !item.node.is_linked()));
                    prop_assert!(items.iter().map(|item| item.value).eq(expected));
                }
                Op::TakeSome(n) => {
                    // What was not wanted is pushed again, as it was.
                    let mut chain = list.take_all();
                    let mut expected = model.newest_first();
                    let rest = expected.split_off(n.min(expected.len()));
                    prop_assert!(chain.by_ref().take(n).map(|item| item.value).eq(expected));
                    let rest: Vec<u8> = rest.into_iter().rev().collect();
                    prop_assert_eq!(list.push_chain(chain), model.push_all(&rest));
                }
                Op::TakeReversed => {
                    let mut expected = model.newest_first();
                    expected.reverse();
                    prop_assert!(list.take_all().reverse().map(|item| item.value).eq(expected));
                }
                Op::Pop => {
                    let popped = consumer.as_mut().and_then(intrusive::Consumer::pop);
                    prop_assert_eq!(popped.map(|item| item.value), model.pop());
                }
                Op::Consume => {
                    let another = list.consumer();
                    prop_assert_eq!(another.is_some(), model.consumer.is_none());
                    if another.is_some() {
                        consumer = another;
                        model.consumer = Some(Vec::new());
                    }
                }
                Op::StopConsuming => {
                    consumer = None;
                    model.give_back();
                }
            }
            prop_assert_eq!(list.is_empty(), model.list.is_empty());
        }
    }

    #[test]
    fn boxed_objects_on_a_swap_list(ops in ops()) {
        let mut model = Model::default();
        let list = SwapList::new();
        for op in ops {
            match op {
                Op::Push(v) => prop_assert_eq!(list.push(Item::boxed(v)), model.push_all(&[v])),
                Op::PushAll(vs) => prop_assert_eq!(
                    list.push_all(vs.iter().copied().map(Item::boxed)),
                    model.push_all(&vs)
                ),
                Op::TakeSome(n) => {
                    let expected = model.newest_first();
                    let some = list.take_all().take(n).map(|item| item.value);
                    prop_assert!(some.eq(expected.into_iter().take(n)));
                }
                Op::TakeReversed => {
                    let mut expected = model.newest_first();
                    expected.reverse();
                    let chain = list.take_all().settle().reverse();
                    prop_assert!(chain.map(|item| item.value).eq(expected));
                }
                Op::TakeAll | Op::Pop | Op::Consume | Op::StopConsuming => {
                    let mut chain = list.take_all();
                    for expected in model.newest_first() {
                        let item = chain.try_next().unwrap().unwrap();
                        prop_assert_eq!(item.value, expected);
                    }
                    prop_assert!(chain.try_next().unwrap().is_none());
                }
            }
            prop_assert_eq!(list.is_empty(), model.list.is_empty());
        }
    }

    /// Objects with other handles, two lists, and a chain that is built: an object is in one place.
    #[test]
    fn shared_objects(steps in prop::collection::vec((0..4_usize, 0..5_u8), 0..60)) {
        let objects: Vec<Arc<Item>> = (0..4).map(|v| Arc::from(Item::boxed(v))).collect();
        let (one, two, mut chain) = (List::new(), SwapList::new(), Chain::new());
        let mut places: [Vec<u8>; 3] = Default::default();
        for (index, step) in steps {
            let object = Arc::clone(&objects[index]);
            let (value, free) = (object.value, !places.concat().contains(&object.value));
            prop_assert_eq!(object.node.is_linked(), !free);
            let (place, pushed) = match step {
                0 => (0, one.try_push(object).map(|edge| edge == places[0].is_empty())),
                1 => (1, two.try_push(object).map(|edge| edge == places[1].is_empty())),
                2 => (2, chain.try_push(object).map(|()| true)),
                3 => {
                    let taken: Vec<u8> = one.take_all().reverse().map(|item| item.value).collect();
                    prop_assert_eq!(taken, std::mem::take(&mut places[0]));
                    let taken: Vec<u8> = two.take_all().map(|item| item.value).collect();
                    prop_assert!(taken.iter().rev().eq(&std::mem::take(&mut places[1])));
                    continue;
                }
                _ => {
                    let edge = places[0].is_empty() && !places[2].is_empty();
                    prop_assert_eq!(one.push_chain(std::mem::take(&mut chain)), edge);
                    let newer = std::mem::take(&mut places[2]);
                    places[0].extend(newer);
                    continue;
                }
            };
            match pushed {
                Ok(edge_is_right) => {
                    prop_assert!(free && edge_is_right);
                    places[place].push(value);
                }
                Err(refused) => {
                    prop_assert!(!free);
                    prop_assert!(Arc::ptr_eq(&refused, &objects[index]));
                }
            }
        }
        drop((one, two, chain));
        for object in &objects {
            prop_assert!(!object.node.is_linked());
            prop_assert_eq!(Arc::strong_count(object), 1);
        }
    }
}
