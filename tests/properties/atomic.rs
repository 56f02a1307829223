//! `AtomicExt`, and the traits below it, on every integer against a model that computes in `i128`.

use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize,
};

use kref::atomic::{Atomic, AtomicExt, AtomicInt, Int, Signed};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::for_all;
use crate::machines::backend::{CasOnly, count_writes};

/// An integer whose every value fits in an `i128`.
trait Wide: Int + 'static {
    const MIN: i128;
    const MAX: i128;
    fn wide(self) -> i128;
    fn narrow(wide: i128) -> Self;
}

macro_rules! wide {
    ($($int:ident)*) => {$(
        impl Wide for $int {
            const MIN: i128 = $int::MIN as i128;
            const MAX: i128 = $int::MAX as i128;
            fn wide(self) -> i128 {
                self.into_wide()
            }
            fn narrow(wide: i128) -> Self {
                wide.try_into().expect("the model left the range of the type")
            }
        }
    )*};
}
wide!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

/// Conversion without loss; `usize` and `isize` have no `Into<i128>`.
trait IntoWide {
    fn into_wide(self) -> i128;
}

impl<V: TryInto<i128>> IntoWide for V {
    fn into_wide(self) -> i128 {
        self.try_into().ok().expect("every width fits in 128 bits")
    }
}

/// Brings a result of wide arithmetic back into the range of `V`, going round at its ends.
fn wrap<V: Wide>(wide: i128) -> i128 {
    (wide - V::MIN).rem_euclid(V::MAX - V::MIN + 1) + V::MIN
}

/// Declares the operations, and lists them.
macro_rules! operations {
    ($($name:ident)*) => {
        #[derive(Clone, Copy, Debug, PartialEq)]
        enum Op {
            $($name),*
        }

        const SIGNED: &[Op] = &[$(Op::$name),*];
    };
}

operations! {
    Load Store Swap CompareExchange WithMut FetchAdd FetchSub FetchAnd FetchOr FetchXor
    FetchAndnot FetchInc FetchDec IncReturn DecReturn AddReturn SubReturn IncAndTest DecAndTest
    SubAndTest AddUnless FetchAddUnless IncNotZero DecNotOne DecIfOne DecIfPositive RaiseTo
    LowerTo SetBits ClearBits CasLoop
    // From here on for signed integers only.
    AddNegative IncUnlessNegative DecUnlessPositive
}

const UNSIGNED: &[Op] = SIGNED.split_at(Op::AddNegative as usize).0;

impl Op {
    /// Whether the operation has a first, and a second operand.
    fn takes(self) -> (bool, bool) {
        match self {
            Op::AddUnless | Op::FetchAddUnless | Op::CompareExchange | Op::CasLoop => (true, true),
            Op::Load
            | Op::WithMut
            | Op::FetchInc
            | Op::FetchDec
            | Op::IncReturn
            | Op::DecReturn
            | Op::IncAndTest
            | Op::DecAndTest
            | Op::IncNotZero
            | Op::DecNotOne
            | Op::DecIfOne
            | Op::DecIfPositive
            | Op::IncUnlessNegative
            | Op::DecUnlessPositive => (false, false),
            _ => (true, false),
        }
    }
}

/// What an operation returned.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Nothing,
    Truth(bool),
    Value(i128),
    /// `Ok(old)` if it wrote, `Err(current)` if it declined.
    Found(Result<i128, i128>),
}

/// What `op` returns when it finds `v`, and what it writes, if it does.
fn model<V: Wide>(op: Op, v: i128, a: i128, b: i128) -> (Outcome, Option<i128>) {
    use Outcome::{Found, Nothing, Truth, Value};
    let wrap = wrap::<V>;
    let old = |new: i128| (Value(v), Some(wrap(new)));
    let new = |new: i128| (Value(wrap(new)), Some(wrap(new)));
    let is_zero = |new: i128| (Truth(wrap(new) == 0), Some(wrap(new)));
    let done_if = |done: bool, new: i128| (Truth(done), done.then(|| wrap(new)));
    let found_if = |done: bool, new: i128| {
        let found = if done { Ok(v) } else { Err(v) };
        (Found(found), done.then(|| wrap(new)))
    };
    match op {
        Op::Load => (Value(v), None),
        Op::Store => (Nothing, Some(a)),
        Op::Swap => old(a),
        Op::CompareExchange => found_if(v == a, b),
        // Through an exclusive borrow, which is not a write of an atomic.
        Op::WithMut => (Value(v), None),
        Op::FetchAdd => old(v + a),
        Op::FetchSub => old(v - a),
        Op::FetchAnd => old(v & a),
        Op::FetchOr => old(v | a),
        Op::FetchXor => old(v ^ a),
        Op::FetchAndnot => old(v & !a),
        Op::FetchInc => old(v + 1),
        Op::FetchDec => old(v - 1),
        Op::IncReturn => new(v + 1),
        Op::DecReturn => new(v - 1),
        Op::AddReturn => new(v + a),
        Op::SubReturn => new(v - a),
        Op::IncAndTest => is_zero(v + 1),
        Op::DecAndTest => is_zero(v - 1),
        Op::SubAndTest => is_zero(v - a),
        Op::AddUnless => done_if(v != b, v + a),
        Op::FetchAddUnless => found_if(v != b, v + a),
        Op::IncNotZero => done_if(v != 0, v + 1),
        Op::DecNotOne => done_if(v != 1, v - 1),
        Op::DecIfOne => done_if(v == 1, 0),
        Op::DecIfPositive => found_if(v > 0, v - 1),
        Op::RaiseTo => found_if(v < a, a),
        Op::LowerTo => found_if(v > a, a),
        Op::SetBits => (Value(v), (v | a != v).then_some(v | a)),
        Op::ClearBits => (Value(v), (v & a != 0).then_some(v & !a)),
        Op::CasLoop => found_if(v != a, b),
        Op::AddNegative => (Truth(wrap(v + a) < 0), Some(wrap(v + a))),
        Op::IncUnlessNegative => done_if(v >= 0, v + 1),
        Op::DecUnlessPositive => done_if(v <= 0, v - 1),
    }
}

/// Runs an operation that every integer has.
fn run<A>(cell: &mut A, op: Op, a: A::Value, b: A::Value, order: Ordering) -> Outcome
where
    A: AtomicInt<Value: Wide>,
{
    let value = |value: A::Value| Outcome::Value(value.wide());
    let found = |found: Result<A::Value, A::Value>| {
        Outcome::Found(found.map(Wide::wide).map_err(Wide::wide))
    };
    let truth = Outcome::Truth;
    match op {
        Op::Load => value(cell.load(Relaxed)),
        Op::Store => {
            cell.store(a, Release);
            Outcome::Nothing
        }
        Op::Swap => value(cell.swap(a, order)),
        Op::CompareExchange => found(cell.compare_exchange(a, b, order, Relaxed)),
        Op::WithMut => value(cell.with_mut(|value| *value)),
        Op::FetchAdd => value(cell.fetch_add(a, order)),
        Op::FetchSub => value(cell.fetch_sub(a, order)),
        Op::FetchAnd => value(cell.fetch_and(a, order)),
        Op::FetchOr => value(cell.fetch_or(a, order)),
        Op::FetchXor => value(cell.fetch_xor(a, order)),
        Op::FetchAndnot => value(cell.fetch_andnot(a, order)),
        Op::FetchInc => value(cell.fetch_inc(order)),
        Op::FetchDec => value(cell.fetch_dec(order)),
        Op::IncReturn => value(cell.inc_return(order)),
        Op::DecReturn => value(cell.dec_return(order)),
        Op::AddReturn => value(cell.add_return(a, order)),
        Op::SubReturn => value(cell.sub_return(a, order)),
        Op::IncAndTest => truth(cell.inc_and_test(order)),
        Op::DecAndTest => truth(cell.dec_and_test(order)),
        Op::SubAndTest => truth(cell.sub_and_test(a, order)),
        Op::AddUnless => truth(cell.add_unless(a, b, order)),
        Op::FetchAddUnless => found(cell.fetch_add_unless(a, b, order)),
        Op::IncNotZero => truth(cell.inc_not_zero(order)),
        Op::DecNotOne => truth(cell.dec_not_one(order)),
        Op::DecIfOne => truth(cell.dec_if_one(order)),
        Op::DecIfPositive => found(cell.dec_if_positive(order)),
        Op::RaiseTo => found(cell.raise_to(a, order)),
        Op::LowerTo => found(cell.lower_to(a, order)),
        Op::SetBits => value(cell.set_bits(a, order)),
        Op::ClearBits => value(cell.clear_bits(a, order)),
        Op::CasLoop => found(cell.cas_loop(order, |v| (v != a).then_some(b))),
        Op::AddNegative | Op::IncUnlessNegative | Op::DecUnlessPositive => {
            unreachable!("{op:?} asks for the sign")
        }
    }
}

/// Runs an operation that a signed integer has.
fn run_signed<A>(cell: &mut A, op: Op, a: A::Value, b: A::Value, order: Ordering) -> Outcome
where
    A: AtomicInt<Value: Wide + Signed>,
{
    match op {
        Op::AddNegative => Outcome::Truth(cell.add_negative(a, order)),
        Op::IncUnlessNegative => Outcome::Truth(cell.inc_unless_negative(order)),
        Op::DecUnlessPositive => Outcome::Truth(cell.dec_unless_positive(order)),
        op => run(cell, op, a, b, order),
    }
}

type Run<A> = fn(&mut A, Op, <A as Atomic>::Value, <A as Atomic>::Value, Ordering) -> Outcome;

/// Runs one operation on both cells, which hold `v`; returns what they hold afterwards.
fn step<A: AtomicInt<Value: Wide>>(
    (native, run_native): (&mut A, Run<A>),
    (cas_only, run_cas_only): (&mut CasOnly<A>, Run<CasOnly<A>>),
    (op, v, a, b, order): (Op, i128, i128, i128, Ordering),
) -> i128 {
    let (outcome, written) = model::<A::Value>(op, v, a, b);
    let left = written.unwrap_or(v);
    let shown = (op, v, a, b);

    let (narrow_a, narrow_b) = (Wide::narrow(a), Wide::narrow(b));
    let got = run_native(native, op, narrow_a, narrow_b, order);
    assert_eq!(
        (got, native.load(Relaxed).wide()),
        (outcome, left),
        "{shown:?}"
    );

    let (got, writes) = count_writes(|| run_cas_only(cas_only, op, narrow_a, narrow_b, order));
    assert_eq!(
        (got, cas_only.load(Relaxed).wide()),
        (outcome, left),
        "{shown:?}"
    );
    assert_eq!(writes, u32::from(written.is_some()), "writes of {shown:?}");
    left
}

/// A second operand: of its own, or close to the value that the operation will find.
#[derive(Clone, Copy, Debug)]
enum Operand {
    Value(i128),
    NearCurrent(i128),
}

impl Operand {
    fn resolve<V: Wide>(self, current: i128) -> i128 {
        match self {
            Self::Value(value) => value,
            Self::NearCurrent(distance) => wrap::<V>(current + distance),
        }
    }
}

/// Every value, the edges of the range and of the sign preferred.
fn values<V: Wide>() -> impl Strategy<Value = i128> {
    let edges: Vec<i128> = [V::MIN, -1, 0, 1, V::MAX]
        .into_iter()
        .flat_map(|edge| edge - 2..=edge + 2)
        .filter(|edge| (V::MIN..=V::MAX).contains(edge))
        .collect();
    prop_oneof![3 => select(edges), 1 => V::MIN..=V::MAX]
}

fn operands<V: Wide>() -> impl Strategy<Value = Operand> {
    prop_oneof![
        2 => values::<V>().prop_map(Operand::Value),
        1 => (-1..=1_i128).prop_map(Operand::NearCurrent),
    ]
}

fn agree<A: AtomicInt<Value: Wide>>(ops: &[Op], native: Run<A>, cas_only: Run<CasOnly<A>>) {
    let orders = select(vec![Relaxed, Acquire, Release, AcqRel, SeqCst]);
    let steps = vec(
        (
            select(ops.to_vec()),
            operands::<A::Value>(),
            operands::<A::Value>(),
            orders,
        ),
        1..20,
    );
    for_all(&(values::<A::Value>(), steps), |(start, steps)| {
        let mut native_cell = A::new(Wide::narrow(start));
        let mut cas_only_cell = CasOnly::new(Wide::narrow(start));
        let mut v = start;
        for (op, a, b, order) in steps {
            let (a, b) = (a.resolve::<A::Value>(v), b.resolve::<A::Value>(v));
            v = step(
                (&mut native_cell, native),
                (&mut cas_only_cell, cas_only),
                (op, v, a, b, order),
            );
        }
    });
}

fn unsigned<A: AtomicInt<Value: Wide>>() {
    agree::<A>(UNSIGNED, run, run);
}

fn signed<A: AtomicInt<Value: Wide + Signed>>() {
    agree::<A>(SIGNED, run_signed, run_signed);
}

#[test]
fn u8_agrees() {
    unsigned::<AtomicU8>();
}

#[test]
fn u16_agrees() {
    unsigned::<AtomicU16>();
}

#[test]
fn u32_agrees() {
    unsigned::<AtomicU32>();
}

#[test]
fn u64_agrees() {
    unsigned::<AtomicU64>();
}

#[test]
fn usize_agrees() {
    unsigned::<AtomicUsize>();
}

#[test]
fn i8_agrees() {
    signed::<AtomicI8>();
}

#[test]
fn i16_agrees() {
    signed::<AtomicI16>();
}

#[test]
fn i32_agrees() {
    signed::<AtomicI32>();
}

#[test]
fn i64_agrees() {
    signed::<AtomicI64>();
}

#[test]
fn isize_agrees() {
    signed::<AtomicIsize>();
}

/// Every operation on every value with every operand.
fn exhaust<A: AtomicInt<Value: Wide>>(ops: &[Op], native: Run<A>, cas_only: Run<CasOnly<A>>) {
    let stride = if cfg!(miri) { 51 } else { 1 };
    let range = || (A::Value::MIN..=A::Value::MAX).step_by(stride);
    let mut native_cell = A::new(Int::ZERO);
    let mut cas_only_cell = CasOnly::new(Int::ZERO);
    for &op in ops {
        let (takes_a, takes_b) = op.takes();
        for v in range() {
            for a in range().take(if takes_a { 256 } else { 1 }) {
                for b in [v, 0].into_iter().take(if takes_b { 2 } else { 1 }) {
                    native_cell.with_mut(|value| *value = Wide::narrow(v));
                    cas_only_cell.with_mut(|value| *value = Wide::narrow(v));
                    step(
                        (&mut native_cell, native),
                        (&mut cas_only_cell, cas_only),
                        (op, v, a, b, AcqRel),
                    );
                }
            }
        }
    }
}

#[test]
fn all_of_u8_agrees() {
    exhaust::<AtomicU8>(UNSIGNED, run, run);
}

#[test]
fn all_of_i8_agrees() {
    exhaust::<AtomicI8>(SIGNED, run_signed, run_signed);
}
