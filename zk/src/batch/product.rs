//! The product of pairings that a batch comes down to: what has one second argument in common is one
//! pairing. Depends on [`crate::proof`] for keys, and on [`crate::msm`].

use ark_bn254::{Fr, G1Affine, G2Affine};
use ark_ec::CurveGroup;
use ark_ff::{Field, Zero};

use super::prepared::Lines;
use crate::msm;
use crate::proof::{Proof, VerifyingKey};

/// What the checks under one key have in common.
pub(super) struct Group<'a> {
    key: &'a VerifyingKey,
    /// `Σ z`.
    weight: Fr,
    /// `Σ z·x_j` for the constant one and each input.
    inputs: Vec<Fr>,
    gamma: Term<'a>,
    delta: Term<'a>,
    pub sigma: Option<Term<'a>>,
}

impl<'a> Group<'a> {
    pub fn new(key: &'a VerifyingKey) -> Self {
        Self {
            key,
            weight: Fr::zero(),
            inputs: vec![Fr::zero(); key.bases().len()],
            gamma: Term::of(key.prepared_gamma()),
            delta: Term::of(key.prepared_delta()),
            sigma: None,
        }
    }

    pub fn add(&mut self, z: Fr, inputs: &[Fr], committed: Option<&G1Affine>, proof: &Proof) {
        self.weight += z;
        for (sum, input) in self.inputs.iter_mut().zip(std::iter::once(&Fr::ONE).chain(inputs)) {
            *sum += z * input;
        }
        if let Some(point) = committed {
            self.gamma.push(*point, -z);
        }
        self.delta.push(*proof.c(), -z);
    }

    /// Prepared γ and δ are those of the negated points, so their sums are negated too.
    pub fn terms(mut self) -> impl Iterator<Item = Term<'a>> {
        for (base, sum) in self.key.bases().iter().zip(&self.inputs) {
            self.gamma.push(*base, -*sum);
        }
        let mut alpha = Term::of(self.key.prepared_beta().lines());
        alpha.push(*self.key.alpha(), self.weight);
        [alpha, self.gamma, self.delta].into_iter().chain(self.sigma)
    }
}

/// `e(Σ scalar·point, lines)`.
pub(super) struct Term<'a> {
    points: Vec<G1Affine>,
    scalars: Vec<Fr>,
    lines: Side<'a>,
}

/// The second argument of a pairing.
enum Side<'a> {
    Prepared(&'a Lines),
    Point(G2Affine),
}

impl<'a> Term<'a> {
    pub fn of(lines: &'a Lines) -> Self {
        Self { points: Vec::new(), scalars: Vec::new(), lines: Side::Prepared(lines) }
    }

    /// With one point of the second group of its own.
    pub fn with(point: G1Affine, scalar: Fr, other: G2Affine) -> Self {
        Self { points: vec![point], scalars: vec![scalar], lines: Side::Point(other) }
    }

    /// Whether it contributes nothing.
    pub fn is_one(&self) -> bool {
        self.scalars.iter().all(Fr::is_zero)
    }

    pub fn push(&mut self, point: G1Affine, scalar: Fr) {
        self.points.push(point);
        self.scalars.push(scalar);
    }

    pub fn pair(&self) -> (G1Affine, Lines) {
        let lines = match &self.lines {
            Side::Prepared(lines) => (*lines).clone(),
            Side::Point(point) => (*point).into(),
        };
        (msm::sum(&self.points, &self.scalars).into_affine(), lines)
    }
}
