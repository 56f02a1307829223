fn put_lock(refs: &RefCount, lock: &Mutex) -> bool {
    if refs.dec_not_one() {
        return false; // (a) a step from n to n - 1, n above one
    }
    let held = lock.lock();
    let last = refs.dec_and_test(); // (b) a step by one, under the lock
    drop(held); // (the real one returns the guard)
    last
}
