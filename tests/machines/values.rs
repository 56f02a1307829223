//! Values that tell when one of them is dropped twice, or changed, or never dropped.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Numbers the values, and knows which of them are alive.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    last_id: u32,
    alive: BTreeSet<u32>,
    /// Counted down by clones, of which the one at zero panics.
    clones_left: Option<u16>,
    /// What a destructor found; it must not panic itself.
    faults: Vec<String>,
}

impl Ledger {
    fn with<R>(&self, f: impl FnOnce(&mut Book) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes the next clone but `n` panic; `None` to let all of them succeed.
    pub fn fail_clone(&self, n: Option<u16>) {
        self.with(|book| book.clones_left = n);
    }

    /// Compares with the values that should be alive, in ascending order, and the number of those
    /// that should ever have been made.
    pub fn check(&self, alive: impl IntoIterator<Item = u32>, made: u32) {
        self.with(|book| {
            assert!(book.faults.is_empty(), "{:?}", book.faults);
            assert_eq!(book.last_id, made, "values that were made");
            let alive: Vec<u32> = alive.into_iter().collect();
            assert!(
                book.alive.iter().eq(&alive),
                "alive are {:?}, should be {alive:?}",
                book.alive
            );
        });
    }

    /// As `check`, where the order in which they were made is nobody's concern.
    pub fn check_number(&self, alive: usize) {
        self.with(|book| {
            assert!(book.faults.is_empty(), "{:?}", book.faults);
            assert_eq!(book.alive.len(), alive, "values that are alive");
        });
    }
}

/// An alignment.
pub trait Align: Default + Send + Sync + 'static + Unpin {}
impl<A: Default + Send + Sync + 'static + Unpin> Align for A {}

#[derive(Default)]
#[repr(align(64))]
pub struct Line;

#[derive(Default)]
#[repr(align(4096))]
pub struct Page;

/// A value with an identity, which is written all over it: `N` bytes inside, any number outside.
pub struct Value<A = (), const N: usize = 0> {
    align: A,
    inside: [u8; N],
    outside: Box<[u8]>,
    id: u32,
    stamp: u8,
    ledger: Ledger,
}

impl<A: Align, const N: usize> Value<A, N> {
    pub fn new(ledger: &Ledger, size: usize) -> Self {
        let id = ledger.with(|book| {
            book.last_id += 1;
            book.alive.insert(book.last_id);
            book.last_id
        });
        let mut value = Self {
            align: A::default(),
            inside: [0; N],
            outside: vec![0; size].into(),
            id,
            stamp: 0,
            ledger: ledger.clone(),
        };
        value.set_stamp(0);
        value
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    pub fn stamp(&self) -> u8 {
        self.stamp
    }

    pub fn set_stamp(&mut self, stamp: u8) {
        self.stamp = stamp;
        self.fill(self.id as u8 ^ stamp);
    }

    fn fill(&mut self, byte: u8) {
        self.inside.fill(byte);
        self.outside.fill(byte);
    }

    /// Whether it is as it was written, where a value of its type may be.
    pub fn is_intact(&self) -> bool {
        let byte = self.id as u8 ^ self.stamp;
        let aligned = (&raw const self.align).addr() % align_of::<A>() == 0;
        aligned && all_are(byte, &self.inside) && all_are(byte, &self.outside)
    }
}

/// Whether all of the bytes are this one, by one comparison: a fuzzer notes each, which took two thirds of its time.
fn all_are(byte: u8, bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |others, b| others | (b ^ byte)) == 0
}

impl<A: Align, const N: usize> Clone for Value<A, N> {
    /// Another value, of the same size and stamp.
    fn clone(&self) -> Self {
        let fails = self.ledger.with(|book| {
            let fails = book.clones_left == Some(0);
            book.clones_left = book.clones_left.map(|left| left.saturating_sub(1));
            fails
        });
        assert!(!fails, "of the clone's own");
        let mut clone = Self::new(&self.ledger, self.outside.len());
        clone.set_stamp(self.stamp);
        clone
    }
}

impl<A, const N: usize> Drop for Value<A, N> {
    fn drop(&mut self) {
        let byte = self.id as u8 ^ self.stamp;
        let changed = !(all_are(byte, &self.inside) && all_are(byte, &self.outside));
        self.ledger.with(|book| {
            if changed {
                book.faults.push(format!("value {} was changed", self.id));
            }
            if !book.alive.remove(&self.id) {
                book.faults
                    .push(format!("value {} was dropped twice", self.id));
            }
        });
        // What looks at it from now on finds it changed.
        self.inside.fill(!byte);
        self.outside.fill(!byte);
    }
}
