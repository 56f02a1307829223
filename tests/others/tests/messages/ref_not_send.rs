//! A `Ref` goes to another thread only with a value that both may use.

use std::cell::Cell;

use kref::Ref;

fn main() {
    let value = Ref::new(Cell::new(1));
    std::thread::scope(|scope| {
        scope.spawn(move || value.get());
    });
}
