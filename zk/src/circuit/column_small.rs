//! A column of small whole numbers: dictionary codes, ages, scores.
//!
//! In words: every cell of the block is missing, which is 0, or allowed by the chart; and the opened
//! summary is that of the cells: how many there are, how many are missing, their sum, the sum of their
//! squares, and how many fall into each of 32 bins. Rows beyond the active ones are zero in the
//! opened column.
//!
//! The circuit looks every cell up in the table of all codes, with committed multiplicities: they are
//! the exact histogram, from which everything else is linear but the bins, which are a second lookup
//! by label ([`super::column`]). Padding rows hold a value drawn after the column was committed, so no
//! cell can pass for padding, nor padding for a cell. Depends on [`super::column`].

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::column::{
    Challenge, Chart, Labels, check_evaluation, count, inputs, integer, padding, weighted,
};
use super::k_anonymity::{BLOCK_ROWS, SMALL_BLOCK_ROWS};
use super::logup::geometric;
use super::wire::Wire;
use crate::commitment::{BLINDERS, Column, evaluate};
use crate::error::ProofError;
use crate::field::Scalar;
use crate::statement::{CircuitId, Statement, Unsatisfied};
use crate::summary::{BINS, SUMMARY_BLINDERS};

/// The statement for blocks of 32,760 rows: fills a domain of 2^17.
pub const COLUMN_SMALL: CircuitId = CircuitId("column-small/1/32760");

/// The statement for blocks of 1,016 rows: fills a domain of 2^13.
pub const COLUMN_SMALL_1016: CircuitId = CircuitId("column-small/1/1016");

/// The statement at one size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ColumnSmall {
    /// Rows of the block, padding included.
    pub rows: usize,
    /// Codes are below this.
    pub codes: usize,
}

/// What both sides know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ColumnSmallPublic {
    /// Padding rows.
    pub padding: u64,
    /// What padding rows hold, drawn after the column was committed.
    pub filler: Fr,
    /// The challenge.
    pub zeta: Fr,
    /// The value at `ζ` of the column, padding filled in.
    pub column: Fr,
    /// The value at `ζ` of the labels of codes 1, 2, ….
    pub labels: Fr,
    /// The value at `ζ` of the summary and its blinders.
    pub summary: Fr,
}

/// What the prover knows; all of it is committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnSmallWitness {
    /// Cells, padding filled in, and the column's blinders: `N + 8`.
    pub values: Vec<Fr>,
    /// How many cells hold each code.
    pub counts: Vec<Fr>,
    /// Labels of codes 1, 2, ….
    pub labels: Vec<Fr>,
    /// Cells in each bin.
    pub bins: Vec<Fr>,
    /// Blinders of the summary.
    pub blinders: [Fr; SUMMARY_BLINDERS],
    /// Random mask: hides the committed values.
    pub mask: Fr,
}

impl ColumnSmall {
    /// The statement for blocks of 32,760 rows.
    pub const FULL: Self = Self { rows: BLOCK_ROWS, codes: 6_528 };

    /// The statement for blocks of 1,016 rows, which tests use.
    pub const SMALL: Self = Self { rows: SMALL_BLOCK_ROWS, codes: 1_003 };

    /// The statement for a block of that many rows, if there is one.
    #[must_use]
    pub fn of_block(rows: usize) -> Option<Self> {
        [Self::FULL, Self::SMALL].into_iter().find(|statement| statement.rows == rows)
    }

    /// The labels of a chart.
    ///
    /// # Errors
    /// [`ProofError::Claim`] for a chart on a coarser grid, or with bins beyond the codes.
    pub fn labels(&self, chart: &Chart) -> Result<Labels, ProofError> {
        if chart.step() != 1 {
            return Err(ProofError::Claim("the chart of a small column has a step of one"));
        }
        Labels::new(chart.edges().iter().copied(), self.codes)
    }

    /// The inputs that are fixed before the challenge is drawn, and that it depends on.
    ///
    /// # Errors
    /// [`ProofError::Claim`] for more active rows than the block has.
    pub fn claimed(&self, active: usize, filler: Fr) -> Result<Vec<Scalar>, ProofError> {
        Ok(vec![Scalar::from(padding(self.rows, active)?), Scalar(filler)])
    }

    /// What a verifier knows: from the chart, the number of active rows, and the values to which the
    /// column and the commitment of its summary open at `ζ`.
    ///
    /// # Errors
    /// [`ProofError::Claim`] for a chart that does not fit or more active rows than the block has.
    pub fn public(
        &self,
        chart: &Chart,
        active: usize,
        filler: Fr,
        zeta: Fr,
        opened_column: Fr,
        opened_summary: Fr,
    ) -> Result<ColumnSmallPublic, ProofError> {
        Ok(ColumnSmallPublic {
            padding: padding(self.rows, active)?,
            filler,
            zeta,
            column: opened_column + filler * geometric(zeta, active, self.rows),
            labels: self.labels(chart)?.evaluate(zeta),
            summary: opened_summary,
        })
    }

    /// Row, cell and its label, by a witness; padding left out.
    fn rows<'a>(
        &'a self,
        public: &ColumnSmallPublic,
        witness: &'a ColumnSmallWitness,
    ) -> Result<Vec<(usize, u64, Option<Fr>)>, Unsatisfied> {
        let (mut rows, mut padding) = (Vec::new(), 0);
        for (row, value) in witness.values.iter().take(self.rows).enumerate() {
            let code = integer(*value)
                .and_then(|cell| Some((cell, usize::try_from(cell).ok()?)))
                .filter(|(_, code)| *code < self.codes);
            match code {
                Some((cell, code)) => {
                    let label = code.checked_sub(1).and_then(|i| witness.labels.get(i)).copied();
                    rows.push((row, cell, label));
                }
                None if *value == public.filler => padding += 1,
                None => return Err(Unsatisfied(format!("row {row}: the cell is no code"))),
            }
        }
        if padding != public.padding {
            return Err(Unsatisfied(format!("{padding} rows of padding, not {}", public.padding)));
        }
        Ok(rows)
    }
}

impl ColumnSmallWitness {
    /// The witness for the active cells of a column.
    ///
    /// # Errors
    /// The first row whose cell the chart does not allow; a chart that does not fit; more cells than
    /// rows.
    pub fn new(
        statement: &ColumnSmall,
        chart: &Chart,
        cells: &[u64],
        column_blinders: &[Fr; BLINDERS],
        filler: Fr,
        blinders: [Fr; SUMMARY_BLINDERS],
        mask: Fr,
    ) -> Result<Self, Unsatisfied> {
        let refused = |error: ProofError| Unsatisfied(error.to_string());
        let labels = statement.labels(chart).map_err(refused)?;
        padding(statement.rows, cells.len()).map_err(refused)?;
        let summary = chart.summary(cells)?;
        let mut counts = vec![0u64; statement.codes];
        for cell in cells {
            // The chart allows no cell beyond the table.
            if let Some(count) = usize::try_from(*cell).ok().and_then(|code| counts.get_mut(code)) {
                *count += 1;
            }
        }
        let mut values: Vec<Fr> = cells.iter().map(|cell| Fr::from(*cell)).collect();
        values.resize(statement.rows, filler);
        values.extend(column_blinders);
        Ok(Self {
            values,
            counts: counts.into_iter().map(Fr::from).collect(),
            labels: labels.scalars(),
            bins: summary.bins.map(Fr::from).to_vec(),
            blinders,
            mask,
        })
    }
}

impl Statement for ColumnSmall {
    type Public = ColumnSmallPublic;
    type Witness = ColumnSmallWitness;

    fn circuit(&self) -> CircuitId {
        match *self {
            Self::FULL => COLUMN_SMALL,
            Self::SMALL => COLUMN_SMALL_1016,
            // Other sizes serve exhaustive tests; no key is registered for them.
            _ => CircuitId("column-small/1/unregistered"),
        }
    }

    fn inputs(&self, public: &ColumnSmallPublic) -> Vec<Fr> {
        vec![
            Fr::from(public.padding),
            public.filler,
            public.zeta,
            public.column,
            public.labels,
            public.summary,
        ]
    }

    fn committed(&self, witness: &ColumnSmallWitness) -> Vec<Fr> {
        let lists = [&witness.values, &witness.counts, &witness.labels, &witness.bins];
        lists
            .into_iter()
            .flatten()
            .chain(&witness.blinders)
            .copied()
            .chain([witness.mask])
            .collect()
    }

    fn check(
        &self,
        public: &ColumnSmallPublic,
        witness: &ColumnSmallWitness,
    ) -> Result<(), Unsatisfied> {
        let zeta = public.zeta;
        if witness.values.len() != self.rows + BLINDERS || witness.labels.len() + 1 != self.codes {
            return Err(Unsatisfied(format!("the block does not have {} rows", self.rows)));
        }
        check_evaluation("cells", &witness.values, zeta, public.column)?;
        check_evaluation("labels", &witness.labels, zeta, public.labels)?;
        let summary = count(self.rows(public, witness)?)?;
        let opened = summary.coefficients(&witness.blinders);
        check_evaluation("numbers of the summary", &opened, zeta, public.summary)
    }

    fn synthesize(
        &self,
        cs: ConstraintSystemRef<Fr>,
        public: &ColumnSmallPublic,
        witness: &ColumnSmallWitness,
    ) -> Result<(), SynthesisError> {
        let cs = &cs;
        let padding = Wire::input(cs, Fr::from(public.padding))?;
        let filler = Wire::input(cs, public.filler)?;
        let zeta = Challenge::input(cs, public.zeta)?;
        let column = cs.new_input_variable(|| Ok(public.column))?;
        let opened_labels = cs.new_input_variable(|| Ok(public.labels))?;
        let opened_summary = cs.new_input_variable(|| Ok(public.summary))?;
        let values = inputs(cs, &witness.values, self.rows + BLINDERS)?;
        let counts = inputs(cs, &witness.counts, self.codes)?;
        let labels = inputs(cs, &witness.labels, self.codes - 1)?;
        let bins = inputs(cs, &witness.bins, BINS)?;
        let blinders = inputs(cs, &witness.blinders, SUMMARY_BLINDERS)?;
        // The mask: no constraint but its consistency row speaks of it.
        let _ = Wire::input(cs, witness.mask)?;

        // C1: cells are codes, and each code stands as often as counted; padding is the filler.
        let codes = (0u64..).map(|code| Wire::constant(Fr::from(code)));
        let mut table: Vec<(Wire, Wire)> = counts.iter().cloned().zip(codes).collect();
        table.push((padding, filler));
        zeta.enforce_lookup(cs, &values[..self.rows], &table)?;
        // C2: labels are those of the chart.
        zeta.enforce_evaluation(cs, opened_labels, &labels)?;
        // C3: bins count the cells with their label.
        zeta.enforce_bins(cs, &counts, &labels, &bins, &Wire::constant(Fr::ZERO))?;
        // C4: the summary is the opened one.
        let head = [
            weighted(&counts, |code| Fr::from(u64::from(code > 0))),
            counts[0].clone(),
            weighted(&counts, Fr::from),
            weighted(&counts, |code| Fr::from(code).square()),
        ];
        let terms: Vec<Wire> = head.into_iter().chain(bins).chain(blinders).collect();
        zeta.enforce_evaluation(cs, opened_summary, &terms)?;
        // H: cells are those of the opened column.
        zeta.enforce_evaluation(cs, column, &values)
    }

    fn example(&self) -> (ColumnSmallPublic, ColumnSmallWitness) {
        let codes = self.codes as u64;
        // Bins of equal width over most codes, the last code not allowed; two rows of padding.
        let width = (codes - 2).div_ceil(BINS as u64);
        let mut edges: Vec<u64> =
            (0..).map(|bin| 1 + bin * width).take_while(|e| *e < codes - 1).collect();
        edges.push(codes - 1);
        let chart = Chart::new(1, edges).expect("edges increase from one");
        let active = self.rows.saturating_sub(2).max(1);
        let cells: Vec<u64> = (0..active as u64).map(|row| row * 7 % (codes - 1)).collect();
        let filler = Fr::from(0x0f11_1e4d_0123_4567u64);
        let zeta = Fr::from(0x5eed_0123_4567_89abu64);
        let column_blinders = std::array::from_fn(|j| Fr::from(1_000_003 + j as u64));
        let blinders = std::array::from_fn(|j| Fr::from(2_000_003 + j as u64));
        let mask = Fr::from(99u64);
        let witness =
            ColumnSmallWitness::new(self, &chart, &cells, &column_blinders, filler, blinders, mask)
                .expect("every cell of the example is allowed");
        let summary = chart.summary(&cells).expect("every cell of the example is allowed");
        let opened = Column { cells: &cells, blinders: column_blinders }.coefficients(self.rows);
        let values = (evaluate(&opened, zeta), evaluate(&summary.coefficients(&blinders), zeta));
        let public = self
            .public(&chart, active, filler, zeta, values.0, values.1)
            .expect("the chart fits the example");
        (public, witness)
    }
}

#[cfg(test)]
#[path = "column_small_tests.rs"]
mod tests;
