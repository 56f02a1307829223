//! Places: occupied, vacant, busy; reservations that are fulfilled, dropped, forgotten; their waiters.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use kref::registry::{Entry, Pending, Reservation};
use kref::{Handle, Registry};

use crate::memory::forget;
use crate::tasks::{WakeWith, Wakes, poll};

#[track_caller]
fn reserve<'a, K: Eq + std::hash::Hash, V>(
    map: &'a Registry<K, V>,
    key: K,
) -> Reservation<'a, K, V> {
    match map.entry(key) {
        Entry::Vacant(place) => place,
        _ => panic!("not vacant"),
    }
}

#[track_caller]
fn pending<'a, K: Eq + std::hash::Hash, V>(map: &'a Registry<K, V>, key: K) -> Pending<'a, K, V> {
    match map.entry(key) {
        Entry::Busy(pending) => pending,
        _ => panic!("not busy"),
    }
}

#[test]
fn a_place_that_is_filled() {
    let map = Registry::new();
    let place = reserve(&map, 1);
    assert_eq!(place.key(), &1);
    assert!(map.is_empty() && map.get(&1).is_none() && !map.contains_key(&1));
    assert!(map.handles().is_empty() && map.unlist(&1).is_none());
    assert_eq!(map.unlist_if(|_, _| true), 0);
    let waits = [pending(&map, 1), pending(&map, 1)];
    assert!(
        waits
            .iter()
            .all(|pending| !pending.is_done() && pending.key() == &1)
    );
    let one = place.fulfil("one");
    assert_eq!(map.len(), 1);
    assert!(waits.iter().all(Pending::is_done));
    for pending in waits {
        assert_eq!(pending.wait(), Some(one.clone()));
    }
    assert!(matches!(map.entry(1), Entry::Occupied(found) if Handle::ptr_eq(&found, &one)));
    assert_eq!(Handle::count_hint(&one), 1);
    drop(one);
    assert!(matches!(map.entry(1), Entry::Vacant(_)));
    assert!(map.is_empty());
}

#[test]
fn a_place_that_is_given_up() {
    let map = Registry::<_, &str>::new();
    let place = reserve(&map, 1);
    let waits = [pending(&map, 1), pending(&map, 1)];
    drop(place);
    assert!(waits.iter().all(Pending::is_done));
    let [first, second] = waits;
    assert_eq!(first.wait(), None);
    // The key comes back.
    let place = reserve(&map, second.into_key());
    // Its node belongs to another object by now, whose waiters are not disturbed.
    let again = pending(&map, 1);
    assert!(!again.is_done());
    let one = place.fulfil("one");
    assert!(matches!(again.retry(), Entry::Occupied(found) if found == one));
}

/// A thread that waited gets the object, also if all other handles have been dropped by then.
#[test]
fn an_object_is_kept_for_those_who_wait() {
    let map = Registry::new();
    let place = reserve(&map, 1);
    let (waits, other) = (pending(&map, 1), pending(&map, 1));
    drop(place.fulfil("one"));
    assert_eq!(map.len(), 1);
    assert_eq!(waits.wait().as_deref(), Some(&"one"));
    drop(other);
    assert!(map.is_empty());
}

#[test]
fn a_wait_after_the_object_was_taken_out() {
    let map = Registry::new();
    let place = reserve(&map, 1);
    let waits = pending(&map, 1);
    let one = place.fulfil("one");
    map.unlist(&1);
    let other = map.try_insert(1, "other").unwrap();
    assert_eq!(waits.wait(), Some(one));
    assert_eq!(map.get(&1), Some(other));
}

#[test]
fn entry_ref_makes_a_key_only_for_a_new_place() {
    let map = Registry::<String, u32>::new();
    let Entry::Vacant(place) = map.entry_ref("one") else {
        panic!("vacant")
    };
    assert_eq!(place.key(), "one");
    let Entry::Busy(pending) = map.entry_ref("one") else {
        panic!("busy")
    };
    let one = place.fulfil(1);
    assert_eq!(pending.wait(), Some(one.clone()));
    let Entry::Occupied(found) = map.entry_ref("one") else {
        panic!("occupied")
    };
    assert!(Handle::ptr_eq(&found, &one));
}

/// A reservation is fulfilled by another thread; threads wait by blocking and by the methods that insert.
#[test]
fn waiting_threads() {
    let map = Registry::new();
    let place = reserve(&map, 1);
    let waits = (0..3).map(|_| pending(&map, 1)).collect::<Vec<_>>();
    let made = AtomicUsize::new(0);
    thread::scope(|scope| {
        let waiting = waits
            .into_iter()
            .map(|pending| scope.spawn(|| pending.wait().expect("it is fulfilled")))
            .collect::<Vec<_>>();
        let inserting = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    map.get_or_insert_with(1, |_| {
                        made.fetch_add(1, SeqCst);
                        String::from("another")
                    })
                })
            })
            .collect::<Vec<_>>();
        let refused = scope.spawn(|| map.try_insert(1, "another".into()).unwrap_err().existing);
        let one = scope.spawn(|| place.fulfil("one".into())).join().unwrap();
        for thread in waiting.into_iter().chain(inserting).chain([refused]) {
            assert!(Handle::ptr_eq(&thread.join().unwrap(), &one));
        }
    });
    assert_eq!(made.into_inner(), 0);
    assert!(map.is_empty());
}

/// A reservation that is dropped: each waiter gets the place, one after the other.
#[test]
fn threads_that_wait_for_a_place_that_is_given_up() {
    let map = Registry::new();
    let place = reserve(&map, 1);
    let made = AtomicUsize::new(0);
    thread::scope(|scope| {
        let threads = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    map.get_or_try_insert_with(1, |_| match made.fetch_add(1, SeqCst) {
                        0 | 1 => Err(()),
                        _ => Ok(()),
                    })
                })
            })
            .collect::<Vec<_>>();
        drop(place);
        let results = threads.into_iter().map(|thread| thread.join().unwrap());
        assert_eq!(results.filter(Result::is_err).count(), 2);
    });
}

/// What a thread is told when it would wait for itself, and what it is not.
#[test]
fn the_own_key_of_a_constructor() {
    let map = Registry::<u32, u32>::new();
    let one = map.get_or_insert_with(1, |_| {
        let mine = pending(&map, 1); // does not wait
        assert!(!mine.is_done());
        let refused = catch_unwind(AssertUnwindSafe(|| mine.wait()));
        let message = *refused.unwrap_err().downcast::<&str>().unwrap();
        assert!(message.contains("the same key"), "{message}");
        let refused = catch_unwind(AssertUnwindSafe(|| map.replace(1, 1)));
        assert!(refused.is_err());
        1
    });
    assert_eq!(*one, 1);

    // When it has ended, the same thread may wait again for what it was refused before.
    let mut kept = None;
    let two = map.get_or_insert_with(2, |_| {
        kept = Some(pending(&map, 2));
        2
    });
    assert_eq!(kept.unwrap().wait(), Some(two));

    // A reservation of this thread is not a constructor that has to return first.
    let place = reserve(&map, 3);
    thread::scope(|scope| {
        let waits = pending(&map, 3);
        scope.spawn(move || place.fulfil(3));
        assert_eq!(waits.wait().as_deref(), Some(&3));
    });
}

/// A key that counts itself.
#[derive(Clone, Debug)]
struct Counted(u32, #[allow(dead_code)] Arc<()>);

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Counted {}

impl std::hash::Hash for Counted {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[test]
fn a_forgotten_reservation_keeps_its_key_and_nothing_else() {
    let keys = Arc::new(());
    let key = |number| Counted(number, keys.clone());
    let map = Registry::<Counted, Arc<()>>::new();
    let values = Arc::new(());
    let kept = map.try_insert(key(1), values.clone()).unwrap();
    forget(reserve(&map, key(2)));
    forget(reserve(&map, key(3)));
    for _ in 0..3 {
        assert!(!pending(&map, key(2)).is_done());
        assert!(map.get(&key(2)).is_none());
    }
    // A wait that is forgotten, too, holds a reference to the place.
    forget(pending(&map, key(3)));
    let others = (4..100).map(|n| map.try_insert(key(n), values.clone()).unwrap());
    let others = others.collect::<Vec<_>>();
    assert_eq!(map.len(), 97);
    assert_eq!(map.iter().count(), 97);
    drop(others);
    assert_eq!(Arc::strong_count(&values), 2);
    assert_eq!(
        Arc::strong_count(&keys),
        1 + 1 + 2 + 1,
        "of 1, 2 and 3, and of the forgotten wait"
    );
    drop(map);
    assert_eq!(
        Arc::strong_count(&keys),
        1 + 1 + 1,
        "of 1, and of the forgotten wait"
    );
    assert_eq!(Handle::key(&kept).0, 1);
    drop(kept);
    assert_eq!(Arc::strong_count(&values), 1);
}

#[test]
fn a_key_that_panics_when_it_is_dropped_with_the_registry() {
    #[derive(PartialEq, Eq, Hash)]
    struct Key(u32);
    impl Drop for Key {
        fn drop(&mut self) {
            assert!(self.0 != 2 || thread::panicking(), "destructor");
        }
    }
    let values = Arc::new(());
    let map = Registry::new();
    let kept = map.try_insert(Key(1), values.clone()).ok().unwrap();
    forget(reserve(&map, Key(2)));
    forget(reserve(&map, Key(3)));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(map))).is_err());
    assert!(
        !Handle::is_listed(&kept),
        "the registry has ended all the same"
    );
    drop(kept);
    assert_eq!(Arc::strong_count(&values), 1);
}

#[test]
fn a_waker_is_woken_once_and_left_nowhere() {
    let map = Registry::new();
    let place = reserve(&map, 1);
    let (wakes, waker) = Wakes::new();
    let mut waits = pending(&map, 1);
    let mut gone = pending(&map, 1);
    for _ in 0..3 {
        assert!(poll(&mut waits, &waker).is_pending());
        assert!(poll(&mut gone, &waker).is_pending());
    }
    assert_eq!(
        Arc::strong_count(&wakes),
        4,
        "one for each, ours, and the waker's"
    );
    drop(gone);
    assert_eq!(Arc::strong_count(&wakes), 3);
    // The task has moved: the new waker takes the place of the old one.
    let (others, other) = Wakes::new();
    assert!(poll(&mut waits, &other).is_pending());
    assert_eq!(Arc::strong_count(&wakes), 2);
    let one = place.fulfil("one");
    assert_eq!((wakes.seen(), others.seen()), (0, 1));
    assert_eq!(poll(&mut waits, &other), Poll::Ready(Some(one)));
    assert_eq!(Arc::strong_count(&others), 2, "it is left nowhere");
    assert_eq!(
        poll(&mut waits, &other),
        Poll::Ready(None),
        "and polled once too often"
    );
}

#[test]
fn all_are_woken_when_a_place_is_given_up() {
    let map = Registry::<u32, u32>::new();
    let place = reserve(&map, 1);
    let (wakes, waker) = Wakes::new();
    let mut waits = (0..5).map(|_| pending(&map, 1)).collect::<Vec<_>>();
    for pending in &mut waits {
        assert!(poll(pending, &waker).is_pending());
    }
    drop(place);
    assert_eq!(wakes.seen(), 5);
    // One gets the place.
    let mut entries = waits.into_iter().map(|mut pending| {
        assert_eq!(poll(&mut pending, &waker), Poll::Ready(None));
        pending.retry()
    });
    let first = entries.next().unwrap();
    assert!(matches!(first, Entry::Vacant(_)));
    assert!(entries.all(|entry| matches!(entry, Entry::Busy(_))));
}

/// What a waker panics with. Of several that panic the later ones' are forgotten, and this takes no memory.
struct Woken;

#[test]
fn a_waker_that_panics_does_not_keep_others_asleep() {
    for fulfils in [true, false] {
        let map = Registry::new();
        let place = reserve(&map, 1);
        let (wakes, waker) = Wakes::new();
        let panics = Waker::from(Arc::new(WakeWith(|| panic_any(Woken))));
        let mut waits = (0..6).map(|_| pending(&map, 1)).collect::<Vec<_>>();
        for (number, pending) in waits.iter_mut().enumerate() {
            let waker = if number % 2 == 0 { &panics } else { &waker };
            assert!(poll(pending, waker).is_pending());
        }
        let ended = catch_unwind(AssertUnwindSafe(|| match fulfils {
            true => drop(place.fulfil("one")),
            false => drop(place),
        }));
        assert!(ended.unwrap_err().is::<Woken>());
        assert_eq!(wakes.seen(), 3);
        for pending in waits {
            assert_eq!(pending.wait().is_some(), fulfils);
        }
        assert!(map.is_empty());
        assert!(matches!(map.entry(1), Entry::Vacant(_)));
    }
}

/// A constructor panics, and then a waker does: that is no second panic.
#[test]
fn a_waker_that_panics_while_a_constructor_does() {
    let map = Registry::<u32, u32>::new();
    let panics = Waker::from(Arc::new(WakeWith(|| panic_any(Woken))));
    let mut waits = None;
    let result = catch_unwind(AssertUnwindSafe(|| {
        map.get_or_insert_with(1, |_| {
            let mut pending = pending(&map, 1);
            assert!(poll(&mut pending, &panics).is_pending());
            waits = Some(pending);
            panic!("constructor")
        })
    }));
    assert_eq!(result.unwrap_err().downcast_ref(), Some(&"constructor"));
    assert_eq!(waits.unwrap().wait(), None);
    assert!(matches!(map.entry(1), Entry::Vacant(_)));
}

/// A waker runs with no lock held: it may do anything with the registry.
#[test]
fn a_waker_that_calls_back() {
    static MAP: Registry<u32, &str> =
        Registry::with_shards_and_hasher(1, kref::registry::DefaultHashBuilder);
    static KEPT: Mutex<Vec<Handle<u32, &str>>> = Mutex::new(Vec::new());
    let calls = Waker::from(Arc::new(WakeWith(|| {
        KEPT.lock()
            .unwrap()
            .push(MAP.get(&1).expect("it is there before anybody is woken"));
        let place = reserve(&MAP, 2);
        let mut waits = pending(&MAP, 2);
        assert!(poll(&mut waits, Waker::noop()).is_pending());
        drop(place);
        assert_eq!(MAP.iter().count(), 1);
        assert!(MAP.unlist(&1).is_some());
    })));
    let place = reserve(&MAP, 1);
    let mut waits = pending(&MAP, 1);
    assert!(poll(&mut waits, &calls).is_pending());
    let one = place.fulfil("one");
    assert!(!Handle::is_listed(&one));
    drop(waits);
    KEPT.lock().unwrap().clear();
    assert_eq!(Handle::count_hint(&one), 1);
}

/// A destructor asks for the place of the object that is dying, which has left already.
#[test]
fn a_destructor_that_enters() {
    static MAP: Registry<u32, Enters> = Registry::new();
    struct Enters(bool);
    impl Drop for Enters {
        fn drop(&mut self) {
            if self.0 {
                let place = reserve(&MAP, 1);
                assert!(matches!(MAP.entry(1), Entry::Busy(_)));
                drop(place.fulfil(Self(false)));
                assert!(matches!(MAP.entry(1), Entry::Vacant(_)));
            }
        }
    }
    drop(reserve(&MAP, 1).fulfil(Enters(true)));
    assert!(MAP.is_empty());
}

/// Thousands of places at once, filled and given up in any order.
#[test]
fn many_places_at_once() {
    let map = Registry::new();
    let mut places = (0..4000).map(|key| reserve(&map, key)).collect::<Vec<_>>();
    let waits = (0..4000)
        .step_by(2)
        .map(|key| pending(&map, key))
        .collect::<Vec<_>>();
    let mut handles = Vec::new();
    while !places.is_empty() {
        let place = places.swap_remove(places.len() / 3);
        if place.key() % 4 < 2 {
            let value = *place.key();
            handles.push(place.fulfil(value));
        }
    }
    assert_eq!(map.len(), 2000);
    for pending in waits {
        let is_kept = pending.key() % 4 < 2;
        assert_eq!(pending.wait().is_some(), is_kept);
    }
    let seen = map.iter().map(|handle| *handle).collect::<HashSet<u32>>();
    assert_eq!(seen.len(), 2000);
    drop(handles);
    assert!(map.is_empty());
}

#[test]
fn what_is_sent_where() {
    fn is_send<T: Send>() {}
    fn is_sync<T: Sync>() {}
    is_send::<Reservation<'_, String, String>>();
    is_sync::<Reservation<'_, String, String>>();
    is_send::<Pending<'_, String, String>>();
    is_sync::<Pending<'_, String, String>>();
    is_send::<Entry<'_, String, String>>();
    is_send::<kref::registry::Iter<'_, String, String>>();
    is_send::<kref::registry::Borrowed<'_, String, String>>();
    is_send::<kref::registry::KeyGuard<String>>();
    assert_eq!(
        size_of::<kref::registry::Borrowed<'_, String, String>>(),
        size_of::<usize>()
    );
}

#[test]
fn what_is_shown() {
    let map = Registry::<u32, &str>::new();
    let place = reserve(&map, 1);
    assert_eq!(format!("{place:?}"), "Reservation { key: 1, .. }");
    let entry = map.entry(1);
    assert_eq!(
        format!("{entry:?}"),
        "Busy(Pending { key: 1, is_done: false, .. })"
    );
    drop(place);
    assert_eq!(
        format!("{:?}", map.entry(1)),
        "Vacant(Reservation { key: 1, .. })"
    );
    let _one = map.insert(1, "one");
    assert_eq!(format!("{:?}", map.entry(1)), "Occupied(\"one\")");
}

/// One word, borrowed and as a raw pointer, of values of every size.
#[test]
fn raw_and_borrowed() {
    fn one<const N: usize>() {
        let map = Registry::new();
        let handle = map.try_insert(N, [7_u8; N]).unwrap();
        let raw = Handle::into_raw(handle.clone());
        assert_eq!(raw.addr() % align_of::<usize>(), 0);
        assert_eq!(Handle::count_hint(&handle), 2);
        // SAFETY: it is taken back below.
        let borrowed = unsafe { kref::registry::Borrowed::<usize, [u8; N]>::from_raw(raw) };
        assert_eq!(*borrowed, [7; N]);
        assert_eq!(kref::registry::Borrowed::key(borrowed), &N);
        assert!(std::ptr::eq(
            kref::registry::Borrowed::value(borrowed),
            Handle::as_ptr(&handle)
        ));
        drop(handle);
        let other = kref::registry::Borrowed::to_handle(borrowed);
        // SAFETY: it came from `into_raw`, once.
        let handle = unsafe { Handle::<usize, [u8; N]>::from_raw(raw) };
        assert!(Handle::ptr_eq(&handle, &other));
        assert_eq!(map.len(), 1);
        drop((handle, other));
        assert!(map.is_empty());
    }
    one::<0>();
    one::<8>();
    one::<1000>();
    one::<100_000>();
}

/// The address at which a value is dropped is the one at which it was found, whatever its size.
#[test]
fn a_pinned_value_ends_where_it_lived() {
    use std::marker::PhantomPinned;
    use std::pin::Pin;

    struct Knows<const N: usize>(Arc<Mutex<Vec<usize>>>, [u8; N], PhantomPinned);
    impl<const N: usize> Knows<N> {
        fn note(self: Pin<&Self>) {
            self.0.lock().unwrap().push((&raw const *self).addr());
        }
    }
    impl<const N: usize> Drop for Knows<N> {
        fn drop(&mut self) {
            self.0.lock().unwrap().push((&raw const *self).addr());
        }
    }
    fn one<const N: usize>() {
        let map = Registry::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let value = Knows(seen.clone(), [0; N], PhantomPinned);
        let pinned: Pin<Handle<usize, Knows<N>>> = reserve(&map, N).fulfil(value).into();
        pinned.as_ref().note();
        let other = pinned.clone();
        drop((pinned, other));
        let seen = seen.lock().unwrap();
        assert!(seen.len() == 2 && seen[0] == seen[1], "{seen:?}");
    }
    one::<1>();
    one::<100>();
    one::<1000>();
    one::<300_000>();
}
