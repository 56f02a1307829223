//! The sole use of the value: what only the owner of the only reference may do.

use core::alloc::Layout;
use core::mem::{self, ManuallyDrop};
use core::ptr;

use super::counts::{Closed, Counts};
use super::{Weak, WeakRef};
use crate::atomic::Backend;
use crate::pointers::refs::memory::Memory;

impl<T: ?Sized, B: Backend> WeakRef<T, B> {
    /// Returns the value, to be changed in place, if there is no other reference to it, strong or weak.
    ///
    /// It is two atomic compare-exchanges, or one that fails if there are other `WeakRef`s. It waits for no
    /// other thread, and no other thread waits for it. It returns `None` also while another thread is inside
    /// the drop of what seemed to be the last `WeakRef`, or inside an [`upgrade`](Weak::upgrade).
    ///
    /// # Memory ordering
    ///
    /// Acquire if it succeeds: what was done through all the other references happened before.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let mut a = WeakRef::new(5);
    /// *WeakRef::get_mut(&mut a).unwrap() = 6;
    /// let weak = WeakRef::downgrade(&a);
    /// assert!(WeakRef::get_mut(&mut a).is_none());
    /// drop(weak);
    /// assert_eq!(WeakRef::get_mut(&mut a), Some(&mut 6));
    /// ```
    #[must_use = "if it is `None` there are other references; `make_mut` clones the value then"]
    #[inline]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        if this.counts().is_unique() {
            // SAFETY: it is the only reference of either kind, and borrowed exclusively for as long as the
            // result.
            Some(unsafe { this.value.as_mut() })
        } else {
            None
        }
    }
}

impl<T, B: Backend> WeakRef<T, B> {
    /// Moves the value out if this is the only `WeakRef` to it. From then on, upgrades of its [`Weak`]s
    /// fail.
    ///
    /// # Errors
    ///
    /// Gives the `WeakRef` back if there are others, or the count is saturated. Of several threads that do
    /// this at once, *all* may get theirs back; use [`into_inner`](Self::into_inner) if exactly one must
    /// succeed.
    ///
    /// # Memory ordering
    ///
    /// Acquire if it succeeds: what was done through all the other references happened before.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let a = WeakRef::new(String::from("text"));
    /// let weak = WeakRef::downgrade(&a);
    /// assert_eq!(WeakRef::try_unwrap(a).unwrap(), "text");
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[inline]
    pub fn try_unwrap(this: Self) -> Result<T, Self> {
        if !this.counts().take() {
            return Err(this);
        }
        // SAFETY: the value is taken, and read just below.
        let rest = unsafe { Self::into_rest(this) };
        // SAFETY: it is there, nobody else may use it, and nobody will drop it.
        Ok(unsafe { rest.as_ptr().read() })
    }

    /// Drops the reference, and moves the value out if it was the last `WeakRef`.
    ///
    /// If every `WeakRef` to a value ends here, in whatever threads, exactly one caller gets the value. If
    /// the count is saturated, no caller does. A `WeakRef` that an [`upgrade`](Weak::upgrade) makes in
    /// between is one of them.
    ///
    /// # Memory ordering
    ///
    /// As a drop: Release, and Acquire when it was the last.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let a = WeakRef::new(5);
    /// let b = a.clone();
    /// assert_eq!(WeakRef::into_inner(a), None);
    /// assert_eq!(WeakRef::into_inner(b), Some(5)); // the last one gets it
    /// ```
    #[must_use = "drop the `WeakRef` if the value is not needed"]
    #[inline]
    pub fn into_inner(this: Self) -> Option<T> {
        let mut this = ManuallyDrop::new(this);
        this.token.end();
        if !this.counts().dec_strong() {
            return None;
        }
        // SAFETY: this thread is a closer, which has the value's weak reference.
        let rest = unsafe { Weak::<T, B>::from_value(this.value) };
        match rest.counts_of_allocated().close() {
            Closed::Overtaken => None,
            // SAFETY: the value is this thread's alone, and nobody will drop it.
            Closed::Value | Closed::Alone => Some(unsafe { rest.as_ptr().read() }),
        }
    }

    /// Turns a reference that is not counted any more into the value's weak reference.
    ///
    /// # Safety
    ///
    /// The caller has that weak reference.
    #[inline]
    unsafe fn into_rest(this: Self) -> Weak<T, B> {
        // The token ends here: nobody else has a reference.
        let (value, _token) = Self::into_parts(this);
        // SAFETY: the caller's promise.
        unsafe { Weak::from_value(value) }
    }
}

impl<T: Clone, B: Backend> WeakRef<T, B> {
    /// Returns the value, to be changed in place, after making this the only reference to it.
    ///
    /// If there are other `WeakRef`s, this one is replaced by a reference to a clone. If there are only
    /// [`Weak`]s, the value moves to new memory, and upgrades of these `Weak`s fail from then on.
    ///
    /// # Panics
    ///
    /// If `T::clone` does; the reference is then what it was.
    ///
    /// # Memory ordering
    ///
    /// As [`get_mut`](Self::get_mut).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let mut a = WeakRef::new(vec![1]);
    /// let b = a.clone();
    /// WeakRef::make_mut(&mut a).push(2);
    /// assert_eq!((&**a, &**b), (&[1, 2][..], &[1][..]));
    ///
    /// let weak = WeakRef::downgrade(&a);
    /// WeakRef::make_mut(&mut a).push(3);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[must_use = "the clone is made for the sake of the result"]
    pub fn make_mut(this: &mut Self) -> &mut T {
        if !this.counts().is_unique() {
            Self::move_or_clone(this);
        }
        // SAFETY: it is the only reference of either kind, before or since the line above, and borrowed
        // exclusively for as long as the result.
        unsafe { this.value.as_mut() }
    }

    /// Replaces the reference by the only one to a value in new memory.
    #[cold]
    fn move_or_clone(this: &mut Self) {
        // Before the value is taken, because an allocator may unwind.
        let memory = Memory::new(Layout::new::<T>(), Counts::<B>::new());
        let place = memory.value().cast::<T>();
        let taken = this.counts().take();
        if taken {
            // SAFETY: the value is there, nobody else may use it, and the places are different ones.
            unsafe { ptr::copy_nonoverlapping(this.value.as_ptr(), place.as_ptr(), 1) };
        } else {
            // If this panics, the new memory is freed.
            let clone = T::clone(this);
            // SAFETY: new memory of this layout.
            unsafe { place.write(clone) };
        }
        // SAFETY: the value is there, and the one reference is for this.
        let new = unsafe { Self::from_value(memory.into_value().cast()) };
        let old = mem::replace(this, new);
        if taken {
            // SAFETY: the thread that has taken the value has its weak reference.
            drop(unsafe { Self::into_rest(old) });
        }
    }

    /// Moves the value out if this is the only `WeakRef`, and clones it if not.
    ///
    /// # Memory ordering
    ///
    /// As [`try_unwrap`](Self::try_unwrap).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let a = WeakRef::new(5);
    /// let _b = a.clone();
    /// assert_eq!(WeakRef::unwrap_or_clone(a), 5);
    /// ```
    #[must_use = "drop the `WeakRef` if the value is not needed"]
    #[inline]
    pub fn unwrap_or_clone(this: Self) -> T {
        Self::try_unwrap(this).unwrap_or_else(|this| T::clone(&this))
    }
}
