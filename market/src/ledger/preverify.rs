//! The proofs of a transaction, or of all transactions of a block, verified together before they are
//! executed one after the other.
//!
//! This only fills the memory of proofs that verified, and so changes no result: what it cannot find
//! in the state before the block, what is false and what cannot be decoded is left to execution, which
//! verifies alone whatever it does not find. Depends on the rules of listings and deals for what each
//! proof must prove.

use galen_zk::batch::Item;
use galen_zk::point::G1Point;

use super::{CheckedTransaction, ProofCache};
use crate::action::Action;
use crate::context::{Context, Frame};
use crate::error::TxError;
use crate::id::Digest;
use crate::state::StateRead;

/// What must be verified of one action.
pub(crate) struct Check<'k> {
    /// Hash of the whole statement and of every byte of the proof.
    pub key: Digest,
    /// The checks, all of which must hold.
    pub items: Vec<Item<'k>>,
    /// The commitments that the action's user goes on with.
    pub commitments: Vec<G1Point>,
}

/// Verifies what the proofs of these transactions claim on this state, all at once over the cores.
pub(super) fn verify_together(
    frame: &Frame<'_>,
    state: &dyn StateRead,
    transactions: &[CheckedTransaction],
) {
    let ctx = Context::new(frame, state);
    let actions = transactions.iter().flat_map(|checked| &checked.transaction().actions);
    let checks: Vec<Check<'_>> =
        actions.filter_map(|action| check(&ctx, frame.proofs, action).ok().flatten()).collect();
    // One alone is verified as well by its action.
    if checks.len() < 2 {
        return;
    }
    let mut batch = frame.verifier.batch();
    let mut found = Vec::with_capacity(checks.len());
    for Check { key, items, commitments } in checks {
        found.push((key, commitments));
        items.into_iter().for_each(|item| batch.push(item));
    }
    // What holds a false proof is refused whatever else is in it: to look for the true ones would only
    // be work that a dishonest sender can demand.
    if batch.holds_all() {
        for (key, commitments) in found {
            frame.proofs.remember(key, commitments.into());
        }
    }
}

/// What is to be verified of an action; nothing if it has no proof or its proof is known already.
fn check<'k>(
    ctx: &Context<'k>,
    proofs: &ProofCache,
    action: &Action,
) -> Result<Option<Check<'k>>, TxError> {
    let known = |key: &Digest| proofs.knows(key);
    match action {
        Action::ProveBlock(action) => action.batched(ctx, known),
        Action::Deliver(action) => action.batched(ctx, known),
        Action::Dispute(action) => action.batched(ctx, known),
        _ => Ok(None),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use galen_zk::keys::Verifier;

    use super::*;
    use crate::codec::Bytes;
    use crate::ledger::{BlockError, Ledger};
    use crate::testing::{Simulation, TablePackage};

    #[test]
    fn a_block_is_the_same_whether_its_proofs_are_verified_together_or_alone() {
        let mut sim = Simulation::default();
        let hospital = sim.institution("hospital", 1_000_000);
        let package = TablePackage::charted(&mut sim, &hospital, "cohort", 10_000, &[60, 60]);
        sim.list(&hospital, &package.package).unwrap();
        let both: Vec<Action> =
            package.proven.iter().map(|(proof, _)| Action::ProveBlock(proof.clone())).collect();
        let mut false_first = both.clone();
        let Action::ProveBlock(proof) = &mut false_first[0] else { panic!("a proof") };
        // The least digit of the last value before the opening.
        let mut bytes = proof.bundle.to_vec();
        let at = bytes.len() - 64;
        bytes[at] ^= 1;
        proof.bundle = Bytes::new(bytes).unwrap();
        let [both, false_first] = [both, false_first].map(|actions| {
            let transaction = sim.sign(actions, &[&hospital]);
            sim.check(&transaction).unwrap()
        });
        let run = |checked: &CheckedTransaction, together| {
            // A ledger of its own, which remembers no proof.
            let ledger = Ledger::new(&sim.genesis, Verifier::development().unwrap()).unwrap();
            let (block, transactions) = (sim.next(1_000), [checked.clone()]);
            let executed = ledger.execute(&sim.state, &block, &transactions, together);
            (executed, ledger.0.proofs.len())
        };
        let (together, known) = run(&both, true);
        let (alone, _) = run(&both, false);
        assert!(together.is_ok());
        assert_eq!(together, alone);
        assert_eq!(known, 2);

        // One false bundle beside a true one: refused for the same reason, and no more is looked at.
        let (together, known) = run(&false_first, true);
        let (alone, of_alone) = run(&false_first, false);
        assert!(matches!(together, Err(BlockError::Transaction { index: 0, .. })), "{together:?}");
        assert_eq!(together, alone);
        assert_eq!((known, of_alone), (0, 0));
    }
}
