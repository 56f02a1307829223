//! Chains that are too deep for any stack, on a small one.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kref::{Ref, UniqueRef, unsize};

use crate::tools::{Canary, live_bytes, on_stack, unwind};

const LINKS: usize = if cfg!(miri) { 100 } else { 1_000_000 };
const SMALL_STACK: usize = 64 * 1024;

/// Keeps these tests from taking their memory all at once.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Builds a chain by `LINKS` calls of `link`, destroys it on a small stack, and checks that nothing of
/// it is left.
fn destroy_chain<T: ?Sized + Send + Sync>(link: impl Fn(Option<Ref<T>>, usize) -> Ref<T> + Sync) {
    let _one = one_at_a_time();
    on_stack(SMALL_STACK, || {
        let before = live_bytes();
        let chain = (0..LINKS).fold(None, |next, i| Some(link(next, i)));
        assert!(live_bytes() > before);
        drop(chain);
        assert_eq!(live_bytes(), before);
    });
}

#[test]
fn plain_links() {
    struct Node {
        _next: Option<Ref<Node>>,
    }
    destroy_chain(|_next, _| Ref::new(Node { _next }));
}

#[test]
fn links_that_have_a_destructor_and_borrow() {
    struct Node<'a> {
        _next: Option<Ref<Node<'a>>>,
        _canary: Canary<'a>,
    }
    let destroyed = AtomicUsize::new(0);
    destroy_chain(|_next, _| {
        Ref::new(Node {
            _next,
            _canary: Canary(&destroyed),
        })
    });
    assert_eq!(destroyed.load(Relaxed), LINKS);
}

#[test]
fn links_that_are_trait_objects() {
    trait Link: Send + Sync {}

    struct Small(#[expect(dead_code)] Option<Ref<dyn Link>>);
    struct Big(
        #[expect(dead_code)] Option<Ref<dyn Link>>,
        #[expect(dead_code)] [u64; 9],
    );

    impl Link for Small {}
    impl Link for Big {}

    destroy_chain(|next, i| {
        if i % 2 == 0 {
            unsize!(Ref::new(Small(next)))
        } else {
            unsize!(Ref::new(Big(next, [0; 9])))
        }
    });
}

#[test]
fn two_kinds_of_links_in_turns() {
    struct Left(#[expect(dead_code)] Option<Ref<Right>>);
    struct Right(#[expect(dead_code)] Option<Ref<Left>>);

    destroy_chain(|next: Option<Ref<Left>>, _| {
        let right = Ref::new(Right(next));
        Ref::new(Left(Some(right)))
    });
}

#[test]
fn links_in_slices_boxes_and_locks() {
    enum Node {
        Slice(#[expect(dead_code)] Option<Ref<[Node]>>),
        Locked(#[expect(dead_code)] Box<Mutex<Option<Ref<[Node]>>>>),
    }
    destroy_chain(|next: Option<Ref<[Node]>>, i| {
        Ref::from([
            Node::Slice(None),
            if i % 2 == 0 {
                Node::Slice(next)
            } else {
                Node::Locked(Box::new(Mutex::new(next)))
            },
        ])
    });
}

#[test]
fn a_chain_that_was_taken_back_from_raw_pointers_and_claimed() {
    struct Node {
        next: Option<Ref<Node>>,
    }
    let _one = one_at_a_time();
    on_stack(SMALL_STACK, || {
        let chain = (0..LINKS).fold(None, |next, _| Some(Ref::new(Node { next })));
        let mut head = Ref::try_unique(chain.unwrap()).ok().unwrap();
        // The rest of the chain is destroyed by an assignment, through a unique owner.
        head.next = None;

        let chain = (0..LINKS).fold(head, |mut head, _| {
            let next = UniqueRef::share(head);
            head = UniqueRef::new(Node { next: Some(next) });
            head
        });
        let raw = Ref::into_raw(UniqueRef::share(chain));
        // SAFETY: just taken from a `Ref`, and taken back once.
        drop(unsafe { Ref::from_raw(raw) });
    });
}

/// Destruction cannot be put off until the outermost drop is done: the value borrows from the frame of
/// a destructor.
#[test]
fn a_destructor_may_destroy_what_borrows_from_it() {
    struct Borrower<'a>(&'a Cell<u32>);

    impl Drop for Borrower<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    struct Node(#[expect(dead_code)] Option<Ref<Node>>);

    impl Drop for Node {
        fn drop(&mut self) {
            let local = Cell::new(0);
            let borrower = Ref::new(Borrower(&local));
            drop(borrower.clone());
            assert_eq!(local.get(), 0);
            drop(borrower);
            assert_eq!(local.get(), 1);
        }
    }

    destroy_chain(|next, _| Ref::new(Node(next)));
}

#[test]
fn a_chain_that_ends_with_its_thread() {
    struct Node(#[expect(dead_code)] Option<Ref<Node>>);

    thread_local! {
        static CHAIN: Cell<Option<Ref<Node>>> = const { Cell::new(None) };
    }

    let _one = one_at_a_time();
    on_stack(SMALL_STACK, || {
        CHAIN.set((0..LINKS).fold(None, |next, _| Some(Ref::new(Node(next)))));
    });
}

/// Each link destroys the next one, a destructor in the middle panics, and the others do not care.
#[test]
fn a_panic_in_the_middle() {
    struct Node<'a> {
        panics: bool,
        _next: Option<Ref<Node<'a>>>,
        _canary: Canary<'a>,
    }

    impl Drop for Node<'_> {
        fn drop(&mut self) {
            if self.panics {
                unwind();
            }
        }
    }

    let _one = one_at_a_time();
    let links = LINKS / 10;
    let destroyed = AtomicUsize::new(0);
    on_stack(SMALL_STACK, || {
        let before = live_bytes();
        let chain = (0..links).fold(None, |_next, i| {
            Some(Ref::new(Node {
                panics: i == links / 2,
                _next,
                _canary: Canary(&destroyed),
            }))
        });
        let panic = catch_unwind(AssertUnwindSafe(|| drop(chain))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"unwinding"));
        drop(panic);
        assert_eq!(destroyed.load(Relaxed), links);
        assert_eq!(live_bytes(), before);
    });
}

#[test]
fn a_chain_that_is_destroyed_by_a_panic() {
    struct Node(#[expect(dead_code)] Option<Ref<Node>>);

    let _one = one_at_a_time();
    on_stack(SMALL_STACK, || {
        let chain = (0..LINKS).fold(None, |next, _| Some(Ref::new(Node(next))));
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let _chain = chain;
            unwind();
        }));
        assert!(panic.is_err());
    });
}

/// A thread that has less stack than the red zone from its start.
#[test]
fn a_stack_of_the_smallest_size() {
    struct Node(#[expect(dead_code)] Option<Ref<Node>>);

    let _one = one_at_a_time();
    on_stack(16 * 1024, || {
        drop((0..LINKS).fold(None, |next, _| Some(Ref::new(Node(next)))));
    });
}
