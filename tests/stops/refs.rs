//! `Ref`, whose drop learns of its decrement only whether it found more than one.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use kref::Ref;

use crate::backend::{Kind, Stops, behind, everywhere, stopped, trace};
use crate::{MAX, SATURATED, UNNOTICED, edges, quiet};

type Shared = Ref<Value, Stops>;

/// Knows how often it was destroyed.
#[repr(C, align(8))]
struct Value(Arc<AtomicU32>);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// A value whose count the test sees and sets.
struct Object {
    at: *const Value,
    destroyed: Arc<AtomicU32>,
}

impl Object {
    /// The count is `word`, and the test has to keep to it.
    fn at(word: u32) -> (Self, Shared) {
        let destroyed = Arc::new(AtomicU32::new(0));
        let value = Shared::new_in(Value(Arc::clone(&destroyed)));
        let at = Shared::as_ptr(&value);
        let object = Self { at, destroyed };
        object.word().store(word, Relaxed);
        (object, value)
    }

    /// The count. What is done to it is no operation of the observed thread.
    fn word(&self) -> &AtomicU32 {
        // SAFETY: the count is in front of the value, which a test asks for only while it has a pointer.
        unsafe { &*self.at.cast::<AtomicU32>().wrapping_sub(1) }
    }

    /// Another pointer, which the count counts already.
    fn another(&self) -> Shared {
        // SAFETY: as much as the test says.
        unsafe { Shared::from_raw_in(self.at) }
    }

    fn destroyed(&self) -> u32 {
        self.destroyed.load(Relaxed)
    }

    /// Drops the last pointer.
    fn end(self, value: Shared) {
        assert_eq!(self.destroyed(), 0);
        self.word().store(1, Relaxed);
        drop(value);
        assert_eq!(self.destroyed(), 1);
    }
}

/// The values that only a thread that pinned the count can have put there.
fn is_pinned(word: u32) -> bool {
    (0x9000_0000..0xF000_0000).contains(&word)
}

/// A drop that left references is one instruction. One that found a bad count looks once, and moves the count only back to
/// the middle.
#[test]
fn a_drop_looks_again_only_at_what_is_bad() {
    quiet();
    for word in edges().into_iter().filter(|&word| word > 1) {
        let (object, value) = Object::at(word);
        let another = object.another();
        let ((), steps) = trace(|| drop(another));
        let left = word - 1;
        let kinds: Vec<_> = steps.iter().map(|step| step.kind).collect();
        let now = object.word().load(Relaxed);
        let far = is_pinned(left) && left.abs_diff(SATURATED) >= 1 << 28;
        let below_zero = left >= 0xF000_0000;
        match (word > MAX, far || below_zero) {
            (false, _) => assert_eq!(kinds, [Kind::Sub], "{word:#x}"),
            (true, false) => assert_eq!(kinds, [Kind::Sub, Kind::Load], "{word:#x}"),
            (true, true) => assert_eq!(
                kinds,
                [Kind::Sub, Kind::Load, Kind::CompareExchange],
                "{word:#x}"
            ),
        }
        let moved = if far || below_zero { SATURATED } else { left };
        assert_eq!(now, moved, "{word:#x}");
        object.end(value);
    }
}

/// While a drop that found a bad count stands, the count becomes whatever it may: all but two are dropped, or it is pinned.
/// The drop was not the last, and frees nothing.
#[test]
fn a_drop_from_a_bad_count_is_never_the_last() {
    quiet();
    for word in [
        UNNOTICED,
        UNNOTICED + 1,
        UNNOTICED + 5,
        SATURATED,
        0x9000_0000,
    ] {
        for left in [2, 3, 1 << 30, MAX, UNNOTICED, SATURATED, SATURATED + 7] {
            everywhere(|place| {
                let (object, value) = Object::at(word);
                let another = object.another();
                let run = stopped(
                    place,
                    || drop(another),
                    || object.word().store(left, Relaxed),
                );
                assert_eq!(object.destroyed(), 0, "{word:#x}, {left:#x}, {place:?}");
                if run.meanwhile.is_some() && place != crate::backend::before(1) {
                    assert_eq!(object.word().load(Relaxed), left, "{word:#x}, {place:?}");
                }
                object.end(value);
                run.meanwhile.is_some()
            });
        }
    }
}

/// 2^31 - 1 references. A clone makes it one more and is stopped before it has pinned the count; a drop is stopped behind its
/// decrement; the others are dropped, all but the two of the clone. Neither the drop nor any of those is the last.
#[test]
fn a_drop_beside_a_clone_that_has_not_pinned_yet_is_not_the_last() {
    quiet();
    for others in [0, 1, 1 << 30, MAX - 2] {
        let (object, value) = Object::at(MAX);
        let another = object.another();
        let clone = stopped(
            behind(1),
            || value.clone(),
            || {
                assert_eq!(object.word().load(Relaxed), UNNOTICED);
                let run = stopped(
                    behind(1),
                    || drop(another),
                    || object.word().fetch_sub(others, Relaxed),
                );
                assert_eq!(run.meanwhile, Some(MAX));
                assert_eq!(object.word().load(Relaxed), MAX - others);
            },
        );
        assert!(clone.meanwhile.is_some());
        assert_eq!(object.word().load(Relaxed), SATURATED, "{others:#x}");
        drop(clone.result);
        object.end(value);
    }
}

/// Every clone that leaves more than `MAX` pins the count before it returns, whatever others have made of it by then.
#[test]
fn a_clone_beyond_max_has_pinned_the_count_when_it_returns() {
    quiet();
    for word in [MAX - 1, MAX, UNNOTICED, UNNOTICED + 5] {
        for drops in [0, 1, 1 << 30, MAX - 2] {
            let (object, value) = Object::at(word);
            let clone = stopped(
                behind(1),
                || value.clone(),
                || object.word().fetch_sub(drops, Relaxed),
            );
            let counted = word + 1 - drops;
            let now = object.word().load(Relaxed);
            let pinned = if word < MAX { counted } else { SATURATED };
            assert_eq!(now, pinned, "{word:#x}, {drops:#x}");
            drop(clone.result);
            object.end(value);
        }
    }
}

/// Exactly one drop is the last, wherever the other one stands.
#[test]
fn one_drop_is_the_last_wherever_another_stands() {
    quiet();
    everywhere(|place| {
        let (object, value) = Object::at(2);
        let another = object.another();
        let run = stopped(place, || drop(value), || drop(another));
        if run.meanwhile.is_none() {
            return false;
        }
        assert_eq!(object.destroyed(), 1, "{place:?}");
        true
    });
}
