//! The lists, with four producers and several takers: everything is taken once, in the order in which
//! each producer pushed it; as many pushes are told that the list was empty as there were chains; a
//! consumer that sleeps is woken.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::sync::Arc;

use kref::LList;
use kref::llist::intrusive::{Chain, Linked, List, Node, SwapList};

use crate::backend::{Life, Shuttle, must, turn};
use crate::{explore, pick, threads};

/// What is pushed: the producer's number, and the value's number among that producer's values.
pub struct Item {
    producer: u32,
    number: u32,
    life: Life,
    node: Node<Item, Shuttle>,
}

impl Item {
    fn new(producer: u32, number: u32) -> Self {
        Self {
            producer,
            number,
            life: Life::begin(),
            node: Node::new_in(),
        }
    }

    /// Returns the producer's number, and the value's.
    pub fn read(&self) -> (u32, u32) {
        self.life.check();
        (self.producer, self.number)
    }
}

// SAFETY: always the same field.
unsafe impl Linked<Shuttle> for Item {
    fn node(&self) -> &Node<Self, Shuttle> {
        &self.node
    }
}

// SAFETY: the coroutines of a scenario are on one thread.
unsafe impl Send for Item {}
// SAFETY: as above.
unsafe impl Sync for Item {}

/// A list of items, whichever.
pub trait Queue: Send + Sync + 'static {
    fn new() -> Self;
    fn push(&self, item: Item) -> bool;
    fn push_two(&self, items: [Item; 2]) -> bool;
    /// Takes all, newest first.
    fn take(&self) -> Vec<(u32, u32)>;
    /// Takes one, if nobody else takes one at a time; `None` if somebody does.
    fn pop(&self) -> Option<Vec<(u32, u32)>>;
}

impl Queue for LList<Item, Shuttle> {
    fn new() -> Self {
        Self::new_in()
    }
    fn push(&self, item: Item) -> bool {
        self.push(item)
    }
    fn push_two(&self, items: [Item; 2]) -> bool {
        self.push_all(items)
    }
    fn take(&self) -> Vec<(u32, u32)> {
        self.take_all().map(|item| item.read()).collect()
    }
    fn pop(&self) -> Option<Vec<(u32, u32)>> {
        let mut consumer = self.consumer()?;
        Some(consumer.pop().iter().map(Item::read).collect())
    }
}

impl Queue for List<Box<Item>, Shuttle> {
    fn new() -> Self {
        Self::new_in()
    }
    fn push(&self, item: Item) -> bool {
        self.push(Box::new(item))
    }
    fn push_two(&self, items: [Item; 2]) -> bool {
        self.push_all(items.map(Box::new))
    }
    fn take(&self) -> Vec<(u32, u32)> {
        read_all(self.take_all())
    }
    fn pop(&self) -> Option<Vec<(u32, u32)>> {
        let mut consumer = self.consumer()?;
        Some(consumer.pop().iter().map(|item| item.read()).collect())
    }
}

impl Queue for SwapList<Box<Item>, Shuttle> {
    fn new() -> Self {
        Self::new_in()
    }
    fn push(&self, item: Item) -> bool {
        self.push(Box::new(item))
    }
    fn push_two(&self, items: [Item; 2]) -> bool {
        self.push_all(items.map(Box::new))
    }
    fn take(&self) -> Vec<(u32, u32)> {
        // Its destructor waits for producers, and after a failure none goes on.
        let mut chain = ManuallyDrop::new(self.take_all());
        let items = match pick(3) {
            0 => return read_all(ManuallyDrop::into_inner(chain).settle()),
            1 => chain.next(),
            _ => None,
        };
        let items = items.into_iter().chain(chain.by_ref());
        let items = items.map(|item| item.read()).collect();
        drop(ManuallyDrop::into_inner(chain));
        items
    }
    fn pop(&self) -> Option<Vec<(u32, u32)>> {
        None
    }
}

fn read_all(mut chain: Chain<Box<Item>, Shuttle>) -> Vec<(u32, u32)> {
    std::iter::from_fn(|| chain.pop().map(|item| item.read())).collect()
}

/// A list, and what was seen of it.
pub struct World<Q> {
    pub queue: Q,
    /// How many pushes were told that the list was empty.
    edges: Cell<u32>,
    /// How many times something was taken off it.
    chains: Cell<u32>,
    taken: RefCell<Vec<(u32, u32)>>,
}

// SAFETY: the coroutines of a scenario are on one thread.
unsafe impl<Q> Send for World<Q> {}
// SAFETY: as above.
unsafe impl<Q> Sync for World<Q> {}

const EACH: u32 = 4;

impl<Q: Queue> World<Q> {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            queue: Q::new(),
            edges: Cell::new(0),
            chains: Cell::new(0),
            taken: RefCell::default(),
        })
    }

    fn took(&self, items: Vec<(u32, u32)>) {
        self.chains
            .set(self.chains.get() + u32::from(!items.is_empty()));
        for (newer, item) in items.iter().enumerate() {
            let is_newer = |other: &(u32, u32)| other.0 != item.0 || other.1 > item.1;
            must(items[..newer].iter().all(is_newer), "newest first");
        }
        self.taken.borrow_mut().extend(items);
    }

    fn end(&self, producers: u32) {
        self.took(self.queue.take());
        let mut taken = self.taken.take();
        taken.sort_unstable();
        let all = (0..producers).flat_map(|producer| (0..EACH).map(move |n| (producer, n)));
        must(taken == Vec::from_iter(all), "each is taken once");
    }
}

fn produce<const WHO: u32, Q: Queue>(w: &World<Q>) {
    let mut number = 0;
    while number < EACH {
        let was_empty = if number + 2 <= EACH && pick(3) == 0 {
            number += 2;
            w.queue
                .push_two([number - 2, number - 1].map(|number| Item::new(WHO, number)))
        } else {
            number += 1;
            w.queue.push(Item::new(WHO, number - 1))
        };
        w.edges.set(w.edges.get() + u32::from(was_empty));
    }
}

fn take<Q: Queue>(w: &World<Q>) {
    for _ in 0..3 {
        w.took(w.queue.take());
    }
}

fn pop<Q: Queue>(w: &World<Q>) {
    for _ in 0..3 {
        if let Some(popped) = w.queue.pop() {
            w.took(popped);
        }
    }
}

pub fn taking<Q: Queue>() {
    let w = World::<Q>::new();
    threads(
        &w,
        [
            take as fn(&_),
            produce::<0, Q>,
            produce::<1, Q>,
            take,
            produce::<2, Q>,
            produce::<3, Q>,
        ],
    );
    w.end(4);
    must(
        w.edges.get() == w.chains.get(),
        "a push is told for each chain",
    );
}

fn popping<Q: Queue>() {
    let w = World::<Q>::new();
    threads(
        &w,
        [
            pop as fn(&_),
            produce::<0, Q>,
            take,
            produce::<1, Q>,
            pop,
            produce::<2, Q>,
        ],
    );
    w.end(3);
}

#[test]
fn owning_taking() {
    explore(taking::<LList<Item, Shuttle>>);
}

#[test]
fn owning_popping() {
    explore(popping::<LList<Item, Shuttle>>);
}

#[test]
fn intrusive_taking() {
    explore(taking::<List<Box<Item>, Shuttle>>);
}

#[test]
fn intrusive_popping() {
    explore(popping::<List<Box<Item>, Shuttle>>);
}

#[test]
fn swap_list_taking() {
    explore(taking::<SwapList<Box<Item>, Shuttle>>);
}

/// Four threads push two objects, that all have, on two lists: an object is on one at most.
#[test]
fn shared_objects() {
    type Shared = List<Arc<Item>, Shuttle>;
    struct World {
        lists: [Shared; 2],
        objects: [Arc<Item>; 2],
        pushed: Cell<u32>,
        taken: Cell<u32>,
    }
    // SAFETY: the coroutines of a scenario are on one thread.
    unsafe impl Sync for World {}
    // SAFETY: as above.
    unsafe impl Send for World {}

    fn push(w: &World) {
        for _ in 0..3 {
            let object = &w.objects[pick(2) as usize];
            let list = &w.lists[pick(2) as usize];
            if list.try_push(Arc::clone(object)).is_ok() {
                w.pushed.set(w.pushed.get() + 1);
            }
        }
    }
    fn take(w: &World) {
        for list in &w.lists {
            let mut chain = list.take_all();
            let mut seen = 0;
            while let Some(object) = chain.pop() {
                object.life.check();
                seen += 1;
            }
            w.taken.set(w.taken.get() + seen);
        }
    }
    explore(|| {
        let w = Arc::new(World {
            lists: [Shared::new_in(), Shared::new_in()],
            objects: [0, 1].map(|number| Arc::new(Item::new(0, number))),
            pushed: Cell::new(0),
            taken: Cell::new(0),
        });
        threads(&w, [push as fn(&_), take, push, push, take, push]);
        take(&w);
        must(
            w.pushed.get() == w.taken.get(),
            "each is taken as often as it was pushed",
        );
    });
}

/// A consumer that sleeps when it has found nothing, and four producers, of which the one that
/// found the list empty wakes it.
fn sleeping<Q: Queue>() {
    let w = World::<Q>::new();
    let consumer = shuttle::thread::current();
    let threads = Vec::from_iter((0..4).map(|who| {
        let (w, consumer) = (Arc::clone(&w), consumer.clone());
        shuttle::thread::spawn(move || {
            for number in 0..EACH {
                if w.queue.push(Item::new(who, number)) {
                    consumer.unpark();
                }
            }
        })
    }));
    while w.taken.borrow().len() < 4 * EACH as usize {
        let items = w.queue.take();
        if items.is_empty() {
            shuttle::thread::park(); // a deadlock, if nobody wakes us
        }
        w.took(items);
    }
    for thread in threads {
        thread.join().unwrap();
    }
    w.end(4);
}

#[test]
fn owning_sleeping() {
    explore(sleeping::<LList<Item, Shuttle>>);
}

#[test]
fn intrusive_sleeping() {
    explore(sleeping::<List<Box<Item>, Shuttle>>);
}

#[test]
fn swap_list_sleeping() {
    explore(sleeping::<SwapList<Box<Item>, Shuttle>>);
}

/// With a flag that says whether anybody has to be woken, so that a push mostly wakes nobody. The
/// consumer says that it is asleep before it looks whether there is anything, or (wrong) after that.
pub fn flagged<const SAY_FIRST: bool>() {
    struct Bed(LList<Item, Shuttle>, Cell<bool>);
    // SAFETY: the coroutines of a scenario are on one thread.
    unsafe impl Sync for Bed {}
    // SAFETY: as above.
    unsafe impl Send for Bed {}

    let bed = Arc::new(Bed(LList::new_in(), Cell::new(false)));
    let consumer = shuttle::thread::current();
    let threads = Vec::from_iter((0..4).map(|who| {
        let (bed, consumer) = (Arc::clone(&bed), consumer.clone());
        shuttle::thread::spawn(move || {
            let was_empty = bed.0.push(Item::new(who, 0));
            turn();
            if was_empty && bed.1.get() {
                consumer.unpark();
            }
        })
    }));
    bed.1.set(SAY_FIRST);
    if bed.0.is_empty() {
        turn();
        bed.1.set(true);
        shuttle::thread::park(); // a deadlock, if nobody wakes us
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn flagged_consumer_is_woken() {
    explore(flagged::<true>);
}
