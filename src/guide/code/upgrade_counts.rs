struct Counts {
    strong: AtomicU32,
    weak: AtomicU32,
}

const DEAD: u32 = 1 << 31;

fn put(w: &World) {
    if w.count.strong.fetch_sub(1, Release) == 1 {
        let mark = w.count.strong.compare_exchange(0, DEAD, Acquire, Relaxed);
        if mark.is_ok() {
            w.touch(); // destroy the value
        }
        put_weak(w); // the value's weak reference
    }
}

fn put_weak(w: &World) {
    if w.count.weak.fetch_sub(1, Release) == 1 {
        let _ = w.count.weak.load(Acquire);
        w.free();
    }
}
