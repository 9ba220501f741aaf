//! A node with one validator, its server and client; a package that is listed on it; and bytes sent as
//! they are.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use galen_api::{Client, ClientError, Part};
use galen_chain::{GalenLedger, Node, NodeHandle, NodeKey, NodeSettings, Observer};
use galen_market::invariant::{self, Violation};
use galen_market::ledger::{BlockContext, CheckedTransaction, Ledger};
use galen_market::listing::ListingId;
use galen_market::segment::{manifest_hash, sha256};
use galen_market::state::StateRead;
use galen_market::testing::{FilePackage, Simulation, Wallet};
use galen_web::{Server, ServerConfig, start};
use galen_zk::keys::Verifier;
use tokio::runtime::Runtime;

pub const WAIT: Duration = Duration::from_secs(20);

/// What an audit found at each height.
type Audit = Vec<(u64, Vec<Violation>)>;

/// A node and its server; dropped with everything it wrote.
pub struct Place {
    pub runtime: Runtime,
    pub node: NodeHandle,
    pub server: Option<Server>,
    pub client: Client,
    pub address: SocketAddr,
    pub packages: PathBuf,
    pub folder: tempfile::TempDir,
    /// What the invariants' audit found at each height.
    audited: Arc<Mutex<Audit>>,
}

impl Place {
    /// Every block so far was looked at, and the invariants held after each.
    pub fn audit(&self) {
        let height = self.node.status().height;
        let audited = self.audited.lock().unwrap();
        for (height, found) in audited.iter() {
            assert!(found.is_empty(), "block {height}: {found:?}");
        }
        for height in 1..=height {
            assert!(audited.iter().any(|(seen, _)| *seen == height), "block {height} was not seen");
        }
    }
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

/// The machine's clock, in milliseconds since 1970.
pub fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// The ledger in memory whose transactions the node is given too.
pub fn simulation() -> Simulation {
    Simulation::with(|genesis| genesis.time_ms = now_ms() - 5_000)
}

pub fn place(simulation: &Simulation) -> Place {
    place_with(simulation, Duration::from_secs(30))
}

/// A server that is patient with a silent body for so long. The ledger's invariants are checked
/// after every block.
pub fn place_with(simulation: &Simulation, silence: Duration) -> Place {
    place_of(simulation, |config| ServerConfig { silence, ..config })
}

/// A server with a configuration of its own.
pub fn place_of(
    simulation: &Simulation,
    change: impl FnOnce(ServerConfig) -> ServerConfig,
) -> Place {
    let audited = Arc::new(Mutex::new(Vec::new()));
    let observer: Observer = Arc::new({
        let audited = audited.clone();
        move |now: BlockContext, state: &dyn StateRead| {
            let found = invariant::violations(state).unwrap();
            audited.lock().unwrap().push((now.height, found));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let packages = folder.path().join("packages");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (node, server) = runtime.block_on(async {
        let key = NodeKey::from_secret(sha256(b"consensus"));
        let settings = NodeSettings::alone(folder.path().join("node"), key);
        let genesis = simulation.genesis.clone();
        let verifier = Verifier::development().unwrap();
        let rules = Ledger::new(&genesis, verifier).unwrap();
        let ledger = GalenLedger::new(rules, genesis).observed_by(observer);
        let node = Node::start_with(ledger, settings).await.unwrap();
        let config = change(ServerConfig::new(
            "127.0.0.1:0".parse().unwrap(),
            galen_web::store::Store::folder(&packages).unwrap(),
            packages.join("texts"),
        ));
        let server = start(config, node.clone()).await.unwrap();
        (node, server)
    });
    let address = server.address();
    let client = Client::new(&format!("http://{address}")).unwrap();
    Place { runtime, node, server: Some(server), client, address, packages, folder, audited }
}

/// Gives the node every transaction of the simulation.
pub fn replay(place: &Place, simulation: &Simulation) {
    for (_, transactions) in &simulation.blocks {
        for transaction in transactions {
            finish(place, transaction);
        }
    }
}

pub fn finish(place: &Place, transaction: &CheckedTransaction) {
    let submitted = place.client.submit(transaction.bytes()).unwrap();
    assert_eq!(submitted.id, transaction.id());
    place.client.wait_final(&submitted.id, WAIT).unwrap();
    place.audit();
}

pub fn code<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> (u16, String) {
    match answer {
        Err(ClientError::Refused { status, body }) => (status, body.code),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub struct Raw {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Sends bytes as they are and reads the answer to the end of the connection.
pub fn raw(place: &Place, request: &[u8]) -> Raw {
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

pub fn get(place: &Place, path: &str, headers: &str) -> Raw {
    raw(
        place,
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n")
            .as_bytes(),
    )
}

pub fn error_code(answer: &Raw) -> String {
    let body: serde_json::Value =
        serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body));
    body["code"].as_str().unwrap().to_owned()
}

/// A listed package of one file with a manifest, and what its folder holds.
pub struct Listed {
    pub id: ListingId,
    pub manifest: Vec<u8>,
    pub leaves: Vec<u8>,
    pub segments: Vec<u8>,
    pub layout: Vec<u8>,
    pub package: FilePackage,
}

pub fn listed(simulation: &mut Simulation, title: &str) -> (Wallet, Listed) {
    let institution = simulation.institution("hospital", 100_000);
    let mut package = FilePackage::new(&institution, "hearts", 500);
    let manifest = serde_jcs::to_vec(&serde_json::json!({
        "title": title,
        "description": "Records \"of\" <b>hearts</b>",
        "diseases": ["MONDO:0005267"],
        "resources": [{ "deidentification": { "persons": "one row a person" } }],
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

pub fn upload(place: &Place, listed: &Listed) {
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
