//! Stands between the console and its node, passes everything on, and keeps what the console sent.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

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

    /// The requests that would change something.
    pub fn posted(&self) -> Vec<String> {
        let sent = self.sent();
        let text = String::from_utf8_lossy(&sent);
        let begin = |line: &&str| ["POST ", "PUT "].iter().any(|method| line.starts_with(method));
        let tries = |line: &&str| line.contains("/dry-run ");
        text.lines().filter(begin).filter(|line| !tries(line)).map(str::to_owned).collect()
    }
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
