//! Why proofs are refused, not made, or have no key.
//!
//! Depends on [`crate::statement`] and [`crate::commitment`] for their own errors.

use ark_relations::gr1cs::SynthesisError;

use crate::statement::Unsatisfied;

/// Why a proof is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProofError {
    /// No verifying key is registered for this circuit.
    #[error("unknown circuit {0}")]
    UnknownCircuit(String),
    /// The statement's inputs are not those of the key, or not those that the claim implies.
    #[error("the public inputs are not those of the claim")]
    Inputs,
    /// The claim itself is outside its bounds.
    #[error("impossible claim: {0}")]
    Claim(&'static str),
    /// The bundle has not exactly the proofs that it must have.
    #[error("not the expected list of proofs")]
    Proofs,
    /// The bundle opens other columns than its statements use, or in another order.
    #[error("not the expected list of opened columns")]
    Columns,
    /// The commitment to the committed inputs is not made of their bases.
    #[error("the commitment has no valid proof of knowledge")]
    Knowledge,
    /// A column does not open to its claimed value.
    #[error("a column does not open to the claimed value")]
    Opening,
    /// The proof does not hold for these inputs.
    #[error("the proof does not hold")]
    Invalid,
}

/// Why no proof was made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProveError {
    /// The witness does not satisfy the statement.
    #[error("nothing to prove: {0}")]
    Unsatisfied(#[from] Unsatisfied),
    /// Key and statement do not fit together.
    #[error("key and statement do not fit: {0}")]
    Shape(&'static str),
    /// The circuit could not be written down.
    #[error("synthesis failed: {0}")]
    Synthesis(String),
    /// No proving key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A column does not fit its block.
    #[error(transparent)]
    Column(#[from] crate::commitment::CommitError),
    /// A verifier would refuse the result: a claim is impossible, or the columns are not those of the
    /// commitments.
    #[error("a verifier would refuse this: {0}")]
    Refused(#[from] ProofError),
}

impl From<SynthesisError> for ProveError {
    fn from(error: SynthesisError) -> Self {
        Self::Synthesis(error.to_string())
    }
}

/// Why a key cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// The bytes are not the canonical encoding of a key, or a point in it is degenerate.
    #[error("malformed key for {circuit}: {reason}")]
    Malformed {
        /// Which circuit.
        circuit: String,
        /// What is wrong.
        reason: String,
    },
    /// The key's hash is not the pinned one.
    #[error("the key for {0} is not the pinned one")]
    NotPinned(String),
    /// Development parameters in a production network: anybody can forge proofs under them.
    #[error("development parameters can be forged and are refused in production")]
    Forgeable,
    /// No key is registered for this circuit.
    #[error("no key for {0}")]
    Unknown(String),
    /// Keys could not be generated.
    #[error("cannot generate a key: {0}")]
    Generation(String),
    /// The cache directory cannot be used.
    #[error("cannot use the key cache: {0}")]
    Cache(String),
}
