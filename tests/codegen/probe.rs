//! The operations whose machine code `tests/codegen/main.rs` looks at, one function each.

#![crate_type = "lib"]

use core::hash::{BuildHasher, Hasher};
use core::num::NonZero;

use kref::lock::Lock;
use kref::{HandBack, Handle, Kref, RcuRef, Ref, RefCount, Registry};

/// A lock that the compiler knows nothing about, so that to take it is a call.
pub struct Opaque(());

pub struct Guard<'a>(&'a Opaque);

unsafe extern "Rust" {
    safe fn opaque_lock(lock: &Opaque);
    safe fn opaque_unlock(lock: &Opaque);
    safe fn opaque_value() -> Option<NonZero<u64>>;
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        opaque_unlock(self.0);
    }
}

// SAFETY: nothing is ever run.
unsafe impl Lock for Opaque {
    type Guard<'a> = Guard<'a>;

    fn lock(&self) -> Guard<'_> {
        opaque_lock(self);
        Guard(self)
    }
}

/// Has a destructor, which is a call.
pub struct Value(());

impl Drop for Value {
    fn drop(&mut self) {
        opaque_value();
    }
}

#[unsafe(no_mangle)]
pub fn probe_refcount_inc(count: &RefCount) {
    count.inc();
}

#[unsafe(no_mangle)]
pub fn probe_refcount_inc_not_zero(count: &RefCount) -> bool {
    count.inc_not_zero()
}

#[unsafe(no_mangle)]
pub fn probe_refcount_dec_and_test(count: &RefCount) -> bool {
    count.dec_and_test()
}

#[unsafe(no_mangle)]
pub fn probe_kref_get(object: &Kref) {
    object.get();
}

#[unsafe(no_mangle)]
pub fn probe_kref_put(object: &Kref) -> bool {
    object.put()
}

#[unsafe(no_mangle)]
pub fn probe_kref_put_lock<'a>(object: &Kref, lock: &'a Opaque) -> Option<Guard<'a>> {
    object.put_lock(lock)
}

#[unsafe(no_mangle)]
pub fn probe_handback_get(object: &HandBack) {
    object.get();
}

#[unsafe(no_mangle)]
pub fn probe_handback_put_lock<'a>(object: &HandBack, lock: &'a Opaque) -> Option<Guard<'a>> {
    object.put_lock(lock)
}

#[unsafe(no_mangle)]
pub fn probe_rcuref_get(object: &RcuRef) -> bool {
    object.get()
}

#[unsafe(no_mangle)]
pub fn probe_rcuref_put(object: &RcuRef) -> bool {
    object.put()
}

#[unsafe(no_mangle)]
pub fn probe_ref_clone(object: &Ref<Value>) -> Ref<Value> {
    object.clone()
}

#[unsafe(no_mangle)]
pub fn probe_ref_drop(object: Ref<Value>) {
    drop(object);
}

#[unsafe(no_mangle)]
pub fn probe_handle_clone(object: &Handle<u64, Value>) -> Handle<u64, Value> {
    object.clone()
}

#[unsafe(no_mangle)]
pub fn probe_handle_drop(object: Handle<u64, Value>) {
    drop(object);
}

/// Takes a key as its hash.
#[derive(Clone, Copy)]
pub struct Plain(u64);

impl BuildHasher for Plain {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Plain {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[unsafe(no_mangle)]
pub fn probe_registry_insert(
    map: &Registry<u64, u64, Plain>,
    key: u64,
    value: u64,
) -> Handle<u64, u64> {
    map.try_insert(key, value).unwrap_or_else(|_| unreachable!())
}

/// Two ways to insert, as there are in a program: so the compiler has two callers of what they have in common.
#[unsafe(no_mangle)]
pub fn probe_registry_replace(
    map: &Registry<u64, u64, Plain>,
    key: u64,
    value: u64,
) -> Handle<u64, u64> {
    map.replace(key, value).0
}

/// What it calls for the last handle is a function of its own.
#[unsafe(no_mangle)]
pub fn probe_registry_drop(handle: Handle<u64, u64>) {
    drop(handle);
}
