//! Lists of objects that carry their own node: nothing is allocated.
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
