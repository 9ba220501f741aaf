//! Runs of equal rows, shown by counters: the core of the statements about classes.
//!
//! The last `least` rows of every run count `0, 1, …, least − 1`, every other row counts 0. The
//! counter is 0 in the first row and `least − 1` in the last one; in between it goes on by one or
//! starts again at zero, and where the rows change it was `least − 1` and starts again. So every run
//! has at least `least` rows, if that is at least one. Depends on [`super::logup`] only.

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{ConstraintSystemRef, LinearCombination, SynthesisError, Variable};

use super::logup::{Linear, linear};

/// The counters of an honest witness, without the first and the last one, which are no variables. A
/// run shorter than `least` gets the end of that count, and satisfies nothing.
#[must_use]
pub fn counters(values: &[Fr], least: u32) -> Vec<Fr> {
    let mut counters = vec![Fr::ZERO; values.len()];
    let mut end = values.len();
    for (row, counter) in counters.iter_mut().enumerate().rev() {
        if values.get(row) != values.get(end.saturating_sub(1)) {
            end = row + 1;
        }
        // Rows between this one and the end of its run.
        let after = (end - 1 - row) as u64;
        *counter = Fr::from(u64::from(least).saturating_sub(1).saturating_sub(after));
    }
    counters.get(1..counters.len().saturating_sub(1)).unwrap_or_default().to_vec()
}

/// The counters of a block inside a circuit.
pub struct Counters {
    rows: usize,
    least: Variable,
    inner: Vec<Variable>,
}

impl Counters {
    /// Allocates those of [`counters`].
    ///
    /// # Errors
    /// When a value is missing, or the constraint system refuses an allocation.
    pub fn allocate(
        cs: &ConstraintSystemRef<Fr>,
        rows: usize,
        least: Variable,
        values: &[Fr],
    ) -> Result<Self, SynthesisError> {
        let inner = (1..rows.saturating_sub(1))
            .map(|row| {
                let value = values.get(row - 1).copied();
                cs.new_witness_variable(|| value.ok_or(SynthesisError::AssignmentMissing))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { rows, least, inner })
    }

    fn terms(&self, row: usize, sign: Fr) -> Vec<(Fr, Variable)> {
        match row {
            0 => Vec::new(),
            r if r + 1 == self.rows => vec![(sign, self.least), (-sign, Variable::One)],
            r => vec![(sign, self.inner[r - 1])],
        }
    }

    /// The counter of a row.
    pub fn at(&self, row: usize) -> Linear {
        linear(self.terms(row, Fr::ONE))
    }

    /// One constraint: the counter of a row other than the first goes on by one, or starts again.
    ///
    /// # Errors
    /// When the constraint system refuses the constraint.
    pub fn enforce_count(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        row: usize,
    ) -> Result<(), SynthesisError> {
        let mut step = self.terms(row, Fr::ONE);
        step.extend(self.terms(row - 1, -Fr::ONE));
        step.push((-Fr::ONE, Variable::One));
        cs.enforce_r1cs_constraint(|| self.at(row), || linear(step), LinearCombination::new)
    }

    /// One constraint: if a row other than the first differs from the one before it, which makes
    /// `change` other than zero, the counter was `least − 1` and starts again.
    ///
    /// # Errors
    /// When the constraint system refuses the constraint.
    pub fn enforce_change(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        row: usize,
        change: Linear,
    ) -> Result<(), SynthesisError> {
        let mut short = self.terms(row - 1, Fr::ONE);
        short.extend(self.terms(row, -Fr::ONE));
        short.extend([(-Fr::ONE, self.least), (Fr::ONE, Variable::One)]);
        cs.enforce_r1cs_constraint(|| change, || linear(short), LinearCombination::new)
    }
}
