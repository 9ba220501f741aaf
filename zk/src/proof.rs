//! Groth16 proofs, their keys, and plain circuits: those without committed inputs.
//!
//! Keys, proofs and single verification are arkworks' (Groth, <https://eprint.iacr.org/2016/260>);
//! A prover of our own makes the same proofs sooner, and [`crate::batch`] verifies many at once. This
//! module fixes bytes, refuses everything degenerate, and turns a false witness into an error before
//! any time is spent on it. Depends on [`crate::statement`], [`crate::point`] and [`crate::field`].

use std::sync::{Arc, OnceLock};

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::pairing::Pairing;
use ark_ff::UniformRand;
use ark_groth16::{Groth16, PreparedVerifyingKey, prepare_verifying_key};
use borsh::{BorshDeserialize, BorshSerialize};
use rand::{CryptoRng, RngCore};

use crate::batch::{Lines, PreparedPoint};
use crate::field::{hash_parts, parse_hex};
use crate::msm;
use crate::point::{G1Point, G2Point};
use crate::prover::{self, Layout};
use crate::statement::Statement;

pub use crate::error::{KeyError, ProofError, ProveError};
pub use crate::prover::Assignment;

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
        let fresh = Groth16::<Bn254>::rerandomize_proof(&key.prepared.vk, &self.stock(), rng);
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

/// What a verifying key is made of, as bytes. Infinity is refused in every place when it is decoded.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct KeyPoints {
    alpha: G1Point,
    beta: G2Point,
    gamma: G2Point,
    delta: G2Point,
    /// Bases of the constant one and of every public input. Those of committed inputs are left out.
    bases: Vec<G1Point>,
    /// Base of the proofs of knowledge, for circuits with committed inputs.
    sigma: Option<G2Point>,
}

/// A verifying key that passed every check, prepared.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    prepared: PreparedVerifyingKey<Bn254>,
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
        Ok(msm::sum(self.bases().get(1..).unwrap_or_default(), inputs) + constant)
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

/// How a key turns constraints into polynomials. Verification is the same for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reduction {
    /// arkworks' own, of keys generated here: the key holds `τ^i·Z(τ)/δ`, and takes the coefficients
    /// of the quotient by the vanishing polynomial `Z`.
    #[default]
    Libsnark,
    /// Circom's, of keys that the public ceremony tools make: the key holds the odd Lagrange
    /// polynomials of the domain of twice the size at τ, over δ, and takes the values of `A·B − C` at
    /// its odd points. At the even ones it is zero.
    Circom,
}

/// A proving key, and the bases of its proofs of knowledge.
#[derive(Clone, Debug)]
pub struct ProvingKey {
    stock: ark_groth16::ProvingKey<Bn254>,
    /// `σ·γABC_j` for every committed input.
    knowledge: Vec<G1Affine>,
    sigma: Option<G2Affine>,
    reduction: Reduction,
    /// The circuit, once something was proven.
    layout: OnceLock<Arc<Layout>>,
}

impl PartialEq for ProvingKey {
    fn eq(&self, other: &Self) -> bool {
        (&self.stock, &self.knowledge, &self.sigma, self.reduction)
            == (&other.stock, &other.knowledge, &other.sigma, other.reduction)
    }
}

impl ProvingKey {
    /// Puts a key together. `knowledge` has one base for each committed input, the last instance
    /// variables.
    #[must_use]
    pub fn new(
        stock: ark_groth16::ProvingKey<Bn254>,
        knowledge: Vec<G1Affine>,
        sigma: Option<G2Affine>,
    ) -> Self {
        let reduction = Reduction::default();
        Self { stock, knowledge, sigma, reduction, layout: OnceLock::new() }
    }

    /// The same key for another reduction.
    #[must_use]
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// How it turns constraints into polynomials.
    #[must_use]
    pub fn reduction(&self) -> Reduction {
        self.reduction
    }

    /// Whether δ is the same in both groups. It carries the randomness that hides the witness.
    #[must_use]
    pub fn has_one_delta(&self) -> bool {
        let (first, second) = (self.stock.delta_g1, self.stock.vk.delta_g2);
        first.is_on_curve()
            && !first.is_zero()
            && Bn254::pairing(first, G2Affine::generator())
                == Bn254::pairing(G1Affine::generator(), second)
    }

    /// arkworks' part of the key.
    #[must_use]
    pub fn stock(&self) -> &ark_groth16::ProvingKey<Bn254> {
        &self.stock
    }

    /// Bases of the proofs of knowledge.
    pub fn knowledge(&self) -> &[G1Affine] {
        &self.knowledge
    }

    /// `[σ]₂`.
    #[must_use]
    pub fn sigma(&self) -> Option<&G2Affine> {
        self.sigma.as_ref()
    }

    /// `γABC` of the committed inputs.
    pub fn committed_bases(&self) -> &[G1Affine] {
        let all = &self.stock.vk.gamma_abc_g1;
        all.get(all.len().saturating_sub(self.knowledge.len())..).unwrap_or_default()
    }

    /// The verifier's part: bases of the committed inputs left out.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when a point is degenerate.
    pub fn verifying_key(&self, circuit: &str) -> Result<VerifyingKey, KeyError> {
        let malformed =
            |reason: String| KeyError::Malformed { circuit: circuit.to_owned(), reason };
        let g1 = |point: &G1Affine| G1Point::new(*point).map_err(|e| malformed(e.to_string()));
        let g2 = |point: &G2Affine| G2Point::new(*point).map_err(|e| malformed(e.to_string()));
        let vk = &self.stock.vk;
        let public = vk
            .gamma_abc_g1
            .len()
            .checked_sub(self.knowledge.len())
            .filter(|public| *public > 0)
            .ok_or_else(|| malformed("more committed inputs than instance variables".into()))?;
        let points = KeyPoints {
            alpha: g1(&vk.alpha_g1)?,
            beta: g2(&vk.beta_g2)?,
            gamma: g2(&vk.gamma_g2)?,
            delta: g2(&vk.delta_g2)?,
            bases: vk.gamma_abc_g1.iter().take(public).map(g1).collect::<Result<_, _>>()?,
            sigma: self.sigma.as_ref().map(g2).transpose()?,
        };
        let bytes = borsh::to_vec(&points).map_err(|error| malformed(error.to_string()))?;
        VerifyingKey::from_bytes(circuit, &bytes, public - 1, points.sigma.is_some())
    }

    /// Assigns a circuit and checks every constraint. The circuit is written out the first time, and
    /// its constraints are kept with the key.
    ///
    /// # Errors
    /// [`ProveError::Unsatisfied`] in the statement's own words when they know why, and naming the
    /// constraint when they do not.
    pub fn assign<S: Statement>(
        &self,
        statement: &S,
        public: &S::Public,
        witness: &S::Witness,
    ) -> Result<Assignment, ProveError> {
        // Said in words before anything else is done.
        statement.check(public, witness)?;
        let kept = self.layout.get().filter(|kept| kept.circuit() == statement.circuit());
        let layout = match kept {
            Some(layout) => Arc::clone(layout),
            None => {
                let layout = Arc::new(Layout::of(statement)?);
                if layout.fits(&self.stock) {
                    // Whoever was first has written the same.
                    let _ = self.layout.set(Arc::clone(&layout));
                }
                layout
            }
        };
        Assignment::new(&layout, statement, public, witness)
    }

    /// Proves a satisfied assignment.
    ///
    /// # Errors
    /// [`ProveError::Shape`] when the key is for a circuit of another shape.
    pub fn prove<R: RngCore + CryptoRng>(
        &self,
        assignment: Assignment,
        rng: &mut R,
    ) -> Result<Proof, ProveError> {
        let (r, s) = (Fr::rand(rng), Fr::rand(rng));
        Proof::new(&prover::prove(&self.stock, self.reduction, assignment, r, s)?)
    }

    /// What [`ProvingKey::assign`] and [`ProvingKey::prove`] do, by arkworks' own prover: the same
    /// proof for the same randomness.
    ///
    /// # Errors
    /// [`ProveError`] when the circuit cannot be written out. A false witness is not noticed.
    #[cfg(any(test, feature = "testing"))]
    pub fn prove_stock<S: Statement, R: RngCore + CryptoRng>(
        &self,
        statement: &S,
        public: &S::Public,
        witness: &S::Witness,
        rng: &mut R,
    ) -> Result<Proof, ProveError> {
        let (r, s) = (Fr::rand(rng), Fr::rand(rng));
        Proof::new(&prover::prove_stock(&self.stock, statement, public, witness, r, s)?)
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
    if !key.knowledge.is_empty() || !statement.committed(witness).is_empty() {
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
    if key.sigma.is_some() {
        return Err(ProofError::Inputs);
    }
    let prepared = key.prepare(&statement.inputs(public))?;
    key.verify_prepared(proof, &prepared)
}
