//! Attacks on credentials: their keys, nullifiers, revocation and dates.

use super::*;

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
