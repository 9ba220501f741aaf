//! A purchase from the first question to the opened file, by the binary alone: whether one qualifies,
//! what is signed, the review, the agent with a policy and a webhook, and everything again on another
//! machine from the words of the wallet.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};
use support::ledger::{World, account};
use support::{Home, Ran, with};

const LICENCE: &str = "For research into diabetes only.\nNo attempt to find out who anybody is.\n";
const RECORDS: &str = "The records of a ward, as they are sold.\n";
const DIABETES: &str = "MONDO:0005148";

/// A listing that asks for nearly everything, an accredited researcher with money, and a bond.
struct Market {
    world: World,
    package: String,
}

impl Market {
    fn new() -> Self {
        let world = World::new();
        let hospital = account(&world.hospital, "institution");
        let university = account(&world.university, "issuer");
        let buyer = account(&world.researcher, "researcher");
        world.admit(&hospital, "institution");
        world.admit(&university, "issuer");
        for to in [&hospital, &buyer] {
            let mint = ["gateway", "mint", "--to", to, "--amount", "900000 EUR"];
            world.run(&world.bank, &mint).done();
        }
        world
            .run(&world.hospital, &["account", "bond", "deposit", "--amount", "500000 EUR"])
            .done();
        let home = &world.hospital;
        home.write("records.txt", RECORDS);
        home.write("licence.txt", LICENCE);
        let description = json!({
            "name": "ward-7", "title": "Ward 7", "description": "Records.", "citation": "A ward.",
            "price": "2500 EUR", "licence_months": 24,
            "clauses": [
                format!("DS:{DIABETES}"), "NPU", "IRB", "GS:AT,DE", "NRI", "MOR:2027-01-01", "TS:24",
                "PS:Sleep study",
            ],
            "review_hours": 24, "licence_name": "A licence", "licence_file": "licence.txt",
        });
        home.write("description.json", description.to_string());
        let pack = ["dataset", "pack", "--file", "records.txt", "--small-blocks"];
        let rest = ["--description", "description.json", "--out", "package"];
        home.run(&with(&pack, &rest)).done();
        let published = world.run(home, &["dataset", "publish", "package"]).done();
        let package = published["listing"]["package"].as_str().unwrap().to_owned();
        Self { world, package }
    }

    fn buyer(&self, arguments: &[&str]) -> Ran {
        self.world.run(&self.world.researcher, arguments)
    }

    fn hospital(&self, arguments: &[&str]) -> Ran {
        self.world.run(&self.world.hospital, arguments)
    }

    /// An application, with and without an ethics approval and other words.
    fn apply(&self, home: &Home, purposes: &str) -> Ran {
        let university = account(&self.world.university, "issuer");
        home.write("approval.pdf", "approved");
        let _ = fs::remove_file(home.path("application.json"));
        let wish = ["issuer", "apply", "--issuer", &university, "--institution", "A university"];
        let more = ["--country", "DE", "--purpose", purposes, "--approval", "EK-17"];
        let rest =
            ["--evidence", "approval.pdf", "--expiry", "2028-01-01", "--out", "application.json"];
        self.world.run(home, &with(&with(&wish, &more), &rest))
    }

    fn vouch(&self) {
        self.apply(&self.world.researcher, "disease,nonprofit").done();
        let application = fs::read(self.world.researcher.path("application.json")).unwrap();
        self.world.university.write("application.json", application);
        let approve = ["issuer", "approve", "application.json", "--out", "credential.json"];
        let made = self.world.run(&self.world.university, &approve).done();
        assert_eq!(made["credential"]["attributes"]["purposes"], 4 | 8 | 64, "ethics is a bit");
        let credential = fs::read(self.world.university.path("credential.json")).unwrap();
        self.world.researcher.write("credential.json", credential);
        self.buyer(&["issuer", "accept", "credential.json"]).done();
    }

    fn request(&self, more: &[&str]) -> Value {
        let request =
            ["deal", "request", &self.package, "--purpose", "disease", "--disease", DIABETES];
        let promised = ["--undertake", "all", "--project", "Sleep and glucose"];
        self.buyer(&with(&with(&request, &promised), more)).done()
    }

    fn stage(&self, index: &str) -> String {
        let status = self.buyer(&["deal", "status", index]).done();
        status["ledger"]["deal"]["stage"].as_str().unwrap().to_owned()
    }
}

/// Data and an exit code.
fn answer(ran: &Ran) -> (i32, Value) {
    (ran.exit, serde_json::from_str(&ran.out).unwrap())
}

fn findings(judged: &Value) -> Vec<(String, String)> {
    let reasons = judged["decision"]["reasons"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    reasons.iter().map(|one| (text(&one["clause"]["code"]), text(&one["finding"]))).collect()
}

#[test]
fn a_buyer_knows_beforehand_and_reads_what_it_signs() {
    let market = Market::new();
    let package = market.package.as_str();
    // Nothing to show yet: told why, with the exit code of a refused purchase.
    let (exit, judged) = answer(&market.buyer(&["dataset", "eligible", package]));
    assert_eq!((exit, judged[0]["outcome"].as_str()), (4, Some("refused")));
    assert!(judged[0]["obstacles"][0].as_str().unwrap().contains("no credential"));
    market.vouch();
    let eligible = ["dataset", "eligible", package, "--purpose", "disease", "--disease"];
    let promised = ["--undertake", "all", "--project", "Sleep and glucose"];
    let (exit, judged) = answer(&market.buyer(&with(&with(&eligible, &[DIABETES]), &promised)));
    assert_eq!((exit, judged[0]["outcome"].as_str()), (0, Some("needs_review")));
    let expected = [
        ("DUO:0000007", "permits"),
        ("DUO:0000045", "proven"),
        ("DUO:0000021", "proven"),
        ("DUO:0000022", "proven"),
        ("GALEN:0000001", "undertaken"),
        ("DUO:0000024", "undertaken"),
        ("DUO:0000025", "by_licence"),
        ("DUO:0000027", "for_review"),
    ];
    let expected = expected.map(|(code, finding)| (code.to_owned(), finding.to_owned()));
    assert_eq!(findings(&judged[0]), expected);
    let reveals = judged[0]["reveals"].to_string();
    assert!(reveals.contains("disease, nonprofit, ethics"), "{reveals}");
    assert!(reveals.contains("one of AT, DE"), "the country itself is not told: {reveals}");
    // Another disease, or less promised: refused, and by which clause.
    let (exit, judged) =
        answer(&market.buyer(&with(&with(&eligible, &["MONDO:0004979"]), &promised)));
    assert_eq!((exit, findings(&judged[0])[0].1.as_str()), (4, "other_disease"));
    let (exit, judged) = answer(&market.buyer(&with(&eligible, &[DIABETES])));
    assert_eq!((exit, findings(&judged[0])[4].1.as_str()), (4, "not_undertaken"));
    let (exit, all) = answer(&market.buyer(&["dataset", "eligible", "--all"]));
    assert_eq!((exit, all.as_array().unwrap().len()), (0, 1));
    let unknown = market.buyer(&["dataset", "eligible", "00ff00ff"]);
    assert_eq!(unknown.refused(), (1, "not_found".to_owned()));

    // The text is the one of the terms' hash, and nothing is signed without it.
    let text = market.buyer(&["licence", "text", package]).done();
    assert_eq!(text["text"], LICENCE);
    let request = ["deal", "request", package, "--purpose", "disease", "--disease", DIABETES];
    let node = ["--node", &market.world.node.url];
    let unasked = market.world.researcher.run(&with(&with(&request, &promised), &node));
    assert_eq!(unasked.exit, 9, "{}", unasked.err);
    assert!(unasked.err.contains("research into diabetes only"), "{}", unasked.err);
    let refused = market.buyer(&request);
    assert_eq!(refused.refused(), (4, "purchase.terms".to_owned()));
    assert!(refused.err.contains("--undertake"), "{}", refused.err);
    assert_eq!(market.buyer(&["deal", "list"]).done(), json!([]), "nothing was sent");
    // A node that has another text is not believed.
    let hash = text["sha256"].as_str().unwrap();
    let kept = market.world.one.path(&format!("home/node/packages/texts/{hash}"));
    fs::write(&kept, "For anything.\n").unwrap();
    let missing = market.buyer(&["licence", "text", package]);
    assert_eq!(missing.refused(), (1, "licence.missing".to_owned()));
    market.hospital(&["dataset", "publish", "package"]).done();
    assert_eq!(fs::read_to_string(&kept).unwrap(), LICENCE, "publishing again brings it back");
}

#[test]
fn terms_are_a_policy_that_others_read() {
    let market = Market::new();
    let shown = market.buyer(&["dataset", "terms", &market.package, "--odrl"]);
    assert_eq!(shown.exit, 0, "{}", shown.err);
    let file = market.world.researcher.write("terms.jsonld", &shown.out);
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/check_odrl.py");
    let checked = Command::new(python).args([script, &file]).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{said}{}", String::from_utf8_lossy(&checked.stderr));
    for line in [
        "rules 1 2",
        "pays 2500",
        "constraint purpose isAnyOf http://purl.obolibrary.org/obo/MONDO_0005148",
        "constraint spatial isAnyOf AT DE",
        "constraint elapsedTime lteq P24M",
        "constraint dateTime lt 2027-01-01",
        "constraint purpose eq Sleep study",
        "prohibits http://www.w3.org/ns/odrl/2/distribute",
    ] {
        assert!(said.lines().any(|found| found == line), "{line} is missing in:\n{said}");
    }
}

#[test]
fn a_review_decides_and_a_lost_machine_is_recovered_from_the_words() {
    let market = Market::new();
    market.vouch();
    // Two at once of one wallet and account: each has a number, keys and a record of its own.
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| market.request(&["--account", "0"]));
        (market.request(&[]), other.join().unwrap())
    });
    let (first, second) = if one["index"] == 0 { (one, other) } else { (other, one) };
    assert_eq!((&first["index"], &second["index"]), (&0.into(), &1.into()));
    let id = |deal: &Value| deal["deal"].as_str().unwrap().to_owned();
    let kept = market.buyer(&["deal", "list"]).done();
    assert_eq!(kept.as_array().unwrap().len(), 2, "{kept}");
    let waiting = market.hospital(&["deal", "review"]).done();
    assert_eq!(waiting.as_array().unwrap().len(), 2);
    let shown = market.hospital(&["deal", "review", &id(&first)]).done();
    assert_eq!(shown["deal"]["purpose"]["project"], "Sleep and glucose");
    let silent = market.hospital(&["deal", "review", &id(&second), "--refuse"]);
    assert_eq!(silent.exit, 2, "a refusal needs a reason: {}", silent.err);
    let nobody = market.hospital(&["deal", "review", &"ab".repeat(32), "--accept"]);
    assert_eq!(nobody.refused(), (2, "usage".to_owned()));
    let refuse = ["deal", "review", &id(&second), "--refuse", "--reason", "not approved here"];
    let dry = market.hospital(&with(&refuse, &["--dry-run"])).done();
    assert_eq!(
        (dry["done"]["height"].clone(), market.stage("1")),
        (Value::Null, "requested".into())
    );
    market.hospital(&refuse).done();
    market.hospital(&["deal", "review", &id(&first), "--accept"]).done();
    assert_eq!((market.stage("0"), market.stage("1")), ("agreed".into(), "terminated".into()));
    let ended = market.buyer(&["deal", "status", "1"]).done();
    assert_eq!(ended["ledger"]["deal"]["termination"]["reason"], "not approved here");

    market.buyer(&["deal", "fetch", "0"]).done();
    market.buyer(&["deal", "ready", "0"]).done();
    let deeds = market.hospital(&["agent", "run", "--once"]).done();
    assert_eq!(deeds[0]["did"], "delivered", "{deeds}");
    market.buyer(&["deal", "decrypt", "0", "--out", "opened"]).done();
    let opened = fs::read_to_string(market.world.researcher.path("opened/records.txt")).unwrap();
    assert_eq!(opened, RECORDS);

    // The machine is gone; the words are not.
    let words = market.world.researcher.path("words");
    let backup = ["key", "backup", "--yes", "--out", words.to_str().unwrap()];
    let backed = market.world.researcher.run(&backup);
    assert_eq!(backed.exit, 0, "{}", backed.err);
    let again = Home::empty();
    let words = again.write("words", fs::read(words).unwrap());
    let run = |arguments: &[&str]| market.world.run(&again, arguments);
    run(&["key", "restore", "--words-file", &words]).done();
    // The credential is made again from what the person knows, and from the issuer's public list.
    assert_eq!(market.apply(&again, "disease").exit, 0);
    let other = run(&["issuer", "recover", "application.json"]);
    assert_eq!(other.refused(), (8, "credential.not_listed".to_owned()));
    assert_eq!(market.apply(&again, "disease,nonprofit").exit, 0);
    run(&["issuer", "recover", "application.json"]).done();
    // No key is used a second time by accident.
    let request =
        ["deal", "request", &market.package, "--purpose", "disease", "--disease", DIABETES];
    let early = run(&with(&request, &["--undertake", "all", "--project", "Sleep"]));
    assert_eq!(early.refused(), (7, "deal.recover_first".to_owned()));
    let dry = run(&["deal", "recover", "--dry-run"]).done();
    assert_eq!(
        (dry["found"].as_array().unwrap().len(), run(&["deal", "list"]).done()),
        (2, json!([]))
    );
    let found = run(&["deal", "recover"]).done();
    assert_eq!(found["looked_at"], 2);
    assert_eq!(
        (&found["found"][0]["deal"], &found["found"][1]["deal"]),
        (&first["deal"], &second["deal"])
    );
    assert_eq!(run(&["deal", "recover"]).done()["kept"].as_array().unwrap().len(), 2);
    run(&["deal", "fetch", "0"]).done();
    run(&["deal", "decrypt", "0", "--out", "opened"]).done();
    assert_eq!(fs::read_to_string(again.path("opened/records.txt")).unwrap(), RECORDS);
    // And the next deal takes the next keys.
    let third = run(&with(&request, &["--undertake", "all", "--project", "Sleep"])).done();
    assert_eq!(third["index"], 2);
    // A stranger's wallet finds nothing.
    let stranger = market.world.run(&market.world.bank, &["deal", "recover"]).done();
    assert_eq!((stranger["found"].clone(), stranger["looked_at"].clone()), (json!([]), 3.into()));
}

/// Receives one call and takes it.
fn one_call(listener: TcpListener) -> std::thread::JoinHandle<(String, Value)> {
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let (mut length, mut signature) = (0, String::new());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let lower = line.trim().to_lowercase();
            if lower.is_empty() {
                break;
            }
            if let Some(value) = lower.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if let Some(value) = lower.strip_prefix("galen-signature: ") {
                signature = value.to_owned();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut stream = reader.into_inner();
        stream.write_all(b"HTTP/1.1 204 Taken\r\ncontent-length: 0\r\n\r\n").unwrap();
        (signature, serde_json::from_slice(&body).unwrap())
    })
}

#[test]
fn an_agent_signs_what_its_policy_says_and_calls_for_the_rest() {
    let market = Market::new();
    market.vouch();
    let first = market.request(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hook = format!("http://{}/", listener.local_addr().unwrap());
    let home = &market.world.hospital;
    let policy = |json: Value| home.write("policy.json", json.to_string());
    let agent = |more: &[&str]| {
        market.hospital(&with(&["agent", "run", "--once", "--policy", "policy.json"], more))
    };
    policy(json!({ "format": "galen-agent-policy/1", "max_a_day": 1 }));
    let wrong = agent(&[]);
    assert_eq!(wrong.refused(), (8, "agent.policy".to_owned()));
    assert!(wrong.err.contains("max_a_day") && wrong.err.contains("line 1"), "{}", wrong.err);

    // No rule decides the request: a person is called, once.
    policy(json!({ "format": "galen-agent-policy/1", "webhook": { "url": hook } }));
    let received = one_call(listener);
    let deeds = agent(&[]).done();
    assert_eq!(deeds, json!([{ "did": "waits", "deal": first["deal"], "need": "review" }]));
    let (signature, body) = received.join().unwrap();
    assert_eq!((&body["deal"], &body["need"]), (&first["deal"], &"review".into()));
    assert!(signature.starts_with("t=") && signature.contains(",v1="), "{signature}");
    let key = home.run(&["agent", "webhook-key"]).done()["key"].as_str().unwrap().to_owned();
    assert_eq!(key.len(), 64);
    assert!(!body.to_string().contains(&key));
    assert_eq!(agent(&[]).done(), deeds, "nobody listens any more, and nobody is called again");
    assert_eq!(market.stage("0"), "requested");

    // A rule that accepts it, and then a price floor that stops the delivery.
    let accept = json!([{ "decide": "accept", "purposes": ["disease"], "clauses": ["PS"] }]);
    policy(json!({ "format": "galen-agent-policy/1", "review": accept }));
    let deeds = agent(&[]).done();
    assert_eq!(deeds, json!([{ "did": "reviewed", "deal": first["deal"], "accepted": true }]));
    market.buyer(&["deal", "fetch", "0"]).done();
    market.buyer(&["deal", "ready", "0"]).done();
    policy(json!({ "format": "galen-agent-policy/1", "floors": ["2501 EUR"] }));
    let held = agent(&[]).done();
    assert_eq!(held, json!([{ "did": "waits", "deal": first["deal"], "need": "price" }]));
    assert_eq!(market.stage("0"), "ready");
    let none: Vec<_> = fs::read_dir(home.path("home/agent/envelopes")).unwrap().collect();
    assert!(none.is_empty(), "what the policy does not allow is not even proven");
    policy(json!({ "format": "galen-agent-policy/1", "floors": ["2500 EUR"], "max_per_day": 1 }));
    assert_eq!(agent(&[]).done()[0]["did"], "delivered");
    assert_eq!(market.stage("0"), "verified");

    // The day is full: a second deal waits for a person, whatever restarts.
    let second = market.request(&[]);
    market.hospital(&["deal", "review", second["deal"].as_str().unwrap(), "--accept"]).done();
    market.buyer(&["deal", "ready", "1"]).done();
    let full = json!([{ "did": "waits", "deal": second["deal"], "need": "limit" }]);
    assert_eq!((agent(&[]).done(), agent(&[]).done()), (full.clone(), full));
    assert_eq!(market.stage("1"), "ready");
}
