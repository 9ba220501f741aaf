//! A node with three registrars and the homes of its parties, all by the binary.

use std::fs;

use serde_json::{Value, json};

pub use super::account;
use super::{Home, Node, Ran, with};

/// A ledger with three registrars of whom two must sign, and the homes of its parties.
pub struct World {
    pub node: Node,
    pub one: Home,
    pub two: Home,
    pub hospital: Home,
    pub university: Home,
    pub bank: Home,
    pub researcher: Home,
}

impl World {
    pub fn new() -> Self {
        Self::with(&json!({}))
    }

    /// With more parameters of the ledger.
    pub fn with(more: &Value) -> Self {
        let [one, two, hospital, university, bank, researcher] =
            std::array::from_fn(|_| Home::new());
        let (first, second) = (account(&one, "registrar"), account(&two, "registrar"));
        let (third, gateway) = ("33".repeat(32), account(&bank, "gateway"));
        let mut parameters = json!({
            "revoke_epoch_ms": 1000, "max_idle_ms": 500, "draft_deposit_per_kib": "10"
        });
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let parameters = one.write("parameters.json", parameters.to_string());
        let init = [
            "node",
            "init",
            "--threshold",
            "2",
            "--gateway",
            &gateway,
            "--parameters",
            &parameters,
        ];
        let registrars = ["--registrar", &first, "--registrar", &second, "--registrar", &third];
        one.run(&with(&init, &registrars)).done();
        let node = Node::start(&one);
        for home in [&one, &two, &hospital, &university, &bank] {
            home.write("evidence.pdf", "signed and sealed");
        }
        Self { node, one, two, hospital, university, bank, researcher }
    }

    pub fn run(&self, home: &Home, arguments: &[&str]) -> Ran {
        home.run(&with(arguments, &["--node", &self.node.url, "--yes"]))
    }

    /// Admits a party by two registrars.
    pub fn admit(&self, account: &str, role: &str) {
        let file = format!("{role}.json");
        let admit = ["registrar", "admit", "--account", account, "--role", role, "--name", role];
        let together = ["--evidence", "evidence.pdf", "--out", &file];
        self.run(&self.one, &with(&admit, &together)).done();
        let theirs = self.two.write(&file, fs::read(self.one.path(&file)).unwrap());
        assert_eq!(self.run(&self.two, &["registrar", "sign", &theirs]).done()["complete"], true);
        self.run(&self.two, &["registrar", "send", &theirs]).done();
    }
}
