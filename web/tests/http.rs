//! The interface over real connections: a node with one validator, the server, and the typed client;
//! and what strangers send. Each refusal names its code and stands beside the case that succeeds.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use galen_api::{Client, ClientError, ListingFilter, Part, TransactionState, codes};
use galen_chain::{Node, NodeConfig, NodeHandle, NodeKey, NodeSettings};
use galen_market::action::{Action, Mint};
use galen_market::deal::Stage;
use galen_market::id::{AccountId, DealId, PackageId, TransactionId};
use galen_market::ledger::CheckedTransaction;
use galen_market::listing::ListingId;
use galen_market::role::Role;
use galen_market::segment::{manifest_hash, sha256};
use galen_market::testing::{Buyer, FilePackage, Researcher, Simulation, Wallet, deal_of, euros};
use galen_web::{Server, ServerConfig, start};
use galen_zk::keys::Verifier;
use tokio::runtime::Runtime;

const WAIT: Duration = Duration::from_secs(20);

/// A node and its server; dropped with everything it wrote.
struct Place {
    runtime: Runtime,
    node: NodeHandle,
    server: Option<Server>,
    client: Client,
    address: SocketAddr,
    packages: PathBuf,
    folder: tempfile::TempDir,
}

impl Drop for Place {
    fn drop(&mut self) {
        let server = self.server.take();
        self.runtime.block_on(async {
            if let Some(server) = server {
                let _ = tokio::time::timeout(Duration::from_secs(2), server.stop()).await;
            }
            let _ = tokio::time::timeout(Duration::from_secs(5), self.node.shutdown()).await;
        });
    }
}

/// The ledger in memory whose transactions the node is given too.
fn simulation() -> Simulation {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Simulation::with(|genesis| genesis.time_ms = u64::try_from(now.as_millis()).unwrap() - 5_000)
}

fn place(simulation: &Simulation) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let packages = folder.path().join("packages");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (node, server) = runtime.block_on(async {
        let key = NodeKey::from_secret(sha256(b"consensus"));
        let settings = NodeSettings::alone(folder.path().join("node"), key);
        let genesis = simulation.genesis.clone();
        let verifier = Verifier::development().unwrap();
        let node = Node::start(NodeConfig { settings, genesis, verifier }).await.unwrap();
        let config =
            ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), packages: packages.clone() };
        let server = start(config, node.clone()).await.unwrap();
        (node, server)
    });
    let address = server.address();
    let client = Client::new(&format!("http://{address}")).unwrap();
    Place { runtime, node, server: Some(server), client, address, packages, folder }
}

/// Gives the node every transaction of the simulation after the first so many blocks.
fn replay(place: &Place, simulation: &Simulation, skip: usize) {
    for (_, transactions) in simulation.blocks.iter().skip(skip) {
        for transaction in transactions {
            finish(place, transaction);
        }
    }
}

fn finish(place: &Place, transaction: &CheckedTransaction) {
    let submitted = place.client.submit(transaction.bytes()).unwrap();
    assert_eq!(submitted.id, transaction.id());
    place.client.wait_final(&submitted.id, WAIT).unwrap();
}

fn code<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> (u16, String) {
    match answer {
        Err(ClientError::Refused { status, body }) => (status, body.code),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

struct Raw {
    status: u16,
    head: String,
    body: String,
}

/// Sends bytes as they are and reads the answer to the end of the connection.
fn raw(place: &Place, request: &[u8]) -> Raw {
    let mut stream = TcpStream::connect(place.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // A server that refuses early may close before everything is sent.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Raw { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn get(place: &Place, path: &str, headers: &str) -> Raw {
    raw(
        place,
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n")
            .as_bytes(),
    )
}

fn error_code(answer: &Raw) -> String {
    let body: serde_json::Value =
        serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body));
    body["code"].as_str().unwrap().to_owned()
}

const TITLE: &str = "Hearts & <script>alert(1)</script>";

/// A listed package of one file with a manifest, and what its folder holds.
struct Listed {
    id: ListingId,
    manifest: Vec<u8>,
    leaves: Vec<u8>,
    segments: Vec<u8>,
    layout: Vec<u8>,
    package: FilePackage,
}

fn listed(simulation: &mut Simulation, title: &str) -> (Wallet, Listed) {
    let institution = simulation.institution("hospital", 100_000);
    let mut package = FilePackage::new(&institution, "hearts", 500);
    let manifest = serde_jcs::to_vec(&serde_json::json!({
        "title": title,
        "description": "Records \"of\" <b>hearts</b>",
        "diseases": ["MONDO:0005267"],
        "deidentification": { "persons": "one row a person" },
    }))
    .unwrap();
    package.draft.manifest.0 = manifest_hash(&manifest);
    simulation.list(&institution, &package).unwrap();
    let leaf = package.draft.layout.place(0).unwrap();
    let leaf = galen_market::segment::Leaf::new(&leaf, &package.ciphertext, [0; 32]);
    let listed = Listed {
        id: package.listing(),
        manifest,
        leaves: leaf.to_bytes().to_vec(),
        segments: package.ciphertext.clone(),
        layout: package.draft.layout.to_bytes(),
        package,
    };
    (institution, listed)
}

fn upload(place: &Place, listed: &Listed) {
    let parts = [
        (Part::Manifest, &listed.manifest),
        (Part::Leaves, &listed.leaves),
        (Part::Segments, &listed.segments),
    ];
    for (part, bytes) in parts {
        let stored = place
            .client
            .store(&listed.id, part, bytes.len() as u64, &mut bytes.as_slice())
            .unwrap();
        assert_eq!((stored.part, stored.bytes), (part, bytes.len() as u64));
    }
}

#[test]
fn what_the_ledger_knows_can_be_asked() {
    let mut simulation = simulation();
    let issuer = simulation.issuer("university");
    let mut people: Vec<Researcher> = ["ada", "bob", "cyd"].map(Researcher::new).into();
    for person in &mut people {
        simulation.enrol(&issuer, person);
    }
    let (institution, listed) = listed(&mut simulation, "Hearts");
    let place = place(&simulation);
    let client = &place.client;

    let status = client.status().unwrap();
    assert_eq!((status.forgeable_parameters, status.validator), (true, true));
    assert_eq!(status.chain_id, simulation.ledger.chain_id());
    assert_eq!(client.genesis().unwrap(), simulation.genesis);
    assert_eq!(client.parameters().unwrap(), simulation.genesis.parameters);

    replay(&place, &simulation, 0);
    let status = client.status().unwrap();
    assert!(status.height >= 1 && status.fresh && status.stopped.is_none());
    let block = client.block(status.height).unwrap();
    assert_eq!((block.height, block.state_root), (status.height, status.state_root));
    assert_eq!(code(client.block(1_000_000)), (404, codes::NOT_FOUND.into()));

    let account = client.account(&institution.id()).unwrap();
    assert_eq!(account.nonce, 1);
    assert_eq!(account.balances[0].amount.units(), simulation.balance(&institution));
    assert_eq!(account.parties.len(), 1);
    assert_eq!(client.account(&AccountId([7; 32])).unwrap().nonce, 0);
    assert_eq!(client.parties(Role::Gateway).unwrap().len(), 1);

    let issuers = client.issuers().unwrap();
    assert_eq!((issuers.len(), issuers[0].account, issuers[0].tree.live), (1, issuer.id(), 3));
    let (root, leaves) = client.leaves(&issuer.id()).unwrap();
    assert_eq!(root, issuers[0].tree.root);
    assert_eq!(leaves, people.iter().map(Researcher::leaf).collect::<Vec<_>>());
    assert_eq!(code(client.leaves(&institution.id())), (404, codes::NOT_FOUND.into()));

    upload(&place, &listed);
    let all = client.listings(&ListingFilter::default()).unwrap();
    assert_eq!(all.items.len(), 1);
    assert_eq!(all.items[0].declared.as_ref().unwrap().title, "Hearts");
    assert_eq!(all.items[0].institution_name, "hospital");
    let found = |filter: ListingFilter| client.listings(&filter).unwrap().items.len();
    let disease = |id: &str| ListingFilter { disease: Some(id.into()), ..ListingFilter::default() };
    assert_eq!((found(disease("MONDO:0005267")), found(disease("MONDO:0000001"))), (1, 0));
    let text = |text: &str| ListingFilter { text: Some(text.into()), ..ListingFilter::default() };
    assert_eq!((found(text("heart")), found(text("lungs"))), (1, 0));
    let price = |most| ListingFilter { price_max: Some(most), ..ListingFilter::default() };
    assert_eq!((found(price(500)), found(price(499))), (1, 0));
    let of = |id| ListingFilter { institution: Some(id), ..ListingFilter::default() };
    assert_eq!((found(of(institution.id())), found(of(issuer.id()))), (1, 0));

    let view = client.listing(&listed.id).unwrap();
    assert_eq!(view.layout, listed.package.draft.layout);
    assert_eq!(view.served, Part::ALL);
    assert_eq!(view.summary.terms, listed.package.draft.offer.terms.hash());
    let unknown = ListingId { package: PackageId([0; 32]), ..listed.id };
    assert_eq!(code(client.listing(&unknown)), (404, "unknown_listing".into()));
    assert!(client.deals_of_listing(&listed.id).unwrap().is_empty());
    assert!(client.deals_of_institution(&institution.id(), Stage::Ready).unwrap().is_empty());
    assert_eq!(code(client.licence(&DealId([1; 32]))), (404, codes::NOT_FOUND.into()));

    assert_eq!(client.part(&listed.id.package, Part::Layout, 1 << 20).unwrap(), listed.layout);
    assert_eq!(client.part(&listed.id.package, Part::Manifest, 1 << 20).unwrap(), listed.manifest);
    assert_eq!(client.segments(&listed.id.package, 3..9).unwrap(), listed.segments[3..9]);
    let mut rest = Vec::new();
    client.download(&listed.id.package, 5, 1 << 20, &mut rest).unwrap();
    assert_eq!(rest, listed.segments[5..]);
}

#[test]
fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let mut simulation = simulation();
    let place = place(&simulation);
    let (gateway, to) = (simulation.gateway.clone(), Wallet::new("reader"));
    let mint =
        |units| Action::Mint(Mint { gateway: gateway.id(), to: to.id(), money: euros(units) });
    let good = simulation.sign(vec![mint(10)], &[&gateway]);
    let receipt = place.client.dry_run(&good.encode()).unwrap();
    assert_eq!(receipt.transaction, good.id());
    assert!(!receipt.events.is_empty());
    assert_eq!(place.client.transaction(&good.id()).unwrap(), TransactionState::Unknown);
    assert_eq!(
        code(place.client.dry_run(&simulation.sign(vec![mint(0)], &[&gateway]).encode())).1,
        "zero_amount"
    );
    let stranger = Wallet::new("stranger");
    let theirs = Action::Mint(Mint { gateway: stranger.id(), to: to.id(), money: euros(1) });
    let refused = simulation.sign(vec![theirs], &[&stranger]).encode();
    assert_eq!(code(place.client.submit(&refused)), (403, "role_not_active".into()));
    let submitted = place.client.submit(&good.encode()).unwrap();
    place.client.wait_final(&submitted.id, WAIT).unwrap();
    assert_eq!(place.client.account(&to.id()).unwrap().balances[0].amount.units(), 10);
}

#[test]
fn only_the_bytes_of_a_listed_package_are_stored() {
    let mut simulation = simulation();
    let (_, listed) = listed(&mut simulation, "Hearts");
    let place = place(&simulation);
    let store = |id: &ListingId, part, bytes: &[u8]| {
        place.client.store(id, part, bytes.len() as u64, &mut &*bytes)
    };
    assert_eq!(
        code(store(&listed.id, Part::Manifest, &listed.manifest)),
        (404, "unknown_listing".into())
    );
    replay(&place, &simulation, 0);

    let not = (422, codes::NOT_THE_PACKAGE.to_owned());
    assert_eq!(
        code(store(&listed.id, Part::Segments, &listed.segments)),
        (409, codes::PART_MISSING.into())
    );
    let changed = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    };
    assert_eq!(code(store(&listed.id, Part::Manifest, &changed(&listed.manifest))), not);
    assert_eq!(code(store(&listed.id, Part::Layout, &changed(&listed.layout))), not);
    assert_eq!(code(store(&listed.id, Part::Leaves, &changed(&listed.leaves))), not);
    store(&listed.id, Part::Manifest, &listed.manifest).unwrap();
    store(&listed.id, Part::Leaves, &listed.leaves).unwrap();
    assert_eq!(code(store(&listed.id, Part::Segments, &changed(&listed.segments))), not);
    assert_eq!(code(store(&listed.id, Part::Segments, &listed.segments[1..])), not);
    let longer = [&listed.segments[..], b"x"].concat();
    assert_eq!(
        code(store(&listed.id, Part::Segments, &longer)),
        (413, codes::BODY_TOO_LARGE.into())
    );
    let folder = place.packages.join(listed.id.package.to_string());
    assert!(
        !folder.join("segments").exists() && !folder.join("segments.new").exists(),
        "nothing half done"
    );
    store(&listed.id, Part::Segments, &listed.segments).unwrap();
    store(&listed.id, Part::Segments, &listed.segments).unwrap();
    assert_eq!(std::fs::read(folder.join("segments")).unwrap(), listed.segments);
}

#[test]
fn adversary_49_large_deep_and_chunked_bodies() {
    let mut simulation = simulation();
    let place = place(&simulation);
    let post = |headers: &str, body: &[u8]| {
        let head = format!(
            "POST /api/v1/transactions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n"
        );
        raw(&place, &[head.as_bytes(), body].concat())
    };
    let started = Instant::now();
    let huge = post("content-length: 1073741824\r\n", b"");
    assert_eq!((huge.status, error_code(&huge)), (413, codes::BODY_TOO_LARGE.into()));
    assert!(started.elapsed() < Duration::from_secs(2), "nothing is waited for");
    let chunked = post("transfer-encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n");
    assert_eq!((chunked.status, error_code(&chunked)), (411, codes::LENGTH_REQUIRED.into()));
    let endless = post("transfer-encoding: chunked\r\n", b"ffffffffffffffff\r\nx");
    assert!((400..500).contains(&endless.status), "{}", endless.status);
    let both =
        post("transfer-encoding: chunked\r\ncontent-length: 3\r\n", b"3\r\nabc\r\n0\r\n\r\n");
    assert!((400..500).contains(&both.status), "{}", both.status);
    let deep = "[".repeat(10_000);
    let deep = post(&format!("content-length: {}\r\n", deep.len()), deep.as_bytes());
    assert_eq!((deep.status, error_code(&deep)), (400, "malformed".into()));
    let path = get(&place, &format!("/{}", "a".repeat(5_000)), "");
    assert!((400..500).contains(&path.status), "{}", path.status);

    let gateway = simulation.gateway.clone();
    let mint = Mint { gateway: gateway.id(), to: gateway.id(), money: euros(10) };
    let good = simulation.sign(vec![Action::Mint(mint)], &[&gateway]).encode();
    let good = post(&format!("content-length: {}\r\n", good.len()), &good);
    assert_eq!(good.status, 202, "{}", good.body);
}

#[test]
fn adversary_50_ranges_dots_and_links() {
    let mut simulation = simulation();
    let (_, listed) = listed(&mut simulation, "Hearts");
    let place = place(&simulation);
    replay(&place, &simulation, 0);
    upload(&place, &listed);
    let package = listed.id.package;
    let path = format!("/api/v1/packages/{package}/segments");
    let length = listed.segments.len();
    let bad = [
        format!("bytes={length}-"),
        "bytes=18446744073709551615-".into(),
        "bytes=18446744073709551616-".into(),
        "bytes=5-4".into(),
        "bytes=-0".into(),
        "bytes=a-b".into(),
        "bytes=0-1,3-4".into(),
        "bytes=+1-2".into(),
        "lines=1-2".into(),
    ];
    for range in bad {
        let answer = get(&place, &path, &format!("range: {range}\r\n"));
        assert_eq!((answer.status, error_code(&answer)), (416, codes::RANGE.into()), "{range}");
    }
    let good = get(&place, &path, "range: bytes=2-18446744073709551615\r\n");
    assert_eq!(good.status, 206);
    assert!(good.head.contains(&format!("content-range: bytes 2-{}/{length}", length - 1)));
    assert!(get(&place, &path, "range: bytes=-3\r\n").head.contains("content-length: 3"));

    std::fs::write(place.folder.path().join("secret"), "secret of the machine").unwrap();
    let outside = [
        "/api/v1/packages/../secret",
        "/api/v1/packages/..%2f..%2fsecret/segments",
        "/api/v1/packages/%2e%2e/secret",
        &format!("/api/v1/packages/{package}/../../secret"),
        &format!("/api/v1/packages/{package}/..%2f..%2fsecret"),
        &format!("/api/v1/packages/{package}/segments.new"),
        &format!("/api/v1/packages/{}/segments", package.to_string().to_uppercase()),
        "/../secret",
        "//secret",
    ];
    for path in outside {
        let answer = get(&place, path, "");
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.body.contains("secret of"), "{path}");
    }
    // Links are not followed, neither of a part nor of a whole folder.
    let folder = place.packages.join(package.to_string());
    std::fs::remove_file(folder.join("segments")).unwrap();
    std::os::unix::fs::symlink(place.folder.path().join("secret"), folder.join("segments"))
        .unwrap();
    let linked = get(&place, &path, "");
    assert_eq!((linked.status, error_code(&linked)), (404, codes::NOT_FOUND.into()));
    let elsewhere = place.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("segments"), "secret of the machine").unwrap();
    std::os::unix::fs::symlink(&elsewhere, place.packages.join("0".repeat(64))).unwrap();
    assert_eq!(
        get(&place, &format!("/api/v1/packages/{}/segments", "0".repeat(64)), "").status,
        404
    );
}

#[test]
fn adversary_51_a_script_in_a_title_is_text() {
    let mut simulation = simulation();
    let (_, listed) = listed(&mut simulation, TITLE);
    let place = place(&simulation);
    replay(&place, &simulation, 0);
    upload(&place, &listed);
    let page = format!("/datasets/{}/{}", listed.id.institution, listed.id.package);
    for path in ["/", page.as_str(), "/?text=%3Cscript%3E"] {
        let answer = get(&place, path, "");
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.contains("<script"), "{path}");
        assert!(answer.head.contains("content-security-policy: default-src 'none'"), "{path}");
        assert!(answer.head.contains("x-content-type-options: nosniff"), "{path}");
        assert!(answer.body.contains("forgeable"), "{path}");
    }
    let answer = get(&place, &page, "");
    assert!(
        answer.body.contains("Hearts &#38; &#60;script&#62;alert(1)&#60;/script&#62;"),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("<b>hearts"));
    let missing = get(&place, "/datasets/x/<script>alert(1)</script>", "");
    assert!(
        (400..500).contains(&missing.status) && !missing.body.contains("<script>"),
        "{}",
        missing.body
    );
    // The same title, asked for as data, is not changed.
    let json = place.client.listings(&ListingFilter::default()).unwrap();
    assert_eq!(json.items[0].declared.as_ref().unwrap().title, TITLE);
}

#[test]
fn adversary_53_a_deal_shows_nothing_private() {
    let mut simulation = simulation();
    let issuer = simulation.issuer("university");
    let mut ada = Researcher::new("ada");
    simulation.enrol(&issuer, &mut ada);
    let (_, listed) = listed(&mut simulation, "Hearts");
    let funder = simulation.funded("funder", 10_000);
    let buyer = Buyer::new("ada");
    let place = place(&simulation);
    replay(&place, &simulation, 0);
    let request = listed.package.request(&funder, &buyer, false);
    let request = simulation.request(request, &funder, &ada, 0);
    let submitted = place.client.submit(&request.encode()).unwrap();
    place.client.wait_final(&submitted.id, WAIT).unwrap();

    let id = deal_of(&request);
    let deal = place.client.deal(&id).unwrap();
    assert_eq!((deal.deal.id, deal.deal.stage), (id, Stage::Agreed));
    let answer = get(&place, &format!("/api/v1/deals/{id}"), "");
    assert_eq!(answer.status, 200);
    let private = [
        ada.secret.to_string(),
        ada.leaf().to_string(),
        issuer.id().to_string(),
        "university".to_owned(),
    ];
    for text in private {
        assert!(!answer.body.contains(&text), "the deal shows {text}");
    }
    assert_eq!(code(place.client.deal(&DealId([9; 32]))), (404, "unknown_deal".into()));
    let malformed = get(&place, "/api/v1/deals/1", "");
    assert_eq!((malformed.status, error_code(&malformed)), (400, codes::BAD_REQUEST.into()));
}

#[test]
fn adversary_54_gone_in_the_middle_then_again_is_one_effect() {
    let mut simulation = simulation();
    let place = place(&simulation);
    let (gateway, to) = (simulation.gateway.clone(), Wallet::new("reader"));
    let mint = Mint { gateway: gateway.id(), to: to.id(), money: euros(10) };
    let transaction = simulation.sign(vec![Action::Mint(mint)], &[&gateway]);
    let bytes = transaction.encode();
    let head = format!(
        "POST /api/v1/transactions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        bytes.len()
    );
    for sent in [0, bytes.len() / 2, bytes.len()] {
        let mut stream = TcpStream::connect(place.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&bytes[..sent]).unwrap();
        drop(stream);
    }
    for _ in 0..3 {
        let submitted = place.client.submit(&bytes).unwrap();
        assert_eq!(submitted.id, transaction.id());
    }
    place.client.wait_final(&transaction.id(), WAIT).unwrap();
    let again = place.client.submit(&bytes).unwrap();
    assert!(matches!(again.state, TransactionState::Final { .. }), "{again:?}");
    let account = place.client.account(&to.id()).unwrap();
    assert_eq!(account.balances[0].amount.units(), 10, "money was made once");
    assert_eq!(place.client.account(&gateway.id()).unwrap().nonce, 1);
}

#[test]
fn strange_requests_are_refused_by_name() {
    let simulation = simulation();
    let place = place(&simulation);
    let cases = [
        ("/api/v1/nothing", 404, codes::NOT_FOUND),
        ("/api/v2/status", 404, codes::NOT_FOUND),
        ("/api/v1/accounts/xyz", 400, codes::BAD_REQUEST),
        ("/api/v1/blocks/-1", 400, codes::BAD_REQUEST),
        ("/api/v1/blocks/18446744073709551616", 400, codes::BAD_REQUEST),
        ("/api/v1/listings?k_min=x", 400, codes::BAD_REQUEST),
        ("/api/v1/listings?unknown=1", 400, codes::BAD_REQUEST),
        ("/api/v1/listings?after=00", 400, codes::BAD_REQUEST),
        ("/api/v1/parties/kings", 400, codes::BAD_REQUEST),
        ("/api/v1/packages/00/segments", 400, codes::BAD_REQUEST),
    ];
    for (path, status, code) in cases {
        let answer = get(&place, path, "");
        assert_eq!((answer.status, error_code(&answer).as_str()), (status, code), "{path}");
    }
    let delete =
        raw(&place, b"DELETE /api/v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!((delete.status, error_code(&delete)), (405, codes::METHOD_NOT_ALLOWED.into()));
    let head = raw(&place, b"HEAD /api/v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(get(&place, "/style.css", "").status, 200);
    assert_eq!(get(&place, "/nothing", "").status, 404);
    assert_eq!(
        place.client.transaction(&TransactionId([1; 32])).unwrap(),
        TransactionState::Unknown
    );
}
