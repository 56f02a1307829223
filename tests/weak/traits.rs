//! The traits of `WeakRef` and `Weak` are those of `Arc` and std's `Weak`.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Weak as ArcWeak};

use kref::weak::{Weak, WeakRef};

use crate::tools::{does_as_its_value, has};

#[test]
fn auto_traits_are_those_of_std() {
    macro_rules! same {
        ($($value:ty),*) => {$(
            assert_eq!(has!(WeakRef<$value>: Send), has!(Arc<$value>: Send));
            assert_eq!(has!(WeakRef<$value>: Sync), has!(Arc<$value>: Sync));
            assert_eq!(has!(WeakRef<$value>: Unpin), has!(Arc<$value>: Unpin));
            assert_eq!(has!(WeakRef<$value>: UnwindSafe), has!(Arc<$value>: UnwindSafe));
            assert_eq!(has!(WeakRef<$value>: RefUnwindSafe), has!(Arc<$value>: RefUnwindSafe));
            assert_eq!(has!(Weak<$value>: Send), has!(ArcWeak<$value>: Send));
            assert_eq!(has!(Weak<$value>: Sync), has!(ArcWeak<$value>: Sync));
            assert_eq!(has!(Weak<$value>: Unpin), has!(ArcWeak<$value>: Unpin));
        )*};
    }
    same!(
        u8,
        str,
        Cell<u8>,
        *const u8,
        std::sync::MutexGuard<'static, u8>,
        std::marker::PhantomPinned,
        &'static mut u8,
        dyn Debug,
        dyn Debug + Send + Sync
    );
    assert!(has!(WeakRef<u8>: Send) && !has!(Weak<Cell<u8>>: Send)); // the question itself works
    assert!(has!(Weak<u8>: UnwindSafe) && has!(Weak<u8>: RefUnwindSafe));
}

#[test]
fn pointers_do_as_their_values() {
    does_as_its_value(WeakRef::new);
    assert!(HashSet::from([WeakRef::<str>::from("a")]).contains("a"));
    assert_eq!(WeakRef::<u8>::default(), WeakRef::from(0));
    let pinned = WeakRef::pin(std::marker::PhantomPinned);
    assert!(std::ptr::eq(&*pinned, &*pinned.clone()));
}

#[test]
fn a_longer_lifetime_serves_as_a_shorter() {
    fn shorten<'short>(
        long: (WeakRef<&'static str>, Weak<&'static str>),
        _: &'short str,
    ) -> (WeakRef<&'short str>, Weak<&'short str>) {
        long
    }
    let local = String::from("local");
    let long = WeakRef::new("static");
    let weak = WeakRef::downgrade(&long);
    let (strong, weak) = shorten((long, weak), &local);
    assert_eq!(*strong, *weak.upgrade().unwrap());
}
