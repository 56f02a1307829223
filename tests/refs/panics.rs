//! What a panic in the user's code leaves behind.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use kref::{Ref, UniqueRef};

use crate::tools::{Bomb, Canary, panics, unwind};

#[test]
fn a_destructor_that_panics_frees_the_memory() {
    let destroyed = AtomicUsize::new(0);
    let bomb = || Bomb(Canary(&destroyed));
    panics(|| drop(Ref::new(bomb())));
    panics(|| drop(UniqueRef::new(bomb())));
    panics(|| drop(Ref::<[Bomb<'_>]>::from([bomb()])));
    panics(|| drop(Ref::into_inner(Ref::new(bomb()))));
    assert_eq!(destroyed.load(Relaxed), 4);
}

#[test]
fn a_clone_that_panics_leaves_no_half_of_a_slice() {
    struct Fuse<'a>(u32, Canary<'a>);

    impl Clone for Fuse<'_> {
        fn clone(&self) -> Self {
            if self.0 == 3 {
                unwind();
            }
            Self(self.0, Canary(self.1.0))
        }
    }

    let destroyed = AtomicUsize::new(0);
    let fuses = Vec::from_iter((0..5).map(|i| Fuse(i, Canary(&destroyed))));
    panics(|| drop(Ref::<[Fuse<'_>]>::from(&fuses[..])));
    assert_eq!(destroyed.load(Relaxed), 3);

    let mut slice: Ref<[Fuse<'_>]> = fuses.into();
    let other = slice.clone();
    panics(|| Ref::make_mut(&mut slice).reverse());
    assert!(Ref::ptr_eq(&slice, &other));
    assert_eq!(destroyed.load(Relaxed), 6);
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

    let mut a = Ref::new(NoClone(1));
    let b = a.clone();
    panics(|| Ref::make_mut(&mut a).0 = 2);
    assert!(Ref::ptr_eq(&a, &b));
    assert_eq!(Ref::count_hint(&a), 2);
    drop(b);
    Ref::make_mut(&mut a).0 = 2;
    assert_eq!(a.0, 2);
}
