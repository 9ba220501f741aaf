//! Requests at a fixed rate, whatever the answers take: each has a moment at which it is due, and its
//! latency counts from that moment, so that a server that stands still is not asked less. (`wrk` waits
//! for an answer before it asks again, and sees less of that.) And as many requests as are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Connections of the fixed rate: as many requests may be under way at a time.
const CONNECTIONS: usize = 64;
/// Connections that ask as fast as they are answered.
const GREEDY: usize = 8;

/// A connection that is kept.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::with_capacity(1 << 18) }
    }

    /// Asks, reads the whole answer, and says how many bytes its body has.
    async fn get(&mut self, path: &str) -> usize {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await.unwrap();
        self.buffer.clear();
        let (head, length) = loop {
            self.read(path).await;
            let Some(head) = self.buffer.windows(4).position(|end| end == b"\r\n\r\n") else {
                continue;
            };
            let text = std::str::from_utf8(&self.buffer[..head]).unwrap().to_ascii_lowercase();
            assert!(text.starts_with("http/1.1 200"), "{path}: {text}");
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            break (head + 4, length.unwrap().trim().parse::<usize>().unwrap());
        };
        while self.buffer.len() < head + length {
            self.read(path).await;
        }
        length
    }

    async fn read(&mut self, path: &str) {
        let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
        assert!(read > 0, "{path}: the connection ended");
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Latencies of `count` requests at `rate` a second, in ascending order.
pub fn at_rate(address: &str, paths: &Arc<Vec<String>>, rate: f64, count: usize) -> Vec<Duration> {
    run(async {
        let next = Arc::new(AtomicUsize::new(0));
        let mut open = Vec::new();
        for _ in 0..CONNECTIONS {
            open.push(Connection::open(address).await);
        }
        let begun = Instant::now();
        let tasks: Vec<_> = open
            .into_iter()
            .map(|mut connection| {
                let (next, paths) = (next.clone(), paths.clone());
                tokio::spawn(async move {
                    let mut taken = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return taken;
                        }
                        let due = begun + Duration::from_secs_f64(number as f64 / rate);
                        tokio::time::sleep_until(due.into()).await;
                        connection.get(&paths[number % paths.len()]).await;
                        taken.push(due.elapsed());
                    }
                })
            })
            .collect();
        let mut all = Vec::with_capacity(count);
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all.sort_unstable();
        all
    })
}

/// How many requests are answered in a second if some clients ask again at once.
pub fn greedy(address: &str, paths: &Arc<Vec<String>>, time: Duration) -> f64 {
    run(async {
        let next = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let tasks: Vec<_> = (0..GREEDY)
            .map(|_| {
                let (next, paths, address) = (next.clone(), paths.clone(), address.to_owned());
                tokio::spawn(async move {
                    let mut connection = Connection::open(&address).await;
                    let mut answered = 0usize;
                    while begun.elapsed() < time {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        connection.get(&paths[number % paths.len()]).await;
                        answered += 1;
                    }
                    answered
                })
            })
            .collect();
        let mut answered = 0;
        for task in tasks {
            answered += task.await.unwrap();
        }
        answered as f64 / begun.elapsed().as_secs_f64()
    })
}

/// Bytes of one page.
pub fn bytes(address: &str, path: &str) -> usize {
    run(async { Connection::open(address).await.get(path).await })
}
