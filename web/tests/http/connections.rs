//! Connections that say nothing, that say it slowly, and bodies that drip.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use galen_api::Part;
use galen_web::ServerConfig;
use galen_web::connections::Bounds;

use crate::place::{Place, get, listed, place, place_of, place_with, replay, simulation, upload};

/// A connection from one of this machine's own addresses, which are clients of their own.
fn connect(place: &Place, from: &str) -> TcpStream {
    let stream = place.runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        socket.connect(place.address).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stream
}

/// Whether the other side ended it, looked at for a moment.
fn is_closed(mut stream: &TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => {
                return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            }
        }
    }
}

fn bounded(connections: Bounds) -> Place {
    place_of(&simulation(), |config| ServerConfig { connections, ..config })
}

#[test]
fn adversary_49_silent_connections_stop_nobody_else() {
    let head = Duration::from_secs(8);
    let place = bounded(Bounds { most: 12, each: 8, local: 8, head });
    let begun = Instant::now();
    let silent: Vec<TcpStream> = (0..40).map(|_| connect(&place, "127.0.0.2")).collect();
    let status = || get(&place, "/api/v1/status", "").status;
    assert_eq!(status(), 200, "another client is answered");
    let open = silent.iter().filter(|stream| !is_closed(stream)).count();
    assert_eq!(open, 8, "a client has no more connections than its share");
    // Together they may fill the server, and not for longer than a head may take.
    let others: Vec<TcpStream> = (0..4).map(|_| connect(&place, "127.0.0.3")).collect();
    assert!(begun.elapsed() < head, "the test is too slow for what it tests");
    assert_eq!(status(), 0, "there are as many as there may be");
    std::thread::sleep(head + Duration::from_millis(500));
    assert!(silent.iter().chain(&others).all(is_closed), "who says nothing is sent away");
    assert_eq!(status(), 200);
}

#[test]
fn adversary_49_a_head_that_comes_slowly_is_not_waited_for() {
    let head = Duration::from_secs(1);
    let place = bounded(Bounds { head, ..Bounds::default() });
    // The server counts from when it has the connection, which may be before the test goes on.
    let begun = Instant::now();
    let mut slow = connect(&place, "127.0.0.1");
    slow.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ").unwrap();
    // `is_closed` looks for 200 ms.
    while !is_closed(&slow) {
        assert!(begun.elapsed() < Duration::from_secs(5), "it is still waited for");
        let _ = slow.write_all(b"x");
    }
    assert!(begun.elapsed() >= head);
    // So is a connection that was used once; one that is used in time stays.
    let mut used = connect(&place, "127.0.0.1");
    for _ in 0..3 {
        used.write_all(b"GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        assert!(!is_closed(&used));
    }
    std::thread::sleep(head + Duration::from_millis(500));
    assert!(is_closed(&used));
}

#[test]
fn adversary_49_a_body_that_drips() {
    let place = place_with(&simulation(), Duration::from_millis(900));
    let mut stream = connect(&place, "127.0.0.1");
    let begun = Instant::now();
    let head = "POST /api/v1/transactions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 50\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A byte each 200 ms, which is never silence.
    while answer.is_empty() && begun.elapsed() < Duration::from_secs(5) {
        let _ = stream.write_all(b"x");
        let mut bytes = [0; 4096];
        if let Ok(length) = stream.read(&mut bytes) {
            answer.extend_from_slice(&bytes[..length]);
        }
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[test]
fn adversary_49_who_sends_slowly_keeps_nobody_from_uploading() {
    let mut simulation = simulation();
    let (_, listed) = listed(&mut simulation, "Hearts");
    let place = place(&simulation);
    replay(&place, &simulation);
    // Somebody who knows the listing, and has none of its bytes, begins with every part.
    let begun: Vec<TcpStream> = Part::ALL
        .into_iter()
        .map(|part| {
            let length = match part {
                Part::Layout => listed.layout.len(),
                Part::Manifest => listed.manifest.len(),
                Part::Leaves => listed.leaves.len(),
                Part::Segments => listed.segments.len(),
            };
            let mut stream = connect(&place, "127.0.0.2");
            let head = format!(
                "PUT /api/v1/packages/{}/{}?institution={} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\nx",
                listed.id.package,
                part.name(),
                listed.id.institution,
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert!(begun[..3].iter().all(|stream| !is_closed(stream)), "they are waited for");
    upload(&place, &listed);
    let folder = place.packages.join(listed.id.package.to_string());
    assert_eq!(std::fs::read(folder.join("segments")).unwrap(), listed.segments);
}
