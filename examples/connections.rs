//! A chat server on loopback, whose live connections are in a `Registry`.
//!
//! ```text
//! cargo run --release --example connections                 # then: telnet 127.0.0.1 7878, several times
//! cargo run --release --example connections -- --load 200   # with a load of its own, and an end
//! ```
//!
//! Each connection has a thread that reads. That thread holds a handle to the connection. A thread that
//! wants to send something finds the connection in the registry by its number, or all connections, and
//! holds handles for that long. With the last handle the connection leaves the registry and drops its
//! end of the queue of lines. That ends the thread that writes, after all that is in the queue. So a
//! thread could send to every connection that it found, and what was sent is written before the socket
//! is closed. There is no list of connections to be kept in step with the threads, and no dead entry in
//! it.
//!
//! No thread waits for a slow reader: the server hangs up on a client whose queue is full, or that takes
//! next to nothing for a while. Too long a line is skipped, and the client told; a line without an end is
//! no line. A client that has sent its last still gets what it is sent until then. A panic in a
//! connection's thread is the end of that connection, and of nothing else: `/panic` shows it.
//!
//! The exit code is 0; 1 if a connection is left in the registry or a line was not delivered; 2 if
//! the server cannot start, or for a wrong option.

#![forbid(unsafe_code)]

#[path = "connections/load.rs"]
mod load;

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, builder::ArgPredicate};
use indicatif::HumanCount;
use kref::atomic::AtomicExt;
use kref::{Drain, Handle, Ref, Registry, Token};

/// A chat server on loopback: say something, /tell ID something, /who, /quit; it ends by Ctrl-C
#[derive(Parser)]
struct Options {
    /// Where to listen, on loopback [with --load: any free port]
    #[arg(
        value_name = "ADDRESS", default_value = "127.0.0.1:7878", value_parser = loopback,
        default_value_if("load", ArgPredicate::IsPresent, "127.0.0.1:0"), hide_default_value = true
    )]
    listen: SocketAddr,

    /// Sends itself messages from so many clients, and from five more that behave badly, and ends
    #[arg(long, value_name = "CLIENTS", value_parser = clap::value_parser!(u16).range(1..=4096))]
    load: Option<u16>,

    /// How many messages each client says to all; it tells as many to one other
    #[arg(long, value_name = "N", default_value_t = 20, requires = "load")]
    messages: u32,

    /// How many lines wait for a client at most, before it is hung up on
    #[arg(long, value_name = "LINES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    queue: u32,

    /// How many seconds a client may take for 64 lines before it is hung up on
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    patience: u64,
}

fn loopback(address: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = address.parse().map_err(|error| format!("{error}"))?;
    let told = || "this is an example, and stays on loopback".to_owned();
    address
        .ip()
        .is_loopback()
        .then_some(address)
        .ok_or_else(told)
}

/// How many bytes a line may have.
const LONGEST_LINE: usize = 4096;
/// How many lines are written at once.
const BATCH: usize = 64;

/// A client that lines can be sent to. It exists as long as there is a handle to it.
struct Connection {
    wire: Ref<Wire>,
    /// Its other end belongs to the thread that writes, and closes when this is dropped.
    queue: Sender<Ref<str>>,
    counts: Ref<Counts>,
    /// Dropped with the connection: the server waits for it.
    _token: Token,
}

impl Drop for Connection {
    fn drop(&mut self) {
        count(&self.counts.closed, 1);
    }
}

/// What the thread that writes shares with the connection, and may have for longer.
struct Wire {
    socket: TcpStream,
    /// How many lines are in the queue.
    waiting: AtomicU32,
    too_slow: AtomicBool,
}

/// What the server has done, for the balance at the end.
#[derive(Default)]
struct Counts {
    opened: AtomicU64,
    closed: AtomicU64,
    /// Lines for some client: in the end each is `written`, or it is `lost`.
    sent: AtomicU64,
    written: AtomicU64,
    /// Lines that a client did not take, or was not there to take.
    lost: AtomicU64,
    too_slow: AtomicU64,
    panicked: AtomicU64,
}

fn count(counter: &AtomicU64, n: usize) {
    // Relaxed: only numbers, read when the threads have been joined.
    counter.fetch_add(n as u64, Relaxed);
}

/// Tells what went wrong. A closed stderr is no reason to stop.
fn report(what: impl Display) {
    let _ = writeln!(io::stderr(), "connections: {what}");
}

struct Server {
    connections: Registry<u64, Connection>,
    /// Has a token of every connection.
    gone: Drain,
    stopping: AtomicBool,
    counts: Ref<Counts>,
    /// How many lines wait for a client at most.
    queue: u32,
    patience: Duration,
}

impl Server {
    /// Serves clients until it is told to stop and the last of them is gone.
    fn run(&self, listener: &TcpListener) {
        thread::scope(|threads| {
            for (id, socket) in (1..).zip(listener.incoming()) {
                // Relaxed: the flag is all there is to know, here and in `read`.
                if self.stopping.load(Relaxed) {
                    break;
                }
                let opened = socket.and_then(|socket| self.open(threads, id, socket));
                if let Err(error) = opened {
                    report(format_args!("client {id} is refused: {error}"));
                    thread::sleep(Duration::from_millis(10)); // too many files or threads, perhaps
                }
            }
            // No other thread inserts connections, so these are all that are left.
            for connection in self.connections.handles() {
                self.send(&connection, &"* the server stops\n".into());
                let _ = connection.wire.socket.shutdown(Shutdown::Read);
            }
            // The threads that read hear of that, and drop their handles. If one were leaked, the thread
            // that writes would wait forever.
            if !self.gone.wait_timeout(self.patience) {
                self.balance();
                report("a connection is left, and somebody has a handle to it");
                process::exit(1);
            }
        });
    }

    /// Puts a connection into the registry, and starts its threads.
    fn open<'a>(
        &'a self,
        threads: &'a thread::Scope<'a, '_>,
        id: u64,
        socket: TcpStream,
    ) -> io::Result<()> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(self.patience))?;
        let wire = Ref::new(Wire {
            socket,
            waiting: AtomicU32::new(0),
            too_slow: AtomicBool::new(false),
        });
        let (queue, lines) = mpsc::channel();

        // The thread that writes has no handle: it would keep the connection, and so itself.
        let writer = wire.clone();
        thread::Builder::new()
            .name(format!("writer {id}"))
            .spawn_scoped(threads, move || self.write(&writer, &lines))?;

        count(&self.counts.opened, 1);
        let connection = Connection {
            wire,
            queue,
            counts: self.counts.clone(),
            _token: self.gone.token(),
        };
        // The first line of all, as no other thread can find the connection yet.
        self.send(&connection, &format!("* you are {id}\n").as_str().into());
        let connection = self.connections.get_or_insert_with(id, |_| connection);
        thread::Builder::new()
            .name(format!("connection {id}"))
            .spawn_scoped(threads, move || {
                // The handle is dropped on the way out of `read`, by a panic, too.
                let read = AssertUnwindSafe(|| self.read(connection));
                // An error of the socket is an end like any other.
                if panic::catch_unwind(read).is_err() {
                    count(&self.counts.panicked, 1);
                }
            })?; // without a thread the handle is dropped here
        Ok(())
    }

    /// Reads what a client says, until it has nothing more to say.
    fn read(&self, me: Handle<u64, Connection>) -> io::Result<()> {
        let mut input = BufReader::new(&me.wire.socket);
        let mut line = Vec::new();
        while !self.stopping.load(Relaxed) {
            line.clear();
            let longest = LONGEST_LINE as u64 + 1;
            if input.by_ref().take(longest).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            if line.last() == Some(&b'\n') {
                let line = String::from_utf8_lossy(&line);
                // What would control the terminal of another.
                if !self.say(&me, &line.trim_end().replace(char::is_control, "\u{fffd}")) {
                    break;
                }
            } else if line.len() > LONGEST_LINE {
                input.skip_until(b'\n')?;
                self.send(&me, &"* that line was too long\n".into());
            }
        }
        Ok(())
    }

    /// Does what a line asks for. Returns `false` when that was the last.
    fn say(&self, me: &Handle<u64, Connection>, line: &str) -> bool {
        let id = Handle::key(me);
        let answer = match line.split_once(' ').unwrap_or((line, "")) {
            ("", _) => return true,
            ("/quit", _) => return false,
            ("/panic", _) => panic!("connection {id} has asked for it"),
            ("/who", _) => {
                let connections = self.connections.handles();
                let ids = connections
                    .iter()
                    .map(|one| format!(" {}", Handle::key(one)));
                format!("* here are{}\n", ids.collect::<String>())
            }
            ("/tell", rest) => {
                let (to, text) = rest.split_once(' ').unwrap_or((rest, ""));
                // Found, it is alive as long as we hold it, though its client may just be leaving.
                match to
                    .parse()
                    .ok()
                    .and_then(|to: u64| self.connections.get(&to))
                {
                    Some(to) => {
                        self.send(&to, &format!("{id} tells you: {text}\n").as_str().into());
                        return true;
                    }
                    None => format!("* there is no {to}\n"),
                }
            }
            (command, _) if command.starts_with('/') => {
                "* say something, /tell ID something, /who, or /quit\n".to_owned()
            }
            _ => {
                // One text, which the queues share.
                let line: Ref<str> = format!("{id}: {line}\n").as_str().into();
                for connection in self.connections.handles() {
                    self.send(&connection, &line);
                }
                return true;
            }
        };
        self.send(me, &answer.as_str().into());
        true
    }

    /// Puts a line into a client's queue. Does not wait: a client whose queue is full is hung up on.
    fn send(&self, to: &Connection, line: &Ref<str>) {
        count(&self.counts.sent, 1);
        // Relaxed: a limit, not an order.
        if to.wire.waiting.add_unless(1, self.queue, Relaxed) {
            // Its other end is there until this one is dropped.
            let _ = to.queue.send(line.clone());
            return;
        }
        count(&self.counts.lost, 1);
        // Relaxed: to be counted once.
        if !to.wire.too_slow.swap(true, Relaxed) {
            count(&self.counts.too_slow, 1);
            let _ = to.wire.socket.shutdown(Shutdown::Both);
        }
    }

    /// Writes the lines of a queue, until the connection is gone and its queue empty.
    fn write(&self, wire: &Wire, lines: &Receiver<Ref<str>>) {
        let mut batch = Vec::new();
        while let Ok(first) = lines.recv() {
            batch.clear();
            let more = lines.try_iter().take(BATCH - 1);
            let in_batch = [first].into_iter().chain(more);
            let taken = in_batch.map(|line| batch.extend(line.bytes())).count();
            // Relaxed: as in `send`.
            wire.waiting.fetch_sub(taken as u32, Relaxed);
            if self.write_batch(&wire.socket, &batch).is_err() {
                count(&self.counts.lost, taken);
                break;
            }
            count(&self.counts.written, taken);
        }
        // In either case. If the client has gone, the thread that reads hears of it by this.
        let _ = wire.socket.shutdown(Shutdown::Both);
        // What comes until the last handle is dropped.
        count(&self.counts.lost, lines.iter().count());
    }

    fn write_batch(&self, mut socket: &TcpStream, mut batch: &[u8]) -> io::Result<()> {
        let deadline = Instant::now() + self.patience;
        while !batch.is_empty() {
            batch = &batch[socket.write(batch)?..];
            // A client must not take a byte now and then, forever.
            if !batch.is_empty() && Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Makes `run` come to its end. Returns `false` if that was done before.
    fn stop(&self, address: SocketAddr) -> bool {
        // Relaxed: as in `run`.
        let first = !self.stopping.swap(true, Relaxed);
        // `run` wakes up, and sees the flag. It is awake if this fails.
        let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
        first
    }

    /// Prints what has happened, and returns whether it is as it has to be.
    fn balance(&self) -> bool {
        let counts = &self.counts;
        // Relaxed: as in `count`.
        let read = |counter: &AtomicU64| HumanCount(counter.load(Relaxed));
        let [opened, closed] = [&counts.opened, &counts.closed].map(read);
        let [sent, written, lost] = [&counts.sent, &counts.written, &counts.lost].map(read);
        let [panicked, too_slow] = [&counts.panicked, &counts.too_slow].map(read);
        let listed = self.connections.len();
        print(format_args!(
            "connections: {opened} opened, {closed} gone, {listed} in the registry \
             ({panicked} ended by a panic, {too_slow} too slow)\n\
             lines: {sent} sent, {written} written, {lost} to clients that did not take them"
        ));
        listed == 0 && opened.0 == closed.0 && sent.0 == written.0 + lost.0
    }
}

fn run(options: &Options) -> io::Result<bool> {
    let listener = TcpListener::bind(options.listen)?;
    let address = listener.local_addr()?;
    // Two rounds of each client at most, as `load` says.
    let queue = options.load.map_or(0, |clients| 4 * u32::from(clients));
    let server = Arc::new(Server {
        connections: Registry::new(),
        gone: Drain::new(),
        stopping: AtomicBool::new(false),
        counts: Ref::new(Counts::default()),
        queue: options.queue.max(queue),
        patience: Duration::from_secs(options.patience),
    });
    let stopped = Arc::clone(&server);
    let stop = move || {
        if !stopped.stop(address) {
            process::exit(130); // the second Ctrl-C: somebody does not want to wait
        }
    };
    ctrlc::set_handler(stop).map_err(io::Error::other)?;

    let Some(clients) = options.load else {
        let (ip, port) = (address.ip(), address.port());
        print(format_args!(
            "listening: try \"telnet {ip} {port}\"; Ctrl-C ends it"
        ));
        server.run(&listener);
        return Ok(server.balance());
    };
    let started = Instant::now();
    let heard = thread::scope(|threads| {
        threads.spawn(|| server.run(&listener));
        let heard = load::run(address, clients, options.messages);
        let interrupted = !server.stop(address);
        if interrupted {
            Ok(None)
        } else {
            heard.map(Some)
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let balanced = server.balance();
    match heard {
        Ok(Some(heard)) => print(format_args!(
            "load: {} lines heard by {clients} clients, each once and in order, in {seconds:.1} s",
            HumanCount(heard)
        )),
        Ok(None) => print("load: interrupted"),
        Err(ref error) => report(error),
    }
    Ok(balanced && heard.is_ok())
}

/// Prints a line. A closed stdout changes nothing about the exit code.
fn print(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report(error);
            ExitCode::from(2)
        }
    }
}
