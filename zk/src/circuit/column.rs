//! What the two statements about a column share: charts, their tables of labels, and the constraints
//! that count cells into bins and open the summary.
//!
//! A statement about a column knows how often each entry of a public table stands in the column. A
//! chart gives every entry a *label*, the bin that it falls into or one that no bin has, and the bins
//! are counted by the labels. Labels are committed, and opened at the challenge against the value
//! that a verifier works out from the chart's edges; so one circuit serves every chart.
//! Depends on [`crate::summary`], [`super::logup`] and [`super::wire`].

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field, PrimeField};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError, Variable};

use crate::commitment::evaluate;
use crate::error::ProofError;
use crate::statement::Unsatisfied;
use crate::summary::{BINS, Summary};

use super::logup::{equal_sums, fractions, geometric, horner, partial_sums, quotients};
use super::wire::Wire;

/// The label of a table entry that a column may not hold.
pub const NOT_ALLOWED: usize = BINS + 1;

/// How the cells of a column are grouped, and which are allowed: from 1 bin to 32, each with the cells
/// from one edge up to the next. Zero is a missing cell and always allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chart {
    step: u64,
    edges: Vec<u64>,
}

impl Chart {
    /// A chart whose bins are `edges[0]..edges[1]`, `edges[1]..edges[2]` and so on, in cells. Every
    /// edge is 1 and a multiple of `step`, the width of the grid on which a wide column is measured;
    /// one for a small column.
    ///
    /// # Errors
    /// [`ProofError::Claim`] for a step of zero, less than one bin or more than 32, an edge of zero,
    /// edges that do not increase, and edges off the grid.
    pub fn new(step: u64, edges: Vec<u64>) -> Result<Self, ProofError> {
        if step == 0 {
            return Err(ProofError::Claim("the step of a chart is zero"));
        }
        if edges.len() < 2 || edges.len() > BINS + 1 {
            return Err(ProofError::Claim("a chart has between 1 and 32 bins"));
        }
        if edges.first() == Some(&0) {
            return Err(ProofError::Claim("a bin cannot hold missing cells"));
        }
        if !edges.is_sorted_by(|a, b| a < b) {
            return Err(ProofError::Claim("the edges of a chart do not increase"));
        }
        if edges.iter().any(|edge| edge.saturating_sub(1) % step != 0) {
            return Err(ProofError::Claim("an edge of a chart is not on its grid"));
        }
        Ok(Self { step, edges })
    }

    /// Width of the grid in cells.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// First cell of each bin, and the first cell beyond the last bin.
    pub fn edges(&self) -> &[u64] {
        &self.edges
    }

    /// The least cell allowed, missing ones apart.
    #[must_use]
    pub fn lowest(&self) -> u64 {
        self.edges.first().copied().unwrap_or(1)
    }

    /// The greatest cell allowed.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.edges.last().copied().unwrap_or(1).saturating_sub(1)
    }

    /// The bin of a cell, from 1; nothing for one that is missing or not allowed.
    #[must_use]
    pub fn bin(&self, cell: u64) -> Option<usize> {
        let bin = self.edges.partition_point(|edge| *edge <= cell);
        (bin > 0 && bin < self.edges.len()).then_some(bin)
    }

    /// The summary of cells.
    ///
    /// # Errors
    /// The first row whose cell is not allowed.
    pub fn summary(&self, cells: &[u64]) -> Result<Summary, Unsatisfied> {
        let mut summary = Summary::default();
        for (row, cell) in cells.iter().enumerate() {
            let refused = || {
                let (low, high) = (self.lowest(), self.highest());
                Unsatisfied(format!(
                    "row {row}: cell {cell} is neither missing nor in {low}..={high}"
                ))
            };
            let bin = if *cell == 0 { 1 } else { self.bin(*cell).ok_or_else(refused)? };
            summary = summary.with_cell(*cell, bin).ok_or_else(refused)?;
        }
        Ok(summary)
    }
}

/// The labels of a table's entries, the first entry left out: it stands for missing cells in one kind
/// of column, and always belongs to the first bin in the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Labels {
    /// First entry of each bin, and the first entry beyond.
    edges: Vec<usize>,
    /// Entries of the table.
    table: usize,
}

impl Labels {
    /// # Errors
    /// [`ProofError::Claim`] if the last bin ends beyond the table.
    pub(super) fn new(
        edges: impl IntoIterator<Item = u64>,
        table: usize,
    ) -> Result<Self, ProofError> {
        let within = |edge: u64| usize::try_from(edge).ok().filter(|edge| *edge <= table);
        edges
            .into_iter()
            .map(within)
            .collect::<Option<Vec<usize>>>()
            .map(|edges| Self { edges, table })
            .ok_or(ProofError::Claim("a bin reaches beyond the values that the statement has"))
    }

    /// The label of an entry: its bin, or [`NOT_ALLOWED`].
    #[must_use]
    pub fn label(&self, entry: usize) -> usize {
        let bin = self.edges.partition_point(|edge| *edge <= entry);
        if bin == 0 || bin == self.edges.len() { NOT_ALLOWED } else { bin }
    }

    /// The labels of entries 1, 2, ….
    #[must_use]
    pub fn scalars(&self) -> Vec<Fr> {
        (1..self.table).map(|entry| Fr::from(self.label(entry) as u64)).collect()
    }

    /// What the polynomial of [`Labels::scalars`] takes at a point: a verifier's work, a few
    /// exponentiations for each bin.
    #[must_use]
    pub fn evaluate(&self, zeta: Fr) -> Fr {
        // Runs of equal labels; entry i is the coefficient of X^{i−1}.
        let mut start = 1;
        let mut sum = Fr::ZERO;
        for end in self.edges.iter().copied().chain([self.table]) {
            if end > start {
                let label = Fr::from(self.label(start) as u64);
                sum += label * geometric(zeta, start - 1, end - 1);
                start = end;
            }
        }
        sum
    }
}

/// Padding rows of a block.
///
/// # Errors
/// [`ProofError::Claim`] for more rows than the block has.
pub(super) fn padding(rows: usize, active: usize) -> Result<u64, ProofError> {
    rows.checked_sub(active)
        .map(|padding| padding as u64)
        .ok_or(ProofError::Claim("more rows than the block holds"))
}

/// The integer that a field element stands for, if it is a small one.
pub(crate) fn integer(value: Fr) -> Option<u64> {
    let [low, rest @ ..] = value.into_bigint().0;
    rest.iter().all(|limb| *limb == 0).then_some(low)
}

/// Plain count of a column's summary by its committed labels.
///
/// # Errors
/// The first row whose cell has no bin.
pub(super) fn count(
    cells: impl IntoIterator<Item = (usize, u64, Option<Fr>)>,
) -> Result<Summary, Unsatisfied> {
    let mut summary = Summary::default();
    for (row, cell, label) in cells {
        let refused = || Unsatisfied(format!("row {row}: cell {cell} is in no bin"));
        let bin = match label {
            _ if cell == 0 => 1,
            Some(label) => {
                integer(label).and_then(|label| usize::try_from(label).ok()).ok_or_else(refused)?
            }
            None => return Err(refused()),
        };
        summary = summary.with_cell(cell, bin).ok_or_else(refused)?;
    }
    Ok(summary)
}

/// The plain meaning of an evaluation.
///
/// # Errors
/// In words, what was not opened.
pub(super) fn check_evaluation(
    what: &str,
    terms: &[Fr],
    zeta: Fr,
    value: Fr,
) -> Result<(), Unsatisfied> {
    if evaluate(terms, zeta) != value {
        return Err(Unsatisfied(format!("the {what} are not those of the opened polynomial")));
    }
    Ok(())
}

/// The challenge as a variable.
#[derive(Clone, Copy)]
pub(super) struct Challenge {
    variable: Variable,
    value: Fr,
}

impl Challenge {
    /// The challenge as the next public input.
    pub(super) fn input(cs: &ConstraintSystemRef<Fr>, value: Fr) -> Result<Self, SynthesisError> {
        Ok(Self { variable: cs.new_input_variable(|| Ok(value))?, value })
    }

    /// The fractions `m/(ζ − x)` of pairs of `m` and `x`.
    pub(super) fn fractions(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        pairs: &[(Wire, Wire)],
    ) -> Result<Vec<Variable>, SynthesisError> {
        let values = quotients(self.value, pairs.iter().map(|(m, x)| (m.value(), x.value())));
        let pairs = pairs.iter().map(|(m, x)| (m.linear().clone(), x.linear().clone()));
        fractions(cs, self.variable, pairs, &values)
    }

    /// Every item is an entry of the table, which come as pairs of multiplicity and entry, and
    /// stands in the items as often as that says.
    pub(super) fn enforce_lookup(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        items: &[Wire],
        table: &[(Wire, Wire)],
    ) -> Result<(), SynthesisError> {
        let one = Wire::constant(Fr::ONE);
        let items: Vec<(Wire, Wire)> = items.iter().map(|x| (one.clone(), x.clone())).collect();
        let items = self.fractions(cs, &items)?;
        let table = self.fractions(cs, table)?;
        equal_sums(cs, &items, &table)
    }

    /// `Σ terms_i·ζ^i` is the target.
    pub(super) fn enforce_evaluation(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        target: Variable,
        terms: &[Wire],
    ) -> Result<(), SynthesisError> {
        let values: Vec<Fr> = terms.iter().map(Wire::value).collect();
        let terms: Vec<_> = terms.iter().map(|term| term.linear().clone()).collect();
        horner(cs, self.variable, target, &terms, &partial_sums(self.value, &values).1)
    }

    /// Counts bins: `Σ m_i/(ζ − τ_i)` over the table's entries from the second on is
    /// `Σ (S_j − e_j)/(ζ − j)` over the bins, where `e_1 = first` counts the cells of the first bin
    /// that no such entry counts, and every other `e_j` is zero.
    ///
    /// So an entry whose label is no bin counts no cell: the left side would have a pole that the
    /// right one has not, and counts are too small to cancel.
    pub(super) fn enforce_bins(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        counts: &[Wire],
        labels: &[Wire],
        bins: &[Wire],
        first: &Wire,
    ) -> Result<(), SynthesisError> {
        let left: Vec<(Wire, Wire)> =
            counts.iter().skip(1).cloned().zip(labels.iter().cloned()).collect();
        let right: Vec<(Wire, Wire)> = (1u64..)
            .zip(bins)
            .map(|(bin, cells)| {
                let cells = if bin == 1 { cells.minus(first) } else { cells.clone() };
                (cells, Wire::constant(Fr::from(bin)))
            })
            .collect();
        let left = self.fractions(cs, &left)?;
        let right = self.fractions(cs, &right)?;
        equal_sums(cs, &left, &right)
    }
}

/// New instance variables for exactly as many values.
pub(super) fn inputs(
    cs: &ConstraintSystemRef<Fr>,
    values: &[Fr],
    length: usize,
) -> Result<Vec<Wire>, SynthesisError> {
    if values.len() != length {
        return Err(SynthesisError::AssignmentMissing);
    }
    values.iter().map(|value| Wire::input(cs, *value)).collect()
}

/// `Σ factor_i·wire_i` over wires numbered from zero.
pub(super) fn weighted(wires: &[Wire], factor: impl Fn(u64) -> Fr) -> Wire {
    Wire::combination((0u64..).zip(wires).map(|(i, wire)| (factor(i), wire)))
}

#[cfg(test)]
#[path = "column_tests.rs"]
mod tests;
