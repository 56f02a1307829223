//! Many threads.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use kref::{Handle, Ref, Registry, track};

const ROUNDS: usize = if cfg!(miri) { 20 } else { 5_000 };

/// Reports are taken while references come and go. When all threads have ended, nothing is left of them.
#[test]
fn reports_while_references_come_and_go() {
    let check = track::assert_all_dropped().of_all_threads();
    let map = Registry::<usize, usize>::new();
    let kept: Vec<_> = (0..4).map(|n| map.insert(n, n)).collect();
    let shared = Ref::new(5);
    let done = AtomicBool::new(false);
    thread::scope(|threads| {
        let workers: Vec<_> = (0..3)
            .map(|t| {
                let (map, shared) = (&map, &shared);
                threads.spawn(move || {
                    for n in 0..ROUNDS {
                        let kept = map.get(&(n % 4)).expect("it is kept");
                        let mine = Handle::clone_for(&kept, "worker");
                        let new = map.get_or_insert_with(100 + (n + t) % 3, |&n| n);
                        let raw = Ref::into_raw(shared.clone());
                        drop((kept, new));
                        assert!(Handle::is_held_by(&mine, "worker"));
                        // SAFETY: once.
                        drop(unsafe { Ref::from_raw(raw) });
                    }
                })
            })
            .collect();
        threads.spawn(|| {
            while !done.load(Relaxed) {
                let report = track::report_all(&map);
                assert!(report.objects().len() <= 7, "{report}");
                for object in report.objects() {
                    // Three threads, with at most three references each, and the kept one.
                    assert!(object.count() <= 10, "{object}");
                    assert_eq!(object.untracked(), 0);
                }
                let report = track::report_of(&shared);
                assert!((1..=4).contains(&report.count()), "{report}");
            }
        });
        for worker in workers {
            worker.join().unwrap();
        }
        done.store(true, Relaxed);
    });
    for handle in &kept {
        assert_eq!(track::report_of(handle).count(), 1);
    }
    assert_eq!(track::report_of(&shared).count(), 1);
    assert_eq!(track::report_all(&map).count(), 4);
    std::mem::forget(check); // of the other tests it may find something
}
