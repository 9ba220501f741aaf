//! Attacks on listings, deliveries, disputes and deadlines, at the level of the ledger. Each test names
//! the error that it expects and has a twin without the attack that succeeds.

#![allow(clippy::unwrap_used, missing_docs)]

use galen_market::action::trade::{
    Deliver, Dispute, ProveBlock, Ready, RequestDeal, ResumeListings, ReviewDeal, ReviseListing,
    WithdrawListing,
};
use galen_market::action::{Action, DepositBond, Mint, Suspend, Transfer};
use galen_market::amount::{Amount, Asset};
use galen_market::codec::{Bounded, Bytes};
use galen_market::deal::{Deal, Defect, Stage, Termination};
use galen_market::error::TxError;
use galen_market::fee::{Fee, FeePayer, FeeRates};
use galen_market::genesis::Genesis;
use galen_market::id::{DealId, Digest};
use galen_market::layout::{Layout, LayoutError, Role as ColumnRole, Table, Width};
use galen_market::ledger::BlockError;
use galen_market::listing::{ListingId, Share, Standing, TableClaims};
use galen_market::payment::{DealPurse, Funding, Purse, Refund};
use galen_market::role::Role;
use galen_market::segment::{self, SegmentError};
use galen_market::state_key;
use galen_market::testing::{
    Buyer, FilePackage, Researcher, Signing, Simulation, TablePackage, Tamper, Wallet, change_tier,
    deal_of, eur, euros, execute_as, prover, text,
};
use galen_market::transaction::{NO_EXPIRY, Transaction};
use galen_zk::circuit::key_envelope::{KeyEnvelope, seal};
use galen_zk::field::Scalar;
use galen_zk::proof::Proof;

const PRICE: u64 = 10_000;
const BOND: u64 = 500_000;
const FUNDS: u64 = 100_000;
/// A tenth of the price.
const COMPENSATION: u64 = 1_000;
const MINUTE: u64 = 60_000;

/// A ledger with an institution with a bond, and one enrolled researcher with an account.
struct Market {
    sim: Simulation,
    hospital: Wallet,
    researcher: Researcher,
    funder: Wallet,
    uses: u16,
}

fn market_with(change: impl FnOnce(&mut Genesis)) -> Market {
    let mut sim = Simulation::with(|genesis| {
        let parameters = &mut genesis.parameters;
        parameters.requests_per_credential = 32;
        parameters.deliver_ms = 20 * MINUTE;
        parameters.ready_ms = 20 * MINUTE;
        parameters.dispute_ms = 60 * MINUTE;
        parameters.draft_ms = 120 * MINUTE;
        change(genesis);
    });
    // Everybody who signs can pay a fee, in case that fees cost something.
    let gateway = sim.gateway.clone();
    let payers = [gateway.id(), sim.registrars[0].id(), Wallet::new("university").id()];
    for to in payers {
        let mint = Mint { gateway: gateway.id(), to, money: euros(1_000_000) };
        sim.act(vec![Action::Mint(mint)], &[&gateway]).unwrap();
    }
    let hospital = sim.institution("hospital", 1_000_000);
    let bond = DepositBond { institution: hospital.id(), money: euros(BOND) };
    sim.act(vec![Action::DepositBond(bond)], &[&hospital]).unwrap();
    let issuer = sim.issuer("university");
    let mut researcher = Researcher::new("ada");
    sim.enrol(&issuer, &mut researcher);
    let funder = sim.funded("one-time account", FUNDS);
    Market { sim, hospital, researcher, funder, uses: 0 }
}

fn market() -> Market {
    market_with(|_| {})
}

impl Market {
    fn file(&mut self, name: &str) -> FilePackage {
        let package = FilePackage::new(&self.hospital, name, PRICE);
        self.sim.list(&self.hospital, &package).unwrap();
        package
    }

    /// Lists a package without a table, changed by a dishonest institution.
    fn tampered(&mut self, name: &str, tamper: &Tamper<'_>) -> TablePackage {
        let package = TablePackage::tampered(&self.hospital, name, PRICE, &[], tamper);
        package.list(&mut self.sim, &self.hospital).unwrap();
        package
    }

    fn asking(&mut self, request: RequestDeal) -> Transaction {
        let j = self.uses;
        self.uses += 1;
        self.sim.request(request, &self.funder, &self.researcher, j)
    }

    fn ask(&mut self, package: &FilePackage, buyer: &Buyer, ready: bool) -> DealId {
        let request = self.asking(package.request(&self.funder, buyer, ready));
        self.sim.submit(&request).unwrap();
        deal_of(&request)
    }

    fn deliver(&mut self, deal: DealId, package: &FilePackage) {
        let delivery = self.sim.delivery(deal, package);
        self.sim.submit(&delivery).unwrap();
    }

    /// A deal whose key was delivered.
    fn delivered(&mut self, package: &FilePackage, buyer: &Buyer) -> DealId {
        let deal = self.ask(package, buyer, true);
        self.deliver(deal, package);
        deal
    }

    fn stage(&self, deal: DealId) -> Stage {
        self.sim.deal(deal).stage
    }

    fn ended(&self, deal: DealId) -> Termination {
        self.sim.deal(deal).termination.expect("the deal was refunded")
    }

    fn act(&mut self, action: Action) -> Result<(), TxError> {
        let hospital = self.hospital.clone();
        self.sim.act(vec![action], &[&hospital]).map(drop)
    }

    /// Lets up-time pass until so many milliseconds before the deal's deadline.
    fn until(&mut self, deal: DealId, before_ms: u64) {
        let deadline = self.sim.deal(deal).deadline_ms.expect("the deal has not ended");
        let now = self.sim.uptime_ms();
        self.sim.advance(deadline - before_ms - now);
    }

    /// Puts a transaction into a block so many milliseconds after the last one.
    fn block_after(&mut self, ms: u64, transaction: &Transaction) -> Result<(), TxError> {
        let checked = self.sim.check(transaction).unwrap();
        match self.sim.block_after(ms, &[checked]) {
            Ok(_) => Ok(()),
            Err(BlockError::Transaction { error, .. }) => Err(error),
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn buyer(name: &str) -> Buyer {
    Buyer::new(name)
}

fn wrong_stage(deal: DealId, is: Stage, needs: Stage) -> TxError {
    TxError::WrongStage { deal, is, needs }
}

fn delivery_with(change: impl FnOnce(&mut Deliver), delivery: &Transaction) -> Transaction {
    let Action::Deliver(mut deliver) = delivery.actions[0].clone() else { panic!("a delivery") };
    change(&mut deliver);
    Transaction {
        actions: Bounded::new(vec![Action::Deliver(deliver)]).unwrap(),
        ..delivery.clone()
    }
}

// ---- Listings ----

#[test]
fn adversary_14_bundle_and_envelope_of_another_statement() {
    let mut m = market();
    let (a, b) = ("one cohort", "another cohort");
    let a = TablePackage::new(&m.hospital, a, PRICE, &[20]);
    let b = TablePackage::new(&m.hospital, b, PRICE, &[20]);
    m.sim.list(&m.hospital, &a.package).unwrap();
    m.sim.list(&m.hospital, &b.package).unwrap();
    let (of_a, of_b) = (a.prove(&mut m.sim, 0), b.prove(&mut m.sim, 0));
    let lifted = ProveBlock { bundle: of_a.bundle.clone(), ..of_b.clone() };
    let error = m.act(Action::ProveBlock(lifted)).unwrap_err();
    assert_eq!(error.code(), "bad_bundle", "{error}");
    // Its own leaves do not stand in the other package's tree either.
    let lifted = ProveBlock { package: of_b.package, ..of_a.clone() };
    assert_eq!(m.act(Action::ProveBlock(lifted)), Err(TxError::LeavesNotInTree));
    m.act(Action::ProveBlock(of_a)).unwrap();
    m.act(Action::ProveBlock(of_b)).unwrap();
    // A proof of another circuit is no envelope.
    let deal = m.ask(&a.package, &buyer("ada"), true);
    let delivery = m.sim.delivery(deal, &a.package);
    let evidence = a.evidence(&mut m.sim, deal, 0);
    let other_circuit = delivery_with(|d| d.proof = evidence.proof.clone(), &delivery);
    let error = m.sim.submit(&other_circuit).unwrap_err();
    assert_eq!(error.code(), "bad_envelope", "{error}");
    m.sim.submit(&delivery).unwrap();
}

#[test]
fn adversary_18c_copied_package_id() {
    let mut m = market();
    let thief = m.sim.institution("copying clinic", 10_000);
    let package = TablePackage::new(&m.hospital, "cohort", PRICE, &[20]);
    let mut copy = package.clone();
    copy.package.draft.institution = thief.id();
    let share = Share::of_account(thief.id(), 10_000);
    copy.package.draft.offer.shares = Bounded::new(vec![share]).unwrap();
    // The copy comes first, with the same package id, and is a draft of its own.
    m.sim.list(&thief, &copy.package).unwrap();
    assert_eq!(copy.listing().package, package.listing().package);
    m.sim.list(&m.hospital, &package.package).unwrap();
    let bundle = package.prove(&mut m.sim, 0);
    let stolen = ProveBlock { institution: thief.id(), ..bundle.clone() };
    let error = m.sim.act(vec![Action::ProveBlock(stolen)], &[&thief]).unwrap_err();
    assert_eq!(error.code(), "bad_bundle", "{error}");
    m.act(Action::ProveBlock(bundle)).unwrap();
    let standing =
        |m: &Market, id: ListingId| m.sim.read(&state_key::listing(&id)).unwrap().standing;
    assert_eq!(standing(&m, package.listing()), Standing::Live);
    assert!(matches!(standing(&m, copy.listing()), Standing::Draft { proven: 0, .. }));
    let withdraw = WithdrawListing {
        institution: thief.id(),
        package: copy.listing().package,
        reason: text("a test"),
    };
    m.sim.act(vec![Action::WithdrawListing(withdraw)], &[&thief]).unwrap();
    assert_eq!(standing(&m, package.listing()), Standing::Live);
}

#[test]
fn adversary_20_eighth_bundle_and_bundles_of_another_place() {
    let mut m = market();
    let package = TablePackage::new(&m.hospital, "cohort", PRICE, &[20, 30]);
    m.sim.list(&m.hospital, &package.package).unwrap();
    let first = package.prove(&mut m.sim, 0);
    let second = package.prove(&mut m.sim, 1);
    let moved = ProveBlock { bundle: first.bundle.clone(), ..second.clone() };
    assert_eq!(m.act(Action::ProveBlock(moved)).unwrap_err().code(), "bad_bundle");
    let beyond = ProveBlock { block: 2, ..first.clone() };
    let unknown = Err(TxError::UnknownBlock { table: 0, block: 2 });
    assert_eq!(m.act(Action::ProveBlock(beyond)), unknown);
    let withdraw = WithdrawListing {
        institution: m.hospital.id(),
        package: package.listing().package,
        reason: text("a test"),
    };
    for round in 1..=7 {
        m.act(Action::ProveBlock(first.clone())).unwrap();
        let twice = Err(TxError::BlockProven { table: 0, block: 0 });
        assert_eq!(m.act(Action::ProveBlock(first.clone())), twice);
        let openings = state_key::openings(&package.listing(), 0, 0);
        assert_eq!(m.sim.read(&openings), Some(round));
        m.act(Action::WithdrawListing(withdraw.clone())).unwrap();
        m.sim.list(&m.hospital, &package.package).unwrap();
    }
    let eighth = Err(TxError::TooManyOpenings { table: 0, block: 0 });
    assert_eq!(m.act(Action::ProveBlock(first)), eighth);
    // The other block was opened less often, and takes its bundle.
    m.act(Action::ProveBlock(second)).unwrap();
}

#[test]
fn drafts_expire_and_return_their_deposit() {
    let mut m = market();
    let package = TablePackage::new(&m.hospital, "cohort", PRICE, &[20]);
    let before = m.sim.balance(&m.hospital);
    m.sim.list(&m.hospital, &package.package).unwrap();
    let deposit = Purse::Deposit(m.hospital.id(), package.listing().package);
    assert!(m.sim.purse(&deposit) > 0);
    let again = m.sim.list(&m.hospital, &package.package).map(drop);
    assert_eq!(again, Err(TxError::AlreadyListed));
    m.sim.advance(m.sim.genesis.parameters.draft_ms);
    assert_eq!(m.sim.read(&state_key::listing(&package.listing())), None);
    assert_eq!(m.sim.balance(&m.hospital), before);
    package.list(&mut m.sim, &m.hospital).unwrap();
    assert_eq!(m.sim.purse(&deposit), 0);
    m.sim.replay();
}

#[test]
fn adversary_33b_layout_that_contradicts_the_package() {
    let mut m = market();
    let honest = TablePackage::new(&m.hospital, "cohort", PRICE, &[20, 30]);
    let draft = &honest.package.draft;
    let with_table = |change: &dyn Fn(&mut Table)| {
        let mut table = draft.layout.tables()[0].clone();
        change(&mut table);
        let layout = &draft.layout;
        let dictionaries = layout.dictionaries().to_vec();
        Layout::new(layout.block_rows(), vec![table], dictionaries, layout.files().to_vec())
    };
    // A block left out: the segments no longer add up.
    let short = with_table(&|table| table.active.truncate(1));
    assert_eq!(short, Err(LayoutError::NotContiguous { expected: 3, found: 6 }));
    // k above the rows, or padding below k.
    let k = |k: u32| {
        let mut draft = draft.clone();
        draft.claims = Bounded::new(vec![TableClaims::of_k(k)]).unwrap();
        Action::DraftListing(draft)
    };
    let error = m.act(k(21)).unwrap_err();
    assert_eq!(error.code(), "bad_layout", "{error}");
    let error = m.act(k(1)).unwrap_err();
    assert_eq!(error.code(), "bad_layout", "{error}");
    let mut counted = draft.clone();
    counted.segments += 1;
    let error = m.act(Action::DraftListing(counted)).unwrap_err();
    assert_eq!(error.code(), "segment_count");
    // Another role, width or row count: the layout is drafted, and no bundle fits it.
    type Change<'a> = &'a dyn Fn(&mut Table);
    let cases: [(&str, Change<'_>, &str); 3] = [
        ("role", &|t| t.columns[1].role = ColumnRole::Insensitive, "bad_bundle"),
        ("width", &|t| t.columns[2].width = Width::W4, "leaf_contradicts_layout"),
        ("rows", &|t| t.active[0] = 30, "leaf_contradicts_layout"),
    ];
    let proof = honest.prove(&mut m.sim, 0);
    for (what, change, code) in cases {
        let mut lying = honest.package.clone();
        lying.draft.layout = with_table(change).unwrap();
        m.sim.list(&m.hospital, &lying).unwrap();
        let block = ProveBlock { package: lying.listing().package, ..proof.clone() };
        let error = m.act(Action::ProveBlock(block)).unwrap_err();
        assert_eq!(error.code(), code, "{what}: {error}");
    }
    honest.list(&mut m.sim, &m.hospital).unwrap();
    // What no bundle covers is disputable: a file whose leaf states another length.
    let tamper = Tamper { leaf: &|at, leaf| leaf.rows += u32::from(at == 1), ..Tamper::default() };
    let package = m.tampered("files", &tamper);
    let buyer = buyer("ada");
    let deal = m.delivered(&package.package, &buyer);
    let mut evidence = package.evidence(&mut m.sim, deal, 1);
    evidence.ciphertext = Bytes::default();
    let dispute = m.sim.dispute(evidence, &buyer);
    m.sim.submit(&dispute).unwrap();
    assert_eq!(m.ended(deal), Termination::Disputed { segment: 1, defect: Defect::Leaf });
}

#[test]
fn adversary_33_terms_of_the_buyers_own() {
    let mut m = market();
    let package = m.file("cohort");
    let honest = package.request(&m.funder, &buyer("ada"), false);
    let cheap = RequestDeal { price: euros(1), ..honest.clone() };
    let other = RequestDeal { terms: Digest([0; 32]), ..honest.clone() };
    let later = RequestDeal { version: 2, ..honest.clone() };
    for changed in [cheap, other, later] {
        let request = m.asking(changed);
        assert_eq!(m.sim.submit(&request), Err(TxError::OfferChanged { version: 1 }));
    }
    // The institution revises: what was agreed stays, the old offer is gone.
    let agreed = m.ask(&package, &buyer("before"), false);
    let mut offer = package.draft.offer.clone();
    change_tier(&mut offer, |tier| tier.price = euros(2 * PRICE));
    let ListingId { institution, package: id } = package.listing();
    let revise = ReviseListing { institution, package: id, offer: offer.clone() };
    m.act(Action::ReviseListing(revise)).unwrap();
    let request = m.asking(honest.clone());
    assert_eq!(m.sim.submit(&request), Err(TxError::OfferChanged { version: 2 }));
    assert_eq!(m.sim.deal(agreed).price, euros(PRICE));
    let renewed = RequestDeal {
        version: 2,
        terms: offer.tiers[0].agreement(&offer.terms),
        price: offer.tiers[0].price.clone(),
        ..honest
    };
    let request = m.asking(renewed);
    m.sim.submit(&request).unwrap();
}

// ---- Delivery ----

#[test]
fn adversary_23_key_before_funds() {
    let mut m = market();
    let package = m.file("cohort");
    let (ada, other) = (buyer("ada"), buyer("not asked"));
    let deal = m.ask(&package, &ada, false);
    let early = m.sim.delivery(deal, &package);
    let refused = wrong_stage(deal, Stage::Agreed, Stage::Ready);
    assert_eq!(m.sim.submit(&early), Err(refused));
    assert_eq!(m.sim.deal(deal).envelope, None);
    let unknown = DealId([9; 32]);
    let nowhere = delivery_with(|d| d.deal = unknown, &early);
    let nowhere =
        Transaction { fee: Fee { payer: FeePayer::Deal(unknown), ..early.fee.clone() }, ..nowhere };
    assert_eq!(m.sim.submit(&nowhere), Err(TxError::UnknownDeal { deal: unknown }));
    // Nobody else says `ready` for the buyer.
    let error = m.sim.ready(deal, &other).unwrap_err();
    assert_eq!(error.code(), "unauthorised", "{error}");
    m.sim.ready(deal, &ada).unwrap();
    m.sim.submit(&early).unwrap();
    assert_eq!(m.stage(deal), Stage::Verified);
}

#[test]
fn adversary_24_altered_keys_and_points() {
    let mut m = market();
    let package = m.file("cohort");
    let deal = m.ask(&package, &buyer("ada"), true);
    let delivery = m.sim.delivery(deal, &package);
    // −k and 0 in place of k: the proof speaks of k alone.
    let negative =
        |d: &mut Deliver| d.ciphertext = Scalar(d.ciphertext.0 - (package.key.0 + package.key.0));
    let zero = |d: &mut Deliver| d.ciphertext = Scalar(d.ciphertext.0 - package.key.0);
    let swapped = |d: &mut Deliver| d.ephemeral = galen_zk::point::JubPoint::generator();
    for altered in [
        delivery_with(negative, &delivery),
        delivery_with(zero, &delivery),
        delivery_with(swapped, &delivery),
    ] {
        let error = m.sim.submit(&altered).unwrap_err();
        assert_eq!(error.code(), "bad_envelope", "{error}");
    }
    // k + r, and points outside the prime subgroup, do not even decode.
    let bytes = delivery.encode();
    let Action::Deliver(deliver) = &delivery.actions[0] else { panic!("a delivery") };
    let replaced = |from: &[u8; 32], to: [u8; 32], bytes: &[u8]| {
        let at = bytes.windows(32).position(|window| window == from).unwrap();
        let mut bytes = bytes.to_vec();
        bytes[at..at + 32].copy_from_slice(&to);
        bytes
    };
    let ciphertext = deliver.ciphertext.to_bytes();
    let beyond = plus_order(ciphertext);
    // (0, 1), the identity, and (0, −1), of order two.
    let identity = {
        let mut y = [0; 32];
        y[0] = 1;
        y
    };
    let order_two = minus_one();
    let ephemeral = deliver.ephemeral.to_bytes();
    for bytes in [
        replaced(&ciphertext, beyond, &bytes),
        replaced(&ephemeral, identity, &bytes),
        replaced(&ephemeral, order_two, &bytes),
    ] {
        let error = m.sim.ledger.check(&bytes).unwrap_err();
        assert_eq!(error.code(), "malformed", "{error}");
    }
    let request = m.asking(package.request(&m.funder, &buyer("eve"), false)).encode();
    let key = buyer("eve").delivery_key.to_bytes();
    for bad in [identity, order_two] {
        let error = m.sim.ledger.check(&replaced(&key, bad, &request)).unwrap_err();
        assert_eq!(error.code(), "malformed", "{error}");
    }
    m.sim.ledger.check(&request).unwrap();
    m.sim.submit(&delivery).unwrap();
}

/// Adds the order of the field to 32 little-endian bytes; wraps if there is no room.
fn plus_order(bytes: [u8; 32]) -> [u8; 32] {
    let order = galen_zk::field::modulus_bytes();
    let mut carry = 0u16;
    std::array::from_fn(|i| {
        let sum = u16::from(bytes[i]) + u16::from(order[i]) + carry;
        carry = sum >> 8;
        (sum & 0xff) as u8
    })
}

/// −1 in the field, 32 little-endian bytes.
fn minus_one() -> [u8; 32] {
    let mut bytes = galen_zk::field::modulus_bytes();
    bytes[0] -= 1;
    bytes
}

#[test]
fn adversary_28_delivery_around_the_deadline() {
    let mut m = market();
    let package = m.file("cohort");
    let before = m.sim.balance(&m.funder);
    let names = ["a", "b", "c"];
    let deals = names.map(|name| m.ask(&package, &buyer(name), true));
    let deliveries = deals.map(|deal| m.sim.delivery(deal, &package));
    // One millisecond before the first deal's deadline.
    m.until(deals[0], 2);
    m.block_after(1, &deliveries[0]).unwrap();
    assert_eq!(m.stage(deals[0]), Stage::Verified);
    // At the second deal's deadline: due deadlines run first, and the delivery finds a refunded deal.
    m.until(deals[1], 1);
    let late = wrong_stage(deals[1], Stage::Terminated, Stage::Ready);
    assert_eq!(m.block_after(1, &deliveries[1]), Err(late.clone()));
    m.sim.block_after(1, &[]).unwrap();
    assert_eq!(m.ended(deals[1]), Termination::NotDelivered);
    // A millisecond later.
    assert_eq!(m.block_after(1, &deliveries[1]), Err(late));
    m.until(deals[2], 0);
    let later = wrong_stage(deals[2], Stage::Terminated, Stage::Ready);
    assert_eq!(m.block_after(1, &deliveries[2]), Err(later));
    for deal in &deals[1..] {
        assert_eq!(m.sim.deal(*deal).envelope, None);
    }
    m.until(deals[0], 0);
    assert_eq!(m.stage(deals[0]), Stage::Finalized);
    // One paid; two refunded and compensated.
    assert_eq!(m.sim.balance(&m.funder), before - PRICE + 2 * COMPENSATION);
    m.sim.replay();
}

#[test]
fn adversary_28_overdue_but_not_yet_settled() {
    // One deadline a block: the queue falls behind, and what is overdue is over all the same.
    let mut m = market_with(|genesis| genesis.parameters.due_max = 1);
    let package = m.file("cohort");
    let [first, second] = ["a", "b"].map(|name| m.ask(&package, &buyer(name), true));
    let delivery = m.sim.delivery(second, &package);
    // One block at which both are due settles the first; the second waits in the queue.
    m.until(first, 2);
    let overdue = m.sim.deal(second).deadline_ms.unwrap();
    m.sim.block_after(60_000, &[]).unwrap();
    let stages = [m.stage(first), m.stage(second)];
    assert_eq!(stages, [Stage::Terminated, Stage::Ready]);
    // The next block settles it before the delivery is looked at.
    let late = m.block_after(1, &delivery).unwrap_err();
    assert_eq!(late, wrong_stage(second, Stage::Terminated, Stage::Ready));
    // On the state as it is, the delivery is refused for its deadline.
    let refused = m.sim.probe(|ctx| execute_as(&delivery.actions[0], ctx, None)).map(drop);
    assert_eq!(refused, Err(TxError::DeadlinePassed { deadline_ms: overdue }));
    m.sim.block(&[]).unwrap();
    assert_eq!(m.ended(second), Termination::NotDelivered);
}

#[test]
fn adversary_28a_nothing_holds_a_delivery_back() {
    let mut m = market();
    let package = m.file("cohort");
    let deal = m.ask(&package, &buyer("ada"), true);
    let delivery = m.sim.delivery(deal, &package);
    assert!(delivery.authorization.accounts.is_empty() && delivery.expiry_ms == NO_EXPIRY);
    // The institution withdraws, spends everything it has, and is suspended.
    let ListingId { institution, package: id } = package.listing();
    m.act(Action::WithdrawListing(WithdrawListing {
        institution,
        package: id,
        reason: text("a test"),
    }))
    .unwrap();
    let all = m.sim.balance(&m.hospital);
    let spend = Transfer {
        from: institution,
        to: Wallet::new("elsewhere").id(),
        asset: Asset::Currency(eur()),
        amount: Amount::new(all),
    };
    m.act(Action::Transfer(spend)).unwrap();
    let suspend =
        Suspend { account: institution, role: Role::Institution, evidence: Digest([2; 32]) };
    let (a, b) = (m.sim.registrars[0].clone(), m.sim.registrars[1].clone());
    m.sim.act(vec![Action::Suspend(suspend)], &[&a, &b]).unwrap();
    // New requests are refused: withdrawn, and not active.
    let request = m.asking(package.request(&m.funder, &buyer("late"), false));
    assert_eq!(m.sim.submit(&request).unwrap_err().code(), "role_not_active");
    // The delivery lands, many blocks later and just in time.
    m.until(deal, 2);
    m.block_after(1, &delivery).unwrap();
    m.until(deal, 0);
    assert_eq!(m.stage(deal), Stage::Finalized);
    assert_eq!(m.sim.balance(&m.hospital), PRICE);
    // Sent again, it does nothing.
    let again = m.block_after(1, &delivery).unwrap_err();
    assert_eq!(again, wrong_stage(deal, Stage::Finalized, Stage::Ready));
}

#[test]
fn adversary_28b_requests_without_ready_and_a_flood_of_ready() {
    let mut m = market();
    let package = m.file("cohort");
    let bond = Purse::Bond(m.hospital.id());
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let deals = names.map(|name| m.ask(&package, &buyer(name), false));
    assert_eq!(m.sim.purse(&bond), BOND, "a request locks no bond");
    // Four places: the fifth `ready` ends its deal with a refund.
    for (deal, name) in deals.iter().zip(names).take(5) {
        m.sim.ready(*deal, &buyer(name)).unwrap();
    }
    assert_eq!(m.ended(deals[4]), Termination::NoSeat);
    assert_eq!(m.sim.purse(&bond), BOND - 4 * COMPENSATION);
    // The institution is down: the first missed deadline stops it.
    m.deliver(deals[3], &package);
    m.until(deals[2], 0);
    assert_eq!(m.ended(deals[0]), Termination::NotDelivered);
    let request = m.asking(package.request(&m.funder, &buyer("farmer"), true));
    let stopped = TxError::ListingsStopped { institution: m.hospital.id() };
    assert_eq!(m.sim.submit(&request), Err(stopped));
    // Those who were never ready are refunded without penalty.
    assert_eq!(m.ended(deals[5]), Termination::NotReady);
    let resume = || Action::ResumeListings(ResumeListings { institution: m.hospital.id() });
    let (first, second) = (resume(), resume());
    m.act(first).unwrap();
    assert_eq!(m.act(second), Err(TxError::NotStopped));
    let deal = m.ask(&package, &buyer("farmer"), true);
    m.deliver(deal, &package);
    m.until(deal, 0);
    assert_eq!(m.stage(deal), Stage::Finalized);
    m.sim.replay();
}

#[test]
fn ready_while_stopped_or_without_bond_ends_with_a_refund() {
    let mut m = market_with(|genesis| {
        genesis.parameters.ready_ms = 10 * genesis.parameters.deliver_ms;
    });
    let package = m.file("cohort");
    let missed = m.ask(&package, &buyer("a"), true);
    let waiting = m.ask(&package, &buyer("b"), false);
    m.until(missed, 0);
    assert_eq!(m.ended(missed), Termination::NotDelivered);
    let balance = m.sim.balance(&m.funder);
    m.sim.ready(waiting, &buyer("b")).unwrap();
    assert_eq!(m.ended(waiting), Termination::NoSeat);
    assert_eq!(m.sim.balance(&m.funder), balance + PRICE + 100);
    assert_eq!(m.sim.purse(&Purse::Deal(waiting, DealPurse::Bond)), 0);
}

#[test]
fn adversary_28c_fees_from_the_price_or_from_another_deal() {
    let fees = FeeRates { per_kib: Amount::new(3), per_unit: Amount::new(1) };
    let mut m = market_with(|genesis| genesis.currencies[0].fees = fees);
    let least = fees.deal_allowance().unwrap();
    let package = m.file("cohort");
    let mut small = package.request(&m.funder, &buyer("ada"), false);
    small.allowance = Amount::new(least.units() - 1);
    let request = m.asking(small.clone());
    let got = small.allowance;
    assert_eq!(m.sim.submit(&request), Err(TxError::AllowanceTooSmall { least, got }));
    let mut ask = |name: &str| {
        let enough =
            RequestDeal { allowance: least, ..package.request(&m.funder, &buyer(name), false) };
        let request = m.asking(enough);
        m.sim.submit(&request).unwrap();
        deal_of(&request)
    };
    let (deal, other) = (ask("ada"), ask("bea"));
    // One deal's action at the expense of the other.
    let ada = buyer("ada");
    let signing =
        |payer| Signing { payer: Some(payer), deal_key: Some(&ada.auth), ..Signing::default() };
    let ready = || vec![Action::Ready(Ready { deal })];
    let foreign = m.sim.sign_with(ready(), &signing(FeePayer::Deal(other)));
    assert_eq!(m.sim.submit(&foreign), Err(TxError::FeeNotOfDeal { deal: other }));
    // Two actions at a deal's expense.
    let twice = m.sim.sign_with([ready(), ready()].concat(), &signing(FeePayer::Deal(deal)));
    assert_eq!(m.sim.submit(&twice), Err(TxError::FeeNotOfDeal { deal }));
    let own = m.sim.sign_with(ready(), &signing(FeePayer::Deal(deal)));
    m.sim.submit(&own).unwrap();
    let price = |m: &Market| m.sim.purse(&Purse::Deal(deal, DealPurse::Price));
    let allowance = |m: &Market| m.sim.purse(&Purse::Deal(deal, DealPurse::Allowance));
    assert_eq!(price(&m), PRICE);
    assert!(allowance(&m) < least.units());
    let delivery = m.sim.delivery(deal, &package);
    m.sim.submit(&delivery).unwrap();
    assert_eq!(price(&m), PRICE);
    // What is left returns when the deal ends; the institution gets the whole price.
    let (left, funder) = (allowance(&m), m.sim.balance(&m.funder));
    let hospital = m.sim.balance(&m.hospital);
    assert!(left > 0);
    m.until(other, 0);
    m.until(deal, 0);
    assert_eq!(m.sim.balance(&m.hospital), hospital + PRICE);
    assert_eq!(m.sim.balance(&m.funder), funder + left + PRICE + least.units());
}

#[test]
fn adversary_28c_a_delivery_takes_no_signature() {
    let fees = FeeRates { per_kib: Amount::new(3), per_unit: Amount::new(1) };
    let mut m = market_with(|genesis| genesis.currencies[0].fees = fees);
    let allowance = fees.deal_allowance().unwrap();
    let package = m.file("cohort");
    let request = RequestDeal { allowance, ..package.request(&m.funder, &buyer("ada"), true) };
    let request = m.asking(request);
    m.sim.submit(&request).unwrap();
    let deal = deal_of(&request);
    let delivery = m.sim.delivery(deal, &package);
    let mallory = Wallet::new("mallory");
    let payer = Some(FeePayer::Deal(deal));
    let key = Signing {
        payer,
        deal_key: Some(&mallory),
        expiry_ms: Some(NO_EXPIRY),
        ..Signing::default()
    };
    let account = Signing {
        payer,
        accounts: vec![&mallory],
        expiry_ms: Some(NO_EXPIRY),
        ..Signing::default()
    };
    for signing in [key, account] {
        // The same action, signed correctly by somebody who has no part in the deal.
        let wrapped = m.sim.sign_with(delivery.actions.to_vec(), &signing);
        assert_eq!(m.sim.submit(&wrapped), Err(TxError::FeeNotOfDeal { deal }));
    }
    let purse = Purse::Deal(deal, DealPurse::Allowance);
    assert_eq!(m.sim.purse(&purse), allowance.units());
    m.sim.submit(&delivery).unwrap();
    assert_eq!(m.stage(deal), Stage::Verified);
}

#[test]
fn adversary_29_one_side_is_gone() {
    let mut m = market();
    let package = m.file("cohort");
    let before = m.sim.balance(&m.funder);
    let seller_gone = m.ask(&package, &buyer("a"), true);
    m.until(seller_gone, 0);
    assert_eq!(m.ended(seller_gone), Termination::NotDelivered);
    assert_eq!(m.sim.balance(&m.funder), before + COMPENSATION);
    m.act(Action::ResumeListings(ResumeListings { institution: m.hospital.id() })).unwrap();
    let hospital = m.sim.balance(&m.hospital);
    let buyer_gone = m.delivered(&package, &buyer("b"));
    m.until(buyer_gone, 0);
    assert_eq!(m.stage(buyer_gone), Stage::Finalized);
    assert_eq!(m.sim.balance(&m.hospital), hospital + PRICE);
    // A buyer who never comes back after the request is refunded without penalty for anybody.
    let bond = m.sim.purse(&Purse::Bond(m.hospital.id()));
    let never_ready = m.ask(&package, &buyer("c"), false);
    m.until(never_ready, 0);
    assert_eq!(m.ended(never_ready), Termination::NotReady);
    assert_eq!(m.sim.purse(&Purse::Bond(m.hospital.id())), bond);
    m.sim.replay();
}

#[test]
fn adversary_30_envelope_of_another_deal() {
    let mut m = market();
    let package = m.file("cohort");
    // The same one-time keys in both, so that only the deal differs.
    let (first, second) =
        (m.ask(&package, &buyer("ada"), true), m.ask(&package, &buyer("ada"), true));
    let delivery = m.sim.delivery(first, &package);
    let lifted = delivery_with(|d| d.deal = second, &delivery);
    let lifted = Transaction {
        fee: Fee { payer: FeePayer::Deal(second), ..delivery.fee.clone() },
        ..lifted
    };
    let error = m.sim.submit(&lifted).unwrap_err();
    assert_eq!(error.code(), "bad_envelope", "{error}");
    m.sim.submit(&delivery).unwrap();
    m.deliver(second, &package);
}

#[test]
fn adversary_32_two_keys_for_one_ciphertext() {
    let mut m = market();
    let package = m.file("cohort");
    let deal = m.ask(&package, &buyer("ada"), true);
    // An envelope that honestly holds another key: its proof is of another commitment than K.
    let mut other = package.clone();
    other.key = Scalar::from(42);
    let key = m.sim.deal(deal).delivery_key;
    let (public, witness) = seal(other.key, &key, Deal::scalar(&deal), &mut m.sim.rng);
    let proof: Proof =
        prover().prove(&KeyEnvelope::default(), &public, &witness, &mut m.sim.rng).unwrap();
    let honest = m.sim.delivery(deal, &package);
    let foreign = delivery_with(
        |d| {
            d.ephemeral = public.ephemeral;
            d.ciphertext = public.ciphertext;
            d.proof = Bytes::new(proof.to_bytes().to_vec()).unwrap();
        },
        &honest,
    );
    let error = m.sim.submit(&foreign).unwrap_err();
    assert_eq!(error.code(), "bad_envelope", "{error}");
    m.sim.submit(&honest).unwrap();
}

// ---- Disputes ----

/// Lists a tampered package, buys it, disputes a segment, and says what came of it.
fn dispute_of(name: &str, tamper: &Tamper<'_>, segment: u64) -> Termination {
    let mut m = market();
    let before = m.sim.balance(&m.funder);
    let package = m.tampered(name, tamper);
    let buyer = buyer("ada");
    let deal = m.delivered(&package.package, &buyer);
    assert!(m.sim.read(&state_key::licence(&deal)).unwrap().revoked_ms.is_none());
    let evidence = package.evidence(&mut m.sim, deal, segment);
    let dispute = m.sim.dispute(evidence, &buyer);
    m.sim.submit(&dispute).unwrap();
    assert_eq!(m.sim.balance(&m.funder), before + COMPENSATION);
    assert!(m.sim.read(&state_key::licence(&deal)).unwrap().revoked_ms.is_some());
    let standing = m.sim.read(&state_key::listing(&package.listing())).unwrap().standing;
    assert_eq!(standing, Standing::Refunded { deal, segment });
    // It is off the market for good.
    let request = m.asking(package.package.request(&m.funder, &buyer, false));
    assert_eq!(m.sim.submit(&request), Err(TxError::PackageRefunded));
    let again = m.sim.list(&m.hospital, &package.package).map(drop);
    assert_eq!(again, Err(TxError::PackageRefunded));
    m.sim.replay();
    m.ended(deal)
}

#[test]
fn adversary_25_right_key_wrong_file() {
    // The file is sealed under another key than the one that K fixes.
    let other = segment::seal(&[5; 32], 1, 2, [7; 12], b"What the columns mean.").unwrap();
    let swap = |at: u64, ciphertext: &mut Vec<u8>| {
        if at == 1 {
            ciphertext.clone_from(&other);
        }
    };
    let ended = dispute_of("cohort", &Tamper { ciphertext: &swap, ..Tamper::default() }, 1);
    assert_eq!(ended, Termination::Disputed { segment: 1, defect: Defect::Cipher });
}

#[test]
fn adversary_26_corrupted_segments() {
    let flip = |at: u64, ciphertext: &mut Vec<u8>| ciphertext[20] ^= u8::from(at == 0);
    let ended = dispute_of("flipped", &Tamper { ciphertext: &flip, ..Tamper::default() }, 0);
    assert_eq!(ended, Termination::Disputed { segment: 0, defect: Defect::Cipher });
    let cut = |at: u64, plaintext: &mut Vec<u8>| plaintext.truncate(if at == 1 { 5 } else { 99 });
    let ended = dispute_of("short", &Tamper { plaintext: &cut, ..Tamper::default() }, 1);
    assert_eq!(ended, Termination::Disputed { segment: 1, defect: Defect::Length });
    let reorder = |at: u64, plaintext: &mut Vec<u8>| {
        if at == 0 {
            // "east" becomes "zast", which no longer comes before "north".
            plaintext[2] = b'z';
        }
    };
    let ended = dispute_of("disordered", &Tamper { plaintext: &reorder, ..Tamper::default() }, 0);
    assert_eq!(ended, Termination::Disputed { segment: 0, defect: Defect::Dictionary });
}

#[test]
fn adversary_26_cells_that_are_not_those_committed_to() {
    let mut m = market();
    let alter = |at: u64, plaintext: &mut Vec<u8>| plaintext[0] ^= u8::from(at == 2);
    let tamper = Tamper { plaintext: &alter, ..Tamper::default() };
    let package = TablePackage::tampered(&m.hospital, "cohort", PRICE, &[20], &tamper);
    package.list(&mut m.sim, &m.hospital).unwrap();
    let buyer = buyer("ada");
    let deal = m.delivered(&package.package, &buyer);
    // Another column of the same block is what was listed.
    let evidence = package.evidence(&mut m.sim, deal, 1);
    let dispute = m.sim.dispute(evidence, &buyer);
    assert_eq!(m.sim.submit(&dispute), Err(TxError::DisputeUnfounded { segment: 1 }));
    let evidence = package.evidence(&mut m.sim, deal, 2);
    let dispute = m.sim.dispute(evidence, &buyer);
    m.sim.submit(&dispute).unwrap();
    assert_eq!(m.ended(deal), Termination::Disputed { segment: 2, defect: Defect::Claim });
}

#[test]
fn adversary_26_a_cell_outside_its_bounds_is_disputed() {
    // Committed to, proven and sealed consistently: the ward is one of three, the score at most 59,999.
    let beyond: [(&str, u64, u64); 2] = [("code", 1, 4), ("number", 2, 60_001)];
    for (name, bad, cell) in beyond {
        let mut m = market();
        // The other column holds the greatest cell that is within its bounds.
        let stray = |at: u64, cells: &mut Vec<u64>| match at {
            1 => cells.fill(if bad == 1 { cell } else { 3 }),
            2 => cells[19] = if bad == 2 { cell } else { 60_000 },
            _ => {}
        };
        let tamper = Tamper { cells: &stray, ..Tamper::default() };
        let package = TablePackage::tampered(&m.hospital, name, PRICE, &[20], &tamper);
        package.list(&mut m.sim, &m.hospital).unwrap();
        let before = m.sim.balance(&m.funder);
        let buyer = buyer("ada");
        let deal = m.delivered(&package.package, &buyer);
        // The twin: the columns within their bounds are what was listed.
        for segment in [0, 3 - bad] {
            let evidence = package.evidence(&mut m.sim, deal, segment);
            let dispute = m.sim.dispute(evidence, &buyer);
            assert_eq!(m.sim.submit(&dispute), Err(TxError::DisputeUnfounded { segment }));
        }
        let evidence = package.evidence(&mut m.sim, deal, bad);
        let dispute = m.sim.dispute(evidence, &buyer);
        m.sim.submit(&dispute).unwrap();
        assert_eq!(m.ended(deal), Termination::Disputed { segment: bad, defect: Defect::Cell });
        assert_eq!(m.sim.balance(&m.funder), before + COMPENSATION);
    }
}

#[test]
fn adversary_27_dispute_without_ground() {
    let mut m = market();
    let package = TablePackage::new(&m.hospital, "cohort", PRICE, &[20]);
    package.list(&mut m.sim, &m.hospital).unwrap();
    let ada = buyer("ada");
    let deal = m.delivered(&package.package, &ada);
    let state = m.sim.state.clone();
    // Every segment is as it was listed: no dispute enters a block.
    for segment in [0, 2, 3, 4] {
        let evidence = package.evidence(&mut m.sim, deal, segment);
        let dispute = m.sim.dispute(evidence, &ada);
        let unfounded = TxError::DisputeUnfounded { segment };
        assert_eq!(m.sim.submit(&dispute), Err(unfounded.clone()));
        assert_eq!(m.block_after(1, &dispute), Err(unfounded));
        assert_eq!(m.sim.state, state);
    }
    let evidence = package.evidence(&mut m.sim, deal, 3);
    let mut refused = |change: &dyn Fn(&mut Dispute)| {
        let mut evidence = evidence.clone();
        change(&mut evidence);
        let dispute = m.sim.dispute(evidence, &ada);
        m.sim.submit(&dispute).unwrap_err()
    };
    // Other bytes than those that were listed, another leaf, another key, no such segment.
    let other = refused(&|d| d.ciphertext = Bytes::new(vec![0; 50]).unwrap());
    assert_eq!(other, TxError::WrongCiphertext { segment: 3 });
    assert_eq!(refused(&|d| d.leaf.rows += 1), TxError::LeavesNotInTree);
    assert_eq!(refused(&|d| d.segment_key = Scalar::from(1)).code(), "bad_segment_key");
    assert_eq!(refused(&|d| d.segment = 5), TxError::UnknownSegment { segment: 5 });
    // Somebody else's signature, and a proof made for another deal.
    let stranger = m.sim.dispute(evidence.clone(), &buyer("eve"));
    assert_eq!(m.sim.submit(&stranger).unwrap_err().code(), "unauthorised");
    let second = m.delivered(&package.package, &ada);
    let lifted = m.sim.dispute(Dispute { deal: second, ..evidence }, &ada);
    assert_eq!(m.sim.submit(&lifted).unwrap_err().code(), "bad_segment_key");
    m.until(deal, 0);
    assert_eq!(m.stage(deal), Stage::Finalized);
}

#[test]
fn adversary_31_segments_swapped_dropped_truncated() {
    let m = market();
    let package = TablePackage::new(&m.hospital, "cohort", PRICE, &[20]);
    let key =
        |segment| Scalar(galen_zk::hash::segment_key(package.package.key.0, segment)).to_bytes();
    let count = package.leaves.len() as u64;
    let good = segment::open(&key(0), 0, count, &package.ciphertexts[0]).unwrap();
    assert_eq!(good.len(), 20);
    // Another segment in its place, under either key; a package with one segment fewer; a cut end.
    let refused = Err(SegmentError::Cipher);
    assert_eq!(segment::open(&key(0), 0, count, &package.ciphertexts[1]), refused);
    assert_eq!(segment::open(&key(1), 0, count, &package.ciphertexts[1]), refused);
    assert_eq!(segment::open(&key(0), 0, count - 1, &package.ciphertexts[0]), refused);
    let cut = &package.ciphertexts[0][..package.ciphertexts[0].len() - 1];
    assert_eq!(segment::open(&key(0), 0, count, cut), refused);
    // The leaf names the segment before any key is there.
    assert!(package.leaves[0].holds(&package.ciphertexts[0]));
    assert!(!package.leaves[0].holds(&package.ciphertexts[1]));
    // An institution that lists two segments swapped loses the dispute about either.
    let honest = TablePackage::new(&m.hospital, "swapped", PRICE, &[]);
    let swapped = |at: u64, ciphertext: &mut Vec<u8>| {
        ciphertext.clone_from(&honest.ciphertexts[1 - at as usize]);
    };
    let ended = dispute_of("swapped", &Tamper { ciphertext: &swapped, ..Tamper::default() }, 0);
    assert_eq!(ended, Termination::Disputed { segment: 0, defect: Defect::Cipher });
}

#[test]
fn adversary_33a_two_open_deals_and_one_upheld_dispute() {
    // One deadline a block, so that the refunds take several.
    let mut m = market_with(|genesis| genesis.parameters.due_max = 1);
    let before = m.sim.balance(&m.funder);
    let flip = |at: u64, ciphertext: &mut Vec<u8>| ciphertext[20] ^= u8::from(at == 1);
    let package = m.tampered("cohort", &Tamper { ciphertext: &flip, ..Tamper::default() });
    let names = ["a", "b", "c", "d"];
    let first = m.delivered(&package.package, &buyer("a"));
    let second = m.delivered(&package.package, &buyer("b"));
    let ready = m.ask(&package.package, &buyer("c"), true);
    let agreed = m.ask(&package.package, &buyer("d"), false);
    let delivery = m.sim.delivery(ready, &package.package);
    let evidence = package.evidence(&mut m.sim, first, 1);
    let dispute = m.sim.dispute(evidence, &buyer("a"));
    m.sim.submit(&dispute).unwrap();
    // Marked at once: nothing more happens in the other deals, though the queue has not come to them.
    assert_eq!(m.stage(second), Stage::Verified);
    let evidence = package.evidence(&mut m.sim, second, 1);
    let too = m.sim.dispute(evidence, &buyer("b"));
    let probe = |m: &Market, action: Action, key: Option<&Wallet>| {
        m.sim.probe(|ctx| execute_as(&action, ctx, key)).map(drop)
    };
    let refunded = Err(TxError::PackageRefunded);
    assert_eq!(probe(&m, too.actions[0].clone(), Some(&buyer("b").auth)), refunded);
    assert_eq!(probe(&m, delivery.actions[0].clone(), None), refunded);
    assert_eq!(probe(&m, Action::Ready(Ready { deal: agreed }), Some(&buyer("d").auth)), refunded);
    for _ in names {
        m.sim.block(&[]).unwrap();
    }
    for deal in [second, ready, agreed] {
        assert_eq!(m.ended(deal), Termination::PackageRefunded);
    }
    assert_eq!(m.sim.balance(&m.funder), before + COMPENSATION);
    assert_eq!(m.sim.purse(&Purse::Bond(m.hospital.id())), BOND - COMPENSATION);
    // The twin: without a dispute both are paid.
    let honest = m.file("another cohort");
    let paid = ["e", "f"].map(|name| m.delivered(&honest, &buyer(name)));
    m.until(paid[1], 0);
    m.sim.block(&[]).unwrap();
    for deal in paid {
        assert_eq!(m.stage(deal), Stage::Finalized);
    }
    m.sim.replay();
}

#[test]
fn dispute_at_the_last_millisecond_and_after_it() {
    for (before_ms, in_time) in [(2, true), (1, false)] {
        let mut m = market();
        let flip = |at: u64, ciphertext: &mut Vec<u8>| ciphertext[20] ^= u8::from(at == 1);
        let package = m.tampered("cohort", &Tamper { ciphertext: &flip, ..Tamper::default() });
        let deal = m.delivered(&package.package, &buyer("a"));
        m.until(deal, before_ms);
        let evidence = package.evidence(&mut m.sim, deal, 1);
        let dispute = m.sim.dispute(evidence, &buyer("a"));
        let outcome = m.block_after(1, &dispute);
        if in_time {
            outcome.unwrap();
            assert_eq!(m.stage(deal), Stage::Terminated);
        } else {
            let settled = wrong_stage(deal, Stage::Finalized, Stage::Verified);
            assert_eq!(outcome, Err(settled));
            m.sim.block_after(1, &[]).unwrap();
            assert_eq!(m.stage(deal), Stage::Finalized);
        }
    }
}

// ---- Time ----

#[test]
fn adversary_33c_stalled_ledger() {
    let mut m = market();
    let package = m.file("cohort");
    let deal = m.ask(&package, &buyer("ada"), true);
    let delivery = m.sim.delivery(deal, &package);
    let uptime = m.sim.uptime_ms();
    let day = 24 * 60 * MINUTE;
    m.sim.stall(day);
    assert_eq!(m.sim.uptime_ms(), uptime + m.sim.genesis.parameters.max_idle_ms);
    assert_eq!(m.stage(deal), Stage::Ready);
    m.sim.submit(&delivery).unwrap();
    assert_eq!(m.stage(deal), Stage::Verified);
    // The twin: time in which the ledger ran counts.
    let late = m.ask(&package, &buyer("bea"), true);
    m.sim.advance(m.sim.genesis.parameters.deliver_ms);
    assert_eq!(m.ended(late), Termination::NotDelivered);
}

// ---- Review, shares, terms ----

#[test]
fn review_accepts_refuses_or_runs_out() {
    let mut m = market();
    let mut package = FilePackage::new(&m.hospital, "reviewed", PRICE);
    package.draft.offer.terms.review_ms = Some(60_000);
    package.draft.offer.terms.review_all = true;
    m.sim.list(&m.hospital, &package).unwrap();
    let stranger = m.sim.institution("another hospital", 10);
    let before = m.sim.balance(&m.funder);
    let deals = ["a", "b", "c"].map(|name| m.ask(&package, &buyer(name), true));
    assert_eq!(m.stage(deals[0]), Stage::Requested);
    let review = |m: &Market, deal, accept| ReviewDeal {
        institution: m.hospital.id(),
        deal,
        accept,
        reason: text("no ethics approval"),
    };
    let foreign = ReviewDeal { institution: stranger.id(), ..review(&m, deals[0], true) };
    let refused = m.sim.act(vec![Action::ReviewDeal(foreign)], &[&stranger]).map(drop);
    assert_eq!(refused, Err(TxError::NotYourDeal { deal: deals[0] }));
    let (accept, refuse) = (review(&m, deals[0], true), review(&m, deals[1], false));
    m.act(Action::ReviewDeal(accept)).unwrap();
    m.act(Action::ReviewDeal(refuse)).unwrap();
    // The buyer was ready with the request.
    assert_eq!(m.stage(deals[0]), Stage::Ready);
    assert!(matches!(m.ended(deals[1]), Termination::Refused { .. }));
    m.until(deals[2], 0);
    assert_eq!(m.ended(deals[2]), Termination::NotReviewed);
    m.deliver(deals[0], &package);
    m.until(deals[0], 0);
    assert_eq!(m.sim.balance(&m.funder), before - PRICE);
}

#[test]
fn a_price_is_split_by_shares() {
    let mut m = market();
    let fund = Wallet::new("patients' fund");
    let mut package = FilePackage::new(&m.hospital, "shared", 10_001);
    let share = |wallet: &Wallet, points| Share::of_account(wallet.id(), points);
    let of = |a, b| Bounded::new(vec![share(&m.hospital, a), share(&fund, b)]).unwrap();
    let (good, bad) = (of(6_667, 3_333), of(6_667, 3_334));
    package.draft.offer.shares = bad;
    assert_eq!(m.sim.list(&m.hospital, &package).map(drop), Err(TxError::BadShares));
    package.draft.offer.shares = good;
    m.sim.list(&m.hospital, &package).unwrap();
    let hospital = m.sim.balance(&m.hospital);
    let deal = m.delivered(&package, &buyer("a"));
    m.until(deal, 0);
    assert_eq!(m.sim.balance(&fund), 3_333);
    assert_eq!(m.sim.balance(&m.hospital), hospital + 6_668);
    let licence = m.sim.read(&state_key::licence(&deal)).unwrap();
    let day = 24 * 60 * MINUTE;
    assert_eq!(licence.until_ms - licence.from_ms, 365 * day);
    assert_eq!(licence.holder, buyer("a").auth.id());
}

#[test]
fn a_refund_goes_where_the_request_says() {
    let mut m = market();
    let package = m.file("cohort");
    let other = Wallet::new("refund account");
    let request = RequestDeal {
        refund: Refund::Account(other.id()),
        funding: Funding::Account(m.funder.id()),
        ..package.request(&m.funder, &buyer("a"), false)
    };
    let request = m.asking(request);
    m.sim.submit(&request).unwrap();
    m.until(deal_of(&request), 0);
    assert_eq!(m.sim.balance(&other), PRICE + 100);
    assert_eq!(m.sim.balance(&m.funder), FUNDS - PRICE - 100);
}
