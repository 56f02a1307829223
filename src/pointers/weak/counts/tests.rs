//! The edges of the number line, one step at a time.

use core::ops::Range;

use super::*;
use crate::atomic::Native;

fn of_word(word: u32) -> Counts<Native> {
    Counts::of_word(word)
}

fn word(counts: &Counts<Native>) -> u32 {
    counts.strong.load(Relaxed)
}

/// The word drifts with every upgrade of a dead value, and must not come to where upgrades succeed.
#[test]
fn a_dead_value_stays_dead_however_often_it_is_upgraded() {
    let counts = of_word(DEAD);
    assert!(!counts.upgrade());
    assert_eq!(word(&counts), DEAD + 1);
    let far = DEAD_ZONE.far;
    for drifted in [DEAD + far - 1, NONE - 1 - far / 4, NONE - 2] {
        let counts = of_word(drifted);
        assert!(!counts.upgrade());
        assert_eq!(word(&counts), DEAD, "{drifted:#x}");
        assert!(counts.is_dead());
    }
}

type Step = fn(&Counts<Native>);
const UP: [Step; 2] = [
    |counts| counts.inc_strong(),
    |counts| assert!(counts.upgrade()),
];
const DOWN: Step = |counts| assert!(!counts.dec_strong());

#[test]
fn a_saturated_count_stays_so_from_every_place() {
    crate::report::set_hook(|_| {});
    let Zone {
        values: Range { start, end },
        far,
        ..
    } = PINNED;
    for found in [
        start + 1,
        SATURATED - far,
        SATURATED,
        SATURATED + far,
        end - 2,
    ] {
        for step in UP.into_iter().chain([DOWN]) {
            let counts = of_word(found);
            step(&counts);
            let now = word(&counts);
            assert!(now.abs_diff(SATURATED) < far, "{found:#x}: {now:#x}");
            assert_eq!(counts.strong_hint(), RefCount::SATURATED);
            assert!(!counts.is_unique() && !counts.take() && !counts.is_dead());
        }
    }
    for found in [MAX - 1, MAX, MAX + 5] {
        for step in UP {
            let counts = of_word(found);
            step(&counts);
            assert_eq!(word(&counts), SATURATED, "{found:#x}");
        }
    }
}

/// Beyond `MAX` and not pinned yet: the word may become good again, and a put that is late must leave it.
#[test]
fn a_put_beyond_the_maximum_counts_exactly() {
    for found in [MAX, MAX + 1, MAX + 5] {
        let counts = of_word(found);
        DOWN(&counts);
        assert_eq!(word(&counts), found - 1, "{found:#x}");
    }
}

/// An upgrade that meets a claim ends the claim, and its reference is counted.
#[test]
fn a_claim_ends_with_the_first_upgrade() {
    let counts = of_word(CLAIMED);
    assert_eq!(counts.strong_hint(), 1);
    assert!(counts.upgrade());
    assert_eq!(word(&counts), ONE + 1);
    let counts = of_word(CLAIMED + 3); // three upgrades on their way
    assert_eq!(counts.strong_hint(), 4);
    assert!(counts.upgrade());
    assert_eq!(word(&counts), ONE + 4);
}

#[test]
fn an_upgrade_that_finds_none_pays() {
    let counts = of_word(ONE);
    counts.inc_weak(); // of a `Weak`
    assert!(counts.dec_strong());
    assert!(counts.upgrade());
    assert_eq!(counts.weak.count(), 3);
    assert!(matches!(counts.close(), Closed::Overtaken));
    assert!(!counts.dec_weak());
    assert!(counts.dec_strong());
    assert!(matches!(counts.close(), Closed::Value));
    assert!(counts.is_dead());
}
