//! Proposals that are not decided yet. They outlive a crash: after it a proposer must propose the
//! same block again at the same height and round, and a validator must still know what it voted for.

use super::database::{Batch, Order, Sync};
use super::{Store, StoreError, UNDECIDED, decoded};
use crate::block::{BlockId, encoded};
use borsh::{BorshDeserialize, BorshSerialize};
use std::ops::Bound;

/// A block as it was proposed.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Undecided {
    /// Height of the block.
    pub height: u64,
    /// Round in which it was first proposed.
    pub round: u32,
    /// Name of the block.
    pub id: BlockId,
    /// Who proposed it: a consensus key.
    pub proposer: [u8; 32],
    /// The proposer's signature of height, round and name; none for a block that came with a
    /// certificate.
    pub signature: Option<[u8; 64]>,
    /// The encoded block.
    pub block: Vec<u8>,
}

fn key(height: u64, round: u32, id: BlockId) -> Vec<u8> {
    [&height.to_be_bytes()[..], &round.to_be_bytes(), &id.0].concat()
}

impl Store {
    /// Writes a proposal and returns when it is on the disk.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remember_undecided(&self, proposal: &Undecided) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        let key = key(proposal.height, proposal.round, proposal.id);
        batch.put(UNDECIDED, key, encoded(proposal));
        self.database.write(batch, Sync::Now)
    }

    /// The proposals of a height, by round.
    ///
    /// # Errors
    /// When the store fails.
    pub fn undecided(&self, height: u64) -> Result<Vec<Undecided>, StoreError> {
        let view = self.database.view()?;
        let entries =
            view.prefixed(UNDECIDED, &height.to_be_bytes(), Bound::Unbounded, Order::Ascending)?;
        entries.map(|entry| decoded(&entry?.1, "a proposal")).collect()
    }

    /// Adds to a batch that all proposals of a height are gone; those of the heights before went
    /// with their blocks.
    pub(super) fn forget_undecided(
        &self,
        batch: &mut Batch,
        height: u64,
    ) -> Result<(), StoreError> {
        for proposal in self.undecided(height)? {
            batch.delete(UNDECIDED, key(height, proposal.round, proposal.id));
        }
        Ok(())
    }
}
