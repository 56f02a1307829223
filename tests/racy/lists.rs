//! Lists: what is taken is freed at once, while its producer is still in its push.

use kref::LList;
use kref::llist::intrusive::{Linked, List, Node, SwapList};

use crate::race;

/// An object with bytes outside any cell.
struct Item {
    number: u64,
    node: Node<Item>,
}

impl Item {
    fn boxed(number: u64) -> Box<Self> {
        Box::new(Self {
            number,
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

const EACH: u64 = 3;

/// One thread pushes, the other takes and frees; what is allocated next is often at the same address.
#[test]
fn push_and_take() {
    race(
        List::new,
        |list, who| {
            let mut taken = 0;
            for number in 0..EACH {
                if who == 0 {
                    list.push(Item::boxed(number));
                }
                taken += list.take_all().map(|item| item.number + 1).sum::<u64>();
            }
            taken
        },
        |list, taken| {
            let left = list.take_all().map(|item| item.number + 1).sum::<u64>();
            assert_eq!(left + taken[0] + taken[1], EACH * (EACH + 1) / 2);
        },
    );
}

/// The same, with a taker that waits for a producer between its two steps, and frees the object right after the second.
#[test]
fn swap_push_and_take() {
    race(
        SwapList::new,
        |list, who| {
            let mut taken = 0;
            for number in 0..EACH {
                if who == 0 {
                    list.push(Item::boxed(number));
                } else {
                    let chain = list.take_all();
                    let items: Vec<_> = match number {
                        0 => chain.collect(),
                        _ => chain.settle().collect(),
                    };
                    taken += items.iter().map(|item| item.number + 1).sum::<u64>();
                }
            }
            taken
        },
        |list, taken| {
            let left = list.take_all().map(|item| item.number + 1).sum::<u64>();
            assert_eq!(left + taken[0] + taken[1], EACH * (EACH + 1) / 2);
        },
    );
}

/// Values in blocks: both threads push, take, and free blocks in which the other may still look for a slot.
#[test]
fn blocks() {
    race(
        LList::new,
        |list, who| {
            // Of the second size three fit in a block.
            let filled = [who as u64 + 1; 34];
            let mut taken = 0;
            for _ in 0..EACH {
                list.push(filled);
                taken += list.take_all().map(|value| value[33]).sum::<u64>();
            }
            taken
        },
        |list, taken| {
            let left = list.take_all().map(|value| value[0]).sum::<u64>();
            assert_eq!(left + taken[0] + taken[1], 3 * EACH);
        },
    );
}

/// A value that owns memory is dropped by its taker, while it is still an argument of its push.
#[test]
fn values_that_own() {
    race(
        LList::new,
        |list, who| match who {
            0 => {
                list.push(Box::new(1));
                list.push(Box::new(2));
                0
            }
            _ => list.take_all().count(),
        },
        |list, taken| assert_eq!(list.take_all().count() + taken[1], 2),
    );
}

/// A consumer gives back its rest while another thread pushes.
#[test]
fn consumer_and_push() {
    race(
        || (0..2).collect::<LList<_>>(),
        |list, who| {
            if who == 0 {
                list.push(2);
                None
            } else {
                list.consumer().unwrap().pop()
            }
        },
        |list, [_, popped]| {
            let left: Vec<_> = list.take_all().collect();
            assert!(left.is_sorted_by(|newer, older| newer > older));
            assert_eq!(left.iter().sum::<u64>() + popped.unwrap(), 3);
        },
    );
}
