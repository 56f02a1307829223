//! `Registry` and `Handle` against a map from keys to the identities of objects, which are alive as long
//! as somebody holds them.
//!
//! Objects own keys that count, values that count and have canaries, and handles to other objects. Their
//! sizes and alignments are those of the machine's type. A registry may go before its handles.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{BuildHasher, Hash, Hasher};
use std::mem;
use std::ops::RangeInclusive;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;

use kref::registry::{Borrowed, Entry as Enter, OccupiedError};
use kref::{Handle, Registry};

use super::panics::caught;
use super::values::{Align, Ledger, Value};
use super::{Letter, Machine, Model, counts, pick, size};

/// How many keys there are.
const KEYS: u8 = 24;
/// The keys of [`Op::Many`].
const OTHERS: RangeInclusive<u8> = 100..=u8::MAX;

#[derive(Clone, Debug)]
pub enum Op {
    Get(u8),
    GetOrInsert(u8, usize),
    /// Holds the objects of so many other keys that the registry gets more shards.
    Many(usize),
    /// The object owns a handle, which is given up.
    GetOrInsertChild(u8, u16),
    TryMake(u8, Ending),
    /// The constructor of the first key asks for the second.
    Nested(u8, u8),
    /// A constructor asks for its own key, which panics.
    OwnKey(u8),
    TryInsert(u8, usize),
    /// The value's destructor panics.
    TryInsertFused(u8),
    Insert(u8, usize),
    Replace(u8, usize),
    /// Enters: by a key or by what is equivalent to one; what is vacant is filled, given up, or filled by another
    /// method, which waits for the place until it is given up.
    Entry(u8, Place),
    /// A task makes the object, and its constructor ends so.
    MakeAsync(u8, Ending),
    /// A task is cancelled in its constructor.
    CancelAsync(u8),
    Unlist(u8),
    UnlistHandle(u16),
    /// Takes out all whose keys leave this remainder, modulo five.
    UnlistIf(u8),
    /// Holds those whose keys leave this remainder, modulo five.
    Iterate(u8),
    Clone(u16),
    /// Clones by a borrowed form.
    CloneBorrowed(u16),
    /// Becomes a pinned handle, a raw pointer, and a handle again.
    Raw(u16),
    Drop(u16),
    DropAll,
    /// Holds so many of them.
    Handles(usize),
    ShrinkToFit,
    /// The old one goes, and leaves its objects to their holders.
    NewRegistry(u8),
}

/// What becomes of a vacant place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Filled,
    FilledByRef,
    /// Two wait, of whom one is dropped.
    FilledAndWaitedFor,
    GivenUp,
    /// One waits, and fills it.
    GivenUpAndRetried,
}

const PLACES: [Place; 5] = [
    Place::Filled,
    Place::FilledByRef,
    Place::FilledAndWaitedFor,
    Place::GivenUp,
    Place::GivenUpAndRetried,
];

/// How a constructor ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    Value,
    /// The value was made, and is dropped.
    Error,
    Panic,
}

const ENDINGS: [Ending; 3] = [Ending::Error, Ending::Panic, Ending::Value];

fn key(number: u16) -> u8 {
    (number % u16::from(KEYS)) as u8
}

fn place(number: u16) -> Place {
    PLACES[usize::from(number) % PLACES.len()]
}

fn ending(number: u16) -> Ending {
    ENDINGS[usize::from(number) % ENDINGS.len()]
}

#[derive(Clone, Debug)]
struct Object {
    key: u8,
    parent: Option<u32>,
}

#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// How many values were ever made.
    made: u32,
    alive: BTreeMap<u32, Object>,
    listed: BTreeMap<u8, u32>,
    held: Vec<u32>,
    shrinks: u32,
}

impl Objects {
    /// Which object each reference is to.
    fn refs(&self) -> impl Iterator<Item = u32> {
        let parents = self.alive.values().filter_map(|object| object.parent);
        self.held.iter().copied().chain(parents)
    }

    fn is_listed(&self, id: u32) -> bool {
        self.listed.get(&self.alive[&id].key) == Some(&id)
    }

    /// A value that is not in the registry (yet).
    fn make(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    fn list(&mut self, id: u32, key: u8, parent: Option<u32>) {
        self.alive.insert(id, Object { key, parent });
        assert!(self.listed.insert(key, id).is_none());
    }

    /// Holds the object with this key, which is made if it does not exist.
    fn get_or_insert(&mut self, key: u8) {
        let id = self.listed.get(&key).copied().unwrap_or_else(|| {
            let id = self.make();
            self.list(id, key, None);
            id
        });
        self.held.push(id);
    }

    fn unlist(&mut self, id: u32) {
        if self.is_listed(id) {
            self.listed.remove(&self.alive[&id].key);
        }
    }

    /// Destroys an object that nobody holds, and what only it has held.
    fn forget(&mut self, id: u32) {
        let mut next = Some(id);
        while let Some(id) = next.filter(|next| !self.refs().any(|id| id == *next)) {
            self.unlist(id);
            next = self.alive.remove(&id).and_then(|object| object.parent);
        }
    }

    fn drop_held(&mut self, index: usize) {
        let id = self.held.swap_remove(index);
        self.forget(id);
    }
}

impl Model for Objects {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Get(key) => self.held.extend(self.listed.get(&key)),
            Op::GetOrInsert(key, _) => self.get_or_insert(key),
            Op::Many(_) => OTHERS.for_each(|key| self.get_or_insert(key)),
            Op::GetOrInsertChild(key, number) => {
                let parent = pick(number, self.held.len()).map(|i| self.held.swap_remove(i));
                match self.listed.get(&key) {
                    Some(&present) => {
                        self.held.push(present);
                        // The constructor was not called, and its handle dropped.
                        parent.into_iter().for_each(|parent| self.forget(parent));
                    }
                    None => {
                        let id = self.make();
                        self.list(id, key, parent);
                        self.held.push(id);
                    }
                }
            }
            Op::TryMake(key, ending) => match self.listed.get(&key) {
                Some(&present) => self.held.push(present),
                None if ending == Ending::Value => self.get_or_insert(key),
                None => _ = self.make(),
            },
            Op::Nested(outer, inner) => {
                let vacant = !self.listed.contains_key(&outer);
                if vacant && outer != inner {
                    self.get_or_insert(inner);
                }
                self.get_or_insert(outer);
            }
            Op::OwnKey(key) => self.held.extend(self.listed.get(&key)),
            Op::TryInsert(key, _) => match self.listed.get(&key) {
                Some(&present) => {
                    self.make();
                    self.held.push(present);
                }
                None => self.get_or_insert(key),
            },
            Op::TryInsertFused(key) => {
                let id = self.make();
                match self.listed.get(&key) {
                    Some(&present) => self.held.push(present),
                    None => {
                        self.list(id, key, None);
                        self.held.push(id);
                    }
                }
            }
            Op::Insert(key, _) | Op::Replace(key, _) => {
                let old = self.listed.remove(&key);
                let id = self.make();
                self.list(id, key, None);
                if let Some(old) = old {
                    match op {
                        Op::Replace(..) => self.held.push(old),
                        _ => self.forget(old),
                    }
                }
                self.held.push(id);
            }
            Op::Entry(key, place) => {
                if place != Place::GivenUp {
                    self.get_or_insert(key);
                } else {
                    self.held.extend(self.listed.get(&key));
                }
                if place == Place::FilledAndWaitedFor {
                    self.held.push(self.listed[&key]);
                }
            }
            Op::MakeAsync(key, ending) => match self.listed.get(&key) {
                Some(&present) => self.held.push(present),
                None if ending == Ending::Value => self.get_or_insert(key),
                None => _ = self.make(),
            },
            Op::CancelAsync(key) => self.held.extend(self.listed.get(&key)),
            Op::Unlist(key) => self.held.extend(self.listed.remove(&key)),
            Op::UnlistIf(rest) => self.listed.retain(|key, _| key % 5 != rest),
            Op::Iterate(rest) => {
                let meant = self.listed.iter().filter(|(key, _)| *key % 5 == rest);
                let mut meant: Vec<u32> = meant.map(|(_, id)| *id).collect();
                meant.sort();
                self.held.extend(meant);
            }
            Op::CloneBorrowed(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    self.held.push(self.held[index]);
                }
            }
            Op::Raw(_) => {}
            Op::UnlistHandle(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    self.unlist(self.held[index]);
                }
            }
            Op::Clone(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    self.held.push(self.held[index]);
                }
            }
            Op::Drop(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    self.drop_held(index);
                }
            }
            Op::DropAll => (0..self.held.len()).rev().for_each(|i| self.drop_held(i)),
            Op::Handles(n) => {
                let mut listed: Vec<u32> = self.listed.values().copied().collect();
                listed.sort();
                self.held.extend(listed.iter().take(n));
            }
            Op::ShrinkToFit => self.shrinks += 1,
            Op::NewRegistry(_) => self.listed.clear(),
        }
    }
}

/// A key that is counted.
#[derive(Clone)]
pub struct Key {
    number: u8,
    alive: Rc<()>,
}

impl Borrow<u8> for Key {
    fn borrow(&self) -> &u8 {
        &self.number
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Key {}

/// What the registry has: a value, and perhaps a handle to another.
pub struct Entry<A: Align, const N: usize> {
    value: Value<A, N>,
    parent: Option<Handle<Key, Self>>,
    fused: bool,
}

impl<A: Align, const N: usize> Drop for Entry<A, N> {
    fn drop(&mut self) {
        // Not where a test has failed already: a second panic ends the process.
        assert!(
            !self.fused || thread::panicking(),
            "of the destructor's own"
        );
    }
}

pub struct RegistryMachine<S, A: Align = (), const N: usize = 0> {
    registry: Registry<Key, Entry<A, N>, S>,
    held: Vec<Handle<Key, Entry<A, N>>>,
    ledger: Ledger,
    /// Every key has a clone.
    keys: Rc<()>,
    hashers: S,
}

impl<S: BuildHasher + Default + 'static, A: Align, const N: usize> RegistryMachine<S, A, N> {
    fn key(&self, number: u8) -> Key {
        Key {
            number,
            alive: self.keys.clone(),
        }
    }

    fn entry(&self, size: usize) -> Entry<A, N> {
        Entry {
            value: Value::new(&self.ledger, size),
            parent: None,
            fused: false,
        }
    }

    fn get_or_insert(&self, key: u8, size: usize) -> Handle<Key, Entry<A, N>> {
        let make = |_: &Key| self.entry(size);
        self.registry.get_or_insert_with(self.key(key), make)
    }

    fn try_make(&mut self, key: u8, ending: Ending) {
        let make = |_: &Key| {
            let entry = self.entry(100);
            assert!(ending != Ending::Panic, "of the constructor's own");
            if ending == Ending::Value {
                Ok(entry)
            } else {
                Err("no")
            }
        };
        let present = self.registry.contains_key(&key);
        let key = self.key(key);
        match caught(|| self.registry.get_or_try_insert_with(key, make)) {
            Some(Ok(handle)) => self.held.push(handle),
            Some(Err(error)) => assert_eq!((error, ending, present), ("no", Ending::Error, false)),
            None => assert_eq!((ending, present), (Ending::Panic, false)),
        }
    }

    fn nested(&mut self, outer: u8, inner: u8) {
        let mut held = None;
        let make = |key: &Key| {
            assert!(!self.registry.contains_key(key), "it is being made");
            held = (outer != inner).then(|| self.get_or_insert(inner, 10));
            self.entry(1000)
        };
        let handle = self.registry.get_or_insert_with(self.key(outer), make);
        self.held.extend(held);
        self.held.push(handle);
    }

    fn own_key(&mut self, key: u8) {
        let make = |_: &Key| {
            self.registry
                .get_or_insert_with(self.key(key), |_| unreachable!())
        };
        let present = self.registry.contains_key(&key);
        let found = caught(|| {
            let make = |key: &Key| {
                drop(make(key));
                unreachable!("it would wait for itself")
            };
            self.registry.get_or_insert_with(self.key(key), make)
        });
        assert_eq!(found.is_some(), present);
        self.held.extend(found);
    }

    fn try_insert(&mut self, key: u8, entry: Entry<A, N>) {
        let (id, key) = (entry.value.id(), self.key(key));
        match self.registry.try_insert(key, entry) {
            Ok(handle) => self.held.push(handle),
            Err(error) => {
                let OccupiedError {
                    existing,
                    key,
                    mut value,
                } = error;
                assert!(key == *Handle::key(&existing) && value.value.id() == id);
                value.fused = false;
                self.held.push(existing);
            }
        }
    }

    fn enter(&mut self, key: u8, place: Place) {
        let entered = match place {
            Place::FilledByRef => self.registry.entry_ref(&self.key(key)),
            _ => self.registry.entry(self.key(key)),
        };
        let handle = match entered {
            Enter::Occupied(handle) => {
                if place == Place::FilledAndWaitedFor {
                    self.held.push(handle.clone());
                }
                handle
            }
            Enter::Busy(_) => unreachable!("no reservation is left"),
            Enter::Vacant(reserved) => {
                assert_eq!(reserved.key().number, key);
                assert!(self.registry.get(&key).is_none());
                let waits = || match self.registry.entry(self.key(key)) {
                    Enter::Busy(pending) => pending,
                    _ => unreachable!("it is reserved"),
                };
                match place {
                    Place::Filled | Place::FilledByRef => reserved.fulfil(self.entry(30)),
                    Place::FilledAndWaitedFor => {
                        let (waits, other) = (waits(), waits());
                        drop(other);
                        let handle = reserved.fulfil(self.entry(30));
                        let waited = waits.wait().expect("it was filled");
                        self.held.push(waited);
                        handle
                    }
                    Place::GivenUp => {
                        let (waits, other) = (waits(), waits());
                        drop(reserved);
                        assert!(waits.is_done() && waits.wait().is_none());
                        assert_eq!(other.into_key().number, key);
                        return;
                    }
                    Place::GivenUpAndRetried => {
                        let waits = waits();
                        drop(reserved);
                        match waits.retry() {
                            Enter::Vacant(reserved) => reserved.fulfil(self.entry(30)),
                            _ => unreachable!("it was given up"),
                        }
                    }
                }
            }
        };
        self.held.push(handle);
    }

    fn make_async(&mut self, key: u8, ending: Ending) {
        let make = |_: &Key| async {
            let entry = self.entry(100);
            assert!(ending != Ending::Panic, "of the constructor's own");
            if ending == Ending::Value {
                Ok(entry)
            } else {
                Err("no")
            }
        };
        let present = self.registry.contains_key(&key);
        let future = self.registry.get_or_try_insert_async(self.key(key), make);
        match caught(|| poll_once(future)) {
            Some(Poll::Ready(Ok(handle))) => self.held.push(handle),
            Some(Poll::Ready(Err(error))) => {
                assert_eq!((error, ending, present), ("no", Ending::Error, false));
            }
            Some(Poll::Pending) => unreachable!("nobody else has the key"),
            None => assert_eq!((ending, present), (Ending::Panic, false)),
        }
    }

    fn drop_held(&mut self, index: usize) {
        let handle = self.held.swap_remove(index);
        caught(|| drop(handle));
    }
}

/// Polls a future, which has nobody to wait for.
fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

impl<S: BuildHasher + Default + 'static, A: Align, const N: usize> Machine
    for RegistryMachine<S, A, N>
{
    type Model = Objects;

    const ALPHABET: &'static [Letter<Self>] = &[
        |a, _| Op::Get(key(a)),
        |a, _| Op::Get(key(a)),
        |a, b| Op::GetOrInsert(key(a), size(b)),
        |a, b| Op::GetOrInsert(key(a), size(b)),
        |a, b| Op::TryInsert(key(a), size(b)),
        |a, b| Op::TryInsert(key(a), size(b)),
        |a, b| Op::GetOrInsertChild(key(a), b),
        |a, b| Op::GetOrInsertChild(key(a), b),
        |a, b| Op::TryMake(key(a), ending(b)),
        |a, b| Op::Nested(key(a), key(b)),
        |a, _| Op::OwnKey(key(a)),
        |a, _| Op::TryInsertFused(key(a)),
        |a, b| Op::Insert(key(a), size(b)),
        |a, b| Op::Replace(key(a), size(b)),
        |a, b| Op::Entry(key(a), place(b)),
        |a, b| Op::Entry(key(a), place(b)),
        |a, b| Op::MakeAsync(key(a), ending(b)),
        |a, _| Op::CancelAsync(key(a)),
        |a, _| Op::UnlistIf((a % 5) as u8),
        |a, _| Op::Iterate((a % 5) as u8),
        |a, _| Op::CloneBorrowed(a),
        |a, _| Op::Raw(a),
        |a, _| Op::Unlist(key(a)),
        |a, _| Op::UnlistHandle(a),
        |a, _| Op::Clone(a),
        |a, _| Op::Drop(a),
        |a, _| Op::Drop(a),
        |a, _| Op::Drop(a),
        |a, _| Op::Drop(a),
        |a, _| Op::Drop(a),
        |_, _| Op::DropAll,
        // Seldom: each check looks at all that are held.
        |a, b| match a % 16 {
            0 => Op::Many(size(b)),
            _ => Op::DropAll,
        },
        |a, _| Op::Handles(usize::from(a % 8)),
        |_, _| Op::ShrinkToFit,
        |_, _| Op::ShrinkToFit,
        |a, _| Op::NewRegistry(a as u8),
    ];

    fn new() -> Self {
        Self {
            registry: Registry::with_hasher(S::default()),
            held: Vec::new(),
            ledger: Ledger::default(),
            keys: Rc::default(),
            hashers: S::default(),
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Get(key) => self.held.extend(self.registry.get(&key)),
            Op::GetOrInsert(key, size) => self.held.push(self.get_or_insert(key, size)),
            Op::Many(size) => {
                for key in OTHERS {
                    self.held.push(self.get_or_insert(key, size));
                }
            }
            Op::GetOrInsertChild(key, number) => {
                let parent = pick(number, self.held.len()).map(|i| self.held.swap_remove(i));
                let present = self.registry.get(&key);
                let make = |_: &Key| {
                    let mut entry = self.entry(50);
                    entry.parent = parent;
                    entry
                };
                let key = self.key(key);
                let made = caught(|| self.registry.get_or_insert_with(key, make));
                // Not called, the constructor has dropped its handle, perhaps the last to what is fused.
                assert!(made.is_some() || present.is_some());
                self.held.extend(made.or(present));
            }
            Op::TryMake(key, ending) => self.try_make(key, ending),
            Op::Nested(outer, inner) => self.nested(outer, inner),
            Op::OwnKey(key) => self.own_key(key),
            Op::TryInsert(key, size) => self.try_insert(key, self.entry(size)),
            Op::TryInsertFused(key) => {
                let mut entry = self.entry(3000);
                entry.fused = true;
                self.try_insert(key, entry);
            }
            Op::Insert(key, size) => {
                let (key, entry) = (self.key(key), self.entry(size));
                // The old one may be fused, and this its last handle.
                let present = self.registry.get(&key.number);
                let handle = self.registry.insert(key, entry);
                caught(|| drop(present));
                self.held.push(handle);
            }
            Op::Replace(key, size) => {
                let (new, old) = self.registry.replace(self.key(key), self.entry(size));
                self.held.extend(old);
                self.held.push(new);
            }
            Op::Entry(key, place) => self.enter(key, place),
            Op::MakeAsync(key, ending) => self.make_async(key, ending),
            Op::CancelAsync(key) => {
                let make = |_: &Key| std::future::pending();
                let future = self.registry.get_or_insert_async(self.key(key), make);
                let found = match poll_once(future) {
                    Poll::Ready(handle) => Some(handle),
                    Poll::Pending => None,
                };
                self.held.extend(found);
            }
            Op::UnlistIf(rest) => {
                let before = self.registry.len();
                let is_meant = |key: &Key, entry: &Entry<A, N>| {
                    assert!(entry.value.is_intact());
                    key.number % 5 == rest
                };
                let taken = self.registry.unlist_if(is_meant);
                assert_eq!(self.registry.len(), before - taken);
            }
            Op::Iterate(rest) => {
                let is_meant =
                    |object: &Handle<Key, Entry<A, N>>| Handle::key(object).number % 5 == rest;
                let mut meant: Vec<_> = self.registry.iter().filter(is_meant).collect();
                meant.sort_by_key(|object| object.value.id());
                let mut number = 0;
                self.registry
                    .for_each(|object| number += usize::from(is_meant(object)));
                assert_eq!(number, meant.len());
                self.held.extend(meant);
            }
            Op::CloneBorrowed(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    let borrowed = Handle::borrowed(&self.held[index]);
                    assert!(Borrowed::value(borrowed).value.is_intact());
                    self.held.push(Borrowed::to_handle(borrowed));
                }
            }
            Op::Raw(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    // And a pinned one in between.
                    let handle = Handle::into_pin(self.held.swap_remove(index));
                    let handle = Pin::into_inner(handle);
                    let address = Handle::as_ptr(&handle);
                    let raw = Handle::into_raw(handle);
                    // SAFETY: it came from `into_raw`, once.
                    let handle = unsafe { Handle::from_raw(raw) };
                    assert_eq!(Handle::as_ptr(&handle), address);
                    self.held.push(handle);
                    let last = self.held.len() - 1;
                    self.held.swap(index, last);
                }
            }
            Op::Unlist(key) => self.held.extend(self.registry.unlist(&key)),
            Op::UnlistHandle(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    let handle = &self.held[index];
                    let was_listed = Handle::is_listed(handle);
                    assert_eq!(Handle::unlist(handle), was_listed);
                }
            }
            Op::Clone(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    self.held.push(self.held[index].clone());
                }
            }
            Op::Drop(number) => {
                if let Some(index) = pick(number, self.held.len()) {
                    self.drop_held(index);
                }
            }
            Op::DropAll => (0..self.held.len()).rev().for_each(|i| self.drop_held(i)),
            Op::Handles(n) => {
                let mut handles = self.registry.handles();
                handles.sort_by_key(|handle| handle.value.id());
                self.held.extend(handles.into_iter().take(n));
            }
            Op::ShrinkToFit => self.registry.shrink_to_fit(),
            Op::NewRegistry(shards) => {
                let hasher = S::default();
                self.registry = match shards % 4 {
                    0 => Registry::with_hasher(hasher),
                    1 => Registry::new_in(1, hasher),
                    shards => Registry::with_shards_and_hasher(usize::from(shards), hasher),
                };
                // Keys that are busy while destructors run, none of which asks for its own.
                if shards % 8 >= 4 {
                    let old = mem::replace(&mut self.registry, Registry::with_hasher(S::default()));
                    self.registry = old.exclusive();
                }
            }
        }
    }

    fn check(&self, model: &Objects) {
        let Self { registry, held, .. } = self;
        self.ledger.check(model.alive.keys().copied(), model.made);
        assert_eq!(Rc::strong_count(&self.keys) - 1, model.alive.len(), "keys");
        assert!(
            held.iter()
                .map(|handle| handle.value.id())
                .eq(model.held.iter().copied())
        );
        assert_eq!(registry.len(), model.listed.len());
        assert_eq!(registry.is_empty(), model.listed.is_empty());
        for key in 0..KEYS {
            let listed = model.listed.contains_key(&key);
            assert_eq!(registry.contains_key(&key), listed, "key {key}");
        }
        let refs = counts(model.refs());
        for (handle, id) in held.iter().zip(&model.held) {
            assert!(handle.value.is_intact(), "value {id}");
            assert_eq!(Handle::key(handle).number, model.alive[id].key);
            assert_eq!(Handle::key(handle).alive, self.keys);
            assert_eq!(Handle::is_listed(handle), model.is_listed(*id));
            assert_eq!(Handle::count_hint(handle) as usize, refs[id]);
            let twin = model.listed.get(&model.alive[id].key);
            let same = registry
                .get(&model.alive[id].key)
                .is_some_and(|found| Handle::ptr_eq(&found, handle));
            assert_eq!(same, twin == Some(id));
        }
        let hash = |hasher: &S| hasher.hash_one(7);
        assert_eq!(hash(registry.hasher()), hash(&self.hashers));
    }

    fn finish(mut self, model: &Objects) {
        if model.made % 2 == 0 {
            self.apply(Op::NewRegistry(0));
        }
        self.apply(Op::DropAll);
        assert!(self.registry.is_empty());
        self.ledger.check([], model.made);
        assert_eq!(Rc::strong_count(&self.keys), 1);
    }
}
