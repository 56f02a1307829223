fn put(w: &World) {
    if w.count.put() {
        w.touch(); // wrong: wakes the waiter, which may have freed the object
    }
}

fn try_wait(w: &World) {
    if w.count.count() == 0 {
        w.free(); // a waiter looks before it sleeps
    }
}
