//! Attacks on standing requests and on the deals that come of them.

use super::*;

#[test]
fn adversary_23_key_before_the_buyer_of_a_match_is_ready() {
    let mut m = market();
    let package = m.list("cohort", PRICE);
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    let early = m.deliver(deal, &package).unwrap_err();
    assert!(matches!(early, TxError::WrongStage { is: Stage::Agreed, needs: Stage::Ready, .. }));
    assert!(m.sim.deal(deal).envelope.is_none());
    m.ready(deal).unwrap();
    m.deliver(deal, &package).unwrap();
}

#[test]
fn adversary_26_dispute_of_a_match_refunds_the_buyer_and_not_the_request() {
    let mut m = market();
    let tamper =
        Tamper { ciphertext: &|at, bytes| bytes[20] ^= u8::from(at == 0), ..Tamper::default() };
    let false_package = TablePackage::tampered(&m.hospital, "files", PRICE, &[], &tamper);
    let hospital = m.hospital.clone();
    false_package.list(&mut m.sim, &hospital).unwrap();
    let before = m.sim.balance(&m.funder);
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    m.ready(deal).unwrap();
    m.deliver(deal, &false_package.package).unwrap();
    let evidence = false_package.evidence(&mut m.sim, deal, 0);
    let buyer = m.buyer.clone();
    let dispute = m.sim.dispute(evidence, &buyer);
    m.sim.submit(&dispute).unwrap();
    assert!(matches!(m.sim.deal(deal).termination, Some(Termination::Disputed { .. })));
    assert_eq!((m.ending(standing), m.purse(standing)), (Some(Ending::Fulfilled), 0));
    let fees = before + COMPENSATION - m.sim.balance(&m.funder);
    assert!(fees < m.least(), "{fees}");
    // The twin: a true package is not disputable, and is paid.
    let true_package = TablePackage::new(&m.hospital, "true files", PRICE, &[]);
    true_package.list(&mut m.sim, &hospital).unwrap();
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    m.ready(deal).unwrap();
    m.deliver(deal, &true_package.package).unwrap();
    let evidence = true_package.evidence(&mut m.sim, deal, 0);
    let dispute = m.sim.dispute(evidence, &buyer);
    assert_eq!(m.sim.submit(&dispute), Err(TxError::DisputeUnfounded { segment: 0 }));
    m.past(deal);
    assert_eq!(m.sim.deal(deal).stage, Stage::Finalized);
}

#[test]
fn adversary_28_late_delivery_of_a_match_compensates_once_and_looks_elsewhere() {
    let mut m = market();
    let package = m.list("cohort", PRICE);
    let other = m.list("another", PRICE);
    let standing = m.post();
    m.tick();
    let late = m.matched(standing).unwrap();
    m.ready(late).unwrap();
    let (before, purse) = (m.sim.balance(&m.funder), m.purse(standing));
    assert_eq!(purse, 0);
    m.past(late);
    assert_eq!(m.sim.deal(late).termination, Some(Termination::NotDelivered));
    // Compensation is the buyer's; the price waits for another listing, not of a stopped institution.
    assert_eq!(m.sim.balance(&m.funder), before + COMPENSATION);
    assert!(m.purse(standing) > PRICE);
    m.tick();
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    let delivery = m.deliver(late, &package).unwrap_err();
    assert!(matches!(delivery, TxError::WrongStage { is: Stage::Terminated, .. }));
    let resume = ResumeListings { institution: m.hospital.id() };
    m.act(Action::ResumeListings(resume)).unwrap();
    m.tick();
    // The fee of the first `ready` was paid out of the allowance, which is too small now.
    assert_eq!(m.matched(standing), None);
    let richer = m
        .post_with(|post| {
            post.max_price = euros(PRICE + 1_000);
            post.institutions = Bounded::default();
        })
        .unwrap();
    m.tick();
    let deal = m.matched(richer).unwrap();
    assert_eq!(m.sim.deal(deal).listing, package.listing());
    m.ready(deal).unwrap();
    m.past(deal);
    let resume = ResumeListings { institution: m.hospital.id() };
    m.act(Action::ResumeListings(resume)).unwrap();
    m.tick();
    // Not the listing that failed it.
    let deal = m.matched(richer).unwrap();
    assert_eq!(m.sim.deal(deal).listing, other.listing());
    m.ready(deal).unwrap();
    m.deliver(deal, &other).unwrap();
    assert_eq!(m.ending(richer), Some(Ending::Fulfilled));
}

#[test]
fn adversary_28b_matches_without_ready_lock_no_bond_and_come_back_once() {
    let mut m = market();
    let package = m.list("cohort", PRICE);
    let standing = m.post();
    m.tick();
    let bond = m.sim.purse(&Purse::Bond(m.hospital.id()));
    let deal = m.matched(standing).unwrap();
    assert_eq!(bond, BOND);
    m.past(deal);
    assert_eq!(m.sim.deal(deal).termination, Some(Termination::NotReady));
    assert_eq!(m.purse(standing), PRICE + m.least());
    // However often the institution revises, the request meets a listing once.
    for _ in 0..3 {
        m.revise(&package, |_| {});
        m.tick();
        assert_eq!(m.sim.standing(standing).status, Status::Open);
    }
    assert_eq!(m.sim.standing(standing).matches.len(), 1);
    // The twin is matched and takes the bond with `ready`.
    let second = m.list("another", PRICE);
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.purse(&Purse::Bond(m.hospital.id())), BOND);
    m.ready(deal).unwrap();
    assert_eq!(m.sim.purse(&Purse::Bond(m.hospital.id())), BOND - COMPENSATION);
    m.deliver(deal, &second).unwrap();
}

#[test]
fn adversary_28b_many_standing_requests_and_one_seat() {
    let mut m = market();
    let mut package = FilePackage::new(&m.hospital, "cohort", PRICE);
    package.draft.offer.max_undelivered = 1;
    let (first, second) = (m.post(), m.post());
    let hospital = m.hospital.clone();
    m.sim.list(&hospital, &package).unwrap();
    m.tick();
    let (a, b) = (m.matched(first).unwrap(), m.matched(second).unwrap());
    m.ready(b).unwrap();
    m.ready(a).unwrap();
    assert_eq!(m.sim.deal(b).stage, Stage::Ready);
    assert_eq!(m.sim.deal(a).termination, Some(Termination::NoSeat));
    assert_eq!(m.sim.standing(first).status, Status::Open);
    m.deliver(b, &package).unwrap();
    assert_eq!(m.ending(second), Some(Ending::Fulfilled));
    // It left the place to the other and meets the next listing.
    m.list("another", PRICE - 500);
    m.tick();
    assert!(m.matched(first).is_some());
}

#[test]
fn adversary_28c_fees_of_a_standing_request_pay_nothing_else() {
    let mut m = market();
    let (own, other) = (m.post(), m.post());
    let buyer = m.buyer.clone();
    let cancel = |standing| Action::CancelStanding(CancelStanding { standing });
    let signing = |payer| Signing {
        payer: Some(FeePayer::Standing(payer)),
        deal_key: Some(&buyer.auth),
        ..Signing::default()
    };
    let foreign = m.sim.sign_with(vec![cancel(own)], &signing(other));
    let refused = TxError::FeeNotOfStanding { standing: other };
    assert_eq!(m.sim.check(&foreign).unwrap_err(), refused);
    let two = m.sim.sign_with(vec![cancel(own), cancel(own)], &signing(own));
    assert_eq!(m.sim.check(&two).unwrap_err(), TxError::FeeNotOfStanding { standing: own });
    // Whoever has another key cannot take it back, nor spend its purse.
    let thief = Wallet::new("thief");
    let stolen = m.sim.cancel(own, &thief).unwrap_err();
    assert_eq!(stolen.code(), "unauthorised");
    assert_eq!(m.purse(own), PRICE + m.least());
    let before = m.sim.balance(&m.funder);
    let receipt = m.sim.cancel(own, &buyer.auth).unwrap();
    let fee = receipt.fee.amount.units();
    assert!(fee > 0);
    assert_eq!(m.sim.balance(&m.funder), before + PRICE + m.least() - fee);
    let again = m.sim.cancel(own, &buyer.auth).unwrap_err();
    assert_eq!(again, TxError::StandingEnded { standing: own, ending: Ending::Cancelled });
}

#[test]
fn adversary_29_buyer_gone_gets_everything_back_when_the_time_is_over() {
    let mut m = market();
    let before = m.sim.balance(&m.funder);
    let gone = m.post_with(|post| post.for_ms = 30 * MINUTE).unwrap();
    let fee = before - m.sim.balance(&m.funder) - PRICE - m.least();
    m.sim.advance(30 * MINUTE);
    assert_eq!(m.ending(gone), Some(Ending::Expired));
    assert_eq!(m.sim.balance(&m.funder), before - fee);
    let late = m.sim.cancel(gone, &m.buyer.auth.clone()).unwrap_err();
    assert_eq!(late, TxError::StandingEnded { standing: gone, ending: Ending::Expired });
    // One that ends while a deal is under way: the deal goes on, and its money has a place to go.
    let package = m.list("cohort", PRICE);
    let standing = m.post_with(|post| post.for_ms = MINUTE).unwrap();
    m.tick();
    let deal = m.matched(standing).unwrap();
    m.sim.advance(MINUTE);
    assert_eq!(m.ending(standing), Some(Ending::Expired));
    let between = m.sim.balance(&m.funder);
    m.past(deal);
    assert_eq!(m.sim.deal(deal).termination, Some(Termination::NotReady));
    assert_eq!(m.sim.balance(&m.funder), between + PRICE + m.least());
    // The twin goes through after its request has ended.
    let standing = m.post_with(|post| post.for_ms = MINUTE).unwrap();
    m.tick();
    let deal = m.matched(standing).unwrap();
    m.sim.advance(MINUTE);
    m.ready(deal).unwrap();
    m.deliver(deal, &package).unwrap();
    assert_eq!(m.sim.deal(deal).stage, Stage::Verified);
}

#[test]
fn adversary_30_envelope_of_an_earlier_match() {
    let mut m = market();
    let first = m.list("cohort", PRICE);
    let standing = m.post_with(|post| post.max_price = euros(2 * PRICE)).unwrap();
    m.tick();
    let late = m.matched(standing).unwrap();
    m.ready(late).unwrap();
    let envelope = m.sim.delivery(late, &first);
    m.past(late);
    let resume = ResumeListings { institution: m.hospital.id() };
    m.act(Action::ResumeListings(resume)).unwrap();
    let second = m.list("another", PRICE);
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).delivery_key, m.sim.deal(late).delivery_key);
    m.ready(deal).unwrap();
    // The same key of the buyer, and yet another deal.
    let Action::Deliver(deliver) = envelope.actions[0].clone() else { panic!("a delivery") };
    let replayed = Deliver { deal, ..deliver };
    let signing = Signing { payer: Some(FeePayer::Deal(deal)), ..Signing::default() };
    let replayed = m.sim.sign_with(vec![Action::Deliver(replayed)], &signing);
    assert_eq!(m.sim.submit(&replayed).unwrap_err().code(), "bad_envelope");
    m.deliver(deal, &second).unwrap();
}

#[test]
fn adversary_33a_dispute_of_another_buyer_ends_a_match() {
    let mut m = market();
    let tamper =
        Tamper { ciphertext: &|at, bytes| bytes[20] ^= u8::from(at == 0), ..Tamper::default() };
    let package = TablePackage::tampered(&m.hospital, "files", PRICE, &[], &tamper);
    let hospital = m.hospital.clone();
    package.list(&mut m.sim, &hospital).unwrap();
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    // Another buyer disputes.
    let other = Buyer::new("other");
    let allowance = m.sim.genesis.currencies[0].fees.deal_allowance().unwrap();
    let request = RequestDeal { allowance, ..package.package.request(&m.funder, &other, true) };
    let (funder, researcher) = (m.funder.clone(), m.researcher.clone());
    let request = m.sim.request(request, &funder, &researcher, 0);
    m.sim.submit(&request).unwrap();
    m.deliver(deal_of(&request), &package.package).unwrap();
    let evidence = package.evidence(&mut m.sim, deal_of(&request), 0);
    let dispute = m.sim.dispute(evidence, &other);
    m.sim.submit(&dispute).unwrap();
    m.tick();
    assert_eq!(m.sim.deal(deal).termination, Some(Termination::PackageRefunded));
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    assert_eq!(m.purse(standing), PRICE + m.least());
    // The twin: another package is taken.
    m.list("true", PRICE);
    m.tick();
    assert!(m.matched(standing).is_some());
}

#[test]
fn adversary_33c_a_stalled_ledger_ends_no_standing_request() {
    let mut m = market();
    let standing = m.post_with(|post| post.for_ms = 30 * MINUTE).unwrap();
    m.sim.stall(24 * 60 * MINUTE);
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    m.list("cohort", PRICE);
    m.tick();
    assert!(m.matched(standing).is_some());
    let twin = m.post_with(|post| post.for_ms = 30 * MINUTE).unwrap();
    m.sim.advance(30 * MINUTE);
    assert_eq!(m.ending(twin), Some(Ending::Expired));
}

#[test]
fn adversary_37_credential_revoked_after_the_request_was_posted() {
    let mut m = market();
    let package = m.list("cohort", PRICE);
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    // A `ready` without a credential is that of an ordinary deal.
    let buyer = m.buyer.clone();
    assert_eq!(m.sim.ready(deal, &buyer), Err(TxError::CredentialRequired));
    let path = m.researcher.path(&m.sim);
    let issuer = Wallet::new("university");
    let places = Bounded::new(vec![0]).unwrap();
    let revoke = RevokeCredentials { issuer: issuer.id(), places };
    m.sim.act(vec![Action::RevokeCredentials(revoke)], &[&issuer]).unwrap();
    m.sim.advance(10 * MINUTE);
    let signing = Signing {
        payer: Some(FeePayer::Deal(deal)),
        deal_key: Some(&buyer.auth),
        credential: Some((&m.researcher, 0)),
        path: Some(path),
        ..Signing::default()
    };
    let ready = m.sim.sign_with(vec![Action::Ready(Ready { deal })], &signing);
    assert_eq!(m.sim.submit(&ready), Err(TxError::UnknownRoot { issuer: issuer.id() }));
    // The twin is enrolled anew, and what it shows must meet the terms.
    let mut again = Researcher::new("bea");
    m.sim.enrol(&issuer, &mut again);
    let weak = Signing {
        payer: Some(FeePayer::Deal(deal)),
        deal_key: Some(&buyer.auth),
        credential: Some((&again, 0)),
        purposes: Some(0),
        ..Signing::default()
    };
    let weak = m.sim.sign_with(vec![Action::Ready(Ready { deal })], &weak);
    assert_eq!(m.sim.submit(&weak), Err(TxError::NoLongerQualified { deal }));
    let ready = m.sim.accredited(deal, &buyer, &again, 1);
    m.sim.submit(&ready).unwrap();
    m.deliver(deal, &package).unwrap();
    // An ordinary deal takes no credential with `ready`.
    let allowance = m.sim.genesis.currencies[0].fees.standing_allowance().unwrap();
    let request = RequestDeal { allowance, ..package.request(&m.funder, &buyer, false) };
    let funder = m.funder.clone();
    let request = m.sim.request(request, &funder, &again, 5);
    m.sim.submit(&request).unwrap();
    let ready = m.sim.accredited(deal_of(&request), &buyer, &again, 2);
    assert_eq!(m.sim.submit(&ready), Err(TxError::CredentialNotUsed));
    m.sim.ready(deal_of(&request), &buyer).unwrap();
}
