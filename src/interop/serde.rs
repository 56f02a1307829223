//! Interned values and handles in serde's formats.
//!
//! [`Ref`](crate::Ref), [`WeakRef`](crate::WeakRef) and [`UniqueRef`](crate::UniqueRef) implement serde's traits
//! themselves. A value of a map needs the map to be deserialized, and serde's derive has no place for it. There are
//! two ways to name the map:
//!
//! - A `&Interner` is a `DeserializeSeed`, for code that drives the deserializer by hand. A `&Registry`
//!   is one for its keys.
//! - A type of yours names a `static` map: [`StaticInterner`] with [`In`] or [`EachIn`], [`StaticRegistry`] with
//!   [`ByKey`], for `#[serde(with = "...")]`.
//!
//! An [`Interned`](crate::Interned) is serialized as its value, and a [`Handle`](crate::Handle) by
//! [`ByKey`] as its key: to deserialize it is a lookup, and an error if no such object is alive.
//!
//! [`In`] is for one value, and [`EachIn`] for a `Vec` or another collection of them. For other shapes (an `Option`, a map)
//! wrap the value once, in a struct of one field; serde writes such a struct as its field:
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use kref::serde::{In, StaticInterner};
//! use kref::{Interned, Interner};
//! use serde::{Deserialize, Serialize};
//!
//! static WORDS: Interner<str> = Interner::new();
//!
//! struct Words;
//!
//! impl StaticInterner for Words {
//!     type Value = str;
//!     fn interner() -> &'static Interner<str> {
//!         &WORDS
//!     }
//! }
//!
//! #[derive(Serialize, Deserialize, PartialEq, Debug)]
//! struct Word(#[serde(with = "In::<Words>")] Interned<str>);
//!
//! let words: [Option<Word>; 3] = serde_json::from_str(r#"["get", null, "get"]"#).unwrap();
//! assert_eq!(words[0], words[2]); // the same address
//! assert_eq!(WORDS.len(), 1);
//! assert_eq!(serde_json::to_string(&words).unwrap(), r#"["get",null,"get"]"#);
//! # }
//! ```

#![forbid(unsafe_code)]

#[cfg(feature = "registry")]
mod maps {
    use alloc::vec::Vec;
    use core::fmt;
    use core::hash::{BuildHasher, Hash};
    use core::iter;
    use core::marker::PhantomData;

    use serde_core::de::{DeserializeSeed, Error, SeqAccess, Visitor};
    use serde_core::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::interner::{Interned, Interner, Stored};
    use crate::lock::LockBackend;
    use crate::registry::{Handle, Registry};

    impl<T: Stored + ?Sized + Serialize, B: LockBackend> Serialize for Interned<T, B> {
        /// Serializes the value.
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            (**self).serialize(serializer)
        }
    }

    /// Interns a text, which is copied only if it is new.
    impl<'de, S: BuildHasher, B: LockBackend> DeserializeSeed<'de> for &Interner<str, S, B> {
        type Value = Interned<str, B>;

        fn deserialize<D: Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<Self::Value, D::Error> {
            struct Text<'a, S, B: LockBackend>(&'a Interner<str, S, B>);

            impl<S: BuildHasher, B: LockBackend> Visitor<'_> for Text<'_, S, B> {
                type Value = Interned<str, B>;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a string")
                }

                fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                    Ok(self.0.intern_ref(text))
                }
            }

            deserializer.deserialize_str(Text(self))
        }
    }

    /// Interns a slice. Its elements are collected first.
    impl<'de, T, S, B> DeserializeSeed<'de> for &Interner<[T], S, B>
    where
        T: Deserialize<'de> + Copy + Eq + Hash,
        S: BuildHasher,
        B: LockBackend,
    {
        type Value = Interned<[T], B>;

        fn deserialize<D: Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<Self::Value, D::Error> {
            let elements = Vec::deserialize(deserializer)?;
            Ok(self.intern_ref(&elements))
        }
    }

    /// Interns a value of a sized type.
    impl<'de, T, S, B> DeserializeSeed<'de> for &Interner<T, S, B>
    where
        T: Deserialize<'de> + Eq + Hash,
        S: BuildHasher,
        B: LockBackend,
    {
        type Value = Interned<T, B>;

        fn deserialize<D: Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<Self::Value, D::Error> {
            T::deserialize(deserializer).map(|value| self.intern(value))
        }
    }

    /// Finds the object whose key is deserialized.
    impl<'de, K, V, S, B> DeserializeSeed<'de> for &Registry<K, V, S, B>
    where
        K: Deserialize<'de> + Eq + Hash,
        S: BuildHasher,
        B: LockBackend,
    {
        type Value = Handle<K, V, B>;

        /// Fails if no object with this key is alive.
        fn deserialize<D: Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<Self::Value, D::Error> {
            let key = K::deserialize(deserializer)?;
            self.get(&key)
                .ok_or_else(|| Error::custom("no live object has this key"))
        }
    }

    /// Names the `static` interner that deserialized values belong to; for [`In`] and [`EachIn`].
    pub trait StaticInterner {
        /// What the interner stores.
        type Value: Stored + ?Sized + 'static;

        /// Returns the interner, the same one each time.
        fn interner() -> &'static Interner<Self::Value>;
    }

    /// Deserializes an [`Interned`] value through a [`StaticInterner`]: `#[serde(with = "In::<Words>")]`.
    ///
    /// # Examples
    ///
    /// See the [module](super).
    #[derive(Debug)]
    pub struct In<I>(PhantomData<fn() -> I>);

    impl<I: StaticInterner> In<I> {
        /// Serializes the value.
        ///
        /// # Errors
        ///
        /// Those of the serializer.
        pub fn serialize<S: Serializer>(
            value: &Interned<I::Value>,
            serializer: S,
        ) -> Result<S::Ok, S::Error>
        where
            I::Value: Serialize,
        {
            value.serialize(serializer)
        }

        /// Deserializes the value and interns it.
        ///
        /// # Errors
        ///
        /// Those of the deserializer.
        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Interned<I::Value>, D::Error>
        where
            &'static Interner<I::Value>: DeserializeSeed<'de, Value = Interned<I::Value>>,
        {
            I::interner().deserialize(deserializer)
        }
    }

    /// Deserializes a collection of [`Interned`] values through a [`StaticInterner`]: `#[serde(with = "EachIn::<Words>")]`.
    ///
    /// The collection is a `Vec`, a set, or another type that is made from its elements (`FromIterator`) and lends them
    /// (`IntoIterator` of its borrow).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::serde::{EachIn, StaticInterner};
    /// use kref::{Interned, Interner};
    /// use serde::{Deserialize, Serialize};
    ///
    /// static WORDS: Interner<str> = Interner::new();
    ///
    /// struct Words;
    ///
    /// impl StaticInterner for Words {
    ///     type Value = str;
    ///     fn interner() -> &'static Interner<str> {
    ///         &WORDS
    ///     }
    /// }
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Text {
    ///     #[serde(with = "EachIn::<Words>")]
    ///     words: Vec<Interned<str>>,
    /// }
    ///
    /// let text: Text = serde_json::from_str(r#"{"words":["get","put","get"]}"#).unwrap();
    /// assert_eq!(text.words[0], text.words[2]); // the same address
    /// assert_eq!(WORDS.len(), 2);
    /// assert_eq!(serde_json::to_string(&text).unwrap(), r#"{"words":["get","put","get"]}"#);
    /// ```
    #[derive(Debug)]
    pub struct EachIn<I>(PhantomData<fn() -> I>);

    impl<I: StaticInterner> EachIn<I> {
        /// Serializes the values, as a sequence.
        ///
        /// # Errors
        ///
        /// Those of the serializer.
        pub fn serialize<C, S>(values: &C, serializer: S) -> Result<S::Ok, S::Error>
        where
            C: ?Sized,
            for<'a> &'a C: IntoIterator<Item = &'a Interned<I::Value>>,
            S: Serializer,
            I::Value: Serialize,
        {
            serializer.collect_seq(values)
        }

        /// Deserializes a sequence of values and interns each of them.
        ///
        /// # Errors
        ///
        /// Those of the deserializer.
        pub fn deserialize<'de, C, D>(deserializer: D) -> Result<C, D::Error>
        where
            C: FromIterator<Interned<I::Value>>,
            D: Deserializer<'de>,
            &'static Interner<I::Value>: DeserializeSeed<'de, Value = Interned<I::Value>>,
        {
            struct Values<I, C>(PhantomData<fn() -> (I, C)>);

            impl<'de, I, C> Visitor<'de> for Values<I, C>
            where
                I: StaticInterner,
                C: FromIterator<Interned<I::Value>>,
                &'static Interner<I::Value>: DeserializeSeed<'de, Value = Interned<I::Value>>,
            {
                type Value = C;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a sequence")
                }

                fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<C, A::Error> {
                    iter::from_fn(|| values.next_element_seed(I::interner()).transpose()).collect()
                }
            }

            deserializer.deserialize_seq(Values::<I, C>(PhantomData))
        }
    }

    /// Names the `static` registry whose objects are written as their keys; for [`ByKey`].
    pub trait StaticRegistry {
        /// The registry's keys.
        type Key: 'static;
        /// The registry's values.
        type Value: 'static;

        /// Returns the registry, the same one each time.
        fn registry() -> &'static Registry<Self::Key, Self::Value>;
    }

    /// Serializes a [`Handle`] as its key, and deserializes it by a lookup in a [`StaticRegistry`]:
    /// `#[serde(with = "ByKey::<Sessions>")]`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::serde::{ByKey, StaticRegistry};
    /// use kref::{Handle, Registry};
    /// use serde::{Deserialize, Serialize};
    ///
    /// static SESSIONS: Registry<u64, String> = Registry::new();
    ///
    /// struct Sessions;
    ///
    /// impl StaticRegistry for Sessions {
    ///     type Key = u64;
    ///     type Value = String;
    ///     fn registry() -> &'static Registry<u64, String> {
    ///         &SESSIONS
    ///     }
    /// }
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Message {
    ///     #[serde(with = "ByKey::<Sessions>")]
    ///     from: Handle<u64, String>,
    /// }
    ///
    /// let from = SESSIONS.get_or_insert_with(7, |_| String::from("alice"));
    /// let sent = serde_json::to_string(&Message { from }).unwrap();
    /// assert_eq!(sent, r#"{"from":7}"#);
    /// // That was the last handle.
    /// assert!(serde_json::from_str::<Message>(&sent).is_err());
    /// ```
    #[derive(Debug)]
    pub struct ByKey<R>(PhantomData<fn() -> R>);

    impl<R: StaticRegistry> ByKey<R> {
        /// Serializes the key.
        ///
        /// # Errors
        ///
        /// Those of the serializer.
        pub fn serialize<S: Serializer>(
            handle: &Handle<R::Key, R::Value>,
            serializer: S,
        ) -> Result<S::Ok, S::Error>
        where
            R::Key: Serialize,
        {
            Handle::key(handle).serialize(serializer)
        }

        /// Deserializes a key and finds its object.
        ///
        /// # Errors
        ///
        /// Those of the deserializer, and one if no object with this key is alive.
        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Handle<R::Key, R::Value>, D::Error>
        where
            R::Key: Deserialize<'de> + Eq + Hash,
        {
            R::registry().deserialize(deserializer)
        }
    }
}

#[cfg(feature = "registry")]
pub use self::maps::{ByKey, EachIn, In, StaticInterner, StaticRegistry};
