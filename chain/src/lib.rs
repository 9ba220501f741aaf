//! Orders, stores and replicates the Galen ledger.
//!
//! Depends on `galen-market` for the rules, on Malachite for agreement, libp2p for the network and
//! RocksDB for the disk; it is the only crate of Galen that does. Mempool, execution and the
//! assembly of proposals are synchronous state machines; `consensus` and `gossip` drive them.

mod admission;
mod block;
pub mod consensus;
mod execute;
mod gossip;
mod key;
mod ledger;
mod mempool;
mod node;
pub mod store;
#[cfg(test)]
mod testing;

// So that the ledger of counters serves tests inside and outside of this crate.
#[cfg(test)]
extern crate self as galen_chain;

pub use admission::SubmitError;
pub use block::{Block, BlockFormatError, BlockId, Header, MAX_BLOCK_BYTES};
pub use execute::{
    Application, BlockContext, BlockError, Checked, Executed, StoredEvent, TransactionId,
    ValidatorInfo,
};
pub use gossip::GossipError;
pub use key::{NodeKey, NodeKeyError};
pub use ledger::{GalenLedger, Observer};
pub use mempool::{Limits, MempoolError};
pub use node::{
    Acknowledged, NetworkConfig, Node, NodeConfig, NodeError, NodeHandle, NodeSettings, NodeStatus,
    Peer, Timeouts, TransactionStatus,
};
