//! Threads that stop between two atomic operations for as long as it takes others to do the worst.
//!
//! | file | what is stopped |
//! |---|---|
//! | `refcount.rs` | `RefCount`, `Frozen`, `Kref` |
//! | `handback.rs` | `HandBack` |
//! | `rcuref.rs` | `RcuRef` |
//! | `refs.rs` | `Ref` |
//! | `weak.rs` | `WeakRef`, `Weak` |
//! | `table.rs` | the table of `Registry` |
//! | `backend.rs` | the tool, for other test binaries too |

#![allow(unreachable_pub)] // the modules of a test are as public to one another as they need

mod backend;

mod handback;
mod rcuref;
mod refcount;
mod refs;
#[cfg(feature = "registry")]
mod table;
mod weak;

use kref::RefCount;

const MAX: u32 = RefCount::MAX;
const SATURATED: u32 = RefCount::SATURATED;

/// Beyond `MAX`, where gets have been and have not noticed, or not yet said so.
const UNNOTICED: u32 = MAX + 1;

/// Words around every edge of the number lines.
fn edges() -> Vec<u32> {
    let around = [
        0,
        MAX,
        1 << 30,
        0x8800_0000,
        0x9000_0000,
        0x9800_0000,
        0xA000_0000,
        0xA800_0000,
        0xB000_0000,
        0xB800_0000,
        SATURATED,
        0xD000_0000,
        0xE000_0000,
        0xF000_0000,
    ];
    around
        .into_iter()
        .flat_map(|edge| (-3..=3).map(move |near| edge.wrapping_add_signed(near)))
        .collect()
}

/// Says nothing of misuse, which most of these tests commit. Every test of this process installs the same hook.
fn quiet() {
    kref::report::set_hook(|_| {});
}
