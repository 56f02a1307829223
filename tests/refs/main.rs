//! What users of `Ref`, `UniqueRef` and `IntrusiveRef` rely on.

#![cfg(feature = "alloc")]

mod deep;
mod tools;
