//! Stands between the console and its node, passes everything on, and keeps what the console sent.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use galen_market::transaction::{QUESTION, Transaction};

/// What one connection sent.
type Sent = Arc<Mutex<Vec<u8>>>;

pub struct Recorder {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Sent>>>,
}

impl Recorder {
    pub fn start(node: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let all = connections.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(console), Ok(node)) = (stream, TcpStream::connect(node)) else { return };
                let sent = Sent::default();
                all.lock().unwrap().push(sent.clone());
                pass(console.try_clone().unwrap(), node.try_clone().unwrap(), Some(sent));
                pass(node, console, None);
            }
        });
        Self { address, connections }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every byte that was sent.
    pub fn sent(&self) -> Vec<u8> {
        let connections = self.connections.lock().unwrap();
        connections.iter().flat_map(|sent| sent.lock().unwrap().clone()).collect()
    }

    /// The requests that would change something, by their first lines, and how many transactions were
    /// tried. What is tried must be of no use to whoever gets hold of it: no block executes it.
    pub fn posted(&self) -> (Vec<String>, usize) {
        let connections = self.connections.lock().unwrap();
        let (mut posted, mut tried) = (Vec::new(), 0);
        for sent in connections.iter() {
            for (line, body) in requests(&sent.lock().unwrap()) {
                if line.contains("/dry-run ") {
                    let transaction: Transaction = borsh::from_slice(&body).unwrap();
                    assert_eq!(transaction.expiry_ms, QUESTION, "{transaction:?}");
                    tried += 1;
                } else if !line.starts_with("GET ") {
                    posted.push(line);
                }
            }
        }
        (posted, tried)
    }
}

/// The requests of a connection: first lines and bodies.
fn requests(mut sent: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    while let Some(end) = sent.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = String::from_utf8(sent[..end].to_vec()).unwrap();
        let lower = head.to_ascii_lowercase();
        assert!(!lower.contains("\ntransfer-encoding:"), "its length is not known: {head}");
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
        let (body, rest) = sent[end + 4..].split_at(length);
        all.push((head.lines().next().unwrap().to_owned(), body.to_vec()));
        sent = rest;
    }
    assert!(sent.is_empty(), "{}", String::from_utf8_lossy(sent));
    all
}

fn pass(mut from: TcpStream, mut to: TcpStream, kept: Option<Sent>) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if let Some(kept) = &kept {
                kept.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

pub fn holds(bytes: &[u8], searched: &[u8]) -> bool {
    bytes.windows(searched.len()).any(|window| window == searched)
}

/// Every byte of every file below a folder.
pub fn stored(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { stored(&path) } else { std::fs::read(&path).unwrap() });
    }
    all
}
