//! The journal: transactions that this node has promised to offer until they are final or expire.

use super::database::{Batch, Sync};
use super::{DROPPED, JOURNAL, Store, StoreError, decoded};
use crate::block::encoded;
use crate::execute::TransactionId;
use borsh::{BorshDeserialize, BorshSerialize};

/// For how long a node remembers why it gave a transaction up.
const REMEMBER_DROPPED_MS: u64 = 24 * 3600 * 1000;

/// A transaction of the journal.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Pending {
    /// When it was acknowledged, milliseconds since 1970.
    pub since_ms: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why a transaction that was acknowledged did not become final.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Dropped {
    /// In words.
    pub reason: String,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

impl Store {
    /// Writes a transaction to the journal and returns when it is on the disk.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remember_pending(
        &self,
        id: &TransactionId,
        pending: &Pending,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.put(JOURNAL, *id, encoded(pending));
        batch.delete(DROPPED, *id);
        self.database.write(batch, Sync::Now)
    }

    /// Removes a transaction that became final while it was written down.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget_final(&self, id: &TransactionId) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.delete(JOURNAL, *id);
        self.database.write(batch, Sync::Later)
    }

    /// Every transaction of the journal.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pending(&self) -> Result<Vec<(TransactionId, Pending)>, StoreError> {
        let mut pending = Vec::new();
        for entry in self.database.view()?.all(JOURNAL)? {
            let (key, bytes) = entry?;
            let id = TransactionId::try_from(&*key)
                .map_err(|_| StoreError::Corrupt("the journal".into()))?;
            pending.push((id, decoded(&bytes, "the journal")?));
        }
        Ok(pending)
    }

    /// Whether the journal holds the transaction.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_pending(&self, id: &TransactionId) -> Result<bool, StoreError> {
        self.database.view()?.contains(JOURNAL, id)
    }

    /// Gives transactions up that can no longer become final.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drop_pending(&self, dropped: &[(TransactionId, Dropped)]) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for (id, why) in dropped {
            batch.delete(JOURNAL, *id);
            batch.put(DROPPED, *id, encoded(why));
        }
        // Not synced: what is lost in a crash is dropped again.
        self.database.write(batch, Sync::Later)
    }

    /// Why a transaction was given up, if it was.
    ///
    /// # Errors
    /// When the store fails.
    pub fn dropped(&self, id: &TransactionId) -> Result<Option<Dropped>, StoreError> {
        let bytes = self.database.view()?.get(DROPPED, id)?;
        bytes.map(|bytes| decoded(&bytes, "a dropped transaction")).transpose()
    }

    /// Forgets reasons older than a day.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget_dropped(&self, now_ms: u64) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for entry in self.database.view()?.all(DROPPED)? {
            let (key, bytes) = entry?;
            let why: Dropped = decoded(&bytes, "a dropped transaction")?;
            if why.at_ms.saturating_add(REMEMBER_DROPPED_MS) < now_ms {
                batch.delete(DROPPED, key);
            }
        }
        self.database.write(batch, Sync::Later)
    }
}

/// Adds to a batch that transactions are pending no more.
pub(super) fn forget(batch: &mut Batch, ids: &[TransactionId]) {
    for id in ids {
        batch.delete(JOURNAL, *id);
        batch.delete(DROPPED, *id);
    }
}
