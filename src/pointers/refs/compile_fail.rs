//! What the compiler must refuse. Each example is followed by one that differs in the mistake alone, and
//! compiles.

/// A `Ref` goes to another thread only with a value that may be used there by both.
///
/// ```compile_fail,E0277
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// use std::cell::Cell;
/// let value = Ref::new(Cell::new(0));
/// std::thread::spawn(move || value.get());
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// let value = Ref::new(AtomicU32::new(0));
/// std::thread::spawn(move || value.load(Relaxed));
/// ```
struct Send;

/// So does a reference to it, from which the other thread could make one of its own.
///
/// ```compile_fail,E0277
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let value = Ref::new(std::sync::mpsc::channel::<u8>().1); // `Send`, and not `Sync`
/// std::thread::scope(|scope| {
///     scope.spawn(|| value.clone());
/// });
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let value = Ref::new(std::sync::mpsc::channel::<u8>().0); // both
/// std::thread::scope(|scope| {
///     scope.spawn(|| value.clone());
/// });
/// ```
struct Sync;

/// A value that the last `Ref` destroys has to be one that may be destroyed in another thread.
///
/// ```compile_fail,E0277
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let lock = std::sync::Mutex::new(0);
/// let value = Ref::new(lock.lock().unwrap()); // `Sync`, and not `Send`
/// std::thread::scope(|scope| {
///     scope.spawn(|| drop(value.clone()));
/// });
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let lock = std::sync::Mutex::new(0);
/// let value = Ref::new(*lock.lock().unwrap());
/// std::thread::scope(|scope| {
///     scope.spawn(|| drop(value.clone()));
/// });
/// ```
struct SendForTheLast;

/// What the value borrows outlives the `Ref`.
///
/// ```compile_fail,E0597
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let value;
/// {
///     let local = 5;
///     value = Ref::new(&local);
/// }
/// assert_eq!(**value, 5);
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let local = 5;
/// let value;
/// {
///     value = Ref::new(&local);
/// }
/// assert_eq!(**value, 5);
/// ```
struct OutlivedBorrow;

/// Its destructor counts as a use of what it borrows.
///
/// ```compile_fail,E0597
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// struct Last<'a>(&'a String);
/// impl Drop for Last<'_> {
///     fn drop(&mut self) {
///         assert_eq!(self.0, "text");
///     }
/// }
/// let (_value, text); // dropped in the reverse order
/// text = String::from("text");
/// _value = Ref::new(Last(&text));
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// struct Last<'a>(&'a String);
/// impl Drop for Last<'_> {
///     fn drop(&mut self) {
///         assert_eq!(self.0, "text");
///     }
/// }
/// let (text, _value); // dropped in the reverse order
/// text = String::from("text");
/// _value = Ref::new(Last(&text));
/// ```
struct OutlivedByTheDestructor;

/// What is borrowed from the value does not outlive the `Ref`.
///
/// ```compile_fail,E0505
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let value = Ref::new(String::from("text"));
/// let text: &str = &value;
/// drop(value);
/// assert_eq!(text, "text");
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let value = Ref::new(String::from("text"));
/// let text: &str = &value;
/// assert_eq!(text, "text");
/// drop(value);
/// ```
struct BorrowOfTheValue;

/// A shared value is not changed.
///
/// ```compile_fail,E0594
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let value = Ref::new(5);
/// *value = 6;
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let mut value = UniqueRef::new(5);
/// *value = 6;
/// ```
struct SharedIsNotChanged;

/// While `get_mut` lends the value, no code makes another reference to it.
///
/// ```compile_fail,E0502
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let mut value = Ref::new(5);
/// let five = Ref::get_mut(&mut value).unwrap();
/// let other = value.clone();
/// *five = 6;
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let mut value = Ref::new(5);
/// let five = Ref::get_mut(&mut value).unwrap();
/// *five = 6;
/// let other = value.clone();
/// ```
struct CloneDuringGetMut;

/// It lends it once at a time; so does `make_mut`.
///
/// ```compile_fail,E0499
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let mut value = Ref::new(5);
/// let one = Ref::get_mut(&mut value).unwrap();
/// let two = Ref::make_mut(&mut value);
/// *one = *two;
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let mut value = Ref::new(5);
/// let one = *Ref::get_mut(&mut value).unwrap();
/// let two = Ref::make_mut(&mut value);
/// *two = one;
/// ```
struct TwoMutableBorrows;

/// A unique owner that has shared its value has it no longer.
///
/// ```compile_fail,E0382
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let mut unique = UniqueRef::new(5);
/// let value = UniqueRef::share(unique);
/// *unique = 6;
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let mut unique = UniqueRef::new(5);
/// *unique = 6;
/// let value = UniqueRef::share(unique);
/// ```
struct UseAfterShare;

/// A short lifetime does not serve as a longer one.
///
/// ```compile_fail
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// fn lengthen<'short>(value: Ref<&'short str>) -> Ref<&'short str> {
///     let longer: Ref<&'static str> = value;
///     longer
/// }
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// fn shorten<'short>(value: Ref<&'static str>) -> Ref<&'short str> {
///     let shorter: Ref<&'short str> = value;
///     shorter
/// }
/// ```
struct Covariance;

/// `unsize!` makes of a value what it is.
///
/// ```compile_fail,E0277
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// use std::cell::Cell;
/// kref::unsize!(Ref::new(Cell::new(5)) => dyn std::fmt::Debug + Sync);
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// use std::cell::Cell;
/// kref::unsize!(Ref::new(Cell::new(5)) => dyn std::fmt::Debug + Send);
/// ```
struct UnsizeAutoTraits;

/// And it casts nothing.
///
/// ```compile_fail,E0308
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// kref::unsize!(Ref::new([5_u8]) => str);
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// kref::unsize!(Ref::new([5_u8]) => [u8]);
/// ```
struct UnsizeCastsNothing;

/// A trait object borrows what its value borrows.
///
/// ```compile_fail,E0597
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let value: Ref<dyn std::fmt::Display>;
/// {
///     let local = 5;
///     value = kref::unsize!(Ref::new(&local));
/// }
/// assert_eq!(value.to_string(), "5");
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let local = 5;
/// let value: Ref<dyn std::fmt::Display>;
/// {
///     value = kref::unsize!(Ref::new(&local));
/// }
/// assert_eq!(value.to_string(), "5");
/// ```
struct UnsizeLifetime;

/// `unsize!` makes of a unique owner what its value is, too, and of a pinned one.
///
/// ```compile_fail,E0277
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// use std::cell::Cell;
/// kref::unsize!(UniqueRef::pin(Cell::new(5)) => dyn std::fmt::Debug + Sync);
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// use std::cell::Cell;
/// kref::unsize!(UniqueRef::pin(Cell::new(5)) => dyn std::fmt::Debug + Send);
/// ```
struct UnsizeUnique;

/// A pinned value stays pinned, whatever the trait object says.
///
/// ```compile_fail,E0277
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let pinned = Ref::pin(std::marker::PhantomPinned);
/// kref::unsize!(pinned => dyn std::fmt::Debug + Unpin);
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef};
/// let pinned = Ref::pin(std::marker::PhantomPinned);
/// kref::unsize!(pinned => dyn std::fmt::Debug + Send);
/// ```
struct UnsizePinned;

/// Of two types of which one is a subtype of the other, each may have a `dec_ref` of its own.
///
/// ```compile_fail
/// # #![allow(unused)] use kref::{IntrusiveRef, RefCounted};
/// fn shorten<'short, T: ?Sized>(object: IntrusiveRef<Named<'static>>) -> IntrusiveRef<Named<'short>> {
///     object
/// }
/// # struct Named<'a>(&'a str);
/// # // SAFETY: there is none.
/// # unsafe impl RefCounted for Named<'_> {
/// #     fn inc_ref(&self) {}
/// #     unsafe fn dec_ref(_: std::ptr::NonNull<Self>) {}
/// # }
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{IntrusiveRef, RefCounted};
/// fn shorten<'short, T: ?Sized>(object: IntrusiveRef<Named<'static>>) -> IntrusiveRef<Named<'static>> {
///     object
/// }
/// # struct Named<'a>(&'a str);
/// # // SAFETY: there is none.
/// # unsafe impl RefCounted for Named<'_> {
/// #     fn inc_ref(&self) {}
/// #     unsafe fn dec_ref(_: std::ptr::NonNull<Self>) {}
/// # }
/// ```
struct IntrusiveInvariance;

/// Nor is a pointer over one backend one over another that happens to be its subtype: the backend
/// decides where the count is.
///
/// ```compile_fail
/// # #![allow(unused)] use kref::{Ref, UniqueRef, atomic::Backend};
/// # type Any = for<'a> fn(&'a ());
/// # type Static = fn(&'static ());
/// fn other<A: ?Sized>(value: Ref<u8, Family<Any>>) -> Ref<u8, Family<Static>> {
///     value
/// }
/// # struct Family<F>(F);
/// # use std::sync::atomic::*;
/// # // SAFETY: core's atomics.
/// # unsafe impl Backend for Family<Any> { type U32 = AtomicU32; type Usize = AtomicUsize; type Ptr<T> = AtomicPtr<T>; }
/// # // SAFETY: core's atomics.
/// # unsafe impl Backend for Family<Static> { type U32 = AtomicU32; type Usize = AtomicUsize; type Ptr<T> = AtomicPtr<T>; }
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{Ref, UniqueRef, atomic::Backend};
/// # type Any = for<'a> fn(&'a ());
/// # type Static = fn(&'static ());
/// fn other<A: ?Sized>(value: Ref<u8, Family<Any>>) -> Ref<u8, Family<Any>> {
///     value
/// }
/// # struct Family<F>(F);
/// # use std::sync::atomic::*;
/// # // SAFETY: core's atomics.
/// # unsafe impl Backend for Family<Any> { type U32 = AtomicU32; type Usize = AtomicUsize; type Ptr<T> = AtomicPtr<T>; }
/// # // SAFETY: core's atomics.
/// # unsafe impl Backend for Family<Static> { type U32 = AtomicU32; type Usize = AtomicUsize; type Ptr<T> = AtomicPtr<T>; }
/// ```
struct BackendInvariance;

/// The same for a chain, whose backend says which node of an object links it.
///
/// ```compile_fail
/// # #![allow(unused)] use kref::{atomic::Backend, llist::intrusive::{Chain, Linked}};
/// # type Any = for<'a> fn(&'a ());
/// # type Static = fn(&'static ());
/// fn other<T: Linked<Family<Any>> + Linked<Family<Static>>>(
///     chain: Chain<Box<T>, Family<Any>>,
/// ) -> Chain<Box<T>, Family<Static>> {
///     chain
/// }
/// # struct Family<F>(F);
/// # use std::sync::atomic::*;
/// # // SAFETY: core's atomics.
/// # unsafe impl Backend for Family<Any> { type U32 = AtomicU32; type Usize = AtomicUsize; type Ptr<T> = AtomicPtr<T>; }
/// # // SAFETY: core's atomics.
/// # unsafe impl Backend for Family<Static> { type U32 = AtomicU32; type Usize = AtomicUsize; type Ptr<T> = AtomicPtr<T>; }
/// ```
///
/// ```
/// # #![allow(unused)] use kref::{atomic::Backend, llist::intrusive::{Chain, Linked}};
/// # type Any = for<'a> fn(&'a ());
/// # type Static = fn(&'static ());
/// fn other<T: Linked<Family<Any>> + Linked<Family<Static>>>(
///     chain: Chain<Box<T>, Family<Any>>,
/// ) -> Chain<Box<T>, Family<Any>> {
///     chain
/// }
/// # struct Family<F>(F);
/// # use std::sync::atomic::*;
/// # // SAFETY: core's atomics.
/// # unsafe impl Backend for Family<Any> { type U32 = AtomicU32; type Usize = AtomicUsize; type Ptr<T> = AtomicPtr<T>; }
/// # // SAFETY: core's atomics.
/// # unsafe impl Backend for Family<Static> { type U32 = AtomicU32; type Usize = AtomicUsize; type Ptr<T> = AtomicPtr<T>; }
/// ```
struct ChainInvariance;
