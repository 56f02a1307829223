fn find(s: &Slot, key: u32) -> bool {
    if !s.refs.inc_not_zero() {
        return false; // dead
    }
    if s.read() == key {
        return true; // ours, and it stays so as long as we hold it
    }
    put(s); // another object lives here by now
    false
}

fn put(s: &Slot) {
    if s.refs.dec_and_test() {
        s.write(NOTHING);
    }
}

fn reuse(s: &Slot, key: u32) {
    s.write(key);
    s.refs.set_release(1); // from here on it may be found
}
