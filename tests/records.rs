//! Records of real deals on a real node: a licence as a file and its check offline, receipts,
//! statements that reconcile, a dataset's history proven entry by entry.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use galen::demo::{story, world};
use galen::error::Failure;
use galen::operation;
use galen::operation::statement::{Party, Period, statement};
use galen::session::account_of;
use galen::wallet::Role;
use galen_market::deal::Stage;
use galen_market::genesis::Genesis;
use galen_market::id::DealId;
use galen_market::layout::BlockRows;
use serde_json::{Value, json};
use support::{Home, Ran, portal, with};

fn ok<T>(result: Result<T, Failure>) -> T {
    result.unwrap_or_else(|failure| panic!("{failure:?}"))
}

/// The ledger of a certificate.
fn chain_of(certificate: &str) -> String {
    let file: Value = serde_json::from_str(certificate).unwrap();
    let genesis: Genesis = serde_json::from_value(file["genesis"].clone()).unwrap();
    genesis.chain().to_string()
}

/// Forty classes of twelve rows.
fn table(path: &Path) {
    let rows = (0..480).map(|row| {
        let sex = ["f", "m"][(row / 96) % 2];
        format!("{},{},{sex},{},{}\n", 1000 + row, 30 + (row / 12) % 8, row % 50, row % 4)
    });
    let text: String =
        std::iter::once("patient_id,xage,sex,mdvis,plan\n".to_owned()).chain(rows).collect();
    fs::write(path, text).unwrap();
}

/// A world in which one deal ended paid and one refunded for want of delivery.
struct Records {
    world: world::World,
    root: tempfile::TempDir,
    auditor: Home,
    package: String,
    paid: DealId,
    late: DealId,
}

impl Records {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("ward.csv");
        table(&source);
        let windows = world::short_windows(20_000, 1_000);
        let listen = "127.0.0.1:0".parse().unwrap();
        let world = ok(world::World::start(root.path(), listen, windows, ok(operation::prover())));
        ok(world.admit_parties());
        let quiet = |_: String| ();
        let prepared = ok(story::prepare(&world, &source, 5, &quiet));
        let record = ok(story::pack(&world, &prepared, BlockRows::Full, &quiet));
        ok(story::list(&world, &record, &quiet));
        let credential = ok(world.vouch(&["general", "health"]));
        let (first, _) = ok(story::buy(&world, &record, &credential, 0, &quiet));
        let (first, _) = ok(world.with_agent(|| {
            world.wait_for(&first.deal, Stage::Finalized)?;
            Ok(first)
        }));
        let (second, _) = ok(story::buy(&world, &record, &credential, 1, &quiet));
        ok(world.wait_for(&second.deal, Stage::Terminated));
        ok(world.check_invariants());
        let package = record.package.to_string();
        let auditor = Home::new();
        Self { world, root, auditor, package, paid: first.deal, late: second.deal }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let node = self.world.session.client().node().to_owned();
        self.auditor.run(&with(arguments, &["--node", &node]))
    }

    /// Without a node that could answer.
    fn offline(&self, arguments: &[&str]) -> Ran {
        self.auditor.run(&with(arguments, &["--node", "http://127.0.0.1:9"]))
    }

    fn genesis(&self) -> PathBuf {
        operation::genesis::genesis_path(&self.root.path().join("node"))
    }

    fn licences(&self) {
        let paid = self.paid.to_string();
        let export = ["licence", "export", &paid, "--out", "licence.json"];
        let dry = self.run(&with(&export, &["--dry-run"])).done();
        assert_eq!(dry["written"], false);
        assert!(!self.auditor.path("licence.json").exists());
        let height = self.run(&export).done()["height"].as_u64().unwrap();
        assert_eq!(self.run(&export).exit, 1, "a file that exists is left alone");

        let genesis = self.genesis().display().to_string();
        let verify = ["licence", "verify", "licence.json", "--genesis", &genesis];
        let told = self.offline(&verify).done();
        assert_eq!(told["in_force"]["status"], "yes");
        assert_eq!(told["verified"]["height"], height);
        assert_eq!(told["verified"]["forgeable"], true);
        assert_eq!(told["verified"]["trust"]["former_validators_could_forge"], false);
        assert_eq!(told["verified"]["licensed"]["licence"]["deal"], paid);
        let limits = told["limits"].to_string();
        assert!(
            limits.contains("cannot be seen offline") && limits.contains("forgeable"),
            "{limits}"
        );
        let online = self.run(&with(&verify, &["--online"])).done();
        assert!(online["online"]["height"].as_u64().unwrap() >= height);
        assert_eq!(self.offline(&with(&verify, &["--online"])).exit, 5);

        // A trusted header stands in for the genesis.
        let header = ["ledger", "header", "--height", "2", "--out", "trusted.json"];
        assert_eq!(self.run(&header).done()["height"], 2);
        let by_header = ["licence", "verify", "licence.json", "--header", "trusted.json"];
        assert_eq!(self.offline(&by_header).done()["verified"]["trust"]["height"], 2);
        assert_eq!(self.offline(&["licence", "verify", "licence.json"]).exit, 2);

        // One changed word, one changed byte of a proof, another ledger's genesis.
        let good = fs::read_to_string(self.auditor.path("licence.json")).unwrap();
        let mut file: Value = serde_json::from_str(&good).unwrap();
        let until = file["says"]["licence"]["until_ms"].as_u64().unwrap();
        file["says"]["licence"]["until_ms"] = json!(until + 1);
        self.auditor.write("longer.json", file.to_string());
        let longer = self.offline(&["licence", "verify", "longer.json", "--genesis", &genesis]);
        assert_eq!(longer.refused(), (3, "proof.refused".to_owned()));
        let mut file: Value = serde_json::from_str(&good).unwrap();
        file["proofs"]["licence"]["siblings"][0] = json!("00".repeat(32));
        self.auditor.write("bent.json", file.to_string());
        let bent = self.offline(&["licence", "verify", "bent.json", "--genesis", &genesis]);
        assert_eq!(bent.refused(), (3, "proof.refused".to_owned()));
        let other = Home::new();
        other.run(&["node", "init"]).done();
        let others = other.path("home/node/genesis.json").display().to_string();
        let foreign = self.offline(&["licence", "verify", "licence.json", "--genesis", &others]);
        assert_eq!(foreign.refused(), (3, "proof.refused".to_owned()));
        self.auditor.write("text.json", "{}");
        let nothing = self.offline(&["licence", "verify", "text.json", "--genesis", &genesis]);
        assert_eq!(nothing.refused(), (8, "file.contents".to_owned()));

        // The same by a program that shares no code with this one.
        let tools = portal::tools();
        let chain = chain_of(&good);
        let theirs = |file: &str, chain: &str| {
            let path = self.auditor.path(file).display().to_string();
            portal::independent(tools, &["licence", &path, chain])
        };
        let said = theirs("licence.json", &chain);
        assert_eq!(said["outcome"], "accepted", "{said}");
        assert_eq!((&said["deal"], &said["untilMs"]), (&json!(paid), &json!(until)));
        assert_eq!(theirs("longer.json", &chain)["outcome"], "state");
        assert_eq!(theirs("bent.json", &chain)["outcome"], "state");
        assert_eq!(theirs("licence.json", &"0".repeat(64))["outcome"], "genesis");
        assert_eq!(theirs("text.json", &chain)["outcome"], "licence");

        let none = self.run(&["licence", "export", &self.late.to_string(), "--out", "none.json"]);
        assert_eq!(none.exit, 1, "a deal that was not delivered has no licence");
    }

    fn receipts(&self) {
        let receipt = |deal: &DealId, out: &str| {
            self.run(&["deal", "receipt", &deal.to_string(), "--out", out]).done()
        };
        let paid = receipt(&self.paid, "paid.json");
        let kinds = |receipt: &Value| -> Vec<String> {
            let events = receipt["events"].as_array().unwrap();
            events.iter().map(|e| e["event"]["event"].as_str().unwrap().to_owned()).collect()
        };
        let found = kinds(&paid);
        for kind in [
            "deal_requested",
            "deal_agreed",
            "deal_ready",
            "deal_delivered",
            "licence_issued",
            "deal_finalized",
            "moved",
        ] {
            assert!(found.contains(&kind.to_owned()), "{kind} in {found:?}");
        }
        let read = |name: &str| -> galen_api::DealReceipt {
            serde_json::from_slice(&fs::read(self.auditor.path(name)).unwrap()).unwrap()
        };
        let totals = read("paid.json").totals().unwrap();
        let price = read("paid.json").deal.price.amount;
        assert_eq!(
            (totals.escrowed, totals.shared, totals.refunded),
            (price, price, Default::default())
        );
        assert!(totals.held.is_zero() && !totals.fees.is_zero());
        let late = receipt(&self.late, "late.json");
        assert_eq!(late["deal"]["termination"]["termination"], "not_delivered");
        let totals = read("late.json").totals().unwrap();
        assert_eq!((totals.refunded, totals.shared), (price, Default::default()));
        assert!(totals.held.is_zero() && !totals.compensation.is_zero());
    }

    fn statements(&self) {
        let hospital = self.world.hospital.account().to_string();
        let genesis = self.genesis().display().to_string();
        let export = ["ledger", "export", "--account", &hospital, "--genesis", &genesis];
        let told = self.run(&export).done();
        let reasons: Vec<&str> = told["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["reason"].as_str().unwrap())
            .collect();
        for reason in [
            "made by a gateway",
            "fee",
            "into the bond",
            "bond held for a deal",
            "bond of a deal released",
            "compensation",
            "share of a price",
            "deposit of a draft",
            "deposit of a draft returned",
        ] {
            assert!(reasons.contains(&reason), "{reason} in {reasons:?}");
        }
        let free = self.world.balance(&self.world.hospital.account()).unwrap().to_string();
        let balances = told["balances"].as_array().unwrap();
        let own = balances.iter().find(|b| b["purse"] == json!({ "account": hospital })).unwrap();
        assert_eq!(own["closing"], json!(free));
        assert!(told["reconciled"].as_u64().unwrap() >= 5);

        let csv = ["--out", "statement.csv"];
        self.run(&with(&export, &csv)).done();
        let text = fs::read(self.auditor.path("statement.csv")).unwrap();
        let mut rows = csv::Reader::from_reader(text.as_slice());
        let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), told["lines"].as_array().unwrap().len() + 2 * balances.len());
        // Two halves of the time are the whole.
        let until = told["until"].as_u64().unwrap();
        let middle = (until / 2).to_string();
        let next = (until / 2 + 1).to_string();
        let first = self.run(&with(&export, &["--until-block", &middle])).done();
        let second = self.run(&with(&export, &["--from-block", &next])).done();
        let lines = |part: &Value| part["lines"].as_array().unwrap().len();
        assert!(lines(&first) > 0 && lines(&second) > 0);
        assert_eq!(lines(&first) + lines(&second), lines(&told));
        let beyond = self.run(&with(&export, &["--until-block", "999999"]));
        assert_eq!(beyond.refused(), (2, "usage".to_owned()));

        // A buyer joins its own deals: what is paid out of one comes back into another.
        let wallet = &self.world.researcher.wallet;
        let accounts = (0..2)
            .flat_map(|index| [wallet.account(Role::Researcher, index), wallet.deal(index).refund]);
        let party = Party {
            accounts: accounts.map(|key| account_of(&key)).collect(),
            deals: [self.paid, self.late].into(),
        };
        let own = ok(operation::genesis::read_file(&self.genesis()));
        let period = Period { from: 0, until: None };
        let buyer = ok(statement(&self.world.session, &own, party.clone(), period));
        assert!(buyer.lines.iter().any(|line| line.reason == "compensation"));
        let foreign = |line: &&operation::statement::Line| {
            line.counterparty.is_none_or(|purse| !buyer.balances.iter().any(|b| b.purse == purse))
        };
        let sum = |of: fn(&operation::statement::Line) -> galen_market::amount::Amount| -> u64 {
            buyer.lines.iter().filter(foreign).map(|line| of(line).units()).sum()
        };
        let closing: u64 = buyer.balances.iter().map(|b| b.closing.units()).sum();
        assert_eq!(sum(|line| line.received) - sum(|line| line.paid), closing);
    }

    fn histories(&self) {
        let genesis = self.genesis().display().to_string();
        let prove = ["dataset", "history", &self.package, "--prove", "--genesis", &genesis];
        let told = self.run(&prove).done();
        let entries = told["entries"].as_array().unwrap();
        assert_eq!(told["proven"], entries.len());
        let kinds: Vec<&str> =
            entries.iter().map(|entry| entry["event"]["event"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["listing_drafted", "listing_live", "licence_issued"]);
        assert!(entries[1]["offer"]["tiers"][0]["price"].is_object());
        let lineage = self.run(&["dataset", "lineage", &self.package]).done();
        assert_eq!(lineage["nodes"].as_array().unwrap().len(), 1);
        let strange = self.run(&["dataset", "history", "00ff00ff"]);
        assert_eq!(strange.refused(), (1, "not_found".to_owned()));
    }
}

#[test]
fn licences_receipts_statements_and_histories_of_real_deals() {
    let records = Records::new();
    records.licences();
    records.receipts();
    records.statements();
    records.histories();
    records.world.stop();
}
