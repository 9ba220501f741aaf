//! A licence certificate: one file with which anybody can check, without a node, that the ledger
//! issued a licence, for what, and under which terms.
//!
//! It carries the ledger's genesis, the blocks that lead from there to a header, and proofs of the
//! licence and everything that it refers to in the state after that header. What the file says in
//! words must be what is proven. That the licence was not revoked later, no file can say.

use borsh::BorshDeserialize;
use galen_market::codec::decode_exact;
use galen_market::deal::{Deal, Licence};
use galen_market::genesis::{Genesis, Network};
use galen_market::id::DealId;
use galen_market::identity::Party;
use galen_market::listing::{Listing, Offer};
use galen_market::role::Role;
use galen_market::state_key::{self, Key};
use serde::{Deserialize, Serialize};

use crate::header::BlockId;
use crate::proof::{StateProof, StateProofError};
use crate::trust::{Anchor, LightError, Path, Trust};

/// Names the form of the file; another form has another name.
pub const FORMAT: &str = "galen-licence-1";

/// The licence and what it refers to, as the ledger keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licensed {
    /// The licence.
    pub licence: Licence,
    /// The deal that it came from.
    pub deal: Deal,
    /// The listing of the dataset.
    pub listing: Listing,
    /// The version of the offer, with its terms.
    pub offer: Offer,
    /// The institution.
    pub institution: Party,
}

/// A proof for each part of [`Licensed`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceProofs {
    /// Of the licence.
    pub licence: StateProof,
    /// Of the deal.
    pub deal: StateProof,
    /// Of the listing.
    pub listing: StateProof,
    /// Of the offer.
    pub offer: StateProof,
    /// Of the institution's registration.
    pub institution: StateProof,
}

/// The file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicenceCertificate {
    /// [`FORMAT`].
    pub format: String,
    /// In words: must be what is proven.
    pub says: Licensed,
    /// What the ledger began with; its hash is the chain id.
    pub genesis: Genesis,
    /// The blocks from genesis to the one whose state is proven, which is the last.
    pub path: Path,
    /// The proofs.
    pub proofs: LicenceProofs,
}

/// Whether a licence may be used.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum InForce {
    /// It may.
    Yes,
    /// It begins later.
    NotYet {
        /// When, in milliseconds since 1970.
        from_ms: u64,
    },
    /// Its time is over.
    Expired {
        /// Since when, in milliseconds since 1970.
        until_ms: u64,
    },
    /// The price was refunded.
    Revoked {
        /// When, in milliseconds since 1970.
        at_ms: u64,
    },
}

impl InForce {
    /// Whether a licence, as far as it is known, may be used at a time, in milliseconds since 1970.
    #[must_use]
    pub fn of(licence: &Licence, now_ms: u64) -> Self {
        match licence.revoked_ms {
            Some(at_ms) => Self::Revoked { at_ms },
            None if now_ms < licence.from_ms => Self::NotYet { from_ms: licence.from_ms },
            None if now_ms >= licence.until_ms => Self::Expired { until_ms: licence.until_ms },
            None => Self::Yes,
        }
    }
}

/// What a certificate proved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Verified {
    /// The licence and what it refers to.
    pub licensed: Licensed,
    /// Height of the block whose state is proven.
    pub height: u64,
    /// Its name.
    pub block: BlockId,
    /// Its time, in milliseconds since 1970: what came later, the certificate does not know.
    pub time_ms: u64,
    /// What the trust in that block rests on.
    pub trust: Trust,
    /// Whether anybody can forge proofs on this ledger.
    pub forgeable: bool,
    /// Whether the licence may be used at the time of the check, unless it was revoked since.
    pub in_force: InForce,
}

/// Why a certificate is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LicenceError {
    /// The file has another form.
    #[error("the certificate has the form {0:?}, and this program knows {FORMAT:?}")]
    Format(String),
    /// Of another ledger than the trusted one.
    #[error("the certificate is of another ledger than the trusted one")]
    OtherLedger,
    /// The header is not vouched for.
    #[error(transparent)]
    Light(#[from] LightError),
    /// A proof does not hold.
    #[error("the proof of the {what}: {error}")]
    Proof {
        /// Of what.
        what: &'static str,
        /// Why.
        error: StateProofError,
    },
    /// A proof is of another key than the licence leads to, or of no value.
    #[error("the proof of the {what} is of something else")]
    OtherKey {
        /// Of what.
        what: &'static str,
    },
    /// A proven value is none of this version.
    #[error("the proven {what} cannot be read: {why}")]
    Value {
        /// Which.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// The words are not what is proven.
    #[error("what the certificate says of the licence is not what it proves")]
    Says,
}

/// The keys of the state that a licence leads to, in the order of [`LicenceProofs`].
#[must_use]
pub fn keys(licence: &Licence) -> [Vec<u8>; 5] {
    let institution = &licence.listing.institution;
    [
        state_key::licence(&licence.deal).as_bytes().to_vec(),
        state_key::deal(&licence.deal).as_bytes().to_vec(),
        state_key::listing(&licence.listing).as_bytes().to_vec(),
        state_key::offer(&licence.listing, licence.version).as_bytes().to_vec(),
        state_key::party(Role::Institution, institution).as_bytes().to_vec(),
    ]
}

/// Reads a proven value, whose key must be the one given, and checks the proof.
fn proven<T: BorshDeserialize>(
    proof: &StateProof,
    what: &'static str,
    key: &Key<T>,
    root: &[u8; 32],
) -> Result<T, LicenceError> {
    let other = || LicenceError::OtherKey { what };
    if *proof.key != *key.as_bytes() {
        return Err(other());
    }
    let value = proof.value.as_ref().ok_or_else(other)?;
    proof.verify(root).map_err(|error| LicenceError::Proof { what, error })?;
    decode_exact(value).map_err(|error| LicenceError::Value { what, why: error.0 })
}

impl LicenceCertificate {
    /// The deal whose licence it certifies.
    #[must_use]
    pub fn deal(&self) -> DealId {
        self.says.licence.deal
    }

    /// Checks everything, at a time that whoever checks says it is, in milliseconds since 1970.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, anchor: &Anchor, now_ms: u64) -> Result<Verified, LicenceError> {
        if self.format != FORMAT {
            return Err(LicenceError::Format(self.format.chars().take(40).collect()));
        }
        // The anchor names the ledger, and the ledger's name is the hash of its genesis.
        if self.genesis.chain_id() != anchor.chain_id {
            return Err(LicenceError::OtherLedger);
        }
        let trust = anchor.follow(&self.path, now_ms)?;
        let header = &self.path.last().ok_or(LightError::NoBlock)?.header;
        let licensed = self.licensed(&header.state_root)?;
        if licensed != self.says {
            return Err(LicenceError::Says);
        }
        Ok(Verified {
            in_force: InForce::of(&licensed.licence, now_ms),
            licensed,
            height: header.height,
            block: header.id(),
            time_ms: header.time_ms,
            trust,
            forgeable: self.genesis.network == Network::Development,
        })
    }

    fn licensed(&self, root: &[u8; 32]) -> Result<Licensed, LicenceError> {
        let proofs = &self.proofs;
        let named = &self.says.licence;
        let licence: Licence =
            proven(&proofs.licence, "licence", &state_key::licence(&named.deal), root)?;
        let institution = licence.listing.institution;
        Ok(Licensed {
            deal: proven(&proofs.deal, "deal", &state_key::deal(&licence.deal), root)?,
            listing: proven(
                &proofs.listing,
                "listing",
                &state_key::listing(&licence.listing),
                root,
            )?,
            offer: proven(
                &proofs.offer,
                "offer",
                &state_key::offer(&licence.listing, licence.version),
                root,
            )?,
            institution: proven(
                &proofs.institution,
                "institution",
                &state_key::party(Role::Institution, &institution),
                root,
            )?,
            licence,
        })
    }
}

impl Verified {
    /// What the certificate does not say, for whoever reads it.
    #[must_use]
    pub fn limits(&self) -> Vec<String> {
        let mut limits = vec![
            format!(
                "Whether the licence was revoked after block {} cannot be seen offline; ask a node.",
                self.height
            ),
            format!(
                "It is not a proof that who shows it is the licensee: that is whoever can sign with the key {}.",
                self.licensed.licence.holder
            ),
            "It says nothing of the truth of the data.".to_owned(),
        ];
        if self.trust.former_validators_could_forge {
            limits.push("Validators who have left since could have forged it: compare it with a header that you trust and that is younger.".to_owned());
        }
        if self.forgeable {
            limits.push("The ledger uses development parameters, which are forgeable: what credentials and deliveries proved on it protects against nobody.".to_owned());
        }
        limits
    }
}
