//! A subscriber claims a later version.

use super::*;
use crate::action::trade::ClaimVersion;
use crate::deal::open::{Agreement, BuyerKeys, Opening};
use crate::id::Hasher;

/// The deal of a subscription's claim of a version, of which there were so many before.
#[must_use]
pub fn claim_id(subscription: &DealId, package: &PackageId, claims: u32) -> DealId {
    let name = Hasher::new("galen/claim").value(subscription).value(package).value(&claims);
    DealId(name.digest().0)
}

impl ClaimVersion {
    pub(crate) fn execute(
        &self,
        ctx: &mut Context<'_>,
        authority: &Authority,
    ) -> Result<(), TxError> {
        let subscription = ctx.subscribed(&self.subscription, authority)?;
        let listing = ctx.listing(&ListingId { package: self.package, ..subscription.listing })?;
        open::takes_requests(ctx, &listing)?;
        if !ctx.supersedes(&listing, &subscription.listing.package)? {
            return Err(TxError::NotInSubscription { listing: listing.id });
        }
        let key = state_key::claim(&subscription.id, &self.package);
        let claims = match ctx.get(&key)? {
            None => 0,
            Some(Claim { deal, claims }) => {
                if ctx.deal(&deal)?.stage != Stage::Terminated {
                    return Err(TxError::AlreadyClaimed { deal });
                }
                claims
            }
        };
        if claims >= MAX_CLAIMS {
            return Err(TxError::TooManyClaims { max: MAX_CLAIMS });
        }
        let deal = claim_id(&subscription.id, &self.package, claims);
        ctx.put(&key, &Claim { deal, claims: claims.saturating_add(1) });
        let term = subscription.running()?;
        let opening = Opening {
            id: deal,
            origin: Origin::Claim {
                subscription: subscription.id,
                package: term.package,
                version: term.version,
            },
            listing: &listing,
            agreement: Agreement {
                version: listing.version,
                tier: term.tier.clone(),
                seats: subscription.seats,
                terms: term.terms,
                price: Money { currency: term.price.currency.clone(), amount: Amount::ZERO },
                // The institution accepted the subscriber when the subscription was bought.
                review_ms: None,
                review_all: false,
            },
            purpose: subscription.purpose.clone(),
            decision: subscription.decision.clone(),
            payer: self.funding.purse(),
            allowance: self.allowance,
            buyer: BuyerKeys {
                refund: subscription.refund.clone(),
                delivery_key: self.delivery_key,
                auth_key: self.auth_key,
            },
            ready: self.ready,
        };
        opening.open(ctx)
    }
}
