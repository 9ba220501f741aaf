#![allow(clippy::unwrap_used)]

use super::verify::{Refusal, Unverified};
use super::*;
use crate::block::{Block, transactions_hash};
use crate::consensus::parts::cut;
use crate::consensus::types::Address;
use crate::mempool::Limits;
use crate::store::Undecided;
use crate::testing::{CountError, Counters};
use arc_malachitebft_app_channel::app::engine::host::SyncedValueOutcome;
use arc_malachitebft_app_channel::app::types::core::{CommitCertificate, Round, Validity};
use arc_malachitebft_app_channel::app::types::{PeerId, ProposedValue};
use ed25519_consensus::SigningKey;
use std::path::Path;

const PRESENT: u64 = 1;

fn signing(secret: u8) -> Signing {
    let rules = rules();
    Signing::new(crate::execute::Application::chain_id(&rules), SigningKey::from([secret; 32]))
}

fn key(secret: u8) -> [u8; 32] {
    SigningKey::from([secret; 32]).verification_key().to_bytes()
}

/// Validator 1 alone.
fn rules() -> Counters {
    Counters { genesis_ms: PRESENT, ..Counters::alone(key(1), 60_000) }
}

struct Setup {
    engine: Engine<Counters>,
    admission: Arc<Admission<Counters>>,
    _network: mpsc::Receiver<NetworkMsg<GalenContext>>,
}

fn setup(path: &Path, secret: u8) -> Setup {
    let rules = rules();
    let genesis = || crate::execute::Application::genesis(&rules);
    let store = Arc::new(
        Store::open(path, crate::execute::Application::chain_id(&rules), genesis).unwrap(),
    );
    let admission = Arc::new(
        Admission::new(Arc::new(rules.clone()), store.clone(), Limits::default()).unwrap(),
    );
    let (height, _) = watch::channel(0);
    let signals = Signals { wake: Arc::default(), heads: Arc::default(), height };
    let (sender, network) = mpsc::channel(64);
    let timeouts = LinearTimeouts::default();
    let engine =
        Engine::new(admission.clone(), store, signing(secret), timeouts, true, signals, sender)
            .unwrap();
    Setup { engine, admission, _network: network }
}

/// A block with one transaction that validator 1 would make.
fn proposal(setup: &mut Setup, nonce: u64) -> (Undecided, Block) {
    setup.admission.submit(&rules().count(1, nonce).bytes(), true).unwrap();
    let next = setup.engine.tip().height + 1;
    let proposal = setup.engine.propose(next, Round::ZERO).unwrap().unwrap();
    let block = Block::decode(&proposal.block).unwrap();
    assert_eq!(block.transactions.len(), 1);
    (proposal, block)
}

fn decide(engine: &mut Engine<Counters>, proposal: &Undecided) {
    let certificate = CommitCertificate {
        height: Height(proposal.height),
        round: Round::ZERO,
        value_id: proposal.id,
        commit_signatures: vec![],
    };
    engine.decided(&certificate).unwrap();
}

fn refusal(
    engine: &mut Engine<Counters>,
    block: Block,
    decided: bool,
) -> Option<Refusal<CountError>> {
    match engine.prepare(block, decided) {
        Ok(_) => None,
        Err(Unverified::Refused(refusal)) => Some(refusal),
        Err(Unverified::Failed(failure)) => panic!("{failure}"),
    }
}

#[test]
fn every_rule_of_a_block_is_checked_before_a_vote() {
    let folder = tempfile::tempdir().unwrap();
    let mut a = setup(folder.path(), 1);
    let (first, _) = proposal(&mut a, 0);
    decide(&mut a.engine, &first);
    let (_, good) = proposal(&mut a, 1);
    a.engine.prepared.clear();
    let changed = |change: &dyn Fn(&mut Block)| {
        let mut block = good.clone();
        change(&mut block);
        block.header.transactions = transactions_hash(&block.transactions);
        block
    };
    let engine = &mut a.engine;
    let mut refuse = |change: &dyn Fn(&mut Block)| refusal(engine, changed(change), false);
    assert_eq!(refuse(&|b| b.header.chain_id = [9; 32]), Some(Refusal::Chain));
    assert_eq!(refuse(&|b| b.header.parent = BlockId([9; 32])), Some(Refusal::Parent));
    assert_eq!(refuse(&|b| b.header.height += 1), Some(Refusal::Parent));
    assert_eq!(refuse(&|b| b.header.time_ms = 1), Some(Refusal::Past));
    assert_eq!(refuse(&|b| b.header.state_root = [9; 32]), Some(Refusal::StateRoot));
    assert_eq!(refuse(&|b| b.header.events = [9; 32]), Some(Refusal::Events));
    assert_eq!(refuse(&|b| b.header.validators = [9; 32]), Some(Refusal::Validators));
    assert_eq!(refuse(&|b| b.header.next_validators = [9; 32]), Some(Refusal::Validators));
    assert_eq!(refuse(&|b| b.transactions.clear()), Some(Refusal::StateRoot));
    let malformed = Refusal::Transaction { index: 1, error: CountError::Malformed };
    assert_eq!(refuse(&|b| b.transactions.push(vec![1])), Some(malformed));
    assert_eq!(
        refuse(&|b| b.transactions.push(b.transactions[0].clone())),
        Some(Refusal::Repeated)
    );
    assert_eq!(
        refuse(&|b| b.transactions[0] = rules().count(1, 0).bytes()),
        Some(Refusal::Repeated)
    );
    let nonce = Refusal::Transaction { index: 0, error: CountError::Nonce { expected: 1, got: 4 } };
    assert_eq!(refuse(&|b| b.transactions[0] = rules().count(1, 4).bytes()), Some(nonce));
    assert_eq!(refuse(&|_| {}), None);
}

#[test]
fn a_time_ahead_of_this_nodes_clock_gets_no_vote_unless_it_is_decided() {
    let folder = tempfile::tempdir().unwrap();
    let mut a = setup(folder.path(), 1);
    let at = |a: &mut Setup, ahead_ms: u64| {
        let now = crate::execute::BlockContext { height: 1, time_ms: clock_ms() + ahead_ms };
        let snapshot = a.engine.store.snapshot();
        a.engine.build(&snapshot, now, &[]).unwrap().block
    };
    let near = at(&mut a, 900);
    assert_eq!(refusal(&mut a.engine, near, false), None);
    let far = at(&mut a, 5_000);
    assert!(
        matches!(refusal(&mut a.engine, far.clone(), false), Some(Refusal::Future(ms)) if ms > 1_000)
    );
    assert_eq!(refusal(&mut a.engine, far, true), None);
}

#[test]
fn a_proposer_proposes_the_same_block_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut a = setup(folder.path(), 1);
    let (before, _) = proposal(&mut a, 0);
    a.admission.submit(&rules().count(2, 0).bytes(), true).unwrap();
    assert_eq!(a.engine.propose(1, Round::ZERO).unwrap().unwrap(), before);
    drop(a);
    let mut a = setup(folder.path(), 1);
    assert_eq!(a.engine.propose(1, Round::ZERO).unwrap().unwrap(), before);
    let seen = a.engine.undecided(1, Round::ZERO).unwrap();
    assert_eq!((seen.len(), seen[0].value.0, seen[0].validity), (1, before.id, Validity::Valid));
    assert_ne!(a.engine.propose(1, Round::new(1)).unwrap().unwrap().id, before.id);
    // What it proposed can be decided without having been executed again before.
    decide(&mut a.engine, &before);
    assert_eq!(a.engine.tip().id, before.id);
}

fn receive(setup: &mut Setup, proposal: &Undecided) -> Option<ProposedValue<GalenContext>> {
    let publisher = PeerId::from_bytes(&[&[0x12, 0x20][..], &[1; 32]].concat()).unwrap();
    let parts = cut(proposal, proposal.signature.unwrap(), vec![proposal.height as u8]);
    parts
        .into_iter()
        .fold(None, |value, part| setup.engine.received(publisher, part).unwrap().or(value))
}

#[test]
fn only_the_proposer_of_a_round_is_heard() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut a = setup(folders[0].path(), 1);
    let mut b = setup(folders[1].path(), 2);
    b.engine.started = 1;
    let (honest, _) = proposal(&mut a, 0);

    let forged =
        Undecided { signature: Some(signing(2).announce(1, 0, honest.id)), ..honest.clone() };
    assert_eq!(receive(&mut b, &forged), None);
    let usurped = Undecided { proposer: key(2), ..forged };
    assert_eq!(receive(&mut b, &usurped), None);
    let renamed = BlockId([9; 32]);
    let lie = Undecided {
        id: renamed,
        signature: Some(signing(1).announce(1, 0, renamed)),
        ..honest.clone()
    };
    assert_eq!(receive(&mut b, &lie), None);
    assert_eq!(b.engine.store.undecided(1).unwrap(), []);

    let value = receive(&mut b, &honest).unwrap();
    assert_eq!(
        (value.value.0, value.validity, value.proposer),
        (honest.id, Validity::Valid, Address(key(1)))
    );
}

#[test]
fn a_proposal_for_the_height_after_the_next_waits_for_its_turn() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut a = setup(folders[0].path(), 1);
    let mut b = setup(folders[1].path(), 2);
    b.engine.started = 1;
    let (first, _) = proposal(&mut a, 0);
    decide(&mut a.engine, &first);
    let (second, _) = proposal(&mut a, 1);
    assert_eq!(receive(&mut b, &second), None);
    assert!(receive(&mut b, &first).is_some());
    decide(&mut b.engine, &first);
    b.engine.take_early().unwrap();
    let seen = b.engine.undecided(2, Round::ZERO).unwrap();
    assert_eq!((seen.len(), seen[0].value.0, seen[0].validity), (1, second.id, Validity::Valid));
}

#[test]
fn a_peer_that_sends_false_blocks_is_blamed() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut a = setup(folders[0].path(), 1);
    let mut b = setup(folders[1].path(), 2);
    let (first, block) = proposal(&mut a, 0);
    decide(&mut a.engine, &first);
    let (second, _) = proposal(&mut a, 1);
    decide(&mut a.engine, &second);

    let mut synced = |height, bytes: &[u8]| {
        b.engine.synced(Height(height), Round::ZERO, Address(key(1)), bytes).unwrap()
    };
    assert!(matches!(synced(1, &[1, 2, 3]), SyncedValueOutcome::PeerFault));
    assert!(matches!(
        synced(1, &vec![0; crate::block::MAX_BLOCK_BYTES + 1]),
        SyncedValueOutcome::PeerFault
    ));
    // A gap: the second block first.
    assert!(matches!(synced(1, &second.block), SyncedValueOutcome::PeerFault));
    assert!(matches!(synced(2, &second.block), SyncedValueOutcome::PeerFault));
    let mut false_root = block;
    false_root.header.state_root = [3; 32];
    assert!(matches!(synced(1, &false_root.encode()), SyncedValueOutcome::PeerFault));
    let SyncedValueOutcome::Verdict(value) = synced(1, &first.block) else { panic!("refused") };
    assert_eq!((value.value.0, value.validity), (first.id, Validity::Valid));

    decide(&mut b.engine, &first);
    let served = a.engine.decided_values(Height(1)..=Height(9)).unwrap();
    assert_eq!(served.len(), 2);
    assert_eq!(served[0].value_bytes, first.block);
    assert!(a.engine.decided_values(Height(5)..=Height(9)).unwrap().is_empty());
}
