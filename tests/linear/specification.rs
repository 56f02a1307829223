//! What one key of a [`Registry`](kref::Registry) does when one operation runs at a time.
//!
//! Linearizability is local: a history of the map is linearizable exactly when its part for each key is. So the state is
//! that of one key: what is in its place, and how many handles each of its objects has.
//!
//! An operation contains its result. [`step`](Key::step) says whether the operation may have that result, and what it changes.
//!
//! # The last handle
//!
//! [`STRICT`]: when an object's last handle is dropped, the object leaves its place in the same step.
//!
//! [`LINGERING`]: the object may stay until an operation does not find it any more. This is what the registry promises.
//! Its operations compare keys with no lock held, and hold the object for that time; `unlist` and `replace` hold the object
//! until it is out. If the last handle is dropped in that time, the object leaves when the operation ends. A lookup in between
//! may find the object, which is alive. `schedules::strict_is_too_much` shows that this happens.
//!
//! When nothing else runs, the object has left: the scenarios assert that at their ends.

use std::collections::BTreeMap;

use todc_utils::specifications::Specification;

/// The identity of an object: no two in a history have the same.
pub type Object = u32;

/// The object leaves with its last handle.
pub const STRICT: bool = false;
/// The object leaves with its last handle or with the next look that does not find it.
pub const LINGERING: bool = true;

/// An operation and its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A lookup.
    Get(Option<Object>),
    /// A lookup that reserves the place if it is vacant.
    Enter(Entered),
    /// The constructor's object is put in the reserved place.
    Fulfil(Object),
    /// The reserved place is given up.
    Abandon,
    /// An insertion of `new`, which has found another object or not.
    TryInsert { new: Object, found: Option<Object> },
    /// An insertion of `new`, in the place of `old`.
    Replace { new: Object, old: Option<Object> },
    /// A removal.
    Unlist(Option<Object>),
    /// A removal of this object, which was in its place or not.
    UnlistHandle(Object, bool),
    /// A new handle, made from another.
    Clone(Object),
    /// The drop of a handle.
    Drop(Object),
}

/// What a thread finds that wants an object or a place for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    Occupied(Object),
    Vacant,
    Busy,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Place {
    #[default]
    Vacant,
    Reserved,
    Listed(Object),
}

/// The state of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key<const LINGERS: bool> {
    place: Place,
    /// Objects without handles are not in it.
    handles: BTreeMap<Object, u32>,
}

impl<const LINGERS: bool> Key<LINGERS> {
    fn is_held(&self, object: Object) -> bool {
        self.handles.contains_key(&object)
    }

    /// Adds a handle.
    fn take(&mut self, object: Object) -> bool {
        *self.handles.entry(object).or_default() += 1;
        true
    }

    /// Looks at the place; returns whether it may have been found so.
    fn look(&mut self, found: Option<Object>) -> bool {
        match (self.place, found) {
            (Place::Listed(listed), Some(found)) => listed == found,
            (Place::Listed(listed), None) => {
                let has_left = LINGERS && !self.is_held(listed);
                if has_left {
                    self.place = Place::Vacant;
                }
                has_left
            }
            (Place::Vacant | Place::Reserved, found) => found.is_none(),
        }
    }

    /// Takes what was found, or changes a vacant place.
    fn take_or(&mut self, found: Option<Object>, new: Place) -> bool {
        let may_be = self.look(found);
        match found {
            Some(found) => may_be && self.take(found),
            None => may_be && self.change(Place::Vacant, new),
        }
    }

    fn change(&mut self, from: Place, to: Place) -> bool {
        let is_from = self.place == from;
        self.place = to;
        is_from
    }

    /// Does the operation; returns whether it may have the result that it has. If not, the state means nothing any more.
    pub fn step(&mut self, op: &Op) -> bool {
        match *op {
            Op::Get(None) => self.look(None),
            Op::Get(Some(found)) => self.look(Some(found)) && self.take(found),
            Op::Enter(Entered::Occupied(found)) => self.look(Some(found)) && self.take(found),
            Op::Enter(Entered::Vacant) => self.take_or(None, Place::Reserved),
            Op::Enter(Entered::Busy) => self.place == Place::Reserved,
            Op::Fulfil(new) => self.change(Place::Reserved, Place::Listed(new)) && self.take(new),
            Op::Abandon => self.change(Place::Reserved, Place::Vacant),
            Op::TryInsert { new, found } => {
                self.take_or(found, Place::Listed(new)) && (found.is_some() || self.take(new))
            }
            Op::Replace { new, old: None } => {
                self.take_or(None, Place::Listed(new)) && self.take(new)
            }
            Op::Replace {
                new,
                old: Some(old),
            } => {
                self.change(Place::Listed(old), Place::Listed(new))
                    && self.take(old)
                    && self.take(new)
            }
            Op::Unlist(None) => self.look(None),
            Op::Unlist(Some(old)) => {
                self.change(Place::Listed(old), Place::Vacant) && self.take(old)
            }
            Op::UnlistHandle(object, true) => self.change(Place::Listed(object), Place::Vacant),
            Op::UnlistHandle(object, false) => self.place != Place::Listed(object),
            Op::Clone(object) => self.is_held(object) && self.take(object),
            Op::Drop(object) => self.put(object),
        }
    }

    fn put(&mut self, object: Object) -> bool {
        let Some(handles) = self.handles.get_mut(&object) else {
            return false;
        };
        *handles -= 1;
        if *handles == 0 {
            self.handles.remove(&object);
            if !LINGERS && self.place == Place::Listed(object) {
                self.place = Place::Vacant;
            }
        }
        true
    }
}

impl<const LINGERS: bool> Specification for Key<LINGERS> {
    type State = Self;
    type Operation = Op;

    fn init() -> Self {
        Self::default()
    }

    fn apply(op: &Op, state: &Self) -> (bool, Self) {
        let mut next = state.clone();
        let is_valid = next.step(op);
        (is_valid, next)
    }
}
