//! The same cases for this light client and for the one of `web/portal/verifier`, which shares no code
//! with it: both must say the same of each.

use std::path::Path;
use std::process::Command;

use galen_light::licence::{InForce, LicenceError, Verified};
use galen_light::{
    Anchor, Certificate, CommitSignature, Header, LightBlock, LightError, StateProof, Validator,
    ValidatorSet,
};
use galen_market::codec::{Bounded, encode};
use galen_market::genesis::Genesis;
use galen_market::id::{ConsensusKey, Signature};
use galen_market::listing::Offer;
use galen_market::testing::{FilePackage, Wallet};
use serde_json::{Value, json};

use crate::chain::{Chain, DAY_MS, certificate, genesis, set};
use crate::licences;
use crate::node;
use crate::proofs;

/// What is changed of a header.
type Change = fn(&mut Header);

#[derive(Default)]
struct Cases {
    given: Vec<Value>,
    ours: Vec<&'static str>,
}

fn reason(error: &LightError) -> &'static str {
    match error {
        LightError::Certificate(_) => "certificate",
        _ => "header",
    }
}

impl Cases {
    fn add(&mut self, name: &str, ours: &'static str, mut given: Value) {
        given["name"] = json!(name);
        self.given.push(given);
        self.ours.push(ours);
    }

    fn path(&mut self, name: &str, genesis: &Genesis, path: &[LightBlock], now_ms: u64) {
        let followed = Anchor::genesis(genesis).unwrap().follow(path, now_ms);
        let ours = followed.as_ref().map_or_else(reason, |_| "accepted");
        let given = json!({ "kind": "path", "genesis": genesis, "path": path, "now_ms": now_ms });
        self.add(name, ours, given);
    }

    fn state(&mut self, name: &str, proof: &StateProof, root: &[u8; 32]) {
        let ours = if proof.verify(root).is_ok() { "accepted" } else { "state" };
        let (key, root) = (hex::encode(&*proof.key), hex::encode(root));
        self.add(name, ours, json!({ "kind": "state", "proof": proof, "key": key, "root": root }));
    }

    /// Runs the other program; what both said, by the names of the cases.
    fn agree(self) -> Vec<(String, &'static str)> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cases.json");
        std::fs::write(&file, serde_json::to_vec(&self.given).unwrap()).unwrap();
        let cli = node::tools().join("verifier/dist/light-cli.js");
        let (ok, text) = node::run(Command::new("node").arg(cli).arg(&file));
        assert!(ok, "{text}");
        let theirs: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(theirs.len(), self.given.len());
        let mut said = Vec::new();
        for ((given, ours), theirs) in self.given.iter().zip(self.ours).zip(theirs) {
            assert_eq!(theirs["name"], given["name"]);
            assert_eq!(theirs["outcome"], ours, "{}", given["name"]);
            said.push((given["name"].as_str().unwrap().to_owned(), ours));
        }
        said
    }
}

fn four() -> Vec<(u8, u64)> {
    vec![(1, 10), (2, 10), (3, 10), (4, 10)]
}

fn signed(block: &LightBlock, signers: &[u8]) -> LightBlock {
    LightBlock { certificate: certificate(&block.header, 0, signers), ..block.clone() }
}

/// What is to be told of a licence, as the page tells it.
fn told(found: &Verified) -> &'static str {
    match (&found.in_force, found.trust.former_validators_could_forge) {
        (InForce::Yes, false) => "accepted",
        (InForce::Yes, true) => "accepted, former validators",
        (InForce::NotYet { .. }, false) => "accepted, not yet",
        (InForce::NotYet { .. }, true) => "accepted, not yet, former validators",
        (InForce::Expired { .. }, false) => "accepted, expired",
        (InForce::Expired { .. }, true) => "accepted, expired, former validators",
        (InForce::Revoked { .. }, false) => "accepted, revoked",
        (InForce::Revoked { .. }, true) => "accepted, revoked, former validators",
    }
}

fn count(said: &[(String, &'static str)], what: &str) -> usize {
    said.iter().filter(|(_, ours)| *ours == what).count()
}

#[test]
fn headers_and_certificates() {
    let schedule = [
        (1, four()),
        (5, vec![(1, 10), (2, 10), (3, 10), (5, 10)]),
        (9, vec![(1, 10), (2, 10), (6, 10), (5, 10)]),
        (12, vec![(7, 10), (8, 10), (6, 10), (5, 10)]),
    ];
    let chain = Chain::new(&schedule, 20);
    let (genesis, now_ms) = (&chain.genesis, chain.now_ms());
    let mut cases = Cases::default();
    cases.path("every block", genesis, &chain.blocks, now_ms);
    cases.path("at once", genesis, &[chain.block(8)], now_ms);
    cases.path("a gap", genesis, &[chain.block(20)], now_ms);
    cases.path("nothing", genesis, &[], now_ms);
    cases.path("out of order", genesis, &[chain.block(3), chain.block(2)], now_ms);
    cases.path("another ledger", &self::genesis(&[(1, 1)]), &[chain.block(2)], now_ms);
    cases.path("ahead", genesis, &[chain.block(4)], chain.block(4).header.time_ms - 660_000);
    cases.path("a little ahead", genesis, &[chain.block(4)], chain.block(4).header.time_ms - 9_000);
    cases.path("after unbonding", genesis, &[chain.block(8)], now_ms + 22 * DAY_MS);
    let one = chain.block(1);
    cases.path("three of four", genesis, &[signed(&one, &[4, 2, 1])], now_ms);
    cases.path("two of four", genesis, &[signed(&one, &[1, 2])], now_ms);
    cases.path("one twice", genesis, &[signed(&one, &[1, 2, 3, 1])], now_ms);
    cases.path("a stranger", genesis, &[signed(&one, &[1, 2, 3, 9])], now_ms);
    let heavy = LightBlock { validators: set(&[(1, 90), (2, 10)]), ..signed(&one, &[1]) };
    cases.path("other validators", genesis, &[heavy], now_ms);
    let mut round = one.clone();
    round.certificate.round = 1;
    cases.path("another round", genesis, &[round], now_ms);
    let changes: [(&str, Change); 9] = [
        ("height", |header| header.height = 2),
        ("time", |header| header.time_ms += 1),
        ("parent", |header| header.parent.0[0] ^= 1),
        ("proposer", |header| header.proposer[0] ^= 1),
        ("transactions", |header| header.transactions[0] ^= 1),
        ("events", |header| header.events[31] ^= 1),
        ("state root", |header| header.state_root[0] ^= 1),
        ("validators", |header| header.validators[0] ^= 1),
        ("next validators", |header| header.next_validators[0] ^= 1),
    ];
    for (name, change) in changes {
        let mut lie = one.clone();
        change(&mut lie.header);
        cases.path(name, genesis, &[lie], now_ms);
    }
    let last = json!({
        "kind": "last", "genesis": genesis, "blocks": chain.blocks, "now_ms": now_ms, "most": 4,
    });
    cases.add("the last by halves", "accepted", last);
    let said = cases.agree();
    let outcomes = ["accepted", "header", "certificate"].map(|what| count(&said, what));
    assert_eq!(outcomes, [6, 7, 12], "{said:?}");
}

/// Keys and signatures on which libraries differ: points of small order, and other texts of them.
#[test]
fn signatures_by_the_rules_of_zip_215() {
    let neutral = |first: u8, rest: u8, last: u8| {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    let texts = [
        ("neutral", neutral(1, 0, 0)),
        ("neutral, signed zero", neutral(1, 0, 0x80)),
        ("neutral, above the modulus", neutral(0xee, 0xff, 0x7f)),
        ("of order two", neutral(0xec, 0xff, 0x7f)),
        ("no point", neutral(2, 0, 0)),
    ];
    let mut cases = Cases::default();
    for (name, key) in texts {
        for (how, r, s) in
            [("", key, 0u8), (", other scalar", key, 1), (", other point", [9; 32], 0)]
        {
            let validators =
                ValidatorSet::new([Validator { key: ConsensusKey(key), power: 10 }]).unwrap();
            let mut chain = Chain::new(&[(1, four())], 1);
            chain.genesis.validators.truncate(1);
            chain.genesis.validators[0].consensus_key = ConsensusKey(key);
            let mut header = chain.block(1).header;
            header.chain_id = chain.genesis.chain_id();
            header.parent.0 = header.chain_id;
            (header.validators, header.next_validators) = (validators.hash(), validators.hash());
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&r);
            signature[32] = s;
            let signature = Signature(signature);
            let signatures = vec![CommitSignature { validator: ConsensusKey(key), signature }];
            let certificate =
                Certificate { round: 0, signatures: Bounded::new(signatures).unwrap() };
            let block = LightBlock { header, certificate, validators };
            cases.path(&format!("{name}{how}"), &chain.genesis, &[block], chain.now_ms());
        }
    }
    let said = cases.agree();
    assert_eq!([count(&said, "accepted"), count(&said, "certificate")], [4, 11], "{said:?}");
}

#[test]
fn proofs_of_the_state() {
    let mut cases = Cases::default();
    for (name, proof, root) in proofs::some() {
        cases.state(&name, &proof, &root);
    }
    let said = cases.agree();
    assert!(count(&said, "accepted") >= 60 && count(&said, "state") >= 100, "{said:?}");
}

#[test]
fn licence_certificates() {
    let mut cases = Cases::default();
    for (name, file, anchor, now_ms) in licences::some() {
        let ours = match file.verify(&anchor, now_ms) {
            Ok(found) => told(&found),
            Err(LicenceError::Format(_)) => "licence",
            Err(LicenceError::OtherLedger) => "genesis",
            Err(LicenceError::Light(error)) => reason(&error),
            Err(_) => "state",
        };
        let chain_id = hex::encode(anchor.chain_id);
        let given =
            json!({ "kind": "licence", "file": file, "now_ms": now_ms, "chain_id": chain_id });
        cases.add(name, ours, given);
    }
    let said = cases.agree();
    let outcomes = ["accepted", "licence", "genesis", "header", "certificate", "state"];
    assert_eq!(outcomes.map(|what| count(&said, what)), [2, 1, 1, 1, 1, 6], "{said:?}");
    let at = |name: &str| said.iter().find(|(case, _)| case == name).unwrap().1;
    assert_eq!(at("early"), "accepted, not yet");
    assert_eq!(at("late"), "accepted, former validators");
    assert_eq!(at("over"), "accepted, expired, former validators");
}

/// Countries have no length in front: texts of other lengths could have the bytes of those that are
/// proven.
#[test]
fn adversary_45d_other_countries_with_the_bytes_of_these() {
    let hospital = Wallet::new("hospital");
    let mut offer = FilePackage::new(&hospital, "hearts", 500).draft.offer;
    let mut clauses = offer.terms.clauses.clone().into_vec();
    clauses.push("GS:DE,US".parse().unwrap());
    offer.terms.clauses = Bounded::new(clauses).unwrap();
    let bytes = encode(&offer);
    let shown = serde_json::to_string(&offer).unwrap();
    let mut cases = Cases::default();
    for countries in ["DE\",\"US", "\",\"DEUS", "DEUS\",\"", "D\",\"EUS", "DEUS"] {
        let said = shown.replacen("DE\",\"US", countries, 1);
        let ours = match serde_json::from_str::<Offer>(&said) {
            Ok(offer) if encode(&offer) == bytes => "accepted",
            Ok(_) => "state",
            Err(_) => "encoding",
        };
        let said: Value = serde_json::from_str(&said).unwrap();
        let given = json!({ "kind": "offer", "offer": said, "bytes": hex::encode(&bytes) });
        cases.add(countries, ours, given);
    }
    let said = cases.agree();
    assert_eq!([count(&said, "accepted"), count(&said, "encoding")], [1, 4], "{said:?}");
}

/// The page that people open in a browser says what the command line does.
#[test]
fn adversary_45d_a_page_warns_of_a_licence_that_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut command = Command::new("node");
    command.arg(root.join("tests/browser/licence.mjs")).arg(node::tools().join("portal"));
    command.arg(root.join("web/portal/dist/galen-check.html"));
    for (name, months) in [("ended.json", 1), ("good.json", 1_200)] {
        let file = folder.path().join(name);
        std::fs::write(&file, serde_json::to_vec(&licences::of_months(months)).unwrap()).unwrap();
        command.arg(file);
    }
    let (ok, text) = node::run(&mut command);
    assert!(ok, "this needs Debian's chromium: {text}");
    let said: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown = |at: usize| -> Vec<(String, String)> {
        assert_eq!(said[at]["asked"], json!([]), "{text}");
        serde_json::from_value(said[at]["shown"].clone()).unwrap()
    };
    let warned = |shown: &[(String, String)], what: &str| {
        shown.iter().any(|(kind, text)| kind == "banner warn" && text.contains(what))
    };
    let (ended, good) = (shown(0), shown(1));
    assert_eq!((ended[0].0.as_str(), good[0].0.as_str()), ("banner warn", "banner good"), "{text}");
    assert!(warned(&ended, "no longer in force") && !warned(&good, "in force"), "{text}");
    // The genesis is older than stake stays bound.
    for one in [&ended, &good] {
        assert!(warned(one, "former validators could have forged"), "{text}");
        assert!(warned(one, "Development ledger"), "{text}");
    }
}
