//! `RefCount` and `Frozen` against a sequential model with two states: a good count, or saturated.
//!
//! The model also predicts every report, the writes of every put, and when a lock is taken.

use std::cell::{Cell, RefCell};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kref::atomic::{Backend, Native};
use kref::lock::Lock;
use kref::report::{self, Kind};
use kref::{Frozen, RefCount};
use proptest::collection;
use proptest::prelude::*;
use proptest::sample::select;

use crate::backend::{CasOnlyBackend, count_writes};
use crate::for_all;

const MAX: u32 = RefCount::MAX;
const SATURATED: u32 = RefCount::SATURATED;

thread_local! {
    static REPORTS: RefCell<Vec<(Kind, u32)>> = const { RefCell::new(Vec::new()) };
}

fn collect_reports() {
    report::set_hook(|report| {
        assert_eq!(report.location.file(), file!());
        REPORTS.with_borrow_mut(|reports| reports.push((report.kind, report.value)));
    });
}

/// A lock that counts how often it was taken.
#[derive(Default)]
struct CountingLock {
    mutex: Mutex<()>,
    taken: Cell<u32>,
}

// SAFETY: the guard is the mutex's own.
unsafe impl Lock for CountingLock {
    type Guard<'a> = MutexGuard<'a, ()>;

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.taken.set(self.taken.get() + 1);
        self.mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
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
    DecAndLock,
    Set(Amount),
    SetRelease(Amount),
    TryFreeze(Amount),
    /// What is done with the youngest guard; nothing if there is none.
    DropFrozen,
    Unfreeze(Amount),
    ForgetFrozen,
}

/// A number of references: of its own, or close to the count that the operation will find.
#[derive(Clone, Copy, Debug)]
enum Amount {
    Value(u32),
    NearCount(i32),
    /// Close to what is missing to `MAX`.
    NearRoom(i32),
}

impl Amount {
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
struct Expected {
    outcome: Outcome,
    state: State,
    reports: Vec<(Kind, u32)>,
}

fn quiet(outcome: Outcome, state: State) -> Expected {
    Expected {
        outcome,
        state,
        reports: Vec::new(),
    }
}

fn saturates(outcome: Outcome, kind: Kind, value: u32) -> Expected {
    Expected {
        outcome,
        state: Saturated,
        reports: vec![(kind, value)],
    }
}

/// The count, and how many references each guard holds, the youngest last.
struct Model {
    state: State,
    frozen: Vec<u32>,
}

impl Model {
    fn apply(&mut self, op: Op) -> Expected {
        let expected = self.expect(op);
        self.state = expected.state;
        expected
    }

    fn expect(&mut self, op: Op) -> Expected {
        let state = self.state;
        let of = |amount: Amount| amount.resolve(state);
        match op {
            Op::Inc => Self::add(state, 1),
            Op::Add(n) => Self::add(state, of(n)),
            Op::IncNotZero => Self::add_not_zero(state, 1),
            Op::AddNotZero(n) => Self::add_not_zero(state, of(n)),
            Op::AddNotZeroLimited(n, limit) => Self::add_not_zero_limited(state, of(n), of(limit)),
            Op::Dec => match state {
                Good(0) => saturates(Nothing, Kind::Underflow, 0),
                Good(1) => saturates(Nothing, Kind::DecToZero, 1),
                Good(n) => quiet(Nothing, Good(n - 1)),
                Saturated => quiet(Nothing, Saturated),
            },
            Op::DecAndTest => Self::sub_and_test(state, 1),
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
            Op::DecAndLock => match state {
                Good(0) => saturates(Truth(false), Kind::Underflow, 0),
                Good(n) => quiet(Truth(n == 1), Good(n - 1)),
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

/// A count of the shipped code, with the guards that freeze it.
struct Real<'a, B: Backend> {
    count: &'a RefCount<B>,
    lock: &'a CountingLock,
    frozen: Vec<Frozen<'a, B>>,
}

impl<B: Backend> Real<'_, B> {
    /// `state` is the model's, for the amounts that are relative to it.
    fn apply(&mut self, op: Op, state: State) -> Outcome {
        let count = self.count;
        let of = |amount: Amount| amount.resolve(state);
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
            Op::DecAndLock => return Truth(count.dec_and_lock(self.lock).is_some()),
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

/// Runs `ops` from `start` and compares with the model after each.
fn agree<B: Backend>(count: &RefCount<B>, start: u32, ops: &[Op], counts_writes: bool) {
    collect_reports();
    let lock = CountingLock::default();
    let mut model = Model {
        state: State::of(start),
        frozen: Vec::new(),
    };
    let mut real = Real {
        count,
        lock: &lock,
        frozen: Vec::new(),
    };
    for &op in ops {
        let before = model.state;
        let expected = model.apply(op);
        let shown = (op, before);

        REPORTS.take();
        lock.taken.set(0);
        let (outcome, writes) = count_writes(|| real.apply(op, before));

        assert_eq!(outcome, expected.outcome, "result of {shown:?}");
        assert_eq!(
            count.count(),
            expected.state.count(),
            "count after {shown:?}"
        );
        assert_eq!(
            count.is_saturated(),
            expected.state == Saturated,
            "{shown:?}"
        );
        let reports = REPORTS.take();
        let as_it_should = expected.reports.is_empty();
        assert_eq!(reports, expected.reports, "reports of {shown:?}");

        let last_put_with_lock = matches!((op, before), (Op::DecAndLock, Good(1)));
        assert_eq!(lock.taken.get(), u32::from(last_put_with_lock), "{shown:?}");

        let put = matches!(op, Op::DecAndTest | Op::SubAndTest(_) | Op::DecAndLock);
        if counts_writes && put && matches!(before, Good(_)) && as_it_should {
            assert_eq!(writes, 1, "compare-exchanges of {shown:?}");
        }

        let frozen: Vec<u32> = real.frozen.iter().map(Frozen::refs).collect();
        assert_eq!(frozen, model.frozen, "guards after {shown:?}");
    }
    // Dropped, the guards would report what `ops` left to them.
    real.frozen.into_iter().for_each(mem::forget);
}

/// Few distinct numbers around the edges, so that a sequence often comes upon one of them.
fn edges() -> impl Strategy<Value = u32> {
    let edges = [0, MAX, SATURATED, u32::MAX - 3];
    let near: Vec<u32> = edges
        .into_iter()
        .flat_map(|edge| edge.saturating_sub(3)..=edge + 3)
        .collect();
    prop_oneof![8 => select(near), 1 => any::<u32>()]
}

fn amounts() -> impl Strategy<Value = Amount> {
    prop_oneof![
        2 => edges().prop_map(Amount::Value),
        1 => (-1..=1).prop_map(Amount::NearCount),
        1 => (-1..=1).prop_map(Amount::NearRoom),
    ]
}

/// Every operation, the more often the more there is to find.
const OPS: [fn(Amount, Amount) -> Op; 26] = [
    |_, _| Op::Inc,
    |_, _| Op::Inc,
    |n, _| Op::Add(n),
    |_, _| Op::IncNotZero,
    |_, _| Op::IncNotZero,
    |n, _| Op::AddNotZero(n),
    Op::AddNotZeroLimited,
    |_, _| Op::Dec,
    |_, _| Op::DecAndTest,
    |_, _| Op::DecAndTest,
    |n, _| Op::SubAndTest(n),
    |_, _| Op::DecIfOne,
    |_, _| Op::DecNotOne,
    |_, _| Op::DecNotOne,
    |_, _| Op::DecAndLock,
    |_, _| Op::DecAndLock,
    // The only way out of saturation.
    |n, _| Op::Set(n),
    |n, _| Op::Set(n),
    |n, _| Op::Set(n),
    |n, _| Op::SetRelease(n),
    |n, _| Op::TryFreeze(n),
    |_, _| Op::TryFreeze(Amount::NearCount(0)),
    |_, _| Op::TryFreeze(Amount::NearCount(0)),
    |_, _| Op::DropFrozen,
    |n, _| Op::Unfreeze(n),
    |_, _| Op::ForgetFrozen,
];

fn sequences() -> impl Strategy<Value = (u32, Vec<Op>)> {
    let op = (select(&OPS), amounts(), amounts()).prop_map(|(op, n, limit)| op(n, limit));
    (edges(), collection::vec(op, 1..40))
}

#[test]
fn native_agrees() {
    for_all(&sequences(), |(start, ops)| {
        agree::<Native>(&RefCount::new(start), start, &ops, false);
    });
}

#[test]
fn compare_exchange_only_agrees() {
    for_all(&sequences(), |(start, ops)| {
        agree::<CasOnlyBackend>(&RefCount::new_in(start), start, &ops, true);
    });
}

/// The puts of `Kref` are those of `RefCount`; what is left to show is which.
#[test]
fn one_successful_compare_exchange_per_put() {
    let kref = kref::Kref::<CasOnlyBackend>::from(RefCount::new_in(4));
    let lock = CountingLock::default();
    assert_eq!(count_writes(|| kref.put()), (false, 1));
    assert_eq!(count_writes(|| kref.put_lock(&lock).is_some()), (false, 1));
    assert_eq!(count_writes(|| kref.get_unless_zero()), (true, 1));
    assert_eq!(count_writes(|| kref.put()), (false, 1));
    assert_eq!(count_writes(|| kref.put_lock(&lock).is_some()), (false, 1));
    assert_eq!(lock.taken.get(), 0);
    assert_eq!(count_writes(|| kref.put_lock(&lock).is_some()), (true, 1));
    assert_eq!(lock.taken.get(), 1);
    assert_eq!(count_writes(|| kref.get_unless_zero()), (false, 0));
}
