//! Groth16 proving: the same proofs as arkworks', byte for byte for the same randomness, sooner.
//!
//! What does not depend on the witness is made once for each key: the constraint matrices, with
//! coefficients by number, so that most products with them are none. For a proof, a circuit is then
//! only assigned; every constraint is checked on the kept matrices, and the values that this takes are
//! those that the quotient polynomial is made of. Multiples are summed by [`crate::msm`], transforms
//! done by [`crate::fft`]. Groth, <https://eprint.iacr.org/2016/260>; the reduction to quadratic
//! arithmetic programs is that of the key. Depends on [`crate::statement`] and [`crate::proof`].

use std::collections::HashMap;

use ark_bn254::{Bn254, Fr, G1Projective, G2Projective};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{
    ConstraintSystem, ConstraintSystemRef, Matrix, OptimizationGoal, R1CS_PREDICATE_LABEL,
    SynthesisMode,
};
use rayon::prelude::*;

use crate::error::ProveError;
use crate::fft::Domain;
use crate::msm;
use crate::product::Product;
use crate::proof::Reduction;
use crate::statement::{CircuitId, Statement, Unsatisfied};

/// The constraints of a circuit.
#[derive(Debug)]
pub(crate) struct Layout {
    circuit: CircuitId,
    instance: usize,
    variables: usize,
    matrices: [Rows; 3],
}

/// A sparse matrix: rows of coefficients, each with the variable that it is for.
#[derive(Debug)]
struct Rows {
    /// Where each row ends among the terms.
    ends: Vec<u32>,
    /// Variable, and number of the coefficient.
    terms: Vec<(u32, u32)>,
    coefficients: Vec<Fr>,
}

/// Numbers of the two coefficients that need no product.
const ONE: u32 = 0;
const MINUS_ONE: u32 = 1;

impl Rows {
    fn new(matrix: &Matrix<Fr>) -> Result<Self, ProveError> {
        let short =
            |number: usize| u32::try_from(number).map_err(|_| ProveError::Shape("too many terms"));
        let mut coefficients = vec![Fr::ONE, -Fr::ONE];
        let mut numbers = HashMap::from([(Fr::ONE, ONE), (-Fr::ONE, MINUS_ONE)]);
        let (mut ends, mut terms) = (Vec::with_capacity(matrix.len()), Vec::new());
        for row in matrix {
            for (coefficient, variable) in row {
                let next = short(coefficients.len())?;
                let number = *numbers.entry(*coefficient).or_insert_with(|| {
                    coefficients.push(*coefficient);
                    next
                });
                terms.push((short(*variable)?, number));
            }
            ends.push(short(terms.len())?);
        }
        Ok(Self { ends, terms, coefficients })
    }

    /// The product of every row with the assignment.
    fn times(&self, values: &[Fr]) -> Vec<Fr> {
        let start = |row: usize| row.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.ends
            .par_iter()
            .enumerate()
            .with_min_len(256)
            .map(|(row, end)| {
                let mut sum = Fr::ZERO;
                for (variable, number) in &self.terms[start(row)..*end as usize] {
                    let value = &values[*variable as usize];
                    match *number {
                        ONE => sum += value,
                        MINUS_ONE => sum -= value,
                        number => sum += self.coefficients[number as usize].product(value),
                    }
                }
                sum
            })
            .collect()
    }
}

impl Layout {
    /// Writes a circuit out by its example.
    ///
    /// # Errors
    /// [`ProveError::Synthesis`] and [`ProveError::Shape`] for what is no rank-1 circuit.
    pub(crate) fn of<S: Statement>(statement: &S) -> Result<Self, ProveError> {
        let (public, witness) = statement.example();
        let cs = ConstraintSystem::<Fr>::new_ref();
        cs.set_optimization_goal(OptimizationGoal::Constraints);
        cs.set_mode(SynthesisMode::Setup);
        statement.synthesize(cs.clone(), &public, &witness)?;
        cs.finalize();
        let matrices = matrices(&cs)?;
        let [a, b, c] = matrices.as_slice() else {
            return Err(ProveError::Shape("not three matrices"));
        };
        Ok(Self {
            circuit: statement.circuit(),
            instance: cs.num_instance_variables(),
            variables: cs.num_instance_variables() + cs.num_witness_variables(),
            matrices: [Rows::new(a)?, Rows::new(b)?, Rows::new(c)?],
        })
    }

    pub(crate) fn circuit(&self) -> CircuitId {
        self.circuit
    }

    /// Whether a key has as many variables.
    pub(crate) fn fits(&self, key: &ark_groth16::ProvingKey<Bn254>) -> bool {
        key.vk.gamma_abc_g1.len() == self.instance && key.a_query.len() == self.variables
    }
}

fn matrices(cs: &ConstraintSystemRef<Fr>) -> Result<Vec<Matrix<Fr>>, ProveError> {
    cs.to_matrices()?.remove(R1CS_PREDICATE_LABEL).ok_or(ProveError::Shape("no rank-1 constraints"))
}

/// The variables of a circuit for one witness, and the values of its constraints, known to hold.
#[derive(Clone, Debug)]
pub struct Assignment {
    instance: usize,
    values: Vec<Fr>,
    /// Values of the three matrices' rows, one for each constraint.
    rows: [Vec<Fr>; 3],
}

impl Assignment {
    /// Assigns a circuit and checks every constraint.
    ///
    /// # Errors
    /// [`ProveError::Unsatisfied`], naming the constraint that does not hold.
    pub(crate) fn new<S: Statement>(
        layout: &Layout,
        statement: &S,
        public: &S::Public,
        witness: &S::Witness,
    ) -> Result<Self, ProveError> {
        let cs = ConstraintSystem::<Fr>::new_ref();
        cs.set_mode(SynthesisMode::Prove {
            construct_matrices: false,
            generate_lc_assignments: false,
        });
        statement.synthesize(cs.clone(), public, witness)?;
        let assigned =
            cs.into_inner().ok_or(ProveError::Shape("the constraint system was kept"))?.assignments;
        let mut values = assigned.instance_assignment;
        let expected = std::iter::once(Fr::ONE)
            .chain(statement.inputs(public))
            .chain(statement.committed(witness));
        if !expected.eq(values.iter().copied()) {
            return Err(ProveError::Shape("instance variables are not the statement's inputs"));
        }
        let instance = values.len();
        values.extend(assigned.witness_assignment);
        if instance != layout.instance || values.len() != layout.variables {
            return Err(ProveError::Shape("the circuit's shape depends on its witness"));
        }
        let rows = layout.matrices.each_ref().map(|matrix| matrix.times(&values));
        let [a, b, c] = &rows;
        let broken = a.par_iter().zip(b).zip(c).position_first(|((a, b), c)| a.product(b) != *c);
        if let Some(index) = broken {
            return Err(Unsatisfied(format!("constraint {index} does not hold")).into());
        }
        Ok(Self { instance, values, rows })
    }

    /// The variables: the constant one, public and committed inputs, witness.
    pub fn values(&self) -> &[Fr] {
        &self.values
    }
}

/// The proof for `r` and `s`, which are to be random and used once.
///
/// # Errors
/// [`ProveError::Shape`] when the key is for a circuit of another shape.
pub(crate) fn prove(
    key: &ark_groth16::ProvingKey<Bn254>,
    reduction: Reduction,
    assignment: Assignment,
    r: Fr,
    s: Fr,
) -> Result<ark_groth16::Proof<Bn254>, ProveError> {
    let Assignment { instance, values, rows: [mut a, mut b, c] } = assignment;
    let private = values.get(instance..).unwrap_or_default();
    let no_domain = ProveError::Shape("no such domain");
    let domain = Domain::of(a.len() + instance).ok_or(no_domain.clone())?;
    let multiples = match reduction {
        Reduction::Libsnark => domain.size() - 1,
        Reduction::Circom => domain.size(),
    };
    if key.vk.gamma_abc_g1.len() != instance
        || key.a_query.len() != values.len()
        || key.b_g1_query.len() != values.len()
        || key.b_g2_query.len() != values.len()
        || key.l_query.len() != private.len()
        || key.h_query.len() != multiples
    {
        return Err(ProveError::Shape("another number of variables"));
    }
    // Consistency rows: the first matrix goes on with the identity for the instance variables.
    a.extend_from_slice(&values[..instance]);
    b.resize(a.len(), Fr::ZERO);

    // The quotient's multiples and the witness's are one sum: they share the walk through buckets.
    let (last, (a, (b1, b2))) = rayon::join(
        || {
            let mut scalars = match reduction {
                Reduction::Libsnark => domain.quotient(a, b, c),
                Reduction::Circom => domain.odd_values(a, b, c)?,
            };
            scalars.truncate(key.h_query.len());
            scalars.extend_from_slice(private);
            Some(msm::sum(&[key.h_query.as_slice(), &key.l_query].concat(), &scalars))
        },
        || {
            rayon::join(
                || msm::sum(&key.a_query, &values),
                || {
                    rayon::join(
                        || msm::sum(&key.b_g1_query, &values),
                        || msm::sum(&key.b_g2_query, &values),
                    )
                },
            )
        },
    );
    let last = last.ok_or(no_domain)?;
    let a: G1Projective = a + key.vk.alpha_g1 + key.delta_g1 * r;
    let b1: G1Projective = b1 + key.beta_g1 + key.delta_g1 * s;
    let b2: G2Projective = b2 + key.vk.beta_g2 + key.vk.delta_g2 * s;
    let c = a * s + b1 * r - key.delta_g1 * (r * s) + last;
    Ok(ark_groth16::Proof { a: a.into_affine(), b: b2.into_affine(), c: c.into_affine() })
}

/// arkworks' own proof for the same `r` and `s`, circuit written out anew: what [`prove`] is
/// compared with.
///
/// # Errors
/// [`ProveError`] when the circuit cannot be written out.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn prove_stock<S: Statement>(
    key: &ark_groth16::ProvingKey<Bn254>,
    statement: &S,
    public: &S::Public,
    witness: &S::Witness,
    r: Fr,
    s: Fr,
) -> Result<ark_groth16::Proof<Bn254>, ProveError> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    cs.set_mode(SynthesisMode::Prove { construct_matrices: true, generate_lc_assignments: false });
    statement.synthesize(cs.clone(), public, witness)?;
    cs.finalize();
    let mut values = cs.instance_assignment()?.to_vec();
    values.extend(cs.witness_assignment()?);
    Ok(ark_groth16::Groth16::<Bn254>::create_proof_with_reduction_and_matrices(
        key,
        r,
        s,
        &matrices(&cs)?,
        cs.num_instance_variables(),
        cs.num_constraints(),
        &values,
    )?)
}

#[cfg(test)]
#[path = "prover_tests.rs"]
mod tests;
