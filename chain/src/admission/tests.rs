#![allow(clippy::unwrap_used)]

use super::*;
use crate::block::{Block, Header, transactions_hash};
use crate::ledger::GalenLedger;
use crate::store::Decision;
use galen_market::action::Action;
use galen_market::action::trade::Dispute;
use galen_market::codec::{Bounded, Bytes};
use galen_market::deal::Stage;
use galen_market::error::TxError;
use galen_market::id::DealId;
use galen_market::identity::presentation::DAY_MS;
use galen_market::state::{Changes, MemoryState, StateRead};
use galen_market::testing::{
    Buyer, FilePackage, Researcher, Simulation, TablePackage, Wallet, deal_of,
};
use galen_market::transaction::Transaction;
use galen_zk::keys::Verifier;

#[test]
fn costly_transactions_wait_for_their_like_and_memory_is_bounded() {
    let (mut costly, start) = (Costly::default(), Instant::now());
    assert!(costly.may_try([1; 32], start));
    assert!(!costly.may_try([1; 32], start));
    assert!(costly.may_try([2; 32], start), "another deal");
    let later = start + COSTLY_APART;
    assert!(costly.may_try([1; 32], later), "later");
    for n in 0..2 * COSTLY_AT_A_TIME {
        costly.may_try(Sha256::digest(n.to_le_bytes()).into(), later);
    }
    assert_eq!(costly.0.len(), COSTLY_AT_A_TIME);
}

const MINUTE: u64 = 60_000;

/// A ledger with a hospital, its package of one file, and two buyers' credentials.
struct Market {
    sim: Simulation,
    hospital: Wallet,
    researcher: Researcher,
    funder: Wallet,
    uses: u16,
}

/// Its genesis lies so far in the past.
fn market(ago_ms: u64) -> Market {
    let mut sim = Simulation::with(|genesis| {
        genesis.time_ms = clock_ms() - ago_ms;
        genesis.parameters.deliver_ms = 20 * MINUTE;
    });
    let hospital = sim.institution("hospital", 1_000_000);
    let money = galen_market::testing::euros(500_000);
    let bond = galen_market::action::DepositBond { institution: hospital.id(), money };
    sim.act(vec![Action::DepositBond(bond)], &[&hospital]).unwrap();
    let issuer = sim.issuer("university");
    let mut researcher = Researcher::new("ada");
    researcher.attributes.expiry = u32::try_from(clock_ms() / DAY_MS).unwrap() + 365;
    sim.enrol(&issuer, &mut researcher);
    let funder = sim.funded("one-time account", 100_000);
    Market { sim, hospital, researcher, funder, uses: 0 }
}

impl Market {
    fn ask(&mut self, package: &FilePackage, buyer: &Buyer, ready: bool) -> DealId {
        let request = package.request(&self.funder, buyer, ready);
        let request = self.sim.request(request, &self.funder, &self.researcher, self.uses);
        self.uses += 1;
        self.sim.submit(&request).unwrap();
        deal_of(&request)
    }

    fn file(&mut self) -> FilePackage {
        let package = FilePackage::new(&self.hospital, "cohort", 10_000);
        self.sim.list(&self.hospital, &package).unwrap();
        package
    }
}

fn all(state: &MemoryState) -> Changes {
    let entries = state.scan(b"", None, usize::MAX).unwrap();
    entries.into_iter().map(|(key, value)| (key, Some(value))).collect()
}

/// A node's admission on the state of a simulation.
struct Place {
    admission: Admission<GalenLedger>,
    store: Arc<Store>,
    _folder: tempfile::TempDir,
}

fn place(sim: &Simulation) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let rules =
        galen_market::ledger::Ledger::new(&sim.genesis, Verifier::development().unwrap()).unwrap();
    let ledger = GalenLedger::new(rules, sim.genesis.clone());
    let begin = || Ok((all(&sim.state), sim.head.time_ms));
    let store = Arc::new(Store::open(folder.path(), ledger.chain_id(), begin).unwrap());
    let admission = Admission::new(Arc::new(ledger), store.clone(), Limits::default()).unwrap();
    Place { admission, store, _folder: folder }
}

impl Place {
    fn submit(&self, transaction: &Transaction) -> Result<TransactionId, SubmitError<TxError>> {
        self.admission.submit(&transaction.encode(), true)
    }

    fn offers(&self, transaction: &Transaction) -> bool {
        self.admission.offers(usize::MAX).contains(&transaction.encode())
    }

    /// Decides an empty block that leads to the state of a simulation.
    fn follow(&self, sim: &Simulation) {
        let (snapshot, tip) = (self.store.snapshot(), self.store.tip());
        let mut changes: Changes = snapshot
            .scan(b"", None, usize::MAX)
            .unwrap()
            .into_iter()
            .map(|(key, _)| (key, None))
            .collect();
        changes.extend(all(&sim.state));
        let tree = self.store.tree_after(&snapshot, &changes).unwrap();
        let header = Header {
            chain_id: self.admission.application().chain_id(),
            height: tip.height + 1,
            time_ms: sim.head.time_ms,
            parent: tip.id,
            proposer: [0; 32],
            transactions: transactions_hash(&[]),
            events: [0; 32],
            state_root: tree.root,
            validators: [0; 32],
            next_validators: [0; 32],
        };
        let block = Block { header, transactions: Vec::new() };
        let decision = Decision {
            block: &block,
            certificate: Vec::new(),
            changes: &changes,
            tree: &tree,
            receipts: Vec::new(),
            transactions: Vec::new(),
            events: &[],
            validators: Vec::new(),
        };
        self.store.commit(&decision).unwrap();
    }
}

fn with_proof(delivery: &Transaction, byte: u8) -> Transaction {
    let Action::Deliver(mut deliver) = delivery.actions[0].clone() else { panic!("a delivery") };
    deliver.proof = Bytes::new(vec![byte; deliver.proof.len()]).unwrap();
    let actions = Bounded::new(vec![Action::Deliver(deliver)]).unwrap();
    Transaction { actions, ..delivery.clone() }
}

#[test]
fn adversary_28a_a_delivery_is_not_offered_before_its_ready_is_decided() {
    let mut m = market(20_000);
    let (package, buyer) = (m.file(), Buyer::new("ada"));
    let deal = m.ask(&package, &buyer, false);
    let delivery = m.sim.delivery(deal, &package);
    let early = place(&m.sim);
    assert!(matches!(
        early.submit(&delivery),
        Err(SubmitError::Refused(TxError::WrongStage { is: Stage::Agreed, .. }))
    ));
    // What makes it ready waits: it could be executed after that, and still is shown to nobody.
    let signing = galen_market::testing::Signing {
        payer: Some(galen_market::fee::FeePayer::Deal(deal)),
        deal_key: Some(&buyer.auth),
        ..Default::default()
    };
    let ready = galen_market::action::trade::Ready { deal };
    let ready = m.sim.sign_with(vec![Action::Ready(ready)], &signing);
    early.submit(&ready).unwrap();
    assert!(matches!(
        early.submit(&delivery),
        Err(SubmitError::TooLate | SubmitError::Refused(TxError::WrongStage { .. }))
    ));
    assert!(early.offers(&ready) && !early.offers(&delivery));
    let checked = m.sim.check(&delivery).unwrap();
    let may_offer = |node: &Place| {
        let snapshot = node.store.snapshot();
        let application = node.admission.application();
        application.may_offer(&*snapshot, next_block(&snapshot), &checked).unwrap()
    };
    assert!(!may_offer(&early));

    m.sim.submit(&ready).unwrap();
    let decided = place(&m.sim);
    assert!(may_offer(&decided));
    decided.submit(&delivery).unwrap();
    assert!(decided.offers(&delivery));
}

#[test]
fn adversary_28a_a_node_that_is_behind_offers_no_delivery() {
    // Longer ago than a heartbeat may be late.
    for (ago_ms, offered) in [(30 * MINUTE, false), (20_000, true)] {
        let mut m = market(ago_ms);
        let (package, buyer) = (m.file(), Buyer::new("ada"));
        let deal = m.ask(&package, &buyer, true);
        let delivery = m.sim.delivery(deal, &package);
        let node = place(&m.sim);
        match node.submit(&delivery) {
            Ok(_) => assert!(offered),
            Err(SubmitError::TooLate) => assert!(!offered),
            Err(other) => panic!("{other:?}"),
        }
        assert_eq!(node.offers(&delivery), offered, "{ago_ms} ms ago");
    }
}

#[test]
fn adversary_28_the_margin_before_a_deadline_and_after_a_heartbeat() {
    let mut m = market(20_000);
    let (package, buyer) = (m.file(), Buyer::new("ada"));
    let deal = m.ask(&package, &buyer, true);
    let delivery = m.sim.delivery(deal, &package);
    let delivery = m.sim.check(&delivery).unwrap();
    let node = place(&m.sim);
    let application = node.admission.application();
    let offered = |time_ms| {
        let now = BlockContext { height: m.sim.head.height + 1, time_ms };
        application.may_offer(&m.sim.state, now, &delivery).unwrap()
    };
    let (head, parameters) = (m.sim.head.time_ms, &m.sim.genesis.parameters);
    assert_eq!(parameters.delivery_margin_ms(), 10_000);
    let late = parameters.max_idle_ms + 5_000;
    assert!(offered(head + late) && !offered(head + late + 1));

    let deadline = m.sim.deal(deal).deadline_ms.unwrap();
    m.sim.advance(deadline - 10_000 - 500 - m.sim.uptime_ms());
    let head = m.sim.head;
    let offered = |time_ms| {
        let now = BlockContext { height: head.height + 1, time_ms };
        application.may_offer(&m.sim.state, now, &delivery).unwrap()
    };
    assert!(offered(head.time_ms + 499) && !offered(head.time_ms + 500));
    // A ledger with little time for deliveries can still deliver.
    let short = galen_market::genesis::Parameters { deliver_ms: 8_000, ..Default::default() };
    assert_eq!(short.delivery_margin_ms(), 2_000);
}

#[test]
fn adversary_28a_garbage_of_the_same_name_displaces_nothing() {
    let mut m = market(20_000);
    let (package, buyer) = (m.file(), Buyer::new("ada"));
    let deal = m.ask(&package, &buyer, true);
    let delivery = m.sim.delivery(deal, &package);
    let twin = with_proof(&delivery, 0);
    assert_eq!((twin.id(), twin.encode().len()), (delivery.id(), delivery.encode().len()));

    // Garbage first: it is refused, and does not stand in the way of the proof.
    let node = place(&m.sim);
    for promised in [true, false] {
        let refused = node.admission.submit(&twin.encode(), promised);
        assert!(
            matches!(refused, Err(SubmitError::Refused(ref error)) if error.code() == "bad_envelope"),
            "{refused:?}"
        );
    }
    node.submit(&delivery).unwrap();
    // Garbage second: from a peer it is refused, and who hands it in gets the promise of what waits.
    let gossiped = node.admission.submit(&twin.encode(), false);
    assert!(matches!(gossiped, Err(SubmitError::Mempool(MempoolError::OtherProof))));
    assert_eq!(node.submit(&twin).unwrap(), delivery.id().0);
    assert!(node.offers(&delivery) && !node.offers(&twin));
    assert!(node.admission.may_publish(&delivery.encode()));
    assert!(!node.admission.may_publish(&twin.encode()));
    let kept: Vec<_> = node.store.pending().unwrap().into_iter().map(|(_, p)| p.bytes).collect();
    assert_eq!(kept, [delivery.encode()]);
}

#[test]
fn adversary_27_disputes_of_one_deal_are_looked_at_one_by_one() {
    let mut m = market(20_000);
    let table = TablePackage::new(&m.hospital, "cohort", 10_000, &[]);
    m.sim.list(&m.hospital, &table.package).unwrap();
    let buyers = ["ada", "bob"].map(Buyer::new);
    let deals = [0, 1].map(|n| {
        let deal = m.ask(&table.package, &buyers[n], true);
        let delivery = m.sim.delivery(deal, &table.package);
        m.sim.submit(&delivery).unwrap();
        deal
    });
    let mut unfounded = |n: usize, signer: &Buyer| {
        let dispute: Dispute = table.evidence(&mut m.sim, deals[n], 0);
        m.sim.dispute(dispute, signer)
    };
    let strangers = unfounded(0, &buyers[1]);
    let [first, second, other] =
        [unfounded(0, &buyers[0]), unfounded(0, &buyers[0]), unfounded(1, &buyers[1])];
    let node = place(&m.sim);
    let code = |transaction: &Transaction| match node.submit(transaction) {
        Err(SubmitError::Refused(error)) => error.code(),
        Err(SubmitError::Mempool(MempoolError::TooSoon)) => "too soon",
        answer => panic!("{answer:?}"),
    };
    // Who may not dispute takes nobody's turn.
    assert_eq!(code(&strangers), "unauthorised");
    assert_eq!(code(&first), "dispute_unfounded");
    assert_eq!(code(&second), "too soon");
    assert_eq!(code(&other), "dispute_unfounded", "another deal has its own turn");
    std::thread::sleep(COSTLY_APART);
    assert_eq!(code(&second), "dispute_unfounded", "later");
}

#[test]
fn what_concerns_a_deal_that_has_ended_leaves_the_mempool() {
    let mut m = market(20_000);
    let (package, buyer) = (m.file(), Buyer::new("ada"));
    let deal = m.ask(&package, &buyer, true);
    let delivery = m.sim.delivery(deal, &package);
    let node = place(&m.sim);
    let id = node.submit(&delivery).unwrap();
    // While the deal is ready, the promise holds from block to block.
    m.sim.advance(1_000);
    node.follow(&m.sim);
    node.admission.revise().unwrap();
    assert!(node.admission.contains(&id) && node.store.is_pending(&id).unwrap());

    m.sim.advance(21 * MINUTE);
    assert_eq!(m.sim.deal(deal).stage, Stage::Terminated);
    node.follow(&m.sim);
    node.admission.revise().unwrap();
    assert!(!node.admission.contains(&id) && !node.store.is_pending(&id).unwrap());
    let dropped = node.store.dropped(&id).unwrap().unwrap();
    assert!(dropped.reason.contains("terminated"), "{}", dropped.reason);
    assert!(node.store.pending().unwrap().is_empty());
}
