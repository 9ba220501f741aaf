//! A node with the rules of Galen itself.

use galen_chain::{
    Node, NodeConfig, NodeError, NodeHandle, NodeKey, NodeSettings, SubmitError, TransactionStatus,
};
use galen_market::action::{Action, Mint, Transfer};
use galen_market::amount::Asset;
use galen_market::error::TxError;
use galen_market::genesis::{Genesis, Network};
use galen_market::id::ConsensusKey;
use galen_market::payment::Purse;
use galen_market::state_key;
use galen_market::testing::{Simulation, Wallet, eur, euros};
use galen_market::transaction::Transaction;
use galen_zk::keys::Verifier;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: [u8; 32] = [3; 32];

fn simulation() -> Simulation {
    Simulation::with(|genesis| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        genesis.time_ms = u64::try_from(now.as_millis()).unwrap() - 1_000;
        genesis.validators[0].consensus_key = ConsensusKey(NodeKey::from_secret(SECRET).public());
    })
}

async fn start(folder: &Path, genesis: &Genesis) -> Result<NodeHandle, NodeError> {
    let settings = NodeSettings::alone(folder.to_owned(), NodeKey::from_secret(SECRET));
    Node::start(NodeConfig {
        settings,
        genesis: genesis.clone(),
        verifier: Verifier::development().unwrap(),
    })
    .await
}

/// Hands a transaction to the node and, when it is final there, to the simulation.
async fn both(node: &NodeHandle, simulation: &mut Simulation, transaction: &Transaction) {
    let acknowledged = node.submit(transaction.encode()).await.unwrap();
    assert_eq!(acknowledged.id, transaction.id().0);
    let status = node.wait_for(&acknowledged.id, PATIENCE).await.unwrap();
    assert!(matches!(status, TransactionStatus::Final { .. }), "{status:?}");
    let receipt = simulation.submit(transaction).unwrap();
    assert_eq!(node.receipt(&acknowledged.id).unwrap().unwrap(), receipt);
}

fn balance(node: &NodeHandle, wallet: &Wallet) -> u64 {
    let key = state_key::balance(&Purse::Account(wallet.id()), &Asset::Currency(eur()));
    state_key::read(&*node.snapshot(), &key).unwrap().unwrap_or_default().units()
}

#[tokio::test(flavor = "multi_thread")]
async fn money_moves_through_a_node_as_it_does_in_the_simulation() {
    let folder = tempfile::tempdir().unwrap();
    let mut simulation = simulation();
    let genesis = simulation.genesis.clone();
    let node = start(folder.path(), &genesis).await.unwrap();
    assert!(node.status().validator);

    let gateway = simulation.gateway.clone();
    let [alice, bob] = ["alice", "bob"].map(Wallet::new);
    let mint = Mint { gateway: gateway.id(), to: alice.id(), money: euros(100_000) };
    let mint = simulation.sign(vec![Action::Mint(mint)], &[&gateway]);
    both(&node, &mut simulation, &mint).await;
    let transfer = Transfer {
        from: alice.id(),
        to: bob.id(),
        asset: Asset::Currency(eur()),
        amount: euros(700).amount,
    };
    let transfer = simulation.sign(vec![Action::Transfer(transfer)], &[&alice]);
    both(&node, &mut simulation, &transfer).await;
    for wallet in [&alice, &bob, &gateway] {
        assert_eq!(balance(&node, wallet), simulation.balance(wallet));
    }
    assert_eq!(balance(&node, &bob), 700);

    // The same again is final already; another signature, one byte off, is no signature.
    assert!(matches!(node.submit(transfer.encode()).await, Err(SubmitError::Final(_))));
    let mut forged = simulation.sign(transfer.actions.to_vec(), &[&alice]);
    let honest = forged.clone();
    forged.expiry_ms -= 1;
    assert!(matches!(
        node.submit(forged.encode()).await,
        Err(SubmitError::Refused(TxError::BadSignature { .. }))
    ));
    both(&node, &mut simulation, &honest).await;

    let before = node.status();
    node.shutdown().await;
    drop(node);
    let node = start(folder.path(), &genesis).await.unwrap();
    let after = node.status();
    assert_eq!((after.height, after.state_root), (before.height, before.state_root));
    assert_eq!(balance(&node, &bob), 1_400);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_production_ledger_does_not_start_with_development_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let development = simulation().genesis;
    let production = Genesis { network: Network::Production, ..development.clone() };
    let error = start(folder.path(), &production).await.err().unwrap();
    assert!(matches!(error, NodeError::ForgeableParameters), "{error}");
    start(folder.path(), &development).await.unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_genesis_that_contradicts_itself_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut genesis = simulation().genesis;
    genesis.validators.clear();
    let error = start(folder.path(), &genesis).await.err().unwrap();
    assert!(matches!(error, NodeError::Genesis(TxError::BadGenesis { .. })), "{error}");
}
