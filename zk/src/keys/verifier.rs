//! The verifying end. Depends on [`super::Parameters`], [`crate::bundle`] and [`crate::batch`].

use std::sync::{Arc, OnceLock};

use super::registry::SRS;
use super::{Network, Origin, Parameters, PublicKeys};
use crate::batch::{Batch, Item};
use crate::bundle::{self, BlockClaims, Bundle, BundleContext};
use crate::commitment::Srs;
use crate::point::{G1Point, G2Point};
use crate::proof::{self, KeyError, Proof, ProofError, VerifyingKey};
use crate::setup;
use crate::statement::{CircuitId, Statement};
use crate::summary::SummaryPowers;

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

    /// The parameters, for whoever verifies without this program.
    #[must_use]
    pub fn public_keys(&self) -> PublicKeys {
        self.parameters.public()
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
