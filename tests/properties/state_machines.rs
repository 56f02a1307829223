//! The state machines of `tests/machines`, in sequences short and long; what fails is shrunk.

use std::marker::PhantomData;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use kref::atomic::Native;
use kref::registry::DefaultHashBuilder;
use kref::{IntrusiveRef, Ref};
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};

use crate::machines::backend::CasOnlyBackend;
use crate::machines::drain::DrainMachine;
use crate::machines::handback::HandBackMachine;
use crate::machines::interner::{InternerMachine, Wide, Word};
use crate::machines::intrusive::{ListMachine, Object};
use crate::machines::key_lock::KeyLockMachine;
use crate::machines::llist::LListMachine;
use crate::machines::rcuref::RcuRefMachine;
use crate::machines::refcount::RefCountMachine;
use crate::machines::refs::RefMachine;
use crate::machines::registry::RegistryMachine;
use crate::machines::sharded::ShardedMachine;
use crate::machines::sharded_ref::ShardedRefMachine;
use crate::machines::values::{Line, Page};
use crate::machines::weak::WeakMachine;
use crate::machines::{Machine, Model, OpOf, TwoHashes};
use crate::{cases, for_some};

/// A machine together with its model.
struct Both<M>(PhantomData<M>);

impl<M: Machine> ReferenceStateMachine for Both<M> {
    type State = M::Model;
    type Transition = OpOf<M>;

    fn init_state() -> BoxedStrategy<M::Model> {
        Just(M::Model::default()).boxed()
    }

    fn transitions(_: &M::Model) -> BoxedStrategy<OpOf<M>> {
        (select(M::ALPHABET), any::<u16>(), any::<u16>())
            .prop_map(|(letter, a, b)| letter(a, b))
            .boxed()
    }

    fn apply(mut model: M::Model, op: &OpOf<M>) -> M::Model {
        model.apply(op);
        model
    }
}

impl<M: Machine> StateMachineTest for Both<M> {
    type SystemUnderTest = M;
    type Reference = Self;

    fn init_test(_: &M::Model) -> M {
        M::new()
    }

    fn apply(mut machine: M, _: &M::Model, op: OpOf<M>) -> M {
        machine.apply(op);
        machine
    }

    fn check_invariants(machine: &M, model: &M::Model) {
        machine.check(model);
    }

    fn teardown(machine: M, model: M::Model) {
        machine.finish(&model);
    }
}

/// Many short sequences, in which little hides what is wrong, and few long ones, in which much happens.
fn agrees<M: Machine>() {
    let cases = cases(512);
    sequences::<M>(cases, 1..40);
    let long = if cfg!(miri) { 40..60 } else { 200..400 };
    sequences::<M>((cases / 16).max(1), long);
}

fn sequences<M: Machine>(cases: u32, length: Range<usize>) {
    let strategy = Both::<M>::sequential_strategy(length);
    for_some(cases, &strategy, |(model, ops, seen)| {
        Both::<M>::test_sequential(ProptestConfig::default(), model, ops, seen);
    });
}

#[test]
fn refcount() {
    agrees::<RefCountMachine<Native>>();
}

#[test]
fn refcount_by_compare_exchange_only() {
    agrees::<RefCountMachine<CasOnlyBackend>>();
}

#[test]
fn handback() {
    agrees::<HandBackMachine<Native>>();
}

#[test]
fn rcuref() {
    agrees::<RcuRefMachine<Native>>();
}

#[test]
fn sharded_count() {
    agrees::<ShardedMachine>();
}

#[test]
fn sharded_refs() {
    agrees::<ShardedRefMachine>();
}

#[test]
fn drain() {
    agrees::<DrainMachine>();
}

#[test]
fn key_lock() {
    agrees::<KeyLockMachine>();
}

#[test]
fn refs() {
    agrees::<RefMachine>();
}

#[test]
fn weak() {
    agrees::<WeakMachine>();
}

#[test]
fn registry_of_small_values() {
    agrees::<RegistryMachine<DefaultHashBuilder>>();
}

#[test]
fn registry_with_a_hasher_that_collides() {
    agrees::<RegistryMachine<TwoHashes, Line, 100>>();
}

#[test]
fn registry_of_large_values() {
    agrees::<RegistryMachine<DefaultHashBuilder, (), 9000>>();
}

#[test]
fn registry_of_aligned_values() {
    agrees::<RegistryMachine<DefaultHashBuilder, Page, 8>>();
}

#[test]
fn interner_of_text() {
    agrees::<InternerMachine<str, DefaultHashBuilder>>();
}

#[test]
fn interner_of_text_with_a_hasher_that_collides() {
    agrees::<InternerMachine<str, TwoHashes>>();
}

#[test]
fn interner_of_strings() {
    agrees::<InternerMachine<String, DefaultHashBuilder>>();
}

#[test]
fn interner_of_counted_values() {
    agrees::<InternerMachine<Word, TwoHashes>>();
}

#[test]
fn interner_of_slices() {
    agrees::<InternerMachine<[u16], DefaultHashBuilder>>();
}

#[test]
fn interner_of_slices_of_aligned_elements() {
    agrees::<InternerMachine<[Wide], DefaultHashBuilder>>();
}

#[test]
fn llist_of_small_values() {
    agrees::<LListMachine>();
}

#[test]
fn llist_of_large_values() {
    agrees::<LListMachine<Line, 500>>();
}

#[test]
fn lists_of_boxes() {
    agrees::<ListMachine<Box<Object>, false>>();
}

#[test]
fn lists_of_pinned_boxes() {
    agrees::<ListMachine<Pin<Box<Object>>, false>>();
}

#[test]
fn lists_of_arcs() {
    agrees::<ListMachine<Arc<Object>, true>>();
}

#[test]
fn lists_of_refs() {
    agrees::<ListMachine<Ref<Object>, true>>();
}

#[test]
fn lists_of_intrusive_refs() {
    agrees::<ListMachine<IntrusiveRef<Object>, true>>();
}
