//! Attacks on transactions, money and credentials, at the level of the ledger. Each test names the
//! error that it expects and has a twin without the attack that succeeds.

#![allow(clippy::unwrap_used, missing_docs)]

use galen_market::action::{Action, Admission, Mint, RevokeCredentials, Suspend, Transfer};
use galen_market::amount::{Amount, AmountError, Asset};
use galen_market::codec::{Bounded, Bytes};
use galen_market::deal::Stage;
use galen_market::error::TxError;
use galen_market::fee::FeeRates;
use galen_market::id::{AccountId, ChainId, Digest, Signature};
use galen_market::identity::presentation::Presentation;
use galen_market::identity::tree::leaf_list;
use galen_market::ledger::BlockError;
use galen_market::payment::Purse;
use galen_market::role::Role;
use galen_market::testing::{
    Buyer, FilePackage, GENESIS_MS, Researcher, Signing, Simulation, Wallet, deal_of, eur, euros,
    prover,
};
use galen_market::transaction::{QUESTION, Transaction, verify_signature};
use galen_zk::circuit::credential::Credential;
use galen_zk::field::Scalar;
use galen_zk::point::JubPoint;
use galen_zk::proof::Proof;
use galen_zk::statement::Statement;

fn transfer(from: &Wallet, to: &Wallet, amount: u64) -> Action {
    Action::Transfer(Transfer {
        from: from.id(),
        to: to.id(),
        asset: Asset::Currency(eur()),
        amount: Amount::new(amount),
    })
}

/// A ledger with one live listing, a funded buyer's account and an enrolled researcher.
struct Market {
    sim: Simulation,
    hospital: Wallet,
    package: FilePackage,
    issuer: Wallet,
    researcher: Researcher,
    funder: Wallet,
    buyer: Buyer,
}

fn market() -> Market {
    let mut sim = Simulation::default();
    let hospital = sim.institution("hospital", 1_000_000);
    let bond =
        galen_market::action::DepositBond { institution: hospital.id(), money: euros(500_000) };
    sim.act(vec![Action::DepositBond(bond)], &[&hospital]).unwrap();
    let package = FilePackage::new(&hospital, "cohort", 10_000);
    sim.list(&hospital, &package).unwrap();
    let issuer = sim.issuer("university");
    let mut researcher = Researcher::new("ada");
    sim.enrol(&issuer, &mut researcher);
    let funder = sim.funded("one-time account", 100_000);
    let buyer = Buyer::new("ada");
    Market { sim, hospital, package, issuer, researcher, funder, buyer }
}

impl Market {
    fn request(&mut self, j: u16) -> Transaction {
        let request = self.package.request(&self.funder, &self.buyer, false);
        self.sim.request(request, &self.funder, &self.researcher, j)
    }
}

/// Adds a 32-byte little-endian number, as an attacker does who looks for a second encoding.
fn plus(bytes: &mut [u8], number: &str) {
    let mut carry = 0u16;
    for (byte, add) in bytes.iter_mut().zip(hex::decode(number).unwrap()) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "the sum does not fit");
}

/// The order of the scalar field of BN254, in which nullifiers and other public inputs live.
const FIELD_ORDER: &str = "010000f093f5e1439170b97948e833285d588181b64550b829a031e1724e6430";
/// The order of Ed25519's base point.
const BASE_ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// The transaction's bytes with the field's order added to its nullifier.
fn with_shifted_nullifier(transaction: &Transaction) -> Vec<u8> {
    let mut bytes = transaction.encode();
    let shown = transaction.authorization.credential.as_ref().unwrap();
    let nullifier = shown.nullifier.to_bytes();
    let at = bytes.windows(32).position(|window| window == nullifier).unwrap();
    plus(&mut bytes[at..at + 32], FIELD_ORDER);
    bytes
}

// ---- Transactions ----

#[test]
fn adversary_01_replay() {
    let mut sim = Simulation::default();
    let (ann, bob) = (sim.funded("ann", 100), Wallet::new("bob"));
    let transaction = sim.sign(vec![transfer(&ann, &bob, 10)], &[&ann]);
    sim.submit(&transaction).unwrap();
    let state = sim.state.clone();
    assert_eq!(sim.submit(&transaction), Err(TxError::Duplicate));
    let checked = sim.check(&transaction).unwrap();
    let twice = sim.block(&[checked]).unwrap_err();
    assert_eq!(twice, BlockError::Transaction { index: 0, error: TxError::Duplicate });
    assert_eq!(sim.state, state);
    assert_eq!((sim.balance(&ann), sim.balance(&bob)), (90, 10));
    // After its expiry its id is forgotten, and the nonce and the expiry still refuse it.
    sim.advance(120_000);
    assert!(matches!(sim.submit(&transaction), Err(TxError::Expired { .. })));
    sim.replay();
}

/// Who asks what would happen hands out signatures, with which nothing can be done.
#[test]
fn adversary_01_a_question_is_answered_and_never_executed() {
    let mut sim = Simulation::default();
    let (ann, bob) = (sim.funded("ann", 100), Wallet::new("bob"));
    let sign = |sim: &mut Simulation, expiry_ms| {
        let signing =
            Signing { accounts: vec![&ann], expiry_ms: Some(expiry_ms), ..Signing::default() };
        sim.sign_with(vec![transfer(&ann, &bob, 10)], &signing)
    };
    let question = sign(&mut sim, QUESTION);
    let checked = sim.check(&question).unwrap();
    let (state, now) = (sim.state.clone(), sim.next(1_000));
    let expired = |error: &TxError| matches!(error, TxError::Expired { expiry_ms: 0, .. });
    let answer = sim.ledger.dry_run(&sim.state, &now, &checked).unwrap();
    assert!(expired(&sim.ledger.admit(&sim.state, &now, &checked).unwrap_err()));
    let chosen =
        sim.ledger.propose(&sim.state, &now, std::slice::from_ref(&checked), 1 << 20).unwrap();
    assert!(chosen.is_empty());
    let forced = sim.block(&[checked]).unwrap_err();
    assert!(matches!(forced, BlockError::Transaction { index: 0, error } if expired(&error)));
    assert_eq!(sim.state, state);
    // With another expiry it is another transaction, which nobody signed.
    let mut lifted = question.clone();
    lifted.expiry_ms = GENESIS_MS + 60_000;
    assert_eq!(sim.submit(&lifted), Err(TxError::BadSignature { account: ann.id() }));
    // No other expiry that has passed is ignored, and the answer is what happens then.
    let late = sign(&mut sim, GENESIS_MS - 1);
    let late = sim.check(&late).unwrap();
    assert!(matches!(sim.ledger.dry_run(&sim.state, &now, &late), Err(TxError::Expired { .. })));
    let meant = sign(&mut sim, GENESIS_MS + 60_000);
    let done = sim.submit(&meant).unwrap();
    assert_eq!((answer.events, answer.fee), (done.events, done.fee));
}

#[test]
fn adversary_02_other_chain() {
    let mut sim = Simulation::default();
    let (ann, bob) = (sim.funded("ann", 100), Wallet::new("bob"));
    let signing = Signing { accounts: vec![&ann], ..Signing::default() };
    let good = sim.sign_with(vec![transfer(&ann, &bob, 10)], &signing);
    let mut foreign = good.clone();
    foreign.chain = ChainId([7; 32]);
    sim.resign(&mut foreign, &signing);
    assert_eq!(sim.submit(&foreign), Err(TxError::WrongChain));
    // Signed for the other ledger, sent to this one.
    foreign.chain = good.chain;
    assert_eq!(sim.submit(&foreign), Err(TxError::BadSignature { account: ann.id() }));
    sim.submit(&good).unwrap();
}

#[test]
fn adversary_03_nonce_gap_and_reuse() {
    let mut sim = Simulation::default();
    let (ann, bob) = (sim.funded("ann", 100), Wallet::new("bob"));
    let signing = Signing { accounts: vec![&ann], ..Signing::default() };
    let with_nonce = |sim: &mut Simulation, amount, nonce| {
        let mut transaction = sim.sign_with(vec![transfer(&ann, &bob, amount)], &signing);
        let mut slot = transaction.authorization.accounts[0].clone();
        slot.nonce = nonce;
        transaction.authorization.accounts = Bounded::new(vec![slot]).unwrap();
        sim.resign(&mut transaction, &signing);
        transaction
    };
    let account = ann.id();
    let gap = with_nonce(&mut sim, 1, 1);
    assert_eq!(sim.submit(&gap), Err(TxError::NonceGap { account, expected: 0, got: 1 }));
    let first = with_nonce(&mut sim, 1, 0);
    sim.submit(&first).unwrap();
    let reuse = with_nonce(&mut sim, 2, 0);
    assert_eq!(sim.submit(&reuse), Err(TxError::NonceUsed { account, expected: 1, got: 0 }));
    sim.submit(&gap).unwrap();
    assert_eq!(sim.balance(&bob), 2);
}

#[test]
fn adversary_04_overflow_of_amounts_and_fees() {
    let mut sim = Simulation::default();
    let gateway = sim.gateway.clone();
    let ann = sim.funded("ann", 100);
    let mint = |amount| {
        let money = euros(amount);
        vec![Action::Mint(Mint {
            gateway: Wallet::new("gateway").id(),
            to: Wallet::new("ann").id(),
            money,
        })]
    };
    let overflow = Err(TxError::Amount(AmountError::Overflow));
    assert_eq!(sim.act(mint(u64::MAX), &[&gateway]), overflow);
    let bob = Wallet::new("bob");
    let most = sim.act(vec![transfer(&ann, &bob, u64::MAX)], &[&ann]).unwrap_err();
    assert_eq!(most.code(), "insufficient_funds");
    sim.act(mint(u64::MAX - 100), &[&gateway]).unwrap();
    assert_eq!(sim.balance(&ann), u64::MAX);
    assert_eq!(sim.act(mint(1), &[&gateway]), overflow);
    assert_eq!(sim.act(vec![transfer(&ann, &bob, 0)], &[&ann]), Err(TxError::ZeroAmount));

    // A fee that does not fit, on top of an amount.
    let dear = FeeRates { per_kib: Amount::new(u64::MAX), per_unit: Amount::new(u64::MAX) };
    let mut sim = Simulation::with(|genesis| genesis.currencies[0].fees = dear);
    assert_eq!(sim.act(mint(5), &[&gateway]), overflow);
    let one = FeeRates { per_kib: Amount::ZERO, per_unit: Amount::new(1) };
    let mut sim = Simulation::with(|genesis| genesis.currencies[0].fees = one);
    let both =
        vec![Action::Mint(Mint { gateway: gateway.id(), to: gateway.id(), money: euros(100) })];
    sim.act(both, &[&gateway]).unwrap();
    // One signature and one action: two units.
    assert_eq!(sim.balance(&gateway), 98);
    assert_eq!(sim.purse(&Purse::Fees), 2);
    let all = sim.act(vec![transfer(&gateway, &bob, 98)], &[&gateway]).unwrap_err();
    assert_eq!(all.code(), "insufficient_funds");
    sim.act(vec![transfer(&gateway, &bob, 96)], &[&gateway]).unwrap();
    assert_eq!(sim.balance(&gateway), 0);
}

/// Small-order keys and non-canonical encodings, for which other rules than ZIP-215 let single and
/// batch verification disagree: "It's 255:19AM", H. de Valence, 2020.
#[test]
fn adversary_05_edge_signatures() {
    let mut low_order = [0u8; 32];
    low_order[0] = 1;
    let mut negative_zero = low_order;
    negative_zero[31] = 0x80;
    let order_two = {
        let mut bytes = [0xff; 32];
        bytes[0] = 0xec;
        bytes[31] = 0x7f;
        bytes
    };
    let mut non_canonical = [0xff; 32];
    non_canonical[0] = 0xee;
    non_canonical[31] = 0x7f;
    let points = [low_order, negative_zero, order_two, non_canonical];
    let hash = Digest([5; 32]);
    let honest = Wallet::new("ann");
    let mut cases = vec![(honest.id(), honest.sign(&hash))];
    let mut high_s = honest.sign(&hash);
    plus(&mut high_s.0[32..], BASE_ORDER);
    cases.push((honest.id(), high_s));
    for key in points {
        for r in points {
            let mut signature = [0u8; 64];
            signature[..32].copy_from_slice(&r);
            cases.push((AccountId(key), Signature(signature)));
        }
    }
    let mut accepted = 0;
    for (account, signature) in &cases {
        let single = verify_signature(account, &hash, signature);
        let mut batch = ed25519_consensus::batch::Verifier::new();
        let key = ed25519_consensus::VerificationKeyBytes::from(account.0);
        batch.queue((key, ed25519_consensus::Signature::from(signature.0), &hash.0));
        let batch = batch.verify(rand::thread_rng());
        assert_eq!(single.is_ok(), batch.is_ok(), "{account} {signature}");
        accepted += usize::from(single.is_ok());
    }
    assert!(verify_signature(&cases[0].0, &hash, &cases[0].1).is_ok());
    let refused = verify_signature(&cases[1].0, &hash, &cases[1].1);
    assert_eq!(refused, Err(TxError::BadSignature { account: honest.id() }));
    // ZIP-215 takes small-order keys and points, whatever their encoding.
    assert_eq!(accepted, 1 + 16);
}

#[test]
fn adversary_06_trailing_and_non_canonical_bytes() {
    let mut sim = Simulation::default();
    let (ann, bob) = (sim.funded("ann", 100), Wallet::new("bob"));
    let transaction = sim.sign(vec![transfer(&ann, &bob, 10)], &[&ann]);
    let good = transaction.encode();
    let malformed = |bytes: &[u8]| sim.ledger.check(bytes).unwrap_err().code();
    let mut trailing = good.clone();
    trailing.push(0);
    assert_eq!(malformed(&trailing), "malformed");
    assert_eq!(malformed(&good[..good.len() - 1]), "malformed");
    assert_eq!(malformed(&[]), "malformed");
    // The last byte says that there is no credential; 2 is neither yes nor no.
    let mut option = good.clone();
    *option.last_mut().unwrap() = 2;
    assert_eq!(malformed(&option), "malformed");
    // The number of actions stands after the chain id.
    let mut many = good.clone();
    many[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(malformed(&many), "malformed");
    let huge = vec![0; galen_market::transaction::MAX_TRANSACTION_BYTES + 1];
    assert_eq!(malformed(&huge), "transaction_too_large");
    // No single byte may be changed: either it does not decode or it is not what was signed.
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert!(sim.ledger.check(&changed).is_err(), "byte {at}");
    }
    let checked = sim.ledger.check(&good).unwrap();
    assert_eq!(checked.transaction().encode(), good);
}

#[test]
fn adversary_07_one_balance_twice_in_a_block() {
    let mut sim = Simulation::default();
    let (ann, bob, eve) = (sim.funded("ann", 100), Wallet::new("bob"), Wallet::new("eve"));
    let first = sim.sign(vec![transfer(&ann, &bob, 100)], &[&ann]);
    let signing = Signing { accounts: vec![&ann], ..Signing::default() };
    let mut second = sim.sign_with(vec![transfer(&ann, &eve, 100)], &signing);
    let mut slot = second.authorization.accounts[0].clone();
    slot.nonce = 1;
    second.authorization.accounts = Bounded::new(vec![slot]).unwrap();
    sim.resign(&mut second, &signing);
    let (first, second) = (sim.check(&first).unwrap(), sim.check(&second).unwrap());
    let both = [first.clone(), second.clone()];
    let refused = sim.block(&both).unwrap_err();
    let BlockError::Transaction { index: 1, error } = refused else { panic!("{refused}") };
    assert_eq!(error.code(), "insufficient_funds");
    let chosen = sim.ledger.propose(&sim.state, &sim.next(1000), &both, 1 << 20).unwrap();
    assert_eq!(chosen, vec![first]);
    sim.block(&chosen).unwrap();
    assert_eq!((sim.balance(&bob), sim.balance(&eve)), (100, 0));
}

#[test]
fn adversary_08_settle_and_refund_in_one_block() {
    let mut m = market();
    let request = m.request(0);
    m.sim.submit(&request).unwrap();
    let id = deal_of(&request);
    let buyer = m.buyer.clone();
    m.sim.ready(id, &buyer).unwrap();
    let package = m.package.clone();
    let delivery = m.sim.delivery(id, &package);
    let delivery = m.sim.check(&delivery).unwrap();
    let deadline_ms = m.sim.deal(id).deadline_ms.unwrap();
    let left = deadline_ms - m.sim.uptime_ms();
    m.sim.advance(left - 2);
    let (paid, state, head) = (m.hospital.id(), m.sim.state.clone(), m.sim.head);

    // In the block of the deadline the refund comes first, and the delivery does not execute.
    let refused = m.sim.block_after(2, std::slice::from_ref(&delivery)).unwrap_err();
    let BlockError::Transaction { index: 0, error } = refused else { panic!("{refused}") };
    assert_eq!(error.code(), "wrong_stage");
    m.sim.block_after(2, &[]).unwrap();
    assert_eq!(m.sim.deal(id).stage, Stage::Terminated);
    assert!(m.sim.balance(&m.funder) > 100_000, "price, allowance and compensation");
    let checked = m.sim.ledger.admit(&m.sim.state, &m.sim.next(1), &delivery);
    assert_eq!(checked.unwrap_err().code(), "wrong_stage");

    // One millisecond earlier: paid, never refunded.
    m.sim.rewind(state, head);
    m.sim.block_after(1, &[delivery]).unwrap();
    assert_eq!(m.sim.deal(id).stage, Stage::Verified);
    m.sim.advance(m.sim.genesis.parameters.dispute_ms);
    assert_eq!(m.sim.deal(id).stage, Stage::Finalized);
    assert!(m.sim.balance(&m.funder) <= 90_000);
    assert_eq!(m.sim.purse(&Purse::Account(paid)), 500_000 + 10_000);
    m.sim.replay();
}

#[test]
fn adversary_08a_the_same_transaction_with_another_proof() {
    let mut m = market();
    let good = m.request(0);
    let mut again = good.clone();
    let shown = again.authorization.credential.as_mut().unwrap();
    let proof: Proof = galen_market::codec::decode_exact(&shown.proof).unwrap();
    let key = m.sim.ledger.verifier().key(Credential::default().circuit()).unwrap().clone();
    let other = proof.rerandomised(&key, &mut m.sim.rng);
    assert_ne!(proof.to_bytes(), other.to_bytes());
    shown.proof = Bytes::new(other.to_bytes().to_vec()).unwrap();
    let mut bad = good.clone();
    bad.authorization.credential.as_mut().unwrap().proof =
        Bytes::new(prover_of_nothing(&mut m)).unwrap();
    assert_eq!((good.id(), good.id()), (again.id(), bad.id()));

    // The bad one comes first and poisons nothing; nor does the good one excuse the bad one.
    assert_eq!(m.sim.submit(&bad), Err(TxError::BadCredentialProof));
    m.sim.submit(&again).unwrap();
    assert_eq!(m.sim.submit(&bad), Err(TxError::BadCredentialProof));
    assert_eq!(m.sim.submit(&good), Err(TxError::Duplicate));
    assert_eq!(m.sim.balance(&m.funder), 100_000 - 10_000 - 100);
    m.sim.replay();
}

/// A proof that is well-formed and proves something else.
fn prover_of_nothing(m: &mut Market) -> Vec<u8> {
    let circuit = Credential::default();
    let (public, witness) = circuit.example();
    prover().prove(&circuit, &public, &witness, &mut m.sim.rng).unwrap().to_bytes().to_vec()
}

// ---- Proofs ----

#[test]
fn adversary_10_another_proof_of_the_same_statement_has_no_second_effect() {
    let mut m = market();
    let first = m.request(0);
    m.sim.submit(&first).unwrap();
    // Another transaction, proven anew for the same use of the credential: another message, the same
    // nullifier.
    let mut other = m.package.request(&m.funder, &m.buyer, false);
    other.allowance = Amount::new(101);
    let second = m.sim.request(other.clone(), &m.funder, &m.researcher, 0);
    assert_ne!(first.id(), second.id());
    assert_eq!(m.sim.submit(&second), Err(TxError::NullifierUsed));
    let next_use = m.sim.request(other, &m.funder, &m.researcher, 1);
    m.sim.submit(&next_use).unwrap();
}

#[test]
fn adversary_11_public_input_beyond_the_field() {
    let mut m = market();
    let good = m.request(0);
    let shifted = with_shifted_nullifier(&good);
    let refused = m.sim.ledger.check(&shifted).unwrap_err();
    assert_eq!(refused.code(), "malformed");
    assert!(refused.to_string().contains("modulus"), "{refused}");
    m.sim.submit(&good).unwrap();
}

#[test]
fn adversary_15_proof_copied_by_another_sender() {
    let mut m = market();
    let good = m.request(0);
    let thief = m.sim.funded("thief", 100_000);
    // The thief's own request, with the researcher's credential from the mempool.
    let request = m.package.request(&thief, &Buyer::new("thief"), false);
    let signing = Signing { accounts: vec![&thief], ..Signing::default() };
    let mut stolen = good.clone();
    stolen.actions = Bounded::new(vec![Action::RequestDeal(request)]).unwrap();
    stolen.fee.payer = galen_market::fee::FeePayer::Account(thief.id());
    let mut slot = stolen.authorization.accounts[0].clone();
    slot.account = thief.id();
    stolen.authorization.accounts = Bounded::new(vec![slot]).unwrap();
    m.sim.resign(&mut stolen, &signing);
    assert_eq!(m.sim.submit(&stolen), Err(TxError::BadCredentialProof));
    m.sim.submit(&good).unwrap();
}

#[test]
fn adversary_16_any_public_input_changed() {
    let mut m = market();
    let good = m.request(0);
    let funder = m.funder.clone();
    let signing = Signing { accounts: vec![&funder], ..Signing::default() };
    let shown = good.authorization.credential.clone().unwrap();
    let mut changed = Vec::new();
    let mut change = |edit: &dyn Fn(&mut Presentation)| {
        let mut other = shown.clone();
        edit(&mut other);
        changed.push(other);
    };
    change(&|shown| shown.day -= 1);
    change(&|shown| shown.purposes = 1);
    change(&|shown| shown.j_limit += 1);
    change(&|shown| shown.nullifier = Scalar::from(5));
    change(&|shown| shown.disclosed.role = Some(1));
    change(&|shown| shown.opening.ciphertext = Scalar::from(5));
    change(&|shown| {
        let de = galen_zk::circuit::credential::Country::new("DE").unwrap();
        shown.countries = galen_zk::circuit::credential::Countries::new(vec![de]).unwrap();
    });
    for other in changed {
        let mut transaction = good.clone();
        transaction.authorization.credential = Some(other.clone());
        m.sim.resign(&mut transaction, &signing);
        assert_eq!(m.sim.submit(&transaction), Err(TxError::BadCredentialProof), "{other:?}");
    }
    m.sim.submit(&good).unwrap();
}

// ---- Identity ----

#[test]
fn adversary_34_negated_point_and_secret() {
    let mut m = market();
    let good = m.request(0);
    let funder = m.funder.clone();
    let signing = Signing { accounts: vec![&funder], ..Signing::default() };
    let mut negated = good.clone();
    let opening = &mut negated.authorization.credential.as_mut().unwrap().opening;
    opening.ephemeral = JubPoint::new(-*opening.ephemeral.affine()).unwrap();
    m.sim.resign(&mut negated, &signing);
    assert_eq!(m.sim.submit(&negated), Err(TxError::BadCredentialProof));
    // The negated secret is another holder, whose leaf no issuer inserted.
    let circuit = Credential::default();
    let (public, mut witness) = circuit.example();
    assert_eq!(circuit.check(&public, &witness), Ok(()));
    witness.secret = Scalar(-witness.secret.0);
    let refused = circuit.check(&public, &witness).unwrap_err();
    assert!(refused.0.contains("not under an accepted root"), "{refused}");
    m.sim.submit(&good).unwrap();
}

#[test]
fn adversary_35_nullifier_plus_the_order() {
    let mut m = market();
    let good = m.request(0);
    m.sim.submit(&good).unwrap();
    // The same use once more, in a request of its own: spent, and a second encoding of the number is
    // not even read.
    let request = m.package.request(&m.funder, &m.buyer, true);
    let funder = m.funder.clone();
    let again = m.sim.request(request, &funder, &m.researcher, 0);
    let nullifier = |transaction: &Transaction| {
        transaction.authorization.credential.as_ref().unwrap().nullifier
    };
    assert_eq!(nullifier(&again), nullifier(&good));
    assert_eq!(m.sim.submit(&again), Err(TxError::NullifierUsed));
    let shifted = m.sim.ledger.check(&with_shifted_nullifier(&again)).unwrap_err();
    assert_eq!(shifted.code(), "malformed");
    let next = m.request(1);
    m.sim.submit(&next).unwrap();
}

#[test]
fn adversary_36_two_credentials_of_one_person() {
    let mut m = market();
    // The same secret under another issuer: in one scope the uses are the same.
    let other = m.sim.issuer("ministry");
    let mut twin = Researcher::new("ada");
    m.sim.enrol(&other, &mut twin);
    let first = m.request(0);
    m.sim.submit(&first).unwrap();
    let request = m.package.request(&m.funder, &m.buyer, true);
    let second = m.sim.request(request, &m.funder, &twin, 0);
    assert_eq!(m.sim.submit(&second), Err(TxError::NullifierUsed));

    // In another scope the nullifier is another, and nothing else tells that it is the same person.
    let elsewhere = FilePackage::new(&m.hospital, "another cohort", 5_000);
    m.sim.list(&m.hospital.clone(), &elsewhere).unwrap();
    let request = elsewhere.request(&m.funder, &m.buyer, false);
    let third = m.sim.request(request, &m.funder, &m.researcher, 0);
    let shown = |transaction: &Transaction| transaction.authorization.credential.clone().unwrap();
    assert_ne!(shown(&first).nullifier, shown(&third).nullifier);
    assert_ne!(shown(&first).opening, shown(&third).opening);
    m.sim.submit(&third).unwrap();
}

#[test]
fn adversary_37_revoked_and_stale_roots() {
    let mut m = market();
    let issuer = m.issuer.clone();
    let unknown = TxError::UnknownRoot { issuer: issuer.id() };
    // Stale: superseded by an insertion, good for the window and not longer.
    let old = m.researcher.path(&m.sim);
    let mut other = Researcher::new("bea");
    m.sim.enrol(&issuer, &mut other);
    let signed = |m: &mut Market, j, path| {
        let request = m.package.request(&m.funder, &m.buyer, false);
        let signing = Signing {
            accounts: vec![&m.funder],
            credential: Some((&m.researcher, j)),
            path: Some(path),
            ..Signing::default()
        };
        m.sim.sign_with(vec![Action::RequestDeal(request)], &signing)
    };
    let in_window = signed(&mut m, 0, old.clone());
    m.sim.submit(&in_window).unwrap();
    m.sim.advance(m.sim.genesis.parameters.root_window_ms + 1000);
    let too_late = signed(&mut m, 1, old);
    assert_eq!(m.sim.submit(&too_late), Err(unknown.clone()));

    // Revoked: once the epoch turns, older roots are refused at once.
    let current = m.researcher.path(&m.sim);
    let places = Bounded::new(vec![0]).unwrap();
    let revoke = RevokeCredentials { issuer: issuer.id(), places };
    m.sim.act(vec![Action::RevokeCredentials(revoke)], &[&issuer]).unwrap();
    m.sim.advance(m.sim.genesis.parameters.revoke_epoch_ms);
    assert_eq!(leaf_list(&m.sim.state, &issuer.id()).unwrap()[0], Scalar::from(0));
    let revoked = signed(&mut m, 1, current);
    assert_eq!(m.sim.submit(&revoked), Err(unknown));

    // The other person of the same issuer is well.
    let request = m.package.request(&m.funder, &m.buyer, false);
    let good = m.sim.request(request, &m.funder.clone(), &other, 0);
    m.sim.submit(&good).unwrap();
    m.sim.replay();
}

#[test]
fn adversary_37a_an_issuer_that_revokes_in_every_block() {
    let mut m = market();
    let issuer = m.issuer.clone();
    for n in 0..6 {
        m.sim.enrol(&issuer, &mut Researcher::new(&format!("filler {n}")));
    }
    // From one epoch to the next the issuer marks a leaf in every block.
    let epoch = m.sim.genesis.parameters.revoke_epoch_ms;
    let to_epoch = epoch - m.sim.uptime_ms() % epoch;
    m.sim.advance(to_epoch);
    let in_flight = m.request(0);
    for place in 1..6u64 {
        let revoke =
            RevokeCredentials { issuer: issuer.id(), places: Bounded::new(vec![place]).unwrap() };
        m.sim.act(vec![Action::RevokeCredentials(revoke)], &[&issuer]).unwrap();
    }
    m.sim.submit(&in_flight).unwrap();
    // The next deadline is the epoch, where all the marks take effect together.
    let due = m.sim.ledger.next_deadline(&m.sim.state).unwrap().unwrap();
    assert!(due <= (m.sim.uptime_ms() / epoch + 1) * epoch);
    let request = m.package.request(&m.funder, &m.buyer, false);
    let signing = Signing {
        accounts: vec![&m.funder],
        credential: Some((&m.researcher, 1)),
        expiry_ms: Some(m.sim.head.time_ms + 2 * epoch),
        ..Signing::default()
    };
    let stale = m.sim.sign_with(vec![Action::RequestDeal(request)], &signing);
    m.sim.advance(epoch - m.sim.uptime_ms() % epoch);
    let leaves = leaf_list(&m.sim.state, &issuer.id()).unwrap();
    assert_eq!(leaves[1..6], [Scalar::from(0); 5]);
    assert_eq!(m.sim.submit(&stale), Err(TxError::UnknownRoot { issuer: issuer.id() }));
    let fresh = m.request(1);
    m.sim.submit(&fresh).unwrap();
}

#[test]
fn adversary_38_duplicate_zero_and_foreign_leaves() {
    let mut sim = Simulation::default();
    let issuer = sim.issuer("university");
    let insert = |leaves: Vec<Scalar>| {
        let leaves = Bounded::new(leaves).unwrap();
        let issuer = Wallet::new("university").id();
        vec![Action::InsertCredentials(galen_market::action::InsertCredentials { issuer, leaves })]
    };
    let leaf = Researcher::new("ada").leaf();
    let twice = sim.act(insert(vec![leaf, leaf]), &[&issuer]);
    assert_eq!(twice, Err(TxError::DuplicateLeaf { leaf }));
    assert_eq!(sim.act(insert(vec![Scalar::from(0)]), &[&issuer]), Err(TxError::ZeroLeaf));
    assert_eq!(sim.act(insert(vec![]), &[&issuer]), Err(TxError::NoLeaves));
    sim.act(insert(vec![leaf]), &[&issuer]).unwrap();
    let again = sim.act(insert(vec![leaf]), &[&issuer]);
    assert_eq!(again, Err(TxError::DuplicateLeaf { leaf }));
    // Nobody else writes into the tree.
    let stranger = Wallet::new("stranger");
    let other = Researcher::new("bea").leaf();
    let foreign = sim.act(insert(vec![other]), &[&stranger]).unwrap_err();
    assert_eq!(foreign.code(), "unauthorised");
    sim.act(insert(vec![other]), &[&issuer]).unwrap();
}

#[test]
fn adversary_39_expired_today() {
    let mut m = market();
    let today = u32::try_from(GENESIS_MS / 86_400_000).unwrap();
    let mut late = Researcher::new("late");
    late.attributes.expiry = today;
    m.sim.enrol(&m.issuer.clone(), &mut late);
    // No proof for today exists, so the holder proves yesterday's day, which a block takes for one
    // day; the day before that it refuses.
    let request = m.package.request(&m.funder, &m.buyer, false);
    let with_day = |m: &mut Market, researcher: &Researcher, j, day| {
        let signing = Signing {
            accounts: vec![&m.funder],
            credential: Some((researcher, j)),
            day: Some(day),
            ..Signing::default()
        };
        m.sim.sign_with(vec![Action::RequestDeal(request.clone())], &signing)
    };
    let two_days = with_day(&mut m, &late, 0, today - 2);
    assert_eq!(m.sim.submit(&two_days), Err(TxError::WrongDay { today, got: today - 2 }));
    let researcher = m.researcher.clone();
    let tomorrow = with_day(&mut m, &researcher, 0, today + 1);
    assert_eq!(m.sim.submit(&tomorrow), Err(TxError::WrongDay { today, got: today + 1 }));
    // The statement itself refuses the day of the expiry.
    let circuit = Credential::default();
    let (mut public, witness) = circuit.example();
    public.request.day = witness.attributes.expiry;
    let refused = circuit.check(&public, &witness).unwrap_err();
    assert!(refused.0.contains("expired"), "{refused}");
    let good = with_day(&mut m, &researcher, 0, today);
    m.sim.submit(&good).unwrap();
}

#[test]
fn adversary_39a_credential_lifted_into_another_action() {
    let mut m = market();
    let good = m.request(0);
    let funder = m.funder.clone();
    let signing = Signing { accounts: vec![&funder], ..Signing::default() };
    // Another action, another price, another key, another expiry, another fee: every one of them is
    // part of the message.
    let mut lifted = Vec::new();
    for what in 0..4 {
        let mut other = good.clone();
        let mut request = m.package.request(&m.funder, &m.buyer, false);
        match what {
            0 => request.delivery_key = Buyer::new("eve").delivery_key,
            1 => request.auth_key = Wallet::new("eve").id(),
            2 => other.expiry_ms += 1,
            _ => other.fee.limit = Amount::new(5),
        }
        other.actions = Bounded::new(vec![Action::RequestDeal(request)]).unwrap();
        m.sim.resign(&mut other, &signing);
        lifted.push(other);
    }
    for other in lifted {
        assert_eq!(m.sim.submit(&other), Err(TxError::BadCredentialProof));
    }
    // Into an action that needs none.
    let mut other = good.clone();
    other.actions = Bounded::new(vec![transfer(&m.funder, &Wallet::new("eve"), 1)]).unwrap();
    m.sim.resign(&mut other, &signing);
    assert_eq!(m.sim.submit(&other), Err(TxError::CredentialNotUsed));
    m.sim.submit(&good).unwrap();
    let deal = deal_of(&good);
    assert_eq!(m.sim.deal(deal).delivery_key, m.buyer.delivery_key);
}

// ---- Roles ----

#[test]
fn roles_do_what_the_table_says_and_nothing_else() {
    let mut sim = Simulation::default();
    let (a, gateway) = (sim.registrars[0].clone(), sim.gateway.clone());
    let admit = |wallet: &Wallet, admission| {
        Action::Admit(galen_market::action::Admit {
            account: wallet.id(),
            admission,
            name: galen_market::testing::text("x"),
            url: galen_market::testing::text(""),
            evidence: Digest([1; 32]),
        })
    };
    let issuer = Wallet::new("university");
    let alone = sim.act(vec![admit(&issuer, Admission::Issuer)], &[&a]);
    assert_eq!(alone, Err(TxError::RegistrarsNeeded { needs: 2, signed: 1 }));
    sim.admit(&issuer, Admission::Issuer).unwrap();
    assert_eq!(
        sim.admit(&issuer, Admission::Issuer),
        Err(TxError::AlreadyAdmitted { role: Role::Issuer })
    );

    // A gateway makes its own currency only, and nobody makes stake.
    let bob = Wallet::new("bob");
    let mint = Action::Mint(Mint { gateway: bob.id(), to: bob.id(), money: euros(5) });
    let not_active = TxError::NotActive { role: Role::Gateway, account: bob.id() };
    assert_eq!(sim.act(vec![mint], &[&bob]), Err(not_active));
    let foreign =
        galen_market::amount::Money { currency: "USD".parse().unwrap(), amount: Amount::new(5) };
    let mint = Action::Mint(Mint { gateway: gateway.id(), to: bob.id(), money: foreign });
    assert_eq!(sim.act(vec![mint], &[&gateway]).unwrap_err().code(), "unknown_currency");

    // A suspended issuer does nothing, and its roots are refused.
    let suspend = Action::Suspend(Suspend {
        account: issuer.id(),
        role: Role::Issuer,
        evidence: Digest([2; 32]),
    });
    let b = sim.registrars[1].clone();
    sim.act(vec![suspend.clone()], &[&a, &b]).unwrap();
    assert_eq!(sim.act(vec![suspend], &[&a, &b]), Err(TxError::AlreadySuspended));
    let leaves = Bounded::new(vec![Scalar::from(9)]).unwrap();
    let insert = galen_market::action::InsertCredentials { issuer: issuer.id(), leaves };
    let insert = vec![Action::InsertCredentials(insert)];
    let not_active = TxError::NotActive { role: Role::Issuer, account: issuer.id() };
    assert_eq!(sim.act(insert.clone(), &[&issuer]), Err(not_active));
    sim.admit(&issuer, Admission::Issuer).unwrap();
    sim.act(insert, &[&issuer]).unwrap();

    // Nobody moves another's money.
    let ann = sim.funded("ann", 10);
    let theft = sim.act(vec![transfer(&ann, &bob, 10)], &[&bob]).unwrap_err();
    assert_eq!(theft.code(), "unauthorised");
    // A sponsor pays the fee of another's transfer.
    let sponsor = sim.funded("sponsor", 10);
    sim.act(vec![transfer(&ann, &bob, 10)], &[&sponsor, &ann]).unwrap();
}
