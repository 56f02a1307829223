//! The default hasher.

use core::hash::BuildHasher;

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;

/// The default hasher builder of [`Registry`](super::Registry) and [`Interner`](crate::Interner):
/// foldhash, seeded once in the life of the process.
///
/// It is fast, usable in a constant, and hard to attack from outside. The SipHash of
/// `std::hash::RandomState` is harder to attack; you can name it instead.
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
