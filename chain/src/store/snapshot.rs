//! Reading the state as it was after one block, whatever is written meanwhile.

use super::{COLUMN_META, COLUMN_STATE, KEY_TIP, StoreError, Tip, column, decoded};
use galen_market::state::{Entries, StateError, StateRead};
use rocksdb::{DB, Direction, IteratorMode};
use std::sync::Arc;

type View<'a> = rocksdb::Snapshot<'a>;

self_cell::self_cell!(
    struct Held {
        owner: Arc<DB>,
        #[covariant]
        dependent: View,
    }
);

/// The state after one block. Holding it keeps old versions of changed keys on the disk, so it is
/// dropped when the answer is given.
pub struct Snapshot {
    held: Held,
    tip: Tip,
}

impl Snapshot {
    pub(super) fn take(database: &Arc<DB>) -> Result<Self, StoreError> {
        let held = Held::new(database.clone(), |database| database.snapshot());
        let bytes = held
            .borrow_dependent()
            .get_cf(column(database, COLUMN_META)?, KEY_TIP)?
            .ok_or_else(|| StoreError::Corrupt("no last block is recorded".into()))?;
        Ok(Self { tip: decoded(&bytes, "the last block")?, held })
    }

    /// Before the genesis is written.
    pub(super) fn empty(database: &Arc<DB>, tip: Tip) -> Self {
        Self { held: Held::new(database.clone(), |database| database.snapshot()), tip }
    }

    pub(super) fn view(&self) -> &View<'_> {
        self.held.borrow_dependent()
    }

    pub(super) fn database(&self) -> &DB {
        self.held.borrow_owner()
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
        self.raw(COLUMN_STATE, key).map_err(failed)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Entries, StateError> {
        let column = column(self.database(), COLUMN_STATE).map_err(failed)?;
        let start = after.filter(|after| *after >= prefix);
        let mode = IteratorMode::From(start.unwrap_or(prefix), Direction::Forward);
        let mut entries = Entries::new();
        for entry in self.view().iterator_cf(column, mode) {
            let (key, value) = entry.map_err(failed)?;
            if start.is_some_and(|start| *key == *start) {
                continue;
            }
            if entries.len() == limit || !key.starts_with(prefix) {
                break;
            }
            entries.push((key.into_vec(), value.into_vec()));
        }
        Ok(entries)
    }
}
