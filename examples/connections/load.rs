//! Clients for the chat server: those that make its load, and those that behave badly.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::LONGEST_LINE;

/// The other side of a connection.
struct Client {
    id: u64,
    input: BufReader<TcpStream>,
    line: String,
}

impl Client {
    fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        // If the server is stuck, this does not wait for it forever.
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        socket.set_write_timeout(Some(Duration::from_secs(60)))?;
        let mut client = Self {
            id: 0,
            input: BufReader::new(socket),
            line: String::new(),
        };
        let id = client.hear()?.strip_prefix("* you are ");
        client.id = id
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| io::Error::other("no greeting"))?;
        Ok(client)
    }

    fn say(&mut self, line: &str) -> io::Result<()> {
        let line = format!("{line}\n");
        self.input.get_mut().write_all(line.as_bytes())
    }

    /// Waits for a line; there has to be one.
    fn hear(&mut self) -> io::Result<&str> {
        self.line.clear();
        match self.input.read_line(&mut self.line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(self.line.trim_end()),
        }
    }

    /// Waits for this line, whatever others say in between.
    fn expect(&mut self, line: &str) -> io::Result<()> {
        while self.hear()? != line {}
        Ok(())
    }

    /// Waits until the server hangs up.
    fn expect_end(mut self) -> io::Result<()> {
        loop {
            match self.hear() {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Err(_) => return Ok(()),
            }
        }
    }

    /// Says numbers to all, and tells them to `other`, and waits in each round for as many lines as come in
    /// one: so no client is more than a round ahead, and two rounds wait in a queue at most. Returns how many
    /// lines came: from each client each number once, and in order.
    fn converse(mut self, rounds: u32, clients: u16, other: u64) -> io::Result<u64> {
        let mut next: HashMap<(String, String), u32> = HashMap::new();
        let mut heard = 0;
        for round in 0..rounds {
            self.say(&round.to_string())?;
            self.say(&format!("/tell {other} {round}"))?;
            while heard < u64::from(round + 1) * (u64::from(clients) + 1) {
                let line = self.hear()?;
                let wrong = || io::Error::other(format!("{line:?} is not what comes next"));
                let (head, number) = line.rsplit_once(' ').ok_or_else(wrong)?;
                let (from, how) = head.split_at(head.find([' ', ':']).ok_or_else(wrong)?);
                let next = next.entry((from.to_owned(), how.to_owned())).or_default();
                if number.parse() != Ok(*next) {
                    return Err(wrong());
                }
                *next += 1;
                heard += 1;
            }
        }
        Ok(heard)
    }
}

type Act = fn(Client) -> io::Result<()>;

/// Clients that do what clients do. Each must leave the server as it was.
const NAUGHTY: [(&str, Act); 5] = [
    ("that dies in the middle of a line", |mut client| {
        client.input.get_mut().write_all(b"half a li")
    }),
    ("with an endless line", |mut client| {
        client.say(&"long ".repeat(100_000))?;
        client.expect("* that line was too long")?;
        client.say("/quit")?;
        client.expect_end()
    }),
    ("that has said its last, and listens", |mut client| {
        let id = client.id;
        client.say(&format!("/tell {id} still there"))?;
        client.input.get_mut().shutdown(Shutdown::Write)?;
        client.expect(&format!("{id} tells you: still there"))?;
        client.expect_end()
    }),
    ("whose thread panics", |mut client| {
        client.say("/panic")?;
        client.expect_end()
    }),
    ("that does not listen", |mut client| {
        let line = format!("/tell {} {}", client.id, "x".repeat(LONGEST_LINE / 2));
        for _ in 0..1_000_000 {
            if client.say(&line).is_err() {
                return Ok(());
            }
        }
        Err(io::Error::other("still connected"))
    }),
];

/// Puts the server under load. Returns how many lines the clients have heard, all of them.
pub(crate) fn run(address: SocketAddr, clients: u16, messages: u32) -> Result<u64, String> {
    let connect = || Client::connect(address).map_err(|error| format!("cannot connect: {error}"));
    let all: Vec<Client> = (0..clients).map(|_| connect()).collect::<Result<_, _>>()?;
    let others: Vec<u64> = all.iter().map(|client| client.id).collect();
    let others = others.into_iter().cycle().skip(1);
    thread::scope(|threads| {
        let naughty = threads.spawn(|| {
            for (what, act) in NAUGHTY {
                act(connect()?).map_err(|error| format!("the client {what}: {error}"))?;
            }
            Ok(0)
        });
        let converse = |(client, other): (Client, u64)| {
            threads.spawn(move || {
                let id = client.id;
                let heard = client.converse(messages, clients, other);
                heard.map_err(|error| format!("client {id}: {error}"))
            })
        };
        let threads: Vec<_> = all.into_iter().zip(others).map(converse).collect();
        threads
            .into_iter()
            .chain([naughty])
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err("a client panicked".into()))
            })
            .sum()
    })
}
