//! A value that is lent for longer than the compiler can see.

use std::ptr::NonNull;

/// Owns a value at a fixed address. A machine has one in front of what borrows from it, which no
/// lifetime can say.
pub struct Owned<T>(NonNull<T>);

impl<T: 'static> Owned<T> {
    pub fn new(value: T) -> Self {
        Self(NonNull::from(Box::leak(Box::new(value))))
    }

    /// # Safety
    ///
    /// What borrows through this is gone before the owner is dropped, and before `get_mut`.
    pub unsafe fn get(&self) -> &'static T {
        // SAFETY: alive as long as the owner, which is longer than the borrow, by the caller's promise.
        unsafe { self.0.as_ref() }
    }

    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: nothing has borrowed it, by the promise of the callers of `get`.
        unsafe { self.0.as_mut() }
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: it comes from a box, and nothing borrows it, by the promise of the callers of `get`.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
