//! What a node tells about itself and its transactions.

use crate::execute::TransactionId;

/// What became of a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransactionStatus {
    /// This node offers it.
    Pending,
    /// It is part of a decided block.
    Final {
        /// Height of the block.
        height: u64,
        /// Its place in the block.
        index: u32,
    },
    /// This node has given it up.
    Dropped {
        /// Why.
        reason: String,
    },
    /// This node does not know it.
    Unknown,
}

/// A transaction that is on this node's disk and will be offered until it is final or expires.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Acknowledged {
    /// Its name.
    pub id: TransactionId,
}

/// How a node is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeStatus {
    /// The ledger.
    pub chain_id: [u8; 32],
    /// This node's consensus key.
    pub consensus_key: [u8; 32],
    /// Whether it belongs to a validator of the next block.
    pub validator: bool,
    /// Height of the last block.
    pub height: u64,
    /// Its time, milliseconds since 1970.
    pub time_ms: u64,
    /// Root of the state after it.
    pub state_root: [u8; 32],
    /// Height that other validators say they have.
    pub network_height: u64,
    /// Connected peers.
    pub peers: usize,
    /// Transactions in the mempool.
    pub pending: usize,
    /// Their bytes.
    pub pending_bytes: usize,
    /// Why the node has stopped, if it has.
    pub stopped: Option<String>,
}

impl NodeStatus {
    /// Whether the node has the last block that it knows of, and runs.
    pub fn is_fresh(&self) -> bool {
        self.stopped.is_none() && self.height >= self.network_height
    }
}
