//! The proving end: keys from memory, from disk or generated. Depends on the registry, on
//! [`super::Verifier`] and on [`crate::bundle`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rand::{CryptoRng, RngCore};

use super::registry::{Index, SRS, pinned, registry};
use super::{Network, Origin, Verifier};
use crate::bundle::{self, BlockClaims, BundleContext, ProvenBundle};
use crate::ceremony::folder;
use crate::commitment::{Column, Srs};
use crate::proof::{self, KeyError, Proof, ProveError, ProvingKey};
use crate::setup::{self, Cache};
use crate::statement::{CircuitId, Statement};

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
