//! A lying `Eq`: safe code makes an interner hand out freed memory.
//!
//! An interner whose map holds no reference has to take a value out when its last user goes. If it does
//! so by *looking the value up* (internment 0.8.6 removes by value), it relies on `Eq` and `Hash`: a type
//! whose `Eq` says no when it is asked about itself makes the removal find nothing. The value is freed,
//! the entry stays, and the next lookup whose `Eq` says yes gets it. `Eq` is a safe trait, so this must
//! not be more than a wrong answer.
//!
//! ```text
//! user                                       map
//! ----                                       ---
//! last drop                                  remove what is equal to the value: nothing is
//! free the value                             the entry stays
//! look up                                    equal, this time: here is the freed value
//! ```
//!
//! There is nothing concurrent in it, so there is no model: the wrong interner frees into a list, where
//! one can see what it hands out.

use std::cell::Cell;
use std::hash::{Hash, Hasher};

/// A value that is equal to whatever it is told to be equal to.
struct Liar(&'static str);

std::thread_local! {
    static ANSWER: Cell<bool> = const { Cell::new(true) };
}

impl PartialEq for Liar {
    fn eq(&self, _: &Self) -> bool {
        ANSWER.get()
    }
}

impl Eq for Liar {}

impl Hash for Liar {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

mod wrong {
    use super::*;
    use std::collections::HashMap;

    /// Values by address, where the address is a place in `memory`, and freed memory is `None`.
    #[derive(Default)]
    struct Interner {
        map: HashMap<Liar, usize>,
        memory: Vec<Option<&'static str>>,
    }

    impl Interner {
        fn intern(&mut self, value: Liar) -> usize {
            if let Some(address) = self.map.get(&value) {
                return *address;
            }
            let address = self.memory.len();
            self.memory.push(Some(value.0));
            self.map.insert(value, address);
            address
        }

        fn drop_last(&mut self, address: usize) {
            let freed = self.memory[address].take().expect("freed twice");
            self.map.remove(&Liar(freed));
        }

        fn use_it(&self, address: usize) -> &'static str {
            self.memory[address].expect("used after it was freed")
        }
    }

    #[test]
    #[should_panic(expected = "used after it was freed")]
    fn lying_eq_removed_by_value() {
        let mut interner = Interner::default();
        let first = interner.intern(Liar("first"));
        assert_eq!(interner.use_it(first), "first");
        ANSWER.set(false);
        interner.drop_last(first);
        ANSWER.set(true);
        let second = interner.intern(Liar("second"));
        interner.use_it(second);
    }
}

mod ours {
    use super::*;
    use kref::Interner;

    /// A value leaves by its address, whatever `Eq` says.
    #[test]
    fn lying_eq_removed_by_address() {
        let interner = Interner::new();
        let first = interner.intern(Liar("first"));
        assert_eq!(first.0, "first");
        ANSWER.set(false);
        drop(first);
        assert!(interner.is_empty());
        ANSWER.set(true);
        let second = interner.intern(Liar("second"));
        assert_eq!(second.0, "second");
    }

    /// The worst that a liar gets is somebody else's value, alive, or a second copy of its own.
    #[test]
    fn lying_eq_wrong_answers_only() {
        let interner = Interner::new();
        let first = interner.intern(Liar("first"));
        let same = interner.intern(Liar("second"));
        assert_eq!(same.0, "first");
        ANSWER.set(false);
        let other = interner.intern(Liar("first"));
        assert_eq!(interner.len(), 2);
        drop((first, other));
        assert_eq!(interner.len(), 1);
        drop(same);
        assert!(interner.is_empty());
    }
}
