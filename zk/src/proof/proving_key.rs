//! Proving keys, and proofs of satisfied assignments. Depends on [`super::VerifyingKey`] and
//! [`crate::prover`].

use std::sync::{Arc, OnceLock};

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::pairing::Pairing;
use ark_ff::UniformRand;
use rand::{CryptoRng, RngCore};

use super::verifying_key::KeyPoints;
use super::{Assignment, KeyError, Proof, ProveError, VerifyingKey};
use crate::point::{G1Point, G2Point};
use crate::prover::{self, Layout};
use crate::statement::Statement;

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
