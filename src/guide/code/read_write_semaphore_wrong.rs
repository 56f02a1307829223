fn put(w: &World) {
    if w.count.as_ref().dec_not_one() {
        return;
    }
    let shared = w.lock.lock_shared(); // wrong: a finder may be inside as well
    if w.count.put() {
        drop(shared);
        let held = w.lock.lock();
        w.unlist(&held);
        drop(held);
        w.free();
    }
}
