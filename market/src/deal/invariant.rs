//! What must hold of listings, deals and licences after every block. Reads the whole state; for
//! tests, simulation and audits.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::deadline::{self, Due};
use crate::invariant::Violation;
use crate::listing::Standing;
use crate::payment::{DealPurse, Purse};
use crate::state::{StateError, StateRead};

struct Audit<'s> {
    state: &'s dyn StateRead,
    found: Vec<Violation>,
}

impl Audit<'_> {
    fn expect(&mut self, invariant: &'static str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.found.push(Violation { invariant, what: what() });
        }
    }

    fn purse(&self, deal: &Deal, part: DealPurse) -> Result<Amount, StateError> {
        let key = state_key::balance(&Purse::Deal(deal.id, part), &deal.price.asset());
        Ok(state_key::read(self.state, &key)?.unwrap_or_default())
    }

    /// What a subscription holds is what its months to come cost; it has a deadline as long as it goes
    /// on, and its first deal is paid, so that its key was delivered.
    fn subscription(
        &mut self,
        subscription: &Subscription,
        queue: &BTreeSet<(u64, Due)>,
    ) -> Result<(), StateError> {
        let id = subscription.id;
        let Some(deal) = state_key::read(self.state, &state_key::deal(&id))? else {
            self.expect("I7", false, || format!("subscription {id} has no deal"));
            return Ok(());
        };
        self.expect("I7", deal.stage == Stage::Finalized && deal.is_sold(), || {
            format!("subscription {id} began with a deal that is {}", deal.stage)
        });
        let purse = state_key::balance(&Purse::Subscription(id), &deal.price.asset());
        let held = state_key::read(self.state, &purse)?.unwrap_or_default();
        self.expect("I9", subscription.left() == Ok(held), || {
            format!("subscription {id} holds {held} for {:?}", subscription.terms)
        });
        let goes_on = subscription.ended.is_none();
        let queued =
            subscription.month_ends_ms.is_some_and(|at| queue.contains(&(at, Due::Month(id))));
        self.expect("I9", queued == goes_on && subscription.terms.is_empty() != goes_on, || {
            format!("subscription {id} goes on: {goes_on}, deadline queued: {queued}")
        });
        for (_, claim) in state_key::scan_all(self.state, &state_key::claims(&id))? {
            let claimed = state_key::read(self.state, &state_key::deal(&claim.deal))?;
            let claims = |deal: &Deal| matches!(deal.origin, Origin::Claim { subscription, .. } if subscription == id);
            self.expect("I6", claimed.is_some_and(|deal| claims(&deal)), || {
                format!("a claim of subscription {id} is no such deal: {}", claim.deal)
            });
        }
        Ok(())
    }

    fn deal(&mut self, deal: &Deal, queue: &BTreeSet<(u64, Due)>) -> Result<(), StateError> {
        let Deal { id, stage, .. } = deal;
        let paid_for = matches!(stage, Stage::Verified | Stage::Finalized);
        let licence = state_key::read(self.state, &state_key::licence(id))?;
        let active = licence.is_some_and(|licence: Licence| licence.revoked_ms.is_none());
        self.expect("I6", active == (paid_for && deal.envelope.is_some()), || {
            format!("deal {id} is {stage}, licence in force: {active}")
        });
        self.expect("I7", *stage != Stage::Finalized || deal.envelope.is_some(), || {
            format!("deal {id} is paid without an envelope")
        });
        let late = deal.termination == Some(Termination::NotDelivered);
        self.expect("I8", !late || deal.envelope.is_none(), || {
            format!("deal {id} was refunded as late and has an envelope")
        });
        let queued = deal.deadline_ms.is_some_and(|at| queue.contains(&(at, Due::Deal(*id))));
        self.expect("I9", queued != stage.is_final(), || {
            format!("deal {id} is {stage}, deadline queued: {queued}")
        });
        let price = self.purse(deal, DealPurse::Price)?;
        let escrow = if stage.is_final() { Amount::ZERO } else { deal.price.amount };
        self.expect("I9", price == escrow, || format!("deal {id} is {stage} and holds {price}"));
        let bond = self.purse(deal, DealPurse::Bond)?;
        let held = matches!(stage, Stage::Ready | Stage::Verified);
        let due = if held { deal.bond } else { Amount::ZERO };
        self.expect("I9", bond == due, || format!("deal {id} is {stage} and holds bond {bond}"));
        let allowance = self.purse(deal, DealPurse::Allowance)?;
        self.expect("I9", !stage.is_final() || allowance.is_zero(), || {
            format!("deal {id} is {stage} and holds allowance {allowance}")
        });
        self.expect("I9", stage.is_final() || deal.termination.is_none(), || {
            format!("deal {id} is {stage} and was refunded")
        });
        self.expect("I6", deal.is_sold() || deal.price.amount.is_zero(), || {
            format!("deal {id} is a claim and has a price")
        });
        let by_terms = deal.termination == Some(Termination::TermsRefuse);
        self.expect("I9", deal.decision.is_open() != by_terms, || {
            format!("deal {id} is {stage}, and its terms allow it: {}", deal.decision.is_open())
        });
        let terminated = *stage == Stage::Terminated;
        self.expect("I9", terminated == deal.termination.is_some(), || {
            format!("deal {id} is {stage}, refunded because {:?}", deal.termination)
        });
        for other in 1..=6 {
            let Ok(other) = borsh::from_slice::<Stage>(&[other]) else { continue };
            let key = state_key::deal_by_stage(&deal.listing.institution, other, id);
            let indexed = state_key::read(self.state, &key)?.is_some();
            self.expect("index", indexed == (other == *stage), || {
                format!("deal {id} is {stage}, listed as {other}: {indexed}")
            });
        }
        let open = state_key::read(self.state, &state_key::open_deal(&deal.listing, id))?.is_some();
        self.expect("index", open != stage.is_final(), || {
            format!("deal {id} is {stage}, listed as unfinished: {open}")
        });
        Ok(())
    }
}

/// Checks that active licences are paid and keyed (I6), that who is paid has delivered (I7), that who
/// was refunded for lateness has no key (I8), that every unfinished deal and draft has its deadline and
/// every finished one an empty escrow (I9), that subscriptions hold what their months to come cost, and
/// that the indexes agree.
///
/// # Errors
/// When the state fails.
pub fn audit(state: &dyn StateRead) -> Result<Vec<Violation>, StateError> {
    let mut audit = Audit { state, found: Vec::new() };
    let queue: BTreeSet<(u64, Due)> = deadline::all(state)?.into_iter().collect();
    let mut waiting: BTreeMap<ListingId, u32> = BTreeMap::new();
    let mut sold: BTreeMap<ListingId, u32> = BTreeMap::new();
    let mut open: BTreeSet<ListingId> = BTreeSet::new();
    let mut unready: BTreeSet<ListingId> = BTreeSet::new();
    for (_, deal) in state_key::scan_all(state, &state_key::deals())? {
        audit.deal(&deal, &queue)?;
        if deal.stage == Stage::Ready {
            *waiting.entry(deal.listing).or_default() += 1;
        }
        let delivering = matches!(deal.stage, Stage::Ready | Stage::Verified | Stage::Finalized);
        if delivering && deal.is_sold() {
            *sold.entry(deal.listing).or_default() += 1;
        }
        if !deal.stage.is_final() {
            open.insert(deal.listing);
        }
        if matches!(deal.stage, Stage::Requested | Stage::Agreed) {
            unready.insert(deal.listing);
        }
    }
    for (_, subscription) in state_key::scan_all(state, &state_key::subscriptions())? {
        audit.subscription(&subscription, &queue)?;
    }
    for (_, listing) in state_key::scan_all(state, &state_key::listings())? {
        let id = listing.id;
        let ready = waiting.remove(&id).unwrap_or_default();
        audit.expect("I9", listing.undelivered == ready, || {
            format!("{id} counts {} undelivered deals, {ready} are ready", listing.undelivered)
        });
        let licences = sold.remove(&id).unwrap_or_default();
        audit.expect("I6", listing.licences == licences, || {
            format!("{id} counts {} licences, {licences} are sold", listing.licences)
        });
        let most = state_key::read(state, &state_key::offer(&id, listing.version))?
            .and_then(|offer| offer.max_licences);
        // A new offer may allow fewer than are sold.
        let kept = listing.version > 1 || most.is_none_or(|most| licences <= most);
        audit.expect("I6", kept, || format!("{id} sold {licences} of {most:?} licences"));
        let taken_down = listing.standing == Standing::TakenDown && unready.contains(&id);
        let ending = queue.iter().any(|(_, due)| matches!(due, Due::Takedown(of, _) if *of == id));
        audit.expect("I9", !taken_down || ending, || {
            format!("{id} is taken down, and its unready deals are not queued")
        });
        if let Standing::Draft { expires_ms, .. } = listing.standing {
            audit.expect("I9", queue.contains(&(expires_ms, Due::Draft(id))), || {
                format!("the draft of {id} never expires")
            });
        }
        let purse = Purse::Deposit(id.institution, id.package);
        let held = state_key::read(state, &state_key::balance(&purse, &listing.deposit.asset()))?
            .unwrap_or_default();
        let draft = matches!(listing.standing, Standing::Draft { .. });
        let due = if draft { listing.deposit.amount } else { Amount::ZERO };
        audit.expect("I9", held == due, || format!("{id} holds a deposit of {held}"));
        let refunded = matches!(listing.standing, Standing::Refunded { .. });
        let queued = queue.iter().any(|(_, due)| *due == Due::Refunds(id));
        audit.expect("I9", !refunded || !open.contains(&id) || queued, || {
            format!("{id} is refunded, and its unfinished deals are not queued")
        });
    }
    audit.expect("I9", waiting.is_empty(), || "a deal names a listing that is gone".to_owned());
    Ok(audit.found)
}
