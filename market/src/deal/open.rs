//! How every deal begins, whatever asked for it: the decision is written down, price and allowance go
//! into escrow, the institution reviews if its terms say so, and both sides agree.
//!
//! A request, and whatever else leads to a deal, works out *what* is agreed and who pays; from there on
//! all deals are one.

use super::*;
use crate::event::Event;
use crate::genesis::Parameters;
use crate::id::{PackageId, StandingId};
use crate::listing::{Listing, Offer, Standing, Tier, TierName};
use crate::payment::{DealPurse, Purse};
use crate::terms::Outcome;

/// What led to a deal.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Origin {
    /// A request for this very listing.
    Request,
    /// A subscriber claims a later version, at no price and under the terms of the subscription.
    Claim {
        /// The subscription, by its first deal.
        subscription: DealId,
        /// The package under whose offer the subscription runs.
        package: PackageId,
        /// The version of that offer.
        version: u32,
    },
    /// A standing request that the ledger matched.
    Standing {
        /// Which one.
        standing: StandingId,
    },
}

/// What both sides of a deal agree to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Agreement {
    /// The version of the offer.
    pub version: u32,
    /// The tier.
    pub tier: TierName,
    /// Named users.
    pub seats: u32,
    /// Hash of terms and tier.
    pub terms: Digest,
    /// The price.
    pub price: Money,
    /// The up-time in milliseconds that the institution has for a review, if there is one.
    pub review_ms: Option<u64>,
    /// Whether it reviews whatever the decision says.
    pub review_all: bool,
}

/// The buyer's side of a deal: keys made for this deal alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BuyerKeys {
    /// Where money goes back to.
    pub refund: Refund,
    /// The key to which the master key is encrypted.
    pub delivery_key: JubPoint,
    /// The key that signs `ready` and disputes.
    pub auth_key: AccountId,
}

/// Everything that a deal begins with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Opening<'l> {
    /// The deal's name, which no deal has had.
    pub id: DealId,
    /// What led to it.
    pub origin: Origin,
    /// What is bought; it takes requests.
    pub listing: &'l Listing,
    /// What is agreed to.
    pub agreement: Agreement,
    /// What the buyer wants to do.
    pub purpose: Purpose,
    /// What each clause of the terms said to that.
    pub decision: Decision,
    /// Who pays price and allowance, unless the decision refuses.
    pub payer: Purse,
    /// What the deal's own actions may spend on fees.
    pub allowance: Amount,
    /// The buyer's keys.
    pub buyer: BuyerKeys,
    /// Whether the buyer holds every ciphertext already.
    pub ready: bool,
}

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

impl Opening<'_> {
    /// Opens the deal.
    ///
    /// # Errors
    /// [`TxError::AllowanceTooSmall`], [`TxError::NullifierUsed`] if there is such a deal, or the
    /// payer's purse holds too little.
    pub fn open(self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let Self { id, origin, listing, agreement, purpose, decision, payer, buyer, .. } = self;
        let Agreement { version, tier, seats, terms, price, review_ms, review_all } = agreement;
        let least = ctx.currency(&price.currency)?.fees.deal_allowance()?;
        if self.allowance < least {
            return Err(TxError::AllowanceTooSmall { least, got: self.allowance });
        }
        if ctx.get(&state_key::deal(&id))?.is_some() {
            return Err(TxError::NullifierUsed);
        }
        let asset = price.asset();
        let mut deal = Deal {
            id,
            origin,
            listing: listing.id,
            version,
            tier,
            seats,
            terms,
            price,
            purpose,
            decision,
            refund: buyer.refund,
            delivery_key: buyer.delivery_key,
            auth_key: buyer.auth_key,
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
        if !deal.decision.is_open() {
            // The ledger keeps the decision, and no price was taken that could be lost on the way back.
            return escrow::terminate(ctx, deal, Termination::TermsRefuse);
        }
        let escrow = Purse::Deal(id, DealPurse::Price);
        ctx.transfer(&payer, &escrow, &asset, deal.price.amount)?;
        let allowance = Purse::Deal(id, DealPurse::Allowance);
        ctx.transfer(&payer, &allowance, &asset, self.allowance)?;
        let reviewed = review_all || deal.decision.outcome == Outcome::NeedsReview;
        match review_ms.filter(|_| reviewed) {
            Some(review_ms) => {
                let deadline_ms = ctx.uptime_ms().saturating_add(review_ms);
                deal.enter(ctx, Stage::Requested, Some(deadline_ms));
                Ok(())
            }
            None => agree(ctx, deal, listing),
        }
    }
}

/// That a listing takes requests now.
///
/// # Errors
/// When its institution may not act or is stopped, or it is not live.
pub(crate) fn takes_requests(ctx: &Context<'_>, listing: &Listing) -> Result<(), TxError> {
    let institution = listing.id.institution;
    ctx.institution(&institution)?;
    match listing.standing {
        Standing::Live => {}
        Standing::Refunded { .. } => return Err(TxError::PackageRefunded),
        Standing::TakenDown => return Err(TxError::ListingTakenDown),
        Standing::Draft { .. } | Standing::Withdrawn => return Err(TxError::ListingNotLive),
    }
    if ctx.get(&state_key::stop(&institution))?.is_some() {
        return Err(TxError::ListingsStopped { institution });
    }
    Ok(())
}

/// What a tier of a version of an offer comes to for a purpose.
///
/// # Errors
/// [`TxError::TierNotForPurpose`], or the number of seats is none that the tier is sold for.
pub(crate) fn agreement(
    offer: &Offer,
    version: u32,
    tier: &Tier,
    seats: u32,
    purpose: &Purpose,
) -> Result<Agreement, TxError> {
    if !tier.is_for(purpose) {
        return Err(TxError::TierNotForPurpose { tier: tier.name.to_string() });
    }
    Ok(Agreement {
        version,
        tier: tier.name.clone(),
        seats,
        terms: tier.agreement(&offer.terms),
        price: tier.total(seats)?,
        review_ms: offer.terms.review_ms,
        review_all: offer.terms.review_all,
    })
}

/// Both sides agree: the buyer has time to fetch the ciphertext, unless it is ready already.
pub(super) fn agree(
    ctx: &mut Context<'_>,
    mut deal: Deal,
    listing: &Listing,
) -> Result<(), TxError> {
    ctx.emit(Event::DealAgreed { deal: deal.id });
    let time = ready_time_ms(ctx.parameters(), listing.segments);
    let ready = deal.ready;
    deal.enter(ctx, Stage::Agreed, Some(ctx.uptime_ms().saturating_add(time)));
    if ready { make_ready(ctx, deal) } else { Ok(()) }
}

/// The buyer waits for the key from now on: bond, place and licence are taken, or the deal ends.
pub(super) fn make_ready(ctx: &mut Context<'_>, mut deal: Deal) -> Result<(), TxError> {
    deal.ready = true;
    match escrow::take_seat(ctx, &mut deal)? {
        escrow::Seat::Taken => {}
        seat => {
            if seat == escrow::Seat::Unserved {
                subscription::claim_denied(ctx, &deal)?;
            }
            return escrow::terminate(ctx, deal, Termination::NoSeat);
        }
    }
    let deadline_ms = ctx.uptime_ms().saturating_add(ctx.parameters().deliver_ms);
    deal.enter(ctx, Stage::Ready, Some(deadline_ms));
    ctx.emit(Event::DealReady { deal: deal.id, deliver_by_ms: deadline_ms });
    Ok(())
}
