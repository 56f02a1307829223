//! CVE-2019-11487, Linux before 5.1-rc5: the reference count of a page overflows.
//!
//! A page's count is 32 bits wide, wraps, and does not saturate. With some 140 GiB of memory and a
//! FUSE file system that never answers, a user could hold references without end: each read that is
//! pending, and each copy of a pipe's buffer, is one. No code had forgotten a put; there was nothing
//! that refused. The repair (merge 6b3a70773630) is a get that may fail, in the two places where users
//! make references.
//!
//! ```text
//! user                                       page cache                 count
//! ----                                       ----------                 -----
//!                                            has the page               2^32 - 2, with the user's
//! duplicate a pipe's buffer, twice                                      0
//! and once more                                                         1
//! close one: 1 -> 0, free
//!                                            use the page
//! ```

use kref::{Kref, RefCount};

use crate::backend::Rmw;
use crate::object::{Mutex, World, threads};
use crate::plain::Plain;

mod wrong {
    use super::*;

    type Page = World<Plain, Mutex>;

    fn put(page: &Page) {
        page.touch();
        if page.count.put() {
            page.free();
        }
    }

    fn user(page: &Page) {
        for _ in 0..3 {
            page.count.get();
        }
        put(page);
    }

    #[test]
    #[should_panic(expected = "ausality violation")]
    fn cve_2019_11487_freed_in_the_page_cache() {
        crate::check(|| {
            let page = Page::new(Plain::new(u32::MAX - 1));
            threads(&page, [user as fn(&_), put]);
        });
    }
}

mod ours {
    use super::*;

    type Page = World<Kref<Rmw>, Mutex>;

    /// How many references there may be: the page cache's and two of users.
    const LIMIT: u32 = 3;

    fn put(page: &Page) {
        page.touch();
        if page.count.put() {
            page.free();
        }
    }

    /// Duplicates a buffer, as often as it is allowed to.
    fn user(page: &Page) {
        let refs: &RefCount<Rmw> = page.count.as_ref();
        let mut buffers = 0;
        for _ in 0..3 {
            match refs.add_not_zero_limited(1, LIMIT) {
                Ok(old) => {
                    assert!(old < LIMIT);
                    buffers += 1;
                }
                Err(full) => assert_eq!(full, LIMIT, "refused because it is full, not dead"),
            }
        }
        assert!(buffers < LIMIT);
        for _ in 0..buffers {
            put(page);
        }
    }

    /// A get that refuses: nothing overflows, so nothing has to saturate, and nothing leaks.
    #[test]
    fn cve_2019_11487_refused_at_the_limit() {
        crate::check(|| {
            let page = Page::new(Kref::from(RefCount::new_in(1)));
            threads(&page, [user as fn(&_), user]);
            assert!(crate::reports().is_empty());
            assert_eq!(page.count.count(), 1);
            put(&page);
            page.assert_freed();
        });
    }
}
