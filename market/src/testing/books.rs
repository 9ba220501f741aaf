//! Books kept outside of the ledger: what every purse holds, by the movements that the ledger reports.

use std::collections::BTreeMap;

use crate::amount::Asset;
use crate::codec::decode_exact;
use crate::event::Event;
use crate::payment::{Movement, Purse};
use crate::state::MemoryState;
use crate::state_key;

type Holdings = BTreeMap<(Purse, Asset), u64>;

/// What every purse holds.
#[derive(Clone, Default)]
pub(super) struct Books(Holdings);

fn holdings(state: &MemoryState) -> Holdings {
    let entries = state_key::scan_all(state, &state_key::balances()).expect("memory does not fail");
    let of = |rest: &[u8]| decode_exact(rest).expect("the key of a balance");
    entries.into_iter().map(|(rest, amount)| (of(&rest), amount.units())).collect()
}

impl Books {
    /// What a ledger starts with was not moved.
    pub(super) fn begin(state: &MemoryState) -> Self {
        Self(holdings(state))
    }

    /// Enters the movements of a block, and compares with the state after it: every movement is
    /// reported, and none that was not made.
    pub(super) fn follow(&mut self, events: &[Event], state: &MemoryState) {
        for event in events {
            let Event::Moved(Movement { from, to, asset, amount, .. }) = event else { continue };
            assert!(!amount.is_zero() && (from.is_some() || to.is_some()), "{event:?}");
            if let Some(purse) = from {
                let held = self.0.entry((*purse, asset.clone())).or_default();
                *held = held.checked_sub(amount.units()).expect("no purse pays what it has not");
            }
            if let Some(purse) = to {
                *self.0.entry((*purse, asset.clone())).or_default() += amount.units();
            }
        }
        self.0.retain(|_, held| *held > 0);
        assert_eq!(self.0, holdings(state), "I1: movements do not add up to what purses hold");
    }
}
