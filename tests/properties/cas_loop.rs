//! The operations on `bool` and pointers, and what is special to `cas_loop`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU32};

use kref::atomic::{Atomic, AtomicBits, AtomicExt};

use crate::machines::backend::{CasOnly, count_writes};

/// Runs `op` on an atomic of the crate's own and on one that has only compare-exchange, both holding
/// `old`; both return `returned`, hold `left`, and are written `writes` times.
macro_rules! both {
    ($atomic:ty, $old:expr, $op:expr => $returned:expr, $left:expr, $writes:expr) => {{
        fn apply<A: AtomicBits<Value = bool>>(cell: &A, op: impl Fn(&A) -> bool) -> bool {
            op(cell)
        }
        let native = <$atomic>::new($old);
        assert_eq!(apply(&native, $op), $returned);
        assert_eq!(Atomic::load(&native, Relaxed), $left);
        let cas_only = CasOnly::<$atomic>::new($old);
        let (returned, writes) = count_writes(|| apply(&cas_only, $op));
        assert_eq!(returned, $returned);
        assert_eq!(cas_only.load(Relaxed), $left);
        assert_eq!(writes, $writes);
    }};
}

#[test]
fn bool_agrees() {
    for old in [false, true] {
        for v in [false, true] {
            both!(AtomicBool, old, |c| c.swap(v, AcqRel) => old, v, 1);
            both!(AtomicBool, old, |c| c.fetch_and(v, AcqRel) => old, old && v, 1);
            both!(AtomicBool, old, |c| c.fetch_or(v, AcqRel) => old, old || v, 1);
            both!(AtomicBool, old, |c| c.fetch_xor(v, AcqRel) => old, old != v, 1);
            both!(AtomicBool, old, |c| c.fetch_andnot(v, AcqRel) => old, old && !v, 1);
            both!(AtomicBool, old, |c| c.set_bits(v, AcqRel) => old, old || v, u32::from(!old && v));
            both!(AtomicBool, old, |c| c.clear_bits(v, AcqRel) => old, old && !v, u32::from(old && v));
            both!(AtomicBool, old, |c| c.raise_to(v, AcqRel) == Ok(old) => !old && v, old || v, u32::from(!old && v));
            both!(AtomicBool, old, |c| c.lower_to(v, AcqRel) == Ok(old) => old && !v, old && v, u32::from(old && !v));
            both!(AtomicBool, old, |c| c.cas_loop(AcqRel, |b| (b != v).then_some(v)) == Ok(old) => old != v, v, u32::from(old != v));
        }
    }
}

/// Pops from the front of an array, as a free list would.
fn pointers_agree<A: Atomic<Value = *mut u32>>() {
    let mut array = [10, 11, 12];
    let end = array.as_mut_ptr_range().end;
    let cell = A::new(array.as_mut_ptr());
    let pop = || {
        cell.cas_loop(AcqRel, |p| (p != end).then(|| p.wrapping_add(1)))
            // SAFETY: a pointer that was not the end points into the array, which nobody writes.
            .map(|p| unsafe { *p })
    };
    assert_eq!([pop(), pop(), pop()], [Ok(10), Ok(11), Ok(12)]);
    let (declined, writes) = count_writes(pop);
    assert_eq!((declined, writes), (Err(end), 0));

    // Pointers have an order, but no arithmetic.
    let start = array.as_mut_ptr();
    assert_eq!(cell.raise_to(start, AcqRel), Err(end));
    assert_eq!(cell.lower_to(start, AcqRel), Ok(end));
    assert_eq!(cell.swap(std::ptr::null_mut(), AcqRel), start);
    assert!(cell.load(Relaxed).is_null());
}

#[test]
fn pointer_agrees() {
    pointers_agree::<AtomicPtr<u32>>();
    pointers_agree::<CasOnly<AtomicPtr<u32>>>();
}

#[test]
fn with_mut_writes_in_place() {
    let mut cell = AtomicU16::new(7);
    assert_eq!(cell.with_mut(|value| std::mem::replace(value, 8)), 7);
    assert_eq!(Atomic::load(&cell, Relaxed), 8);
}

#[test]
fn cas_loop_tries_again_with_what_it_found() {
    let cell = AtomicU32::new(1);
    let mut seen = Vec::new();
    let result = cell.cas_loop(Relaxed, |value| {
        seen.push(value);
        if seen.len() == 1 {
            cell.store(5, Relaxed); // somebody else is faster
        }
        Some(value * 10)
    });
    assert_eq!(result, Ok(5));
    assert_eq!(*seen.first().unwrap(), 1);
    // Once more at least; more often where the processor fails spuriously.
    assert!(seen.len() > 1 && seen[1..].iter().all(|&value| value == 5));
    assert_eq!(cell.into_inner(), 50);
}

#[test]
fn cas_loop_writes_nothing_when_the_closure_panics() {
    let cell = CasOnly::<AtomicU32>::new(1);
    let ((), writes) = count_writes(|| {
        let result = catch_unwind(AssertUnwindSafe(|| {
            cell.cas_loop(Relaxed, |_| panic!("of the closure's own"))
        }));
        assert!(result.is_err());
    });
    assert_eq!((cell.load(Relaxed), writes), (1, 0));
}
