//! A validator on loopback: how long until a transaction is final, and how many a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use galen_api::Client;
use galen_chain::{Node, NodeConfig, NodeHandle, NodeKey, NodeSettings, TransactionStatus};
use galen_market::action::{Action, Mint, Transfer};
use galen_market::amount::{Amount, Asset};
use galen_market::id::ConsensusKey;
use galen_market::testing::{Signing, Simulation, Wallet, eur, euros};
use galen_market::transaction::{MAX_ACTIONS, Transaction};
use galen_web::store::Store;
use galen_web::{ServerConfig, start};
use galen_zk::keys::Verifier;

use crate::report::{Report, middle, ms, short};

/// Accounts, each of which makes one of the payments that are counted.
const ACCOUNTS: usize = 2_000;
/// Payments made one after the other.
const ALONE: usize = 60;
/// Payments handed in at a time.
const AT_A_TIME: usize = 64;
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: [u8; 32] = [3; 32];

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// Signs as of now, and lets the simulation, which counts nonces, go along.
fn sign(simulation: &mut Simulation, actions: Vec<Action>, wallet: &Wallet) -> Transaction {
    let expiry_ms = Some(now_ms() + 50_000);
    let signing = Signing { accounts: vec![wallet], expiry_ms, ..Signing::default() };
    simulation.sign_with(actions, &signing)
}

fn follow(simulation: &mut Simulation, transaction: &Transaction) {
    let checked = simulation.check(transaction).unwrap();
    simulation.block_after(1, &[checked]).unwrap();
}

fn pay(from: &Wallet, to: &Wallet) -> Vec<Action> {
    let asset = Asset::Currency(eur());
    vec![Action::Transfer(Transfer { from: from.id(), to: to.id(), asset, amount: Amount::new(1) })]
}

async fn finish(node: &NodeHandle, transaction: &Transaction) {
    let id = node.submit(transaction.encode()).await.unwrap().id;
    let status = node.wait_for(&id, PATIENCE).await.unwrap();
    assert!(matches!(status, TransactionStatus::Final { .. }), "{status:?}");
}

/// Prints the part.
pub fn measure(report: &mut Report) {
    report.part("A validator on loopback, every write on the disk before it counts");
    let mut simulation = Simulation::with(|genesis| {
        genesis.time_ms = now_ms() - 60_000;
        genesis.validators[0].consensus_key = ConsensusKey(NodeKey::from_secret(SECRET).public());
    });
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let settings = NodeSettings::alone(folder.path().join("node"), NodeKey::from_secret(SECRET));
    let genesis = simulation.genesis.clone();
    let verifier = Verifier::development().unwrap();
    let config = ServerConfig::new(
        "127.0.0.1:0".parse().unwrap(),
        Store::folder(&folder.path().join("packages")).unwrap(),
        folder.path().join("texts"),
    );
    let (node, server) = runtime.block_on(async {
        let node = Node::start(NodeConfig { settings, genesis, verifier }).await.unwrap();
        let server = start(config, node.clone()).await.unwrap();
        (node, server)
    });

    let wallets: Vec<Wallet> = (0..ACCOUNTS).map(|n| Wallet::new(&format!("payer {n}"))).collect();
    let gateway = simulation.gateway.clone();
    let money = |to: &Wallet| {
        Action::Mint(Mint { gateway: gateway.id(), to: to.id(), money: euros(1_000_000) })
    };
    for some in wallets.chunks(MAX_ACTIONS) {
        let mint = sign(&mut simulation, some.iter().map(money).collect(), &gateway);
        follow(&mut simulation, &mint);
        runtime.block_on(finish(&node, &mint));
    }

    let client = Client::new(&format!("http://{}", server.address())).unwrap();
    let (mut acknowledged, mut last) = (Vec::new(), Vec::new());
    for _ in 0..ALONE {
        let payment = sign(&mut simulation, pay(&wallets[0], &wallets[1]), &wallets[0]);
        follow(&mut simulation, &payment);
        let begun = Instant::now();
        let id = client.submit(&payment.encode()).unwrap().id;
        acknowledged.push(begun.elapsed());
        client.wait_final(&id, PATIENCE).unwrap();
        last.push(begun.elapsed());
    }
    let finality = middle(&mut last);
    report.time("from handing in over HTTP to final", Duration::from_millis(100), finality);
    report.note("until it is acknowledged", &ms(middle(&mut acknowledged)));
    report.note("the slowest of sixty", &ms(last[last.len() - 1]));

    let payments: Vec<Transaction> = wallets
        .iter()
        .zip(wallets.iter().cycle().skip(1))
        .map(|(from, to)| sign(&mut simulation, pay(from, to), from))
        .collect();
    let first = node.status().height;
    let begun = Instant::now();
    let payments = Arc::new(payments);
    let next = Arc::new(AtomicUsize::new(0));
    let handed_in = runtime.block_on(async {
        let tasks: Vec<_> = (0..AT_A_TIME)
            .map(|_| {
                let (node, payments, next) = (node.clone(), payments.clone(), next.clone());
                tokio::spawn(async move {
                    let mut ids = Vec::new();
                    while let Some(payment) = payments.get(next.fetch_add(1, Ordering::Relaxed)) {
                        ids.push(node.submit(payment.encode()).await.unwrap().id);
                    }
                    ids
                })
            })
            .collect();
        let mut ids = Vec::new();
        for task in tasks {
            ids.extend(task.await.unwrap());
        }
        let handed_in = begun.elapsed();
        for id in &ids {
            let status = node.wait_for(id, PATIENCE).await.unwrap();
            assert!(matches!(status, TransactionStatus::Final { .. }), "{status:?}");
        }
        handed_in
    });
    let rate = |time: Duration| format!("{} /s", short(ACCOUNTS as f64 / time.as_secs_f64()));
    report.note("payments, 64 handed in at a time: final", &rate(begun.elapsed()));
    report.note("acknowledged", &rate(handed_in));
    let blocks = node.status().height - first;
    report.note("blocks that held them", &blocks.to_string());
    runtime.block_on(async {
        server.stop().await;
        node.shutdown().await;
    });
}
