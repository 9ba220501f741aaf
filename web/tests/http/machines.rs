//! The interface as programs meet it: its document against made-up requests, limits, metrics, events as
//! they happen, and slow clients.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use galen_api::codes;
use galen_market::action::{Action, Mint};
use galen_market::testing::{Simulation, Wallet, euros};
use galen_web::{RateLimits, ServerConfig};
use serde_json::Value;

use crate::place::{
    Place, WAIT, error_code, get, place, place_of, raw, replay, simulation, upload,
};
use crate::standards::{charted, script};

fn numbered(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn made_up_requests_find_no_fault() {
    let mut simulation = simulation();
    let listed = charted(&mut simulation, "Wards");
    let place = place(&simulation);
    replay(&place, &simulation);
    upload(&place, &listed);
    let base = format!("http://{}", place.address);
    // HTTP_CASES: how many requests for each operation, about.
    let each = numbered("HTTP_CASES", 10).to_string();
    let known = format!("{}/{}", listed.id.institution, listed.id.package);
    let said = script("made_up_requests.py", &[&base, &each, &known]);
    println!("{said}");
    assert!(place.client.status().unwrap().stopped.is_none());
    place.audit();
}

#[test]
fn the_document_has_a_page_that_asks_nobody_else() {
    let simulation = simulation();
    let place = place(&simulation);
    let page = get(&place, "/docs/api", "");
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("/api/v1/listings/{institution}/{package}/lineage"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("<script") && !page.body.contains("https://"), "{}", page.body);
    let chinese = get(&place, "/docs/api?lang=zh", "").body;
    for part in ["<h1>接口</h1>", "一个行块的证明", "dataset (必填)"] {
        assert!(chinese.contains(part), "{part}: {chinese}");
    }
    let document = get(&place, "/api/v1/openapi.json", "").body;
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["servers"][0]["url"], format!("http://{}", place.address));
    // A method that a path does not take is refused with those that it takes.
    let delete =
        raw(&place, b"DELETE /api/v1/texts/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!((delete.status, error_code(&delete)), (405, codes::METHOD_NOT_ALLOWED.into()));
    assert!(delete.head.contains("allow: get, head, put"), "{}", delete.head);
}

fn limited(simulation: &Simulation, per_second: u32, burst: u32, behind_proxy: bool) -> Place {
    let [per_second, burst] = [per_second, burst].map(|n| NonZeroU32::new(n).unwrap());
    let limits = Some(RateLimits { per_second, burst, behind_proxy });
    place_of(simulation, |config| ServerConfig { limits, ..config })
}

#[test]
fn who_asks_too_often_is_told_when_to_come_back() {
    let place = limited(&simulation(), 1, 5, true);
    let ask = |from: &str| get(&place, "/api/v1/status", &format!("x-forwarded-for: {from}\r\n"));
    let first = ask("192.0.2.1");
    assert_eq!(first.status, 200);
    assert!(first.head.contains("ratelimit-policy: \"client\";q=5;w=5"), "{}", first.head);
    assert!(first.head.contains("ratelimit: \"client\";r=4;t=1"), "{}", first.head);
    let refused = (0..8).map(|_| ask("192.0.2.1")).find(|answer| answer.status != 200).unwrap();
    assert_eq!((refused.status, error_code(&refused)), (429, codes::RATE_LIMITED.into()));
    assert!(refused.head.contains("retry-after: 1"), "{}", refused.head);
    assert_eq!(ask("192.0.2.2").status, 200, "another client is not hindered");
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!(ask("192.0.2.1").status, 200, "a unit came back");
}

#[test]
fn without_a_proxy_nobody_says_who_he_is() {
    let place = limited(&simulation(), 1, 5, false);
    let answers = (0..9).map(|n| {
        get(&place, "/api/v1/status", &format!("x-forwarded-for: 192.0.2.{n}\r\n")).status
    });
    assert!(answers.filter(|status| *status == 429).count() >= 2, "all come from one address");
}

#[test]
fn the_operator_reads_numbers_at_another_address() {
    let mut simulation = simulation();
    let metrics = Some("127.0.0.1:0".parse().unwrap());
    let place = place_of(&simulation, |config| ServerConfig { metrics, ..config });
    let (gateway, to) = (simulation.gateway.clone(), Wallet::new("reader"));
    let mint = Mint { gateway: gateway.id(), to: to.id(), money: euros(10) };
    let good = simulation.sign(vec![Action::Mint(mint)], &[&gateway]);
    let submitted = place.client.submit(&good.encode()).unwrap();
    place.client.wait_final(&submitted.id, WAIT).unwrap();
    let theirs = Mint { gateway: to.id(), to: to.id(), money: euros(1) };
    let bad = simulation.sign(vec![Action::Mint(theirs)], &[&to]);
    assert!(place.client.submit(&bad.encode()).is_err());
    get(&place, "/api/v1/deals/zz", "");

    assert_eq!(get(&place, "/metrics", "").status, 404, "not where everybody reads");
    let address = place.server.as_ref().unwrap().metrics().unwrap();
    let read = || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let wanted = [
        "galen_height ".to_owned(),
        "galen_validator 1".to_owned(),
        "galen_transactions_total 1".to_owned(),
        "galen_transactions_refused_total{code=\"role_not_active\"} 1".to_owned(),
        "galen_check_seconds_count{what=\"submit\"} 2".to_owned(),
        "galen_block_time_seconds_count".to_owned(),
        "galen_http_requests_total{route=\"/api/v1/deals/{deal}\",method=\"GET\",status=\"400\"} 1"
            .to_owned(),
        "galen_http_latency_seconds_bucket".to_owned(),
        "galen_mempool_transactions 0".to_owned(),
        "galen_peers 0".to_owned(),
    ];
    // Blocks are counted a moment after they are decided.
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let text = read();
        let missing: Vec<_> = wanted.iter().filter(|line| !text.contains(*line)).collect();
        if missing.is_empty() {
            break;
        }
        assert!(Instant::now() < until, "{missing:?}: {text}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Opens a stream of events and reads what comes.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(place: &Place, query: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(place.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!("GET /api/v1/events/stream{query} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut events = Self(BufReader::new(stream));
        let first = events.line();
        assert!(first.starts_with("HTTP/1.1 200"), "{first}");
        while !events.line().starts_with("retry:") {}
        events
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended");
        line.trim_end().to_owned()
    }

    /// The next event: its place, and what it says.
    fn next(&mut self) -> (String, Value) {
        let (mut id, mut data) = (None, None);
        while id.is_none() || data.is_none() {
            let line = self.line();
            if let Some(text) = line.strip_prefix("id:") {
                id = Some(text.to_owned());
            } else if let Some(text) = line.strip_prefix("data:") {
                data = Some(serde_json::from_str(text).unwrap());
            }
        }
        (id.unwrap(), data.unwrap())
    }
}

#[test]
fn events_come_as_they_happen_and_go_on_where_they_were() {
    let mut simulation = simulation();
    let place = place(&simulation);
    let gateway = simulation.gateway.clone();
    let [ada, bob] = ["ada", "bob"].map(Wallet::new);
    let mut all = Events::open(&place, "", "");
    let mut adas = Events::open(&place, &format!("?account={}", ada.id()), "");
    let mut mint = |to: &Wallet, units| {
        let mint = Mint { gateway: gateway.id(), to: to.id(), money: euros(units) };
        let transaction = simulation.sign(vec![Action::Mint(mint)], &[&gateway]);
        simulation.submit(&transaction).unwrap();
        let submitted = place.client.submit(&transaction.encode()).unwrap();
        place.client.wait_final(&submitted.id, WAIT).unwrap();
    };
    mint(&bob, 1);
    mint(&ada, 2);
    mint(&ada, 3);
    let to = |event: &Value| event["event"].to_string();
    let (first, told) = all.next();
    assert!(to(&told).contains(&bob.id().to_string()), "{told}");
    let own: Vec<_> = (0..2).map(|_| adas.next()).collect();
    assert!(own.iter().all(|(_, told)| to(told).contains(&ada.id().to_string())), "{own:?}");
    assert_eq!(format!("{}-{}", told["height"], told["index"]), first);

    // Who lost the connection hears what came after the last event, once.
    let mut again = Events::open(&place, "", &format!("last-event-id: {first}\r\n"));
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let (id, told) = again.next();
        assert_ne!(id, first);
        if to(&told).contains(&ada.id().to_string()) {
            heard.push(id);
        }
    }
    assert_eq!(heard, own.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>());
    let mut from_start = Events::open(&place, &format!("?account={}&after=0", ada.id()), "");
    assert_eq!(from_start.next(), own[0]);

    for query in ["?after=x", "?after=99999999", "?account=zz", "?listing=zz", "?nothing=1"] {
        let answer = get(&place, &format!("/api/v1/events/stream{query}"), "");
        assert_eq!(
            (answer.status, error_code(&answer)),
            (400, codes::BAD_REQUEST.into()),
            "{query}"
        );
    }
}

#[test]
fn streams_of_one_address_are_bounded_and_places_come_back() {
    let simulation = simulation();
    let place = place(&simulation);
    let open: Vec<_> = (0..32).map(|_| Events::open(&place, "", "")).collect();
    let refused = get(&place, "/api/v1/events/stream", "");
    assert_eq!((refused.status, error_code(&refused)), (429, codes::TOO_MANY_STREAMS.into()));
    drop(open);
    // That a client is gone is noticed when something is told to it.
    let until = Instant::now() + Duration::from_secs(40);
    loop {
        let mut stream = TcpStream::connect(place.address).unwrap();
        stream.write_all(b"GET /api/v1/events/stream HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        if line.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(Instant::now() < until, "{line}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// 99th of a hundred times of a question, in microseconds.
fn slowest(place: &Place) -> u128 {
    let mut times: Vec<u128> = (0..300)
        .map(|_| {
            let started = Instant::now();
            assert_eq!(get(place, "/api/v1/status", "").status, 200);
            started.elapsed().as_micros()
        })
        .collect();
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

#[test]
fn adversary_48_slow_clients_do_not_slow_others() {
    let mut simulation = simulation();
    let listed = charted(&mut simulation, "Wards");
    let place = place(&simulation);
    replay(&place, &simulation);
    upload(&place, &listed);
    slowest(&place);
    let alone = slowest(&place);
    // Half a request, half a body, an answer that nobody reads, and events that nobody hears.
    let package = listed.id.package;
    let kinds = [
        "GET /api/v1/sta".to_owned(),
        "POST /api/v1/transactions HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\nhalf"
            .to_owned(),
        format!("GET /api/v1/packages/{package}/segments HTTP/1.1\r\nhost: x\r\n\r\n"),
        "GET /api/v1/events/stream HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
    ];
    let mut slow: Vec<TcpStream> = Vec::new();
    for kind in kinds.iter().cycle().take(200) {
        let mut stream = TcpStream::connect(place.address).unwrap();
        stream.write_all(kind.as_bytes()).unwrap();
        slow.push(stream);
    }
    // A measurement that a busy machine spoils is made again.
    let beside = (0..5).map(|_| {
        for stream in &mut slow {
            let _ = stream.write_all(b"x");
        }
        slowest(&place)
    });
    let best = beside.min().unwrap();
    println!("p99 alone {alone} us, beside 200 slow clients {best} us");
    assert!(best < 2 * alone.max(2_000), "p99 alone {alone} us, beside slow clients {best} us");
}
