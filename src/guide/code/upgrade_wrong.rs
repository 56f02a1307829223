fn upgrade(w: &World) -> bool {
    w.count.strong.fetch_add(1, Acquire) < DEAD // wrong: who has the weak reference?
}
