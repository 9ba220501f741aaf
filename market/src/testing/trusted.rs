//! Transactions whose signatures and proofs are taken on trust, so that a test can run many thousands:
//! everything that the state decides is decided as ever.

use std::cell::Cell;

use super::Simulation;
use crate::action::Action;
use crate::error::TxError;
use crate::id::Digest;
use crate::identity::presentation::ProvenCredential;
use crate::ledger::CheckedTransaction;
use crate::transaction::Transaction;

impl Simulation {
    /// Checks a transaction as [`Simulation::check`] does, and takes its signatures and its credential
    /// for what they say they are.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn trust(
        &self,
        transaction: Transaction,
        credential: Option<ProvenCredential>,
    ) -> Result<CheckedTransaction, TxError> {
        transaction.check_form(self.ledger.chain_id())?;
        Ok(CheckedTransaction::trusted(transaction, credential))
    }

    /// Takes the proof that an action carries for a true one, as things stand now. False if the action's
    /// place in the state wants no proof.
    pub fn vouch(&self, action: &Action) -> bool {
        let statement = Cell::new(None::<Digest>);
        // The rules ask whether a statement is known before they verify it.
        let known = |key: &Digest| {
            statement.set(Some(*key));
            true
        };
        let asked = self.probe(|ctx| match action {
            Action::ProveBlock(action) => action.batched(ctx, known).map(drop),
            Action::Deliver(action) => action.batched(ctx, known).map(drop),
            Action::Dispute(action) => action.batched(ctx, known).map(drop),
            _ => Ok(()),
        });
        match (asked, statement.get()) {
            (Ok(_), Some(key)) => {
                self.ledger.remember(key);
                true
            }
            _ => false,
        }
    }
}
