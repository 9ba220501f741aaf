//! A credential as it is shown in a transaction: what is said in the open, and the proof that some
//! live credential of some accepted issuer makes it true. Nothing here says whose.
//!
//! The presentation states what the holder chose; the ledger itself fills in the opener's key, the
//! scope and the message, so that none of them can be chosen by whoever sends it.

use borsh::{BorshDeserialize, BorshSerialize};
use galen_zk::circuit::credential::{
    Countries, Credential, CredentialPublic, CredentialRequest, Disclosed, Opening, ROOTS,
};
use galen_zk::field::{Scalar, hash_to_scalar};
use galen_zk::keys::Verifier;
use galen_zk::point::JubPoint;
use galen_zk::proof::Proof;
use serde::{Deserialize, Serialize};

use crate::codec::{Bounded, Bytes, decode_exact};
use crate::context::Context;
use crate::error::TxError;
use crate::id::{AccountId, ChainId, DealId, Digest, PackageId, TransactionId};
use crate::identity::tree;
use crate::state_key;
use crate::terms::Proven;

/// Milliseconds of a day.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A root of an issuer's tree that the proof accepts.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct IssuerRoot {
    /// Whose tree.
    pub issuer: AccountId,
    /// Its root, current or superseded lately.
    pub root: Scalar,
}

/// A credential as it is shown.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Presentation {
    /// One to 16 roots, under one of which the credential is; the last one is repeated to fill the
    /// proof's list.
    pub roots: Bounded<IssuerRoot, ROOTS>,
    /// The day, since 1970, on which the credential is good: that of the block or the one before.
    pub day: u32,
    /// Purposes of use that the credential approves, a bit each.
    pub purposes: u32,
    /// Countries of which the holder's is one; none named means any.
    pub countries: Countries,
    /// Attributes shown.
    pub disclosed: Disclosed,
    /// Uses that each holder has in the scope.
    pub j_limit: u16,
    /// Names this use of the credential in the scope, and is accepted once.
    pub nullifier: Scalar,
    /// The holder's name under the opener's key.
    pub opening: Opening,
    /// The proof; not part of what is signed, nor of the transaction's id.
    pub proof: Bytes<{ Proof::BYTES }>,
}

/// What a credential proved for one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProvenCredential {
    /// The roots that were accepted.
    pub roots: Bounded<IssuerRoot, ROOTS>,
    /// The day, since 1970, on which it is good.
    pub day: u32,
    /// Purposes of use that it approves, a bit each.
    pub purposes: u32,
    /// Countries of which the holder's is one; none named means any.
    pub countries: Countries,
    /// Attributes shown.
    pub disclosed: Disclosed,
    /// Uses that each holder has in the scope.
    pub j_limit: u16,
    /// What uses are counted in.
    pub scope: Scalar,
    /// Names this use.
    pub nullifier: Scalar,
    /// The holder's name under the opener's key.
    pub opening: Opening,
}

/// The scope in which requests for one package of one institution are counted.
#[must_use]
pub fn request_scope(chain: ChainId, institution: &AccountId, package: &PackageId) -> Scalar {
    Scalar(hash_to_scalar("galen/scope/request", &[&chain.0, &institution.0, &package.0]))
}

/// The scope in which standing requests of a period are counted.
#[must_use]
pub fn standing_scope(chain: ChainId, period: u32) -> Scalar {
    let period = period.to_be_bytes();
    Scalar(hash_to_scalar("galen/scope/standing", &[&chain.0, &period]))
}

/// The scope in which a buyer shows again that it is accredited, for one deal.
#[must_use]
pub fn ready_scope(chain: ChainId, deal: &DealId) -> Scalar {
    Scalar(hash_to_scalar("galen/scope/ready", &[&chain.0, &deal.0]))
}

/// A transaction's message as the field element that a credential's proof carries.
#[must_use]
pub fn message_scalar(message: &Digest) -> Scalar {
    Scalar(hash_to_scalar("galen/credential-message", &[&message.0]))
}

impl Presentation {
    /// What is shown, without the proof's bytes.
    #[must_use]
    pub fn without_proof(&self) -> Self {
        Self { proof: Bytes::default(), ..self.clone() }
    }

    /// The public values of the proof.
    ///
    /// # Errors
    /// [`TxError::BadCredentialProof`] if no root is named.
    pub fn public(
        &self,
        opener: &JubPoint,
        scope: Scalar,
        message: &Digest,
    ) -> Result<CredentialPublic, TxError> {
        let last = self.roots.last().ok_or(TxError::BadCredentialProof)?;
        let mut roots = [last.root; ROOTS];
        for (place, named) in roots.iter_mut().zip(&self.roots) {
            *place = named.root;
        }
        let request = CredentialRequest {
            roots,
            opener: *opener,
            day: self.day,
            purposes: self.purposes,
            countries: self.countries.clone(),
            disclosed: self.disclosed,
            scope,
            j_limit: self.j_limit,
            message: message_scalar(message),
        };
        Ok(CredentialPublic { request, nullifier: self.nullifier, opening: self.opening })
    }

    /// Verifies the proof. Needs no state: whether roots, day and limit are the ledger's is for
    /// [`ProvenCredential::accept`].
    ///
    /// # Errors
    /// [`TxError::BadCredentialProof`].
    pub(crate) fn verify(
        &self,
        verifier: &Verifier,
        opener: &JubPoint,
        scope: Scalar,
        message: &Digest,
    ) -> Result<ProvenCredential, TxError> {
        let public = self.public(opener, scope, message)?;
        let proof: Proof = decode_exact(&self.proof).map_err(|_| TxError::BadCredentialProof)?;
        verifier
            .verify(&Credential::default(), &public, &proof)
            .map_err(|_| TxError::BadCredentialProof)?;
        Ok(ProvenCredential {
            roots: self.roots.clone(),
            day: self.day,
            purposes: self.purposes,
            countries: self.countries.clone(),
            disclosed: self.disclosed,
            j_limit: self.j_limit,
            scope,
            nullifier: self.nullifier,
            opening: self.opening,
        })
    }
}

impl ProvenCredential {
    /// What terms may be decided by.
    #[must_use]
    pub fn proven(&self) -> Proven {
        Proven {
            purposes: self.purposes,
            countries: self.countries.clone(),
            institution: self.disclosed.institution,
        }
    }

    /// Checks what the state decides, and spends the nullifier.
    ///
    /// # Errors
    /// When a root is not accepted, the day or the limit is not the ledger's, or the nullifier was
    /// used.
    pub(crate) fn accept(&self, ctx: &mut Context<'_>, by: TransactionId) -> Result<(), TxError> {
        let today = u32::try_from(ctx.time_ms() / DAY_MS).unwrap_or(u32::MAX);
        if self.day != today && self.day.checked_add(1) != Some(today) {
            return Err(TxError::WrongDay { today, got: self.day });
        }
        let expected = ctx.parameters().requests_per_credential;
        if self.j_limit != expected {
            return Err(TxError::WrongLimit { expected });
        }
        for named in &self.roots {
            tree::require_root(ctx, &named.issuer, &named.root)?;
        }
        let key = state_key::nullifier(&self.nullifier);
        if ctx.get(&key)?.is_some() {
            return Err(TxError::NullifierUsed);
        }
        ctx.put(&key, &by);
        Ok(())
    }
}
