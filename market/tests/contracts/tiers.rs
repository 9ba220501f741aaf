//! Prices, seats and limited licences.

use galen_market::action::trade::RequestDeal;
use galen_market::amount::Amount;
use galen_market::codec::Bounded;
use galen_market::deal::Termination;
use galen_market::error::TxError;
use galen_market::listing::{Seats, Tier};
use galen_market::state_key;
use galen_market::terms::PurposeKind;
use galen_market::testing::{Buyer, FilePackage, euros, text};

use crate::market::{Market, PRICE, market, with_tier};

fn tiered(m: &Market) -> FilePackage {
    let mut package = with_tier(m.package("cohort"), |tier| {
        tier.seats = Seats { included: 2, extra: Amount::new(100), most: 5 };
    });
    let health = Tier {
        name: text("health"),
        purposes: Bounded::new(vec![PurposeKind::Health]).unwrap(),
        price: euros(PRICE / 2),
        ..package.draft.offer.tiers[0].clone()
    };
    let tiers = vec![package.draft.offer.tiers[0].clone(), health];
    package.draft.offer.tiers = Bounded::new(tiers).unwrap();
    package
}

#[test]
fn adversary_33_price_tier_and_seats_of_the_buyers_own() {
    let mut m = market();
    let package = tiered(&m);
    m.list(&package).unwrap();
    let honest = RequestDeal {
        seats: 5,
        price: euros(PRICE + 300),
        ..package.request(&m.funder, &Buyer::new("ada"), true)
    };
    let offer = &package.draft.offer;
    let health = &offer.tiers[1];
    let seats = |got| TxError::BadSeats { got, least: 2, most: 5 };
    let changed = TxError::OfferChanged { version: 1 };
    let cases = [
        (RequestDeal { price: euros(PRICE + 299), ..honest.clone() }, changed.clone()),
        (RequestDeal { price: euros(PRICE + 301), ..honest.clone() }, changed.clone()),
        // The price of five seats for four, and of two for five.
        (RequestDeal { seats: 4, ..honest.clone() }, changed.clone()),
        (RequestDeal { price: euros(PRICE), ..honest.clone() }, changed.clone()),
        (RequestDeal { seats: 0, ..honest.clone() }, seats(0)),
        (RequestDeal { seats: 1, ..honest.clone() }, seats(1)),
        (RequestDeal { seats: 6, ..honest.clone() }, seats(6)),
        (RequestDeal { seats: u32::MAX, ..honest.clone() }, seats(u32::MAX)),
        (
            RequestDeal { tier: text("gold"), ..honest.clone() },
            TxError::UnknownTier { tier: "gold".to_owned() },
        ),
        // The cheap tier is for health research, and this is any research.
        (
            RequestDeal {
                tier: health.name.clone(),
                terms: health.agreement(&offer.terms),
                price: health.total(5).unwrap(),
                ..honest.clone()
            },
            TxError::TierNotForPurpose { tier: "health".to_owned() },
        ),
        // The price of this tier under what was agreed for the other, and the terms alone.
        (RequestDeal { terms: health.agreement(&offer.terms), ..honest.clone() }, changed.clone()),
        (RequestDeal { terms: offer.terms.hash(), ..honest.clone() }, changed),
    ];
    let before = m.funds();
    for (request, error) in cases {
        assert_eq!(m.ask(request), Err(error));
    }
    assert_eq!(m.funds(), before);
    let deal = m.ask(honest).unwrap();
    m.deliver(deal, &package);
    let licence = m.sim.read(&state_key::licence(&deal)).unwrap();
    assert_eq!((licence.tier.as_str(), licence.seats), ("standard", 5));
    assert_eq!(m.funds(), before - PRICE - 300);
}

#[test]
fn adversary_04_price_times_seats_beyond_what_there_can_be() {
    let mut m = market();
    let priced = |m: &Market, extra, most| {
        with_tier(m.package("cohort"), |tier| {
            tier.seats = Seats { included: 1, extra: Amount::new(extra), most };
        })
    };
    let error = m.list(&priced(&m, u64::MAX / 2, 4)).unwrap_err();
    assert_eq!(error.code(), "bad_terms", "{error}");
    // The last price that fits, which nobody can pay.
    let dear = priced(&m, u64::MAX - PRICE, 2);
    m.list(&dear).unwrap();
    let request = dear.request(&m.funder, &Buyer::new("ada"), true);
    let all = RequestDeal { seats: 2, price: euros(u64::MAX), ..request.clone() };
    assert_eq!(m.ask(all).unwrap_err().code(), "insufficient_funds");
    m.ask(request).unwrap();
}

#[test]
fn adversary_28b_more_licences_than_are_sold() {
    let mut m = market();
    let mut package = m.package("cohort");
    package.draft.offer.max_licences = Some(1);
    m.list(&package).unwrap();
    let (first, second) = (Buyer::new("first"), Buyer::new("second"));
    let request = |m: &Market, buyer: &Buyer| package.request(&m.funder, buyer, false);
    let before = m.funds();
    // Who is not ready takes no licence.
    let asked = [m.ask(request(&m, &first)).unwrap(), m.ask(request(&m, &second)).unwrap()];
    m.sim.ready(asked[0], &first).unwrap();
    m.sim.ready(asked[1], &second).unwrap();
    assert_eq!(m.ended(asked[1]), Termination::NoSeat);
    assert_eq!(m.ask(request(&m, &Buyer::new("third"))), Err(TxError::SoldOut { max: 1 }));
    assert_eq!(m.listing(&package).licences, 1);
    // What is not delivered comes back, and is sold once.
    m.sim.advance(m.sim.genesis.parameters.deliver_ms);
    assert_eq!(m.ended(asked[0]), Termination::NotDelivered);
    assert_eq!(m.listing(&package).licences, 0);
    let institution = m.hospital.id();
    let resume = galen_market::action::trade::ResumeListings { institution };
    m.act(galen_market::action::Action::ResumeListings(resume)).unwrap();
    let (_, _) = m.bought(&package, &Buyer::new("fourth"));
    assert_eq!(m.listing(&package).licences, 1);
    assert_eq!(m.ask(request(&m, &Buyer::new("fifth"))), Err(TxError::SoldOut { max: 1 }));
    let compensation = PRICE / 10;
    assert_eq!(m.funds(), before - PRICE + compensation);
    m.sim.replay();
}
