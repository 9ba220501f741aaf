//! The seam between a circuit and everything that proves or verifies it.
//!
//! A [`Statement`] is a relation in three forms that are tested against each other: words and plain
//! Rust ([`Statement::check`]), rank-1 constraints ([`Statement::synthesize`]), and the vector of
//! public inputs that a verifier builds ([`Statement::inputs`]). Depends on arkworks' relations only.

use ark_bn254::Fr;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

/// Names a circuit: a statement, its version and its size. Two circuits never share an id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CircuitId(pub &'static str);

/// Why a witness does not satisfy a statement, in words for a person.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unsatisfied(pub String);

/// A relation between public values and a witness.
pub trait Statement {
    /// Values that both sides know.
    type Public: Clone;
    /// Values that only the prover knows.
    type Witness: Clone;

    /// The circuit's id, size included.
    fn circuit(&self) -> CircuitId;

    /// The public inputs in the order of the verifying key, the leading constant one left out.
    fn inputs(&self, public: &Self::Public) -> Vec<Fr>;

    /// The committed inputs: instance variables that follow those of [`Self::inputs`]. The verifier
    /// never sees them; one commitment to all of them, made before the challenge is drawn, stands in
    /// for them ([`crate::committed`]). They may not depend on anything drawn later, and the last is
    /// a random mask. Most circuits have none.
    fn committed(&self, _witness: &Self::Witness) -> Vec<Fr> {
        Vec::new()
    }

    /// Plain-Rust meaning of the circuit.
    ///
    /// # Errors
    /// The first rule that does not hold.
    fn check(&self, public: &Self::Public, witness: &Self::Witness) -> Result<(), Unsatisfied>;

    /// Writes the constraints. Instance variables are allocated in the order of [`Self::inputs`],
    /// then [`Self::committed`].
    /// A false witness must synthesise to an unsatisfied system rather than fail wherever its
    /// shape allows, so that tests can tamper with it.
    ///
    /// # Errors
    /// When the constraint system refuses an allocation.
    fn synthesize(
        &self,
        cs: ConstraintSystemRef<Fr>,
        public: &Self::Public,
        witness: &Self::Witness,
    ) -> Result<(), SynthesisError>;

    /// A fixed satisfying assignment: parameters are generated from its shape, and samples are
    /// frozen from it.
    fn example(&self) -> (Self::Public, Self::Witness);
}
