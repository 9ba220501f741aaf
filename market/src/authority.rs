//! Who authorised a transaction, after every signature and proof was verified. Rules ask this type
//! and nothing else.

use std::collections::BTreeSet;

use crate::error::TxError;
use crate::id::{AccountId, TransactionId};
use crate::identity::presentation::ProvenCredential;

/// What a transaction's authorisation proved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authority {
    pub(crate) transaction: TransactionId,
    pub(crate) accounts: BTreeSet<AccountId>,
    pub(crate) deal_key: Option<AccountId>,
    pub(crate) credential: Option<ProvenCredential>,
}

impl Authority {
    /// The transaction.
    #[must_use]
    pub const fn transaction(&self) -> TransactionId {
        self.transaction
    }

    /// The accounts that signed.
    #[must_use]
    pub const fn accounts(&self) -> &BTreeSet<AccountId> {
        &self.accounts
    }

    /// That an account signed.
    ///
    /// # Errors
    /// [`TxError::Unauthorised`].
    pub fn require_account(&self, account: &AccountId) -> Result<(), TxError> {
        if self.accounts.contains(account) {
            Ok(())
        } else {
            Err(TxError::Unauthorised { needs: format!("the signature of {account}") })
        }
    }

    /// That a deal's one-time key signed.
    ///
    /// # Errors
    /// [`TxError::Unauthorised`].
    pub fn require_deal_key(&self, key: &AccountId) -> Result<(), TxError> {
        if self.deal_key.as_ref() == Some(key) {
            Ok(())
        } else {
            Err(TxError::Unauthorised { needs: format!("the signature of the deal's key {key}") })
        }
    }

    /// The credential that was shown.
    ///
    /// # Errors
    /// [`TxError::CredentialRequired`].
    pub fn credential(&self) -> Result<&ProvenCredential, TxError> {
        self.credential.as_ref().ok_or(TxError::CredentialRequired)
    }
}
