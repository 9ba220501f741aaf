//! The scalar field of BN254: canonical bytes, text, and hashing into it.
//!
//! Every value that a circuit speaks of is an element of this field. Bytes that do not name exactly
//! one element are refused before any reduction, so that `x` and `x + p` can never both be accepted.
//! Depends on arkworks' field and on SHA-256 only.

use std::fmt;
use std::io::{self, Read, Write};

use ark_ff::{BigInteger, PrimeField};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

pub use ark_bn254::Fr;

/// Length of the canonical encoding of a [`Scalar`], in bytes.
pub const SCALAR_BYTES: usize = 32;

/// Why bytes or text do not name a field element or a curve point.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// The integer is not below the field's modulus.
    #[error("the number is not below the field's modulus")]
    NotReduced,
    /// The bytes are not the canonical encoding of a point on the curve.
    #[error("the bytes are not the canonical encoding of a point on the curve")]
    NotOnCurve,
    /// The point is on the curve but outside the prime-order subgroup.
    #[error("the point is outside the prime-order subgroup")]
    WrongSubgroup,
    /// The neutral element where it has no meaning.
    #[error("the neutral element is not allowed here")]
    Identity,
    /// The text is not `0x` and the right number of lower-case hexadecimal digits.
    #[error("expected 0x and {0} lower-case hexadecimal digits")]
    Text(usize),
    /// The number of bytes is wrong.
    #[error("expected {expected} bytes, got {got}")]
    Length {
        /// How many bytes the encoding has.
        expected: usize,
        /// How many were given.
        got: usize,
    },
}

impl From<DecodeError> for io::Error {
    fn from(error: DecodeError) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// One element of the field, as it travels: 32 canonical little-endian bytes, or `0x` and their
/// hexadecimal digits in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Scalar(pub Fr);

impl Scalar {
    /// The canonical little-endian bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; SCALAR_BYTES] {
        scalar_bytes(&self.0)
    }

    /// Reads canonical little-endian bytes.
    ///
    /// # Errors
    /// [`DecodeError::NotReduced`] if the integer is not below the modulus.
    pub fn from_bytes(bytes: &[u8; SCALAR_BYTES]) -> Result<Self, DecodeError> {
        let mut limbs = [0u64; 4];
        for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
            let mut word = [0u8; 8];
            word.copy_from_slice(chunk);
            *limb = u64::from_le_bytes(word);
        }
        Fr::from_bigint(ark_ff::BigInt::new(limbs)).map(Self).ok_or(DecodeError::NotReduced)
    }
}

impl From<Fr> for Scalar {
    fn from(value: Fr) -> Self {
        Self(value)
    }
}

impl From<u64> for Scalar {
    fn from(value: u64) -> Self {
        Self(Fr::from(value))
    }
}

/// The canonical little-endian bytes of a field element.
#[must_use]
pub fn scalar_bytes(value: &Fr) -> [u8; SCALAR_BYTES] {
    let mut bytes = [0u8; SCALAR_BYTES];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(value.into_bigint().0) {
        chunk.copy_from_slice(&limb.to_le_bytes());
    }
    bytes
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Scalar {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::from_bytes(&parse_hex::<SCALAR_BYTES>(text)?)
    }
}

impl BorshSerialize for Scalar {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&self.to_bytes())
    }
}

impl BorshDeserialize for Scalar {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let bytes = <[u8; SCALAR_BYTES]>::deserialize_reader(reader)?;
        Ok(Self::from_bytes(&bytes)?)
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <String as Deserialize>::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Reads `0x` and exactly `2·N` lower-case hexadecimal digits: one text for one value.
///
/// # Errors
/// [`DecodeError::Text`] for anything else.
pub fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], DecodeError> {
    let wrong = DecodeError::Text(2 * N);
    let digits = text.strip_prefix("0x").ok_or(wrong)?;
    if digits.len() != 2 * N || digits.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(wrong);
    }
    let mut bytes = [0u8; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| wrong)?;
    Ok(bytes)
}

/// Hashes a tag and parts into the field, statistically uniform: two SHA-256 digests make 512 bits,
/// which are reduced. The tag and every part are preceded by their length, so that no two lists of
/// parts share an input.
#[must_use]
pub fn hash_to_scalar(tag: &str, parts: &[&[u8]]) -> Fr {
    let digest = hash_parts(tag, parts);
    let mut wide = [0u8; 64];
    for (half, chunk) in (0u8..).zip(wide.chunks_exact_mut(32)) {
        chunk.copy_from_slice(&Sha256::new().chain_update([half]).chain_update(digest).finalize());
    }
    Fr::from_le_bytes_mod_order(&wide)
}

/// SHA-256 of a tag and parts, each preceded by its length in eight little-endian bytes.
#[must_use]
pub fn hash_parts(tag: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in std::iter::once(&tag.as_bytes()).chain(parts) {
        // A length in memory always fits 64 bits.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// The modulus in little-endian bytes: the least integer that names no element.
#[must_use]
pub fn modulus_bytes() -> [u8; SCALAR_BYTES] {
    let mut bytes = [0u8; SCALAR_BYTES];
    for (target, byte) in bytes.iter_mut().zip(Fr::MODULUS.to_bytes_le()) {
        *target = byte;
    }
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_name_one_element(bytes: [u8; 32]) {
            match Scalar::from_bytes(&bytes) {
                Ok(value) => {
                    prop_assert_eq!(value.to_bytes(), bytes);
                    let json = value.to_string();
                    prop_assert_eq!(json.parse::<Scalar>(), Ok(value));
                }
                Err(error) => prop_assert_eq!(error, DecodeError::NotReduced),
            }
        }
    }

    #[test]
    fn adversary_11_value_plus_modulus_is_refused_before_reduction() {
        let modulus = modulus_bytes();
        assert_eq!(Scalar::from_bytes(&modulus), Err(DecodeError::NotReduced));
        let mut seven = modulus;
        seven[0] += 6;
        assert_eq!(Scalar::from_bytes(&seven), Err(DecodeError::NotReduced));
        let mut below = modulus;
        below[0] -= 1;
        assert_eq!(Scalar::from_bytes(&below), Ok(Scalar(-Fr::from(1u64))));
        let refused = borsh::from_slice::<Scalar>(&modulus).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn text_has_one_form() {
        let value = Scalar::from(0xabu64);
        let text = value.to_string();
        assert_eq!(text.parse(), Ok(value));
        assert_eq!(text.to_uppercase().parse::<Scalar>(), Err(DecodeError::Text(64)));
        assert_eq!(text[2..].parse::<Scalar>(), Err(DecodeError::Text(64)));
        assert_eq!(format!("{text}0").parse::<Scalar>(), Err(DecodeError::Text(64)));
    }

    #[test]
    fn part_boundaries_are_hashed() {
        assert_ne!(hash_to_scalar("t", &[b"ab", b"c"]), hash_to_scalar("t", &[b"a", b"bc"]));
        assert_ne!(hash_to_scalar("t", &[b""]), hash_to_scalar("t", &[]));
        assert_ne!(hash_to_scalar("ta", &[]), hash_to_scalar("t", &[b"a"]));
    }
}
