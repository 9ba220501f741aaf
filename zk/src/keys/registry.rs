//! Every circuit of the program, and what is frozen of it. Depends on the circuits and on
//! [`crate::setup`].

use serde::{Deserialize, Serialize};

use super::Origin;
use crate::ceremony::r1cs::Constraints;
use crate::circuit::column_small::ColumnSmall;
use crate::circuit::column_wide::ColumnWide;
use crate::circuit::credential::Credential;
use crate::circuit::k_anonymity::{BLOCK_ROWS, KAnonymity, SMALL_BLOCK_ROWS};
use crate::circuit::key_envelope::KeyEnvelope;
use crate::circuit::l_diversity::{LDiversity, Order};
use crate::circuit::segment_key::SegmentKey;
use crate::field::parse_hex;
use crate::point::{G1Point, G2Point};
use crate::proof::{KeyError, ProvingKey};
use crate::setup::{self, Shape};
use crate::statement::{CircuitId, Statement};

/// Name of the reference string in the index and in the cache.
pub(crate) const SRS: &str = "powers-of-tau";

const INDEX: &str = include_str!("../../vectors/index.json");

/// A circuit that the program knows.
pub struct Entry {
    pub(super) circuit: CircuitId,
    pub(super) verifying_key: &'static [u8],
    shape: fn() -> Result<Shape, KeyError>,
    constraints: fn() -> Result<Constraints, KeyError>,
    generate: fn() -> Result<ProvingKey, KeyError>,
}

impl Entry {
    /// The circuit's id.
    #[must_use]
    pub fn circuit(&self) -> CircuitId {
        self.circuit
    }

    /// Writes the circuit out and measures it.
    ///
    /// # Errors
    /// [`KeyError::Generation`].
    pub fn shape(&self) -> Result<Shape, KeyError> {
        (self.shape)()
    }

    /// Writes the circuit out.
    ///
    /// # Errors
    /// [`KeyError::Generation`].
    pub fn constraints(&self) -> Result<Constraints, KeyError> {
        (self.constraints)()
    }

    /// Generates its development key.
    ///
    /// # Errors
    /// [`KeyError::Generation`].
    pub fn generate(&self) -> Result<ProvingKey, KeyError> {
        (self.generate)()
    }
}

macro_rules! registry {
    ($($statement:expr => $file:literal),* $(,)?) => {
        /// Every circuit, with its verifying key.
        #[must_use]
        pub fn registry() -> Vec<Entry> {
            vec![$(Entry {
                circuit: $statement.circuit(),
                verifying_key: include_bytes!(concat!("../../vectors/", $file, ".vk")),
                shape: || setup::shape(&$statement),
                constraints: || Constraints::of(&$statement),
                generate: || setup::generate(&$statement),
            }),*]
        }
    };
}

registry! {
    KAnonymity { rows: BLOCK_ROWS } => "k-anonymity-1-32760",
    KAnonymity { rows: SMALL_BLOCK_ROWS } => "k-anonymity-1-1016",
    ColumnSmall::FULL => "column-small-1-32760",
    ColumnSmall::SMALL => "column-small-1-1016",
    ColumnWide::FULL => "column-wide-1-32760",
    ColumnWide::SMALL => "column-wide-1-1016",
    LDiversity { rows: BLOCK_ROWS, order: Order::Tail } => "l-diversity-tail-1-32760",
    LDiversity { rows: SMALL_BLOCK_ROWS, order: Order::Tail } => "l-diversity-tail-1-1016",
    LDiversity { rows: BLOCK_ROWS, order: Order::Any } => "l-diversity-any-1-32760",
    LDiversity { rows: SMALL_BLOCK_ROWS, order: Order::Any } => "l-diversity-any-1-1016",
    Credential::default() => "credential-1",
    KeyEnvelope::default() => "key-envelope-1",
    SegmentKey => "segment-key-1",
}

/// What is frozen about a circuit. Hashes are `0x` and hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frozen {
    /// The circuit's id: statement, version, size.
    pub circuit: String,
    /// Public inputs.
    pub inputs: usize,
    /// Committed inputs.
    pub committed: usize,
    /// Constraints.
    pub constraints: usize,
    /// Size of the evaluation domain.
    pub domain: usize,
    /// Hash of the constraint matrices.
    pub description: String,
    /// Hash of the verifying key.
    pub verifying_key: String,
    /// SHA-256 of the proving key as it is cached.
    pub proving_key: String,
}

/// Everything that is frozen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Where the parameters come from.
    pub origin: Origin,
    /// `[τ]₂`.
    pub tau: G2Point,
    /// SHA-256 of the reference string as it is cached.
    pub powers: String,
    /// Its first points, in which summaries are committed.
    pub summary_powers: Vec<G1Point>,
    /// The circuits.
    pub circuits: Vec<Frozen>,
}

impl Index {
    /// The index that is part of the program.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when it cannot be read.
    pub fn embedded() -> Result<Self, KeyError> {
        serde_json::from_str(INDEX).map_err(|error| KeyError::Malformed {
            circuit: "index".into(),
            reason: error.to_string(),
        })
    }

    /// What is frozen about a circuit.
    ///
    /// # Errors
    /// [`KeyError::Unknown`].
    pub fn circuit(&self, circuit: &str) -> Result<&Frozen, KeyError> {
        self.circuits
            .iter()
            .find(|frozen| frozen.circuit == circuit)
            .ok_or_else(|| KeyError::Unknown(circuit.to_owned()))
    }
}

pub(crate) fn pinned(text: &str) -> Result<[u8; 32], KeyError> {
    parse_hex(text)
        .map_err(|error| KeyError::Malformed { circuit: "index".into(), reason: error.to_string() })
}
