//! What the maps of kref are measured against: the maps that people write by hand, and those of
//! other crates, behind one trait; and what is done with them.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench registry [-- lookup]
//! KREF_RATIOS=1 cargo bench ...        the table of ratios only, without criterion
//! ```
//!
//! Every map that lets its hasher be chosen has [`Hasher`], which is kref's default one. Every object knows its
//! map by a pointer, as it must where the map is no `static`.

pub mod kref_maps;
pub mod locked;
pub mod others;
pub mod strings;
pub mod weak;
pub mod workload;

/// The hasher of all maps that let choose it.
pub use kref::registry::DefaultHashBuilder as Hasher;

/// A map of live objects with keys and values of eight bytes.
#[allow(clippy::len_without_is_empty, reason = "nobody asks")]
pub trait Map: Sync + 'static {
    /// Owns one reference to an object; the last takes it out of the map.
    type Handle: Send;

    /// An empty map.
    fn new() -> Self;
    /// The object with this key, if there is one.
    fn get(&'static self, key: u64) -> Option<Self::Handle>;
    /// The object with this key, or a new one.
    fn get_or_insert(&'static self, key: u64, value: u64) -> Self::Handle;
    /// The value of an object.
    fn value(handle: &Self::Handle) -> u64;
    /// How many objects there are.
    fn len(&self) -> usize;
}
