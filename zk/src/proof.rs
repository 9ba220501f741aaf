//! Groth16 proofs, their keys, and plain circuits: those without committed inputs.
//!
//! Keys, proofs and single verification are arkworks' (Groth, <https://eprint.iacr.org/2016/260>);
//! a prover of our own makes the same proofs sooner, and [`crate::batch`] verifies many at once. This
//! module fixes bytes, refuses everything degenerate, and turns a false witness into an error before
//! any time is spent on it. Depends on [`crate::statement`], [`crate::point`] and [`crate::field`].

mod proving_key;
mod verifying_key;

use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_groth16::Groth16;
use borsh::{BorshDeserialize, BorshSerialize};
use rand::{CryptoRng, RngCore};

use crate::field::parse_hex;
use crate::point::{G1Point, G2Point};
use crate::statement::Statement;

pub use crate::error::{KeyError, ProofError, ProveError};
pub use crate::prover::Assignment;
pub use proving_key::{ProvingKey, Reduction};
pub use verifying_key::VerifyingKey;

/// A Groth16 proof: 128 bytes, every point checked when it is decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Proof {
    a: G1Point,
    b: G2Point,
    c: G1Point,
}

impl Proof {
    /// Length of the encoding in bytes.
    pub const BYTES: usize = 128;

    fn new(stock: &ark_groth16::Proof<Bn254>) -> Result<Self, ProveError> {
        let degenerate = |_| ProveError::Shape("the proof is degenerate");
        Ok(Self {
            a: G1Point::new(stock.a).map_err(degenerate)?,
            b: G2Point::new(stock.b).map_err(degenerate)?,
            c: G1Point::new(stock.c).map_err(degenerate)?,
        })
    }

    pub(crate) fn stock(&self) -> ark_groth16::Proof<Bn254> {
        ark_groth16::Proof { a: *self.a.affine(), b: *self.b.affine(), c: *self.c.affine() }
    }

    pub(crate) fn a(&self) -> &G1Affine {
        self.a.affine()
    }

    pub(crate) fn b(&self) -> &G2Affine {
        self.b.affine()
    }

    pub(crate) fn c(&self) -> &G1Affine {
        self.c.affine()
    }

    /// The encoding: A, B, C, compressed.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0u8; Self::BYTES];
        bytes[..32].copy_from_slice(&self.a.to_bytes());
        bytes[32..96].copy_from_slice(&self.b.to_bytes());
        bytes[96..].copy_from_slice(&self.c.to_bytes());
        bytes
    }

    /// Another proof of the same statement, made without its witness. Nothing may be keyed on the
    /// bytes of a proof.
    #[must_use]
    pub fn rerandomised<R: RngCore + CryptoRng>(&self, key: &VerifyingKey, rng: &mut R) -> Self {
        let fresh = Groth16::<Bn254>::rerandomize_proof(key.stock(), &self.stock(), rng);
        Self::new(&fresh).unwrap_or(*self)
    }
}

impl serde::Serialize for Proof {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", hex::encode(self.to_bytes())))
    }
}

impl<'de> serde::Deserialize<'de> for Proof {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        let bytes = parse_hex::<{ Self::BYTES }>(&text).map_err(serde::de::Error::custom)?;
        borsh::from_slice(&bytes).map_err(serde::de::Error::custom)
    }
}

/// Proves a statement without committed inputs.
///
/// # Errors
/// [`ProveError`] when the witness is false, the circuit has committed inputs, or the key belongs to
/// another circuit.
pub fn prove<S: Statement, R: RngCore + CryptoRng>(
    statement: &S,
    key: &ProvingKey,
    public: &S::Public,
    witness: &S::Witness,
    rng: &mut R,
) -> Result<Proof, ProveError> {
    if !key.knowledge().is_empty() || !statement.committed(witness).is_empty() {
        return Err(ProveError::Shape("the circuit has committed inputs"));
    }
    key.prove(key.assign(statement, public, witness)?, rng)
}

/// Verifies a proof of a statement without committed inputs.
///
/// # Errors
/// [`ProofError::Inputs`] when the key is for another number of inputs or for committed ones,
/// [`ProofError::Invalid`] when the proof does not hold.
pub fn verify<S: Statement>(
    statement: &S,
    key: &VerifyingKey,
    public: &S::Public,
    proof: &Proof,
) -> Result<(), ProofError> {
    if key.sigma().is_some() {
        return Err(ProofError::Inputs);
    }
    let prepared = key.prepare(&statement.inputs(public))?;
    key.verify_prepared(proof, &prepared)
}
