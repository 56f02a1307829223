//! What users do to the lists: long chains, panicking destructors and iterators, destructors that
//! push, pointers of every kind.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

use kref::llist::intrusive::{Chain, Linked, List, Node, SwapList};
use kref::{IntrusiveRef, Kref, LList, Ref, RefCounted};

#[derive(Debug)]
struct Item<T> {
    value: T,
    node: Node<Item<T>>,
}

impl<T> Item<T> {
    fn new(value: T) -> Self {
        Self {
            value,
            node: Node::new(),
        }
    }
}

// SAFETY: always the same field.
unsafe impl<T> Linked for Item<T> {
    fn node(&self) -> &Node<Self> {
        &self.node
    }
}

/// Counts drops, and panics in one of them.
struct Bomb {
    drops: Rc<Cell<u32>>,
    explodes: bool,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.drops.set(self.drops.get() + 1);
        assert!(!self.explodes, "boom");
    }
}

/// Ten of them; the sixth explodes.
fn bombs(drops: &Rc<Cell<u32>>) -> impl Iterator<Item = Bomb> {
    (0..10).map(|i| Bomb {
        drops: Rc::clone(drops),
        explodes: i == 5,
    })
}

/// Asserts that dropping it explodes, and drops everything, once.
fn explodes<T>(make: impl FnOnce(&Rc<Cell<u32>>) -> T) {
    let drops = Rc::new(Cell::new(0));
    let subject = make(&drops);
    let already = drops.get();
    let result = catch_unwind(AssertUnwindSafe(|| drop(subject)));
    assert!(result.is_err());
    assert_eq!(drops.get() - already, 10 - already);
    assert_eq!(Rc::strong_count(&drops), 1, "nothing is leaked");
}

#[test]
fn panicking_destructor_leaks_nothing() {
    explodes(|drops| bombs(drops).collect::<LList<_>>());
    explodes(|drops| bombs(drops).collect::<LList<_>>().take_all());
    explodes(|drops| bombs(drops).collect::<LList<_>>().take_all().reverse());
    explodes(|drops| {
        let list = List::new();
        list.push_all(bombs(drops).map(|bomb| Box::new(Item::new(bomb))));
        list
    });
    explodes(|drops| {
        let list = SwapList::new();
        list.push_all(bombs(drops).map(|bomb| Box::new(Item::new(bomb))));
        list.take_all()
    });
    explodes(|drops| {
        let mut chain = bombs(drops).collect::<LList<_>>().take_all();
        drop((chain.next(), chain.next()));
        chain
    });
}

#[test]
fn panicking_destructor_of_what_a_consumer_took() {
    let drops = Rc::new(Cell::new(0));
    let list: LList<Bomb> = bombs(&drops).collect();
    let mut consumer = list.consumer().unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| while consumer.pop().is_some() {}));
    assert!(result.is_err());
    assert_eq!(drops.get(), 5, "up to the one that panicked");
    drop(consumer);
    assert_eq!(list.take_all().count(), 5, "the others are on the list");
    assert!(list.consumer().is_some());
}

#[test]
fn panicking_iterator_pushes_nothing() {
    let drops = Rc::new(Cell::new(0));
    let list = LList::new();
    let duds = (0..10).map(|i| {
        assert!(i < 5, "no more");
        Bomb {
            drops: Rc::clone(&drops),
            explodes: false,
        }
    });
    assert!(catch_unwind(AssertUnwindSafe(|| list.push_all(duds))).is_err());
    assert_eq!(drops.get(), 5);
    assert!(list.is_empty());
}

/// The iterator of a batch, and the destructor of a value, push on the same list.
#[test]
fn pushing_from_within() {
    struct Pushes<'a>(&'a LList<u32>, u32);

    impl Drop for Pushes<'_> {
        fn drop(&mut self) {
            self.0.push(self.1);
        }
    }

    let list = LList::new();
    list.push_all((0..3).inspect(|i| assert_eq!(list.push(10 + i), *i == 0)));
    assert!(list.take_all().eq([2, 1, 0, 12, 11, 10]));

    let doomed: LList<_> = (0..3).map(|i| Pushes(&list, i)).collect();
    drop(doomed);
    assert!(list.take_all().eq([0, 1, 2]));
}

#[test]
fn a_million_values_are_dropped_in_a_loop() {
    const MANY: u32 = if cfg!(miri) { 1_000 } else { 1_000_000 };
    // In a thread of little stack: recursion would overflow it.
    std::thread::Builder::new()
        .stack_size(128 * 1024)
        .spawn(|| {
            let alive = Arc::new(());
            let list = LList::new();
            (0..MANY).for_each(|i| assert_eq!(list.push(Arc::clone(&alive)), i == 0));
            drop(list);
            let list = List::new();
            list.push_all((0..MANY).map(|_| Box::new(Item::new(Arc::clone(&alive)))));
            drop(list.take_all().reverse());
            let list = SwapList::new();
            list.push_all((0..MANY).map(|_| Box::new(Item::new(Arc::clone(&alive)))));
            drop(list);
            assert_eq!(Arc::strong_count(&alive), 1);
        })
        .unwrap()
        .join()
        .unwrap();
}

/// Blocks are freed in whatever order their values go, with some of their slots never used.
#[test]
fn values_outlive_their_list() {
    let alive = Rc::new(());
    let list = LList::new();
    let mut kept = Vec::new();
    for round in 0..20 {
        (0..7).for_each(|i| assert_eq!(list.push(Rc::clone(&alive)), i == 0));
        let mut chain = list.take_all();
        drop(chain.next());
        if round % 3 == 0 {
            kept.push(chain);
        }
    }
    assert_eq!(Rc::strong_count(&alive), 1 + 7 * 6);
    drop(list);
    let last = kept.pop();
    drop(kept);
    assert_eq!(Rc::strong_count(&alive), 1 + 6);
    drop(last);
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[test]
fn values_of_every_size() {
    fn push_and_take<T: Clone + PartialEq + std::fmt::Debug>(value: T) {
        let list = LList::new();
        for n in [1, 14, 40, 41, 63, 64, 100] {
            (0..n).for_each(|i| assert_eq!(list.push(value.clone()), i == 0));
            let taken: Vec<T> = list.take_all().collect();
            assert_eq!(taken, vec![value.clone(); n]);
        }
    }
    #[derive(Clone, PartialEq, Debug)]
    #[repr(align(256))]
    struct Aligned(u8);

    push_and_take(());
    push_and_take(1_u8);
    push_and_take(String::from("text"));
    push_and_take([7_u64; 20]);
    push_and_take([7_u8; 5_000]);
    push_and_take(Aligned(3));
}

#[test]
fn pointers_of_every_kind() {
    let (mut a, mut b) = (Item::new(1), Item::new(2));
    {
        let list = List::new();
        assert!(list.push(&mut a));
        assert!(!list.push(&mut b));
        list.take_all().for_each(|item| item.value *= 10);
    }
    {
        let list: List<&Item<i32>> = List::new();
        assert!(list.try_push(&a).is_ok());
        assert!(list.try_push(&b).is_ok());
        assert!(list.try_push(&a).is_err());
        assert!(list.take_all().map(|item| item.value).eq([20, 10]));
        assert!(list.try_push(&a).is_ok());
    } // dropping the list takes `a` off it
    assert!(!a.node.is_linked());

    let mut c = pin!(Item::new(3));
    {
        let list: List<Pin<&mut Item<i32>>> = List::new();
        list.push(c.as_mut());
        assert_eq!(list.take_all().next().unwrap().value, 3);
    }
    let list = List::new();
    list.push_all([Box::pin(Item::new(4)), Box::pin(Item::new(5))]);
    assert!(list.take_all().reverse().map(|item| item.value).eq([4, 5]));

    let list = List::new();
    let counted = Ref::new(Item::new(7));
    assert!(list.try_push(Ref::clone(&counted)).is_ok());
    assert!(list.try_push(Ref::clone(&counted)).is_err());
    drop(list);
    assert_eq!(Ref::into_inner(counted).map(|_| ()), Some(()));

    // A box that was on a list becomes an Arc, and back.
    let list = List::new();
    list.push(Box::new(Item::new(6)));
    let shared: Arc<Item<i32>> = Arc::from(list.take_all().next().unwrap());
    let other = List::new();
    assert!(other.try_push(Arc::clone(&shared)).is_ok());
    assert!(other.try_push(Arc::clone(&shared)).is_err());
    drop(other);
    assert_eq!(Arc::into_inner(shared).unwrap().value, 6);
}

/// An object that brings both its count and its node.
struct Device {
    kref: Kref,
    node: Node<Device>,
    destroyed: Rc<Cell<bool>>,
}

impl Drop for Device {
    fn drop(&mut self) {
        self.destroyed.set(true);
    }
}

// SAFETY: always the same field.
unsafe impl Linked for Device {
    fn node(&self) -> &Node<Self> {
        &self.node
    }
}

// SAFETY: devices are boxes, and destroyed by the last `dec_ref`.
unsafe impl RefCounted for Device {
    fn inc_ref(&self) {
        self.kref.get();
    }
    unsafe fn dec_ref(device: NonNull<Self>) {
        // SAFETY: alive until the put, by the caller's reference.
        if unsafe { device.as_ref() }.kref.put() {
            // SAFETY: that was the last reference, and the memory is that of a box.
            drop(unsafe { Box::from_raw(device.as_ptr()) });
        }
    }
}

#[test]
fn objects_with_their_own_count() {
    let destroyed = Rc::new(Cell::new(false));
    let device = Box::new(Device {
        kref: Kref::new(),
        node: Node::new(),
        destroyed: Rc::clone(&destroyed),
    });
    // SAFETY: a new object has one reference, and it is for this.
    let device = unsafe { IntrusiveRef::from_raw(NonNull::from(Box::leak(device))) };
    assert_eq!(IntrusiveRef::as_ptr(&device), NonNull::from(&*device));
    let list = List::new();
    assert!(list.try_push(device.clone()).is_ok());
    assert!(list.try_push(device.clone()).is_err());
    drop(device);
    assert!(!destroyed.get());
    drop(list);
    assert!(destroyed.get());
}

#[test]
fn chains_are_lists_of_one_owner() {
    let mut chain = Chain::new();
    assert!(chain.is_empty());
    chain.push(Box::new(Item::new(1)));
    chain.push(Box::new(Item::new(2)));
    assert!(chain.try_push(Box::new(Item::new(3))).is_ok());
    let list = List::new();
    assert!(list.push_chain(chain));
    assert!(!list.push_chain(Chain::new()));
    assert!(!List::<Box<Item<()>>>::new().push_chain(Chain::new()));
    let chain = list.take_all();
    assert!((&chain).into_iter().map(|item| item.value).eq([3, 2, 1]));
    assert!(chain.reverse().map(|item| item.value).eq([1, 2, 3]));
}

#[test]
fn what_is_printed() {
    let list: LList<u32> = (1..=2).collect();
    assert_eq!(format!("{list:?}"), "LList { is_empty: false, .. }");
    let consumer = list.consumer().unwrap();
    assert_eq!(format!("{consumer:?}"), "Consumer { .. }");
    drop(consumer);
    assert_eq!(format!("{:?}", list.take_all()), "[2, 1]");

    let mut list: LList<u32> = LList::default();
    assert_eq!(format!("{list:?}"), "LList { is_empty: true, .. }");
    list.extend([1, 2]);
    assert!(list.take_all().eq([2, 1]));

    let list: List<&Item<u32>> = List::default();
    assert_eq!(format!("{list:?}"), "List { is_empty: true, .. }");
    let consumer = list.consumer().unwrap();
    assert_eq!(format!("{consumer:?}"), "Consumer { .. }");
    drop(consumer);
    assert_eq!(format!("{:?}", Chain::<Box<Item<u32>>>::default()), "[]");
    let list: SwapList<&Item<u32>> = SwapList::default();
    assert_eq!(format!("{list:?}"), "SwapList { is_empty: true, .. }");
    assert_eq!(
        format!("{:?}", list.take_all()),
        "SwapChain { is_empty: true, .. }"
    );
    assert!(!Node::<u8>::default().is_linked());
    assert_eq!(
        format!("{:?}", Node::<u8>::new()),
        "Node { is_linked: false }"
    );
}
