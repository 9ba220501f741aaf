//! The validators of a height, as a light client knows them: keys and voting power, in one order, with
//! one hash that headers carry.

use borsh::{BorshDeserialize, BorshSerialize};
use galen_market::id::ConsensusKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The most validators of a ledger, and so the most signatures in a certificate.
pub const MAX_VALIDATORS: usize = 1024;

/// A validator.
#[derive(
    Copy, Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Validator {
    /// The key of its votes.
    pub key: ConsensusKey,
    /// Its voting power.
    pub power: u64,
}

/// A list of validators cannot decide anything.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ValidatorSetError {
    /// Nobody has power.
    #[error("no validator has voting power")]
    Empty,
    /// One key stands twice.
    #[error("validator {0} stands twice in the set")]
    Duplicate(ConsensusKey),
    /// More power than can be counted.
    #[error("the voting power of all validators overflows")]
    Overflow,
    /// More validators than a ledger has.
    #[error("{0} validators where at most {MAX_VALIDATORS} are allowed")]
    TooMany(usize),
}

/// The validators of a height: by power, the strongest first, then by key.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, Serialize)]
#[serde(transparent)]
pub struct ValidatorSet(Vec<Validator>);

impl ValidatorSet {
    /// The set of these validators in whatever order; those without power are left out.
    ///
    /// # Errors
    /// When nobody or too many are left, a key stands twice or the power overflows.
    pub fn new(validators: impl IntoIterator<Item = Validator>) -> Result<Self, ValidatorSetError> {
        let mut set: Vec<_> =
            validators.into_iter().filter(|validator| validator.power > 0).collect();
        if set.len() > MAX_VALIDATORS {
            return Err(ValidatorSetError::TooMany(set.len()));
        }
        set.sort_by(|a, b| b.power.cmp(&a.power).then(a.key.cmp(&b.key)));
        let mut keys: Vec<_> = set.iter().map(|validator| validator.key).collect();
        keys.sort_unstable();
        if set.is_empty() {
            return Err(ValidatorSetError::Empty);
        }
        if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ValidatorSetError::Duplicate(pair[0]));
        }
        // Thresholds multiply the total by three.
        let total = set.iter().try_fold(0u64, |sum, validator| sum.checked_add(validator.power));
        if total.and_then(|total| total.checked_mul(3)).is_none() {
            return Err(ValidatorSetError::Overflow);
        }
        Ok(Self(set))
    }

    /// The validators in their order.
    #[must_use]
    pub fn validators(&self) -> &[Validator] {
        &self.0
    }

    /// The power of all together.
    #[must_use]
    pub fn power(&self) -> u64 {
        self.0.iter().map(|validator| validator.power).sum()
    }

    /// The power of a key; none if it does not belong to a validator.
    #[must_use]
    pub fn power_of(&self, key: &ConsensusKey) -> Option<u64> {
        self.0.iter().find(|validator| validator.key == *key).map(|validator| validator.power)
    }

    /// The hash that headers carry: of the number of validators (4 bytes) and of key and power (8
    /// bytes) of each, in order, numbers little-endian.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(b"galen validators 1");
        hasher.update(galen_market::codec::encode(self));
        hasher.finalize().into()
    }
}

impl BorshDeserialize for ValidatorSet {
    fn deserialize_reader<R: std::io::Read>(reader: &mut R) -> std::io::Result<Self> {
        let list =
            galen_market::codec::Bounded::<Validator, MAX_VALIDATORS>::deserialize_reader(reader)?;
        exact(list.into_vec())
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
    }
}

impl<'de> Deserialize<'de> for ValidatorSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        exact(<Vec<Validator> as Deserialize>::deserialize(deserializer)?)
            .map_err(serde::de::Error::custom)
    }
}

/// A set that was written has one form.
fn exact(list: Vec<Validator>) -> Result<ValidatorSet, String> {
    let set = ValidatorSet::new(list.iter().copied()).map_err(|error| error.to_string())?;
    if set.0 == list {
        Ok(set)
    } else {
        Err("validators stand in descending order of their power and then by key".to_owned())
    }
}
