//! A ledger with a hospital, a buyer and what both do.

use galen_market::action::trade::{
    DraftListing, RequestDeal, ReviseListing, TakeDownListing, WithdrawListing,
};
use galen_market::action::{Action, DepositBond};
use galen_market::codec::Bounded;
use galen_market::deal::{Stage, Termination};
use galen_market::error::TxError;
use galen_market::event::Event;
use galen_market::genesis::Genesis;
use galen_market::id::{DealId, Digest};
use galen_market::ledger::Receipt;
use galen_market::listing::{Lineage, Listing, ListingId, Offer, Payee, Share, Tier};
use galen_market::state_key;
use galen_market::testing::{
    Buyer, FilePackage, Researcher, Signing, Simulation, Wallet, change_tier, deal_of, text,
};

pub const PRICE: u64 = 10_000;
pub const BOND: u64 = 500_000;
pub const FUNDS: u64 = 1_000_000;
pub const MINUTE: u64 = 60_000;
pub const MONTH: u64 = 120 * MINUTE;

pub struct Market {
    pub sim: Simulation,
    pub hospital: Wallet,
    pub researcher: Researcher,
    pub funder: Wallet,
    uses: u16,
}

pub fn market() -> Market {
    market_with(|_| {})
}

pub fn market_with(change: impl FnOnce(&mut Genesis)) -> Market {
    let mut sim = Simulation::with(|genesis| {
        let parameters = &mut genesis.parameters;
        parameters.requests_per_credential = 500;
        parameters.deliver_ms = 10 * MINUTE;
        parameters.ready_ms = 10 * MINUTE;
        parameters.dispute_ms = 10 * MINUTE;
        parameters.month_ms = MONTH;
        change(genesis);
    });
    let hospital = hospital(&mut sim, "hospital");
    let issuer = sim.issuer("university");
    let mut researcher = Researcher::new("ada");
    sim.enrol(&issuer, &mut researcher);
    let funder = sim.funded("one-time account", FUNDS);
    Market { sim, hospital, researcher, funder, uses: 0 }
}

/// An institution with a bond.
pub fn hospital(sim: &mut Simulation, name: &str) -> Wallet {
    let wallet = sim.institution(name, 1_000_000);
    let money = galen_market::testing::euros(BOND);
    let bond = DepositBond { institution: wallet.id(), money };
    sim.act(vec![Action::DepositBond(bond)], &[&wallet]).unwrap();
    wallet
}

impl Market {
    pub fn package(&self, name: &str) -> FilePackage {
        FilePackage::new(&self.hospital, name, PRICE)
    }

    /// Lists a package of the hospital.
    pub fn list(&mut self, package: &FilePackage) -> Result<(), TxError> {
        let hospital = self.hospital.clone();
        self.sim.list(&hospital, package).map(drop)
    }

    pub fn act(&mut self, action: Action) -> Result<(), TxError> {
        let hospital = self.hospital.clone();
        self.sim.act(vec![action], &[&hospital]).map(drop)
    }

    pub fn revise(&mut self, package: &FilePackage, offer: Offer) -> Result<(), TxError> {
        let ListingId { institution, package } = package.listing();
        self.act(Action::ReviseListing(ReviseListing { institution, package, offer }))
    }

    pub fn withdraw(&mut self, package: &FilePackage, reason: &str) -> Result<(), TxError> {
        let ListingId { institution, package } = package.listing();
        let reason = text(reason);
        self.act(Action::WithdrawListing(WithdrawListing { institution, package, reason }))
    }

    /// Has so many registrars take a listing down.
    pub fn take_down(
        &mut self,
        package: &FilePackage,
        registrars: usize,
    ) -> Result<Receipt, TxError> {
        let ListingId { institution, package } = package.listing();
        let evidence = Digest([5; 32]);
        let reason = text("consent was withdrawn");
        let action =
            Action::TakeDownListing(TakeDownListing { institution, package, reason, evidence });
        let signers: Vec<Wallet> = self.sim.registrars[..registrars].to_vec();
        self.sim.act(vec![action], &signers.iter().collect::<Vec<_>>())
    }

    pub fn listing(&self, package: &FilePackage) -> Listing {
        self.sim.read(&state_key::listing(&package.listing())).unwrap()
    }

    /// The number of a fresh use of the credential.
    pub fn fresh(&mut self) -> u16 {
        self.uses += 1;
        self.uses - 1
    }

    pub fn ask(&mut self, request: RequestDeal) -> Result<DealId, TxError> {
        let j = self.fresh();
        let request = self.sim.request(request, &self.funder.clone(), &self.researcher.clone(), j);
        self.sim.submit(&request).map(|_| deal_of(&request))
    }

    /// A deal that waits for its key.
    pub fn waiting(&mut self, package: &FilePackage, buyer: &Buyer) -> DealId {
        let request = package.request(&self.funder, buyer, true);
        let deal = self.ask(request).unwrap();
        assert_eq!(self.stage(deal), Stage::Ready);
        deal
    }

    /// A deal that is paid, and what happened when it was.
    pub fn bought(&mut self, package: &FilePackage, buyer: &Buyer) -> (DealId, Vec<Event>) {
        let deal = self.waiting(package, buyer);
        let events = self.deliver(deal, package);
        (deal, events)
    }

    /// Delivers, and lets the dispute window pass.
    pub fn deliver(&mut self, deal: DealId, package: &FilePackage) -> Vec<Event> {
        let delivery = self.sim.delivery(deal, package);
        self.sim.submit(&delivery).unwrap();
        let dispute_ms = self.sim.genesis.parameters.dispute_ms;
        let events = self.sim.advance(dispute_ms).events;
        assert_eq!(self.stage(deal), Stage::Finalized);
        events
    }

    pub fn signed(&mut self, action: Action, key: &Wallet) -> Result<Receipt, TxError> {
        let funder = self.funder.clone();
        let signing =
            Signing { accounts: vec![&funder], deal_key: Some(key), ..Signing::default() };
        let transaction = self.sim.sign_with(vec![action], &signing);
        self.sim.submit(&transaction)
    }

    pub fn stage(&self, deal: DealId) -> Stage {
        self.sim.deal(deal).stage
    }

    pub fn ended(&self, deal: DealId) -> Termination {
        self.sim.deal(deal).termination.expect("the deal was refunded")
    }

    pub fn funds(&self) -> u64 {
        self.sim.balance(&self.funder)
    }
}

/// Changes the first tier of a package's offer.
pub fn with_tier(mut package: FilePackage, change: impl FnOnce(&mut Tier)) -> FilePackage {
    change_tier(&mut package.draft.offer, change);
    package
}

pub fn with_shares(mut package: FilePackage, shares: Vec<Share>) -> FilePackage {
    package.draft.offer.shares = Bounded::new(shares).unwrap();
    package
}

pub fn upstream(package: &FilePackage, basis_points: u16) -> Share {
    Share { payee: Payee::Listing(package.listing()), basis_points }
}

/// Makes a package a later version of another.
pub fn superseding(mut package: FilePackage, before: &FilePackage) -> FilePackage {
    package.draft.lineage.supersedes = Some(before.listing().package);
    package
}

/// Derives a package from others.
pub fn derived(mut package: FilePackage, parents: &[&FilePackage]) -> FilePackage {
    package.draft.lineage = Lineage {
        parents: Bounded::new(parents.iter().map(|parent| parent.listing()).collect()).unwrap(),
        step: text("joined by postcode"),
        ..package.draft.lineage
    };
    package
}

pub fn draft(package: &FilePackage) -> Action {
    Action::DraftListing(DraftListing { ..package.draft.clone() })
}
