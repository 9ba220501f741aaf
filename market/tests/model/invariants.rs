//! I1, I2 and I5 to I9 after every block, from what it left of deals that were or are unfinished. Reads
//! plain values of the state; the ledger's own audit, which looks at everything that ever was, comes from
//! time to time.

use std::collections::BTreeSet;

use galen_market::amount::Asset;
use galen_market::deadline::{self, Due};
use galen_market::deal::{Deal, Licence, Stage, Termination};
use galen_market::id::DealId;
use galen_market::payment::{DealPurse, Purse};
use galen_market::state_key;
use galen_market::testing::{Simulation, eur};

use super::reference::Name;

/// What is known from one block to the next.
#[derive(Default)]
pub struct Watch {
    unfinished: BTreeSet<Name>,
    nullifiers: BTreeSet<Name>,
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

impl Watch {
    /// A credential was accepted with a nullifier.
    pub fn spends(&mut self, nullifier: Name) -> Result<(), String> {
        expect(self.nullifiers.insert(nullifier), || "I5: a nullifier came twice".to_owned())
    }

    /// Looks at the state after a block; `held` is what all purses hold, `deals` those that the block may
    /// have begun.
    pub fn look(
        &mut self,
        real: &Simulation,
        held: u128,
        deals: impl Iterator<Item = Name>,
    ) -> Result<(), String> {
        let supply = real.read(&state_key::supply(&Asset::Currency(eur()))).unwrap_or_default();
        expect(supply.minted.checked_sub(supply.burned) == Some(held), || {
            format!("I1: purses hold {held}, supply is {supply:?}")
        })?;
        let queue = deadline::all(&real.state).expect("memory does not fail");
        let now = real.uptime_ms();
        for (at, due) in &queue {
            // What the block itself closed is ended by the next one.
            let closing = matches!(due, Due::Refunds(_) | Due::Takedown(..));
            expect(closing || *at > now, || format!("I9: {due:?} was due at {at}, it is {now}"))?;
        }
        let queued: BTreeSet<DealId> = queue
            .iter()
            .filter_map(|(_, due)| match due {
                Due::Deal(id) => Some(*id),
                _ => None,
            })
            .collect();
        self.unfinished.extend(deals);
        let mut over = Vec::new();
        for name in &self.unfinished {
            let id = DealId(*name);
            let Some(deal) = real.read(&state_key::deal(&id)) else {
                over.push(*name);
                continue;
            };
            check(real, &deal, queued.contains(&id))?;
            over.extend(deal.stage.is_final().then_some(*name));
        }
        self.unfinished.retain(|name| !over.contains(name));
        Ok(())
    }
}

fn check(real: &Simulation, deal: &Deal, queued: bool) -> Result<(), String> {
    let Deal { id, stage, .. } = deal;
    let keyed = deal.envelope.is_some();
    let licence: Option<Licence> = real.read(&state_key::licence(id));
    let active = licence.is_some_and(|licence| licence.revoked_ms.is_none());
    let paid_for = matches!(stage, Stage::Verified | Stage::Finalized);
    expect(active == (paid_for && keyed), || {
        format!("I6: {id} is {stage}, keyed {keyed}, licence in force {active}")
    })?;
    expect(*stage != Stage::Finalized || keyed, || format!("I7: {id} is paid without a key"))?;
    let late = deal.termination == Some(Termination::NotDelivered);
    expect(!(late && keyed), || format!("I8: {id} is refunded as late, and has a key"))?;
    let parts = [DealPurse::Price, DealPurse::Allowance, DealPurse::Bond];
    let [price, allowance, bond] = parts.map(|part| real.purse(&Purse::Deal(*id, part)));
    let ends = if stage.is_final() {
        !queued && (price, allowance, bond) == (0, 0, 0)
    } else {
        queued && price == deal.price.amount.units()
    };
    expect(ends, || {
        format!("I9: {id} is {stage}, queued {queued}, holds {price}, {allowance} and bond {bond}")
    })
}
