//! What a node keeps: blocks with their certificates and validators, the state with its authenticated
//! tree, events with an index of what they are about, the index of transactions, the journal of pending ones and proposals that are not decided yet.
//!
//! A decided block is one synced write: after a crash either all of it is there or nothing. Nodes of
//! the tree that a block replaces are removed with it; readers hold snapshots, which still see them.
//! Depends on RocksDB; knows nothing of consensus or networking.

mod events;
mod journal;
mod snapshot;
mod tree;
mod undecided;

pub use events::Place;
pub use journal::{Dropped, Pending};
pub use snapshot::Snapshot;
pub use tree::TreeUpdate;
pub use undecided::Undecided;

use crate::block::{Block, BlockId, Header, encoded};
use crate::execute::{StoredEvent, TransactionId};
use borsh::{BorshDeserialize, BorshSerialize};
use galen_market::state::Changes;
use rocksdb::{ColumnFamily, DB, Options, WriteBatch, WriteOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// The layout of the columns below. A store of another layout is refused.
const FORMAT: u32 = 2;

const COLUMN_META: &str = "meta";
const COLUMN_STATE: &str = "state";
const COLUMN_TREE: &str = "tree";
const COLUMN_BLOCKS: &str = "blocks";
const COLUMN_HEADERS: &str = "headers";
const COLUMN_CERTIFICATES: &str = "certificates";
const COLUMN_TRANSACTIONS: &str = "transactions";
const COLUMN_RECEIPTS: &str = "receipts";
const COLUMN_EVENTS: &str = "events";
const COLUMN_SUBJECTS: &str = "subjects";
const COLUMN_VALIDATORS: &str = "validators";
const COLUMN_JOURNAL: &str = "journal";
const COLUMN_DROPPED: &str = "dropped";
const COLUMN_UNDECIDED: &str = "undecided";
const COLUMNS: [&str; 14] = [
    COLUMN_META,
    COLUMN_STATE,
    COLUMN_TREE,
    COLUMN_BLOCKS,
    COLUMN_HEADERS,
    COLUMN_CERTIFICATES,
    COLUMN_TRANSACTIONS,
    COLUMN_RECEIPTS,
    COLUMN_EVENTS,
    COLUMN_SUBJECTS,
    COLUMN_VALIDATORS,
    COLUMN_JOURNAL,
    COLUMN_DROPPED,
    COLUMN_UNDECIDED,
];

const KEY_FORMAT: &[u8] = b"format";
const KEY_CHAIN: &[u8] = b"chain";
const KEY_TIP: &[u8] = b"tip";

/// The store cannot be used, with what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder belongs to another ledger.
    #[error(
        "{path} holds the ledger {found}, but the genesis is that of {expected}: use the genesis file that this folder \
         was made with, or another data folder"
    )]
    OtherChain {
        /// The folder.
        path: PathBuf,
        /// Chain id in the store.
        found: String,
        /// Chain id of the genesis.
        expected: String,
    },
    /// Written by another version.
    #[error(
        "{path} has store format {found}, this program reads format {FORMAT}: run the program that wrote it, or remove \
         the folder and synchronise again"
    )]
    Format {
        /// The folder.
        path: PathBuf,
        /// What is written there.
        found: String,
    },
    /// Bytes that this program never writes.
    #[error(
        "the store is damaged ({0}): restore the folder from a copy, or remove everything in it but the keys and \
         synchronise again"
    )]
    Corrupt(String),
    /// The genesis cannot be applied.
    #[error("the genesis is not valid: {0}")]
    Genesis(String),
    /// RocksDB failed.
    #[error("the store failed: {0}")]
    Database(#[from] rocksdb::Error),
}

/// The last block, or what stands for one before the first.
#[derive(Copy, Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Tip {
    /// Its height, 0 before the first block.
    pub height: u64,
    /// Its name; the chain id before the first block.
    pub id: BlockId,
    /// Its time, milliseconds since 1970.
    pub time_ms: u64,
    /// Root of the state after it.
    pub state_root: [u8; 32],
}

/// A decided block as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredBlock {
    /// The block.
    pub block: Block,
    /// The signatures that decided it: borsh of the commit certificate. Other nodes may hold other
    /// signatures.
    pub certificate: Vec<u8>,
}

/// Everything that a decided block writes.
pub struct Decision<'a> {
    /// The block.
    pub block: &'a Block,
    /// Its certificate, encoded.
    pub certificate: Vec<u8>,
    /// Changes to the state.
    pub changes: &'a Changes,
    /// Changes to the tree.
    pub tree: &'a TreeUpdate,
    /// Names of its transactions.
    pub transactions: Vec<TransactionId>,
    /// Encoded receipts, one per transaction.
    pub receipts: Vec<Vec<u8>>,
    /// What happened, in order.
    pub events: &'a [StoredEvent],
    /// The validators who decided it, encoded.
    pub validators: Vec<u8>,
}

/// The store of one node. One process at a time may have it open.
pub struct Store {
    database: Arc<DB>,
    latest: RwLock<Arc<Snapshot>>,
}

fn column<'a>(database: &'a DB, name: &'static str) -> Result<&'a ColumnFamily, StoreError> {
    database.cf_handle(name).ok_or_else(|| StoreError::Corrupt(format!("column {name} is missing")))
}

fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

fn decoded<T: BorshDeserialize>(bytes: &[u8], what: &str) -> Result<T, StoreError> {
    borsh::from_slice(bytes).map_err(|_| StoreError::Corrupt(format!("{what} cannot be read")))
}

impl Store {
    /// Opens the store of a ledger, and writes its genesis if there is none yet.
    ///
    /// # Errors
    /// When the folder holds another ledger or another format, when it is damaged or in use.
    pub fn open(
        path: &Path,
        chain_id: [u8; 32],
        genesis: impl FnOnce() -> Result<(Changes, u64), String>,
    ) -> Result<Self, StoreError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        // A torn tail of the log is what a crash leaves behind; damage in the middle must not pass.
        options.set_wal_recovery_mode(rocksdb::DBRecoveryMode::TolerateCorruptedTailRecords);
        options.set_keep_log_file_num(4);
        options.set_max_total_wal_size(64 << 20);
        options.set_db_write_buffer_size(64 << 20);
        options.set_max_open_files(1024);
        let mut of_column = Options::default();
        of_column.set_compression_type(rocksdb::DBCompressionType::Lz4);
        of_column.set_write_buffer_size(16 << 20);
        let columns = COLUMNS.map(|name| (name, of_column.clone()));
        let database = Arc::new(DB::open_cf_with_opts(&options, path, columns)?);
        let meta = column(&database, COLUMN_META)?;
        let format = database.get_cf(meta, KEY_FORMAT)?;
        let chain = database.get_cf(meta, KEY_CHAIN)?;
        match (format, chain) {
            (None, None) => Self::begin(&database, chain_id, genesis)?,
            (Some(format), _) if format != FORMAT.to_le_bytes() => {
                return Err(StoreError::Format {
                    path: path.to_owned(),
                    found: hex::encode(format),
                });
            }
            (Some(_), Some(found)) if found == chain_id => {}
            (Some(_), Some(found)) => {
                return Err(StoreError::OtherChain {
                    path: path.to_owned(),
                    found: hex::encode(found),
                    expected: hex::encode(chain_id),
                });
            }
            (None, Some(_)) | (Some(_), None) => {
                return Err(StoreError::Corrupt("its header is incomplete".into()));
            }
        }
        let latest = RwLock::new(Arc::new(Snapshot::take(&database)?));
        Ok(Self { database, latest })
    }

    fn begin(
        database: &Arc<DB>,
        chain_id: [u8; 32],
        genesis: impl FnOnce() -> Result<(Changes, u64), String>,
    ) -> Result<(), StoreError> {
        let (changes, time_ms) = genesis().map_err(StoreError::Genesis)?;
        let mut tip = Tip { height: 0, id: BlockId(chain_id), time_ms, state_root: [0; 32] };
        let tree = tree::update(&Snapshot::empty(database, tip), 0, &changes)?;
        tip.state_root = tree.root;
        let mut batch = WriteBatch::default();
        write_state(database, &mut batch, &changes, &tree)?;
        let meta = column(database, COLUMN_META)?;
        batch.put_cf(meta, KEY_FORMAT, FORMAT.to_le_bytes());
        batch.put_cf(meta, KEY_CHAIN, chain_id);
        batch.put_cf(meta, KEY_TIP, encoded(&tip));
        database.write_opt(batch, &synced())?;
        Ok(())
    }

    /// The state after the last block.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last block.
    pub fn tip(&self) -> Tip {
        self.snapshot().tip()
    }

    /// The tree after a block that follows `parent`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tree_after(
        &self,
        parent: &Snapshot,
        changes: &Changes,
    ) -> Result<TreeUpdate, StoreError> {
        tree::update(parent, parent.height().saturating_add(1), changes)
    }

    /// Writes a decided block, which must follow the last one, and returns when it is on the disk.
    ///
    /// # Errors
    /// When the block does not follow, or the store fails. Nothing is written then.
    pub fn commit(&self, decision: &Decision<'_>) -> Result<Arc<Snapshot>, StoreError> {
        let header = &decision.block.header;
        let parent = self.tip();
        if Some(header.height) != parent.height.checked_add(1) || header.parent != parent.id {
            return Err(StoreError::Corrupt(format!(
                "block {} does not follow block {}",
                header.height, parent.height
            )));
        }
        let tip = Tip {
            height: header.height,
            id: header.id(),
            time_ms: header.time_ms,
            state_root: decision.tree.root,
        };
        let database = &self.database;
        let height = header.height.to_be_bytes();
        let mut batch = WriteBatch::default();
        write_state(database, &mut batch, decision.changes, decision.tree)?;
        batch.put_cf(column(database, COLUMN_BLOCKS)?, height, decision.block.encode());
        batch.put_cf(column(database, COLUMN_HEADERS)?, height, encoded(header));
        batch.put_cf(column(database, COLUMN_CERTIFICATES)?, height, &decision.certificate);
        batch.put_cf(column(database, COLUMN_VALIDATORS)?, header.validators, &decision.validators);
        events::write(database, &mut batch, header.height, decision.events)?;
        let transactions = column(database, COLUMN_TRANSACTIONS)?;
        let receipts = column(database, COLUMN_RECEIPTS)?;
        for (index, (id, receipt)) in
            (0u32..).zip(decision.transactions.iter().zip(&decision.receipts))
        {
            batch.put_cf(transactions, id, encoded(&(header.height, index)));
            batch.put_cf(receipts, [&height[..], &index.to_be_bytes()].concat(), receipt);
        }
        self.forget_pending(&mut batch, &decision.transactions)?;
        self.forget_undecided(&mut batch, header.height)?;
        batch.put_cf(column(database, COLUMN_META)?, KEY_TIP, encoded(&tip));
        database.write_opt(batch, &synced())?;

        let snapshot = Arc::new(Snapshot::take(database)?);
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = snapshot.clone();
        Ok(snapshot)
    }

    /// A decided block.
    ///
    /// # Errors
    /// When the store fails.
    pub fn block(&self, height: u64) -> Result<Option<StoredBlock>, StoreError> {
        let key = height.to_be_bytes();
        let Some(bytes) = self.database.get_cf(column(&self.database, COLUMN_BLOCKS)?, key)? else {
            return Ok(None);
        };
        let certificate = self
            .certificate(height)?
            .ok_or_else(|| StoreError::Corrupt(format!("block {height} has no certificate")))?;
        Ok(Some(StoredBlock { block: decoded(&bytes, "a block")?, certificate }))
    }

    /// The header of a decided block.
    ///
    /// # Errors
    /// When the store fails.
    pub fn header(&self, height: u64) -> Result<Option<Header>, StoreError> {
        let column = column(&self.database, COLUMN_HEADERS)?;
        let bytes = self.database.get_cf(column, height.to_be_bytes())?;
        bytes.map(|bytes| decoded(&bytes, "a header")).transpose()
    }

    /// The certificate of a decided block, encoded.
    ///
    /// # Errors
    /// When the store fails.
    pub fn certificate(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let column = column(&self.database, COLUMN_CERTIFICATES)?;
        Ok(self.database.get_cf(column, height.to_be_bytes())?)
    }

    /// Height and place of a decided transaction.
    ///
    /// # Errors
    /// When the store fails.
    pub fn transaction(&self, id: &TransactionId) -> Result<Option<(u64, u32)>, StoreError> {
        let bytes = self.database.get_cf(column(&self.database, COLUMN_TRANSACTIONS)?, id)?;
        bytes.map(|bytes| decoded(&bytes, "the index of transactions")).transpose()
    }

    /// What a decided transaction did, encoded.
    ///
    /// # Errors
    /// When the store fails.
    pub fn receipt(&self, height: u64, index: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let key = [&height.to_be_bytes()[..], &index.to_be_bytes()].concat();
        Ok(self.database.get_cf(column(&self.database, COLUMN_RECEIPTS)?, key)?)
    }

    /// The validators with a hash, encoded, if they ever decided a block.
    ///
    /// # Errors
    /// When the store fails.
    pub fn validators(&self, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.database.get_cf(column(&self.database, COLUMN_VALIDATORS)?, hash)?)
    }
}

fn write_state(
    database: &DB,
    batch: &mut WriteBatch,
    changes: &Changes,
    tree: &TreeUpdate,
) -> Result<(), StoreError> {
    let state = column(database, COLUMN_STATE)?;
    for (key, value) in changes {
        match value {
            Some(value) => batch.put_cf(state, key, value),
            None => batch.delete_cf(state, key),
        }
    }
    let nodes = column(database, COLUMN_TREE)?;
    for (key, node) in &tree.added {
        batch.put_cf(nodes, key, node);
    }
    for key in &tree.stale {
        batch.delete_cf(nodes, key);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
