//! Headers, proofs and records of a node, checked by a light client that trusts the genesis alone.

use galen_api::{LineageKind, codes};
use galen_light::Anchor;
use galen_market::action::{Action, DepositBond};
use galen_market::amount::Asset;
use galen_market::codec::{Bounded, Text};
use galen_market::deal::Stage;
use galen_market::event::Event;
use galen_market::id::{AccountId, DealId};
use galen_market::identity::presentation::DAY_MS;
use galen_market::listing::ListingId;
use galen_market::payment::Purse;
use galen_market::state_key;
use galen_market::testing::{
    Buyer, FilePackage, Researcher, Simulation, Wallet, deal_of, eur, euros,
};

use crate::place::{Place, error_code, get, now_ms, place, replay};

pub struct Sold {
    pub hospital: Wallet,
    funder: Wallet,
    pub first: ListingId,
    second: ListingId,
    pub deal: DealId,
}

/// A package, another that is derived from it, and a deal about the first whose key was delivered.
pub fn sold(simulation: &mut Simulation) -> Sold {
    let hospital = simulation.institution("hospital", 1_000_000);
    let bond = DepositBond { institution: hospital.id(), money: euros(100_000) };
    simulation.act(vec![Action::DepositBond(bond)], &[&hospital]).unwrap();
    let issuer = simulation.issuer("university");
    let mut researcher = Researcher::new("ada");
    researcher.attributes.expiry = u32::try_from(now_ms() / DAY_MS).unwrap() + 365;
    simulation.enrol(&issuer, &mut researcher);
    let funder = simulation.funded("one-time account", 50_000);
    let first = FilePackage::new(&hospital, "hearts", 10_000);
    simulation.list(&hospital, &first).unwrap();
    let mut second = FilePackage::new(&hospital, "old hearts", 5_000);
    second.draft.lineage.parents = Bounded::new(vec![first.listing()]).unwrap();
    second.draft.lineage.step = Text::new("hearts of the years before").unwrap();
    simulation.list(&hospital, &second).unwrap();
    let request = first.request(&funder, &Buyer::new("ada"), true);
    let request = simulation.request(request, &funder, &researcher, 0);
    simulation.submit(&request).unwrap();
    let deal = deal_of(&request);
    let delivery = simulation.delivery(deal, &first);
    simulation.submit(&delivery).unwrap();
    Sold { hospital, funder, first: first.listing(), second: second.listing(), deal }
}

fn wait_for(place: &Place, deal: &DealId, stage: Stage) {
    for _ in 0..600 {
        if place.client.deal(deal).unwrap().deal.stage == stage {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{deal} never came to {stage}");
}

#[test]
fn everything_that_is_recorded_can_be_proven_from_the_genesis() {
    let mut simulation = Simulation::with(|genesis| {
        genesis.time_ms = now_ms() - 20_000;
        genesis.parameters.dispute_ms = 1_000;
        genesis.parameters.max_idle_ms = 1_000;
    });
    let sold = sold(&mut simulation);
    let place = place(&simulation);
    let client = &place.client;
    replay(&place, &simulation);
    wait_for(&place, &sold.deal, Stage::Finalized);

    // Every header from the genesis on, one after the other and the last at once.
    let anchor = Anchor::genesis(&client.genesis().unwrap()).unwrap();
    let height = client.status().unwrap().height;
    let headers: Vec<_> = (1..=height).map(|height| client.header(height).unwrap()).collect();
    anchor.follow(&headers, now_ms()).unwrap();
    anchor.follow(&headers[headers.len() - 1..], now_ms()).unwrap();
    for block in &headers {
        assert_eq!(block.header.id().0, client.block(block.header.height).unwrap().id.0);
    }

    // Values and their absence, of one state.
    let euros = Asset::Currency(eur());
    let there = state_key::balance(&Purse::Account(sold.hospital.id()), &euros);
    let nobody = state_key::balance(&Purse::Account(AccountId([7; 32])), &euros);
    let keys = [there.as_bytes().to_vec(), nobody.as_bytes().to_vec()];
    let found = client.proofs(&keys).unwrap();
    anchor.follow(std::slice::from_ref(&found.block), now_ms()).unwrap();
    for proof in &found.proofs {
        proof.verify(&found.block.header.state_root).unwrap();
    }
    assert!(found.proofs[0].value.is_some() && found.proofs[1].value.is_none());

    // Movements add up to what the account holds.
    let account = sold.hospital.id();
    let moved = client.movements_of(&account, height).unwrap();
    let mut held = 0i64;
    for happened in &moved {
        let Event::Moved(movement) = &happened.event else { panic!("{happened:?}") };
        let units = i64::try_from(movement.amount.units()).unwrap();
        let own = Some(Purse::Account(account));
        held += if movement.to == own { units } else { 0 };
        held -= if movement.from == own { units } else { 0 };
    }
    let balance = client.account(&account).unwrap().balances[0].amount.units();
    assert_eq!(u64::try_from(held).unwrap(), balance);
    let early = client.movements_of(&account, moved[0].height).unwrap();
    assert!(!early.is_empty() && early.len() < moved.len());
    assert!(!client.movements_of(&sold.funder.id(), height).unwrap().is_empty());

    // The receipt is whole, and its payments leave nothing behind.
    let receipt = client.receipt(&sold.deal).unwrap();
    assert!(!receipt.truncated && receipt.licence.is_some());
    let totals = receipt.totals().unwrap();
    assert_eq!((totals.escrowed.units(), totals.shared.units()), (10_000, 10_000));
    assert!(totals.held.is_zero());
    let mut short = receipt.clone();
    short.events.retain(|happened| happened.height != receipt.events[0].height);
    assert!(short.totals().is_err(), "more went out than came in");
    let events = client.events_of_deal(&sold.deal, height).unwrap();
    assert_eq!(events, receipt.events);

    // Every entry of the history happened where it says.
    let history = client.history(&sold.first).unwrap();
    for entry in &history {
        let happened = &entry.happened;
        let proof = client.event(happened.height, happened.index).unwrap();
        assert_eq!(proof.block, headers[usize::try_from(happened.height).unwrap() - 1]);
        assert_eq!(proof.proof.verify(&proof.block.header).unwrap(), happened.event);
        assert_eq!(happened.time_ms, proof.block.header.time_ms);
    }
    assert_eq!(history.len(), 4, "drafted, live, a descendant, a licence: {history:?}");
    assert!(history[1].offer.is_some());

    let graph = client.lineage(&sold.second).unwrap();
    assert_eq!(
        graph,
        galen_api::LineageGraph { of: sold.second, ..client.lineage(&sold.first).unwrap() }
    );
    assert_eq!((graph.nodes.len(), graph.edges.len()), (2, 1));
    let edge = &graph.edges[0];
    assert_eq!(
        (edge.parent, edge.child, edge.kind),
        (sold.first, sold.second, LineageKind::DerivedFrom)
    );

    let page = |id: &ListingId| {
        get(&place, &format!("/datasets/{}/{}", id.institution, id.package), "").body
    };
    let parent = page(&sold.first);
    for words in
        ["Source of", "listed: everything claimed is proven", "licence of deal", "100.00 EUR"]
    {
        assert!(parent.contains(words), "{words}: {parent}");
    }
    assert!(page(&sold.second).contains("Derived from"));

    let strange = [
        ("/api/v1/headers/999999".to_owned(), 404, codes::NOT_FOUND),
        ("/api/v1/headers/0".to_owned(), 404, codes::NOT_FOUND),
        ("/api/v1/proofs".to_owned(), 400, codes::BAD_REQUEST),
        ("/api/v1/proofs?key=".to_owned(), 400, codes::BAD_REQUEST),
        ("/api/v1/proofs?key=xy".to_owned(), 400, codes::BAD_REQUEST),
        (format!("/api/v1/proofs?key={}", ["01"; 17].join(",")), 400, codes::BAD_REQUEST),
        (format!("/api/v1/proofs?key={}", "01".repeat(513)), 400, codes::BAD_REQUEST),
        ("/api/v1/events/1/999".to_owned(), 404, codes::NOT_FOUND),
        ("/api/v1/events/1/x".to_owned(), 400, codes::BAD_REQUEST),
        (format!("/api/v1/accounts/{account}/movements?after=5"), 400, codes::BAD_REQUEST),
        (format!("/api/v1/deals/{}/receipt", "00".repeat(32)), 404, "unknown_deal"),
        (format!("/api/v1/listings/{account}/{}/history", "00".repeat(32)), 404, "unknown_listing"),
        (format!("/api/v1/listings/{account}/{}/lineage", "00".repeat(32)), 404, "unknown_listing"),
    ];
    for (path, status, code) in strange {
        let answer = get(&place, &path, "");
        assert_eq!((answer.status, error_code(&answer).as_str()), (status, code), "{path}");
    }
}
