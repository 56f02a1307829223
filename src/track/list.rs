//! The holders of one object.
//!
//! A holder has a number, which is free again when the holder has ended. The numbers of raw references are not known
//! to anybody, as a pointer has no room for one. So raw references are in a pool of their own:
//!
//! ```text
//! raw:  | given away, and not taken back | taken back, by a pointer that exists |
//!       0                                away                                   len
//! ```
//!
//! `into_raw` moves a record into the left part, `from_raw` moves one from the left part to the right part, and a drop
//! of what was taken back takes one out. Which of several is meant cannot be known, since the pointers are equal. What is
//! known is how many there are, and that number is always right: also where a pointer that was taken back is forgotten
//! (`ManuallyDrop::new(Ref::from_raw(raw))`, to clone it).
//!
//! If there is no memory for a record, its holder is counted in `untracked`.

#![forbid(unsafe_code)]

use alloc::vec::Vec;
use core::mem;
use std::thread::{Thread, ThreadId};

use super::Kind;
use super::check::Epoch;
use super::record::{Origin, Record};

/// One reference, as the pointer knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    /// The record has this number.
    Number(u32),
    /// It is one of the raw references.
    Raw,
    /// There was no memory for a record.
    Untracked,
}

enum Slot {
    Held(Record),
    /// The number of the next one that is free, if there is one.
    Free(Option<u32>),
}

/// What [the documentation](super) says of the memory for a holder and for an object.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Slot>() == 56 && size_of::<(usize, List)>() == 120);

pub(super) struct List {
    slots: Vec<Slot>,
    free: Option<u32>,
    held: usize,
    raw: Vec<Record>,
    away: usize,
    untracked: usize,
    /// When the first holder came.
    pub(super) born: Epoch,
    /// The thread of the first holder.
    pub(super) maker: Option<ThreadId>,
    pub(super) type_name: &'static str,
}

impl List {
    /// An empty list; `first` is the holder that is to come. Allocates nothing.
    pub(super) fn new(first: &Record, type_name: &'static str) -> Self {
        Self {
            slots: Vec::new(),
            free: None,
            held: 0,
            raw: Vec::new(),
            away: 0,
            untracked: 0,
            born: Epoch::now(),
            maker: first.thread.as_ref().map(Thread::id),
            type_name,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.held + self.raw.len() + self.untracked
    }

    pub(super) fn untracked(&self) -> usize {
        self.untracked
    }

    /// Every record but that of `except`, in no order.
    pub(super) fn records(&self, except: Option<Which>) -> impl Iterator<Item = &Record> {
        let held = self
            .slots
            .iter()
            .zip(0..)
            .filter_map(move |(slot, number)| match slot {
                Slot::Held(record) if except != Some(Which::Number(number)) => Some(record),
                _ => None,
            });
        held.chain(&self.raw)
    }

    pub(super) fn add(&mut self, record: Record) -> Which {
        let number = match self.free {
            Some(number) => {
                let Slot::Free(next) = self.slots[number as usize] else {
                    unreachable!("the list of free numbers has free numbers");
                };
                self.free = next;
                self.slots[number as usize] = Slot::Held(record);
                number
            }
            None => {
                let Some(number) = self.room() else {
                    return self.add_untracked();
                };
                self.slots.push(Slot::Held(record));
                number
            }
        };
        self.held += 1;
        Which::Number(number)
    }

    /// The number of a new slot, for which there is room.
    fn room(&mut self) -> Option<u32> {
        let number = u32::try_from(self.slots.len()).ok()?;
        self.slots.try_reserve(1).ok()?;
        Some(number)
    }

    fn add_untracked(&mut self) -> Which {
        self.untracked += 1;
        Which::Untracked
    }

    /// Ends a holder. The record is returned so that it is dropped with no lock held.
    pub(super) fn end(&mut self, holder: Which) -> Option<Record> {
        match holder {
            Which::Number(number) => {
                let slot = self.slots.get_mut(number as usize)?;
                if matches!(slot, Slot::Free(_)) {
                    return None;
                }
                let ended = mem::replace(slot, Slot::Free(self.free));
                self.free = Some(number);
                self.held -= 1;
                match ended {
                    Slot::Held(record) => Some(record),
                    Slot::Free(_) => None,
                }
            }
            Which::Raw => {
                let ended = self.raw.pop();
                self.away = self.away.min(self.raw.len());
                if ended.is_none() {
                    self.untracked = self.untracked.saturating_sub(1);
                }
                ended
            }
            Which::Untracked => {
                self.untracked = self.untracked.saturating_sub(1);
                None
            }
        }
    }

    /// Makes a raw reference of a holder. The record, if it has to be dropped, is returned.
    pub(super) fn give_away(&mut self, holder: Which, origin: Origin) -> Option<Record> {
        if holder == Which::Raw {
            // It was taken back before.
            if let Some(record) = self.raw.get_mut(self.away) {
                record.set(origin, Kind::Raw);
                self.away += 1;
            }
            return None;
        }
        if holder == Which::Untracked {
            return None; // as before
        }
        let mut record = self.end(holder)?;
        if self.raw.try_reserve(1).is_err() {
            self.untracked += 1;
            return Some(record);
        }
        record.set(origin, Kind::Raw);
        // To the end of the left part.
        self.raw.push(record);
        let last = self.raw.len() - 1;
        self.raw.swap(self.away, last);
        self.away += 1;
        None
    }

    /// Notes that a raw reference was taken back.
    pub(super) fn take_back(&mut self, origin: Origin) {
        // Of those that are away, the one that left last. There is no such record if a pointer that was taken back was forgotten.
        if let Some(record) = self.away.checked_sub(1).and_then(|at| self.raw.get_mut(at)) {
            record.set(origin, Kind::TakenBack);
            self.away -= 1;
        }
    }
}

impl Record {
    fn set(&mut self, origin: Origin, kind: Kind) {
        // The tag says whom the reference is for, and stays.
        self.origin.location = origin.location;
        self.kind = kind;
    }
}
