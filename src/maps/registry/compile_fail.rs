//! What the compiler must refuse. Each example is followed by one that differs in the mistake alone,
//! and compiles.

/// A handle goes to another thread only with a value that both may use.
///
/// ```compile_fail,E0277
/// # use kref::Registry; use std::cell::Cell;
/// let registry = Registry::new();
/// let handle = registry.get_or_insert_with(1, |_| Cell::new(0));
/// std::thread::scope(|scope| {
///     scope.spawn(move || handle.clone());
/// });
/// ```
///
/// ```
/// # use kref::Registry; use std::sync::atomic::AtomicU32;
/// let registry = Registry::new();
/// let handle = registry.get_or_insert_with(1, |_| AtomicU32::new(0));
/// std::thread::scope(|scope| {
///     scope.spawn(move || handle.clone());
/// });
/// ```
struct HandleSendNeedsValueSync;

/// And with a value that either may destroy.
///
/// ```compile_fail,E0277
/// # use kref::Registry; use std::sync::Mutex;
/// let lock = Mutex::new(0);
/// let registry = Registry::new();
/// let handle = registry.get_or_insert_with(1, |_| lock.lock().unwrap());
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(handle));
/// });
/// ```
///
/// ```
/// # use kref::Registry; use std::sync::Mutex;
/// let lock = Mutex::new(0);
/// let registry = Registry::new();
/// let handle = registry.get_or_insert_with(1, |_| *lock.lock().unwrap());
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(handle));
/// });
/// ```
struct HandleSendNeedsValueSend;

/// So does its key.
///
/// ```compile_fail,E0277
/// # use kref::Registry; use std::rc::Rc;
/// let registry = Registry::new();
/// let handle = registry.try_insert(Rc::new(1), ()).unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(handle));
/// });
/// ```
///
/// ```
/// # use kref::Registry; use std::sync::Arc;
/// let registry = Registry::new();
/// let handle = registry.try_insert(Arc::new(1), ()).unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(handle));
/// });
/// ```
struct HandleSendNeedsKey;

/// A borrow of a handle is as good as a handle.
///
/// ```compile_fail,E0277
/// # use kref::{Handle, Registry}; use std::rc::Rc;
/// fn share(handle: &Handle<u32, Rc<u32>>) {
///     std::thread::scope(|scope| {
///         scope.spawn(|| handle.clone());
///     });
/// }
/// ```
///
/// ```
/// # use kref::{Handle, Registry}; use std::sync::Arc;
/// fn share(handle: &Handle<u32, Arc<u32>>) {
///     std::thread::scope(|scope| {
///         scope.spawn(|| handle.clone());
///     });
/// }
/// ```
struct HandleSync;

/// A registry hands out handles in every thread that can borrow it, also where it is empty.
///
/// ```compile_fail,E0277
/// # use kref::Registry; use std::rc::Rc;
/// let registry: Registry<u32, Rc<u32>> = Registry::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| registry.get(&1).is_some());
/// });
/// ```
///
/// ```
/// # use kref::Registry; use std::sync::Arc;
/// let registry: Registry<u32, Arc<u32>> = Registry::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| registry.get(&1).is_some());
/// });
/// ```
struct RegistrySync;

/// And in the thread that it was sent to, while there may be handles here.
///
/// ```compile_fail,E0277
/// # use kref::Registry; use std::rc::Rc;
/// let registry: Registry<Rc<u32>, ()> = Registry::new();
/// std::thread::spawn(move || registry.handles());
/// ```
///
/// ```
/// # use kref::Registry; use std::sync::Arc;
/// let registry: Registry<Arc<u32>, ()> = Registry::new();
/// std::thread::spawn(move || registry.handles());
/// ```
struct RegistrySend;

/// A hasher of one thread makes it a registry of one thread.
///
/// ```compile_fail,E0277
/// # use kref::Registry; use kref::registry::DefaultHashBuilder as Hasher; use std::rc::Rc;
/// # struct Hashes<T>(T);
/// # impl<T> std::hash::BuildHasher for Hashes<T> {
/// #     type Hasher = <Hasher as std::hash::BuildHasher>::Hasher;
/// #     fn build_hasher(&self) -> Self::Hasher { Hasher.build_hasher() }
/// # }
/// let registry = Registry::<u32, u32, _>::with_hasher(Hashes(Rc::new(1)));
/// std::thread::spawn(move || registry.get(&1));
/// ```
///
/// ```
/// # use kref::Registry; use kref::registry::DefaultHashBuilder as Hasher; use std::sync::Arc;
/// # struct Hashes<T>(T);
/// # impl<T> std::hash::BuildHasher for Hashes<T> {
/// #     type Hasher = <Hasher as std::hash::BuildHasher>::Hasher;
/// #     fn build_hasher(&self) -> Self::Hasher { Hasher.build_hasher() }
/// # }
/// let registry = Registry::<u32, u32, _>::with_hasher(Hashes(Arc::new(1)));
/// std::thread::spawn(move || registry.get(&1));
/// ```
struct RegistrySendNeedsHasher;

/// What was interned goes to another thread as a handle does.
///
/// ```compile_fail,E0277
/// # use kref::Interner; use std::rc::Rc;
/// let one = Interner::new().intern(Rc::new(1));
/// std::thread::spawn(move || drop(one));
/// ```
///
/// ```
/// # use kref::Interner; use std::sync::Arc;
/// let one = Interner::new().intern(Arc::new(1));
/// std::thread::spawn(move || drop(one));
/// ```
struct InternedSend;

/// And an interner as a registry does.
///
/// ```compile_fail,E0277
/// # use kref::Interner; use std::rc::Rc;
/// let interner: Interner<Rc<u32>> = Interner::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| interner.get(&Rc::new(1)).is_some());
/// });
/// ```
///
/// ```
/// # use kref::Interner; use std::sync::Arc;
/// let interner: Interner<Arc<u32>> = Interner::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| interner.get(&Arc::new(1)).is_some());
/// });
/// ```
struct InternerSync;

/// What a key borrows outlives the handle, also if the registry is gone.
///
/// ```compile_fail,E0597
/// # use kref::Registry;
/// let handle;
/// {
///     let text = String::from("key");
///     handle = Registry::new().try_insert(text.as_str(), 1).unwrap();
/// }
/// assert_eq!(*handle, 1);
/// ```
///
/// ```
/// # use kref::Registry;
/// let text = String::from("key");
/// let handle;
/// {
///     handle = Registry::new().try_insert(text.as_str(), 1).unwrap();
/// }
/// assert_eq!(*handle, 1);
/// ```
struct HandleOutlivesKey;

/// Its drop counts as a use of what the value borrows.
///
/// ```compile_fail,E0597
/// # use kref::Registry;
/// let (_handle, text); // dropped in the reverse order
/// text = String::from("value");
/// _handle = Registry::new().try_insert(1, text.as_str()).unwrap();
/// ```
///
/// ```
/// # use kref::Registry;
/// let (text, _handle); // dropped in the reverse order
/// text = String::from("value");
/// _handle = Registry::new().try_insert(1, text.as_str()).unwrap();
/// ```
struct HandleDropUsesValue;

/// What is borrowed from a handle, of its value or its key, ends before the handle does.
///
/// ```compile_fail,E0505
/// # use kref::{Handle, Registry};
/// let handle = Registry::new().try_insert(1, 2).unwrap();
/// let (key, value) = (Handle::key(&handle), &*handle);
/// drop(handle);
/// assert_eq!((*key, *value), (1, 2));
/// ```
///
/// ```
/// # use kref::{Handle, Registry};
/// let handle = Registry::new().try_insert(1, 2).unwrap();
/// let (key, value) = (Handle::key(&handle), &*handle);
/// assert_eq!((*key, *value), (1, 2));
/// drop(handle);
/// ```
struct BorrowOutlivesHandle;

/// Objects are shared: a handle does not lend its value mutably.
///
/// ```compile_fail,E0596
/// # use kref::Registry;
/// let mut handle = Registry::new().try_insert(1, String::new()).unwrap();
/// handle.push('a');
/// ```
///
/// ```
/// # use kref::Registry; use std::sync::Mutex;
/// let mut handle = Registry::new().try_insert(1, Mutex::new(String::new())).unwrap();
/// handle.lock().unwrap().push('a');
/// ```
struct HandleIsShared;

/// The key that a constructor is lent does not get out of it.
///
/// ```compile_fail,E0521
/// # use kref::Registry;
/// let mut lent: Option<&u32> = None;
/// Registry::new().get_or_insert_with(1, |key| lent = Some(key));
/// ```
///
/// ```
/// # use kref::Registry;
/// let mut lent: Option<u32> = None;
/// Registry::new().get_or_insert_with(1, |key| lent = Some(*key));
/// ```
struct ConstructorKeepsKey;

/// A registry of long-lived keys is not one of short-lived keys, which could then be put in.
///
/// ```compile_fail
/// # use kref::Registry;
/// fn shorten<'a>(registry: &'a Registry<&'static str, ()>) -> &'a Registry<&'a str, ()> {
///     registry
/// }
/// ```
///
/// ```
/// # use kref::Registry;
/// fn keep<'a>(registry: &'a Registry<&'static str, ()>) -> &'a Registry<&'static str, ()> {
///     registry
/// }
/// ```
struct RegistryInvariantInKey;

/// Nor one of values.
///
/// ```compile_fail
/// # use kref::Registry;
/// fn shorten<'a>(registry: &'a Registry<u32, &'static str>) -> &'a Registry<u32, &'a str> {
///     registry
/// }
/// ```
///
/// ```
/// # use kref::Registry;
/// fn keep<'a>(registry: &'a Registry<u32, &'static str>) -> &'a Registry<u32, &'static str> {
///     registry
/// }
/// ```
struct RegistryInvariantInValue;

/// Nor is it one of keys or values that live longer, which could then be taken out.
///
/// ```compile_fail
/// # use kref::Registry;
/// fn lengthen<'a>(registry: Registry<u32, &'a str>) -> Registry<u32, &'static str> {
///     registry
/// }
/// ```
///
/// ```
/// # use kref::Registry;
/// fn keep<'a>(registry: Registry<u32, &'a str>) -> Registry<u32, &'a str> {
///     registry
/// }
/// ```
struct RegistryNotContravariant;

/// It is the same for an interner.
///
/// ```compile_fail
/// # use kref::Interner;
/// fn shorten<'a>(interner: &'a Interner<&'static str>) -> &'a Interner<&'a str> {
///     interner
/// }
/// ```
///
/// ```
/// # use kref::Interner;
/// fn keep<'a>(interner: &'a Interner<&'static str>) -> &'a Interner<&'static str> {
///     interner
/// }
/// ```
struct InternerInvariant;

/// A handle, from which things are only taken, may be used as one with shorter lifetimes, and not with
/// longer ones.
///
/// ```compile_fail
/// # use kref::Handle;
/// fn lengthen<'a>(handle: Handle<&'a str, &'a str>) -> Handle<&'static str, &'static str> {
///     handle
/// }
/// ```
///
/// ```
/// # use kref::Handle;
/// fn shorten<'a>(handle: Handle<&'static str, &'static str>) -> Handle<&'a str, &'a str> {
///     handle
/// }
/// ```
struct HandleCovariant;

/// So may what was interned.
///
/// ```compile_fail
/// # use kref::Interned;
/// fn lengthen<'a>(interned: Interned<&'a str>) -> Interned<&'static str> {
///     interned
/// }
/// ```
///
/// ```
/// # use kref::Interned;
/// fn shorten<'a>(interned: Interned<&'static str>) -> Interned<&'a str> {
///     interned
/// }
/// ```
struct InternedCovariant;

/// An interned slice is copied, so its elements are `Copy`.
///
/// ```compile_fail
/// # use kref::Interner;
/// let interner: Interner<[String]> = Interner::new();
/// ```
///
/// ```
/// # use kref::Interner;
/// let interner: Interner<[char]> = Interner::new();
/// ```
struct SlicesOfCopy;

/// Only this crate says how a value is stored.
///
/// ```compile_fail
/// # use kref::interner::Stored;
/// struct Mine;
/// unsafe impl Stored for Mine {}
/// ```
///
/// ```
/// # use kref::interner::Stored;
/// struct Mine;
/// fn is_stored<T: Stored + ?Sized>() {}
/// is_stored::<Mine>();
/// is_stored::<str>();
/// ```
struct StoredIsSealed;

/// A value that is put in lives as long as the registry's values do: a reservation is invariant.
///
/// ```compile_fail,E0597
/// # use kref::{Registry, registry::Entry};
/// let registry = Registry::<u32, &'static str>::new();
/// let Entry::Vacant(place) = registry.entry(1) else { unreachable!() };
/// let short = String::from("short");
/// place.fulfil(&short);
/// ```
///
/// ```
/// # use kref::{Registry, registry::Entry};
/// let registry = Registry::<u32, &'static str>::new();
/// let Entry::Vacant(place) = registry.entry(1) else { unreachable!() };
/// let short = "short";
/// place.fulfil(&short);
/// ```
struct ReservationInvariant;

/// A reservation borrows its registry.
///
/// ```compile_fail,E0505
/// # use kref::Registry;
/// let registry = Registry::<u32, u32>::new();
/// let place = registry.entry(1);
/// drop(registry);
/// drop(place);
/// ```
///
/// ```
/// # use kref::Registry;
/// let registry = Registry::<u32, u32>::new();
/// let place = registry.entry(1);
/// drop(place);
/// drop(registry);
/// ```
struct ReservationBorrows;

/// What is borrowed from a handle ends before the handle does.
///
/// ```compile_fail,E0505
/// # use kref::{Handle, Registry};
/// let registry = Registry::<u32, u32>::new();
/// let handle = registry.insert(1, 1);
/// let value = kref::registry::Borrowed::value(Handle::borrowed(&handle));
/// drop(handle);
/// assert_eq!(*value, 1);
/// ```
///
/// ```
/// # use kref::{Handle, Registry};
/// let registry = Registry::<u32, u32>::new();
/// let handle = registry.insert(1, 1);
/// let value = kref::registry::Borrowed::value(Handle::borrowed(&handle));
/// assert_eq!(*value, 1);
/// drop(handle);
/// ```
struct BorrowedEnds;
