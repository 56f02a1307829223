fn change(s: &Slot, value: u32) -> bool {
    let Some(alone) = s.refs.try_freeze(1) else {
        return false;
    };
    s.write(value); // whoever tries to get a reference meanwhile fails
    drop(alone);
    true
}
