/// Nodes are numbers from 1; 0 is the end.
struct List {
    head: AtomicU32,
    next: [AtomicU32; 3],
}

fn push(list: &List, node: u32) {
    let mut head = list.head.load(Relaxed);
    loop {
        list.next[node as usize].store(head, Relaxed);
        match list.head.compare_exchange(head, node, AcqRel, Relaxed) {
            Ok(_) => return,
            Err(found) => head = found,
        }
    }
}
