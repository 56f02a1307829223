//! `ShardedCount` against a number.

use kref::ShardedCount;

use super::{Letter, Machine, Model};

const SHARDS: u8 = 4;
/// That of the thread.
const OWN: u8 = SHARDS;

#[derive(Clone, Copy, Debug)]
pub enum Op {
    /// In which shard, or [`OWN`]; so are the next three.
    Get(u8),
    Put(u8),
    TryGet(u8),
    TryGetLive(u8),
    Kill,
    KillAndConfirm,
    Resurrect,
    Reinit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Live,
    Dying,
}

/// A user without a reference only tries to get one; the creator's reference is dropped by a kill.
#[derive(Clone, Debug)]
pub struct Refs {
    life: Life,
    /// With the creator's, while it is live.
    refs: u32,
    answer: Option<bool>,
}

impl Default for Refs {
    fn default() -> Self {
        Self {
            life: Life::Live,
            refs: 1,
            answer: None,
        }
    }
}

impl Refs {
    /// How many may be dropped by a put.
    fn users(&self) -> u32 {
        self.refs - u32::from(self.life == Life::Live)
    }

    fn end(&mut self) -> bool {
        self.life == Life::Dying && self.refs == 0
    }
}

impl Model for Refs {
    type Op = Op;

    fn apply(&mut self, op: &Op) {
        let live = self.life == Life::Live;
        self.answer = None;
        match *op {
            Op::Get(_) if self.refs > 0 => self.refs += 1,
            Op::Put(_) if self.users() > 0 => {
                self.refs -= 1;
                self.answer = Some(self.end());
            }
            Op::TryGet(_) => {
                self.answer = Some(self.refs > 0);
                self.refs += u32::from(self.refs > 0);
            }
            Op::TryGetLive(_) => {
                self.answer = Some(live);
                self.refs += u32::from(live);
            }
            Op::Kill | Op::KillAndConfirm => {
                self.life = Life::Dying;
                self.refs -= u32::from(live);
                self.answer = Some(live && self.end());
            }
            Op::Resurrect => {
                let does = !live && self.refs > 0;
                if does {
                    self.life = Life::Live;
                    self.refs += 1;
                }
                self.answer = Some(does);
            }
            Op::Reinit => {
                let does = self.end();
                if does {
                    self.life = Life::Live;
                    self.refs = 1;
                }
                self.answer = Some(does);
            }
            Op::Get(_) | Op::Put(_) => {}
        }
    }
}

pub struct ShardedMachine {
    count: ShardedCount,
    /// The users' references, which the count itself cannot tell.
    users: u32,
    answer: Option<bool>,
}

impl Machine for ShardedMachine {
    type Model = Refs;

    const ALPHABET: &'static [Letter<Self>] = &[
        |n, _| Op::Get((n % (SHARDS as u16 + 1)) as u8),
        |n, _| Op::Get((n % (SHARDS as u16 + 1)) as u8),
        |n, _| Op::Put((n % (SHARDS as u16 + 1)) as u8),
        |n, _| Op::Put((n % (SHARDS as u16 + 1)) as u8),
        |n, _| Op::Put((n % (SHARDS as u16 + 1)) as u8),
        |n, _| Op::TryGet((n % (SHARDS as u16 + 1)) as u8),
        |n, _| Op::TryGetLive((n % (SHARDS as u16 + 1)) as u8),
        |_, _| Op::Kill,
        |_, _| Op::KillAndConfirm,
        |_, _| Op::Resurrect,
        |_, _| Op::Reinit,
    ];

    fn new() -> Self {
        Self {
            count: ShardedCount::with_shards(SHARDS.into()),
            users: 0,
            answer: None,
        }
    }

    fn apply(&mut self, op: Op) {
        let count = &self.count;
        self.answer = None;
        match op {
            Op::Get(shard) if !count.is_zero() => {
                match shard {
                    OWN => count.get(),
                    shard => count.get_at(shard.into()),
                }
                self.users += 1;
            }
            Op::Put(shard) if self.users > 0 => {
                self.users -= 1;
                self.answer = Some(match shard {
                    OWN => count.put(),
                    shard => count.put_at(shard.into()),
                });
            }
            Op::TryGet(shard) => {
                let got = match shard {
                    OWN => count.try_get(),
                    shard => count.try_get_at(shard.into()),
                };
                self.users += u32::from(got);
                self.answer = Some(got);
            }
            Op::TryGetLive(shard) => {
                let got = match shard {
                    OWN => count.try_get_live(),
                    shard => count.try_get_live_at(shard.into()),
                };
                self.users += u32::from(got);
                self.answer = Some(got);
            }
            Op::Kill => self.answer = Some(count.kill()),
            Op::KillAndConfirm => self.answer = Some(count.kill_and_confirm()),
            Op::Resurrect => self.answer = Some(count.resurrect()),
            Op::Reinit => self.answer = Some(count.reinit()),
            Op::Get(_) | Op::Put(_) => {}
        }
    }

    fn check(&self, model: &Refs) {
        assert_eq!(self.answer, model.answer);
        assert_eq!(self.users, model.users());
        assert_eq!(self.count.shards(), usize::from(SHARDS));
        assert_eq!(self.count.is_dying(), model.life == Life::Dying);
        assert_eq!(self.count.is_zero(), model.refs == 0);
        assert!(!self.count.is_saturated());
    }

    fn finish(mut self, model: &Refs) {
        // What is left is dropped, and the end is seen by the last.
        let mut ends = u32::from(model.refs == 0);
        while self.users > 0 {
            self.users -= 1;
            ends += u32::from(self.count.put_at(self.users as usize));
        }
        ends += u32::from(self.count.kill());
        assert_eq!(ends, 1);
    }
}
