//! Recipe: count references in your own object, with your own index and your own lock.
//!
//! Use this if [`Registry`](crate::Registry) does not fit: the index is not a map from a key, one lock protects
//! several indexes, or the object has to lie where other code put it. It takes unsafe code; a `Registry` takes none.
//!
//! A cache of textures lists each texture without counting it. The last user of a texture removes it.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use kref::{IntrusiveRef, Kref, RefCounted};
//! use std::collections::HashMap;
//! use std::ptr::NonNull;
//! use std::sync::Mutex;
//!
//! struct Texture {
//!     kref: Kref,
//!     name: String,
//! }
//!
//! /// An uncounted pointer.
//! struct Uncounted(NonNull<Texture>);
//! // SAFETY: it is only followed while the index's lock is held, and a texture in the index is alive then.
//! unsafe impl Send for Uncounted {}
//!
//! // The index outlives every texture: `Kref::put_lock` needs that of its lock.
//! static INDEX: Mutex<Option<HashMap<String, Uncounted>>> = Mutex::new(None);
//!
//! // SAFETY: each call of `inc_ref` adds one reference; a call of `dec_ref` drops one, and the last frees the texture.
//! unsafe impl RefCounted for Texture {
//!     fn inc_ref(&self) {
//!         self.kref.get();
//!     }
//!
//!     unsafe fn dec_ref(this: NonNull<Self>) {
//!         // SAFETY: the caller's reference keeps the texture alive until the put.
//!         let kref = unsafe { &raw const (*this.as_ptr()).kref };
//!         // SAFETY: as above. A `Kref` has only bytes inside an `UnsafeCell`, so the reference may outlive the texture.
//!         let Some(mut index) = (unsafe { &*kref }).put_lock(&INDEX) else {
//!             return; // not the last: the texture may be freed already
//!         };
//!         // The last reference is dropped and the lock is held: no other thread can find the texture.
//!         // SAFETY: only this thread can reach the texture now.
//!         let texture = unsafe { Box::from_raw(this.as_ptr()) };
//!         index.as_mut().unwrap().remove(&texture.name);
//!         drop(index); // unlock before the destructor runs
//!         drop(texture);
//!     }
//! }
//!
//! fn open(name: &str) -> IntrusiveRef<Texture> {
//!     let mut index = INDEX.lock().unwrap();
//!     let index = index.get_or_insert_default();
//!     if let Some(found) = index.get(name) {
//!         // SAFETY: it is in the index and the lock is held, so it is alive.
//!         let texture = unsafe { found.0.as_ref() };
//!         texture.inc_ref();
//!         // SAFETY: that reference is the new pointer's.
//!         return unsafe { IntrusiveRef::from_raw(found.0) };
//!     }
//!     let texture = Box::new(Texture { kref: Kref::new(), name: name.to_owned() });
//!     let texture = NonNull::from(Box::leak(texture));
//!     index.insert(name.to_owned(), Uncounted(texture));
//!     // SAFETY: the reference that the count starts with is the new pointer's.
//!     unsafe { IntrusiveRef::from_raw(texture) }
//! }
//!
//! let (wood, again) = (open("wood"), open("wood"));
//! assert_eq!(wood.kref.count(), 2);
//! drop(wood); // no lock is taken
//! assert_eq!(again.name, "wood");
//! drop(again);
//! assert!(INDEX.lock().unwrap().as_ref().unwrap().is_empty());
//! # }
//! ```
//!
//! Three rules make this sound, and [`Kref::put_lock`](crate::Kref::put_lock) repeats them:
//!
//! 1. A lookup takes its reference while it holds the lock.
//! 2. The last put removes the object from the index before it unlocks.
//! 3. The lock outlives the object. It may be a `static`, or lie in something that each object keeps alive by a
//!    reference of its own, which is dropped after the lock is released.
//!
//! With a lock of parking_lot or spin in place of std's, enable the feature `lock_api` (the default feature `registry`
//! implies it); the rest of the program stays as it is.
//!
//! The put is a compare-and-swap loop. If that costs too much, [`HandBack`](crate::HandBack) has the same `put_lock`
//! with one `fetch_sub`; a lookup then calls [`get_locked`](crate::HandBack::get_locked).
