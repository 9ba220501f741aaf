//! Subscriptions: the right to claim the versions that supersede a bought package, for some months.
//!
//! One begins when the dispute window of a deal in a tier with a subscription ends. The price of the term
//! then moves from the deal to an escrow of the subscription, and an equal part of it is paid out at the
//! end of every month, by the shares of the offer that was agreed to. If at the end of a month the
//! institution cannot serve (it is suspended or stopped, the newest version of the line takes no requests,
//! or a claim found no bond and was not served since), or as soon as a claim fails, what is left returns
//! to the subscriber and the subscription ends. So every escrow ends, and nothing is paid for months that
//! were not served.
//!
//! A claim is a deal at no price with one-time keys of its own; it is authorised by the key of the first
//! deal, and so everybody sees that claims of one subscription belong together.

mod claim;
mod renew;

pub use claim::claim_id;

use super::*;
use crate::authority::Authority;
use crate::codec::Bounded;
use crate::deadline::{self, Due};
use crate::event::Event;
use crate::id::PackageId;
use crate::payment::{DealPurse, Purse, Reason};

/// Most terms of a subscription that are paid for and not over.
pub const MAX_TERMS: usize = 8;
/// How often one version can be claimed; again only when the deal before was refunded.
pub const MAX_CLAIMS: u32 = 8;

/// One paid term.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Term {
    /// The package of the institution under whose offer it was agreed.
    pub package: PackageId,
    /// The version of that offer.
    pub version: u32,
    /// The name of its tier.
    pub tier: TierName,
    /// Hash of terms and tier.
    pub terms: Digest,
    /// What it cost.
    pub price: Money,
    /// What of that is not paid out.
    pub left: Amount,
    /// Months that are not over.
    pub months: u32,
}

/// How a subscription ended.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(tag = "ending", rename_all = "snake_case")]
pub enum Ending {
    /// All months are over.
    Expired,
    /// At the end of a month the institution was suspended or stopped, or the newest version took no
    /// requests.
    NotServed,
    /// A claim found too little bond, and was not served since.
    Denied {
        /// The deal of the claim.
        deal: DealId,
    },
    /// The key of a claim was not delivered, or a dispute about it was upheld.
    Failed {
        /// The deal of the claim.
        deal: DealId,
    },
}

/// A subscription. Its name is that of its first deal.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Subscription {
    /// The first deal.
    pub id: DealId,
    /// What was bought first; claimed is what supersedes it.
    pub listing: ListingId,
    /// The one-time key of the first deal, which claims and renews.
    pub holder: AccountId,
    /// Where money goes back to.
    pub refund: Refund,
    /// For what.
    pub purpose: Purpose,
    /// What each clause of the terms of the last term said to that.
    pub decision: Decision,
    /// For how many named users.
    pub seats: u32,
    /// The paid terms, one after the other; the first is running.
    pub terms: Bounded<Term, MAX_TERMS>,
    /// Time of the block in which it began, in milliseconds since 1970.
    pub since_ms: u64,
    /// Up-time at which the running month ends, in milliseconds; none if it has ended.
    pub month_ends_ms: Option<u64>,
    /// A claim that found too little bond, and was not served since.
    pub denied: Option<DealId>,
    /// How it ended.
    pub ended: Option<Ending>,
}

/// The last claim of one version.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Claim {
    /// Its deal.
    pub deal: DealId,
    /// Claims of this version so far.
    pub claims: u32,
}

impl Subscription {
    /// What its escrow holds for the months to come.
    ///
    /// # Errors
    /// [`TxError::Amount`] if it were more than there can be.
    pub fn left(&self) -> Result<Amount, TxError> {
        let mut sum = Amount::ZERO;
        for term in &self.terms {
            sum = sum.checked_add(term.left)?;
        }
        Ok(sum)
    }

    fn running(&self) -> Result<&Term, TxError> {
        self.terms.first().ok_or(TxError::SubscriptionEnded)
    }

    /// Why the institution is not paid for the month that ends, if it is not.
    fn unserved(&self, ctx: &Context<'_>) -> Result<Option<Ending>, TxError> {
        if let Some(deal) = self.denied {
            return Ok(Some(Ending::Denied { deal }));
        }
        let newest = ctx.newest(&self.listing)?;
        match open::takes_requests(ctx, &newest) {
            Ok(()) => Ok(None),
            Err(TxError::State(error)) => Err(error.into()),
            Err(_) => Ok(Some(Ending::NotServed)),
        }
    }

    /// Returns what is left to the subscriber, and ends.
    fn end(mut self, ctx: &mut Context<'_>, ending: Ending) -> Result<(), TxError> {
        let deal = ctx.deal(&self.id)?;
        let (purse, asset) = (Purse::Subscription(self.id), deal.price.asset());
        let amount = ctx.balance(&purse, &asset)?;
        ctx.transfer_as(Reason::Refund, &purse, &self.refund.purse(), &asset, amount)?;
        if let Some(at_ms) = self.month_ends_ms.take() {
            deadline::remove(ctx, at_ms, &Due::Month(self.id));
        }
        self.terms = Bounded::default();
        self.ended = Some(ending);
        ctx.put(&state_key::subscription(&self.id), &self);
        let refunded = Money { currency: deal.price.currency, amount };
        ctx.emit(Event::SubscriptionEnded { subscription: self.id, ending, refunded });
        Ok(())
    }
}

/// Begins the subscription of a deal that is about to be paid, if its tier has one; gives what of the
/// price is kept for it.
pub(super) fn begin(ctx: &mut Context<'_>, deal: &Deal, offer: &Offer) -> Result<Amount, TxError> {
    if !deal.is_sold() {
        return Ok(Amount::ZERO);
    }
    let Some(terms) = offer.tier(&deal.tier)?.subscription else { return Ok(Amount::ZERO) };
    let (from, to) = (Purse::Deal(deal.id, DealPurse::Price), Purse::Subscription(deal.id));
    ctx.transfer(&from, &to, &deal.price.asset(), terms.price)?;
    let term = Term {
        package: deal.listing.package,
        version: deal.version,
        tier: deal.tier.clone(),
        terms: deal.terms,
        price: Money { currency: deal.price.currency.clone(), amount: terms.price },
        left: terms.price,
        months: terms.months,
    };
    let month_ends_ms = ctx.uptime_ms().saturating_add(ctx.parameters().month_ms);
    let subscription = Subscription {
        id: deal.id,
        listing: deal.listing,
        holder: deal.auth_key,
        refund: deal.refund.clone(),
        purpose: deal.purpose.clone(),
        decision: deal.decision.clone(),
        seats: deal.seats,
        terms: Bounded::new(vec![term]).expect("one term"),
        since_ms: ctx.time_ms(),
        month_ends_ms: Some(month_ends_ms),
        denied: None,
        ended: None,
    };
    deadline::add(ctx, month_ends_ms, Due::Month(deal.id));
    ctx.put(&state_key::subscription(&deal.id), &subscription);
    ctx.emit(Event::SubscriptionBegan { subscription: deal.id, months: terms.months });
    Ok(terms.price)
}

/// A month of a subscription is over: the institution is paid for it, or the rest returns.
pub(crate) fn month_ends(ctx: &mut Context<'_>, id: &DealId, at_ms: u64) -> Result<(), TxError> {
    let mut subscription = ctx.subscription(id)?;
    if subscription.month_ends_ms != Some(at_ms) {
        return Ok(());
    }
    if let Some(ending) = subscription.unserved(ctx)? {
        return subscription.end(ctx, ending);
    }
    let mut terms = subscription.terms.to_vec();
    let Some(term) = terms.first_mut() else { return subscription.end(ctx, Ending::Expired) };
    // The last month takes what rounding left over.
    let part = term.left.fraction(1, u64::from(term.months.max(1)))?;
    term.left = term.left.checked_sub(part)?;
    term.months = term.months.saturating_sub(1);
    let listing = ListingId { package: term.package, ..subscription.listing };
    let offer = ctx.offer(&listing, term.version)?;
    let money = Money { currency: term.price.currency.clone(), amount: part };
    pay::pay_out(ctx, &Purse::Subscription(*id), *id, &listing, &offer, &money)?;
    if term.months == 0 {
        terms.remove(0);
    }
    let over = terms.is_empty();
    subscription.terms = Bounded::new(terms).expect("no more terms than before");
    if over {
        return subscription.end(ctx, Ending::Expired);
    }
    let next_ms = at_ms.saturating_add(ctx.parameters().month_ms);
    subscription.month_ends_ms = Some(next_ms);
    deadline::add(ctx, next_ms, Due::Month(*id));
    ctx.put(&state_key::subscription(id), &subscription);
    Ok(())
}

/// The subscription of a claim, if it goes on.
fn of_claim(ctx: &Context<'_>, deal: &Deal) -> Result<Option<Subscription>, TxError> {
    let Origin::Claim { subscription, .. } = deal.origin else { return Ok(None) };
    let subscription = ctx.subscription(&subscription)?;
    Ok(Some(subscription).filter(|subscription| subscription.ended.is_none()))
}

/// The institution had no bond for a claim that is ready, or may not act.
pub(super) fn claim_denied(ctx: &mut Context<'_>, deal: &Deal) -> Result<(), TxError> {
    if let Some(mut subscription) = of_claim(ctx, deal)? {
        subscription.denied = Some(deal.id);
        ctx.put(&state_key::subscription(&subscription.id), &subscription);
    }
    Ok(())
}

/// The key of a claim was delivered: what was denied before is forgiven.
pub(super) fn claim_served(ctx: &mut Context<'_>, deal: &Deal) -> Result<(), TxError> {
    if let Some(mut subscription) = of_claim(ctx, deal)?.filter(|found| found.denied.is_some()) {
        subscription.denied = None;
        ctx.put(&state_key::subscription(&subscription.id), &subscription);
    }
    Ok(())
}

/// The institution failed a claim: the rest of the subscription is paid back.
pub(super) fn claim_failed(ctx: &mut Context<'_>, deal: &Deal) -> Result<(), TxError> {
    match of_claim(ctx, deal)? {
        Some(subscription) => subscription.end(ctx, Ending::Failed { deal: deal.id }),
        None => Ok(()),
    }
}

impl Context<'_> {
    /// A subscription.
    ///
    /// # Errors
    /// [`TxError::UnknownSubscription`].
    pub fn subscription(&self, id: &DealId) -> Result<Subscription, TxError> {
        let unknown = TxError::UnknownSubscription { subscription: *id };
        self.get(&state_key::subscription(id))?.ok_or(unknown)
    }

    /// A subscription that goes on and whose key signed. A month that is over is settled first.
    fn subscribed(&mut self, id: &DealId, authority: &Authority) -> Result<Subscription, TxError> {
        let now = self.uptime_ms();
        let before = self.subscription(id)?;
        authority.require_deal_key(&before.holder)?;
        let subscription = match before.month_ends_ms.filter(|at_ms| *at_ms <= now) {
            Some(at_ms) => {
                deadline::remove(self, at_ms, &Due::Month(*id));
                month_ends(self, id, at_ms)?;
                self.subscription(id)?
            }
            None => before,
        };
        if subscription.ended.is_some() {
            return Err(TxError::SubscriptionEnded);
        }
        Ok(subscription)
    }
}
