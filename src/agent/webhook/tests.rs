#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

use galen_market::amount::Amount;

use super::*;

const KEY: &[u8] = b"a key of more than sixteen bytes";

/// What a receiver got: the request line, the headers and the body.
#[derive(Debug)]
struct Got {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(found, _)| found == name).unwrap().1
    }
}

fn receive(stream: &mut TcpStream) -> Got {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = &headers.iter().find(|(name, _)| name == "content-length").unwrap().1;
    let mut body = vec![0; length.parse::<usize>().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Got { line, headers, body }
}

/// A receiver that answers with these statuses in turn, the last one for ever.
fn receiver(statuses: &'static [u16]) -> (String, std::sync::mpsc::Receiver<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (send, got): (Sender<Got>, _) = channel();
    std::thread::spawn(move || {
        let mut statuses = statuses.iter().copied();
        let mut status = 0;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = receive(&mut stream);
            status = statuses.next().unwrap_or(status);
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
            if send.send(request).is_err() {
                return;
            }
        }
    });
    (url, got)
}

fn caller(url: &str, attempts: u32) -> Caller {
    let hook = Hook { url: url.to_owned(), key_file: None, attempts };
    Caller::start(&hook, HookKey::new(Zeroizing::new(KEY.to_vec())).unwrap())
}

fn a_call(deal: u8) -> Call {
    let deal = DealId([deal; 32]);
    Call {
        event: event(&deal, Need::Review),
        need: Need::Review,
        words: Need::Review.words().to_owned(),
        chain: ChainId([1; 32]),
        institution: AccountId([2; 32]),
        deal,
        package: PackageId([3; 32]),
        price: Money { currency: "EUR".parse().unwrap(), amount: Amount::new(5) },
        remaining_ms: Some(60_000),
        remedy: "galen deal review".to_owned(),
    }
}

fn told(caller: &Caller) -> Vec<Told> {
    let begun = Instant::now();
    loop {
        let told = caller.told();
        if !told.is_empty() || begun.elapsed() > Duration::from_secs(60) {
            return told;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_call_is_signed_and_says_what_a_person_needs() {
    let (url, got) = receiver(&[204]);
    let caller = caller(&url, 1);
    assert!(caller.call(a_call(7)));
    let request = got.recv().unwrap();
    assert_eq!(told(&caller), [Told::Yes(a_call(7).event)]);
    assert!(request.line.starts_with("POST /hook HTTP/1.1"), "{}", request.line);
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("galen-event"), a_call(7).event);
    assert_eq!(serde_json::from_slice::<Call>(&request.body).unwrap(), a_call(7));
    // What the receiver computes with the key that it shares.
    let signature = request.header("galen-signature");
    let (time, mac) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let mut expected = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    expected.update(&[time.as_bytes(), b".", &request.body].concat());
    expected.verify_slice(&hex::decode(mac).unwrap()).unwrap();
    let mut changed = Hmac::<Sha256>::new_from_slice(KEY).unwrap();
    changed.update(&[time.as_bytes(), b".", &request.body, b" "].concat());
    assert!(changed.verify_slice(&hex::decode(mac).unwrap()).is_err());
    // Neither the key nor its digits leave the machine.
    let all = format!("{request:?}{}", String::from_utf8_lossy(&request.body));
    assert!(!all.contains("sixteen") && !all.contains(&hex::encode(KEY)));
}

#[test]
fn a_receiver_that_fails_is_tried_again_and_one_that_is_away_given_up() {
    let (url, got) = receiver(&[500, 503, 200]);
    let patient = caller(&url, 3);
    assert!(patient.call(a_call(1)));
    let tries: Vec<Got> = (0..3).map(|_| got.recv().unwrap()).collect();
    assert!(tries.iter().all(|one| one.body == tries[0].body));
    assert_eq!(told(&patient), [Told::Yes(a_call(1).event)]);
    // The other end of each channel is held: without it the receiver goes away after one request.
    let (url, _got) = receiver(&[500, 500]);
    let hasty = caller(&url, 2);
    assert!(hasty.call(a_call(2)));
    match told(&hasty).as_slice() {
        [Told::No { why, .. }] => {
            assert!(why.contains("500") && why.contains("tried 2 times"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    // A redirection is not followed: it would take the signed call elsewhere.
    let (url, _got) = receiver(&[302]);
    let moved = caller(&url, 1);
    assert!(moved.call(a_call(3)));
    assert!(matches!(told(&moved).as_slice(), [Told::No { why, .. }] if why.contains("302")));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let away = caller(&format!("http://{address}/"), 1);
    assert!(away.call(a_call(4)));
    assert!(matches!(told(&away).as_slice(), [Told::No { why, .. }] if why.contains("reached")));
}

#[test]
fn a_receiver_that_stalls_holds_up_nobody() {
    // It takes connections and answers none of them.
    let stalled = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", stalled.local_addr().unwrap());
    let caller = caller(&url, 10);
    let taken = (0..=u8::MAX).chain(0..=u8::MAX).filter(|deal| caller.call(a_call(*deal))).count();
    assert!((QUEUE..=QUEUE + 1).contains(&taken), "the queue is bounded: {taken}");
    assert!(caller.told().is_empty());
    // Whoever stops the agent waits for one try each at most; here the listener goes away first.
    drop(stalled);
    let told = caller.finish();
    assert_eq!(told.len(), taken);
    assert!(told.iter().all(|one| matches!(one, Told::No { .. })));
}

#[test]
fn a_key_is_neither_short_nor_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhook.key");
    for (bytes, good) in
        [(vec![b'a'; 15], false), (vec![b'a'; 16], true), (vec![b'a'; 4097], false)]
    {
        std::fs::write(&path, [bytes, b"\n".to_vec()].concat()).unwrap();
        assert_eq!(HookKey::read(&path).is_ok(), good);
    }
    let wallets = [
        Wallet::new(crate::wallet::Seed::generate()),
        Wallet::new(crate::wallet::Seed::generate()),
    ];
    let signed = wallets.each_ref().map(|wallet| HookKey::from(wallet).sign(1, b"body"));
    assert_ne!(signed[0], signed[1]);
    assert_eq!(signed[0], HookKey::from(&wallets[0]).sign(1, b"body"));
}
