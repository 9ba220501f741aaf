//! A block's header: what the validators sign, by its hash. It commits to everything that a light
//! client needs: the state after the block, what happened in it, who decided it and who decides the
//! next one.
//!
//! It carries the root of the state *after* the block, so that a proof against the header of height
//! `h` speaks of everything that happened up to and including `h`, and a ledger that makes blocks on
//! demand needs no further block before something can be proven.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hexadecimal::fixed;

/// The name of a block: a hash of its header.
#[derive(
    Copy,
    Clone,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct BlockId(#[serde(with = "fixed")] pub [u8; 32]);

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockId({self})")
    }
}

/// What the validators sign, by its hash.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The ledger that the block belongs to.
    #[serde(with = "fixed")]
    pub chain_id: [u8; 32],
    /// One more than the parent's; the first block has height 1.
    pub height: u64,
    /// The proposer's clock, in milliseconds since 1970; greater than the parent's.
    pub time_ms: u64,
    /// The block before. The parent of the first block is named by the chain id.
    pub parent: BlockId,
    /// The consensus key of the validator who made the block.
    #[serde(with = "fixed")]
    pub proposer: [u8; 32],
    /// Hash of the transactions.
    #[serde(with = "fixed")]
    pub transactions: [u8; 32],
    /// Root of the tree over the block's events; 32 zero bytes if nothing happened.
    #[serde(with = "fixed")]
    pub events: [u8; 32],
    /// Root of the authenticated state after this block.
    #[serde(with = "fixed")]
    pub state_root: [u8; 32],
    /// Hash of the validators who decide this block.
    #[serde(with = "fixed")]
    pub validators: [u8; 32],
    /// Hash of the validators who decide the next one.
    #[serde(with = "fixed")]
    pub next_validators: [u8; 32],
}

impl Header {
    /// The name of the block.
    #[must_use]
    pub fn id(&self) -> BlockId {
        let mut hasher = Sha256::new();
        hasher.update(b"galen block 2");
        hasher.update(galen_market::codec::encode(self));
        BlockId(hasher.finalize().into())
    }
}
