//! Verifying keys: bytes, checks, and points prepared for pairings. Depends on [`super::Proof`],
//! [`crate::point`] and [`crate::msm`].

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::AffineRepr;
use ark_groth16::{Groth16, PreparedVerifyingKey, prepare_verifying_key};
use borsh::{BorshDeserialize, BorshSerialize};

use super::{KeyError, Proof, ProofError};
use crate::batch::{Lines, PreparedPoint};
use crate::field::hash_parts;
use crate::msm;
use crate::point::{G1Point, G2Point};

/// What a verifying key is made of, as bytes. Infinity is refused in every place when it is decoded.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct KeyPoints {
    pub alpha: G1Point,
    pub beta: G2Point,
    pub gamma: G2Point,
    pub delta: G2Point,
    /// Bases of the constant one and of every public input. Those of committed inputs are left out.
    pub bases: Vec<G1Point>,
    /// Base of the proofs of knowledge, for circuits with committed inputs.
    pub sigma: Option<G2Point>,
}

/// A verifying key that passed every check, prepared.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    prepared: PreparedVerifyingKey<Bn254>,
    inputs: msm::Table<ark_bn254::g1::Config>,
    beta: PreparedPoint,
    sigma: Option<PreparedPoint>,
    hash: [u8; 32],
    bytes: Vec<u8>,
}

impl VerifyingKey {
    /// Decodes and checks a key for `circuit`, which has `inputs` public inputs and, if `committed`,
    /// committed ones.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for bytes that are no key, points at infinity or outside their group,
    /// `γ = δ` (under which proofs are forged from public values), a σ that is missing or trivial,
    /// and another number of inputs.
    pub fn from_bytes(
        circuit: &str,
        bytes: &[u8],
        inputs: usize,
        committed: bool,
    ) -> Result<Self, KeyError> {
        let malformed =
            |reason: String| KeyError::Malformed { circuit: circuit.to_owned(), reason };
        let points: KeyPoints =
            borsh::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
        if points.bases.len() != inputs.saturating_add(1) {
            return Err(malformed(format!(
                "{} bases for {inputs} inputs and the constant",
                points.bases.len()
            )));
        }
        if points.gamma == points.delta {
            return Err(malformed("gamma equals delta".into()));
        }
        if points.sigma.is_some() != committed {
            return Err(malformed("proof-of-knowledge base missing or superfluous".into()));
        }
        if points.sigma.is_some_and(|sigma| *sigma.affine() == G2Affine::generator()) {
            return Err(malformed("proof-of-knowledge base is trivial".into()));
        }
        Ok(Self::build(&points, bytes.to_vec()))
    }

    fn build(points: &KeyPoints, bytes: Vec<u8>) -> Self {
        let stock = ark_groth16::VerifyingKey {
            alpha_g1: *points.alpha.affine(),
            beta_g2: *points.beta.affine(),
            gamma_g2: *points.gamma.affine(),
            delta_g2: *points.delta.affine(),
            gamma_abc_g1: points.bases.iter().map(|base| *base.affine()).collect(),
        };
        Self {
            prepared: prepare_verifying_key(&stock),
            inputs: msm::Table::new(stock.gamma_abc_g1.get(1..).unwrap_or_default()),
            beta: PreparedPoint::new(stock.beta_g2),
            sigma: points.sigma.map(|sigma| PreparedPoint::new(*sigma.affine())),
            hash: hash_parts("galen/verifying-key/1", &[&bytes]),
            bytes,
        }
    }

    /// The canonical bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// arkworks' form of the key: bases of committed inputs left out.
    pub(crate) fn stock(&self) -> &ark_groth16::VerifyingKey<Bn254> {
        &self.prepared.vk
    }

    /// Hash of the canonical bytes: what is pinned, and what challenges depend on.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// `[σ]₂`, if the circuit has committed inputs.
    #[must_use]
    pub fn sigma(&self) -> Option<&G2Affine> {
        self.sigma.as_ref().map(PreparedPoint::point)
    }

    /// Number of public inputs, the constant one and committed ones left out.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.bases().len().saturating_sub(1)
    }

    pub(crate) fn bases(&self) -> &[G1Affine] {
        &self.prepared.vk.gamma_abc_g1
    }

    pub(crate) fn alpha(&self) -> &G1Affine {
        &self.prepared.vk.alpha_g1
    }

    pub(crate) fn prepared_beta(&self) -> &PreparedPoint {
        &self.beta
    }

    /// Of −γ, as arkworks keeps it.
    pub(crate) fn prepared_gamma(&self) -> &Lines {
        &self.prepared.gamma_g2_neg_pc
    }

    /// Of −δ, as arkworks keeps it.
    pub(crate) fn prepared_delta(&self) -> &Lines {
        &self.prepared.delta_g2_neg_pc
    }

    pub(crate) fn prepared_sigma(&self) -> Option<&PreparedPoint> {
        self.sigma.as_ref()
    }

    /// The sum of the bases of public inputs.
    ///
    /// # Errors
    /// [`ProofError::Inputs`] for another number of inputs than the key has bases.
    pub fn prepare(&self, inputs: &[Fr]) -> Result<G1Projective, ProofError> {
        if inputs.len() != self.inputs() {
            return Err(ProofError::Inputs);
        }
        let constant = self.bases().first().ok_or(ProofError::Inputs)?;
        Ok(self.inputs.sum(inputs) + constant)
    }

    /// The pairing check for prepared inputs.
    ///
    /// # Errors
    /// [`ProofError::Invalid`] if it does not hold.
    pub fn verify_prepared(
        &self,
        proof: &Proof,
        prepared: &G1Projective,
    ) -> Result<(), ProofError> {
        match Groth16::<Bn254>::verify_proof_with_prepared_inputs(
            &self.prepared,
            &proof.stock(),
            prepared,
        ) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(ProofError::Invalid),
        }
    }
}
