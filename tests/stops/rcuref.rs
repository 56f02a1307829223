//! `RcuRef`.

use std::sync::atomic::Ordering::Relaxed;

use kref::RcuRef;

use crate::backend::{Stops, behind, everywhere, raw, stopped, trace};
use crate::{edges, quiet};

type Count = RcuRef<Stops>;

/// The word of as many references as there may be, and the next.
const FULL: u32 = RcuRef::MAX - 1;
const UNNOTICED: u32 = RcuRef::MAX;
const DEAD: u32 = 0xE000_0000;

fn at(word: u32) -> Count {
    let count = Count::new_in(0);
    raw(&count).store(word, Relaxed);
    count
}

/// The memory outlives the puts; but what another thread may own by then is not written to.
#[test]
fn a_put_that_left_references_touches_nothing_afterwards() {
    quiet();
    for word in edges() {
        let count = at(word);
        let (last, steps) = trace(|| count.put());
        assert_eq!(last, word == 0, "{word:#x}");
        let left = word.wrapping_sub(1);
        let saturated =
            (0x8800_0000..0xB800_0000).contains(&left) && left.abs_diff(0xA000_0000) >= 1 << 27;
        let dead = word >= 0xC000_0000;
        assert!(
            steps.len() == 1 || last || saturated || dead,
            "{word:#x}: {steps:?}"
        );
    }
}

#[test]
fn a_put_is_not_the_last_because_of_what_others_put_while_it_stands() {
    quiet();
    for word in [1, FULL, UNNOTICED, UNNOTICED + 1] {
        for left in [0, 1, 1 << 30, u32::MAX, DEAD] {
            let count = at(word);
            let run = stopped(
                behind(1),
                || count.put(),
                || raw(&count).store(left, Relaxed),
            );
            assert!(!run.result, "{word:#x}, {left:#x}");
            assert_eq!(run.after, [], "{word:#x}, {left:#x}");
            assert_eq!(raw(&count).load(Relaxed), left);
        }
    }
}

/// One put of an object is told that it was the last, wherever another stands, and whichever thread takes a
/// reference then.
#[test]
fn one_put_is_the_last_wherever_another_stands() {
    quiet();
    for gets in [false, true] {
        everywhere(|place| {
            let count = Count::new_in(1);
            let run = stopped(place, || count.put(), || gets && count.get() && count.put());
            let Some(told) = run.meanwhile else {
                return false;
            };
            assert!(told ^ run.result, "{place:?}: {run:?}");
            assert!(!count.get());
            true
        });
    }
}

/// A get beyond the largest count stands before it pins the word. It has a reference, so the object lives until the word is
/// pinned.
#[test]
fn a_get_beyond_max_saturates_whenever_it_goes_on() {
    quiet();
    for drops in [0, 1, 1 << 30, FULL] {
        let count = at(FULL);
        let run = stopped(
            behind(1),
            || count.get(),
            || raw(&count).fetch_sub(drops, Relaxed),
        );
        assert!(run.result && run.meanwhile.is_some());
        assert_eq!(raw(&count).load(Relaxed), RcuRef::SATURATED, "{drops:#x}");
    }
}

/// A lookup of a dead object stands; the memory is used again. Whatever it then does to the word does not change how many
/// references the new object has.
#[test]
fn a_get_of_a_dead_object_leaves_the_next_one_alone() {
    quiet();
    for word in [DEAD, DEAD + (1 << 28), 0xFFFF_FFF0, 0xC000_0010] {
        for next in [1, 2] {
            everywhere(|place| {
                let count = at(word);
                let run = stopped(place, || count.get(), || count.set_release(next));
                if run.meanwhile.is_some() {
                    let refs = next + u32::from(run.result);
                    assert_eq!(count.count_hint(), refs, "{word:#x}, {place:?}: {run:?}");
                }
                run.meanwhile.is_some()
            });
        }
    }
}

/// However many references of a saturated count are dropped, and however often a dead one is asked for.
#[test]
fn a_word_without_a_count_stays_where_it_is() {
    quiet();
    for word in edges() {
        let (saturated, dead) = (
            (0x9000_0000..0xB000_0000).contains(&word),
            (0xC100_0000..0xFFFF_0000).contains(&word),
        );
        let steps: [fn(&Count) -> bool; 2] = [|count| count.get(), |count| count.put()];
        for (index, step) in steps.into_iter().enumerate() {
            let count = at(word);
            let done = step(&count);
            let now = raw(&count).load(Relaxed);
            if saturated {
                assert_eq!(done, index == 0, "{word:#x}");
                assert!(
                    now.abs_diff(RcuRef::SATURATED) < 1 << 27,
                    "{word:#x}: {now:#x}"
                );
            } else if dead {
                assert!(!done, "{word:#x}");
                assert!(now.abs_diff(DEAD) < 1 << 28, "{word:#x}: {now:#x}");
            }
        }
    }
}
