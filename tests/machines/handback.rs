//! `HandBack` against a number, with others that find the object while its last put waits for the lock.

use kref::HandBack;
use kref::atomic::Backend;

use super::refcount::Beside;
use super::{Letter, Machine, Model};

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Get,
    GetLocked,
    GetUnlessZero,
    /// If it takes the lock, so many others take a reference while it waits.
    PutLock(u8),
    /// An object that is dead is made again, with so many references.
    Renew(u8),
}

/// A user without a reference only tries to get one.
#[derive(Clone, Debug)]
pub struct Refs {
    refs: u32,
    answer: Option<bool>,
}

impl Default for Refs {
    fn default() -> Self {
        Self {
            refs: 1,
            answer: None,
        }
    }
}

impl Model for Refs {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        let alive = self.refs != 0;
        self.answer = None;
        match *op {
            Op::Get | Op::GetLocked if alive => self.refs += 1,
            Op::GetUnlessZero => {
                self.answer = Some(alive);
                self.refs += u32::from(alive);
            }
            Op::PutLock(others) if alive => {
                let last = self.refs == 1;
                self.refs = if last { others.into() } else { self.refs - 1 };
                self.answer = Some(last && others == 0);
            }
            Op::Renew(refs) if !alive => self.refs = refs.into(),
            _ => {}
        }
    }
}

pub struct HandBackMachine<B: Backend + 'static> {
    count: HandBack<B>,
    answer: Option<bool>,
}

impl<B: Backend + 'static> Machine for HandBackMachine<B> {
    type Model = Refs;

    const ALPHABET: &'static [Letter<Self>] = &[
        |_, _| Op::Get,
        |_, _| Op::GetLocked,
        |_, _| Op::GetUnlessZero,
        |n, _| Op::PutLock((n % 3) as u8),
        |_, _| Op::PutLock(0),
        |_, _| Op::PutLock(0),
        |n, _| Op::Renew((n % 4) as u8),
    ];

    fn new() -> Self {
        Self {
            count: HandBack::new_in(1),
            answer: None,
        }
    }

    fn apply(&mut self, op: Op) {
        let count = &self.count;
        let refs = count.count_hint();
        self.answer = None;
        match op {
            Op::Get if refs != 0 => count.get(),
            Op::GetLocked if refs != 0 => count.get_locked(),
            Op::GetUnlessZero => self.answer = Some(count.get_unless_zero()),
            Op::PutLock(others) if refs != 0 => {
                let lock = Beside::new(|| (0..others).for_each(|_| count.get_locked()));
                self.answer = Some(count.put_lock(&lock).is_some());
                assert_eq!(lock.taken.get(), u32::from(refs == 1));
            }
            Op::Renew(n) if refs == 0 => self.count = HandBack::new_in(n.into()),
            _ => {}
        }
    }

    fn check(&self, model: &Refs) {
        assert_eq!(self.answer, model.answer);
        assert_eq!(self.count.count_hint(), model.refs);
    }

    fn finish(self, _: &Refs) {}
}
