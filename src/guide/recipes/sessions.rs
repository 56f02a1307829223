//! Recipe: the sessions of a server.
//!
//! A session lives while a connection or a request uses it, and is found by its number. A client that connects again
//! replaces its old session, even if the server has not yet noticed that the old connection is dead.
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use kref::{Handle, Registry};
//! use std::sync::Mutex;
//!
//! struct Session {
//!     user: String,
//!     unread: Mutex<Vec<String>>, // handles share the session, so what changes has a lock of its own
//! }
//!
//! static SESSIONS: Registry<u64, Session> = Registry::new();
//!
//! fn session(user: &str) -> Session {
//!     Session { user: user.into(), unread: Mutex::default() }
//! }
//!
//! // Refused if the client has a session. The error is `Debug` without the session being so.
//! let first = SESSIONS.try_insert(7, session("alice")).expect("not connected yet");
//! assert!(SESSIONS.try_insert(7, session("alice")).is_err());
//!
//! // The client connects again. A concurrent lookup of 7 finds one of the two sessions.
//! let (second, old) = SESSIONS.replace(7, session("alice"));
//! if let Some(old) = old {
//!     let unread = std::mem::take(&mut *old.unread.lock().unwrap());
//!     second.unread.lock().unwrap().extend(unread);
//! }
//! drop(first); // the dead connection is noticed at last; the new session is not touched
//!
//! // A message for all, without a list of all.
//! SESSIONS.for_each(|session| session.unread.lock().unwrap().push("shutting down".into()));
//! let found = SESSIONS.get(&7).expect("it is in use");
//! assert!(Handle::ptr_eq(&found, &second));
//! assert_eq!((&*found.user, found.unread.lock().unwrap().len()), ("alice", 1));
//!
//! drop((found, second));
//! assert!(SESSIONS.is_empty());
//! # }
//! ```
//!
//! - A `static` needs no `Arc` around the registry. One in an `Arc` or a field works the same.
//! - A destructor of `Session` runs in the thread that drops the last handle, which may be a lookup. Do not hold a lock
//!   that it takes while you drop handles or look sessions up.
