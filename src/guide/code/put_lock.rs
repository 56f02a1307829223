fn put(w: &World) {
    if let Some(held) = w.count.put_lock(&w.lock) {
        w.unlist(&held);
        drop(held);
        w.free();
    }
}

fn find(w: &World) -> bool {
    let held = w.lock.lock();
    let listed = w.is_listed(&held);
    if listed {
        w.count.get(); // cannot fail: what is listed is alive
    }
    listed
}
