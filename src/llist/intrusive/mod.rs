//! Lists of objects that carry their own node: nothing is allocated, and an object is handed over by
//! the pointer that owns it.
//!
//! An object says by [`Linked`] where its [`Node`] is. A list is of pointers, which may be anything
//! that is a [`Pointer`]: while the object is on the list, the list has the pointer, and the thread
//! that takes the object gets the pointer back.
//!
//! # On one list at a time
//!
//! A node is one word, so a second push of an object that is on a list would cut the list in two.
//! llist.h leaves it to the caller to avoid that. Here it cannot happen:
//!
//! - `Box<T>`, `&mut T`, `Pin<Box<T>>`, `Pin<&mut T>` ([`UniquePointer`]): the push takes the pointer,
//!   and there is no other. [`List::push`] does not look.
//! - `Arc<T>`, `&T`, and whatever else may have a twin: [`List::try_push`] claims the node first, and
//!   gives the pointer back if the object is on a list already, whichever that is.
//!
//! An object has one node. To be on two lists at once it takes two objects, each with a node, that
//! own the rest together.
//!
//! # No aliasing
//!
//! All links are pointers to whole objects, made from the pointers that were pushed. Apart from them
//! the list makes only shared references, to read where the node is. The node is all atomic. A `&mut`
//! to the object, where its pointer allows one, exists before the push and after the take.

mod chain;
mod consumer;
mod list;
mod node;
mod pointer;
mod swap;

pub use chain::{Chain, Iter};
pub use consumer::Consumer;
pub use list::List;
pub use node::{Linked, Node};
pub use pointer::{Pointer, UniquePointer};
pub use swap::{NotYet, SwapChain, SwapList};
