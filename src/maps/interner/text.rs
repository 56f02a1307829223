//! Comparison of an interned text with texts that are not interned: by value.

#![forbid(unsafe_code)]

use alloc::string::String;

use super::Interned;
use crate::lock::LockBackend;

impl<B: LockBackend> PartialEq<str> for Interned<str, B> {
    /// Compares the text.
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl<B: LockBackend> PartialEq<&str> for Interned<str, B> {
    /// Compares the text.
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl<B: LockBackend> PartialEq<String> for Interned<str, B> {
    /// Compares the text.
    fn eq(&self, other: &String) -> bool {
        **self == **other
    }
}

impl<B: LockBackend> PartialEq<Interned<str, B>> for str {
    /// Compares the text.
    fn eq(&self, other: &Interned<str, B>) -> bool {
        *self == **other
    }
}

impl<B: LockBackend> PartialEq<Interned<str, B>> for &str {
    /// Compares the text.
    fn eq(&self, other: &Interned<str, B>) -> bool {
        **self == **other
    }
}

impl<B: LockBackend> PartialEq<Interned<str, B>> for String {
    /// Compares the text.
    fn eq(&self, other: &Interned<str, B>) -> bool {
        **self == **other
    }
}
