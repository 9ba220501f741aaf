//! l-diversity of one row block: every class of rows that agree on every quasi-identifier has at least
//! `l` different values of a sensitive column, missing ones not counted (distinct l-diversity;
//! Machanavajjhala et al., "ℓ-Diversity: Privacy Beyond k-Anonymity", ICDE 2006).
//!
//! In words: let `q` be the block's `N` combined quasi-identifiers and `s` its sensitive cells, each
//! followed by eight blinders, the vectors whose polynomials have the values at the challenge `ζ` that
//! [`LDiversityPublic`] holds. Then the rows in which `q` has any one value hold at least `l` different
//! values of `s` that are not zero.
//!
//! Counters as in [`super::runs`] single out the last `l` rows of each run of equal `q`. In these,
//! `s` falls from row to row by at least one, and the last of them is at least one; every step is at
//! most the largest code `W`, which a lookup shows, so that the `l` cells are different integers
//! between 1 and `l·W`, far below the field's order.
//!
//! - [`Order::Tail`]: the rows stand in that order. Every l-diverse class of codes up to `W` can be so
//!   arranged: the `l` smallest of its values last, the largest of them first, and any other row
//!   before them. The differences of `q` are committed, most of which are zero.
//! - [`Order::Any`]: the rows of a class stand in any order, so that several sensitive columns can be
//!   proven of one block. The rule holds for a view `s'` of the column, and the multisets of `q + s`
//!   and `q + s'` are equal. `q` is a combination with random factors drawn after the columns were
//!   committed, none of which is one, so `q + s` is a fingerprint of a row's class and value. **Were
//!   `q` a small code, this would prove nothing.**
//!
//! A padding row `r` has the random padding value as its `q`, and `s = N − r`: a class in tail order.
//! In the second matrix full-size values stand only where `ζ` meets `q`. Depends on [`super::runs`],
//! [`super::logup`], [`crate::commitment`] and [`crate::statement`].

mod witness;

use ark_bn254::Fr;
use ark_ff::Field;
use ark_relations::gr1cs::{ConstraintSystemRef, LinearCombination, SynthesisError, Variable};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::k_anonymity::{BLOCK_ROWS, SMALL_BLOCK_ROWS};
use super::logup::{Linear, constant, equal_sums, fractions, geometric, horner, linear, single};
use super::runs::Counters;
use crate::commitment::{BLINDERS, Column};
use crate::statement::{CircuitId, Statement, Unsatisfied};

pub use witness::LDiversityWitness;

/// Tail order, blocks of `BLOCK_ROWS` rows.
pub const L_DIVERSITY_TAIL: CircuitId = CircuitId("l-diversity-tail/1/32760");

/// Tail order, blocks of `SMALL_BLOCK_ROWS` rows.
pub const L_DIVERSITY_TAIL_SMALL: CircuitId = CircuitId("l-diversity-tail/1/1016");

/// Any order, blocks of `BLOCK_ROWS` rows.
pub const L_DIVERSITY_ANY: CircuitId = CircuitId("l-diversity-any/1/32760");

/// Any order, blocks of `SMALL_BLOCK_ROWS` rows.
pub const L_DIVERSITY_ANY_SMALL: CircuitId = CircuitId("l-diversity-any/1/1016");

/// How the rows of a class stand.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Each class ends with `l` rows whose sensitive values are strictly decreasing and not missing.
    Tail,
    /// As it comes.
    Any,
}

/// The largest code of a sensitive column for which a diverse class can always be proven: 65,536 in
/// tail order, 32,768 in any order, and less in small blocks, so that each just fits its domain. A class
/// with greater codes can be proven if its `l` smallest are no further apart than this.
#[must_use]
pub const fn largest_code(rows: usize, order: Order) -> u32 {
    match (rows, order) {
        (BLOCK_ROWS, Order::Tail) => 65_536,
        (BLOCK_ROWS, Order::Any) => 32_768,
        (SMALL_BLOCK_ROWS, Order::Tail) => 3_072,
        (SMALL_BLOCK_ROWS, Order::Any) => 1_536,
        // Other sizes serve exhaustive tests.
        _ => 3,
    }
}

/// The statement at one size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LDiversity {
    /// Rows of the block, padding included. At least two.
    pub rows: usize,
    /// How the rows of a class stand.
    pub order: Order,
}

/// What both sides know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LDiversityPublic {
    /// The least number of different values in a class; at least one. Zero proves nothing and is
    /// refused by whoever builds this value from a claim, as is padding shorter than `l`.
    pub l: u32,
    /// The challenge, drawn after everything else was committed.
    pub zeta: Fr,
    /// The value at `ζ` of the padded `q`: in tail order of its differences.
    pub y_q: Fr,
    /// The value at `ζ` of the padded `s`.
    pub y_s: Fr,
}

/// The openings of a block's columns, from which a verifier computes the public values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LDiversityOpenings {
    /// Active rows of the block, at most all.
    pub active: usize,
    /// The value that fills `q` in the other rows.
    pub padding: Fr,
    /// The combined quasi-identifiers at the challenge.
    pub combined: Fr,
    /// The sensitive column at the challenge.
    pub sensitive: Fr,
}

impl LDiversityPublic {
    /// The public values for columns opened at `zeta`: padding is added to them in closed form.
    #[must_use]
    pub fn new(statement: &LDiversity, l: u32, zeta: Fr, openings: &LDiversityOpenings) -> Self {
        let (active, rows) = (openings.active, statement.rows);
        let one = Fr::ONE;
        let y_q = match statement.order {
            Order::Tail => {
                let power = |exponent: usize| zeta.pow([exponent as u64]);
                (one - zeta) * openings.combined
                    + openings.padding * (power(active) - power(rows.max(active)))
            }
            Order::Any => openings.combined + openings.padding * geometric(zeta, active, rows),
        };
        Self { l, zeta, y_q, y_s: openings.sensitive + descending(zeta, active, rows) }
    }
}

/// `Σ (to − r)·ζ^r` over `from ≤ r < to`.
fn descending(zeta: Fr, from: usize, to: usize) -> Fr {
    let count = to.saturating_sub(from) as u64;
    match (zeta - Fr::ONE).inverse() {
        Some(inverse) => {
            let sum = geometric(zeta, from.saturating_add(1), to.saturating_add(1));
            (sum - Fr::from(count) * zeta.pow([from as u64])) * inverse
        }
        None => (1..=count).map(Fr::from).sum(),
    }
}

impl LDiversity {
    /// The largest code of [`largest_code`].
    #[must_use]
    pub const fn largest_code(&self) -> u32 {
        largest_code(self.rows, self.order)
    }
}

impl Statement for LDiversity {
    type Public = LDiversityPublic;
    type Witness = LDiversityWitness;

    fn circuit(&self) -> CircuitId {
        match (self.rows, self.order) {
            (BLOCK_ROWS, Order::Tail) => L_DIVERSITY_TAIL,
            (BLOCK_ROWS, Order::Any) => L_DIVERSITY_ANY,
            (SMALL_BLOCK_ROWS, Order::Tail) => L_DIVERSITY_TAIL_SMALL,
            (SMALL_BLOCK_ROWS, Order::Any) => L_DIVERSITY_ANY_SMALL,
            // Other sizes serve exhaustive tests; no key is registered for them.
            (_, Order::Tail) => CircuitId("l-diversity-tail/1/unregistered"),
            (_, Order::Any) => CircuitId("l-diversity-any/1/unregistered"),
        }
    }

    fn inputs(&self, public: &LDiversityPublic) -> Vec<Fr> {
        vec![Fr::from(public.l), public.zeta, public.y_q, public.y_s]
    }

    fn committed(&self, witness: &LDiversityWitness) -> Vec<Fr> {
        [&witness.classes, &witness.cells, &witness.view, &witness.slacks, &witness.multiplicities]
            .into_iter()
            .flatten()
            .copied()
            .chain([witness.mask])
            .collect()
    }

    fn check(
        &self,
        public: &LDiversityPublic,
        witness: &LDiversityWitness,
    ) -> Result<(), Unsatisfied> {
        if public.l == 0 {
            return Err(Unsatisfied("l is zero".into()));
        }
        let rows = self.rows;
        let view = if self.order == Order::Any { rows } else { 0 };
        if rows < 2
            || witness.classes.len() != rows + BLINDERS
            || witness.cells.len() != rows + BLINDERS
            || witness.view.len() != view
        {
            return Err(Unsatisfied(format!("the block does not have {rows} rows")));
        }
        witness.is_diverse(self, public.l)?;
        let (y_q, y_s) = witness.evaluations(self, public.zeta);
        if y_q != public.y_q || y_s != public.y_s {
            return Err(Unsatisfied("the rows are not those of the opened columns".into()));
        }
        Ok(())
    }

    fn synthesize(
        &self,
        cs: ConstraintSystemRef<Fr>,
        public: &LDiversityPublic,
        witness: &LDiversityWitness,
    ) -> Result<(), SynthesisError> {
        let rows = self.rows;
        let any = self.order == Order::Any;
        let l = cs.new_input_variable(|| Ok(Fr::from(public.l)))?;
        let zeta = cs.new_input_variable(|| Ok(public.zeta))?;
        let y_q = cs.new_input_variable(|| Ok(public.y_q))?;
        let y_s = cs.new_input_variable(|| Ok(public.y_s))?;
        let committed = |values: &[Fr], count: usize| {
            (0..count)
                .map(|i| {
                    let value = values.get(i).copied();
                    cs.new_input_variable(|| value.ok_or(SynthesisError::AssignmentMissing))
                })
                .collect::<Result<Vec<Variable>, _>>()
        };
        let classes = committed(&witness.classes, rows + BLINDERS)?;
        let cells = committed(&witness.cells, rows + BLINDERS)?;
        let view = committed(&witness.view, if any { rows } else { 0 })?;
        let slacks = committed(&witness.slacks, rows - 1)?;
        let counts = committed(&witness.multiplicities, self.largest_code() as usize)?;
        // The mask: no constraint but its consistency row speaks of it.
        committed(&[witness.mask], 1)?;

        let one = Fr::ONE;
        let minus_one = (-one, Variable::One);
        let counters = Counters::allocate(&cs, rows, l, &witness.counters)?;
        // The cells in the order that the rule speaks of.
        let ordered = if any { &view } else { &cells };
        for row in 1..rows {
            let change = if any {
                linear([(one, classes[row]), (-one, classes[row - 1])])
            } else {
                single(classes[row])
            };
            let (above, slack) = (ordered[row - 1], slacks[row - 1]);
            // L1: the counter goes on by one, or starts again at zero.
            counters.enforce_count(&cs, row)?;
            // L2: where the class changes, the counter was l − 1. For the last row this follows from
            // the rest: if l > 1, its counter is not zero, so L3 and L4 together would make its cell
            // zero, which L5 forbids; if l = 1, L4 alone says what there is to say.
            if row + 1 < rows {
                counters.enforce_change(&cs, row, change.clone())?;
            }
            // L3: where the counter is not zero, the cell above is greater.
            let step = [(one, above), (-one, ordered[row]), minus_one, (-one, slack)];
            cs.enforce_r1cs_constraint(
                || counters.at(row),
                || linear(step),
                LinearCombination::new,
            )?;
            // L4: where the class changes, the cell above is not missing.
            let last = [(one, above), minus_one, (-one, slack)];
            cs.enforce_r1cs_constraint(|| change, || linear(last), LinearCombination::new)?;
        }

        // L5: slacks are below W, and so is what the last cell has above one.
        let end = linear([(one, ordered[rows - 1]), minus_one]);
        let items = slacks.iter().copied().map(single).chain([end]);
        let items = items.map(|item| (constant(one), item));
        let found = fractions(&cs, zeta, items, &witness.lookups)?;
        let table =
            counts.iter().zip(0u64..).map(|(count, entry)| (single(*count), constant(entry)));
        let held = fractions(&cs, zeta, table, &witness.table)?;
        equal_sums(&cs, &found, &held)?;

        // L6: rows and view have the same fingerprints.
        if any {
            let sums = |side: &[Variable], values: &[Fr]| {
                let items = classes.iter().zip(side).take(rows);
                let items = items.map(|(q, s)| (constant(one), linear([(one, *q), (one, *s)])));
                fractions(&cs, zeta, items, values)
            };
            let (of_cells, of_view) =
                witness.fingerprints.split_at(witness.fingerprints.len().min(rows));
            equal_sums(&cs, &sums(&cells, of_cells)?, &sums(&view, of_view)?)?;
        }

        // H: both vectors are those of the polynomials opened outside.
        let mut terms: Vec<Linear> = classes.iter().copied().map(single).collect();
        if !any {
            terms.push(linear(classes.iter().map(|difference| (-one, *difference))));
        }
        horner(&cs, zeta, y_q, &terms, &witness.class_sums)?;
        let terms: Vec<Linear> = cells.iter().copied().map(single).collect();
        horner(&cs, zeta, y_s, &terms, &witness.cell_sums)
    }

    fn example(&self) -> (LDiversityPublic, LDiversityWitness) {
        // Classes of three rows, the last of up to five, with the values 1 and 2 in an order that the
        // statement allows, and missing ones.
        let class = |row: usize| (row / 3).min((self.rows / 3).saturating_sub(1));
        let last = |row: usize| row + 1 == self.rows || class(row + 1) != class(row);
        let cells: Vec<u64> = (0..self.rows)
            .map(|row| match self.order {
                Order::Tail if last(row) => 1,
                Order::Tail if last(row + 1) => 2,
                Order::Any if row == 3 * class(row) => 1,
                Order::Any if row == 3 * class(row) + 1 => 2,
                _ => 0,
            })
            .collect();
        let combined: Vec<Fr> =
            (0..self.rows).map(|row| Fr::from(1_000_007 * (class(row) as u64 + 1))).collect();
        let blinders = std::array::from_fn(|j| Fr::from(1_000_003 + j as u64));
        let sensitive = Column { cells: &cells, blinders };
        let zeta = Fr::from(0x5eed_0123_4567_89abu64);
        let mask = Fr::from(99u64);
        let witness =
            LDiversityWitness::new(self, 2, &combined, &blinders, &sensitive, Fr::ONE, mask)
                .expect("every class has the values 1 and 2")
                .at(self, zeta);
        let (y_q, y_s) = witness.evaluations(self, zeta);
        (LDiversityPublic { l: 2, zeta, y_q, y_s }, witness)
    }
}

#[cfg(test)]
mod tests;
