fn upgrade(w: &World) -> bool {
    match w.count.strong.fetch_add(1, Acquire) {
        DEAD.. => return false,
        0 => _ = w.count.weak.fetch_add(1, Relaxed),
        _ => {}
    }
    true
}
