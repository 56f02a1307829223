fn get_unless_zero(s: &Slot) -> bool {
    s.refs
        .cas_loop(Acquire, |refs| if refs == 0 { None } else { Some(refs + 1) })
        .is_ok()
}
