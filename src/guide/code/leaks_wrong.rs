fn put(w: &World) {
    if w.count.count() == 1 {
        let _ = w.count.put();
        w.free();
    } else {
        let _ = w.count.put(); // wrong: it may be the last by now
    }
}
