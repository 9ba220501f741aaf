//! The buyer's side before the key: request, review, ready.

use super::open::{self, BuyerKeys, Opening, Origin};
use super::*;
use crate::action::trade::{Ready, RequestDeal, ReviewDeal};
use crate::authority::Authority;
use crate::id::Hasher;
use crate::listing::{Listing, Offer};
use crate::wanted::Shown;

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
        let listing =
            ctx.listing(&ListingId { institution: self.institution, package: self.package })?;
        open::takes_requests(ctx, &listing)?;
        let (offer, agreement) = self.agreement(ctx, &listing)?;
        let opening = Opening {
            id: DealId(Hasher::new("galen/deal").value(&credential.nullifier).digest().0),
            origin: Origin::Request,
            listing: &listing,
            agreement,
            purpose: self.purpose.clone(),
            decision: offer.terms.decide(&self.purpose, &credential.proven()),
            payer: self.funding.purse(),
            allowance: self.allowance,
            buyer: BuyerKeys {
                refund: self.refund.clone(),
                delivery_key: self.delivery_key,
                auth_key: self.auth_key,
            },
            ready: self.ready,
        };
        opening.open(ctx)
    }

    /// The present offer and what it comes to, if the buyer speaks of the same.
    fn agreement(
        &self,
        ctx: &Context<'_>,
        listing: &Listing,
    ) -> Result<(Offer, open::Agreement), TxError> {
        let version = listing.version;
        let offer = ctx.offer(&listing.id, version)?;
        let changed = TxError::OfferChanged { version };
        if self.version != version {
            return Err(changed);
        }
        let tier = offer.tier(&self.tier)?;
        let agreement = open::agreement(&offer, version, tier, self.seats, &self.purpose)?;
        if let Some(by) = listing.superseded_by.filter(|_| tier.subscription.is_some()) {
            return Err(TxError::Superseded { by });
        }
        if let Some(max) = offer.sold_out(listing) {
            return Err(TxError::SoldOut { max });
        }
        let same = self.terms == agreement.terms && self.price == agreement.price;
        if same { Ok((offer, agreement)) } else { Err(changed) }
    }
}

impl ReviewDeal {
    pub(crate) fn execute(&self, ctx: &mut Context<'_>) -> Result<(), TxError> {
        let deal = ctx.deal_at(&self.deal, Stage::Requested)?;
        if deal.listing.institution != self.institution {
            return Err(TxError::NotYourDeal { deal: self.deal });
        }
        if self.accept {
            let listing = ctx.listing(&deal.listing)?;
            open::agree(ctx, deal, &listing)
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
        if let Origin::Standing { .. } = deal.origin {
            // The credential with which the request was posted may be long gone.
            let shown = Shown::of(authority.credential()?)?;
            let offer = ctx.offer(&deal.listing, deal.version)?;
            if !shown.decide(&offer.terms, &deal.purpose).is_open() {
                return Err(TxError::NoLongerQualified { deal: deal.id });
            }
        } else if authority.credential.is_some() {
            return Err(TxError::CredentialNotUsed);
        }
        open::make_ready(ctx, deal)
    }
}
