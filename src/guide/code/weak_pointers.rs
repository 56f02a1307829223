fn find(w: &World) -> bool {
    let held = w.lock.lock();
    w.is_listed(&held) && w.count.get_unless_zero()
}

fn put(w: &World) {
    if w.count.put() {
        let held = w.lock.lock();
        w.unlist(&held);
        drop(held);
        w.free();
    }
}
