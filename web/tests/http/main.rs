//! The interface over real connections: a node with one validator, the server, and the typed client;
//! and what strangers send. Each refusal names its code and stands beside the case that succeeds.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod attacks;
mod browser;
mod connections;
mod drafts;
mod explorer;
mod machines;
mod place;
mod portal;
mod records;
mod standards;
mod terms;

use galen_api::{ListingFilter, Part, TransactionState, codes};
use galen_market::action::{Action, Mint};
use galen_market::deal::Stage;
use galen_market::id::{AccountId, DealId, PackageId, TransactionId};
use galen_market::listing::ListingId;
use galen_market::role::Role;
use galen_market::segment::{OVERHEAD_BYTES, manifest_hash};
use galen_market::testing::{K, Researcher, Signing, TablePackage, Wallet, euros};
use galen_market::transaction::QUESTION;

use crate::place::{
    Listed, WAIT, code, error_code, finish, get, listed, place, raw, replay, simulation, upload,
};

#[test]
fn what_the_ledger_knows_can_be_asked() {
    let mut simulation = simulation();
    let issuer = simulation.issuer("university");
    let mut people: Vec<Researcher> = ["ada", "bob", "cyd"].map(Researcher::new).into();
    for person in &mut people {
        simulation.enrol(&issuer, person);
    }
    let (institution, listed) = listed(&mut simulation, "Hearts");
    let place = place(&simulation);
    let client = &place.client;

    let status = client.status().unwrap();
    assert_eq!((status.forgeable_parameters, status.validator), (true, true));
    assert_eq!(status.chain_id, simulation.ledger.chain_id());
    assert_eq!(client.genesis().unwrap(), simulation.genesis);
    assert_eq!(client.parameters().unwrap(), simulation.genesis.parameters);

    replay(&place, &simulation);
    let status = client.status().unwrap();
    assert!(status.height >= 1 && status.fresh && status.stopped.is_none());
    let block = client.block(status.height).unwrap();
    assert_eq!((block.height, block.state_root), (status.height, status.state_root));
    assert_eq!(code(client.block(1_000_000)), (404, codes::NOT_FOUND.into()));

    let account = client.account(&institution.id()).unwrap();
    assert_eq!(account.nonce, 1);
    assert_eq!(account.balances[0].amount.units(), simulation.balance(&institution));
    assert_eq!(account.parties.len(), 1);
    assert_eq!(client.account(&AccountId([7; 32])).unwrap().nonce, 0);
    assert_eq!(client.parties(Role::Gateway).unwrap().len(), 1);

    let issuers = client.issuers().unwrap();
    assert_eq!((issuers.len(), issuers[0].account, issuers[0].tree.live), (1, issuer.id(), 3));
    let (root, leaves) = client.leaves(&issuer.id()).unwrap();
    assert_eq!(root, issuers[0].tree.root);
    assert_eq!(leaves, people.iter().map(Researcher::leaf).collect::<Vec<_>>());
    assert_eq!(code(client.leaves(&institution.id())), (404, codes::NOT_FOUND.into()));

    upload(&place, &listed);
    let all = client.listings(&ListingFilter::default()).unwrap();
    assert_eq!(all.items.len(), 1);
    assert_eq!(all.items[0].declared.as_ref().unwrap().title, "Hearts");
    assert_eq!(all.items[0].institution_name, "hospital");
    let found = |filter: ListingFilter| client.listings(&filter).unwrap().items.len();
    let disease = |id: &str| ListingFilter { disease: Some(id.into()), ..ListingFilter::default() };
    assert_eq!((found(disease("MONDO:0005267")), found(disease("MONDO:0000001"))), (1, 0));
    let text = |text: &str| ListingFilter { text: Some(text.into()), ..ListingFilter::default() };
    assert_eq!((found(text("heart")), found(text("lungs"))), (1, 0));
    let price = |most| ListingFilter { price_max: Some(most), ..ListingFilter::default() };
    assert_eq!((found(price(500)), found(price(499))), (1, 0));
    let of = |id| ListingFilter { institution: Some(id), ..ListingFilter::default() };
    assert_eq!((found(of(institution.id())), found(of(issuer.id()))), (1, 0));

    let view = client.listing(&listed.id).unwrap();
    assert_eq!(view.layout, listed.package.draft.layout);
    assert_eq!(view.served, Part::ALL);
    let offer = &listed.package.draft.offer;
    assert_eq!(view.summary.agreements, [offer.tiers[0].agreement(&offer.terms)]);
    let unknown = ListingId { package: PackageId([0; 32]), ..listed.id };
    assert_eq!(code(client.listing(&unknown)), (404, "unknown_listing".into()));
    assert!(client.deals_of_listing(&listed.id).unwrap().is_empty());
    assert!(client.deals_of_institution(&institution.id(), Stage::Ready).unwrap().is_empty());
    assert_eq!(code(client.licence(&DealId([1; 32]))), (404, codes::NOT_FOUND.into()));

    assert_eq!(client.part(&listed.id.package, Part::Layout, 1 << 20).unwrap(), listed.layout);
    assert_eq!(client.part(&listed.id.package, Part::Manifest, 1 << 20).unwrap(), listed.manifest);
    assert_eq!(client.segments(&listed.id.package, 3..9).unwrap(), listed.segments[3..9]);
    let mut rest = Vec::new();
    client.download(&listed.id.package, 5, 1 << 20, &mut rest).unwrap();
    assert_eq!(rest, listed.segments[5..]);
}

#[test]
fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let mut simulation = simulation();
    let place = place(&simulation);
    let (gateway, to) = (simulation.gateway.clone(), Wallet::new("reader"));
    let mint =
        |units| Action::Mint(Mint { gateway: gateway.id(), to: to.id(), money: euros(units) });
    let good = simulation.sign(vec![mint(10)], &[&gateway]);
    let receipt = place.client.dry_run(&good.encode()).unwrap();
    assert_eq!(receipt.transaction, good.id());
    assert!(!receipt.events.is_empty());
    assert_eq!(place.client.transaction(&good.id()).unwrap(), TransactionState::Unknown);
    assert_eq!(
        code(place.client.dry_run(&simulation.sign(vec![mint(0)], &[&gateway]).encode())).1,
        "zero_amount"
    );
    // What only asks is answered, and can be executed by nobody.
    let asking =
        Signing { accounts: vec![&gateway], expiry_ms: Some(QUESTION), ..Signing::default() };
    let question = simulation.sign_with(vec![mint(10)], &asking);
    assert_eq!(place.client.dry_run(&question.encode()).unwrap().events, receipt.events);
    assert_eq!(code(place.client.submit(&question.encode())).1, "expired");
    let stranger = Wallet::new("stranger");
    let theirs = Action::Mint(Mint { gateway: stranger.id(), to: to.id(), money: euros(1) });
    let refused = simulation.sign(vec![theirs], &[&stranger]).encode();
    assert_eq!(code(place.client.submit(&refused)), (403, "role_not_active".into()));
    let submitted = place.client.submit(&good.encode()).unwrap();
    place.client.wait_final(&submitted.id, WAIT).unwrap();
    assert_eq!(place.client.account(&to.id()).unwrap().balances[0].amount.units(), 10);
}

#[test]
fn only_the_bytes_of_a_listed_package_are_stored() {
    let mut simulation = simulation();
    let (_, listed) = listed(&mut simulation, "Hearts");
    let place = place(&simulation);
    let store = |id: &ListingId, part, bytes: &[u8]| {
        place.client.store(id, part, bytes.len() as u64, &mut &*bytes)
    };
    assert_eq!(
        code(store(&listed.id, Part::Manifest, &listed.manifest)),
        (404, "unknown_listing".into())
    );
    replay(&place, &simulation);

    let not = (422, codes::NOT_THE_PACKAGE.to_owned());
    assert_eq!(
        code(store(&listed.id, Part::Segments, &listed.segments)),
        (409, codes::PART_MISSING.into())
    );
    let changed = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    };
    assert_eq!(code(store(&listed.id, Part::Manifest, &changed(&listed.manifest))), not);
    assert_eq!(code(store(&listed.id, Part::Layout, &changed(&listed.layout))), not);
    assert_eq!(code(store(&listed.id, Part::Leaves, &changed(&listed.leaves))), not);
    store(&listed.id, Part::Manifest, &listed.manifest).unwrap();
    store(&listed.id, Part::Leaves, &listed.leaves).unwrap();
    assert_eq!(code(store(&listed.id, Part::Segments, &changed(&listed.segments))), not);
    assert_eq!(code(store(&listed.id, Part::Segments, &listed.segments[1..])), not);
    let longer = [&listed.segments[..], b"x"].concat();
    assert_eq!(
        code(store(&listed.id, Part::Segments, &longer)),
        (413, codes::BODY_TOO_LARGE.into())
    );
    let folder = place.packages.join(listed.id.package.to_string());
    assert!(
        !folder.join("segments").exists() && !folder.join("segments.new").exists(),
        "nothing half done"
    );
    store(&listed.id, Part::Segments, &listed.segments).unwrap();
    store(&listed.id, Part::Segments, &listed.segments).unwrap();
    assert_eq!(std::fs::read(folder.join("segments")).unwrap(), listed.segments);
}

#[test]
fn a_page_says_what_is_proven_and_what_is_declared() {
    let mut simulation = simulation();
    let institution = simulation.institution("Harbour Hospital", 100_000);
    let mut table = TablePackage::new(&institution, "wards", 700, &[60, 40]);
    let dictionary = table.ciphertexts[usize::try_from(table.dictionary_segment()).unwrap()].len();
    let manifest = serde_jcs::to_vec(&serde_json::json!({
        "title": "Stays in three wards",
        "description": "Length of stay by ward, one row a person.",
        "diseases": ["MONDO:0005267"],
        "keywords": ["wards", "length of stay"],
        "countries": ["DE"],
        "resources": [{ "deidentification": { "persons": "one row a person" } }],
        "dictionaryBytes": [[dictionary - OVERHEAD_BYTES]],
        "citation": "Harbour Hospital (2025). Stays in three wards.",
    }))
    .unwrap();
    table.package.draft.manifest.0 = manifest_hash(&manifest);
    table.list(&mut simulation, &institution).unwrap();
    let listed = Listed {
        id: table.listing(),
        manifest,
        leaves: table.leaves.iter().flat_map(|leaf| leaf.to_bytes()).collect(),
        segments: table.ciphertexts.concat(),
        layout: table.package.draft.layout.to_bytes(),
        package: table.package.clone(),
    };
    let place = place(&simulation);
    let page = format!("/datasets/{}/{}", listed.id.institution, listed.id.package);
    let transactions: Vec<_> = simulation.blocks.iter().flat_map(|(_, all)| all).collect();
    let (proof, earlier) = transactions.split_last().unwrap();

    // All but the last row block are proven: nothing is called proven yet.
    earlier.iter().for_each(|transaction| finish(&place, transaction));
    upload(&place, &listed);
    let draft = get(&place, &page, "").body;
    assert!(draft.contains("stated and not proven") && draft.contains("draft"), "{draft}");
    assert!(!draft.contains("tag proven"), "{draft}");
    assert!(!get(&place, "/", "").body.contains("Stays in three wards"), "drafts are not offered");
    let view = place.client.listing(&listed.id).unwrap();
    assert_eq!(view.proven_blocks, [(0, 0)]);
    assert!(!view.summary.tables[0].proven && !view.summary.open);

    finish(&place, proof);
    let live = get(&place, &page, "").body;
    assert!(live.contains("<span class=\"tag proven\">proven</span> In table"), "{live}");
    assert!(live.contains(&format!("has at least {K} rows.")), "{live}");
    assert!(live.contains("One row a person: declared by the institution, not proven."));
    assert!(live.contains("Declared by the institution, not proven"));
    assert!(live.contains("Unchanged since listing; nothing else is proven of them."));
    assert!(live.contains("forgeable"));
    assert!(get(&place, "/?k_min=2&text=", "").body.contains("Stays in three wards"));
    assert!(!get(&place, "/?k_min=1000", "").body.contains("Stays in three wards"));
    let view = place.client.listing(&listed.id).unwrap();
    assert!(view.summary.tables[0].proven && view.summary.open);
    assert_eq!((view.summary.tables[0].k, view.summary.tables[0].rows), (K, 100));
    assert_eq!(view.served, Part::ALL);
}

#[test]
fn strange_requests_are_refused_by_name() {
    let simulation = simulation();
    let place = place(&simulation);
    let cases = [
        ("/api/v1/nothing", 404, codes::NOT_FOUND),
        ("/api/v2/status", 404, codes::NOT_FOUND),
        ("/api/v1/accounts/xyz", 400, codes::BAD_REQUEST),
        ("/api/v1/blocks/-1", 400, codes::BAD_REQUEST),
        ("/api/v1/blocks/18446744073709551616", 400, codes::BAD_REQUEST),
        ("/api/v1/listings?k_min=x", 400, codes::BAD_REQUEST),
        ("/api/v1/listings?unknown=1", 400, codes::BAD_REQUEST),
        ("/api/v1/listings?after=00", 400, codes::BAD_REQUEST),
        ("/api/v1/parties/kings", 400, codes::BAD_REQUEST),
        ("/api/v1/packages/00/segments", 400, codes::BAD_REQUEST),
    ];
    for (path, status, code) in cases {
        let answer = get(&place, path, "");
        assert_eq!((answer.status, error_code(&answer).as_str()), (status, code), "{path}");
    }
    let delete =
        raw(&place, b"DELETE /api/v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!((delete.status, error_code(&delete)), (405, codes::METHOD_NOT_ALLOWED.into()));
    let head = raw(&place, b"HEAD /api/v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(get(&place, "/style.css", "").status, 200);
    assert_eq!(get(&place, "/nothing", "").status, 404);
    assert_eq!(
        place.client.transaction(&TransactionId([1; 32])).unwrap(),
        TransactionState::Unknown
    );
}
