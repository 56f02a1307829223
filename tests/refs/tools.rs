//! What the tests of `Ref` and of `WeakRef` share: an allocator that counts, values that notice, and questions to a type.

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Borrow;
use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::fmt::{Debug, Display, Pointer};
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts the bytes that each thread has allocated and not freed.
struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get() + layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Returns how many bytes this thread has allocated and not freed.
pub(crate) fn live_bytes() -> isize {
    LIVE.get()
}

/// Counts how often it is destroyed.
#[derive(Debug)]
pub(crate) struct Canary<'a>(pub(crate) &'a AtomicUsize);

impl Drop for Canary<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Runs `f` on a thread with a stack of `size` bytes.
#[cfg(feature = "std")]
pub(crate) fn on_stack<R: Send>(size: usize, f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(size)
            .spawn_scoped(scope, f)
            .unwrap()
            .join()
            .unwrap()
    })
}

/// Panics, without the message, which the test harness would keep in memory.
pub(crate) fn unwind() -> ! {
    resume_unwind(Box::new("unwinding"))
}

/// Runs `f`, which panics, and checks that it leaks nothing.
#[track_caller]
pub(crate) fn panics(f: impl FnOnce()) {
    let before = live_bytes();
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    drop(panic);
    assert_eq!(live_bytes(), before);
}

pub(crate) struct Bomb<'a>(#[expect(dead_code)] pub(crate) Canary<'a>);

impl Drop for Bomb<'_> {
    fn drop(&mut self) {
        unwind();
    }
}

/// Returns how many bytes `make`'s result has allocated, and checks that they are given back.
#[cfg(not(feature = "track"))]
#[track_caller]
pub(crate) fn bytes<R>(make: impl FnOnce() -> R) -> isize {
    let before = live_bytes();
    let made = make();
    let taken = live_bytes() - before;
    drop(made);
    assert_eq!(live_bytes(), before, "not all is given back");
    taken
}

/// What every use of the value checks, and the last one overwrites.
pub(crate) struct Value<'a> {
    words: [u64; 2],
    _canary: Canary<'a>,
}

impl<'a> Value<'a> {
    pub(crate) fn new(destroyed: &'a AtomicUsize) -> Self {
        Self {
            words: [7, !7],
            _canary: Canary(destroyed),
        }
    }

    pub(crate) fn check(&self) {
        assert_eq!(self.words[0], !self.words[1], "torn or dead");
    }

    pub(crate) fn write(&mut self) {
        self.check();
        self.words[0] = self.words[0].wrapping_mul(3);
        self.words[1] = !self.words[0];
    }
}

impl Drop for Value<'_> {
    fn drop(&mut self) {
        self.check();
        self.words = [0, 0];
    }
}

/// Asks of a type at run time whether it has a trait: an inherent constant hides the trait's.
macro_rules! has {
    ($type:ty: $($bound:tt)+) => {{
        #[allow(dead_code)]
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T: ?Sized> Otherwise for T {}
        struct Question<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        impl<T: ?Sized + $($bound)+> Question<T> {
            const HAS: bool = true;
        }
        <Question<$type>>::HAS
    }};
}

pub(crate) use has;

/// Checks that a pointer compares, hashes and shows itself as its value does.
pub(crate) fn does_as_its_value<P>(new: impl Fn(&'static str) -> P)
where
    P: AsRef<&'static str> + Borrow<&'static str> + Debug + Display + Pointer,
    P: Ord + Hash,
{
    let (a, b) = (new("a"), new("b"));
    assert!(a < b && a == new("a"));
    assert_eq!(a.as_ref().cmp(b.borrow()), a.cmp(&b));
    assert_eq!(format!("{a} {a:?}"), "a \"a\"");
    assert_eq!(format!("{a:p}"), format!("{:p}", a.as_ref()));
    assert!(HashSet::from([new("a")]).contains(&"a"));
    assert_eq!(BTreeSet::from([b, a]).first(), Some(&new("a")));
}
