//! A handle goes to another thread only with a value that may be used there.
//!
//! The message is the compiler's. A trait of this crate with a sentence of its own, as the bound of `Send`, is no auto
//! trait, and so an object with a handle to its own type (the parent in a tree) would need its own `Send` to be proven
//! first: error E0275.

use std::rc::Rc;

use kref::Registry;

fn main() {
    let registry = Registry::<u32, Rc<u32>>::new();
    let handle = registry.get_or_insert_with(1, |&n| Rc::new(n));
    std::thread::scope(|scope| {
        scope.spawn(move || drop(handle));
    });
}
