//! Attacks on what stays published of a line of listings. Each test names the error that it expects
//! and has a twin without the attack that succeeds.

#![allow(clippy::unwrap_used, missing_docs)]

use galen_market::action::Action;
use galen_market::action::trade::{DraftListing, WithdrawListing};
use galen_market::codec::Bounded;
use galen_market::error::TxError;
use galen_market::listing::{Chart, Lineage, ListingId};
use galen_market::testing::{Simulation, TablePackage, Wallet, text};

/// Column of the charted table.
const OUTCOME: usize = 3;

struct Hospital {
    sim: Simulation,
    wallet: Wallet,
}

impl Hospital {
    /// A package whose draft states the totals of its cells; nothing is proven.
    fn package(&self, name: &str) -> TablePackage {
        let mut package = TablePackage::claiming(&self.wallet, name, 10_000, &[100]);
        package.state_totals();
        package
    }

    fn draft(&mut self, package: &TablePackage, lineage: Lineage) -> Result<(), TxError> {
        let draft = DraftListing { lineage, ..package.package.draft.clone() };
        self.sim.act(vec![Action::DraftListing(draft)], &[&self.wallet]).map(drop)
    }

    fn give_up(&mut self, package: &TablePackage) {
        let ListingId { institution, package } = package.listing();
        let withdraw = Action::WithdrawListing(WithdrawListing {
            institution,
            package,
            reason: text("a test"),
        });
        self.sim.act(vec![withdraw], &[&self.wallet]).unwrap();
    }
}

fn with_charts(package: &TablePackage, change: impl FnOnce(&mut Vec<Chart>)) -> TablePackage {
    let mut other = package.clone();
    other.change_claims(|claims, _| {
        let mut charts = claims.charts.to_vec();
        change(&mut charts);
        claims.charts = Bounded::new(charts).unwrap();
    });
    other
}

/// Moves rows of the outcome from one bin to another, without a trace in count and sums.
fn moved(package: &TablePackage, rows: u64) -> TablePackage {
    with_charts(package, |charts| {
        charts[OUTCOME].totals.bins[0] -= rows;
        charts[OUTCOME].totals.bins[1] += rows;
    })
}

#[test]
fn adversary_18b_a_draft_given_up_takes_no_totals_back() {
    let mut sim = Simulation::default();
    let wallet = sim.institution("hospital", 1_000_000);
    let mut hospital = Hospital { sim, wallet };
    let first = hospital.package("first");
    let next = hospital.package("next");
    let line = Lineage { supersedes: Some(first.listing().package), ..Lineage::default() };
    let close = Err(TxError::TotalsTooClose {
        listing: first.listing(),
        column: "outcome".to_owned(),
        what: "a bin differs by fewer than k rows",
    });

    // The totals of the first are on the ledger, and can be subtracted from, for ever: whether its
    // next draft shows no chart, or other totals.
    hospital.draft(&first, Lineage::default()).unwrap();
    for again in [with_charts(&first, Vec::clear), moved(&first, 20)] {
        hospital.give_up(&first);
        hospital.draft(&again, Lineage::default()).unwrap();
        assert_eq!(hospital.draft(&moved(&next, 1), line.clone()), close);
    }
    // Nor may it differ by few rows from the other totals.
    assert_eq!(hospital.draft(&moved(&next, 19), line.clone()), close);
    // The twin is far from both.
    hospital.draft(&moved(&next, 10), line).unwrap();
}
