//! Constraints and witnesses in iden3's formats, which public tools read.
//!
//! Instance variables keep their order and become public inputs, committed ones too: a verifier of
//! the public tools would see them, ours replaces them by a commitment, and the key is the same.
//! Source: <https://github.com/iden3/r1csfile/blob/master/doc/r1cs_bin_format.md>.

use std::io::{self, Write};

use ark_bn254::Fr;
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_relations::gr1cs::{
    ConstraintSystem, ConstraintSystemRef, Matrix, OptimizationGoal, R1CS_PREDICATE_LABEL,
    SynthesisError, SynthesisMode,
};

use super::container::{self, modulus, plain};
use crate::proof::KeyError;
use crate::statement::Statement;

/// The constraints of a circuit: `A·x ∘ B·x = C·x` for the vector `x` of the constant one, the
/// instance variables and the witness variables.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Constraints {
    a: Matrix<Fr>,
    b: Matrix<Fr>,
    c: Matrix<Fr>,
    instance: usize,
    witness: usize,
}

impl Constraints {
    /// Writes a statement out.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when the circuit cannot be written out.
    pub fn of<S: Statement>(statement: &S) -> Result<Self, KeyError> {
        let failed = |error: SynthesisError| KeyError::Generation(error.to_string());
        let (public, witness) = statement.example();
        let cs = ConstraintSystem::<Fr>::new_ref();
        cs.set_optimization_goal(OptimizationGoal::Constraints);
        cs.set_mode(SynthesisMode::Setup);
        statement.synthesize(cs.clone(), &public, &witness).map_err(failed)?;
        cs.finalize();
        Self::from_system(&cs)
    }

    /// Takes a finalised system's constraints.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when it has none.
    pub fn from_system(cs: &ConstraintSystemRef<Fr>) -> Result<Self, KeyError> {
        let matrices = cs
            .to_matrices()
            .map_err(|error| KeyError::Generation(error.to_string()))?
            .remove(R1CS_PREDICATE_LABEL)
            .and_then(|matrices| <[Matrix<Fr>; 3]>::try_from(matrices).ok());
        let [a, b, c] =
            matrices.ok_or_else(|| KeyError::Generation("no rank-1 constraints".into()))?;
        Ok(Self {
            a,
            b,
            c,
            instance: cs.num_instance_variables(),
            witness: cs.num_witness_variables(),
        })
    }

    /// The three matrices.
    #[must_use]
    pub fn matrices(&self) -> [&Matrix<Fr>; 3] {
        [&self.a, &self.b, &self.c]
    }

    /// Instance variables, the constant one included.
    #[must_use]
    pub fn instance(&self) -> usize {
        self.instance
    }

    /// Variables, the constant one included.
    #[must_use]
    pub fn variables(&self) -> usize {
        self.instance.saturating_add(self.witness)
    }

    /// Constraints, without the consistency rows of instance variables.
    #[must_use]
    pub fn len(&self) -> usize {
        self.a.len()
    }

    /// Whether there is no constraint.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.a.is_empty()
    }

    /// The evaluation domain: constraints, and a consistency row for each instance variable.
    #[must_use]
    pub fn domain(&self) -> Option<GeneralEvaluationDomain<Fr>> {
        GeneralEvaluationDomain::new(self.len().saturating_add(self.instance))
    }

    /// The same variables under some of the constraints only.
    #[must_use]
    pub fn retain(&self, keep: impl Fn(usize) -> bool) -> Self {
        let cut = |matrix: &Matrix<Fr>| {
            let rows = matrix.iter().enumerate().filter(|(row, _)| keep(*row));
            rows.map(|(_, terms)| terms.clone()).collect()
        };
        Self { a: cut(&self.a), b: cut(&self.b), c: cut(&self.c), ..*self }
    }

    /// Writes an `.r1cs` file.
    ///
    /// # Errors
    /// When the writer fails, or the circuit is too large for the format.
    pub fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        let number = |value: usize| {
            u32::try_from(value).map(u32::to_le_bytes).map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidInput, "too large for the r1cs format")
            })
        };
        let mut header = modulus::<Fr>();
        header.extend(number(self.variables())?);
        header.extend(number(0)?); // public outputs
        header.extend(number(self.instance.saturating_sub(1))?); // public inputs
        header.extend(number(0)?); // private inputs: all private variables are internal
        header.extend((self.variables() as u64).to_le_bytes());
        header.extend(number(self.len())?);

        let mut rows = Vec::new();
        for ((a, b), c) in self.a.iter().zip(&self.b).zip(&self.c) {
            for side in [a, b, c] {
                let mut terms: Vec<&(Fr, usize)> = side.iter().collect();
                terms.sort_unstable_by_key(|(_, wire)| *wire);
                rows.extend(number(terms.len())?);
                for (factor, wire) in terms {
                    rows.extend(number(*wire)?);
                    rows.extend(plain(factor));
                }
            }
        }
        let labels = (0..self.variables() as u64).flat_map(u64::to_le_bytes).collect();
        container::write(writer, b"r1cs", 1, &[(1, header), (2, rows), (3, labels)])
    }
}

/// Writes a `.wtns` file: the values of all variables, the constant one first.
///
/// # Errors
/// When the writer fails, or there are too many values for the format.
pub fn write_witness(values: &[Fr], writer: &mut impl Write) -> io::Result<()> {
    let count = u32::try_from(values.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "too many values"))?;
    let mut header = modulus::<Fr>();
    header.extend(count.to_le_bytes());
    let payload = values.iter().flat_map(plain).collect();
    container::write(writer, b"wtns", 2, &[(1, header), (2, payload)])
}
