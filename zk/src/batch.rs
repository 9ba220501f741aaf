//! Many verifications at once.
//!
//! Every check that a proof, a proof of knowledge or an opening comes down to is an equation of
//! pairings, `E = 1`. A [`Batch`] checks `Π E_i^{z_i} = 1` instead, with 128-bit factors `z_i`: one
//! Miller loop for each proof and a few for each key, and one final exponentiation for all. γ, δ, α·β
//! and σ of a key, `[τ]₂` and `[1]₂` stand in one pairing each, however many checks use them.
//!
//! *Why that is sound.* All points are of prime order `p`, checked when they were decoded, so every
//! `E_i` is a power `g^{e_i}` of one generator, and the batch holds iff `Σ z_i·e_i = 0` modulo `p`. If
//! some `e_i` is not zero, then for any choice of the other factors at most one value of `z_i` makes
//! the sum zero: a chance of 2⁻¹²⁸ for factors that are drawn after every `e_i` is fixed. They are:
//! the factors are hashes of *all* checks, each with the hash of its key, all its inputs, and all its
//! points, so whoever changes anything draws all factors anew (Fiat and Shamir; Bellare, Garay and
//! Rabin, "Fast batch verification", EUROCRYPT 1998). Trying `q` batches succeeds with a chance of
//! `q·2⁻¹²⁸`. The first factor is one, which costs nothing: if only that check is false, the product is
//! false for certain. There is no other randomness, so all machines agree on every batch.
//!
//! A batch that fails is halved until each false check stands alone, with a factor that is not zero:
//! exactly the false ones are refused, and a check that fails alone was false, not unlucky.
//!
//! A caller with several statements pushes one [`Item`] for each, in the order in which errors are to
//! be reported, and asks [`Batch::verify`] for all results, or [`Batch::verify_all`] for the first
//! error. **If all are false, the former takes as many rounds as there are halvings, the latter two**:
//! who pays nothing for what is false gets the latter. [`crate::keys::Verifier::batch`] makes an empty
//! batch.
//! Depends on [`crate::proof`], [`crate::committed`] and [`crate::commitment`].

mod prepared;
mod product;

use std::collections::BTreeMap;
use std::ops::Range;

use ark_bn254::{Bn254, Fr, G1Affine};
use ark_ec::AffineRepr;
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ff::{Field, Zero};
use rayon::prelude::*;

use crate::commitment::batching_factor;
use crate::committed::Commitment;
use crate::field::{hash_parts, scalar_bytes};
use crate::point::{G1OrZero, G1Point};
use crate::proof::{Proof, ProofError, VerifyingKey};

use product::{Group, Term};

pub(crate) use prepared::Lines;
pub use prepared::PreparedPoint;

/// Pairs in one Miller loop: bounds memory, and shares squarings.
const LOOP: usize = 64;

/// So few pairs are got ready by one core: a second one would wake up too late.
const FEW: usize = 4;

/// Something to verify.
#[derive(Clone, Debug)]
pub enum Item<'k> {
    /// A proof without committed inputs.
    Plain {
        /// The circuit's key.
        key: &'k VerifyingKey,
        /// Public inputs in the key's order, the constant one left out.
        inputs: Vec<Fr>,
        /// The proof.
        proof: Proof,
    },
    /// A proof with committed inputs, and that they are known. The caller has drawn the challenge
    /// among `inputs` from the same commitment.
    Committed {
        /// The circuit's key.
        key: &'k VerifyingKey,
        /// Public inputs in the key's order, the constant one left out.
        inputs: Vec<Fr>,
        /// Commitment to the committed inputs.
        commitment: Commitment,
        /// The proof.
        proof: Proof,
    },
    /// That every commitment opens at one point to its value: [`crate::commitment::opens`].
    Opening {
        /// The point.
        zeta: Fr,
        /// Commitments and values.
        claims: Vec<(G1Point, Fr)>,
        /// The witness for all of them.
        witness: G1OrZero,
    },
}

/// One equation of pairings.
#[derive(Debug)]
enum Check<'k> {
    /// `e(A, B) = e(α, β)·e(IC + D, γ)·e(C, δ)`.
    Proof { key: &'k VerifyingKey, inputs: Vec<Fr>, committed: Option<G1Affine>, proof: Box<Proof> },
    /// `e(D, σ) = e(P, 1)`.
    Knowledge { key: &'k VerifyingKey, sigma: &'k PreparedPoint, commitment: Commitment },
    /// `e(Σ λ^i·(C_i − y_i) + ζ·W, 1) = e(W, τ)`.
    Opening { zeta: Fr, lambda: Fr, claims: Vec<(G1Point, Fr)>, witness: G1Affine },
}

impl Check<'_> {
    /// Hash of everything that the equation depends on, `[τ]₂` left out.
    fn hash(&self) -> [u8; 32] {
        match self {
            Self::Proof { key, inputs, committed, proof } => {
                let inputs: Vec<u8> = inputs.iter().flat_map(scalar_bytes).collect();
                let committed = committed.map_or_else(Vec::new, |point| point_bytes(&point));
                hash_parts(
                    "galen/batch/proof/1",
                    &[&key.hash(), &inputs, &committed, &proof.to_bytes()],
                )
            }
            Self::Knowledge { key, commitment, .. } => hash_parts(
                "galen/batch/knowledge/1",
                &[&key.hash(), &commitment.values.to_bytes(), &commitment.knowledge.to_bytes()],
            ),
            Self::Opening { zeta, claims, witness, .. } => {
                let claims: Vec<u8> = claims
                    .iter()
                    .flat_map(|(point, value)| [point.to_bytes(), scalar_bytes(value)].concat())
                    .collect();
                hash_parts(
                    "galen/batch/opening/1",
                    &[&scalar_bytes(zeta), &claims, &point_bytes(witness)],
                )
            }
        }
    }

    fn error(&self) -> ProofError {
        match self {
            Self::Proof { .. } => ProofError::Invalid,
            Self::Knowledge { .. } => ProofError::Knowledge,
            Self::Opening { .. } => ProofError::Opening,
        }
    }
}

/// Coordinates of a point, uncompressed: equal points, equal bytes.
fn point_bytes(point: &G1Affine) -> Vec<u8> {
    let mut bytes = Vec::new();
    ark_serialize::CanonicalSerialize::serialize_uncompressed(point, &mut bytes)
        .expect("a vector takes any number of bytes");
    bytes
}

/// Checks that are done together.
#[derive(Debug)]
pub struct Batch<'k> {
    tau: &'k PreparedPoint,
    checks: Vec<Check<'k>>,
    /// The checks of every item, or why it has none.
    items: Vec<Result<Range<usize>, ProofError>>,
}

impl<'k> Batch<'k> {
    /// An empty batch for openings under `[τ]₂`.
    #[must_use]
    pub fn new(tau: &'k PreparedPoint) -> Self {
        Self { tau, checks: Vec::new(), items: Vec::new() }
    }

    /// Number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing was pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds an item. One that does not fit its key is refused by [`Batch::verify`], and does not
    /// touch the others.
    pub fn push(&mut self, item: Item<'k>) {
        let start = self.checks.len();
        let added = self.split(item);
        self.items.push(added.map(|()| start..self.checks.len()));
    }

    fn split(&mut self, item: Item<'k>) -> Result<(), ProofError> {
        match item {
            Item::Plain { key, inputs, proof } => {
                if key.prepared_sigma().is_some() || inputs.len() != key.inputs() {
                    return Err(ProofError::Inputs);
                }
                let proof = Box::new(proof);
                self.checks.push(Check::Proof { key, inputs, committed: None, proof });
            }
            Item::Committed { key, inputs, commitment, proof } => {
                let sigma = key.prepared_sigma().ok_or(ProofError::Inputs)?;
                if inputs.len() != key.inputs() {
                    return Err(ProofError::Inputs);
                }
                let committed = Some(*commitment.values.affine());
                self.checks.push(Check::Knowledge { key, sigma, commitment });
                let proof = Box::new(proof);
                self.checks.push(Check::Proof { key, inputs, committed, proof });
            }
            Item::Opening { zeta, claims, witness } => {
                let values: Vec<Fr> = claims.iter().map(|(_, value)| *value).collect();
                let lambda = batching_factor(&zeta, &values);
                let witness = *witness.affine();
                self.checks.push(Check::Opening { zeta, lambda, claims, witness });
            }
        }
        Ok(())
    }

    /// Verifies everything. One result for each item, in the order in which they were pushed:
    /// [`ProofError::Inputs`] for an item that does not fit its key, [`ProofError::Knowledge`],
    /// [`ProofError::Invalid`] or [`ProofError::Opening`] for one that is false.
    #[must_use]
    pub fn verify(&self) -> Vec<Result<(), ProofError>> {
        let factors = self.factors();
        let mut held = vec![true; self.checks.len()];
        self.bisect(&factors, 0..self.checks.len(), &mut held);
        self.items
            .iter()
            .map(|item| {
                let mut checks = item.clone()?;
                checks
                    .find(|check| !held[*check])
                    .map_or(Ok(()), |check| Err(self.checks[check].error()))
            })
            .collect()
    }

    /// Verifies everything; what comes after the first false item is not looked at again. Takes at
    /// most about twice what it takes if all are true.
    ///
    /// # Errors
    /// That of the first item that is refused; see [`Batch::verify`].
    pub fn verify_all(&self) -> Result<(), ProofError> {
        let factors = self.factors();
        let first = first_false(self.checks.len(), |range| self.holds(&factors, range));
        for item in &self.items {
            let checks = item.clone()?;
            if let Some(check) = first.filter(|first| checks.contains(first)) {
                return Err(self.checks[check].error());
            }
        }
        Ok(())
    }

    /// Whether everything holds, without looking for what does not: for who refuses all of it together,
    /// or verifies alone what does not hold together.
    #[must_use]
    pub fn holds_all(&self) -> bool {
        self.items.iter().all(Result::is_ok) && self.holds(&self.factors(), 0..self.checks.len())
    }

    /// `z_i`: 128 bits each, not zero, the first one.
    fn factors(&self) -> Vec<Fr> {
        let hashes: Vec<[u8; 32]> = self.checks.par_iter().map(Check::hash).collect();
        let mut tau = Vec::new();
        ark_serialize::CanonicalSerialize::serialize_uncompressed(self.tau.point(), &mut tau)
            .expect("a vector takes any number of bytes");
        let seed = hash_parts("galen/batch/1", &[&tau, &hashes.concat()]);
        (0..self.checks.len() as u64)
            .map(|index| {
                if index == 0 {
                    return Fr::ONE;
                }
                let hash = hash_parts("galen/batch/factor/1", &[&seed, &index.to_le_bytes()]);
                let mut low = [0u8; 16];
                low.copy_from_slice(&hash[..16]);
                Fr::from(u128::from_le_bytes(low).max(1))
            })
            .collect()
    }

    fn bisect(&self, factors: &[Fr], range: Range<usize>, held: &mut [bool]) {
        if range.is_empty() || self.holds(factors, range.clone()) {
            return;
        }
        if range.len() == 1 {
            held[range.start] = false;
            return;
        }
        let middle = range.start + range.len() / 2;
        self.bisect(factors, range.start..middle, held);
        self.bisect(factors, middle..range.end, held);
    }

    /// Whether the product over a range of checks is one.
    fn holds(&self, factors: &[Fr], range: Range<usize>) -> bool {
        let mut terms: Vec<Term<'_>> = Vec::new();
        let mut groups: BTreeMap<[u8; 32], Group<'_>> = BTreeMap::new();
        let mut one = Term::of(PreparedPoint::generator().lines());
        let mut tau = Term::of(self.tau.lines());
        let mut constant = Fr::zero();
        for index in range {
            let (check, z) = (&self.checks[index], factors[index]);
            match check {
                Check::Proof { key, inputs, committed, proof } => {
                    terms.push(Term::with(*proof.a(), -z, *proof.b()));
                    let group = groups.entry(key.hash()).or_insert_with(|| Group::new(key));
                    group.add(z, inputs, committed.as_ref(), proof);
                }
                Check::Knowledge { key, sigma, commitment } => {
                    let group = groups.entry(key.hash()).or_insert_with(|| Group::new(key));
                    group
                        .sigma
                        .get_or_insert_with(|| Term::of(sigma.lines()))
                        .push(*commitment.values.affine(), z);
                    one.push(*commitment.knowledge.affine(), -z);
                }
                Check::Opening { zeta, lambda, claims, witness } => {
                    let mut factor = z;
                    for (commitment, value) in claims {
                        one.push(*commitment.affine(), factor);
                        constant += factor * value;
                        factor *= lambda;
                    }
                    one.push(*witness, z * zeta);
                    tau.push(*witness, -z);
                }
            }
        }
        one.push(G1Affine::generator(), -constant);
        terms.extend(groups.into_values().flat_map(Group::terms));
        terms.extend([one, tau]);
        terms.retain(|term| !term.is_one());
        let product = terms
            .par_chunks(LOOP)
            .map(|terms| {
                let (points, lines): (Vec<G1Affine>, Vec<Lines>) =
                    terms.par_iter().with_min_len(FEW).map(Term::pair).unzip();
                Bn254::multi_miller_loop(points, lines).0
            })
            .product();
        Bn254::final_exponentiation(MillerLoopOutput(product)).is_some_and(|value| value.is_zero())
    }
}

/// The first of `count` checks that is false, if `holds` says of a range whether its product is one.
/// If that of a range is not one and that of its first half is, that of the second half is not.
fn first_false(count: usize, mut holds: impl FnMut(Range<usize>) -> bool) -> Option<usize> {
    let mut range = 0..count;
    if range.is_empty() || holds(range.clone()) {
        return None;
    }
    while range.len() > 1 {
        let middle = range.start + range.len() / 2;
        range = if holds(range.start..middle) { middle..range.end } else { range.start..middle };
    }
    Some(range.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_false_check_is_found_in_twice_the_work_of_a_true_batch() {
        for count in 0..=33 {
            for first in 0..=count {
                for last in first..=count {
                    // False from the first to the last; none if the first is beyond the end.
                    let wrong = |check: usize| (first..=last).contains(&check);
                    let mut work = 0;
                    let found = first_false(count, |mut range| {
                        work += range.len();
                        !range.any(wrong)
                    });
                    assert_eq!(found, Some(first).filter(|first| *first < count));
                    assert!(work <= 2 * count, "{work} checks for {count}");
                }
            }
        }
    }
}
