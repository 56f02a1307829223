//! A waker is made of a task.

use std::task::Waker;

use kref::Ref;

fn main() {
    let _ = Waker::from(Ref::new(5));
}
