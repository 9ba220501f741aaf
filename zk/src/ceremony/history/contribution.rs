//! One multiplication of δ, as a file keeps it.

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use blake2::{Blake2b512, Digest};

use super::Hash;
use crate::ceremony::container::{
    FormatError, POINT_1, POINT_2, bytes_1, bytes_2, malformed, point_1, point_2,
};
use crate::ceremony::drawn::{big_endian_1, big_endian_2};

/// Kinds of contributions, and of what is said about them.
const BY_SECRET: u32 = 0;
const BY_BEACON: u32 = 1;
const NAME: u8 = 1;
const ITERATIONS: u8 = 2;
const VALUE: u8 = 3;

/// Where a factor comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A secret.
    Secret,
    /// A public random value.
    Beacon {
        /// The value.
        value: Vec<u8>,
        /// Logarithm of the number of hashes over it.
        iterations: u8,
    },
}

/// One multiplication of δ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contribution {
    /// `[δ]₁` after it.
    pub(super) delta: G1Affine,
    /// `[s]₁`.
    pub(super) base: G1Affine,
    /// `[s·x]₁`.
    pub(super) product: G1Affine,
    /// `x` times the point hashed from the transcript.
    pub(super) knowledge: G2Affine,
    /// Hash of everything before the proof of knowledge.
    pub(super) transcript: Hash,
    /// Who made it, in its own words.
    pub(super) name: String,
    pub(super) origin: Origin,
}

impl Contribution {
    /// Who made it, in its own words; may be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its factor comes from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What its contributor publishes.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut hasher = Blake2b512::new();
        self.feed(&mut hasher);
        hasher.finalize().into()
    }

    pub(super) fn feed(&self, hasher: &mut Blake2b512) {
        hasher.update(big_endian_1(&self.delta));
        hasher.update(big_endian_1(&self.base));
        hasher.update(big_endian_1(&self.product));
        hasher.update(big_endian_2(&self.knowledge));
        hasher.update(self.transcript);
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = [self.delta, self.base, self.product].map(|p| bytes_1(&p)).concat();
        bytes.extend(bytes_2(&self.knowledge));
        bytes.extend(self.transcript);
        let mut said = Vec::new();
        // Lengths were bounded when they were read or made.
        let mut text = |kind: u8, value: &[u8]| {
            said.extend([kind, value.len() as u8]);
            said.extend(value);
        };
        if !self.name.is_empty() {
            text(NAME, self.name.as_bytes());
        }
        let kind = match &self.origin {
            Origin::Secret => BY_SECRET,
            Origin::Beacon { value, iterations } => {
                said.extend([ITERATIONS, *iterations]);
                said.extend([VALUE, value.len() as u8]);
                said.extend(value);
                BY_BEACON
            }
        };
        bytes.extend(kind.to_le_bytes());
        bytes.extend((said.len() as u32).to_le_bytes());
        bytes.extend(said);
        bytes
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        let delta = nonzero(point_1(reader.take(POINT_1)?)?)?;
        let base = nonzero(point_1(reader.take(POINT_1)?)?)?;
        let product = nonzero(point_1(reader.take(POINT_1)?)?)?;
        let knowledge = nonzero(point_2(reader.take(POINT_2)?)?)?;
        let transcript = reader.array()?;
        let kind = u32::from_le_bytes(reader.array()?);
        let length = u32::from_le_bytes(reader.array()?) as usize;
        let mut said = Reader(reader.take(length)?);
        let (mut name, mut iterations, mut value) = (String::new(), None, None);
        let mut last = 0;
        while !said.0.is_empty() {
            let [what] = said.array()?;
            if what <= last {
                return Err(malformed("a contribution says something twice or out of order"));
            }
            last = what;
            let [number] = said.array()?;
            match what {
                NAME => {
                    name = String::from_utf8(said.take(number.into())?.to_vec())
                        .map_err(|_| malformed("a contributor's name is not UTF-8"))?;
                }
                ITERATIONS => iterations = Some(number),
                VALUE => value = Some(said.take(number.into())?.to_vec()),
                _ => return Err(malformed("a contribution says something unknown")),
            }
        }
        let origin = match (kind, value, iterations) {
            (BY_SECRET, None, None) => Origin::Secret,
            (BY_BEACON, Some(value), Some(iterations)) => Origin::Beacon { value, iterations },
            _ => return Err(malformed("a contribution of an unknown kind")),
        };
        Ok(Self { delta, base, product, knowledge, transcript, name, origin })
    }
}

fn nonzero<A: AffineRepr>(point: A) -> Result<A, FormatError> {
    if point.is_zero() {
        Err(malformed("a contribution holds the neutral point"))
    } else {
        Ok(point)
    }
}

/// What remains to be read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or(malformed("the history is cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}
