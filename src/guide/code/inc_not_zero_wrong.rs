fn get_unless_zero(s: &Slot) -> bool {
    if s.refs.load(Acquire) == 0 {
        return false;
    }
    s.refs.fetch_add(1, Relaxed); // wrong: it may have become zero
    true
}
