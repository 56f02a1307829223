fn hand_over(w: &World, start: impl FnOnce()) {
    start(); // another thread uses the object from here on, and puts it
    w.count.get(); // wrong: too late
}
