//! What the prover of l-diversity knows, and how it finds an order that shows it.

use std::ops::Range;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, PrimeField};

use super::{LDiversity, Order};
use crate::circuit::logup::{partial_sums, quotients};
use crate::circuit::runs::counters;
use crate::commitment::{BLINDERS, Column, evaluate};
use crate::statement::Unsatisfied;

/// What the prover knows. All but the last seven fields is fixed before the challenge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LDiversityWitness {
    /// The combined column with padding and blinders, `N + 8` values: in tail order their differences,
    /// the first against zero.
    pub classes: Vec<Fr>,
    /// The sensitive cells with padding and blinders, `N + 8` values.
    pub cells: Vec<Fr>,
    /// The cells of each class in tail order, `N` values; none if the rows themselves are.
    pub view: Vec<Fr>,
    /// `x_1..x_{N−1}`: how far, above one, a row's cell is below the cell before it.
    pub slacks: Vec<Fr>,
    /// How often each number below `W` is looked up.
    pub multiplicities: Vec<Fr>,
    /// Random mask: hides the committed values.
    pub mask: Fr,
    /// `c_1..c_{N−2}`; the ends are fixed at 0 and `l − 1`.
    pub counters: Vec<Fr>,
    /// Inverses of `ζ` less each value looked up. This and all that follows is empty until the
    /// challenge is known.
    pub lookups: Vec<Fr>,
    /// Multiplicities over `ζ` less their entry.
    pub table: Vec<Fr>,
    /// Inverses of `ζ` less each fingerprint: of the rows, then of the view.
    pub fingerprints: Vec<Fr>,
    /// Partial sums of the evaluation of `classes`.
    pub class_sums: Vec<Fr>,
    /// Partial sums of the evaluation of `cells`.
    pub cell_sums: Vec<Fr>,
}

impl LDiversityWitness {
    /// Builds the witness that exists before the challenge. `combined` are the active rows' combined
    /// quasi-identifiers and `blinders` their combined blinders; `sensitive` has as many cells; `padding`
    /// is the value that fills the other rows of the combined column.
    ///
    /// # Errors
    /// [`Unsatisfied`] in words for the first class, named by its rows, that has fewer than `l`
    /// different values, whose rows are not in tail order where they have to be, or whose `l`
    /// smallest values are further apart than the largest code; and for columns that do not fit.
    pub fn new(
        statement: &LDiversity,
        l: u32,
        combined: &[Fr],
        blinders: &[Fr; BLINDERS],
        sensitive: &Column<'_>,
        padding: Fr,
        mask: Fr,
    ) -> Result<Self, Unsatisfied> {
        let (rows, active) = (statement.rows, combined.len());
        if l == 0 {
            return Err(Unsatisfied("l is zero".into()));
        }
        if rows < 2 || active > rows || sensitive.cells.len() != active {
            return Err(Unsatisfied(format!(
                "{active} classes and {} sensitive cells do not fit a block of {rows} rows",
                sensitive.cells.len()
            )));
        }
        if active < rows && rows - active < l as usize {
            return Err(Unsatisfied(format!(
                "the block has {} padding rows; it needs none, or at least {l}",
                rows - active
            )));
        }
        let mut values = combined.to_vec();
        values.resize(rows, padding);
        let mut codes = sensitive.cells.to_vec();
        codes.extend((active..rows).map(|row| (rows - row) as u64));
        let view = match statement.order {
            Order::Tail => Vec::new(),
            Order::Any => view(&runs(&differences(&values)), &codes, l),
        };
        values.extend(blinders);
        let mut cells: Vec<Fr> = codes.into_iter().map(Fr::from).collect();
        cells.extend(sensitive.blinders);
        let witness = Self::assemble(statement, l, &values, cells, view, mask);
        witness.is_diverse(statement, l)?;
        Ok(witness)
    }

    /// The witness for a table that may be anything, blinders included: as honest as it can be.
    pub(crate) fn assemble(
        statement: &LDiversity,
        l: u32,
        values: &[Fr],
        cells: Vec<Fr>,
        view: Vec<Fr>,
        mask: Fr,
    ) -> Self {
        let rows = statement.rows;
        let active = values.get(..rows).unwrap_or(values);
        let counters = counters(active, l);
        let ordered = if statement.order == Order::Any { &view } else { &cells };
        let cell = |row: usize| ordered.get(row).copied().unwrap_or_default();
        let last = Fr::from(u64::from(l)) - Fr::ONE;
        let slacks: Vec<Fr> = (1..rows)
            .map(|row| {
                let counter = counters.get(row - 1).copied().unwrap_or(last);
                if active.get(row) != active.get(row - 1) {
                    cell(row - 1) - Fr::ONE
                } else if counter != Fr::ZERO {
                    cell(row - 1) - cell(row) - Fr::ONE
                } else {
                    Fr::ZERO
                }
            })
            .collect();
        let mut counts = vec![0u64; statement.largest_code() as usize];
        for item in slacks.iter().copied().chain([cell(rows.saturating_sub(1)) - Fr::ONE]) {
            // What is not in the table has no multiplicity, and the sums will differ.
            if let Some(count) = small(item)
                .and_then(|item| usize::try_from(item).ok())
                .and_then(|item| counts.get_mut(item))
            {
                *count += 1;
            }
        }
        Self {
            classes: match statement.order {
                Order::Tail => differences(values),
                Order::Any => values.to_vec(),
            },
            multiplicities: counts.into_iter().map(Fr::from).collect(),
            cells,
            view,
            slacks,
            mask,
            counters,
            lookups: Vec::new(),
            table: Vec::new(),
            fingerprints: Vec::new(),
            class_sums: Vec::new(),
            cell_sums: Vec::new(),
        }
    }

    /// Adds what depends on the challenge.
    #[must_use]
    pub fn at(mut self, statement: &LDiversity, zeta: Fr) -> Self {
        let rows = statement.rows;
        let ordered = self.ordered(statement);
        let end = ordered.get(rows.saturating_sub(1)).copied().unwrap_or_default() - Fr::ONE;
        let items = self.slacks.iter().copied().chain([end]);
        let lookups = quotients(zeta, items.map(|item| (Fr::ONE, item)));
        let entries = self.multiplicities.iter().zip(0u64..);
        let table = quotients(zeta, entries.map(|(count, entry)| (*count, Fr::from(entry))));
        let prints = |side: &[Fr]| {
            let rows = self.classes.iter().zip(side).take(rows);
            rows.map(|(class, cell)| (Fr::ONE, *class + cell)).collect::<Vec<_>>()
        };
        let fingerprints = match statement.order {
            Order::Tail => Vec::new(),
            Order::Any => {
                quotients(zeta, prints(&self.cells).into_iter().chain(prints(&self.view)))
            }
        };
        let class_sums = partial_sums(zeta, &self.class_terms(statement)).1;
        self.cell_sums = partial_sums(zeta, &self.cells).1;
        (self.lookups, self.table) = (lookups, table);
        (self.fingerprints, self.class_sums) = (fingerprints, class_sums);
        self
    }

    /// The honest `Y_q` and `Y_s` for these values.
    #[must_use]
    pub fn evaluations(&self, statement: &LDiversity, zeta: Fr) -> (Fr, Fr) {
        (evaluate(&self.class_terms(statement), zeta), evaluate(&self.cells, zeta))
    }

    /// Coefficients of the polynomial behind `Y_q`: of differences, what is left at the end too.
    fn class_terms(&self, statement: &LDiversity) -> Vec<Fr> {
        let mut terms = self.classes.clone();
        if statement.order == Order::Tail {
            terms.push(-self.classes.iter().sum::<Fr>());
        }
        terms
    }

    /// The cells in the order that the rule speaks of; blinders may follow.
    fn ordered(&self, statement: &LDiversity) -> &[Fr] {
        match statement.order {
            Order::Tail => &self.cells,
            Order::Any => &self.view,
        }
    }

    /// The rule in plain words, for a witness of the right lengths: every run of equal rows ends, in
    /// the order that the statement speaks of, with `l` cells that fall by 1 to `W` each, down to at
    /// least 1; and a view holds in each run the run's own cells.
    pub(super) fn is_diverse(&self, statement: &LDiversity, l: u32) -> Result<(), Unsatisfied> {
        let rows = statement.rows;
        let runs = match statement.order {
            Order::Tail => runs(self.classes.get(..rows).unwrap_or_default()),
            Order::Any => runs(&differences(self.classes.get(..rows).unwrap_or_default())),
        };
        for run in runs {
            let cells = self.cells.get(run.clone()).unwrap_or_default();
            let ordered = self.ordered(statement).get(run.clone()).unwrap_or_default();
            if statement.order == Order::Any && !same_multiset(cells, ordered) {
                return Err(Unsatisfied(format!("{} are not those of the view", Class(&run))));
            }
            window(ordered, l, statement.largest_code())
                .map_err(|reason| Unsatisfied(format!("{} {reason}", Class(&run))))?;
        }
        Ok(())
    }
}

/// A class for a message.
struct Class<'a>(&'a Range<usize>);

impl std::fmt::Display for Class<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = self.0.end.saturating_sub(1);
        write!(out, "the cells of the class of rows {} to {last}", self.0.start)
    }
}

/// Whether the last `l` cells of a class are as they must be; if not, why not.
fn window(cells: &[Fr], l: u32, largest: u32) -> Result<(), String> {
    let largest = u64::from(largest);
    // From the last cell up.
    let rises = |window: &mut dyn Iterator<Item = Fr>| {
        let mut below = Fr::ZERO;
        let mut steps = window.map(|cell| small(cell - std::mem::replace(&mut below, cell)));
        steps.all(|step| step.is_some_and(|step| (1..=largest).contains(&step)))
    };
    let length = l as usize;
    if cells.len() >= length && rises(&mut cells.iter().rev().take(length).copied()) {
        return Ok(());
    }
    let mut values: Vec<Fr> = cells.iter().copied().filter(|cell| *cell != Fr::ZERO).collect();
    values.sort_unstable();
    values.dedup();
    if values.len() < length {
        return Err(format!(
            "have {} different values that are not missing, not {l}",
            values.len()
        ));
    }
    if !rises(&mut values.into_iter().take(length)) {
        return Err(format!("have codes further apart than {largest}, the largest code"));
    }
    Err(format!("do not end with {l} different values, the greatest of them first"))
}

/// Differences of neighbours, the first against zero.
fn differences(values: &[Fr]) -> Vec<Fr> {
    let mut previous = Fr::ZERO;
    values.iter().map(|value| *value - std::mem::replace(&mut previous, *value)).collect()
}

/// Maximal runs of equal rows, from their differences.
fn runs(differences: &[Fr]) -> Vec<Range<usize>> {
    let mut starts: Vec<usize> =
        (0..differences.len()).filter(|row| *row == 0 || differences[*row] != Fr::ZERO).collect();
    starts.push(differences.len());
    starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// The cells of each run with its `l` smallest values last, in decreasing order: if any `l` values
/// have no step above the largest code, these have none.
fn view(runs: &[Range<usize>], cells: &[u64], l: u32) -> Vec<Fr> {
    let mut view = Vec::with_capacity(cells.len());
    for run in runs {
        let mut sorted = cells.get(run.clone()).unwrap_or_default().to_vec();
        sorted.sort_unstable();
        let mut smallest: Vec<u64> = Vec::new();
        for cell in sorted {
            if cell != 0 && smallest.len() < l as usize && smallest.last() != Some(&cell) {
                smallest.push(cell);
            } else {
                view.push(Fr::from(cell));
            }
        }
        view.extend(smallest.into_iter().rev().map(Fr::from));
    }
    view
}

fn same_multiset(left: &[Fr], right: &[Fr]) -> bool {
    let sorted = |side: &[Fr]| {
        let mut numbers: Vec<_> = side.iter().map(|value| value.into_bigint()).collect();
        numbers.sort_unstable();
        numbers
    };
    sorted(left) == sorted(right)
}

/// A field element as a small integer.
fn small(value: Fr) -> Option<u64> {
    match value.into_bigint().0 {
        [number, 0, 0, 0] => Some(number),
        _ => None,
    }
}
