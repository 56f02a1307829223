//! What an owning pointer does as its value does.
//!
//! A macro, because a trait cannot do it: only `core` may implement `core`'s traits for all the types
//! that have some property.

/// Implements, for a pointer that derefs to `T`, the traits that compare, hash and format the value,
/// and those that lend it. The generics are the pointer's, in brackets; the value's has to be `T`.
macro_rules! forward_to_value {
    ([$($generics:tt)*] $pointer:ty) => {
        impl<$($generics)*> AsRef<T> for $pointer {
            #[inline]
            fn as_ref(&self) -> &T {
                self
            }
        }

        impl<$($generics)*> core::borrow::Borrow<T> for $pointer {
            #[inline]
            fn borrow(&self) -> &T {
                self
            }
        }

        impl<$($generics)*> PartialEq for $pointer
        where
            T: PartialEq,
        {
            /// Compares the values.
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                **self == **other
            }
        }

        impl<$($generics)*> Eq for $pointer where T: Eq {}

        impl<$($generics)*> PartialOrd for $pointer
        where
            T: PartialOrd,
        {
            /// Compares the values.
            #[inline]
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                (**self).partial_cmp(&**other)
            }
        }

        impl<$($generics)*> Ord for $pointer
        where
            T: Ord,
        {
            /// Compares the values.
            #[inline]
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                (**self).cmp(&**other)
            }
        }

        impl<$($generics)*> core::hash::Hash for $pointer
        where
            T: core::hash::Hash,
        {
            /// Hashes the value.
            #[inline]
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                (**self).hash(state);
            }
        }

        impl<$($generics)*> core::fmt::Debug for $pointer
        where
            T: core::fmt::Debug,
        {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($generics)*> core::fmt::Display for $pointer
        where
            T: core::fmt::Display,
        {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($generics)*> core::fmt::Pointer for $pointer {
            /// Formats the value's address.
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Pointer::fmt(&core::ptr::from_ref::<T>(self), f)
            }
        }

        impl<$($generics)*> core::error::Error for $pointer
        where
            T: core::error::Error,
        {
            fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
                (**self).source()
            }
        }
    };
}

pub(crate) use forward_to_value;
