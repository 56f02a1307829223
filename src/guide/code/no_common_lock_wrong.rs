fn find(s: &Slot, _key: u32) -> bool {
    s.refs.inc_not_zero() // wrong: of which object?
}
