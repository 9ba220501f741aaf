//! A circuit written out with one assignment, which may be false.

use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystem, R1CS_PREDICATE_LABEL};

use super::{Position, Row};
use crate::statement::Statement;

/// A circuit's constraints and what its variables hold.
pub struct Assignment {
    pub(super) rows: Vec<Row>,
    /// The constant, instance variables, witness variables.
    pub values: Vec<Fr>,
    /// Instance variables, the constant included.
    pub instance: usize,
}

impl Assignment {
    /// Writes a statement out.
    ///
    /// # Panics
    /// If it cannot be: this is a test.
    #[must_use]
    pub fn new<S: Statement>(statement: &S, public: &S::Public, witness: &S::Witness) -> Self {
        let cs = ConstraintSystem::<Fr>::new_ref();
        statement.synthesize(cs.clone(), public, witness).expect("a witness of the right shape");
        cs.finalize();
        let mut matrices = cs.to_matrices().expect("matrices were asked for");
        let matrices = matrices.remove(R1CS_PREDICATE_LABEL).expect("rank-1 constraints");
        let mut values = cs.instance_assignment().expect("an assignment");
        let instance = values.len();
        values.extend(cs.witness_assignment().expect("an assignment"));
        let [a, b, c] = [0, 1, 2].map(|side: usize| matrices[side].iter());
        let rows = a
            .zip(b)
            .zip(c)
            .map(|((a, b), c)| {
                let sides = [a.clone(), b.clone(), c.clone()];
                let mut variables: Vec<Position> =
                    sides.iter().flatten().map(|(_, at)| *at).filter(|at| *at != 0).collect();
                variables.sort_unstable();
                variables.dedup();
                Row { sides, variables }
            })
            .collect();
        Self { rows, values, instance }
    }

    /// Whether a constraint holds.
    #[must_use]
    pub fn holds(&self, row: usize) -> bool {
        self.rows[row].holds(&self.values)
    }

    /// The constraints that do not hold, in the order in which they are written.
    #[must_use]
    pub fn broken(&self) -> Vec<usize> {
        (0..self.rows.len()).filter(|row| !self.holds(*row)).collect()
    }

    /// The variables of the second matrix, the expensive one.
    #[must_use]
    pub fn second(&self) -> Vec<Position> {
        let second = |row: &Row| row.sides[1].iter().map(|(_, at)| *at).collect::<Vec<_>>();
        self.rows.iter().flat_map(second).collect()
    }
}

/// The constraints that an assignment breaks.
///
/// # Panics
/// If the statement cannot be written out: this is a test.
#[must_use]
pub fn broken<S: Statement>(statement: &S, public: &S::Public, witness: &S::Witness) -> Vec<usize> {
    Assignment::new(statement, public, witness).broken()
}
