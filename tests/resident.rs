//! How much memory of a peak stays: of the whole process, so that this test is alone in its process.

#![cfg(all(feature = "registry", target_os = "linux", not(miri)))]

use kref::{Interner, Registry};

#[test]
fn memory_of_a_peak_goes_back_to_the_system() {
    a_spike_in_a_static();
    texts_one_at_a_time();
}

/// What is resident of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Of the memory of a spike in a `static` little stays, without a call; and of one of which some objects stay alive, as much as
/// the pages that these are in.
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
