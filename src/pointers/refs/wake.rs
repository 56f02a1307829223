//! Wakers made of a [`Ref`], as std makes them of an `Arc`.

use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::task::{RawWaker, RawWakerVTable, Waker};

use super::Ref;

/// Describes a task that can be woken through a [`Ref`] to it.
///
/// It is what [`std::task::Wake`] is for `Arc`: a [`Waker`] is made of a `Ref<W>` by `From`, without an
/// allocation. Its clones are clones of the `Ref`.
///
/// # Examples
///
/// ```
/// use kref::{Ref, Wake};
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use std::task::Waker;
///
/// struct Counter(AtomicU32);
///
/// impl Wake for Counter {
///     fn wake(this: Ref<Self>) {
///         this.0.fetch_add(1, Relaxed);
///     }
/// }
///
/// let counter = Ref::new(Counter(AtomicU32::new(0)));
/// let waker = Waker::from(counter.clone());
/// waker.wake_by_ref();
/// waker.wake();
/// assert_eq!(counter.0.load(Relaxed), 2);
/// ```
#[doc(alias = "Waker")]
pub trait Wake {
    /// Wakes the task, and drops the reference.
    fn wake(this: Ref<Self>);

    /// Wakes the task.
    fn wake_by_ref(this: &Ref<Self>) {
        Self::wake(this.clone());
    }
}

impl<W: Wake + Send + Sync + 'static> From<Ref<W>> for Waker {
    /// Makes a waker that owns the reference.
    fn from(task: Ref<W>) -> Self {
        // SAFETY: a `Ref` of a `Send + Sync + 'static` value may be cloned, used and dropped in any
        // thread, at any time, and the functions of `VTable` do no more than that.
        unsafe { Self::from_raw(raw(task)) }
    }
}

fn raw<W: Wake + Send + Sync + 'static>(task: Ref<W>) -> RawWaker {
    RawWaker::new(Ref::into_raw(task).cast(), VTable::<W>::VTABLE)
}

/// Carries the functions of a waker of a `Ref<W>`.
struct VTable<W>(W);

impl<W: Wake + Send + Sync + 'static> VTable<W> {
    const VTABLE: &'static RawWakerVTable =
        &RawWakerVTable::new(Self::clone, Self::wake, Self::wake_by_ref, Self::drop);

    /// # Safety
    ///
    /// The pointer is from [`raw`], and the waker owns a reference for it, which the caller gives up or
    /// forgets again.
    unsafe fn task(pointer: *const ()) -> Ref<W> {
        // SAFETY: the caller's promise.
        unsafe { Ref::from_raw(pointer.cast()) }
    }

    /// # Safety
    ///
    /// As for [`task`](Self::task), and the waker keeps the reference.
    unsafe fn lent(pointer: *const ()) -> ManuallyDrop<Ref<W>> {
        // SAFETY: what comes from a `Ref` is not null.
        let value = unsafe { NonNull::new_unchecked(pointer.cast::<W>().cast_mut()) };
        // SAFETY: the caller's promise.
        unsafe { Ref::lent(value) }
    }

    /// # Safety
    ///
    /// As for the functions of every [`RawWakerVTable`]: the waker is alive.
    unsafe fn clone(pointer: *const ()) -> RawWaker {
        // SAFETY: the waker keeps its own reference.
        let task = unsafe { Self::lent(pointer) };
        raw(Ref::clone(&task))
    }

    /// # Safety
    ///
    /// As above, and the waker is given up.
    unsafe fn wake(pointer: *const ()) {
        // SAFETY: the waker gives up its reference.
        W::wake(unsafe { Self::task(pointer) });
    }

    /// # Safety
    ///
    /// As above.
    unsafe fn wake_by_ref(pointer: *const ()) {
        // SAFETY: the waker keeps its own reference.
        let task = unsafe { Self::lent(pointer) };
        W::wake_by_ref(&task);
    }

    /// # Safety
    ///
    /// As above, and the waker is given up.
    unsafe fn drop(pointer: *const ()) {
        // SAFETY: the waker gives up its reference.
        drop(unsafe { Self::task(pointer) });
    }
}
