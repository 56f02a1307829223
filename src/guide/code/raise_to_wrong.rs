fn raise(max: &AtomicU32, v: u32) {
    if v > max.load(Relaxed) {
        max.store(v, Relaxed); // wrong: whatever was written since the load is lost
    }
}
