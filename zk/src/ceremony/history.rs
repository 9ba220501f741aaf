//! The history of a phase 2, as a `.zkey` file keeps it: who multiplied δ, and that each knew its factor.
//!
//! A contributor with the factor `x` publishes `[s]₁`, `[s·x]₁` for a random `s`, and `[x]` times a point of
//! the second group that is hashed from everything before it and from these two. Equal ratios show that
//! whoever made it knew `x` (under the knowledge-of-exponent assumption), and that δ was multiplied by it. A
//! public random value has no secret: its factor can be made again. Whether the history starts from the
//! right key is for [`super::zkey`] to say. Source of the construction: Bowe, Gabizon, Miers,
//! <https://eprint.iacr.org/2017/1050>; of the format: <https://github.com/iden3/snarkjs>, `zkey_utils`.
//!
//! Files are read within bounds: of lengths, of names, and of the hashes that a random value costs.

mod contribution;

use std::io::{Read, Seek};

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field, UniformRand, Zero};
use blake2::{Blake2b512, Digest};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroize;

use super::container::{Container, FormatError, malformed};
use super::drawn::{self, beacon_generator, big_endian_1, generator};
use super::sigma::{MAX_BEACON, MAX_NAME, MIN_ITERATIONS};
use super::zkey::HISTORY;
use contribution::Reader;

pub use contribution::{Contribution, Origin};

/// Most contributions.
const MAX_CONTRIBUTIONS: u32 = 1 << 10;
/// Longest history in bytes: every contribution has at most 1 KiB of points, name and random value.
const MAX_BYTES: usize = (MAX_CONTRIBUTIONS as usize + 1) << 10;
/// Largest logarithm of the hashes that a check spends on a random value.
pub const MAX_ITERATIONS: u8 = 30;

/// A digest of the format: BLAKE2b with 64 bytes.
pub type Hash = [u8; 64];

/// Why a history does not hold. Contributions count from one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HistoryError {
    /// It starts from another key.
    #[error("the history starts from the key of another circuit or of other powers of tau")]
    Circuit,
    /// Made for another history.
    #[error("contribution {0} was not made for the history before it")]
    Transcript(usize),
    /// No proof of knowledge.
    #[error("contribution {0} does not show that its secret was known")]
    Knowledge(usize),
    /// δ was multiplied by something else.
    #[error("contribution {0} did not multiply δ by its secret")]
    Delta(usize),
    /// A contribution that changes nothing.
    #[error("contribution {0} changes nothing")]
    Trivial(usize),
    /// A public random value that does not give its factor.
    #[error("contribution {0} is not what its public random value gives")]
    Beacon(usize),
    /// The key's δ is another.
    #[error("the key is not the one that its last contribution made")]
    Last,
    /// Nobody contributed a secret, so that everybody knows δ.
    #[error("nobody contributed to it")]
    NoContribution,
    /// It ended with a public random value.
    #[error("the history has ended with a public random value, or is too long")]
    Ended,
    /// A random value of no use.
    #[error(
        "a public random value has 1 to {MAX_BEACON} bytes, and {MIN_ITERATIONS} to 24 for the logarithm of its hashes"
    )]
    Value,
    /// A name that is empty, too long, or cannot be shown.
    #[error("a name must have 1 to {MAX_NAME} bytes and no control characters")]
    Name,
}

/// All contributions to one key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct History {
    circuit: Hash,
    contributions: Vec<Contribution>,
}

impl History {
    /// One without contributions, for the key with this hash.
    #[must_use]
    pub fn new(circuit: Hash) -> Self {
        Self { circuit, contributions: Vec::new() }
    }

    /// The hash of the key before any contribution.
    #[must_use]
    pub fn circuit(&self) -> &Hash {
        &self.circuit
    }

    /// The contributions in their order.
    #[must_use]
    pub fn contributions(&self) -> &[Contribution] {
        &self.contributions
    }

    /// Reads a key's history. Nothing of it is checked yet but that points are points of their groups.
    pub(super) fn read<R: Read + Seek>(file: &mut Container<R>) -> Result<Self, FormatError> {
        let bytes = file.whole(HISTORY, MAX_BYTES)?;
        let mut reader = Reader(&bytes);
        let circuit = reader.array()?;
        let count = u32::from_le_bytes(reader.array()?);
        if count > MAX_CONTRIBUTIONS {
            return Err(malformed("too many contributions"));
        }
        let contributions =
            (0..count).map(|_| Contribution::read(&mut reader)).collect::<Result<_, _>>()?;
        if !reader.0.is_empty() {
            return Err(malformed("bytes after the last contribution"));
        }
        Ok(Self { circuit, contributions })
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.circuit.to_vec();
        bytes.extend((self.contributions.len() as u32).to_le_bytes());
        bytes.extend(self.contributions.iter().flat_map(Contribution::bytes));
        bytes
    }

    /// What the next transcript starts with.
    fn hasher(&self) -> Blake2b512 {
        let mut hasher = Blake2b512::new().chain_update(self.circuit);
        for contribution in &self.contributions {
            contribution.feed(&mut hasher);
        }
        hasher
    }

    /// Checks every contribution, and that the last one left `[δ]₁` as it is in the key.
    ///
    /// # Errors
    /// [`HistoryError`] naming the first contribution that does not hold.
    pub fn check(&self, delta: &G1Affine) -> Result<(), HistoryError> {
        self.check_steps(delta)?;
        let secret = |contribution: &Contribution| contribution.origin == Origin::Secret;
        if self.contributions.iter().any(secret) {
            Ok(())
        } else {
            Err(HistoryError::NoContribution)
        }
    }

    fn check_steps(&self, delta: &G1Affine) -> Result<(), HistoryError> {
        let mut hasher = Blake2b512::new().chain_update(self.circuit);
        let mut before = G1Affine::generator();
        for (number, step) in (1..).zip(&self.contributions) {
            let transcript = hasher
                .clone()
                .chain_update(big_endian_1(&step.base))
                .chain_update(big_endian_1(&step.product))
                .finalize();
            if transcript.as_slice() != step.transcript {
                return Err(HistoryError::Transcript(number));
            }
            let hashed = drawn::point_2(&mut generator(&step.transcript));
            if !same_ratio(&step.base, &step.product, &hashed, &step.knowledge) {
                return Err(HistoryError::Knowledge(number));
            }
            if !same_ratio(&before, &step.delta, &hashed, &step.knowledge) {
                return Err(HistoryError::Delta(number));
            }
            if step.delta == before {
                return Err(HistoryError::Trivial(number));
            }
            if let Origin::Beacon { value, iterations } = &step.origin {
                if !(MIN_ITERATIONS..=MAX_ITERATIONS).contains(iterations) {
                    return Err(HistoryError::Beacon(number));
                }
                let mut rng = beacon_generator(value, *iterations);
                let factor = drawn::scalar(&mut rng);
                let base = drawn::point_1(&mut rng);
                if base != step.base || (base * factor).into_affine() != step.product {
                    return Err(HistoryError::Beacon(number));
                }
            }
            step.feed(&mut hasher);
            before = step.delta;
        }
        if before == *delta { Ok(()) } else { Err(HistoryError::Last) }
    }

    /// Adds a contribution with a fresh secret to a history that holds; returns the secret.
    pub(super) fn contribute<G: RngCore + CryptoRng>(
        &mut self,
        name: &str,
        delta: &G1Affine,
        rng: &mut G,
    ) -> Result<Fr, HistoryError> {
        self.extendable(name, delta)?;
        let base = (G1Affine::generator() * nontrivial(rng)).into_affine();
        let factor = nontrivial(rng);
        self.push(name, delta, factor, base, Origin::Secret)?;
        Ok(factor)
    }

    /// Ends a history that holds with a public random value; returns its factor.
    pub(super) fn beacon(
        &mut self,
        name: &str,
        value: &[u8],
        iterations: u8,
        delta: &G1Affine,
    ) -> Result<Fr, HistoryError> {
        self.extendable(name, delta)?;
        if self.contributions.is_empty() {
            return Err(HistoryError::NoContribution);
        }
        let fits = (1..=MAX_BEACON).contains(&value.len())
            && (MIN_ITERATIONS..=super::sigma::MAX_ITERATIONS).contains(&iterations);
        if !fits {
            return Err(HistoryError::Value);
        }
        let mut rng = beacon_generator(value, iterations);
        let factor = drawn::scalar(&mut rng);
        let base = drawn::point_1(&mut rng);
        if factor == Fr::ZERO || factor == Fr::ONE {
            return Err(HistoryError::Value);
        }
        self.push(name, delta, factor, base, Origin::Beacon { value: value.to_vec(), iterations })?;
        Ok(factor)
    }

    fn extendable(&self, name: &str, delta: &G1Affine) -> Result<(), HistoryError> {
        super::sigma::check_name(name).map_err(|_| HistoryError::Name)?;
        let last = self.contributions.last().map(Contribution::origin);
        if matches!(last, Some(Origin::Beacon { .. }))
            || self.contributions.len() >= MAX_CONTRIBUTIONS as usize
        {
            return Err(HistoryError::Ended);
        }
        self.check_steps(delta)
    }

    fn push(
        &mut self,
        name: &str,
        delta: &G1Affine,
        factor: Fr,
        base: G1Affine,
        origin: Origin,
    ) -> Result<(), HistoryError> {
        let product = (base * factor).into_affine();
        let transcript: Hash = self
            .hasher()
            .chain_update(big_endian_1(&base))
            .chain_update(big_endian_1(&product))
            .finalize()
            .into();
        let hashed = drawn::point_2(&mut generator(&transcript));
        self.contributions.push(Contribution {
            delta: (*delta * factor).into_affine(),
            base,
            product,
            knowledge: (hashed * factor).into_affine(),
            transcript,
            name: name.to_owned(),
            origin,
        });
        Ok(())
    }
}

/// A secret other than zero and one.
fn nontrivial<G: RngCore + CryptoRng>(rng: &mut G) -> Fr {
    loop {
        let mut value = Fr::rand(rng);
        if value != Fr::ZERO && value != Fr::ONE {
            return value;
        }
        value.zeroize();
    }
}

/// Whether `after` is to `before` what `after_2` is to `before_2`.
fn same_ratio(
    before: &G1Affine,
    after: &G1Affine,
    before_2: &G2Affine,
    after_2: &G2Affine,
) -> bool {
    Bn254::multi_pairing([*before, -*after], [*after_2, *before_2]).is_zero()
}
