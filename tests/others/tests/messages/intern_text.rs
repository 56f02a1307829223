//! A text is interned by reference.

use kref::Interner;

fn main() {
    let names = Interner::<str>::new();
    let _ = names.intern("name");
}
