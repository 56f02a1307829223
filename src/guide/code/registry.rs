struct Session {
    id: u32,
}

fn open(table: &Registry<u32, Session>, id: u32) -> Handle<u32, Session> {
    table.get_or_insert_with(id, |&id| Session { id })
}
