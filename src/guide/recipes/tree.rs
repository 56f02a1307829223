//! Recipe: a tree whose nodes keep their parents alive.
//!
//! A directory stays in memory while something below it is in use. Each node holds a handle to its parent. The parent
//! lists its children in a [`Registry`](crate::Registry), which does not count them. When the last handle to a node is
//! dropped, the node leaves its parent's registry, and then its handle to the parent is dropped, and so on upwards.
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use kref::{Handle, Registry};
//!
//! struct Dir {
//!     parent: Option<Handle<String, Dir>>,
//!     children: Registry<String, Dir>,
//! }
//!
//! impl Dir {
//!     fn new(parent: Option<Handle<String, Dir>>) -> Self {
//!         Dir { parent, children: Registry::new() }
//!     }
//!
//!     /// The directory with this path below `root`. Directories on the way are found, or made.
//!     fn open(root: &Registry<String, Dir>, path: &str) -> Handle<String, Dir> {
//!         let mut names = path.split('/').map(str::to_owned);
//!         let first = names.next().unwrap_or_default();
//!         let mut dir = root.get_or_insert_with(first, |_| Dir::new(None));
//!         for name in names {
//!             let parent = dir.clone();
//!             dir = dir.children.get_or_insert_with(name, |_| Dir::new(Some(parent)));
//!         }
//!         dir
//!     }
//! }
//!
//! fn path(dir: &Handle<String, Dir>) -> String {
//!     match &dir.parent {
//!         Some(parent) => format!("{}/{}", path(parent), Handle::key(dir)),
//!         None => Handle::key(dir).clone(),
//!     }
//! }
//!
//! let root = Registry::new();
//! let bin = Dir::open(&root, "usr/local/bin");
//! assert_eq!(path(&bin), "usr/local/bin");
//!
//! let usr = root.get("usr").expect("`bin` keeps it alive");
//! let local = usr.children.get("local").unwrap();
//! assert!(Handle::ptr_eq(&local, bin.parent.as_ref().unwrap()));
//! drop((usr, local));
//!
//! drop(bin); // and with it `local`, and `usr`
//! assert!(root.is_empty());
//! # }
//! ```
//!
//! - There is no cycle of counts: children count their parents, and no parent counts a child.
//! - Two threads that open the same path get the same directories. A lookup of a directory that is in use takes no lock.
//! - A registry without an entry takes 24 bytes. With one entry it takes 560 bytes, and it grows with its
//!   entries. From 128 entries on, or if threads meet at its lock, it has sixteen shards for each processor, of 200 bytes each.
//! - With millions of nodes even that is much. Then use one registry for all, with the parent's
//!   address and the name as the key; the example `dentry_cache --with registry` does that.
