//! What a node keeps: blocks with their certificates and validators, the state with its authenticated
//! tree, events with an index of what they are about, the index of transactions, the journal of pending ones and proposals that are not decided yet.
//!
//! A decided block is one synced write: after a crash either all of it is there or nothing. Nodes of
//! the tree that a block replaces are removed with it; readers hold snapshots, which still see them.
//! Depends on redb, through [`database`] alone; knows nothing of consensus or networking.

mod database;
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
use database::{Batch, Database, Sync, Table};
use galen_market::state::Changes;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// The layout of the tables below. A store of another layout is refused.
const FORMAT: u32 = 3;

/// The file of the store in its folder.
const FILE: &str = "ledger.redb";

const META: Table = Table("meta");
const STATE: Table = Table("state");
const TREE: Table = Table("tree");
const BLOCKS: Table = Table("blocks");
const HEADERS: Table = Table("headers");
const CERTIFICATES: Table = Table("certificates");
const TRANSACTIONS: Table = Table("transactions");
const RECEIPTS: Table = Table("receipts");
const EVENTS: Table = Table("events");
const SUBJECTS: Table = Table("subjects");
const VALIDATORS: Table = Table("validators");
const JOURNAL: Table = Table("journal");
const DROPPED: Table = Table("dropped");
const UNDECIDED: Table = Table("undecided");

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
    /// Another process has it open.
    #[error("{path} is in use: stop the node that runs there first")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be made.
    #[error("{path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The database failed.
    #[error("the store failed: {0}")]
    Database(Box<redb::Error>),
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
    database: Database,
    latest: RwLock<Arc<Snapshot>>,
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
        std::fs::create_dir_all(path)
            .map_err(|source| StoreError::Folder { path: path.to_owned(), source })?;
        let database = Database::open(&path.join(FILE)).map_err(|error| match error {
            StoreError::Database(error) if matches!(*error, redb::Error::DatabaseAlreadyOpen) => {
                StoreError::InUse { path: path.to_owned() }
            }
            error => error,
        })?;
        let view = database.view()?;
        let format = view.get(META, KEY_FORMAT)?;
        let chain = view.get(META, KEY_CHAIN)?;
        drop(view);
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
        database: &Database,
        chain_id: [u8; 32],
        genesis: impl FnOnce() -> Result<(Changes, u64), String>,
    ) -> Result<(), StoreError> {
        let (changes, time_ms) = genesis().map_err(StoreError::Genesis)?;
        let mut tip = Tip { height: 0, id: BlockId(chain_id), time_ms, state_root: [0; 32] };
        let tree = tree::update(&Snapshot::empty(database, tip)?, 0, &changes)?;
        tip.state_root = tree.root;
        let mut batch = Batch::default();
        write_state(&mut batch, &changes, &tree);
        batch.put(META, KEY_FORMAT, FORMAT.to_le_bytes());
        batch.put(META, KEY_CHAIN, chain_id);
        batch.put(META, KEY_TIP, encoded(&tip));
        database.write(batch, Sync::Now)
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
        let height = header.height.to_be_bytes();
        let mut batch = Batch::default();
        write_state(&mut batch, decision.changes, decision.tree);
        batch.put(BLOCKS, height, decision.block.encode());
        batch.put(HEADERS, height, encoded(header));
        batch.put(CERTIFICATES, height, decision.certificate.as_slice());
        batch.put(VALIDATORS, header.validators, decision.validators.as_slice());
        events::write(&mut batch, header.height, decision.events);
        for (index, (id, receipt)) in
            (0u32..).zip(decision.transactions.iter().zip(&decision.receipts))
        {
            batch.put(TRANSACTIONS, *id, encoded(&(header.height, index)));
            batch.put(RECEIPTS, [&height[..], &index.to_be_bytes()].concat(), receipt.as_slice());
        }
        journal::forget(&mut batch, &decision.transactions);
        self.forget_undecided(&mut batch, header.height)?;
        batch.put(META, KEY_TIP, encoded(&tip));
        self.database.write(batch, Sync::Now)?;

        let snapshot = Arc::new(Snapshot::take(&self.database)?);
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = snapshot.clone();
        Ok(snapshot)
    }

    /// A decided block.
    ///
    /// # Errors
    /// When the store fails.
    pub fn block(&self, height: u64) -> Result<Option<StoredBlock>, StoreError> {
        let key = height.to_be_bytes();
        let Some(bytes) = self.database.view()?.get(BLOCKS, &key)? else { return Ok(None) };
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
        let bytes = self.database.view()?.get(HEADERS, &height.to_be_bytes())?;
        bytes.map(|bytes| decoded(&bytes, "a header")).transpose()
    }

    /// The certificate of a decided block, encoded.
    ///
    /// # Errors
    /// When the store fails.
    pub fn certificate(&self, height: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.view()?.get(CERTIFICATES, &height.to_be_bytes())
    }

    /// Height and place of a decided transaction.
    ///
    /// # Errors
    /// When the store fails.
    pub fn transaction(&self, id: &TransactionId) -> Result<Option<(u64, u32)>, StoreError> {
        let bytes = self.database.view()?.get(TRANSACTIONS, id)?;
        bytes.map(|bytes| decoded(&bytes, "the index of transactions")).transpose()
    }

    /// What a decided transaction did, encoded.
    ///
    /// # Errors
    /// When the store fails.
    pub fn receipt(&self, height: u64, index: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let key = [&height.to_be_bytes()[..], &index.to_be_bytes()].concat();
        self.database.view()?.get(RECEIPTS, &key)
    }

    /// The validators with a hash, encoded, if they ever decided a block.
    ///
    /// # Errors
    /// When the store fails.
    pub fn validators(&self, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.view()?.get(VALIDATORS, hash)
    }
}

fn write_state(batch: &mut Batch, changes: &Changes, tree: &TreeUpdate) {
    for (key, value) in changes {
        match value {
            Some(value) => batch.put(STATE, key.as_slice(), value.as_slice()),
            None => batch.delete(STATE, key.as_slice()),
        }
    }
    for (key, node) in &tree.added {
        batch.put(TREE, key.as_slice(), node.as_slice());
    }
    for key in &tree.stale {
        batch.delete(TREE, key.as_slice());
    }
}

#[cfg(test)]
mod tests;
