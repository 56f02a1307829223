//! The two kinds of words, and what their values mean. See the head of the [module](super).
#![forbid(unsafe_code)]

/// A shard that is open, and in which no reference is counted.
pub(super) const OPEN: u64 = 1 << 62;
/// A shard that is closed: it says "count in the common word instead".
pub(super) const CLOSED: u64 = OPEN.wrapping_neg();

/// Returns whether the shard is closed in which an addition found this.
///
/// An open shard is positive and a closed one negative, both 2^62 away from zero. So zero may mean either. It is taken for
/// open here, and for closed after a subtraction: then the processor's flags answer, and the value need not be fetched (on
/// x86-64 `lock inc; jle` and `lock dec; jl`).
#[inline]
pub(super) const fn is_closed_to_get(found: u64) -> bool {
    (found as i64) < 0
}

/// Returns whether the shard is closed in which a subtraction found this.
#[inline]
pub(super) const fn is_closed_to_put(found: u64) -> bool {
    (found as i64) <= 0
}

/// What keeps the common word from zero until all shards are in.
pub(super) const BIAS: u64 = 1 << 62;
/// The largest number of references that a count that is dying may have.
pub(super) const MAX: u64 = 1 << 60;
/// The middle of the range of the counts that leak.
pub(super) const SATURATED: u64 = 0x9000_0000_0000_0000;

/// What a value of the common word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// There are no references.
    Ended,
    /// There are so many, and all are counted here.
    Counted,
    /// There are too many.
    Full,
    /// More may be counted in the shards.
    Biased,
    /// The count was misused, and the object leaks.
    Saturated,
    /// More references were dropped than there were.
    Below,
}

pub(super) const fn zone(word: u64) -> Zone {
    const FULL: u64 = MAX + 1;
    const BIASED: u64 = BIAS / 2;
    const NOT_BIASED: u64 = BIAS + BIAS / 2;
    const BELOW: u64 = 0xC000_0000_0000_0000;
    match word {
        0 => Zone::Ended,
        1..=MAX => Zone::Counted,
        FULL..BIASED => Zone::Full,
        BIASED..NOT_BIASED => Zone::Biased,
        NOT_BIASED..BELOW => Zone::Saturated,
        BELOW.. => Zone::Below,
    }
}

/// Returns what a shard contributes to the sum, from the value that closing it has replaced.
pub(super) const fn counted_in(shard: u64) -> u64 {
    shard.wrapping_sub(OPEN)
}

/// Returns how many references there are, from a biased common word and the sum of the shards. Less than one, or more than
/// `MAX`, is a misuse.
pub(super) const fn total(word: u64, sum: u64) -> i64 {
    // Right modulo 2^64, even if the sum of some of the shards has wrapped.
    word.wrapping_add(sum).wrapping_sub(BIAS) as i64
}

/// Returns the value as a [`Report`](crate::report::Report) has it.
pub(super) fn reported(word: u64) -> u32 {
    u32::try_from(word).unwrap_or(u32::MAX)
}
