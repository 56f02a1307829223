//! `Registry` against a `HashMap<K, Weak<V>>`, whose entries are dead once their last user is gone.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hasher};
use std::rc::{Rc, Weak};

use kref::registry::DefaultHashBuilder;
use kref::{Handle, Registry};
use proptest::collection;
use proptest::prelude::*;

use crate::for_all;

/// How many keys there are.
const KEYS: u8 = 8;

/// Handles are chosen by a number, modulo how many there are.
#[derive(Clone, Debug)]
enum Op {
    Get(u8),
    GetOrInsert(u8),
    TryMake(u8, bool),
    /// The constructor of the first key asks for the second.
    Nested(u8, u8),
    TryInsert(u8),
    Unlist(u8),
    UnlistHandle(usize),
    Clone(usize),
    Drop(usize),
    DropAll,
    /// Holds them.
    HoldHandles,
    ShrinkToFit,
    NewRegistry,
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0..KEYS;
    prop_oneof![
        4 => key.clone().prop_map(Op::Get),
        4 => key.clone().prop_map(Op::GetOrInsert),
        2 => (key.clone(), any::<bool>()).prop_map(|(key, succeeds)| Op::TryMake(key, succeeds)),
        1 => (key.clone(), key.clone()).prop_map(|(outer, inner)| Op::Nested(outer, inner)),
        4 => key.clone().prop_map(Op::TryInsert),
        2 => key.prop_map(Op::Unlist),
        2 => any::<usize>().prop_map(Op::UnlistHandle),
        2 => any::<usize>().prop_map(Op::Clone),
        8 => any::<usize>().prop_map(Op::Drop),
        1 => Just(Op::DropAll),
        1 => Just(Op::HoldHandles),
        1 => Just(Op::ShrinkToFit),
        1 => Just(Op::NewRegistry),
    ]
}

/// A value with an identity, which counts those that are alive.
struct Value {
    id: u32,
    alive: Rc<Cell<usize>>,
}

impl Drop for Value {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
    }
}

/// The same object in the model.
struct Object {
    id: u32,
    key: String,
}

/// The model, and the handles that are held, each with its counterpart.
#[derive(Default)]
struct Model {
    listed: HashMap<String, Weak<Object>>,
    held: Vec<(Handle<String, Value>, Rc<Object>)>,
    alive: Rc<Cell<usize>>,
    last_id: u32,
}

impl Model {
    fn find(&self, key: &str) -> Option<Rc<Object>> {
        self.listed.get(key)?.upgrade()
    }

    fn is_listed(&self, object: &Rc<Object>) -> bool {
        let found = self.find(&object.key);
        found.is_some_and(|found| Rc::ptr_eq(&found, object))
    }

    fn make(&mut self, key: &str) -> (Value, Rc<Object>) {
        self.last_id += 1;
        self.alive.set(self.alive.get() + 1);
        let alive = self.alive.clone();
        let (id, key) = (self.last_id, key.to_owned());
        (Value { id, alive }, Rc::new(Object { id, key }))
    }

    fn list(&mut self, object: &Rc<Object>) {
        assert!(self.find(&object.key).is_none());
        let object = (object.key.clone(), Rc::downgrade(object));
        self.listed.extend([object]);
    }

    fn hold(&mut self, handle: Handle<String, Value>, object: Rc<Object>) {
        assert_eq!(handle.id, object.id);
        assert_eq!(*Handle::key(&handle), object.key);
        self.held.push((handle, object));
    }

    /// Both found the same, or nothing.
    fn hold_both(&mut self, found: Option<Handle<String, Value>>, expected: Option<Rc<Object>>) {
        assert_eq!(found.is_some(), expected.is_some());
        if let Some((handle, object)) = found.zip(expected) {
            self.hold(handle, object);
        }
    }

    fn pick(&self, number: usize) -> Option<usize> {
        number.checked_rem(self.held.len())
    }
}

struct World<S> {
    registry: Registry<String, Value, S>,
    model: Model,
}

fn name(key: u8) -> String {
    format!("key {key}")
}

fn new_registry<S: BuildHasher + Default>() -> Registry<String, Value, S> {
    Registry::with_shards_and_hasher(2, S::default())
}

impl<S: BuildHasher + Default> World<S> {
    fn apply(&mut self, op: &Op) {
        let Self { registry, model } = self;
        match *op {
            Op::Get(key) => {
                let key = name(key);
                model.hold_both(registry.get(key.as_str()), model.find(&key));
            }
            Op::GetOrInsert(key) => self.get_or_insert(name(key)),
            Op::TryMake(key, succeeds) => self.try_make(name(key), succeeds),
            Op::Nested(outer, inner) if outer != inner => self.nested(name(outer), name(inner)),
            Op::Nested(..) => {}
            Op::TryInsert(key) => self.try_insert(name(key)),
            Op::Unlist(key) => {
                let key = name(key);
                let expected = model.find(&key);
                model.listed.remove(&key);
                model.hold_both(registry.unlist(key.as_str()), expected);
            }
            Op::UnlistHandle(number) => {
                let Some(index) = model.pick(number) else {
                    return;
                };
                let (handle, object) = &model.held[index];
                let was_listed = model.is_listed(object);
                assert_eq!(Handle::unlist(handle), was_listed);
                if was_listed {
                    model.listed.remove(&object.key);
                }
            }
            Op::Clone(number) => {
                let Some(index) = model.pick(number) else {
                    return;
                };
                let (handle, object) = model.held[index].clone();
                model.hold(handle, object);
            }
            Op::Drop(number) => {
                if let Some(index) = model.pick(number) {
                    model.held.swap_remove(index);
                }
            }
            Op::DropAll => model.held.clear(),
            Op::HoldHandles => {
                for handle in registry.handles() {
                    let object = model.find(Handle::key(&handle).as_str()).expect("listed");
                    model.hold(handle, object);
                }
            }
            Op::ShrinkToFit => registry.shrink_to_fit(),
            Op::NewRegistry => {
                *registry = new_registry();
                model.listed.clear();
            }
        }
    }

    fn get_or_insert(&mut self, key: String) {
        let Self { registry, model } = self;
        let present = model.find(&key);
        let mut made = None;
        let handle = registry.get_or_insert_with(key, |key| {
            let (value, object) = model.make(key);
            made = Some(object);
            value
        });
        assert_ne!(present.is_some(), made.is_some());
        made.iter().for_each(|object| model.list(object));
        model.hold(handle, present.or(made).unwrap());
    }

    fn try_make(&mut self, key: String, succeeds: bool) {
        let Self { registry, model } = self;
        let present = model.find(&key);
        let mut made = None;
        let result = registry.get_or_try_insert_with(key, |key| {
            let (value, object) = model.make(key);
            // If not, it is dropped here.
            succeeds
                .then_some(value)
                .inspect(|_| made = Some(object))
                .ok_or("no")
        });
        assert_eq!(result.is_ok(), present.is_some() || succeeds);
        made.iter().for_each(|object| model.list(object));
        model.hold_both(result.ok(), present.or(made));
    }

    /// The constructor of one key asks for another.
    fn nested(&mut self, outer: String, inner: String) {
        let Self { registry, model } = self;
        let present = model.find(&outer);
        let mut made = None;
        let handle = registry.get_or_insert_with(outer, |outer| {
            assert!(registry.get(outer).is_none(), "it is being made");
            let present = model.find(&inner);
            let (value, object) = model.make(&inner);
            let handle = registry.get_or_insert_with(inner, |_| value);
            match present {
                Some(present) => model.hold(handle, present),
                None => {
                    model.list(&object);
                    model.hold(handle, object);
                }
            }
            let (value, object) = model.make(outer);
            made = Some(object);
            value
        });
        made.iter().for_each(|object| model.list(object));
        model.hold(handle, present.or(made).unwrap());
    }

    fn try_insert(&mut self, key: String) {
        let Self { registry, model } = self;
        let present = model.find(&key);
        let (value, object) = model.make(&key);
        match (registry.try_insert(key.clone(), value), present) {
            (Ok(handle), None) => {
                model.list(&object);
                model.hold(handle, object);
            }
            (Err(error), Some(present)) => {
                assert_eq!((error.key, error.value.id), (key, object.id));
                model.hold(error.existing, present);
            }
            (result, _) => panic!("{:?}", result.is_ok()),
        }
    }

    /// Compares all that can be asked.
    fn check(&self) {
        let Self { registry, model } = self;
        let mut listed = 0;
        for key in (0..KEYS).map(name) {
            let found = model.find(&key);
            assert_eq!(registry.contains_key(key.as_str()), found.is_some());
            listed += usize::from(found.is_some());
        }
        assert_eq!(registry.len(), listed);
        assert_eq!(registry.is_empty(), listed == 0);
        assert_eq!(registry.handles().len(), listed);
        let mut ids = HashSet::new();
        for (handle, object) in &model.held {
            ids.insert(object.id);
            assert_eq!(handle.id, object.id);
            assert_eq!(*Handle::key(handle), object.key);
            assert_eq!(Handle::is_listed(handle), model.is_listed(object));
            assert_eq!(
                Handle::count_hint(handle) as usize,
                Rc::strong_count(object)
            );
        }
        assert_eq!(
            model.alive.get(),
            ids.len(),
            "what nobody holds was dropped"
        );
    }
}

fn agrees_with_the_model<S: BuildHasher + Default>() {
    for_all(&collection::vec(op(), 0..80), |ops| {
        let mut world = World::<S> {
            registry: new_registry(),
            model: Model::default(),
        };
        for op in &ops {
            world.apply(op);
            world.check();
        }
        let Model { held, alive, .. } = world.model;
        drop(held);
        assert!(world.registry.is_empty());
        assert_eq!(alive.get(), 0);
    });
}

#[test]
fn with_the_default_hasher() {
    agrees_with_the_model::<DefaultHashBuilder>();
}

#[test]
fn with_a_hasher_that_collides() {
    agrees_with_the_model::<TwoHashes>();
}

/// Hashes everything to one of two numbers, which are far apart.
#[derive(Clone, Copy, Default)]
pub(crate) struct TwoHashes(u64);

impl BuildHasher for TwoHashes {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for TwoHashes {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |sum, byte| sum.wrapping_add(u64::from(*byte)));
    }
    fn write_u8(&mut self, _: u8) {}
    fn finish(&self) -> u64 {
        self.0 % 2
    }
}
