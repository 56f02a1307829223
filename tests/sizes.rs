//! The sizes of the pointers: one word, and with the feature `track` the token as well.

#![cfg(feature = "alloc")]

use kref::track::{HolderId, Holders};
use kref::weak::{Weak, WeakRef};
use kref::{Ref, UniqueRef};

const WORD: usize = size_of::<usize>();

/// What the token takes: an address, and the number of the holder.
const TOKEN: usize = if cfg!(feature = "track") { WORD + 8 } else { 0 };

#[test]
fn the_pointers_are_words_and_tokens() {
    assert_eq!(size_of::<Ref<u8>>(), WORD + TOKEN);
    assert_eq!(size_of::<Ref<[u8]>>(), 2 * WORD + TOKEN);
    assert_eq!(size_of::<WeakRef<u8>>(), WORD + TOKEN);
    // These are not tracked.
    assert_eq!(size_of::<UniqueRef<u8>>(), WORD);
    assert_eq!(size_of::<Weak<u8>>(), WORD);
    // There is an address that none of them has.
    assert_eq!(size_of::<Option<Ref<u8>>>(), WORD + TOKEN);
    assert_eq!(size_of::<Option<WeakRef<u8>>>(), WORD + TOKEN);
}

#[cfg(all(feature = "std", target_has_atomic = "64"))]
#[test]
fn a_sharded_pointer_is_a_word_and_a_token() {
    use kref::ShardedRef;
    assert_eq!(size_of::<ShardedRef<str>>(), WORD + TOKEN);
    assert_eq!(size_of::<Option<ShardedRef<str>>>(), WORD + TOKEN);
}

#[cfg(feature = "registry")]
#[test]
fn a_handle_is_a_word_and_a_token() {
    use kref::{Handle, Interned};
    assert_eq!(size_of::<Handle<String, String>>(), WORD + TOKEN);
    assert_eq!(size_of::<Interned<str>>(), WORD + TOKEN);
    assert_eq!(size_of::<Option<Handle<String, String>>>(), WORD + TOKEN);
    assert_eq!(size_of::<Option<Interned<str>>>(), WORD + TOKEN);
}

#[cfg(not(feature = "track"))]
#[test]
fn explicit_tokens_are_of_no_size() {
    assert_eq!((size_of::<Holders>(), size_of::<HolderId>()), (0, 0));
    let holders = Holders::new("object");
    let token = holders.get("user");
    // Nothing is known of it, so that nothing is wrong.
    assert!(holders.put(token) && holders.put(token));
}

#[cfg(feature = "track")]
#[test]
fn explicit_tokens_are_two_words() {
    assert_eq!(size_of::<HolderId>(), 16);
    assert!(size_of::<Holders>() > 0);
}
