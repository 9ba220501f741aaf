//! Whether a block may follow the last one, and what it does.

use super::{Engine, EngineError};
use crate::admission::clock_ms;
use crate::block::{Block, encoded};
use crate::consensus::validators::known_set;
use crate::execute::{
    Application, BlockContext, BlockError, Checked, Executed, StoredEvent, TransactionId,
};
use crate::store::{Snapshot, StoreError, TreeUpdate};
use galen_market::state::{Overlay, StateError};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How far a block's time may be ahead of a validator's own clock.
const MAX_AHEAD_MS: u64 = 1000;
/// Executed blocks of one height that are kept until one is decided.
const MAX_EXECUTED: usize = 4;

/// Why a block gets no vote.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Refusal<E> {
    #[error("it does not follow the last block")]
    Parent,
    #[error("it is of another ledger")]
    Chain,
    #[error("its time is not after its parent's")]
    Past,
    #[error("its time is {0} ms ahead")]
    Future(u64),
    #[error("a transaction stands in it twice, or in a block before")]
    Repeated,
    #[error("transaction {index}: {error}")]
    Transaction { index: usize, error: E },
    #[error("{0}")]
    Block(String),
    #[error("it leads to another state")]
    StateRoot,
    #[error("other things happen in it than its header says")]
    Events,
    #[error("its header names other validators")]
    Validators,
}

/// Either a refusal, which is about the block, or a failure, which is about this node.
#[derive(Debug)]
pub(super) enum Unverified<E> {
    Refused(Refusal<E>),
    Failed(EngineError),
}

impl<E> From<StoreError> for Unverified<E> {
    fn from(failure: StoreError) -> Self {
        Self::Failed(failure.into())
    }
}

impl<E> From<StateError> for Unverified<E> {
    fn from(failure: StateError) -> Self {
        Self::Failed(failure.into())
    }
}

/// A block with everything that committing it needs.
pub(super) struct Prepared<A: Application> {
    pub(super) block: Block,
    pub(super) executed: Executed<A::Receipt, A::Event>,
    pub(super) effects: Effects,
    pub(super) transactions: Vec<TransactionId>,
}

/// What a block leads to, besides its receipts.
pub(super) struct Effects {
    pub(super) tree: TreeUpdate,
    pub(super) events: Vec<StoredEvent>,
    pub(super) next_validators: [u8; 32],
}

impl Effects {
    pub(super) fn events_root(&self) -> [u8; 32] {
        galen_light::events_root(self.events.iter().map(|event| event.bytes.as_slice()))
    }
}

impl<A: Application> Engine<A> {
    /// Verifies a block against the last one and executes it. A block that is decided already has
    /// been seen in time by more than two thirds, so that this node's clock no longer matters.
    pub(super) fn prepare(
        &mut self,
        block: Block,
        decided: bool,
    ) -> Result<Arc<Prepared<A>>, Unverified<A::Error>> {
        let id = block.id();
        let (tip, snapshot) = (self.tip(), self.store.snapshot());
        let header = &block.header;
        if header.chain_id != self.admission.application().chain_id() {
            return Err(Unverified::Refused(Refusal::Chain));
        }
        if Some(header.height) != tip.height.checked_add(1) || header.parent != tip.id {
            return Err(Unverified::Refused(Refusal::Parent));
        }
        if header.time_ms <= tip.time_ms {
            return Err(Unverified::Refused(Refusal::Past));
        }
        let ahead = header.time_ms.saturating_sub(clock_ms());
        if !decided && ahead > MAX_AHEAD_MS {
            return Err(Unverified::Refused(Refusal::Future(ahead)));
        }
        if let Some(prepared) = self.prepared.get(&id) {
            return Ok(prepared.clone());
        }
        let mut transactions = Vec::with_capacity(block.transactions.len());
        let mut seen = BTreeSet::new();
        for (index, bytes) in block.transactions.iter().enumerate() {
            let transaction = self
                .admission
                .check(bytes)
                .map_err(|error| Unverified::Refused(Refusal::Transaction { index, error }))?;
            if !seen.insert(transaction.id())
                || self.store.transaction(&transaction.id())?.is_some()
            {
                return Err(Unverified::Refused(Refusal::Repeated));
            }
            transactions.push(transaction);
        }
        let now = BlockContext { height: header.height, time_ms: header.time_ms };
        let (executed, effects) = self.execute(&snapshot, now, &transactions)?;
        if effects.tree.root != header.state_root {
            return Err(Unverified::Refused(Refusal::StateRoot));
        }
        if effects.events_root() != header.events {
            return Err(Unverified::Refused(Refusal::Events));
        }
        let named = (header.validators, header.next_validators);
        if named != (self.validators.known().hash(), effects.next_validators) {
            return Err(Unverified::Refused(Refusal::Validators));
        }
        let ids = transactions.iter().map(Checked::id).collect();
        Ok(self.keep(Prepared { block, executed, effects, transactions: ids }))
    }

    pub(super) fn keep(&mut self, prepared: Prepared<A>) -> Arc<Prepared<A>> {
        let prepared = Arc::new(prepared);
        while self.prepared.len() >= MAX_EXECUTED {
            self.prepared.pop_first();
        }
        self.prepared.insert(prepared.block.id(), prepared.clone());
        prepared
    }

    #[allow(clippy::type_complexity)]
    pub(super) fn execute(
        &self,
        snapshot: &Snapshot,
        now: BlockContext,
        transactions: &[A::Transaction],
    ) -> Result<(Executed<A::Receipt, A::Event>, Effects), Unverified<A::Error>> {
        let rules = self.admission.application();
        let executed = match rules.execute_block(snapshot, now, transactions) {
            Ok(executed) => executed,
            Err(BlockError::Transaction { index, error }) => {
                return Err(Unverified::Refused(Refusal::Transaction { index, error }));
            }
            Err(BlockError::Block(why)) => return Err(Unverified::Refused(Refusal::Block(why))),
            Err(BlockError::State(error)) => return Err(error.into()),
        };
        let tree = self.store.tree_after(snapshot, &executed.changes)?;
        let mut after = Overlay::new(snapshot);
        after.apply(executed.changes.clone());
        let events = executed.events.iter().map(|event| {
            Ok(StoredEvent { bytes: encoded(event), subjects: rules.subjects(&after, event)? })
        });
        let events = events.collect::<Result<_, StateError>>()?;
        let next = known_set(&rules.validators(&after)?)
            .map_err(|error| Unverified::Refused(Refusal::Block(error.to_string())))?;
        Ok((executed, Effects { tree, events, next_validators: next.hash() }))
    }
}
