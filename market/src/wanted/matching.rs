//! Matching, a bounded number of pairs a block. What is to be looked at waits in a queue of its own,
//! beside that of deadlines, so that neither delays the other.
//!
//! A task looks at one listing and the requests that wait, the oldest first; at one request and the
//! live listings, the oldest first; or at the listings of an institution that may act again. A task
//! that is not through with its list when the block's pairs are used up goes to the end of the queue
//! with the place that it has come to: so tasks take turns. Whatever makes a listing fit that did not
//! fit before (it went live, has a new offer, its institution acts again) queues it anew.

use super::*;
use crate::codec::encode;
use crate::deal::open::{self, Agreement, BuyerKeys, Opening, Origin};
use crate::event::Event;
use crate::id::Hasher;
use crate::layout::Layout;
use crate::listing::{Listing, Offer, Standing, TableClaims};
use crate::payment::Purse;
use crate::role::Role;
use crate::state::{StateError, StateRead};
use crate::terms::Decision;

/// What is to be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
enum Task {
    /// The listings of an institution that may act again.
    Institution(AccountId),
    /// A listing, with the requests that wait.
    Listing(ListingId),
    /// A request, with the live listings.
    Request(StandingId),
}

/// Where a task stands in its list; the rest of the last key that it looked at.
type Cursor = Option<Vec<u8>>;

/// An institution's listings take requests again.
pub(crate) fn institution_returns(
    ctx: &mut Context<'_>,
    institution: &AccountId,
) -> Result<(), TxError> {
    queue(ctx, Task::Institution(*institution), None)
}

/// A listing went live or has a new offer.
pub(crate) fn listing_offers(ctx: &mut Context<'_>, listing: &ListingId) -> Result<(), TxError> {
    queue(ctx, Task::Listing(*listing), None)
}

/// A request waits for a listing.
pub(super) fn request_waits(ctx: &mut Context<'_>, standing: &StandingId) -> Result<(), TxError> {
    queue(ctx, Task::Request(*standing), None)
}

/// Puts a task at the end of the queue; one that is there already moves there.
fn queue(ctx: &mut Context<'_>, task: Task, after: Cursor) -> Result<(), TxError> {
    let (bytes, now) = (encode(&task), ctx.uptime_ms());
    let place = state_key::match_place(&bytes);
    if let Some(at_ms) = ctx.get(&place)? {
        ctx.delete(&state_key::match_task(at_ms, &bytes));
    }
    ctx.put(&place, &now);
    ctx.put(&state_key::match_task(now, &bytes), &after);
    Ok(())
}

/// When the first task was queued, as up-time in milliseconds, if one waits.
///
/// # Errors
/// When the state fails.
pub(crate) fn next(state: &dyn StateRead) -> Result<Option<u64>, StateError> {
    let first = state_key::scan(state, &state_key::match_tasks(), None, 1)?;
    first.first().map(|(rest, _)| Ok(u64::from_be_bytes(state_key::part(rest, 0)?))).transpose()
}

/// Looks at up to `max` pairs, or listings of an institution.
///
/// # Errors
/// When the state fails.
pub(crate) fn run(ctx: &mut Context<'_>, max: usize) -> Result<(), TxError> {
    let mut left = max;
    while left > 0 {
        let Some((rest, after)) = ctx.scan(&state_key::match_tasks(), None, 1)?.pop() else {
            return Ok(());
        };
        let at_ms = u64::from_be_bytes(state_key::part(&rest, 0)?);
        let bytes = rest.get(8..).unwrap_or_default();
        let task: Task = crate::codec::decode_exact(bytes)
            .map_err(|error| StateError(format!("queue of matches: {error}")))?;
        ctx.delete(&state_key::match_task(at_ms, bytes));
        ctx.delete(&state_key::match_place(bytes));
        let (looked_at, rest) = match task {
            Task::Institution(account) => institution_step(ctx, &account, after, left)?,
            Task::Listing(id) => listing_step(ctx, &id, after, left)?,
            Task::Request(id) => request_step(ctx, &id, after, left)?,
        };
        if let Some(after) = rest {
            queue(ctx, task, Some(after))?;
        }
        // A task that finds nothing was work too.
        left = left.saturating_sub(looked_at.max(1));
    }
    Ok(())
}

/// Where to go on, if the page was full.
fn rest_of<T>(page: &[(Vec<u8>, T)], limit: usize) -> Cursor {
    page.last().filter(|_| page.len() >= limit).map(|(rest, _)| rest.clone())
}

fn institution_step(
    ctx: &mut Context<'_>,
    institution: &AccountId,
    after: Cursor,
    limit: usize,
) -> Result<(usize, Cursor), TxError> {
    let page = ctx.scan(&state_key::listings_of(institution), after.as_deref(), limit)?;
    for (_, listing) in page.iter().filter(|(_, listing)| listing.standing == Standing::Live) {
        listing_offers(ctx, &listing.id)?;
    }
    Ok((page.len(), rest_of(&page, limit)))
}

fn listing_step(
    ctx: &mut Context<'_>,
    id: &ListingId,
    after: Cursor,
    limit: usize,
) -> Result<(usize, Cursor), TxError> {
    let Some(candidate) = Candidate::read(ctx, id)? else { return Ok((1, None)) };
    let page = ctx.scan(&state_key::open_standings(), after.as_deref(), limit)?;
    for (rest, ()) in &page {
        let standing = ctx.standing(&StandingId(state_key::part(rest, 8)?))?;
        if let Some(terms) = candidate.fits(ctx, &standing)? {
            candidate.take(ctx, standing, terms)?;
        }
    }
    Ok((page.len(), rest_of(&page, limit)))
}

fn request_step(
    ctx: &mut Context<'_>,
    id: &StandingId,
    after: Cursor,
    limit: usize,
) -> Result<(usize, Cursor), TxError> {
    let standing = ctx.standing(id)?;
    if standing.status != Status::Open {
        return Ok((1, None));
    }
    let page = ctx.scan(&state_key::live_listings(), after.as_deref(), limit)?;
    for (looked_at, (rest, ())) in (1usize..).zip(&page) {
        let listing = ListingId {
            institution: AccountId(state_key::part(rest, 8)?),
            package: crate::id::PackageId(state_key::part(rest, 40)?),
        };
        let Some(candidate) = Candidate::read(ctx, &listing)? else { continue };
        if let Some(terms) = candidate.fits(ctx, &standing)?
            && candidate.take(ctx, standing.clone(), terms)?
        {
            return Ok((looked_at, None));
        }
    }
    Ok((page.len(), rest_of(&page, limit)))
}

/// A listing that takes requests now.
struct Candidate {
    listing: Listing,
    offer: Offer,
    layout: Layout,
    claims: Vec<TableClaims>,
}

impl Candidate {
    fn read(ctx: &Context<'_>, id: &ListingId) -> Result<Option<Self>, TxError> {
        let Some(listing) = ctx.get(&state_key::listing(id))? else { return Ok(None) };
        if !unless_refused(open::takes_requests(ctx, &listing))? {
            return Ok(None);
        }
        let offer = ctx.offer(id, listing.version)?;
        // A match would end without a place, and use up one of few. A licence that returns needs no new
        // task: the institution was stopped or the package refunded.
        if offer.sold_out(&listing).is_some() {
            return Ok(None);
        }
        let (layout, claims) = (ctx.layout(id)?, ctx.claims(id)?);
        Ok(Some(Self { listing, offer, layout, claims }))
    }

    /// What a request would agree to here, if it is to be matched: the cheapest tier for its purpose that
    /// is no subscription.
    fn fits(
        &self,
        ctx: &Context<'_>,
        standing: &StandingRequest,
    ) -> Result<Option<Terms>, TxError> {
        let id = &self.listing.id;
        let accepted =
            standing.institutions.is_empty() || standing.institutions.contains(&id.institution);
        if !accepted
            || standing.status != Status::Open
            || standing.until_ms <= ctx.uptime_ms()
            || standing.has_met(id)
        {
            return Ok(None);
        }
        let tiers = self.offer.tiers.iter().filter(|tier| tier.subscription.is_none());
        let (version, purpose) = (self.listing.version, &standing.purpose);
        let agreements = tiers.filter_map(|tier| {
            open::agreement(&self.offer, version, tier, standing.seats, purpose).ok()
        });
        let Some(agreement) = agreements.min_by_key(|agreement| agreement.price.amount) else {
            return Ok(None);
        };
        if agreement.price.currency != standing.max_price.currency
            || agreement.price.amount > standing.max_price.amount
        {
            return Ok(None);
        }
        let decision = standing.shown.decide(&self.offer.terms, purpose);
        let Some(allowance) = allowance(ctx, standing, &agreement.price)? else { return Ok(None) };
        if !decision.is_open()
            || !standing.wanted.is_met(&self.layout, &self.claims, &self.offer.declared)
        {
            return Ok(None);
        }
        for issuer in &standing.shown.issuers {
            if !unless_refused(ctx.active(Role::Issuer, issuer).map(drop))? {
                return Ok(None);
            }
        }
        Ok(Some(Terms { agreement, decision, allowance }))
    }

    /// Makes a deal of a request. False, and nothing changed, if a rule of deals refuses it.
    fn take(
        &self,
        ctx: &mut Context<'_>,
        standing: StandingRequest,
        terms: Terms,
    ) -> Result<bool, TxError> {
        unless_refused(ctx.atomically(|ctx| self.open(ctx, standing, terms)))
    }

    fn open(
        &self,
        ctx: &mut Context<'_>,
        mut standing: StandingRequest,
        terms: Terms,
    ) -> Result<(), TxError> {
        let (id, listing) = (standing.id, self.listing.id);
        let number = standing.matches.len() as u64;
        let deal = DealId(Hasher::new("galen/standing-deal").value(&id).value(&number).digest().0);
        let mut matches = standing.matches.to_vec();
        matches.push(Match { listing, deal });
        standing.matches = Bounded::new(matches)
            .map_err(|_| TxError::StandingEnded { standing: id, ending: Ending::Exhausted })?;
        let opening = Opening {
            id: deal,
            origin: Origin::Standing { standing: id },
            listing: &self.listing,
            agreement: terms.agreement,
            purpose: standing.purpose.clone(),
            decision: terms.decision,
            payer: Purse::Standing(id),
            allowance: terms.allowance,
            buyer: BuyerKeys {
                refund: standing.refund.clone(),
                delivery_key: standing.delivery_key,
                auth_key: standing.auth_key,
            },
            ready: false,
        };
        standing.enter(ctx, Status::Matched { deal });
        ctx.emit(Event::StandingMatched { standing: id, deal, listing });
        opening.open(ctx)
    }
}

/// What a match agrees to.
struct Terms {
    agreement: Agreement,
    decision: Decision,
    allowance: Amount,
}

/// The fee allowance that a deal at a price would get: what the request says, or what earlier deals left
/// of it if that is enough.
fn allowance(
    ctx: &Context<'_>,
    standing: &StandingRequest,
    price: &Money,
) -> Result<Option<Amount>, TxError> {
    let held = ctx.balance(&Purse::Standing(standing.id), &price.asset())?;
    let Ok(left) = held.checked_sub(price.amount) else { return Ok(None) };
    let least = ctx.currency(&price.currency)?.fees.standing_allowance()?;
    Ok((left >= least).then_some(left.min(standing.allowance)))
}

/// Whether a rule is kept; only a failing state is an error.
fn unless_refused(result: Result<(), TxError>) -> Result<bool, TxError> {
    match result {
        Ok(()) => Ok(true),
        Err(TxError::State(error)) => Err(error.into()),
        Err(_) => Ok(false),
    }
}
