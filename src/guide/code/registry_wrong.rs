type Table = Mutex<BTreeMap<u32, Weak<Session>>>;

struct Session {
    id: u32,
    table: Arc<Table>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.table.lock().unwrap().remove(&self.id); // wrong: whose entry is it by now?
    }
}

fn open(table: &Arc<Table>, id: u32) -> Arc<Session> {
    let mut sessions = table.lock().unwrap();
    if let Some(session) = sessions.get(&id).and_then(Weak::upgrade) {
        return session;
    }
    let table = Arc::clone(table);
    let session = Arc::new(Session { id, table });
    sessions.insert(id, Arc::downgrade(&session));
    session
}
