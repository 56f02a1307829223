//! Any sequence of operations does what it does with `Arc` and std's `Weak`.

use std::sync::{Arc, Weak as ArcWeak};

use kref::weak::{Weak, WeakRef};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Op {
    New(u8),
    NewCyclic(u8),
    Clone,
    Drop,
    Downgrade,
    CloneWeak,
    DropWeak,
    Upgrade(bool),
    GetMut,
    MakeMut,
    TryUnwrap,
    IntoInner,
    UnwrapOrClone,
    Raw,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        any::<u8>().prop_map(Op::New),
        any::<u8>().prop_map(Op::NewCyclic),
        Just(Op::Clone),
        Just(Op::Drop),
        Just(Op::Drop),
        Just(Op::Downgrade),
        Just(Op::CloneWeak),
        Just(Op::DropWeak),
        any::<bool>().prop_map(Op::Upgrade),
        any::<bool>().prop_map(Op::Upgrade),
        Just(Op::GetMut),
        Just(Op::MakeMut),
        Just(Op::TryUnwrap),
        Just(Op::IntoInner),
        Just(Op::UnwrapOrClone),
        Just(Op::Raw),
    ]
}

type Strong = (WeakRef<Vec<u8>>, Arc<Vec<u8>>);
type Pointers = (Weak<Vec<u8>>, ArcWeak<Vec<u8>>);

#[derive(Default)]
struct Pairs {
    strong: Vec<Strong>,
    weak: Vec<Pointers>,
}

impl Pairs {
    fn apply(&mut self, op: Op, which: usize) {
        let Self { strong, weak } = self;
        let at = which % strong.len().max(1);
        let weak_at = which % weak.len().max(1);
        match op {
            Op::New(value) => strong.push((WeakRef::new(vec![value]), Arc::new(vec![value]))),
            Op::NewCyclic(value) => {
                let mut ours_weak = None;
                let ours = WeakRef::new_cyclic(|weak| {
                    ours_weak = Some(weak.clone());
                    vec![value]
                });
                let mut their_weak = None;
                let theirs = Arc::new_cyclic(|weak| {
                    their_weak = Some(weak.clone());
                    vec![value]
                });
                strong.push((ours, theirs));
                weak.push((ours_weak.unwrap(), their_weak.unwrap()));
            }
            Op::CloneWeak if !weak.is_empty() => weak.push(weak[weak_at].clone()),
            Op::DropWeak if !weak.is_empty() => drop(weak.swap_remove(weak_at)),
            Op::Upgrade(looks) if !weak.is_empty() => {
                let (ours, theirs) = &weak[weak_at];
                let ours = if looks {
                    ours.upgrade_if_live()
                } else {
                    ours.upgrade()
                };
                match (ours, theirs.upgrade()) {
                    (Some(ours), Some(theirs)) => strong.push((ours, theirs)),
                    (None, None) => {}
                    different => panic!("{different:?}"),
                }
            }
            _ if strong.is_empty() => {}
            Op::Clone => strong.push(strong[at].clone()),
            Op::Drop => drop(strong.swap_remove(at)),
            Op::Downgrade => {
                let (ours, theirs) = &strong[at];
                weak.push((WeakRef::downgrade(ours), Arc::downgrade(theirs)));
            }
            Op::GetMut => {
                let (ours, theirs) = &mut strong[at];
                let (ours, theirs) = (WeakRef::get_mut(ours), Arc::get_mut(theirs));
                assert_eq!(ours, theirs);
                if let (Some(ours), Some(theirs)) = (ours, theirs) {
                    ours.push(1);
                    theirs.push(1);
                }
            }
            Op::MakeMut => {
                let (ours, theirs) = &mut strong[at];
                WeakRef::make_mut(ours).push(2);
                Arc::make_mut(theirs).push(2);
            }
            Op::TryUnwrap => {
                let (ours, theirs) = strong.swap_remove(at);
                match (WeakRef::try_unwrap(ours), Arc::try_unwrap(theirs)) {
                    (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs),
                    (Err(ours), Err(theirs)) => strong.push((ours, theirs)),
                    different => panic!("{different:?}"),
                }
            }
            Op::IntoInner => {
                let (ours, theirs) = strong.swap_remove(at);
                assert_eq!(WeakRef::into_inner(ours), Arc::into_inner(theirs));
            }
            Op::UnwrapOrClone => {
                let (ours, theirs) = strong.swap_remove(at);
                assert_eq!(WeakRef::unwrap_or_clone(ours), Arc::unwrap_or_clone(theirs));
            }
            Op::Raw => {
                let (ours, theirs) = strong.swap_remove(at);
                // SAFETY: just taken from a `WeakRef`, and taken back once.
                strong.push((
                    unsafe { WeakRef::from_raw(WeakRef::into_raw(ours)) },
                    theirs,
                ));
            }
            Op::CloneWeak | Op::DropWeak | Op::Upgrade(_) => {}
        }
    }

    fn check(&self) {
        for (ours, theirs) in &self.strong {
            assert_eq!(**ours, **theirs);
            assert_eq!(
                WeakRef::count_hint(ours) as usize,
                Arc::strong_count(theirs)
            );
            assert_eq!(
                WeakRef::weak_count_hint(ours) as usize,
                Arc::weak_count(theirs)
            );
            for (other, their_other) in &self.strong {
                assert_eq!(
                    WeakRef::ptr_eq(ours, other),
                    Arc::ptr_eq(theirs, their_other)
                );
            }
        }
        for (ours, theirs) in &self.weak {
            assert_eq!(ours.count_hint() as usize, theirs.strong_count());
            assert_eq!(ours.weak_count_hint() as usize, theirs.weak_count());
            assert_eq!(ours.is_dead(), theirs.strong_count() == 0);
            for (other, their_other) in &self.weak {
                assert_eq!(ours.ptr_eq(other), theirs.ptr_eq(their_other));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 2_000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_operations(ops in prop::collection::vec((op(), 0..8_usize), 0..60)) {
        let mut pairs = Pairs::default();
        for (op, which) in ops {
            pairs.apply(op, which);
            pairs.check();
        }
    }
}
