//! The commands of longer contracts, by the binary against a real node: a subscription with its claims and
//! renewals, a takedown by the registrars, and a standing request from posting to the opened file.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::ledger::{World, account};
use support::{Home, Ran, with};

/// A hospital with a bond, and an accredited researcher with money.
struct Market {
    world: World,
}

impl Market {
    fn new() -> Self {
        let world = World::with(&json!({ "dispute_ms": 1500 }));
        let hospital = account(&world.hospital, "institution");
        let university = account(&world.university, "issuer");
        let buyer = account(&world.researcher, "researcher");
        world.admit(&hospital, "institution");
        world.admit(&university, "issuer");
        for to in [&hospital, &buyer] {
            let mint = ["gateway", "mint", "--to", to, "--amount", "900000 EUR"];
            world.run(&world.bank, &mint).done();
        }
        let market = Self { world };
        market.hospital(&["account", "bond", "deposit", "--amount", "500000 EUR"]).done();
        market
    }

    fn vouch(&self) {
        let world = &self.world;
        let university = account(&world.university, "issuer");
        world.researcher.write("approval.pdf", "approved");
        let wish = ["issuer", "apply", "--issuer", &university, "--institution", "A university"];
        let more = ["--country", "DE", "--purpose", "health", "--approval", "EK-17"];
        let rest =
            ["--evidence", "approval.pdf", "--expiry", "2028-01-01", "--out", "application.json"];
        self.buyer(&with(&with(&wish, &more), &rest)).done();
        let passed = |from: &Home, to: &Home, name: &str| {
            to.write(name, fs::read(from.path(name)).unwrap());
        };
        passed(&world.researcher, &world.university, "application.json");
        let approve = ["issuer", "approve", "application.json", "--out", "credential.json"];
        world.run(&world.university, &approve).done();
        passed(&world.university, &world.researcher, "credential.json");
        self.buyer(&["issuer", "accept", "credential.json"]).done();
    }

    fn buyer(&self, arguments: &[&str]) -> Ran {
        self.world.run(&self.world.researcher, arguments)
    }

    fn hospital(&self, arguments: &[&str]) -> Ran {
        self.world.run(&self.world.hospital, arguments)
    }

    /// Packs and lists one file; gives the package's id.
    fn published(&self, name: &str, more: Value) -> String {
        let home = &self.world.hospital;
        let records = home.write(&format!("{name}.txt"), format!("The records of {name}.\n"));
        home.write("licence.txt", "Use it well.");
        let mut description = json!({
            "name": name, "title": name, "description": "One file.", "citation": "A ward.",
            "clauses": ["HMB"], "licence_name": "A licence", "licence_file": "licence.txt",
            "tiers": [{ "name": "team", "price": "2500 EUR", "licence_months": 12 }],
        });
        description.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        home.write("description.json", description.to_string());
        let pack = ["dataset", "pack", "--file", &records, "--small-blocks"];
        let rest = ["--description", "description.json", "--out", name];
        home.run(&with(&pack, &rest)).done();
        let published = self.hospital(&["dataset", "publish", name]).done();
        published["listing"]["package"].as_str().unwrap().to_owned()
    }

    /// Fetches, has the key delivered, and opens; gives what is in the file.
    fn opened(&self, index: &str, name: &str) -> String {
        self.buyer(&["deal", "fetch", index]).done();
        self.buyer(&["deal", "ready", index]).done();
        let deeds = self.hospital(&["agent", "run", "--once"]).done();
        assert_eq!(deeds[0]["did"], "delivered", "{deeds}");
        let out = format!("opened-{index}");
        self.buyer(&["deal", "decrypt", index, "--out", &out]).done();
        fs::read_to_string(self.world.researcher.path(&format!("{out}/{name}.txt"))).unwrap()
    }

    fn deal(&self, index: &str) -> Value {
        self.buyer(&["deal", "status", index]).done()["ledger"]["deal"].clone()
    }
}

/// Asks until an answer is there.
fn until(ask: impl Fn() -> Ran) -> Value {
    let start = Instant::now();
    loop {
        let ran = ask();
        if ran.exit == 0 {
            return ran.done();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{}", ran.err);
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_subscription_is_shown_claimed_and_renewed() {
    let market = Market::new();
    market.vouch();
    let tier = json!([{ "name": "team", "price": "2500 EUR", "licence_months": 12,
                        "subscription": { "months": 3, "price": "1000 EUR" } }]);
    let first = market.published("first", json!({ "tiers": tier }));
    market.buyer(&["deal", "request", &first, "--purpose", "health"]).done();
    let show = || market.buyer(&["subscription", "show", "0"]);
    let (_, early) = show().refused();
    assert!(early.ends_with("unknown_subscription"), "not before the first deal is paid: {early}");
    assert_eq!(market.buyer(&["subscription", "list"]).done(), json!([]));
    assert_eq!(market.opened("0", "first"), "The records of first.\n");
    let begun = until(show);
    assert_eq!(begun["subscription"]["terms"][0]["months"], 3);
    assert_eq!(begun["left"]["amount"], "1000");
    let stranger = market.world.run(&market.world.bank, &["subscription", "show", "0"]);
    assert_eq!(stranger.refused(), (2, "usage".to_owned()));

    // Nothing to claim; then a version, claimed once and by nobody else.
    let claim = |more: &[&str]| market.buyer(&with(&["subscription", "claim", "0"], more));
    assert_eq!(claim(&[]).refused(), (4, "subscription.nothing".to_owned()));
    let other = market.published("other", json!({}));
    let foreign = claim(&["--package", &other]);
    assert_eq!(foreign.refused().1, "ledger.not_in_subscription");
    let line = json!({ "tiers": tier, "supersedes": first });
    let second = market.published("second", line);
    assert_eq!(claim(&["--dry-run"]).done()["done"]["height"], Value::Null);
    let claimed = claim(&["--package", &second]).done();
    assert_eq!(claimed["index"], 1, "neither what was refused nor the dry run took a number");
    assert_eq!(claim(&[]).refused().1, "ledger.already_claimed");
    let price = market.deal("1")["price"].clone();
    assert_eq!(price["amount"], "0", "{price}");
    assert_eq!(market.opened("1", "second"), "The records of second.\n");
    // An old version is sold without the right to later ones; this one has no such tier.
    let late = market.buyer(&["deal", "request", &first, "--purpose", "health"]);
    assert_eq!(late.refused().1, "ledger.superseded");

    // A further term, at the price of the newest version.
    let renew = |more: &[&str]| market.buyer(&with(&["subscription", "renew", "0"], more));
    assert_eq!(renew(&["--tier", "gold"]).refused(), (4, "purchase.tier".to_owned()));
    assert_eq!(renew(&["--dry-run"]).done()["done"]["height"], Value::Null);
    assert_eq!(renew(&[]).done()["price"]["amount"], "1000");
    let listed = market.buyer(&["subscription", "list"]).done();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["left"]["amount"], "2000");
    let terms = listed[0]["subscription"]["terms"].as_array().unwrap();
    assert_eq!(terms.iter().map(|term| &term["months"]).collect::<Vec<_>>(), [3, 3]);
    // The line is withdrawn: nothing is claimed or renewed any more.
    market.hospital(&["dataset", "withdraw", "second", "--reason", "moved"]).done();
    assert_eq!(renew(&[]).refused().1, "ledger.listing_not_live");
}

#[test]
fn registrars_take_a_listing_down_together_and_for_good() {
    let market = Market::new();
    market.vouch();
    let world = &market.world;
    let package = market.published("ward-7", json!({}));
    market.buyer(&["deal", "request", &package, "--purpose", "health"]).done();
    assert_eq!(market.deal("0")["stage"], "agreed");
    let takedown = ["registrar", "takedown", &package, "--evidence", "evidence.pdf"];
    let takedown = with(&takedown, &["--reason", "consent was withdrawn"]);
    let together = with(&takedown, &["--out", "down.json"]);
    // One alone cannot, nor can somebody who is none.
    assert_eq!(world.run(&world.one, &takedown).refused(), (2, "usage".to_owned()));
    let stranger = world.run(&world.bank, &together);
    assert_eq!(stranger.refused(), (7, "registrar.unknown".to_owned()));
    let nothing = ["registrar", "takedown", "00ff00ff", "--evidence", "evidence.pdf"];
    let nothing = world.run(&world.one, &with(&nothing, &["--reason", "none", "--out", "x.json"]));
    assert_eq!(nothing.refused(), (1, "not_found".to_owned()));
    world.run(&world.one, &together).done();
    let half = world.run(&world.one, &["registrar", "send", "down.json"]);
    assert_eq!(half.refused(), (6, "ledger.bad_signature".to_owned()));
    assert_eq!(market.deal("0")["stage"], "agreed", "nothing happened yet");
    let send = |file: &str| {
        let theirs = world.two.write(file, fs::read(world.one.path(file)).unwrap());
        world.run(&world.two, &["registrar", "sign", &theirs]).done();
        world.run(&world.two, &["registrar", "send", &theirs])
    };
    send("down.json").done();
    let shown = market.buyer(&["dataset", "list", "--all"]).done();
    assert_eq!(shown[0]["listing"]["standing"]["state"], "taken_down", "{shown}");
    assert_eq!(shown[0]["listing"]["closing"]["reason"], "consent was withdrawn");
    // Who waited for nothing yet has the money back, and nobody begins anew.
    let start = Instant::now();
    while market.deal("0")["stage"] != "terminated" {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", market.deal("0"));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(market.deal("0")["termination"]["termination"], "taken_down");
    let again = market.buyer(&["deal", "request", &package, "--purpose", "health"]);
    assert_eq!(again.refused().1, "ledger.listing_taken_down");
    let revised = market.hospital(&["dataset", "publish", "ward-7"]);
    assert_eq!(revised.refused().1, "ledger.listing_taken_down");
    world.run(&world.one, &with(&takedown, &["--out", "twice.json"])).done();
    assert_eq!(send("twice.json").refused().1, "ledger.listing_taken_down");
    // A reason must be said.
    let other = market.published("other", json!({}));
    let blank = ["registrar", "takedown", &other, "--evidence", "evidence.pdf"];
    let blank = with(&blank, &["--reason", " ", "--out", "blank.json"]);
    world.run(&world.one, &blank).done();
    assert_eq!(send("blank.json").refused().1, "ledger.reason_required");
}

#[test]
fn a_standing_request_is_posted_taken_back_and_matched() {
    let market = Market::new();
    let post = ["standing", "post", "--purpose", "health", "--max-price"];
    let post = |price: &str, more: &[&str]| market.buyer(&with(&with(&post, &[price]), more));
    let (exit, code) = post("3000 EUR", &[]).refused();
    assert!(exit != 0 && code.starts_with("credential"), "nothing to show: {exit} {code}");
    market.vouch();
    let bad = post("3000 EUR", &["--column", "age,l=many"]);
    assert_eq!(bad.refused(), (2, "usage".to_owned()));
    let unapproved = ["standing", "post", "--purpose", "disease", "--disease", "MONDO:0005148"];
    let unapproved = market.buyer(&with(&unapproved, &["--max-price", "3000 EUR"]));
    assert_eq!(unapproved.refused(), (4, "credential.purpose".to_owned()));
    let rich = post("2000000 EUR", &[]);
    assert_eq!(rich.refused(), (4, "ledger.insufficient_funds".to_owned()));
    let long = post("3000 EUR", &["--days", "200"]);
    assert_eq!(long.refused().1, "ledger.standing_time");
    assert_eq!(post("3000 EUR", &["--dry-run"]).done()["done"]["height"], Value::Null);
    assert_eq!(market.buyer(&["standing", "list"]).done(), json!([]), "nothing was kept");

    // Posted, shown to everybody who knows its id, and taken back once.
    let first = post("3000 EUR", &["--rows", "100"]).done();
    let id = first["standing"].as_str().unwrap();
    let index = first["index"].to_string();
    let shown = market.world.run(&market.world.bank, &["standing", "show", id]).done();
    assert_eq!(shown["ledger"]["standing"]["wanted"]["table"]["rows"], 100, "{shown}");
    assert_eq!(shown["index"], Value::Null);
    let thief = market.world.run(&market.world.bank, &["standing", "cancel", id]);
    assert_eq!(thief.refused(), (2, "usage".to_owned()));
    let cancel = |more: &[&str]| market.buyer(&with(&["standing", "cancel", &index], more));
    cancel(&["--dry-run"]).done();
    cancel(&[]).done();
    assert_eq!(cancel(&[]).refused().1, "ledger.standing_ended");
    let unknown = market.buyer(&["standing", "show", &"ab".repeat(32)]);
    assert!(unknown.refused().1.ends_with("unknown_standing"));

    // Another, for which something is listed: a deal like any other.
    let second = post("3000 EUR", &[]).done();
    let index = second["index"].to_string();
    market.published(
        "dear",
        json!({ "tiers": [{ "name": "team", "price": "3001 EUR",
                                                 "licence_months": 12 }] }),
    );
    let open = market.buyer(&["standing", "show", &index]).done();
    assert_eq!(open["ledger"]["standing"]["status"]["status"], "open", "too dear: {open}");
    market.published("fitting", json!({}));
    let start = Instant::now();
    let status = || {
        let shown = market.buyer(&["standing", "show", &index]).done();
        shown["ledger"]["standing"]["status"].clone()
    };
    while status()["status"] != "matched" {
        assert!(start.elapsed() < Duration::from_secs(60), "{}", status());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(market.opened(&index, "fitting"), "The records of fitting.\n");
    assert_eq!(status(), json!({ "status": "ended", "ending": "fulfilled" }));
    let listed = market.buyer(&["standing", "list"]).done();
    assert_eq!(listed.as_array().unwrap().len(), 2);
}
