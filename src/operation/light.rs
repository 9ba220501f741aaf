//! What a node says, checked by certificates and proofs: trusted headers, and licences as files.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use galen_light::licence::{
    FORMAT, LicenceCertificate, LicenceError, LicenceProofs, Licensed, Verified, keys,
};
use galen_light::{Anchor, LightBlock, LightError, StateProof, extend};
use galen_market::codec::{Bounded, decode_exact};
use galen_market::deal::Licence;
use galen_market::genesis::Genesis;
use galen_market::id::DealId;
use galen_market::state_key;
use serde::{Deserialize, Serialize};

use crate::error::{Exit, Failure};
use crate::session::Session;
use crate::wallet::file;

/// The most bytes of a certificate or a trusted header.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The form of a trusted header's file.
pub const HEADER_FORMAT: &str = "galen-header-1";

/// A header to trust, with the genesis of its ledger: for whoever checks proofs later.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedHeader {
    /// [`HEADER_FORMAT`].
    pub format: String,
    /// What the ledger began with.
    pub genesis: Genesis,
    /// The block.
    pub block: LightBlock,
}

/// This machine's time, in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn refused(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::RefusedProof, "proof.refused", error.to_string())
        .remedy("do not rely on it; ask another node")
}

impl From<LightError> for Failure {
    fn from(error: LightError) -> Self {
        let remedy = match &error {
            LightError::Future { .. } => "set this machine's clock",
            LightError::OtherLedger { .. } => "use the genesis or a trusted header of this ledger",
            LightError::NotCovered { .. } => "use the genesis or an older trusted header",
            LightError::Gap { .. } => "export it again, or use a later trusted header",
            _ => "do not rely on it; ask another node for it",
        };
        refused(error).remedy(remedy)
    }
}

impl From<LicenceError> for Failure {
    fn from(error: LicenceError) -> Self {
        match error {
            LicenceError::Light(error) => error.into(),
            LicenceError::OtherLedger => refused(error).remedy(
                "use the genesis or a trusted header of the ledger that issued the licence",
            ),
            LicenceError::Format(_) | LicenceError::Value { .. } => {
                refused(error).remedy("use the version of galen that wrote it")
            }
            error => refused(error).remedy("do not rely on it; have it exported again"),
        }
    }
}

/// Trust in a genesis file.
///
/// # Errors
/// When it cannot be read.
pub fn anchor_of_genesis(path: &Path) -> Result<Anchor, Failure> {
    Ok(Anchor::genesis(&super::genesis::read_file(path)?)?)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path, what: &str) -> Result<T, Failure> {
    let bytes =
        file::read_bounded(path, MAX_FILE_BYTES).map_err(|error| Failure::file(path, &error))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::input(path, format!("is not {what}: {error}"))
            .remedy("use the file as galen wrote it")
    })
}

/// Trust in a header file.
///
/// # Errors
/// When it cannot be read or contradicts itself.
pub fn anchor_of_header(path: &Path) -> Result<Anchor, Failure> {
    let trusted: TrustedHeader = read(path, "a trusted header")?;
    if trusted.format != HEADER_FORMAT {
        return Err(Failure::input(path, "has another form")
            .remedy("use the version of galen that wrote it"));
    }
    Ok(Anchor::block(&trusted.block, &trusted.genesis)?)
}

/// Reads a licence certificate, unchecked.
///
/// # Errors
/// When the file is none.
pub fn read_certificate(path: &Path) -> Result<LicenceCertificate, Failure> {
    read(path, "a licence certificate")
}

/// The path from an anchor to a block, with what is between fetched from the node.
///
/// # Errors
/// When the anchor does not vouch for the block, or the node cannot be asked.
pub fn path(
    session: &Session,
    anchor: &Anchor,
    block: LightBlock,
) -> Result<Vec<LightBlock>, Failure> {
    extend(anchor, block, now_ms(), |height| session.client().header(height).map_err(Failure::from))
}

/// A header of the node's ledger that its genesis vouches for; the last one if no height is given.
///
/// # Errors
/// When there is no such block, or the node's answer is not vouched for.
pub fn trusted_header(session: &Session, height: Option<u64>) -> Result<TrustedHeader, Failure> {
    let height = match height {
        Some(height) => height,
        None => session.status()?.height,
    };
    let block = session.client().header(height)?;
    if block.header.height != height {
        return Err(Failure::new(
            Exit::Failure,
            "node.answer",
            "the node answered about another block",
        )
        .remedy("use another node"));
    }
    let genesis = session.genesis().clone();
    path(session, &Anchor::genesis(&genesis)?, block.clone())?;
    Ok(TrustedHeader { format: HEADER_FORMAT.to_owned(), genesis, block })
}

fn value<T: borsh::BorshDeserialize>(proof: &StateProof, what: &str) -> Result<T, Failure> {
    let missing = || {
        Failure::new(Exit::Failure, "not_found", format!("the ledger has no {what} of this deal"))
            .remedy("a licence is issued with the key: see `galen deal status`")
    };
    let bytes = proof.value.as_ref().ok_or_else(missing)?;
    decode_exact(bytes).map_err(|error| {
        Failure::new(Exit::Failure, "node.answer", format!("the proven {what}: {error}"))
            .remedy("use a node of the same version")
    })
}

/// The certificate of a deal's licence as the ledger has it now, checked like any other.
///
/// # Errors
/// When there is no licence, or what the node says is not proven.
pub fn certificate(session: &Session, deal: &DealId) -> Result<LicenceCertificate, Failure> {
    let licence = session.client().licence(deal)?.licence;
    let found = session.client().proofs(&keys(&licence))?;
    let [licence, of_deal, listing, offer, institution]: [StateProof; 5] =
        found.proofs.try_into().map_err(|_| refused("the node proved something else"))?;
    let anchor = Anchor::genesis(session.genesis())?;
    let path = path(session, &anchor, found.block)?;
    let says = Licensed {
        licence: value(&licence, "licence")?,
        deal: value(&of_deal, "record")?,
        listing: value(&listing, "listing")?,
        offer: value(&offer, "offer")?,
        institution: value(&institution, "institution")?,
    };
    let proofs = LicenceProofs { licence, deal: of_deal, listing, offer, institution };
    let certificate = LicenceCertificate {
        format: FORMAT.to_owned(),
        says,
        genesis: session.genesis().clone(),
        path: Bounded::new(path).map_err(refused)?,
        proofs,
    };
    certificate.verify(&anchor, now_ms())?;
    Ok(certificate)
}

/// What the ledger says of a licence now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fresh {
    /// The licence.
    pub licence: Licence,
    /// Height of the block as of which.
    pub height: u64,
    /// Time of that block, in milliseconds since 1970.
    pub time_ms: u64,
}

/// Asks a node what became of a licence since its certificate was written. The answer is proven from
/// the certificate's own header on.
///
/// # Errors
/// When the node is behind the certificate, or what it says is not proven.
pub fn fresh(
    session: &Session,
    certificate: &LicenceCertificate,
    verified: &Verified,
) -> Result<Fresh, Failure> {
    let deal = &verified.licensed.licence.deal;
    let key = state_key::licence(deal).as_bytes().to_vec();
    let found = session.client().proofs(std::slice::from_ref(&key))?;
    let (height, time_ms) = (found.block.header.height, found.block.header.time_ms);
    let last = certificate.path.last().ok_or(LightError::NoBlock)?;
    let anchor = Anchor::block(last, &certificate.genesis)?;
    let root = found.block.header.state_root;
    if found.block.header != last.header {
        path(session, &anchor, found.block)?;
    }
    let proof = found.proofs.first().ok_or_else(|| refused("the node proved nothing"))?;
    proof.verify(&root).map_err(refused)?;
    Ok(Fresh { licence: value(proof, "licence")?, height, time_ms })
}
