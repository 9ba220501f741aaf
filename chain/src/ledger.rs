//! Galen's ledger as the application of the chain.

use crate::execute::{
    Application, BlockContext, BlockError, Checked, Executed, TransactionId, ValidatorInfo,
};
use galen_market::action::Action;
use galen_market::codec::encode;
use galen_market::deal::Stage;
use galen_market::error::TxError;
use galen_market::event::Event;
use galen_market::fee::FeePayer;
use galen_market::genesis::{Clock, Genesis};
use galen_market::ledger::{self, CheckedTransaction, Ledger, Receipt};
use galen_market::state::{Changes, Overlay, StateError, StateRead};
use galen_market::state_key;
use std::sync::Arc;

/// Sees the state that a block leads to, whenever one is executed, whether it is decided or not.
pub type Observer = Arc<dyn Fn(BlockContext, &dyn StateRead) + Send + Sync>;

/// The rules together with the first state.
pub struct GalenLedger {
    rules: Ledger,
    genesis: Genesis,
    more: Changes,
    observer: Option<Observer>,
}

impl GalenLedger {
    /// The rules of the ledger that begins with `genesis`.
    pub fn new(rules: Ledger, genesis: Genesis) -> Self {
        Self { rules, genesis, more: Changes::new(), observer: None }
    }

    /// Begins with more than the genesis says, for measuring on a ledger that is full. The chain id does
    /// not name it: nodes that begin with something else disagree from the first block on.
    #[must_use]
    pub fn beginning_with(self, more: Changes) -> Self {
        Self { more, ..self }
    }

    /// Shows every executed block's state to an observer, such as an audit in tests and
    /// demonstrations. It decides nothing.
    #[must_use]
    pub fn observed_by(self, observer: Observer) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// The rules.
    pub fn rules(&self) -> &Ledger {
        &self.rules
    }

    /// The genesis.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }
}

impl Checked for CheckedTransaction {
    fn id(&self) -> TransactionId {
        self.id().0
    }

    fn bytes(&self) -> &[u8] {
        self.bytes()
    }

    fn reserved_lane(&self) -> bool {
        self.is_delivery_or_dispute()
    }

    fn sender(&self) -> Option<[u8; 32]> {
        match &self.transaction().fee.payer {
            FeePayer::Account(account) => Some(account.0),
            FeePayer::Deal(deal) => Some(deal.0),
            FeePayer::Standing(standing) => Some(standing.0),
        }
    }

    fn expired(&self, now: BlockContext) -> bool {
        self.expiry_ms() < now.time_ms
    }
}

fn clock(state: &dyn StateRead) -> Result<Clock, StateError> {
    state_key::read(state, &state_key::clock())?
        .ok_or_else(|| StateError("the state holds no genesis".into()))
}

impl Application for GalenLedger {
    type Transaction = CheckedTransaction;
    type Error = TxError;
    type Receipt = Receipt;
    type Event = Event;
    type GenesisError = TxError;

    fn chain_id(&self) -> [u8; 32] {
        self.rules.chain_id().0
    }

    fn genesis(&self) -> Result<(Changes, u64), TxError> {
        let mut changes = self.genesis.changes()?;
        changes.extend(self.more.clone());
        Ok((changes, self.genesis.time_ms))
    }

    fn check(&self, bytes: &[u8]) -> Result<CheckedTransaction, TxError> {
        self.rules.check(bytes)
    }

    fn admit(
        &self,
        state: &dyn StateRead,
        now: BlockContext,
        transaction: &CheckedTransaction,
    ) -> Result<(), TxError> {
        self.rules.admit(state, &now, transaction)
    }

    fn is_hopeless(&self, error: &TxError) -> bool {
        match error {
            TxError::Duplicate | TxError::Expired { .. } | TxError::NonceUsed { .. } => true,
            // A deal that has ended stays so.
            TxError::WrongStage { is, .. } => is.is_final(),
            _ => false,
        }
    }

    /// A dispute by who may dispute: it opens a whole segment, whether it holds or not. Whoever else
    /// sends one is refused before that, and takes nobody's turn.
    fn costly(
        &self,
        state: &dyn StateRead,
        transaction: &CheckedTransaction,
    ) -> Result<Option<[u8; 32]>, StateError> {
        let transaction = transaction.transaction();
        let Some(signer) = &transaction.authorization.deal_key else { return Ok(None) };
        for action in transaction.actions.iter() {
            if let Action::Dispute(dispute) = action {
                let deal = state_key::read(state, &state_key::deal(&dispute.deal))?;
                if deal.is_some_and(|deal| deal.auth_key == signer.key) {
                    return Ok(Some(dispute.deal.0));
                }
            }
        }
        Ok(None)
    }

    fn may_offer(
        &self,
        state: &dyn StateRead,
        now: BlockContext,
        transaction: &CheckedTransaction,
    ) -> Result<bool, StateError> {
        let last = clock(state)?;
        let parameters = ledger::parameters(state)?;
        let (most, margin) = (parameters.max_idle_ms, parameters.delivery_margin_ms());
        // A heartbeat that is later than this means that the ledger stands still, or goes on without
        // this node, which then knows less up-time than has passed. Less than the margin.
        let late = margin / 2;
        let idle = now.time_ms.saturating_sub(last.time_ms);
        let uptime_ms = last.uptime_ms.saturating_add(idle.min(most));
        for action in transaction.transaction().actions.iter() {
            if let Action::Deliver(delivery) = action {
                if idle > most.saturating_add(late) {
                    return Ok(false);
                }
                // Ready in a decided block: one that only waits to be ready may never be.
                let deal = state_key::read(state, &state_key::deal(&delivery.deal))?;
                let ready = deal.filter(|deal| deal.stage == Stage::Ready);
                let deadline_ms = ready.and_then(|deal| deal.deadline_ms).unwrap_or(0);
                if uptime_ms.saturating_add(margin) >= deadline_ms {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn propose(
        &self,
        state: &dyn StateRead,
        now: BlockContext,
        candidates: &[CheckedTransaction],
        max_bytes: usize,
    ) -> Result<Vec<CheckedTransaction>, StateError> {
        self.rules.propose(state, &now, candidates, max_bytes as u64)
    }

    fn execute_block(
        &self,
        state: &dyn StateRead,
        now: BlockContext,
        transactions: &[CheckedTransaction],
    ) -> Result<Executed<Receipt, Event>, BlockError<TxError>> {
        match self.rules.execute_block(state, &now, transactions) {
            Ok(ledger::Executed { changes, receipts, events }) => {
                if let Some(observer) = &self.observer {
                    let mut after = Overlay::new(state);
                    after.apply(changes.clone());
                    observer(now, &after);
                }
                Ok(Executed { changes, receipts, events })
            }
            Err(ledger::BlockError::State(error)) => Err(BlockError::State(error)),
            Err(ledger::BlockError::Transaction { index, error }) => {
                Err(BlockError::Transaction { index, error })
            }
            Err(error) => Err(BlockError::Block(error.to_string())),
        }
    }

    fn subjects(&self, state: &dyn StateRead, event: &Event) -> Result<Vec<Vec<u8>>, StateError> {
        Ok(event.subjects(state)?.iter().map(encode).collect())
    }

    fn next_block_due(&self, state: &dyn StateRead) -> Result<u64, StateError> {
        let most = ledger::parameters(state)?.max_idle_ms;
        let uptime_ms = clock(state)?.uptime_ms;
        let deadline = self.rules.next_deadline(state)?;
        Ok(deadline.map_or(most, |deadline| deadline.saturating_sub(uptime_ms).min(most)))
    }

    fn validators(&self, state: &dyn StateRead) -> Result<Vec<ValidatorInfo>, StateError> {
        let validators = self.rules.validators(state)?;
        Ok(validators
            .iter()
            .map(|v| ValidatorInfo { consensus_key: v.consensus_key, power: v.power })
            .collect())
    }
}
