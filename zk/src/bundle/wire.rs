//! A bundle as it travels: bounded, canonical, the same for everybody.
//!
//! Depends on the encodings of field elements, points and proofs only.

use std::io::{self, Read, Write};

use borsh::{BorshDeserialize, BorshSerialize};

use crate::committed::Commitment;
use crate::field::Scalar;
use crate::point::{G1OrZero, G1Point};
use crate::proof::Proof;

/// Largest encoding of a bundle, in bytes. Follows from the bounds below.
pub const MAX_BUNDLE_BYTES: usize = 256 * 1024;
/// Most proofs in a bundle.
pub const MAX_PROOFS: usize = 64;
/// Most statement inputs of one proof.
pub const MAX_INPUTS: usize = 16;
/// Most auxiliary commitments of one proof.
pub const MAX_AUXILIARY: usize = 4;
/// Most columns that a bundle opens, and that a block has.
pub const MAX_COLUMNS: usize = 4_096;
/// Longest name of a circuit, in bytes.
pub(super) const MAX_NAME: usize = 64;

/// One statement of a bundle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BundleProof {
    /// The circuit's id.
    pub circuit: String,
    /// The statement's own inputs, without the challenge and evaluations: `[k]` for k-anonymity.
    pub inputs: Vec<Scalar>,
    /// Commitment to the committed inputs.
    pub commitment: Commitment,
    /// Further commitments that the statement speaks of; none for k-anonymity.
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
    /// The statements, strictly ascending by circuit and inputs.
    pub proofs: Vec<BundleProof>,
    /// The columns that statements use, strictly ascending.
    pub evaluations: Vec<Evaluation>,
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
        self.opening.serialize(writer)
    }
}

impl BorshDeserialize for Bundle {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let proofs: Vec<BundleProof> = bounded(reader, MAX_PROOFS)?;
        let evaluations: Vec<Evaluation> = bounded(reader, MAX_COLUMNS)?;
        let key = |proof: &BundleProof| (proof.circuit.clone(), proof.inputs.clone());
        if !proofs.is_sorted_by(|a, b| key(a) < key(b)) {
            return Err(invalid("proofs out of order"));
        }
        if !evaluations.is_sorted_by(|a, b| a.column < b.column) {
            return Err(invalid("columns out of order"));
        }
        Ok(Self { proofs, evaluations, opening: G1OrZero::deserialize_reader(reader)? })
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
