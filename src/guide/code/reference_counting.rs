fn hand_over(w: &World, start: impl FnOnce()) {
    w.count.get(); // for the other thread: it will put this one
    start();
}

fn use_and_put(w: &World) {
    w.touch();
    if w.count.put() {
        w.free();
    }
}
