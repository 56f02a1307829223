//! The checker: it accepts what has an explanation and rejects what has none.

use crate::history::{Span, not_linearizable};
use crate::specification::Op::{self, *};
use crate::specification::{Entered, LINGERING, STRICT};

/// A thread's operation, from a time to a time. Times differ.
fn op(thread: usize, from: u64, to: u64, op: Op) -> Span {
    Span {
        thread,
        key: 0,
        from,
        to,
        op,
    }
}

fn insert(thread: usize, from: u64, to: u64, new: u32) -> Span {
    op(thread, from, to, TryInsert { new, found: None })
}

#[track_caller]
fn accepts(spans: &[Span]) {
    let wrong = not_linearizable::<STRICT>(spans);
    assert!(wrong.is_empty(), "{}", wrong.concat());
    let wrong = not_linearizable::<LINGERING>(spans);
    assert!(
        wrong.is_empty(),
        "what is strict also may linger: {}",
        wrong.concat()
    );
}

#[track_caller]
fn rejects(spans: &[Span]) {
    assert!(not_linearizable::<LINGERING>(spans).len() == 1);
    assert!(not_linearizable::<STRICT>(spans).len() == 1);
}

const ENTER: Op = Enter(Entered::Vacant);
const BUSY: Op = Enter(Entered::Busy);

#[test]
fn one_after_the_other() {
    accepts(&[
        op(0, 0, 1, Get(None)),
        insert(0, 2, 3, 7),
        op(1, 4, 5, Get(Some(7))),
        op(1, 6, 7, Unlist(Some(7))),
        op(0, 8, 9, UnlistHandle(7, false)),
        op(0, 10, 11, Get(None)),
    ]);
}

#[test]
fn a_lookup_during_the_insertion() {
    accepts(&[
        insert(0, 0, 5, 7),
        op(1, 1, 2, Get(None)),
        op(1, 3, 4, Get(Some(7))),
    ]);
    rejects(&[
        insert(0, 0, 5, 7),
        op(1, 1, 2, Get(Some(7))),
        op(1, 3, 4, Get(None)),
    ]);
}

#[test]
fn effects_in_the_opposite_order() {
    let replace = |new, old| Replace { new, old };
    accepts(&[
        op(0, 0, 9, replace(1, Some(2))),
        op(1, 1, 8, replace(2, None)),
        op(2, 2, 3, Get(Some(2))),
        op(2, 4, 5, Get(Some(1))),
    ]);
    rejects(&[
        op(0, 0, 9, replace(1, Some(2))),
        op(1, 1, 8, replace(2, None)),
        op(2, 2, 3, Get(Some(1))),
        op(2, 4, 5, Get(Some(2))),
    ]);
}

#[test]
fn drop_of_the_last() {
    let made = insert(0, 0, 1, 7);
    accepts(&[made, op(0, 2, 3, Drop(7)), op(0, 4, 5, Get(None))]);
    // A lookup before the drop, and one that has waited for it.
    accepts(&[made, op(0, 2, 5, Drop(7)), op(1, 3, 6, Get(Some(7)))]);
    accepts(&[made, op(0, 2, 5, Drop(7)), insert(1, 3, 6, 8)]);
}

#[test]
fn what_lingers() {
    let spans = [
        insert(0, 0, 1, 7),
        op(0, 2, 3, Drop(7)),
        op(0, 4, 5, Get(Some(7))),
    ];
    assert!(not_linearizable::<LINGERING>(&spans).is_empty());
    assert!(not_linearizable::<STRICT>(&spans).len() == 1);
    // Once it was not found it does not come back.
    let mut spans = Vec::from(spans);
    spans[2].op = Get(None);
    spans.push(op(0, 6, 7, Get(Some(7))));
    rejects(&spans);
}

#[test]
fn reservations() {
    accepts(&[
        op(0, 0, 1, ENTER),
        op(1, 2, 3, BUSY),
        op(1, 4, 5, Get(None)),
        op(0, 6, 7, Fulfil(7)),
        op(1, 8, 9, Enter(Entered::Occupied(7))),
    ]);
    accepts(&[op(0, 0, 1, ENTER), op(0, 2, 3, Abandon), op(1, 4, 5, ENTER)]);
}

#[test]
fn many_operations_at_once() {
    // All orders of twelve lookups, of which memoization leaves few.
    let mut spans = vec![insert(0, 0, 100, 7)];
    spans.extend((1..13).map(|i| op(i, i as u64, 50 + i as u64, Get((i % 2 == 0).then_some(7)))));
    accepts(&spans);
    spans.push(op(20, 30, 40, Get(Some(8))));
    rejects(&spans);
}

/// One fault each.
#[test]
fn rejected() {
    let made = insert(0, 0, 1, 7);
    let entered = op(0, 0, 1, ENTER);
    let after = |other| [made, op(1, 2, 3, other)];
    rejects(&after(Get(None))); // a lost entry
    rejects(&after(Get(Some(8)))); // an object that nobody made
    rejects(&after(TryInsert {
        new: 8,
        found: None,
    })); // a second object for a key
    rejects(&after(ENTER)); // a place that is taken
    rejects(&after(BUSY)); // a reservation that nobody has
    rejects(&after(Replace { new: 8, old: None })); // an object that was not replaced
    rejects(&after(Unlist(None))); // a removal that finds nothing
    rejects(&after(UnlistHandle(7, false))); // and one that thinks that it was late
    rejects(&after(Clone(8))); // a handle to nothing
    rejects(&after(Fulfil(8))); // a place without a reservation
    rejects(&[entered, op(1, 2, 3, ENTER)]); // two reservations of a place
    rejects(&[
        entered,
        op(
            1,
            2,
            3,
            TryInsert {
                new: 8,
                found: None,
            },
        ),
    ]); // an insertion that does not wait
    rejects(&[entered, op(0, 2, 3, Abandon), op(0, 4, 5, Fulfil(7))]); // a reservation used twice
    rejects(&[made, op(0, 2, 3, Drop(7)), op(0, 4, 5, Drop(7))]); // a handle dropped twice
    rejects(&[
        made,
        op(0, 2, 3, Unlist(Some(7))),
        op(1, 4, 5, Get(Some(7))),
    ]); // found after its removal
    rejects(&[
        made,
        op(0, 2, 5, Unlist(Some(7))),
        op(1, 3, 6, Unlist(Some(7))),
    ]); // removed twice
    rejects(&[
        made,
        op(0, 2, 3, UnlistHandle(7, true)),
        op(1, 4, 5, Get(Some(7))),
    ]); // the same, by handle
}

/// Each key has a history of its own; one that is wrong is named.
#[test]
fn keys_are_separate() {
    let mut spans = vec![insert(0, 0, 1, 7), op(1, 2, 3, Get(Some(7)))];
    let mut other = [insert(0, 4, 5, 8), op(1, 6, 7, Get(None))];
    other.iter_mut().for_each(|span| span.key = 1);
    spans.extend(other);
    let wrong = not_linearizable::<STRICT>(&spans);
    assert_eq!(wrong.len(), 1);
    assert!(
        wrong[0].contains("key 1") && wrong[0].contains("Get(None)"),
        "{}",
        wrong[0]
    );
}
