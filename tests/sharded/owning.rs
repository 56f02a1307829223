//! [`ShardedRef`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use kref::{Ref, ShardedCount, ShardedRef};

use crate::Drops;

#[test]
fn the_value_is_dropped_once_when_all_handles_are() {
    for owner_first in [true, false] {
        let drops = Drops::default();
        let owner = ShardedRef::new(drops.value());
        let clone = owner.clone();
        let mut handles = [Some(owner), Some(clone)];
        if !owner_first {
            handles.reverse();
        }
        for handle in &mut handles {
            assert_eq!(drops.count(), 0);
            *handle = None;
        }
        assert_eq!(drops.count(), 1);
    }
}

#[test]
fn handles_go_to_threads_and_are_dropped_there() {
    let drops = Drops::default();
    let owner = ShardedRef::new(drops.value());
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let mut handle = owner.clone();
            thread::spawn(move || {
                for _ in 0..100 {
                    handle = handle.clone();
                }
                if n == 3 {
                    ShardedRef::kill_and_confirm(&handle);
                }
            })
        })
        .collect();
    drop(owner);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(drops.count(), 1);
}

#[test]
fn a_value_is_shared_by_both_kinds_of_pointers() {
    let drops = Drops::default();
    let first = Ref::new(drops.value());
    let sharded = ShardedRef::from(first.clone());
    assert!(std::ptr::eq(&*first, &*sharded));
    assert_eq!(Ref::count_hint(&first), 2);
    let many: Vec<_> = (0..10).map(|_| sharded.clone()).collect();
    assert_eq!(Ref::count_hint(&first), 2, "all handles are one reference");
    let back = ShardedRef::into_ref(sharded);
    assert!(Ref::ptr_eq(&first, &back));
    drop(many);
    assert_eq!(Ref::count_hint(&first), 2);
    drop((first, back));
    assert_eq!(drops.count(), 1);
}

#[test]
fn the_inside_goes_to_the_last() {
    let owner = ShardedRef::new(String::from("text"));
    let users: Vec<_> = (0..3).map(|_| owner.clone()).collect();
    assert!(ShardedRef::into_inner(owner).is_none());
    let inside: Vec<_> = users
        .into_iter()
        .filter_map(ShardedRef::into_inner)
        .collect();
    let [inside] = <[Ref<String>; 1]>::try_from(inside).unwrap();
    assert_eq!(Ref::try_unwrap(inside).unwrap(), "text");
}

#[test]
fn values_may_be_unsized() {
    let text: ShardedRef<str> = ShardedRef::from(Ref::<str>::from("text"));
    assert_eq!(&*text, "text");
    assert_eq!(text.clone(), text);
    assert_eq!(format!("{text:?} {text}"), "\"text\" text");
}

#[test]
fn a_resurrection_needs_the_owner() {
    let drops = Drops::default();
    let owner = ShardedRef::new(drops.value());
    let user = owner.clone();
    assert!(!ShardedRef::resurrect(&user), "it is live");
    assert!(ShardedRef::kill(&user));
    assert!(ShardedRef::is_dying(&owner));
    assert!(ShardedRef::try_get(&owner).is_none());
    assert!(ShardedRef::resurrect(&user));
    assert!(!ShardedRef::is_dying(&owner));
    assert!(ShardedRef::try_get(&owner).is_some());
    drop(owner);
    assert!(!ShardedRef::resurrect(&user), "nobody would kill it again");
    assert_eq!(drops.count(), 0);
    drop(user);
    assert_eq!(drops.count(), 1);
}

#[test]
fn only_the_first_is_the_owner() {
    let owner = ShardedRef::new(());
    let clones = [owner.clone(), ShardedRef::try_get(&owner).unwrap()];
    assert!(ShardedRef::is_owner(&owner));
    for clone in &clones {
        assert!(!ShardedRef::is_owner(clone));
        assert!(ShardedRef::ptr_eq(&owner, clone));
    }
    drop(clones);
    assert!(!ShardedRef::is_dying(&owner));
}

#[test]
fn a_destructor_that_panics_unwinds_into_the_last_drop() {
    struct Panics(#[expect(dead_code, reason = "it is dropped")] crate::Dropped);
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in the destructor");
        }
    }
    let drops = Drops::default();
    let owner = ShardedRef::new(Panics(drops.value()));
    let user = owner.clone();
    drop(owner);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(user))).is_err());
    assert_eq!(drops.count(), 1);
}

/// A destructor that clones and drops handles to others, and to what its own value is part of.
#[test]
fn destructors_may_use_other_counts() {
    struct Both(ShardedRef<crate::Dropped>);
    impl Drop for Both {
        fn drop(&mut self) {
            drop(self.0.clone());
        }
    }
    let drops = Drops::default();
    let both = ShardedRef::new(Both(ShardedRef::new(drops.value())));
    let inner = both.0.clone();
    drop(both);
    assert_eq!(drops.count(), 0);
    drop(inner);
    assert_eq!(drops.count(), 1);
}

/// A put in the destructor of a thread-local comes when the thread has given its number back.
#[test]
fn thread_locals_may_hold_handles() {
    std::thread_local! {
        static HELD: std::cell::RefCell<Option<ShardedRef<crate::Dropped>>> =
            const { std::cell::RefCell::new(None) };
    }
    let drops = Drops::default();
    let owner = ShardedRef::new(drops.value());
    let user = owner.clone();
    thread::spawn(move || HELD.set(Some(user))).join().unwrap();
    assert_eq!(drops.count(), 0);
    drop(owner);
    assert_eq!(drops.count(), 1);
}

#[test]
fn a_count_says_what_it_is() {
    let count = ShardedCount::with_shards(2);
    assert_eq!(
        format!("{count:?}"),
        "ShardedCount { state: live, shards: 2 }"
    );
    count.get();
    assert!(!count.kill());
    assert!(!count.kill(), "a second kill drops nothing");
    assert_eq!(
        format!("{count:?}"),
        "ShardedCount { state: dying, shards: 2 }"
    );
    assert!(count.put() && count.is_zero());
    assert_eq!(
        format!("{count:?}"),
        "ShardedCount { state: ended, shards: 2 }"
    );
    assert!(count.reinit() && !count.is_zero() && !count.is_dying());
    assert_eq!(ShardedCount::with_shards(0).shards(), 1);
    assert_eq!(ShardedCount::with_shards(usize::MAX).shards(), 1 << 16);
    assert_eq!(size_of::<ShardedCount>(), 40);
}

/// The shard's number may be anything, and another one for the put.
#[test]
fn numbers_of_shards_wrap_around() {
    let count = ShardedCount::with_shards(4);
    count.get_at(usize::MAX);
    assert!(!count.put_at(5));
    assert!(count.try_get_at(6) && count.try_get_live_at(7));
    assert!(!count.put_at(1 << 40) && !count.put_at(2));
    assert!(count.kill());
}
