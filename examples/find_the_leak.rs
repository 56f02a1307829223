//! A leak between threads, and how the report of the holders finds it.
//!
//! A server has its open files in a `Registry`: a file is closed when its last user drops its handle. Requests come to
//! three kinds of threads. One of them has a fault: an upload that fails is put aside, to be tried again, and never is.
//! So some files stay open for good, and the registry only says how many.
//!
//! ```text
//! cargo run --example find_the_leak --features track
//! ```
//!
//! With `--fixed` the fault is mended, and nothing is left. The exit code is 1 if what is found is not what was planted.

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use kref::{Handle, Registry, track};

type File = Handle<u32, String>;

const FILES: u32 = 200;

/// What the threads share.
struct Server {
    files: Registry<u32, String>,
    /// Uploads that failed, to be tried again.
    again: Mutex<Vec<File>>,
    fixed: bool,
}

impl Server {
    fn open(&self, number: u32) -> File {
        self.files
            .get_or_insert_with(number, |number| format!("contents of {number}"))
    }

    /// Makes an index of a file: holds it for a while.
    fn index(&self, number: u32) -> usize {
        let file = self.open(number);
        let words = Handle::clone_for(&file, "indexer");
        words.split(' ').count()
    }

    /// Counts a file for the statistics.
    fn count(&self, number: u32) -> usize {
        let file = self.open(number);
        thread::yield_now();
        file.len()
    }

    /// Sends a file away.
    fn upload(&self, number: u32) -> usize {
        let file = self.open(number);
        if number % 67 == 13 {
            // The connection broke.
            self.again
                .lock()
                .unwrap()
                .push(Handle::clone_for(&file, "upload, again"));
            return 0;
        }
        file.len()
    }

    /// Tries again what has failed.
    fn finish(&self) {
        if self.fixed {
            // A statement of its own: the files are closed when the lock was released.
            let again = std::mem::take(&mut *self.again.lock().unwrap());
            drop(again);
        }
        // The fault: nobody takes them out.
    }
}

fn main() -> ExitCode {
    let server = Server {
        files: Registry::new(),
        again: Mutex::new(Vec::new()),
        fixed: std::env::args().any(|argument| argument == "--fixed"),
    };
    thread::scope(|threads| {
        let server = &server;
        for (name, work) in [
            ("index", Server::index as fn(&Server, u32) -> usize),
            ("count", Server::count),
            ("upload", Server::upload),
        ] {
            thread::Builder::new()
                .name(name.into())
                .spawn_scoped(threads, move || {
                    let done: usize = (0..FILES).map(|number| work(server, number)).sum();
                    println!("{name}: {done} done");
                })
                .expect("a thread starts");
        }
    });
    server.finish();

    println!(
        "{} files are open, though all threads have ended.",
        server.files.len()
    );
    let report = track::report_all(&server.files);
    println!("{report:#}");

    let guilty = |object: &track::ObjectReport| {
        let holder = &object.holders()[0];
        object.count() == 1
            && holder.tag() == Some("upload, again")
            && holder.thread_name() == Some("upload")
    };
    let expected = if server.fixed {
        0
    } else {
        (0..FILES).filter(|n| n % 67 == 13).count()
    };
    if report.objects().len() == expected && report.objects().iter().all(guilty) {
        match expected {
            0 => println!("Nothing is left."),
            _ => println!("All of them are held by what `upload` puts aside."),
        }
        ExitCode::SUCCESS
    } else {
        println!("This is not the leak that was planted.");
        ExitCode::FAILURE
    }
}
