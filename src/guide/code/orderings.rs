fn get(w: &World) {
    // Relaxed: the caller already may use the object.
    w.count.fetch_add(1, Relaxed);
}

fn put(w: &World) {
    w.touch();
    // Release: my uses of the object come before my put.
    if w.count.fetch_sub(1, Release) == 1 {
        // Acquire: everybody's puts come before the end of the object.
        let _ = w.count.load(Acquire);
        w.free();
    }
}
