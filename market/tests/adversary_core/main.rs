//! Attacks on transactions, money and credentials, at the level of the ledger. Each test names the
//! error that it expects and has a twin without the attack that succeeds.

#![allow(clippy::unwrap_used, missing_docs)]

mod identity;
mod proofs;
mod roles;
mod transactions;

use galen_market::action::{Action, Admission, Mint, RevokeCredentials, Suspend, Transfer};
use galen_market::amount::{Amount, AmountError, Asset};
use galen_market::codec::{Bounded, Bytes};
use galen_market::deal::Stage;
use galen_market::error::TxError;
use galen_market::fee::FeeRates;
use galen_market::id::{AccountId, ChainId, Digest, Signature};
use galen_market::identity::presentation::Presentation;
use galen_market::identity::tree::leaf_list;
use galen_market::ledger::BlockError;
use galen_market::payment::Purse;
use galen_market::role::Role;
use galen_market::testing::{
    Buyer, FilePackage, GENESIS_MS, Researcher, Signing, Simulation, Wallet, deal_of, eur, euros,
    prover,
};
use galen_market::transaction::{QUESTION, Transaction, verify_signature};
use galen_zk::circuit::credential::Credential;
use galen_zk::field::Scalar;
use galen_zk::point::JubPoint;
use galen_zk::proof::Proof;
use galen_zk::statement::Statement;

fn transfer(from: &Wallet, to: &Wallet, amount: u64) -> Action {
    Action::Transfer(Transfer {
        from: from.id(),
        to: to.id(),
        asset: Asset::Currency(eur()),
        amount: Amount::new(amount),
    })
}

/// A ledger with one live listing, a funded buyer's account and an enrolled researcher.
struct Market {
    sim: Simulation,
    hospital: Wallet,
    package: FilePackage,
    issuer: Wallet,
    researcher: Researcher,
    funder: Wallet,
    buyer: Buyer,
}

fn market() -> Market {
    let mut sim = Simulation::default();
    let hospital = sim.institution("hospital", 1_000_000);
    let bond =
        galen_market::action::DepositBond { institution: hospital.id(), money: euros(500_000) };
    sim.act(vec![Action::DepositBond(bond)], &[&hospital]).unwrap();
    let package = FilePackage::new(&hospital, "cohort", 10_000);
    sim.list(&hospital, &package).unwrap();
    let issuer = sim.issuer("university");
    let mut researcher = Researcher::new("ada");
    sim.enrol(&issuer, &mut researcher);
    let funder = sim.funded("one-time account", 100_000);
    let buyer = Buyer::new("ada");
    Market { sim, hospital, package, issuer, researcher, funder, buyer }
}

impl Market {
    fn request(&mut self, j: u16) -> Transaction {
        let request = self.package.request(&self.funder, &self.buyer, false);
        self.sim.request(request, &self.funder, &self.researcher, j)
    }
}

/// Adds a 32-byte little-endian number, as an attacker does who looks for a second encoding.
fn plus(bytes: &mut [u8], number: &str) {
    let mut carry = 0u16;
    for (byte, add) in bytes.iter_mut().zip(hex::decode(number).unwrap()) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "the sum does not fit");
}

/// The order of the scalar field of BN254, in which nullifiers and other public inputs live.
const FIELD_ORDER: &str = "010000f093f5e1439170b97948e833285d588181b64550b829a031e1724e6430";
/// The order of Ed25519's base point.
const BASE_ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// The transaction's bytes with the field's order added to its nullifier.
fn with_shifted_nullifier(transaction: &Transaction) -> Vec<u8> {
    let mut bytes = transaction.encode();
    let shown = transaction.authorization.credential.as_ref().unwrap();
    let nullifier = shown.nullifier.to_bytes();
    let at = bytes.windows(32).position(|window| window == nullifier).unwrap();
    plus(&mut bytes[at..at + 32], FIELD_ORDER);
    bytes
}
