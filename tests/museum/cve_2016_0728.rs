//! CVE-2016-0728, Linux before 4.4.1: a keyring's reference count overflows.
//!
//! `join_session_keyring` takes a reference to the keyring that a process asks for by name. If that
//! already was the process's session keyring, it returned without putting it. The count was 32 bits
//! wide and wrapped, so a process that asked 2^32 times had a count that was too small by 2^32: the
//! keyring was freed under its users, and an attacker that controlled what came into that memory
//! was root.
//!
//! ```text
//! attacker                                   victim                     count
//! --------                                   ------                     -----
//!                                            has one reference          2
//! join the same keyring, 2^32 - 1 times                                 1, after 0
//! leave it: 1 -> 0, free
//!                                            use the keyring
//! ```

use kref::{Kref, RefCount};

use crate::backend::Rmw;
use crate::object::{Mutex, World, threads};
use crate::plain::Plain;

/// The references that the attacker has leaked before the model begins, less than all by two.
const LEAKED: u32 = u32::MAX - 2;

/// The counts that the scenario runs over.
trait Count: 'static {
    fn get(&self);
    fn put(&self) -> bool;
}

impl Count for Plain {
    fn get(&self) {
        self.get();
    }
    fn put(&self) -> bool {
        self.put()
    }
}

impl Count for Kref<Rmw> {
    fn get(&self) {
        self.get();
    }
    fn put(&self) -> bool {
        self.put()
    }
}

/// Joins the session keyring that the process has already: the reference that was taken to look at
/// it is forgotten.
fn join<C: Count>(keyring: &World<C, Mutex>) {
    keyring.count.get();
    keyring.touch();
}

fn leave<C: Count>(keyring: &World<C, Mutex>) {
    keyring.touch();
    if keyring.count.put() {
        keyring.free();
    }
}

fn attack<C: Count>(keyring: &World<C, Mutex>) {
    join(keyring);
    join(keyring);
    leave(keyring);
}

mod wrong {
    use super::*;

    type Keyring = World<Plain, Mutex>;

    #[test]
    #[should_panic(expected = "ausality violation")]
    fn cve_2016_0728_freed_under_its_user() {
        crate::check(|| {
            let keyring = Keyring::new(Plain::new(2u32.wrapping_add(LEAKED)));
            threads(&keyring, [attack as fn(&_), leave]);
        });
    }
}

mod ours {
    use super::*;
    use kref::report::Kind;

    type Keyring = World<Kref<Rmw>, Mutex>;

    /// At the end of what can be counted the count saturates: the keyring leaks, and somebody is told.
    #[test]
    fn cve_2016_0728_saturates() {
        crate::check(|| {
            let refs = RefCount::new_in(RefCount::MAX);
            let keyring = Keyring::new(Kref::from(refs));
            threads(&keyring, [attack as fn(&_), leave]);
            let refs: &RefCount<Rmw> = keyring.count.as_ref();
            assert_eq!(crate::reports(), [Kind::Overflow]);
            assert!(refs.is_saturated());
            keyring.touch();
            keyring.end();
        });
    }
}
