//! A bundle as it travels: bounded, canonical, the same for everybody.
//!
//! Depends on the encodings of field elements, points and proofs, and on the claims for the length.

use std::io::{self, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};

use super::claims::{BlockClaims, Expected};
use crate::committed::Commitment;
use crate::field::{SCALAR_BYTES, Scalar};
use crate::point::{G1OrZero, G1Point};
use crate::proof::Proof;

/// Largest encoding of a bundle, in bytes; more than the bounds below add up to.
pub const MAX_BUNDLE_BYTES: usize = 256 * 1024;
/// Most proofs in a bundle.
pub const MAX_PROOFS: usize = 320;
/// Most statement inputs of one proof.
pub const MAX_INPUTS: usize = 4;
/// Most auxiliary commitments of one proof.
pub const MAX_AUXILIARY: usize = 1;
/// Most columns that a bundle opens, and that a block has.
pub const MAX_COLUMNS: usize = 1_024;
/// Longest name of a circuit, in bytes.
pub(super) const MAX_NAME: usize = 64;

/// One statement of a bundle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BundleProof {
    /// The circuit's id.
    pub circuit: String,
    /// The statement's own inputs, without the challenge and evaluations: `[k]` for k-anonymity,
    /// `[column, l]` for diversity, `[column, hash of the chart]` for a column.
    pub inputs: Vec<Scalar>,
    /// Commitment to the committed inputs.
    pub commitment: Commitment,
    /// Further commitments that the statement speaks of: that to the block's share of the chart for
    /// a column, none for the others.
    pub auxiliary: Vec<G1Point>,
    /// The proof.
    pub proof: Proof,
}

/// The value of one column's polynomial at the challenge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Evaluation {
    /// Index of the column in the block.
    pub column: u32,
    /// The value.
    pub value: Scalar,
}

/// All proofs about one row block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bundle {
    /// The statements: k-anonymity, then diversity, then columns, each by ascending column.
    pub proofs: Vec<BundleProof>,
    /// The columns that statements use, strictly ascending.
    pub evaluations: Vec<Evaluation>,
    /// The values at the challenge of the auxiliary commitments, in the order of the proofs.
    pub auxiliary: Vec<Scalar>,
    /// One witness for all openings; zero when every opened column is constant.
    pub opening: G1OrZero,
}

impl Bundle {
    /// Decodes the whole of `bytes`.
    ///
    /// # Errors
    /// For anything longer than [`MAX_BUNDLE_BYTES`], or that is not the one encoding of a bundle.
    pub fn decode(bytes: &[u8]) -> io::Result<Self> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(invalid("bundle too long"));
        }
        borsh::from_slice(bytes)
    }

    /// Decodes what should be the bundle of these claims. Anything of another length, or with another
    /// number of proofs, is refused before a point is decoded.
    ///
    /// # Errors
    /// As [`Self::decode`]; and for impossible claims.
    pub fn decode_for(claims: &BlockClaims, bytes: &[u8]) -> io::Result<Self> {
        let expected =
            claims.expected().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if Self::announced(bytes) != Some(expected.len()) {
            return Err(invalid("another number of proofs than the claims need"));
        }
        if bytes.len() != encoded_length(&expected, claims.opened().len()) {
            return Err(invalid("another length than the claims need"));
        }
        Self::decode(bytes)
    }

    /// How many proofs an encoding says that it holds; nothing if they are too many.
    #[must_use]
    pub fn announced(bytes: &[u8]) -> Option<usize> {
        let count = usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()?;
        (count <= MAX_PROOFS).then_some(count)
    }
}

/// Bytes of a bundle of these statements that opens so many columns.
fn encoded_length(expected: &[Expected], columns: usize) -> usize {
    const LENGTH: usize = 4;
    let list = |items: usize, each: usize| LENGTH.saturating_add(items.saturating_mul(each));
    let auxiliary = expected.iter().fold(0, |sum: usize, one| sum.saturating_add(one.auxiliary));
    expected
        .iter()
        .flat_map(|one| {
            [
                list(one.circuit.0.len(), 1),
                list(one.inputs.len(), SCALAR_BYTES),
                2 * G1Point::BYTES,
                list(one.auxiliary, G1Point::BYTES),
                Proof::BYTES,
            ]
        })
        .chain([
            LENGTH,
            list(columns, LENGTH + SCALAR_BYTES),
            list(auxiliary, SCALAR_BYTES),
            G1Point::BYTES,
        ])
        .fold(0, usize::saturating_add)
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Reads a list with a bound of its own, so that a bundle inside a larger message is bounded too.
fn bounded<T: BorshDeserialize, R: Read>(reader: &mut R, most: usize) -> io::Result<Vec<T>> {
    let length = u32::deserialize_reader(reader)? as usize;
    if length > most {
        return Err(invalid("list too long"));
    }
    (0..length).map(|_| T::deserialize_reader(reader)).collect()
}

impl BorshSerialize for BundleProof {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        self.circuit.serialize(writer)?;
        self.inputs.serialize(writer)?;
        self.commitment.serialize(writer)?;
        self.auxiliary.serialize(writer)?;
        self.proof.serialize(writer)
    }
}

impl BorshDeserialize for BundleProof {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let name: Vec<u8> = bounded(reader, MAX_NAME)?;
        let circuit = String::from_utf8(name).map_err(|_| invalid("circuit name"))?;
        Ok(Self {
            circuit,
            inputs: bounded(reader, MAX_INPUTS)?,
            commitment: Commitment::deserialize_reader(reader)?,
            auxiliary: bounded(reader, MAX_AUXILIARY)?,
            proof: Proof::deserialize_reader(reader)?,
        })
    }
}

impl BorshSerialize for Bundle {
    fn serialize<W: Write>(&self, writer: &mut W) -> io::Result<()> {
        self.proofs.serialize(writer)?;
        self.evaluations.serialize(writer)?;
        self.auxiliary.serialize(writer)?;
        self.opening.serialize(writer)
    }
}

impl BorshDeserialize for Bundle {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let proofs: Vec<BundleProof> = bounded(reader, MAX_PROOFS)?;
        let evaluations: Vec<Evaluation> = bounded(reader, MAX_COLUMNS)?;
        if !evaluations.is_sorted_by(|a, b| a.column < b.column) {
            return Err(invalid("columns out of order"));
        }
        let auxiliary = bounded(reader, MAX_PROOFS * MAX_AUXILIARY)?;
        let opening = G1OrZero::deserialize_reader(reader)?;
        Ok(Self { proofs, evaluations, auxiliary, opening })
    }
}

impl serde::Serialize for Bundle {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = borsh::to_vec(self).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&format!("0x{}", hex::encode(bytes)))
    }
}

impl<'de> serde::Deserialize<'de> for Bundle {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        let digits = text
            .strip_prefix("0x")
            .filter(|digits| digits.len() <= 2 * MAX_BUNDLE_BYTES)
            .filter(|digits| !digits.bytes().any(|byte| byte.is_ascii_uppercase()))
            .ok_or_else(|| D::Error::custom("not the hexadecimal digits of a bundle"))?;
        let bytes = hex::decode(digits).map_err(D::Error::custom)?;
        Self::decode(&bytes).map_err(D::Error::custom)
    }
}
