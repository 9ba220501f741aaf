//! A subscription against a real ledger: bought, paid by the month, a later version claimed, delivered by
//! the agent and opened, renewed, and the rest paid back when the line is withdrawn; and a derived
//! package whose royalty is found on the ledger.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use galen::agent::Deed;
use galen::demo::world::{World, short_windows};
use galen::error::Failure;
use galen::mirror::Unwatched;
use galen::operation::credential::Credential;
use galen::operation::description::Description;
use galen::operation::pack::{self, Charts, PackRequest};
use galen::operation::purchase::{self, Buyer, DealRecord, DealStore, Purchase};
use galen::operation::store::{PackageRecord, PackageStore};
use galen::operation::{self, listing, receive, subscription};
use galen::session::account_of;
use galen::wallet::Role;
use galen_api::SubscriptionView;
use galen_dataset::output::Output;
use galen_dataset::pack::{FileHash, FileInput, Progress};
use galen_market::deal::{Ending, Stage};
use galen_market::genesis::Parameters;
use galen_market::layout::BlockRows;
use galen_market::terms::{Purpose, PurposeKind};
use serde_json::{Value, json};

const PRICE: u64 = 10_000;
const MONTH_MS: u64 = 60_000;

fn ok<T>(result: Result<T, Failure>) -> T {
    result.unwrap_or_else(|failure| panic!("{failure:?}"))
}

fn quiet(_: Progress) {}

/// Packs one file and lists it, described by the usual words and more.
fn published(world: &World, root: &Path, name: &str, more: Value) -> PackageRecord {
    let file = root.join(format!("{name}.txt"));
    std::fs::write(&file, format!("The findings of {name}.\n")).unwrap();
    std::fs::write(root.join("licence.txt"), "Use it well.").unwrap();
    let mut description = json!({
        "name": name, "title": name, "description": "One file.", "citation": "A ward.",
        "clauses": ["HMB"], "licence_name": "A licence", "licence_file": "licence.txt",
        "royalty": 500,
        "tiers": [{ "name": "team", "price": format!("{PRICE} EUR"), "licence_months": 12,
                    "seats": 2, "extra_seat": "100 EUR", "most_seats": 5,
                    "subscription": { "months": 3, "price": "1000 EUR" } }],
    });
    description.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let path = root.join(format!("{name}.json"));
    std::fs::write(&path, description.to_string()).unwrap();
    let description = ok(Description::read(&path));
    let store = PackageStore::of(&world.hospital.home);
    let out = root.join(format!("{name}.galen"));
    let request = PackRequest {
        institution: world.hospital.account(),
        tables: Vec::new(),
        files: vec![FileInput {
            name: "findings".to_owned(),
            path: "findings.txt".to_owned(),
            source: file,
            mediatype: "text/plain".to_owned(),
            description: String::new(),
            sha256: FileHash::None,
        }],
        description: &description,
        charts: &Charts::None,
        block_rows: BlockRows::Small,
        out: &out,
    };
    let packed = ok(pack::pack(&world.hospital.wallet, &store, &request, &world.prover, &quiet));
    let folder = ok(galen_dataset::package::PackageFolder::read(&out).map_err(Failure::from));
    let verifier = world.prover.verifier();
    let key = &world.hospital.key;
    let record = packed.record;
    ok(listing::publish(&world.session, key, &folder, &record, (&store, None), verifier, &|_| ()));
    record
}

/// Fetches, says ready, lets the agent deliver, opens, and waits until the deal is paid.
fn received(world: &World, record: &DealRecord) -> String {
    let deals = DealStore::of(&world.researcher.home);
    std::fs::create_dir_all(deals.downloads()).unwrap();
    let target = deals.downloads().join(record.deal.to_string());
    let sources = receive::Sources::default();
    let (folder, _) =
        ok(receive::fetch(&world.session, &record.listing, &target, &sources, &Unwatched));
    ok(purchase::ready(&world.session, &world.researcher.wallet, record, None));
    let (_, deeds) = ok(world.with_agent(|| world.wait_for(&record.deal, Stage::Verified)));
    assert_eq!(deeds, [Deed::Delivered { deal: record.deal, again: false }]);
    let out = world.researcher.home.join(format!("opened-{}", record.index));
    let wallet = &world.researcher.wallet;
    let prover = &world.prover;
    let opened = ok(receive::decrypt(
        &world.session,
        wallet,
        record,
        prover,
        &folder,
        (out.as_path(), &Output::default()),
        &quiet,
    ));
    ok(world.wait_for(&record.deal, Stage::Finalized));
    std::fs::read_to_string(&opened.files[0]).unwrap()
}

fn seen(world: &World, first: &DealRecord) -> SubscriptionView {
    world.session.client().subscription(&first.deal).unwrap()
}

/// Waits for months to end.
fn until(world: &World, first: &DealRecord, there: impl Fn(&SubscriptionView) -> bool) {
    let begun = Instant::now();
    while !there(&seen(world, first)) {
        assert!(begun.elapsed() < Duration::from_secs(300), "{:?}", seen(world, first));
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn page(world: &World, record: &PackageRecord) -> String {
    let mut stream = TcpStream::connect(world.address).unwrap();
    let path = format!("/datasets/{}/{}", record.institution, record.package);
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", world.address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    text
}

fn buy(world: &World, record: &PackageRecord, credential: &Credential) -> DealRecord {
    let payer = world.researcher.wallet.account(Role::Researcher, 0);
    ok(world.fund(account_of(&payer), 40_000));
    let purchase = Purchase {
        listing: record.listing(),
        tier: None,
        seats: Some(3),
        agreement: record.offer.tiers[0].agreement(&record.offer.terms),
        purpose: Purpose::new(PurposeKind::Health, None),
        payer: &payer,
        credential,
        ready: false,
    };
    let deals = DealStore::of(&world.researcher.home);
    let wallet = &world.researcher.wallet;
    ok(purchase::request(&world.session, wallet, &deals, &world.prover, &purchase)).0
}

#[test]
fn a_subscription_from_the_first_deal_to_the_refund_of_the_rest() {
    let root = tempfile::tempdir().unwrap();
    let windows = Parameters { month_ms: MONTH_MS, ..short_windows(120_000, 2_000) };
    let listen = "127.0.0.1:0".parse().unwrap();
    let world = ok(World::start(root.path(), listen, windows, ok(operation::prover())));
    ok(world.admit_parties());
    let credential = ok(world.vouch(&["general", "health"]));
    let first = published(&world, root.path(), "first", json!({}));

    let deal = buy(&world, &first, &credential);
    assert_eq!(deal.price.amount.units(), PRICE + 100 + 1_000);
    let unknown = world.session.client().subscription(&deal.deal).unwrap_err();
    assert_eq!(unknown.code(), Some("unknown_subscription"));
    assert_eq!(received(&world, &deal), "The findings of first.\n");
    let view = seen(&world, &deal);
    assert_eq!((view.left.amount.units(), view.subscription.seats), (1_000, 3));
    assert_eq!(view.newest, first.listing());
    let deals = DealStore::of(&world.researcher.home);
    let (wallet, session) = (&world.researcher.wallet, &world.session);
    let payer = wallet.account(Role::Researcher, 0);
    let claim = |package| subscription::claim(session, wallet, &deals, &deal, package, &payer);
    assert_eq!(claim(None).unwrap_err().code(), "subscription.nothing");

    // A later version: the old page points to it, and the subscriber claims it.
    let line = json!({ "supersedes": first.package.to_string() });
    let second = published(&world, root.path(), "second", line);
    assert!(page(&world, &first).contains("A newer version of this dataset is listed."));
    let tiers = page(&world, &second);
    assert!(tiers.contains("2; up to 5 for 1.00 EUR each"), "{tiers}");
    assert!(tiers.contains("10.00 EUR for 3 months"), "{tiers}");
    let (claimed, _) = ok(claim(None));
    assert_eq!(claim(None).unwrap_err().code(), "ledger.already_claimed");
    assert_eq!(received(&world, &claimed), "The findings of second.\n");
    let view = seen(&world, &deal);
    assert_eq!((view.claims.len(), view.claims[0].stage), (1, Stage::Finalized));
    let kept: Vec<u32> = deals.all().unwrap().iter().map(|record| record.index).collect();
    assert_eq!(kept, [deal.index, claimed.index], "what was refused leaves no record");

    // A month is paid for; a further term is, too.
    let prover = &world.prover;
    let buyer = Buyer { session, wallet, prover, credential: &credential, payer: &payer };
    let missing = subscription::renew(&buyer, &deal, Some("gold")).unwrap_err();
    assert_eq!(missing.code(), "purchase.tier");
    let (price, _) = ok(subscription::renew(&buyer, &deal, None));
    assert_eq!(price.amount.units(), 1_000);
    until(&world, &deal, |view| view.left.amount.units() < 2_000);

    // A package that is derived from it: the royalty is looked up, and the shares hold it.
    let parent = format!("{}/{}", first.institution, first.package);
    let made = json!({ "parents": [parent], "step": "translated", "royalty": 0 });
    let derived = published(&world, root.path(), "derived", made);
    let listed = session.client().listing(&derived.listing()).unwrap().summary;
    let points: Vec<u16> = listed.offer.shares.iter().map(|share| share.basis_points).collect();
    assert_eq!(points, [9_500, 500]);
    let shown = page(&world, &derived);
    assert!(shown.contains("5.00 % of every price goes to it"), "{shown}");
    assert!(shown.contains("translated"));

    // The line is withdrawn: the month that ends is not paid, and the rest returns.
    let refund = account_of(&wallet.deal(deal.index).refund);
    let (before, held) = (ok(world.balance(&refund)), seen(&world, &deal).left.amount.units());
    let withdraw = ok(listing::withdraw(&second.listing(), "moved <elsewhere>"));
    ok(world.hospital_does(withdraw));
    assert!(page(&world, &second).contains("moved &#60;elsewhere&#62;"));
    assert_eq!(claim(Some(second.package)).unwrap_err().code(), "ledger.listing_not_live");
    until(&world, &deal, |view| view.subscription.ended.is_some());
    let view = seen(&world, &deal);
    assert_eq!(view.subscription.ended, Some(Ending::NotServed));
    assert_eq!(view.left.amount.units(), 0);
    // A month may have ended just before the line was withdrawn.
    let back = ok(world.balance(&refund)) - before;
    assert!(back > 0 && back <= held, "{back} of {held}");
    ok(world.check_invariants());
    world.stop();
}
