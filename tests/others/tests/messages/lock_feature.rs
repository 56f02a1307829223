//! A lock that is not one: the message names the feature, and the lock of `spin` that is meant.

use kref::Kref;

fn main() {
    let lock = spin::Mutex::new(());
    let _ = Kref::new().put_lock(&lock);
}
