//! A column of large whole numbers on a grid: dates, laboratory values, amounts.
//!
//! In words: every cell of the block is missing, which is 0, or between 1 and the chart's end; and the
//! opened summary is that of the cells: how many there are, how many are missing, their sum, the sum
//! of their squares, and how many fall into each of 32 bins, whose edges are at 1 and multiples of the
//! grid's step. Rows beyond the active ones are zero in the opened column.
//!
//! A cell that is not missing is `1 + w + W`: `w` below the step, `W` a multiple of it, both looked up.
//! `W` alone decides the bin, and its multiplicities are counted into bins by label
//! ([`super::column`]). Padding rows hold twice a value `t` drawn after the column was committed, as
//! `1 + t + (t − 1)`: both summands are special, each exactly as often as there is padding. If only
//! one were, cells below the step could stand in padding rows; if they could stand more often, the
//! cell `step − 1` could hide in them from its bin. Depends on [`super::column`].

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::column::{Challenge, Chart, Labels, check_evaluation, count, inputs, integer, padding};
use super::k_anonymity::{BLOCK_ROWS, SMALL_BLOCK_ROWS};
use super::logup::geometric;
use super::wire::{Wire, enforce_product};
use crate::commitment::{BLINDERS, Column, evaluate};
use crate::error::ProofError;
use crate::field::Scalar;
use crate::statement::{CircuitId, Statement, Unsatisfied};
use crate::summary::{BINS, SUMMARY_BLINDERS};

/// The statement for blocks of 32,760 rows: fills a domain of 2^19.
pub const COLUMN_WIDE: CircuitId = CircuitId("column-wide/1/32760");

/// The statement for blocks of 1,016 rows: fills a domain of 2^14.
pub const COLUMN_WIDE_1016: CircuitId = CircuitId("column-wide/1/1016");

/// The statement at one size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ColumnWide {
    /// Rows of the block, padding included.
    pub rows: usize,
    /// The greatest step.
    pub steps: usize,
    /// Cells of the grid; a column's cells are at most this times the step.
    pub grid: usize,
}

/// What both sides know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ColumnWidePublic {
    /// Step of the grid.
    pub step: u64,
    /// Padding rows.
    pub padding: u64,
    /// Half of what padding rows hold, drawn after the column was committed.
    pub filler: Fr,
    /// The challenge.
    pub zeta: Fr,
    /// The value at `ζ` of the column, padding filled in.
    pub column: Fr,
    /// The value at `ζ` of the labels of grid cells 1, 2, ….
    pub labels: Fr,
    /// The value at `ζ` of the summary and its blinders, padding counted in.
    pub summary: Fr,
}

/// What the prover knows; all of it is committed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnWideWitness {
    /// Cells, padding filled in, and the column's blinders: `N + 8`.
    pub values: Vec<Fr>,
    /// `w` of each row.
    pub low: Vec<Fr>,
    /// `W` of each row.
    pub high: Vec<Fr>,
    /// How often each number stands as `w` or as `step − 1 − w`.
    pub low_counts: Vec<Fr>,
    /// How often each multiple of the step stands as `W`.
    pub high_counts: Vec<Fr>,
    /// Labels of grid cells 1, 2, ….
    pub labels: Vec<Fr>,
    /// Cells in each bin.
    pub bins: Vec<Fr>,
    /// Blinders of the summary.
    pub blinders: [Fr; SUMMARY_BLINDERS],
    /// Random mask: hides the committed values.
    pub mask: Fr,
}

impl ColumnWide {
    /// The statement for blocks of 32,760 rows.
    pub const FULL: Self = Self { rows: BLOCK_ROWS, steps: 32_768, grid: 26_176 };

    /// The statement for blocks of 1,016 rows, which tests use.
    pub const SMALL: Self = Self { rows: SMALL_BLOCK_ROWS, steps: 1_024, grid: 809 };

    /// The statement for a block of that many rows, if there is one.
    #[must_use]
    pub fn of_block(rows: usize) -> Option<Self> {
        [Self::FULL, Self::SMALL].into_iter().find(|statement| statement.rows == rows)
    }

    /// The labels of a chart.
    ///
    /// # Errors
    /// [`ProofError::Claim`] for a chart that does not begin at 1, with a step beyond the greatest, or
    /// with bins beyond the grid.
    pub fn labels(&self, chart: &Chart) -> Result<Labels, ProofError> {
        if chart.lowest() != 1 {
            return Err(ProofError::Claim("the chart of a wide column begins at one"));
        }
        if chart.step() > self.steps as u64 {
            return Err(ProofError::Claim(
                "the step of the chart is larger than the statement has",
            ));
        }
        // A chart's edges are at one and multiples of its step, which is not zero.
        let cell = |edge: &u64| (edge - 1) / chart.step();
        Labels::new(chart.edges().iter().map(cell), self.grid)
    }

    /// The inputs that are fixed before the challenge is drawn, and that it depends on.
    ///
    /// # Errors
    /// [`ProofError::Claim`] for more active rows than the block has.
    pub fn claimed(
        &self,
        chart: &Chart,
        active: usize,
        filler: Fr,
    ) -> Result<Vec<Scalar>, ProofError> {
        let padding = padding(self.rows, active)?;
        Ok(vec![Scalar::from(chart.step()), Scalar::from(padding), Scalar(filler)])
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
    ) -> Result<ColumnWidePublic, ProofError> {
        let padding = padding(self.rows, active)?;
        let held = filler.double();
        // Each padding row counts as one cell of value 2t.
        let counted = Fr::ONE + zeta.square() * (held + zeta * held.square());
        Ok(ColumnWidePublic {
            step: chart.step(),
            padding,
            filler,
            zeta,
            column: opened_column + held * geometric(zeta, active, self.rows),
            labels: self.labels(chart)?.evaluate(zeta),
            summary: opened_summary + Fr::from(padding) * counted,
        })
    }

    /// Row, cell and the label of its grid cell, by a witness; padding left out.
    fn rows(
        &self,
        public: &ColumnWidePublic,
        witness: &ColumnWideWitness,
    ) -> Result<Vec<(usize, u64, Option<Fr>)>, Unsatisfied> {
        if public.step == 0 || public.step > self.steps as u64 {
            return Err(Unsatisfied(format!("there is no step of {}", public.step)));
        }
        let (mut rows, mut padding) = (Vec::new(), 0);
        for (row, value) in witness.values.iter().take(self.rows).enumerate() {
            let cell =
                integer(*value).filter(|cell| cell.div_ceil(public.step) <= self.grid as u64);
            match cell {
                Some(cell) => {
                    let entry = usize::try_from(cell.saturating_sub(1) / public.step).ok();
                    let label = match entry {
                        Some(0) => Some(Fr::ONE),
                        entry => entry.and_then(|e| witness.labels.get(e - 1)).copied(),
                    };
                    rows.push((row, cell, label));
                }
                None if *value == public.filler.double() => padding += 1,
                None => return Err(Unsatisfied(format!("row {row}: the cell is out of range"))),
            }
        }
        if padding != public.padding {
            return Err(Unsatisfied(format!("{padding} rows of padding, not {}", public.padding)));
        }
        Ok(rows)
    }
}

impl ColumnWideWitness {
    /// The witness for the active cells of a column.
    ///
    /// # Errors
    /// The first row whose cell the chart does not allow; a chart that does not fit; more cells than
    /// rows.
    pub fn new(
        statement: &ColumnWide,
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
        let step = chart.step();
        let mut low_counts = vec![0u64; statement.steps];
        let mut high_counts = vec![0u64; statement.grid];
        let (mut low, mut high) = (Vec::new(), Vec::new());
        // The chart allows no cell beyond the grid, and no step beyond the table.
        let add = |counts: &mut Vec<u64>, entry: u64| {
            if let Some(count) = usize::try_from(entry).ok().and_then(|entry| counts.get_mut(entry))
            {
                *count += 1;
            }
        };
        for cell in cells {
            let offset = cell.saturating_sub(1);
            let rest = offset % step;
            add(&mut low_counts, rest);
            add(&mut low_counts, step - 1 - rest);
            add(&mut high_counts, offset / step);
            low.push(Fr::from(rest));
            high.push(Fr::from(offset - rest));
        }
        let mut values: Vec<Fr> = cells.iter().map(|cell| Fr::from(*cell)).collect();
        values.resize(statement.rows, filler.double());
        values.extend(column_blinders);
        low.resize(statement.rows, filler);
        high.resize(statement.rows, filler - Fr::ONE);
        Ok(Self {
            values,
            low,
            high,
            low_counts: low_counts.into_iter().map(Fr::from).collect(),
            high_counts: high_counts.into_iter().map(Fr::from).collect(),
            labels: labels.scalars(),
            bins: summary.bins.map(Fr::from).to_vec(),
            blinders,
            mask,
        })
    }
}

impl Statement for ColumnWide {
    type Public = ColumnWidePublic;
    type Witness = ColumnWideWitness;

    fn circuit(&self) -> CircuitId {
        match *self {
            Self::FULL => COLUMN_WIDE,
            Self::SMALL => COLUMN_WIDE_1016,
            // Other sizes serve exhaustive tests; no key is registered for them.
            _ => CircuitId("column-wide/1/unregistered"),
        }
    }

    fn inputs(&self, public: &ColumnWidePublic) -> Vec<Fr> {
        vec![
            Fr::from(public.step),
            Fr::from(public.padding),
            public.filler,
            public.zeta,
            public.column,
            public.labels,
            public.summary,
        ]
    }

    fn committed(&self, witness: &ColumnWideWitness) -> Vec<Fr> {
        [
            &witness.values,
            &witness.low,
            &witness.high,
            &witness.low_counts,
            &witness.high_counts,
            &witness.labels,
            &witness.bins,
        ]
        .into_iter()
        .flatten()
        .chain(&witness.blinders)
        .copied()
        .chain([witness.mask])
        .collect()
    }

    fn check(
        &self,
        public: &ColumnWidePublic,
        witness: &ColumnWideWitness,
    ) -> Result<(), Unsatisfied> {
        let zeta = public.zeta;
        if witness.values.len() != self.rows + BLINDERS || witness.labels.len() + 1 != self.grid {
            return Err(Unsatisfied(format!("the block does not have {} rows", self.rows)));
        }
        check_evaluation("cells", &witness.values, zeta, public.column)?;
        check_evaluation("labels", &witness.labels, zeta, public.labels)?;
        let summary = count(self.rows(public, witness)?)?;
        let mut opened = summary.coefficients(&witness.blinders);
        // Padding rows are counted in: one cell each, of value 2t.
        let held = public.filler.double();
        let counted = [Fr::ONE, Fr::ZERO, held, held.square()];
        for (number, more) in opened.iter_mut().zip(counted) {
            *number += Fr::from(public.padding) * more;
        }
        check_evaluation("numbers of the summary", &opened, zeta, public.summary)
    }

    fn synthesize(
        &self,
        cs: ConstraintSystemRef<Fr>,
        public: &ColumnWidePublic,
        witness: &ColumnWideWitness,
    ) -> Result<(), SynthesisError> {
        let cs = &cs;
        let rows = self.rows;
        let one = Wire::constant(Fr::ONE);
        let zero = Wire::constant(Fr::ZERO);

        let step = Wire::input(cs, Fr::from(public.step))?;
        let padding = Wire::input(cs, Fr::from(public.padding))?;
        let filler = Wire::input(cs, public.filler)?;
        let zeta = Challenge::input(cs, public.zeta)?;
        let column = cs.new_input_variable(|| Ok(public.column))?;
        let opened_labels = cs.new_input_variable(|| Ok(public.labels))?;
        let opened_summary = cs.new_input_variable(|| Ok(public.summary))?;
        let values = inputs(cs, &witness.values, rows + BLINDERS)?;
        let low = inputs(cs, &witness.low, rows)?;
        let high = inputs(cs, &witness.high, rows)?;
        let low_counts = inputs(cs, &witness.low_counts, self.steps)?;
        let high_counts = inputs(cs, &witness.high_counts, self.grid)?;
        let labels = inputs(cs, &witness.labels, self.grid - 1)?;
        let bins = inputs(cs, &witness.bins, BINS)?;
        let blinders = inputs(cs, &witness.blinders, SUMMARY_BLINDERS)?;
        // The mask: no constraint but its consistency row speaks of it.
        let _ = Wire::input(cs, witness.mask)?;

        let mut squares = Vec::with_capacity(rows);
        for ((value, low), high) in values.iter().zip(&low).zip(&high) {
            let sum = low.plus(high);
            let present = value.minus(&sum);
            let missing = one.minus(&present);
            // W1: a cell is present or not.
            enforce_product(cs, &present, &missing, &zero)?;
            // W2: a missing one has no value, so it is zero; else it is 1 + w + W.
            enforce_product(cs, &sum, &missing, &zero)?;
            // W3: its square.
            squares.push(value.times(cs, value)?);
        }
        // W4: w is below the step: neither w nor step − 1 − w is negative.
        let complement = |wire: &Wire| step.minus(wire).plus_constant(-Fr::ONE);
        let items: Vec<Wire> = low.iter().flat_map(|w| [w.clone(), complement(w)]).collect();
        let numbers = (0u64..).map(|number| Wire::constant(Fr::from(number)));
        let mut table: Vec<(Wire, Wire)> = low_counts.iter().cloned().zip(numbers).collect();
        table.push((padding.clone(), filler.clone()));
        table.push((padding.clone(), complement(&filler)));
        zeta.enforce_lookup(cs, &items, &table)?;
        // W5: W is a multiple of the step.
        let multiples = (0u64..).map(|number| step.scaled(Fr::from(number)));
        let mut table: Vec<(Wire, Wire)> = high_counts.iter().cloned().zip(multiples).collect();
        table.push((padding, filler.plus_constant(-Fr::ONE)));
        zeta.enforce_lookup(cs, &high, &table)?;

        let sum = |factor: Fr, wires: &[Wire]| -> Vec<(Fr, Wire)> {
            wires.iter().map(|wire| (factor, wire.clone())).collect()
        };
        let cells = sum(Fr::ONE, &values[..rows]);
        let parts = [cells.clone(), sum(-Fr::ONE, &low), sum(-Fr::ONE, &high)].concat();
        let present = Wire::combination(parts.iter().map(|(factor, wire)| (*factor, wire)));
        let missing = Wire::constant(Fr::from(rows as u64)).minus(&present);
        // C2: labels are those of the chart.
        zeta.enforce_evaluation(cs, opened_labels, &labels)?;
        // C3: bins count the cells by label. Missing cells stand in the first cell of the grid, which
        // belongs to the first bin, beside those that count.
        let first = high_counts[0].minus(&missing);
        zeta.enforce_bins(cs, &high_counts, &labels, &bins, &first)?;
        // C4: the summary is the opened one.
        let head = [
            present,
            missing,
            Wire::combination(cells.iter().map(|(factor, wire)| (*factor, wire))),
            Wire::combination(squares.iter().map(|square| (Fr::ONE, square))),
        ];
        let terms: Vec<Wire> = head.into_iter().chain(bins).chain(blinders).collect();
        zeta.enforce_evaluation(cs, opened_summary, &terms)?;
        // H: cells are those of the opened column.
        zeta.enforce_evaluation(cs, column, &values)
    }

    fn example(&self) -> (ColumnWidePublic, ColumnWideWitness) {
        // A step below the greatest, bins over most of the grid, its last cell not allowed; two rows of
        // padding.
        let step = (self.steps as u64 * 3 / 4).max(1);
        let cells = (self.grid as u64).saturating_sub(1);
        let width = cells.div_ceil(BINS as u64);
        let starts = (0..).map(|bin| bin * width).take_while(|start| *start < cells);
        let edges: Vec<u64> = starts.chain([cells]).map(|start| 1 + start * step).collect();
        let chart = Chart::new(step, edges).expect("edges increase on the grid");
        let active = self.rows.saturating_sub(2).max(1);
        let cells: Vec<u64> =
            (0..active as u64).map(|row| row * 10_000_019 % (chart.highest() + 1)).collect();
        let filler = Fr::from(0x0f11_1e4d_0123_4567u64);
        let zeta = Fr::from(0x5eed_0123_4567_89abu64);
        let column_blinders = std::array::from_fn(|j| Fr::from(1_000_003 + j as u64));
        let blinders = std::array::from_fn(|j| Fr::from(2_000_003 + j as u64));
        let mask = Fr::from(99u64);
        let witness =
            ColumnWideWitness::new(self, &chart, &cells, &column_blinders, filler, blinders, mask)
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
#[path = "column_wide_tests.rs"]
mod tests;
