fn put(w: &World) {
    if w.count.put() {
        let held = w.lock.lock(); // wrong: before this line, somebody may have found it
        w.unlist(&held);
        drop(held);
        w.free();
    }
}
