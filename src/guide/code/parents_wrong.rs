fn put_child(parent: &World, child: &World) {
    if child.count.put() {
        child.free();
        if parent.count.put() {
            parent.free();
        }
        parent.touch(); // take the child off the parent's list. Wrong: the parent may be gone
    }
}
