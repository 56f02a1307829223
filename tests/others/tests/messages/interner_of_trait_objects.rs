//! What has no size, and is no slice, has no place in an interner.

use kref::Interner;

fn main() {
    let _ = Interner::<dyn std::fmt::Debug>::new();
}
