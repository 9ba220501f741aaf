//! The rules that a chain orders transactions for, as the engine sees them. Synchronous and
//! deterministic; the engine knows transactions by these few operations only, and so can be tested
//! without a proof in sight.

use borsh::{BorshDeserialize, BorshSerialize};
use galen_market::state::{Changes, StateError, StateRead};
use std::fmt::{Debug, Display};

pub use galen_market::ledger::BlockContext;

/// The name of a transaction.
pub type TransactionId = [u8; 32];

/// A validator of the next block.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct ValidatorInfo {
    /// Its Ed25519 key.
    pub consensus_key: [u8; 32],
    /// Its voting power.
    pub power: u64,
}

/// What a block does to the state and says about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Executed<R, E> {
    /// Changes to the state.
    pub changes: Changes,
    /// One per transaction, in their order.
    pub receipts: Vec<R>,
    /// Everything that happened, in order.
    pub events: Vec<E>,
}

/// An event as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredEvent {
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// What it is about: names under which it is found.
    pub subjects: Vec<Vec<u8>>,
}

/// Why a block cannot be executed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BlockError<E> {
    /// A transaction breaks a rule, so the block must not exist.
    #[error("transaction {index} of the block: {error}")]
    Transaction {
        /// Its place in the block.
        index: usize,
        /// The rule.
        error: E,
    },
    /// The block as a whole breaks a rule.
    #[error("{0}")]
    Block(String),
    /// The state cannot be read: nothing is said about the block.
    #[error(transparent)]
    State(#[from] StateError),
}

/// A transaction whose checks that need no state have passed. Cheap to clone.
pub trait Checked: Clone + Send + Sync + 'static {
    /// Its name.
    fn id(&self) -> TransactionId;
    /// Its canonical bytes.
    fn bytes(&self) -> &[u8];
    /// Whether it belongs in the lane that is kept free for deliveries and disputes.
    fn reserved_lane(&self) -> bool;
    /// Who answers for it, if that can be told: transactions of one sender share a bounded part of
    /// the mempool.
    fn sender(&self) -> Option<[u8; 32]>;
    /// Whether it can no longer be part of a block at `now`.
    fn expired(&self, now: BlockContext) -> bool;
}

/// What executing a block comes to.
pub type ExecutedBlock<A> = Result<
    Executed<<A as Application>::Receipt, <A as Application>::Event>,
    BlockError<<A as Application>::Error>,
>;

/// The rules of a ledger.
pub trait Application: Send + Sync + 'static {
    /// A transaction that passed [`Self::check`].
    type Transaction: Checked;
    /// The rule that a transaction breaks.
    type Error: std::error::Error + Clone + PartialEq + Send + Sync + 'static;
    /// What a transaction did.
    type Receipt: BorshSerialize + BorshDeserialize + Clone + Debug + Send + Sync + 'static;
    /// Something that happened in a block.
    type Event: BorshSerialize + BorshDeserialize + Clone + Debug + Send + Sync + 'static;
    /// Why the ledger cannot begin.
    type GenesisError: Display;

    /// The name of the ledger, which every transaction and every vote is bound to.
    fn chain_id(&self) -> [u8; 32];

    /// The state before the first block, and its time in milliseconds since 1970.
    ///
    /// # Errors
    /// When the genesis contradicts itself.
    fn genesis(&self) -> Result<(Changes, u64), Self::GenesisError>;

    /// All checks that need no state.
    ///
    /// # Errors
    /// The rule that is broken.
    fn check(&self, bytes: &[u8]) -> Result<Self::Transaction, Self::Error>;

    /// Whether the transaction could be executed now. Changes nothing.
    ///
    /// # Errors
    /// The rule that is broken.
    fn admit(
        &self,
        state: &dyn StateRead,
        now: BlockContext,
        transaction: &Self::Transaction,
    ) -> Result<(), Self::Error>;

    /// Whether a transaction that was refused for this reason will be refused for ever.
    fn is_hopeless(&self, error: &Self::Error) -> bool;

    /// What a transaction is counted under if trying it on the state takes so much work that its like
    /// may be tried only every few seconds.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn costly(
        &self,
        _state: &dyn StateRead,
        _transaction: &Self::Transaction,
    ) -> Result<Option<[u8; 32]>, StateError> {
        Ok(None)
    }

    /// Whether a pending transaction may still be shown to other nodes: what could be read but no
    /// longer be executed in time must stay here.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn may_offer(
        &self,
        state: &dyn StateRead,
        now: BlockContext,
        transaction: &Self::Transaction,
    ) -> Result<bool, StateError>;

    /// Those of the candidates that can be executed one after another, at most `max_bytes` of them.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn propose(
        &self,
        state: &dyn StateRead,
        now: BlockContext,
        candidates: &[Self::Transaction],
        max_bytes: usize,
    ) -> Result<Vec<Self::Transaction>, StateError>;

    /// Executes a block: what is due first, then the transactions.
    ///
    /// # Errors
    /// When a transaction breaks a rule, or the state cannot be read.
    fn execute_block(
        &self,
        state: &dyn StateRead,
        now: BlockContext,
        transactions: &[Self::Transaction],
    ) -> ExecutedBlock<Self>;

    /// What an event is about, by the state after its block: names under which a node finds it again.
    /// No name is the beginning of another.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn subjects(
        &self,
        state: &dyn StateRead,
        event: &Self::Event,
    ) -> Result<Vec<Vec<u8>>, StateError>;

    /// In how many milliseconds after the last block the next one is due, if nobody asks for one
    /// earlier: at the next deadline, and at the latest after the maximal idle time.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn next_block_due(&self, state: &dyn StateRead) -> Result<u64, StateError>;

    /// The validators of the next block.
    ///
    /// # Errors
    /// When the state cannot be read.
    fn validators(&self, state: &dyn StateRead) -> Result<Vec<ValidatorInfo>, StateError>;
}
