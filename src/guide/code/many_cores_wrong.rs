struct Count {
    shards: [AtomicU32; 2],
}

fn get(w: &World, shard: usize) {
    w.count.shards[shard].fetch_add(1, Relaxed);
}

fn put(w: &World, shard: usize) {
    w.count.shards[shard].fetch_sub(1, AcqRel);
    let [first, second] = &w.count.shards;
    // wrong: the two loads are of two moments
    if first.load(Acquire).wrapping_add(second.load(Acquire)) == 0 {
        w.free();
    }
}
