//! Standing requests: matched by the ledger, and attacked.

#![allow(clippy::unwrap_used, missing_docs)]

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

#[test]
fn a_standing_request_is_matched_ready_delivered_and_paid() {
    let mut m = market();
    let standing = m.post_with(|post| post.max_price = euros(2 * PRICE)).unwrap();
    m.tick();
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    assert_eq!(m.purse(standing), 2 * PRICE + m.least());
    // A listing above the highest price is not taken, one that costs less is, at its own price.
    m.list("dear", 2 * PRICE + 1);
    let package = m.list("cohort", PRICE);
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).origin, Origin::Standing { standing });
    assert_eq!(m.sim.deal(deal).stage, Stage::Agreed);
    assert_eq!(m.sim.deal(deal).listing, package.listing());
    assert_eq!(m.sim.deal(deal).price, euros(PRICE));
    assert_eq!(m.purse(standing), PRICE);
    m.ready(deal).unwrap();
    let before = m.sim.balance(&m.funder);
    m.deliver(deal, &package).unwrap();
    assert_eq!(m.ending(standing), Some(Ending::Fulfilled));
    assert_eq!(m.sim.balance(&m.funder), before + PRICE);
    assert_eq!(m.purse(standing), 0);
    let institution = m.sim.balance(&m.hospital);
    m.past(deal);
    assert_eq!(m.sim.deal(deal).stage, Stage::Finalized);
    assert_eq!(m.sim.balance(&m.hospital), institution + PRICE);
    m.sim.replay();
}

#[test]
fn posting_finds_what_is_listed_already_the_oldest_first() {
    let mut m = market();
    let first = m.list("first", PRICE);
    m.list("second", PRICE / 2);
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).listing, first.listing());
    // Nothing that is not paid for with it, and no time that is too long.
    let poor = m.post_with(|post| post.allowance = Amount::new(1)).unwrap_err();
    assert_eq!(poor.code(), "allowance_too_small");
    let long = m.sim.genesis.parameters.standing_max_ms;
    let forever = m.post_with(|post| post.for_ms = long + 1);
    assert_eq!(forever, Err(TxError::StandingTime { max: long }));
    assert_eq!(m.post_with(|post| post.for_ms = 0), Err(TxError::StandingTime { max: long }));
    let other = m.post_with(|post| post.period += 1).unwrap_err();
    assert_eq!(other.code(), "wrong_period");
    assert_eq!(
        m.post_with(|post| post.max_price = euros(FUNDS)).unwrap_err().code(),
        "insufficient_funds"
    );
}

/// What every request of the table wants, after a change, and whether the listing has it.
#[test]
fn a_listing_is_matched_by_what_is_proven_and_what_is_declared() {
    type Change = fn(&mut ColumnWanted, &mut TableWanted, &mut Wanted);
    let cases: &[(&str, bool, Change)] = &[
        ("everything", true, |_, _, _| {}),
        ("rows", false, |_, table, _| table.rows = 121),
        ("k", false, |_, table, _| table.k = K + 1),
        ("l", false, |column, _, _| column.l = Some(4)),
        ("l of a column without", false, |column, _, _| column.column = name("ward")),
        ("values", false, |column, _, _| column.values = Some(121)),
        ("a range that is too narrow", false, |column, _, _| {
            column.within = Some(Within::Numbers { scale: 0, low: 2, high: 10 });
        }),
        ("the range in other units", true, |column, _, _| {
            column.within = Some(Within::Numbers { scale: 2, low: 0, high: 1_000 });
        }),
        ("days", false, |column, _, _| {
            column.within = Some(Within::Days { low: -1_000_000, high: 1_000_000 });
        }),
        ("a column that is not there", false, |column, _, _| column.column = name("glucose")),
        ("a code that nobody declared", false, |column, _, _| column.column = code("LOINC:1")),
        ("another disease", false, |_, _, wanted| {
            wanted.diseases = Bounded::new(vec![Mondo(1), Mondo(5_148)]).unwrap();
        }),
    ];
    let mut m = market();
    let hospital = m.hospital.clone();
    let mut package = TablePackage::charted(&mut m.sim, &hospital, "cohort", PRICE, &[60, 60]);
    let outcome = package.package.draft.layout.tables()[0]
        .columns
        .iter()
        .position(|column| column.name == "outcome")
        .unwrap();
    let codes = vec![galen_market::listing::ColumnCode {
        table: 0,
        column: u32::try_from(outcome).unwrap(),
        code: text("LOINC:4548-4"),
    }];
    package.package.draft.offer.declared = Declared {
        diseases: Bounded::new(vec![Mondo(5_148)]).unwrap(),
        columns: Bounded::new(codes).unwrap(),
    };
    package.list(&mut m.sim, &hospital).unwrap();
    for (what, fits, change) in cases {
        for by in [name("outcome"), code("LOINC:4548-4")] {
            let mut column = ColumnWanted {
                column: by,
                l: Some(3),
                within: Some(Within::Numbers { scale: 0, low: 0, high: 10 }),
                values: Some(120),
            };
            let mut table = TableWanted { rows: 120, k: K, columns: Bounded::default() };
            let mut wanted =
                Wanted { diseases: Bounded::new(vec![Mondo(5_148)]).unwrap(), table: None };
            change(&mut column, &mut table, &mut wanted);
            table.columns = Bounded::new(vec![column]).unwrap();
            wanted.table = Some(table);
            let draft = &package.package.draft;
            let met = wanted.is_met(&draft.layout, &draft.claims, &draft.offer.declared);
            assert_eq!(met, *fits, "{what}");
            wanted.check().unwrap();
        }
    }
    // The same decision on the ledger, once with each answer.
    let wanting = |rows| Wanted {
        table: Some(TableWanted { rows, k: K, columns: Bounded::default() }),
        ..Wanted::default()
    };
    let more = m.post_with(|post| post.wanted = wanting(121)).unwrap();
    let enough = m.post_with(|post| post.wanted = wanting(120)).unwrap();
    m.tick();
    assert_eq!((m.matched(more), m.matched(enough).is_some()), (None, true));
    let never = m.post_with(|post| {
        let columns = Bounded::new(vec![ColumnWanted {
            column: name("ward"),
            l: Some(1),
            within: None,
            values: None,
        }]);
        let columns = columns.unwrap();
        post.wanted.table = Some(TableWanted { columns, ..TableWanted::default() });
    });
    assert_eq!(never.unwrap_err().code(), "bad_wanted");
}

fn name(name: &str) -> ColumnRef {
    ColumnRef::Name(text(name))
}

fn code(code: &str) -> ColumnRef {
    ColumnRef::Code(text(code))
}

#[test]
fn adversary_23_key_before_the_buyer_of_a_match_is_ready() {
    let mut m = market();
    let package = m.list("cohort", PRICE);
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    let early = m.deliver(deal, &package).unwrap_err();
    assert!(matches!(early, TxError::WrongStage { is: Stage::Agreed, needs: Stage::Ready, .. }));
    assert!(m.sim.deal(deal).envelope.is_none());
    m.ready(deal).unwrap();
    m.deliver(deal, &package).unwrap();
}

#[test]
fn adversary_26_dispute_of_a_match_refunds_the_buyer_and_not_the_request() {
    let mut m = market();
    let tamper =
        Tamper { ciphertext: &|at, bytes| bytes[20] ^= u8::from(at == 0), ..Tamper::default() };
    let false_package = TablePackage::tampered(&m.hospital, "files", PRICE, &[], &tamper);
    let hospital = m.hospital.clone();
    false_package.list(&mut m.sim, &hospital).unwrap();
    let before = m.sim.balance(&m.funder);
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    m.ready(deal).unwrap();
    m.deliver(deal, &false_package.package).unwrap();
    let evidence = false_package.evidence(&mut m.sim, deal, 0);
    let buyer = m.buyer.clone();
    let dispute = m.sim.dispute(evidence, &buyer);
    m.sim.submit(&dispute).unwrap();
    assert!(matches!(m.sim.deal(deal).termination, Some(Termination::Disputed { .. })));
    assert_eq!((m.ending(standing), m.purse(standing)), (Some(Ending::Fulfilled), 0));
    let fees = before + COMPENSATION - m.sim.balance(&m.funder);
    assert!(fees < m.least(), "{fees}");
    // The twin: a true package is not disputable, and is paid.
    let true_package = TablePackage::new(&m.hospital, "true files", PRICE, &[]);
    true_package.list(&mut m.sim, &hospital).unwrap();
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    m.ready(deal).unwrap();
    m.deliver(deal, &true_package.package).unwrap();
    let evidence = true_package.evidence(&mut m.sim, deal, 0);
    let dispute = m.sim.dispute(evidence, &buyer);
    assert_eq!(m.sim.submit(&dispute), Err(TxError::DisputeUnfounded { segment: 0 }));
    m.past(deal);
    assert_eq!(m.sim.deal(deal).stage, Stage::Finalized);
}

#[test]
fn adversary_28_late_delivery_of_a_match_compensates_once_and_looks_elsewhere() {
    let mut m = market();
    let package = m.list("cohort", PRICE);
    let other = m.list("another", PRICE);
    let standing = m.post();
    m.tick();
    let late = m.matched(standing).unwrap();
    m.ready(late).unwrap();
    let (before, purse) = (m.sim.balance(&m.funder), m.purse(standing));
    assert_eq!(purse, 0);
    m.past(late);
    assert_eq!(m.sim.deal(late).termination, Some(Termination::NotDelivered));
    // Compensation is the buyer's; the price waits for another listing, not of a stopped institution.
    assert_eq!(m.sim.balance(&m.funder), before + COMPENSATION);
    assert!(m.purse(standing) > PRICE);
    m.tick();
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    let delivery = m.deliver(late, &package).unwrap_err();
    assert!(matches!(delivery, TxError::WrongStage { is: Stage::Terminated, .. }));
    let resume = ResumeListings { institution: m.hospital.id() };
    m.act(Action::ResumeListings(resume)).unwrap();
    m.tick();
    // The fee of the first `ready` was paid out of the allowance, which is too small now.
    assert_eq!(m.matched(standing), None);
    let richer = m
        .post_with(|post| {
            post.max_price = euros(PRICE + 1_000);
            post.institutions = Bounded::default();
        })
        .unwrap();
    m.tick();
    let deal = m.matched(richer).unwrap();
    assert_eq!(m.sim.deal(deal).listing, package.listing());
    m.ready(deal).unwrap();
    m.past(deal);
    let resume = ResumeListings { institution: m.hospital.id() };
    m.act(Action::ResumeListings(resume)).unwrap();
    m.tick();
    // Not the listing that failed it.
    let deal = m.matched(richer).unwrap();
    assert_eq!(m.sim.deal(deal).listing, other.listing());
    m.ready(deal).unwrap();
    m.deliver(deal, &other).unwrap();
    assert_eq!(m.ending(richer), Some(Ending::Fulfilled));
}

#[test]
fn adversary_28b_matches_without_ready_lock_no_bond_and_come_back_once() {
    let mut m = market();
    let package = m.list("cohort", PRICE);
    let standing = m.post();
    m.tick();
    let bond = m.sim.purse(&Purse::Bond(m.hospital.id()));
    let deal = m.matched(standing).unwrap();
    assert_eq!(bond, BOND);
    m.past(deal);
    assert_eq!(m.sim.deal(deal).termination, Some(Termination::NotReady));
    assert_eq!(m.purse(standing), PRICE + m.least());
    // However often the institution revises, the request meets a listing once.
    for _ in 0..3 {
        m.revise(&package, |_| {});
        m.tick();
        assert_eq!(m.sim.standing(standing).status, Status::Open);
    }
    assert_eq!(m.sim.standing(standing).matches.len(), 1);
    // The twin is matched and takes the bond with `ready`.
    let second = m.list("another", PRICE);
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.purse(&Purse::Bond(m.hospital.id())), BOND);
    m.ready(deal).unwrap();
    assert_eq!(m.sim.purse(&Purse::Bond(m.hospital.id())), BOND - COMPENSATION);
    m.deliver(deal, &second).unwrap();
}

#[test]
fn adversary_28b_many_standing_requests_and_one_seat() {
    let mut m = market();
    let mut package = FilePackage::new(&m.hospital, "cohort", PRICE);
    package.draft.offer.max_undelivered = 1;
    let (first, second) = (m.post(), m.post());
    let hospital = m.hospital.clone();
    m.sim.list(&hospital, &package).unwrap();
    m.tick();
    let (a, b) = (m.matched(first).unwrap(), m.matched(second).unwrap());
    m.ready(b).unwrap();
    m.ready(a).unwrap();
    assert_eq!(m.sim.deal(b).stage, Stage::Ready);
    assert_eq!(m.sim.deal(a).termination, Some(Termination::NoSeat));
    assert_eq!(m.sim.standing(first).status, Status::Open);
    m.deliver(b, &package).unwrap();
    assert_eq!(m.ending(second), Some(Ending::Fulfilled));
    // It left the place to the other and meets the next listing.
    m.list("another", PRICE - 500);
    m.tick();
    assert!(m.matched(first).is_some());
}

#[test]
fn adversary_28c_fees_of_a_standing_request_pay_nothing_else() {
    let mut m = market();
    let (own, other) = (m.post(), m.post());
    let buyer = m.buyer.clone();
    let cancel = |standing| Action::CancelStanding(CancelStanding { standing });
    let signing = |payer| Signing {
        payer: Some(FeePayer::Standing(payer)),
        deal_key: Some(&buyer.auth),
        ..Signing::default()
    };
    let foreign = m.sim.sign_with(vec![cancel(own)], &signing(other));
    let refused = TxError::FeeNotOfStanding { standing: other };
    assert_eq!(m.sim.check(&foreign).unwrap_err(), refused);
    let two = m.sim.sign_with(vec![cancel(own), cancel(own)], &signing(own));
    assert_eq!(m.sim.check(&two).unwrap_err(), TxError::FeeNotOfStanding { standing: own });
    // Whoever has another key cannot take it back, nor spend its purse.
    let thief = Wallet::new("thief");
    let stolen = m.sim.cancel(own, &thief).unwrap_err();
    assert_eq!(stolen.code(), "unauthorised");
    assert_eq!(m.purse(own), PRICE + m.least());
    let before = m.sim.balance(&m.funder);
    let receipt = m.sim.cancel(own, &buyer.auth).unwrap();
    let fee = receipt.fee.amount.units();
    assert!(fee > 0);
    assert_eq!(m.sim.balance(&m.funder), before + PRICE + m.least() - fee);
    let again = m.sim.cancel(own, &buyer.auth).unwrap_err();
    assert_eq!(again, TxError::StandingEnded { standing: own, ending: Ending::Cancelled });
}

#[test]
fn adversary_29_buyer_gone_gets_everything_back_when_the_time_is_over() {
    let mut m = market();
    let before = m.sim.balance(&m.funder);
    let gone = m.post_with(|post| post.for_ms = 30 * MINUTE).unwrap();
    let fee = before - m.sim.balance(&m.funder) - PRICE - m.least();
    m.sim.advance(30 * MINUTE);
    assert_eq!(m.ending(gone), Some(Ending::Expired));
    assert_eq!(m.sim.balance(&m.funder), before - fee);
    let late = m.sim.cancel(gone, &m.buyer.auth.clone()).unwrap_err();
    assert_eq!(late, TxError::StandingEnded { standing: gone, ending: Ending::Expired });
    // One that ends while a deal is under way: the deal goes on, and its money has a place to go.
    let package = m.list("cohort", PRICE);
    let standing = m.post_with(|post| post.for_ms = MINUTE).unwrap();
    m.tick();
    let deal = m.matched(standing).unwrap();
    m.sim.advance(MINUTE);
    assert_eq!(m.ending(standing), Some(Ending::Expired));
    let between = m.sim.balance(&m.funder);
    m.past(deal);
    assert_eq!(m.sim.deal(deal).termination, Some(Termination::NotReady));
    assert_eq!(m.sim.balance(&m.funder), between + PRICE + m.least());
    // The twin goes through after its request has ended.
    let standing = m.post_with(|post| post.for_ms = MINUTE).unwrap();
    m.tick();
    let deal = m.matched(standing).unwrap();
    m.sim.advance(MINUTE);
    m.ready(deal).unwrap();
    m.deliver(deal, &package).unwrap();
    assert_eq!(m.sim.deal(deal).stage, Stage::Verified);
}

#[test]
fn adversary_30_envelope_of_an_earlier_match() {
    let mut m = market();
    let first = m.list("cohort", PRICE);
    let standing = m.post_with(|post| post.max_price = euros(2 * PRICE)).unwrap();
    m.tick();
    let late = m.matched(standing).unwrap();
    m.ready(late).unwrap();
    let envelope = m.sim.delivery(late, &first);
    m.past(late);
    let resume = ResumeListings { institution: m.hospital.id() };
    m.act(Action::ResumeListings(resume)).unwrap();
    let second = m.list("another", PRICE);
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).delivery_key, m.sim.deal(late).delivery_key);
    m.ready(deal).unwrap();
    // The same key of the buyer, and yet another deal.
    let Action::Deliver(deliver) = envelope.actions[0].clone() else { panic!("a delivery") };
    let replayed = Deliver { deal, ..deliver };
    let signing = Signing { payer: Some(FeePayer::Deal(deal)), ..Signing::default() };
    let replayed = m.sim.sign_with(vec![Action::Deliver(replayed)], &signing);
    assert_eq!(m.sim.submit(&replayed).unwrap_err().code(), "bad_envelope");
    m.deliver(deal, &second).unwrap();
}

#[test]
fn adversary_33a_dispute_of_another_buyer_ends_a_match() {
    let mut m = market();
    let tamper =
        Tamper { ciphertext: &|at, bytes| bytes[20] ^= u8::from(at == 0), ..Tamper::default() };
    let package = TablePackage::tampered(&m.hospital, "files", PRICE, &[], &tamper);
    let hospital = m.hospital.clone();
    package.list(&mut m.sim, &hospital).unwrap();
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    // Another buyer disputes.
    let other = Buyer::new("other");
    let allowance = m.sim.genesis.currencies[0].fees.deal_allowance().unwrap();
    let request = RequestDeal { allowance, ..package.package.request(&m.funder, &other, true) };
    let (funder, researcher) = (m.funder.clone(), m.researcher.clone());
    let request = m.sim.request(request, &funder, &researcher, 0);
    m.sim.submit(&request).unwrap();
    m.deliver(deal_of(&request), &package.package).unwrap();
    let evidence = package.evidence(&mut m.sim, deal_of(&request), 0);
    let dispute = m.sim.dispute(evidence, &other);
    m.sim.submit(&dispute).unwrap();
    m.tick();
    assert_eq!(m.sim.deal(deal).termination, Some(Termination::PackageRefunded));
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    assert_eq!(m.purse(standing), PRICE + m.least());
    // The twin: another package is taken.
    m.list("true", PRICE);
    m.tick();
    assert!(m.matched(standing).is_some());
}

#[test]
fn adversary_33c_a_stalled_ledger_ends_no_standing_request() {
    let mut m = market();
    let standing = m.post_with(|post| post.for_ms = 30 * MINUTE).unwrap();
    m.sim.stall(24 * 60 * MINUTE);
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    m.list("cohort", PRICE);
    m.tick();
    assert!(m.matched(standing).is_some());
    let twin = m.post_with(|post| post.for_ms = 30 * MINUTE).unwrap();
    m.sim.advance(30 * MINUTE);
    assert_eq!(m.ending(twin), Some(Ending::Expired));
}

#[test]
fn adversary_37_credential_revoked_after_the_request_was_posted() {
    let mut m = market();
    let package = m.list("cohort", PRICE);
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    // A `ready` without a credential is that of an ordinary deal.
    let buyer = m.buyer.clone();
    assert_eq!(m.sim.ready(deal, &buyer), Err(TxError::CredentialRequired));
    let path = m.researcher.path(&m.sim);
    let issuer = Wallet::new("university");
    let places = Bounded::new(vec![0]).unwrap();
    let revoke = RevokeCredentials { issuer: issuer.id(), places };
    m.sim.act(vec![Action::RevokeCredentials(revoke)], &[&issuer]).unwrap();
    m.sim.advance(10 * MINUTE);
    let signing = Signing {
        payer: Some(FeePayer::Deal(deal)),
        deal_key: Some(&buyer.auth),
        credential: Some((&m.researcher, 0)),
        path: Some(path),
        ..Signing::default()
    };
    let ready = m.sim.sign_with(vec![Action::Ready(Ready { deal })], &signing);
    assert_eq!(m.sim.submit(&ready), Err(TxError::UnknownRoot { issuer: issuer.id() }));
    // The twin is enrolled anew, and what it shows must meet the terms.
    let mut again = Researcher::new("bea");
    m.sim.enrol(&issuer, &mut again);
    let weak = Signing {
        payer: Some(FeePayer::Deal(deal)),
        deal_key: Some(&buyer.auth),
        credential: Some((&again, 0)),
        purposes: Some(0),
        ..Signing::default()
    };
    let weak = m.sim.sign_with(vec![Action::Ready(Ready { deal })], &weak);
    assert_eq!(m.sim.submit(&weak), Err(TxError::NoLongerQualified { deal }));
    let ready = m.sim.accredited(deal, &buyer, &again, 1);
    m.sim.submit(&ready).unwrap();
    m.deliver(deal, &package).unwrap();
    // An ordinary deal takes no credential with `ready`.
    let allowance = m.sim.genesis.currencies[0].fees.standing_allowance().unwrap();
    let request = RequestDeal { allowance, ..package.request(&m.funder, &buyer, false) };
    let funder = m.funder.clone();
    let request = m.sim.request(request, &funder, &again, 5);
    m.sim.submit(&request).unwrap();
    let ready = m.sim.accredited(deal_of(&request), &buyer, &again, 2);
    assert_eq!(m.sim.submit(&ready), Err(TxError::CredentialNotUsed));
    m.sim.ready(deal_of(&request), &buyer).unwrap();
}

#[test]
fn stopped_and_suspended_institutions_are_matched_when_they_act_again() {
    let mut m = market();
    let clinic = institution(&mut m.sim, "clinic");
    let only_clinic = |post: &mut PostStanding| {
        post.institutions = Bounded::new(vec![Wallet::new("clinic").id()]).unwrap();
    };
    let package = FilePackage::new(&clinic, "ward", PRICE);
    m.sim.list(&clinic, &package).unwrap();
    let suspend =
        Suspend { account: clinic.id(), role: Role::Institution, evidence: Digest([2; 32]) };
    let (a, b) = (m.sim.registrars[0].clone(), m.sim.registrars[1].clone());
    m.sim.act(vec![Action::Suspend(suspend)], &[&a, &b]).unwrap();
    let standing = m.post_with(only_clinic).unwrap();
    m.list("cohort", PRICE);
    m.tick();
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    m.sim.admit(&clinic, Admission::Institution).unwrap();
    m.tick();
    assert!(m.matched(standing).is_some());
}

#[test]
fn matching_is_bounded_a_block_and_the_oldest_request_comes_first() {
    let mut m = market_with(|genesis| genesis.parameters.match_max = 2);
    let mut offer = FilePackage::new(&m.hospital, "cohort", PRICE);
    offer.draft.offer.terms.clauses = Bounded::new(vec![Clause::plain(duo::GRU)]).unwrap();
    let all: Vec<StandingId> = (0..5).map(|_| m.post()).collect();
    m.tick();
    let hospital = m.hospital.clone();
    m.sim.list(&hospital, &offer).unwrap();
    let matched = |m: &Market| -> Vec<bool> {
        all.iter().map(|standing| m.matched(*standing).is_some()).collect()
    };
    assert!(m.sim.ledger.next_deadline(&m.sim.state).unwrap().unwrap() <= m.sim.uptime_ms());
    m.tick();
    assert_eq!(matched(&m), [true, true, false, false, false]);
    m.tick();
    assert_eq!(matched(&m), [true, true, true, true, false]);
    m.tick();
    assert_eq!(matched(&m), [true; 5]);
    assert!(m.sim.ledger.next_deadline(&m.sim.state).unwrap().unwrap() > m.sim.uptime_ms());
}

#[test]
fn a_request_meets_so_many_listings_and_no_more() {
    let mut m = market_with(|genesis| genesis.parameters.ready_ms = MINUTE);
    let standing = m.post();
    let before = m.sim.balance(&m.funder);
    for number in 0..galen_market::wanted::MAX_MATCHES {
        m.list(&format!("cohort {number}"), PRICE);
        m.tick();
        let deal = m.matched(standing).unwrap();
        m.past(deal);
    }
    assert_eq!(m.ending(standing), Some(Ending::Exhausted));
    assert_eq!(m.sim.balance(&m.funder), before + PRICE + m.least());
    m.list("one more", PRICE);
    m.tick();
    assert_eq!(m.purse(standing), 0);
}

/// A request for what is free holds nothing but fees: it waits while they are enough for one deal more.
#[test]
fn a_request_for_what_is_free_ends_when_a_deal_has_used_up_its_fees() {
    let mut m = market();
    m.list("free", 0);
    let standing = m.post_with(|post| post.max_price = euros(0)).unwrap();
    m.tick();
    // Nobody is ready: no fee is paid, and exactly enough is left.
    let first = m.matched(standing).unwrap();
    m.past(first);
    assert_eq!(m.sim.deal(first).termination, Some(Termination::NotReady));
    assert_eq!(m.purse(standing), m.least());
    assert_eq!(m.sim.standing(standing).status, Status::Open);
    m.list("free, too", 0);
    m.tick();
    // The next one pays for `ready`, and its key does not come: too little is left for a third.
    let second = m.matched(standing).unwrap();
    m.ready(second).unwrap();
    let left = m.sim.purse(&Purse::Deal(second, DealPurse::Allowance));
    assert!(0 < left && left < m.least());
    let before = m.sim.balance(&m.funder);
    m.past(second);
    assert_eq!(m.sim.deal(second).termination, Some(Termination::NotDelivered));
    assert_eq!(m.ending(standing), Some(Ending::Exhausted));
    assert_eq!(m.purse(standing), 0);
    assert!(m.sim.balance(&m.funder) >= before + left);
}

#[test]
fn a_reviewed_match_goes_on_when_it_is_refused() {
    let mut m = market();
    let mut package = FilePackage::new(&m.hospital, "cohort", PRICE);
    package.draft.offer.terms.review_ms = Some(10 * MINUTE);
    package.draft.offer.terms.review_all = true;
    let hospital = m.hospital.clone();
    m.sim.list(&hospital, &package).unwrap();
    let standing = m.post();
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).stage, Stage::Requested);
    let review = ReviewDeal { institution: hospital.id(), deal, accept: false, reason: text("no") };
    let receipt = m.sim.act(vec![Action::ReviewDeal(review)], &[&hospital]).unwrap();
    let reopened = Event::StandingReopened { standing, deal };
    assert!(receipt.events.contains(&reopened), "{receipt:?}");
    assert_eq!(m.sim.purse(&Purse::Deal(deal, DealPurse::Price)), 0);
    let mut cheaper = FilePackage::new(&m.hospital, "another", PRICE);
    change_tier(&mut cheaper.draft.offer, |tier| tier.price = euros(PRICE - 1));
    m.sim.list(&hospital, &cheaper).unwrap();
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).price, euros(PRICE - 1));
}

/// A listing that has sold all its licences would hold requests up, and use up their matches.
#[test]
fn a_listing_that_is_sold_out_matches_nothing() {
    let mut m = market();
    let mut package = FilePackage::new(&m.hospital, "only one", PRICE);
    package.draft.offer.max_licences = Some(1);
    m.sim.list(&m.hospital.clone(), &package).unwrap();
    let allowance = m.sim.genesis.currencies[0].fees.deal_allowance().unwrap();
    let first = Buyer::new("first");
    let request = RequestDeal { allowance, ..package.request(&m.funder, &first, true) };
    let (funder, researcher) = (m.funder.clone(), m.researcher.clone());
    let request = m.sim.request(request, &funder, &researcher, 0);
    m.sim.submit(&request).unwrap();
    let sold = deal_of(&request);
    assert_eq!(m.sim.deal(sold).stage, Stage::Ready);
    let standing = m.post();
    m.tick();
    assert_eq!(m.matched(standing), None);
    assert!(m.sim.standing(standing).matches.is_empty());
    // The licence returns, and the institution acts again.
    m.past(sold);
    let resume = ResumeListings { institution: m.hospital.id() };
    m.act(Action::ResumeListings(resume)).unwrap();
    m.tick();
    let deal = m.matched(standing).unwrap();
    assert_eq!(m.sim.deal(deal).listing, package.listing());
}
