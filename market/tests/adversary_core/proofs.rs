//! Attacks on the proofs that transactions carry.

use super::*;

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
