fn raise(max: &AtomicU32, v: u32) {
    let mut current = max.load(Relaxed);
    while v > current {
        match max.compare_exchange_weak(current, v, Relaxed, Relaxed) {
            Ok(_) => return,
            Err(found) => current = found, // somebody was faster: ask again
        }
    }
}
