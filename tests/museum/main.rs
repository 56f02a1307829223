//! The museum of bugs: reference counts that went wrong in public, each as a test.
//!
//! | case | what went wrong | `wrong` fails by | `ours` |
//! |---|---|---|---|
//! | [CVE-2016-0728](cve_2016_0728) | a leaked reference, 2^32 times | use after free | saturates |
//! | [CVE-2019-11487](cve_2019_11487) | references that a user may make at will | use after free | refuses at a limit |
//! | [vfio 90b1253e4139](vfio_90b1253e4139) | last put before the lock | use after free | `Kref::put_lock` |
//! | [qrtr a2171131ecda](qrtr_a2171131ecda) | put before unpublish | use after free | the other order; `get_unless_zero` |
//! | [conntrack 0ed8f619b412](conntrack_0ed8f619b412) | get of a recycled object, Relaxed | the last owner's data | `inc_not_zero`, `set_release` |
//! | [CVE-2021-4083](cve_2021_4083) | no look at the slot after the get | data race | recheck; or a freeze |
//! | [rcuref b9a49520679e](rcuref_b9a49520679e) | the count read again after the put | false alarm | `HandBack` |
//! | [lockref put_return](lockref_put_return) | a put that may fail, unchecked | leak | `Kref::put_lock` |
//! | [bun#27838](bun_27838) | `ref` of what the last `deref` had at zero | use after free | `Registry` |
//! | [aptos-core#14639](aptos_core_14639) | a reference dropped under the lock that its drop takes | deadlock | `Registry` |
//! | [internment#11](internment_11) | last put before the lock, and the repair that suggests itself | use after free | `Interner` |
//! | [arc-interner](arc_interner) | `strong_count == 2` under the lock, the drop after it | leak | `Interner` |
//! | [`strong_count() == 1` in `Drop`](strong_count_in_drop) | both see two | leak | `Ref::into_inner` |
//! | [zed#30952](zed_30952) | "increment unless zero" in two steps | freed twice | `Kref::get_unless_zero` |
//! | [rust-analyzer `intern`](rust_analyzer_intern) | `count == 2` before the own decrement, outside the lock | leak | `Interner` |
//! | [moka `key_lock`](moka_key_lock) | an entry that is removed by a count read before | two locks of one key | `Registry` |
//! | [a key lock's clean-up](key_lock_cleanup) | `strong_count == 1` while the map has one | leak | `Registry` |
//! | [CVE-2023-53189](cve_2023_53189) | "is it pending?", and then the change | use after free | the result of the change decides |
//! | [compio `SharedFd`](compio_shared_fd) | a waiter is woken by a count read before the decrement | sleeps forever | `Drain` |
//! | [sled#1289](sled_1289) | opened again while the last user closes it | refused | `Registry::exclusive` |
//! | [a last put that moves](moved_by_the_last_put) | the value's destructor runs elsewhere | an address that is never taken back | `Registry` |
//! | [a lying `Eq`](lying_eq) | an entry that is removed by value | a freed value is found | `Interner` |
//!
//! Each file tells what happened, has the wrong code reduced to its essence (`wrong`), which the model
//! checker breaks, and the same scenario on this crate's types (`ours`), which it does not. The models
//! run over loom's atomics, by the backend of `tests/model`, in all interleavings (two of the maps: in all with two
//! preemptions at most).
//!
//! [`plain::Plain`] is the count in the wrong code: it wraps, and tells nobody.

#![cfg(feature = "registry")]
#![allow(unreachable_pub)] // the modules of a test are as public to one another as they need

// The shipped backend names these as the crate does.
use ::kref::{atomic, lock, sharded};

#[allow(dead_code, unused_imports)] // what only tests/model uses
#[path = "../model/backend.rs"]
mod backend;
#[allow(dead_code)]
#[path = "../model/object.rs"]
mod object;
#[path = "../model/signal.rs"]
mod signal;

mod maps;
mod plain;

mod aptos_core_14639;
mod arc_interner;
mod blk_mq_7996a8b5511a;
mod bun_27838;
mod compio_shared_fd;
mod conntrack_0ed8f619b412;
mod cve_2016_0728;
mod cve_2019_11487;
mod cve_2021_4083;
mod cve_2023_53189;
mod internment_11;
mod key_lock_cleanup;
mod lockref_put_return;
mod lying_eq;
mod moka_key_lock;
mod moved_by_the_last_put;
mod qrtr_a2171131ecda;
mod rcuref_b9a49520679e;
mod rust_analyzer_intern;
mod sled_1289;
mod strong_count_in_drop;
mod vfio_90b1253e4139;
mod zed_30952;

use std::cell::RefCell;

use kref::report::{Kind, set_hook};

std::thread_local! {
    /// The misuses that were reported in this execution. Loom's threads are coroutines on the thread
    /// that runs the model, so this is theirs together.
    static REPORTS: RefCell<Vec<Kind>> = const { RefCell::new(Vec::new()) };
}

/// Runs a model in every interleaving.
#[track_caller]
fn check(model: impl Fn() + Send + Sync + 'static) {
    explore(None, model);
}

/// Runs a model of the maps, which have too many interleavings, with two preemptions at most.
#[track_caller]
fn check_bounded(model: impl Fn() + Send + Sync + 'static) {
    explore(Some(2), model);
}

#[track_caller]
fn explore(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    set_hook(|report| REPORTS.with_borrow_mut(|reports| reports.push(report.kind)));
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 20_000;
    builder.check(move || {
        REPORTS.with_borrow_mut(Vec::clear);
        model();
    });
}

/// Returns the misuses that were reported in this execution so far.
fn reports() -> Vec<Kind> {
    REPORTS.with_borrow(Vec::clone)
}
