//! The last put moves its object, and destroys it elsewhere.
//!
//! A map of live objects keeps its values in slots. The last put takes the value out of its slot under the lock
//! (`Option::take`, `HashMap::remove`), unlocks, and drops what it has: the destructor runs on the stack of the thread that
//! put. That is as it should be for a value that does not mind being moved. But other code had a reference to the
//! value while it was shared, and may have entered the value's address somewhere: in a list, in a set, in a call to C. The
//! destructor looks for another address, and what was entered stays. (The first registry of this crate did so. `Arc`,
//! whose `Drop` destroys in place, does not, and neither does `Pin` allow it.)
//!
//! ```text
//! user                                       the set
//! ----                                       -------
//! find the object at a, enter a              a
//! last put: move the value to b              a
//! the destructor takes b out                 a, where the next object will be
//! ```
//!
//! There is nothing concurrent in it, so there is no model.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::hint::black_box;

thread_local! {
    static ENTERED: RefCell<BTreeSet<usize>> = const { RefCell::new(BTreeSet::new()) };
}

/// A value that takes its address out when it is destroyed.
struct Value<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> Value<BYTES> {
    fn new() -> Self {
        Self(black_box([7; BYTES]))
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn enter(&self) {
        ENTERED.with_borrow_mut(|entered| entered.insert(self.address()));
    }
}

impl<const BYTES: usize> Drop for Value<BYTES> {
    fn drop(&mut self) {
        assert_eq!(black_box(self.0), [7; BYTES]);
        ENTERED.with_borrow_mut(|entered| entered.remove(&self.address()));
    }
}

fn assert_that_none_is_left() {
    ENTERED.with_borrow(|entered| assert!(entered.is_empty(), "an address is left"));
}

mod wrong {
    use super::*;
    use std::sync::Mutex;

    /// A value and its count.
    type Object = Box<(Value<64>, usize)>;

    struct Slots {
        slots: Mutex<Vec<Option<Object>>>,
    }

    impl Slots {
        /// Uses an object.
        fn with(&self, index: usize, f: impl FnOnce(&Value<64>)) {
            f(&self.slots.lock().unwrap()[index].as_ref().unwrap().0);
        }

        fn put(&self, index: usize) {
            let mut slots = self.slots.lock().unwrap();
            let slot = &mut slots[index];
            slot.as_mut().unwrap().1 -= 1;
            let last = slot.take_if(|object| object.1 == 0);
            drop(slots);
            if let Some(object) = last {
                let (value, _) = *object;
                drop(black_box(value));
            }
        }
    }

    #[test]
    #[should_panic(expected = "an address is left")]
    fn moved_by_the_last_put_elsewhere() {
        let object = Box::new((Value::new(), 2));
        let map = Slots {
            slots: Mutex::new(vec![Some(object)]),
        };
        map.with(0, Value::enter);
        map.put(0);
        map.put(0);
        assert_that_none_is_left();
    }
}

mod ours {
    use super::*;
    use kref::{Handle, Registry};

    fn put_all<const BYTES: usize>() {
        let map = Registry::<u32, Value<BYTES>>::new();
        let make = |key| map.get_or_insert_with(key, |_| Value::new());
        let kept = make(0);
        // The last put is that of a handle, of a handle to an object that is not listed any more, and of one that outlives the map.
        let handles = [1, 2, 3].map(make);
        handles
            .iter()
            .chain([&kept])
            .for_each(|value| value.enter());
        assert!(Handle::unlist(&handles[1]));
        drop(handles.clone());
        drop(handles);
        drop(map);
        drop(kept);
        assert_that_none_is_left();
    }

    /// The registry destroys an object where it lived, whatever its size.
    #[test]
    fn moved_by_the_last_put_registry() {
        put_all::<1>();
        put_all::<64>();
        put_all::<10_000>();
    }
}
