fn change(s: &Slot, value: u32) -> bool {
    let alone = s.refs.count() == 1;
    if alone {
        s.write(value); // wrong: it was so when the count was read
    }
    alone
}
