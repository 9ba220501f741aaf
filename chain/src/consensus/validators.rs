//! The validators of a height, and whose turn it is to propose.

use super::signing::PublicKey;
use super::types::{Address, GalenContext};
use crate::execute::ValidatorInfo;
use arc_malachitebft_app_channel::app::types::core as malachite;
use galen_light::ValidatorSetError;
use galen_market::id::ConsensusKey;
use sha2::{Digest, Sha256};

/// The validators that a ledger names, as headers and light clients know them.
///
/// # Errors
/// When they cannot decide anything.
pub fn known_set(
    validators: &[ValidatorInfo],
) -> Result<galen_light::ValidatorSet, ValidatorSetError> {
    galen_light::ValidatorSet::new(validators.iter().map(|validator| galen_light::Validator {
        key: ConsensusKey(validator.consensus_key),
        power: validator.power,
    }))
}

/// A validator.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    address: Address,
    key: PublicKey,
    power: u64,
}

impl malachite::Validator<GalenContext> for Validator {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn voting_power(&self) -> u64 {
        self.power
    }
}

/// The validators of a height: by power, the strongest first, then by address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorSet {
    validators: Vec<Validator>,
    /// The same as light clients know it.
    known: galen_light::ValidatorSet,
}

impl ValidatorSet {
    /// The set that the ledger names. Validators without power are left out.
    ///
    /// # Errors
    /// When nobody is left, a key stands twice or the power overflows.
    pub fn new(validators: &[ValidatorInfo]) -> Result<Self, ValidatorSetError> {
        let known = known_set(validators)?;
        let validators = known.validators().iter().map(|validator| Validator {
            address: Address(validator.key.0),
            key: PublicKey(validator.key.0),
            power: validator.power,
        });
        Ok(Self { validators: validators.collect(), known })
    }

    /// The set as headers and light clients know it.
    pub fn known(&self) -> &galen_light::ValidatorSet {
        &self.known
    }

    /// Whether a key belongs to a validator.
    pub fn contains(&self, address: &Address) -> bool {
        self.validators.iter().any(|validator| validator.address == *address)
    }

    /// The highest number such that validators with more than a third of the power give it or more.
    pub fn beyond_a_third(&self, number: impl Fn(&Address) -> u64) -> u64 {
        let total: u64 = self.validators.iter().map(|validator| validator.power).sum();
        let mut given: Vec<_> =
            self.validators.iter().map(|v| (number(&v.address), v.power)).collect();
        given.sort_by(|a, b| b.cmp(a));
        let mut power = 0;
        for (number, of) in given {
            power += of;
            if power > total / 3 {
                return number;
            }
        }
        0
    }

    /// Who proposes. Round 0 of a height is a lottery weighted by power; every further round goes to
    /// the next validator of the set, so that a few that are down delay a height by as many rounds.
    pub fn proposer(&self, height: u64, round: u32) -> &Validator {
        let total: u64 = self.validators.iter().map(|validator| validator.power).sum();
        let mut hasher = Sha256::new();
        hasher.update(b"galen proposer 1");
        hasher.update(height.to_be_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        let drawn =
            u128::from_be_bytes(hash[..16].try_into().expect("16 of 32 bytes")) % u128::from(total);
        let mut sum = 0u128;
        let first = self.validators.iter().position(|validator| {
            sum += u128::from(validator.power);
            drawn < sum
        });
        let index = (first.unwrap_or(0) + round as usize) % self.validators.len();
        &self.validators[index]
    }
}

impl malachite::ValidatorSet<GalenContext> for ValidatorSet {
    fn count(&self) -> usize {
        self.validators.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.validators.iter().map(|validator| validator.power).sum()
    }

    fn get_by_address(&self, address: &Address) -> Option<&Validator> {
        self.validators.iter().find(|validator| validator.address == *address)
    }

    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.validators.get(index)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use malachite::Validator as _;

    fn info(key: u8, power: u64) -> ValidatorInfo {
        ValidatorInfo { consensus_key: [key; 32], power }
    }

    #[test]
    fn sets_that_cannot_decide_are_refused() {
        assert_eq!(ValidatorSet::new(&[]), Err(ValidatorSetError::Empty));
        assert_eq!(ValidatorSet::new(&[info(1, 0)]), Err(ValidatorSetError::Empty));
        assert_eq!(
            ValidatorSet::new(&[info(1, 5), info(2, 5), info(1, 5)]),
            Err(ValidatorSetError::Duplicate(ConsensusKey([1; 32])))
        );
        assert_eq!(
            ValidatorSet::new(&[info(1, u64::MAX), info(2, 1)]),
            Err(ValidatorSetError::Overflow)
        );
        assert!(ValidatorSet::new(&[info(1, 5), info(2, 0)]).is_ok());
    }

    #[test]
    fn every_validator_proposes_within_as_many_rounds_as_there_are_validators() {
        let set = ValidatorSet::new(&[info(1, 1000), info(2, 1), info(3, 1), info(4, 1)]).unwrap();
        for height in 1..50 {
            let proposers: std::collections::BTreeSet<_> =
                (7..11).map(|round| *set.proposer(height, round).address()).collect();
            assert_eq!(proposers.len(), 4);
        }
    }

    #[test]
    fn one_validator_of_four_is_not_believed_and_two_are() {
        let set = ValidatorSet::new(&[info(1, 1), info(2, 1), info(3, 1), info(4, 1)]).unwrap();
        assert_eq!(set.beyond_a_third(|a| if a.0[0] == 1 { u64::MAX } else { 5 }), 5);
        assert_eq!(set.beyond_a_third(|a| if a.0[0] <= 2 { 9 } else { 5 }), 9);
        let alone = ValidatorSet::new(&[info(1, 1)]).unwrap();
        assert_eq!(alone.beyond_a_third(|_| 7), 7);
    }

    #[test]
    fn proposers_are_drawn_by_power() {
        let set = ValidatorSet::new(&[info(1, 3), info(2, 1)]).unwrap();
        let strong = (1..4001)
            .filter(|height| set.proposer(*height, 0).address() == &Address([1; 32]))
            .count();
        assert!((2800..3200).contains(&strong), "{strong} of 4000");
    }
}
