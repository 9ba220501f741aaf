//! Attacks on what a listing claims of its tables: totals, lines of listings, bundles that are mixed
//! up, layouts that contradict a claim. Each test names the error that it expects and has a twin
//! without the attack that succeeds.

#![allow(clippy::unwrap_used, missing_docs)]

use galen_market::action::Action;
use galen_market::action::trade::{DraftListing, ProveBlock, WithdrawListing};
use galen_market::codec::{Bounded, Bytes, encode};
use galen_market::error::TxError;
use galen_market::id::PackageId;
use galen_market::layout::{Role, Table, Values};
use galen_market::listing::{
    Bin, Chart, ChartForm, ClaimError, Diversity, Lineage, ListingId, MAX_LINES, Standing,
};
use galen_market::state_key;
use galen_market::testing::{FilePackage, K, Simulation, TablePackage, Tamper, Wallet, text};
use galen_zk::bundle::{Bundle, Order};
use galen_zk::field::Scalar;
use galen_zk::proof::ProveError;
use galen_zk::summary::Summary;

const PRICE: u64 = 10_000;
/// Columns of the charted table.
const AGE: usize = 0;
const SCORE: usize = 2;
const OUTCOME: usize = 3;

struct Market {
    sim: Simulation,
    hospital: Wallet,
}

fn market() -> Market {
    let mut sim = Simulation::default();
    let hospital = sim.institution("hospital", 1_000_000);
    Market { sim, hospital }
}

impl Market {
    fn charted(&mut self, name: &str, blocks: &[u32]) -> TablePackage {
        TablePackage::charted(&mut self.sim, &self.hospital, name, PRICE, blocks)
    }

    /// A package whose draft states the totals of its cells; nothing is proven.
    fn stated(&mut self, name: &str, rows: u32) -> TablePackage {
        let mut package = TablePackage::claiming(&self.hospital, name, PRICE, &[rows]);
        package.state_totals();
        package
    }

    fn act(&mut self, action: Action) -> Result<(), TxError> {
        let hospital = self.hospital.clone();
        self.sim.act(vec![action], &[&hospital]).map(drop)
    }

    fn draft(&mut self, package: &TablePackage) -> Result<(), TxError> {
        self.act(Action::DraftListing(package.package.draft.clone()))
    }

    fn drafted(&mut self, package: &TablePackage, lineage: Lineage) -> Result<(), TxError> {
        let draft = DraftListing { lineage, ..package.package.draft.clone() };
        self.act(Action::DraftListing(draft))
    }

    fn prove(&mut self, proof: &ProveBlock) -> Result<(), TxError> {
        self.act(Action::ProveBlock(proof.clone()))
    }

    fn withdraw(&mut self, listing: ListingId) {
        let ListingId { institution, package } = listing;
        self.act(Action::WithdrawListing(WithdrawListing {
            institution,
            package,
            reason: text("a test"),
        }))
        .unwrap();
    }

    fn standing(&self, listing: &ListingId) -> Standing {
        self.sim.read(&state_key::listing(listing)).unwrap().standing
    }
}

/// Changes one chart of a draft.
fn change_chart(package: &mut TablePackage, column: usize, change: impl FnOnce(&mut Chart)) {
    package.change_claims(|claims, _| {
        let mut charts = claims.charts.to_vec();
        change(&mut charts[column]);
        claims.charts = Bounded::new(charts).unwrap();
    });
}

fn changed(package: &TablePackage, column: usize, change: impl FnOnce(&mut Chart)) -> TablePackage {
    let mut other = package.clone();
    change_chart(&mut other, column, change);
    other
}

fn supersedes(package: &TablePackage) -> Lineage {
    Lineage { supersedes: Some(package.listing().package), ..Lineage::default() }
}

fn bundle(proof: &ProveBlock) -> Bundle {
    Bundle::decode(&proof.bundle).unwrap()
}

fn with_bundle(proof: &ProveBlock, change: impl FnOnce(&mut Bundle)) -> ProveBlock {
    let mut bundle = bundle(proof);
    change(&mut bundle);
    ProveBlock { bundle: Bytes::new(encode(&bundle)).unwrap(), ..proof.clone() }
}

#[test]
fn a_charted_table_is_listed_and_says_what_was_proven() {
    let mut m = market();
    let package = m.charted("cohort", &[100, 60]);
    package.list(&mut m.sim, &m.hospital.clone()).unwrap();
    let id = package.listing();
    assert_eq!(m.standing(&id), Standing::Live);
    let claims = m.sim.read(&state_key::listing_claims(&id)).unwrap();
    assert_eq!(claims, package.package.draft.claims.to_vec());
    let Summary { count, missing, bins, .. } = claims[0].charts[SCORE].totals;
    // Every eleventh score is missing, from the first of each block.
    assert_eq!((count, missing, bins[..3].iter().sum()), (144, 16, 144));
    assert_eq!(m.sim.read(&state_key::table_progress(&id, 0)), None);
    m.sim.replay();
}

#[test]
fn adversary_18a_bin_below_k() {
    let mut m = market();
    let package = m.stated("cohort", 100);
    let small = |bin, rows| {
        let column = OUTCOME as u32;
        let error = ClaimError::SmallBin { table: 0, column, bin, rows, k: K };
        Err(TxError::BadClaims { error })
    };
    let one_bin = changed(&package, OUTCOME, |chart| {
        chart.totals.bins[1] -= 46;
        chart.totals.bins[0] += 46;
    });
    assert_eq!(m.draft(&one_bin), small(Bin::Number(2), 4));
    let missing = changed(&package, OUTCOME, |chart| {
        chart.totals.bins[1] -= 4;
        chart.totals.count -= 4;
        chart.totals.missing += 4;
    });
    assert_eq!(m.draft(&missing), small(Bin::Missing, 4));
    // Totals that contradict the table or themselves.
    let contradicts = |what| {
        let column = OUTCOME as u32;
        Err(TxError::BadClaims { error: ClaimError::Totals { table: 0, column, what } })
    };
    let fewer = changed(&package, OUTCOME, |chart| chart.totals.count -= 10);
    let what = "count and missing do not add up to the rows of the table";
    assert_eq!(m.draft(&fewer), contradicts(what));
    let bins = changed(&package, OUTCOME, |chart| chart.totals.bins[0] += 10);
    assert_eq!(m.draft(&bins), contradicts("the bins do not add up to the count"));
    // Exactly k rows are enough; that the totals are another table's shows at the last block.
    let enough = changed(&package, OUTCOME, |chart| {
        chart.totals.bins[1] -= 45;
        chart.totals.bins[0] += 45;
    });
    assert_eq!(enough.package.draft.claims[0].charts[OUTCOME].totals.bins[1], u64::from(K));
    m.draft(&enough).unwrap();
}

#[test]
fn adversary_18a_totals_that_are_not_the_sum_of_all_blocks() {
    let mut m = market();
    let package = m.charted("cohort", &[60, 60]);
    let shares = |block: usize, column: usize| package.proven[block].1[column].clone();
    let column = SCORE;
    type Change<'a> = &'a dyn Fn(&mut Chart);
    let cases: [(&str, Change<'_>); 5] = [
        ("bins", &|chart| {
            chart.totals.bins[0] -= 1;
            chart.totals.bins[1] += 1;
        }),
        ("sum", &|chart| chart.totals.sum += 1),
        ("squares", &|chart| chart.totals.sum_squares -= 1),
        ("one block twice", &|chart| {
            let twice = shares(0, column);
            chart.totals = twice.summary.checked_add(&twice.summary).unwrap();
            chart.blinders = twice.blinders.map(|blinder| Scalar(blinder.0 + blinder.0));
        }),
        ("blinders", &|chart| chart.blinders[2].0 += chart.blinders[1].0),
    ];
    let refused = Err(TxError::TotalsDiffer { table: 0, column: column as u32 });
    let (first, second) = (&package.proven[0].0, &package.proven[1].0);
    // Seven bundles are good for one block, so no more than seven drafts.
    for (what, change) in cases {
        let lying = changed(&package, column, change);
        m.draft(&lying).unwrap();
        m.prove(first).unwrap();
        assert_eq!(m.prove(second), refused, "{what}");
        assert!(matches!(m.standing(&package.listing()), Standing::Draft { proven: 1, .. }));
        m.withdraw(package.listing());
    }
    // One block left out: nothing else stands for it.
    m.draft(&package).unwrap();
    m.prove(first).unwrap();
    let twice = Err(TxError::BlockProven { table: 0, block: 0 });
    assert_eq!(m.prove(first), twice);
    m.prove(second).unwrap();
    assert_eq!(m.standing(&package.listing()), Standing::Live);
    m.sim.replay();
}

#[test]
fn adversary_20_share_of_another_block_column_or_bundle() {
    let mut m = market();
    let package = m.charted("cohort", &[60, 60]);
    m.draft(&package).unwrap();
    let (first, second) = (package.proven[0].0.clone(), package.proven[1].0.clone());
    let theirs = bundle(&second);
    // k-anonymity, two claims of diversity, then the charts.
    let (age, outcome) = (3 + AGE, 3 + OUTCOME);
    type Change<'a> = &'a dyn Fn(&mut Bundle);
    let cases: [(&str, Change<'_>); 6] = [
        ("share of another block", &|b| {
            b.proofs[age].auxiliary.clone_from(&theirs.proofs[age].auxiliary);
        }),
        ("share of another column", &|b| {
            let share = b.proofs[age].auxiliary.clone();
            b.proofs[age].auxiliary = b.proofs[outcome].auxiliary.clone();
            b.proofs[outcome].auxiliary = share;
        }),
        ("value of another column's share", &|b| b.auxiliary.swap(AGE, OUTCOME)),
        ("D of another statement of the circuit", &|b| {
            let commitment = b.proofs[age].commitment;
            b.proofs[age].commitment = b.proofs[outcome].commitment;
            b.proofs[outcome].commitment = commitment;
        }),
        ("two statements exchanged", &|b| b.proofs.swap(age, outcome)),
        ("proof of another block", &|b| b.proofs[age] = theirs.proofs[age].clone()),
    ];
    for (what, change) in cases {
        let error = m.prove(&with_bundle(&first, change)).unwrap_err();
        assert_eq!(error.code(), "bad_bundle", "{what}: {error}");
    }
    // A bundle that leaves a statement out, before anything of it is decoded.
    let short = with_bundle(&first, |b| drop(b.proofs.remove(age)));
    let what = "another number of proofs than the claims need".to_owned();
    assert_eq!(m.prove(&short), Err(TxError::BadBundle { what }));
    // Another bundle of the same block is sound, but its share has other blinders than the totals.
    let again = package.prove(&mut m.sim, 0);
    m.prove(&again).unwrap();
    assert_eq!(m.prove(&second), Err(TxError::TotalsDiffer { table: 0, column: AGE as u32 }));
    m.withdraw(package.listing());
    m.draft(&package).unwrap();
    m.prove(&first).unwrap();
    m.prove(&second).unwrap();
}

#[test]
fn adversary_18b_two_versions_that_differ_by_few_rows() {
    let mut m = market();
    let first = m.stated("first", 100);
    m.draft(&first).unwrap();
    let next = m.stated("second", 100);
    let line = supersedes(&first);
    let close = |column: &str, what: &'static str| {
        let listing = first.listing();
        Err(TxError::TotalsTooClose { listing, column: column.to_owned(), what })
    };
    // One patient moved to another bin, with or without a trace in the sums; one fewer; one missing.
    let moved = changed(&next, OUTCOME, |chart| {
        chart.totals.bins[0] -= 1;
        chart.totals.bins[1] += 1;
    });
    assert_eq!(
        m.drafted(&moved, line.clone()),
        close("outcome", "a bin differs by fewer than k rows")
    );
    let sums = "sums differ although the number of values does not";
    let corrected = changed(&next, OUTCOME, |chart| chart.totals.sum += 1);
    assert_eq!(m.drafted(&corrected, line.clone()), close("outcome", sums));
    let squares = changed(&next, SCORE, |chart| chart.totals.sum_squares += 2);
    assert_eq!(m.drafted(&squares, line.clone()), close("score", sums));
    let counts = "the number of values or of missing ones differs by fewer than k rows";
    let missing = changed(&next, SCORE, |chart| {
        chart.totals.bins[2] -= 1;
        chart.totals.count -= 1;
        chart.totals.missing += 1;
    });
    assert_eq!(m.drafted(&missing, line.clone()), close("score", counts));
    // Another way to count: two charts with other edges subtract to less than a bin.
    let mut edges = next.clone();
    edges.change_layout(|table| table.columns[AGE].edges = vec![24]);
    let meaning = "the bins begin elsewhere or cells mean something else";
    assert_eq!(m.drafted(&edges, line.clone()), close("age", meaning));
    // The twins: the same totals, and ten rows more of which every bin shows none or at least five.
    m.drafted(&next, line.clone()).unwrap();
    let more = m.stated("third", 110);
    m.drafted(&more, line).unwrap();
}

#[test]
fn adversary_18b_the_whole_line_is_compared() {
    let mut m = market();
    let first = m.stated("first", 100);
    m.draft(&first).unwrap();
    let second = m.stated("second", 110);
    m.drafted(&second, supersedes(&first)).unwrap();
    let third = m.stated("third", 110);
    let third = changed(&third, AGE, |chart| chart.totals.sum += 1);
    let refused = |listing| {
        let what = "sums differ although the number of values does not";
        Err(TxError::TotalsTooClose { listing, column: "age".to_owned(), what })
    };
    // It names the first; the second is of the same line, also when its draft was given up.
    assert_eq!(m.drafted(&third, supersedes(&first)), refused(second.listing()));
    m.withdraw(second.listing());
    assert_eq!(m.drafted(&third, supersedes(&first)), refused(second.listing()));
    let parents = Bounded::new(vec![first.listing()]).unwrap();
    let derived = Lineage { supersedes: None, parents, step: text("derived") };
    assert_eq!(m.drafted(&third, derived.clone()), refused(second.listing()));
    // Nobody knows a package that was never drafted.
    let nobody = ListingId { package: PackageId([9; 32]), ..first.listing() };
    let unknown = Lineage { supersedes: Some(nobody.package), ..Lineage::default() };
    assert_eq!(m.drafted(&third, unknown), Err(TxError::UnknownListing { listing: nobody }));
    // Drafted once, it stays in the line whatever a later draft of it names.
    let honest = m.stated("third", 110);
    m.drafted(&honest, derived).unwrap();
    m.withdraw(honest.listing());
    assert_eq!(m.drafted(&third, Lineage::default()), refused(second.listing()));
    m.drafted(&honest, Lineage::default()).unwrap();
}

#[test]
fn adversary_18b_another_institution_stands_in_nobodys_way() {
    let mut m = market();
    let first = m.stated("first", 100);
    m.draft(&first).unwrap();
    // A clinic names the hospital's listing as the parent of its own, which is compared ...
    let clinic = m.sim.institution("clinic", 100_000);
    let parents = Bounded::new(vec![first.listing()]).unwrap();
    let lineage = Lineage { supersedes: None, parents, step: text("derived") };
    let mut derived = TablePackage::claiming(&clinic, "derived", PRICE, &[100]);
    derived.state_totals();
    let close = changed(&derived, AGE, |chart| chart.totals.sum += 1);
    let submit = |m: &mut Market, package: &TablePackage| {
        let draft = DraftListing { lineage: lineage.clone(), ..package.package.draft.clone() };
        m.sim.act(vec![Action::DraftListing(draft)], &[&clinic]).map(drop)
    };
    let error = submit(&mut m, &close).unwrap_err();
    assert_eq!(error.code(), "totals_too_close", "{error}");
    // ... but does not bind the hospital: totals of ten rows more, with a sum of the clinic's choosing.
    let mut more = TablePackage::claiming(&Wallet::new("clinic"), "more", PRICE, &[110]);
    more.state_totals();
    change_chart(&mut more, AGE, |chart| chart.totals.sum += 1);
    submit(&mut m, &more).unwrap();
    let next = m.stated("second", 110);
    m.drafted(&next, supersedes(&first)).unwrap();
    // A package of another institution is no version of one's own.
    let foreign = m.stated("third", 110);
    let own = ListingId { package: more.listing().package, ..foreign.listing() };
    let unknown = Err(TxError::UnknownListing { listing: own });
    assert_eq!(m.drafted(&foreign, supersedes(&more)), unknown);
}

#[test]
fn adversary_18b_lines_are_bounded() {
    let mut m = market();
    let parents: Vec<ListingId> = (0..MAX_LINES)
        .map(|n| {
            let package = m.stated(&format!("origin {n}"), 100);
            m.draft(&package).unwrap();
            package.listing()
        })
        .collect();
    let joined = m.stated("joined", 100);
    let lineage = |supersedes: Option<PackageId>, parents: &[ListingId]| Lineage {
        supersedes,
        parents: Bounded::new(parents.to_vec()).unwrap(),
        step: text(if parents.is_empty() { "" } else { "joined" }),
    };
    m.drafted(&joined, lineage(Some(parents[0].package), &parents[1..])).unwrap();
    let alone = m.stated("alone", 100);
    m.draft(&alone).unwrap();
    let both = m.stated("both", 100);
    let (a, b) = (joined.listing().package, alone.listing());
    let refused = m.drafted(&both, lineage(Some(a), &[b]));
    assert_eq!(refused, Err(TxError::TooManyLines { lines: MAX_LINES + 1 }));
    m.drafted(&both, lineage(Some(a), &[])).unwrap();
}

#[test]
fn adversary_33b_claims_that_the_layout_does_not_bear() {
    let mut m = market();
    let package = m.stated("cohort", 100);
    let refused = |column: usize, what| {
        let column = column as u32;
        Err(TxError::BadClaims { error: ClaimError::Column { table: 0, column, what } })
    };
    let table = |change: &dyn Fn(&mut Table)| {
        let mut other = package.clone();
        other.change_layout(change);
        other
    };
    let diverse = |claims: Vec<Diversity>| {
        let mut other = package.clone();
        other.change_claims(|table, _| table.diversity = Bounded::new(claims).unwrap());
        other
    };
    let claim = |column: usize, l| Diversity { column: column as u32, l, order: Order::Any };
    let cases = [
        // Diversity of a quasi-identifier, under another role, out of bounds, out of order.
        (diverse(vec![claim(AGE, 2)]), AGE, "diversity is claimed of sensitive columns alone"),
        (
            table(&|t| t.columns[OUTCOME].role = Role::Insensitive),
            OUTCOME,
            "diversity is claimed of sensitive columns alone",
        ),
        (diverse(vec![claim(SCORE, 1)]), SCORE, "l must be between 2 and 65,535"),
        (
            diverse(vec![claim(SCORE, 101)]),
            SCORE,
            "a block, or what is left of it, has fewer than l rows",
        ),
        (diverse(vec![claim(9, 2)]), 9, "there is no such column"),
        (
            diverse(vec![claim(OUTCOME, 2), claim(SCORE, 2)]),
            SCORE,
            "claims of diversity are not in ascending order",
        ),
        // Charts: off the grid, not from the least value, more values than the statement has.
        (
            changed(&package, SCORE, |c| c.form = ChartForm::Wide { step: 150 }),
            SCORE,
            "an edge of a chart is not on its grid",
        ),
        (
            changed(&package, SCORE, |c| c.form = ChartForm::Wide { step: 0 }),
            SCORE,
            "the step of a chart is zero",
        ),
        (
            table(&|t| {
                let Values::Number { range, .. } = &mut t.columns[SCORE].values else { panic!() };
                range.offset = -100;
            }),
            SCORE,
            "the chart of a wide column begins at one",
        ),
        (
            changed(&package, SCORE, |c| c.form = ChartForm::Small),
            SCORE,
            "a bin reaches beyond the values that the statement has",
        ),
        (changed(&package, SCORE, |c| c.column = 1), 1, "charts are not in ascending order"),
        (changed(&package, OUTCOME, |c| c.column = 7), 7, "there is no such column"),
    ];
    for (other, column, what) in cases {
        assert_eq!(m.draft(&other), refused(column, what), "{what}");
    }
    m.draft(&package).unwrap();
    // A layout with another range or other edges is another package, and a bundle fits no other.
    let proven = m.charted("proven", &[60]);
    for change in
        [&(|t: &mut Table| t.columns[AGE].edges = vec![24]) as &dyn Fn(&mut Table), &|t| {
            t.columns[OUTCOME].edges = vec![]
        }]
    {
        let mut other = proven.clone();
        other.change_layout(change);
        other.state_totals();
        m.draft(&other).unwrap();
        let package = other.listing().package;
        let moved = ProveBlock { package, ..proven.proven[0].0.clone() };
        assert_eq!(m.prove(&moved).unwrap_err().code(), "bad_bundle");
    }
    m.draft(&proven).unwrap();
    m.prove(&proven.proven[0].0).unwrap();
}

#[test]
fn adversary_33b_codes_beyond_their_dictionary_are_not_proven() {
    let mut m = market();
    let with_ward = |ward: u64| {
        // The second column of the first class.
        let cells = move |segment: u64, cells: &mut Vec<u64>| {
            if segment == 1 {
                cells[..10].fill(ward);
            }
        };
        let tamper = Tamper { cells: &cells, ..Tamper::default() };
        TablePackage::claiming_of(&Wallet::new("hospital"), "cohort", PRICE, &[60], &tamper)
    };
    // Three wards: a class of ten rows in a fourth one is large and diverse enough, and out of range.
    match with_ward(4).attempt(&mut m.sim, 0) {
        Err(ProveError::Unsatisfied(reason)) => {
            let why = "column 1: row 0: cell 4 is neither missing nor in 1..=3";
            assert_eq!(reason.0, why);
        }
        other => panic!("{other:?}"),
    }
    let mut package = with_ward(3);
    package.prove_all(&mut m.sim);
    package.list(&mut m.sim, &m.hospital.clone()).unwrap();
}

#[test]
fn a_transaction_that_takes_too_long_is_refused() {
    let mut m = market();
    let package = FilePackage::new(&m.hospital, "files", PRICE);
    let mut many = ProveBlock {
        institution: m.hospital.id(),
        package: package.listing().package,
        table: 0,
        block: 0,
        leaves: Bounded::default(),
        path: package.leaves.prove(0, 1).unwrap(),
        bundle: Bytes::new(vec![0xff; 8]).unwrap(),
    };
    let two = vec![Action::ProveBlock(many.clone()), Action::ProveBlock(many.clone())];
    let hospital = m.hospital.clone();
    let error = m.sim.act(two, &[&hospital]).unwrap_err();
    assert_eq!(error.code(), "transaction_too_costly", "{error}");
    // The same two actions that announce one proof each.
    many.bundle = Bytes::new(vec![1, 0, 0, 0]).unwrap();
    let two = vec![Action::ProveBlock(many.clone()), Action::ProveBlock(many)];
    let unknown = TxError::UnknownListing { listing: package.listing() };
    assert_eq!(m.sim.act(two, &[&hospital]).unwrap_err(), unknown);
}
