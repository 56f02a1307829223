//! Recipe: the symbols of a parser.
//!
//! Each name is stored once, compared and hashed by its address, and takes one word. Symbols are keys of maps, are compared with
//! literals, and are saved and read with serde.
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use kref::{Interned, Interner};
//! use std::collections::HashMap;
//!
//! static NAMES: Interner<str> = Interner::new();
//!
//! type Symbol = Interned<str>;
//!
//! let text = "if x then y else x";
//! let symbols: Vec<Symbol> = text.split(' ').map(|word| NAMES.intern_ref(word)).collect();
//! assert_eq!(NAMES.len(), 5);
//! assert!(symbols[0] == "if"); // compares the text
//! assert!(symbols[1] == symbols[5]); // compares two words of memory
//!
//! let mut uses = HashMap::<Symbol, u32>::new();
//! for symbol in symbols {
//!     *uses.entry(symbol).or_default() += 1;
//! }
//! // By a text: the interner is asked first, which adds nothing to it.
//! let count = |name| NAMES.get(name).and_then(|symbol| uses.get(&symbol).copied());
//! assert_eq!((count("x"), count("z")), (Some(2), None));
//!
//! drop(uses);
//! assert!(NAMES.is_empty()); // unused names are gone
//! # }
//! ```
//!
//! With the feature `serde`, a symbol is written as its text, and read by naming the interner:
//!
//! ```
//! # #[cfg(all(feature = "registry", feature = "serde"))] {
//! use kref::serde::{EachIn, In, StaticInterner};
//! use kref::{Interned, Interner};
//! use serde::{Deserialize, Serialize};
//!
//! static NAMES: Interner<str> = Interner::new();
//!
//! struct Names;
//!
//! impl StaticInterner for Names {
//!     type Value = str;
//!     fn interner() -> &'static Interner<str> {
//!         &NAMES
//!     }
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Variable {
//!     #[serde(with = "In::<Names>")]
//!     name: Interned<str>,
//!     #[serde(with = "EachIn::<Names>")]
//!     uses: Vec<Interned<str>>,
//! }
//!
//! let text = r#"{"name":"x","uses":["y","x"]}"#;
//! let x: Variable = serde_json::from_str(text).unwrap();
//! assert!(x.name == x.uses[1] && x.name == NAMES.intern_ref("x"));
//! assert_eq!(serde_json::to_string(&x).unwrap(), text);
//! # }
//! ```
//!
//! - For a loop that only compares and copies symbols, [`Interned::borrowed`](crate::Interned::borrowed) is `Copy` and
//!   counts nothing.
//! - [`Interned::into_raw`](crate::Interned::into_raw) is one word whose lower bits are free, for a pointer with a tag.
