//! The σ chain: bases for the proofs of knowledge of one circuit's committed inputs.
//!
//! It starts from the bases `γABC_j` of phase 2 with `[σ]₂ = [1]₂` and `P_j = γABC_j`. Each contributor
//! draws a secret `s`, multiplies all of them by it and forgets it; σ is the product of all secrets, so
//! that nobody knows it if one contributor was honest. Each step carries a proof of knowledge of its
//! `s` (Schnorr's, made non-interactive), bound to everything before it: to the circuit, the key and
//! all earlier steps. Without it a last contributor could choose σ. The steps multiply `[σ]₂`, so
//! only the last `P_j` are kept: `e(P_j, [1]₂) = e(γABC_j, [σ]₂)` for every `j`, checked in one random
//! combination. A public random value, fixed in advance and made after the last contribution, may end
//! the chain. Every circuit and size has a σ of its own.
//!
//! Transcripts travel as files: bounded, one encoding, no bytes left over.

use std::io;

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use borsh::{BorshDeserialize, BorshSerialize};
use rand::{CryptoRng, RngCore};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::phase1::{factors, shifted};
use crate::field::{Scalar, hash_parts, hash_to_scalar};
use crate::point::{G1Point, G2Point};

/// First bytes of a file; the last of them is the format's version.
const MAGIC: &[u8; 8] = b"GALENSG\x01";
/// Most bases: more than any circuit has committed inputs.
const MAX_BASES: usize = 1 << 21;
/// Most steps.
const MAX_STEPS: usize = 1 << 10;
/// Longest name of a contributor or circuit, in bytes.
pub const MAX_NAME: usize = 64;
/// Longest random value that ends a chain, in bytes.
pub const MAX_BEACON: usize = 64;
/// Largest logarithm of the number of hashes over it.
pub const MAX_ITERATIONS: u8 = 24;
/// Least logarithm.
pub const MIN_ITERATIONS: u8 = 10;

/// Why a transcript does not hold. Steps count from one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SigmaError {
    /// The bytes are no transcript.
    #[error("not a transcript: {0}")]
    Encoding(String),
    /// It is for another circuit, or starts from another key.
    #[error("the transcript is for another circuit or another phase 2")]
    Circuit,
    /// The circuit has no committed inputs.
    #[error("the circuit has no committed inputs, so it needs no σ")]
    NotNeeded,
    /// Nobody contributed, so that everybody knows σ.
    #[error("nobody contributed")]
    NoContribution,
    /// A step without knowledge of its secret, or made for another history.
    #[error("step {0}: the contributor has not shown knowledge of its secret for this history")]
    Knowledge(usize),
    /// A step that changes nothing.
    #[error("step {0} changes nothing")]
    Trivial(usize),
    /// Something after the final random value, or that value without its due.
    #[error("step {0}: a final random value that is not final, or not made as it must be")]
    Beacon(usize),
    /// σ is one: proofs of knowledge under it show nothing.
    #[error("σ is one")]
    One,
    /// The bases are not σ times those of the circuit.
    #[error("the bases are not σ times those of the circuit")]
    Bases,
    /// A name that is empty, too long, or cannot be shown.
    #[error("a name must have 1 to {MAX_NAME} bytes and no control characters")]
    Name,
}

/// How a step shows where its secret comes from.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Evidence {
    /// A contributor's secret `s`: `t·[σ]₂` for a random `t`, and `t + c·s`.
    Knowledge {
        /// `t·[σ]₂`.
        nonce: G2Point,
        /// `t + c·s`.
        response: Scalar,
    },
    /// A public random value: `s` is derived from it by `2^iterations` hashes.
    Beacon {
        /// The value.
        value: Vec<u8>,
        /// Logarithm of the number of hashes.
        iterations: u8,
    },
}

/// One multiplication of σ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Who made it, in its own words.
    pub name: String,
    /// `[σ]₂` after it.
    pub sigma: G2Point,
    /// Where the secret comes from.
    pub evidence: Evidence,
}

/// A chain so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transcript {
    circuit: String,
    key: [u8; 32],
    bases: Vec<G1Point>,
    steps: Vec<Step>,
    knowledge: Vec<G1Point>,
}

impl Transcript {
    /// Begins the chain of a circuit: `key` is the hash of its phase 2, `bases` are those of the
    /// committed inputs.
    ///
    /// # Errors
    /// [`SigmaError::NotNeeded`] without bases; [`SigmaError::Encoding`] for a degenerate or for too
    /// many; [`SigmaError::Name`] for an impossible circuit.
    pub fn start(circuit: &str, key: [u8; 32], bases: &[G1Affine]) -> Result<Self, SigmaError> {
        if bases.is_empty() {
            return Err(SigmaError::NotNeeded);
        }
        if bases.len() > MAX_BASES {
            return Err(SigmaError::Encoding("too many bases".into()));
        }
        check_name(circuit)?;
        let bases: Vec<G1Point> = bases
            .par_iter()
            .map(|base| G1Point::new(*base))
            .collect::<Result<_, _>>()
            .map_err(|error| SigmaError::Encoding(error.to_string()))?;
        let knowledge = bases.clone();
        Ok(Self { circuit: circuit.to_owned(), key, bases, steps: Vec::new(), knowledge })
    }

    /// The circuit's id.
    #[must_use]
    pub fn circuit(&self) -> &str {
        &self.circuit
    }

    /// Hash of the phase 2 that it starts from.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        self.key
    }

    /// The steps, oldest first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// `[σ]₂`.
    pub fn sigma(&self) -> G2Affine {
        self.steps.last().map_or_else(G2Affine::generator, |step| *step.sigma.affine())
    }

    /// `P_j = σ·γABC_j`.
    #[must_use]
    pub fn knowledge(&self) -> Vec<G1Affine> {
        self.knowledge.iter().map(|point| *point.affine()).collect()
    }

    /// Whether it starts from this circuit, key and bases.
    #[must_use]
    pub fn is_for(&self, circuit: &str, key: &[u8; 32], bases: &[G1Affine]) -> bool {
        self.circuit == circuit
            && self.key == *key
            && self.bases.iter().map(G1Point::affine).eq(bases)
    }

    /// Hash of the beginning and all steps: what a contributor publishes, and what the next one's
    /// proof is bound to.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash_after(self.steps.len())
    }

    fn beginning(&self) -> [u8; 32] {
        let bases: Vec<u8> = self.bases.iter().flat_map(G1Point::to_bytes).collect();
        hash_parts("galen/sigma/start/1", &[self.circuit.as_bytes(), &self.key, &bases])
    }

    fn hash_after(&self, steps: usize) -> [u8; 32] {
        self.steps.iter().take(steps).fold(self.beginning(), |hash, step| step.hash(&hash))
    }

    /// Multiplies σ by a fresh secret, after the chain so far was checked.
    ///
    /// # Errors
    /// What [`Transcript::check`] finds (a chain without a step is fine here), [`SigmaError::Name`],
    /// and [`SigmaError::Beacon`] if the chain has ended.
    pub fn contribute<R: RngCore + CryptoRng>(
        &mut self,
        name: &str,
        rng: &mut R,
    ) -> Result<(), SigmaError> {
        self.extendable(name, rng)?;
        let hash = self.hash();
        let old = self.sigma();
        let mut secret = nontrivial(rng);
        let mut nonce_secret = nontrivial(rng);
        let sigma = point((old * secret).into_affine())?;
        let nonce = point((old * nonce_secret).into_affine())?;
        let challenge = challenge(&hash, name, &old, &sigma, &nonce)?;
        let response = Scalar(nonce_secret + challenge * secret);
        let result = self.multiply(secret);
        secret.zeroize();
        nonce_secret.zeroize();
        result?;
        let evidence = Evidence::Knowledge { nonce, response };
        self.steps.push(Step { name: name.to_owned(), sigma, evidence });
        Ok(())
    }

    /// Ends the chain with a public random value.
    ///
    /// # Errors
    /// As [`Transcript::contribute`]; [`SigmaError::NoContribution`] if nobody contributed before.
    pub fn beacon<R: RngCore + CryptoRng>(
        &mut self,
        name: &str,
        value: &[u8],
        iterations: u8,
        rng: &mut R,
    ) -> Result<(), SigmaError> {
        self.extendable(name, rng)?;
        let number = self.steps.len().saturating_add(1);
        if self.steps.is_empty() {
            return Err(SigmaError::NoContribution);
        }
        let secret = beacon_secret(&self.hash(), name, value, iterations)
            .ok_or(SigmaError::Beacon(number))?;
        let sigma = point((self.sigma() * secret).into_affine())?;
        self.multiply(secret)?;
        let evidence = Evidence::Beacon { value: value.to_vec(), iterations };
        self.steps.push(Step { name: name.to_owned(), sigma, evidence });
        Ok(())
    }

    fn extendable<R: RngCore + CryptoRng>(
        &self,
        name: &str,
        rng: &mut R,
    ) -> Result<(), SigmaError> {
        check_name(name)?;
        let last = self.steps.last().map(|step| &step.evidence);
        if matches!(last, Some(Evidence::Beacon { .. })) || self.steps.len() >= MAX_STEPS {
            return Err(SigmaError::Beacon(self.steps.len()));
        }
        if self.steps.is_empty() {
            return if self.knowledge == self.bases { Ok(()) } else { Err(SigmaError::Bases) };
        }
        self.check(rng)
    }

    fn multiply(&mut self, secret: Fr) -> Result<(), SigmaError> {
        let scaled: Vec<G1Projective> =
            self.knowledge.par_iter().map(|base| *base.affine() * secret).collect();
        self.knowledge = G1Projective::normalize_batch(&scaled)
            .into_par_iter()
            .map(G1Point::new)
            .collect::<Result<_, _>>()
            .map_err(|error| SigmaError::Encoding(error.to_string()))?;
        Ok(())
    }

    /// Checks the whole chain. `rng` draws the factors of the combination: whoever knows them
    /// beforehand could pass wrong bases.
    ///
    /// # Errors
    /// [`SigmaError`] naming the first step that does not hold.
    pub fn check<R: RngCore + CryptoRng>(&self, rng: &mut R) -> Result<(), SigmaError> {
        let mut hash = self.beginning();
        let mut old = G2Affine::generator();
        let mut contributions = 0usize;
        for (number, step) in (1..).zip(&self.steps) {
            check_name(&step.name)?;
            let new = step.sigma.affine();
            if *new == old {
                return Err(SigmaError::Trivial(number));
            }
            match &step.evidence {
                Evidence::Knowledge { nonce, response } => {
                    let challenge = challenge(&hash, &step.name, &old, &step.sigma, nonce)?;
                    if old * response.0 != *new * challenge + nonce.affine() {
                        return Err(SigmaError::Knowledge(number));
                    }
                    contributions = contributions.saturating_add(1);
                }
                Evidence::Beacon { value, iterations } => {
                    let secret = beacon_secret(&hash, &step.name, value, *iterations)
                        .ok_or(SigmaError::Beacon(number))?;
                    let last = number == self.steps.len() && number > 1;
                    if !last || (old * secret).into_affine() != *new {
                        return Err(SigmaError::Beacon(number));
                    }
                }
            }
            hash = step.hash(&hash);
            old = *new;
        }
        if contributions == 0 {
            return Err(SigmaError::NoContribution);
        }
        if old == G2Affine::generator() {
            return Err(SigmaError::One);
        }
        if self.knowledge.len() != self.bases.len() {
            return Err(SigmaError::Bases);
        }
        let factors = factors(self.bases.len(), rng);
        let sum = |points: &[G1Point]| {
            let points: Vec<G1Affine> = points.iter().map(|point| *point.affine()).collect();
            G1Projective::msm_unchecked(&points, &factors)
        };
        if !shifted(sum(&self.knowledge), sum(&self.bases), &old) {
            return Err(SigmaError::Bases);
        }
        Ok(())
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let text = |bytes: &mut Vec<u8>, value: &[u8]| {
            bytes.extend((value.len() as u32).to_le_bytes());
            bytes.extend(value);
        };
        text(&mut bytes, self.circuit.as_bytes());
        bytes.extend(self.key);
        bytes.extend((self.bases.len() as u32).to_le_bytes());
        bytes.extend(self.bases.iter().flat_map(G1Point::to_bytes));
        bytes.extend((self.steps.len() as u32).to_le_bytes());
        for step in &self.steps {
            bytes.extend(step.bytes());
        }
        bytes.extend(self.knowledge.iter().flat_map(G1Point::to_bytes));
        bytes
    }

    /// Reads a file. The chain is not checked yet: see [`Transcript::check`].
    ///
    /// # Errors
    /// [`SigmaError::Encoding`] for anything but the one encoding of a transcript.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SigmaError> {
        read(bytes).map_err(|error| SigmaError::Encoding(error.to_string()))
    }
}

impl Step {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = (self.name.len() as u32).to_le_bytes().to_vec();
        bytes.extend(self.name.as_bytes());
        bytes.extend(self.sigma.to_bytes());
        match &self.evidence {
            Evidence::Knowledge { nonce, response } => {
                bytes.push(0);
                bytes.extend(nonce.to_bytes());
                bytes.extend(response.to_bytes());
            }
            Evidence::Beacon { value, iterations } => {
                bytes.push(1);
                bytes.extend((value.len() as u32).to_le_bytes());
                bytes.extend(value);
                bytes.push(*iterations);
            }
        }
        bytes
    }

    fn hash(&self, before: &[u8; 32]) -> [u8; 32] {
        hash_parts("galen/sigma/step/1", &[before, &self.bytes()])
    }
}

pub(super) fn check_name(name: &str) -> Result<(), SigmaError> {
    let shown = !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control);
    if shown { Ok(()) } else { Err(SigmaError::Name) }
}

fn point(value: G2Affine) -> Result<G2Point, SigmaError> {
    G2Point::new(value).map_err(|error| SigmaError::Encoding(error.to_string()))
}

/// A secret other than zero and one.
fn nontrivial<R: RngCore + CryptoRng>(rng: &mut R) -> Fr {
    loop {
        let value = Fr::rand(rng);
        if value != Fr::ZERO && value != Fr::ONE {
            return value;
        }
    }
}

/// Schnorr's challenge, drawn from the history, the contributor, the statement and the nonce.
fn challenge(
    hash: &[u8; 32],
    name: &str,
    old: &G2Affine,
    new: &G2Point,
    nonce: &G2Point,
) -> Result<Fr, SigmaError> {
    let parts = [point(*old)?.to_bytes(), new.to_bytes(), nonce.to_bytes()].concat();
    Ok(hash_to_scalar("galen/sigma/knowledge/1", &[hash, name.as_bytes(), &parts]))
}

/// The factor that a public random value gives after a history, under its name; none for a value or a count outside their bounds.
fn beacon_secret(hash: &[u8; 32], name: &str, value: &[u8], iterations: u8) -> Option<Fr> {
    let fits = (1..=MAX_BEACON).contains(&value.len())
        && (MIN_ITERATIONS..=MAX_ITERATIONS).contains(&iterations);
    if !fits {
        return None;
    }
    let mut digest: [u8; 32] = Sha256::digest(value).into();
    for _ in 0..(1u64 << iterations) {
        digest = Sha256::digest(digest).into();
    }
    let secret = hash_to_scalar("galen/sigma/beacon/1", &[hash, name.as_bytes(), &digest]);
    (secret != Fr::ZERO && secret != Fr::ONE).then_some(secret)
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn length(reader: &mut &[u8], most: usize) -> io::Result<usize> {
    match u32::deserialize_reader(reader)? as usize {
        length if length <= most => Ok(length),
        _ => Err(invalid("a list is too long")),
    }
}

fn take<'a>(reader: &mut &'a [u8], length: usize) -> io::Result<&'a [u8]> {
    let (taken, rest) = reader.split_at_checked(length).ok_or_else(|| invalid("too short"))?;
    *reader = rest;
    Ok(taken)
}

fn text(reader: &mut &[u8]) -> io::Result<String> {
    let length = length(reader, MAX_NAME)?;
    let bytes = take(reader, length)?.to_vec();
    String::from_utf8(bytes).map_err(|_| invalid("a name is not UTF-8"))
}

fn points(reader: &mut &[u8], count: usize) -> io::Result<Vec<G1Point>> {
    let bytes = take(reader, count.checked_mul(32).ok_or_else(|| invalid("too short"))?)?;
    bytes.par_chunks_exact(32).map(borsh::from_slice).collect()
}

fn read(mut bytes: &[u8]) -> io::Result<Transcript> {
    let reader = &mut bytes;
    if take(reader, MAGIC.len())? != MAGIC {
        return Err(invalid("another kind of file, or another version"));
    }
    let circuit = text(reader)?;
    let key = BorshDeserialize::deserialize_reader(reader)?;
    let count = length(reader, MAX_BASES)?;
    let bases = points(reader, count)?;
    let steps = (0..length(reader, MAX_STEPS)?)
        .map(|_| {
            let name = text(reader)?;
            let sigma = G2Point::deserialize_reader(reader)?;
            let evidence = match u8::deserialize_reader(reader)? {
                0 => Evidence::Knowledge {
                    nonce: G2Point::deserialize_reader(reader)?,
                    response: Scalar::deserialize_reader(reader)?,
                },
                1 => {
                    let length = length(reader, MAX_BEACON)?;
                    let value = take(reader, length)?.to_vec();
                    Evidence::Beacon { value, iterations: u8::deserialize_reader(reader)? }
                }
                _ => return Err(invalid("an unknown kind of step")),
            };
            Ok(Step { name, sigma, evidence })
        })
        .collect::<io::Result<_>>()?;
    let knowledge = points(reader, count)?;
    if !reader.is_empty() {
        return Err(invalid("bytes after the end"));
    }
    Ok(Transcript { circuit, key, bases, steps, knowledge })
}

#[cfg(test)]
#[path = "sigma_tests.rs"]
mod tests;
