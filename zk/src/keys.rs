//! The registry of circuits, their pinned keys, and the two ends that use them: [`Verifier`] and
//! [`Prover`].
//!
//! Every circuit is frozen in `zk/vectors`: its constraints, verifying key and proving key by hash, and
//! the verifying key's bytes, which are part of the program. A verifier never generates anything. To
//! freeze new or changed circuits, run this crate's tests with `GALEN_FREEZE=1`, then build again;
//! with `GALEN_FREEZE=all` every key is made anew, as a change of the generator needs.
//! Depends on every other module of the crate.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Item, PreparedPoint};
use crate::bundle::{self, BlockClaims, Bundle, BundleContext, ProvenBundle};
use crate::ceremony::folder;
use crate::ceremony::phase1::is_geometric;
use crate::ceremony::r1cs::Constraints;
use crate::circuit::column_small::ColumnSmall;
use crate::circuit::column_wide::ColumnWide;
use crate::circuit::credential::Credential;
use crate::circuit::k_anonymity::{BLOCK_ROWS, KAnonymity, SMALL_BLOCK_ROWS};
use crate::circuit::key_envelope::KeyEnvelope;
use crate::circuit::l_diversity::{LDiversity, Order};
use crate::circuit::segment_key::SegmentKey;
use crate::commitment::{Column, Srs};
use crate::field::{hash_parts, parse_hex};
use crate::point::{G1Point, G2Point};
use crate::proof::{self, KeyError, Proof, ProofError, ProveError, ProvingKey, VerifyingKey};
use crate::setup::{self, Cache, Shape};
use crate::statement::{CircuitId, Statement};
use crate::summary::SummaryPowers;

/// Name of the reference string in the index and in the cache.
pub(crate) const SRS: &str = "powers-of-tau";

const INDEX: &str = include_str!("../vectors/index.json");

/// A circuit that the program knows.
pub struct Entry {
    circuit: CircuitId,
    verifying_key: &'static [u8],
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
                verifying_key: include_bytes!(concat!("../vectors/", $file, ".vk")),
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

/// The verifying keys of every circuit, `[τ]₂` and the first powers of τ, checked.
#[derive(Clone, Debug)]
pub struct Parameters {
    origin: Origin,
    tau: G2Point,
    prepared_tau: PreparedPoint,
    summary_powers: SummaryPowers,
    /// All powers of τ that column commitments need; those for development are made when needed.
    powers: Option<Arc<Srs>>,
    keys: BTreeMap<CircuitId, VerifyingKey>,
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
        let summary_powers = SummaryPowers::new(&index.summary_powers, index.tau.affine())
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

pub(crate) fn pinned(text: &str) -> Result<[u8; 32], KeyError> {
    parse_hex(text)
        .map_err(|error| KeyError::Malformed { circuit: "index".into(), reason: error.to_string() })
}

/// Verifies proofs under one set of parameters. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Verifier {
    parameters: Arc<Parameters>,
}

impl Verifier {
    /// A verifier for a network.
    ///
    /// # Errors
    /// [`KeyError::Forgeable`] for development parameters in a production network;
    /// [`KeyError::Unknown`] for those of a ceremony without the powers of τ, which disputes need.
    pub fn new(network: Network, parameters: Parameters) -> Result<Self, KeyError> {
        if network == Network::Production && parameters.origin.is_forgeable() {
            return Err(KeyError::Forgeable);
        }
        if !parameters.origin.is_forgeable() && parameters.powers.is_none() {
            return Err(KeyError::Unknown(SRS.to_owned()));
        }
        Ok(Self { parameters: Arc::new(parameters) })
    }

    /// The verifier of development networks.
    ///
    /// # Errors
    /// As [`Parameters::development`].
    pub fn development() -> Result<Self, KeyError> {
        static DEVELOPMENT: OnceLock<Result<Verifier, KeyError>> = OnceLock::new();
        DEVELOPMENT
            .get_or_init(|| Self::new(Network::Development, Parameters::development()?))
            .clone()
    }

    /// Whether anybody can forge what this verifier accepts.
    #[must_use]
    pub fn is_forgeable(&self) -> bool {
        self.parameters.origin.is_forgeable()
    }

    /// Hash of the parameters: what a genesis pins.
    #[must_use]
    pub fn parameters_hash(&self) -> [u8; 32] {
        self.parameters.hash()
    }

    /// `[τ]₂` of the column commitments.
    #[must_use]
    pub fn tau(&self) -> &G2Point {
        &self.parameters.tau
    }

    /// The first powers of τ, in which summaries are committed: part of every set of parameters.
    #[must_use]
    pub fn summary_powers(&self) -> &SummaryPowers {
        &self.parameters.summary_powers
    }

    /// An empty batch of verifications under these parameters.
    #[must_use]
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(&self.parameters.prepared_tau)
    }

    /// The powers of τ, with which a claimed commitment to cells in hand is computed again. Those for
    /// development are made when they are first needed, which takes about a second.
    ///
    /// # Errors
    /// Never: [`KeyError::Unknown`] stands for parameters of a ceremony without powers, of which no
    /// verifier is made.
    pub fn powers(&self) -> Result<Arc<Srs>, KeyError> {
        static DEVELOPMENT: OnceLock<Arc<Srs>> = OnceLock::new();
        match (&self.parameters.powers, self.parameters.origin) {
            (Some(powers), _) => Ok(Arc::clone(powers)),
            (None, Origin::Development) => {
                Ok(Arc::clone(DEVELOPMENT.get_or_init(|| Arc::new(setup::generate_srs()))))
            }
            (None, Origin::Ceremony) => Err(KeyError::Unknown(SRS.to_owned())),
        }
    }

    /// The key of a circuit.
    ///
    /// # Errors
    /// [`ProofError::UnknownCircuit`].
    pub fn key(&self, circuit: CircuitId) -> Result<&VerifyingKey, ProofError> {
        self.parameters
            .keys
            .get(&circuit)
            .ok_or_else(|| ProofError::UnknownCircuit(circuit.0.to_owned()))
    }

    /// Verifies a proof of a statement without committed inputs.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify<S: Statement>(
        &self,
        statement: &S,
        public: &S::Public,
        proof: &Proof,
    ) -> Result<(), ProofError> {
        proof::verify(statement, self.key(statement.circuit())?, public, proof)
    }

    /// The verification of a proof of a statement without committed inputs, to be done together with
    /// others.
    ///
    /// # Errors
    /// [`ProofError::UnknownCircuit`].
    pub fn item<S: Statement>(
        &self,
        statement: &S,
        public: &S::Public,
        proof: &Proof,
    ) -> Result<Item<'_>, ProofError> {
        let (key, inputs) = (self.key(statement.circuit())?, statement.inputs(public));
        Ok(Item::Plain { key, inputs, proof: *proof })
    }

    /// Verifies the bundle of a row block; see [`bundle::verify_bundle`].
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify_bundle(
        &self,
        context: &BundleContext,
        claims: &BlockClaims,
        bundle: &Bundle,
    ) -> Result<Vec<G1Point>, ProofError> {
        bundle::verify_bundle(self, context, claims, bundle)
    }
}

/// How far a prover has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Reading the proving key, or generating it the first time.
    Key,
    /// Committing to what the challenge depends on.
    Commitment,
    /// The proof itself: most of the time.
    Proof,
    /// Opening the columns.
    Openings,
    /// Checking the result as a verifier would.
    Check,
}

/// Makes proofs; reads each key when it is first needed.
#[derive(Debug)]
pub struct Prover {
    cache: Cache,
    index: Index,
    verifier: Verifier,
    keys: Mutex<BTreeMap<CircuitId, Arc<ProvingKey>>>,
    powers: Mutex<Option<Arc<Srs>>>,
}

impl Prover {
    /// A prover that keeps generated keys in `directory`.
    ///
    /// # Errors
    /// [`KeyError`] when the embedded keys cannot be read.
    pub fn development(directory: impl Into<PathBuf>) -> Result<Self, KeyError> {
        Ok(Self {
            cache: Cache::new(directory),
            index: Index::embedded()?,
            verifier: Verifier::development()?,
            keys: Mutex::default(),
            powers: Mutex::default(),
        })
    }

    /// A prover under the parameters of a ceremony, from its folder.
    ///
    /// # Errors
    /// [`KeyError`] when the folder is not one of a whole ceremony for this program's circuits.
    pub fn ceremony(directory: impl Into<PathBuf>) -> Result<Self, KeyError> {
        let directory = directory.into();
        let (index, parameters) = folder::load(&directory)?;
        Ok(Self {
            cache: Cache::new(directory),
            index,
            verifier: Verifier::new(Network::Production, parameters)?,
            keys: Mutex::default(),
            powers: Mutex::default(),
        })
    }

    /// The verifier under the same parameters.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Whether anybody can make the proofs that this prover makes.
    #[must_use]
    pub fn is_forgeable(&self) -> bool {
        self.verifier.is_forgeable()
    }

    /// The reference string of column commitments.
    ///
    /// # Errors
    /// [`KeyError`] when it can neither be read nor generated.
    pub fn powers(&self) -> Result<Arc<Srs>, KeyError> {
        if !self.is_forgeable() {
            return self.verifier.powers();
        }
        // A panic elsewhere leaves the slot as it was: whole or empty.
        let mut slot = self.powers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(powers) = slot.as_ref() {
            return Ok(Arc::clone(powers));
        }
        let hash = pinned(&self.index.powers)?;
        let powers = Arc::new(self.cache.load_or(SRS, &hash, || Ok(setup::generate_srs()))?);
        *slot = Some(Arc::clone(&powers));
        Ok(powers)
    }

    /// The proving key of a circuit: from memory, from disk, or generated, which takes a minute for
    /// the largest.
    ///
    /// # Errors
    /// [`KeyError`] when there is no such circuit, or its key is not the pinned one.
    pub fn key(&self, circuit: CircuitId) -> Result<Arc<ProvingKey>, KeyError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(&circuit) {
            return Ok(Arc::clone(key));
        }
        let entry = registry()
            .into_iter()
            .find(|entry| entry.circuit == circuit)
            .ok_or_else(|| KeyError::Unknown(circuit.0.to_owned()))?;
        let hash = &self.index.circuit(circuit.0)?.proving_key;
        let key = Arc::new(match self.index.origin {
            Origin::Development => {
                self.cache.load_or(circuit.0, &pinned(hash)?, || entry.generate())?
            }
            Origin::Ceremony => {
                let key: ProvingKey = self.cache.load(circuit.0, hash)?;
                let verifying = key.verifying_key(circuit.0)?.hash();
                if verifying != pinned(&self.index.circuit(circuit.0)?.verifying_key)?
                    || !key.has_one_delta()
                {
                    return Err(KeyError::NotPinned(circuit.0.to_owned()));
                }
                key
            }
        });
        keys.insert(circuit, Arc::clone(&key));
        Ok(key)
    }

    /// Proves a statement without committed inputs, and checks the result as a verifier would.
    ///
    /// # Errors
    /// [`ProveError`] when the witness is false, or the key is missing or not that of the verifier.
    pub fn prove<S: Statement, R: RngCore + CryptoRng>(
        &self,
        statement: &S,
        public: &S::Public,
        witness: &S::Witness,
        rng: &mut R,
    ) -> Result<Proof, ProveError> {
        let key = self.key(statement.circuit())?;
        let proof = proof::prove(statement, &key, public, witness, rng)?;
        self.verifier.verify(statement, public, &proof)?;
        Ok(proof)
    }

    /// Proves all statements about a row block. `columns` are those of [`BlockClaims::opened`], in
    /// the same order; `progress` hears every step as it begins, that of a proof once for each.
    ///
    /// Every attempt that leaves the machine opens the columns once: a caller records it durably
    /// before it sends the bundle, and never sends an eighth.
    ///
    /// # Errors
    /// [`ProveError`] when a claim is false or the columns are not those of the commitments.
    pub fn prove_bundle<R: RngCore + CryptoRng>(
        &self,
        context: &BundleContext,
        claims: &BlockClaims,
        columns: &[Column<'_>],
        rng: &mut R,
        progress: &dyn Fn(Step),
    ) -> Result<ProvenBundle, ProveError> {
        bundle::prove_bundle(self, context, claims, columns, rng, progress)
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
