//! Standing requests: matched by the ledger, and attacked.

#![allow(clippy::unwrap_used, missing_docs)]

mod attacks;
mod going_on;
mod matching;

use galen_market::action::trade::*;
use galen_market::action::{Action, Admission, DepositBond, Mint, RevokeCredentials, Suspend};
use galen_market::amount::Amount;
use galen_market::codec::Bounded;
use galen_market::deal::{Origin, Stage, Termination};
use galen_market::error::TxError;
use galen_market::event::Event;
use galen_market::fee::{FeePayer, FeeRates};
use galen_market::genesis::Genesis;
use galen_market::id::{DealId, Digest, StandingId};
use galen_market::listing::{Declared, ListingId, Offer};
use galen_market::payment::{DealPurse, Purse};
use galen_market::role::Role;
use galen_market::terms::{Clause, Mondo, duo};
use galen_market::testing::{
    Buyer, FilePackage, K, Researcher, Signing, Simulation, TablePackage, Tamper, Wallet,
    change_tier, deal_of, euros, text,
};
use galen_market::wanted::{ColumnRef, ColumnWanted, Ending, Status, TableWanted, Wanted, Within};

const PRICE: u64 = 10_000;
const BOND: u64 = 500_000;
const FUNDS: u64 = 200_000;
/// A tenth of the price.
const COMPENSATION: u64 = 1_000;
const MINUTE: u64 = 60_000;

struct Market {
    sim: Simulation,
    hospital: Wallet,
    researcher: Researcher,
    funder: Wallet,
    buyer: Buyer,
    uses: u16,
}

fn market_with(change: impl FnOnce(&mut Genesis)) -> Market {
    let mut sim = Simulation::with(|genesis| {
        let parameters = &mut genesis.parameters;
        parameters.requests_per_credential = 64;
        parameters.deliver_ms = 20 * MINUTE;
        parameters.ready_ms = 20 * MINUTE;
        parameters.dispute_ms = 60 * MINUTE;
        genesis.currencies[0].fees = FeeRates { per_kib: Amount::new(1), per_unit: Amount::new(1) };
        change(genesis);
    });
    let gateway = sim.gateway.clone();
    for to in [gateway.id(), sim.registrars[0].id(), Wallet::new("university").id()] {
        let mint = Mint { gateway: gateway.id(), to, money: euros(1_000_000) };
        sim.act(vec![Action::Mint(mint)], &[&gateway]).unwrap();
    }
    let hospital = institution(&mut sim, "hospital");
    let issuer = sim.issuer("university");
    let mut researcher = Researcher::new("ada");
    sim.enrol(&issuer, &mut researcher);
    let funder = sim.funded("one-time account", FUNDS);
    Market { sim, hospital, researcher, funder, buyer: Buyer::new("ada"), uses: 0 }
}

fn institution(sim: &mut Simulation, name: &str) -> Wallet {
    let wallet = sim.institution(name, 1_000_000);
    let bond = DepositBond { institution: wallet.id(), money: euros(BOND) };
    sim.act(vec![Action::DepositBond(bond)], &[&wallet]).unwrap();
    wallet
}

fn market() -> Market {
    market_with(|_| {})
}

impl Market {
    fn list(&mut self, name: &str, price: u64) -> FilePackage {
        let package = FilePackage::new(&self.hospital, name, price);
        self.sim.list(&self.hospital, &package).unwrap();
        package
    }

    /// Posts a standing request after a change.
    fn post_with(&mut self, change: impl FnOnce(&mut PostStanding)) -> Result<StandingId, TxError> {
        let mut post = self.sim.wanting(&self.funder, &self.buyer, PRICE);
        change(&mut post);
        self.uses += 1;
        self.sim.post(post, &self.funder, &self.researcher, self.uses)
    }

    fn post(&mut self) -> StandingId {
        self.post_with(|_| {}).unwrap()
    }

    /// Lets the next block match.
    fn tick(&mut self) {
        self.sim.block(&[]).unwrap();
    }

    fn matched(&self, standing: StandingId) -> Option<DealId> {
        match self.sim.standing(standing).status {
            Status::Matched { deal } => Some(deal),
            _ => None,
        }
    }

    fn ending(&self, standing: StandingId) -> Option<Ending> {
        match self.sim.standing(standing).status {
            Status::Ended { ending } => Some(ending),
            _ => None,
        }
    }

    /// Says `ready` with the credential of the market's researcher.
    fn ready(&mut self, deal: DealId) -> Result<(), TxError> {
        self.uses += 1;
        let (buyer, researcher) = (self.buyer.clone(), self.researcher.clone());
        let ready = self.sim.accredited(deal, &buyer, &researcher, self.uses);
        self.sim.submit(&ready).map(drop)
    }

    fn deliver(&mut self, deal: DealId, package: &FilePackage) -> Result<(), TxError> {
        let delivery = self.sim.delivery(deal, package);
        self.sim.submit(&delivery).map(drop)
    }

    fn act(&mut self, action: Action) -> Result<(), TxError> {
        let hospital = self.hospital.clone();
        self.sim.act(vec![action], &[&hospital]).map(drop)
    }

    fn revise(&mut self, package: &FilePackage, change: impl FnOnce(&mut Offer)) {
        let mut offer = package.draft.offer.clone();
        change(&mut offer);
        let ListingId { institution, package } = package.listing();
        self.act(Action::ReviseListing(ReviseListing { institution, package, offer })).unwrap();
    }

    /// Lets up-time pass to the deal's deadline.
    fn past(&mut self, deal: DealId) {
        let deadline = self.sim.deal(deal).deadline_ms.unwrap();
        let now = self.sim.uptime_ms();
        self.sim.advance(deadline - now);
    }

    fn purse(&self, standing: StandingId) -> u64 {
        self.sim.purse(&Purse::Standing(standing))
    }

    fn least(&self) -> u64 {
        self.sim.genesis.currencies[0].fees.standing_allowance().unwrap().units()
    }
}
