//! What the compiler says to `intern` where it has to be `intern_ref`.

#![forbid(unsafe_code)]

/// Names the types that [`Interner::intern`](super::Interner::intern) takes: every sized type.
///
/// It is there for its message, and is no part of the public API.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a `{Self}` is not interned by value",
    label = "call `intern_ref` instead, with a reference",
    note = "`Interner<str>` and `Interner<[T]>` copy what `intern_ref` is given, if it is new"
)]
pub trait ByValue: Sized {}

#[diagnostic::do_not_recommend]
impl<T> ByValue for T {}
