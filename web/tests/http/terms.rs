//! Licence texts by their hash, terms for other programs, and the page of what waits for a review.

use galen_api::codes;
use galen_market::action::Action;
use galen_market::action::trade::RequestDeal;
use galen_market::codec::Bounded;
use galen_market::id::Digest;
use galen_market::identity::presentation::DAY_MS;
use galen_market::segment::sha256;
use galen_market::terms::{Purpose, PurposeKind};
use galen_market::testing::{Buyer, FilePackage, Researcher, Signing, deal_of, text};

use crate::place::{code, error_code, finish, get, now_ms, place, raw, replay, simulation};

const LICENCE: &[u8] = b"For research only.\n";

#[test]
fn a_node_keeps_the_text_that_a_listing_offers_under_and_no_other() {
    let mut simulation = simulation();
    let institution = simulation.institution("hospital", 100_000);
    let mut package = FilePackage::new(&institution, "hearts", 500);
    let hash = Digest(sha256(LICENCE));
    package.draft.offer.terms.licence_text = hash;
    package.draft.offer.terms.clauses =
        Bounded::new(["HMB", "GS:AT,DE", "NRI"].iter().map(|text| text.parse().unwrap()).collect())
            .unwrap();
    simulation.list(&institution, &package).unwrap();
    let place = place(&simulation);
    replay(&place, &simulation);
    let client = &place.client;
    let listing = package.listing();
    assert_eq!(code(client.text(&hash)), (404, codes::NOT_FOUND.to_owned()));
    // Another text, another listing, another hash.
    let wrong = client.store_text(&listing, &hash, b"For anything.\n");
    assert_eq!(code(wrong), (422, codes::NOT_THE_PACKAGE.to_owned()));
    let unlisted = galen_market::listing::ListingId {
        package: galen_market::id::PackageId([9; 32]),
        ..listing
    };
    let wrong = client.store_text(&unlisted, &hash, LICENCE);
    assert_eq!(code(wrong), (404, "unknown_listing".to_owned()));
    let other = b"For anything.\n";
    let wrong = client.store_text(&listing, &Digest(sha256(other)), other);
    assert_eq!(code(wrong), (422, codes::NOT_THE_PACKAGE.to_owned()));
    assert_eq!(client.store_text(&listing, &hash, LICENCE).unwrap().bytes, LICENCE.len() as u64);
    assert_eq!(client.text(&hash).unwrap(), LICENCE);
    let served = get(&place, &format!("/api/v1/texts/{hash}"), "");
    assert!(served.head.contains("content-type: text/plain"), "{}", served.head);
    assert!(served.head.contains("nosniff"), "{}", served.head);
    let path = format!("/api/v1/texts/{hash}?institution={}", listing.institution);
    let large = format!(
        "PUT {path}&package={} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 300000\r\n\r\n",
        listing.package
    );
    assert_eq!(raw(&place, large.as_bytes()).status, 413);
    let half = get(&place, "/api/v1/texts/zz", "");
    assert_eq!((half.status, error_code(&half).as_str()), (400, codes::BAD_REQUEST));

    let policy = client.odrl(&listing).unwrap();
    assert_eq!(policy["@type"], "odrl:Offer");
    let permission = &policy["odrl:permission"][0];
    assert_eq!(permission["odrl:constraint"][0]["dct:source"]["@id"], "obo:DUO_0000006");
    assert_eq!(
        permission["odrl:constraint"][1]["odrl:rightOperand"],
        serde_json::json!(["AT", "DE"])
    );
    let page = get(&place, &format!("/datasets/{}/{}", listing.institution, listing.package), "");
    assert!(
        page.body.contains("use in these countries only: AT,DE (DUO:0000022)"),
        "{}",
        page.body
    );
}

#[test]
fn what_waits_for_a_review_has_a_page() {
    let mut simulation = simulation();
    let institution = simulation.institution("hospital", 100_000);
    let mut package = FilePackage::new(&institution, "hearts", 500);
    package.draft.offer.terms.review_ms = Some(3_600_000);
    package.draft.offer.terms.review_all = true;
    simulation.list(&institution, &package).unwrap();
    let issuer = simulation.issuer("university");
    let mut ada = Researcher::new("ada");
    ada.attributes.expiry = u32::try_from(now_ms() / DAY_MS).unwrap() + 365;
    simulation.enrol(&issuer, &mut ada);
    let funder = simulation.funded("an account", 10_000);
    let place = place(&simulation);
    replay(&place, &simulation);
    let path = format!("/institutions/{}/requests", institution.id());
    assert!(get(&place, &path, "").body.contains("No request waits."));
    let unknown = get(&place, &format!("/institutions/{}/requests", funder.id()), "");
    assert_eq!(unknown.status, 404);
    let request = RequestDeal {
        purpose: Purpose {
            project: text("<script>alert(1)</script>"),
            ..Purpose::new(PurposeKind::Health, None)
        },
        ..package.request(&funder, &Buyer::new("ada"), false)
    };
    let signing =
        Signing { accounts: vec![&funder], credential: Some((&ada, 0)), ..Signing::default() };
    let request = simulation.sign_with(vec![Action::RequestDeal(request)], &signing);
    finish(&place, &simulation.check(&request).unwrap());
    let page = get(&place, &path, "").body;
    assert!(page.contains(&deal_of(&request).to_string()), "{page}");
    assert!(page.contains("general research use: <span lang=\"en\">permits the purpose"), "{page}");
    assert!(page.contains("--accept") && !page.contains("<script>"), "{page}");
    let deals = place.client.deals().unwrap();
    assert_eq!(deals.iter().map(|deal| deal.id).collect::<Vec<_>>(), [deal_of(&request)]);
}
