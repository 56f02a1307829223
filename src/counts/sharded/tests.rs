//! What only a test inside can reach: words at their limits, and the numbers of threads.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::ShardedCount;
use super::thread::Numbers;
use super::word::{
    BIAS, CLOSED, MAX, OPEN, SATURATED, Zone, counted_in, is_closed_to_get, is_closed_to_put,
    total, zone,
};
use crate::report::{self, Kind};

#[test]
fn the_zones_are_those_of_the_number_line() {
    let zones = [
        (0, Zone::Ended),
        (1, Zone::Counted),
        (MAX, Zone::Counted),
        (MAX + 1, Zone::Full),
        (BIAS / 2 - 1, Zone::Full),
        (BIAS / 2, Zone::Biased),
        (BIAS, Zone::Biased),
        (BIAS + BIAS / 2 - 1, Zone::Biased),
        (BIAS + BIAS / 2, Zone::Saturated),
        (SATURATED, Zone::Saturated),
        (0xBFFF_FFFF_FFFF_FFFF, Zone::Saturated),
        (0xC000_0000_0000_0000, Zone::Below),
        (u64::MAX, Zone::Below),
    ];
    for (word, expected) in zones {
        assert_eq!(zone(word), expected, "{word:#x}");
    }
}

#[test]
fn a_shard_is_open_or_closed_however_far_it_has_come() {
    let far = (1 << 62) - 1;
    for steps in [0, 1, -1, 1 << 40, -(1 << 40), far, -far] {
        let (open, closed) = [OPEN, CLOSED]
            .map(|word| word.wrapping_add_signed(steps))
            .into();
        assert!(!is_closed_to_get(open) && !is_closed_to_put(open));
        assert!(is_closed_to_get(closed) && is_closed_to_put(closed));
        assert_eq!(counted_in(open) as i64, steps);
    }
    // The sum of some shards may wrap: three have gone far up, and three far down.
    let sum = [far, far, far, -far, -far, 5 - far]
        .map(|steps| counted_in(OPEN.wrapping_add_signed(steps)))
        .into_iter()
        .fold(0, u64::wrapping_add);
    assert_eq!(total(BIAS + 1, sum), 6);
    assert_eq!(total(BIAS + 1, 0u64.wrapping_sub(3)), -2);
}

/// Adds so many references to a shard as if they had been taken there one by one.
fn add(count: &ShardedCount, shard: usize, references: i64) {
    crate::atomic::AtomicInt::fetch_add(count.shard(shard), references as u64, Relaxed);
}

#[test]
fn shards_may_be_far_apart() {
    let count = ShardedCount::with_shards(2);
    add(&count, 0, (1 << 62) - 1);
    add(&count, 1, -((1 << 62) - 2));
    assert!(!count.kill());
    assert!(!count.is_saturated());
    assert!(count.put());
}

/// The hook is one for all tests of the process, so one test has all misuses.
#[test]
fn misuse_is_found_by_the_kill_and_leaks() {
    static OVERFLOWS: AtomicU32 = AtomicU32::new(0);
    static UNDERFLOWS: AtomicU32 = AtomicU32::new(0);
    static FROM_ZERO: AtomicU32 = AtomicU32::new(0);
    fn count_here(report: &report::Report) {
        if !report.location.file().contains("sharded") {
            return;
        }
        match report.kind {
            Kind::Overflow => &OVERFLOWS,
            Kind::Underflow => &UNDERFLOWS,
            _ => &FROM_ZERO,
        }
        .fetch_add(1, Relaxed);
    }
    report::set_hook(count_here);
    let seen = || [&OVERFLOWS, &UNDERFLOWS, &FROM_ZERO].map(|seen| seen.swap(0, Relaxed));

    // As many as there may be, and one more.
    let count = ShardedCount::with_shards(2);
    add(&count, 0, MAX as i64 - 1);
    assert!(!count.kill());
    assert!(!count.is_saturated());
    assert_eq!(seen(), [0, 0, 0]);
    count.get(); // there are MAX - 1 without the creator's
    assert!(!count.is_saturated());
    count.get();
    assert!(count.is_saturated());
    assert_eq!(seen(), [1, 0, 0]);
    assert!(count.try_get());
    assert!(!count.put());
    assert!(!count.resurrect() && !count.reinit() && !count.is_zero());
    assert_eq!(seen(), [0, 0, 0]);

    let count = ShardedCount::with_shards(2);
    add(&count, 1, MAX as i64);
    assert!(!count.kill());
    assert!(count.is_saturated());
    assert_eq!(seen(), [1, 0, 0]);

    // The same by a try-get.
    let count = ShardedCount::with_shards(2);
    add(&count, 0, MAX as i64 - 1);
    assert!(!count.kill());
    assert!(count.try_get());
    assert!(!count.is_saturated());
    assert!(count.try_get());
    assert!(count.is_saturated());
    assert_eq!(seen(), [1, 0, 0]);

    // A put too many while it is live: the kill finds it.
    let count = ShardedCount::with_shards(2);
    assert!(!count.put());
    assert!(!count.put());
    assert_eq!(seen(), [0, 0, 0]);
    assert!(!count.kill());
    assert!(count.is_saturated());
    assert!(!count.put());
    assert_eq!(seen(), [0, 1, 0]);

    // A put too many after the end: it stays dead.
    let count = ShardedCount::with_shards(2);
    assert!(count.kill());
    assert!(!count.put());
    assert_eq!(seen(), [0, 1, 0]);
    assert!(!count.try_get() && count.is_zero());
    assert!(!count.reinit());

    // A get from nothing.
    let count = ShardedCount::with_shards(2);
    assert!(count.kill());
    count.get();
    assert!(count.is_saturated());
    assert!(!count.put());
    assert_eq!(seen(), [0, 0, 1]);
    report::reset_hook();
}

#[test]
fn numbers_are_the_smallest_that_are_free() {
    let numbers = Numbers::new();
    let taken: Vec<_> = (0..1024).map(|_| numbers.take()).collect();
    assert!(taken.iter().copied().eq((0..1024).map(|n| (n, true))));
    assert_eq!(numbers.take(), (0, false));
    assert_eq!(numbers.take(), (1, false));
    for number in [700, 3, 64] {
        numbers.give_back(number);
    }
    for number in [3, 64, 700] {
        assert_eq!(numbers.take(), (number, true));
    }
    assert!(!numbers.take().1);
}

#[test]
fn a_thread_gives_its_number_back() {
    let own = super::thread::shard();
    assert_eq!(own, super::thread::shard());
    // Each of these threads has ended when the next begins; other tests' threads may take numbers in
    // between.
    let largest = (0..3000)
        .map(|_| std::thread::spawn(super::thread::shard).join().unwrap())
        .max();
    assert!(largest.unwrap() < 1024);
}
