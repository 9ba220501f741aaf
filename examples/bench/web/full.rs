//! A node whose ledger begins with ten thousand live listings, with its server on one worker thread: the
//! process that `web` measures. The listings are made up and drafted by the ledger's rules; that they
//! are proven is taken as given (`Simulation::unproven`). Their manifests are handed in over HTTP, so
//! that catalogue and index are filled as on any node.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use galen_api::{Client, Part};
use galen_chain::{GalenLedger, Node, NodeHandle, NodeKey, NodeSettings};
use galen_market::action::trade::DraftListing;
use galen_market::action::{Action, Mint};
use galen_market::codec::Bounded;
use galen_market::id::{ConsensusKey, Digest};
use galen_market::layout::{BlockRows, Column, Layout, Range, Role, Table, Values, Width};
use galen_market::ledger::Ledger;
use galen_market::listing::{Chart, ChartForm, Diversity, ListingId, TableClaims};
use galen_market::segment::manifest_hash;
use galen_market::terms::{Clause, duo};
use galen_market::testing::{FilePackage, Signing, Simulation, Wallet, change_tier, euros};
use galen_web::store::Store;
use galen_web::{ServerConfig, start};
use galen_zk::bundle::Order;
use galen_zk::field::Scalar;
use galen_zk::keys::Verifier;
use galen_zk::summary::Summary;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Live listings.
pub const LISTINGS: usize = 10_000;
const INSTITUTIONS: usize = 60;
/// Different words of the descriptions, and different columns.
const WORDS: usize = 4_000;
const COLUMNS: usize = 400;
const ROWS: u64 = 32_760;
const SECRET: [u8; 32] = [5; 32];
const DISEASES: [(&str, &str); 8] = [
    ("MONDO:0005148", "Type 2 diabetes"),
    ("MONDO:0005147", "Type 1 diabetes"),
    ("MONDO:0004979", "Asthma"),
    ("MONDO:0005267", "Heart disease"),
    ("MONDO:0007254", "Breast cancer"),
    ("MONDO:0008903", "Lung cancer"),
    ("MONDO:0005098", "Stroke"),
    ("MONDO:0005300", "Chronic kidney disease"),
];
const COUNTRIES: [&str; 12] =
    ["DE", "FR", "ES", "IT", "NL", "SE", "FI", "AT", "PL", "CH", "GB", "US"];

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// The word of a number: the same in the server and for whoever asks.
pub fn word(number: usize) -> String {
    const SYLLABLES: [&str; 20] = [
        "ba", "cor", "da", "fen", "gli", "ha", "kre", "lo", "ma", "ner", "op", "pra", "qui", "ro",
        "san", "ta", "ul", "vi", "xe", "zo",
    ];
    let part = |digit: usize| SYLLABLES[digit % SYLLABLES.len()];
    format!("{}{}{}", part(number), part(number / 20), part(number / 400 + 7))
}

/// A word that is the rarer, the greater its number.
fn some_word(rng: &mut StdRng) -> String {
    let skewed = rng.gen_range(0.0f64..1.0).powi(2);
    word((skewed * WORDS as f64) as usize)
}

fn column(rng: &mut StdRng, names: &mut Vec<usize>, role: Role) -> Column {
    let name = names.swap_remove(rng.gen_range(0..names.len()));
    let range = Range { offset: 0, low: 0, high: 119 };
    Column {
        name: format!("{}_{}", word(name * 9), name % 7),
        width: Width::W1,
        role,
        values: Values::Number { scale: 0, range },
        edges: (1..12).map(|bin| bin * 10).collect(),
    }
}

/// Totals of a column of twelve bins: as many cells as there are rows.
fn chart(rng: &mut StdRng, column: u32) -> Chart {
    let mut totals = Summary { missing: rng.gen_range(20..400), ..Summary::default() };
    let mut left = ROWS - totals.missing;
    for bin in 0..12u64 {
        let most = left - (11 - bin) * 30;
        let rows = if bin == 11 { left } else { rng.gen_range(30..=most.min(6_000)) };
        left -= rows;
        let cell = u128::from(bin * 10 + 5);
        totals.bins[bin as usize] = rows;
        totals.count += rows;
        totals.sum += cell * u128::from(rows);
        totals.sum_squares += cell * cell * u128::from(rows);
    }
    let blinders = [1u64, 2, 3].map(Scalar::from);
    Chart { column, form: ChartForm::Small, totals, blinders }
}

/// A listing of one table of twelve columns, eight of them charted, and its manifest.
fn made_up(rng: &mut StdRng, institution: &Wallet, number: usize) -> (DraftListing, Vec<u8>) {
    let mut names: Vec<usize> = (0..COLUMNS).collect();
    let roles = [(Role::QuasiIdentifier, 5), (Role::Sensitive, 2), (Role::Insensitive, 5)];
    let columns: Vec<Column> = roles
        .into_iter()
        .flat_map(|(role, count)| std::iter::repeat_n(role, count))
        .map(|role| column(rng, &mut names, role))
        .collect();
    let table = Table { name: word(number), first: 0, columns, active: vec![ROWS as u32] };
    let layout = Layout::new(BlockRows::Full, vec![table], vec![], vec![]).unwrap();
    let diversity = [5, 6].map(|column| {
        let l = rng.gen_range(2..8);
        Diversity { column, l, order: Order::Any }
    });
    let claims = TableClaims {
        k: [5, 10, 11, 20][number % 4],
        diversity: Bounded::new(diversity.to_vec()).unwrap(),
        charts: Bounded::new((0..8).map(|at| chart(rng, at)).collect()).unwrap(),
    };
    let (disease, called) = DISEASES[rng.gen_range(0..DISEASES.len())];
    let text: Vec<String> = (0..60).map(|_| some_word(rng)).collect();
    let manifest = serde_json::json!({
        "title": format!("{called} {} {} {}", some_word(rng), some_word(rng), 2000 + number % 25),
        "description": text.join(" "),
        "diseases": [disease],
        "keywords": (0..4).map(|_| some_word(rng)).collect::<Vec<_>>(),
        "countries": [COUNTRIES[rng.gen_range(0..COUNTRIES.len())]],
        "citation": format!("{}, 2025.", institution.name()),
        "resources": [{ "deidentification": { "persons": "one row a person" } }],
    });
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let plain = FilePackage::new(institution, &number.to_string(), 700).draft;
    let mut offer = plain.offer;
    let price = rng.gen_range(1..200) * 5_000;
    change_tier(&mut offer, |tier| tier.price = euros(price));
    let code = [duo::GRU, duo::HMB, duo::NRES][rng.gen_range(0..3)];
    let mut clauses = vec![Clause::plain(code)];
    clauses.extend(number.is_multiple_of(3).then(|| Clause::plain(duo::IRB)));
    clauses.sort_by_key(|clause| clause.code);
    offer.terms.clauses = Bounded::new(clauses).unwrap();
    let draft = DraftListing {
        segments: layout.segments(),
        layout,
        manifest: Digest(manifest_hash(&manifest)),
        claims: Bounded::new(vec![claims]).unwrap(),
        offer,
        ..plain
    };
    (draft, manifest)
}

/// Makes a payment each second, so that the ledger goes on as it does where people act.
async fn live(node: NodeHandle, mut simulation: Simulation) {
    let (gateway, reader) = (simulation.gateway.clone(), Wallet::new("reader"));
    loop {
        let mint = Mint { gateway: gateway.id(), to: reader.id(), money: euros(1) };
        let expiry_ms = Some(now_ms() + 50_000);
        let signing = Signing { accounts: vec![&gateway], expiry_ms, ..Signing::default() };
        let payment = simulation.sign_with(vec![Action::Mint(mint)], &signing);
        let id = node.submit(payment.encode()).await.unwrap().id;
        node.wait_for(&id, Duration::from_secs(20)).await.unwrap();
        let checked = simulation.check(&payment).unwrap();
        simulation.block_after(1_000, &[checked]).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Runs the node until it is ended; its address and the listings go to the standard output as one line.
pub fn serve() {
    let mut simulation = Simulation::with(|genesis| {
        genesis.time_ms = now_ms() - 60_000;
        genesis.validators[0].consensus_key = ConsensusKey(NodeKey::from_secret(SECRET).public());
    });
    let mut rng = StdRng::seed_from_u64(11);
    let institutions: Vec<Wallet> =
        (0..INSTITUTIONS).map(|n| Wallet::new(&format!("Hospital of {}", word(n * 13)))).collect();
    let (drafts, manifests): (Vec<_>, Vec<_>) = (0..LISTINGS)
        .map(|number| made_up(&mut rng, &institutions[number % INSTITUTIONS], number))
        .unzip();
    let more = simulation.unproven(&institutions, &drafts, 60_000).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (node, server) = runtime.block_on(async {
        let rules = Ledger::new(&simulation.genesis, Verifier::development().unwrap()).unwrap();
        let ledger = GalenLedger::new(rules, simulation.genesis.clone()).beginning_with(more);
        let key = NodeKey::from_secret(SECRET);
        let settings = NodeSettings::alone(folder.path().join("node"), key);
        let node = Node::start_with(ledger, settings).await.unwrap();
        let packages = folder.path().join("packages");
        // No limits for a client: all requests come from one address here.
        let config = ServerConfig::new(
            "127.0.0.1:0".parse().unwrap(),
            Store::folder(&packages).unwrap(),
            packages.join("texts"),
        );
        let server = start(config, node.clone()).await.unwrap();
        (node, server)
    });
    let url = format!("http://{}", server.address());
    let client = Client::new(&url).unwrap();
    let ids = drafts
        .iter()
        .map(|draft| ListingId { institution: draft.institution, package: draft.package() });
    let ids: Vec<ListingId> = ids.collect();
    for (id, manifest) in ids.iter().zip(&manifests) {
        client.store(id, Part::Manifest, manifest.len() as u64, &mut manifest.as_slice()).unwrap();
    }
    // Its books are those of the ledger without the listings: it signs and counts nonces.
    let gateway_only = simulation.genesis.clone();
    simulation = Simulation::with(|genesis| *genesis = gateway_only);
    runtime.spawn(live(node, simulation));
    let paths = ids.iter().map(|id| format!("/datasets/{}/{}", id.institution, id.package));
    let said = serde_json::json!({ "url": url, "datasets": paths.collect::<Vec<_>>() });
    println!("{said}");
    std::io::stdout().flush().unwrap();
    // Whoever started it ends it, at the latest by closing its standard input.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}
