//! `KeyLock`, its guards, and the futures that wait for a key.

use std::collections::{BTreeMap, VecDeque};

use kref::KeyLock;
use kref::registry::KeyGuard;

use super::owned::Owned;
use super::wakers::Waiting;
use super::{Letter, Machine, Model, TwoHashes, pick};

const KEYS: u16 = 3;

#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// Where it does not have to wait.
    Lock(u16),
    TryLock(u16),
    /// Makes a future, and polls it once.
    LockAsync(u16),
    Unlock(u16),
    Poll(u16),
    Cancel(u16),
}

/// Those who have a key or wait for it, each with a number of its own.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    next: u32,
    /// The thread or task that has the key, and then those that wait, in their order.
    queues: BTreeMap<u16, VecDeque<u32>>,
    guards: Vec<(u16, u32)>,
    futures: Vec<(u16, u32)>,
    answer: Option<bool>,
}

impl Keys {
    fn join(&mut self, key: u16) -> u32 {
        self.next += 1;
        self.queues.entry(key).or_default().push_back(self.next);
        self.next
    }

    fn leave(&mut self, (key, who): (u16, u32)) {
        let queue = self.queues.get_mut(&key).expect("it is in it");
        queue.retain(|other| *other != who);
        if queue.is_empty() {
            self.queues.remove(&key);
        }
    }

    fn has(&self, (key, who): (u16, u32)) -> bool {
        self.queues[&key].front() == Some(&who)
    }
}

impl Model for Keys {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        self.answer = None;
        match *op {
            Op::Lock(key) | Op::TryLock(key) => {
                let is_free = !self.queues.contains_key(&key);
                self.answer = Some(is_free);
                if is_free {
                    let who = self.join(key);
                    self.guards.push((key, who));
                }
            }
            Op::LockAsync(key) => {
                let place = (key, self.join(key));
                let has_it = self.has(place);
                self.answer = Some(has_it);
                let list = if has_it {
                    &mut self.guards
                } else {
                    &mut self.futures
                };
                list.push(place);
            }
            Op::Unlock(number) => {
                if let Some(index) = pick(number, self.guards.len()) {
                    let place = self.guards.remove(index);
                    self.leave(place);
                }
            }
            Op::Poll(number) => {
                if let Some(index) = pick(number, self.futures.len()) {
                    let has_it = self.has(self.futures[index]);
                    self.answer = Some(has_it);
                    if has_it {
                        let place = self.futures.remove(index);
                        self.guards.push(place);
                    }
                }
            }
            Op::Cancel(number) => {
                if let Some(index) = pick(number, self.futures.len()) {
                    let place = self.futures.remove(index);
                    self.leave(place);
                }
            }
        }
    }
}

type Guard = KeyGuard<u16>;

pub struct KeyLockMachine {
    /// They borrow the locks, and go before them.
    futures: Vec<Waiting<Guard>>,
    guards: Vec<Guard>,
    locks: Owned<KeyLock<u16, TwoHashes>>,
    answer: Option<bool>,
}

impl KeyLockMachine {
    fn locks(&self) -> &'static KeyLock<u16, TwoHashes> {
        // SAFETY: what borrows them are the futures, which go before them.
        unsafe { self.locks.get() }
    }

    fn took(&mut self, guard: Option<Guard>) {
        self.answer = Some(guard.is_some());
        self.guards.extend(guard);
    }
}

impl Machine for KeyLockMachine {
    type Model = Keys;

    const ALPHABET: &'static [Letter<Self>] = &[
        |key, _| Op::Lock(key % KEYS),
        |key, _| Op::TryLock(key % KEYS),
        |key, _| Op::LockAsync(key % KEYS),
        |key, _| Op::LockAsync(key % KEYS),
        |key, _| Op::LockAsync(key % KEYS),
        |n, _| Op::Unlock(n),
        |n, _| Op::Unlock(n),
        |n, _| Op::Poll(n),
        |n, _| Op::Poll(n),
        |n, _| Op::Cancel(n),
    ];

    fn new() -> Self {
        Self {
            futures: Vec::new(),
            guards: Vec::new(),
            locks: Owned::new(KeyLock::with_hasher(TwoHashes::default())),
            answer: None,
        }
    }

    fn apply(&mut self, op: Op) {
        let locks = self.locks();
        self.answer = None;
        match op {
            Op::Lock(key) => {
                let guard = (!locks.is_locked(&key)).then(|| locks.lock(key));
                self.took(guard);
            }
            Op::TryLock(key) => self.took(locks.try_lock(key)),
            Op::LockAsync(key) => {
                let mut waiting = Waiting::new(locks.lock_async(key));
                let guard = waiting.poll();
                if guard.is_none() {
                    self.futures.push(waiting);
                }
                self.took(guard);
            }
            Op::Unlock(number) => {
                if let Some(index) = pick(number, self.guards.len()) {
                    drop(self.guards.remove(index));
                }
            }
            Op::Poll(number) => {
                if let Some(index) = pick(number, self.futures.len()) {
                    let guard = self.futures[index].poll();
                    if guard.is_some() {
                        drop(self.futures.remove(index));
                    }
                    self.took(guard);
                }
            }
            Op::Cancel(number) => {
                if let Some(index) = pick(number, self.futures.len()) {
                    drop(self.futures.remove(index));
                }
            }
        }
    }

    fn check(&self, model: &Keys) {
        assert_eq!(self.answer, model.answer);
        let locks = self.locks();
        assert_eq!(locks.len(), model.queues.len());
        assert_eq!(locks.is_empty(), model.queues.is_empty());
        for key in 0..KEYS {
            assert_eq!(locks.is_locked(&key), model.queues.contains_key(&key));
        }
        let keys = self.guards.iter().map(|guard| *KeyGuard::key(guard));
        assert!(keys.eq(model.guards.iter().map(|(key, _)| *key)));
        assert_eq!(self.futures.len(), model.futures.len());
        for (waiting, place) in self.futures.iter().zip(&model.futures) {
            let woken = waiting.is_woken();
            assert_eq!(woken, model.has(*place), "{place:?}");
        }
    }

    fn finish(mut self, _: &Keys) {
        self.guards.clear();
        // Each has the key as soon as those before it are gone.
        while !self.futures.is_empty() {
            let before = self.futures.len();
            self.futures.retain_mut(|waiting| waiting.poll().is_none());
            assert!(self.futures.len() < before, "nobody has the key");
        }
        assert!(self.locks().is_empty());
    }
}
