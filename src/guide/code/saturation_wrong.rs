fn get(refs: &AtomicU32) -> bool {
    if refs.load(Relaxed) >= LIMIT {
        return false;
    }
    refs.fetch_add(1, Relaxed); // wrong: others have passed the test as well
    true
}
