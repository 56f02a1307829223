//! The lists: everything that is pushed is taken once, as it was pushed; a push on an empty list
//! returns `true`; an object is on one list at most; a consumer that sleeps is woken.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;

use kref::LList;
use kref::atomic::{Atomic, Backend};
use kref::llist::intrusive::{Chain, Linked, List, Node, Pointer, SwapList, UniquePointer};
use loom::cell::UnsafeCell;
use std::sync::atomic::Ordering::Relaxed;

use crate::backend::tally;
use crate::object::threads;
use crate::{check, check_bounded, over_backends};

/// An object: a number, and a payload that is written when it is made and when it is dropped. Loom
/// reports a use that races with either, and with the end of its node.
struct Item<B: Backend> {
    number: u32,
    payload: UnsafeCell<u32>,
    node: Node<Item<B>, B>,
}

impl<B: Backend> Item<B> {
    fn new(number: u32) -> Self {
        Self {
            number,
            payload: UnsafeCell::new(number),
            node: Node::new_in(),
        }
    }

    fn boxed(number: u32) -> Box<Self> {
        Box::new(Self::new(number))
    }

    /// Reads the payload, and returns the number.
    fn read(&self) -> u32 {
        // SAFETY: loom reports it if this races.
        self.payload
            .with(|value| assert_eq!(unsafe { *value }, self.number));
        self.number
    }
}

impl<B: Backend> Drop for Item<B> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // SAFETY: loom reports it if this races.
            self.payload.with_mut(|value| unsafe { *value = u32::MAX });
        }
    }
}

// SAFETY: always the same field.
unsafe impl<B: Backend> Linked<B> for Item<B> {
    fn node(&self) -> &Node<Self, B> {
        &self.node
    }
}

// SAFETY: that no thread writes the payload while another reads it is what the models check, with
// loom's help.
unsafe impl<B: Backend> Send for Item<B> {}
// SAFETY: as above.
unsafe impl<B: Backend> Sync for Item<B> {}

type Boxed<B> = Box<Item<B>>;

/// A handle of which there may be several, counted by loom.
struct Shared<B: Backend>(loom::sync::Arc<Item<B>>);

impl<B: Backend> Shared<B> {
    fn new(number: u32) -> Self {
        Self(loom::sync::Arc::new(Item::new(number)))
    }
}

impl<B: Backend> Clone for Shared<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B: Backend> Deref for Shared<B> {
    type Target = Item<B>;
    fn deref(&self) -> &Item<B> {
        &self.0
    }
}

// SAFETY: the reference is kept in between, and does not move the object.
unsafe impl<B: Backend> Pointer for Shared<B> {
    fn into_raw(self) -> NonNull<Item<B>> {
        NonNull::new(loom::sync::Arc::into_raw(self.0).cast_mut()).unwrap()
    }
    unsafe fn from_raw(object: NonNull<Item<B>>) -> Self {
        // SAFETY: it came from `into_raw`, and goes back once.
        Self(unsafe { loom::sync::Arc::from_raw(object.as_ptr()) })
    }
}

/// What both lists have, for the models of both.
trait Subject<P: Pointer>: Send + Sync + 'static {
    fn new() -> Self;
    fn push(&self, object: P) -> bool
    where
        P: UniquePointer;
    fn try_push(&self, object: P) -> Result<bool, P>;
    fn push_all(&self, objects: [P; 2]) -> bool
    where
        P: UniquePointer;
    /// Takes all and reads it, newest first.
    fn take_numbers(&self) -> Vec<u32>;
}

impl<P, B> Subject<P> for List<P, B>
where
    P: Pointer<Target = Item<B>> + Send + 'static,
    B: Backend,
{
    fn new() -> Self {
        Self::new_in()
    }
    fn push(&self, object: P) -> bool
    where
        P: UniquePointer,
    {
        Self::push(self, object)
    }
    fn try_push(&self, object: P) -> Result<bool, P> {
        Self::try_push(self, object)
    }
    fn push_all(&self, objects: [P; 2]) -> bool
    where
        P: UniquePointer,
    {
        Self::push_all(self, objects)
    }
    fn take_numbers(&self) -> Vec<u32> {
        read_all(self.take_all())
    }
}

impl<P, B> Subject<P> for SwapList<P, B>
where
    P: Pointer<Target = Item<B>> + Send + 'static,
    B: Backend,
{
    fn new() -> Self {
        Self::new_in()
    }
    fn push(&self, object: P) -> bool
    where
        P: UniquePointer,
    {
        Self::push(self, object)
    }
    fn try_push(&self, object: P) -> Result<bool, P> {
        Self::try_push(self, object)
    }
    fn push_all(&self, objects: [P; 2]) -> bool
    where
        P: UniquePointer,
    {
        Self::push_all(self, objects)
    }
    fn take_numbers(&self) -> Vec<u32> {
        // Not dropped when a model fails: nobody would finish the push that it waits for.
        let mut chain = ManuallyDrop::new(self.take_all());
        let numbers = chain.by_ref().map(|object| object.read()).collect();
        drop(ManuallyDrop::into_inner(chain));
        numbers
    }
}

fn read_all<P, B>(chain: Chain<P, B>) -> Vec<u32>
where
    P: Pointer<Target = Item<B>>,
    B: Backend,
{
    // Not dropped when a model fails: a second failure would abort, and hide the first.
    let mut chain = ManuallyDrop::new(chain);
    std::iter::from_fn(|| chain.pop().map(|object| object.read())).collect()
}

/// A list, a word of the threads' own, and what the threads have found out.
struct World<L, B: Backend> {
    list: L,
    said: B::U32,
    /// How many pushes were told that the list was empty. Not loom's: it orders nothing.
    edges: std::sync::atomic::AtomicU32,
    taken: std::sync::Mutex<Vec<u32>>,
}

impl<L: Send + Sync + 'static, B: Backend> World<L, B> {
    fn new(list: L) -> loom::sync::Arc<Self> {
        loom::sync::Arc::new(Self {
            list,
            said: B::U32::new(0),
            edges: std::sync::atomic::AtomicU32::new(0),
            taken: std::sync::Mutex::default(),
        })
    }

    fn edge(&self, was_empty: bool) {
        self.edges.fetch_add(u32::from(was_empty), Relaxed);
    }

    fn took(&self, numbers: Vec<u32>) {
        self.taken.lock().unwrap().extend(numbers);
    }

    /// Asserts that these, and nothing else, were taken by the threads and are left now.
    #[track_caller]
    fn assert_taken(&self, left: Vec<u32>, expected: &[u32]) {
        self.took(left);
        let mut taken = self.taken.lock().unwrap().clone();
        taken.sort_unstable();
        assert_eq!(taken, expected);
    }
}

type Lists<B> = World<List<Boxed<B>, B>, B>;

fn push_beside_push<L: Subject<Boxed<B>>, B: Backend>() {
    fn push<const N: u32, L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        w.edge(w.list.push(Item::boxed(N)));
    }
    let w = World::<L, B>::new(L::new());
    threads(&w, [push::<1, L, B> as fn(&_), push::<2, L, B>]);
    assert_eq!(w.edges.load(Relaxed), 1, "one of them came first");
    w.assert_taken(w.list.take_numbers(), &[1, 2]);
}

fn push_beside_take<L: Subject<Boxed<B>>, B: Backend>() {
    fn push_two<L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        w.edge(w.list.push(Item::boxed(1)));
        w.edge(w.list.push(Item::boxed(2)));
    }
    fn take<L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        let numbers = w.list.take_numbers();
        assert!([&[][..], &[1], &[2, 1]].contains(&numbers.as_slice()));
        w.took(numbers);
    }
    let w = World::<L, B>::new(L::new());
    threads(&w, [take::<L, B> as fn(&_), push_two]);
    let left = w.list.take_numbers();
    let found_one = *w.taken.lock().unwrap() == [1];
    assert_eq!(w.edges.load(Relaxed), 1 + u32::from(found_one));
    w.assert_taken(left, &[1, 2]);
}

fn two_pushes_beside_take<L: Subject<Boxed<B>>, B: Backend>() {
    fn push<const N: u32, L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        w.list.push(Item::boxed(N));
    }
    fn take<L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        w.took(w.list.take_numbers());
    }
    let w = World::<L, B>::new(L::new());
    threads(
        &w,
        [take::<L, B> as fn(&_), push::<1, L, B>, push::<2, L, B>],
    );
    w.assert_taken(w.list.take_numbers(), &[1, 2]);
}

fn two_takes_beside_push<L: Subject<Boxed<B>>, B: Backend>() {
    fn push<L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        w.list.push(Item::boxed(2));
    }
    fn take<L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        w.took(w.list.take_numbers());
    }
    let w = World::<L, B>::new(L::new());
    w.list.push(Item::boxed(1));
    threads(&w, [take::<L, B> as fn(&_), take::<L, B>, push]);
    w.assert_taken(w.list.take_numbers(), &[1, 2]);
}

/// A batch is taken whole or not at all, and as if its objects had been pushed one after the other.
fn batch_beside_take<L: Subject<Boxed<B>>, B: Backend>() {
    fn push_batch<L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        w.edge(w.list.push_all([Item::boxed(2), Item::boxed(3)]));
    }
    fn take<L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        let numbers = w.list.take_numbers();
        assert!([&[1][..], &[3, 2, 1]].contains(&numbers.as_slice()));
        w.took(numbers);
    }
    let w = World::<L, B>::new(L::new());
    w.list.push(Item::boxed(1));
    threads(&w, [take::<L, B> as fn(&_), push_batch]);
    assert_eq!(
        w.edges.load(Relaxed) == 1,
        w.taken.lock().unwrap().len() == 1
    );
    w.assert_taken(w.list.take_numbers(), &[1, 2, 3]);
}

fn batch_beside_push<L: Subject<Boxed<B>>, B: Backend>() {
    fn push_batch<L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        w.edge(w.list.push_all([Item::boxed(2), Item::boxed(3)]));
    }
    fn push<L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        w.edge(w.list.push(Item::boxed(1)));
    }
    let w = World::<L, B>::new(L::new());
    threads(&w, [push::<L, B> as fn(&_), push_batch]);
    assert_eq!(w.edges.load(Relaxed), 1, "one of them came first");
    let left = w.list.take_numbers();
    assert!([[1, 3, 2], [3, 2, 1]].contains(&left[..].try_into().unwrap()));
}

/// A thread says something and then takes; a push that comes too late for that take, and is told
/// that the list was empty, has heard it. This is what a consumer needs that goes to sleep.
fn late_push_hears_the_taker<L: Subject<Boxed<B>>, B: Backend>() {
    fn say_and_take<L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        w.said.store(1, Relaxed);
        w.took(w.list.take_numbers());
    }
    fn push_and_listen<L: Subject<Boxed<B>>, B: Backend>(w: &World<L, B>) {
        assert!(w.list.push(Item::boxed(1)));
        w.edge(w.said.load(Relaxed) == 1);
    }
    let w = World::<L, B>::new(L::new());
    threads(&w, [say_and_take::<L, B> as fn(&_), push_and_listen]);
    let woken = w.edges.load(Relaxed) == 1;
    let found = !w.taken.lock().unwrap().is_empty();
    assert!(woken || found, "a lost wake-up");
}

/// The object is pushed by two threads: one of them is refused.
fn double_push<L: Subject<Shared<B>>, B: Backend>() {
    fn push<L: Subject<Shared<B>>, B: Backend>(w: &World<(L, Shared<B>), B>) {
        let (list, object) = &w.list;
        w.edge(list.try_push(object.clone()).is_ok());
    }
    let w = World::<_, B>::new((L::new(), Shared::new(1)));
    threads(&w, [push::<L, B> as fn(&_), push::<L, B>]);
    assert_eq!(w.edges.load(Relaxed), 1);
    w.assert_taken(w.list.0.take_numbers(), &[1]);
}

/// The object is taken off the list while another thread pushes it again, on another list even.
fn push_again_beside_take<L: Subject<Shared<B>>, B: Backend>() {
    type Two<L, B> = World<([L; 2], Shared<B>), B>;
    fn push_again<L: Subject<Shared<B>>, B: Backend>(w: &Two<L, B>) {
        let ([_, other], object) = &w.list;
        w.edge(other.try_push(object.clone()).is_ok());
    }
    fn take<L: Subject<Shared<B>>, B: Backend>(w: &Two<L, B>) {
        let ([list, _], _) = &w.list;
        assert_eq!(list.take_numbers(), [2, 1], "nothing behind it is lost");
    }
    let w = World::<_, B>::new(([L::new(), L::new()], Shared::new(2)));
    assert_eq!(w.list.0[0].try_push(Shared::new(1)).ok(), Some(true));
    assert_eq!(w.list.0[0].try_push(w.list.1.clone()).ok(), Some(false));
    threads(&w, [take::<L, B> as fn(&_), push_again]);
    let left = w.list.0[1].take_numbers().len() as u32;
    assert_eq!(left, w.edges.load(Relaxed));
    let again = w.list.0[0].try_push(w.list.1.clone());
    assert_eq!(again.ok(), Some(true), "what was taken can be pushed");
}

mod list {
    use super::*;

    macro_rules! over_lists {
        ($($name:ident: $handle:ident, $check:expr;)*) => {
            $(fn $name<B: Backend>() { super::$name::<List<$handle<B>, B>, B>() })*
            over_backends! { $($name: $check;)* }
        };
    }
    over_lists! {
        push_beside_push: Boxed, check;
        push_beside_take: Boxed, check;
        two_pushes_beside_take: Boxed, |f| check_bounded(3, f);
        two_takes_beside_push: Boxed, |f| check_bounded(3, f);
        batch_beside_take: Boxed, check;
        batch_beside_push: Boxed, check;
        late_push_hears_the_taker: Boxed, check;
        double_push: Shared, check;
        push_again_beside_take: Shared, check;
    }
}

mod swap_list {
    use super::*;

    macro_rules! over_lists {
        ($($name:ident: $handle:ident, $check:expr;)*) => {
            $(fn $name<B: Backend>() { super::$name::<SwapList<$handle<B>, B>, B>() })*
            over_backends! { $($name: $check;)* }
        };
    }
    over_lists! {
        push_beside_push: Boxed, check;
        push_beside_take: Boxed, check;
        two_pushes_beside_take: Boxed, |f| check_bounded(2, f);
        two_takes_beside_push: Boxed, |f| check_bounded(2, f);
        batch_beside_take: Boxed, check;
        batch_beside_push: Boxed, check;
        late_push_hears_the_taker: Boxed, check;
        double_push: Shared, check;
        push_again_beside_take: Shared, check;
    }
}

mod waiting {
    //! What waits for a producer lets it go on, by the backend: the iteration, `settle`, the destructor.

    use super::*;

    type Swaps<B> = World<SwapList<Boxed<B>, B>, B>;

    fn push_two<B: Backend>(w: &Swaps<B>) {
        w.list.push(Item::boxed(2));
        w.list.push(Item::boxed(3));
    }

    fn beside<B: Backend>(take: fn(&Swaps<B>)) {
        let w = Swaps::<B>::new(SwapList::new_in());
        w.list.push(Item::boxed(1));
        threads(&w, [take, push_two]);
        let left = w.list.take_numbers();
        assert!([&[][..], &[3], &[3, 2]].contains(&left.as_slice()));
        let mut taken = w.taken.lock().unwrap().clone();
        assert!([&[1][..], &[2, 1], &[3, 2, 1]].contains(&taken.as_slice()));
        taken.extend(left);
        taken.sort_unstable();
        assert_eq!(taken, [1, 2, 3]);
    }

    fn next<B: Backend>() {
        beside::<B>(|w| w.took(w.list.take_numbers()));
    }

    fn settle<B: Backend>() {
        beside::<B>(|w| w.took(read_all(w.list.take_all().settle())));
    }

    /// The rest of a chain is dropped, after the first of its objects; each object ends once.
    fn destructor<B: Backend>() {
        fn take_one<B: Backend>(w: &Swaps<B>) {
            let mut chain = w.list.take_all();
            w.took(chain.next().iter().map(|object| object.read()).collect());
            drop(chain);
        }
        let w = Swaps::<B>::new(SwapList::new_in());
        w.list.push(Item::boxed(1));
        threads(&w, [take_one as fn(&_), push_two]);
        assert_eq!(w.taken.lock().unwrap().len(), 1);
        drop(w.list.take_all());
    }

    over_backends! {
        next: check;
        settle: check;
        destructor: check;
    }
}

/// A chain is reversed while another thread tries to push an object of the chain again, which
/// fails.
fn push_again_beside_reverse<B: Backend>() {
    type Reversed<B> = World<(List<Shared<B>, B>, Shared<B>), B>;
    fn push_again<B: Backend>(w: &Reversed<B>) {
        let other = List::<_, B>::new_in();
        assert!(other.try_push(w.list.1.clone()).is_err());
    }
    fn reverse<B: Backend>(w: &Reversed<B>) {
        let chain = w.list.0.take_all().reverse();
        assert!(chain.iter().map(|object| object.number).eq([1, 2]));
        std::mem::forget(chain); // it never leaves the chain
    }
    let w = World::<_, B>::new((List::new_in(), Shared::new(2)));
    let one = Shared::new(1);
    let _ = w.list.0.try_push(one.clone());
    let _ = w.list.0.try_push(w.list.1.clone());
    threads(&w, [reverse as fn(&_), push_again]);
    // What was forgotten, for loom's sake.
    for object in [&one, &w.list.1] {
        // SAFETY: the chain that owned them was forgotten.
        drop(unsafe { Shared::from_raw(NonNull::from(&**object)) });
    }
}

/// A push writes once, or twice where it has to claim the node; a take once.
fn every_operation_writes_once<B: Backend>() {
    let list = List::<Boxed<B>, B>::new_in();
    let writes = |f: &dyn Fn()| tally(f).1.writes;
    assert_eq!(writes(&|| assert!(list.push(Item::boxed(1)))), 1);
    assert_eq!(
        writes(&|| assert!(!list.push_all([2, 3].map(Item::boxed)))),
        1
    );
    assert_eq!(writes(&|| assert!(!list.is_empty())), 0);
    assert_eq!(
        writes(&|| assert_eq!(read_all(list.take_all()), [3, 2, 1])),
        1
    );
    assert_eq!(writes(&|| assert!(!list.push_all([]))), 0);

    list.push_all([1, 2].map(Item::boxed));
    let mut consumer = list.consumer().unwrap();
    let mut writes_of_pop = |number| {
        let (object, tally) = tally(|| consumer.pop());
        assert_eq!(object.unwrap().read(), number);
        tally.writes
    };
    assert_eq!(writes_of_pop(2), 1);
    assert_eq!(writes_of_pop(1), 0);
    drop(consumer);

    let list = List::<Shared<B>, B>::new_in();
    let object = Shared::new(1);
    assert_eq!(
        writes(&|| assert!(list.try_push(object.clone()).is_ok())),
        2
    );
    assert_eq!(
        writes(&|| assert!(list.try_push(object.clone()).is_err())),
        0
    );
    drop(list);
}

fn pop_beside_push_and_take<B: Backend>() {
    fn pop<B: Backend>(w: &Lists<B>) {
        let mut consumer = w.list.consumer().unwrap();
        w.took(consumer.pop().iter().map(|object| object.read()).collect());
    }
    fn push<B: Backend>(w: &Lists<B>) {
        w.list.push(Item::boxed(3));
    }
    fn take<B: Backend>(w: &Lists<B>) {
        w.took(read_all(w.list.take_all()));
    }
    let w = Lists::<B>::new(List::new_in());
    w.list.push_all([Item::boxed(1), Item::boxed(2)]);
    threads(&w, [pop as fn(&_), push, take]);
    w.assert_taken(w.list.take_numbers(), &[1, 2, 3]);
}

/// What a consumer gives back goes behind what was pushed since, and is seen there.
fn give_back_beside_push_and_take<B: Backend>() {
    fn push<B: Backend>(w: &Lists<B>) {
        w.list.push(Item::boxed(3));
    }
    fn take<B: Backend>(w: &Lists<B>) {
        let numbers = read_all(w.list.take_all());
        assert!(
            numbers.is_sorted_by(|newer, older| newer > older),
            "{numbers:?}"
        );
        w.took(numbers);
    }
    fn give_back<B: Backend>(w: &Lists<B>) {
        let mut consumer = w.list.consumer().unwrap();
        let popped = consumer.pop();
        drop(consumer);
        w.took(popped.iter().map(|object| object.read()).collect());
    }
    let w = Lists::<B>::new(List::new_in());
    w.list.push_all([Item::boxed(1), Item::boxed(2)]);
    threads(&w, [give_back as fn(&_), take, push]);
    w.assert_taken(w.list.take_numbers(), &[1, 2, 3]);
}

/// There is one consumer at a time, the next one comes after the one before, and finds what that gave
/// back.
fn one_consumer_after_the_other<B: Backend>() {
    type Consumers<B> = World<(List<Boxed<B>, B>, Item<B>), B>;
    fn consume<B: Backend>(w: &Consumers<B>) {
        let (list, mine) = &w.list;
        let Some(mut consumer) = list.consumer() else {
            return;
        };
        // SAFETY: loom reports it if this races.
        mine.payload.with_mut(|value| unsafe { *value += 1 });
        let popped = consumer.pop().expect("one for each");
        w.took(vec![popped.read()]);
        assert!(list.consumer().is_none());
    }
    let w = Consumers::<B>::new((List::new_in(), Item::new(0)));
    w.list.0.push_all([Item::boxed(1), Item::boxed(2)]);
    threads(&w, [consume as fn(&_), consume]);
    assert!(!w.taken.lock().unwrap().is_empty());
    w.assert_taken(w.list.0.take_numbers(), &[1, 2]);
    assert!(w.list.0.consumer().is_some());
}

/// The object is put in a chain by one thread, and on a list by another: one of them is refused.
fn push_beside_chain<B: Backend>() {
    type Both<B> = World<(List<Shared<B>, B>, Shared<B>), B>;
    fn push<B: Backend>(w: &Both<B>) {
        let (list, object) = &w.list;
        w.edge(list.try_push(object.clone()).is_ok());
    }
    fn chain<B: Backend>(w: &Both<B>) {
        let mut chain = Chain::<_, B>::new();
        w.edge(chain.try_push(w.list.1.clone()).is_ok());
        w.took(read_all(chain));
    }
    let w = World::<_, B>::new((List::new_in(), Shared::new(1)));
    threads(&w, [push as fn(&_), chain]);
    let pushed = w.edges.load(Relaxed);
    assert!([1, 2].contains(&pushed));
    w.assert_taken(w.list.0.take_numbers(), &[1; 2][..pushed as usize]);
}

over_backends! {
    push_again_beside_reverse: check;
    push_beside_chain: check;
    every_operation_writes_once: check;
    pop_beside_push_and_take: |f| check_bounded(2, f);
    give_back_beside_push_and_take: |f| check_bounded(2, f);
    one_consumer_after_the_other: check;
}

mod owning {
    use super::*;

    /// A value that is a block's worth.
    struct Large<B: Backend>(Item<B>, #[expect(dead_code)] [u8; 1024]);

    /// A value of which two fit in a block.
    struct Half<B: Backend>(Item<B>, #[expect(dead_code)] [u8; 100]);

    trait Value<B: Backend>: Send + 'static {
        fn new(number: u32) -> Self;
        fn item(&self) -> &Item<B>;
    }

    impl<B: Backend> Value<B> for Item<B> {
        fn new(number: u32) -> Self {
            Self::new(number)
        }
        fn item(&self) -> &Self {
            self
        }
    }

    impl<B: Backend> Value<B> for Large<B> {
        fn new(number: u32) -> Self {
            Self(Item::new(number), [0; 1024])
        }
        fn item(&self) -> &Item<B> {
            &self.0
        }
    }

    impl<B: Backend> Value<B> for Half<B> {
        fn new(number: u32) -> Self {
            Self(Item::new(number), [0; 100])
        }
        fn item(&self) -> &Item<B> {
            &self.0
        }
    }

    fn take<T: Value<B>, B: Backend>(w: &World<LList<T, B>, B>) {
        let mut chain = ManuallyDrop::new(w.list.take_all());
        let numbers = chain.by_ref().map(|value| value.item().read());
        w.took(numbers.collect());
        drop(ManuallyDrop::into_inner(chain));
    }

    fn push<const N: u32, T: Value<B>, B: Backend>(w: &World<LList<T, B>, B>) {
        w.list.push(T::new(N));
    }

    /// Asserts that these were taken, and that all blocks are freed.
    #[track_caller]
    fn end<T: Value<B>, B: Backend>(w: loom::sync::Arc<World<LList<T, B>, B>>, expected: &[u32]) {
        w.assert_taken(vec![], expected);
        drop(w);
    }

    /// Both push into the same block, if there is room for both; one of them allocates it, or both
    /// try to.
    fn push_beside_push_and_take<T: Value<B>, B: Backend>() {
        fn push_and_take<T: Value<B>, B: Backend>(w: &World<LList<T, B>, B>) {
            push::<2, T, B>(w);
            take(w);
        }
        let w = World::<_, B>::new(LList::<T, B>::new_in());
        threads(&w, [push_and_take::<T, B> as fn(&_), push::<1, T, B>]);
        take(&w);
        end(w, &[1, 2]);
    }

    fn block_shared<B: Backend>() {
        push_beside_push_and_take::<Item<B>, B>();
    }

    fn block_of_one<B: Backend>() {
        push_beside_push_and_take::<Large<B>, B>();
    }

    /// The block in use is exhausted, and freed, while a push looks for a slot in it.
    fn block_exhausted<B: Backend>() {
        type Halves<B> = World<LList<Half<B>, B>, B>;
        fn take_then_push<B: Backend>(w: &Halves<B>) {
            take(w);
            push::<3, Half<B>, B>(w);
        }
        let w = World::<_, B>::new(LList::<Half<B>, B>::new_in());
        push::<1, Half<B>, B>(&w);
        threads(&w, [take_then_push::<B> as fn(&_), push::<2, Half<B>, B>]);
        take(&w);
        end(w, &[1, 2, 3]);
    }

    /// Some values of a block are taken by one thread, and some by another: one frees the block.
    fn block_taken_by_two<B: Backend>() {
        fn push_and_take<B: Backend>(w: &World<LList<Half<B>, B>, B>) {
            push::<2, Half<B>, B>(w);
            take(w);
        }
        let w = World::<_, B>::new(LList::<Half<B>, B>::new_in());
        push::<1, Half<B>, B>(&w);
        threads(&w, [take as fn(&_), push_and_take::<B>]);
        end(w, &[1, 2]);
    }

    over_backends! {
        block_shared: check;
        block_of_one: check;
        block_exhausted: |f| check_bounded(3, f);
        block_taken_by_two: |f| check_bounded(3, f);
    }
}

mod sleeping {
    //! A consumer that sleeps when there is nothing, and is woken by the push that changes that.

    use super::*;
    use crate::backend::Rmw;
    use loom::sync::{Condvar, Mutex};
    use loom::thread;

    type Queue = World<List<Boxed<Rmw>, Rmw>, Rmw>;

    /// With the operating system's thread parking, which remembers an `unpark`: nothing else is needed.
    #[test]
    fn parked_consumer_is_woken() {
        check(|| {
            let w = Queue::new(List::new_in());
            let consumer = thread::current();
            let producer = {
                let w = w.clone();
                thread::spawn(move || {
                    for number in [1, 2] {
                        if w.list.push(Item::boxed(number)) {
                            consumer.unpark();
                        }
                    }
                })
            };
            while w.taken.lock().unwrap().len() < 2 {
                let numbers = w.list.take_numbers();
                if numbers.is_empty() {
                    thread::park(); // a deadlock, if nobody wakes us
                }
                w.took(numbers);
            }
            producer.join().unwrap();
        });
    }

    /// With a flag that says whether anybody has to be woken, so that a push mostly wakes nobody.
    fn flagged(look_again: fn(&Queue) -> bool) {
        struct Bed(Mutex<bool>, Condvar);

        check(move || {
            let w = Queue::new(List::new_in());
            let bed = loom::sync::Arc::new(Bed(Mutex::new(false), Condvar::new()));
            let producer = {
                let (w, bed) = (w.clone(), bed.clone());
                thread::spawn(move || {
                    if w.list.push(Item::boxed(1)) && w.said.load(Relaxed) == 1 {
                        *bed.0.lock().unwrap() = true;
                        bed.1.notify_one();
                    }
                })
            };
            w.said.store(1, Relaxed); // "I am asleep"
            if look_again(&w) {
                let mut woken = bed.0.lock().unwrap();
                while !*woken {
                    woken = bed.1.wait(woken).unwrap(); // a deadlock, if nobody wakes us
                }
            }
            producer.join().unwrap();
            w.assert_taken(w.list.take_numbers(), &[1]);
        });
    }

    #[test]
    fn flagged_consumer_is_woken() {
        flagged(|w| {
            let numbers = w.list.take_numbers();
            let nothing = numbers.is_empty();
            w.took(numbers);
            nothing
        });
    }

    /// Looking is not enough: the look may see the list as it was before a push that does not see
    /// the flag. The test of the test.
    #[test]
    #[should_panic(expected = "deadlock")]
    fn flagged_consumer_that_only_looks_sleeps_for_ever() {
        flagged(|w| w.list.is_empty());
    }
}
