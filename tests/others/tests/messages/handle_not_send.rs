//! A handle goes to another thread only with a value that may be used there.

use std::rc::Rc;

use kref::Registry;

fn main() {
    let registry = Registry::<u32, Rc<u32>>::new();
    let handle = registry.get_or_insert_with(1, |&n| Rc::new(n));
    std::thread::scope(|scope| {
        scope.spawn(move || drop(handle));
    });
}
