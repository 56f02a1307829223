//! Threads that use a map and note what they did.

use kref::lock::LockBackend;
use kref::registry::Entry;
use kref::{Handle, Registry};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::history::{Clock, Span};
use crate::specification::{Entered, Object, Op};

/// How many keys there are.
pub const KEYS: u32 = 2;

/// A map of live objects.
pub trait Map: Send + Sync + 'static {
    type Handle: Clone + Send + 'static;

    fn object(handle: &Self::Handle) -> (u32, Object);
    fn get(&self, key: u32) -> Option<Self::Handle>;
    /// `make` may fail, and then there is no object.
    fn get_or_insert(
        &self,
        key: u32,
        make: impl FnOnce() -> Option<Object>,
    ) -> Option<Self::Handle>;
    fn unlist(&self, key: u32) -> Option<Self::Handle>;
    /// Does what only this map can. Returns `false` if there is nothing.
    fn do_more(_: &mut User<'_, Self>, _: u32) -> bool
    where
        Self: Sized,
    {
        false
    }
}

impl<S, B> Map for Registry<u32, Object, S, B>
where
    S: BuildHasher + Send + Sync + 'static,
    B: LockBackend + 'static,
    Self: Send + Sync,
    Handle<u32, Object, B>: Send,
{
    type Handle = Handle<u32, Object, B>;

    fn object(handle: &Self::Handle) -> (u32, Object) {
        (*Handle::key(handle), **handle)
    }
    fn get(&self, key: u32) -> Option<Self::Handle> {
        self.get(&key)
    }
    fn get_or_insert(
        &self,
        key: u32,
        make: impl FnOnce() -> Option<Object>,
    ) -> Option<Self::Handle> {
        self.get_or_try_insert_with(key, |_| make().ok_or(())).ok()
    }
    fn unlist(&self, key: u32) -> Option<Self::Handle> {
        self.unlist(&key)
    }

    fn do_more(user: &mut User<'_, Self>, key: u32) -> bool {
        let world = user.world;
        let map = &world.map;
        match (user.pick)(4) {
            0 => {
                let new = world.new_object();
                let inserted = user.span(
                    key,
                    || map.try_insert(key, new),
                    |result| {
                        let found = result.as_ref().err().map(|error| *error.existing);
                        Op::TryInsert { new, found }
                    },
                );
                user.held
                    .push(inserted.unwrap_or_else(|error| error.existing));
            }
            1 => {
                let new = world.new_object();
                let (handle, old) = user.span(
                    key,
                    || map.replace(key, new),
                    |(_, old)| {
                        let old = old.as_ref().map(|old| **old);
                        Op::Replace { new, old }
                    },
                );
                user.held.push(handle);
                user.held.extend(old);
            }
            2 => {
                if let Some(handle) = user.held.pop() {
                    let (key, object) = Self::object(&handle);
                    user.span(
                        key,
                        || Handle::unlist(&handle),
                        |was_listed| Op::UnlistHandle(object, *was_listed),
                    );
                    user.held.push(handle);
                }
            }
            _ => user.enter(key),
        }
        true
    }
}

/// A map, and what else its users share.
pub struct World<M> {
    pub map: M,
    clock: Clock,
    objects: AtomicU32,
}

impl<M: Map> World<M> {
    pub fn new(map: M) -> Self {
        Self {
            map,
            clock: Clock::default(),
            objects: AtomicU32::new(0),
        }
    }

    fn new_object(&self) -> Object {
        // Relaxed: only that they differ matters.
        self.objects.fetch_add(1, Relaxed)
    }
}

/// Which operations the users do.
#[derive(Clone, Copy)]
pub enum Uses {
    /// `get`, `get_or_try_insert_with` with a constructor that does not fail, clone and drop.
    Lookups,
    /// What all the maps have.
    Common,
    /// All that this map has.
    All,
}

/// A thread that uses a map.
pub struct User<'a, M: Map> {
    world: &'a World<M>,
    thread: usize,
    /// Picks a number below another.
    pick: &'a dyn Fn(u32) -> u32,
    held: Vec<M::Handle>,
    spans: Vec<Span>,
}

impl<'a, M: Map> User<'a, M> {
    /// Does `steps` operations, drops all handles, and returns what was done.
    pub fn run(
        world: &'a World<M>,
        thread: usize,
        uses: Uses,
        steps: usize,
        pick: &'a dyn Fn(u32) -> u32,
    ) -> Vec<Span> {
        let mut user = Self {
            world,
            thread,
            pick,
            held: Vec::new(),
            spans: Vec::new(),
        };
        for _ in 0..steps {
            user.step(uses);
        }
        while let Some(handle) = user.held.pop() {
            user.put(handle);
        }
        user.spans
    }

    /// Notes an operation.
    fn span<T>(&mut self, key: u32, run: impl FnOnce() -> T, op: impl FnOnce(&T) -> Op) -> T {
        let from = self.world.clock.now();
        let result = run();
        self.note(key, from, op(&result));
        result
    }

    /// Notes an operation that began at `from` and ends now.
    fn note(&mut self, key: u32, from: u64, op: Op) {
        let to = self.world.clock.now();
        self.spans.push(Span {
            thread: self.thread,
            key,
            from,
            to,
            op,
        });
    }

    fn step(&mut self, uses: Uses) {
        let map = &self.world.map;
        let key = (self.pick)(KEYS);
        match (self.pick)(8) {
            0 | 1 => {
                let object = |handle: &M::Handle| M::object(handle).1;
                let found = self.span(
                    key,
                    || map.get(key),
                    |found| Op::Get(found.as_ref().map(object)),
                );
                self.held.extend(found);
            }
            2 | 3 => self.get_or_insert(key, uses),
            4 => {
                if let Some(handle) = self.held.pop() {
                    let (key, object) = M::object(&handle);
                    let other = self.span(key, || handle.clone(), |_| Op::Clone(object));
                    self.held.extend([handle, other]);
                }
            }
            5 if !matches!(uses, Uses::Lookups) => {
                let object = |handle: &M::Handle| M::object(handle).1;
                let found = self.span(
                    key,
                    || map.unlist(key),
                    |found| Op::Unlist(found.as_ref().map(object)),
                );
                self.held.extend(found);
            }
            6 if matches!(uses, Uses::All) && M::do_more(self, key) => {}
            _ => {
                if let Some(handle) = self.held.pop() {
                    self.put(handle);
                }
            }
        }
    }
    /// Drops a handle.
    fn put(&mut self, handle: M::Handle) {
        let (key, object) = M::object(&handle);
        self.span(key, || drop(handle), |()| Op::Drop(object));
    }

    /// Notes two operations if the constructor is called: the place is reserved before it, and filled or given up after it.
    fn get_or_insert(&mut self, key: u32, uses: Uses) {
        let world = self.world;
        let from = world.clock.now();
        let mut building = None;
        let handle = world.map.get_or_insert(key, || {
            let reserved = world.clock.now();
            let fails = !matches!(uses, Uses::Lookups) && (self.pick)(4) == 0;
            let new = (!fails).then(|| world.new_object());
            building = Some((reserved, new, world.clock.now()));
            new
        });
        match (building, &handle) {
            (Some((reserved, new, made)), _) => {
                self.spans.push(Span {
                    thread: self.thread,
                    key,
                    from,
                    to: reserved,
                    op: Op::Enter(Entered::Vacant),
                });
                self.note(key, made, new.map_or(Op::Abandon, Op::Fulfil));
            }
            (None, Some(handle)) => {
                let object = M::object(handle).1;
                self.note(key, from, Op::Enter(Entered::Occupied(object)));
            }
            (None, None) => unreachable!("only the constructor fails"),
        }
        self.held.extend(handle);
    }
}

impl<S, B> User<'_, Registry<u32, Object, S, B>>
where
    Registry<u32, Object, S, B>: Map<Handle = Handle<u32, Object, B>>,
    S: BuildHasher,
    B: LockBackend,
{
    /// Enters without waiting. A place that is vacant is filled or given up soon, and no thread that has one waits for
    /// another.
    fn enter(&mut self, key: u32) {
        let world = self.world;
        let entry = self.span(
            key,
            || world.map.entry(key),
            |entry| {
                Op::Enter(match entry {
                    Entry::Occupied(handle) => Entered::Occupied(**handle),
                    Entry::Vacant(_) => Entered::Vacant,
                    Entry::Busy(_) => Entered::Busy,
                })
            },
        );
        match entry {
            Entry::Occupied(handle) => self.held.push(handle),
            Entry::Busy(_) => {}
            Entry::Vacant(place) if (self.pick)(4) == 0 => {
                self.span(key, || drop(place), |()| Op::Abandon);
            }
            Entry::Vacant(place) => {
                let new = world.new_object();
                let handle = self.span(key, || place.fulfil(new), |_| Op::Fulfil(new));
                self.held.push(handle);
            }
        }
    }
}
