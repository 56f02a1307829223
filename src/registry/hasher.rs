//! The default hasher.

use core::hash::BuildHasher;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

/// Builds the default hashers of [`Registry`](super::Registry) and
/// [`Interner`](crate::Interner): foldhash, seeded once in the life of the process.
///
/// It is fast, usable in a constant, and hard to attack from outside, but not as hard as the
/// SipHash of `std::hash::RandomState`, which you can name instead.
///
/// # Examples
///
/// ```
/// use kref::Registry;
/// use kref::registry::DefaultHashBuilder;
///
/// static FEW: Registry<u32, u32> = Registry::with_shards_and_hasher(4, DefaultHashBuilder);
///
/// assert!(FEW.is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultHashBuilder;

impl BuildHasher for DefaultHashBuilder {
    type Hasher = FoldHasher<'static>;

    #[inline]
    fn build_hasher(&self) -> Self::Hasher {
        FoldHasher::with_seed(0, SharedSeed::global_random())
    }
}
