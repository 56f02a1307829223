//! What the pointers carry without the feature `track`: nothing, which does nothing.

/// Where a reference was taken: unknown.
#[derive(Clone, Copy)]
pub(crate) struct Origin;

impl Origin {
    #[inline]
    pub(crate) const fn here() -> Self {
        Self
    }

    #[inline]
    pub(crate) const fn tagged(_: &'static str) -> Self {
        Self
    }
}

/// Stands for one reference of a pointer.
pub(crate) struct Token;

impl Token {
    #[inline]
    #[expect(
        clippy::extra_unused_type_parameters,
        reason = "the other one names it"
    )]
    pub(crate) const fn new<T: ?Sized>(_: *const (), _: Origin) -> Self {
        Self
    }

    #[inline]
    pub(crate) const fn taken_back(_: *const (), _: Origin) -> Self {
        Self
    }

    #[inline]
    pub(crate) const fn lent() -> Self {
        Self
    }

    #[inline]
    pub(crate) const fn give_away(self, _: Origin) {}

    #[inline]
    pub(crate) const fn end(&mut self) {}
}

/// Marks what a count's report is about, for as long as it exists.
pub(crate) struct Operation;

impl Operation {
    #[inline]
    pub(crate) const fn on(_: *const ()) -> Self {
        Self
    }
    #[inline]
    pub(crate) const fn end(self) {}
}
