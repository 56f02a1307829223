//! The bytes that `kref::guide::costs` states.

use std::mem::size_of;

use kref::llist::intrusive::{Linked, List, Node};
use kref::{
    Drain, HandBack, Handle, Interned, IntrusiveRef, Kref, LList, RcuRef, Ref, RefCount,
    RefCounted, ShardedCount, ShardedRef, Token, UniqueRef,
};

const PAGE: &str = include_str!("../../src/guide/costs.rs");

struct Job(Node<Job>);

// SAFETY: always the same field.
unsafe impl Linked for Job {
    fn node(&self) -> &Node<Self> {
        &self.0
    }
}

enum Counted {}

// SAFETY: there is no object of this type.
unsafe impl RefCounted for Counted {
    fn inc_ref(&self) {}
    unsafe fn dec_ref(_: std::ptr::NonNull<Self>) {}
}

/// Returns the second column of the row that begins with the type.
fn stated(name: &str) -> usize {
    let row = PAGE
        .lines()
        .find_map(|line| line.strip_prefix(&format!("//! | [`{name}`](")))
        .unwrap_or_else(|| panic!("no row of {name}"));
    let bytes = row.split('|').nth(1).expect("a second column").trim();
    bytes.parse().expect("a number")
}

#[test]
#[cfg(target_pointer_width = "64")]
fn the_bytes_are_those_of_the_page() {
    let sizes = [
        ("RefCount", size_of::<RefCount>()),
        ("Kref", size_of::<Kref>()),
        ("HandBack", size_of::<HandBack>()),
        ("RcuRef", size_of::<RcuRef>()),
        ("Ref<u64>", size_of::<Ref<u64>>()),
        ("Ref<str>", size_of::<Ref<str>>()),
        ("UniqueRef<u64>", size_of::<UniqueRef<u64>>()),
        ("WeakRef<u64>", size_of::<kref::weak::WeakRef<u64>>()),
        ("Weak<u64>", size_of::<kref::weak::Weak<u64>>()),
        ("IntrusiveRef<T>", size_of::<IntrusiveRef<Counted>>()),
        ("ShardedCount", size_of::<ShardedCount>()),
        ("ShardedRef<u64>", size_of::<ShardedRef<u64>>()),
        ("Drain", size_of::<Drain>()),
        ("Token", size_of::<Token>()),
        ("Handle<u64, u64>", size_of::<Handle<u64, u64>>()),
        ("Interned<str>", size_of::<Interned<str>>()),
        ("LList<u64>", size_of::<LList<u64>>()),
        ("intrusive::List<Box<T>>", size_of::<List<Box<Job>>>()),
        ("intrusive::Node<T>", size_of::<Node<Job>>()),
    ];
    for (name, size) in sizes {
        assert_eq!(stated(name), size, "{name}");
    }
}

#[test]
fn an_option_of_a_pointer_is_no_larger() {
    assert_eq!(size_of::<Option<Ref<u64>>>(), size_of::<Ref<u64>>());
    assert_eq!(size_of::<Option<Ref<str>>>(), size_of::<Ref<str>>());
    assert_eq!(size_of::<Option<UniqueRef<u64>>>(), size_of::<Ref<u64>>());
    assert_eq!(size_of::<Option<Handle<u64, u64>>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Interned<str>>>(), size_of::<usize>());
    assert_eq!(
        size_of::<Option<IntrusiveRef<Counted>>>(),
        size_of::<usize>()
    );
}
