//! What a subscriber does: claims later versions, and renews. A claim is a deal with one-time keys of its
//! own, kept like any other; the key of the first deal authorises it.

use galen_api::SubscriptionView;
use galen_market::action::Action;
use galen_market::action::trade::{ClaimVersion, RenewSubscription};
use galen_market::amount::{Amount, Money};
use galen_market::deal::claim_id;
use galen_market::fee::FeePayer;
use galen_market::id::PackageId;
use galen_market::listing::ListingId;
use galen_market::payment::Funding;
use galen_market::transaction::Transaction;
use galen_zk::point::JubPoint;

use super::purchase::{Buyer, DealRecord, DealStore, allowance};
use crate::error::{Exit, Failure};
use crate::session::{Done, Draft, Session, account_of};
use crate::wallet::Wallet;
use crate::wallet::derive::AccountKey;

/// The deals of a home directory that began a subscription, with what became of it.
///
/// # Errors
/// When a record is damaged, or the node cannot be reached.
pub fn all(
    session: &Session,
    store: &DealStore,
) -> Result<Vec<(DealRecord, SubscriptionView)>, Failure> {
    let mut found = Vec::new();
    for record in store.all()? {
        match session.client().subscription(&record.deal) {
            Ok(view) => found.push((record, view)),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// Claims a version for the subscription that a deal began: the newest if none is named.
///
/// # Errors
/// When there is nothing to claim, money for the fees is missing, or the ledger refuses.
pub fn claim(
    session: &Session,
    wallet: &Wallet,
    store: &DealStore,
    first: &DealRecord,
    package: Option<PackageId>,
    payer: &AccountKey,
) -> Result<(DealRecord, Done), Failure> {
    let view = session.client().subscription(&first.deal)?;
    let package = package.unwrap_or(view.newest.package);
    if package == first.listing.package {
        return Err(Failure::new(
            Exit::RefusedPurchase,
            "subscription.nothing",
            "there is no later version than the one that was bought",
        )
        .remedy("look again later; `galen subscription show` says which version is the newest"));
    }
    let before = view.claims.iter().find(|claimed| claimed.package == package);
    let claims = before.map_or(0, |claimed| claimed.claim.claims);
    let number = store.next_number()?;
    let index = number.index;
    let keys = wallet.deal(index);
    let delivery_key = JubPoint::generator()
        .times(&keys.delivery)
        .map_err(|_| Failure::new(Exit::Key, "key.deal", "the deal's key is not usable"))?;
    let action = Action::ClaimVersion(ClaimVersion {
        subscription: first.deal,
        package,
        allowance: allowance(session, &first.price)?,
        funding: Funding::Account(account_of(payer)),
        delivery_key,
        auth_key: account_of(&keys.authorisation),
        ready: false,
    });
    let currency = first.price.currency.clone();
    let record = DealRecord {
        index,
        deal: claim_id(&first.deal, &package, claims),
        listing: ListingId { package, ..first.listing },
        price: Money { currency: currency.clone(), amount: Amount::ZERO },
        purpose: first.purpose.clone(),
        folder: None,
    };
    let subscriber = wallet.deal(first.index);
    let draft = Draft::new(vec![action], vec![payer])
        .paid_by(FeePayer::Account(account_of(payer)), currency)
        .with_deal_key(&subscriber.authorisation);
    let done = store.while_sent(session, &number, &record, || session.run(&draft))?;
    Ok((record, done))
}

/// Pays for a further term under the present offer of the newest version; gives what it costs.
///
/// # Errors
/// When the offer has no such tier, the credential does not fit, money is missing, or the ledger
/// refuses.
pub fn renew(
    buyer: &Buyer<'_>,
    first: &DealRecord,
    tier: Option<&str>,
) -> Result<(Money, Done), Failure> {
    let session = buyer.session;
    let view = session.client().subscription(&first.deal)?;
    let newest = session.client().listing(&view.newest)?;
    let offer = &newest.summary.offer;
    let last = view.subscription.terms.last().map(|term| term.tier.to_string());
    let wanted = tier.map(str::to_owned).or(last).unwrap_or_default();
    let refuse = |what: String| {
        Failure::new(Exit::RefusedPurchase, "purchase.tier", what)
            .remedy("choose a tier of the newest version's offer that has a subscription: see `galen dataset show`")
    };
    let found = offer.tiers.iter().find(|tier| tier.name.as_str() == wanted);
    let tier = found.ok_or_else(|| refuse(format!("the offer has no tier `{wanted}`")))?;
    let terms = tier
        .subscription
        .ok_or_else(|| refuse(format!("the tier `{wanted}` has no subscription")))?;
    let price = Money { currency: tier.price.currency.clone(), amount: terms.price };
    let action = Action::RenewSubscription(RenewSubscription {
        subscription: first.deal,
        institution: view.newest.institution,
        package: view.newest.package,
        version: newest.summary.listing.version,
        tier: tier.name.clone(),
        terms: tier.agreement(&offer.terms),
        price: price.clone(),
        funding: Funding::Account(account_of(buyer.payer)),
    });
    let subscriber = buyer.wallet.deal(first.index);
    let done = buyer.each_use(&newest, &view.subscription.purpose, |shown| {
        let show = |transaction: &Transaction| shown.present(transaction);
        let draft = Draft::new(vec![action.clone()], vec![buyer.payer])
            .paid_by(FeePayer::Account(account_of(buyer.payer)), price.currency.clone())
            .with_deal_key(&subscriber.authorisation)
            .showing(&show);
        session.run(&draft)
    })?;
    Ok((price, done))
}
