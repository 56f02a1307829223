//! Pages from the system, which can be given back while others read them.
//!
//! On Linux they are a private anonymous mapping. Elsewhere, in Miri, and where the system's pages are larger than ours, they come from the
//! allocator, and are kept to the end.

use alloc::alloc::{alloc, alloc_zeroed, dealloc, handle_alloc_error};
use core::alloc::Layout;
use core::ptr::NonNull;

/// Some pages. Their bytes are zero at first, if that was asked for.
pub(super) struct Map {
    start: NonNull<u8>,
    size: usize,
    align: u32,
    is_mapped: bool,
}

impl Map {
    /// # Panics
    ///
    /// Panics if the pages have more bytes than there are addresses. Where there is no memory, it is the end, as it is for
    /// [`handle_alloc_error`].
    pub(super) fn new(pages: usize, span: usize, zeroed: bool) -> Self {
        let layout = Layout::from_size_align(pages * span, span).expect("pages are small");
        Self::try_new(layout, zeroed).unwrap_or_else(|| handle_alloc_error(layout))
    }

    /// Like `new`, if there is memory.
    pub(super) fn try_new(layout: Layout, zeroed: bool) -> Option<Self> {
        let mapped = if zeroed { system::map(layout) } else { None };
        if let Some(start) = mapped {
            return Some(Self::of(start, layout, true));
        }
        let allocate = if zeroed { alloc_zeroed } else { alloc };
        // SAFETY: the size is not zero.
        let start = NonNull::new(unsafe { allocate(layout) })?;
        Some(Self::of(start, layout, false))
    }

    fn of(start: NonNull<u8>, layout: Layout, is_mapped: bool) -> Self {
        Self {
            start,
            size: layout.size(),
            align: u32::try_from(layout.align()).expect("pages are small"),
            is_mapped,
        }
    }

    fn layout(&self) -> Layout {
        Layout::from_size_align(self.size, self.align as usize).expect("it was one")
    }

    /// Gives all of it back, if it can go back, and is not refused.
    ///
    /// # Safety
    ///
    /// As for [`advise`](Self::advise), and all bytes are zeros already.
    pub(super) unsafe fn advise_all(&self) {
        if self.is_mapped {
            // SAFETY: as the caller promises. If it is refused, they are zeros still.
            let _ = unsafe { Self::advise(self.start, self.size) };
        }
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Whether [`advise`](Self::advise) may be called for its pages.
    pub(super) fn can_go_back(&self) -> bool {
        self.is_mapped
    }

    /// Gives pages back: if it returns true, they are all zeros. If it returns false, some of them may be; the others are as they
    /// were.
    ///
    /// # Safety
    ///
    /// They are whole pages of a map that can go back, and nobody writes to them. Others may read them, as atomics.
    pub(super) unsafe fn advise(start: NonNull<u8>, len: usize) -> bool {
        // SAFETY: as the caller promises.
        unsafe { system::advise(start, len) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if self.is_mapped {
            // SAFETY: mapped with this layout, and nobody uses it any more.
            unsafe { system::unmap(self.start, self.layout()) };
        } else {
            // SAFETY: allocated with this layout, and nobody uses it any more.
            unsafe { dealloc(self.start.as_ptr(), self.layout()) };
        }
    }
}

#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
mod system {
    use core::alloc::Layout;
    use core::ptr::{self, NonNull};

    /// Maps pages of zeros, if the system's own fit into them.
    pub(in super::super) fn map(layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: a question, which changes nothing.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        if usize::try_from(page) != Ok(layout.align()) {
            return None;
        }
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a mapping at an address of the system's choice is in nobody's way.
        let start = unsafe { libc::mmap(ptr::null_mut(), layout.size(), access, kind, -1, 0) };
        if start == libc::MAP_FAILED {
            return None;
        }
        NonNull::new(start.cast())
    }

    /// # Safety
    ///
    /// See [`Map::advise`](super::Map::advise).
    pub(in super::super) unsafe fn advise(start: NonNull<u8>, len: usize) -> bool {
        // SAFETY: the pages are a private anonymous mapping, which reads as zeros from then on.
        unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_DONTNEED) == 0 }
    }

    /// # Safety
    ///
    /// It was mapped, and nobody uses it any more.
    pub(in super::super) unsafe fn unmap(start: NonNull<u8>, layout: Layout) {
        // SAFETY: as the caller promises.
        // It fails only where the system has joined mappings and has no room to part them again; then the pages leak.
        let _ = unsafe { libc::munmap(start.as_ptr().cast(), layout.size()) };
    }
}

#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
mod system {
    use core::alloc::Layout;
    use core::ptr::NonNull;

    pub(in super::super) fn map(_: Layout) -> Option<NonNull<u8>> {
        None
    }

    pub(in super::super) unsafe fn advise(_: NonNull<u8>, _: usize) -> bool {
        false
    }

    pub(in super::super) unsafe fn unmap(_: NonNull<u8>, _: Layout) {
        unreachable!("nothing was mapped")
    }
}
