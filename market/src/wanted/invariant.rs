//! What must hold of standing requests after every block. Reads the whole state; for tests, simulation
//! and audits.

use std::collections::BTreeSet;

use super::*;
use crate::deadline::{self, Due};
use crate::deal::Deal;
use crate::deal::open::Origin;
use crate::invariant::Violation;
use crate::listing::Standing;
use crate::payment::Purse;
use crate::state::{StateError, StateRead};

/// Checks that every standing request that has not ended has its deadline and what its next deal needs,
/// and one that has ended an empty purse (I9); that it is matched to at most one unfinished deal without
/// a key, and to no listing twice; and that the indexes agree.
///
/// # Errors
/// When the state fails.
pub fn audit(state: &dyn StateRead) -> Result<Vec<Violation>, StateError> {
    let mut found = Vec::new();
    let mut expect = |invariant: &'static str, holds: bool, what: &dyn Fn() -> String| {
        if !holds {
            found.push(Violation { invariant, what: what() });
        }
    };
    let queue: BTreeSet<(u64, Due)> = deadline::all(state)?.into_iter().collect();
    for (_, standing) in state_key::scan_all(state, &state_key::standings())? {
        let (id, status) = (standing.id, standing.status);
        let queued = queue.contains(&(standing.until_ms, Due::Standing(id)));
        expect("I9", queued != standing.is_ended(), &|| {
            format!("standing request {id} is {status:?}, deadline queued: {queued}")
        });
        let purse = state_key::balance(&Purse::Standing(id), &standing.max_price.asset());
        let held = state_key::read(state, &purse)?.unwrap_or_default();
        expect("I9", held.is_zero() || !standing.is_ended(), &|| {
            format!("standing request {id} is {status:?} and holds {held}")
        });
        let open = state_key::read(state, &state_key::open_standing(standing.since_ms, &id))?;
        expect("index", open.is_some() == (status == Status::Open), &|| {
            format!("standing request {id} is {status:?}, listed as open: {}", open.is_some())
        });
        let listings: BTreeSet<_> = standing.matches.iter().map(|met| met.listing).collect();
        expect("I9", listings.len() == standing.matches.len(), &|| {
            format!("standing request {id} met a listing twice")
        });
        let last = standing.matches.last().map(|met| met.deal);
        for met in &standing.matches {
            let deal: Option<Deal> = state_key::read(state, &state_key::deal(&met.deal))?;
            let Some(deal) = deal else {
                expect("index", false, &|| format!("deal {} of {id} is not there", met.deal));
                continue;
            };
            let own = deal.origin == (Origin::Standing { standing: id });
            expect("index", own && deal.listing == met.listing, &|| {
                format!("deal {} is not that of standing request {id}", met.deal)
            });
            let waits = !deal.stage.is_final() && deal.envelope.is_none();
            let matched = status == Status::Matched { deal: met.deal };
            expect("I9", matched == (waits && !standing.is_ended()), &|| {
                format!("standing request {id} is {status:?}, deal {} is {}", met.deal, deal.stage)
            });
            expect("I9", !matched || last == Some(met.deal), &|| {
                format!("standing request {id} is matched to a deal before its last")
            });
        }
    }
    for (_, listing) in state_key::scan_all(state, &state_key::listings())? {
        let id = listing.id;
        let live = listing.standing == Standing::Live;
        let since_ms = listing.live_since_ms.unwrap_or_default();
        let listed = state_key::read(state, &state_key::live_listing(since_ms, &id))?.is_some();
        expect("index", live == listed, &|| {
            format!("{id} is live: {live}, and matched as such: {listed}")
        });
    }
    Ok(found)
}
