//! Terms that ask for more than a purpose, on a ledger with real proofs: a country that is not told, an
//! institution that is, promises, and clauses that make one request wait while others do not.

#![allow(clippy::unwrap_used, missing_docs)]

use galen_market::action::trade::{RequestDeal, ReviewDeal};
use galen_market::action::{Action, DepositBond, Mint};
use galen_market::codec::Bounded;
use galen_market::deal::{Stage, Termination};
use galen_market::error::TxError;
use galen_market::id::DealId;
use galen_market::listing::Tier;
use galen_market::terms::{Clause, Code, Finding, Outcome, Purpose, PurposeKind};
use galen_market::testing::{
    Buyer, FilePackage, Researcher, Signing, Simulation, Wallet, deal_of, euros, text,
};
use galen_zk::circuit::credential::{Countries, Country};

const PRICE: u64 = 10_000;

struct Market {
    sim: Simulation,
    hospital: Wallet,
    researcher: Researcher,
    funder: Wallet,
    uses: u16,
}

fn market() -> Market {
    let mut sim = Simulation::with(|_| ());
    let gateway = sim.gateway.clone();
    let hospital = sim.institution("hospital", 1_000_000);
    let mint = Mint { gateway: gateway.id(), to: hospital.id(), money: euros(1_000_000) };
    sim.act(vec![Action::Mint(mint)], &[&gateway]).unwrap();
    let bond = DepositBond { institution: hospital.id(), money: euros(100_000) };
    sim.act(vec![Action::DepositBond(bond)], &[&hospital]).unwrap();
    let issuer = sim.issuer("university");
    let mut researcher = Researcher::new("ada");
    sim.enrol(&issuer, &mut researcher);
    let funder = sim.funded("one-time account", 500_000);
    Market { sim, hospital, researcher, funder, uses: 0 }
}

fn countries(names: &[&str]) -> Countries {
    Countries::new(names.iter().map(|name| Country::new(name).unwrap()).collect()).unwrap()
}

impl Market {
    fn package(&self, name: &str, clauses: &[&str], review_ms: Option<u64>) -> FilePackage {
        let mut package = FilePackage::new(&self.hospital, name, PRICE);
        let clauses = clauses.iter().map(|text| text.parse().unwrap()).collect();
        let terms = &mut package.draft.offer.terms;
        terms.clauses = Bounded::new(clauses).unwrap();
        terms.review_ms = review_ms;
        package
    }

    fn list(&mut self, package: &FilePackage) -> Result<(), TxError> {
        self.sim.list(&self.hospital, package).map(drop)
    }

    /// Requests a listing; says what each clause said and where the deal stands.
    fn ask(
        &mut self,
        package: &FilePackage,
        purpose: Purpose,
        countries: Countries,
        institution: bool,
    ) -> (DealId, Vec<Finding>) {
        let buyer = Buyer::new(&format!("buyer {}", self.uses));
        let request = RequestDeal { purpose, ..package.request(&self.funder, &buyer, true) };
        let signing = Signing {
            accounts: vec![&self.funder],
            credential: Some((&self.researcher, self.uses)),
            countries,
            institution,
            ..Signing::default()
        };
        let request = self.sim.sign_with(vec![Action::RequestDeal(request)], &signing);
        self.uses += 1;
        self.sim.submit(&request).unwrap();
        let id = deal_of(&request);
        let reasons = self.sim.deal(id).decision.reasons;
        (id, reasons.iter().map(|one| one.finding).collect())
    }
}

#[test]
fn a_country_is_proven_within_a_list_and_an_institution_is_shown() {
    let mut m = market();
    let health = || Purpose::new(PurposeKind::Health, None);
    let place = m.package("place", &["HMB", "GS:AT,DE", "IRB"], None);
    m.list(&place).unwrap();
    let cases = [
        (countries(&["AT", "DE"]), Finding::Proven),
        (countries(&["DE"]), Finding::Proven),
        (countries(&["DE", "FR"]), Finding::NotProven),
        (countries(&[]), Finding::NotProven),
    ];
    for (shown, finding) in cases {
        let (deal, said) = m.ask(&place, health(), shown, false);
        assert_eq!(said, [Finding::Permits, finding, Finding::Proven]);
        let refused = finding == Finding::NotProven;
        assert_eq!(m.sim.deal(deal).stage == Stage::Terminated, refused);
    }
    // The researcher's credential holds the hash of a name that the test does not write out.
    let other = m.package("other", &["HMB", "IS:A clinic"], None);
    m.list(&other).unwrap();
    for shown in [false, true] {
        let (deal, said) = m.ask(&other, health(), Countries::default(), shown);
        assert_eq!(said, [Finding::Permits, Finding::NotProven]);
        assert_eq!(m.sim.deal(deal).termination, Some(Termination::TermsRefuse));
    }
    let at_home = m.package("at home", &["HMB", "IS:A university"], None);
    m.list(&at_home).unwrap();
    for (shown, finding) in [(false, Finding::NotProven), (true, Finding::Proven)] {
        let (_, said) = m.ask(&at_home, health(), Countries::default(), shown);
        assert_eq!(said, [Finding::Permits, finding]);
    }
}

#[test]
fn a_clause_makes_one_request_wait_and_its_time_ends_it() {
    let mut m = market();
    let package = m.package("projects", &["GRU", "PS:Project A", "NCU"], Some(60_000));
    m.list(&package).unwrap();
    let purpose = |project: &str, commercial| Purpose {
        project: text(project),
        commercial,
        ..Purpose::new(PurposeKind::General, None)
    };
    let before = m.sim.balance(&m.funder);
    let (nameless, said) = m.ask(&package, purpose("", false), Countries::default(), false);
    assert_eq!(said[1], Finding::NoProject);
    assert_eq!(m.sim.deal(nameless).stage, Stage::Terminated);
    let (selling, said) = m.ask(&package, purpose("B", true), Countries::default(), false);
    assert_eq!(said[2], Finding::DeclaredOtherwise);
    assert_eq!(m.sim.deal(selling).termination, Some(Termination::TermsRefuse));
    let waiting = [0, 1].map(|_| m.ask(&package, purpose("B", false), Countries::default(), false));
    for (deal, said) in &waiting {
        assert_eq!(said, &[Finding::Permits, Finding::ForReview, Finding::Declared]);
        let deal = m.sim.deal(*deal);
        assert_eq!((deal.stage, deal.decision.outcome), (Stage::Requested, Outcome::NeedsReview));
    }
    let review = ReviewDeal {
        institution: m.hospital.id(),
        deal: waiting[0].0,
        accept: true,
        reason: text(""),
    };
    let hospital = m.hospital.clone();
    m.sim.act(vec![Action::ReviewDeal(review)], &[&hospital]).unwrap();
    assert_eq!(m.sim.deal(waiting[0].0).stage, Stage::Ready);
    m.sim.advance(60_001);
    assert_eq!(m.sim.deal(waiting[1].0).termination, Some(Termination::NotReviewed));
    let held = PRICE
        + m.sim.purse(&galen_market::payment::Purse::Deal(
            waiting[0].0,
            galen_market::payment::DealPurse::Allowance,
        ));
    assert_eq!(m.sim.balance(&m.funder), before - held, "the other price came back");
    // Without such a clause nobody waits.
    let open = m.package("open", &["GRU"], None);
    m.list(&open).unwrap();
    let (deal, _) = m.ask(&open, purpose("", false), Countries::default(), false);
    assert_eq!(m.sim.deal(deal).stage, Stage::Ready);
}

#[test]
fn a_listing_with_senseless_terms_is_refused_naming_the_clause() {
    let mut m = market();
    let code = |text: &str| text.parse::<Code>().unwrap();
    let refused = |m: &mut Market, package: &FilePackage| m.list(package).unwrap_err();
    let unreviewed = m.package("a", &["GRU", "US:members"], None);
    match refused(&mut m, &unreviewed) {
        TxError::BadClause { clause, .. } => assert_eq!(clause, code("US")),
        other => panic!("{other}"),
    }
    let mut unknown = m.package("b", &["GRU"], None);
    unknown.draft.offer.terms.clauses =
        Bounded::new(vec![Clause::plain(code("GRU")), Clause::plain(Code::new(5))]).unwrap();
    assert_eq!(refused(&mut m, &unknown), TxError::UnknownClause { clause: Code::new(5) });
    // The licence of every tier ends in time.
    let mut long = m.package("c", &["GRU", "TS:12"], None);
    m.list(&long).unwrap();
    let first = long.draft.offer.tiers[0].clone();
    let second = Tier { name: text("longer"), licence_months: 13, ..first.clone() };
    long.draft.offer.tiers = Bounded::new(vec![first, second]).unwrap();
    long.draft.manifest.0[0] ^= 1;
    match refused(&mut m, &long) {
        TxError::BadClause { clause, what } => {
            assert_eq!(clause, code("TS"));
            assert!(what.contains("longer"), "{what}");
        }
        other => panic!("{other}"),
    }
}
