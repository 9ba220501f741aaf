#![allow(clippy::unwrap_used)]

use super::*;
use std::sync::Mutex;
use std::time::Instant;

/// Remembers what came; blames whoever sends `bad`, and offers what it is told to.
#[derive(Default)]
struct Recorder {
    received: Mutex<Vec<Vec<u8>>>,
    offers: Mutex<Vec<Message>>,
}

impl Inbox for Recorder {
    fn receive(&self, message: Message) -> Verdict {
        let Message::Transaction { bytes, .. } = message else { return Verdict::Drop };
        let verdict = if bytes == b"bad" { Verdict::Blame } else { Verdict::Pass };
        self.received.lock().unwrap().push(bytes);
        verdict
    }

    fn offers(&self) -> Vec<Message> {
        self.offers.lock().unwrap().clone()
    }
}

impl Recorder {
    fn has(&self, bytes: &[u8]) -> bool {
        self.received.lock().unwrap().iter().any(|received| received == bytes)
    }
}

fn address() -> Multiaddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("/ip4/127.0.0.1/tcp/{}", socket.local_addr().unwrap().port()).parse().unwrap()
}

fn join(listen: &Multiaddr, peers: &[&Multiaddr], chain: u8) -> (Gossip, Arc<Recorder>) {
    let config = GossipConfig {
        listen: listen.clone(),
        peers: peers.iter().map(|peer| (*peer).clone()).collect(),
        identity: Keypair::generate_ed25519(),
        chain_id: [chain; 32],
    };
    let recorder = Arc::new(Recorder::default());
    (Gossip::join(config, recorder.clone()).unwrap(), recorder)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Differs from call to call.
fn clock() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64
}

fn transaction(bytes: &[u8], offer: u64) -> Message {
    Message::Transaction { bytes: bytes.to_vec(), offer }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_not_passed_on_and_the_rest_is() {
    // A line: a - b - c.
    let [at_a, at_b, at_c] = [address(), address(), address()];
    let (a, _in_a) = join(&at_a, &[], 1);
    let (b, in_b) = join(&at_b, &[&at_a], 1);
    let (c, in_c) = join(&at_c, &[&at_b], 1);
    until("they connect", || a.peers() == 1 && b.peers() == 2 && c.peers() == 1).await;
    let mut offer = 0;
    until("a good transaction reaches the end of the line", || {
        offer += 1;
        a.publish(transaction(b"good", offer));
        in_c.has(b"good")
    })
    .await;
    a.publish(transaction(b"bad", 0));
    until("the neighbour looks at the bad one", || in_b.has(b"bad")).await;
    a.publish(transaction(b"late", 0));
    until("a later good one still comes through", || in_c.has(b"late")).await;
    assert!(!in_c.has(b"bad"), "what the neighbour refused went on");
    for gossip in [a, b, c] {
        gossip.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_keeps_breaking_rules_is_no_longer_heard() {
    let [at_a, at_b] = [address(), address()];
    let (a, in_a) = join(&at_a, &[], 1);
    let (b, _in_b) = join(&at_b, &[&at_a], 1);
    until("they connect", || a.peers() == 1 && b.peers() == 1).await;
    until("a bad one arrives", || {
        b.publish(transaction(b"bad", clock()));
        in_a.has(b"bad")
    })
    .await;
    for _ in 0..40 {
        b.publish(transaction(b"bad", clock()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let heard = in_a.received.lock().unwrap().len();
    assert!(heard < 40, "all of {heard} bad messages were looked at");
    b.publish(transaction(b"honest at last", 0));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!in_a.has(b"honest at last"));
    // Its twin without a past is heard.
    let (c, _in_c) = join(&address(), &[&at_a], 1);
    let mut offer = 0;
    until("another peer is heard", || {
        offer += 1;
        c.publish(transaction(b"honest", offer));
        in_a.has(b"honest")
    })
    .await;
    for gossip in [a, b, c] {
        gossip.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_reach_a_peer_that_came_later_but_none_of_another_ledger() {
    let [at_a, at_b, at_c] = [address(), address(), address()];
    let (a, in_a) = join(&at_a, &[], 1);
    // Every tick brings another offer, as a node does it.
    in_a.offers.lock().unwrap().extend((0..5).map(|offer| transaction(b"pending", offer)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (b, in_b) = join(&at_b, &[&at_a], 1);
    let (c, in_c) = join(&at_c, &[&at_a], 2);
    until("the offer arrives", || in_b.has(b"pending")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!in_c.has(b"pending"));
    for gossip in [a, b, c] {
        gossip.leave().await;
    }
}
