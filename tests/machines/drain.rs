//! `Drain`, its tokens, also those in a `ShardedRef`, and the futures that wait for it.

use std::time::{Duration, Instant};

use kref::{Drain, ShardedRef, Token};

use super::owned::Owned;
use super::wakers::Waiting;
use super::{Letter, Machine, Model, pick};

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Token,
    TryToken,
    Clone(u16),
    Drop(u16),
    ShardedToken,
    CloneSharded(u16),
    DropSharded(u16),
    Close,
    WaitIfDrained,
    /// Makes a future, and polls it once.
    Await,
    Poll(u16),
    Forget(u16),
}

#[derive(Clone, Debug, Default)]
pub struct Tokens {
    tokens: usize,
    /// How many handles each of the sharded tokens has. None is empty.
    sharded: Vec<usize>,
    closed: bool,
    /// Whether each of the futures has to have been woken.
    futures: Vec<bool>,
    answer: Option<bool>,
}

impl Tokens {
    fn are_none(&self) -> bool {
        self.tokens + self.sharded.len() == 0
    }

    /// What the end of a token does to those who wait.
    fn ended(&mut self) {
        if self.are_none() {
            self.futures.fill(true);
        }
    }

    /// Which of the sharded tokens has the handle with this number.
    fn owner(&self, number: u16) -> Option<usize> {
        let handles = self.sharded.iter().copied();
        place(number, handles).map(|(owner, _)| owner)
    }
}

/// Where the handle with this number is, of tokens that have so many each: they are numbered one token after the other.
fn place(number: u16, mut handles: impl Iterator<Item = usize> + Clone) -> Option<(usize, usize)> {
    let mut rest = pick(number, handles.clone().sum())?;
    let owner = handles.position(|handles| {
        let is_here = rest < handles;
        rest -= if is_here { 0 } else { handles };
        is_here
    })?;
    Some((owner, rest))
}

impl Model for Tokens {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        self.answer = None;
        match *op {
            Op::Token => self.tokens += 1,
            Op::TryToken => {
                self.tokens += usize::from(!self.closed);
                self.answer = Some(!self.closed);
            }
            Op::Clone(_) => self.tokens += usize::from(self.tokens > 0),
            Op::Drop(_) => {
                if self.tokens > 0 {
                    self.tokens -= 1;
                    self.ended();
                }
            }
            Op::ShardedToken => self.sharded.push(1),
            Op::CloneSharded(number) => {
                if let Some(owner) = self.owner(number) {
                    self.sharded[owner] += 1;
                }
            }
            Op::DropSharded(number) => {
                if let Some(owner) = self.owner(number) {
                    self.sharded[owner] -= 1;
                    if self.sharded[owner] == 0 {
                        self.sharded.remove(owner);
                        self.ended();
                    }
                }
            }
            Op::Close => {
                self.answer = Some(!self.closed);
                self.closed = true;
            }
            Op::WaitIfDrained => self.answer = Some(self.are_none()),
            Op::Await => {
                self.answer = Some(self.are_none());
                if !self.are_none() {
                    self.futures.push(false);
                }
            }
            Op::Poll(number) => {
                if let Some(index) = pick(number, self.futures.len()) {
                    self.answer = Some(self.are_none());
                    self.futures[index] = false;
                    if self.are_none() {
                        self.futures.remove(index);
                    }
                }
            }
            Op::Forget(number) => {
                if let Some(index) = pick(number, self.futures.len()) {
                    self.futures.remove(index);
                }
            }
        }
    }
}

pub struct DrainMachine {
    /// They borrow the drain, and go before it.
    futures: Vec<Waiting<()>>,
    tokens: Vec<Token>,
    sharded: Vec<Vec<ShardedRef<Token>>>,
    drain: Owned<Drain>,
    answer: Option<bool>,
}

impl DrainMachine {
    fn drain(&self) -> &'static Drain {
        // SAFETY: what borrows it are the futures, which go before it.
        unsafe { self.drain.get() }
    }

    fn place(&self, number: u16) -> Option<(usize, usize)> {
        place(number, self.sharded.iter().map(Vec::len))
    }
}

impl Machine for DrainMachine {
    type Model = Tokens;

    const ALPHABET: &'static [Letter<Self>] = &[
        |_, _| Op::Token,
        |_, _| Op::TryToken,
        |n, _| Op::Clone(n),
        |n, _| Op::Drop(n),
        |n, _| Op::Drop(n),
        |n, _| Op::Drop(n),
        |_, _| Op::ShardedToken,
        |n, _| Op::CloneSharded(n),
        |n, _| Op::DropSharded(n),
        |n, _| Op::DropSharded(n),
        |_, _| Op::Close,
        |_, _| Op::WaitIfDrained,
        |_, _| Op::Await,
        |n, _| Op::Poll(n),
        |n, _| Op::Forget(n),
    ];

    fn new() -> Self {
        Self {
            futures: Vec::new(),
            tokens: Vec::new(),
            sharded: Vec::new(),
            drain: Owned::new(Drain::new()),
            answer: None,
        }
    }

    fn apply(&mut self, op: Op) {
        let drain = self.drain();
        self.answer = None;
        match op {
            Op::Token => self.tokens.push(drain.token()),
            Op::TryToken => {
                let token = drain.try_token();
                self.answer = Some(token.is_some());
                self.tokens.extend(token);
            }
            Op::Clone(number) => {
                if let Some(index) = pick(number, self.tokens.len()) {
                    self.tokens.push(self.tokens[index].clone());
                }
            }
            Op::Drop(number) => {
                if let Some(index) = pick(number, self.tokens.len()) {
                    drop(self.tokens.swap_remove(index));
                }
            }
            Op::ShardedToken => self.sharded.push(vec![drain.sharded_token()]),
            Op::CloneSharded(number) => {
                if let Some((owner, handle)) = self.place(number) {
                    let clone = self.sharded[owner][handle].clone();
                    self.sharded[owner].push(clone);
                }
            }
            Op::DropSharded(number) => {
                if let Some((owner, handle)) = self.place(number) {
                    drop(self.sharded[owner].swap_remove(handle));
                    if self.sharded[owner].is_empty() {
                        self.sharded.remove(owner);
                    }
                }
            }
            Op::Close => self.answer = Some(drain.close()),
            Op::WaitIfDrained => {
                let is_drained = drain.wait_timeout(Duration::ZERO);
                assert_eq!(drain.wait_deadline(Instant::now()), is_drained);
                if is_drained {
                    drain.wait();
                }
                self.answer = Some(is_drained);
            }
            Op::Await => {
                let mut waiting = Waiting::new(drain.drained());
                let is_ready = waiting.poll().is_some();
                self.answer = Some(is_ready);
                if !is_ready {
                    self.futures.push(waiting);
                }
            }
            Op::Poll(number) => {
                if let Some(index) = pick(number, self.futures.len()) {
                    let is_ready = self.futures[index].poll().is_some();
                    self.answer = Some(is_ready);
                    if is_ready {
                        self.futures.remove(index);
                    }
                }
            }
            Op::Forget(number) => {
                if let Some(index) = pick(number, self.futures.len()) {
                    self.futures.remove(index);
                }
            }
        }
    }

    fn check(&self, model: &Tokens) {
        assert_eq!(self.answer, model.answer);
        let drain = self.drain();
        assert_eq!(drain.is_closed(), model.closed);
        assert_eq!(drain.is_drained(), model.are_none());
        assert_eq!(self.futures.len(), model.futures.len());
        for (waiting, woken) in self.futures.iter().zip(&model.futures) {
            // It may be woken for nothing.
            assert!(waiting.is_woken() || !woken, "a wake-up was lost");
        }
    }

    fn finish(mut self, _: &Tokens) {
        self.tokens.clear();
        self.sharded.clear();
        assert!(self.drain().is_drained());
        for waiting in &mut self.futures {
            assert!(waiting.is_woken() && waiting.poll().is_some());
        }
    }
}
