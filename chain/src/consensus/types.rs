//! The types that Malachite decides about, in Galen's terms: a value is the name of a block, an
//! address is a validator's consensus key.

use super::signing::{Ed25519, PublicKey};
use crate::block::BlockId;
use crate::execute::ValidatorInfo;
use arc_malachitebft_app_channel::app::types::core as malachite;
use arc_malachitebft_app_channel::app::types::core::{LinearTimeouts, NilOrVal, Round, SignedExtension, VoteType};
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::fmt;

/// Ties the types below together.
#[derive(Copy, Clone, Debug)]
pub struct GalenContext;

/// A height of the ledger.
#[derive(
    Copy, Clone, Default, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Height(pub u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl malachite::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

/// A validator's consensus key.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Address(pub [u8; 32]);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl malachite::Address for Address {}

/// What is decided: the name of a block.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Value(pub BlockId);

impl malachite::Value for Value {
    type Id = BlockId;

    fn id(&self) -> BlockId {
        self.0
    }
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
pub struct ValidatorSet(Vec<Validator>);

/// The ledger names validators that cannot decide anything.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ValidatorSetError {
    /// Nobody has power.
    #[error("no validator has voting power")]
    Empty,
    /// One key stands twice.
    #[error("validator {0} stands twice in the set")]
    Duplicate(Address),
    /// More power than can be counted.
    #[error("the voting power of all validators overflows")]
    Overflow,
}

impl ValidatorSet {
    /// The set that the ledger names. Validators without power are left out.
    ///
    /// # Errors
    /// When nobody is left, a key stands twice or the power overflows.
    pub fn new(validators: &[ValidatorInfo]) -> Result<Self, ValidatorSetError> {
        let mut set: Vec<_> = validators
            .iter()
            .filter(|validator| validator.power > 0)
            .map(|validator| Validator {
                address: Address(validator.consensus_key),
                key: PublicKey(validator.consensus_key),
                power: validator.power,
            })
            .collect();
        set.sort_by(|a, b| b.power.cmp(&a.power).then(a.address.cmp(&b.address)));
        if set.is_empty() {
            return Err(ValidatorSetError::Empty);
        }
        if let Some(pair) = set.windows(2).find(|pair| pair[0].address == pair[1].address) {
            return Err(ValidatorSetError::Duplicate(pair[0].address));
        }
        // Thresholds multiply the total by three.
        let total = set.iter().try_fold(0u64, |sum, validator| sum.checked_add(validator.power));
        if total.and_then(|total| total.checked_mul(3)).is_none() {
            return Err(ValidatorSetError::Overflow);
        }
        Ok(Self(set))
    }

    /// Whether a key belongs to a validator.
    pub fn contains(&self, address: &Address) -> bool {
        self.0.iter().any(|validator| validator.address == *address)
    }

    /// The highest number such that validators with more than a third of the power give it or more.
    pub fn beyond_a_third(&self, number: impl Fn(&Address) -> u64) -> u64 {
        let total: u64 = self.0.iter().map(|validator| validator.power).sum();
        let mut given: Vec<_> = self.0.iter().map(|v| (number(&v.address), v.power)).collect();
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
        let total: u64 = self.0.iter().map(|validator| validator.power).sum();
        let mut hasher = Sha256::new();
        hasher.update(b"galen proposer 1");
        hasher.update(height.to_be_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        let drawn = u128::from_be_bytes(hash[..16].try_into().expect("16 of 32 bytes")) % u128::from(total);
        let mut sum = 0u128;
        let first = self.0.iter().position(|validator| {
            sum += u128::from(validator.power);
            drawn < sum
        });
        let index = (first.unwrap_or(0) + round as usize) % self.0.len();
        &self.0[index]
    }
}

impl malachite::ValidatorSet<GalenContext> for ValidatorSet {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.0.iter().map(|validator| validator.power).sum()
    }

    fn get_by_address(&self, address: &Address) -> Option<&Validator> {
        self.0.iter().find(|validator| validator.address == *address)
    }

    fn get_by_index(&self, index: usize) -> Option<&Validator> {
        self.0.get(index)
    }
}

/// A vote for a block, or for none.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Prevote or precommit.
    pub kind: VoteType,
    /// Height voted on.
    pub height: Height,
    /// Round voted in.
    pub round: Round,
    /// The block.
    pub value: NilOrVal<BlockId>,
    /// The voter.
    pub address: Address,
}

impl malachite::Vote<GalenContext> for Vote {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<BlockId> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<BlockId> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Address {
        &self.address
    }

    // The ledger has no use for vote extensions; a vote that carries one loses it here.
    fn extension(&self) -> Option<&SignedExtension<GalenContext>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<GalenContext>> {
        None
    }

    fn extend(self, _: SignedExtension<GalenContext>) -> Self {
        self
    }
}

/// That a block is proposed in a round.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Height.
    pub height: Height,
    /// Round.
    pub round: Round,
    /// The block.
    pub value: Value,
    /// The round in which more than two thirds prevoted it already, or nil.
    pub pol_round: Round,
    /// The proposer.
    pub address: Address,
}

impl malachite::Proposal<GalenContext> for Proposal {
    fn height(&self) -> Height {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &Value {
        &self.value
    }

    fn take_value(self) -> Value {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.pol_round
    }

    fn validator_address(&self) -> &Address {
        &self.address
    }
}

/// A piece of a proposed block on its way to the other validators.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ProposalPart {
    /// What follows, and who says so.
    Announcement(Announcement),
    /// A stretch of the encoded block, all of [`super::parts::CHUNK_BYTES`] but the last.
    Chunk {
        /// Its place, from 0.
        index: u16,
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether it is the last one.
        last: bool,
    },
}

/// The first part of a proposed block.
#[derive(Copy, Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Announcement {
    /// Height of the block.
    pub height: u64,
    /// Round in which it was first proposed.
    pub round: u32,
    /// Its name.
    pub id: BlockId,
    /// Its proposer.
    pub proposer: Address,
    /// Number of chunks that follow.
    pub chunks: u16,
    /// The proposer's signature of the above but the number of chunks.
    pub signature: [u8; 64],
}

impl malachite::ProposalPart<GalenContext> for ProposalPart {
    fn is_first(&self) -> bool {
        matches!(self, Self::Announcement(_))
    }

    fn is_last(&self) -> bool {
        matches!(self, Self::Chunk { last: true, .. })
    }
}

impl malachite::Context for GalenContext {
    type Address = Address;
    type Height = Height;
    type ProposalPart = ProposalPart;
    type Proposal = Proposal;
    type Validator = Validator;
    type ValidatorSet = ValidatorSet;
    type Timeouts = LinearTimeouts;
    type Value = Value;
    type Vote = Vote;
    type Extension = Bytes;
    type SigningScheme = Ed25519;

    fn select_proposer<'a>(&self, set: &'a ValidatorSet, height: Height, round: Round) -> &'a Validator {
        set.proposer(height.0, round.as_u32().unwrap_or(0))
    }

    fn new_proposal(&self, height: Height, round: Round, value: Value, pol_round: Round, address: Address) -> Proposal {
        Proposal { height, round, value, pol_round, address }
    }

    fn new_prevote(&self, height: Height, round: Round, value: NilOrVal<BlockId>, address: Address) -> Vote {
        Vote { kind: VoteType::Prevote, height, round, value, address }
    }

    fn new_precommit(&self, height: Height, round: Round, value: NilOrVal<BlockId>, address: Address) -> Vote {
        Vote { kind: VoteType::Precommit, height, round, value, address }
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
            Err(ValidatorSetError::Duplicate(Address([1; 32])))
        );
        assert_eq!(ValidatorSet::new(&[info(1, u64::MAX), info(2, 1)]), Err(ValidatorSetError::Overflow));
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
        let strong = (1..4001).filter(|height| set.proposer(*height, 0).address() == &Address([1; 32])).count();
        assert!((2800..3200).contains(&strong), "{strong} of 4000");
    }
}
