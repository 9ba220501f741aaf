//! The buyer's side before the key: request, review, ready.

use super::*;
use crate::action::trade::{Ready, RequestDeal, ReviewDeal};
use crate::authority::Authority;
use crate::event::Event;
use crate::genesis::Parameters;
use crate::id::Hasher;
use crate::listing::{Listing, Offer, Standing};
use crate::payment::{DealPurse, Purse};

/// Up-time that a buyer has to fetch and check the ciphertext, in milliseconds: grows with the number
/// of segments, up to a limit.
#[must_use]
pub fn ready_time_ms(parameters: &Parameters, segments: u64) -> u64 {
    parameters
        .ready_per_segment_ms
        .saturating_mul(segments)
        .saturating_add(parameters.ready_ms)
        .min(parameters.ready_max_ms)
}

impl RequestDeal {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        self.purpose.check()
    }

    pub(crate) fn execute(
        &self,
        ctx: &mut Context<'_>,
        authority: &Authority,
    ) -> Result<(), TxError> {
        let credential = authority.credential()?;
        let id = DealId(Hasher::new("galen/deal").value(&credential.nullifier).digest().0);
        let listing =
            ctx.listing(&ListingId { institution: self.institution, package: self.package })?;
        let offer = self.offer(ctx, &listing)?;
        let decision = offer.terms.decide(&self.purpose, credential.purposes);
        let least = ctx.currency(&self.price.currency)?.fees.deal_allowance()?;
        if self.allowance < least {
            return Err(TxError::AllowanceTooSmall { least, got: self.allowance });
        }
        if ctx.get(&state_key::deal(&id))?.is_some() {
            return Err(TxError::NullifierUsed);
        }
        let mut deal = Deal {
            id,
            listing: listing.id,
            version: listing.version,
            terms: self.terms,
            price: self.price.clone(),
            purpose: self.purpose,
            decision,
            refund: self.refund.clone(),
            delivery_key: self.delivery_key,
            auth_key: self.auth_key,
            ready: self.ready,
            stage: Stage::Requested,
            deadline_ms: None,
            requested_ms: ctx.time_ms(),
            bond: Amount::ZERO,
            envelope: None,
            termination: None,
        };
        ctx.put(&state_key::deal_of_listing(&deal.listing, &id), &());
        ctx.emit(Event::DealRequested {
            deal: id,
            listing: deal.listing,
            decision: deal.decision.clone(),
        });
        if !deal.decision.allowed {
            // The ledger keeps the decision, and no price was taken that could be lost on the way back.
            return escrow::terminate(ctx, deal, Termination::TermsRefuse);
        }
        let (payer, asset) = (self.funding.purse(), self.price.asset());
        let escrow = Purse::Deal(id, DealPurse::Price);
        ctx.transfer(&payer, &escrow, &asset, self.price.amount)?;
        let allowance = Purse::Deal(id, DealPurse::Allowance);
        ctx.transfer(&payer, &allowance, &asset, self.allowance)?;
        match offer.terms.review_ms {
            Some(review_ms) => {
                let deadline_ms = ctx.uptime_ms().saturating_add(review_ms);
                deal.enter(ctx, Stage::Requested, Some(deadline_ms));
                Ok(())
            }
            None => agree(ctx, deal, &listing),
        }
    }

    /// The present offer, if the listing takes requests and the buyer speaks of that offer.
    fn offer(&self, ctx: &Context<'_>, listing: &Listing) -> Result<Offer, TxError> {
        ctx.institution(&self.institution)?;
        match listing.standing {
            Standing::Live => {}
            Standing::Refunded { .. } => return Err(TxError::PackageRefunded),
            Standing::Draft { .. } | Standing::Withdrawn => return Err(TxError::ListingNotLive),
        }
        if ctx.get(&state_key::stop(&self.institution))?.is_some() {
            return Err(TxError::ListingsStopped { institution: self.institution });
        }
        let offer = ctx.offer(&listing.id, listing.version)?;
        let same = self.version == listing.version
            && self.terms == offer.terms.hash()
            && self.price == offer.terms.price;
        if same { Ok(offer) } else { Err(TxError::OfferChanged { version: listing.version }) }
    }
}

/// Both sides agree: the buyer has time to fetch the ciphertext, unless it is ready already.
fn agree(ctx: &mut Context<'_>, mut deal: Deal, listing: &Listing) -> Result<(), TxError> {
    ctx.emit(Event::DealAgreed { deal: deal.id });
    let time = ready_time_ms(ctx.parameters(), listing.segments);
    let ready = deal.ready;
    deal.enter(ctx, Stage::Agreed, Some(ctx.uptime_ms().saturating_add(time)));
    if ready { make_ready(ctx, deal) } else { Ok(()) }
}

/// The buyer waits for the key from now on: bond and place are taken, or the deal ends.
fn make_ready(ctx: &mut Context<'_>, mut deal: Deal) -> Result<(), TxError> {
    deal.ready = true;
    if !escrow::take_seat(ctx, &mut deal)? {
        return escrow::terminate(ctx, deal, Termination::NoSeat);
    }
    let deadline_ms = ctx.uptime_ms().saturating_add(ctx.parameters().deliver_ms);
    deal.enter(ctx, Stage::Ready, Some(deadline_ms));
    ctx.emit(Event::DealReady { deal: deal.id, deliver_by_ms: deadline_ms });
    Ok(())
}

impl ReviewDeal {
    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let deal = ctx.deal_at(&self.deal, Stage::Requested)?;
        if deal.listing.institution != self.institution {
            return Err(TxError::NotYourDeal { deal: self.deal });
        }
        if self.accept {
            let listing = ctx.listing(&deal.listing)?;
            agree(ctx, deal, &listing)
        } else {
            escrow::terminate(ctx, deal, Termination::Refused { reason: self.reason.clone() })
        }
    }
}

impl Ready {
    pub(crate) fn execute(
        &self,
        ctx: &mut Context<'_>,
        authority: &Authority,
    ) -> Result<(), TxError> {
        let deal = ctx.deal_at(&self.deal, Stage::Agreed)?;
        authority.require_deal_key(&deal.auth_key)?;
        make_ready(ctx, deal)
    }
}
