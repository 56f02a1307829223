//! `RefCount` and `Frozen`, and `Kref` over the same count, against a sequential model with two states:
//! a good count, or saturated.
//!
//! The model also predicts every report, the writes of every put, and when a lock is taken.

use std::any::TypeId;
use std::cell::Cell;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kref::atomic::Backend;
use kref::lock::Lock;
use kref::report::{Kind, collect};
use kref::{Frozen, Kref, RefCount};

use super::backend::{CasOnlyBackend, count_writes};
use super::owned::Owned;
use super::{Letter, Machine, Model};

const MAX: u32 = RefCount::MAX;
const SATURATED: u32 = RefCount::SATURATED;

/// A lock that counts how often it was taken, and while whose caller waits something happens.
pub struct Beside<F> {
    pub happens: F,
    mutex: Mutex<()>,
    pub taken: Cell<u32>,
}

impl<F: Fn()> Beside<F> {
    pub fn new(happens: F) -> Self {
        Self {
            happens,
            mutex: Mutex::new(()),
            taken: Cell::new(0),
        }
    }
}

// SAFETY: the guard is the mutex's own.
unsafe impl<F: Fn()> Lock for Beside<F> {
    type Guard<'a>
        = MutexGuard<'a, ()>
    where
        F: 'a;

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.taken.set(self.taken.get() + 1);
        (self.happens)();
        self.mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Inc,
    Add(Amount),
    IncNotZero,
    AddNotZero(Amount),
    AddNotZeroLimited(Amount, Amount),
    Dec,
    DecAndTest,
    SubAndTest(Amount),
    DecIfOne,
    DecNotOne,
    /// If it takes the lock, so many others take a reference while it waits.
    DecAndLock(u32),
    // Those of `Kref`.
    Get,
    GetUnlessZero,
    Put,
    PutLock(u32),
    Set(Amount),
    SetRelease(Amount),
    TryFreeze(Amount),
    /// What is done with the youngest guard, if a guard exists.
    DropFrozen,
    Unfreeze(Amount),
    ForgetFrozen,
}

/// A number of references: of its own, or close to the count that the operation will find.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    Value(u32),
    NearCount(i32),
    /// Close to what is missing to `MAX`.
    NearRoom(i32),
}

impl Amount {
    /// Few distinct numbers around the edges, so that a sequence often comes upon one of them.
    fn new(number: u16) -> Self {
        const EDGES: [u32; 4] = [1, MAX, SATURATED, u32::MAX - 3];
        let near = i32::from(number / 32 % 7) - 3;
        match number % 32 {
            0..8 => Self::NearCount(near.signum()),
            8..16 => Self::NearRoom(near.signum()),
            16..18 => Self::Value(u32::from(number) << 16 | u32::from(number)),
            edge => Self::Value(EDGES[usize::from(edge % 4)].saturating_add_signed(near)),
        }
    }

    fn resolve(self, state: State) -> u32 {
        match self {
            Self::Value(value) => value,
            Self::NearCount(distance) => state.count().wrapping_add_signed(distance),
            Self::NearRoom(distance) => MAX
                .wrapping_sub(state.count())
                .wrapping_add_signed(distance),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Good(u32),
    Saturated,
}
use State::{Good, Saturated};

impl State {
    /// The state of a count that was set to `n`.
    fn of(n: u32) -> Self {
        if n <= MAX { Good(n) } else { Saturated }
    }

    fn count(self) -> u32 {
        match self {
            Good(n) => n,
            Saturated => SATURATED,
        }
    }
}

/// What an operation returned.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Nothing,
    /// The answer of an operation that returns a `bool`, or `Some` of one that returns an `Option`.
    Truth(bool),
    Found(Result<u32, u32>),
}
use Outcome::{Found, Nothing, Truth};

/// What the model says of one operation.
#[derive(Clone, Debug)]
struct Expected {
    outcome: Outcome,
    state: State,
    reports: Vec<(Kind, u32)>,
    /// How often a lock is taken.
    locks: u32,
}

fn quiet(outcome: Outcome, state: State) -> Expected {
    Expected {
        outcome,
        state,
        reports: Vec::new(),
        locks: 0,
    }
}

fn saturates(outcome: Outcome, kind: Kind, value: u32) -> Expected {
    Expected {
        outcome,
        state: Saturated,
        reports: vec![(kind, value)],
        locks: 0,
    }
}

/// The count, and how many references each guard holds, the youngest last.
#[derive(Clone, Debug)]
pub struct Count {
    frozen: Vec<u32>,
    last: Expected,
    /// Of the last operation: whether it was a put that is allowed.
    put: bool,
}

impl Default for Count {
    fn default() -> Self {
        Self {
            frozen: Vec::new(),
            last: quiet(Nothing, Good(1)),
            put: false,
        }
    }
}

impl Model for Count {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        let was_good = matches!(self.last.state, Good(_));
        self.last = self.expect(*op);
        let is_put = match op {
            Op::DecAndTest | Op::SubAndTest(_) | Op::Put => true,
            // The others write as well.
            Op::DecAndLock(others) | Op::PutLock(others) => *others == 0 || self.last.locks == 0,
            _ => false,
        };
        self.put = is_put && was_good && self.last.reports.is_empty();
    }
}

impl Count {
    fn expect(&mut self, op: Op) -> Expected {
        let state = self.last.state;
        let of = |amount: Amount| amount.resolve(state);
        match op {
            Op::Inc | Op::Get => Self::add(state, 1),
            Op::Add(n) => Self::add(state, of(n)),
            Op::IncNotZero | Op::GetUnlessZero => Self::add_not_zero(state, 1),
            Op::AddNotZero(n) => Self::add_not_zero(state, of(n)),
            Op::AddNotZeroLimited(n, limit) => Self::add_not_zero_limited(state, of(n), of(limit)),
            Op::Dec => match state {
                Good(0) => saturates(Nothing, Kind::Underflow, 0),
                Good(1) => saturates(Nothing, Kind::DecToZero, 1),
                Good(n) => quiet(Nothing, Good(n - 1)),
                Saturated => quiet(Nothing, Saturated),
            },
            Op::DecAndTest | Op::Put => Self::sub_and_test(state, 1),
            Op::SubAndTest(n) => Self::sub_and_test(state, of(n)),
            Op::DecIfOne => match state {
                Good(1) => quiet(Truth(true), Good(0)),
                state => quiet(Truth(false), state),
            },
            Op::DecNotOne => match state {
                Good(0) => saturates(Truth(true), Kind::Underflow, 0),
                Good(1) => quiet(Truth(false), Good(1)),
                Good(n) => quiet(Truth(true), Good(n - 1)),
                Saturated => quiet(Truth(true), Saturated),
            },
            Op::DecAndLock(others) | Op::PutLock(others) => match state {
                Good(0) => saturates(Truth(false), Kind::Underflow, 0),
                Good(1) => Expected {
                    locks: 1,
                    ..quiet(Truth(others == 0), Good(others))
                },
                Good(n) => quiet(Truth(false), Good(n - 1)),
                Saturated => quiet(Truth(false), Saturated),
            },
            Op::Set(n) | Op::SetRelease(n) => Self::set(of(n)),
            Op::TryFreeze(n) => {
                let n = of(n);
                let freezes = state == Good(n) && n != 0;
                if freezes {
                    self.frozen.push(n);
                }
                quiet(Truth(freezes), if freezes { Good(0) } else { state })
            }
            Op::DropFrozen => match self.frozen.pop() {
                Some(refs) => Self::thaw(state, refs),
                None => quiet(Nothing, state),
            },
            Op::Unfreeze(n) => match self.frozen.pop() {
                Some(_) => Self::thaw(state, of(n)),
                None => quiet(Nothing, state),
            },
            Op::ForgetFrozen => {
                self.frozen.pop();
                quiet(Nothing, state)
            }
        }
    }

    fn zero_amount(outcome: Outcome, state: State) -> Expected {
        Expected {
            outcome,
            state,
            reports: vec![(Kind::ZeroAmount, state.count())],
            locks: 0,
        }
    }

    fn add(state: State, n: u32) -> Expected {
        match state {
            state if n == 0 => Self::zero_amount(Nothing, state),
            Saturated => quiet(Nothing, Saturated),
            Good(0) => saturates(Nothing, Kind::IncFromZero, 0),
            Good(old) if n > MAX - old => saturates(Nothing, Kind::Overflow, old),
            Good(old) => quiet(Nothing, Good(old + n)),
        }
    }

    fn add_not_zero(state: State, n: u32) -> Expected {
        match state {
            state if n == 0 => Self::zero_amount(Truth(false), state),
            Saturated => quiet(Truth(true), Saturated),
            Good(0) => quiet(Truth(false), Good(0)),
            Good(old) if n > MAX - old => saturates(Truth(true), Kind::Overflow, old),
            Good(old) => quiet(Truth(true), Good(old + n)),
        }
    }

    fn add_not_zero_limited(state: State, n: u32, limit: u32) -> Expected {
        let limit = limit.min(MAX);
        match state {
            state if n == 0 => Self::zero_amount(Found(Err(state.count())), state),
            Saturated => quiet(Found(Ok(SATURATED)), Saturated),
            Good(0) => quiet(Found(Err(0)), Good(0)),
            Good(old) if old > limit || n > limit - old => quiet(Found(Err(old)), Good(old)),
            Good(old) => quiet(Found(Ok(old)), Good(old + n)),
        }
    }

    fn sub_and_test(state: State, n: u32) -> Expected {
        match state {
            state if n == 0 => Self::zero_amount(Truth(false), state),
            Saturated => quiet(Truth(false), Saturated),
            Good(old) if n > old => saturates(Truth(false), Kind::Underflow, old),
            Good(old) => quiet(Truth(old == n), Good(old - n)),
        }
    }

    fn set(n: u32) -> Expected {
        match State::of(n) {
            Saturated => saturates(Nothing, Kind::Overflow, n),
            state => quiet(Nothing, state),
        }
    }

    /// `state` is what the guard finds, `n` what the count shall be.
    fn thaw(state: State, n: u32) -> Expected {
        let mut expected = match state {
            Good(0) => return Self::set(n),
            Saturated => quiet(Nothing, Saturated), // told already
            Good(found) => saturates(Nothing, Kind::ChangedWhileFrozen, found),
        };
        expected.reports.extend(Self::set(n).reports);
        expected
    }
}

/// The shipped count, with the guards that freeze it.
pub struct RefCountMachine<B: Backend + 'static> {
    frozen: Vec<Frozen<'static, B>>,
    kref: Owned<Kref<B>>,
    outcome: Outcome,
    writes: u32,
    locks: u32,
    reports: Vec<(Kind, u32)>,
}

impl<B: Backend + 'static> RefCountMachine<B> {
    fn kref(&self) -> &'static Kref<B> {
        // SAFETY: what borrows is the guards, which are gone before the count.
        unsafe { self.kref.get() }
    }

    fn outcome(&mut self, op: Op) -> Outcome {
        let kref = self.kref();
        let count = kref.as_ref();
        let of = |amount: Amount| amount.resolve(State::of(count.count()));
        match op {
            Op::Inc => count.inc(),
            Op::Add(n) => count.add(of(n)),
            Op::IncNotZero => return Truth(count.inc_not_zero()),
            Op::AddNotZero(n) => return Truth(count.add_not_zero(of(n))),
            Op::AddNotZeroLimited(n, limit) => {
                return Found(count.add_not_zero_limited(of(n), of(limit)));
            }
            Op::Dec => count.dec(),
            Op::DecAndTest => return Truth(count.dec_and_test()),
            Op::SubAndTest(n) => return Truth(count.sub_and_test(of(n))),
            Op::DecIfOne => return Truth(count.dec_if_one()),
            Op::DecNotOne => return Truth(count.dec_not_one()),
            Op::DecAndLock(others) => {
                let lock = Beside::new(|| (0..others).for_each(|_| count.inc()));
                let last = count.dec_and_lock(&lock).is_some();
                self.locks = lock.taken.get();
                return Truth(last);
            }
            Op::Get => kref.get(),
            Op::GetUnlessZero => return Truth(kref.get_unless_zero()),
            Op::Put => return Truth(kref.put()),
            Op::PutLock(others) => {
                let lock = Beside::new(|| (0..others).for_each(|_| kref.get()));
                let last = kref.put_lock(&lock).is_some();
                self.locks = lock.taken.get();
                return Truth(last);
            }
            Op::Set(n) => count.set(of(n)),
            Op::SetRelease(n) => count.set_release(of(n)),
            Op::TryFreeze(n) => {
                let frozen = count.try_freeze(of(n));
                let freezes = frozen.is_some();
                self.frozen.extend(frozen);
                return Truth(freezes);
            }
            Op::DropFrozen => drop(self.frozen.pop()),
            Op::Unfreeze(n) => {
                if let Some(frozen) = self.frozen.pop() {
                    frozen.unfreeze(of(n));
                }
            }
            Op::ForgetFrozen => mem::forget(self.frozen.pop()),
        }
        Nothing
    }
}

impl<B: Backend + 'static> Machine for RefCountMachine<B> {
    type Model = Count;

    const ALPHABET: &'static [Letter<Self>] = &[
        |_, _| Op::Inc,
        |_, _| Op::Get,
        |n, _| Op::Add(Amount::new(n)),
        |_, _| Op::IncNotZero,
        |_, _| Op::GetUnlessZero,
        |n, _| Op::AddNotZero(Amount::new(n)),
        |n, limit| Op::AddNotZeroLimited(Amount::new(n), Amount::new(limit)),
        |_, _| Op::Dec,
        |_, _| Op::DecAndTest,
        |_, _| Op::Put,
        |n, _| Op::SubAndTest(Amount::new(n)),
        |_, _| Op::DecIfOne,
        |_, _| Op::DecNotOne,
        |_, _| Op::DecNotOne,
        |n, _| Op::DecAndLock(u32::from(n % 4).saturating_sub(1)),
        |n, _| Op::PutLock(u32::from(n % 4).saturating_sub(1)),
        // The only way out of saturation.
        |n, _| Op::Set(Amount::new(n)),
        |n, _| Op::Set(Amount::new(n)),
        |n, _| Op::Set(Amount::new(n)),
        |n, _| Op::SetRelease(Amount::new(n)),
        |n, _| Op::TryFreeze(Amount::new(n)),
        |_, _| Op::TryFreeze(Amount::NearCount(0)),
        |_, _| Op::TryFreeze(Amount::NearCount(0)),
        |_, _| Op::DropFrozen,
        |n, _| Op::Unfreeze(Amount::new(n)),
        |_, _| Op::ForgetFrozen,
    ];

    fn new() -> Self {
        Self {
            frozen: Vec::new(),
            kref: Owned::new(Kref::from(RefCount::new_in(1))),
            outcome: Nothing,
            writes: 0,
            locks: 0,
            reports: Vec::new(),
        }
    }

    fn apply(&mut self, op: Op) {
        self.locks = 0;
        let reports;
        ((self.outcome, self.writes), reports) = collect(|| count_writes(|| self.outcome(op)));
        for report in &reports {
            assert_eq!(report.location.file(), file!());
        }
        self.reports = reports
            .iter()
            .map(|report| (report.kind, report.value))
            .collect();
    }

    fn check(&self, model: &Count) {
        let expected = &model.last;
        let (kref, count) = (self.kref(), self.kref().as_ref());
        assert_eq!(self.outcome, expected.outcome);
        assert_eq!(count.count(), expected.state.count());
        assert_eq!(kref.count(), expected.state.count());
        assert_eq!(count.is_saturated(), expected.state == Saturated);
        assert_eq!(self.reports, expected.reports);
        assert_eq!(self.locks, expected.locks, "locks");
        let counts_writes = TypeId::of::<B>() == TypeId::of::<CasOnlyBackend>();
        if model.put && counts_writes {
            assert_eq!(self.writes, 1, "compare-exchanges of a put");
        }
        let frozen: Vec<u32> = self.frozen.iter().map(Frozen::refs).collect();
        assert_eq!(frozen, model.frozen);
    }

    /// Dropped, the guards would report what the operations left to them.
    fn finish(mut self, _: &Count) {
        mem::take(&mut self.frozen)
            .into_iter()
            .for_each(mem::forget);
    }
}
