//! Any sequence of operations does what it does with `Arc`.

use std::sync::Arc;

use kref::{Ref, UniqueRef};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Op {
    New(u8),
    Clone(usize),
    Drop(usize),
    GetMut(usize),
    MakeMut(usize),
    TryUnwrap(usize),
    IntoInner(usize),
    Unique(usize),
    Raw(usize),
    UnwrapOrClone(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let which = || 0..8_usize;
    prop_oneof![
        any::<u8>().prop_map(Op::New),
        which().prop_map(Op::Clone),
        which().prop_map(Op::Clone),
        which().prop_map(Op::Drop),
        which().prop_map(Op::GetMut),
        which().prop_map(Op::MakeMut),
        which().prop_map(Op::TryUnwrap),
        which().prop_map(Op::IntoInner),
        which().prop_map(Op::Unique),
        which().prop_map(Op::Raw),
        which().prop_map(Op::UnwrapOrClone),
    ]
}

type Pair = (Ref<Vec<u8>>, Arc<Vec<u8>>);

fn apply(pairs: &mut Vec<Pair>, op: Op) {
    let index = |which: usize| which % pairs.len();
    match op {
        Op::New(value) => pairs.push((Ref::new(vec![value]), Arc::new(vec![value]))),
        _ if pairs.is_empty() => {}
        Op::Clone(which) => pairs.push(pairs[index(which)].clone()),
        Op::Drop(which) => drop(pairs.swap_remove(index(which))),
        Op::GetMut(which) => {
            let index = index(which);
            let (ours, theirs) = &mut pairs[index];
            let (ours, theirs) = (Ref::get_mut(ours), Arc::get_mut(theirs));
            assert_eq!(ours, theirs);
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                ours.push(1);
                theirs.push(1);
            }
        }
        Op::MakeMut(which) => {
            let index = index(which);
            let (ours, theirs) = &mut pairs[index];
            Ref::make_mut(ours).push(2);
            Arc::make_mut(theirs).push(2);
        }
        Op::TryUnwrap(which) => {
            let (ours, theirs) = pairs.swap_remove(index(which));
            match (Ref::try_unwrap(ours), Arc::try_unwrap(theirs)) {
                (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs),
                (Err(ours), Err(theirs)) => pairs.push((ours, theirs)),
                different => panic!("{different:?}"),
            }
        }
        Op::IntoInner(which) => {
            let (ours, theirs) = pairs.swap_remove(index(which));
            assert_eq!(Ref::into_inner(ours), Arc::into_inner(theirs));
        }
        Op::Unique(which) => {
            let (ours, mut theirs) = pairs.swap_remove(index(which));
            let ours = match (Ref::try_unique(ours), Arc::get_mut(&mut theirs)) {
                (Ok(mut ours), Some(theirs)) => {
                    ours.push(3);
                    theirs.push(3);
                    UniqueRef::share(ours)
                }
                (Err(ours), None) => ours,
                different => panic!("{different:?}"),
            };
            pairs.push((ours, theirs));
        }
        Op::Raw(which) => {
            let (ours, theirs) = pairs.swap_remove(index(which));
            // SAFETY: just taken from a `Ref`, and taken back once.
            pairs.push((unsafe { Ref::from_raw(Ref::into_raw(ours)) }, theirs));
        }
        Op::UnwrapOrClone(which) => {
            let (ours, theirs) = pairs.swap_remove(index(which));
            assert_eq!(Ref::unwrap_or_clone(ours), Arc::unwrap_or_clone(theirs));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 2_000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_operations(ops in prop::collection::vec(op(), 0..if cfg!(miri) { 15 } else { 60 })) {
        let mut pairs = Vec::new();
        for op in ops {
            apply(&mut pairs, op);
            for (ours, theirs) in &pairs {
                assert_eq!(**ours, **theirs);
                assert_eq!(Ref::count_hint(ours) as usize, Arc::strong_count(theirs));
                for (other, their_other) in &pairs {
                    assert_eq!(Ref::ptr_eq(ours, other), Arc::ptr_eq(theirs, their_other));
                }
            }
        }
    }
}
