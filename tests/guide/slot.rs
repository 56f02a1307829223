//! Memory that is a count and a value at all times, whichever object it is used for.

use loom::cell::UnsafeCell;

pub(crate) struct Slot<C> {
    pub(crate) refs: C,
    value: UnsafeCell<u32>,
}

// SAFETY: loom reports it if uses of the value race, which is what the models are for.
unsafe impl<C: Sync> Sync for Slot<C> {}

impl<C> Slot<C> {
    pub(crate) fn new(refs: C, value: u32) -> loom::sync::Arc<Self> {
        let value = UnsafeCell::new(value);
        loom::sync::Arc::new(Self { refs, value })
    }

    #[track_caller]
    pub(crate) fn read(&self) -> u32 {
        // SAFETY: loom reports it if this races with a write.
        self.value.with(|value| unsafe { *value })
    }

    #[track_caller]
    pub(crate) fn write(&self, value: u32) {
        // SAFETY: loom reports it if this races with any use.
        self.value.with_mut(|place| unsafe { *place = value });
    }
}
