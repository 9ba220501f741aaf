//! What a node keeps of drafts that are gone, and of listings that are asked for again and again.

use std::time::{Duration, Instant};

use galen_api::{ListingFilter, Part, codes};
use galen_market::action::Action;
use galen_market::action::trade::WithdrawListing;
use galen_market::listing::ListingId;
use galen_market::segment::{OVERHEAD_BYTES, manifest_hash};
use galen_market::testing::{Simulation, TablePackage, Wallet, text};

use crate::place::{Listed, Place, code, finish, now_ms, place, replay, upload};

/// A package with a table, which stays a draft until it is proven.
fn draft(simulation: &mut Simulation, institution: &Wallet, title: &str) -> Listed {
    let mut table = TablePackage::new(institution, title, 700, &[40]);
    let dictionary = table.ciphertexts[usize::try_from(table.dictionary_segment()).unwrap()].len();
    let manifest = serde_jcs::to_vec(&serde_json::json!({
        "title": title,
        "dictionaryBytes": [[dictionary - OVERHEAD_BYTES]],
    }))
    .unwrap();
    table.package.draft.manifest.0 = manifest_hash(&manifest);
    simulation.list(institution, &table.package).unwrap();
    Listed {
        id: table.listing(),
        manifest,
        leaves: table.leaves.iter().flat_map(|leaf| leaf.to_bytes()).collect(),
        segments: table.ciphertexts.concat(),
        layout: table.package.draft.layout.to_bytes(),
        package: table.package.clone(),
    }
}

fn send(place: &Place, simulation: &mut Simulation, action: Action, signer: &Wallet) {
    let transaction = simulation.sign(vec![action], &[signer]);
    simulation.submit(&transaction).unwrap();
    finish(place, &simulation.check(&transaction).unwrap());
}

fn withdraw(place: &Place, simulation: &mut Simulation, id: &ListingId, signer: &Wallet) {
    let action = WithdrawListing {
        institution: id.institution,
        package: id.package,
        reason: text("a test"),
    };
    send(place, simulation, Action::WithdrawListing(action), signer);
}

fn is_kept(place: &Place, listed: &Listed) -> bool {
    place.packages.join(listed.id.package.to_string()).exists()
}

fn wait_until_gone(place: &Place, listed: &Listed) {
    let until = Instant::now() + Duration::from_secs(30);
    while is_kept(place, listed) {
        assert!(Instant::now() < until, "the files of a draft that is gone stay");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn files_of_a_draft_go_with_the_last_listing_that_names_them() {
    let mut simulation = Simulation::with(|genesis| {
        genesis.time_ms = now_ms() - 30_000;
    });
    let [hospital, clinic] =
        ["hospital", "clinic"].map(|name| simulation.institution(name, 100_000));
    let first = draft(&mut simulation, &hospital, "wards");
    let other = draft(&mut simulation, &hospital, "other wards");
    let place = place(&simulation);
    replay(&place, &simulation);
    upload(&place, &first);
    upload(&place, &other);
    // Another institution lists the same package.
    let mut theirs = first.package.draft.clone();
    theirs.institution = clinic.id();
    let second = ListingId { institution: clinic.id(), ..first.id };
    send(&place, &mut simulation, Action::DraftListing(theirs), &clinic);

    withdraw(&place, &mut simulation, &first.id, &hospital);
    std::thread::sleep(Duration::from_millis(500));
    assert!(is_kept(&place, &first), "the clinic still lists it");
    let served = place.client.part(&second.package, Part::Manifest, 1 << 20).unwrap();
    assert_eq!(served, first.manifest);

    withdraw(&place, &mut simulation, &second, &clinic);
    wait_until_gone(&place, &first);
    assert!(is_kept(&place, &other), "another draft's files stay");
    // Listed once more, it is stored once more.
    let again = Action::DraftListing(first.package.draft.clone());
    send(&place, &mut simulation, again, &hospital);
    upload(&place, &first);
    assert!(is_kept(&place, &first));
}

#[test]
fn files_of_an_expired_draft_are_removed_and_nobody_stores_them_again() {
    let mut simulation = Simulation::with(|genesis| {
        genesis.time_ms = now_ms() - 30_000;
        genesis.parameters.draft_ms = 2_000;
    });
    let hospital = simulation.institution("hospital", 100_000);
    let drafted = draft(&mut simulation, &hospital, "wards");
    let place = place(&simulation);
    replay(&place, &simulation);
    upload(&place, &drafted);
    assert!(is_kept(&place, &drafted));
    wait_until_gone(&place, &drafted);
    let bytes = drafted.manifest.as_slice();
    let late = place.client.store(&drafted.id, Part::Manifest, bytes.len() as u64, &mut &*bytes);
    assert_eq!(code(late), (404, "unknown_listing".into()));
    assert_eq!(
        code(place.client.part(&drafted.id.package, Part::Manifest, 1 << 20)),
        (404, codes::NOT_FOUND.into())
    );
    assert!(!is_kept(&place, &drafted));
    place.audit();
}

#[test]
fn a_list_tells_what_is_stored_later_and_reads_it_once() {
    let mut simulation = Simulation::with(|genesis| genesis.time_ms = now_ms() - 30_000);
    let hospital = simulation.institution("hospital", 100_000);
    let drafted = draft(&mut simulation, &hospital, "wards");
    let place = place(&simulation);
    replay(&place, &simulation);
    let all = ListingFilter { all: true, ..ListingFilter::default() };
    let listed = || place.client.listings(&all).unwrap().items.remove(0);
    let before = listed();
    assert_eq!(before.declared, None);
    assert_eq!((before.tables.len(), before.tables[0].rows, before.files), (1, 40, 1));
    upload(&place, &drafted);
    let after = listed();
    assert_eq!(after.declared.as_ref().unwrap().title, "wards");
    assert_eq!(after.tables, before.tables);
    // It was checked against the package's id: what happens to the file later changes nothing.
    let folder = place.packages.join(drafted.id.package.to_string());
    std::fs::write(folder.join("manifest"), b"{\"title\":\"forged\"}").unwrap();
    assert_eq!(listed(), after);
    let view = place.client.listing(&drafted.id).unwrap();
    assert_eq!((view.summary, view.manifest), (after, None));
}
