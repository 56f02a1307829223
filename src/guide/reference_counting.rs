//! Chapter 3: who may take a reference, and when.
//!
//! # The problem
//!
//! An object is used by several threads, and nobody knows which will be done last. So each user is
//! counted: `get` before, `put` after, and whoever puts last destroys the object. The kernel calls
//! the count a *kref*; here it is a [`Kref`](crate::Kref).
//!
//! There are three rules.
//!
//! 1. Take a reference *before* a pointer is given to somebody else, never after.
//! 2. Put it when done, on every path.
//! 3. Who has no reference yet (because he found the object in a table) needs more than `get`: the
//!    [chapters from 6 on](super::weak_pointers).
//!
//! # Wrong
//!
//! Rule 1, in the wrong order:
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/reference_counting_wrong.rs")]
//! #
//! # fn main() { hand_over(&World::new(Kref::new()), || ()) }
//! ```
//!
//! ```text
//! owner                          the other thread               count
//! -----                          ----------------               -----
//! start the other thread                                        1
//!                                use the object
//!                                put: that was the last         0
//!                                destroy the object
//! get, of an object that is gone
//! ```
//!
//! # Right
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/reference_counting.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(Kref::new());
//! #     hand_over(&w, || use_and_put(&w));
//! #     assert!(!w.is_freed());
//! #     use_and_put(&w);
//! #     assert!(w.is_freed());
//! # }
//! ```
//!
//! If the owner is done with the object he hands on *his own* reference: neither a get nor a put.
//!
//! With an owning pointer the compiler sees to the first two rules: a [`Ref`](crate::Ref) is got by
//! `clone` and put by `drop`, and an [`IntrusiveRef`](crate::IntrusiveRef) does the same for an
//! object that keeps its own count.
//!
//! # Proof
//!
//! `reference_counting` in `tests/guide/chapters.rs`; `get_beside_put` in `tests/model/kref.rs`.
//!
//! # Cost
//!
//! One atomic instruction for a get and one for a put, the checks for misuse included: 1.00 of the
//! time of a bare `fetch_add` and `fetch_sub` (`benches/refcount.rs`). A `Ref` takes the time of an
//! `Arc`, and has a header of 4 bytes instead of 16 ([`costs`](super::costs)).
