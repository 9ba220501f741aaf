//! Reading the state as it was after one block, whatever is written meanwhile.

use super::database::{Database, Order, Table, View};
use super::{KEY_TIP, META, STATE, StoreError, Tip, decoded};
use galen_market::state::{Entries, StateError, StateRead};
use std::ops::Bound;

/// The state after one block. Holding it keeps old versions of changed keys on the disk, so it is
/// dropped when the answer is given.
pub struct Snapshot {
    view: View,
    tip: Tip,
}

impl Snapshot {
    pub(super) fn take(database: &Database) -> Result<Self, StoreError> {
        let view = database.view()?;
        let bytes = view
            .get(META, KEY_TIP)?
            .ok_or_else(|| StoreError::Corrupt("no last block is recorded".into()))?;
        Ok(Self { tip: decoded(&bytes, "the last block")?, view })
    }

    /// Before the genesis is written.
    pub(super) fn empty(database: &Database, tip: Tip) -> Result<Self, StoreError> {
        Ok(Self { view: database.view()?, tip })
    }

    pub(super) fn raw(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.view.get(table, key)
    }

    /// The block that this is the state after.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    /// Height of the block.
    pub fn height(&self) -> u64 {
        self.tip.height
    }

    /// Time of the block, milliseconds since 1970.
    pub fn time_ms(&self) -> u64 {
        self.tip.time_ms
    }

    /// Root of the state.
    pub fn state_root(&self) -> [u8; 32] {
        self.tip.state_root
    }
}

fn failed(error: impl std::fmt::Display) -> StateError {
    StateError(error.to_string())
}

impl StateRead for Snapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StateError> {
        self.view.get(STATE, key).map_err(failed)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Entries, StateError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = self.view.prefixed(STATE, prefix, start, Order::Ascending).map_err(failed)?;
        entries.take(limit).map(|entry| entry.map_err(failed)).collect()
    }
}
