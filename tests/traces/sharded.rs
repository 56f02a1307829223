//! `ShardedCount`: a word for each shard, and a common one. The shipped code, and code that deviates.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use kref::ShardedCount;
use kref::atomic::{Atomic, AtomicInt};
use kref::lock::Lock;

use crate::recorder::{self, Index, Recorded, Recording, says};
use crate::replay::{OUTSIDE, View};
use crate::scenarios::{CALLS, THREADS, pick, run_threads};
use crate::{accepts, rejects};

const BIAS: i64 = 1 << 62;
const OPEN: i64 = 1 << 62;
const CLOSED: i64 = -OPEN;

const VIEW: View = View {
    word: |record, number| {
        let Some((made, did)) = record.operation(number) else {
            return Some("");
        };
        match made.first {
            OPEN if did.old > 0 => Some("open shard"),
            OPEN => Some("closed shard"),
            // The creator's reference.
            first if first == BIAS + 1 => Some("common"),
            // Whether it was killed: written under the lock, and otherwise a hint.
            _ => None,
        }
    },
    silent: &["loop ends", "finds it live"],
    ..OUTSIDE
};

/// How many shards the table has at first.
const SHARDS: usize = 2;

/// A sharded count.
trait Count: Send + Sync + 'static {
    fn new() -> Self;
    fn get(&self, shard: usize);
    fn put(&self, shard: usize) -> bool;
    fn try_get(&self, shard: usize) -> bool;
    fn try_get_live(&self, shard: usize) -> bool;
    fn kill(&self) -> bool;
    fn resurrect(&self) -> bool;
    fn reinit(&self) -> bool;
    fn is_dying(&self) -> bool;
}

struct World<C> {
    count: C,
    number: usize,
    /// The creator's reference, if no thread has it. Where others kill, nobody takes it from here.
    creator: Cell<bool>,
    /// The creator has killed the count. (A hint of the count is not enough: a reference that came after `reinit` may still see
    /// it dying, and would kill on behalf of the creator, that does so too.)
    killed: Cell<bool>,
    /// In half of the schedules threads with other references kill, and resurrect. In the other half the creator
    /// kills, and who is told of the end may begin anew.
    others_kill: bool,
}

// SAFETY: only one coroutine runs at a time.
unsafe impl<C> Sync for World<C> {}

/// Runs threads that do what they like with a count, and drop all references in the end.
fn scenario<C: Count>() {
    let (count, number) = recorder::object(C::new);
    let world = Arc::new(World {
        count,
        number,
        creator: Cell::new(true),
        killed: Cell::new(false),
        others_kill: pick(2) == 0,
    });
    run_threads(THREADS, |_| {
        let world = Arc::clone(&world);
        move || world.thread()
    });
    let is_left = match world.others_kill {
        true => !world.count.is_dying(),
        false => world.creator.get(),
    };
    if is_left {
        world.says("call kill");
        world.ends(world.count.kill(), false);
    }
}

impl<C: Count> World<C> {
    fn says(&self, what: &'static str) {
        says(self.number, what);
    }

    fn thread(&self) {
        let count = &self.count;
        let mut mine = 0;
        for _ in 0..CALLS {
            let shard = pick(SHARDS);
            match pick(10) {
                0 if mine > 0 => {
                    count.get(shard);
                    mine += 1;
                }
                1 | 2 if mine > 0 => {
                    mine -= 1;
                    self.put(shard);
                }
                3 | 4 => {
                    self.says("call try_get");
                    mine += usize::from(count.try_get(shard));
                }
                5 | 6 => {
                    self.says("call try_get");
                    match count.try_get_live(shard) {
                        true => mine += 1,
                        false => self.says("returns false"),
                    }
                }
                7 if self.others_kill && mine > 0 => {
                    self.says("call resurrect");
                    let _ = count.resurrect();
                }
                8.. if !self.others_kill && self.creator.replace(false) => {
                    self.says("call kill");
                    let ended = count.kill();
                    self.killed.set(true);
                    self.ends(ended, true);
                }
                8.. if mine > 0 && (self.others_kill || self.killed.get()) => {
                    self.says("call kill with another reference");
                    self.ends(count.kill(), false);
                }
                _ => {}
            }
        }
        (0..mine).for_each(|_| self.put(pick(SHARDS)));
    }

    fn put(&self, shard: usize) {
        self.says("call put");
        self.ends(self.count.put(shard), true);
    }

    /// The end, if it is.
    fn ends(&self, ended: bool, may_begin_anew: bool) {
        if !ended {
            return self.says("returns false");
        }
        self.says("returns true");
        if may_begin_anew && !self.others_kill && pick(2) == 0 {
            self.killed.set(false);
            self.says("call reinit");
            // It succeeds, or a record of code that is right would not be replayed.
            self.creator.set(self.count.reinit());
        } else {
            self.says("free");
        }
    }
}

impl Count for ShardedCount<Recording> {
    fn new() -> Self {
        Self::with_shards_in(SHARDS)
    }
    fn get(&self, shard: usize) {
        self.get_at(shard);
    }
    fn put(&self, shard: usize) -> bool {
        self.put_at(shard)
    }
    fn try_get(&self, shard: usize) -> bool {
        self.try_get_at(shard)
    }
    fn try_get_live(&self, shard: usize) -> bool {
        self.try_get_live_at(shard)
    }
    fn kill(&self) -> bool {
        self.kill_and_confirm()
    }
    fn resurrect(&self) -> bool {
        self.resurrect()
    }
    fn reinit(&self) -> bool {
        self.reinit()
    }
    fn is_dying(&self) -> bool {
        self.is_dying()
    }
}

#[test]
fn shipped() {
    let scenario = scenario::<ShardedCount<Recording>>;
    accepts("sharded_kill", &VIEW, &[], scenario);
}

/// Code for the words. What a variant does not override is right.
trait Variant: 'static {
    fn get_common(words: &Words) {
        words.common.fetch_add(1, Relaxed);
    }
    fn try_get_common(words: &Words) -> bool {
        let is_there = |word: i64| (word != 0).then(|| word + 1);
        words.change(Acquire, is_there).is_some()
    }
    fn put_common(words: &Words) -> bool {
        let is_last = words.common.fetch_sub(1, Release) == 1;
        if is_last {
            let _ = words.common.load(Acquire);
        }
        is_last
    }
    /// Closes all shards, and merges what was in them.
    fn close(words: &Words) {
        let sum = (0..SHARDS)
            .map(|shard| Self::close_one(words, shard))
            .sum::<i64>();
        Self::merge(words, sum);
    }
    fn close_one(words: &Words, shard: usize) -> i64 {
        words.shards[shard].swap(CLOSED as u64, Acquire) as i64 - OPEN
    }
    fn merge(words: &Words, sum: i64) {
        words.change(Release, |word| Some(word + sum - BIAS));
    }
    fn open(words: &Words, bias: impl Fn(i64) -> Option<i64>) -> bool {
        let is_open = words.change(Release, bias).is_some();
        if is_open {
            words.shards.iter().for_each(|shard| {
                shard.swap(OPEN as u64, Release);
            });
        }
        is_open
    }
    /// A put after the subtraction in a shard that was closed.
    fn put_closed(words: &Words) -> bool {
        Self::put_common(words)
    }
}

struct Words {
    shards: [Recorded<u64>; SHARDS],
    common: Recorded<u64>,
    switch: Index,
    is_dying: Cell<bool>,
}

// SAFETY: only one coroutine runs at a time.
unsafe impl Sync for Words {}

impl Words {
    /// Changes the common word, and returns what was there.
    fn change(
        &self,
        order: std::sync::atomic::Ordering,
        to: impl Fn(i64) -> Option<i64>,
    ) -> Option<i64> {
        let mut found = self.common.load(Relaxed);
        loop {
            let new = to(found as i64)?;
            match self
                .common
                .compare_exchange_weak(found, new as u64, order, Relaxed)
            {
                Ok(_) => return Some(found as i64),
                Err(other) => found = other,
            }
        }
    }
}

struct Of<V>(Words, PhantomData<fn() -> V>);

impl<V: Variant> Count for Of<V> {
    fn new() -> Self {
        let words = Words {
            shards: [(); SHARDS].map(|()| Recorded::new(OPEN as u64)),
            common: Recorded::new(BIAS as u64 + 1),
            switch: Index::new(),
            is_dying: Cell::new(false),
        };
        Self(words, PhantomData)
    }
    fn get(&self, shard: usize) {
        if (self.0.shards[shard].fetch_add(1, Relaxed) as i64) < 0 {
            V::get_common(&self.0);
        }
    }
    fn put(&self, shard: usize) -> bool {
        (self.0.shards[shard].fetch_sub(1, Release) as i64) <= 0 && V::put_closed(&self.0)
    }
    fn try_get(&self, shard: usize) -> bool {
        self.try_get_live(shard) || V::try_get_common(&self.0)
    }
    fn try_get_live(&self, shard: usize) -> bool {
        self.0.shards[shard].fetch_add(1, Acquire) as i64 >= 0
    }
    fn kill(&self) -> bool {
        let guard = self.0.switch.lock();
        let is_first = !self.0.is_dying.replace(true);
        if is_first {
            V::close(&self.0);
        }
        drop(guard);
        is_first && V::put_common(&self.0)
    }
    fn resurrect(&self) -> bool {
        self.open(|word| (word != 0).then(|| word + BIAS + 1))
    }
    fn reinit(&self) -> bool {
        self.open(|word| (word == 0).then_some(BIAS + 1))
    }
    fn is_dying(&self) -> bool {
        self.0.is_dying.get()
    }
}

impl<V: Variant> Of<V> {
    fn open(&self, bias: impl Fn(i64) -> Option<i64>) -> bool {
        let _guard = self.0.switch.lock();
        let opened = self.0.is_dying.get() && V::open(&self.0, bias);
        if opened {
            self.0.is_dying.set(false);
        }
        opened
    }
}

/// Right, all of it: it has to be accepted, or the others would be rejected for another reason than their fault.
struct Right;
impl Variant for Right {}

#[test]
fn what_is_right_is_accepted() {
    accepts("sharded_kill", &VIEW, &[], scenario::<Of<Right>>);
}

/// A put whose shard was closed returns at once.
struct PutsNowhere;
impl Variant for PutsNowhere {
    fn put_closed(_: &Words) -> bool {
        false
    }
}

#[test]
fn puts_nowhere() {
    rejects("sharded_kill", &VIEW, scenario::<Of<PutsNowhere>>);
}

/// A get whose shard was closed returns at once.
struct GetsNowhere;
impl Variant for GetsNowhere {
    fn get_common(_: &Words) {}
}

#[test]
fn gets_nowhere() {
    rejects("sharded_kill", &VIEW, scenario::<Of<GetsNowhere>>);
}

/// A try-get adds before it looks.
struct AddsFirst;
impl Variant for AddsFirst {
    fn try_get_common(words: &Words) -> bool {
        words.common.fetch_add(1, AcqRel) != 0
    }
}

#[test]
fn adds_first() {
    rejects("sharded_kill", &VIEW, scenario::<Of<AddsFirst>>);
}

/// The kill takes what it has read in a shard, and closes the shard afterwards.
struct ReadsThenCloses;
impl Variant for ReadsThenCloses {
    fn close_one(words: &Words, shard: usize) -> i64 {
        let found = words.shards[shard].load(Acquire) as i64 - OPEN;
        words.shards[shard].swap(CLOSED as u64, Acquire);
        found
    }
}

#[test]
fn reads_then_closes() {
    rejects("sharded_kill", &VIEW, scenario::<Of<ReadsThenCloses>>);
}

/// The kill merges before it has closed the last shard.
struct MergesEarly;
impl Variant for MergesEarly {
    fn close(words: &Words) {
        let sum = Self::close_one(words, 0);
        Self::merge(words, sum);
        let rest = Self::close_one(words, 1);
        words.change(Release, |word| Some(word + rest));
    }
}

#[test]
fn merges_early() {
    rejects("sharded_kill", &VIEW, scenario::<Of<MergesEarly>>);
}

/// The kill merges by a load and a store.
struct MergesByStore;
impl Variant for MergesByStore {
    fn merge(words: &Words, sum: i64) {
        let found = words.common.load(Relaxed) as i64;
        words.common.store((found + sum - BIAS) as u64, Release);
    }
}

#[test]
fn merges_by_a_store() {
    rejects("sharded_kill", &VIEW, scenario::<Of<MergesByStore>>);
}

/// The kill forgets one shard's references.
struct ForgetsAShard;
impl Variant for ForgetsAShard {
    fn close(words: &Words) {
        let sum = Self::close_one(words, 0);
        let _ = Self::close_one(words, 1);
        Self::merge(words, sum);
    }
}

#[test]
fn forgets_a_shard() {
    rejects("sharded_kill", &VIEW, scenario::<Of<ForgetsAShard>>);
}

/// A resurrection opens the shards before the bias is in.
struct OpensFirst;
impl Variant for OpensFirst {
    fn open(words: &Words, bias: impl Fn(i64) -> Option<i64>) -> bool {
        for shard in &words.shards {
            shard.swap(OPEN as u64, Release);
        }
        words.change(Release, bias).is_some()
    }
}

#[test]
fn opens_first() {
    rejects("sharded_kill", &VIEW, scenario::<Of<OpensFirst>>);
}

/// The last put decides by a second look.
struct LooksAgain;
impl Variant for LooksAgain {
    fn put_common(words: &Words) -> bool {
        words.common.fetch_sub(1, Release);
        words.common.load(Acquire) == 0
    }
}

#[test]
fn looks_again() {
    rejects("sharded_kill", &VIEW, scenario::<Of<LooksAgain>>);
}

/// The kill closes without Acquire.
struct RelaxedClose;
impl Variant for RelaxedClose {
    fn close_one(words: &Words, shard: usize) -> i64 {
        words.shards[shard].swap(CLOSED as u64, Relaxed) as i64 - OPEN
    }
}

#[test]
fn relaxed_close() {
    rejects("sharded_kill", &VIEW, scenario::<Of<RelaxedClose>>);
}
