//! The shipped code on the machine's threads: another thousand histories in each run.

use std::sync::Barrier;
use std::thread;

use kref::Registry;
use kref::registry::DefaultHashBuilder;

use crate::history::not_linearizable;
use crate::specification::LINGERING;
use crate::users::{KEYS, User, Uses, World};

const THREADS: usize = 4;

/// Returns a source of numbers, the same for the same seed.
fn numbers(seed: u64) -> impl Fn(u32) -> u32 {
    let state = std::cell::Cell::new(seed);
    move |below| {
        // SplitMix64, from Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators".
        state.set(state.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        let mut z = state.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % u64::from(below)) as u32
    }
}

#[test]
fn registry() {
    for round in 0..1000 {
        let world = World::new(Registry::<u32, u32>::with_shards_and_hasher(
            1,
            DefaultHashBuilder,
        ));
        let start = Barrier::new(THREADS);
        let user = |thread| {
            let pick = numbers(round << 8 | thread as u64);
            start.wait();
            User::run(&world, thread, Uses::All, 12, &pick)
        };
        let spans = thread::scope(|scope| {
            let threads = Vec::from_iter((0..THREADS).map(|i| scope.spawn(move || user(i))));
            let spans = threads.into_iter().map(|thread| thread.join().unwrap());
            Vec::from_iter(spans.flatten())
        });
        let wrong = not_linearizable::<LINGERING>(&spans);
        assert!(wrong.is_empty(), "{}", wrong.concat());
        // Now that nobody holds anything for a moment.
        assert!((0..KEYS).all(|key| world.map.get(&key).is_none()));
    }
}
