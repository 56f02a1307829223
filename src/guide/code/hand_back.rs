fn put(w: &World) {
    if w.count.fetch_sub(1, AcqRel) > 1 {
        return;
    }
    // Zero: this put is pending, and nobody else can be.
    let held = w.lock.lock();
    let nobody_came = w.count.load(Relaxed) == 0;
    if nobody_came || w.count.fetch_sub(1, AcqRel) == 1 {
        w.unlist(&held);
        drop(held);
        w.free();
    }
}

fn find(w: &World) -> bool {
    let held = w.lock.lock();
    let listed = w.is_listed(&held);
    if listed && w.count.fetch_add(1, Relaxed) == 0 {
        w.count.fetch_add(1, Relaxed); // hand the pending put its reference back
    }
    listed
}
