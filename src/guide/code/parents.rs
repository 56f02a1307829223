fn put_child(parent: &World, child: &World) {
    if child.count.put() {
        parent.touch(); // take the child off the parent's list: the child still holds the parent
        child.free();
        if parent.count.put() {
            parent.free(); // and so on, upwards
        }
    }
}
