//! The traits of `Ref` are those of `Arc`.

use std::borrow::BorrowMut;
use std::cell::Cell;
use std::collections::HashSet;
use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use kref::{Ref, UniqueRef};

use crate::tools::{does_as_its_value, has};

#[test]
fn auto_traits_are_those_of_arc() {
    macro_rules! same_as_arc {
        ($($value:ty),*) => {$(
            assert_eq!(has!(Ref<$value>: Send), has!(Arc<$value>: Send));
            assert_eq!(has!(Ref<$value>: Sync), has!(Arc<$value>: Sync));
            assert_eq!(has!(Ref<$value>: Unpin), has!(Arc<$value>: Unpin));
            assert_eq!(has!(Ref<$value>: UnwindSafe), has!(Arc<$value>: UnwindSafe));
            assert_eq!(has!(Ref<$value>: RefUnwindSafe), has!(Arc<$value>: RefUnwindSafe));
            assert_eq!(has!(UniqueRef<$value>: Send), has!(Box<$value>: Send));
            assert_eq!(has!(UniqueRef<$value>: Sync), has!(Box<$value>: Sync));
            assert_eq!(has!(UniqueRef<$value>: Unpin), has!(Box<$value>: Unpin));
            assert_eq!(has!(UniqueRef<$value>: UnwindSafe), has!(Box<$value>: UnwindSafe));
            assert_eq!(has!(UniqueRef<$value>: RefUnwindSafe), has!(Box<$value>: RefUnwindSafe));
        )*};
    }
    same_as_arc!(
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
    assert!(has!(Ref<u8>: Send) && !has!(Ref<Cell<u8>>: Send)); // the question itself works
}

#[test]
fn pointers_do_as_their_values() {
    does_as_its_value(Ref::new);
    does_as_its_value(UniqueRef::new);
    assert!(HashSet::from([Ref::<str>::from("a")]).contains("a"));
    assert_eq!(Ref::<u8>::default(), Ref::from(0));
    assert_eq!(UniqueRef::<u8>::default(), UniqueRef::from(0));
    let mut unique = UniqueRef::new([1]);
    AsMut::<[u8; 1]>::as_mut(&mut unique)[0] += 1;
    BorrowMut::<[u8; 1]>::borrow_mut(&mut unique)[0] += 1;
    assert_eq!(*unique, [3]);
}

#[test]
fn an_error_has_its_source() {
    #[derive(Debug)]
    struct Outer(fmt::Error);
    impl Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let error: Box<dyn Error> = Box::new(Ref::new(Outer(fmt::Error)));
    assert!(error.source().unwrap().is::<fmt::Error>());
}

#[test]
fn a_longer_lifetime_serves_as_a_shorter() {
    fn shorten<'short>(long: Ref<&'static str>, _: &'short str) -> Ref<&'short str> {
        long
    }
    let local = String::from("local");
    assert_eq!(*shorten(Ref::new("static"), &local), "static");
}
