//! `ShardedRef`: blocks of handles, over values that plain `Ref`s hold as well.

use std::sync::Arc;

use kref::{Ref, ShardedRef};

use super::{Letter, Machine, Model, pick};

#[derive(Clone, Copy, Debug)]
pub enum Op {
    New,
    /// A block of its own over the value of a `Ref`, with so many shards.
    FromRef(u16, u16),
    Clone(u16),
    TryGet(u16),
    Drop(u16),
    Kill(u16),
    KillAndConfirm(u16),
    Resurrect(u16),
    ToRef(u16),
    IntoRef(u16),
    IntoInner(u16),
    DropRef(u16),
}

#[derive(Clone, Debug)]
struct Block {
    value: usize,
    dying: bool,
    /// Whether the owner is there.
    owned: bool,
    handles: usize,
}

#[derive(Clone, Copy, Debug)]
struct Handle {
    block: usize,
    owner: bool,
}

/// Values are numbered, and so are blocks.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    values: usize,
    blocks: Vec<Block>,
    handles: Vec<Handle>,
    refs: Vec<usize>,
    answer: Option<bool>,
}

impl Blocks {
    fn block_of(&mut self, number: u16) -> Option<&mut Block> {
        let index = pick(number, self.handles.len())?;
        Some(&mut self.blocks[self.handles[index].block])
    }

    fn add_block(&mut self, value: usize) {
        let block = self.blocks.len();
        self.blocks.push(Block {
            value,
            dying: false,
            owned: true,
            handles: 1,
        });
        self.handles.push(Handle { block, owner: true });
    }

    fn add_handle(&mut self, index: usize) {
        let block = self.handles[index].block;
        self.blocks[block].handles += 1;
        self.handles.push(Handle {
            block,
            owner: false,
        });
    }

    /// Returns whether it was the last.
    fn drop_handle(&mut self, index: usize) -> bool {
        let handle = self.handles.swap_remove(index);
        let block = &mut self.blocks[handle.block];
        block.handles -= 1;
        if handle.owner {
            block.owned = false;
            block.dying = true;
        }
        block.handles == 0
    }

    fn refs_to(&self, value: usize) -> usize {
        let blocks = self.blocks.iter().filter(|block| block.handles > 0);
        let in_blocks = blocks.filter(|block| block.value == value).count();
        in_blocks + self.refs.iter().filter(|other| **other == value).count()
    }
}

impl Model for Blocks {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        self.answer = None;
        match *op {
            Op::New => {
                self.values += 1;
                self.add_block(self.values - 1);
            }
            Op::FromRef(number, _) => {
                if let Some(index) = pick(number, self.refs.len()) {
                    let value = self.refs.swap_remove(index);
                    self.add_block(value);
                }
            }
            Op::Clone(number) => {
                if let Some(index) = pick(number, self.handles.len()) {
                    self.add_handle(index);
                }
            }
            Op::TryGet(number) => {
                if let Some(index) = pick(number, self.handles.len()) {
                    let is_live = !self.blocks[self.handles[index].block].dying;
                    self.answer = Some(is_live);
                    if is_live {
                        self.add_handle(index);
                    }
                }
            }
            Op::Drop(number) => {
                if let Some(index) = pick(number, self.handles.len()) {
                    self.drop_handle(index);
                }
            }
            Op::Kill(number) | Op::KillAndConfirm(number) => {
                if let Some(block) = self.block_of(number) {
                    let is_first = !block.dying;
                    block.dying = true;
                    self.answer = Some(is_first);
                }
            }
            Op::Resurrect(number) => {
                if let Some(block) = self.block_of(number) {
                    let does = block.dying && block.owned;
                    block.dying &= !does;
                    self.answer = Some(does);
                }
            }
            Op::ToRef(number) => {
                if let Some(block) = self.block_of(number) {
                    let value = block.value;
                    self.refs.push(value);
                }
            }
            Op::IntoRef(number) => {
                if let Some(index) = pick(number, self.handles.len()) {
                    let value = self.blocks[self.handles[index].block].value;
                    self.drop_handle(index);
                    self.refs.push(value);
                }
            }
            Op::IntoInner(number) => {
                if let Some(index) = pick(number, self.handles.len()) {
                    let value = self.blocks[self.handles[index].block].value;
                    let is_last = self.drop_handle(index);
                    self.answer = Some(is_last);
                    if is_last {
                        self.refs.push(value);
                    }
                }
            }
            Op::DropRef(number) => {
                if let Some(index) = pick(number, self.refs.len()) {
                    self.refs.swap_remove(index);
                }
            }
        }
    }
}

/// A number, and what tells whether it is alive.
type Value = (usize, Arc<()>);

pub struct ShardedRefMachine {
    /// One for each value.
    alive: Vec<Arc<()>>,
    handles: Vec<ShardedRef<Value>>,
    refs: Vec<Ref<Value>>,
    answer: Option<bool>,
}

impl ShardedRefMachine {
    fn handle(&self, number: u16) -> Option<&ShardedRef<Value>> {
        Some(&self.handles[pick(number, self.handles.len())?])
    }

    fn take(&mut self, number: u16) -> Option<ShardedRef<Value>> {
        let index = pick(number, self.handles.len())?;
        Some(self.handles.swap_remove(index))
    }
}

impl Machine for ShardedRefMachine {
    type Model = Blocks;

    const ALPHABET: &'static [Letter<Self>] = &[
        |_, _| Op::New,
        |n, shards| Op::FromRef(n, shards),
        |n, _| Op::Clone(n),
        |n, _| Op::Clone(n),
        |n, _| Op::TryGet(n),
        |n, _| Op::Drop(n),
        |n, _| Op::Drop(n),
        |n, _| Op::Drop(n),
        |n, _| Op::Kill(n),
        |n, _| Op::KillAndConfirm(n),
        |n, _| Op::Resurrect(n),
        |n, _| Op::Resurrect(n),
        |n, _| Op::ToRef(n),
        |n, _| Op::IntoRef(n),
        |n, _| Op::IntoInner(n),
        |n, _| Op::DropRef(n),
    ];

    fn new() -> Self {
        Self {
            alive: Vec::new(),
            handles: Vec::new(),
            refs: Vec::new(),
            answer: None,
        }
    }

    fn apply(&mut self, op: Op) {
        self.answer = None;
        match op {
            Op::New => {
                let alive = Arc::new(());
                let value = (self.alive.len(), Arc::clone(&alive));
                self.alive.push(alive);
                self.handles.push(ShardedRef::new(value));
            }
            Op::FromRef(number, shards) => {
                if let Some(index) = pick(number, self.refs.len()) {
                    let value = self.refs.swap_remove(index);
                    let shards = 1 + usize::from(shards % 4);
                    self.handles.push(ShardedRef::from_ref_in(value, shards));
                }
            }
            Op::Clone(number) => {
                let clone = self.handle(number).cloned();
                self.handles.extend(clone);
            }
            Op::TryGet(number) => {
                if let Some(got) = self.handle(number).map(ShardedRef::try_get) {
                    self.answer = Some(got.is_some());
                    self.handles.extend(got);
                }
            }
            Op::Drop(number) => drop(self.take(number)),
            Op::Kill(number) => self.answer = self.handle(number).map(ShardedRef::kill),
            Op::KillAndConfirm(number) => {
                self.answer = self.handle(number).map(ShardedRef::kill_and_confirm);
            }
            Op::Resurrect(number) => self.answer = self.handle(number).map(ShardedRef::resurrect),
            Op::ToRef(number) => {
                let value = self.handle(number).map(ShardedRef::to_ref);
                self.refs.extend(value);
            }
            Op::IntoRef(number) => {
                let value = self.take(number).map(ShardedRef::into_ref);
                self.refs.extend(value);
            }
            Op::IntoInner(number) => {
                if let Some(inner) = self.take(number).map(ShardedRef::into_inner) {
                    self.answer = Some(inner.is_some());
                    self.refs.extend(inner);
                }
            }
            Op::DropRef(number) => {
                if let Some(index) = pick(number, self.refs.len()) {
                    drop(self.refs.swap_remove(index));
                }
            }
        }
    }

    fn check(&self, model: &Blocks) {
        assert_eq!(self.answer, model.answer);
        assert_eq!(self.handles.len(), model.handles.len());
        for (handle, expected) in self.handles.iter().zip(&model.handles) {
            let block = &model.blocks[expected.block];
            assert_eq!(handle.0, block.value);
            assert_eq!(ShardedRef::is_owner(handle), expected.owner);
            assert_eq!(ShardedRef::is_dying(handle), block.dying);
            let (first, other) = (&self.handles[0], model.handles[0].block);
            assert_eq!(ShardedRef::ptr_eq(handle, first), expected.block == other);
        }
        assert_eq!(self.refs.len(), model.refs.len());
        for (value, expected) in self.refs.iter().zip(&model.refs) {
            assert_eq!(value.0, *expected);
            assert_eq!(Ref::count_hint(value) as usize, model.refs_to(*expected));
        }
        for (value, alive) in self.alive.iter().enumerate() {
            let is_alive = Arc::strong_count(alive) > 1;
            assert_eq!(is_alive, model.refs_to(value) > 0);
        }
    }

    fn finish(self, _: &Blocks) {
        drop((self.handles, self.refs));
        assert!(self.alive.iter().all(|alive| Arc::strong_count(alive) == 1));
    }
}
