//! Groth16 with committed inputs.
//!
//! A prover replaces the instance variables that it keeps to itself by one commitment
//! `D = Σ x_j·γABC_j` and shows by `P = σ·D` that `D` is made of exactly those bases; challenges are
//! then drawn from `D`. This is the commit-and-prove extension of Groth16 known from gnark as BSB22
//! (<https://eprint.iacr.org/2022/1072>; Groth, <https://eprint.iacr.org/2016/260>). The
//! pairing check is Groth16's; only the sum of prepared inputs is put together here.
//!
//! `D` binds because every instance variable, committed ones too, has a consistency row of its own in
//! arkworks' reduction (the first matrix continues with the identity below the constraints), so
//! the bases are independent. It hides because the last committed value is a random mask that no other
//! constraint touches. `P` keeps `D` from shifting the public inputs. There is one `D` to a proof: two
//! under one σ could trade bases with each other.
//! Depends on [`crate::proof`] and [`crate::statement`].

use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Zero;
use borsh::{BorshDeserialize, BorshSerialize};
use rand::{CryptoRng, RngCore};

use crate::msm;
use crate::point::G1Point;
use crate::proof::{Proof, ProofError, ProveError, ProvingKey, VerifyingKey};
use crate::statement::Statement;

/// A commitment to the committed inputs of one proof, with its proof of knowledge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Commitment {
    /// `D = Σ x_j·γABC_j`.
    pub values: G1Point,
    /// `P = Σ x_j·(σ·γABC_j)`.
    pub knowledge: G1Point,
}

impl Commitment {
    /// Whether `D` is a combination of the bases of committed inputs: `e(D, [σ]₂) = e(P, [1]₂)`.
    #[must_use]
    pub fn is_known(&self, sigma: &G2Affine) -> bool {
        Bn254::multi_pairing(
            [*self.values.affine(), -*self.knowledge.affine()],
            [*sigma, G2Affine::generator()],
        )
        .is_zero()
    }
}

/// First half of a proof: commits to everything that must be fixed before the challenge.
///
/// # Errors
/// [`ProveError::Shape`] when the statement has no committed inputs, or not as many as the key.
pub fn commit<S: Statement>(
    statement: &S,
    key: &ProvingKey,
    witness: &S::Witness,
) -> Result<Commitment, ProveError> {
    let values = statement.committed(witness);
    let bases = key.committed_bases();
    if values.is_empty() || values.len() != bases.len() || values.len() != key.knowledge().len() {
        return Err(ProveError::Shape("the key has another number of committed inputs"));
    }
    let sum = |bases: &[G1Affine]| {
        G1Point::new(msm::sum(bases, &values).into_affine())
            .map_err(|_| ProveError::Shape("the committed inputs sum to zero"))
    };
    Ok(Commitment { values: sum(bases)?, knowledge: sum(key.knowledge())? })
}

/// Second half: the proof itself, for a witness whose committed inputs were committed by [`commit`].
///
/// # Errors
/// [`ProveError`] when the witness is false or the key belongs to another circuit.
pub fn prove<S: Statement, R: RngCore + CryptoRng>(
    statement: &S,
    key: &ProvingKey,
    public: &S::Public,
    witness: &S::Witness,
    rng: &mut R,
) -> Result<Proof, ProveError> {
    key.prove(key.assign(statement, public, witness)?, rng)
}

/// Verifies a proof whose committed inputs are represented by `commitment`. The caller has drawn the
/// challenge among `public` from that same commitment.
///
/// # Errors
/// [`ProofError::Knowledge`] if the commitment is not one to committed inputs of this circuit;
/// [`ProofError::Inputs`] if the key is for another number of inputs; [`ProofError::Invalid`] if the
/// proof does not hold.
pub fn verify<S: Statement>(
    statement: &S,
    key: &VerifyingKey,
    public: &S::Public,
    commitment: &Commitment,
    proof: &Proof,
) -> Result<(), ProofError> {
    let sigma = key.sigma().ok_or(ProofError::Inputs)?;
    if !commitment.is_known(sigma) {
        return Err(ProofError::Knowledge);
    }
    let prepared = key.prepare(&statement.inputs(public))? + commitment.values.affine();
    key.verify_prepared(proof, &prepared)
}
