fn get(refs: &RefCount) -> bool {
    refs.add_not_zero_limited(1, LIMIT).is_ok()
}
