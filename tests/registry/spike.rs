//! Memory of a peak goes back while lookups run. (How much does: `tests/resident.rs`.)

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use kref::Registry;

const PEAK: u64 = if cfg!(miri) { 300 } else { 20_000 };

/// Tells the other thread to end, also if this one panics.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Objects come and go in thousands, memory is given back by itself and by call, and who looks finds what is there.
#[test]
fn lookups_while_memory_goes_back() {
    static MAP: Registry<u64, u64> = Registry::new();
    let done = AtomicBool::new(false);
    let kept: Vec<_> = (0..PEAK)
        .step_by(1000)
        .map(|key| MAP.get_or_insert_with(key, |key| !key))
        .collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                for key in 0..PEAK {
                    match MAP.get(&key) {
                        Some(found) => assert_eq!(*found, !key),
                        None => assert!(!key.is_multiple_of(1000), "{key} has a handle"),
                    }
                }
            }
        });
        let _done = Done(&done);
        for round in 0..if cfg!(miri) { 2 } else { 20 } {
            let all: Vec<_> = (0..PEAK)
                .map(|key| MAP.get_or_insert_with(key, |key| !key))
                .collect();
            assert_eq!(MAP.len(), PEAK as usize);
            drop(all);
            if round % 2 == 0 {
                MAP.shrink_to_fit();
            }
            // The lookup may hold one a moment longer.
            assert!((kept.len()..=kept.len() + 1).contains(&MAP.len()));
        }
    });
    for kept in &kept {
        assert!(MAP.get(kref::Handle::key(kept)).is_some());
    }
}
