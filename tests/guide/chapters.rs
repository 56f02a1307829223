//! A module for each chapter: the same threads over the code that the chapter calls right, which must
//! pass, and over the code that it calls wrong, which must fail.

use crate::{check, check_bounded};

/// The tests of a chapter. `with` is what the text of the chapter says in addition to the code,
/// `model` the threads. The wrong code stands in a module inside that of the right code, so that it
/// is used with what it does not replace.
macro_rules! chapter {
    ($chapter:ident, $right:literal, $wrong:literal, $failure:literal,
     with { $($with:item)* } model $model:block) => {
        #[allow(unused_imports, dead_code)]
        mod $chapter {
            use crate::names::*;
            use crate::object::threads;
            $($with)*
            include!(concat!("../../src/guide/code/", $right, ".rs"));

            fn model() $model

            mod with_wrong_code {
                use super::*;
                include!(concat!("../../src/guide/code/", $wrong, ".rs"));

                pub(super) fn model() $model
            }

            #[test]
            fn right() {
                super::check(model);
            }

            #[test]
            #[should_panic(expected = $failure)]
            fn wrong() {
                super::check(with_wrong_code::model);
            }
        }
    };
}

chapter! { raise_to, "raise_to", "raise_to_wrong", "the maximum is lost",
    with {}
    model {
        let max = loom::sync::Arc::new(AtomicU32::new(0));
        threads(&max, [(|max| raise(max, 1)) as fn(&AtomicU32), |max| raise(max, 2)]);
        assert_eq!(max.load(Relaxed), 2, "the maximum is lost");
    }
}

chapter! { inc_not_zero, "inc_not_zero", "inc_not_zero_wrong", "ausality violation",
    with {
        type Slot = crate::slot::Slot<AtomicU32>;
        fn put(s: &Slot) {
            if s.refs.fetch_sub(1, AcqRel) == 1 {
                s.write(0); // the object is gone
            }
        }
    }
    model {
        let s = Slot::new(AtomicU32::new(1), 42);
        threads(&s, [put as fn(&_), |s| {
            if get_unless_zero(s) {
                assert_eq!(s.read(), 42);
                put(s);
            }
        }]);
        assert_eq!(s.read(), 0);
    }
}

chapter! { reference_counting, "reference_counting", "reference_counting_wrong", "ausality violation",
    with {}
    model {
        let w = World::new(Kref::from(RefCount::new_in(1)));
        let mut other = None;
        hand_over(&w, || {
            let w = w.clone();
            other = Some(loom::thread::spawn(move || use_and_put(&w)));
        });
        use_and_put(&w);
        other.unwrap().join().unwrap();
        w.assert_freed();
    }
}

chapter! { orderings, "orderings", "orderings_wrong", "ausality violation",
    with { type World = crate::object::World<AtomicU32, Mutex>; }
    model {
        let w = World::new(AtomicU32::new(1));
        get(&w);
        threads(&w, [put as fn(&_), put]);
        w.assert_freed();
    }
}

chapter! { parents, "parents", "parents_wrong", "left: 0", // what is left of the parent
    with {
        fn put(w: &World) {
            if w.count.put() {
                w.free();
            }
        }
        struct Family {
            parent: loom::sync::Arc<World>,
            child: loom::sync::Arc<World>,
        }
    }
    model {
        // The creator's reference to the parent, and the child's; one to the child.
        let parent = World::new(Kref::from(RefCount::new_in(2)));
        let child = World::new(Kref::new_in());
        let family = loom::sync::Arc::new(Family { parent, child });
        threads(&family, [
            (|family| put(&family.parent)) as fn(&Family),
            |family| put_child(&family.parent, &family.child),
        ]);
        family.child.assert_freed();
        family.parent.assert_freed();
    }
}

chapter! { weak_pointers, "weak_pointers", "weak_pointers_wrong", "ausality violation",
    with {}
    model {
        let w = World::new(Kref::new_in());
        threads(&w, [put as fn(&_), |w| {
            if find(w) {
                w.touch();
                put(w);
            }
        }]);
        w.assert_freed();
    }
}

chapter! { put_lock, "put_lock", "put_lock_wrong", "ausality violation",
    with {}
    model {
        let w = World::new(Kref::new_in());
        threads(&w, [put as fn(&_), |w| {
            if find(w) {
                w.touch();
                put(w);
            }
        }]);
        w.assert_freed();
    }
}

/// The put by hand does what the chapter says of it: one write in each, whichever thread is told
/// that its reference was the last.
mod put_lock_in_the_open {
    use crate::backend::{CasOnly, Tally, tally};
    use crate::names::Lock;
    use crate::object::{Index, Mutex, threads};
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    type RefCount = kref::RefCount<CasOnly>;
    include!("../../src/guide/code/put_lock_open.rs");

    struct Counted {
        refs: RefCount,
        lock: Mutex,
        writes: AtomicU32,
        last: AtomicU32,
    }

    fn put(c: &Counted) {
        let (last, Tally { writes, .. }) = tally(|| put_lock(&c.refs, &c.lock));
        c.writes.fetch_add(writes, Relaxed);
        c.last.fetch_add(u32::from(last), Relaxed);
        assert_eq!(writes, 1, "a put writes exactly once");
    }

    #[test]
    fn exactly_one_successful_compare_and_swap() {
        super::check(|| {
            let c = loom::sync::Arc::new(Counted {
                refs: RefCount::new_in(2),
                lock: Mutex::new(),
                writes: AtomicU32::new(0),
                last: AtomicU32::new(0),
            });
            threads(&c, [put as fn(&_), put]);
            assert_eq!(c.writes.load(Relaxed), 2);
            assert_eq!(c.last.load(Relaxed), 1);
        });
    }
}

chapter! { read_write_semaphore, "read_write_semaphore", "read_write_semaphore_wrong",
    "ausality violation",
    with { type World = crate::object::World<Kref, RwLock>; }
    model {
        let w = World::new(Kref::new_in());
        threads(&w, [put as fn(&_), |w| {
            if find(w) {
                w.touch();
                put(w);
            }
        }]);
        w.assert_freed();
    }
}

chapter! { no_common_lock, "no_common_lock", "no_common_lock_wrong", "another object",
    with { const NOTHING: u32 = 0; }
    model {
        let s = Slot::new(RefCount::new_in(1), 7);
        threads(&s, [
            (|s| {
                if s.refs.dec_and_test() {
                    reuse(s, 8);
                }
            }) as fn(&Slot),
            |s| {
                if find(s, 7) {
                    assert_eq!(s.read(), 7, "another object");
                    put(s);
                }
            },
        ]);
    }
}

chapter! { saturation, "saturation", "saturation_wrong", "beyond the limit",
    with {
        const LIMIT: u32 = 2;
        trait Value {
            fn value(&self) -> u32;
        }
        impl Value for RefCount {
            fn value(&self) -> u32 {
                self.count()
            }
        }
        impl Value for AtomicU32 {
            fn value(&self) -> u32 {
                self.load(Relaxed)
            }
        }
        trait Make: Sized {
            fn make(get: fn(&Self) -> bool) -> (loom::sync::Arc<Self>, fn(&Self) -> bool);
        }
        impl Make for RefCount {
            fn make(get: fn(&Self) -> bool) -> (loom::sync::Arc<Self>, fn(&Self) -> bool) {
                (loom::sync::Arc::new(Self::new_in(1)), get)
            }
        }
        impl Make for AtomicU32 {
            fn make(get: fn(&Self) -> bool) -> (loom::sync::Arc<Self>, fn(&Self) -> bool) {
                (loom::sync::Arc::new(Atomic::new(1)), get)
            }
        }
    }
    model {
        let (refs, get) = Make::make(get);
        let other = refs.clone();
        let thread = loom::thread::spawn(move || get(&other));
        get(&refs);
        thread.join().unwrap();
        assert!(refs.value() <= LIMIT, "beyond the limit");
    }
}

chapter! { lists, "lists", "lists_wrong", "has two owners",
    with {
        include!("../../src/guide/code/lists_push.rs");

        /// The list, 1 before 2, and whether a node was taken and not given back.
        struct Taken(List, [std::sync::atomic::AtomicBool; 3]);

        impl Taken {
            fn own(&self, node: u32) {
                let owned = self.1[node as usize].swap(true, Relaxed);
                assert!(!owned, "node {node} has two owners");
            }
            fn give_back(&self, node: u32) {
                self.1[node as usize].store(false, Relaxed);
                push(&self.0, node);
            }
        }

        /// Takes the whole chain, which is how the right code takes one.
        fn pop(list: &List) -> u32 {
            let first = take_all(list);
            if first != 0 {
                let rest = list.next[first as usize].load(Relaxed);
                if rest != 0 {
                    push(list, rest);
                }
            }
            first
        }
    }
    model {
        let list = List { head: AtomicU32::new(0), next: [0; 3].map(AtomicU32::new) };
        push(&list, 2);
        push(&list, 1);
        let list = loom::sync::Arc::new(Taken(list, Default::default()));
        threads(&list, [
            (|list| {
                let node = pop(&list.0);
                if node != 0 {
                    list.own(node);
                }
            }) as fn(&Taken),
            |list| {
                let [first, second] = [pop(&list.0), pop(&list.0)];
                for node in [first, second].into_iter().filter(|node| *node != 0) {
                    list.own(node);
                }
                if first != 0 {
                    list.give_back(first);
                }
            },
        ]);
        let left = pop(&list.0);
        if left != 0 {
            list.own(left);
        }
    }
}

chapter! { hand_back, "hand_back", "hand_back_wrong", "ausality violation",
    with { type World = crate::object::World<AtomicU32, Mutex>; }
    model {
        let w = World::new(AtomicU32::new(1));
        threads(&w, [put as fn(&_), |w| {
            if find(w) {
                w.touch();
                put(w);
            }
        }]);
        w.assert_freed();
    }
}

mod registry {
    use crate::object::threads;
    use crate::visible_arc::{Arc, Weak};
    use loom::sync::Mutex;
    use std::collections::BTreeMap;

    include!("../../src/guide/code/registry_wrong.rs");

    #[test]
    #[should_panic(expected = "two sessions with one number")]
    fn wrong() {
        super::check(|| {
            let table = loom::sync::Arc::new(Arc::new(Table::new(BTreeMap::new())));
            let first = open(&table, 7);
            let thread = loom::thread::spawn(move || drop(first));
            let second = open(&table, 7);
            thread.join().unwrap();
            let third = open(&table, 7);
            let same = Arc::ptr_eq(&second, &third);
            // Nothing of it is dropped by a panic: that would use the model's lock after its end.
            std::mem::forget((second, third));
            assert!(same, "two sessions with one number");
        });
    }

    mod right_code {
        use super::threads;
        use crate::backend::Rmw;
        use kref::registry::DefaultHashBuilder;

        type Registry<K, V> = kref::Registry<K, V, DefaultHashBuilder, Rmw>;
        type Handle<K, V> = kref::Handle<K, V, Rmw>;
        include!("../../src/guide/code/registry.rs");

        type Both = (
            Registry<u32, Session>,
            std::sync::Mutex<Option<Handle<u32, Session>>>,
        );

        #[test]
        fn right() {
            super::super::check_bounded(|| {
                let table = Registry::new_in(1, DefaultHashBuilder);
                let first = std::sync::Mutex::new(Some(open(&table, 7)));
                let both: loom::sync::Arc<Both> = loom::sync::Arc::new((table, first));
                threads(
                    &both,
                    [
                        (|both| drop(both.1.lock().unwrap().take())) as fn(&Both),
                        |both| {
                            let second = open(&both.0, 7);
                            let third = open(&both.0, 7);
                            assert_eq!(second.id, 7);
                            assert!(Handle::ptr_eq(&second, &third));
                        },
                    ],
                );
            });
        }
    }
}

chapter! { uniqueness, "uniqueness", "uniqueness_wrong", "ausality violation",
    with {}
    model {
        let s = Slot::new(RefCount::new_in(1), 1);
        threads(&s, [
            (|s| {
                change(s, 2);
            }) as fn(&Slot),
            |s| {
                if s.refs.inc_not_zero() {
                    let before = s.read();
                    assert_eq!(s.read(), before);
                    s.refs.dec();
                }
            },
        ]);
    }
}

chapter! { upgrade, "upgrade", "upgrade_wrong", "ausality violation",
    with {
        type World = crate::object::World<Counts, Mutex>;
        include!("../../src/guide/code/upgrade_counts.rs");
    }
    model {
        // The last user's reference and an upgrader's; the value's weak one and the upgrader's.
        let w = World::new(Counts { strong: Atomic::new(1), weak: Atomic::new(2) });
        threads(&w, [put as fn(&_), |w| {
            if upgrade(w) {
                w.touch();
                put(w);
            }
            put_weak(w);
        }]);
        w.assert_freed();
    }
}

chapter! { leaks, "leaks", "leaks_wrong", "leaked",
    with {}
    model {
        let w = World::new(Kref::from(RefCount::new_in(2)));
        threads(&w, [put as fn(&_), put]);
        w.assert_freed();
    }
}

mod many_cores {
    #[allow(unused_imports)]
    use crate::names::*;
    use crate::object::threads;

    mod wrong_code {
        use super::*;

        type World = crate::object::World<Count, Mutex>;
        include!("../../src/guide/code/many_cores_wrong.rs");

        #[test]
        #[should_panic(expected = "ausality violation")]
        fn wrong() {
            crate::check(|| {
                let w = World::new(Count {
                    shards: [1, 1].map(Atomic::new),
                });
                threads(
                    &w,
                    [(|w| put(w, 0)) as fn(&World), |w| {
                        get(w, 0);
                        put(w, 1);
                        w.touch();
                        put(w, 0);
                    }],
                );
                w.end();
            });
        }
    }

    mod right_code {
        use super::*;

        type World = crate::object::World<kref::ShardedCount<Rmw>, Mutex>;
        include!("../../src/guide/code/many_cores.rs");

        #[test]
        fn right() {
            crate::check(|| {
                let w = World::new(kref::ShardedCount::with_shards_in(2));
                get(&w, 1); // the second thread's; the first has the creator's
                threads(
                    &w,
                    [kill as fn(&World), |w| {
                        get(w, 0);
                        put(w, 1);
                        w.touch();
                        put(w, 1);
                    }],
                );
                w.assert_freed();
            });
        }
    }
}

mod last_drop {
    #[allow(unused_imports)]
    use crate::names::*;
    use crate::object::threads;

    mod wrong_code {
        use super::*;

        include!("../../src/guide/code/last_drop_wrong.rs");

        #[test]
        #[should_panic(expected = "ausality violation")]
        fn wrong() {
            crate::check(|| {
                let w = World::new(Kref::new_in());
                threads(&w, [put as fn(&_), try_wait]);
                w.end(); // where it is nobody else's task
            });
        }
    }

    mod right_code {
        use super::*;
        use std::future::Future;
        use std::task::{Context, Wake, Waker};

        type Drain = kref::Drain<Rmw>;
        type Token = kref::Token<Rmw>;
        include!("../../src/guide/code/last_drop.rs");

        struct Signal(loom::sync::Mutex<bool>, loom::sync::Condvar);

        impl Wake for Signal {
            fn wake(self: Arc<Self>) {
                *self.0.lock().unwrap() = true;
                self.1.notify_all();
            }
        }

        fn block_on(future: impl Future<Output = ()>) {
            let signal = loom::sync::Mutex::new(false);
            let signal = Arc::new(Signal(signal, loom::sync::Condvar::new()));
            let waker = Waker::from(signal.clone());
            let mut future = std::pin::pin!(future);
            let mut context = Context::from_waker(&waker);
            while future.as_mut().poll(&mut context).is_pending() {
                let mut is_set = signal.0.lock().unwrap();
                while !*is_set {
                    is_set = signal.1.wait(is_set).unwrap();
                }
                *is_set = false;
            }
        }

        #[test]
        fn right() {
            crate::check(|| {
                let w = World::new(Kref::new_in());
                let drain = Drain::new_in();
                let user = {
                    let (w, token) = (w.clone(), drain.token());
                    loom::thread::spawn(move || put(&w, token))
                };
                block_on(shut_down(&w, &drain));
                user.join().unwrap();
                w.assert_freed();
            });
        }
    }
}
