fn put(w: &World) {
    if let Some(held) = w.count.put_lock(&w.lock) {
        // the write side
        w.unlist(&held);
        drop(held);
        w.free();
    }
}

fn find(w: &World) -> bool {
    let shared = w.lock.lock_shared(); // beside other finders
    let listed = w.is_listed(&shared);
    if listed {
        w.count.get();
    }
    listed
}
