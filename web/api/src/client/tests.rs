//! The client against addresses, silence and strange answers.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};

use galen_market::id::{PackageId, TransactionId};

use super::*;

#[test]
fn addresses_are_checked() {
    for good in [
        "http://127.0.0.1:4850",
        "http://127.0.0.1:4850/",
        "https://galen.example",
        "http://[::1]:1",
    ] {
        assert!(Client::new(good).is_ok(), "{good}");
    }
    for bad in ["", "127.0.0.1:4850", "ftp://host", "http://", "http://host?x=1", "node"] {
        assert!(matches!(Client::new(bad), Err(ClientError::Address(_))), "{bad}");
    }
    assert_eq!(Client::new("http://h/").unwrap().node(), "http://h");
}

#[test]
fn queries_are_escaped() {
    assert_eq!(escape("a b&c=d/é"), "a%20b%26c%3Dd%2F%C3%A9");
}

#[test]
fn nobody_there_is_unreachable() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let client = Client::new(&format!("http://127.0.0.1:{port}")).unwrap();
    assert!(matches!(client.status(), Err(ClientError::Unreachable { .. })));
}

fn answer(text: &str) -> Client {
    answers(vec![text.to_owned()])
}

/// A server that gives one answer to each connection, and then is gone.
fn answers(texts: Vec<String>) -> Client {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for text in texts {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(text.as_bytes());
        }
    });
    Client::new(&format!("http://127.0.0.1:{port}")).unwrap()
}

fn closing(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[test]
fn a_transaction_that_was_handed_in_outlives_busy_nodes_and_proxies() {
    let id = TransactionId([7; 32]);
    let last = TransactionState::Final { height: 9, index: 0, receipt: None };
    let busy = r#"{"code":"rate_limited","message":"too many questions"}"#;
    let client = answers(vec![
        closing("429 Too Many Requests", busy),
        closing("502 Bad Gateway", "<html>bad gateway</html>"),
        closing("503 Service Unavailable", r#"{"code":"unavailable","message":"later"}"#),
        closing("200 OK", &serde_json::to_string(&last).unwrap()),
    ]);
    assert_eq!(client.wait_final(&id, Duration::from_secs(60)).unwrap(), (9, None));
    // Nobody says what became of it: it may still become final.
    let client = answers(vec![closing("502 Bad Gateway", "<html>bad gateway</html>")]);
    let error = client.wait_final(&id, Duration::from_millis(700)).unwrap_err();
    assert!(matches!(error, ClientError::Pending(pending) if pending == id), "{error}");
    // A refusal is one.
    let client = answers(vec![closing("404 Not Found", r#"{"code":"not_found","message":"no"}"#)]);
    assert!(client.wait_final(&id, Duration::from_secs(60)).unwrap_err().is_not_found());
}

#[test]
fn answers_of_others_are_errors_and_refusals_keep_their_code() {
    let html = answer("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n<a/>");
    assert!(matches!(html.status(), Err(ClientError::Answer { .. })));
    let teapot = answer("HTTP/1.1 418 No\r\ncontent-length: 2\r\n\r\nno");
    assert!(matches!(teapot.status(), Err(ClientError::Answer { .. })));
    let refused = answer(
        "HTTP/1.1 404 Not Found\r\ncontent-length: 52\r\n\r\n{\"code\":\"not_found\",\"message\":\"there is nothing\" }   ",
    );
    let error = refused.status().unwrap_err();
    assert_eq!(error.code(), Some("not_found"));
    assert!(error.is_not_found());
    let moved =
        answer("HTTP/1.1 302 Found\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n");
    assert!(matches!(moved.status(), Err(ClientError::Answer { .. })));
    let short = answer("HTTP/1.1 206 Partial\r\ncontent-length: 3\r\n\r\nabc");
    assert!(matches!(short.segments(&PackageId([0; 32]), 0..4), Err(ClientError::Answer { .. })));
    let exact = answer("HTTP/1.1 206 Partial\r\ncontent-length: 4\r\n\r\nabcd");
    assert_eq!(exact.segments(&PackageId([0; 32]), 0..4).unwrap(), b"abcd");
}
