//! Owning pointers: two last drops, and a claim concurrently with a drop.

use std::sync::Mutex;

use kref::Ref;

use crate::race;

/// Hands each of two threads one of two handles.
fn handles<T>(value: T) -> Mutex<Vec<Ref<T>>> {
    let first = Ref::new(value);
    Mutex::new(vec![first.clone(), first])
}

#[test]
fn two_last_drops() {
    race(
        || handles(String::from("text")),
        |handles, _| drop(handles.lock().unwrap().pop()),
        |_, _| {},
    );
}

/// A value that is written by the thread that has the only reference left.
#[test]
fn claim_and_drop() {
    race(
        || handles(vec![1]),
        |handles, who| {
            let mut handle = handles.lock().unwrap().pop().unwrap();
            match who {
                0 => Ref::try_unwrap(handle).ok(),
                _ => {
                    if let Some(value) = Ref::get_mut(&mut handle) {
                        value.push(2);
                    }
                    None
                }
            }
        },
        |_, [unwrapped, _]| {
            assert!(unwrapped.is_none_or(|value| [&[1][..], &[1, 2]].contains(&&value[..])));
        },
    );
}
