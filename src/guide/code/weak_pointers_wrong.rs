fn find(w: &World) -> bool {
    let held = w.lock.lock();
    let listed = w.is_listed(&held);
    drop(held);
    listed && w.count.get_unless_zero() // wrong: the lock was what kept the memory
}
