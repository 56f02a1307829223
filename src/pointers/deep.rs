//! Destructors that nest as deep as memory allows.
//!
//! The last reference to the head of a chain, in which each object owns the next, destroys the whole
//! chain: each destructor is called by the one before. A million of them do not fit on any stack.
//!
//! Putting the destructors in a queue would need no stack, and would be unsound: a value that borrows
//! has to be destroyed before the drop that caused it returns, because the borrow may end then. So
//! each destructor is called at once, and when the stack comes to its end, on the next stack. Nothing
//! is asked of the value's type, and nothing changes for the destructor but the address of its frame.
//!
//! | what is left of the stack | the destructor runs |
//! |---|---|
//! | at least `RED_ZONE` | here |
//! | less | on a new stack of `STACK_SIZE`, which is given back when it returns |
//! | less, and there is no memory for a stack | here, as if there were nothing to be done |
//! | unknown | here, `NESTED_MAX` times one inside the other; then on a new stack |
//!
//! It is unknown where the system does not say, and where the stack is not the thread's: a coroutine has
//! one of its own, of which `stacker` knows nothing. `stacker` then measures from the end of the thread's
//! stack. A coroutine's stack that lies below that end shows as nothing left at all, which cannot be
//! on the thread's own stack. One that lies above it shows as more than the thread's stack has in all. How much that is
//! says the system, on Linux and Android; elsewhere it is taken to be less than `LEFT_MAX`, and a coroutine's
//! stack that is nearer than that is taken for the thread's, and gets no help.
//!
//! To take a new stack for each object that a coroutine drops would be safe too. But a drop then
//! takes 12 microseconds instead of 22 nanoseconds.
//!
//! Without the feature `deep`, and on targets to which `stacker` has not been ported, every
//! destructor runs here.

use core::mem;

/// Calls `destroy`, which destroys a value of type `T` and may do more, where it has room.
///
/// It is called last, so that this function leaves nothing on the stack if the compiler is willing: what
/// `destroy` itself needs of the stack is what each link of a chain costs.
#[inline]
pub(crate) fn with_room<T: ?Sized>(destroy: impl FnOnce()) {
    if mem::needs_drop::<T>() {
        stack::with_room(destroy);
    } else {
        destroy();
    }
}

#[cfg(not(feature = "deep"))]
mod stack {
    #[inline]
    pub(super) fn with_room(f: impl FnOnce()) {
        f();
    }
}

#[cfg(feature = "deep")]
mod stack {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    /// What a destructor is sure to find left of the stack: half of the smallest stack that
    /// threads are commonly given (64 KiB), and enough to panic on.
    pub(super) const RED_ZONE: usize = 32 * 1024;

    /// The size of each further stack. The pages that are not used cost only addresses.
    pub(super) const STACK_SIZE: usize = 1024 * 1024;

    /// How deep destructors nest before the stack's end is assumed to be near, where the end is
    /// unknown.
    pub(super) const NESTED_MAX: u32 = 32;

    /// What is left of a thread's stack at most, where the system does not say it.
    const LEFT_MAX: usize = 1 << 30;

    thread_local! {
        /// How large the stack is from whose end `stacker` measures: the thread's, or one that was [`grown`]. Zero if that is
        /// not known yet.
        static SIZE: Cell<usize> = const { Cell::new(0) };
    }

    /// Calls `f` where it finds [`RED_ZONE`] bytes of stack.
    #[inline]
    pub(super) fn with_room(f: impl FnOnce()) {
        match stacker::remaining_stack() {
            Some(left) if (RED_ZONE..SIZE.get()).contains(&left) => f(),
            left => without_room(f, left),
        }
    }

    /// Calls `f` on a new stack, or counts how deep it nests if the stack's end is not known.
    #[cold]
    #[inline(never)]
    fn without_room(f: impl FnOnce(), left: Option<usize>) {
        let mut f = Some(f);
        let mut once = || f.take().into_iter().for_each(|f| f());
        match left {
            // Zero is below the end, so this is another stack. More than there is in all is above it.
            Some(left @ 1..) if left < size() => {
                if left < RED_ZONE {
                    grown(STACK_SIZE, &mut once);
                } else {
                    once();
                }
            }
            _ => nested(&mut once),
        }
    }

    /// How large the stack is from whose end `stacker` measures. It is asked for where there is such a stack: Miri has none, and does
    /// not know the functions that tell.
    fn size() -> usize {
        if SIZE.get() == 0 {
            SIZE.set(size_of_threads_stack().unwrap_or(LEFT_MAX));
        }
        SIZE.get()
    }

    /// Asks the system how large the thread's stack is.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn size_of_threads_stack() -> Option<usize> {
        use core::mem::MaybeUninit;
        use core::ptr;

        let mut attributes = MaybeUninit::uninit();
        // SAFETY: there is nothing that a caller has to see to.
        let this = unsafe { libc::pthread_self() };
        // SAFETY: the thread lives, and there is room for its attributes.
        let failed = unsafe { libc::pthread_getattr_np(this, attributes.as_mut_ptr()) };
        if failed != 0 {
            return None;
        }
        let (mut end, mut size) = (ptr::null_mut(), 0);
        // SAFETY: the attributes are there.
        let failed = unsafe {
            libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut end, &raw mut size)
        };
        // SAFETY: as above, and they are not used any more.
        unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
        (failed == 0).then_some(size)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn size_of_threads_stack() -> Option<usize> {
        None
    }

    /// Notes how large a new stack is while it is in use, also when a destructor panics there.
    struct Size(usize);

    impl Size {
        /// This is called at the beginning of the new stack, so that all that is left of it is all of it.
        fn of_new_stack() -> Self {
            let left = stacker::remaining_stack().unwrap_or(0);
            Self(SIZE.replace(left.saturating_add(1)))
        }
    }

    impl Drop for Size {
        fn drop(&mut self) {
            SIZE.set(self.0);
        }
    }

    /// Calls `f` on a new stack of this size, or on this one if there is no memory for another.
    #[cold]
    #[inline(never)]
    pub(super) fn grown(size: usize, f: &mut dyn FnMut()) {
        let mut started = false;
        let result = catch_unwind(AssertUnwindSafe(|| {
            stacker::grow(size, || {
                started = true;
                let _size = Size::of_new_stack();
                f();
            });
        }));
        match result {
            Ok(()) => {}
            Err(panic) if started => resume_unwind(panic),
            // The panic is that of `stacker`, which has no other way to say that it failed.
            Err(_) => f(),
        }
    }

    /// Calls `f` where it is unknown how much is left of the stack: on this one, unless too many of
    /// such calls are already on it.
    #[cold]
    #[inline(never)]
    pub(super) fn nested(f: &mut dyn FnMut()) {
        thread_local! {
            static NESTED: Cell<u32> = const { Cell::new(0) };
        }

        /// Ends one level, also when `f` panics.
        struct Level(u32);

        impl Drop for Level {
            fn drop(&mut self) {
                NESTED.set(self.0);
            }
        }

        let level = Level(NESTED.get());
        if level.0 < NESTED_MAX {
            NESTED.set(level.0 + 1);
            f();
        } else {
            // On the new stack, the end is known.
            grown(STACK_SIZE, f);
        }
    }
}

#[cfg(all(test, feature = "deep", not(miri)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::thread;

    use super::stack::{NESTED_MAX, STACK_SIZE, grown, nested};

    /// Runs `f` on a stack that is much larger than those that are added.
    fn on_large_stack(f: impl FnOnce() + Send + 'static) {
        let thread = thread::Builder::new().stack_size(8 * STACK_SIZE);
        thread.spawn(f).unwrap().join().unwrap();
    }

    fn is_on_another_stack() -> bool {
        stacker::remaining_stack().unwrap() < 2 * STACK_SIZE
    }

    /// With 32-bit pointers there may be memory for half of all addresses, and no larger stack is allowed.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn without_memory_for_a_stack_it_runs_here_and_once() {
        on_large_stack(|| {
            let mut calls = Vec::new();
            grown(isize::MAX as usize, &mut || {
                calls.push(is_on_another_stack())
            });
            assert_eq!(calls, [false]);
        });
    }

    #[test]
    fn a_panic_comes_back_from_the_other_stack() {
        on_large_stack(|| {
            let mut calls = Vec::new();
            let panic = catch_unwind(AssertUnwindSafe(|| {
                grown(STACK_SIZE, &mut || {
                    calls.push(is_on_another_stack());
                    resume_unwind(Box::new(7));
                });
            }));
            assert_eq!(panic.unwrap_err().downcast_ref(), Some(&7));
            assert_eq!(calls, [true]);
            assert!(!is_on_another_stack());
        });
    }

    /// What the end of the stack being unknown comes to.
    #[test]
    fn levels_are_counted_and_the_stack_grows_after_enough_of_them() {
        fn level(deep: u32, levels: &mut Vec<bool>) {
            levels.push(is_on_another_stack());
            if deep > 0 {
                nested(&mut || level(deep - 1, levels));
            }
        }

        on_large_stack(|| {
            for _ in 0..2 {
                let mut levels = Vec::new();
                level(NESTED_MAX + 1, &mut levels);
                let (last, others) = levels.split_last().unwrap();
                assert!(*last);
                assert!(!others.contains(&true));
            }
        });
    }

    /// On a coroutine's stack, whose end is unknown: one last drop, and a chain of them.
    #[test]
    fn on_the_stack_of_a_coroutine_a_chain_gets_new_stacks_and_nothing_else_does() {
        use core::cell::Cell;

        use corosensei::{on_stack, stack::DefaultStack};

        use super::with_room;

        /// Notes the lowest and the highest address of a frame.
        struct Link<'a>(Option<Box<Link<'a>>>, &'a Cell<(usize, usize)>);

        fn note(frames: &Cell<(usize, usize)>) {
            let here = (&raw const frames).addr();
            let (low, high) = frames.get();
            frames.set((low.min(here), high.max(here)));
        }

        impl Drop for Link<'_> {
            fn drop(&mut self) {
                note(self.1);
                let next = self.0.take();
                with_room::<Link<'_>>(|| drop(next));
            }
        }

        // How far apart the frames of a drop are, that of its caller included.
        fn span(stack: DefaultStack, links: usize) -> usize {
            let frames = Cell::new((usize::MAX, 0));
            on_stack(stack, || {
                note(&frames);
                let chain = (0..links).fold(None, |next, _| Some(Box::new(Link(next, &frames))));
                with_room::<Link<'_>>(|| drop(chain));
            });
            let (low, high) = frames.get();
            high - low
        }

        let new = || DefaultStack::new(STACK_SIZE / 4).unwrap();
        let check = |mut stack: Box<dyn FnMut() -> DefaultStack>| {
            assert!(span(stack(), 1) < STACK_SIZE / 4);
            assert!(span(stack(), NESTED_MAX as usize / 2) < STACK_SIZE / 4);
            assert!(span(stack(), 100_000) > STACK_SIZE);
        };
        // Linux gives out memory from above: these stacks lie above that of a thread that is started afterwards, whose stack
        // is so large that no other thread has left one like it.
        let mut earlier = vec![new(), new(), new()];
        let thread = thread::Builder::new().stack_size(100 * STACK_SIZE);
        let thread = thread.spawn(move || {
            check(Box::new(move || earlier.pop().unwrap()));
            check(Box::new(new));
        });
        thread.unwrap().join().unwrap();
    }
}
