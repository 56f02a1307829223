fn pop(list: &List) -> u32 {
    let mut head = list.head.load(Acquire);
    while head != 0 {
        let next = list.next[head as usize].load(Relaxed); // of a node that is not mine yet
        // wrong: the head may be the same again, and what comes next another
        match list.head.compare_exchange(head, next, AcqRel, Acquire) {
            Ok(_) => break,
            Err(found) => head = found,
        }
    }
    head
}
