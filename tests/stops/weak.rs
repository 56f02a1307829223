//! `WeakRef` and `Weak`.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use kref::RefCount;
use kref::weak::{Weak, WeakRef};

use crate::backend::{Stops, behind, everywhere, stopped, trace};
use crate::quiet;

type Strong = WeakRef<Value, Stops>;
type Pointer = Weak<Value, Stops>;

const NONE: u32 = u32::MAX;
const ONE: u32 = 0;
/// The word of as many references as there may be.
const FULL: u32 = (1 << 31) - 1;
const UNNOTICED: u32 = 1 << 31;
const SATURATED: u32 = 0xA000_0000;
const DEAD: u32 = 0xE800_0000;

/// Knows how often it was destroyed.
#[repr(C, align(8))]
struct Value(Arc<AtomicU32>);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// A value with a `WeakRef` and a `Weak`, whose words the test sees and sets.
struct Object {
    at: *const Value,
    destroyed: Arc<AtomicU32>,
}

impl Object {
    /// The pointers are those that the words count at first. The tests have to keep to what they make of the words.
    fn new() -> (Self, Strong, Pointer) {
        let destroyed = Arc::new(AtomicU32::new(0));
        let strong = Strong::new_in(Value(Arc::clone(&destroyed)));
        let weak = WeakRef::downgrade(&strong);
        let at = WeakRef::as_ptr(&strong);
        (Self { at, destroyed }, strong, weak)
    }

    fn word(&self, behind: usize) -> &AtomicU32 {
        let word = self.at.cast::<AtomicU32>().wrapping_sub(behind);
        // SAFETY: the counts are in front of the value, and a test asks only while it has a pointer.
        unsafe { &*word }
    }

    /// The strong references less one. What is done to it is no operation of the observed thread.
    fn strong(&self) -> &AtomicU32 {
        self.word(1)
    }

    fn weak(&self) -> &AtomicU32 {
        self.word(2)
    }

    fn destroyed(&self) -> u32 {
        self.destroyed.load(Relaxed)
    }

    /// Drops the last strong pointer, and then the last weak one.
    fn end(self, strong: Strong, weak: Pointer) {
        self.strong().store(ONE, Relaxed);
        self.weak().store(2, Relaxed);
        drop(strong);
        drop(weak);
        assert_eq!(self.destroyed(), 1);
    }

    /// Another pointer, which the words count already.
    fn another(&self) -> Strong {
        // SAFETY: as much as the test says.
        unsafe { Strong::from_raw_in(self.at) }
    }
}

/// Words around every edge of the number line.
fn edges() -> impl Iterator<Item = u32> {
    let around = [
        ONE,
        UNNOTICED,
        1 << 30,
        0x8800_0000,
        0x9800_0000,
        SATURATED,
        0xA800_0000,
        0xB800_0000,
        0xC000_0000,
        0xD000_0000,
        0xD800_0000,
        DEAD,
        0xF800_0000,
    ];
    around
        .into_iter()
        .flat_map(|edge: u32| (-3..=3).map(move |near| edge.wrapping_add_signed(near)))
}

fn is_saturated(word: u32) -> bool {
    (0x8800_0000..0xB800_0000).contains(&word)
}

/// A thread that drops a reference which was not the last has no right to the memory any more, except to memory that
/// leaks.
#[test]
fn a_put_that_left_references_touches_nothing_afterwards() {
    quiet();
    for word in edges().filter(|&word| word != ONE) {
        let (object, strong, weak) = Object::new();
        object.strong().store(word, Relaxed);
        let another = object.another();
        let ((), steps) = trace(|| drop(another));
        let left = word.wrapping_sub(1);
        let far = is_saturated(word) && is_saturated(left) && left.abs_diff(SATURATED) >= 1 << 27;
        assert_eq!(steps.len() == 1, !far, "{word:#x}: {steps:?}");
        assert_eq!(object.destroyed(), 0, "{word:#x}");
        object.end(strong, weak);
    }
}

#[test]
fn a_put_is_not_the_last_because_of_what_others_put_while_it_stands() {
    quiet();
    for word in [1, FULL, UNNOTICED, UNNOTICED + 1] {
        for left in [ONE, 1, 1 << 30, NONE, DEAD] {
            let (object, strong, weak) = Object::new();
            object.strong().store(word, Relaxed);
            let another = object.another();
            let meanwhile = || object.strong().store(left, Relaxed);
            let run = stopped(behind(1), || drop(another), meanwhile);
            assert_eq!(run.after, [], "{word:#x}, {left:#x}");
            assert_eq!(object.strong().load(Relaxed), left);
            assert_eq!(object.destroyed(), 0);
            object.end(strong, weak);
        }
    }
}

/// A clone and an upgrade beyond the largest count stand before they pin the word. They have a reference that is counted,
/// so the value lives until the word is pinned, whatever the others drop.
#[test]
fn an_increment_beyond_max_saturates_whenever_it_goes_on() {
    quiet();
    type Increment = fn(&Strong, &Pointer) -> Strong;
    let increments: [Increment; 2] = [
        |strong, _| strong.clone(),
        |_, weak| weak.upgrade().expect("it is not dead"),
    ];
    for increment in increments {
        for word in [FULL, UNNOTICED, UNNOTICED + 5] {
            for drops in [0, 1, 1 << 30, FULL] {
                let (object, strong, weak) = Object::new();
                object.strong().store(word, Relaxed);
                let meanwhile = || object.strong().fetch_sub(drops, Relaxed);
                let run = stopped(behind(1), || increment(&strong, &weak), meanwhile);
                assert!(run.meanwhile.is_some());
                assert_eq!(object.strong().load(Relaxed), SATURATED, "{drops:#x}");
                assert_eq!(WeakRef::count_hint(&run.result), RefCount::SATURATED);
                // Neither the last drop nor one too few matters any more.
                drop(run.result);
                drop(object.another());
                assert_eq!(object.destroyed(), 0);
                object.end(strong, weak);
            }
        }
    }
}

/// The value is not destroyed, and not given to a caller alone, while an increment beyond the largest count stands.
#[test]
fn nothing_ends_a_value_whose_overflow_is_under_way() {
    quiet();
    let (object, strong, weak) = Object::new();
    object.strong().store(FULL, Relaxed);
    let run = stopped(
        behind(1),
        || weak.upgrade().expect("it is not dead"),
        || {
            // All are dropped but one, and the upgrade's.
            object.strong().fetch_sub(FULL - 1, Relaxed);
            let mut mine = object.another();
            assert!(WeakRef::get_mut(&mut mine).is_none());
            let mine = WeakRef::try_unwrap(mine).map(drop).unwrap_err();
            assert!(WeakRef::into_inner(mine).is_none());
        },
    );
    assert_eq!(object.strong().load(Relaxed), SATURATED);
    assert_eq!(object.destroyed(), 0);
    std::mem::forget(run.result);
    object.end(strong, weak);
}

/// Wherever the last put stands, upgrades come, use the value, and drop it: it is destroyed once, not while they
/// use it.
#[test]
fn one_closer_destroys_wherever_another_stands() {
    type Meanwhile = fn(Pointer) -> Option<Strong>;
    let meanwhiles: [Meanwhile; 6] = [
        |weak| weak.upgrade(),
        |weak| weak.upgrade_if_live(),
        |weak| {
            drop(weak.upgrade());
            weak.upgrade()
        },
        |weak| {
            let strong = weak.upgrade();
            drop(weak);
            drop(strong);
            None
        },
        |weak| weak.upgrade().clone(),
        |weak| {
            let again = weak.upgrade().map(|strong| WeakRef::downgrade(&strong));
            drop(weak);
            again.and_then(|weak| weak.upgrade())
        },
    ];
    for (number, meanwhile) in meanwhiles.into_iter().enumerate() {
        everywhere(|place| {
            let (object, strong, weak) = Object::new();
            let kept = weak.clone(); // so that the words may be read
            let run = stopped(place, || drop(strong), || meanwhile(weak));
            let Some(kept_alive) = run.meanwhile else {
                assert_eq!(object.destroyed(), 1);
                return false;
            };
            let lives = u32::from(kept_alive.is_some());
            assert_eq!(object.destroyed() + lives, 1, "{number}, {place:?}");
            drop(kept_alive);
            assert_eq!(object.destroyed(), 1, "{number}, {place:?}");
            assert!(kept.upgrade().is_none());
            assert_eq!(object.weak().load(Relaxed), 1, "{number}, {place:?}");
            true
        });
    }
}

/// An upgrade found no reference and has not paid the weak reference yet. The closer, which it overtook, fails and drops
/// the value's; others come and go.
#[test]
fn an_upgrade_pays_whenever_it_goes_on() {
    type Meanwhile = fn(&Pointer);
    let meanwhiles: [Meanwhile; 3] = [
        |_| {},
        |weak| drop(weak.clone()),
        |weak| {
            let strong = weak.upgrade().expect("the other upgrade has it");
            let again = WeakRef::downgrade(&strong);
            drop(strong);
            drop(again.upgrade());
        },
    ];
    for meanwhile in meanwhiles {
        let (object, strong, weak) = Object::new();
        // The closer has decremented, and stands.
        let raw = WeakRef::into_raw(strong);
        object.strong().store(NONE, Relaxed);
        let run = stopped(
            behind(1),
            || weak.upgrade().expect("it is not dead"),
            || {
                assert_eq!(object.strong().load(Relaxed), ONE, "the closer fails");
                // SAFETY: the closer's weak reference, which was the value's.
                drop(unsafe { Pointer::from_raw_in(raw) });
                assert_eq!(object.weak().load(Relaxed), 1, "the `Weak` of the upgrade");
                meanwhile(&weak);
            },
        );
        assert!(run.meanwhile.is_some());
        assert_eq!(object.weak().load(Relaxed), 2, "it has paid");
        assert_eq!(object.destroyed(), 0);
        drop(weak);
        assert_eq!(object.weak().load(Relaxed), 1, "the value's");
        drop(run.result);
        assert_eq!(object.destroyed.load(Relaxed), 1);
    }
}

/// An upgrade of a value that does not exist yet stands anywhere, and the value is born: the upgrade takes nothing from it.
#[test]
fn an_upgrade_that_stands_leaves_the_birth_alone() {
    for word in [DEAD, DEAD + (1 << 28), NONE - 2] {
        everywhere(|place| {
            let (object, strong, weak) = Object::new();
            object.strong().store(word, Relaxed);
            let meanwhile = || object.strong().swap(ONE, Relaxed);
            let run = stopped(place, || weak.upgrade().map(std::mem::forget), meanwhile);
            if run.meanwhile.is_some() {
                let refs = ONE + u32::from(run.result.is_some());
                assert_eq!(object.strong().load(Relaxed), refs, "{word:#x}, {place:?}");
            }
            object.end(strong, weak);
            run.meanwhile.is_some()
        });
    }
}

/// However many references of a saturated count are dropped, and however often a dead value is asked for.
#[test]
fn a_word_without_a_count_stays_where_it_is() {
    quiet();
    for word in edges() {
        let (object, strong, weak) = Object::new();
        object.strong().store(word, Relaxed);
        let found = weak.upgrade().map(std::mem::forget);
        let now = object.strong().load(Relaxed);
        // At the edges themselves a word is only if 2^27 operations are under way.
        if (0xD000_0000..NONE - 1).contains(&word) {
            assert!(found.is_none(), "{word:#x}");
            assert!(now.abs_diff(DEAD) < 1 << 28, "{word:#x}: {now:#x}");
        } else {
            assert_eq!(found.is_some(), word != NONE - 1, "{word:#x}");
        }
        if is_saturated(word) && is_saturated(word - 1) && is_saturated(word + 1) {
            assert!(now.abs_diff(SATURATED) < 1 << 27, "{word:#x}: {now:#x}");
            object.strong().store(word, Relaxed);
            drop(object.another());
            let now = object.strong().load(Relaxed);
            assert!(now.abs_diff(SATURATED) < 1 << 27, "{word:#x}: {now:#x}");
        }
        object.end(strong, weak);
    }
}
