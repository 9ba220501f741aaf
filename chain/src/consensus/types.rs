//! The types that Malachite decides about, in Galen's terms: a value is the name of a block, an
//! address is a validator's consensus key.

use super::signing::Ed25519;
use super::validators::{Validator, ValidatorSet};
use crate::block::BlockId;
use arc_malachitebft_app_channel::app::types::core as malachite;
use arc_malachitebft_app_channel::app::types::core::{
    LinearTimeouts, NilOrVal, Round, SignedExtension, VoteType,
};
use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use std::fmt;

/// Ties the types below together.
#[derive(Copy, Clone, Debug)]
pub struct GalenContext;

/// A height of the ledger.
#[derive(
    Copy,
    Clone,
    Default,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
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

    fn select_proposer<'a>(
        &self,
        set: &'a ValidatorSet,
        height: Height,
        round: Round,
    ) -> &'a Validator {
        set.proposer(height.0, round.as_u32().unwrap_or(0))
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        value: Value,
        pol_round: Round,
        address: Address,
    ) -> Proposal {
        Proposal { height, round, value, pol_round, address }
    }

    fn new_prevote(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<BlockId>,
        address: Address,
    ) -> Vote {
        Vote { kind: VoteType::Prevote, height, round, value, address }
    }

    fn new_precommit(
        &self,
        height: Height,
        round: Round,
        value: NilOrVal<BlockId>,
        address: Address,
    ) -> Vote {
        Vote { kind: VoteType::Precommit, height, round, value, address }
    }
}
