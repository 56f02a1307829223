//! Programs that the types forbid. Next to each example stands one that compiles, and differs in
//! nothing else.
//!
//! A value that may not be sent does not get to another thread through a list:
//!
//! ```
//! use std::sync::Arc;
//! let list = kref::LList::<Arc<u32>>::new();
//! std::thread::scope(|scope| drop(scope.spawn(|| list.push(Arc::new(1)))));
//! ```
//! ```compile_fail
//! use std::rc::Rc as Arc;
//! let list = kref::LList::<Arc<u32>>::new();
//! std::thread::scope(|scope| drop(scope.spawn(|| list.push(Arc::new(1)))));
//! ```
//!
//! Nor does it through a chain or a consumer:
//!
//! ```
//! fn send<T: Send>(_: T) {}
//! let list = kref::LList::<std::sync::Arc<u32>>::new();
//! send(list.take_all());
//! send(list.consumer());
//! ```
//! ```compile_fail
//! fn send<T: Send>(_: T) {}
//! let list = kref::LList::<std::rc::Rc<u32>>::new();
//! send(list.take_all());
//! ```
//! ```compile_fail
//! fn send<T: Send>(_: T) {}
//! let list = kref::LList::<std::rc::Rc<u32>>::new();
//! send(list.consumer());
//! ```
//!
//! A chain that is shared gives out references, so its values must be `Sync`:
//!
//! ```
//! fn share<T: Sync>(_: &T) {}
//! share(&kref::LList::<std::sync::atomic::AtomicU32>::new().take_all());
//! ```
//! ```compile_fail
//! fn share<T: Sync>(_: &T) {}
//! share(&kref::LList::<std::cell::Cell<u32>>::new().take_all());
//! ```
//!
//! A consumer is not copied:
//!
//! ```
//! let list = kref::LList::<u32>::new();
//! let consumer = list.consumer().unwrap();
//! let another = consumer;
//! ```
//! ```compile_fail
//! let list = kref::LList::<u32>::new();
//! let consumer = list.consumer().unwrap();
//! let another = consumer.clone();
//! ```
//!
//! What a chain lends does not outlive it:
//!
//! ```
//! let mut chain = kref::LList::from_iter(["a".to_owned()]).take_all();
//! let first = chain.iter().next().cloned();
//! drop(chain);
//! drop(first);
//! ```
//! ```compile_fail
//! let mut chain = kref::LList::from_iter(["a".to_owned()]).take_all();
//! let first = chain.iter().next();
//! drop(chain);
//! drop(first);
//! ```
//!
//! An object that was pushed is no longer at hand:
//!
//! ```
//! # use kref::llist::intrusive::{Linked, List, Node};
//! # struct Item { node: Node<Item> }
//! # unsafe impl Linked for Item { fn node(&self) -> &Node<Self> { &self.node } }
//! let list = List::new();
//! let item = Box::new(Item { node: Node::new() });
//! list.push(item);
//! ```
//! ```compile_fail
//! # use kref::llist::intrusive::{Linked, List, Node};
//! # struct Item { node: Node<Item> }
//! # unsafe impl Linked for Item { fn node(&self) -> &Node<Self> { &self.node } }
//! let list = List::new();
//! let item = Box::new(Item { node: Node::new() });
//! list.push(item);
//! list.push(item);
//! ```
//!
//! An object with several handles is pushed by `try_push` only, which may refuse it:
//!
//! ```
//! # use kref::llist::intrusive::{Linked, List, Node};
//! # struct Item { node: Node<Item> }
//! # unsafe impl Linked for Item { fn node(&self) -> &Node<Self> { &self.node } }
//! let list = List::new();
//! let item = std::sync::Arc::new(Item { node: Node::new() });
//! let _ = list.try_push(item);
//! ```
//! ```compile_fail
//! # use kref::llist::intrusive::{Linked, List, Node};
//! # struct Item { node: Node<Item> }
//! # unsafe impl Linked for Item { fn node(&self) -> &Node<Self> { &self.node } }
//! let list = List::new();
//! let item = std::sync::Arc::new(Item { node: Node::new() });
//! let _ = list.push(item);
//! ```
//!
//! A list of references is dropped before what they refer to:
//!
//! ```
//! # use kref::llist::intrusive::{Linked, List, Node};
//! # struct Item { node: Node<Item> }
//! # unsafe impl Linked for Item { fn node(&self) -> &Node<Self> { &self.node } }
//! let mut item = Item { node: Node::new() };
//! let list = List::new();
//! list.push(&mut item);
//! ```
//! ```compile_fail
//! # use kref::llist::intrusive::{Linked, List, Node};
//! # struct Item { node: Node<Item> }
//! # unsafe impl Linked for Item { fn node(&self) -> &Node<Self> { &self.node } }
//! let list = List::new();
//! let mut item = Item { node: Node::new() };
//! list.push(&mut item);
//! ```
//!
//! And is not taken for a list of shorter-lived ones, which could be pushed then:
//!
//! ```
//! # use kref::llist::intrusive::{Linked, List, Node};
//! # struct Item { node: Node<Item> }
//! # unsafe impl Linked for Item { fn node(&self) -> &Node<Self> { &self.node } }
//! fn same<'a>(list: &'a List<&'static Item>) -> &'a List<&'static Item> {
//!     list
//! }
//! ```
//! ```compile_fail
//! # use kref::llist::intrusive::{Linked, List, Node};
//! # struct Item { node: Node<Item> }
//! # unsafe impl Linked for Item { fn node(&self) -> &Node<Self> { &self.node } }
//! fn same<'a>(list: &'a List<&'static Item>) -> &'a List<&'a Item> {
//!     list
//! }
//! ```
//! ```compile_fail
//! # use kref::llist::intrusive::{Linked, Node, SwapList};
//! # struct Item { node: Node<Item> }
//! # unsafe impl Linked for Item { fn node(&self) -> &Node<Self> { &self.node } }
//! fn same<'a>(list: &'a SwapList<&'static Item>) -> &'a SwapList<&'a Item> {
//!     list
//! }
//! ```
//! ```compile_fail
//! fn same<'a>(list: &'a kref::LList<&'static u32>) -> &'a kref::LList<&'a u32> {
//!     list
//! }
//! ```
