fn take_all(list: &List) -> u32 {
    list.head.swap(0, AcqRel) // the whole chain, and it is mine alone
}
