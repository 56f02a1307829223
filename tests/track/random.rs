//! Sequences of operations on one object: the holders are as many as the references, of the right kinds.

use std::mem::ManuallyDrop;

use kref::Ref;
use kref::track::{self, Kind};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Clone(usize),
    Tag(usize),
    Drop(usize),
    GiveAway(usize),
    TakeBack(usize),
    /// Clones a raw reference, which stays as it is.
    CloneRaw(usize),
    TryUnique(usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let at = 0..8_usize;
    prop_oneof![
        at.clone().prop_map(Clone),
        at.clone().prop_map(Tag),
        at.clone().prop_map(Drop),
        at.clone().prop_map(GiveAway),
        at.clone().prop_map(TakeBack),
        at.clone().prop_map(CloneRaw),
        at.prop_map(TryUnique),
    ]
}

/// The references, and what each was taken for.
#[derive(Default)]
struct World {
    held: Vec<(Ref<u32>, Option<&'static str>)>,
    raw: Vec<*const u32>,
}

impl World {
    fn apply(&mut self, operation: Operation) {
        let of = |len: usize, at: usize| (len > 0).then(|| at % len);
        match operation {
            Operation::Clone(at) | Operation::Tag(at) => {
                let Some(at) = of(self.held.len(), at) else {
                    return;
                };
                let from = &self.held[at].0;
                let new = match operation {
                    Operation::Tag(_) => (Ref::clone_for(from, "tag"), Some("tag")),
                    _ => (from.clone(), None),
                };
                self.held.push(new);
            }
            // The last one stays.
            Operation::Drop(at) if self.held.len() > 1 => {
                drop(self.held.swap_remove(at % self.held.len()));
            }
            Operation::GiveAway(at) if self.held.len() > 1 => {
                let (given, _) = self.held.swap_remove(at % self.held.len());
                self.raw.push(Ref::into_raw(given));
            }
            Operation::TakeBack(at) => {
                let Some(at) = of(self.raw.len(), at) else {
                    return;
                };
                let raw = self.raw.swap_remove(at);
                // SAFETY: it was given away, and is taken back once.
                self.held.push((unsafe { Ref::from_raw(raw) }, None));
            }
            Operation::CloneRaw(at) => {
                let Some(at) = of(self.raw.len(), at) else {
                    return;
                };
                // SAFETY: it was given away; it is not dropped here.
                let lent = ManuallyDrop::new(unsafe { Ref::from_raw(self.raw[at]) });
                self.held.push((Ref::clone(&lent), None));
            }
            Operation::TryUnique(at) => {
                let at = at % self.held.len();
                let (one, tag) = self.held.swap_remove(at);
                let (one, tag) = match Ref::try_unique(one) {
                    Ok(unique) => (kref::UniqueRef::share(unique), None),
                    Err(one) => (one, tag),
                };
                self.held.push((one, tag));
            }
            Operation::Drop(_) | Operation::GiveAway(_) => {}
        }
    }

    fn check(&self) {
        let (first, _) = &self.held[0];
        let report = track::report_of(first);
        assert_eq!(report.count(), self.held.len() + self.raw.len());
        assert_eq!(report.count(), Ref::count_hint(first) as usize);
        assert_eq!(report.untracked(), 0);
        let taken: usize = report.groups().iter().map(|group| group.count()).sum();
        assert_eq!(taken, report.count());
        // A raw reference that was lent counts as taken back.
        let is_raw = |holder: &&track::Holder| holder.kind() == Kind::Raw;
        assert!(report.holders().iter().filter(is_raw).count() <= self.raw.len());
        let tagged = self.held.iter().any(|(_, tag)| tag.is_some());
        // A tag goes with a reference that is given away.
        assert!(!tagged || Ref::is_held_by(first, "tag"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]

    #[test]
    fn holders_are_references(operations in prop::collection::vec(operation(), 1..60)) {
        let check = track::assert_all_dropped();
        let mut world = World::default();
        world.held.push((Ref::new(5), None));
        for operation in operations {
            world.apply(operation);
            world.check();
        }
        for raw in world.raw.drain(..) {
            // SAFETY: it was given away, and is taken back once.
            drop(unsafe { Ref::from_raw(raw) });
        }
        let (last, _) = world.held.swap_remove(0);
        world.held.clear();
        assert_eq!(track::report_of(&last).count(), 1);
        drop(last);
        assert!(check.left().is_empty());
    }
}
