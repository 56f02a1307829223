//! Linux commit 7996a8b5511a (2019): a request queue is thawed while another task has just frozen it.
//!
//! A queue's users are counted by a `percpu_ref`. To freeze the queue is to kill the count and to wait for the end, and
//! to thaw it is to resurrect the count. Several tasks may freeze it, so there is an atomic depth: the task that raises
//! it from zero kills the count, and the task that lowers it to zero resurrects the count. But the step of the depth
//! and the step of the count are two steps, and those of two tasks may come in different orders. Then the task that has
//! frozen the queue waits for the end of a count that is live: forever. The repair was a mutex around both steps.
//!
//! ```text
//! thaw                              freeze                            depth   count
//! ----                              ------                            -----   -----
//! lower the depth: it was the last                                    0       dying
//!                                   raise the depth: the first        1       dying
//!                                   kill: it is dying already         1       dying
//! resurrect                                                           1       live
//!                                   wait for the end, forever
//! ```
//!
//! In this crate, kills and resurrections exclude one another, and the second kill does no harm. But only the caller
//! knows which of them is to be the last.

use kref::ShardedCount;
use loom::sync::Arc;

use crate::backend::Rmw;
use crate::object::threads;

const LIVE: &str = "the queue is frozen, and its count is live";

mod wrong {
    use super::*;
    use kref::atomic::{Atomic, AtomicInt, Backend};
    use std::sync::atomic::Ordering::AcqRel;

    struct Queue {
        users: ShardedCount<Rmw>,
        depth: <Rmw as Backend>::U32,
    }

    fn freeze(queue: &Queue) {
        if queue.depth.fetch_add(1, AcqRel) == 0 {
            let _ = queue.users.kill_and_confirm();
        }
    }

    fn thaw(queue: &Queue) {
        if queue.depth.fetch_sub(1, AcqRel) == 1 {
            let _ = queue.users.resurrect();
        }
    }

    #[test]
    #[should_panic(expected = "its count is live")]
    fn blk_mq_7996a8b5511a_frozen_and_live() {
        crate::check(|| {
            let queue = Arc::new(Queue {
                users: ShardedCount::with_shards_in(2),
                depth: Atomic::new(0),
            });
            queue.users.get_at(0); // a request that takes long
            freeze(&queue);
            threads(
                &queue,
                [thaw as fn(&_), |queue| {
                    freeze(queue);
                    assert!(!queue.users.try_get_live_at(1), "{LIVE}");
                }],
            );
        });
    }
}

mod ours {
    use super::*;
    use loom::sync::Mutex;

    struct Queue {
        users: ShardedCount<Rmw>,
        depth: Mutex<u32>,
    }

    fn freeze(queue: &Queue) {
        let mut depth = queue.depth.lock().unwrap();
        *depth += 1;
        if *depth == 1 {
            let _ = queue.users.kill();
        }
    }

    fn thaw(queue: &Queue) {
        let mut depth = queue.depth.lock().unwrap();
        *depth -= 1;
        if *depth == 0 {
            assert!(queue.users.resurrect());
        }
    }

    #[test]
    fn blk_mq_7996a8b5511a_frozen_is_dying() {
        crate::check(|| {
            let queue = Arc::new(Queue {
                users: ShardedCount::with_shards_in(2),
                depth: Mutex::new(0),
            });
            queue.users.get_at(0);
            freeze(&queue);
            threads(
                &queue,
                [thaw as fn(&_), |queue| {
                    freeze(queue);
                    assert!(!queue.users.try_get_live_at(1), "{LIVE}");
                }],
            );
            thaw(&queue);
            assert!(queue.users.try_get_live_at(1));
        });
    }
}
