//! The count and a padded value are on different lines.

use std::fmt::Display;

use kref::weak::WeakRef;
use kref::{Padded, Ref, unsize};

const LINES: usize = 128;

/// Returns whether a count that ends at this address shares no pair of lines with what begins there.
fn begins_a_line<T: ?Sized>(value: *const T) -> bool {
    value.cast::<u8>().addr() % LINES == 0
}

#[test]
fn the_count_ends_where_another_line_begins() {
    assert_eq!(align_of::<Padded<u8>>(), LINES);
    assert_eq!(size_of::<Padded<[u8; 129]>>(), 2 * LINES);
    for _ in 0..10 {
        assert!(begins_a_line(Ref::as_ptr(&Ref::new(Padded::new(1_u8)))));
        assert!(begins_a_line(WeakRef::as_ptr(&WeakRef::new(Padded::new(
            [1_u64; 20]
        )))));
    }
}

#[cfg(feature = "registry")]
#[test]
fn an_entry_of_a_registry_too() {
    let registry = kref::Registry::new();
    for key in 0..10_u32 {
        let handle = registry.get_or_insert_with(key, |key| Padded::new(*key));
        assert!(begins_a_line(&raw const **handle));
    }
}

#[test]
fn it_is_its_value() {
    let mut padded = Padded::from(5);
    *padded += 1;
    *padded.as_mut() += 1;
    assert_eq!((*padded.as_ref(), padded.into_inner()), (7, 7));
    let shown: Ref<Padded<dyn Display>> = unsize!(Ref::new(Padded::new(7)));
    assert_eq!(format!("{} {:?}", shown, Padded::new("a")), "7 \"a\"");
    assert_eq!(Padded::<u8>::default(), Padded::new(0));
}
