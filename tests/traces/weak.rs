//! `WeakRef`: two words for each object. The shipped code, and code that deviates.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use kref::atomic::{Atomic, AtomicInt};
use kref::weak::{Weak, WeakRef};

use crate::recorder::{self, Recorded, Recording, says};
use crate::replay::{OUTSIDE, View};
use crate::scenarios::{CALLS, THREADS, pick, run_threads};
use crate::{accepts, rejects};

/// The memory is freed where nobody looks.
const VIEW: View = View {
    // One strong reference is a zero in its word, the weak reference of the value a one.
    word: |record, number| match record.operation(number) {
        Some((made, _)) => Some(if made.first == 0 { "strong" } else { "weak" }),
        None => Some(""),
    },
    is_index: |_| false,
    silent: &["free", "move"],
    ..OUTSIDE
};

/// Pointers to one object. Their drops say "destroy" where they destroy the value.
trait Pointers: 'static {
    type Strong: Send;
    type Weak: Send;

    /// Makes an object; returns its number, too.
    fn new() -> (Self::Strong, usize);
    fn get(strong: &Self::Strong) -> Self::Strong;
    fn downgrade(strong: &Self::Strong) -> Self::Weak;
    fn get_weak(weak: &Self::Weak) -> Self::Weak;
    fn upgrade(weak: &Self::Weak) -> Option<Self::Strong>;
    fn is_unique(strong: &mut Self::Strong) -> bool;
    /// Moves the value out if this is the only strong reference.
    fn take(strong: Self::Strong) -> Result<(), Self::Strong>;
}

/// Runs threads that do what they like with an object, and drop all references in the end.
fn scenario<P: Pointers>() {
    let (first, number) = P::new();
    let mut first = Some(first);
    run_threads(THREADS, |thread| {
        let weak = first.as_ref().filter(|_| pick(2) == 0).map(P::downgrade);
        // The last thread has the creator's reference. Of the others, some begin with a `Weak`.
        let strong = first.take_if(|_| thread == THREADS - 1);
        move || run::<P>(number, Vec::from_iter(strong), Vec::from_iter(weak))
    });
}

fn run<P: Pointers>(number: usize, mut strong: Vec<P::Strong>, mut weak: Vec<P::Weak>) {
    let drop_strong = |pointer: P::Strong| {
        says(number, "call drop strong");
        drop(pointer);
    };
    let drop_weak = |pointer: P::Weak| {
        says(number, "call drop weak");
        drop(pointer);
    };
    for _ in 0..CALLS {
        match pick(10) {
            0 => strong.extend(strong.last().map(P::get)),
            1 => weak.extend(strong.last().map(P::downgrade)),
            2 => weak.extend(weak.last().map(P::get_weak)),
            3 | 4 => {
                if let Some(pointer) = weak.pop() {
                    says(number, "call upgrade");
                    strong.extend(P::upgrade(&pointer));
                    // What it was made from often goes at once, so that somebody may be alone again.
                    match pick(2) {
                        0 => drop_weak(pointer),
                        _ => weak.push(pointer),
                    }
                }
            }
            5..8 => {
                if let Some(pointer) = strong.last_mut() {
                    says(number, "call is_unique");
                    if P::is_unique(pointer) {
                        recorder::turn();
                        says(number, "returns true");
                    }
                }
            }
            8 if pick(2) == 0 => {
                if let Some(pointer) = strong.pop() {
                    says(number, "call take");
                    strong.extend(P::take(pointer).err());
                }
            }
            8 => strong.pop().into_iter().for_each(drop_strong),
            _ => weak.pop().into_iter().for_each(drop_weak),
        }
    }
    strong.into_iter().for_each(drop_strong);
    weak.into_iter().for_each(drop_weak);
}

/// The shipped code.
struct Shipped;

/// A value that says when it is destroyed. Its field is the number of the object.
struct Value(AtomicUsize);

impl Drop for Value {
    fn drop(&mut self) {
        says(*self.0.get_mut(), "destroy");
    }
}

impl Pointers for Shipped {
    type Strong = WeakRef<Value, Recording>;
    type Weak = Weak<Value, Recording>;

    fn new() -> (Self::Strong, usize) {
        let (pointer, number) = recorder::object(|| WeakRef::new_in(Value(AtomicUsize::new(0))));
        pointer.0.store(number, Relaxed);
        (pointer, number)
    }
    fn get(strong: &Self::Strong) -> Self::Strong {
        strong.clone()
    }
    fn downgrade(strong: &Self::Strong) -> Self::Weak {
        WeakRef::downgrade(strong)
    }
    fn get_weak(weak: &Self::Weak) -> Self::Weak {
        weak.clone()
    }
    fn upgrade(weak: &Self::Weak) -> Option<Self::Strong> {
        weak.upgrade()
    }
    fn is_unique(strong: &mut Self::Strong) -> bool {
        WeakRef::get_mut(strong).is_some()
    }
    fn take(strong: Self::Strong) -> Result<(), Self::Strong> {
        WeakRef::try_unwrap(strong).map(std::mem::forget)
    }
}

#[test]
fn shipped() {
    accepts("weak_upgrade", &VIEW, &[], scenario::<Shipped>);
}

// The words, as the code has them.

const NONE: u32 = u32::MAX;
const CLAIMED: u32 = 0xC000_0000;
const DEAD: u32 = 0xE800_0000;

struct Words {
    weak: Recorded,
    strong: Recorded,
    number: AtomicUsize,
}

/// Code for the two words. What a variant does not override is right.
trait Variant: 'static {
    fn upgrade(words: &Words) -> bool {
        let found = words.strong.fetch_add(1, Acquire);
        match found {
            NONE => Self::pay(words),
            DEAD..NONE => return false,
            CLAIMED..DEAD => Self::end_claim(words),
            _ => {}
        }
        true
    }
    fn pay(words: &Words) {
        words.weak.fetch_add(1, Relaxed);
    }
    fn end_claim(words: &Words) {
        let mut found = words.strong.load(Relaxed);
        while (CLAIMED..DEAD).contains(&found) {
            let ended =
                words
                    .strong
                    .compare_exchange_weak(found, found - CLAIMED, Relaxed, Relaxed);
            match ended {
                Ok(_) => return,
                Err(other) => found = other,
            }
        }
    }
    fn is_unique(words: &Words) -> bool {
        if words
            .strong
            .compare_exchange(0, CLAIMED, Acquire, Relaxed)
            .is_err()
        {
            return false;
        }
        let no_weak = words.weak.load(Acquire) == 1;
        match words.strong.compare_exchange(CLAIMED, 0, Relaxed, Relaxed) {
            Ok(_) => no_weak,
            Err(_) => {
                Self::end_claim(words);
                false
            }
        }
    }
    /// Drops a strong reference.
    fn drop_strong(words: &Words) {
        if words.strong.fetch_sub(1, Release) == 0 {
            Self::close(words);
        }
    }
    fn close(words: &Words) {
        let _ = words.strong.load(Acquire);
        if words.weak.load(Acquire) == 1 && Self::is_still_none(words) {
            return words.destroy();
        }
        if words
            .strong
            .compare_exchange(NONE, DEAD, Acquire, Relaxed)
            .is_ok()
        {
            words.destroy();
        }
        Self::drop_weak(words);
    }
    fn is_still_none(words: &Words) -> bool {
        words.strong.load(Relaxed) == NONE
    }
    fn drop_weak(words: &Words) {
        if words.weak.load(Acquire) != 1 && words.weak.fetch_sub(1, Release) == 1 {
            let _ = words.weak.load(Acquire);
        }
    }
}

impl Words {
    fn destroy(&self) {
        says(self.number.load(Relaxed), "destroy");
    }
}

/// Pointers whose code is that of a variant.
struct Of<V>(PhantomData<V>);

struct Strong<V: Variant>(Arc<Words>, PhantomData<fn() -> V>);
struct Weakly<V: Variant>(Arc<Words>, PhantomData<fn() -> V>);

impl<V: Variant> Drop for Strong<V> {
    fn drop(&mut self) {
        V::drop_strong(&self.0);
    }
}

impl<V: Variant> Drop for Weakly<V> {
    fn drop(&mut self) {
        V::drop_weak(&self.0);
    }
}

impl<V: Variant> Pointers for Of<V> {
    type Strong = Strong<V>;
    type Weak = Weakly<V>;

    fn new() -> (Strong<V>, usize) {
        let (words, number) = recorder::object(|| Words {
            weak: Recorded::new(1),
            strong: Recorded::new(0),
            number: AtomicUsize::new(0),
        });
        words.number.store(number, Relaxed);
        (Strong(Arc::new(words), PhantomData), number)
    }
    fn get(strong: &Strong<V>) -> Strong<V> {
        strong.0.strong.fetch_add(1, Relaxed);
        Strong(Arc::clone(&strong.0), PhantomData)
    }
    fn downgrade(strong: &Strong<V>) -> Weakly<V> {
        strong.0.weak.fetch_add(1, Relaxed);
        Weakly(Arc::clone(&strong.0), PhantomData)
    }
    fn get_weak(weak: &Weakly<V>) -> Weakly<V> {
        weak.0.weak.fetch_add(1, Relaxed);
        Weakly(Arc::clone(&weak.0), PhantomData)
    }
    fn upgrade(weak: &Weakly<V>) -> Option<Strong<V>> {
        V::upgrade(&weak.0).then(|| Strong(Arc::clone(&weak.0), PhantomData))
    }
    fn is_unique(strong: &mut Strong<V>) -> bool {
        V::is_unique(&strong.0)
    }
    fn take(strong: Strong<V>) -> Result<(), Strong<V>> {
        let words = Arc::clone(&strong.0);
        if words
            .strong
            .compare_exchange(0, DEAD, Acquire, Relaxed)
            .is_err()
        {
            return Err(strong);
        }
        std::mem::forget(strong);
        V::drop_weak(&words);
        Ok(())
    }
}

/// Right, all of it: it has to be accepted, or the others would be rejected for another reason than their fault.
struct Right;
impl Variant for Right {}

#[test]
fn what_is_right_is_accepted() {
    accepts("weak_upgrade", &VIEW, &[], scenario::<Of<Right>>);
}

/// An upgrade that finds none does not pay.
struct NeverPays;
impl Variant for NeverPays {
    fn pay(_: &Words) {}
}

#[test]
fn never_pays() {
    rejects("weak_upgrade", &VIEW, scenario::<Of<NeverPays>>);
}

/// A closer that is alone does not look a second time.
struct LooksOnce;
impl Variant for LooksOnce {
    fn is_still_none(_: &Words) -> bool {
        true
    }
}

#[test]
fn looks_once() {
    rejects("weak_upgrade", &VIEW, scenario::<Of<LooksOnce>>);
}

/// The decrement to none destroys.
struct NeverMarks;
impl Variant for NeverMarks {
    fn close(words: &Words) {
        let _ = words.strong.load(Acquire);
        words.destroy();
        Self::drop_weak(words);
    }
}

#[test]
fn never_marks() {
    rejects("weak_upgrade", &VIEW, scenario::<Of<NeverMarks>>);
}

/// Marks by a store.
struct MarksByStore;
impl Variant for MarksByStore {
    fn close(words: &Words) {
        let _ = words.strong.load(Acquire);
        if words.weak.load(Acquire) != 1 && words.strong.load(Relaxed) == NONE {
            words.strong.store(DEAD, Release);
            words.destroy();
        }
        Self::drop_weak(words);
    }
}

#[test]
fn marks_by_a_store() {
    rejects("weak_upgrade", &VIEW, scenario::<Of<MarksByStore>>);
}

/// Looks at the two words without a claim.
struct NeverClaims;
impl Variant for NeverClaims {
    fn is_unique(words: &Words) -> bool {
        words.strong.load(Acquire) == 0 && words.weak.load(Acquire) == 1
    }
}

#[test]
fn never_claims() {
    rejects("weak_upgrade", &VIEW, scenario::<Of<NeverClaims>>);
}

/// An upgrade leaves the claim that it finds.
struct LeavesTheClaim;
impl Variant for LeavesTheClaim {
    fn end_claim(_: &Words) {}
}

#[test]
fn leaves_the_claim() {
    rejects("weak_upgrade", &VIEW, scenario::<Of<LeavesTheClaim>>);
}

/// A weak reference decides by what is in the word after its decrement.
struct LooksAgain;
impl Variant for LooksAgain {
    fn drop_weak(words: &Words) {
        words.weak.fetch_sub(1, Release);
        let _ = words.weak.load(Acquire);
    }
}

#[test]
fn looks_again() {
    rejects("weak_upgrade", &VIEW, scenario::<Of<LooksAgain>>);
}

/// A closer keeps its weak reference.
struct KeepsItsWeak;
impl Variant for KeepsItsWeak {
    fn close(words: &Words) {
        let _ = words.strong.load(Acquire);
        let _ = words.weak.load(Acquire);
        if words
            .strong
            .compare_exchange(NONE, DEAD, Acquire, Relaxed)
            .is_ok()
        {
            words.destroy();
        }
    }
}

#[test]
fn keeps_its_weak() {
    rejects("weak_upgrade", &VIEW, scenario::<Of<KeepsItsWeak>>);
}

/// Closes without Acquire.
struct RelaxedMark;
impl Variant for RelaxedMark {
    fn close(words: &Words) {
        let _ = words.strong.load(Acquire);
        let _ = words.weak.load(Acquire);
        if words
            .strong
            .compare_exchange(NONE, DEAD, Relaxed, Relaxed)
            .is_ok()
        {
            words.destroy();
        }
        Self::drop_weak(words);
    }
}

#[test]
fn relaxed_mark() {
    rejects("weak_upgrade", &VIEW, scenario::<Of<RelaxedMark>>);
}
