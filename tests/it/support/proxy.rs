//! A network between server and database that can lose a host: what was open stays open and says
//! nothing any more, while new connections reach the replacement.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Forwards a loopback port to another one.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    losses: Arc<AtomicU64>,
}

impl Proxy {
    /// Listens in front of `target` until the test ends.
    pub fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let losses = Arc::new(AtomicU64::new(0));
        let counted = losses.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) =
                    (client.unwrap(), TcpStream::connect(("127.0.0.1", target)).unwrap());
                let born = counted.load(Ordering::SeqCst);
                for (from, to) in
                    [(client.try_clone().unwrap(), server.try_clone().unwrap()), (server, client)]
                {
                    let losses = counted.clone();
                    thread::spawn(move || {
                        forward(from, to, || losses.load(Ordering::SeqCst) == born);
                    });
                }
            }
        });
        Self { port, losses }
    }

    /// From now on nothing passes on the connections that are open.
    pub fn lose_connections(&self) {
        self.losses.fetch_add(1, Ordering::SeqCst);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, passes: impl Fn() -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        while !passes() {
            // Both sockets stay open.
            thread::park();
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    if passes() {
        let _ = to.shutdown(Shutdown::Both);
    }
}
