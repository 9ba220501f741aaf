//! What is claimed of a row block, and the list of statements that prove it.
//!
//! Both sides derive the list from the claims: which circuits, with which inputs, in which order, and
//! which columns are opened. Nothing of it comes from a bundle. Depends on the table circuits.

use super::statements::Part;
use super::wire::{MAX_COLUMNS, MAX_PROOFS};
use crate::circuit::column::Chart;
use crate::circuit::k_anonymity::{BLOCK_ROWS, SMALL_BLOCK_ROWS};
use crate::circuit::l_diversity::Order;
use crate::field::{Scalar, hash_to_scalar};
use crate::point::G1Point;
use crate::proof::ProofError;
use crate::statement::CircuitId;

/// What is claimed of a row block. All of it comes from the layout, the leaves and the listing of the
/// package, nothing from the bundle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockClaims {
    /// Commitments of *every* column of the block, in layout order.
    pub commitments: Vec<G1Point>,
    /// Rows of the block, padding included: [`BLOCK_ROWS`] or [`SMALL_BLOCK_ROWS`].
    pub block_rows: u32,
    /// Active rows.
    pub rows: u32,
    /// Quasi-identifiers: indices into `commitments`, strictly ascending.
    pub quasi_identifiers: Vec<u32>,
    /// Least size of a class.
    pub k: u32,
    /// Columns with at least so many different values in every class; strictly ascending.
    pub diversity: Vec<DiversityClaim>,
    /// Columns whose range is proven, with their share of the listing's charts; strictly ascending.
    pub columns: Vec<ColumnClaim>,
}

/// In every class, a column takes at least `l` different values; missing is none of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiversityClaim {
    /// Index of the column; not a quasi-identifier.
    pub column: u32,
    /// Least number of different values.
    pub l: u32,
    /// How the rows of a class are ordered.
    pub order: Order,
}

/// Every cell of a column is missing or allowed by a chart; and the block's share of the chart is
/// committed to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnClaim {
    /// Index of the column.
    pub column: u32,
    /// The form of the proof.
    pub form: Form,
    /// Which cells are allowed, and in which bin each of them is counted.
    pub chart: Chart,
}

/// The form of a proof about a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Few different cells: codes, ages, scores.
    Small,
    /// Many: dates, laboratory values. Range and bins end on a grid.
    Wide,
}

/// One statement of a bundle as the claims demand it.
pub(super) struct Expected {
    pub circuit: CircuitId,
    pub inputs: Vec<Scalar>,
    /// How many commitments beside `D` it speaks of.
    pub auxiliary: usize,
}

impl BlockClaims {
    /// The columns that statements use, and that a bundle therefore opens: strictly ascending.
    #[must_use]
    pub fn opened(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self
            .quasi_identifiers
            .iter()
            .copied()
            .chain(self.diversity.iter().map(|claim| claim.column))
            .chain(self.columns.iter().map(|claim| claim.column))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// How many proofs the bundle has.
    #[must_use]
    pub fn proofs(&self) -> usize {
        1usize.saturating_add(self.diversity.len()).saturating_add(self.columns.len())
    }

    /// The statements in the order of a bundle: k-anonymity, diversity, columns.
    ///
    /// # Errors
    /// [`ProofError::Claim`] for what no proof could make true.
    pub(super) fn parts(&self) -> Result<Vec<Part<'_>>, ProofError> {
        self.check()?;
        let parts = Part::all(self)?;
        parts.iter().try_for_each(Part::check)?;
        Ok(parts)
    }

    /// The same as a bundle must show them.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub(super) fn expected(&self) -> Result<Vec<Expected>, ProofError> {
        let expected = |part: &Part<'_>| {
            let (inputs, auxiliary) = match part {
                Part::KAnonymity(_) => (vec![number(self.k)], 0),
                Part::Diversity(_, claim) => (vec![number(claim.column), number(claim.l)], 0),
                Part::Small(_, claim, _) | Part::Wide(_, claim, _) => {
                    (vec![number(claim.column), claim.digest()], 1)
                }
            };
            Expected { circuit: part.circuit(), inputs, auxiliary }
        };
        Ok(self.parts()?.iter().map(expected).collect())
    }

    fn check(&self) -> Result<(), ProofError> {
        let refuse = |reason| Err(ProofError::Claim(reason));
        let rows = self.block_rows as usize;
        if rows != BLOCK_ROWS && rows != SMALL_BLOCK_ROWS {
            return refuse("no such block size");
        }
        if self.commitments.len() > MAX_COLUMNS {
            return refuse("too many columns");
        }
        if self.proofs() > MAX_PROOFS {
            return refuse("too many statements");
        }
        let Some(padding) = self.block_rows.checked_sub(self.rows) else {
            return refuse("more rows than the block holds");
        };
        if self.k == 0 || self.k >= 1 << 16 {
            return refuse("k must be between 1 and 65,535");
        }
        if self.rows < self.k {
            return refuse("fewer rows than k");
        }
        if padding != 0 && padding < self.k {
            return refuse("padding shorter than k");
        }
        if self.quasi_identifiers.is_empty() {
            return refuse("no quasi-identifier");
        }
        if !self.quasi_identifiers.is_sorted_by(|a, b| a < b) {
            return refuse("quasi-identifiers out of order");
        }
        if !self.diversity.is_sorted_by(|a, b| a.column < b.column)
            || !self.columns.is_sorted_by(|a, b| a.column < b.column)
        {
            return refuse("columns out of order");
        }
        if self.opened().iter().any(|column| *column as usize >= self.commitments.len()) {
            return refuse("no such column");
        }
        for claim in &self.diversity {
            if claim.l == 0 || claim.l >= 1 << 16 {
                return refuse("l must be between 1 and 65,535");
            }
            if self.rows < claim.l {
                return refuse("fewer rows than l");
            }
            if padding != 0 && padding < claim.l {
                return refuse("padding shorter than l");
            }
            // A class has one value of a quasi-identifier.
            if self.quasi_identifiers.binary_search(&claim.column).is_ok() {
                return refuse("a quasi-identifier is not diverse");
            }
        }
        Ok(())
    }
}

impl ColumnClaim {
    /// Refuses a chart that no statement for blocks of so many rows speaks of.
    ///
    /// # Errors
    /// [`ProofError::Claim`].
    pub fn check(&self, block_rows: u32) -> Result<(), ProofError> {
        Part::column(self, 0, block_rows)?.check()
    }

    /// Stands for the chart among a statement's inputs.
    fn digest(&self) -> Scalar {
        let numbers = |numbers: &[u64]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let step: Vec<u8> = numbers(&[self.chart.step()]);
        let edges: Vec<u8> = numbers(self.chart.edges());
        Scalar(hash_to_scalar("galen/chart/1", &[&step, &edges]))
    }
}

fn number(value: u32) -> Scalar {
    Scalar::from(u64::from(value))
}
