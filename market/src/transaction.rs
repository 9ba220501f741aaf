//! A transaction: actions for one ledger, an expiry, who pays the fee, and what authorises it.
//!
//! Three hashes speak of it. With `A` the actions without proof bytes:
//! the *message* `H(chain id, A, expiry, fee, accounts with their nonces, deal key)` is what a
//! credential's proof carries; what is *signed* is `H(message, credential without its proof)`; and
//! the *id* is a hash of what is signed. So signatures and proofs, which can be made anew for the same
//! statement, never change the id, and nothing can be lifted out of one transaction into another.

use borsh::{BorshDeserialize, BorshSerialize};
use ed25519_consensus::VerificationKey;
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::codec::{Bounded, decode_exact, encode};
use crate::error::TxError;
use crate::fee::{Fee, FeePayer, MAX_TRANSACTION_UNITS};
use crate::id::{AccountId, ChainId, Digest, Hasher, Signature, TransactionId};
use crate::identity::presentation::Presentation;

/// The most bytes of a transaction: a full segment of evidence or a full bundle, and some room.
pub const MAX_TRANSACTION_BYTES: usize = 320 * 1024;
/// The most actions of a transaction.
pub const MAX_ACTIONS: usize = 16;
/// The most account signatures of a transaction.
pub const MAX_SIGNATURES: usize = 16;
/// The expiry of a lone delivery that is good until its deal's deadline.
pub const NO_EXPIRY: u64 = u64::MAX;
/// The expiry of a transaction that only asks what would happen. It can be signed and tried, but not
/// executed by anybody who gets hold of it: no block's time is as early.
pub const QUESTION: u64 = 0;

/// A transaction as it travels.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Transaction {
    /// For which ledger.
    pub chain: ChainId,
    /// What it does, in order; all of it or nothing.
    pub actions: Bounded<Action, MAX_ACTIONS>,
    /// The last block time at which it may be executed, in milliseconds since 1970.
    pub expiry_ms: u64,
    /// Who pays.
    pub fee: Fee,
    /// Who wants it.
    pub authorization: Authorization,
}

/// What authorises a transaction. Each part is optional; the actions say what is needed.
#[derive(
    Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Authorization {
    /// Accounts, each with its next nonce.
    pub accounts: Bounded<AccountSignature, MAX_SIGNATURES>,
    /// A deal's one-time key. It has no nonce: the deal's state is the replay protection.
    pub deal_key: Option<KeySignature>,
    /// A credential.
    pub credential: Option<Presentation>,
}

/// The signature of an account.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct AccountSignature {
    /// The account.
    pub account: AccountId,
    /// Its next nonce.
    pub nonce: u64,
    /// Over [`Transaction::signing_hash`].
    pub signature: Signature,
}

/// The signature of a one-time key.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct KeySignature {
    /// The key.
    pub key: AccountId,
    /// Over [`Transaction::signing_hash`].
    pub signature: Signature,
}

impl Transaction {
    /// Reads the canonical bytes of a transaction.
    ///
    /// # Errors
    /// [`TxError::TooLarge`] or [`TxError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TxError> {
        if bytes.len() > MAX_TRANSACTION_BYTES {
            return Err(TxError::TooLarge { bytes: bytes.len(), max: MAX_TRANSACTION_BYTES });
        }
        decode_exact(bytes).map_err(|error| TxError::Malformed { what: error.0 })
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// What a credential's proof is bound to.
    #[must_use]
    pub fn message(&self) -> Digest {
        let mut actions = self.actions.to_vec();
        actions.iter_mut().for_each(Action::strip_proofs);
        let accounts: Vec<(AccountId, u64)> = self
            .authorization
            .accounts
            .iter()
            .map(|signer| (signer.account, signer.nonce))
            .collect();
        Hasher::new("galen/message")
            .value(&self.chain)
            .value(&actions)
            .value(&self.expiry_ms)
            .value(&self.fee)
            .value(&accounts)
            .value(&self.authorization.deal_key.as_ref().map(|signer| signer.key))
            .digest()
    }

    /// What accounts and one-time keys sign.
    #[must_use]
    pub fn signing_hash(&self) -> Digest {
        let statement = self.authorization.credential.as_ref().map(Presentation::without_proof);
        Hasher::new("galen/sign").value(&self.message()).value(&statement).digest()
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> TransactionId {
        TransactionId(Hasher::new("galen/transaction").value(&self.signing_hash()).digest().0)
    }

    /// Whether blocks keep room for it.
    #[must_use]
    pub fn is_delivery_or_dispute(&self) -> bool {
        matches!(&self.actions[..], [action] if action.is_reserved())
    }

    /// Whether it is a delivery and nothing else: then it may go without an expiry.
    #[must_use]
    pub fn is_lone_delivery(&self) -> bool {
        matches!(&self.actions[..], [Action::Deliver(_)])
    }

    /// The rules that need no state and no proof.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self, chain: ChainId) -> Result<(), TxError> {
        self.check_form(chain)?;
        self.check_signatures()
    }

    /// The same, signatures aside.
    pub(crate) fn check_form(&self, chain: ChainId) -> Result<(), TxError> {
        if self.chain != chain {
            return Err(TxError::WrongChain);
        }
        if self.actions.is_empty() {
            return Err(TxError::NoActions);
        }
        if self.expiry_ms == NO_EXPIRY && !self.is_lone_delivery() {
            return Err(TxError::ExpiryRequired);
        }
        let (units, max) = (self.units(), MAX_TRANSACTION_UNITS);
        if units > max {
            return Err(TxError::TooCostly { units, max });
        }
        self.check_payer()?;
        for action in &self.actions {
            action.check()?;
        }
        let uses =
            self.actions.iter().filter(|action| action.credential_scope(chain).is_some()).count();
        match (uses, &self.authorization.credential) {
            (_, None) if self.actions.iter().any(Action::needs_credential) => {
                Err(TxError::CredentialRequired)
            }
            (_, None) | (1, Some(_)) => Ok(()),
            (0, Some(_)) => Err(TxError::CredentialNotUsed),
            (_, Some(_)) => Err(TxError::CredentialUsedTwice),
        }
    }

    fn check_payer(&self) -> Result<(), TxError> {
        let Authorization { accounts, deal_key, .. } = &self.authorization;
        match self.fee.payer {
            FeePayer::Account(account)
                if accounts.iter().all(|signer| signer.account != account) =>
            {
                Err(TxError::PayerDidNotSign { account })
            }
            FeePayer::Account(_) => Ok(()),
            FeePayer::Standing(standing) => match &self.actions[..] {
                [Action::CancelStanding(action)]
                    if action.standing == standing && accounts.is_empty() =>
                {
                    Ok(())
                }
                _ => Err(TxError::FeeNotOfStanding { standing }),
            },
            FeePayer::Deal(deal) => match &self.actions[..] {
                // No signature beside it that the action does not need: what the deal pays for has a
                // known size, and a delivery, whose proof is its authority, could be wrapped by anybody.
                [action]
                    if action.deal() == Some(deal)
                        && accounts.is_empty()
                        && (deal_key.is_none() || !self.is_lone_delivery()) =>
                {
                    Ok(())
                }
                _ => Err(TxError::FeeNotOfDeal { deal }),
            },
        }
    }

    fn check_signatures(&self) -> Result<(), TxError> {
        let hash = self.signing_hash();
        let mut signers = std::collections::BTreeSet::new();
        let accounts =
            self.authorization.accounts.iter().map(|signer| (signer.account, signer.signature));
        let keys = self.authorization.deal_key.iter().map(|signer| (signer.key, signer.signature));
        for (account, signature) in accounts.chain(keys) {
            if !signers.insert(account) {
                return Err(TxError::SignedTwice { account });
            }
            verify_signature(&account, &hash, &signature)?;
        }
        Ok(())
    }
}

/// Verifies a signature by the rules of ZIP-215, under which single and batch verification agree.
///
/// # Errors
/// [`TxError::BadSignature`].
pub fn verify_signature(
    account: &AccountId,
    hash: &Digest,
    signature: &Signature,
) -> Result<(), TxError> {
    VerificationKey::try_from(account.0)
        .and_then(|key| key.verify(&ed25519_consensus::Signature::from(signature.0), &hash.0))
        .map_err(|_| TxError::BadSignature { account: *account })
}
