//! Attacks on transactions: replays, nonces, signatures, encodings, and money spent twice.

use super::*;

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
