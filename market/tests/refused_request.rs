//! Requests that the terms refuse: they are recorded with the decision, cost the fee and nothing else,
//! and stand beside the request that is allowed.

#![allow(clippy::unwrap_used, missing_docs)]

use galen_market::action::trade::RequestDeal;
use galen_market::action::{Action, DepositBond, Mint};
use galen_market::amount::Amount;
use galen_market::codec::Bounded;
use galen_market::deal::{Stage, Termination};
use galen_market::error::TxError;
use galen_market::event::Event;
use galen_market::fee::FeeRates;
use galen_market::payment::{DealPurse, Purse};
use galen_market::state_key;
use galen_market::terms::{Clause, Finding, Purpose, PurposeKind, duo};
use galen_market::testing::{
    Buyer, FilePackage, Researcher, Signing, Simulation, Wallet, deal_of, euros,
};

const PRICE: u64 = 10_000;
const FUNDS: u64 = 50_000;

struct Market {
    sim: Simulation,
    package: FilePackage,
    researcher: Researcher,
    funder: Wallet,
}

/// A listing for health research by those who work not for profit.
fn market() -> Market {
    let mut sim = Simulation::with(|genesis| {
        genesis.currencies[0].fees = FeeRates { per_kib: Amount::new(3), per_unit: Amount::new(1) };
    });
    let gateway = sim.gateway.clone();
    for to in [gateway.id(), sim.registrars[0].id(), Wallet::new("university").id()] {
        let mint = Mint { gateway: gateway.id(), to, money: euros(1_000_000) };
        sim.act(vec![Action::Mint(mint)], &[&gateway]).unwrap();
    }
    let hospital = sim.institution("hospital", 1_000_000);
    let bond = DepositBond { institution: hospital.id(), money: euros(100_000) };
    sim.act(vec![Action::DepositBond(bond)], &[&hospital]).unwrap();
    let issuer = sim.issuer("university");
    let mut researcher = Researcher::new("ada");
    sim.enrol(&issuer, &mut researcher);
    let funder = sim.funded("one-time account", FUNDS);
    let mut package = FilePackage::new(&hospital, "cohort", PRICE);
    package.draft.offer.terms.clauses =
        Bounded::new([duo::HMB, duo::NPU].map(Clause::plain).to_vec()).unwrap();
    sim.list(&hospital, &package).unwrap();
    Market { sim, package, researcher, funder }
}

#[test]
fn a_request_that_the_terms_refuse_is_recorded_and_costs_the_fee_alone() {
    let mut m = market();
    let fees = m.sim.genesis.currencies[0].fees;
    let cases = [
        // Another purpose; a condition that is not proven; a purpose that is not proven; all proven.
        (PurposeKind::General, 0b1111, [Finding::OtherPurpose, Finding::Proven]),
        (PurposeKind::Health, 0b0010, [Finding::Permits, Finding::NotProven]),
        (PurposeKind::Health, 0b1000, [Finding::PurposeNotProven, Finding::Proven]),
        (PurposeKind::Health, 0b1010, [Finding::Permits, Finding::Proven]),
    ];
    for (j, (kind, proven, findings)) in (0u16..).zip(cases) {
        let allowed = j == 3;
        let request = RequestDeal {
            purpose: Purpose::new(kind, None),
            allowance: fees.deal_allowance().unwrap(),
            ..m.package.request(&m.funder, &Buyer::new(&format!("buyer {j}")), true)
        };
        let allowance = request.allowance.units();
        let signing = Signing {
            accounts: vec![&m.funder],
            credential: Some((&m.researcher, j)),
            purposes: Some(proven),
            ..Signing::default()
        };
        let before = m.sim.balance(&m.funder);
        let request = m.sim.sign_with(vec![Action::RequestDeal(request)], &signing);
        let id = deal_of(&request);
        // The dry run says the same before anything is sent.
        let checked = m.sim.check(&request).unwrap();
        let now = m.sim.next(1_000);
        let tried = m.sim.ledger.dry_run(&m.sim.state, &now, &checked).unwrap();
        let receipt = m.sim.submit(&request).unwrap();
        assert_eq!(tried.events, receipt.events);
        let deal = m.sim.deal(id);
        let said: Vec<Finding> = deal.decision.reasons.iter().map(|one| one.finding).collect();
        assert_eq!(
            (deal.decision.is_open(), said.as_slice()),
            (allowed, &findings[..]),
            "case {j}"
        );
        assert!(receipt.events.iter().any(|event| matches!(
            event,
            Event::DealRequested { deal, decision, .. }
                if *deal == id && *decision == m.sim.deal(id).decision
        )));
        let spent = before - m.sim.balance(&m.funder);
        let held = [DealPurse::Price, DealPurse::Allowance, DealPurse::Bond]
            .map(|part| m.sim.purse(&Purse::Deal(id, part)));
        if allowed {
            assert_eq!(deal.stage, Stage::Ready);
            assert_eq!(spent, receipt.fee.amount.units() + PRICE + allowance);
            assert_eq!(held[..2], [PRICE, allowance]);
        } else {
            assert_eq!(deal.stage, Stage::Terminated);
            assert_eq!(deal.termination, Some(Termination::TermsRefuse));
            assert!(deal.deadline_ms.is_none() && deal.envelope.is_none());
            assert_eq!(spent, receipt.fee.amount.units(), "case {j}");
            assert_eq!(held, [0, 0, 0], "case {j}");
            // No seat is taken, nothing can be delivered, and the use of the credential is spent.
            let delivery = m.sim.delivery(id, &m.package);
            assert!(matches!(
                m.sim.submit(&delivery),
                Err(TxError::WrongStage { is: Stage::Terminated, .. })
            ));
            let again = m.package.request(&m.funder, &Buyer::new("again"), true);
            let again = RequestDeal {
                purpose: Purpose::new(PurposeKind::Health, None),
                allowance: Amount::new(allowance),
                ..again
            };
            let again = m.sim.request(again, &m.funder, &m.researcher, j);
            assert_eq!(m.sim.submit(&again).map(drop), Err(TxError::NullifierUsed));
        }
    }
}

#[test]
fn a_refused_request_pays_or_is_no_request() {
    let mut m = market();
    let broke = Wallet::new("nobody's account");
    let request = m.package.request(&broke, &Buyer::new("ada"), true);
    let allowance = m.sim.genesis.currencies[0].fees.deal_allowance().unwrap();
    let request = RequestDeal { allowance, ..request };
    let unpaid = m.sim.request(request, &broke, &m.researcher, 0);
    assert_eq!(m.sim.submit(&unpaid).map(drop).unwrap_err().code(), "insufficient_funds");
    assert!(m.sim.read(&state_key::deal(&deal_of(&unpaid))).is_none());
    let paid = m.package.request(&m.funder, &Buyer::new("ada"), true);
    let paid = RequestDeal { allowance, ..paid };
    let paid = m.sim.request(paid, &m.funder, &m.researcher, 0);
    m.sim.submit(&paid).unwrap();
    assert_eq!(m.sim.deal(deal_of(&paid)).termination, Some(Termination::TermsRefuse));
}
