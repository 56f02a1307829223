//! What the compiler must refuse. Each example is followed by one that differs in the mistake alone, and
//! compiles.

/// A `Weak` goes to another thread only with a value that may be used there by both.
///
/// ```compile_fail,E0277
/// use kref::weak::WeakRef;
/// use std::cell::Cell;
/// let value = WeakRef::new(Cell::new(0));
/// let weak = WeakRef::downgrade(&value);
/// std::thread::spawn(move || weak.upgrade().is_some());
/// ```
///
/// ```
/// use kref::weak::WeakRef;
/// use std::sync::atomic::AtomicU32;
/// let value = WeakRef::new(AtomicU32::new(0));
/// let weak = WeakRef::downgrade(&value);
/// std::thread::spawn(move || weak.upgrade().is_some());
/// ```
struct Send;

/// What the value borrows outlives the `Weak`, too, which may become the last `WeakRef`.
///
/// ```compile_fail,E0597
/// use kref::weak::{Weak, WeakRef};
/// let weak: Weak<&i32>;
/// {
///     let local = 5;
///     weak = WeakRef::downgrade(&WeakRef::new(&local));
/// }
/// assert!(weak.upgrade().is_none());
/// ```
///
/// ```
/// use kref::weak::{Weak, WeakRef};
/// let local = 5;
/// let weak: Weak<&i32>;
/// {
///     weak = WeakRef::downgrade(&WeakRef::new(&local));
/// }
/// assert!(weak.upgrade().is_none());
/// ```
struct OutlivedBorrow;

/// A short lifetime does not serve as a longer one.
///
/// ```compile_fail
/// use kref::weak::Weak;
/// fn lengthen<'short>(value: Weak<&'short str>) -> Weak<&'static str> {
///     value
/// }
/// ```
///
/// ```
/// use kref::weak::Weak;
/// fn shorten<'short>(value: Weak<&'static str>) -> Weak<&'short str> {
///     value
/// }
/// ```
struct Covariance;

/// While `get_mut` lends the value, no code makes another reference to it, strong or weak.
///
/// ```compile_fail,E0502
/// use kref::weak::WeakRef;
/// let mut value = WeakRef::new(5);
/// let five = WeakRef::get_mut(&mut value).unwrap();
/// let weak = WeakRef::downgrade(&value);
/// *five = 6;
/// ```
///
/// ```
/// use kref::weak::WeakRef;
/// let mut value = WeakRef::new(5);
/// let five = WeakRef::get_mut(&mut value).unwrap();
/// *five = 6;
/// let weak = WeakRef::downgrade(&value);
/// ```
struct DowngradeDuringGetMut;
