//! Chapter 3: who may take a reference, and when.
//!
//! # The problem
//!
//! Several threads use an object, and it is not known which of them will finish last. So each use is
//! counted: `get` before it, `put` after it, and the thread whose put is the last destroys the object.
//! The kernel calls such a count a *kref*; here it is a [`Kref`](crate::Kref).
//!
//! There are three rules.
//!
//! 1. Take a reference *before* a pointer is given to another thread, never after.
//! 2. Put the reference when done, on every path.
//! 3. A thread that has no reference yet, because it found the object in a table, needs more than `get`:
//!    see the [chapters from 6 on](super::weak_pointers).
//!
//! # Wrong
//!
//! (`World` is one object and an index that lists it without counting it: [how to read the code](super#how-to-read-the-chapters).)
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
//! An owner that is done with the object hands on its *own* reference, without a get and without a put.
//!
//! An owning pointer enforces the first two rules: `clone` of a [`Ref`](crate::Ref) is the get, its
//! `drop` is the put, and an [`IntrusiveRef`](crate::IntrusiveRef) does the same for an
//! object that keeps its own count.
//!
//! # Cost
//!
//! A get is one atomic instruction and a put is one, including the checks for misuse. A pair
//! takes <!--f:refcount-used-1-->0.99 to 1.00<!--f--> of the time of a bare `fetch_add` and `fetch_sub` whose results are used
//! (`benches/refcount.rs`). A clone and a drop of a `Ref` take <!--f:ref-arc-1-->1.00 to 1.01<!--f--> of the time of an
//! `Arc`'s, and its header has 4 bytes instead of 16
//! ([`costs`](super::costs)).
//!
//! # Proof
//!
//! `reference_counting` in `tests/guide/chapters.rs`; `get_beside_put` in `tests/model/kref.rs`.
//!
//! ---
//!
//! Previous: [2](super::inc_not_zero) · [contents](super) · next: [4. Why get is Relaxed and put is not](super::orderings)
