fn put(w: &World, token: Token) {
    w.touch();
    drop(token);
}

async fn shut_down(w: &World, drain: &Drain) {
    drain.await; // in a thread: drain.wait()
    w.free();
}
