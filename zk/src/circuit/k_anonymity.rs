//! k-anonymity of one row block: rows that agree on every quasi-identifier stand together in runs of
//! at least `k`.
//!
//! In words: let `v` be the block's `N` combined quasi-identifiers followed by eight blinders, the
//! vector whose polynomial takes the value `Y` at the challenge `ζ` once multiplied by `1 − X`. Then
//! every maximal run of equal entries among the first `N` has at least `k` of them.
//!
//! The circuit sees the differences of `v`, committed before `ζ` was drawn, so that most committed
//! values are zero. Counters show the runs: the last `k` rows of every run count `0, 1, …, k−1`.
//! Full-size witnesses stand in the first and third matrix only, which keeps them out of the
//! expensive multiplication in the second group. Depends on
//! [`super::runs`], [`super::logup`] and [`crate::statement`].

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::logup::{Linear, horner, linear, partial_sums, single};
use super::runs::{Counters, counters};
use crate::commitment::{BLINDERS, evaluate};
use crate::statement::{CircuitId, Statement, Unsatisfied};

/// Rows of a block: with the overhead of [`KAnonymity`] it just fits a domain of 2^17.
pub const BLOCK_ROWS: usize = 32_760;

/// Rows of the small block that tests use: just fits a domain of 2^12.
pub const SMALL_BLOCK_ROWS: usize = 1_016;

/// The statement for blocks of `BLOCK_ROWS` rows.
pub const K_ANONYMITY: CircuitId = CircuitId("k-anonymity/1/32760");

/// The statement for blocks of `SMALL_BLOCK_ROWS` rows.
pub const K_ANONYMITY_SMALL: CircuitId = CircuitId("k-anonymity/1/1016");

/// The statement at one size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KAnonymity {
    /// Rows of the block, padding included. At least two.
    pub rows: usize,
}

/// What both sides know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KAnonymityPublic {
    /// The least number of rows in a class; at least one. Zero proves nothing and is refused by
    /// whoever builds this value from a claim.
    pub k: u32,
    /// The challenge, drawn after the differences were committed.
    pub zeta: Fr,
    /// `(1 − ζ)·V(ζ)` less the last term: the value at `ζ` of the polynomial of the differences.
    pub y: Fr,
}

/// What the prover knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KAnonymityWitness {
    /// `d_0..d_{N+7}`: differences of the combined column and blinders, the first against zero.
    pub differences: Vec<Fr>,
    /// Random mask: hides the committed values.
    pub mask: Fr,
    /// `c_1..c_{N−2}`; the ends are fixed at 0 and `k − 1`.
    pub counters: Vec<Fr>,
    /// `h_1..h_{N+7}`: partial Horner sums. Empty until the challenge is known.
    pub horner: Vec<Fr>,
}

impl KAnonymityWitness {
    /// Builds the witness that exists before the challenge: `values` are the `N` combined cells,
    /// padding filled in, in row order.
    #[must_use]
    pub fn new(values: &[Fr], blinders: &[Fr; BLINDERS], mask: Fr, k: u32) -> Self {
        let mut previous = Fr::ZERO;
        let differences = values
            .iter()
            .chain(blinders)
            .map(|value| {
                let difference = *value - previous;
                previous = *value;
                difference
            })
            .collect();
        Self { differences, mask, counters: counters(values, k), horner: Vec::new() }
    }

    /// The coefficients of `(1 − X)·V(X)`: the differences, and what is left at the end.
    fn coefficients(&self) -> Vec<Fr> {
        let closing = -self.differences.iter().sum::<Fr>();
        self.differences.iter().copied().chain([closing]).collect()
    }

    /// Adds the partial sums for a challenge.
    #[must_use]
    pub fn at(mut self, zeta: Fr) -> Self {
        self.horner = partial_sums(zeta, &self.coefficients()).1;
        self
    }

    /// The honest `Y` for these differences.
    #[must_use]
    pub fn evaluation(&self, zeta: Fr) -> Fr {
        evaluate(&self.coefficients(), zeta)
    }
}

impl Statement for KAnonymity {
    type Public = KAnonymityPublic;
    type Witness = KAnonymityWitness;

    fn circuit(&self) -> CircuitId {
        match self.rows {
            BLOCK_ROWS => K_ANONYMITY,
            SMALL_BLOCK_ROWS => K_ANONYMITY_SMALL,
            // Other sizes serve exhaustive tests; no key is registered for them.
            _ => CircuitId("k-anonymity/1/unregistered"),
        }
    }

    fn inputs(&self, public: &KAnonymityPublic) -> Vec<Fr> {
        vec![Fr::from(public.k), public.zeta, public.y]
    }

    fn committed(&self, witness: &KAnonymityWitness) -> Vec<Fr> {
        witness.differences.iter().copied().chain([witness.mask]).collect()
    }

    fn check(
        &self,
        public: &KAnonymityPublic,
        witness: &KAnonymityWitness,
    ) -> Result<(), Unsatisfied> {
        if public.k == 0 {
            return Err(Unsatisfied("k is zero".into()));
        }
        if self.rows < 2 || witness.differences.len() != self.rows + BLINDERS {
            return Err(Unsatisfied(format!("the block does not have {} rows", self.rows)));
        }
        let mut run = 0u32;
        for (row, difference) in witness.differences.iter().take(self.rows).enumerate() {
            if row > 0 && *difference != Fr::ZERO {
                enough(run, public.k, row)?;
                run = 0;
            }
            run = run.saturating_add(1);
        }
        enough(run, public.k, self.rows)?;
        if witness.evaluation(public.zeta) != public.y {
            return Err(Unsatisfied("the rows are not those of the opened columns".into()));
        }
        Ok(())
    }

    fn synthesize(
        &self,
        cs: ConstraintSystemRef<Fr>,
        public: &KAnonymityPublic,
        witness: &KAnonymityWitness,
    ) -> Result<(), SynthesisError> {
        let rows = self.rows;
        let given = |values: &[Fr], index: usize| {
            values.get(index).copied().ok_or(SynthesisError::AssignmentMissing)
        };

        let k = cs.new_input_variable(|| Ok(Fr::from(public.k)))?;
        let zeta = cs.new_input_variable(|| Ok(public.zeta))?;
        let y = cs.new_input_variable(|| Ok(public.y))?;
        let differences = (0..rows + BLINDERS)
            .map(|r| cs.new_input_variable(|| given(&witness.differences, r)))
            .collect::<Result<Vec<_>, _>>()?;
        // The mask: no constraint but its consistency row speaks of it.
        let _ = cs.new_input_variable(|| Ok(witness.mask))?;

        let counters = Counters::allocate(&cs, rows, k, &witness.counters)?;
        for (row, difference) in differences.iter().enumerate().take(rows).skip(1) {
            // K1 and K2.
            counters.enforce_count(&cs, row)?;
            counters.enforce_change(&cs, row, single(*difference))?;
        }
        // H, from Y to −Σ d: the committed differences are those of the polynomial opened outside.
        let closing = linear(differences.iter().map(|difference| (-Fr::ONE, *difference)));
        let terms: Vec<Linear> = differences.iter().copied().map(single).chain([closing]).collect();
        horner(&cs, zeta, y, &terms, &witness.horner)
    }

    fn example(&self) -> (KAnonymityPublic, KAnonymityWitness) {
        // Classes of three rows, the last of up to five: enough for k = 2 at every size above one.
        let values: Vec<Fr> = (0..self.rows)
            .map(|row| Fr::from((row / 3).min((self.rows / 3).saturating_sub(1)) as u64 + 7))
            .collect();
        let blinders = std::array::from_fn(|j| Fr::from(1_000_003 + j as u64));
        let zeta = Fr::from(0x5eed_0123_4567_89abu64);
        let witness = KAnonymityWitness::new(&values, &blinders, Fr::from(99u64), 2).at(zeta);
        let y = witness.evaluation(zeta);
        (KAnonymityPublic { k: 2, zeta, y }, witness)
    }
}

fn enough(run: u32, k: u32, end: usize) -> Result<(), Unsatisfied> {
    if run < k {
        return Err(Unsatisfied(format!(
            "a class that ends before row {end} has {run} rows, not {k}"
        )));
    }
    Ok(())
}

#[cfg(test)]
#[path = "k_anonymity_tests.rs"]
mod tests;
