fn get(w: &World, shard: usize) {
    w.count.get_at(shard); // `get()` uses the thread's own shard
}

fn put(w: &World, shard: usize) {
    if w.count.put_at(shard) {
        w.free(); // only after the kill, and for one caller
    }
}

fn kill(w: &World) {
    if w.count.kill() {
        w.free(); // there was no other reference
    }
}
