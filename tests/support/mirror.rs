//! A server of files in one of the manners in which mirrors fail, and what was asked of it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a mirror answers requests for segments; everything else it serves as it should.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Manner {
    /// As it should.
    Honest,
    /// As it should, so many bytes a second on each connection.
    Slow(u64),
    /// Ranges with one byte changed in each.
    Lies,
    /// Sends some bytes of the range, then nothing, and holds the connection.
    Stalls,
    /// Sends so many bytes altogether, then closes every connection at once and answers none.
    Dies(u64),
    /// Ends every answer before the end of the range.
    Truncates,
    /// Answers with the whole file.
    Whole,
    /// Answers 200 with a page.
    Page,
    /// Answers with another range than was asked for.
    OtherRange,
    /// Says that it compressed the bytes.
    Encoded,
    /// Announces no length and never ends.
    Endless,
    /// Answers 503 for ever.
    Busy,
    /// Answers 404.
    Absent,
    /// Sends elsewhere.
    Redirects(String),
}

/// A mirror on a port of this machine, until it is dropped.
pub struct Mirror {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    root: PathBuf,
    manner: Mutex<Manner>,
    asked: Mutex<Vec<Range<u64>>>,
    sent: AtomicU64,
    stop: AtomicBool,
}

impl Mirror {
    pub fn new(root: &Path, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            root: root.to_owned(),
            manner: Mutex::new(manner),
            asked: Mutex::default(),
            sent: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        let serving = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stop.load(Ordering::SeqCst) {
                    return;
                }
                let state = serving.clone();
                // The client may go away at any time.
                std::thread::spawn(move || stream.map(|stream| serve(&state, stream)));
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}/packages", self.address)
    }

    /// The ranges of segments that were asked for.
    pub fn asked(&self) -> Vec<Range<u64>> {
        self.state.asked.lock().unwrap().clone()
    }

    /// From now on, answers that are under way included.
    pub fn becomes(&self, manner: Manner) {
        *self.state.manner.lock().unwrap() = manner;
    }

    /// Bytes of segments that were sent.
    pub fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(state: &State, stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut out = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        if !answer(state, &mut out, &path, headers.get("range").map(String::as_str))? {
            return Ok(());
        }
    }
}

/// False ends the connection.
fn answer(
    state: &State,
    out: &mut TcpStream,
    path: &str,
    range: Option<&str>,
) -> std::io::Result<bool> {
    let manner = state.manner.lock().unwrap().clone();
    let file = state.root.join(path.trim_start_matches("/packages/"));
    if matches!(&manner, Manner::Dies(after) if state.sent.load(Ordering::SeqCst) >= *after) {
        return Ok(false);
    }
    let Ok(bytes) = std::fs::read(&file) else {
        out.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")?;
        return Ok(true);
    };
    let total = bytes.len();
    let Some(range) = range else {
        write!(out, "HTTP/1.1 200 OK\r\ncontent-length: {total}\r\n\r\n")?;
        out.write_all(&bytes)?;
        return Ok(true);
    };
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    state.asked.lock().unwrap().push(first as u64..last as u64 + 1);
    let mut part = bytes[first..=last].to_vec();
    let mut head = format!("content-range: bytes {first}-{last}/{total}\r\n");
    let mut status = "206 Partial Content";
    let mut length = Some(part.len());
    match &manner {
        Manner::Honest | Manner::Slow(_) | Manner::Dies(_) => {}
        Manner::Lies => part[100] ^= 1,
        Manner::Stalls => part.truncate(1_000),
        Manner::Truncates => {
            part.truncate(part.len() / 2);
            length = None;
        }
        Manner::Whole => {
            (status, head) = ("200 OK", String::new());
            part = bytes;
            length = Some(total);
        }
        Manner::Page => {
            (status, head) = ("200 OK", "content-type: text/html; charset=utf-8\r\n".to_owned());
            part = b"<html>Please sign in</html>".to_vec();
            length = Some(part.len());
        }
        Manner::OtherRange => head = format!("content-range: bytes 0-{last}/{total}\r\n"),
        Manner::Encoded => head.push_str("content-encoding: gzip\r\n"),
        Manner::Endless => length = None,
        Manner::Busy => {
            (status, head, part) = ("503 Service Unavailable", String::new(), Vec::new());
            length = Some(0);
        }
        Manner::Absent => {
            (status, head, part) = ("404 Not Found", String::new(), Vec::new());
            length = Some(0);
        }
        Manner::Redirects(to) => {
            (status, head, part) = ("302 Found", format!("location: {to}\r\n"), Vec::new());
            length = Some(0);
        }
    }
    let length = match length {
        Some(length) => format!("content-length: {length}\r\n"),
        None => "connection: close\r\n".to_owned(),
    };
    write!(out, "HTTP/1.1 {status}\r\n{head}{length}\r\n")?;
    // A slow one sends a little twice a second, so that it does not seem to stand still.
    let most = 16 << 10;
    let piece = match manner {
        Manner::Slow(rate) => usize::try_from(rate / 2).unwrap_or(most).clamp(1, most),
        _ => most,
    };
    for piece in part.chunks(piece) {
        if let Manner::Dies(after) = &manner
            && state.sent.load(Ordering::SeqCst) >= *after
        {
            return Ok(false);
        }
        out.write_all(piece)?;
        state.sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
        // Asked for each piece: a mirror may have become another.
        let rate = match *state.manner.lock().unwrap() {
            Manner::Slow(rate) => rate,
            _ => continue,
        };
        std::thread::sleep(Duration::from_micros(piece.len() as u64 * 1_000_000 / rate));
    }
    match manner {
        Manner::Stalls => {
            // Until the client closes.
            let _ = out.read(&mut [0]);
            Ok(false)
        }
        Manner::Endless => loop {
            out.write_all(&[0; 1 << 14])?;
            state.sent.fetch_add(1 << 14, Ordering::SeqCst);
        },
        Manner::Truncates => Ok(false),
        _ => Ok(true),
    }
}
