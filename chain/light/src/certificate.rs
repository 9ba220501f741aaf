//! The certificate of a block: precommits of validators with more than two thirds of the power. Nodes
//! may hold different ones of the same block.

use galen_market::codec::Bounded;
use galen_market::id::{ConsensusKey, Signature};
use serde::{Deserialize, Serialize};

use crate::header::{BlockId, Header};
use crate::validators::{MAX_VALIDATORS, ValidatorSet};

/// A validator's precommit.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitSignature {
    /// Whose.
    pub validator: ConsensusKey,
    /// The signature of [`precommit_message`].
    pub signature: Signature,
}

/// What decided a block. Which one it is, is not in it: it holds for a header or it does not.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The round in which the block was decided.
    pub round: u32,
    /// Who signed; each once.
    pub signatures: Bounded<CommitSignature, MAX_VALIDATORS>,
}

/// Why a certificate does not decide a block.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CertificateError {
    /// The header names other validators.
    #[error("block {height} is decided by other validators than the given ones")]
    OtherValidators {
        /// The block's height.
        height: u64,
    },
    /// A signature of somebody who is no validator.
    #[error("block {height}: {signer} is not a validator of this height")]
    NotValidator {
        /// The block's height.
        height: u64,
        /// Who.
        signer: ConsensusKey,
    },
    /// A validator signed twice.
    #[error("block {height}: {signer} is counted twice")]
    Duplicate {
        /// The block's height.
        height: u64,
        /// Who.
        signer: ConsensusKey,
    },
    /// A signature is not of this block at this height and round of this ledger.
    #[error("block {height}: the signature of {signer} is not of this block")]
    BadSignature {
        /// The block's height.
        height: u64,
        /// Who.
        signer: ConsensusKey,
    },
    /// Too few signed.
    #[error("block {height}: {signed} of {total} stake signed, more than two thirds are needed")]
    TooLittleStake {
        /// The block's height.
        height: u64,
        /// Power of those who signed.
        signed: u64,
        /// Power of all.
        total: u64,
    },
}

/// What a validator signs to precommit a block: `"galen consensus 1"`, the chain id, and borsh of the
/// vote: 1 (precommit), height (8 bytes), 1 and round (4 bytes), 1 and block (32 bytes), the voter's
/// key (32 bytes). Numbers are little-endian.
#[must_use]
pub fn precommit_message(
    chain_id: &[u8; 32],
    height: u64,
    round: u32,
    block: &BlockId,
    voter: &ConsensusKey,
) -> Vec<u8> {
    let mut message = b"galen consensus 1".to_vec();
    message.extend_from_slice(chain_id);
    message.push(1);
    message.extend_from_slice(&height.to_le_bytes());
    message.push(1);
    message.extend_from_slice(&round.to_le_bytes());
    message.push(1);
    message.extend_from_slice(&block.0);
    message.extend_from_slice(&voter.0);
    message
}

impl Certificate {
    /// Checks that validators with more than two thirds of the power of the set that the header names
    /// signed it.
    ///
    /// # Errors
    /// The first thing that is wrong: a false signature spoils the certificate even if enough others
    /// are good.
    pub fn verify(&self, header: &Header, set: &ValidatorSet) -> Result<(), CertificateError> {
        let height = header.height;
        if set.hash() != header.validators {
            return Err(CertificateError::OtherValidators { height });
        }
        let (id, total) = (header.id(), set.power());
        let mut signed = 0u64;
        for (place, CommitSignature { validator, signature }) in self.signatures.iter().enumerate()
        {
            let signer = *validator;
            let power =
                set.power_of(validator).ok_or(CertificateError::NotValidator { height, signer })?;
            if self.signatures.iter().take(place).any(|earlier| earlier.validator == signer) {
                return Err(CertificateError::Duplicate { height, signer });
            }
            let message = precommit_message(&header.chain_id, height, self.round, &id, validator);
            let good = ed25519_consensus::VerificationKey::try_from(validator.0).is_ok_and(|key| {
                key.verify(&ed25519_consensus::Signature::from(signature.0), &message).is_ok()
            });
            if !good {
                return Err(CertificateError::BadSignature { height, signer });
            }
            // Each validator once, and their sum was checked.
            signed = signed.saturating_add(power);
        }
        if u128::from(signed) * 3 > u128::from(total) * 2 {
            Ok(())
        } else {
            Err(CertificateError::TooLittleStake { height, signed, total })
        }
    }

    /// The power, by another set, of those who signed.
    pub(crate) fn power_by(&self, set: &ValidatorSet) -> u64 {
        let powers = self.signatures.iter().filter_map(|signed| set.power_of(&signed.validator));
        powers.fold(0, u64::saturating_add)
    }
}
