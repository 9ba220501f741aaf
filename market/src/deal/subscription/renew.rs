//! A subscriber pays for a further term, which begins where the last one ends. The present offer of the
//! newest version is agreed to, and a credential shows that its terms still allow the purpose.

use super::*;
use crate::action::trade::RenewSubscription;

impl RenewSubscription {
    pub(crate) fn execute(
        &self,
        ctx: &mut Context<'_>,
        authority: &Authority,
    ) -> Result<(), TxError> {
        let credential = authority.credential()?;
        let mut subscription = ctx.subscribed(&self.subscription, authority)?;
        let newest = ctx.newest(&subscription.listing)?;
        if newest.id != (ListingId { institution: self.institution, package: self.package }) {
            return Err(TxError::Superseded { by: newest.id.package });
        }
        open::takes_requests(ctx, &newest)?;
        if let Some(deal) = subscription.denied {
            return Err(TxError::NotRenewable { what: format!("the claim {deal} was not served") });
        }
        let refuse = |what: &str| TxError::NotRenewable { what: what.to_owned() };
        let version = newest.version;
        let offer = ctx.offer(&newest.id, version)?;
        let tier = offer.tier(&self.tier)?;
        let terms = tier.subscription.ok_or_else(|| refuse("the tier has no subscription"))?;
        let agreement =
            open::agreement(&offer, version, tier, subscription.seats, &subscription.purpose)?;
        let price = Money { currency: agreement.price.currency.clone(), amount: terms.price };
        if self.version != version || self.terms != agreement.terms || self.price != price {
            return Err(TxError::OfferChanged { version });
        }
        if ctx.deal(&subscription.id)?.price.currency != price.currency {
            return Err(refuse("the offer is in another currency than the subscription"));
        }
        let decision = offer.terms.decide(&subscription.purpose, &credential.proven());
        if !decision.is_open() {
            return Err(refuse("the terms do not allow the purpose any more"));
        }
        let mut paid = subscription.terms.to_vec();
        paid.push(Term {
            package: newest.id.package,
            version,
            tier: agreement.tier,
            terms: agreement.terms,
            price: price.clone(),
            left: price.amount,
            months: terms.months,
        });
        subscription.terms = Bounded::new(paid)
            .map_err(|_| refuse("eight terms are paid for already; wait until one is over"))?;
        subscription.decision = decision;
        let escrow = Purse::Subscription(subscription.id);
        ctx.transfer(&self.funding.purse(), &escrow, &price.asset(), price.amount)?;
        ctx.put(&state_key::subscription(&subscription.id), &subscription);
        let (months, subscription) = (terms.months, subscription.id);
        ctx.emit(Event::SubscriptionRenewed { subscription, months, money: price });
        Ok(())
    }
}
