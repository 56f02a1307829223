//! `RefCount`, `Frozen` and `Kref`.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use kref::{Kref, RefCount};

use crate::backend::{Kind, Place, Step, Stops, before, behind, everywhere, raw, stopped, trace};
use crate::{MAX, SATURATED, UNNOTICED, edges, quiet};

type Count = RefCount<Stops>;

fn at(word: u32) -> Count {
    let count = Count::new_in(0);
    raw(&count).store(word, Relaxed);
    count
}

/// Where only a thread that pinned the count can have put the word, and far from the middle of it.
fn is_far_from_saturated(word: u32) -> bool {
    (0x9000_0000..0xF000_0000).contains(&word) && word.abs_diff(SATURATED) >= 1 << 28
}

type Put = (&'static str, fn(&Count) -> bool);

/// What may drop the last reference, and says so; and what may not.
const PUTS: [Put; 3] = [
    ("dec_and_test", |count| count.dec_and_test()),
    ("sub_and_test", |count| count.sub_and_test(1)),
    ("dec", |count| {
        count.dec();
        false
    }),
];

/// After a decrement that was not the last the memory may be another's: not a load may follow.
#[test]
fn a_decrement_that_was_not_the_last_touches_nothing_afterwards() {
    quiet();
    for word in edges() {
        for (name, put) in PUTS {
            let count = at(word);
            let (last, steps) = trace(|| put(&count));
            if name != "dec" {
                assert_eq!(last, word == 1, "{name} of {word:#x}");
            }
            let written = steps.iter().position(|step| step.writes());
            let touched = written.map_or(0, |write| steps.len() - write - 1);
            // The last reference is the thread's own, what was pinned is never freed, and from zero nobody may decrement.
            let may_touch =
                word <= 1 || name != "sub_and_test" && is_far_from_saturated(word.wrapping_sub(1));
            assert!(touched == 0 || may_touch, "{name} of {word:#x}: {steps:?}");
        }
    }
}

/// Issue 12, A1: 2^31 references, unnoticed. A drop makes it 2^31 - 1 and is stopped. Others drop 2^30, or all of theirs, or
/// all but one. The stopped drop was not the last, whatever is there when it goes on.
#[test]
fn a_drop_is_not_the_last_because_of_what_others_drop_while_it_stands() {
    quiet();
    for drops in [1, 1 << 30, MAX - 1, MAX] {
        for word in [UNNOTICED, MAX, UNNOTICED + 1] {
            for (name, put) in [PUTS[0], PUTS[2]] {
                everywhere(|place| {
                    let count = at(word);
                    let run = stopped(
                        place,
                        || put(&count),
                        || raw(&count).fetch_sub(drops, Relaxed),
                    );
                    if place == behind(1) {
                        assert!(!run.result, "{name} of {word:#x}, {drops:#x} others");
                        assert_eq!(run.after, [], "{name} of {word:#x}, {drops:#x} others");
                    }
                    run.meanwhile.is_some()
                });
            }
        }
    }
}

/// An operation and its name.
type Operation = (&'static str, fn(&Count));

type TryGet = (&'static str, fn(&Count) -> bool);

const TRY_GETS: [TryGet; 4] = [
    ("inc_not_zero", |count| count.inc_not_zero()),
    ("add_not_zero", |count| count.add_not_zero(1)),
    ("add_not_zero_limited", |count| {
        count.add_not_zero_limited(1, MAX).is_ok()
    }),
    ("get_unless_zero", |count| {
        // SAFETY: `Kref` has the layout of its count.
        let kref: &Kref<Stops> = unsafe { &*(&raw const *count).cast() };
        kref.get_unless_zero()
    }),
];

/// Issue 12, A2: a lookup at any value is stopped anywhere; the object dies, or dies and its memory is used again. The
/// lookup then has a reference that is counted, to what is there, or none.
#[test]
fn a_try_get_writes_nothing_that_it_did_not_look_at() {
    quiet();
    for (name, try_get) in TRY_GETS {
        for word in [1, 2, MAX - 1, MAX, UNNOTICED, UNNOTICED + 5] {
            for left in [0, 1, 2] {
                everywhere(|place| {
                    let count = at(word);
                    let run = stopped(
                        place,
                        || try_get(&count),
                        || raw(&count).swap(left, Relaxed),
                    );
                    let Some(before) = run.meanwhile else {
                        return false;
                    };
                    let what = format!("{name} of {word:#x}, then {left}, {place:?}: {run:?}");
                    let now = raw(&count).load(Relaxed);
                    let had = before != word;
                    match run.result {
                        // It had its reference, or had pinned the count, before the object died, which it then cannot.
                        true if had => {}
                        true => assert!(now == left + 1 && left != 0, "{what}"),
                        false => assert!(now == left, "{what}"),
                    }
                    true
                });
            }
        }
    }
}

/// A thread is behind the step beyond `MAX` and has not pinned the count yet. References that are given out now are counted,
/// or the count is saturated: else as many drops would come to zero while the stopped thread holds two.
#[test]
fn nothing_is_given_out_uncounted_from_a_count_that_is_not_pinned_yet() {
    quiet();
    type Give = (&'static str, fn(&Count) -> u32);
    let gives: [Give; 4] = [
        ("inc", |count| {
            count.inc();
            1
        }),
        ("add", |count| {
            count.add(5);
            5
        }),
        ("inc_not_zero", |count| u32::from(count.inc_not_zero())),
        ("add_not_zero_limited", |count| {
            7 * u32::from(count.add_not_zero_limited(7, MAX).is_ok())
        }),
    ];
    for (name, give) in gives {
        let count = at(MAX);
        let run = stopped(
            behind(1),
            || count.inc(),
            || {
                let given = give(&count);
                let word = raw(&count).load(Relaxed);
                assert!(
                    word == SATURATED || word == UNNOTICED + given,
                    "{name}: {word:#x}"
                );
            },
        );
        assert!(run.meanwhile.is_some());
        assert_eq!(raw(&count).load(Relaxed), SATURATED, "{name}");
    }
}

/// Drops from a count that is not pinned yet are counted, too: the count stays exact until somebody pins it.
#[test]
fn nothing_is_dropped_uncounted_from_a_count_that_is_not_pinned_yet() {
    quiet();
    for (name, put) in [
        PUTS[0],
        PUTS[1],
        PUTS[2],
        ("dec_not_one", |count: &Count| !count.dec_not_one()),
    ] {
        let count = at(UNNOTICED + 1);
        assert!(!put(&count), "{name}");
        assert_eq!(raw(&count).load(Relaxed), UNNOTICED, "{name}");
    }
}

/// 2^33 references, all dropped, do not free what is saturated: every step that leaves the word far from the middle moves it
/// back before it returns.
#[test]
fn a_saturated_count_stays_so_however_many_references_are_dropped() {
    quiet();
    let steps: [Operation; 4] = [
        ("dec", |count| count.dec()),
        ("dec_and_test", |count| assert!(!count.dec_and_test())),
        ("inc", |count| count.inc()),
        ("inc_not_zero", |count| assert!(count.inc_not_zero())),
    ];
    for word in edges()
        .into_iter()
        .filter(|&word| is_far_from_saturated(word))
    {
        for (name, step) in steps {
            let count = at(word);
            step(&count);
            let now = raw(&count).load(Relaxed);
            let declines = name == "inc_not_zero" && now == word;
            assert!(
                !is_far_from_saturated(now) && count.is_saturated() || declines,
                "{name} of {word:#x}: {now:#x}"
            );
        }
    }
    // In between nothing has to be done: a drop is one instruction.
    for near in [SATURATED - 5, SATURATED, SATURATED + 5] {
        let count = at(near);
        let (last, steps) = trace(|| count.dec_and_test());
        assert!(!last && steps.len() == 1, "{steps:?}");
    }
}

/// Two drops stand far from the middle at once, and the word is moved back once.
#[test]
fn a_drop_that_was_overtaken_leaves_the_word_where_it_is() {
    quiet();
    let far = SATURATED - (1 << 28);
    let count = at(far);
    let run = stopped(behind(1), || count.dec_and_test(), || count.dec_and_test());
    assert_eq!((run.result, run.meanwhile), (false, Some(false)));
    assert_eq!(raw(&count).load(Relaxed), SATURATED);
    assert_eq!(
        run.after.iter().map(|step| step.kind).collect::<Vec<_>>(),
        [Kind::Failure]
    );
}

/// An object with `others` references in addition to that of a thread that puts it. While the thread stands anywhere,
/// the others are dropped: exactly one put is told that it was the last.
#[test]
fn one_put_is_the_last_wherever_another_stands() {
    quiet();
    for others in 0..3 {
        for (name, put) in [PUTS[0], PUTS[1]] {
            everywhere(|place| {
                let count = Count::new_in(others + 1);
                let run = stopped(
                    place,
                    || put(&count),
                    || (0..others).filter(|_| put(&count)).count(),
                );
                let Some(told) = run.meanwhile else {
                    return false;
                };
                assert_eq!(
                    told + usize::from(run.result),
                    1,
                    "{name} beside {others}, {place:?}"
                );
                if told == 1 {
                    assert_eq!(run.after, [], "{name} beside {others}, {place:?}");
                }
                true
            });
        }
    }
}

/// A freeze, and its end, with misuse at every place: what is saturated stays so, and nothing else is given out.
#[test]
fn the_end_of_a_freeze_writes_nothing_that_it_did_not_look_at() {
    quiet();
    let misuses: [Operation; 4] = [
        ("inc", |count| count.inc()),
        ("dec", |count| count.dec()),
        ("add", |count| count.add(3)),
        ("dec_not_one", |count| assert!(count.dec_not_one())),
    ];
    for (name, misuse) in misuses {
        everywhere(|place| {
            let count = Count::new_in(2);
            let run = stopped(
                place,
                || drop(count.try_freeze(2)),
                || {
                    let frozen = raw(&count).load(Relaxed) == 0;
                    misuse(&count);
                    frozen
                },
            );
            if run.meanwhile == Some(true) {
                assert!(count.is_saturated(), "{name} at {place:?}");
            }
            run.meanwhile.is_some()
        });
    }
}

/// `dec` of the last reference leaves an object that nobody frees. Until that is written the object is dead to lookups.
#[test]
fn a_decrement_to_zero_saturates_only_what_it_left() {
    quiet();
    let count = Count::new_in(1);
    let run = stopped(
        behind(1),
        || count.dec(),
        || {
            assert!(!count.inc_not_zero());
            count.set_release(1); // its memory is used again
        },
    );
    assert!(run.meanwhile.is_some());
    assert_eq!(count.count(), 1, "{:?}", run.after);
}

/// A put too many pins only what it left: if the memory is used again, the new object is not its business.
#[test]
fn a_put_of_none_saturates_only_what_it_left() {
    quiet();
    for (name, put) in PUTS {
        everywhere(|place| {
            let count = Count::new_in(0);
            let run = stopped(place, || put(&count), || count.set_release(2));
            if run.meanwhile.is_some() && run.before.iter().any(|step| step.writes()) {
                assert_eq!(count.count(), 2, "{name} at {place:?}: {:?}", run.after);
            }
            run.meanwhile.is_some()
        });
    }
}

/// The tool itself: it stops where it is told to, and tells what was done.
#[test]
fn a_thread_stops_where_it_is_told_to() {
    let steps = |kinds: &[Kind], steps: &[Step]| {
        assert_eq!(
            steps.iter().map(|step| step.kind).collect::<Vec<_>>(),
            kinds
        );
    };
    let count = Count::new_in(1);
    let (last, all) = trace(|| count.dec_and_test());
    assert!(last);
    steps(&[Kind::Sub, Kind::Load], &all);

    let word = |place: Place| {
        let count = Count::new_in(1);
        stopped(place, || count.dec_and_test(), || raw(&count).load(Relaxed))
    };
    let run = word(before(1));
    assert_eq!((run.result, run.meanwhile), (true, Some(1)));
    assert_eq!((run.before.len(), run.after.len()), (0, 2));
    let run = word(behind(1));
    assert_eq!((run.result, run.meanwhile), (true, Some(0)));
    assert_eq!((run.before.len(), run.after.len()), (1, 1));
    let run = word(before(3));
    assert_eq!((run.result, run.meanwhile), (true, None));
    assert_eq!((run.before.len(), run.after.len()), (2, 0));

    let mut places = Vec::new();
    everywhere(|place| {
        places.push(place);
        word(place).meanwhile.is_some()
    });
    assert_eq!(
        places,
        [before(1), behind(1), before(2), behind(2), before(3)]
    );
    let address: *const AtomicU32 = raw(&count);
    assert_eq!(all[0].address, address.addr());
}
