//! A set of verifying keys with the powers of τ that verifiers need, checked as a whole. Depends on
//! the registry and on [`crate::proof`].

use std::collections::BTreeMap;
use std::sync::Arc;

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use serde::{Deserialize, Serialize};

use super::registry::{Frozen, Index, SRS, pinned, registry};
use crate::batch::PreparedPoint;
use crate::ceremony::phase1::is_geometric;
use crate::commitment::Srs;
use crate::field::hash_parts;
use crate::point::{G1Point, G2Point};
use crate::proof::{KeyError, VerifyingKey};
use crate::setup;
use crate::statement::CircuitId;
use crate::summary::SummaryPowers;

/// Who knows the trapdoors of a set of parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Everybody: a public seed.
    Development,
    /// Nobody, if one contributor of the ceremony was honest.
    Ceremony,
}

impl Origin {
    /// Whether anybody can forge proofs.
    #[must_use]
    pub fn is_forgeable(self) -> bool {
        self == Self::Development
    }
}

/// What a network is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// Tests and demonstrations.
    Development,
    /// Real datasets and real money.
    Production,
}

/// What proofs are verified with, for whoever verifies them without this program. All of it goes into
/// [`Parameters::hash`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PublicKeys {
    /// Who could forge under them.
    pub origin: Origin,
    /// `[τ]₂`.
    pub tau: G2Point,
    /// The first powers of τ.
    pub summary_powers: Vec<G1Point>,
    /// Canonical bytes of every circuit's verifying key: `0x` and hexadecimal digits.
    pub circuits: BTreeMap<String, String>,
}

/// The verifying keys of every circuit, `[τ]₂` and the first powers of τ, checked.
#[derive(Clone, Debug)]
pub struct Parameters {
    pub(super) origin: Origin,
    pub(super) tau: G2Point,
    pub(super) prepared_tau: PreparedPoint,
    pub(super) summary_powers: SummaryPowers,
    /// All powers of τ that column commitments need; those for development are made when needed.
    pub(super) powers: Option<Arc<Srs>>,
    pub(super) keys: BTreeMap<CircuitId, VerifyingKey>,
}

impl Parameters {
    /// Checks a set of verifying keys against an index: every circuit of the program must have one.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for a degenerate key, `[τ]₂ = [1]₂`, other powers than those of τ, or
    /// another version of a circuit; [`KeyError::NotPinned`] for a key that is not in the index,
    /// [`KeyError::Unknown`] for one that is missing,
    /// [`KeyError::Forgeable`] if what calls itself a ceremony's is from the public seed.
    pub fn new(index: &Index, bytes: &BTreeMap<&str, &[u8]>) -> Result<Self, KeyError> {
        if !index.origin.is_forgeable() {
            refuse_seeded(index)?;
            same_circuits(index)?;
        }
        if *index.tau.affine() == G2Affine::generator() {
            return Err(KeyError::Malformed {
                circuit: SRS.into(),
                reason: "the secret is one".into(),
            });
        }
        let mut keys = BTreeMap::new();
        for entry in registry() {
            let name = entry.circuit.0;
            let frozen = index.circuit(name)?;
            let bytes = bytes.get(name).ok_or_else(|| KeyError::Unknown(name.to_owned()))?;
            let key = VerifyingKey::from_bytes(name, bytes, frozen.inputs, frozen.committed > 0)?;
            if key.hash() != pinned(&frozen.verifying_key)? {
                return Err(KeyError::NotPinned(name.to_owned()));
            }
            keys.insert(entry.circuit, key);
        }
        let summary_powers = SummaryPowers::new(&index.summary_powers, &index.tau)
            .map_err(|error| KeyError::Malformed { circuit: SRS.into(), reason: error.0 })?;
        Ok(Self {
            origin: index.origin,
            tau: index.tau,
            prepared_tau: PreparedPoint::new(*index.tau.affine()),
            summary_powers,
            powers: None,
            keys,
        })
    }

    /// Adds the powers of τ that column commitments need.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if they are too few, or not the powers of this τ.
    pub fn with_powers(mut self, powers: Arc<Srs>) -> Result<Self, KeyError> {
        let malformed =
            |reason: &str| KeyError::Malformed { circuit: SRS.into(), reason: reason.into() };
        let points = powers.powers();
        if points.len() < setup::POWERS {
            return Err(malformed("too few of them"));
        }
        let valid = points.first() == Some(&G1Affine::generator())
            && points.iter().all(|point| point.is_on_curve())
            && is_geometric(points, self.tau.affine(), &mut rand::rngs::OsRng);
        if !valid {
            return Err(malformed("they are not the powers of the index's τ"));
        }
        self.powers = Some(powers);
        Ok(self)
    }

    /// The development parameters that are part of the program. Forgeable.
    ///
    /// # Errors
    /// As [`Parameters::new`].
    pub fn development() -> Result<Self, KeyError> {
        let entries = registry();
        let bytes = entries.iter().map(|e| (e.circuit.0, e.verifying_key)).collect();
        Self::new(&Index::embedded()?, &bytes)
    }

    /// Where they come from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What [`Parameters::hash`] is of.
    #[must_use]
    pub fn public(&self) -> PublicKeys {
        let hex = |key: &VerifyingKey| format!("0x{}", hex::encode(key.bytes()));
        PublicKeys {
            origin: self.origin,
            tau: self.tau,
            summary_powers: self.summary_powers.points(),
            circuits: self.keys.iter().map(|(id, key)| (id.0.to_owned(), hex(key))).collect(),
        }
    }

    /// Hash of every verifying key, of `[τ]₂` and the first powers: what a genesis pins.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let tau = self.tau.to_bytes();
        let powers = self.summary_powers.to_bytes();
        let hashes: Vec<[u8; 32]> = self.keys.values().map(VerifyingKey::hash).collect();
        let mut parts: Vec<&[u8]> = vec![&tau, &powers];
        for (circuit, hash) in self.keys.keys().zip(&hashes) {
            parts.extend([circuit.0.as_bytes(), hash.as_slice()]);
        }
        hash_parts("galen/parameters/1", &parts)
    }
}

/// The origin is only a word of the index: parameters whose τ or keys everybody can derive are
/// forgeable whatever they are called, and one such key among true ones is enough to forge with.
fn refuse_seeded(index: &Index) -> Result<(), KeyError> {
    let known = Index::embedded()?;
    let same = |frozen: &Frozen| {
        known.circuits.iter().any(|other| other.verifying_key == frozen.verifying_key)
    };
    let seeded = known.origin.is_forgeable() && index.circuits.iter().any(same);
    if seeded || *index.tau.affine() == setup::tau_g2() {
        return Err(KeyError::Forgeable);
    }
    Ok(())
}

/// Parameters are for the circuits of this program, not for others of the same name.
fn same_circuits(index: &Index) -> Result<(), KeyError> {
    for known in &Index::embedded()?.circuits {
        let found = index.circuit(&known.circuit)?;
        let same = Frozen {
            verifying_key: known.verifying_key.clone(),
            proving_key: known.proving_key.clone(),
            ..found.clone()
        };
        if same != *known {
            return Err(KeyError::Malformed {
                circuit: known.circuit.clone(),
                reason: "the parameters are for another version of this circuit".into(),
            });
        }
    }
    Ok(())
}
