//! What a `Handle` and an `Interned` are made of.

use crate::lock::LockBackend;
use crate::maps::table::{Counted, Payload};
use crate::track::{Operation, Origin, Token};

/// A counted reference, and the record of who holds it, which is empty without the feature `track`.
pub(crate) struct Held<P: Payload, B: LockBackend> {
    /// In front of the reference, so that it ends before the reference is dropped.
    token: Token,
    counted: Counted<P, B>,
}

impl<P: Payload, B: LockBackend> Held<P, B> {
    /// `V` is what reports name as the type of the object.
    #[inline]
    pub(crate) fn new<V: ?Sized>(counted: Counted<P, B>, origin: Origin) -> Self {
        let token = Token::new::<V>(address(&counted), origin);
        Self { token, counted }
    }

    #[inline]
    pub(crate) fn counted(&self) -> &Counted<P, B> {
        &self.counted
    }

    /// Takes another reference.
    #[inline]
    #[track_caller]
    pub(crate) fn take<V: ?Sized>(&self, origin: Origin) -> Self {
        let operation = Operation::on(address(&self.counted));
        let counted = self.counted.clone();
        operation.end();
        Self::new::<V>(counted, origin)
    }

    #[inline]
    pub(crate) fn ptr_eq(&self, other: &Self) -> bool {
        self.counted.node() == other.counted.node()
    }

    #[cfg_attr(feature = "track", track_caller)]
    pub(crate) fn into_raw(self) -> *const () {
        self.token.give_away(Origin::here());
        self.counted.into_raw()
    }

    /// # Safety
    ///
    /// The pointer came from `into_raw` of exactly this type, and its reference was not taken back before.
    #[cfg_attr(feature = "track", track_caller)]
    pub(crate) unsafe fn from_raw(raw: *const ()) -> Self {
        // SAFETY: as the caller promises.
        let counted = unsafe { Counted::from_raw(raw) };
        let token = Token::taken_back(raw, Origin::here());
        Self { token, counted }
    }
}

#[cfg(feature = "track")]
impl<P: Payload, B: LockBackend> Held<P, B> {
    /// Whether a reference was taken for this tag and is still held.
    pub(crate) fn is_held_by(&self, tag: &str) -> bool {
        crate::track::is_held_by(address(&self.counted), tag)
    }

    /// The report of the object, called `subject`; `mine` leaves this reference out.
    pub(crate) fn report(&self, subject: String, mine: bool) -> crate::track::ObjectReport {
        let except = if mine { self.token.which() } else { None };
        crate::track::object(address(&self.counted).addr(), subject, except)
    }
}

/// The address under which the holders are recorded.
#[inline]
fn address<P: Payload, B: LockBackend>(counted: &Counted<P, B>) -> *const () {
    counted.node().as_ptr().cast_const().cast()
}
