//! Memory of a peak goes back, beside lookups, and from a `static`.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use kref::{Interner, Registry};

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

/// What is resident of this process, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Of the memory of a spike in a `static` little stays, without a call; and of one of which some objects stay alive, as much as
/// the pages that these are in.
#[cfg(target_os = "linux")]
#[cfg_attr(miri, ignore)]
#[test]
fn a_spike_in_a_static() {
    static MAP: Registry<u64, [u64; 8]> = Registry::new();
    const COUNT: u64 = 500_000;
    let all: Vec<_> = (0..COUNT)
        .map(|key| MAP.get_or_insert_with(key, |&key| [key; 8]))
        .collect();
    let peak = resident();
    let kept: Vec<_> = all.iter().step_by(1000).cloned().collect();
    drop(all);
    let gone = peak.saturating_sub(resident());
    // 88 bytes each in slots, and 8 in heads, and 8 in the vector.
    assert!(gone > COUNT as usize * 70, "{gone} bytes have gone");
    for handle in &kept {
        assert_eq!(handle[7], *kref::Handle::key(handle));
    }
    drop(kept);
    MAP.shrink_to_fit();
    assert!(MAP.is_empty());
}

/// Large texts that come one at a time leave nothing.
#[cfg(target_os = "linux")]
#[cfg_attr(miri, ignore)]
#[test]
fn texts_one_at_a_time() {
    static NAMES: Interner<str> = Interner::new();
    let before = resident();
    for n in 0..300_usize {
        let text = format!("{n:020}{}", "x".repeat(64 << 10 << (n % 5)));
        assert_eq!(&*NAMES.intern_ref(&text), text);
    }
    let stays = resident().saturating_sub(before);
    assert!(stays < 64 << 20, "{stays} bytes");
}
