//! Withdrawal, takedown, and versions that supersede.

use galen_market::deal::{Stage, Termination};
use galen_market::error::TxError;
use galen_market::event::Event;
use galen_market::id::{DealId, Digest};
use galen_market::listing::Standing;
use galen_market::payment::{DealPurse, Purse};
use galen_market::testing::{Buyer, text};

use crate::market::{Market, draft, market, market_with, superseding};

#[test]
fn adversary_28a_a_takedown_ends_what_waits_and_not_what_is_ready() {
    let mut m = market();
    let mut package = m.package("cohort");
    package.draft.offer.terms.review_ms = Some(60_000);
    package.draft.offer.terms.review_all = true;
    let plain = m.package("plain");
    m.list(&package).unwrap();
    m.list(&plain).unwrap();
    let (ada, bob) = (Buyer::new("ada"), Buyer::new("bob"));
    let before = m.funds();
    let request = package.request(&m.funder, &ada, true);
    let requested = m.ask(request).unwrap();
    let request = plain.request(&m.funder, &bob, false);
    let agreed = m.ask(request).unwrap();
    let ready = m.waiting(&plain, &Buyer::new("carol"));
    let verified = m.waiting(&plain, &Buyer::new("dora"));
    let delivery = m.sim.delivery(verified, &plain);
    m.sim.submit(&delivery).unwrap();
    // One registrar is not enough, and a reason must be given.
    let alone = m.take_down(&plain, 1).map(drop);
    assert_eq!(alone, Err(TxError::RegistrarsNeeded { needs: 2, signed: 1 }));
    m.take_down(&package, 2).unwrap();
    let receipt = m.take_down(&plain, 2).unwrap();
    let evidence = Digest([5; 32]);
    let reason = text("consent was withdrawn");
    let event = Event::ListingTakenDown { listing: plain.listing(), reason, evidence };
    assert!(receipt.events.contains(&event));
    let closing = m.listing(&plain).closing.unwrap();
    assert_eq!(closing.evidence, Some(evidence));
    // What nobody waits for ends; what is ready or delivered goes on and is paid.
    m.sim.advance(1_000);
    assert_eq!(m.ended(requested), Termination::TakenDown);
    assert_eq!(m.ended(agreed), Termination::TakenDown);
    assert_eq!((m.stage(ready), m.stage(verified)), (Stage::Ready, Stage::Verified));
    m.deliver(ready, &plain);
    assert_eq!(m.stage(verified), Stage::Finalized);
    let price = plain.draft.offer.tiers[0].price.amount.units();
    assert_eq!(m.funds(), before - 2 * price);
    // It is for good.
    let again = plain.request(&m.funder, &Buyer::new("eve"), true);
    assert_eq!(m.ask(again), Err(TxError::ListingTakenDown));
    assert_eq!(m.revise(&plain, plain.draft.offer.clone()), Err(TxError::ListingTakenDown));
    assert_eq!(m.withdraw(&plain, "as if it were ours"), Err(TxError::ListingTakenDown));
    assert_eq!(m.act(draft(&plain)), Err(TxError::ListingTakenDown));
    assert_eq!(m.take_down(&plain, 2).map(drop), Err(TxError::ListingTakenDown));
    m.sim.replay();
}

#[test]
fn adversary_28_takedown_piece_by_piece() {
    let mut m = market_with(|genesis| genesis.parameters.due_max = 1);
    let package = m.package("cohort");
    m.list(&package).unwrap();
    let buyers: Vec<Buyer> = (0..4).map(|n| Buyer::new(&format!("buyer {n}"))).collect();
    let mut deals: Vec<DealId> = Vec::new();
    for buyer in &buyers {
        let request = package.request(&m.funder, buyer, false);
        deals.push(m.ask(request).unwrap());
    }
    // One of them is ready, and is passed over.
    m.sim.ready(deals[2], &buyers[2]).unwrap();
    m.take_down(&package, 2).unwrap();
    // Whoever comes before the queue does finds the deal ended.
    let unready: Vec<usize> = (0..4).filter(|at| *at != 2).collect();
    let codes: Vec<&str> = unready
        .iter()
        .map(|at| m.sim.ready(deals[*at], &buyers[*at]).map(drop).unwrap_err().code())
        .collect();
    let early = codes.iter().filter(|code| **code == "listing_taken_down").count();
    let ended = codes.iter().filter(|code| **code == "wrong_stage").count();
    assert!(early >= 2 && early + ended == 3, "{codes:?}");
    let open = |m: &Market| deals.iter().filter(|deal| !m.stage(**deal).is_final()).count();
    let mut left = open(&m);
    for _ in 0..6 {
        m.sim.advance(1_000);
        assert!(left - open(&m) <= 1, "one piece a block");
        left = open(&m);
    }
    assert_eq!(left, 1);
    assert_eq!(m.stage(deals[2]), Stage::Ready);
    for deal in [deals[0], deals[1], deals[3]] {
        assert_eq!(m.ended(deal), Termination::TakenDown);
        let held = [DealPurse::Price, DealPurse::Allowance, DealPurse::Bond]
            .map(|part| m.sim.purse(&Purse::Deal(deal, part)));
        assert_eq!(held, [0, 0, 0]);
    }
    m.deliver(deals[2], &package);
}

#[test]
fn a_withdrawal_has_a_reason_and_is_taken_back_by_a_new_offer() {
    let mut m = market();
    let package = m.package("cohort");
    m.list(&package).unwrap();
    assert_eq!(m.withdraw(&package, "  "), Err(TxError::ReasonRequired));
    m.withdraw(&package, "a column was mislabelled").unwrap();
    let closing = m.listing(&package).closing.unwrap();
    assert_eq!((closing.reason.as_str(), closing.evidence), ("a column was mislabelled", None));
    let request = package.request(&m.funder, &Buyer::new("ada"), true);
    assert_eq!(m.ask(request), Err(TxError::ListingNotLive));
    m.revise(&package, package.draft.offer.clone()).unwrap();
    assert_eq!((m.listing(&package).closing, m.listing(&package).standing), (None, Standing::Live));
    // Registrars take a withdrawn listing down too.
    m.withdraw(&package, "again").unwrap();
    m.take_down(&package, 2).unwrap();
    assert_eq!(m.listing(&package).standing, Standing::TakenDown);
}

#[test]
fn a_version_points_to_the_newer_one_once_that_is_live() {
    let mut m = market();
    let first = m.package("first");
    m.list(&first).unwrap();
    let next = superseding(m.package("next"), &first);
    m.list(&next).unwrap();
    assert_eq!(m.listing(&first).superseded_by, Some(next.listing().package));
    assert_eq!(m.listing(&next).superseded_by, None);
    // It is still sold.
    m.bought(&first, &Buyer::new("ada"));
}
