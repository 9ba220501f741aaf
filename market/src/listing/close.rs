//! How a listing stops taking requests and takes them again: withdrawn by its institution, taken down by
//! the registrars, revised, resumed after a missed delivery.

use super::*;
use crate::action::trade::{ResumeListings, ReviseListing, TakeDownListing, WithdrawListing};
use crate::deadline::{self, Due};
use crate::event::Event;

impl WithdrawListing {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        require_reason(&self.reason)
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let id = ListingId { institution: self.institution, package: self.package };
        let mut listing = ctx.listing(&id)?;
        match listing.standing {
            Standing::Draft { expires_ms, .. } => {
                deadline::remove(ctx, expires_ms, &Due::Draft(id));
                listing.forget_draft(ctx)?;
            }
            Standing::Live => {
                listing.standing = Standing::Withdrawn;
                listing.closing = Some(closing(ctx, &self.reason, None));
                ctx.put_listing(&listing);
            }
            Standing::Withdrawn => return Err(TxError::ListingNotLive),
            Standing::TakenDown => return Err(TxError::ListingTakenDown),
            Standing::Refunded { .. } => return Err(TxError::PackageRefunded),
        }
        ctx.emit(Event::ListingWithdrawn { listing: id, reason: self.reason.clone() });
        Ok(())
    }
}

impl TakeDownListing {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        require_reason(&self.reason)
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let id = ListingId { institution: self.institution, package: self.package };
        let mut listing = ctx.listing(&id)?;
        match listing.standing {
            Standing::Draft { expires_ms, .. } => {
                deadline::remove(ctx, expires_ms, &Due::Draft(id));
                listing.return_deposit(ctx)?;
                listing.forget_progress(ctx)?;
                listing.forget_blocks(ctx)?;
            }
            Standing::Live | Standing::Withdrawn => {}
            Standing::TakenDown => return Err(TxError::ListingTakenDown),
            Standing::Refunded { .. } => return Err(TxError::PackageRefunded),
        }
        listing.standing = Standing::TakenDown;
        listing.closing = Some(closing(ctx, &self.reason, Some(self.evidence)));
        ctx.put_listing(&listing);
        let (reason, evidence) = (self.reason.clone(), self.evidence);
        ctx.emit(Event::ListingTakenDown { listing: id, reason, evidence });
        crate::deal::queue_takedown(ctx, &id, None)
    }
}

fn closing(ctx: &Context<'_>, reason: &Text<500>, evidence: Option<Digest>) -> Closing {
    Closing { reason: reason.clone(), evidence, since_ms: ctx.time_ms() }
}

fn require_reason(reason: &Text<500>) -> Result<(), TxError> {
    if reason.as_str().trim().is_empty() { Err(TxError::ReasonRequired) } else { Ok(()) }
}

impl ReviseListing {
    pub(crate) fn check(&self) -> Result<(), TxError> {
        self.offer.check()
    }

    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        self.offer.admissible(ctx)?;
        let id = ListingId { institution: self.institution, package: self.package };
        let mut listing = ctx.listing(&id)?;
        match listing.standing {
            Standing::Live | Standing::Withdrawn => {}
            Standing::Draft { .. } => return Err(TxError::ListingNotLive),
            Standing::TakenDown => return Err(TxError::ListingTakenDown),
            Standing::Refunded { .. } => return Err(TxError::PackageRefunded),
        }
        share::check_royalties(&self.offer.shares, &listing.royalties)?;
        listing.version = listing.version.checked_add(1).ok_or(TxError::ListingNotLive)?;
        listing.standing = Standing::Live;
        listing.closing = None;
        ctx.put(&state_key::offer(&id, listing.version), &self.offer);
        ctx.put_listing(&listing);
        ctx.emit(Event::ListingLive { listing: id, version: listing.version });
        crate::wanted::listing_offers(ctx, &id)
    }
}

impl ResumeListings {
    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let key = state_key::stop(&self.institution);
        if ctx.get(&key)?.is_none() {
            return Err(TxError::NotStopped);
        }
        ctx.delete(&key);
        ctx.emit(Event::ListingsResumed { institution: self.institution });
        crate::wanted::institution_returns(ctx, &self.institution)
    }
}
