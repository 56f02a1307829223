//! What a panic in the user's code leaves behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use kref::weak::{Weak, WeakRef};

use crate::tools::{Bomb, Canary, live_bytes, panics, unwind};

#[test]
fn a_destructor_that_panics_frees_the_memory() {
    let destroyed = AtomicUsize::new(0);
    let bomb = || WeakRef::new(Bomb(Canary(&destroyed)));
    panics(|| drop(bomb()));
    panics(|| drop(WeakRef::into_inner(bomb())));
    panics(|| {
        let bomb = bomb();
        let weak = WeakRef::downgrade(&bomb);
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(bomb)));
        assert!(weak.upgrade().is_none());
        drop(weak);
        drop(dropped);
        unwind();
    });
    assert_eq!(destroyed.load(Relaxed), 3);
}

#[test]
fn a_cyclic_value_that_is_never_made() {
    let mut kept = None;
    panics(|| {
        let _ = WeakRef::new_cyclic(|_: &Weak<String>| unwind());
    });
    let before = live_bytes();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        WeakRef::new_cyclic(|weak: &Weak<String>| {
            kept = Some(weak.clone());
            unwind()
        })
    }));
    drop(panic);
    let kept = kept.unwrap();
    assert!(kept.upgrade().is_none() && kept.is_dead());
    assert!(kept.clone().upgrade_if_live().is_none());
    drop(kept);
    assert_eq!(live_bytes(), before);
}

#[test]
fn a_clone_that_panics_leaves_make_mut_as_it_was() {
    #[derive(Debug)]
    struct NoClone(u32);

    impl Clone for NoClone {
        fn clone(&self) -> Self {
            unwind()
        }
    }

    let mut a = WeakRef::new(NoClone(1));
    let b = a.clone();
    let weak = WeakRef::downgrade(&a);
    panics(|| WeakRef::make_mut(&mut a).0 = 2);
    assert!(WeakRef::ptr_eq(&a, &b));
    assert_eq!(
        (WeakRef::count_hint(&a), WeakRef::weak_count_hint(&a)),
        (2, 1)
    );
    drop((b, weak));
    WeakRef::make_mut(&mut a).0 = 2;
    assert_eq!(a.0, 2);
}

/// What is reported, and that a hook which panics leaves counts that hold.
#[test]
fn too_many_references_are_reported_and_leak() {
    use kref::RefCount;
    use kref::report::Kind;
    use std::sync::atomic::AtomicU32;

    static REPORTS: AtomicUsize = AtomicUsize::new(0);
    kref::report::set_hook(|report| {
        assert_eq!(report.kind, Kind::Overflow);
        REPORTS.fetch_add(1, Relaxed);
        unwind();
    });
    let value = WeakRef::new(String::from("kept"));
    let weak = WeakRef::downgrade(&value);
    let place = WeakRef::as_ptr(&value).cast::<AtomicU32>().wrapping_sub(1);
    // SAFETY: the strong count ends where the value begins, and is an atomic of this size.
    let word = unsafe { &*place };
    type Step = fn(&WeakRef<String>, &Weak<String>) -> WeakRef<String>;
    let steps: [Step; 2] = [|value, _| value.clone(), |_, weak| weak.upgrade().unwrap()];
    for step in steps {
        word.store(i32::MAX as u32, Relaxed); // the maximum, as references less one
        assert!(catch_unwind(AssertUnwindSafe(|| step(&value, &weak))).is_err());
        assert_eq!(WeakRef::count_hint(&value), RefCount::SATURATED);
        for _ in 0..3 {
            drop((value.clone(), weak.upgrade().unwrap()));
        }
        assert_eq!(word.load(Relaxed), 0xA000_0000);
    }
    assert_eq!(REPORTS.load(Relaxed), 2);
    let value = WeakRef::try_unwrap(value).unwrap_err();
    assert_eq!(WeakRef::into_inner(value), None);
    assert_eq!(*weak.upgrade().unwrap(), "kept");
    kref::report::reset_hook();
    word.store(0, Relaxed); // so that it does not leak
    // SAFETY: of the one reference that is counted now, no `WeakRef` is left.
    drop(unsafe { WeakRef::from_raw(weak.as_ptr()) });
    assert!(weak.is_dead());
}

#[cfg(feature = "std")]
#[test]
fn a_chain_that_is_too_deep_for_any_stack() {
    use crate::tools::on_stack;

    struct Node<'a> {
        _next: Option<WeakRef<Node<'a>>>,
        _me: Weak<Node<'a>>,
        _canary: Canary<'a>,
    }
    let links = if cfg!(miri) { 100 } else { 300_000 };
    let destroyed = AtomicUsize::new(0);
    on_stack(64 * 1024, || {
        let before = live_bytes();
        let chain = (0..links).fold(None, |_next, i| {
            let canary = Canary(&destroyed);
            // Every other one has a `Weak` to itself, so that both ways of the last put are gone.
            Some(WeakRef::new_cyclic(|me| Node {
                _next,
                _me: if i % 2 == 0 { me.clone() } else { Weak::new() },
                _canary: canary,
            }))
        });
        drop(chain);
        assert_eq!(live_bytes(), before);
    });
    assert_eq!(destroyed.load(Relaxed), links);
}
