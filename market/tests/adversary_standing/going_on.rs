//! How standing requests go on and end, and the bounds of matching.

use super::*;

#[test]
fn stopped_and_suspended_institutions_are_matched_when_they_act_again() {
    let mut m = market();
    let clinic = institution(&mut m.sim, "clinic");
    let only_clinic = |post: &mut PostStanding| {
        post.institutions = Bounded::new(vec![Wallet::new("clinic").id()]).unwrap();
    };
    let package = FilePackage::new(&clinic, "ward", PRICE);
    m.sim.list(&clinic, &package).unwrap();
    let suspend =
        Suspend { account: clinic.id(), role: Role::Institution, evidence: Digest([2; 32]) };
    let (a, b) = (m.sim.registrars[0].clone(), m.sim.registrars[1].clone());
    m.sim.act(vec![Action::Suspend(suspend)], &[&a, &b]).unwrap();
    let standing = m.post_with(only_clinic).unwrap();
    m.list("cohort", PRICE);
    m.tick();
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    m.sim.admit(&clinic, Admission::Institution).unwrap();
    m.tick();
    assert!(m.matched(standing).is_some());
}

#[test]
fn matching_is_bounded_a_block_and_the_oldest_request_comes_first() {
    let mut m = market_with(|genesis| genesis.parameters.match_max = 2);
    let mut offer = FilePackage::new(&m.hospital, "cohort", PRICE);
    offer.draft.offer.terms.clauses = Bounded::new(vec![Clause::plain(duo::GRU)]).unwrap();
    let all: Vec<StandingId> = (0..5).map(|_| m.post()).collect();
    m.tick();
    let hospital = m.hospital.clone();
    m.sim.list(&hospital, &offer).unwrap();
    let matched = |m: &Market| -> Vec<bool> {
        all.iter().map(|standing| m.matched(*standing).is_some()).collect()
    };
    assert!(m.sim.ledger.next_deadline(&m.sim.state).unwrap().unwrap() <= m.sim.uptime_ms());
    m.tick();
    assert_eq!(matched(&m), [true, true, false, false, false]);
    m.tick();
    assert_eq!(matched(&m), [true, true, true, true, false]);
    m.tick();
    assert_eq!(matched(&m), [true; 5]);
    assert!(m.sim.ledger.next_deadline(&m.sim.state).unwrap().unwrap() > m.sim.uptime_ms());
}

#[test]
fn a_request_meets_so_many_listings_and_no_more() {
    let mut m = market_with(|genesis| genesis.parameters.ready_ms = MINUTE);
    let standing = m.post();
    let before = m.sim.balance(&m.funder);
    for number in 0..galen_market::wanted::MAX_MATCHES {
        m.list(&format!("cohort {number}"), PRICE);
        m.tick();
        let deal = m.matched(standing).unwrap();
        m.past(deal);
    }
    assert_eq!(m.ending(standing), Some(Ending::Exhausted));
    assert_eq!(m.sim.balance(&m.funder), before + PRICE + m.least());
    m.list("one more", PRICE);
    m.tick();
    assert_eq!(m.purse(standing), 0);
}

/// A request for what is free holds nothing but fees: it waits while they are enough for one deal more.
#[test]
fn a_request_for_what_is_free_ends_when_a_deal_has_used_up_its_fees() {
    let mut m = market();
    m.list("free", 0);
    let standing = m.post_with(|post| post.max_price = euros(0)).unwrap();
    m.tick();
    // Nobody is ready: no fee is paid, and exactly enough is left.
    let first = m.matched(standing).unwrap();
    m.past(first);
    assert_eq!(m.sim.deal(first).termination, Some(Termination::NotReady));
    assert_eq!(m.purse(standing), m.least());
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    m.list("free, too", 0);
    m.tick();
    // The next one pays for `ready`, and its key does not come: too little is left for a third.
    let second = m.matched(standing).unwrap();
    m.ready(second).unwrap();
    let left = m.sim.purse(&Purse::Deal(second, DealPurse::Allowance));
    assert!(0 < left && left < m.least());
    let before = m.sim.balance(&m.funder);
    m.past(second);
    assert_eq!(m.sim.deal(second).termination, Some(Termination::NotDelivered));
    assert_eq!(m.ending(standing), Some(Ending::Exhausted));
    assert_eq!(m.purse(standing), 0);
    assert!(m.sim.balance(&m.funder) >= before + left);
}

#[test]
fn a_reviewed_match_goes_on_when_it_is_refused() {
    let mut m = market();
    let mut package = FilePackage::new(&m.hospital, "cohort", PRICE);
    package.draft.offer.terms.review_ms = Some(10 * MINUTE);
    package.draft.offer.terms.review_all = true;
    let hospital = m.hospital.clone();
    m.sim.list(&hospital, &package).unwrap();
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).stage, Stage::Requested);
    let review = ReviewDeal { institution: hospital.id(), deal, accept: false, reason: text("no") };
    let receipt = m.sim.act(vec![Action::ReviewDeal(review)], &[&hospital]).unwrap();
    let reopened = Event::StandingReopened { standing, deal };
    assert!(receipt.events.contains(&reopened), "{receipt:?}");
    assert_eq!(m.sim.purse(&Purse::Deal(deal, DealPurse::Price)), 0);
    let mut cheaper = FilePackage::new(&m.hospital, "another", PRICE);
    change_tier(&mut cheaper.draft.offer, |tier| tier.price = euros(PRICE - 1));
    m.sim.list(&hospital, &cheaper).unwrap();
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).price, euros(PRICE - 1));
}

/// A listing that has sold all its licences would hold requests up, and use up their matches.
#[test]
fn a_listing_that_is_sold_out_matches_nothing() {
    let mut m = market();
    let mut package = FilePackage::new(&m.hospital, "only one", PRICE);
    package.draft.offer.max_licences = Some(1);
    m.sim.list(&m.hospital.clone(), &package).unwrap();
    let allowance = m.sim.genesis.currencies[0].fees.deal_allowance().unwrap();
    let first = Buyer::new("first");
    let request = RequestDeal { allowance, ..package.request(&m.funder, &first, true) };
    let (funder, researcher) = (m.funder.clone(), m.researcher.clone());
    let request = m.sim.request(request, &funder, &researcher, 0);
    m.sim.submit(&request).unwrap();
    let sold = deal_of(&request);
    assert_eq!(m.sim.deal(sold).stage, Stage::Ready);
    let standing = m.post();
    m.tick();
    assert_eq!(m.matched(standing), None);
    assert!(m.sim.standing(standing).matches.is_empty());
    // The licence returns, and the institution acts again.
    m.past(sold);
    let resume = ResumeListings { institution: m.hospital.id() };
    m.act(Action::ResumeListings(resume)).unwrap();
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).listing, package.listing());
}
