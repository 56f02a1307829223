fn put(w: &World) {
    if w.count.put() {
        w.free(); // the put says so, not a look before it
    }
}
