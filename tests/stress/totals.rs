//! Counts and atomics whose sum is known.

use std::cell::UnsafeCell;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kref::atomic::AtomicExt;
use kref::lock::Lock;
use kref::{Kref, RefCount};

use crate::{ROUNDS, Random, THREADS, in_threads};

#[test]
fn gets_and_puts_add_up() {
    let kref = Kref::new();
    let count = kref.as_ref();
    let held = in_threads(|thread| {
        let mut random = Random::new(thread);
        let mut held = 0;
        for _ in ROUNDS {
            // The first reference is the test's, so none of these is the last.
            held += match random.below(if held < 2 { 4 } else { 8 }) {
                0 => {
                    kref.get();
                    1
                }
                1 => i32::from(kref.get_unless_zero()),
                2 => {
                    count.add(2);
                    2
                }
                3 => 2 * i32::from(count.add_not_zero(2)),
                4 => -i32::from(!kref.put()),
                5 => -2 * i32::from(!count.sub_and_test(2)),
                6 => -i32::from(count.dec_not_one()),
                _ => {
                    count.dec();
                    -1
                }
            };
        }
        held
    });
    assert_eq!(kref.count() as i32, 1 + held.iter().sum::<i32>());
}

/// A lock without the feature `std`.
struct Table(Mutex<()>);

// SAFETY: the guard is the mutex's own.
unsafe impl Lock for Table {
    type Guard<'a> = MutexGuard<'a, ()>;

    fn lock(&self) -> Self::Guard<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What each thread has done with an object before it drops its reference.
struct Shared {
    refs: RefCount,
    done: [UnsafeCell<bool>; THREADS],
}

// SAFETY: each thread writes a cell of its own, and the thread that drops the last reference reads
// them all.
unsafe impl Sync for Shared {}

#[test]
fn one_thread_drops_the_last_reference_and_sees_what_the_others_did() {
    let table = Table(Mutex::new(()));
    let puts: [&(dyn Fn(&RefCount) -> bool + Sync); 4] = [
        &|refs| refs.dec_and_test(),
        &|refs| refs.sub_and_test(1),
        &|refs| refs.dec_and_lock(&table).is_some(),
        &|refs| {
            loop {
                if refs.dec_if_one() {
                    return true;
                }
                if refs.dec_not_one() {
                    return false;
                }
            }
        },
    ];
    let objects: Vec<Shared> = ROUNDS
        .map(|_| Shared {
            refs: RefCount::new(THREADS as u32),
            done: Default::default(),
        })
        .collect();
    let last = in_threads(|thread| {
        let mut random = Random::new(thread);
        let mut last = 0;
        for object in &objects {
            // SAFETY: nobody else uses this cell before our reference is dropped.
            unsafe { *object.done[thread].get() = true }
            if puts[random.below(puts.len())](&object.refs) {
                // SAFETY: nobody else has a reference.
                assert!(object.done.iter().all(|done| unsafe { *done.get() }));
                last += 1;
            }
        }
        last
    });
    assert_eq!(last.iter().sum::<usize>(), objects.len());
    assert!(objects.iter().all(|object| object.refs.count() == 0));
}

#[test]
fn each_ticket_is_sold_once() {
    let tickets = AtomicU32::new(ROUNDS.end);
    let sold = in_threads(|_| {
        let mut sold = Vec::new();
        while let Ok(ticket) = tickets.dec_if_positive(Relaxed) {
            sold.push(ticket);
        }
        sold
    });
    let mut sold = sold.concat();
    sold.sort_unstable();
    assert_eq!(sold, Vec::from_iter(1..=ROUNDS.end));
}

#[test]
fn additions_stop_where_they_should() {
    let count = AtomicU32::new(1);
    let added = in_threads(|_| {
        let mut added = 0;
        while count.add_unless(1, ROUNDS.end, Relaxed) {
            added += 1;
        }
        added
    });
    assert_eq!(1 + added.iter().sum::<u32>(), ROUNDS.end);
    assert_eq!(count.into_inner(), ROUNDS.end);
}

#[test]
fn the_largest_and_the_smallest_win() {
    let largest = AtomicU64::new(0);
    let smallest = AtomicU64::new(u64::MAX);
    let offers = in_threads(|thread| {
        let mut random = Random::new(thread);
        let offers = ROUNDS.map(|_| {
            let offer = random.below(usize::MAX) as u64;
            for (result, rises) in [
                (largest.raise_to(offer, Relaxed), true),
                (smallest.lower_to(offer, Relaxed), false),
            ] {
                match result {
                    Ok(old) => assert!(old != offer && (old < offer) == rises),
                    Err(current) => assert!(current == offer || (current > offer) == rises),
                }
            }
            offer
        });
        offers.collect::<Vec<_>>()
    });
    let offers = offers.concat();
    assert_eq!(Some(largest.into_inner()), offers.iter().copied().max());
    assert_eq!(Some(smallest.into_inner()), offers.iter().copied().min());
}

#[test]
fn each_bit_is_set_and_cleared_by_one_thread() {
    let words: Vec<AtomicUsize> = ROUNDS.step_by(40).map(|_| AtomicUsize::new(0)).collect();
    let bits = usize::BITS as usize;
    for (set, done) in [(true, usize::MAX), (false, 0)] {
        let first = in_threads(|thread| {
            let mut random = Random::new(thread);
            let mut first = 0;
            for word in &words {
                let from = random.below(bits);
                for bit in (from..bits).chain(0..from) {
                    let mask = 1 << bit;
                    let was_set = if set {
                        word.set_bits(mask, Relaxed) & mask != 0
                    } else {
                        word.clear_bits(mask, Relaxed) & mask != 0
                    };
                    first += usize::from(was_set != set);
                }
            }
            first
        });
        assert_eq!(first.iter().sum::<usize>(), words.len() * bits);
        assert!(words.iter().all(|word| word.load(Relaxed) == done));
    }
}

#[test]
fn the_two_signs_exclude_each_other() {
    let word = AtomicI32::new(0);
    let inside = [AtomicI32::new(0), AtomicI32::new(0)];
    let entered = in_threads(|thread| {
        let side = thread % 2;
        let mut entered = 0;
        for _ in ROUNDS {
            let enters = match side {
                0 => word.inc_unless_negative(Acquire),
                _ => word.dec_unless_positive(Acquire),
            };
            if enters {
                inside[side].fetch_inc(Relaxed);
                assert_eq!(inside[1 - side].load(Relaxed), 0);
                inside[side].fetch_dec(Relaxed);
                word.fetch_add(if side == 0 { -1 } else { 1 }, Release);
                entered += 1;
            }
        }
        entered
    });
    assert!(entered.iter().sum::<u32>() > 0);
    assert_eq!(word.into_inner(), 0);
}

#[test]
fn a_loop_of_ones_own_loses_nothing() {
    let word = AtomicU64::new(0);
    in_threads(|_| {
        for _ in ROUNDS {
            let counted = word.cas_loop(AcqRel, |both| {
                let (low, high) = (both & 0xFFFF_FFFF, both >> 32);
                Some((low + 1) | ((high + 2) << 32))
            });
            assert!(counted.is_ok());
        }
    });
    let total = u64::from(ROUNDS.end) * THREADS as u64;
    assert_eq!(word.into_inner(), total | (2 * total) << 32);
}
