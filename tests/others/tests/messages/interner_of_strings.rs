//! Slices are copied into an interner.

use kref::Interner;

fn main() {
    let _ = Interner::<[String]>::new();
}
