fn put(w: &World) {
    if w.count.fetch_sub(1, AcqRel) > 1 {
        return;
    }
    let held = w.lock.lock();
    if w.count.load(Relaxed) == 0 {
        w.unlist(&held);
        drop(held);
        w.free();
    }
}

fn find(w: &World) -> bool {
    let held = w.lock.lock();
    let listed = w.is_listed(&held);
    if listed {
        w.count.fetch_add(1, Relaxed); // wrong: a put may be waiting for the lock
    }
    listed
}
