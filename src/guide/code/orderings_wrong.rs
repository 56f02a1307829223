fn put(w: &World) {
    w.touch();
    if w.count.fetch_sub(1, Relaxed) == 1 {
        w.free(); // wrong: may overtake what others do before their puts
    }
}
