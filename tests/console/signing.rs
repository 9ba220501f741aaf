//! What is signed is what was shown: royalties that are owed stand on the page, a page that is not true any
//! more signs nothing, and what was taken back is not listed again.

use galen::operation::listing;
use galen::operation::store::{PackageRecord, PackageStore};
use galen_market::amount::Amount;
use galen_market::codec::{Bounded, Text};
use galen_market::listing::{Lineage, Offer, Payee};

use super::super::{packed, published, sealed};
use super::*;

/// The parent asks so much of what is derived from it.
fn asks(world: &World, parent: &PackageRecord, royalty: u16) {
    let offer = Offer { royalty, ..parent.offer.clone() };
    ok(world.hospital_does(listing::revise(&parent.listing(), offer)));
}

#[test]
fn a_package_is_published_as_it_was_shown_and_never_listed_again() {
    let root = tempfile::tempdir().unwrap();
    let world = started(root.path(), 2_000);
    let parent = published(&world, root.path());
    asks(&world, &parent, 500);
    let mut record = packed(&world, root.path(), "derived.galen");
    record.lineage = Lineage {
        supersedes: None,
        parents: Bounded::new(vec![parent.listing()]).unwrap(),
        step: Text::new("cut").unwrap(),
    };
    let store = PackageStore::of(&world.hospital.home);
    ok(store.update(&record));
    sealed(&world.hospital);
    let node = world.session.client().node();
    let served = Served::command(&["console"], &world.hospital.home, node);
    let token = served.unlock();
    let page = format!("/datasets/{}", record.package);
    let publish = |shown: &str| {
        assert_eq!(served.post(&format!("{page}/publish"), &token, shown).location(), page);
    };
    let is_listed = || ok(listing::find(&world.session, &record.listing())).is_some();

    // What is owed upstream stands there before it is signed, and among the shares.
    let body = served.get(&page).body;
    for words in [
        "Owed upstream",
        &format!("5.00\u{a0}% to {}", parent.listing()),
        &format!("95.00\u{a0}% to {}", record.institution),
        "Derived from",
        "any number",
        "&#34;max_undelivered&#34;",
    ] {
        assert!(body.contains(words), "{words}: {body}");
    }
    chinese(
        &served,
        &page,
        &["应付上游，已计入以上份额", "同时等待密钥的交易上限", "5.00\u{a0}% 归"],
    );
    let shown = served.shown(&page);

    // The parent asks for more, or the record has another price: what was shown is not signed.
    asks(&world, &parent, 700);
    publish(&shown);
    until(&served, &page, "(publish.changed)");
    let now = served.shown(&page);
    assert_ne!(now, shown);
    let mut dearer = record.clone();
    let mut tiers = dearer.offer.tiers.to_vec();
    tiers[0].price.amount = Amount::new(77_700);
    dearer.offer.tiers = Bounded::new(tiers).unwrap();
    ok(store.update(&dearer));
    publish(&now);
    until(&served, &page, "(publish.changed)");
    publish("");
    until(&served, &page, "(publish.changed)");
    assert!(!is_listed(), "nothing was signed");
    let body = served.get(&page).body;
    assert!(body.contains("777.00 EUR") && body.contains("7.00\u{a0}% to"), "{body}");

    // Seen again and signed; then taken back, which no page undoes.
    let last = served.shown(&page);
    publish(&last);
    until(&served, &page, "The dataset is live.");
    let view = world.session.client().listing(&record.listing()).unwrap();
    let owed = view.summary.offer.shares.iter().find(|it| matches!(it.payee, Payee::Listing(_)));
    assert_eq!(owed.unwrap().basis_points, 700);
    ok(world.hospital_does(ok(listing::withdraw(&record.listing(), "An error was found."))));
    ok(store.update(&record));
    for stale in [&last, &now, &shown] {
        publish(stale);
        until(&served, &page, "is not opened again from here");
    }
    let view = world.session.client().listing(&record.listing()).unwrap().summary;
    assert_eq!((view.listing.standing, view.listing.version), (Standing::Withdrawn, 1));
    // Of what is listed the page shows what the ledger has.
    assert!(served.get(&page).body.contains("777.00 EUR"));
    ok(world.check_invariants());
    drop(served);
    world.stop();
}
