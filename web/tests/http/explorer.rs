//! The explorer: what its pages show is what the ledger holds, every proof that they offer for download
//! holds from the genesis on, and both languages say it.

use galen_api::{EventProofView, Proofs};
use galen_light::Anchor;
use galen_market::amount::{Amount, Asset};
use galen_market::codec::{decode_exact, encode};
use galen_market::deal::Deal;
use galen_market::identity::Party;
use galen_market::listing::Listing;
use galen_market::payment::Purse;
use galen_market::role::Role;
use galen_market::state_key;
use galen_market::testing::{K, Simulation, eur};
use galen_market::transaction::Transaction;

use crate::place::{Place, get, now_ms, place, replay};
use crate::portal::{Portal, portal};
use crate::records::sold;

fn page(place: &Place, path: &str) -> String {
    let answer = get(place, path, "");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

/// The address that a page offers for download under a name.
fn offered(page: &str, name: &str) -> String {
    let link = page.split("<a ").find(|part| part.contains(&format!("download=\"{name}\"")));
    let link = link.unwrap_or_else(|| panic!("{name} is not offered: {page}"));
    let path = link.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
    path.replace("&#38;", "&")
}

/// The proofs that a page offers, checked from the genesis on: of each key, the value that it has.
fn proven(place: &Place, page: &str, name: &str) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let found: Proofs = serde_json::from_str(&get(place, &offered(page, name), "").body).unwrap();
    let anchor = Anchor::genesis(&place.client.genesis().unwrap()).unwrap();
    anchor.follow(std::slice::from_ref(&found.block), now_ms()).unwrap();
    let each = found.proofs.into_iter().map(|proof| {
        proof.verify(&found.block.header.state_root).unwrap();
        (proof.key.to_vec(), proof.value.map(|value| value.to_vec()))
    });
    each.collect()
}

fn value<T: borsh::BorshDeserialize>(
    proven: &[(Vec<u8>, Option<Vec<u8>>)],
    key: &state_key::Key<T>,
) -> T {
    let found = proven.iter().find(|(proven, _)| proven == key.as_bytes()).expect("the key");
    decode_exact(found.1.as_ref().expect("a value")).unwrap()
}

#[test]
fn what_is_shown_can_be_proven_by_who_kept_the_proof() {
    let Portal { place, page: dataset, hospital, table, .. } = portal();
    let account = page(&place, &format!("/explorer/accounts/{}", hospital.id()));
    let known = proven(&place, &account, "proof-account.json");
    let party: Party = value(&known, &state_key::party(Role::Institution, &hospital.id()));
    assert_eq!(party.name.as_str(), "hospital");
    let purse = Purse::Account(hospital.id());
    let held: Amount = value(&known, &state_key::balance(&purse, &Asset::Currency(eur())));
    let units = u128::from(held.units());
    let shown = format!("<dd>{}.{:02} EUR</dd>", grouped(units / 100), units % 100);
    assert!(account.contains(&shown), "{shown}: {account}");

    let known = proven(&place, &page(&place, &dataset), "proof-listing.json");
    let listing: Listing = value(&known, &state_key::listing(&table.id));
    assert_eq!(listing.root, table.package.draft.root);
    let claims = value(&known, &state_key::listing_claims(&table.id));
    assert_eq!(claims[0].k, K);
    let stop = state_key::stop(&hospital.id());
    let absent = known.iter().find(|(key, _)| key == stop.as_bytes()).unwrap();
    assert_eq!(absent.1, None, "that nothing stops the institution is proven too");

    let supply = page(&place, "/explorer/supply");
    let known = proven(&place, &supply, "proof-supply.json");
    let made = value(&known, &state_key::supply(&Asset::Currency(eur())));
    let units = made.outstanding();
    assert!(
        units > 0 && supply.contains(&format!("{}.{:02} EUR", grouped(units / 100), units % 100))
    );
    assert_eq!(supply.matches("The purses hold exactly what exists.").count(), 2, "{supply}");
    assert!(!supply.contains("do not trust this node"), "{supply}");
}

fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|part| std::str::from_utf8(part).unwrap()).collect();
    groups.join(",")
}

#[test]
fn a_block_shows_who_signed_it_and_validators_their_votes() {
    let Portal { place, .. } = portal();
    let header = place.client.header(2).unwrap();
    let shown = page(&place, "/explorer/blocks/2");
    assert!(shown.contains("Signed by 1,000 of 1,000 stake, in round 1."), "{shown}");
    let signer = header.certificate.signatures.iter().next().unwrap().validator;
    assert!(shown.contains(&format!("<li><code>{signer}</code></li>")), "{shown}");
    let offered = offered(&shown, "header-2.json");
    assert_eq!(get(&place, &offered, "").body, serde_json::to_string(&header).unwrap());

    let blocks = place.node.status().height;
    let shown = page(&place, "/explorer/validators");
    assert!(shown.contains(&format!("<td class=\"n\">{blocks} / {blocks}</td>")), "{shown}");
    assert!(shown.contains(&format!("href=\"/explorer/blocks/{blocks}\"")), "{shown}");
    assert!(shown.contains("<td class=\"n\">100.0 %</td>"), "{shown}");
    let chinese = page(&place, "/explorer/validators?lang=zh");
    assert!(chinese.contains("投票数取自最近"), "{chinese}");
}

#[test]
fn a_transaction_is_shown_field_by_field_with_its_bytes_and_what_it_did() {
    let Portal { place, simulation, .. } = portal();
    for checked in simulation.blocks.iter().flat_map(|(_, all)| all) {
        let (id, transaction) = (checked.id(), checked.transaction());
        let path = format!("/explorer/transactions/{id}");
        let shown = page(&place, &path);
        for signer in transaction.authorization.accounts.iter() {
            assert!(shown.contains(&format!("/explorer/accounts/{}\"", signer.account)), "{shown}");
        }
        let json = get(&place, &format!("{path}/transaction.json"), "");
        assert!(json.head.contains("attachment; filename=\"transaction.json\""), "{}", json.head);
        let read: Transaction = serde_json::from_str(&json.body).unwrap();
        assert_eq!(encode(&read), checked.bytes());
        let start: String = hex::encode(checked.bytes()).chars().take(2_000).collect();
        assert!(shown.contains(&start), "the bytes are on the page");

        // The events beside it are its own: each proof shows one of its receipt's.
        let receipt = place.node.receipt(&id.0).unwrap().unwrap();
        let links = shown.matches("download=\"proof-event.json\"").count();
        assert_eq!(links, receipt.events.len());
        let address = offered(&shown, "proof-event.json");
        let proof: EventProofView = serde_json::from_str(&get(&place, &address, "").body).unwrap();
        assert_eq!(proof.proof.verify(&proof.block.header).unwrap(), receipt.events[0]);
    }
    let first = simulation.blocks.iter().flat_map(|(_, all)| all).next().unwrap();
    let shown = page(&place, &format!("/explorer/transactions/{}", first.id()));
    assert!(shown.contains("<span lang=\"en\">mint</span>"), "{shown}");
    assert!(
        shown.contains("<th scope=\"row\">money · amount</th><td><code>100000</code>"),
        "{shown}"
    );
    let strange = format!("/explorer/transactions/{}/transaction.bin", "f".repeat(64));
    assert_eq!(get(&place, &strange, "").status, 404);
}

#[test]
fn a_deal_has_a_page_with_its_licence_and_its_proof() {
    let mut simulation = Simulation::with(|genesis| {
        genesis.time_ms = now_ms() - 20_000;
        // Nothing runs out while the pages are looked at.
        genesis.parameters.dispute_ms = 3_600_000;
    });
    let sold = sold(&mut simulation);
    let place = place(&simulation);
    replay(&place, &simulation);
    let path = format!("/explorer/deals/{}", sold.deal);
    let found = get(&place, &format!("/explorer?q={}", sold.deal), "");
    assert_eq!(found.status, 303);
    assert!(found.head.contains(&format!("location: {path}")), "{}", found.head);

    let shown = page(&place, &path);
    assert!(shown.contains("delivered: a dispute is still possible"), "{shown}");
    assert!(shown.contains("<span class=\"tag proven\">in force</span>"), "{shown}");
    let known = proven(&place, &shown, "proof-deal.json");
    let deal: Deal = value(&known, &state_key::deal(&sold.deal));
    assert_eq!((deal.id, deal.listing), (sold.deal, sold.first));
    let licence = value(&known, &state_key::licence(&sold.deal));
    assert_eq!(licence.deal, sold.deal);
    let chinese = page(&place, &format!("{path}?lang=zh"));
    assert!(chinese.contains("已交付：仍可提出争议"), "{chinese}");

    // Names of parties and words of datasets lead on as ids do.
    let leads = |name: &str| {
        let answer = get(&place, &format!("/explorer?q={name}"), "");
        let to = answer.head.lines().find_map(|line| line.strip_prefix("location: "));
        to.unwrap_or_default().to_owned()
    };
    assert_eq!(leads("HOSP"), format!("/explorer/accounts/{}", sold.hospital.id()));
    assert!(leads("university").starts_with("/explorer/accounts/"));
    assert_eq!(get(&place, &format!("/explorer/deals/{}", "0".repeat(64)), "").status, 404);
}
