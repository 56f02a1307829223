//! `RcuRef` against a number.

use kref::RcuRef;
use kref::atomic::Backend;
use kref::report::collect;

use super::{Letter, Machine, Model};

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Get,
    Put,
    /// An object that is dead is made again, with so many references.
    SetRelease(u8),
    /// More references than there may be: it leaks until it is set again.
    Overflow,
}

/// A user without a reference only tries to get one.
#[derive(Clone, Debug)]
pub struct Refs {
    /// Nothing if it is saturated.
    refs: Option<u32>,
    answer: Option<bool>,
}

impl Default for Refs {
    fn default() -> Self {
        Self {
            refs: Some(1),
            answer: None,
        }
    }
}

impl Model for Refs {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        self.answer = match *op {
            Op::Get => Some(self.refs != Some(0)),
            Op::Put if self.refs != Some(0) => Some(self.refs == Some(1)),
            _ => None,
        };
        self.refs = match (*op, self.refs) {
            (Op::Get, Some(refs @ 1..)) => Some(refs + 1),
            (Op::Put, Some(refs @ 1..)) => Some(refs - 1),
            (Op::SetRelease(refs), Some(0) | None) => Some(refs.into()),
            (Op::Overflow, Some(0)) => None,
            (_, refs) => refs,
        }
    }
}

pub struct RcuRefMachine<B: Backend + 'static> {
    count: RcuRef<B>,
    answer: Option<bool>,
}

impl<B: Backend + 'static> Machine for RcuRefMachine<B> {
    type Model = Refs;

    const ALPHABET: &'static [Letter<Self>] = &[
        |_, _| Op::Get,
        |_, _| Op::Get,
        |_, _| Op::Put,
        |_, _| Op::Put,
        |_, _| Op::Put,
        |n, _| Op::SetRelease((n % 4) as u8),
        |_, _| Op::Overflow,
    ];

    fn new() -> Self {
        Self {
            count: RcuRef::new_in(1),
            answer: None,
        }
    }

    fn apply(&mut self, op: Op) {
        let count = &self.count;
        let refs = count.count_hint();
        self.answer = None;
        match op {
            Op::Get => self.answer = Some(count.get()),
            Op::Put if refs != 0 => self.answer = Some(count.put()),
            Op::SetRelease(n) if refs == 0 || count.is_saturated() => count.set_release(n.into()),
            Op::Overflow if refs == 0 => {
                count.set_release(RcuRef::MAX);
                let (done, told) = collect(|| count.get());
                assert!(done);
                assert_eq!(told.len(), 1, "{told:?}");
            }
            _ => {}
        }
    }

    fn check(&self, model: &Refs) {
        assert_eq!(self.answer, model.answer);
        assert_eq!(self.count.is_saturated(), model.refs.is_none());
        let expected = model.refs.unwrap_or(RcuRef::SATURATED);
        assert_eq!(self.count.count_hint(), expected);
    }

    fn finish(self, _: &Refs) {}
}
